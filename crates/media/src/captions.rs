//! Timed text as WebVTT: one file for DASH, segments on the grid for HLS.

use std::fmt::Write as _;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{FragmentInfo, SegmentGrid, SegmentInfo};

/// Ticks per second of a text track: the MPEG clock that `X-TIMESTAMP-MAP` counts in.
pub const TIMESCALE: u32 = 90_000;

const MS: i64 = 1_000_000;

/// A cue of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cue {
    /// When it appears, in nanoseconds on the source's clock.
    pub start_ns: i64,
    /// When it goes.
    pub end_ns: i64,
    /// Cue payload text (WebVTT section 4.2.2): lines without an empty one, `<i>`, `<b>` and `<u>` alone as tags.
    pub text: String,
}

/// A segment with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextSegment {
    /// Where it lies.
    pub info: SegmentInfo,
    /// The WebVTT file.
    pub bytes: Bytes,
}

/// A track: its cues on output time, in order, those outside the film left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captions {
    cues: Vec<Cue>,
    duration_ns: u64,
}

impl Captions {
    /// The cues of a film that begins at `origin_ns` of the source and lasts `duration_ns`.
    #[must_use]
    pub fn new(cues: &[Cue], origin_ns: i64, duration_ns: u64) -> Self {
        let end = i64::try_from(duration_ns).unwrap_or(i64::MAX);
        let on_output = |time: i64| round_ms(time.saturating_sub(origin_ns).clamp(0, end));
        let placed = cues.iter().map(|cue| Cue {
            start_ns: on_output(cue.start_ns),
            end_ns: on_output(cue.end_ns),
            text: cue.text.clone(),
        });
        let mut cues: Vec<Cue> = placed.filter(|cue| cue.start_ns < cue.end_ns).collect();
        cues.sort_by_key(|cue| (cue.start_ns, cue.end_ns));
        Self { cues, duration_ns }
    }

    /// All of it as one file.
    #[must_use]
    pub fn whole(&self) -> Bytes {
        written("WEBVTT\n", self.cues.iter())
    }

    /// The segments of `grid` up to the film's end. A cue stands in every segment that it is seen in, with its own times
    /// (RFC 8216bis section 3.1.4), which `X-TIMESTAMP-MAP` ties to media time: both begin at zero.
    #[must_use]
    pub fn segments(&self, grid: SegmentGrid) -> Vec<TextSegment> {
        let count = self.duration_ns.div_ceil(grid.nanoseconds().max(1)).max(1);
        (0..u32::try_from(count).unwrap_or(u32::MAX)).map(|seq| self.segment(grid, seq)).collect()
    }

    fn segment(&self, grid: SegmentGrid, seq: u32) -> TextSegment {
        let start_ns = boundary_ns(grid, seq);
        let end_ns = boundary_ns(grid, seq + 1).min(self.duration_ns);
        let (from, to) = (start_ns.cast_signed(), end_ns.cast_signed());
        let seen = self.cues.iter().filter(|cue| cue.start_ns < to && cue.end_ns > from);
        let bytes = written("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n", seen);
        let (start, len) = (ticks(start_ns), bytes.len() as u64);
        let ticks = ticks(end_ns).saturating_sub(start).max(1);
        let fragment =
            FragmentInfo { offset: 0, bytes: len, ticks, samples: 1, first_sample_end: len, sync: true };
        let info = SegmentInfo { seq, start, ticks, bytes: len, fragments: vec![fragment] };
        TextSegment { info, bytes }
    }
}

fn round_ms(ns: i64) -> i64 {
    ns.saturating_add(MS / 2) / MS * MS
}

/// Where segment `seq` of the grid starts, rounded to nanoseconds.
fn boundary_ns(grid: SegmentGrid, seq: u32) -> u64 {
    let ns = u128::from(seq) * u128::from(grid.num()) * 1_000_000_000 / u128::from(grid.den());
    u64::try_from(ns).unwrap_or(u64::MAX)
}

fn ticks(ns: u64) -> u64 {
    let ticks = (u128::from(ns) * u128::from(TIMESCALE) + 500_000_000) / 1_000_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

fn written<'a>(head: &str, cues: impl Iterator<Item = &'a Cue>) -> Bytes {
    let mut text = head.to_owned();
    for Cue { start_ns, end_ns, text: payload } in cues {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{} --> {}\n{payload}\n", stamp(*start_ns), stamp(*end_ns));
    }
    text.into()
}

fn stamp(ns: i64) -> String {
    let ms = ns / MS;
    let (seconds, minutes, hours) = (ms / 1_000 % 60, ms / 60_000 % 60, ms / 3_600_000);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", ms % 1_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: i64 = 1_000_000_000;

    fn cue(start_ns: i64, end_ns: i64, text: &str) -> Cue {
        Cue { start_ns, end_ns, text: text.to_owned() }
    }

    #[test]
    fn a_cue_stands_in_every_segment_it_is_seen_in() {
        let cues =
            [cue(11 * S, 14 * S, "Later"), cue(S, 2 * S, "Hello\n<i>you</i>"), cue(90 * S, 91 * S, "Never")];
        let captions = Captions::new(&cues, 0, 13_000_000_000);
        let segments = captions.segments(SegmentGrid::new(6, 1).unwrap());
        let texts: Vec<_> = segments.iter().map(|segment| String::from_utf8_lossy(&segment.bytes)).collect();
        assert_eq!(texts.len(), 3);
        assert_eq!(
            texts[0],
            "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n00:00:01.000 --> 00:00:02.000\nHello\n<i>you</i>\n"
        );
        for text in &texts[1..] {
            assert!(text.contains("\n00:00:11.000 --> 00:00:13.000\nLater\n"), "{text}");
        }
        assert!(!captions.whole().windows(5).any(|window| window == b"Never"));
    }

    #[test]
    fn the_source_origin_is_output_zero() {
        let captions = Captions::new(&[cue(-S, S, "a"), cue(3 * S, 4 * S, "b")], S / 2, 10_000_000_000);
        let text = String::from_utf8(captions.whole().to_vec()).unwrap();
        assert_eq!(text, "WEBVTT\n\n00:00:00.000 --> 00:00:00.500\na\n\n00:00:02.500 --> 00:00:03.500\nb\n");
    }

    proptest! {
        #[test]
        fn segments_follow_each_other_to_the_end(duration in 1u64..100_000_000_000, ntsc: bool) {
            let grid = if ntsc { SegmentGrid::new(6_006, 1_000) } else { SegmentGrid::new(6, 1) }.unwrap();
            let segments = Captions::new(&[], 0, duration).segments(grid);
            let mut end = 0;
            for (segment, seq) in segments.iter().zip(0u32..) {
                prop_assert_eq!((segment.info.seq, segment.info.start), (seq, end));
                end = segment.info.end();
            }
            prop_assert!(end.abs_diff(ticks(duration)) <= 1);
        }
    }
}
