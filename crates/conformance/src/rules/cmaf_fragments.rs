//! Fragments, each by itself.

use super::Judge;
use crate::{
    cmaf::{Fragment, Header, TrackFragment},
    place::Place,
    presentation::{Presentation, ReadSegment},
};

/// Every fragment read, with its place and header.
fn fragments(shown: &Presentation) -> impl Iterator<Item = (&Place, Option<&Header>, &Fragment)> {
    shown.segments.iter().flat_map(|(place, read)| {
        let header = read.header.as_ref().and_then(|place| shown.headers.get(place));
        read.media.fragments.iter().map(move |fragment| (place, header, fragment))
    })
}

fn track_fragments(
    shown: &Presentation,
) -> impl Iterator<Item = (&Place, Option<&Header>, &Fragment, &TrackFragment)> {
    fragments(shown)
        .filter_map(|(place, header, fragment)| Some((place, header, fragment, fragment.track.as_ref()?)))
}

pub(super) fn styp(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, ReadSegment { media, .. }) in &shown.segments {
        if let Some(brands) = media.brands.as_ref().filter(|brands| !brands.any(&[b"cmfs", b"cmff", b"cmfl"]))
        {
            judge.byte(&place.uri, brands.at, "styp lists none of the brands cmfs, cmff and cmfl");
        }
    }
}

pub(super) fn chunk(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, _, fragment) in fragments(shown).filter(|(_, _, fragment)| fragment.data.is_none()) {
        judge.byte(&place.uri, fragment.at, "no mdat follows the moof");
    }
}

pub(super) fn one_track_fragment(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, _, fragment) in fragments(shown).filter(|(_, _, fragment)| fragment.track_fragments > 1) {
        judge.byte(&place.uri, fragment.at, format!("the moof has {} traf", fragment.track_fragments));
    }
}

pub(super) fn base_is_moof(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, _, _, track) in track_fragments(shown) {
        if track.absolute_base {
            judge.byte(&place.uri, track.header_at, "tfhd has an absolute base-data-offset");
        } else if !track.base_is_moof {
            judge.byte(&place.uri, track.header_at, "tfhd has no default-base-is-moof");
        }
    }
}

pub(super) fn track_id(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, header, _, track) in track_fragments(shown) {
        let Some(header) = header.filter(|header| !header.tracks.is_empty()) else { continue };
        if header.tracks.iter().all(|known| known.id != track.track_id) {
            let message = format!("the header has no track {}", track.track_id);
            judge.byte(&place.uri, track.header_at, message);
        }
    }
}

pub(super) fn decode_time(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, _, _, track) in track_fragments(shown).filter(|(_, _, _, track)| track.decode.is_none()) {
        judge.byte(&place.uri, track.at, "the traf has no tfdt");
    }
}

pub(super) fn data(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, _, fragment, track) in track_fragments(shown) {
        let Some((start, end)) = fragment.data else { continue };
        for run in &track.runs {
            let (first, last) = run.data;
            if first < start || last > end {
                let message =
                    format!("samples at bytes {first}..{last} are outside the mdat's {start}..{end}");
                judge.byte(&place.uri, run.at, message);
            }
        }
        if let Some(run) = track.runs.iter().find(|run| !run.addressed) {
            judge.byte(&place.uri, run.at, "trun has no data offset");
        }
    }
}

pub(super) fn no_zero_duration(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, _, _, track) in track_fragments(shown) {
        if let Some((at, sample)) = track.zero_duration {
            judge.byte(&place.uri, at, format!("sample {sample} of the fragment lasts no time"));
        }
    }
}

pub(super) fn no_parameter_sets(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, _, fragment) in fragments(shown) {
        if let Some(at) = fragment.parameter_set {
            judge.byte(&place.uri, at, "a parameter set in a sample of an avc1 track");
        }
    }
}

pub(super) fn run_version(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, header, _, track) in track_fragments(shown) {
        let cmf2 = header.and_then(|header| header.brands.as_ref()).is_some_and(|b| b.any(&[b"cmf2"]));
        let video = header.and_then(Header::track).is_some_and(crate::cmaf::Track::is_video);
        if !(cmf2 && video) {
            continue;
        }
        if let Some(run) = track.runs.iter().find(|run| run.version == 0 && run.composition) {
            judge.byte(&place.uri, run.at, "composition offsets of brand cmf2 in a trun of version 0");
        }
    }
}
