//! One rendition of a broadcast: cut, written and listed.

use std::{num::NonZeroU32, sync::Arc};

use bytes::{Bytes, BytesMut};

use super::{PackageError, Product};
use crate::{
    Bandwidth, WindowError,
    live::{
        RenditionName,
        config::{AudioConfig, VideoConfig},
        cut::{Cut, Cutter, Limits, Part, Reason, SegmentEnd},
        mux::{Fragment, audio_header, fragment, video_header},
        retime::{Sample, Track},
        window::{self, LiveList, Moment, Parameters, PartTarget, Report, Run, Window},
    },
};

/// What is added to what a rendition cost so far, in percent: the encoder may yet send more.
const COST_MARGIN_PERCENT: u64 = 25;

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
    header: Bytes,
    /// The number of `header`, and whether it was given out.
    init: u32,
    header_is_out: bool,
    /// Whether the next part begins a run.
    fresh: bool,
    /// Whether the next segment does.
    breaks: bool,
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

impl Lane {
    pub(super) fn new(
        name: RenditionName,
        track: Track,
        limits: Limits,
        header: Bytes,
        parameters: Parameters,
        leads: bool,
    ) -> Self {
        Self {
            name,
            track,
            limits,
            cutter: cutter(limits, leads),
            leads,
            stated: limits.part_target(),
            parameters,
            window: None,
            header,
            init: 0,
            header_is_out: false,
            fresh: true,
            breaks: false,
            fragments: 0,
            segment: Vec::new(),
            cost: Cost::default(),
        }
    }

    pub(super) const fn name(&self) -> RenditionName {
        self.name
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
        let limits = limits.ok_or(PackageError::Tracks("the new rate does not fit the parts of the old"))?;
        self.fresh = true;
        if limits != self.limits {
            self.limits = limits;
            self.cutter = cutter(limits, self.leads);
        }
        let header = match (self.track, video, audio) {
            (Track::Video, Some(video), _) => video_header(video, limits.timescale),
            (Track::Audio, _, Some(audio)) => audio_header(audio),
            _ => return Ok(()),
        };
        if header != self.header {
            self.init += u32::from(self.header_is_out);
            (self.header, self.header_is_out) = (header, false);
        }
        Ok(())
    }

    /// The leader's next segment begins a run: so does this one's.
    pub(super) const fn break_at_boundary(&mut self) {
        self.breaks = true;
    }

    pub(super) fn push(&mut self, sample: Sample) -> Vec<Cut> {
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
        }
        let Some(window) = &mut self.window else { return Ok(()) };
        let around = Fragment { sequence: self.fragments, produced_us: Some(part.arrived_us), last: false };
        let bytes = fragment(part, around)?;
        self.fragments = self.fragments.wrapping_add(1);
        let (rendition, msn) = (self.name, window.open_msn());
        let number = u32::try_from(self.segment.len()).unwrap_or(u32::MAX);
        let independent = part.independent || self.track == Track::Audio;
        let run = window.run();
        window.part(now, part.ticks.into(), independent)?;
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
            Some(window) => window.discontinuity(now, run)?,
            None => self.window = Some(Window::open(self.parameters.clone(), run, now)?),
        }
        if !self.header_is_out {
            self.header_is_out = true;
            let (rendition, number, bytes) = (self.name, self.init, self.header.clone());
            products.push(Product::Header { rendition, number, bytes });
        }
        self.fresh = false;
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
