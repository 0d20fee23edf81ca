//! Lower rungs: pictures that come back from an encoder of our own, and what takes their place while it is away.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{Lane, PackageError, Packager, Product, RenditionName};
use crate::live::{
    config::VideoConfig,
    retime::{Rung, Sample, Timebase},
    window::Moment,
};

/// Pictures whose arrival is remembered until their rungs come.
const ARRIVALS_MAX: usize = 1_024;
/// How far lists stay behind the present while the publisher is away, in part targets: what is on its way may yet come.
const SLACK_PARTS: u64 = 3;
/// The same of lower rungs whose encoder is away: another one makes up for two seconds.
const RUNG_SLACK_PARTS: u64 = 10;

/// The lower rungs of a broadcast and their clocks.
#[derive(Debug)]
pub(super) struct Rungs {
    names: Vec<RenditionName>,
    /// Of the present epoch; `None` until its first picture.
    clocks: Vec<Option<Rung>>,
    next: Option<(Timebase, i64)>,
    arrivals: VecDeque<(i64, u64)>,
}

impl Rungs {
    pub(super) const fn new() -> Self {
        Self { names: Vec::new(), clocks: Vec::new(), next: None, arrivals: VecDeque::new() }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = RenditionName> + '_ {
        self.names.iter().copied()
    }

    pub(super) fn begin_epoch(&mut self, base: Option<Timebase>, lead: i64) {
        self.next = base.map(|base| (base, lead));
        self.clocks.fill(None);
        self.arrivals.clear();
    }

    /// Notes a picture of the source; whether rungs are made of it.
    pub(super) fn take_source(&mut self, sample: &Sample) -> bool {
        if self.names.is_empty() {
            return false;
        }
        if let Some((base, lead)) = self.next.take() {
            self.clocks.fill(Some(Rung::new(base, lead).from(sample.decode)));
        }
        if self.arrivals.len() >= ARRIVALS_MAX {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back((sample.shown, sample.arrived_us));
        true
    }

    fn arrival(&self, shown: i64) -> Option<u64> {
        self.arrivals.iter().rev().find(|(of, _)| *of == shown).map(|(_, arrived_us)| *arrived_us)
    }

    /// A picture of a rung in its place; `None` when it is of another epoch, or its slot is taken.
    fn place(&mut self, rung: usize, shown: i64, key: bool, now: Moment, data: Bytes) -> Option<Sample> {
        let arrived_us = self.arrival(shown).unwrap_or(now.0.unsigned_abs());
        self.clocks.get_mut(rung)?.as_mut()?.place(shown, key, arrived_us, data)
    }
}

impl Packager {
    /// The lower rungs that there will be, largest first. Once renditions are open they stay what they are.
    pub fn plan_rungs(&mut self, names: Vec<RenditionName>) {
        if self.lanes.is_empty() {
            self.rungs.clocks = vec![None; names.len()];
            self.rungs.names = names;
        }
    }

    /// The lower rungs that there are.
    #[must_use]
    pub fn rung_names(&self) -> &[RenditionName] {
        &self.rungs.names
    }

    /// A rung's pictures are described, before the first and where they change.
    pub fn describe_rung(&mut self, rung: usize, config: VideoConfig) {
        if let Some(lane) = self.rung_lane(rung) {
            lane.describe(config);
        }
    }

    /// The next picture of a rung, in the order of showing, by the ticks of the source's picture it was made of; false
    /// when it is left out because its time is past.
    ///
    /// # Errors
    /// [`PackageError`]; the broadcast cannot go on.
    pub fn rung_unit(
        &mut self,
        rung: usize,
        (shown, key): (i64, bool),
        data: Bytes,
        now: Moment,
        products: &mut Vec<Product>,
    ) -> Result<bool, PackageError> {
        let Some(date) = self.date.filter(|_| !self.ended) else { return Ok(false) };
        let Some(sample) = self.rungs.place(rung, shown, key, now, data) else { return Ok(false) };
        let Some(lane) = self.rung_lane(rung) else { return Ok(false) };
        if !lane.takes(&sample) {
            return Ok(false);
        }
        let cuts = lane.push(sample);
        lane.write(cuts, date, now, products)?;
        Ok(true)
    }

    fn rung_lane(&mut self, rung: usize) -> Option<&mut Lane> {
        self.lanes.iter_mut().filter(|lane| lane.is_rung()).nth(rung)
    }

    /// Nobody feeds the lower rungs, or, with `all`, any rendition: what is missing by now is listed as gaps (EXT-X-GAP),
    /// so that lists grow as they must (RFC 8216bis section 6.2.1).
    ///
    /// # Errors
    /// As [`Self::rung_unit`].
    pub fn idle(&mut self, all: bool, now: Moment) -> Result<Vec<Product>, PackageError> {
        let mut products = Vec::new();
        let Some(date) = self.date.filter(|_| !self.ended) else { return Ok(products) };
        for lane in self.lanes.iter_mut().filter(|lane| all || lane.is_rung()) {
            let slack = if all { SLACK_PARTS } else { RUNG_SLACK_PARTS };
            lane.idle(date, now, slack, &mut products)?;
        }
        Ok(products)
    }
}
