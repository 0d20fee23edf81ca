//! Where containers keep lengths, counts and types: what a mutation hits there says more than one in the pictures.

/// How a file is structured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Container {
    /// ISO/IEC 14496-12.
    Boxes,
    /// RFC 8794.
    Ebml,
    /// ISO/IEC 13818-1.
    Packets,
    Riff,
    /// RFC 3533.
    Ogg,
    /// RFC 9639.
    Flac,
    Mp3,
}

/// Bytes from an offset on that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    pub at: usize,
    pub len: usize,
}

const PACKET: usize = 188;
/// Boxes that hold boxes, and what comes before those.
const PARENTS: [(&[u8; 4], usize); 13] = [
    (b"moov", 0),
    (b"trak", 0),
    (b"mdia", 0),
    (b"minf", 0),
    (b"stbl", 0),
    (b"dinf", 0),
    (b"edts", 0),
    (b"udta", 0),
    (b"mvex", 0),
    (b"moof", 0),
    (b"traf", 0),
    (b"stsd", 8),
    (b"meta", 4),
];
/// EBML elements that hold elements: the segment and what is in it.
const MASTERS: [u32; 10] = [
    0x1A45_DFA3,
    0x1853_8067,
    0x114D_9B74,
    0x1549_A966,
    0x1654_AE6B,
    0x1F43_B675,
    0x1C53_BB6B,
    0xAE,
    0xE0,
    0xE1,
];

pub fn sites(container: Container, bytes: &[u8]) -> Vec<Site> {
    let mut found = Vec::new();
    match container {
        Container::Boxes => boxes(bytes, 0, bytes.len(), &mut found),
        Container::Ebml => elements(bytes, 0, bytes.len(), &mut found),
        Container::Packets => {
            found.extend((0..bytes.len() / PACKET).map(|packet| Site { at: packet * PACKET + 1, len: 12 }));
        }
        Container::Riff => chunks(bytes, 0, bytes.len(), &mut found),
        Container::Ogg => pages(bytes, &mut found),
        Container::Flac => blocks(bytes, &mut found),
        Container::Mp3 => {
            found.push(Site { at: 3, len: 7 });
            let frames =
                bytes.windows(2).enumerate().filter(|(_, two)| two[0] == 0xff && two[1] & 0xe0 == 0xe0);
            found.extend(frames.map(|(at, _)| Site { at, len: 4 }));
        }
    }
    found.retain(|site| site.len > 0 && site.at + site.len <= bytes.len());
    found
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| (number << 8) | usize::from(*byte))
}

/// Size, type, and the first fields of each box.
fn boxes(bytes: &[u8], from: usize, to: usize, found: &mut Vec<Site>) {
    let mut at = from;
    while at + 8 <= to {
        let size = number(&bytes[at..at + 4]);
        if size < 8 || at + size > to {
            break;
        }
        found.push(Site { at, len: 4 });
        found.push(Site { at: at + 4, len: 4 });
        found.push(Site { at: at + 8, len: (size - 8).min(24) });
        if let Some((_, before)) = PARENTS.iter().find(|(name, _)| bytes[at + 4..at + 8] == name[..]) {
            boxes(bytes, at + 8 + before, at + size, found);
        }
        at += size;
    }
}

/// Identifier, length, and the first bytes of each element.
fn elements(bytes: &[u8], from: usize, to: usize, found: &mut Vec<Site>) {
    let mut at = from;
    while at + 2 <= to {
        let id_len = bytes[at].leading_zeros() as usize + 1;
        let Some(head) = bytes.get(at + id_len) else { break };
        let size_len = head.leading_zeros() as usize + 1;
        let data = at + id_len + size_len;
        if id_len > 4 || size_len > 8 || data > to {
            break;
        }
        let unknown = bytes[at + id_len + 1..data].iter().all(|byte| *byte == 0xff);
        let size = number(&bytes[at + id_len..data]) & ((1 << (7 * size_len)) - 1);
        let end = if unknown && size_len > 1 { to } else { (data + size).min(to) };
        found.push(Site { at, len: id_len });
        found.push(Site { at: at + id_len, len: size_len });
        found.push(Site { at: data, len: (end - data).min(16) });
        let id = number(&bytes[at..at + id_len]);
        if MASTERS.iter().any(|master| *master as usize == id) {
            elements(bytes, data, end, found);
        }
        at = end.max(data);
    }
}

/// Type, length, and the first bytes of each chunk; lists hold chunks.
fn chunks(bytes: &[u8], from: usize, to: usize, found: &mut Vec<Site>) {
    let mut at = from;
    while at + 8 <= to {
        let size = number(&[bytes[at + 7], bytes[at + 6], bytes[at + 5], bytes[at + 4]]);
        let end = (at + 8).saturating_add(size).min(to);
        found.push(Site { at, len: 4 });
        found.push(Site { at: at + 4, len: 4 });
        found.push(Site { at: at + 8, len: (end - at - 8).min(32) });
        if [b"RIFF", b"LIST"].iter().any(|list| bytes[at..at + 4] == list[..]) && at + 12 <= end {
            chunks(bytes, at + 12, end, found);
        }
        at = end + size % 2;
    }
}

/// Flags, time, serial, number, checksum and lacing of each page.
fn pages(bytes: &[u8], found: &mut Vec<Site>) {
    let starts = bytes.windows(4).enumerate().filter(|(_, four)| four == b"OggS");
    for (at, _) in starts {
        let segments = bytes.get(at + 26).map_or(0, |count| usize::from(*count));
        found.extend(
            [(4, 2), (6, 8), (14, 4), (18, 4), (22, 4), (26, 1), (27, segments), (27 + segments, 16)]
                .map(|(inside, len)| Site { at: at + inside, len }),
        );
    }
}

/// Each metadata block's head and first bytes, and the first frames.
fn blocks(bytes: &[u8], found: &mut Vec<Site>) {
    let mut at = 4;
    while at + 4 <= bytes.len() {
        let (last, size) = (bytes[at] & 0x80 != 0, number(&bytes[at + 1..at + 4]));
        found.push(Site { at, len: 1 });
        found.push(Site { at: at + 1, len: 3 });
        found.push(Site { at: at + 4, len: size.min(34) });
        at += 4 + size;
        if last {
            break;
        }
    }
    let frames = bytes.windows(2).enumerate().filter(|(_, two)| two[0] == 0xff && two[1] & 0xfc == 0xf8);
    found.extend(frames.map(|(at, _)| Site { at, len: 8 }));
}
