//! From an HLS playlist to the places it names.

use std::{collections::BTreeMap, sync::Arc};

use super::{Check, Role, Segments, Task};
use crate::{
    At, ResourceKind,
    hls::{self, MediaPlaylist, Multivariant, Playlist, Variables},
    place::{self, Place},
    presentation::{MediaList, MultivariantList, Track, TrackSegment, TroubleKind},
};

impl Check {
    /// An entry is an MPD when it begins like XML, and an HLS playlist otherwise.
    pub(super) fn entry(&mut self, uri: &Arc<str>, bytes: &[u8]) -> ResourceKind {
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
        if text.starts_with(b"<") {
            return self.mpd(uri, bytes);
        }
        let given = Variables { query: query(uri), ..Variables::default() };
        let (playlist, faults) = hls::read(bytes, &given);
        self.faults(TroubleKind::Hls, uri, faults);
        self.counts.playlists += 1;
        match playlist {
            Playlist::Multivariant(playlist) => self.multivariant(uri, playlist),
            Playlist::Media(playlist) => {
                let i_frames = playlist.i_frames_only.is_some();
                self.media_list(uri, playlist, i_frames)
            }
        }
    }

    /// A playlist that a multivariant playlist names.
    pub(super) fn list(
        &mut self,
        uri: &Arc<str>,
        bytes: &[u8],
        i_frames: bool,
        imports: &BTreeMap<String, String>,
    ) -> ResourceKind {
        let given = Variables { imported: imports.clone(), query: query(uri) };
        let (playlist, faults) = hls::read(bytes, &given);
        self.faults(TroubleKind::Hls, uri, faults);
        self.counts.playlists += 1;
        match playlist {
            Playlist::Media(playlist) => self.media_list(uri, playlist, i_frames),
            Playlist::Multivariant(_) => {
                let message = "a multivariant playlist where a media playlist belongs";
                self.trouble(TroubleKind::Hls, uri, At::Whole, message.to_owned());
                ResourceKind::Unknown
            }
        }
    }

    fn multivariant(&mut self, uri: &Arc<str>, playlist: Multivariant) -> ResourceKind {
        let mut targets = BTreeMap::new();
        let imports = Arc::new(playlist.variables.clone());
        for (reference, line, i_frames) in references(&playlist) {
            let Some(target) = self.reference(uri, At::Line(line), reference, TroubleKind::Hls) else {
                continue;
            };
            targets.insert(reference.to_owned(), target.clone());
            let role = Role::List { i_frames, imports: imports.clone() };
            let cited = Some((uri.clone(), At::Line(line)));
            self.queue.push(Task { place: Place::whole(target), role, cited });
        }
        self.shown.multivariants.push(MultivariantList { uri: uri.clone(), playlist, targets });
        ResourceKind::Multivariant
    }

    fn media_list(&mut self, uri: &Arc<str>, mut playlist: MediaPlaylist, i_frames: bool) -> ResourceKind {
        let limit = self.entries_left();
        let cut = playlist.segments.len() > limit;
        playlist.segments.truncate(limit);
        self.take_entries(uri, playlist.segments.len(), cut);
        let maps: Vec<Option<Place>> = playlist.maps.iter().map(|map| self.map_place(uri, map)).collect();
        let mut segments = Vec::new();
        let mut sealed = Vec::new();
        let mut behind_gap = false;
        for listed in &playlist.segments {
            let line = listed.range_line.filter(|_| i_frames).unwrap_or(listed.uri_line);
            let at = At::Line(line);
            let Some(target) = self.reference(uri, at, &listed.uri, TroubleKind::Hls) else { continue };
            // What EXT-X-GAP declares absent is neither read nor judged.
            if listed.gap {
                behind_gap = true;
                continue;
            }
            let missed = std::mem::take(&mut behind_gap);
            sealed.push(listed.sealed);
            segments.push(TrackSegment {
                place: Place { uri: target, range: listed.range },
                header: listed.map.and_then(|map| maps.get(map).cloned().flatten()),
                at,
                duration: listed.duration,
                discontinuity: listed.discontinuity || missed,
            });
        }
        let track = Track::new(uri.clone(), segments, cut);
        if i_frames {
            self.queue_ranges(&track);
        } else {
            self.queue_segments(&track, &sealed);
        }
        self.shown.lists.insert(uri.clone(), MediaList { playlist, i_frames, track });
        ResourceKind::MediaPlaylist
    }

    /// The place of a header, which is queued.
    fn map_place(&mut self, uri: &Arc<str>, map: &hls::Map) -> Option<Place> {
        let at = At::Line(map.line);
        let target = self.reference(uri, at, &map.uri, TroubleKind::Hls)?;
        let place = Place { uri: target, range: map.range };
        self.queue_header(&place, uri, at);
        Some(place)
    }

    pub(super) fn queue_header(&mut self, place: &Place, uri: &Arc<str>, at: At) {
        let cited = Some((uri.clone(), at));
        self.queue.push(Task { place: place.clone(), role: Role::Header, cited });
    }

    pub(super) fn queue_segments(&mut self, track: &Track, sealed: &[bool]) {
        let wanted = chosen(track.segments.len(), self.options.segments);
        let mut wanted = wanted.into_iter().peekable();
        for (index, segment) in track.segments.iter().enumerate() {
            let read = wanted.next_if_eq(&index).is_some();
            let sealed = sealed.get(index).copied().unwrap_or(false);
            let role = Role::Segment { header: segment.header.clone(), sealed };
            let cited = Some((track.resource.clone(), segment.at));
            self.listed.insert(segment.place.clone());
            if read {
                self.queue.push(Task { place: segment.place.clone(), role, cited });
            }
        }
    }

    fn queue_ranges(&mut self, track: &Track) {
        for index in chosen(track.segments.len(), self.options.segments) {
            let segment = &track.segments[index];
            let role = Role::Range { header: segment.header.clone() };
            let cited = Some((track.resource.clone(), segment.at));
            self.queue.push(Task { place: segment.place.clone(), role, cited });
        }
    }

    /// Segments that the next track may list.
    pub(super) fn entries_left(&self) -> usize {
        let left = self.options.limits.resources.saturating_sub(self.entries);
        usize::try_from(left).unwrap_or(usize::MAX).min(self.options.limits.segments_listed)
    }

    pub(super) fn take_entries(&mut self, uri: &Arc<str>, count: usize, cut: bool) {
        self.entries += count as u64;
        if cut {
            let message = format!(
                "a track lists more than the {count} segments that were left to take; the rest was not read"
            );
            self.stop(uri, message);
        }
    }

    fn reference(&mut self, base: &Arc<str>, at: At, reference: &str, kind: TroubleKind) -> Option<Arc<str>> {
        self.reference_from(base, base, at, reference, kind)
    }

    /// Resolves a reference that stands at `at` in `uri`; one that leads nowhere is a fault there.
    pub(super) fn reference_from(
        &mut self,
        base: &str,
        uri: &Arc<str>,
        at: At,
        reference: &str,
        kind: TroubleKind,
    ) -> Option<Arc<str>> {
        match place::resolve(base, reference) {
            Ok(target) => Some(target),
            Err(error) => {
                self.trouble(kind, uri, at, error.to_string());
                None
            }
        }
    }
}

/// Playlists that a multivariant playlist names: reference, line, and whether it is an I-frame playlist.
fn references(playlist: &Multivariant) -> impl Iterator<Item = (&str, u32, bool)> {
    let variants = playlist.variants.iter().map(|variant| (variant, false));
    let i_frames = playlist.i_frames.iter().map(|variant| (variant, true));
    let media = playlist.media.iter().filter_map(|media| Some((media.uri.as_deref()?, media.line, false)));
    let streams = variants.chain(i_frames).filter_map(|(stream, i_frames)| {
        let uri = stream.uri.as_ref()?;
        Some((uri.value.as_str(), uri.line, i_frames))
    });
    streams.chain(media)
}

/// The parameters of a URI's query.
fn query(uri: &str) -> BTreeMap<String, String> {
    let Ok(url) = url::Url::parse(uri) else { return BTreeMap::new() };
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// The segments of `count` to read: all, or pairs of neighbours spread from the first to the last.
fn chosen(count: usize, segments: Segments) -> Vec<usize> {
    let wanted = match segments {
        Segments::Sample(wanted) if wanted.get() < count => wanted.get(),
        _ => return (0..count).collect(),
    };
    let pairs = wanted.div_ceil(2);
    let last = count - 1;
    let mut indices: Vec<usize> = (0..pairs)
        .flat_map(|pair| {
            let start = if pairs == 1 { 0 } else { pair * (last - 1) / (pairs - 1) };
            [start, start + 1]
        })
        .collect();
    indices.dedup();
    indices
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sample_holds_the_first_and_the_last_pair() {
        let sample = |count, wanted| chosen(count, Segments::Sample(NonZeroUsize::new(wanted).unwrap()));
        assert_eq!(sample(100, 4), [0, 1, 98, 99]);
        assert_eq!(sample(100, 1), [0, 1]);
        assert_eq!(sample(3, 3), [0, 1, 2]);
        assert_eq!(chosen(3, Segments::All), [0, 1, 2]);
    }

    proptest! {
        #[test]
        fn a_sample_is_ordered_within_bounds_and_small(count in 0_usize..5000, wanted in 1_usize..200) {
            let indices = chosen(count, Segments::Sample(NonZeroUsize::new(wanted).unwrap()));
            prop_assert!(indices.is_sorted_by(|a, b| a < b));
            prop_assert!(indices.iter().all(|index| *index < count));
            prop_assert!(indices.len() <= wanted + 1 || indices.len() == count);
        }
    }
}
