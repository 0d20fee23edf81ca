//! The media playlists of one presentation against each other.

use super::Judge;
use crate::{
    At,
    presentation::{MediaList, Presentation},
};

/// Each multivariant playlist's first audio or video playlist, and the others, all of finished films.
fn finished(shown: &Presentation) -> impl Iterator<Item = (&MediaList, Vec<&MediaList>)> {
    shown.multivariants.iter().filter_map(|list| {
        let mut lists = list.timed_lists(shown);
        lists.retain(|list| list.playlist.ended.is_some() && !list.track.cut);
        let (first, rest) = lists.split_first()?;
        Some((*first, rest.to_vec()))
    })
}

pub(super) fn same_target(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in &shown.multivariants {
        let lists = list.timed_lists(shown);
        let mut targets = lists.iter().filter_map(|list| Some((list, list.playlist.target?)));
        let Some((_, first)) = targets.next() else { continue };
        for (list, target) in targets.filter(|(_, target)| target.value != first.value) {
            let message = format!("EXT-X-TARGETDURATION is {}, elsewhere {}", target.value, first.value);
            judge.line(&list.track.resource, target.line, message);
        }
    }
}

/// How far the ends of audio and video may lie apart, seconds: sound of a film seldom ends on a frame.
const SPAN_TOLERANCE: f64 = 0.5;

pub(super) fn same_span(shown: &Presentation, judge: &mut Judge<'_>) {
    for (first, rest) in finished(shown) {
        let wanted = first.playlist.duration();
        for list in rest {
            let duration = list.playlist.duration();
            if (duration - wanted).abs() > SPAN_TOLERANCE {
                let message =
                    format!("it lasts {duration:.3} s, {} lasts {wanted:.3} s", first.track.resource);
                judge.whole(&list.track.resource, message);
            }
        }
    }
}

/// How far segment boundaries may lie apart, seconds: sound is cut between its own frames, of up to 0.05 s.
const BOUNDARY_TOLERANCE: f64 = 0.1;

pub(super) fn same_boundaries(shown: &Presentation, judge: &mut Judge<'_>) {
    for (first, rest) in finished(shown) {
        let wanted = starts(first);
        for list in rest {
            let found = starts(list);
            let mut pairs = found.iter().zip(&wanted);
            let apart = pairs.find(|((_, start), (_, wanted))| (start - wanted).abs() > BOUNDARY_TOLERANCE);
            if let Some(((line, start), (_, wanted))) = apart {
                let message = format!(
                    "this segment begins at {start:.3} s, the same one of {} at {wanted:.3} s",
                    first.track.resource
                );
                judge.line(&list.track.resource, *line, message);
            } else if found.len() != wanted.len() {
                let (count, other) = (found.len(), wanted.len());
                let message = format!("it has {count} segments, {} has {other}", first.track.resource);
                judge.whole(&list.track.resource, message);
            }
        }
    }
}

/// Line and start of each segment, by EXTINF.
fn starts(list: &MediaList) -> Vec<(u32, f64)> {
    let mut at = 0.0;
    let next = |segment: &crate::hls::Listed| {
        let start = at;
        at += segment.duration;
        (segment.uri_line, start)
    };
    list.playlist.segments.iter().map(next).collect()
}

pub(super) fn same_discontinuities(shown: &Presentation, judge: &mut Judge<'_>) {
    for (first, rest) in finished(shown) {
        let wanted = discontinuities(first);
        for list in rest {
            let found = discontinuities(list);
            let apart = found.iter().zip(&wanted).find(|((_, a), (_, b))| (a - b).abs() > BOUNDARY_TOLERANCE);
            let odd =
                apart.map(|((line, _), _)| *line).or_else(|| found.get(wanted.len()).map(|(line, _)| *line));
            if odd.is_some() || found.len() != wanted.len() {
                let (count, other) = (found.len(), wanted.len());
                let message =
                    format!("its {count} discontinuities are not the {other} of {}", first.track.resource);
                judge.find(&list.track.resource, odd.map_or(At::Whole, At::Line), message);
            }
        }
    }
}

/// Line and time of each discontinuity.
fn discontinuities(list: &MediaList) -> Vec<(u32, f64)> {
    let marked = starts(list).into_iter().zip(&list.playlist.segments);
    marked.filter(|(_, segment)| segment.discontinuity).map(|(start, _)| start).collect()
}
