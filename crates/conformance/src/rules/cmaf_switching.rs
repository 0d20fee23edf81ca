//! Switching sets: tracks a player changes between at any segment.

use super::Judge;
use crate::presentation::{Presentation, Track};

pub(super) fn one_timescale(shown: &Presentation, judge: &mut Judge<'_>) {
    for set in shown.switching_sets() {
        let mut timescales = set.iter().filter_map(|track| {
            let place = track.header.as_ref()?;
            let media = shown.headers.get(place)?.track()?;
            Some((place, media.at, media.timescale?))
        });
        let Some((_, _, first)) = timescales.next() else { continue };
        for (place, at, timescale) in timescales.filter(|(_, _, timescale)| *timescale != first) {
            let message = format!("the timescale is {timescale}, that of the tracks beside it {first}");
            judge.byte(&place.uri, at, message);
        }
    }
}

/// A fragment that begins with a sync sample: where switching is possible.
#[derive(Clone, Copy)]
struct Start<'a> {
    uri: &'a str,
    at: u64,
    time: u64,
    timescale: u64,
}

impl Start<'_> {
    /// Whether both are at the same time, exactly, whatever their timescales.
    fn meets(&self, other: &Start<'_>) -> bool {
        u128::from(self.time) * u128::from(other.timescale)
            == u128::from(other.time) * u128::from(self.timescale)
    }
}

/// The fragment starts of one listed segment; `None` when it was not read.
fn starts<'a>(shown: &'a Presentation, track: &'a Track, index: usize) -> Option<Vec<Start<'a>>> {
    let listed = track.segments.get(index)?;
    let timescale = u64::from(shown.timescale(listed)?);
    let segment = shown.segment(listed).filter(|segment| !segment.fragments.is_empty())?;
    let fragments = segment.fragments.iter().enumerate();
    let starts = fragments.filter_map(|(number, fragment)| {
        let track = fragment.track.as_ref()?;
        let time = track.decode?.time;
        let counts = number == 0 || track.opens_with_sync;
        counts.then_some(Start { uri: &listed.place.uri, at: fragment.at, time, timescale })
    });
    Some(starts.collect())
}

pub(super) fn aligned(shown: &Presentation, judge: &mut Judge<'_>) {
    for set in shown.switching_sets() {
        let Some((first, rest)) = set.split_first() else { continue };
        for track in rest {
            if let Some((start, message)) = first_apart(shown, first, track) {
                judge.byte(start.uri, start.at, message);
            }
        }
    }
}

/// Where a track first leaves the beat of another.
fn first_apart<'a>(
    shown: &'a Presentation,
    first: &'a Track,
    track: &'a Track,
) -> Option<(Start<'a>, String)> {
    for index in 0..track.segments.len().min(first.segments.len()) {
        let (Some(found), Some(wanted)) = (starts(shown, track, index), starts(shown, first, index)) else {
            continue;
        };
        if let Some((start, other)) = found.iter().zip(&wanted).find(|(start, other)| !start.meets(other)) {
            let message = format!(
                "the fragment begins at {}/{}, its counterpart of {} at {}/{}",
                start.time, start.timescale, other.uri, other.time, other.timescale
            );
            return Some((*start, message));
        }
        if let Some(start) = found.first().filter(|_| found.len() != wanted.len()) {
            let (count, other) = (found.len(), wanted.len());
            return Some((*start, format!("the segment has {count} fragments, its counterpart {other}")));
        }
    }
    None
}
