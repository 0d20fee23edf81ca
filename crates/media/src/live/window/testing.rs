//! Small windows for tests: two-second segments of four parts, thirty ticks a second.

use std::num::NonZeroU32;

use super::{Dvr, Moment, Parameters, PartTarget, Reload, Run, ServerControl, Variant, Window};

/// 2026-11-22T12:00:00Z.
pub(super) const NOON: Moment = Moment(1_795_348_800_000_000);
/// Ticks of a part of half a second.
pub(super) const PART: u64 = 15;

pub(super) fn parameters(dvr: Dvr) -> Parameters {
    let part_target = PartTarget::of(PART, scale());
    Parameters {
        name: "video-360".to_owned(),
        target_seconds: 2,
        part_target,
        control: ServerControl::least(2, [part_target]),
        dvr,
    }
}

pub(super) fn scale() -> NonZeroU32 {
    NonZeroU32::new(30).unwrap()
}

pub(super) fn run(init: u32, start: u64) -> Run {
    Run { init, timescale: scale(), start, epoch: NOON }
}

/// A window and the time of its last change: parts come when they have lasted.
pub(super) struct Live {
    pub(super) window: Window,
    pub(super) now: Moment,
}

impl Live {
    pub(super) fn new(dvr: Dvr) -> Self {
        let window = Window::open(parameters(dvr), run(0, 0), NOON).unwrap();
        Self { window, now: NOON }
    }

    pub(super) fn part(&mut self) {
        let independent = self.window.open_us() == 0;
        self.now = self.now.plus(500_000);
        self.window.part(self.now, PART, independent).unwrap();
    }

    pub(super) fn parts(&mut self, count: usize) {
        (0..count).for_each(|_| self.part());
    }

    pub(super) fn segment(&mut self) {
        self.parts(4);
        self.window.end_segment(self.now).unwrap();
    }

    pub(super) fn segments(&mut self, count: usize) {
        (0..count).for_each(|_| self.segment());
    }

    /// Lets time pass and old things fade.
    pub(super) fn wait(&mut self, us: u64) {
        self.now = self.now.plus(us);
        self.window.age(self.now);
    }

    pub(super) fn text(&mut self) -> String {
        text(&mut self.window, Variant::Full)
    }

    pub(super) fn delta(&mut self, variant: Variant) -> String {
        text(&mut self.window, variant)
    }

    pub(super) fn reload(&mut self, query: &str) -> super::Answer {
        let now = self.now;
        self.window.list().reload(&Reload::parse(query, now), now)
    }
}

pub(super) fn text(window: &mut Window, variant: Variant) -> String {
    String::from_utf8(window.list().text(variant).to_vec()).unwrap()
}
