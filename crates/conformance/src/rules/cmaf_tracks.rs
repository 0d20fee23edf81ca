//! Tracks: fragments in their order.

use super::Judge;
use crate::{
    cmaf::{Decode, Sync, TrackFragment},
    measure,
    place::Place,
    presentation::{Presentation, Track, TrackSegment},
};

/// A fragment of a track, and the listed segment it is in.
#[derive(Clone, Copy)]
struct Step<'a> {
    listed: &'a TrackSegment,
    /// Offset of the `moof`.
    at: u64,
    track: &'a TrackFragment,
}

/// The fragments of a track in order. `None` stands where continuity ends: at a
/// segment that was not read, a discontinuity, or another header.
fn in_order<'a>(shown: &'a Presentation, track: &'a Track) -> Vec<Option<Step<'a>>> {
    let mut fragments = Vec::new();
    let mut header: Option<&Place> = None;
    for listed in &track.segments {
        let read = shown.segment(listed).filter(|segment| !segment.fragments.is_empty());
        if read.is_none() || listed.discontinuity || header != listed.header.as_ref() {
            fragments.push(None);
        }
        header = listed.header.as_ref();
        for fragment in read.into_iter().flat_map(|segment| &segment.fragments) {
            fragments.push(fragment.track.as_ref().map(|track| Step { listed, at: fragment.at, track }));
        }
    }
    fragments
}

pub(super) fn contiguous(shown: &Presentation, judge: &mut Judge<'_>) {
    for track in shown.tracks() {
        for pair in in_order(shown, track).windows(2) {
            let [Some(before), Some(after)] = pair else { continue };
            let (end, decode) = (before.track.end(), after.track.decode);
            let (Some(end), Some(Decode { at, time, .. })) = (end, decode) else { continue };
            if time != end {
                let message = format!("the fragment begins at {time}, the one before ends at {end} ticks");
                judge.byte(&after.listed.place.uri, at, message);
            }
        }
    }
}

/// One finding per track says it all: a muxer writes one version throughout.
pub(super) fn decode_time_version(shown: &Presentation, judge: &mut Judge<'_>) {
    for track in shown.tracks() {
        let fragments = in_order(shown, track);
        let first = fragments.iter().flatten().find_map(|step| {
            let decode = step.track.decode.filter(|decode| decode.version == 0)?;
            Some((step.listed, decode))
        });
        if let Some((listed, decode)) = first {
            judge.byte(&listed.place.uri, decode.at, "tfdt is of version 0 and wraps at 2^32 ticks");
        }
    }
}

fn video_tracks(shown: &Presentation) -> impl Iterator<Item = &Track> {
    shown.tracks().filter(|track| shown.is_video(track))
}

pub(super) fn opens_with_sync(shown: &Presentation, judge: &mut Judge<'_>) {
    for listed in video_tracks(shown).flat_map(|track| &track.segments) {
        let Some(first) = shown.segment(listed).and_then(|segment| segment.fragments.first()) else {
            continue;
        };
        if first.track.as_ref().is_some_and(|track| !track.opens_with_sync) {
            judge.byte(&listed.place.uri, first.at, "the segment does not open with a sync sample");
        }
    }
}

/// Seconds between key frames that are recommended at most.
const KEY_FRAME_INTERVAL: f64 = 2.0;

pub(super) fn key_frame_interval(shown: &Presentation, judge: &mut Judge<'_>) {
    for track in video_tracks(shown) {
        // Seconds from the last sync sample to the end of the fragment before.
        let mut since: Option<f64> = None;
        for step in in_order(shown, track) {
            let Some(Step { listed, at, track: fragment }) = step else {
                since = None;
                continue;
            };
            let Some(timescale) = shown.timescale(listed).map(f64::from) else { continue };
            let seconds = |ticks| measure::real(ticks) / timescale;
            let Some(Sync { first, last, widest_gap }) = fragment.sync else {
                since = since.map(|since| since + seconds(fragment.ticks));
                continue;
            };
            let frame = fragment.sample_ticks.map_or(0.0, |(_, longest)| f64::from(longest) / timescale);
            let gap = since.map_or(0.0, |since| since + seconds(first)).max(seconds(widest_gap));
            if gap > KEY_FRAME_INTERVAL + frame {
                let message = format!("a key frame comes {gap:.3} s after the one before");
                judge.byte(&listed.place.uri, at, message);
            }
            since = Some(seconds(fragment.ticks - last));
        }
    }
}

/// Frames per second allowed; half a frame more is left to rounding of timescales.
const FRAME_RATE_MAX: f64 = 60.5;

pub(super) fn frame_rate(shown: &Presentation, judge: &mut Judge<'_>) {
    for track in video_tracks(shown) {
        let Some(measured) = measure::frame_rate(shown, track) else { continue };
        let first = track.segments.iter().find(|listed| shown.segment(listed).is_some());
        if let Some(listed) = first.filter(|_| measured.rate > FRAME_RATE_MAX) {
            let message = format!("the track has {:.3} frames per second", measured.rate);
            judge.whole(&listed.place.uri, message);
        }
    }
}
