//! One broadcast, packaged: what an encoder sends goes in, objects and lists come out.
//!
//! Sans-IO. A session hands in configurations and access units in the order of their arrival, stores the [`Product`]s
//! it gets, and then publishes [`Packager::lists`]: what a list names is there before the list is. Pictures lead,
//! sound follows; without pictures, sound leads.

mod lane;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use super::{
    LiveTrack, RenditionName,
    config::{AudioConfig, VideoConfig},
    cut::{Cut, Limits, Reason, rescaled},
    multivariant,
    mux::{audio_header, video_header},
    retime::{AccessUnit, Cadence, Dropped, Hints, NewEpoch, Outcome, Retimer, Sample, Timebase, Track},
    window::{Dvr, LiveList, Moment, Parameters, Part, PartTarget, Run, Segment, ServerControl},
};
use crate::{CmafError, FrameRate, SampleFormat, TrackRole, WindowError};
use lane::Lane;

/// How a broadcast is cut and listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packaging {
    /// A segment ends at the first key frame after so many seconds; at least 1.
    pub segment_seconds: u32,
    /// EXT-X-TARGETDURATION; a segment for which no key frame comes ends there. At least `segment_seconds`.
    pub target_seconds: u32,
    /// How far back lists reach.
    pub dvr: Dvr,
}

impl Default for Packaging {
    /// Encoders that send a key frame every one, two or four seconds get segments of four; none is over six.
    fn default() -> Self {
        Self { segment_seconds: 4, target_seconds: 6, dvr: Dvr::Seconds(120) }
    }
}

/// What came of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Product {
    /// `init-{number}.mp4` of a rendition.
    Header {
        /// The rendition.
        rendition: RenditionName,
        /// Counted from 0.
        number: u32,
        /// Its bytes.
        bytes: Bytes,
    },
    /// `{msn}.{part}.m4s`.
    Part {
        /// The rendition.
        rendition: RenditionName,
        /// The segment's number.
        msn: u64,
        /// The part's number in it.
        part: u32,
        /// What its list says of it.
        listed: Part,
        /// The timeline that it lies on.
        run: Run,
        /// Its bytes.
        bytes: Bytes,
    },
    /// `{msn}.m4s`: the parts of a segment, one behind the other.
    Segment {
        /// The rendition.
        rendition: RenditionName,
        /// What its list says of it.
        listed: Segment,
        /// The timeline that it lies on.
        run: Run,
        /// Its bytes; none of one that stands for missing media.
        bytes: Bytes,
    },
    /// A unit was left out.
    Dropped(Track, Dropped),
    /// A new epoch began: lists have a discontinuity there, but for the first.
    Epoch(NewEpoch),
}

/// Why a broadcast cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// What the encoder sends cannot be written.
    #[error(transparent)]
    Cmaf(#[from] CmafError),
    /// It cannot be listed.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// A track came or went, which viewers' lists cannot follow.
    #[error("the encoder's tracks changed: {0}")]
    Tracks(&'static str),
}

type Products = Result<Vec<Product>, PackageError>;

/// A broadcast from its first access unit to its end. Memory is bounded by an open segment of each rendition, and what
/// [`Retimer`] and the windows hold.
#[derive(Debug)]
pub struct Packager {
    packaging: Packaging,
    video: Option<VideoConfig>,
    audio: Option<AudioConfig>,
    metadata: Option<FrameRate>,
    retimer: Option<Retimer>,
    base: Option<Timebase>,
    lanes: Vec<Lane>,
    /// The date of tick 0 on the present timeline; `None` until the first sample of an epoch says it.
    date: Option<Moment>,
    /// The one before it, which no later one precedes.
    date_before: Moment,
    ended: bool,
}

impl Packager {
    /// A broadcast of which nothing came yet.
    #[must_use]
    pub const fn new(packaging: Packaging) -> Self {
        Self {
            packaging,
            video: None,
            audio: None,
            metadata: None,
            retimer: None,
            base: None,
            lanes: Vec::new(),
            date: None,
            date_before: Moment(i64::MIN),
            ended: false,
        }
    }

    /// The frame rate that the encoder's metadata state; a hint, before the first access unit.
    pub const fn metadata_rate(&mut self, rate: Option<FrameRate>) {
        self.metadata = rate;
    }

    /// The encoder's pictures are described, for the first time or anew.
    ///
    /// # Errors
    /// [`PackageError`]; the broadcast cannot go on.
    pub fn describe_video(&mut self, config: VideoConfig, now: Moment) -> Products {
        if self.video.as_ref() == Some(&config) {
            return Ok(Vec::new());
        }
        if self.video.is_none() && !self.lanes.is_empty() {
            return Err(PackageError::Tracks("pictures came later than sound"));
        }
        self.video = Some(config);
        self.described(now)
    }

    /// The encoder's sound is described, for the first time or anew.
    ///
    /// # Errors
    /// As [`Self::describe_video`].
    pub fn describe_audio(&mut self, config: AudioConfig, now: Moment) -> Products {
        if self.audio.as_ref() == Some(&config) {
            return Ok(Vec::new());
        }
        if self.audio.is_none() && !self.lanes.is_empty() {
            return Err(PackageError::Tracks("sound came later than pictures"));
        }
        self.audio = Some(config);
        self.described(now)
    }

    fn described(&mut self, now: Moment) -> Products {
        let hints = self.hints();
        let Some(retimer) = &mut self.retimer else { return Ok(Vec::new()) };
        let outcomes = retimer.reconfigure(self.video.is_some(), self.audio.as_ref(), hints);
        self.take_all(outcomes, now)
    }

    fn hints(&self) -> Hints {
        let parameter_set = self.video.as_ref().and_then(|video| video.frame_rate);
        Hints { parameter_set, metadata: self.metadata }
    }

    /// A picture or a frame of sound arrived. Units of a track that was not described are left out.
    ///
    /// # Errors
    /// As [`Self::describe_video`].
    pub fn unit(&mut self, track: Track, unit: AccessUnit, now: Moment) -> Products {
        let described = match track {
            Track::Video => self.video.is_some(),
            Track::Audio => self.audio.is_some(),
        };
        if !described || self.ended {
            return Ok(Vec::new());
        }
        let hints = self.hints();
        let (video, audio) = (self.video.is_some(), self.audio.as_ref());
        let retimer = self.retimer.get_or_insert_with(|| Retimer::new(video, audio, hints));
        let outcomes = retimer.push(track, unit);
        self.take_all(outcomes, now)
    }

    /// The encoder came back: its clock is another.
    ///
    /// # Errors
    /// As [`Self::describe_video`].
    pub fn reconnect(&mut self, now: Moment) -> Products {
        let outcomes = self.retimer.as_mut().map(Retimer::reconnect).unwrap_or_default();
        self.take_all(outcomes, now)
    }

    /// The broadcast is over: lists end.
    ///
    /// # Errors
    /// As [`Self::describe_video`].
    pub fn finish(&mut self, now: Moment) -> Products {
        let outcomes = self.retimer.as_mut().map(Retimer::finish).unwrap_or_default();
        let mut products = self.take_all(outcomes, now)?;
        self.end_lanes(now, &mut products, Lane::finish)?;
        for lane in &mut self.lanes {
            lane.end(now)?;
        }
        self.ended = true;
        Ok(products)
    }

    /// The list of every rendition that has begun, as it stands; the same value while nothing changed.
    pub fn lists(&mut self) -> Vec<(RenditionName, std::sync::Arc<LiveList>)> {
        let reports: Vec<_> = self.lanes.iter().filter_map(Lane::report).collect();
        // Until all have begun, a player could open a list whose sibling is not there.
        if reports.len() < self.lanes.len() {
            return Vec::new();
        }
        self.lanes.iter_mut().filter_map(|lane| lane.list(&reports)).collect()
    }

    /// The multivariant playlist; `None` until all renditions have begun. What playing costs is what it cost so far.
    #[must_use]
    pub fn multivariant(&self, broadcast: &str) -> Option<String> {
        if self.lanes.is_empty() || self.lanes.iter().any(|lane| lane.report().is_none()) {
            return None;
        }
        let tracks: Vec<_> = self.lanes.iter().filter_map(|lane| self.track(lane)).collect();
        Some(multivariant(broadcast, &tracks, false))
    }

    fn track(&self, lane: &Lane) -> Option<LiveTrack> {
        let (codec, format, role) = match (lane.track(), &self.video, &self.audio) {
            (Track::Video, Some(video), _) => {
                let (width, height) = (video.width, video.height);
                let fps = self.base.and_then(rate)?;
                (video.codecs.clone(), SampleFormat::Video { width, height }, TrackRole::Video { fps })
            }
            (Track::Audio, _, Some(audio)) => {
                let (sample_rate, channels) = (audio.sample_rate, audio.channels);
                let role =
                    TrackRole::Audio { language: "und".to_owned(), label: String::new(), default: true };
                (audio.codecs.clone(), SampleFormat::Audio { sample_rate, channels }, role)
            }
            _ => return None,
        };
        Some(LiveTrack { name: lane.name().to_string(), codec, format, role, cost: lane.cost() })
    }

    fn take_all(&mut self, outcomes: Vec<Outcome>, now: Moment) -> Products {
        let mut products = Vec::new();
        for outcome in outcomes {
            self.take(outcome, now, &mut products)?;
        }
        Ok(products)
    }

    fn take(
        &mut self,
        outcome: Outcome,
        now: Moment,
        products: &mut Vec<Product>,
    ) -> Result<(), PackageError> {
        match outcome {
            Outcome::Video(sample) => self.sample(Track::Video, sample, now, products),
            Outcome::Audio(sample) => self.sample(Track::Audio, sample, now, products),
            // It follows as sound.
            Outcome::Silence(_) => Ok(()),
            Outcome::Dropped(track, reason) => {
                products.push(Product::Dropped(track, reason));
                Ok(())
            }
            Outcome::Epoch { reason, video, .. } => {
                self.end_lanes(now, products, Lane::end_epoch)?;
                self.begin_epoch(video)?;
                products.push(Product::Epoch(reason));
                Ok(())
            }
        }
    }

    fn begin_epoch(&mut self, video: Option<Timebase>) -> Result<(), PackageError> {
        self.date_before = self.date.take().unwrap_or(self.date_before);
        self.base = video.or(self.base);
        if self.lanes.is_empty() {
            return self.open_lanes();
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
    fn open_lanes(&mut self) -> Result<(), PackageError> {
        let (seconds, longest) = (self.packaging.segment_seconds, self.packaging.target_seconds);
        let mut wanted = Vec::new();
        if let (Some(video), Some(base)) = (&self.video, self.base) {
            let limits = Limits::video(base, seconds, longest);
            wanted.push((RenditionName::Source, Track::Video, limits, video_header(video, limits.timescale)));
        }
        if let Some(audio) = &self.audio {
            let limits = Limits::audio(audio, seconds, longest);
            wanted.push((RenditionName::Audio, Track::Audio, limits, audio_header(audio)));
        }
        let targets: Vec<PartTarget> =
            wanted.iter().map(|(_, _, limits, _)| lane::part_target(limits)).collect::<Result<_, _>>()?;
        let control = ServerControl::least(longest, targets.iter().copied());
        for ((name, track, limits, header), part_target) in wanted.into_iter().zip(targets) {
            let parameters = Parameters {
                name: name.to_string(),
                target_seconds: longest,
                part_target,
                control,
                dvr: self.packaging.dvr,
            };
            let leads = self.lanes.is_empty();
            self.lanes.push(Lane::new(name, track, limits, header, parameters, leads));
        }
        Ok(())
    }

    fn sample(
        &mut self,
        track: Track,
        sample: Sample,
        now: Moment,
        products: &mut Vec<Product>,
    ) -> Result<(), PackageError> {
        let Some(at) = self.lanes.iter().position(|lane| lane.track() == track) else { return Ok(()) };
        let date = self.date(at, &sample);
        let cuts = self.lanes[at].push(sample);
        if at > 0 {
            return self.lanes[at].write(cuts, date, now, products);
        }
        let fell_behind =
            cuts.iter().any(|cut| matches!(cut, Cut::Segment(end) if end.reason == Reason::Behind));
        let boundaries: Vec<i64> = cuts.iter().filter_map(boundary).collect();
        let (horizon, scale) = (self.lanes[0].horizon(), self.lanes[0].timescale());
        self.lanes[0].write(cuts, date, now, products)?;
        for lane in &mut self.lanes[1..] {
            let own = lane.timescale();
            if fell_behind {
                lane.break_at_boundary();
            }
            let boundaries = boundaries.iter().map(|shown| rescaled(*shown, scale, own));
            let cuts = lane.led(boundaries, rescaled(horizon, scale, own));
            lane.write(cuts, date, now, products)?;
        }
        Ok(())
    }

    /// The date of tick 0, by the arrival of an epoch's first sample; dates never lead back.
    fn date(&mut self, lane: usize, sample: &Sample) -> Moment {
        *self.date.get_or_insert_with(|| {
            let us = i128::from(sample.decode) * 1_000_000 / i128::from(self.lanes[lane].timescale());
            let us = i64::try_from(us).unwrap_or(i64::MAX);
            let arrived = i64::try_from(sample.arrived_us).unwrap_or(i64::MAX);
            Moment(arrived.saturating_sub(us)).max(self.date_before)
        })
    }

    fn end_lanes(
        &mut self,
        now: Moment,
        products: &mut Vec<Product>,
        end: fn(&mut Lane) -> Vec<Cut>,
    ) -> Result<(), PackageError> {
        let date = self.date.unwrap_or(self.date_before);
        for lane in &mut self.lanes {
            let cuts = end(lane);
            lane.write(cuts, date, now, products)?;
        }
        Ok(())
    }
}

fn boundary(cut: &Cut) -> Option<i64> {
    if let Cut::Segment(end) = cut { end.boundary } else { None }
}

fn rate(base: Timebase) -> Option<FrameRate> {
    let ticks = match base.cadence {
        Cadence::Constant { frame } => frame,
        Cadence::Variable { shortest, .. } => shortest,
    };
    FrameRate::new(base.timescale, ticks)
}
