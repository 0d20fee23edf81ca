//! PES packets of one stream (ITU-T H.222.0 §2.4.3.6).

use bytes::{Bytes, BytesMut};

/// What every PES packet begins with.
const START_CODE: [u8; 3] = [0, 0, 1];
/// Up to and with the length of the rest of the header.
const HEAD_BYTES: usize = 9;

/// A PES packet whose payload is whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pes {
    /// When it is shown, in 90,000ths of a second, 33 bits.
    pub(super) pts: Option<u64>,
    /// When it is decoded, where that differs.
    pub(super) dts: Option<u64>,
    pub(super) payload: Bytes,
}

/// Bytes that contradict themselves, or are more than is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Puts PES packets together.
pub(super) struct Assembly {
    /// `None` until one begins.
    held: Option<BytesMut>,
    bytes_max: usize,
}

impl Assembly {
    pub(super) const fn new(bytes_max: usize) -> Self {
        Self { held: None, bytes_max }
    }

    /// Something did not come: what has begun is given up.
    pub(super) fn lost(&mut self) {
        self.held = None;
    }

    /// Takes a payload. What it ends comes out: the packet before where another begins, or this one where it says how
    /// long it is. Packets of pictures mostly do not say.
    pub(super) fn push(&mut self, begins: bool, payload: &[u8]) -> [Option<Result<Pes, Malformed>>; 2] {
        let before = if begins { self.flush() } else { None };
        if begins {
            self.held = Some(BytesMut::with_capacity(payload.len()));
        }
        let Some(held) = &mut self.held else { return [before, None] };
        if held.len() + payload.len() > self.bytes_max {
            self.held = None;
            return [before, Some(Err(Malformed))];
        }
        held.extend_from_slice(payload);
        let whole = stated_length(held).is_some_and(|length| held.len() >= length);
        [before, whole.then(|| self.flush()).flatten()]
    }

    /// Ends what has begun.
    pub(super) fn flush(&mut self) -> Option<Result<Pes, Malformed>> {
        let bytes = self.held.take()?.freeze();
        Some(read(&bytes).ok_or(Malformed))
    }
}

/// The length of a whole packet that says it (`PES_packet_length`).
fn stated_length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [_, _, _, _, 0, 0, ..] => None,
        [_, _, _, _, high, low, ..] => Some(6 + usize::from(u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

fn read(bytes: &Bytes) -> Option<Pes> {
    let head = bytes.get(..HEAD_BYTES)?;
    let marked = head[..3] == START_CODE && head[6] & 0xC0 == 0x80;
    let fields = bytes.get(HEAD_BYTES..HEAD_BYTES + usize::from(head[8])).filter(|_| marked)?;
    let (pts, dts) = match head[7] >> 6 {
        0b10 => (Some(time(fields.get(..5)?)?), None),
        0b11 => (Some(time(fields.get(..5)?)?), Some(time(fields.get(5..10)?)?)),
        _ => (None, None),
    };
    let end = match stated_length(bytes) {
        Some(length) if length > bytes.len() => return None,
        length => length.unwrap_or(bytes.len()),
    };
    let payload = HEAD_BYTES + fields.len();
    (payload <= end).then(|| Pes { pts, dts, payload: bytes.slice(payload..end) })
}

/// 33 bits with markers between them (§2.4.3.6, figures of `PTS` and `DTS`).
fn time(field: &[u8]) -> Option<u64> {
    let &[a, b, c, d, e] = field else { return None };
    let marked = a & c & e & 1 == 1;
    let bits = u64::from(a & 0x0E) << 29
        | u64::from(b) << 22
        | u64::from(c & 0xFE) << 14
        | u64::from(d) << 7
        | u64::from(e >> 1);
    marked.then_some(bits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(time: u64) -> [u8; 5] {
        let byte = |shift: u32| (time >> shift & 0xFF) as u8;
        [
            0x21 | (time >> 29 & 0x0E) as u8,
            byte(22),
            (time >> 14 & 0xFE) as u8 | 1,
            byte(7),
            (time << 1 & 0xFE) as u8 | 1,
        ]
    }

    fn packet(length: u16, pts: u64, payload: &[u8]) -> Vec<u8> {
        let head = [&[0, 0, 1, 0xE0][..], &length.to_be_bytes(), &[0x80, 0x80, 5]].concat();
        [&head, &field(pts)[..], payload].concat()
    }

    #[test]
    fn a_packet_ends_where_it_says_or_where_the_next_begins() {
        let mut assembly = Assembly::new(1_000);
        let stated = packet(11, 7, b"abc");
        assert_eq!(assembly.push(true, &stated[..10]), [None, None]);
        let whole = Pes { pts: Some(7), dts: None, payload: Bytes::from_static(b"abc") };
        assert_eq!(assembly.push(false, &stated[10..]), [None, Some(Ok(whole))]);
        let open = packet(0, 1 << 32, b"de");
        assert_eq!(assembly.push(true, &open), [None, None]);
        let [Some(Ok(before)), None] = assembly.push(true, &open) else { panic!("a packet") };
        assert_eq!((before.pts, &before.payload[..]), (Some(1 << 32), &b"de"[..]));
        assert!(assembly.flush().is_some() && assembly.flush().is_none());
    }

    #[test]
    fn what_is_cut_too_long_or_contradicts_itself_is_no_packet() {
        let mut assembly = Assembly::new(40);
        let stated = packet(20, 7, b"abc");
        assembly.push(true, &stated);
        assert_eq!(assembly.flush(), Some(Err(Malformed)));
        assembly.push(true, &packet(0, 7, b"abc"));
        assert_eq!(assembly.push(false, &[0; 30]), [None, Some(Err(Malformed))]);
        assert_eq!(assembly.push(false, &[0; 30]), [None, None]);
        assembly.push(true, &stated);
        assembly.lost();
        assert_eq!(assembly.flush(), None);
        let mut unmarked = packet(0, 7, b"abc");
        unmarked[9] &= 0xFE;
        assert_eq!(read(&unmarked.into()), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(payloads: Vec<(bool, Vec<u8>)>) {
            let mut assembly = Assembly::new(500);
            for (begins, payload) in &payloads {
                assembly.push(*begins, payload);
                prop_assert!(assembly.held.as_ref().is_none_or(|held| held.len() <= 500));
            }
        }

        #[test]
        fn times_are_read_as_they_are_written(at in 0_u64..1 << 33) {
            prop_assert_eq!(time(&field(at)), Some(at));
        }
    }
}
