//! EXT-X-MEDIA and the groups it makes.

use std::collections::BTreeMap;

use super::Judge;
use crate::{
    hls::{Media, MediaType},
    presentation::{MultivariantList, Presentation},
};

fn renditions(shown: &Presentation) -> impl Iterator<Item = (&MultivariantList, &Media)> {
    shown.multivariants.iter().flat_map(|list| list.playlist.media.iter().map(move |media| (list, media)))
}

pub(super) fn unique_name(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in &shown.multivariants {
        let mut seen = BTreeMap::new();
        for media in &list.playlist.media {
            let first = *seen.entry((media.kind, &media.group, &media.name)).or_insert(media.line);
            if first != media.line {
                let Media { kind, group, name, .. } = media;
                let message = format!("{kind} \"{name}\" of the group \"{group}\" is on line {first} too");
                judge.line(&list.uri, media.line, message);
            }
        }
    }
}

pub(super) fn one_default(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in &shown.multivariants {
        let mut seen = BTreeMap::new();
        for media in list.playlist.media.iter().filter(|media| media.default) {
            let first = *seen.entry((media.kind, &media.group)).or_insert(media.line);
            if first != media.line {
                let message =
                    format!("a second DEFAULT of the group \"{}\", beside line {first}", media.group);
                judge.line(&list.uri, media.line, message);
            }
        }
    }
}

pub(super) fn default_autoselect(shown: &Presentation, judge: &mut Judge<'_>) {
    for (list, media) in renditions(shown) {
        if media.default && media.autoselect == Some(false) {
            judge.line(&list.uri, media.line, "DEFAULT is YES, but AUTOSELECT is NO");
        }
    }
}

pub(super) fn group_exists(shown: &Presentation, judge: &mut Judge<'_>) {
    for list in &shown.multivariants {
        for stream in list.playlist.variants.iter().chain(&list.playlist.i_frames) {
            for (kind, group) in stream.groups() {
                if list.group(kind, group).next().is_none() {
                    let message = format!("there is no EXT-X-MEDIA of TYPE={kind} and GROUP-ID=\"{group}\"");
                    judge.line(&list.uri, stream.line, message);
                }
            }
        }
    }
}

pub(super) fn uri(shown: &Presentation, judge: &mut Judge<'_>) {
    for (list, media) in renditions(shown) {
        let message = match (media.kind, &media.uri) {
            (MediaType::Subtitles, None) => "SUBTITLES have no URI",
            (MediaType::ClosedCaptions, Some(_)) => "CLOSED-CAPTIONS have a URI",
            _ => continue,
        };
        judge.line(&list.uri, media.line, message);
    }
}

fn sound(shown: &Presentation) -> impl Iterator<Item = (&MultivariantList, &Media)> {
    renditions(shown).filter(|(_, media)| media.kind == MediaType::Audio)
}

pub(super) fn channels(shown: &Presentation, judge: &mut Judge<'_>) {
    for (list, media) in sound(shown).filter(|(_, media)| media.channels.is_none()) {
        judge.line(&list.uri, media.line, "CHANNELS is missing");
    }
}

/// The count that CHANNELS begins with.
fn stated_channels(channels: &str) -> Option<u32> {
    channels.split('/').next()?.parse().ok()
}

pub(super) fn channels_true(shown: &Presentation, judge: &mut Judge<'_>) {
    for (list, media) in sound(shown) {
        let target = media.uri.as_deref().and_then(|uri| list.target(shown, uri));
        let entry = target
            .and_then(|list| shown.header(&list.track))
            .and_then(|header| header.track()?.entries.first());
        let found = entry.and_then(|entry| entry.audio?.channels);
        let (Some(stated), Some(found)) = (media.channels.as_deref(), found) else { continue };
        if stated_channels(stated) != Some(found) {
            let message = format!("CHANNELS is \"{stated}\", the sound has {found}");
            judge.line(&list.uri, media.line, message);
        }
    }
}

pub(super) fn language(shown: &Presentation, judge: &mut Judge<'_>) {
    for (list, media) in renditions(shown) {
        if media.kind != MediaType::Video && media.language.is_none() {
            judge.line(&list.uri, media.line, format!("{} has no LANGUAGE", media.kind));
        }
    }
}
