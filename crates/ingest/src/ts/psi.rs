//! Tables that say what a transport stream carries (ITU-T H.222.0 §2.4.4).

/// The longest section of a program association or map table, with the three bytes before its length (§2.4.4.5).
const SECTION_BYTES_MAX: usize = 1_024;
const PROGRAM_ASSOCIATION: u8 = 0x00;
const PROGRAM_MAP: u8 = 0x02;

/// Puts sections of one stream together (§2.4.4.1).
#[derive(Default)]
pub(super) struct Sections {
    /// `None` until a section begins.
    held: Option<Vec<u8>>,
}

impl Sections {
    /// Forgets a section that has begun.
    pub(super) fn lost(&mut self) {
        self.held = None;
    }

    /// Takes a payload and hands over whole sections whose checksum is right.
    pub(super) fn push(&mut self, begins: bool, payload: &[u8], mut take: impl FnMut(&[u8])) {
        let Some((pointer, after)) = payload.split_first().filter(|_| begins) else {
            return self.more(payload, &mut take);
        };
        let Some((before, rest)) = after.split_at_checked(usize::from(*pointer)) else { return self.lost() };
        self.more(before, &mut take);
        self.held = Some(Vec::new());
        self.more(rest, &mut take);
    }

    fn more(&mut self, bytes: &[u8], take: &mut impl FnMut(&[u8])) {
        let Some(held) = &mut self.held else { return };
        held.extend_from_slice(bytes);
        loop {
            // Stuffing follows the last section of a packet (§2.4.4.1).
            if held.first().is_some_and(|table| *table == 0xFF) {
                return self.lost();
            }
            let [_, high, low, ..] = held[..] else { return };
            let length = usize::from(u16::from_be_bytes([high & 0x0F, low])) + 3;
            if length > SECTION_BYTES_MAX {
                return self.lost();
            }
            let Some(section) = held.get(..length) else { return };
            if crc(section) == 0 {
                take(section);
            } else {
                metrics::counter!("nexus_ingest_ts_sections_damaged_total").increment(1);
            }
            held.drain(..length);
        }
    }
}

/// The checksum of annex A, 0 over a section with its own.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            if crc >> 31 == 1 { crc << 1 ^ 0x04C1_1DB7 } else { crc << 1 }
        })
    })
}

/// What stands between the head of a section and its checksum, if it is one of the table in force (§2.4.4.3, 2.4.4.8).
fn body(section: &[u8], table: u8) -> Option<&[u8]> {
    let head = section.get(..8)?;
    let (long_form, current) = (head[1] & 0x80 != 0, head[5] & 1 != 0);
    let whole = head[0] == table && long_form && current;
    section.get(8..section.len().checked_sub(4)?).filter(|_| whole)
}

/// The stream that carries the map of the first program (§2.4.4.3).
pub(super) fn program_association(section: &[u8]) -> Option<u16> {
    let (programs, _) = body(section, PROGRAM_ASSOCIATION)?.as_chunks::<4>();
    // Number 0 is the network's.
    let program = programs.iter().find(|program| program[..2] != [0, 0])?;
    Some(pid([program[2], program[3]]))
}

/// A stream of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Elementary {
    pub(super) pid: u16,
    /// `stream_type` (table 2-34).
    pub(super) kind: u8,
    /// What a registration descriptor names (§2.6.8), for kinds that say nothing themselves.
    pub(super) format: Option<[u8; 4]>,
}

/// The streams of a program (§2.4.4.8).
pub(super) fn program_map(section: &[u8]) -> Option<Vec<Elementary>> {
    let (head, rest) = body(section, PROGRAM_MAP)?.split_at_checked(4)?;
    let mut rest = rest.get(length([head[2], head[3]])..)?;
    let mut streams = Vec::new();
    while let Some((head, after)) = rest.split_at_checked(5) {
        let (descriptors, next) = after.split_at_checked(length([head[3], head[4]]))?;
        let (kind, pid) = (head[0], pid([head[1], head[2]]));
        streams.push(Elementary { pid, kind, format: registration(descriptors) });
        rest = next;
    }
    rest.is_empty().then_some(streams)
}

fn registration(mut descriptors: &[u8]) -> Option<[u8; 4]> {
    const REGISTRATION: u8 = 0x05;
    while let [tag, length, rest @ ..] = descriptors {
        let (descriptor, next) = rest.split_at_checked(usize::from(*length))?;
        if *tag == REGISTRATION {
            return descriptor.get(..4)?.try_into().ok();
        }
        descriptors = next;
    }
    None
}

fn pid([high, low]: [u8; 2]) -> u16 {
    u16::from_be_bytes([high & 0x1F, low])
}

fn length([high, low]: [u8; 2]) -> usize {
    usize::from(u16::from_be_bytes([high & 0x0F, low]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What ffmpeg writes for a program of H.264 and AAC.
    const ASSOCIATION: [u8; 16] =
        [0x00, 0xB0, 0x0D, 0x00, 0x01, 0xC1, 0x00, 0x00, 0x00, 0x01, 0xF0, 0x00, 0x2A, 0xB1, 0x04, 0xB2];
    const MAP: [u8; 28] = [
        0x02, 0xB0, 0x1D, 0x00, 0x01, 0xC1, 0x00, 0x00, 0xE1, 0x00, 0xF0, 0x00, 0x1B, 0xE1, 0x00, 0xF0, 0x00,
        0x0F, 0xE1, 0x01, 0xF0, 0x06, 0x0A, 0x04, 0x75, 0x6E, 0x64, 0x00,
    ];

    fn sections(payloads: &[(bool, &[u8])]) -> Vec<Vec<u8>> {
        let (mut sections, mut whole) = (Sections::default(), Vec::new());
        for (begins, payload) in payloads {
            sections.push(*begins, payload, |section| whole.push(section.to_vec()));
        }
        whole
    }

    fn with_checksum(section: &[u8]) -> Vec<u8> {
        [section, &crc(section).to_be_bytes()].concat()
    }

    #[test]
    fn an_association_names_the_map_and_a_map_names_streams() {
        assert_eq!(crc(&ASSOCIATION), 0);
        assert_eq!(program_association(&ASSOCIATION), Some(0x1000));
        let map = with_checksum(&MAP);
        assert_eq!(crc(&map), 0);
        let streams = program_map(&map).expect("a map");
        let named: Vec<_> = streams.iter().map(|stream| (stream.pid, stream.kind)).collect();
        assert_eq!(named, [(0x100, 0x1B), (0x101, 0x0F)]);
        assert_eq!(program_map(&ASSOCIATION), None);
    }

    #[test]
    fn sections_are_put_together_and_damaged_ones_left_out() {
        let whole = [&[0][..], &ASSOCIATION, &[0xFF; 8]].concat();
        assert_eq!(sections(&[(true, &whole)]), [ASSOCIATION]);
        let cut = [(true, &whole[..9]), (false, &whole[9..])];
        assert_eq!(sections(&cut), [ASSOCIATION]);
        assert!(sections(&cut[1..]).is_empty());
        let mut damaged = whole.clone();
        damaged[12] ^= 1;
        assert!(sections(&[(true, &damaged)]).is_empty());
        let behind = [&[7][..], &ASSOCIATION[9..], &ASSOCIATION].concat();
        assert_eq!(sections(&[(true, &whole[..10]), (true, &behind)]), [ASSOCIATION, ASSOCIATION]);
    }

    #[test]
    fn a_registration_names_a_format() {
        assert_eq!(registration(&[0x0A, 1, 0, 5, 4, b'O', b'p', b'u', b's']), Some(*b"Opus"));
        assert_eq!(registration(&[5, 9, 1]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(payloads: Vec<(bool, Vec<u8>)>) {
            let mut all = Sections::default();
            for (begins, payload) in &payloads {
                all.push(*begins, payload, |_| {});
                let _ = program_association(payload);
                let _ = program_map(payload);
                prop_assert!(all.held.as_ref().is_none_or(|held| held.len() <= SECTION_BYTES_MAX));
            }
        }
    }
}
