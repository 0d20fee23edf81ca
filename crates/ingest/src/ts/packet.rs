//! Transport packets (ITU-T H.222.0 §2.4.3).

/// Bytes of a packet.
pub(super) const PACKET_BYTES: usize = 188;
/// What every packet begins with (§2.4.3.3).
pub(super) const SYNC: u8 = 0x47;

/// A packet as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    /// Which stream it belongs to, 13 bits.
    pub(super) pid: u16,
    /// Whether a section or PES packet begins in it.
    pub(super) begins: bool,
    /// Whether it says itself that the count does not go on from the one before.
    pub(super) discontinuity: bool,
    /// Counts the packets of its stream that have a payload, in 4 bits.
    pub(super) count: u8,
    /// `None` where there is none.
    pub(super) payload: Option<&'a [u8]>,
}

impl<'a> Packet<'a> {
    /// Reads a packet. `None` for one that was damaged before it was sent, is scrambled, or contradicts itself: it
    /// counts as lost.
    pub(super) fn read(bytes: &'a [u8; PACKET_BYTES]) -> Option<Self> {
        let [sync, first, second, control, rest @ ..] = bytes;
        let (damaged, scrambled) = (first & 0x80 != 0, control & 0xC0 != 0);
        if *sync != SYNC || damaged || scrambled {
            return None;
        }
        let mut packet = Packet {
            pid: u16::from_be_bytes([first & 0x1F, *second]),
            begins: first & 0x40 != 0,
            discontinuity: false,
            count: control & 0x0F,
            payload: None,
        };
        let mut rest = &rest[..];
        if control & 0x20 != 0 {
            let (length, field) = rest.split_first()?;
            let (field, after) = field.split_at_checked(usize::from(*length))?;
            packet.discontinuity = field.first().is_some_and(|flags| flags & 0x80 != 0);
            rest = after;
        }
        if control & 0x10 != 0 {
            packet.payload = Some(rest);
        }
        Some(packet)
    }
}

/// Watches the count of one stream (§2.4.3.3, `continuity_counter`).
#[derive(Default)]
pub(super) struct Continuity {
    last: Option<u8>,
    repeated: bool,
}

/// What a packet with a payload is to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// The next one.
    Next,
    /// The same once more, which a sender may do.
    Again,
    /// One or more are missing.
    Gap,
}

impl Continuity {
    pub(super) const fn new() -> Self {
        Self { last: None, repeated: false }
    }

    pub(super) fn next(&mut self, count: u8, discontinuity: bool) -> Follows {
        let last = self.last.replace(count);
        match last {
            Some(last) if last == count && !discontinuity && !self.repeated => {
                self.repeated = true;
                return Follows::Again;
            }
            _ => self.repeated = false,
        }
        match last {
            Some(last) if count != (last + 1) & 0x0F && !discontinuity => Follows::Gap,
            _ => Follows::Next,
        }
    }
}

/// Cuts a stream of bytes into packets.
#[derive(Default)]
pub(super) struct Cutter {
    /// The beginning of a packet whose end has not come.
    held: Vec<u8>,
    /// Bytes since the last packet.
    astray: usize,
}

impl Cutter {
    /// Hands each whole packet to `take`. Bytes between packets are passed over; how many that were since the last
    /// packet is the result.
    pub(super) fn cut<E>(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(&[u8; PACKET_BYTES]) -> Result<(), E>,
    ) -> Result<usize, E> {
        while !bytes.is_empty() {
            if self.held.is_empty() {
                let at = bytes.iter().position(|byte| *byte == SYNC).unwrap_or(bytes.len());
                self.astray += at;
                bytes = &bytes[at..];
            }
            let wanted = bytes.len().min(PACKET_BYTES - self.held.len());
            let (now, later) = bytes.split_at(wanted);
            bytes = later;
            if let (true, Ok(whole)) = (self.held.is_empty(), now.try_into()) {
                self.whole(whole, later.first(), &mut take)?;
                continue;
            }
            self.held.extend_from_slice(now);
            let held = std::mem::take(&mut self.held);
            match <&[u8; PACKET_BYTES]>::try_from(&held[..]) {
                Ok(whole) => self.whole(whole, later.first(), &mut take)?,
                Err(_) => self.held = held,
            }
        }
        Ok(self.astray)
    }

    /// A packet that is not followed by another was none: a byte that happened to be the one that begins them.
    fn whole<E>(
        &mut self,
        packet: &[u8; PACKET_BYTES],
        next: Option<&u8>,
        take: &mut impl FnMut(&[u8; PACKET_BYTES]) -> Result<(), E>,
    ) -> Result<(), E> {
        if next.is_some_and(|next| *next != SYNC) {
            self.astray += PACKET_BYTES;
            return Ok(());
        }
        self.astray = 0;
        take(packet)
    }
}
