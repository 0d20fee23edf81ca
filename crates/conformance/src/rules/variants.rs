//! What a multivariant playlist says of its variants.

use std::collections::BTreeSet;

use super::Judge;
use crate::{
    cmaf::{self, Header},
    hls::{MediaType, StreamInf},
    measure,
    place::Place,
    presentation::{MultivariantList, Presentation},
};

/// Every variant and I-frame variant with its playlist.
fn streams(list: &MultivariantList) -> impl Iterator<Item = &StreamInf> {
    list.playlist.variants.iter().chain(&list.playlist.i_frames)
}

fn header<'a>(shown: &'a Presentation, list: &MultivariantList, stream: &StreamInf) -> Option<&'a Header> {
    shown.header(&list.variant_list(shown, stream)?.track)
}

pub(super) fn codecs(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in &shown.multivariants {
        for stream in streams(list).filter(|stream| stream.codecs.as_ref().is_none_or(Vec::is_empty)) {
            judge.line(&list.uri, stream.line, "CODECS is missing");
        }
    }
}

/// Formats of the headers a stream can play, and whether all of them are known.
fn media_codecs(shown: &Presentation, list: &MultivariantList, stream: &StreamInf) -> (Vec<String>, bool) {
    let mut known = true;
    let mut codecs: Vec<String> = Vec::new();
    let renditions = [(MediaType::Audio, &stream.audio), (MediaType::Video, &stream.video)]
        .into_iter()
        .filter_map(|(kind, group)| Some((kind, group.as_deref()?)))
        .flat_map(|(kind, group)| list.group(kind, group))
        .filter_map(|media| media.uri.as_deref())
        .map(|uri| list.target(shown, uri));
    for target in std::iter::once(list.variant_list(shown, stream)).chain(renditions) {
        // A list has another header behind a discontinuity.
        let headers: BTreeSet<&Place> = target
            .into_iter()
            .flat_map(|list| list.track.segments.iter().filter_map(|segment| segment.header.as_ref()))
            .collect();
        known &= !headers.is_empty();
        for header in headers {
            let found = shown.headers.get(header).and_then(Header::codecs);
            known &= found.is_some();
            codecs.extend(found.into_iter().flatten().map(str::to_owned));
        }
    }
    codecs.sort();
    codecs.dedup();
    (codecs, known)
}

pub(super) fn codecs_true(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in &shown.multivariants {
        for stream in streams(list) {
            let Some(stated) = stream.codecs.as_ref().filter(|stated| !stated.is_empty()) else { continue };
            let (found, known) = media_codecs(shown, list, stream);
            let missing = found.iter().any(|codec| !stated.iter().any(|said| cmaf::same_codec(said, codec)));
            let text = |codec: &str| matches!(codec.get(..4), Some("wvtt" | "stpp"));
            let extra = stated
                .iter()
                .filter(|said| stream.subtitles.is_none() || !text(said))
                .any(|said| !found.iter().any(|codec| cmaf::same_codec(said, codec)));
            if missing || (extra && known) {
                let message =
                    format!("CODECS is \"{}\", the media is \"{}\"", stated.join(","), found.join(","));
                judge.line(&list.uri, stream.line, message);
            }
        }
    }
}

pub(super) fn resolution(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in &shown.multivariants {
        for stream in streams(list).filter(|stream| stream.resolution.is_none()) {
            if list.is_video(shown, stream) {
                judge.line(&list.uri, stream.line, "RESOLUTION is missing");
            }
        }
    }
}

pub(super) fn resolution_true(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in &shown.multivariants {
        for stream in streams(list) {
            let video = header(shown, list, stream).and_then(Header::track).and_then(cmaf::Track::video);
            let (Some(stated), Some(video)) = (stream.resolution, video) else { continue };
            let (width, height) = (u64::from(video.width), u64::from(video.height));
            if video.square_pixels && (stated.width, stated.height) != (width, height) {
                let message = format!("RESOLUTION is {stated}, the pictures are {width}x{height}");
                judge.line(&list.uri, stream.line, message);
            }
        }
    }
}

pub(super) fn frame_rate(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in &shown.multivariants {
        for variant in list.playlist.variants.iter().filter(|variant| variant.frame_rate.is_none()) {
            if list.is_video(shown, variant) {
                judge.line(&list.uri, variant.line, "FRAME-RATE is missing");
            }
        }
    }
}

pub(super) fn frame_rate_true(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in &shown.multivariants {
        for (variant, media) in list.variants(shown).filter(|(_, media)| shown.is_video(&media.track)) {
            let measured = measure::frame_rate(shown, &media.track);
            let (Some(stated), Some(measured)) = (variant.frame_rate, measured) else { continue };
            if (stated - measured.rate).abs() > measured.tolerance {
                let message = format!("FRAME-RATE is {stated:.3}, the media has {:.3}", measured.rate);
                judge.line(&list.uri, variant.line, message);
            }
        }
    }
}

pub(super) fn i_frame_frame_rate(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in &shown.multivariants {
        for stream in list.playlist.i_frames.iter().filter(|stream| stream.frame_rate.is_some()) {
            judge.line(&list.uri, stream.line, "an I-frame variant has no FRAME-RATE attribute");
        }
    }
}

pub(super) fn average_bandwidth(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in &shown.multivariants {
        for variant in list.playlist.variants.iter().filter(|variant| variant.average_bandwidth.is_none()) {
            judge.line(&list.uri, variant.line, "AVERAGE-BANDWIDTH is missing");
        }
    }
}

pub(super) fn independent_segments(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in shown.multivariants.iter().filter(|list| !list.playlist.independent_segments) {
        let mut silent = list
            .variants(shown)
            .filter(|(variant, media)| list.is_video(shown, variant) && !media.playlist.independent_segments);
        if silent.next().is_some() {
            let message = "EXT-X-INDEPENDENT-SEGMENTS is neither here nor in every video playlist";
            judge.whole(&list.uri, message);
        }
    }
}

/// A picture lower than this has no useful rung below it: one rate is enough.
const SEVERAL_RATES_FROM: u64 = 360;

pub(super) fn several_rates(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in &shown.multivariants {
        let video: Vec<&StreamInf> =
            list.playlist.variants.iter().filter(|variant| list.is_video(shown, variant)).collect();
        let tallest = video.iter().filter_map(|variant| variant.resolution).map(|r| r.height).max();
        let mut rates: Vec<Option<u64>> = video.iter().map(|variant| variant.bandwidth).collect();
        rates.sort_unstable();
        rates.dedup();
        if rates.len() == 1 && tallest.is_none_or(|height| height >= SEVERAL_RATES_FROM) {
            judge.whole(&list.uri, "there is only one bit rate of video");
        }
    }
}

pub(super) fn i_frame_playlists(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in shown.multivariants.iter().filter(|list| list.playlist.i_frames.is_empty()) {
        if list.playlist.variants.iter().any(|variant| list.is_video(shown, variant)) {
            judge.whole(&list.uri, "there is video, but no EXT-X-I-FRAME-STREAM-INF");
        }
    }
}

/// VIDEO-RANGE of a header's pictures (RFC 8216bis section 4.4.6.2).
fn video_range(header: &Header) -> Option<&'static str> {
    let video = header.track()?.video()?;
    Some(match video.transfer {
        Some(16) => "PQ",
        Some(18) => "HLG",
        _ => "SDR",
    })
}

pub(super) fn video_ranges(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in &shown.multivariants {
        let range = |stream| header(shown, list, stream).and_then(video_range);
        let mixed = streams(list).filter_map(range).any(|range| range != "SDR");
        for stream in streams(list) {
            let Some(found) = range(stream) else { continue };
            let message = match stream.video_range.as_deref() {
                None if mixed => format!("VIDEO-RANGE is missing; the pictures are {found}"),
                Some(stated) if stated != found => {
                    format!("VIDEO-RANGE is {stated}, the pictures are {found}")
                }
                _ => continue,
            };
            judge.line(&list.uri, stream.line, message);
        }
    }
}

/// Sizes are rounded to even pixels, which bends the shape of a small picture by under two per cent.
const ASPECT_TOLERANCE: f64 = 0.02;

pub(super) fn one_aspect_ratio(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in &shown.multivariants {
        let shapes = list.playlist.variants.iter().filter_map(|variant| {
            let size = variant.resolution.filter(|size| size.height > 0)?;
            Some((variant, size, measure::real(size.width) / measure::real(size.height)))
        });
        let mut first = None;
        for (variant, size, shape) in shapes {
            let wanted = *first.get_or_insert(shape);
            if (shape / wanted - 1.0).abs() > ASPECT_TOLERANCE {
                let message = format!("{size} is {shape:.3} wide, the first variant {wanted:.3}");
                judge.line(&list.uri, variant.line, message);
            }
        }
    }
}
