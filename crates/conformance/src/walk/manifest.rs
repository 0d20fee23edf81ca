//! From an MPD to the places it names.

use std::sync::Arc;

use super::{
    Check,
    queue::{Role, Task},
};
use crate::{
    At, ResourceKind,
    dash::{self, AdaptationSet, Mpd, Period, Representation, Template},
    measure,
    place::Place,
    presentation::{Manifest, ManifestTrack, Track, TrackSegment, TroubleKind},
};

/// A Representation with what it stands in.
#[derive(Clone, Copy)]
struct Within<'a> {
    uri: &'a Arc<str>,
    mpd: &'a Mpd,
    period: &'a Period,
    set: &'a AdaptationSet,
    representation: &'a Representation,
}

/// Segments with their start and length as the timeline says.
type Timed = (Vec<(Option<u64>, u64)>, Vec<TrackSegment>);

impl Check {
    pub(super) fn mpd(&mut self, uri: &Arc<str>, bytes: &[u8]) -> ResourceKind {
        let (mpd, faults) = dash::read(bytes);
        self.faults(TroubleKind::Dash, uri, faults);
        self.counts.playlists += 1;
        let mut tracks = Vec::new();
        for (p, period) in mpd.periods.iter().enumerate() {
            for (s, set) in period.sets.iter().enumerate() {
                for (r, representation) in set.representations.iter().enumerate() {
                    let within = Within { uri, mpd: &mpd, period, set, representation };
                    tracks.extend(self.representation(within, [p, s, r]));
                }
            }
        }
        self.shown.manifests.push(Manifest { uri: uri.clone(), mpd, tracks });
        ResourceKind::Mpd
    }

    fn representation(&mut self, within: Within<'_>, indices: [usize; 3]) -> Option<ManifestTrack> {
        let Within { uri, mpd, period, set, representation } = within;
        if self.stopped {
            return None;
        }
        let levels = [&representation.template, &set.template, &period.template];
        let Some(template) = Template::joined(levels) else {
            self.one_file(within);
            return None;
        };
        let base = self.base(within)?;
        let header = self.manifest_header(within, &template, &base);
        let (unrolled, cut) = template.segments(period.duration.or(mpd.duration), self.entries_left());
        self.take_entries(uri, unrolled.len(), cut);
        let (timeline, segments) = self.timed(within, &template, &base, header.as_ref(), &unrolled);
        let track = Track::new(uri.clone(), segments, cut);
        self.queue_segments(&track, &[]);
        let [period, set, representation] = indices;
        let timescale = template.timescale;
        Some(ManifestTrack { period, set, representation, timescale, timeline, track })
    }

    /// A Representation of one file: text beside the media is read, anything else is not followed.
    fn one_file(&mut self, within: Within<'_>) {
        let Within { uri, representation, .. } = within;
        let is_text = representation.base_url.as_deref().is_some_and(|file| file.ends_with(".vtt"));
        if representation.other_addressing || !is_text {
            return self.not_addressed(uri);
        }
        let Some(file) = self.base(within) else { return };
        let cited = Some((uri.clone(), At::Line(representation.line)));
        self.queue.push(Task {
            place: Place::whole(file),
            role: Role::Segment { header: None, sealed: false },
            cited,
        });
    }

    fn not_addressed(&mut self, uri: &str) {
        let reason =
            "the Representation has no SegmentTemplate; SegmentBase and SegmentList are not followed";
        for rule in ["DASH-TIMELINE-TRUE", "DASH-CODECS"] {
            self.cannot_judge(rule, uri, reason);
        }
    }

    /// What references are resolved against: each BaseURL in turn (ISO/IEC 23009-1 5.6.4).
    fn base(&mut self, within: Within<'_>) -> Option<Arc<str>> {
        let Within { uri, mpd, period, set, representation } = within;
        let line = At::Line(representation.line);
        let mut base = uri.clone();
        let bases = [&mpd.base_url, &period.base_url, &set.base_url, &representation.base_url];
        for reference in bases.into_iter().flatten() {
            base = self.reference_from(&base, uri, line, reference, TroubleKind::Dash)?;
        }
        Some(base)
    }

    /// The place of a Representation's header, which is queued.
    fn manifest_header(&mut self, within: Within<'_>, template: &Template<'_>, base: &str) -> Option<Place> {
        let line = At::Line(within.representation.line);
        let reference = template.header(within.representation)?;
        let target = self.reference_from(base, within.uri, line, &reference, TroubleKind::Dash)?;
        let header = Place::whole(target);
        self.queue_header(&header, within.uri, line);
        Some(header)
    }

    fn timed(
        &mut self,
        within: Within<'_>,
        template: &Template<'_>,
        base: &str,
        header: Option<&Place>,
        unrolled: &[dash::Unrolled],
    ) -> Timed {
        let (mut timeline, mut segments) = (Vec::new(), Vec::new());
        for (index, segment) in unrolled.iter().enumerate() {
            let at = At::Line(segment.line);
            let reference = template.segment(within.representation, index, segment);
            let target = self.reference_from(base, within.uri, at, &reference, TroubleKind::Dash);
            let Some(target) = target else { continue };
            timeline.push((segment.t, segment.d));
            segments.push(TrackSegment {
                place: Place::whole(target),
                header: header.cloned(),
                at,
                duration: measure::real(segment.d) / measure::real(template.timescale),
                discontinuity: false,
            });
        }
        (timeline, segments)
    }
}
