//! One rendition of a broadcast: cut, written and listed.

use std::{num::NonZeroU32, sync::Arc};

use bytes::{Bytes, BytesMut};

use super::{Kept, PackageError, Product};
use crate::{
    Bandwidth, WindowError,
    live::{
        RenditionName,
        config::{AudioConfig, VideoConfig},
        cut::{Cut, Cutter, Limits, Part, Reason, SegmentEnd},
        mux::{Fragment, audio_header, fragment, video_header},
        retime::{Sample, Track},
        window::{self, LiveList, Moment, Parameters, PartTarget, Report, Resume, Run, Window},
    },
};

/// What is added to what a rendition cost so far, in percent: the encoder may yet send more.
const COST_MARGIN_PERCENT: u64 = 25;
const OTHER_PARTS: PackageError = PackageError::Tracks("the new rate does not fit the parts of the old");

#[derive(Debug)]
pub(super) struct Lane {
    name: RenditionName,
    track: Track,
    limits: Limits,
    cutter: Cutter,
    leads: bool,
    /// The PART-TARGET: ticks, and how many make a second.
    stated: (u32, u32),
    parameters: Parameters,
    window: Option<Window>,
    /// What a rung's encoder says of its pictures.
    config: Option<VideoConfig>,
    header: Bytes,
    /// The number of `header`, and whether it was given out.
    init: u32,
    header_is_out: bool,
    /// Whether the next part begins a run.
    fresh: bool,
    /// Whether the next segment does.
    breaks: bool,
    /// Whether the list ends with a gap.
    idles: bool,
    /// Whether what follows a gap must begin with a key frame.
    lacks_key: bool,
    fragments: u32,
    segment: Vec<Bytes>,
    cost: Cost,
}

/// What a rendition's segments cost so far.
#[derive(Debug, Default)]
struct Cost {
    bytes: u64,
    ticks: u64,
    /// Bits a second of the dearest whole segment.
    peak: u64,
}

/// The EXT-X-PART-INF of a rendition.
pub(super) fn part_target(limits: &Limits) -> Result<PartTarget, WindowError> {
    let timescale = NonZeroU32::new(limits.timescale).ok_or(WindowError::Timescale)?;
    Ok(PartTarget::of(limits.part.into(), timescale))
}

/// What a rendition is when it is opened.
pub(super) struct Shape {
    pub(super) name: RenditionName,
    pub(super) track: Track,
    pub(super) limits: Limits,
    /// Empty until a rung's encoder describes itself.
    pub(super) header: Bytes,
    /// Whether it decides where segments end.
    pub(super) leads: bool,
}

impl Shape {
    pub(super) const fn rung(name: RenditionName, limits: Limits) -> Self {
        Self { name, track: Track::Video, limits, header: Bytes::new(), leads: false }
    }
}

impl Lane {
    pub(super) fn new(shape: Shape, parameters: Parameters) -> Self {
        Self {
            name: shape.name,
            track: shape.track,
            limits: shape.limits,
            cutter: cutter(shape.limits, shape.leads),
            leads: shape.leads,
            stated: shape.limits.part_target(),
            parameters,
            window: None,
            config: None,
            header: shape.header,
            init: 0,
            header_is_out: false,
            fresh: true,
            breaks: false,
            idles: false,
            lacks_key: false,
            fragments: 0,
            segment: Vec::new(),
            cost: Cost::default(),
        }
    }

    /// One whose list goes on.
    ///
    /// # Errors
    /// [`PackageError::Tracks`] when no number of samples fits the parts that were stated; [`PackageError::Window`].
    pub(super) fn resumed(shape: Shape, kept: Kept, now: Moment) -> Result<Self, PackageError> {
        let us = u32::try_from(kept.parameters.part_target.us()).unwrap_or(u32::MAX);
        let stated = (us, 1_000_000);
        let limits = shape.limits.in_list(stated).ok_or(OTHER_PARTS)?;
        let window = Window::restore(kept.parameters.clone(), kept.saved, Resume::Continue, now)?;
        let lane = Self::new(Shape { limits, ..shape }, kept.parameters);
        Ok(Self { window: Some(window), init: kept.init_next, stated, ..lane })
    }

    pub(super) const fn name(&self) -> RenditionName {
        self.name
    }

    pub(super) const fn is_rung(&self) -> bool {
        matches!(self.name, RenditionName::Rung(_))
    }

    pub(super) const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// What a rung's encoder says of its pictures.
    pub(super) const fn config(&self) -> Option<&VideoConfig> {
        self.config.as_ref()
    }

    pub(super) const fn track(&self) -> Track {
        self.track
    }

    pub(super) const fn timescale(&self) -> u32 {
        self.limits.timescale
    }

    pub(super) const fn horizon(&self) -> i64 {
        self.cutter.horizon()
    }

    pub(super) fn report(&self) -> Option<Report> {
        self.window.as_ref()?.report()
    }

    pub(super) fn list(&mut self, reports: &[Report]) -> Option<(RenditionName, Arc<LiveList>)> {
        let window = self.window.as_mut()?;
        window.hear(reports.iter().cloned());
        Some((self.name, window.list()))
    }

    /// What playing it costs, in bits a second, as far as can be told.
    pub(super) fn cost(&self) -> Bandwidth {
        let open: u64 = self.segment.iter().map(|part| part.len() as u64).sum();
        let ticks =
            self.window.as_ref().map_or(0, Window::open_us) * u64::from(self.limits.timescale) / 1_000_000;
        let average = self.rate(self.cost.bytes + open, self.cost.ticks + ticks);
        let peak = self.cost.peak.max(average) * (100 + COST_MARGIN_PERCENT) / 100;
        Bandwidth { peak: peak.max(1), average: average.max(1) }
    }

    fn rate(&self, bytes: u64, ticks: u64) -> u64 {
        bytes * 8 * u64::from(self.limits.timescale) / ticks.max(1)
    }

    /// What follows is cut by these lengths, and described anew. The list's PART-TARGET stays.
    ///
    /// # Errors
    /// [`PackageError::Tracks`] when no number of samples fits it.
    pub(super) fn begin_epoch(
        &mut self,
        limits: Limits,
        video: Option<&VideoConfig>,
        audio: Option<&AudioConfig>,
    ) -> Result<(), PackageError> {
        let limits = limits.in_list(self.stated);
        let limits = limits.ok_or(OTHER_PARTS)?;
        self.fresh = true;
        if limits != self.limits {
            self.limits = limits;
            self.cutter = cutter(limits, self.leads);
        }
        let header = match (self.track, video, audio) {
            (Track::Video, ..) if self.is_rung() => return Ok(()),
            (Track::Video, Some(video), _) => video_header(video, limits.timescale),
            (Track::Audio, _, Some(audio)) => audio_header(audio),
            _ => return Ok(()),
        };
        self.set_header(header);
        Ok(())
    }

    fn set_header(&mut self, header: Bytes) {
        if header != self.header {
            self.init += u32::from(self.header_is_out);
            (self.header, self.header_is_out) = (header, false);
        }
    }

    /// Pictures of a rung are described; others than before begin a run.
    pub(super) fn describe(&mut self, config: VideoConfig) {
        let header = video_header(&config, self.limits.timescale);
        self.fresh |= header != self.header;
        self.set_header(header);
        self.config = Some(config);
    }

    /// Whether a sample lies behind all that is listed, and can be decoded.
    pub(super) fn takes(&self, sample: &Sample) -> bool {
        let listed = self.window.as_ref().filter(|_| !self.fresh).map_or(0, Window::next_tick);
        let listed = i64::try_from(listed).unwrap_or(i64::MAX);
        !self.header.is_empty() && (!self.lacks_key || sample.key) && (!self.idles || sample.decode >= listed)
    }

    /// Lists what is missing by `now`, but for the last `slack` part targets, as a gap; what was begun ends before it.
    pub(super) fn idle(
        &mut self,
        date: Moment,
        now: Moment,
        slack: u64,
        products: &mut Vec<Product>,
    ) -> Result<(), PackageError> {
        let part = u64::from(self.limits.part);
        let Some(window) = self.window.as_ref().filter(|window| !window.ended()) else { return Ok(()) };
        if self.fresh {
            return Ok(());
        }
        let present = u128::from(now.since(date)) * u128::from(self.limits.timescale) / 1_000_000;
        let present = u64::try_from(present).unwrap_or(u64::MAX);
        let missing = present.saturating_sub(window.next_tick()) / part;
        if missing <= slack {
            return Ok(());
        }
        if !self.idles {
            let cuts = self.cutter.end_epoch();
            self.write(cuts, date, now, products)?;
            (self.idles, self.lacks_key) = (true, self.track == Track::Video);
        }
        self.gap(present.saturating_sub(slack * part), part, now, products)
    }

    /// Lists a gap in whole parts of `part` ticks up to `until` at most.
    fn gap(
        &mut self,
        until: u64,
        part: u64,
        now: Moment,
        products: &mut Vec<Product>,
    ) -> Result<(), PackageError> {
        let Some(window) = &mut self.window else { return Ok(()) };
        let ticks = until.saturating_sub(window.next_tick());
        let ticks = ticks - ticks % part;
        if ticks > 0 {
            window.gap(now, ticks)?;
            self.ended(products);
        }
        Ok(())
    }

    /// The leader's next segment begins a run: so does this one's.
    pub(super) const fn break_at_boundary(&mut self) {
        self.breaks = true;
    }

    pub(super) fn push(&mut self, sample: Sample) -> Vec<Cut> {
        self.lacks_key &= !sample.key;
        self.cutter.push(sample)
    }

    /// Where the leader ended segments, and up to where it will end no more.
    pub(super) fn led(&mut self, boundaries: impl Iterator<Item = i64>, until: i64) -> Vec<Cut> {
        boundaries.for_each(|shown| self.cutter.boundary(shown));
        self.cutter.allow(until)
    }

    pub(super) fn end_epoch(&mut self) -> Vec<Cut> {
        self.cutter.end_epoch()
    }

    pub(super) fn finish(&mut self) -> Vec<Cut> {
        self.cutter.finish()
    }

    /// Nothing is added to its list any more.
    pub(super) fn end(&mut self, now: Moment) -> Result<(), WindowError> {
        self.window.as_mut().map_or(Ok(()), |window| window.end(now))
    }

    /// Writes and lists what was cut. `date` is that of tick 0.
    pub(super) fn write(
        &mut self,
        cuts: Vec<Cut>,
        date: Moment,
        now: Moment,
        products: &mut Vec<Product>,
    ) -> Result<(), PackageError> {
        for cut in cuts {
            match cut {
                Cut::Part(part) => self.part(&part, date, now, products)?,
                Cut::Segment(end) => self.end_segment(end, now, products)?,
            }
        }
        Ok(())
    }

    fn part(
        &mut self,
        part: &Part,
        date: Moment,
        now: Moment,
        products: &mut Vec<Product>,
    ) -> Result<(), PackageError> {
        if self.fresh {
            self.begin_run(part.start, date, now, products)?;
        } else if std::mem::take(&mut self.idles) {
            self.gap(part.start, 1, now, products)?;
        }
        let Some(window) = &mut self.window else { return Ok(()) };
        let around = Fragment { sequence: self.fragments, produced_us: Some(part.arrived_us), last: false };
        let bytes = fragment(part, around)?;
        self.fragments = self.fragments.wrapping_add(1);
        let run = window.run();
        let independent = part.independent || self.track == Track::Audio;
        window.part(now, part.ticks.into(), independent)?;
        // Behind a gap it begins a segment.
        let (rendition, msn) = (self.name, window.open_msn());
        self.ended(products);
        let number = u32::try_from(self.segment.len()).unwrap_or(u32::MAX);
        self.segment.push(bytes.clone());
        let us = run.length(part.start, part.ticks.into());
        let listed = window::Part { us, independent };
        products.push(Product::Part { rendition, msn, part: number, listed, run, bytes });
        Ok(())
    }

    fn begin_run(
        &mut self,
        start: u64,
        epoch: Moment,
        now: Moment,
        products: &mut Vec<Product>,
    ) -> Result<(), PackageError> {
        let timescale = NonZeroU32::new(self.limits.timescale).ok_or(WindowError::Timescale)?;
        let run = Run { init: self.init, timescale, start, epoch };
        match &mut self.window {
            Some(window) => {
                window.discontinuity(now, run)?;
                self.ended(products);
            }
            None => self.window = Some(Window::open(self.parameters.clone(), run, now)?),
        }
        if !self.header_is_out {
            self.header_is_out = true;
            let (rendition, number, bytes) = (self.name, self.init, self.header.clone());
            products.push(Product::Header { rendition, number, bytes });
        }
        (self.fresh, self.idles) = (false, false);
        Ok(())
    }

    fn end_segment(
        &mut self,
        end: SegmentEnd,
        now: Moment,
        products: &mut Vec<Product>,
    ) -> Result<(), PackageError> {
        let Some(window) = &mut self.window else { return Ok(()) };
        window.end_segment(now)?;
        self.fresh |= std::mem::take(&mut self.breaks) || end.reason == Reason::Behind;
        let bytes: u64 = self.segment.iter().map(|part| part.len() as u64).sum();
        self.cost.peak = self.cost.peak.max(self.rate(bytes, end.ticks));
        self.cost.bytes += bytes;
        self.cost.ticks += end.ticks;
        self.ended(products);
        Ok(())
    }

    /// Gives out the segments that its window ended.
    fn ended(&mut self, products: &mut Vec<Product>) {
        let Some(window) = &mut self.window else { return };
        let rendition = self.name;
        for (listed, run) in window.take_ended() {
            let mut bytes = BytesMut::new();
            if !listed.gap {
                self.segment.drain(..).for_each(|part| bytes.extend_from_slice(&part));
            }
            products.push(Product::Segment { rendition, listed, run, bytes: bytes.freeze() });
        }
    }
}

fn cutter(limits: Limits, leads: bool) -> Cutter {
    if leads { Cutter::leading(limits) } else { Cutter::following(limits) }
}
