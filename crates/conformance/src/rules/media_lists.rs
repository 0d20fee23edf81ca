//! Each media playlist by itself, and against its own media.

use super::Judge;
use crate::{
    At,
    cmaf::Container,
    hls::PlaylistType,
    measure,
    presentation::{MediaList, Presentation, TrackSegment},
};

pub(super) fn vod_type(shown: &Presentation, judge: &mut Judge<'_>) {
    for (uri, list) in &shown.lists {
        if list.playlist.ended.is_some() && list.playlist.kind.is_none() {
            judge.whole(uri, "the playlist is complete, but has no EXT-X-PLAYLIST-TYPE");
        }
    }
}

pub(super) fn end_list(shown: &Presentation, judge: &mut Judge<'_>) {
    for (uri, list) in &shown.lists {
        let vod = list.playlist.kind.filter(|kind| kind.value == PlaylistType::Vod);
        if let Some(kind) = vod.filter(|_| list.playlist.ended.is_none()) {
            judge.line(uri, kind.line, "EXT-X-PLAYLIST-TYPE is VOD, but there is no EXT-X-ENDLIST");
        }
    }
}

pub(super) fn map(shown: &Presentation, judge: &mut Judge<'_>) {
    for (uri, list) in &shown.lists {
        let bare = list.track.segments.iter().find(|segment| {
            let boxes = shown.segment(segment).is_some_and(|read| read.container == Container::IsoBmff);
            segment.header.is_none() && boxes
        });
        if let Some(segment) = bare {
            judge.find(uri, segment.at, "fragmented MP4 without an EXT-X-MAP before it");
        }
    }
}

/// EXTINF rounded to the nearest integer, halves up.
fn rounded(duration: f64) -> f64 {
    (duration + 0.5).floor()
}

fn target(list: &MediaList) -> Option<f64> {
    list.playlist.target.map(|target| measure::real(target.value))
}

pub(super) fn target_duration(shown: &Presentation, judge: &mut Judge<'_>) {
    for (uri, list) in &shown.lists {
        let Some(target) = target(list) else { continue };
        for segment in list.playlist.segments.iter().filter(|segment| rounded(segment.duration) > target) {
            let message = format!("EXTINF is {}, EXT-X-TARGETDURATION {target}", segment.duration);
            judge.line(uri, segment.line, message);
        }
    }
}

pub(super) fn segment_length(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in shown.media_lists() {
        let Some(target) = target(list) else { continue };
        for segment in &list.track.segments {
            let Some(seconds) = measure::seconds(shown, segment) else { continue };
            if seconds > target + 0.5 + 1e-6 {
                let message = format!("the media lasts {seconds:.3} s, the target duration is {target}");
                judge.find(&list.track.resource, segment.at, message);
            }
        }
    }
}

/// Rounding of EXTINF in text, seconds.
const ROUNDING: f64 = 0.001;

pub(super) fn extinf(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in shown.media_lists() {
        if let Some((segment, error, frame)) = first_drift(shown, &list.track.segments) {
            let message = format!(
                "the run of EXTINF that ends here is {error:.4} s away from its media, more than a frame of {frame:.4} s"
            );
            judge.find(&list.track.resource, segment.at, message);
        }
    }
}

/// The first segment at which some run of EXTINF ending there differs from the true duration by more than a
/// frame. The error of a run is the difference of two sums from the start, so their spread is the worst run.
fn first_drift<'a>(
    shown: &Presentation,
    segments: &'a [TrackSegment],
) -> Option<(&'a TrackSegment, f64, f64)> {
    let (mut sum, mut low, mut high) = (0.0_f64, 0.0_f64, 0.0_f64);
    for segment in segments {
        let (Some(true_duration), Some(frame)) =
            (measure::seconds(shown, segment), measure::longest_sample(shown, segment))
        else {
            // A gap in what was read: runs begin anew behind it.
            (sum, low, high) = (0.0, 0.0, 0.0);
            continue;
        };
        sum += segment.duration - true_duration;
        low = low.min(sum);
        high = high.max(sum);
        if high - low > frame + ROUNDING {
            return Some((segment, high - low, frame));
        }
    }
    None
}

pub(super) fn version(shown: &Presentation, judge: &mut Judge<'_>) {
    let multivariants = shown.multivariants.iter().map(|list| {
        let playlist = &list.playlist;
        (&list.uri, playlist.version, playlist.requires)
    });
    let lists = shown.lists.iter().map(|(uri, list)| (uri, list.playlist.version, list.playlist.requires));
    for (uri, version, requires) in multivariants.chain(lists) {
        let stated = version.map_or(1, |version| version.value);
        let Some(requires) = requires.filter(|requires| requires.version > stated) else { continue };
        let message = format!(
            "EXT-X-VERSION is {stated}, but {} on line {} needs {}",
            requires.what, requires.line, requires.version
        );
        judge.find(uri, version.map_or(At::Whole, |version| At::Line(version.line)), message);
    }
}
