//! The plain handshake (RTMP 1.0 §5.2). Encoders do without Flash Player's digests.

use bytes::{Buf, BufMut, BytesMut};

use crate::Fault;

/// Bytes of C1, C2, S1 and S2.
pub(super) const PACKET: usize = 1_536;
pub(super) const VERSION: u8 = 3;
/// Unpredictable bytes of C1 and of S1.
pub const RANDOM: usize = PACKET - 8;

pub(super) struct Handshake {
    random: [u8; RANDOM],
    greeted: bool,
}

impl Handshake {
    pub(super) const fn new(random: [u8; RANDOM]) -> Self {
        Self { random, greeted: false }
    }

    /// Whether the handshake is done.
    pub(super) fn step(&mut self, input: &mut BytesMut, output: &mut BytesMut) -> Result<bool, Fault> {
        if !self.greeted {
            if input.first().is_some_and(|first| *first != VERSION) {
                return Err(Fault::NotRtmp(input[0]));
            }
            if input.len() <= PACKET {
                return Ok(false);
            }
            self.greet(&input.split_to(1 + PACKET)[1..], output);
        }
        if input.len() < PACKET {
            return Ok(false);
        }
        // C2 should repeat S1. Clients that expect digests send something else, so nothing is made of it.
        input.advance(PACKET);
        Ok(true)
    }

    fn greet(&mut self, c1: &[u8], output: &mut BytesMut) {
        output.reserve(1 + 2 * PACKET);
        output.put_u8(VERSION);
        output.put_u64(0);
        output.put_slice(&self.random);
        output.put_slice(c1);
        self.greeted = true;
    }
}
