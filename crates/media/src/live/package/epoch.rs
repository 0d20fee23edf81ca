//! Renditions are opened together, and go on together where the encoder's clock or configuration is another.

use super::{
    Kept, Lane, PackageError, Packager, RenditionName,
    lane::{self, Shape},
};
use crate::live::{
    cut::Limits,
    mux::{audio_header, video_header},
    retime::{Timebase, Track},
    window::{Moment, Parameters, PartTarget, ServerControl},
};

impl Packager {
    /// A broadcast that another process, or this one before, has begun: lists go on where they ended, behind a
    /// discontinuity.
    #[must_use]
    pub fn resume(packaging: super::Packaging, kept: Vec<Kept>) -> Self {
        let ends = kept.iter().map(|kept| kept.saved.open.run.date(kept.saved.open.at));
        let date_before = ends.max().unwrap_or(Moment(i64::MIN));
        Self { kept, date_before, ..Self::new(packaging) }
    }

    pub(super) fn begin_epoch(&mut self, video: Option<Timebase>, now: Moment) -> Result<(), PackageError> {
        self.date_before = self.date.take().unwrap_or(self.date_before);
        self.base = video.or(self.base);
        if self.lanes.is_empty() {
            return self.open_lanes(now);
        }
        let (seconds, longest) = (self.packaging.segment_seconds, self.packaging.target_seconds);
        for lane in &mut self.lanes {
            let limits = match (lane.track(), self.base, &self.audio) {
                (Track::Video, Some(base), _) => Limits::video(base, seconds, longest),
                (Track::Audio, _, Some(audio)) => Limits::audio(audio, seconds, longest),
                _ => return Err(PackageError::Tracks("one of them is gone")),
            };
            lane.begin_epoch(limits, self.video.as_ref(), self.audio.as_ref())?;
        }
        Ok(())
    }

    /// Renditions are opened together: their lists agree on how far from the end players stay.
    fn open_lanes(&mut self, now: Moment) -> Result<(), PackageError> {
        let wanted = self.wanted();
        let targets: Vec<PartTarget> =
            wanted.iter().map(|shape| lane::part_target(&shape.limits)).collect::<Result<_, _>>()?;
        let longest = self.packaging.target_seconds;
        let control = ServerControl::least(longest, targets.iter().copied());
        for (shape, part_target) in wanted.into_iter().zip(targets) {
            let parameters = Parameters {
                name: shape.name.to_string(),
                target_seconds: longest,
                part_target,
                control,
                dvr: self.packaging.dvr,
            };
            let before = self.kept.iter().position(|kept| kept.name == shape.name);
            let lane = match before.map(|at| self.kept.swap_remove(at)) {
                Some(kept) => Lane::resumed(shape, kept, now)?,
                None => Lane::new(shape, parameters),
            };
            self.lanes.push(lane);
        }
        if self.kept.iter().any(|kept| !matches!(kept.name, RenditionName::Rung(_))) {
            return Err(PackageError::Tracks("one of them is gone"));
        }
        Ok(())
    }

    /// The renditions of what the encoder sends; the first leads.
    fn wanted(&self) -> Vec<Shape> {
        let (seconds, longest) = (self.packaging.segment_seconds, self.packaging.target_seconds);
        let mut wanted = Vec::new();
        if let (Some(video), Some(base)) = (&self.video, self.base) {
            let limits = Limits::video(base, seconds, longest);
            let header = video_header(video, limits.timescale);
            wanted.push(Shape {
                name: RenditionName::Source,
                track: Track::Video,
                limits,
                header,
                leads: true,
            });
        }
        if let Some(audio) = &self.audio {
            let (name, track) = (RenditionName::Audio, Track::Audio);
            let limits = Limits::audio(audio, seconds, longest);
            wanted.push(Shape { name, track, limits, header: audio_header(audio), leads: wanted.is_empty() });
        }
        if let (Some(_), Some(base)) = (&self.video, self.base) {
            let limits = Limits::video(base, seconds, longest);
            wanted.extend(self.rungs.names().map(|name| Shape::rung(name, limits)));
        }
        wanted
    }
}
