//! CMAF headers.

use super::Judge;
use crate::{
    cmaf::{EditList, Header, Track},
    place::Place,
    presentation::{self, Presentation},
};

/// Headers that could be read as such.
fn headers(shown: &Presentation) -> impl Iterator<Item = (&Place, &Header)> {
    shown.headers.iter().filter(|(_, header)| header.movie.is_some())
}

pub(super) fn brand(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, header) in headers(shown) {
        match &header.brands {
            None => judge.byte(&place.uri, place.start(), "the header has no ftyp"),
            Some(brands) if !brands.any(&[b"cmfc", b"cmf2"]) => {
                judge.byte(&place.uri, brands.at, "ftyp lists neither brand cmfc nor cmf2");
            }
            Some(_) => {}
        }
    }
}

pub(super) fn one_track(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, header) in headers(shown) {
        let at = match header.tracks.as_slice() {
            [] => header.movie,
            [_] => None,
            [_, second, ..] => Some(second.at),
        };
        if let Some(at) = at {
            judge.byte(&place.uri, at, format!("the header has {} tracks", header.tracks.len()));
        }
    }
}

pub(super) fn extends(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, header) in headers(shown) {
        let orphan = header.tracks.iter().find(|track| header.defaults_of(track.id).is_none());
        match (header.extends, orphan) {
            (None, _) => judge.byte(&place.uri, header.movie.unwrap_or(0), "moov has no mvex"),
            (Some(at), Some(track)) => {
                judge.byte(&place.uri, at, format!("mvex has no trex of track {}", track.id));
            }
            (Some(_), None) => {}
        }
    }
}

pub(super) fn empty_tables(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, header) in headers(shown) {
        for (table, at) in header.tracks.iter().filter_map(|track| track.filled_table) {
            judge.byte(&place.uri, at, format!("{table} counts samples; those of a header are in no table"));
        }
    }
}

pub(super) fn edit_list(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, header) in headers(shown) {
        let cmf2 = header.brands.as_ref().is_some_and(|brands| brands.any(&[b"cmf2"]));
        for track in &header.tracks {
            let Some(list) = &track.edits else { continue };
            if let Some(problem) = edit_problem(list, track, cmf2) {
                judge.byte(&place.uri, list.at, problem);
            }
        }
    }
    for track in shown.tracks().filter(|track| shown.is_video(track)) {
        video_offset(shown, track, judge);
    }
}

fn edit_problem(list: &EditList, track: &Track, cmf2: bool) -> Option<String> {
    if track.is_video() && cmf2 {
        return Some("a video track of brand cmf2 has an edit list".to_owned());
    }
    let [edit] = list.edits.as_slice() else {
        return Some(format!("an edit list of {} entries; only one offset is allowed", list.edits.len()));
    };
    if edit.media_time < 0 || edit.rate != 0x0001_0000 {
        return Some("the edit is no offset: it is empty, or changes the speed".to_owned());
    }
    None
}

/// The offset of a video track leads to the first picture shown (ISO/IEC 23000-19 7.5.13).
fn video_offset(shown: &Presentation, track: &presentation::Track, judge: &mut Judge<'_>) {
    let Some(first) = track.segments.first() else { return };
    let (Some(place), Some(header)) = (first.header.as_ref(), shown.header(track)) else { return };
    let list = header.track().and_then(|track| track.edits.as_ref());
    let Some((list, [edit])) = list.map(|list| (list, list.edits.as_slice())) else { return };
    let fragment = shown.segment(first).and_then(|segment| segment.fragments.first()?.track.as_ref());
    let Some(fragment) = fragment.filter(|fragment| fragment.decode.is_some_and(|decode| decode.time == 0))
    else {
        return;
    };
    if let Some(earliest) = fragment.earliest.filter(|earliest| *earliest != edit.media_time) {
        let message = format!("the edit begins at {}, the first picture at {earliest}", edit.media_time);
        judge.byte(&place.uri, list.at, message);
    }
}

pub(super) fn sample_entry(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, header) in headers(shown) {
        for entry in header.tracks.iter().flat_map(|track| &track.entries) {
            if matches!(&entry.format.0, b"avc3" | b"hev1" | b"dvhe") {
                let message = format!("{} keeps its parameter sets in the samples", entry.format);
                judge.byte(&place.uri, entry.at, message);
            }
        }
    }
}

pub(super) fn level(shown: &Presentation, judge: &mut Judge<'_>) {
    for (place, header) in headers(shown) {
        for entry in header.tracks.iter().flat_map(|track| &track.entries) {
            let Some(codec) = entry.codec.as_deref() else { continue };
            if let Some(highest) = exceeded(codec) {
                judge.byte(&place.uri, entry.at, format!("{codec} is beyond {highest}"));
            }
        }
    }
}

/// The highest profile and level a codec string goes beyond.
fn exceeded(codec: &str) -> Option<&'static str> {
    let fields: Vec<&str> = codec.split('.').collect();
    match *fields.as_slice() {
        ["avc1" | "avc3", sets] => {
            let hex = |range| u8::from_str_radix(sets.get(range)?, 16).ok();
            let (profile, level) = (hex(0..2)?, hex(4..6)?);
            let fits = matches!(profile, 66 | 77 | 88 | 100) && level <= 52;
            (!fits).then_some("H.264 High Profile, Level 5.2")
        }
        ["hvc1" | "hev1", profile, _, level, ..] => {
            let level: u16 = level.get(1..)?.parse().ok()?;
            let fits = matches!(profile, "1" | "2") && level <= 153;
            (!fits).then_some("HEVC Main10 Profile, Level 5.1")
        }
        ["av01", _, level, ..] => {
            let level: u8 = level.get(..2)?.parse().ok()?;
            (level > 18).then_some("AV1 Level 6.2")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::exceeded;

    #[test]
    fn levels_have_ceilings() {
        for fits in ["avc1.640034", "avc1.42E01E", "hvc1.2.4.H153.B0", "av01.0.18M.08", "mp4a.40.2"] {
            assert_eq!(exceeded(fits), None, "{fits}");
        }
        for beyond in ["avc1.64003C", "avc1.F4001F", "hvc1.4.10.L93.B0", "hvc1.1.6.L156.B0", "av01.0.19M.08"]
        {
            assert!(exceeded(beyond).is_some(), "{beyond}");
        }
    }
}
