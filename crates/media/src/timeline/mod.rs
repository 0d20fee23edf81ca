//! Tracks and segments joined into something that plays.

mod bandwidth;
mod run;

pub use bandwidth::Bandwidth;
pub use run::{LivePlace, TrackRun};

use crate::{FragmentInfo, PresentationError, SegmentGrid, SegmentInfo, TrackInfo, TrackName};

/// A track and the segments of it that exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackTimeline {
    /// The track.
    pub info: TrackInfo,
    /// Its segments by ascending number; an unfinished presentation may lack some.
    pub segments: Vec<SegmentInfo>,
    /// The runs that a recorded broadcast consists of, in order, the first from segment 0; none of what was made from a
    /// file, which is one run under one header.
    pub runs: Vec<TrackRun>,
}

/// What is published of one version of an asset. Lists show its *listed* segments: all of them once it has
/// ended, until then the run from segment 0 that every track has, so that audio and video reach equally far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presentation {
    version: u32,
    grid: SegmentGrid,
    ended: bool,
    tracks: Vec<TrackTimeline>,
    target_seconds: u64,
}

impl Presentation {
    /// Joins tracks; the order of `tracks` does not matter.
    ///
    /// # Errors
    /// [`PresentationError`] when there is no track, a name occurs twice, segments are out of order or do
    /// not continue each other, or one is missing although the presentation has ended.
    pub fn new(
        version: u32,
        grid: SegmentGrid,
        ended: bool,
        mut tracks: Vec<TrackTimeline>,
    ) -> Result<Self, PresentationError> {
        tracks.sort_by_key(|track| order(track.info.name));
        check_names(&tracks)?;
        tracks.iter().try_for_each(|track| check_segments(track, ended))?;
        let shared = tracks.iter().map(|track| contiguous(&track.segments)).min().unwrap_or(0);
        for track in &mut tracks {
            track.segments.truncate(if ended { usize::MAX } else { shared });
        }
        let longest = tracks.iter().flat_map(rounded_seconds).max().unwrap_or(0);
        let target_seconds = grid.target_seconds().max(longest);
        Ok(Self { version, grid, ended, tracks, target_seconds })
    }

    /// Version of the encoding, as it stands in URLs.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The segment grid.
    #[must_use]
    pub const fn grid(&self) -> SegmentGrid {
        self.grid
    }

    /// Whether no segment will be added any more.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.ended
    }

    /// Whether every track has its first segment.
    #[must_use]
    pub fn playable(&self) -> bool {
        self.tracks.iter().all(|track| !track.segments.is_empty())
    }

    /// All tracks with their listed segments: rungs, largest first, then audio, then text by stream.
    #[must_use]
    pub fn tracks(&self) -> &[TrackTimeline] {
        &self.tracks
    }

    /// The track of this name, with its listed segments.
    #[must_use]
    pub fn track(&self, name: TrackName) -> Option<&TrackTimeline> {
        self.tracks.iter().find(|track| track.info.name == name)
    }

    /// The rungs, largest first.
    pub fn video(&self) -> impl Iterator<Item = &TrackTimeline> {
        self.tracks.iter().filter(|track| track.info.name.is_video())
    }

    /// The audio renditions, by stream.
    pub fn audio(&self) -> impl Iterator<Item = &TrackTimeline> {
        self.tracks.iter().filter(|track| matches!(track.info.name, TrackName::Audio(_)))
    }

    /// The text renditions, by stream.
    pub fn text(&self) -> impl Iterator<Item = &TrackTimeline> {
        self.tracks.iter().filter(|track| matches!(track.info.name, TrackName::Text(_)))
    }

    /// EXT-X-TARGETDURATION of every list: the grid's segment length, or the longest listed segment where
    /// that is longer; in whole seconds (RFC 8216bis section 4.4.3.1).
    #[must_use]
    pub const fn target_seconds(&self) -> u64 {
        self.target_seconds
    }

    /// Where the longest track ends that is seen or heard, in microseconds.
    #[must_use]
    pub fn duration_us(&self) -> u64 {
        self.video().chain(self.audio()).map(TrackTimeline::end_us).max().unwrap_or(0)
    }

    /// Whether one DASH Period can hold it: recorded broadcasts with discontinuities or missing media take more.
    #[must_use]
    pub fn has_mpd(&self) -> bool {
        self.tracks.iter().all(|track| !track.is_recorded() || track.only_run().is_some())
    }

    /// Where a recorded broadcast begins on its timeline, in microseconds; 0 of what was made from a file.
    pub(crate) fn begin_us(&self) -> u64 {
        let recorded = self.tracks.iter().filter(|track| track.is_recorded());
        let starts = recorded.filter_map(|track| Some(track.us(track.segments.first()?.start)));
        starts.min().unwrap_or(0)
    }

    /// What playing this track costs.
    #[must_use]
    pub fn bandwidth(&self, track: &TrackTimeline) -> Bandwidth {
        if track.is_recorded() {
            let listed = track.segments.iter().filter(|segment| !track.is_gap(segment.seq));
            let pieces = listed.map(|segment| (track.segment_us(segment), segment.bytes));
            return Bandwidth::measure(pieces, run::MICROSECONDS, self.target_seconds);
        }
        let pieces = track.segments.iter().map(|segment| (segment.ticks, segment.bytes));
        Bandwidth::measure(pieces, track.info.init.timescale, self.target_seconds)
    }

    /// Whether every segment of every track opens with a sample from which decoding can begin
    /// (EXT-X-INDEPENDENT-SEGMENTS). What is made from a file always does; an encoder's own pictures may not.
    #[must_use]
    pub fn is_independent(&self) -> bool {
        self.tracks.iter().flat_map(|track| &track.runs).all(|run| run.independent)
    }

    /// What playing this rung's I-frames alone costs, at normal speed.
    #[must_use]
    pub fn iframe_bandwidth(&self, track: &TrackTimeline) -> Bandwidth {
        let frames = track.i_frames();
        let pieces = frames.iter().map(|frame| (frame.end - frame.start, frame.fragment.iframe_bytes()));
        Bandwidth::measure(pieces, track.info.init.timescale, self.target_seconds)
    }
}

/// An I-frame with which a fragment begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IFrame<'a> {
    /// The segment it is in.
    pub seq: u32,
    /// The fragment.
    pub fragment: &'a FragmentInfo,
    /// Decode time, in ticks.
    pub start: u64,
    /// That of the next, or the end.
    pub end: u64,
}

impl TrackTimeline {
    /// A time of this track in microseconds, rounded to nearest.
    #[must_use]
    pub fn us(&self, ticks: u64) -> u64 {
        microseconds(ticks, self.info.init.timescale)
    }

    fn end_us(&self) -> u64 {
        if self.is_recorded() {
            return self.segments.iter().map(|segment| self.segment_us(segment)).sum();
        }
        self.segments.last().map_or(0, |segment| self.us(segment.end()))
    }

    /// The I-frames with which fragments begin, in order. Each lasts to the next; broadcasts have fragments between
    /// them that begin with none.
    pub(crate) fn i_frames(&self) -> Vec<IFrame<'_>> {
        let mut frames: Vec<IFrame<'_>> = Vec::new();
        for segment in &self.segments {
            let mut start = segment.start;
            for fragment in &segment.fragments {
                let end = start.saturating_add(fragment.ticks);
                match frames.last_mut() {
                    _ if fragment.sync => frames.push(IFrame { seq: segment.seq, fragment, start, end }),
                    Some(before) => before.end = end,
                    None => {}
                }
                start = end;
            }
        }
        frames
    }

    /// Length of the run `start..end` as the difference of its rounded ends: sums over any run of pieces
    /// stay within a microsecond of the truth.
    pub(crate) fn length_us(&self, start: u64, end: u64) -> u64 {
        self.us(end).saturating_sub(self.us(start))
    }
}

/// A time in microseconds, rounded to nearest. A timescale of 0 counts as 1.
pub(crate) fn microseconds(ticks: u64, timescale: u32) -> u64 {
    let timescale = u128::from(timescale.max(1));
    let us = (u128::from(ticks) * 2_000_000 + timescale) / (2 * timescale);
    u64::try_from(us).unwrap_or(u64::MAX)
}

/// Rungs before audio before text; larger rungs first.
fn order(name: TrackName) -> (u8, u32) {
    match name {
        TrackName::Video(short_side) => (0, u32::MAX - short_side),
        TrackName::Audio(stream) => (1, stream),
        TrackName::Text(stream) => (2, stream),
    }
}

fn check_names(tracks: &[TrackTimeline]) -> Result<(), PresentationError> {
    if tracks.is_empty() {
        return Err(PresentationError::Empty);
    }
    let twice = tracks.windows(2).find(|pair| pair[0].info.name == pair[1].info.name);
    twice.map_or(Ok(()), |pair| Err(PresentationError::DuplicateTrack(pair[0].info.name)))
}

fn check_segments(track: &TrackTimeline, ended: bool) -> Result<(), PresentationError> {
    let name = track.info.name;
    for pair in track.segments.windows(2) {
        check_pair(track, &pair[0], &pair[1])?;
    }
    let whole = contiguous(&track.segments);
    if ended && (whole < track.segments.len() || whole == 0) {
        return Err(PresentationError::Hole { track: name, seq: u32::try_from(whole).unwrap_or(u32::MAX) });
    }
    Ok(())
}

fn check_pair(
    timeline: &TrackTimeline,
    before: &SegmentInfo,
    after: &SegmentInfo,
) -> Result<(), PresentationError> {
    let (track, seq, expected, found) = (timeline.info.name, after.seq, before.end(), after.start);
    if seq <= before.seq {
        return Err(PresentationError::Disorder { track, seq });
    }
    if seq == before.seq + 1 && found != expected && timeline.begins(seq).is_none() {
        return Err(PresentationError::Gap { track, seq, expected, found });
    }
    Ok(())
}

/// How many segments follow each other from number 0.
fn contiguous(segments: &[SegmentInfo]) -> usize {
    segments.iter().zip(0u32..).take_while(|(segment, seq)| segment.seq == *seq).count()
}

fn rounded_seconds(track: &TrackTimeline) -> impl Iterator<Item = u64> + '_ {
    track.segments.iter().map(move |segment| (track.segment_us(segment) + 500_000) / 1_000_000)
}

#[cfg(test)]
pub(crate) mod testing {
    //! Presentations made of arithmetic.

    use crate::{
        FragmentInfo, FrameRate, InitInfo, Presentation, SampleDefaults, SampleFormat, SegmentGrid,
        SegmentInfo, TextPlan, TrackInfo, TrackName, TrackRole, TrackTimeline, captions::Captions,
    };

    fn segment(seq: u32, start: u64, ticks: u64, bytes: u64, fragments: u64) -> SegmentInfo {
        let piece = |index: u64| FragmentInfo {
            offset: 24 + index * (bytes / fragments),
            bytes: bytes / fragments,
            ticks: ticks / fragments,
            samples: 1,
            first_sample_end: 24 + index * (bytes / fragments) + bytes / fragments / 4,
            sync: true,
        };
        SegmentInfo { seq, start, ticks, bytes: bytes + 24, fragments: (0..fragments).map(piece).collect() }
    }

    /// A rung at 29.97 whose segments have these sizes; the last lasts two seconds, the others six.
    pub(crate) fn rung(short_side: u32, sizes: &[u64]) -> TrackTimeline {
        let (width, height) = (short_side * 16 / 9, short_side);
        let init = InitInfo {
            track_id: 1,
            timescale: 30_000,
            codec: "avc1.64001F".to_owned(),
            bytes: 800,
            format: SampleFormat::Video { width, height },
            defaults: SampleDefaults::default(),
        };
        let last = u32::try_from(sizes.len()).unwrap() - 1;
        let segments = sizes.iter().zip(0u32..).map(|(bytes, seq)| {
            let frames = if seq == last { 60 } else { 180 };
            segment(seq, u64::from(seq) * 180 * 1_001, frames * 1_001, *bytes, frames / 60)
        });
        TrackTimeline {
            info: TrackInfo {
                name: TrackName::Video(short_side),
                init,
                role: TrackRole::Video { fps: FrameRate::new(30_000, 1_001).unwrap() },
            },
            segments: segments.collect(),
            runs: Vec::new(),
        }
    }

    /// A stereo rendition cut at the AAC frames nearest to multiples of 6.006 s; the last segment has two
    /// seconds.
    pub(crate) fn rendition(stream: u32, language: &str, sizes: &[u64]) -> TrackTimeline {
        let init = InitInfo {
            track_id: 1,
            timescale: 48_000,
            codec: "mp4a.40.2".to_owned(),
            bytes: 700,
            format: SampleFormat::Audio { sample_rate: 48_000, channels: 2 },
            defaults: SampleDefaults::default(),
        };
        let start = |seq: u64| (seq * 288_288 + 512) / 1_024 * 1_024;
        let last = u32::try_from(sizes.len()).unwrap() - 1;
        let segments = sizes.iter().zip(0u32..).map(|(bytes, seq)| {
            let from = start(u64::from(seq));
            let ticks = if seq == last { 94 * 1_024 } else { start(u64::from(seq) + 1) - from };
            segment(seq, from, ticks, *bytes, 1)
        });
        let (language, label) = (language.to_owned(), format!("Audio {}", stream + 1));
        TrackTimeline {
            info: TrackInfo {
                name: TrackName::Audio(stream),
                init,
                role: TrackRole::Audio { language, label, default: stream == 0 },
            },
            segments: segments.collect(),
            runs: Vec::new(),
        }
    }

    /// Captions beside a film of so many seconds on its grid.
    pub(crate) fn text(number: u32, language: &str, seconds: u64) -> TrackTimeline {
        let plan = TextPlan {
            name: TrackName::Text(number),
            language: language.to_owned(),
            label: format!("Text {}", number + 1),
            default: number == 1,
        };
        let grid = SegmentGrid::of_frames(180, FrameRate::new(30_000, 1_001).unwrap()).unwrap();
        let made = Captions::new(&[], 0, seconds * 1_000_000_000).segments(grid);
        let segments = made.into_iter().map(|segment| segment.info).collect();
        TrackTimeline { info: TrackInfo::text(&plan, 8), segments, runs: Vec::new() }
    }

    pub(crate) fn joined(ended: bool, tracks: Vec<TrackTimeline>) -> Presentation {
        let grid = SegmentGrid::of_frames(180, FrameRate::new(30_000, 1_001).unwrap()).unwrap();
        Presentation::new(1, grid, ended, tracks).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        testing::{joined, rendition, rung},
        *,
    };

    fn listed(presentation: &Presentation) -> Vec<usize> {
        presentation.tracks().iter().map(|track| track.segments.len()).collect()
    }

    fn refused(ended: bool, tracks: Vec<TrackTimeline>) -> PresentationError {
        Presentation::new(1, SegmentGrid::new(6, 1).unwrap(), ended, tracks).unwrap_err()
    }

    #[test]
    fn an_unfinished_presentation_lists_what_every_track_has() {
        let audio = rendition(0, "en", &[9_000; 4]);
        let mut holed = rung(360, &[50_000; 4]);
        holed.segments.remove(2);
        let presentation = joined(false, vec![audio.clone(), rung(720, &[90_000; 4]), holed.clone()]);
        assert_eq!(listed(&presentation), [2, 2, 2]);
        assert!(presentation.playable());
        holed.segments.remove(0);
        assert!(!joined(false, vec![audio, holed]).playable());
    }

    #[test]
    fn a_finished_presentation_lists_everything_though_tracks_differ_by_one() {
        let presentation = joined(true, vec![rendition(0, "en", &[9_000; 3]), rung(720, &[90_000; 4])]);
        assert_eq!(listed(&presentation), [4, 3]);
        assert_eq!((presentation.target_seconds(), presentation.duration_us()), (6, 20_020_000));
    }

    #[test]
    fn contradictions_are_refused() {
        assert_eq!(refused(false, vec![]), PresentationError::Empty);
        let name = TrackName::Video(720);
        let whole = rung(720, &[90_000; 3]);
        assert_eq!(
            refused(false, vec![whole.clone(), whole.clone()]),
            PresentationError::DuplicateTrack(name)
        );
        let mut holed = whole.clone();
        holed.segments.remove(1);
        assert_eq!(refused(true, vec![holed]), PresentationError::Hole { track: name, seq: 1 });
        let empty = TrackTimeline { info: whole.info.clone(), segments: vec![], runs: vec![] };
        assert_eq!(refused(true, vec![empty]), PresentationError::Hole { track: name, seq: 0 });
        let mut swapped = whole.clone();
        swapped.segments.swap(0, 1);
        assert_eq!(refused(false, vec![swapped]), PresentationError::Disorder { track: name, seq: 0 });
        let mut late = whole;
        late.segments[2].start += 1;
        let (expected, found) = (360_360, 360_361);
        assert_eq!(
            refused(false, vec![late]),
            PresentationError::Gap { track: name, seq: 2, expected, found }
        );
    }

    proptest! {
        #[test]
        fn lengths_of_any_run_are_true_to_the_microsecond(first in 0usize..600, count in 1usize..600) {
            let track = rendition(0, "en", &[1; 1_200]);
            let run = &track.segments[first..first + count];
            let sum: u64 = run.iter().map(|segment| track.length_us(segment.start, segment.end())).sum();
            let ticks = run.last().unwrap().end() - run[0].start;
            prop_assert!((i128::from(sum) * 48_000 - i128::from(ticks) * 1_000_000).abs() <= 48_000);
        }
    }
}
