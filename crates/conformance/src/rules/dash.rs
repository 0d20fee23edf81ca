//! DASH MPDs, by themselves and against their media.

use std::collections::BTreeMap;

use super::Judge;
use crate::{
    At, cmaf, measure,
    presentation::{Manifest, ManifestTrack, Presentation, TrackSegment},
};

/// Manifests that have an MPD element at all.
fn manifests(shown: &Presentation) -> impl Iterator<Item = &Manifest> {
    shown.manifests.iter().filter(|manifest| manifest.mpd.line > 0)
}

fn tracks(shown: &Presentation) -> impl Iterator<Item = (&Manifest, &ManifestTrack)> {
    manifests(shown).flat_map(|manifest| manifest.tracks.iter().map(move |track| (manifest, track)))
}

pub(super) fn duration(shown: &Presentation, judge: &mut Judge<'_>) {
    for Manifest { uri, mpd, .. } in manifests(shown) {
        let last_period = mpd.periods.last().and_then(|period| period.duration);
        if !mpd.dynamic && mpd.duration.is_none() && last_period.is_none() {
            judge.line(uri, mpd.line, "a static MPD has no mediaPresentationDuration");
        }
    }
}

pub(super) fn required(shown: &Presentation, judge: &mut Judge<'_>) {
    for Manifest { uri, mpd, .. } in manifests(shown) {
        if mpd.profiles.is_none() {
            judge.line(uri, mpd.line, "MPD has no profiles");
        }
        if mpd.min_buffer_time.is_none() {
            judge.line(uri, mpd.line, "MPD has no minBufferTime");
        }
        if mpd.periods.is_empty() {
            judge.line(uri, mpd.line, "MPD has no Period");
        }
    }
}

pub(super) fn unique_ids(shown: &Presentation, judge: &mut Judge<'_>) {
    for Manifest { uri, mpd, .. } in manifests(shown) {
        for period in &mpd.periods {
            let mut seen = BTreeMap::new();
            for representation in period.sets.iter().flat_map(|set| &set.representations) {
                let Some(id) = &representation.id else { continue };
                let first = *seen.entry(id).or_insert(representation.line);
                if first != representation.line {
                    let message = format!("the id \"{id}\" is that of the Representation on line {first}");
                    judge.line(uri, representation.line, message);
                }
            }
        }
    }
}

pub(super) fn alignment(shown: &Presentation, judge: &mut Judge<'_>) {
    for manifest in manifests(shown) {
        for (_, set) in manifest.sets().filter(|(_, set)| set.representations.len() > 1) {
            // Indexed single files state subsegmentAlignment instead, of subsegments that are not read.
            if set.representations.iter().any(|representation| representation.other_addressing) {
                continue;
            }
            // Any value but false names an alignment (ISO/IEC 23009-1 5.3.3.2).
            if set.segment_alignment.as_deref().is_none_or(|value| value == "false") {
                let message = "several Representations without segmentAlignment";
                judge.line(&manifest.uri, set.line, message);
            }
        }
    }
}

pub(super) fn start_with_sap(shown: &Presentation, judge: &mut Judge<'_>) {
    for (manifest, track) in tracks(shown) {
        let Some((set, representation)) = manifest.representation(track) else { continue };
        let stated = representation.start_with_sap.as_ref().or(set.start_with_sap.as_ref());
        if !matches!(stated.map(String::as_str), Some("1" | "2")) {
            let said = stated.map_or("absent", String::as_str);
            let message = format!("startWithSAP is {said}; switching wants 1 or 2");
            judge.line(&manifest.uri, representation.line, message);
        }
    }
}

pub(super) fn codecs(shown: &Presentation, judge: &mut Judge<'_>) {
    for (manifest, track) in tracks(shown) {
        let Some((set, representation)) = manifest.representation(track) else { continue };
        let Some(found) = shown.header(&track.track).and_then(cmaf::Header::codecs) else { continue };
        let stated = representation.codecs.as_deref().or(set.codecs.as_deref()).unwrap_or_default();
        let said: Vec<&str> = stated.split(',').map(str::trim).collect();
        let same = said.len() == found.len()
            && found.iter().all(|codec| said.iter().any(|said| cmaf::same_codec(said, codec)));
        if !same {
            let message = format!("codecs is \"{stated}\", the media is \"{}\"", found.join(","));
            judge.line(&manifest.uri, representation.line, message);
        }
    }
}

fn line_of(at: At) -> u32 {
    if let At::Line(line) = at { line } else { 0 }
}

pub(super) fn timeline(shown: &Presentation, judge: &mut Judge<'_>) {
    for (manifest, track) in tracks(shown) {
        let mut end: Option<u64> = None;
        for ((start, length), segment) in track.timeline.iter().zip(&track.track.segments) {
            let line = line_of(segment.at);
            if *length == 0 {
                judge.line(&manifest.uri, line, "a segment of the timeline lasts no time");
            }
            let Some(start) = *start else { continue };
            if let Some(end) = end.filter(|end| start < *end) {
                let message =
                    format!("a segment begins at {start}, before the one ahead of it ends at {end}");
                judge.line(&manifest.uri, line, message);
            }
            end = Some(start.saturating_add(*length));
        }
    }
}

pub(super) fn timeline_true(shown: &Presentation, judge: &mut Judge<'_>) {
    for (manifest, track) in tracks(shown) {
        for ((start, length), listed) in track.timeline.iter().zip(&track.track.segments) {
            let Some(media) = media_times(shown, listed) else { continue };
            let scale = measure::real(track.timescale);
            // Both clocks round to their tick.
            let tolerance = 1.0 / scale + media.tick + 1e-9;
            let (said, lasts) = (start.map(|t| measure::real(t) / scale), measure::real(*length) / scale);
            let lasting = media.durations.iter().any(|d| (d - lasts).abs() <= tolerance);
            let begins = said.is_none_or(|said| media.starts.iter().any(|t| (t - said).abs() <= tolerance));
            if !begins || !lasting {
                let said = said.map_or_else(String::new, |said| format!(" at {said:.4} s"));
                let message = format!(
                    "the timeline has a segment{said} of {lasts:.4} s; {} begins at {:.4} s and lasts {:.4} s",
                    listed.place.uri, media.starts[0], media.durations[0]
                );
                judge.line(&manifest.uri, line_of(listed.at), message);
            }
        }
    }
}

/// Times of a segment in seconds.
struct MediaTimes {
    /// Its first decode time and its earliest presentation time: muxers mean one or the other.
    starts: [f64; 2],
    /// What its samples last, and what is left after the edit list has cut the priming of sound off.
    durations: [f64; 2],
    tick: f64,
}

fn media_times(shown: &Presentation, listed: &TrackSegment) -> Option<MediaTimes> {
    let segment = shown.segment(listed)?;
    let header = shown.headers.get(listed.header.as_ref()?)?.track()?;
    let scale = f64::from(header.timescale?);
    let decode = segment.start()?;
    let earliest = segment.fragments.first()?.track.as_ref()?.earliest?;
    let edit =
        header.edits.as_ref().and_then(|list| list.edits.first()).map_or(0, |edit| edit.media_time.max(0));
    let shown_at = measure::real(decode) + signed(earliest.saturating_sub(edit));
    let duration = measure::seconds(shown, listed)?;
    let cut = shown_at.min(0.0) / scale;
    Some(MediaTimes {
        starts: [measure::real(decode) / scale, shown_at.max(0.0) / scale],
        durations: [duration, duration + cut],
        tick: 1.0 / scale,
    })
}

fn signed(ticks: i64) -> f64 {
    let size = measure::real(ticks.unsigned_abs());
    if ticks < 0 { -size } else { size }
}

/// How far the stated length of a film may be from the longest timeline, seconds.
const SPAN_TOLERANCE: f64 = 0.5;

pub(super) fn span(shown: &Presentation, judge: &mut Judge<'_>) {
    for manifest in manifests(shown).filter(|manifest| manifest.mpd.periods.len() == 1) {
        if manifest.tracks.iter().any(|track| track.track.cut) {
            continue;
        }
        let lengths = manifest
            .tracks
            .iter()
            .map(|track| track.track.segments.iter().map(|segment| segment.duration).sum::<f64>());
        let longest = lengths.fold(0.0, f64::max);
        let Some(stated) = manifest.mpd.duration.filter(|_| longest > 0.0 && !manifest.mpd.dynamic) else {
            continue;
        };
        if (stated - longest).abs() > SPAN_TOLERANCE {
            let message =
                format!("mediaPresentationDuration is {stated:.3} s, the media lasts {longest:.3} s");
            judge.line(&manifest.uri, manifest.mpd.line, message);
        }
    }
}
