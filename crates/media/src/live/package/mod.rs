//! One broadcast, packaged: what an encoder sends goes in, objects and lists come out.
//!
//! Sans-IO. A session hands in configurations and access units in the order of their arrival, stores the [`Product`]s
//! it gets, and then publishes [`Packager::lists`]: what a list names is there before the list is. Pictures lead,
//! sound follows; without pictures, sound leads.

mod epoch;
mod kept;
mod lane;
#[cfg(test)]
mod rung_tests;
mod rungs;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use super::{
    LiveTrack, RenditionName,
    config::{AudioConfig, VideoConfig},
    cut::{Cut, Reason, rescaled},
    multivariant,
    retime::{AccessUnit, Dropped, Hints, NewEpoch, Outcome, Retimer, Sample, Timebase, Track},
    window::{Dvr, LiveList, Moment, Parameters, Part, Run, Segment},
};
use crate::{CmafError, FrameRate, SampleFormat, TrackRole, WindowError};
pub use kept::Kept;
use lane::Lane;
use rungs::Rungs;

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
    /// A new epoch began: lists have a discontinuity there, but for the first. Lower rungs are made of what follows,
    /// with pictures on this timebase.
    Epoch(NewEpoch, Option<Timebase>),
    /// A picture in its place, of which lower rungs are made; only when there are any.
    Picture(Sample),
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
    rungs: Rungs,
    /// Renditions of the broadcast's former holder, which go on when it does.
    kept: Vec<Kept>,
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
            rungs: Rungs::new(),
            kept: Vec::new(),
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

    /// The broadcast is over: gives what is still open.
    ///
    /// # Errors
    /// As [`Self::describe_video`].
    pub fn finish(&mut self, now: Moment) -> Products {
        let outcomes = self.retimer.as_mut().map(Retimer::finish).unwrap_or_default();
        let mut products = self.take_all(outcomes, now)?;
        self.end_lanes(now, &mut products, Lane::finish)?;
        self.ended = true;
        Ok(products)
    }

    /// Lists end (EXT-X-ENDLIST), after [`Self::finish`] and once players had time to fetch the last parts: some take
    /// no parts of a list that has ended.
    ///
    /// # Errors
    /// As [`Self::describe_video`].
    pub fn end(&mut self, now: Moment) -> Result<(), PackageError> {
        self.lanes.iter_mut().try_for_each(|lane| lane.end(now)).map_err(PackageError::from)
    }

    /// The list of every rendition that has begun, as it stands; the same value while nothing changed. There are none
    /// until all that the encoder sends have begun: a player could open a list whose sibling is not there.
    pub fn lists(&mut self) -> Vec<(RenditionName, std::sync::Arc<LiveList>)> {
        if !self.has_begun() {
            return Vec::new();
        }
        let reports: Vec<_> = self.lanes.iter().filter_map(Lane::report).collect();
        self.lanes.iter_mut().filter_map(|lane| lane.list(&reports)).collect()
    }

    /// What the lists of all renditions say of themselves, for whoever goes on with them; none until they are open.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameters> {
        self.lanes.iter().map(|lane| lane.parameters().clone()).collect()
    }

    /// Whether there is something of everything that the encoder sends.
    fn has_begun(&self) -> bool {
        let own = self.lanes.iter().filter(|lane| !lane.is_rung());
        !self.lanes.is_empty() && own.into_iter().all(|lane| lane.report().is_some())
    }

    /// Whether there is something of every lower rung.
    #[must_use]
    pub fn rungs_have_begun(&self) -> bool {
        self.lanes.iter().all(|lane| lane.report().is_some())
    }

    /// The multivariant playlist of the renditions that have begun; `None` until all that the encoder sends have. What
    /// playing costs is what it cost so far.
    #[must_use]
    pub fn multivariant(&self, broadcast: &str) -> Option<String> {
        if !self.has_begun() {
            return None;
        }
        let begun = self.lanes.iter().filter(|lane| lane.report().is_some());
        let tracks: Vec<_> = begun.filter_map(|lane| self.track(lane)).collect();
        Some(multivariant(broadcast, &tracks, false))
    }

    fn track(&self, lane: &Lane) -> Option<LiveTrack> {
        let video = if lane.is_rung() { lane.config() } else { self.video.as_ref() };
        let (codec, format, role) = match (lane.track(), video, &self.audio) {
            (Track::Video, Some(video), _) => {
                let (width, height) = (video.width, video.height);
                let fps = self.base.and_then(Timebase::frame_rate)?;
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
            Outcome::Video(sample) => {
                if self.rungs.take_source(&sample) {
                    products.push(Product::Picture(sample.clone()));
                }
                self.sample(Track::Video, sample, now, products)
            }
            Outcome::Audio(sample) => self.sample(Track::Audio, sample, now, products),
            // It follows as sound.
            Outcome::Silence(_) => Ok(()),
            Outcome::Dropped(track, reason) => {
                products.push(Product::Dropped(track, reason));
                Ok(())
            }
            Outcome::Epoch { reason, video, lead, .. } => {
                self.end_lanes(now, products, Lane::end_epoch)?;
                self.begin_epoch(video, now)?;
                self.rungs.begin_epoch(self.base, lead);
                products.push(Product::Epoch(reason, video));
                Ok(())
            }
        }
    }

    fn sample(
        &mut self,
        track: Track,
        sample: Sample,
        now: Moment,
        products: &mut Vec<Product>,
    ) -> Result<(), PackageError> {
        let own = |lane: &Lane| lane.track() == track && !lane.is_rung();
        let Some(at) = self.lanes.iter().position(own) else { return Ok(()) };
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
