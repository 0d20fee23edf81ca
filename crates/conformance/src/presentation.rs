//! Everything that was read of a presentation: what the rules look at.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    At,
    cmaf::{Header, Segment},
    dash::{AdaptationSet, Mpd, Period, Representation},
    hls::{Media, MediaPlaylist, MediaType, Multivariant, StreamInf},
    place::Place,
    report::ResourceKind,
    walk::Delivery,
};

/// Segments tried for one that holds an I-frame; more only overlap in files that nobody makes.
const HOLDING_TRIED: usize = 4;

/// A presentation.
#[derive(Debug, Default)]
pub(crate) struct Presentation {
    pub multivariants: Vec<MultivariantList>,
    /// Media playlists by URI.
    pub lists: BTreeMap<Arc<str>, MediaList>,
    pub manifests: Vec<Manifest>,
    pub headers: BTreeMap<Place, Header>,
    pub segments: BTreeMap<Place, ReadSegment>,
    pub delivered: Vec<Delivered>,
    pub troubles: Vec<Trouble>,
    /// Troubles of each kind that were met, kept or not.
    pub troubles_met: BTreeMap<TroubleKind, u64>,
}

/// A segment, or an I-frame's range of one, and the header it was read with.
#[derive(Debug)]
pub(crate) struct ReadSegment {
    pub header: Option<Place>,
    pub media: Segment,
}

/// Something that reading met, judged by the rule of its kind.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub kind: TroubleKind,
    pub resource: Arc<str>,
    pub at: At,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TroubleKind {
    Fetch,
    Limit,
    Hls,
    Cmaf,
    Vtt,
    Dash,
}

/// How a resource came over HTTP.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub uri: Arc<str>,
    pub kind: ResourceKind,
    pub delivery: Delivery,
}

/// A multivariant playlist and where its references lead.
#[derive(Debug)]
pub(crate) struct MultivariantList {
    pub uri: Arc<str>,
    pub playlist: Multivariant,
    /// Absolute URIs by reference as written.
    pub targets: BTreeMap<String, Arc<str>>,
}

/// A media playlist.
#[derive(Debug)]
pub(crate) struct MediaList {
    pub playlist: MediaPlaylist,
    /// Whether an EXT-X-I-FRAME-STREAM-INF names it, or it says so itself.
    pub i_frames: bool,
    pub track: Track,
}

/// An MPD.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub uri: Arc<str>,
    pub mpd: Mpd,
    pub tracks: Vec<ManifestTrack>,
}

/// A Representation, by its indices in the MPD.
#[derive(Debug)]
pub(crate) struct ManifestTrack {
    pub period: usize,
    pub set: usize,
    pub representation: usize,
    /// Ticks per second of its template.
    pub timescale: u64,
    /// Start and length of each segment as the timeline says, in those ticks.
    pub timeline: Vec<(Option<u64>, u64)>,
    pub track: Track,
}

/// Segments in order, as a playlist or an MPD lists them.
#[derive(Debug)]
pub(crate) struct Track {
    /// The playlist or MPD.
    pub resource: Arc<str>,
    pub segments: Vec<TrackSegment>,
    /// The header of its first segment that has one.
    pub header: Option<Place>,
    /// Whether a limit cut the list, so that its length says nothing.
    pub cut: bool,
}

/// One segment of a track.
#[derive(Clone, Debug)]
pub(crate) struct TrackSegment {
    pub place: Place,
    pub header: Option<Place>,
    /// Where it is listed.
    pub at: At,
    /// Seconds it is said to last.
    pub duration: f64,
    /// Whether a discontinuity or missing media (EXT-X-GAP) is before it.
    pub discontinuity: bool,
}

impl Presentation {
    /// The header of a track: of its first segment that has one.
    pub fn header(&self, track: &Track) -> Option<&Header> {
        self.headers.get(track.header.as_ref()?)
    }

    pub fn segment(&self, listed: &TrackSegment) -> Option<&Segment> {
        self.segments.get(&listed.place).map(|read| &read.media)
    }

    /// What was read that holds the bytes of `place`.
    pub fn holding<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = &'a Segment> {
        // Ranges that do not overlap are in order, so the one that holds `place` begins close before it.
        let last = Place { uri: place.uri.clone(), range: Some((place.start(), u64::MAX)) };
        let near = self.segments.range(Place::whole(place.uri.clone())..=last).rev().take(HOLDING_TRIED);
        let whole = self.segments.get_key_value(&Place::whole(place.uri.clone()));
        let candidates = whole.into_iter().chain(near);
        candidates.filter(|(known, _)| known.covers(place)).map(|(_, read)| &read.media)
    }

    /// What was read of a file of segments.
    pub fn of_file(&self, uri: &Arc<str>) -> impl Iterator<Item = (&Place, &Segment)> {
        let first = Place::whole(uri.clone());
        let last = Place { uri: uri.clone(), range: Some((u64::MAX, u64::MAX)) };
        self.segments.range(first..=last).map(|(place, read)| (place, &read.media))
    }

    /// Ticks per second of a listed segment.
    pub fn timescale(&self, listed: &TrackSegment) -> Option<u32> {
        self.headers.get(listed.header.as_ref()?)?.track()?.timescale
    }

    /// Media playlists that are no I-frame playlists.
    pub fn media_lists(&self) -> impl Iterator<Item = &MediaList> {
        self.lists.values().filter(|list| !list.i_frames)
    }

    /// All tracks: of media playlists and of Representations.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        let of_manifests = self.manifests.iter().flat_map(|manifest| &manifest.tracks);
        self.media_lists().map(|list| &list.track).chain(of_manifests.map(|track| &track.track))
    }

    /// Whether a track is known to carry pictures.
    pub fn is_video(&self, track: &Track) -> bool {
        self.header(track).is_some_and(|header| header.tracks.iter().any(crate::cmaf::Track::is_video))
    }

    /// Tracks that a player may switch between: the video variants of one coding of each multivariant
    /// playlist, and the Representations of each AdaptationSet.
    pub fn switching_sets(&self) -> Vec<Vec<&Track>> {
        let mut sets = Vec::new();
        for list in &self.multivariants {
            let mut families: BTreeMap<[u8; 3], Vec<&Track>> = BTreeMap::new();
            for track in list.distinct_variant_lists(self).map(|list| &list.track) {
                if let Some(family) = self.video_family(track) {
                    families.entry(family).or_default().push(track);
                }
            }
            sets.extend(families.into_values());
        }
        for manifest in &self.manifests {
            let mut by_set: BTreeMap<(usize, usize), Vec<&Track>> = BTreeMap::new();
            for track in &manifest.tracks {
                by_set.entry((track.period, track.set)).or_default().push(&track.track);
            }
            sets.extend(by_set.into_values());
        }
        sets.retain(|set| set.len() > 1);
        sets
    }

    /// `avc`, `hvc`, `hev` …: variants of different codings need not align.
    fn video_family(&self, track: &Track) -> Option<[u8; 3]> {
        let media = self.header(track)?.track().filter(|track| track.is_video())?;
        let [a, b, c, _] = media.entries.first()?.format.0;
        Some(if [a, b, c] == *b"hev" { *b"hvc" } else { [a, b, c] })
    }
}

impl Track {
    pub fn new(resource: Arc<str>, segments: Vec<TrackSegment>, cut: bool) -> Self {
        let header = segments.iter().find_map(|segment| segment.header.clone());
        Self { resource, segments, header, cut }
    }
}

impl MultivariantList {
    pub fn target<'a>(&self, shown: &'a Presentation, reference: &str) -> Option<&'a MediaList> {
        shown.lists.get(self.targets.get(reference)?)
    }

    pub fn variant_list<'a>(&self, shown: &'a Presentation, variant: &StreamInf) -> Option<&'a MediaList> {
        self.target(shown, &variant.uri.as_ref()?.value)
    }

    /// Variants and their media playlists, as far as those were read.
    pub fn variants<'a>(
        &'a self,
        shown: &'a Presentation,
    ) -> impl Iterator<Item = (&'a StreamInf, &'a MediaList)> {
        self.playlist
            .variants
            .iter()
            .filter_map(|variant| Some((variant, self.variant_list(shown, variant)?)))
    }

    /// The media playlists of the variants, each once.
    pub fn distinct_variant_lists<'a>(
        &'a self,
        shown: &'a Presentation,
    ) -> impl Iterator<Item = &'a MediaList> {
        let mut seen = BTreeSet::new();
        self.variants(shown).map(|(_, list)| list).filter(move |list| seen.insert(&list.track.resource))
    }

    /// The renditions of a group.
    pub fn group<'a>(&'a self, kind: MediaType, group: &'a str) -> impl Iterator<Item = &'a Media> {
        self.playlist.media.iter().filter(move |media| media.kind == kind && media.group == group)
    }

    /// The media playlists of the renditions of a group that have their own.
    pub fn group_lists<'a>(
        &'a self,
        shown: &'a Presentation,
        kind: MediaType,
        group: &'a str,
    ) -> impl Iterator<Item = (&'a Media, &'a MediaList)> {
        self.group(kind, group).filter_map(|media| {
            let list = self.target(shown, media.uri.as_deref()?)?;
            Some((media, list))
        })
    }

    /// Whether a variant shows pictures: its header says so, or what the tag says when there is no header.
    pub fn is_video(&self, shown: &Presentation, variant: &StreamInf) -> bool {
        let header = self.variant_list(shown, variant).and_then(|list| shown.header(&list.track));
        match header {
            Some(header) => header.tracks.iter().any(crate::cmaf::Track::is_video),
            None => variant.resolution.is_some(),
        }
    }

    /// Audio and video playlists in order: of variants, then of renditions; each once.
    pub fn timed_lists<'a>(&'a self, shown: &'a Presentation) -> Vec<&'a MediaList> {
        let mut lists: Vec<&MediaList> = self.distinct_variant_lists(shown).collect();
        let mut seen: BTreeSet<&Arc<str>> = lists.iter().map(|list| &list.track.resource).collect();
        let renditions = self.playlist.media.iter().filter(|media| media.kind != MediaType::Subtitles);
        for list in renditions.filter_map(|media| self.target(shown, media.uri.as_deref()?)) {
            if seen.insert(&list.track.resource) {
                lists.push(list);
            }
        }
        lists.retain(|list| !list.i_frames);
        lists
    }
}

impl Manifest {
    pub fn sets(&self) -> impl Iterator<Item = (&Period, &AdaptationSet)> {
        self.mpd.periods.iter().flat_map(|period| period.sets.iter().map(move |set| (period, set)))
    }

    pub fn representation(&self, track: &ManifestTrack) -> Option<(&AdaptationSet, &Representation)> {
        let set = self.mpd.periods.get(track.period)?.sets.get(track.set)?;
        Some((set, set.representations.get(track.representation)?))
    }
}
