//! How resources come over HTTP.

use super::Judge;
use crate::{
    cmaf::Container,
    presentation::{Delivered, Presentation},
    report::ResourceKind,
};

const HLS: [&str; 2] = ["application/vnd.apple.mpegurl", "audio/mpegurl"];
const DASH: [&str; 1] = ["application/dash+xml"];
const CMAF: [&str; 5] =
    ["video/mp4", "audio/mp4", "application/mp4", "video/iso.segment", "audio/iso.segment"];
const TRANSPORT_STREAM: [&str; 1] = ["video/mp2t"];
const TEXT: [&str; 1] = ["text/vtt"];
const SOUND: [&str; 6] = ["audio/aac", "audio/aacp", "audio/mpeg", "audio/ac3", "audio/eac3", "audio/x-aac"];

/// Types that fit a resource; none when nothing is known of it.
fn fitting(shown: &Presentation, delivered: &Delivered) -> &'static [&'static str] {
    match delivered.kind {
        ResourceKind::Multivariant | ResourceKind::MediaPlaylist => &HLS,
        ResourceKind::Mpd => &DASH,
        ResourceKind::Header => &CMAF,
        ResourceKind::Unknown => &[],
        ResourceKind::Segment => {
            match shown.of_file(&delivered.uri).next().map(|(_, segment)| segment.container) {
                Some(Container::IsoBmff) => &CMAF,
                Some(Container::TransportStream) => &TRANSPORT_STREAM,
                Some(Container::PackedAudio) => &SOUND,
                Some(Container::WebVtt) => &TEXT,
                Some(Container::Sealed | Container::Unknown) | None => &[],
            }
        }
    }
}

pub(super) fn content_type(shown: &Presentation, judge: &mut Judge<'_>) {
    for delivered in &shown.delivered {
        let fitting = fitting(shown, delivered);
        let stated = delivered.delivery.content_type.as_deref().unwrap_or_default();
        let essence = stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !fitting.is_empty() && !fitting.contains(&essence.as_str()) {
            let message = format!("Content-Type is \"{stated}\"; {} fits", fitting.join(" or "));
            judge.whole(&delivered.uri, message);
        }
    }
}

pub(super) fn gzip(shown: &Presentation, judge: &mut Judge<'_>) {
    for delivered in &shown.delivered {
        let playlist = matches!(delivered.kind, ResourceKind::Multivariant | ResourceKind::MediaPlaylist);
        if playlist && delivered.delivery.content_encoding.is_none() {
            judge.whole(&delivered.uri, "the playlist came without Content-Encoding: gzip");
        }
    }
}

pub(super) fn redirect(shown: &Presentation, judge: &mut Judge<'_>) {
    for delivered in &shown.delivered {
        let media = matches!(delivered.kind, ResourceKind::Header | ResourceKind::Segment);
        if media && delivered.delivery.redirected {
            judge.whole(&delivered.uri, "media came by way of a redirect");
        }
    }
}
