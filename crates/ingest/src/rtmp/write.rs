//! Messages become chunks (RTMP 1.0 §5.3.1): a full header, then continuations.

use bytes::{BufMut, BytesMut};

/// Of the chunks that are sent, in bytes; said right after the handshake.
pub(super) const CHUNK_SIZE: usize = 4_096;
/// A timestamp field that says that four more bytes follow.
const EXTENDED: u32 = 0x00FF_FFFF;

/// What stands before a message's body.
#[derive(Clone, Copy)]
pub(super) struct Head {
    /// 2 to 63.
    pub(super) chunk_stream: u8,
    /// The message type (RTMP 1.0 §6.1.1).
    pub(super) kind: u8,
    /// The message stream (RTMP 1.0 §5.3.1.2.1).
    pub(super) message_stream: u32,
    /// In milliseconds, modulo 2^32.
    pub(super) timestamp: u32,
}

/// Appends a message of less than 2^24 bytes in chunks of [`CHUNK_SIZE`].
pub(super) fn message(out: &mut BytesMut, head: Head, body: &[u8]) {
    let length = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
    let extended = head.timestamp >= EXTENDED;
    out.put_u8(head.chunk_stream);
    out.put_slice(&head.timestamp.min(EXTENDED).to_be_bytes()[1..]);
    out.put_slice(&length[1..]);
    out.put_u8(head.kind);
    out.put_u32_le(head.message_stream);
    for (index, chunk) in body.chunks(CHUNK_SIZE).enumerate() {
        if index > 0 {
            out.put_u8(0xC0 | head.chunk_stream);
        }
        if extended {
            out.put_u32(head.timestamp);
        }
        out.put_slice(chunk);
    }
}
