//! From an encoder's fragments to segment objects.

use std::{fmt, num::NonZeroU32};

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    normalise::{boxed, normalise_fragment},
    segment::read_segment,
};
use crate::{CmafError, FragmentInfo, InitInfo, SegmentGrid, SegmentInfo};

/// Brands of a segment: CMAF segment and track (ISO/IEC 23000-19 section 7.2), DASH media segment
/// (ISO/IEC 23009-1 section 6.3.4.2).
const BRANDS: [[u8; 4]; 4] = [*b"cmfs", *b"msdh", *b"iso6", *b"cmfc"];
/// The last segment of a presentation (ISO/IEC 23009-1 section 7.3.1).
const LAST_BRAND: [u8; 4] = *b"lmsg";

/// Where one segment ends and the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// After this many fragments.
    Fragments(NonZeroU32),
    /// At the fragment nearest to each boundary of the grid.
    Grid(SegmentGrid),
}

/// What an assembler is to expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assembly {
    /// Number of the first segment.
    pub first_seq: u32,
    /// Decode time at which the first fragment has to start, in ticks.
    pub start: u64,
    /// How fragments are grouped.
    pub grouping: Grouping,
    /// Whether the track ends with the last fragment: its segment then carries `lmsg`.
    pub last: bool,
}

/// One finished segment object.
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its measurements.
    pub info: SegmentInfo,
    /// Its bytes.
    pub bytes: Bytes,
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("info", &self.info).finish_non_exhaustive()
    }
}

/// Joins the fragments of one track, in order, into segment objects: each has one `styp` in front and
/// fragments in normal form behind it. Memory is bounded by one segment.
#[derive(Debug)]
pub struct SegmentAssembler {
    init: InitInfo,
    assembly: Assembly,
    seq: u32,
    expected: u64,
    /// Ticks of an access unit: the longest mean so far, because a track's last unit may be cut short.
    unit: u64,
    open: Vec<(FragmentInfo, Bytes)>,
}

impl SegmentAssembler {
    /// An assembler for the track of this header.
    #[must_use]
    pub const fn new(init: InitInfo, assembly: Assembly) -> Self {
        let (seq, expected) = (assembly.first_seq, assembly.start);
        Self { init, assembly, seq, expected, unit: 0, open: Vec::new() }
    }

    /// Takes the next fragment (`styp`? + `moof` + `mdat`). Returns the segment before it when the fragment
    /// begins a new one.
    ///
    /// # Errors
    /// [`CmafError::Gap`] when it does not continue the fragment before it, [`CmafError::NotSync`] when it
    /// does not begin with a sync sample, [`CmafError::OffGrid`] when a segment was skipped, and whatever
    /// reading it says. After an error the assembler is as it was before the call.
    pub fn push(&mut self, fragment: impl AsRef<[u8]>) -> Result<Option<Segment>, CmafError> {
        let normal = normalise_fragment(fragment.as_ref(), &self.init)?;
        let read = read_segment(&normal, &self.init, self.seq)?;
        self.check(&read)?;
        let begins = self.begins(&read)?;
        let closed = if begins { self.close(false)? } else { None };
        self.expected = read.end();
        self.unit = self.unit.max(unit_of(&read));
        let bytes = Bytes::from(normal);
        // Several movie fragments in one piece are cut at the end of each, so that every byte has one owner.
        let mut from = 0;
        for info in &read.fragments {
            let end = usize::try_from(info.offset + info.bytes).unwrap_or(bytes.len());
            let base = from as u64;
            let placed = FragmentInfo {
                offset: info.offset - base,
                first_sample_end: info.first_sample_end - base,
                ..*info
            };
            self.open.push((placed, bytes.slice(from..end)));
            from = end;
        }
        Ok(closed)
    }

    /// The segment still open, if any fragment came since the last one was returned.
    ///
    /// # Errors
    /// [`CmafError::Invalid`] when the segment outgrows its numbers.
    pub fn finish(mut self) -> Result<Option<Segment>, CmafError> {
        self.close(self.assembly.last)
    }

    fn check(&self, read: &SegmentInfo) -> Result<(), CmafError> {
        let offset = read.fragments.first().map_or(0, |fragment| fragment.offset);
        if read.start != self.expected {
            return Err(CmafError::Gap { offset, expected: self.expected, found: read.start });
        }
        let unsynced = read.fragments.iter().find(|fragment| !fragment.sync);
        unsynced.map_or(Ok(()), |fragment| Err(CmafError::NotSync { offset: fragment.offset }))
    }

    /// Whether this piece begins a segment while another is open.
    fn begins(&self, read: &SegmentInfo) -> Result<bool, CmafError> {
        match self.assembly.grouping {
            Grouping::Fragments(count) => Ok(self.open.len() >= count.get() as usize),
            Grouping::Grid(grid) => self.begins_on(grid, read),
        }
    }

    fn begins_on(&self, grid: SegmentGrid, read: &SegmentInfo) -> Result<bool, CmafError> {
        let unit = self.unit.max(unit_of(read));
        let (start, found) = (read.start, grid.index_of(read.start, unit, self.init.timescale));
        let (current, opens) = (u64::from(self.seq), !self.open.is_empty());
        if found == current {
            return Ok(false);
        }
        let expected = current + u64::from(opens);
        if opens && found == expected { Ok(true) } else { Err(CmafError::OffGrid { start, expected, found }) }
    }

    fn close(&mut self, last: bool) -> Result<Option<Segment>, CmafError> {
        if self.open.is_empty() {
            return Ok(None);
        }
        let segment = joined(self.seq, self.expected, &self.open, last);
        let next = self.seq.checked_add(1);
        self.seq = next.ok_or(CmafError::Invalid { what: "a segment number beyond 32 bits", offset: 0 })?;
        self.open.clear();
        Ok(Some(segment))
    }
}

/// Ticks of an access unit of the first fragment, on average.
fn unit_of(read: &SegmentInfo) -> u64 {
    read.fragments.first().map_or(0, |fragment| fragment.ticks / u64::from(fragment.samples.max(1)))
}

fn joined(seq: u32, end: u64, pieces: &[(FragmentInfo, Bytes)], last: bool) -> Segment {
    let styp = styp(last);
    let len = styp.len() + pieces.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
    let mut bytes = BytesMut::with_capacity(len);
    bytes.put_slice(&styp);
    let mut fragments = Vec::with_capacity(pieces.len());
    for (info, piece) in pieces {
        let base = bytes.len() as u64;
        fragments.push(FragmentInfo {
            offset: base + info.offset,
            first_sample_end: base + info.first_sample_end,
            ..*info
        });
        bytes.put_slice(piece);
    }
    let ticks = fragments.iter().fold(0u64, |sum, fragment| sum.saturating_add(fragment.ticks));
    let info = SegmentInfo { seq, start: end.saturating_sub(ticks), ticks, bytes: len as u64, fragments };
    Segment { info, bytes: bytes.freeze() }
}

/// The `styp` of a segment; `last` of its presentation.
pub(crate) fn styp(last: bool) -> Vec<u8> {
    let [major, ..] = BRANDS;
    let minor_version = [0; 4];
    let mut body = [major, minor_version].concat();
    body.extend(BRANDS.iter().flatten());
    if last {
        body.extend(LAST_BRAND);
    }
    boxed(*b"styp", &body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        FrameRate,
        cmaf::{normalise_init, read_init},
    };

    const VIDEO_INIT: &[u8] = include_bytes!("../../tests/fixtures/video-init.mp4");
    const VIDEO: [&[u8]; 4] = [
        include_bytes!("../../tests/fixtures/video-0.m4s"),
        include_bytes!("../../tests/fixtures/video-1.m4s"),
        include_bytes!("../../tests/fixtures/video-2.m4s"),
        include_bytes!("../../tests/fixtures/video-3.m4s"),
    ];
    const AUDIO_INIT: &[u8] = include_bytes!("../../tests/fixtures/audio-init.mp4");
    const AUDIO: [&[u8]; 4] = [
        include_bytes!("../../tests/fixtures/audio-0.m4s"),
        include_bytes!("../../tests/fixtures/audio-1.m4s"),
        include_bytes!("../../tests/fixtures/audio-2.m4s"),
        include_bytes!("../../tests/fixtures/audio-3.m4s"),
    ];

    fn header(bytes: &[u8]) -> InitInfo {
        read_init(&normalise_init(bytes).unwrap()).unwrap()
    }

    fn ntsc_segments() -> SegmentGrid {
        SegmentGrid::of_frames(180, FrameRate::new(30_000, 1_001).unwrap()).unwrap()
    }

    fn assembler(init: &[u8], grouping: Grouping, last: bool) -> SegmentAssembler {
        let assembly = Assembly { first_seq: 0, start: 0, grouping, last };
        SegmentAssembler::new(header(init), assembly)
    }

    fn assembled(mut assembler: SegmentAssembler, fragments: &[&[u8]]) -> Vec<Segment> {
        let mut segments: Vec<Segment> =
            fragments.iter().filter_map(|fragment| assembler.push(fragment).unwrap()).collect();
        segments.extend(assembler.finish().unwrap());
        segments
    }

    fn by_three() -> Grouping {
        Grouping::Fragments(NonZeroU32::new(3).unwrap())
    }

    #[test]
    fn three_groups_of_pictures_make_a_segment_and_measure_as_they_read() {
        let init = header(VIDEO_INIT);
        for grouping in [by_three(), Grouping::Grid(ntsc_segments())] {
            let segments = assembled(assembler(VIDEO_INIT, grouping, true), &VIDEO);
            let lengths: Vec<_> =
                segments.iter().map(|segment| (segment.info.seq, segment.info.ticks)).collect();
            assert_eq!(lengths, [(0, 180_180), (1, 20_020)]);
            for segment in &segments {
                let read = read_segment(&segment.bytes, &init, segment.info.seq);
                assert_eq!(read.as_ref(), Ok(&segment.info));
            }
        }
    }

    #[test]
    fn only_the_very_last_segment_says_so() {
        let whole = assembled(assembler(VIDEO_INIT, by_three(), true), &VIDEO);
        assert_eq!(&whole[0].bytes[..32], &b"\0\0\0\x20stypcmfs\0\0\0\0cmfsmsdhiso6cmfc"[..]);
        assert_eq!(&whole[1].bytes[..36], &b"\0\0\0\x24stypcmfs\0\0\0\0cmfsmsdhiso6cmfclmsg"[..]);
        let chunk = assembled(assembler(VIDEO_INIT, by_three(), false), &VIDEO);
        assert_eq!(chunk[0], whole[0]);
        assert!(!chunk[1].bytes.windows(4).any(|bytes| bytes == b"lmsg"));
    }

    #[test]
    fn a_later_chunk_continues_where_it_should() {
        let assembly = Assembly { first_seq: 4, start: 60_060, grouping: by_three(), last: true };
        let later = SegmentAssembler::new(header(VIDEO_INIT), assembly);
        let segments = assembled(later, &VIDEO[1..]);
        assert_eq!((segments[0].info.seq, segments[0].info.start, segments.len()), (4, 60_060, 1));
    }

    #[test]
    fn audio_segments_follow_the_grid() {
        // Fragments of 93 access units each, 1.984 s, on a grid of twice that.
        let grid = Grouping::Grid(SegmentGrid::new(496, 125).unwrap());
        let segments = assembled(assembler(AUDIO_INIT, grid, true), &AUDIO);
        let starts: Vec<_> = segments.iter().map(|segment| (segment.info.seq, segment.info.start)).collect();
        assert_eq!(starts, [(0, 0), (1, 2 * 93 * 1_024)]);
    }

    #[test]
    fn gaps_and_skipped_segments_are_refused_and_change_nothing() {
        let mut video = assembler(VIDEO_INIT, by_three(), true);
        video.push(VIDEO[0]).unwrap();
        let gap = CmafError::Gap { offset: 0, expected: 60_060, found: 120_120 };
        assert_eq!(video.push(VIDEO[2]), Err(gap));
        assert_eq!(video.push(VIDEO[1]), Ok(None));
        // Fragments of two seconds skip segments of half a second.
        let halves = Grouping::Grid(SegmentGrid::new(1, 2).unwrap());
        let mut audio = assembler(AUDIO_INIT, halves, true);
        audio.push(AUDIO[0]).unwrap();
        let off = CmafError::OffGrid { start: 95_232, expected: 1, found: 3 };
        assert_eq!(audio.push(AUDIO[1]), Err(off));
        let assembly = Assembly { first_seq: 0, start: 95_232, grouping: halves, last: false };
        let mut late = SegmentAssembler::new(header(AUDIO_INIT), assembly);
        let off = CmafError::OffGrid { start: 95_232, expected: 0, found: 3 };
        assert_eq!(late.push(AUDIO[1]), Err(off));
    }

    #[test]
    fn a_fragment_that_opens_on_no_sync_sample_is_refused() {
        let mut unsynced = VIDEO[0].to_vec();
        // first_sample_flags of the trun at 100: size, type, version, count, offset, then these.
        unsynced[120..124].copy_from_slice(&0x0101_0000u32.to_be_bytes());
        let refused = assembler(VIDEO_INIT, by_three(), true).push(&unsynced);
        assert_eq!(refused, Err(CmafError::NotSync { offset: 0 }));
    }
}
