//! I-frame playlists: each range is one picture that can be decoded alone.

use super::Judge;
use crate::{
    cmaf::{Fragment, Segment},
    place::Place,
    presentation::{Presentation, TrackSegment},
};

pub(super) fn i_frames_only(shown: &Presentation, judge: &mut Judge<'_>) {
    for (uri, list) in shown.lists.iter().filter(|(_, list)| list.i_frames) {
        if list.playlist.i_frames_only.is_none() {
            judge.whole(uri, "an I-frame playlist without EXT-X-I-FRAMES-ONLY");
        }
    }
}

/// An I-frame's range with the fragment it begins at, if any.
struct Ranged<'a> {
    start: u64,
    end: u64,
    fragment: Option<&'a Fragment>,
}

/// Every I-frame whose bytes were read: playlist, entry, and what is there.
fn ranges(shown: &Presentation) -> Vec<(&str, &TrackSegment, Ranged<'_>)> {
    let lists = shown.lists.values().filter(|list| list.i_frames);
    lists
        .flat_map(|list| list.track.segments.iter().map(move |entry| (&*list.track.resource, entry)))
        .filter_map(|(uri, entry)| {
            let mut holding = shown.holding(&entry.place).filter(|segment| !segment.fragments.is_empty());
            Some((uri, entry, ranged(&entry.place, holding.next()?)))
        })
        .collect()
}

fn ranged<'a>(place: &Place, segment: &'a Segment) -> Ranged<'a> {
    let (start, end) = place.range.unwrap_or((0, segment.bytes));
    let next = segment.fragments.partition_point(|fragment| fragment.at < start);
    let begins = |fragment: &&Fragment| fragment.at == start || fragment.lead == start;
    Ranged { start, end, fragment: segment.fragments.get(next).filter(begins) }
}

pub(super) fn starts_at_moof(shown: &Presentation, judge: &mut Judge<'_>) {
    for (uri, entry, range) in ranges(shown) {
        if range.fragment.is_none() {
            let message = format!("no moof begins at byte {} of {}", range.start, entry.place.uri);
            judge.find(uri, entry.at, message);
        }
    }
}

pub(super) fn holds_one_picture(shown: &Presentation, judge: &mut Judge<'_>) {
    for (uri, entry, range) in ranges(shown) {
        let Some(track) = range.fragment.and_then(|fragment| fragment.track.as_ref()) else { continue };
        let Some((_, first_end)) = track.first_sample else { continue };
        if !track.opens_with_sync {
            judge.find(uri, entry.at, "the picture at the start of the range is not a sync sample");
        } else if range.end != first_end {
            let message = format!("the range ends at byte {}, its picture at byte {first_end}", range.end);
            judge.find(uri, entry.at, message);
        }
    }
}
