//! The clock of pictures: every access unit on one slot of the frame grid.

use super::timebase::{Cadence, Timebase, scaled, standard};

/// A picture farther behind its slot than this part of a frame, in percent, means that pictures are missing before it.
const MISSING_PERCENT: i64 = 80;
/// The same when it lasts.
const DRIFTED_PERCENT: i64 = 50;
/// Pictures in a row that have to lag for it to last.
const LASTING: u32 = 8;
/// Microseconds that slots may run ahead of the sender before the grid is not its own.
const AHEAD_US_MAX: i64 = 250_000;
/// The same at key frames, where another standard rate explains it.
const EXPLAINED_US_MAX: i64 = 10_000;
/// And where none does, or half a frame where that is more.
const AHEAD_AT_KEY_US_MAX: i64 = 15_000;
/// Key frames in a row that have to be ahead.
const AHEAD_KEYS: u32 = 2;

/// When a picture is decoded and shown, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub decode: i64,
    /// When its successor is decoded, as far as is known.
    pub end: i64,
    pub shown: i64,
}

/// Puts pictures of one epoch on ticks.
#[derive(Clone, Debug)]
pub(super) struct VideoClock {
    base: Timebase,
    /// The moment of the sender that is tick `origin`.
    origin_us: i64,
    origin: i64,
    /// Decode time of the picture to come, at the earliest.
    next: i64,
    /// End of what is shown.
    shown_end: i64,
    /// Ticks from decoding to showing of pictures that no other overtakes.
    lead: i64,
    /// Microseconds by which the sender decodes later than the lead says.
    late_us: i64,
    /// Decode time of the first picture, and that of the sender.
    first: (i64, i64),
    lagging: u32,
    ahead_keys: u32,
}

impl VideoClock {
    /// A clock whose first picture, a key frame, has these times at the sender and is shown at `shown` at the earliest
    /// and decoded at `decode` at the earliest, in ticks. It is decoded at least `reordering` ticks before it is shown.
    pub(super) fn new(
        base: Timebase,
        (dts_us, pts_us): (i64, i64),
        reordering: i64,
        decode: i64,
        shown: i64,
    ) -> Self {
        let stated = base.slot(base.ticks((pts_us - dts_us).max(0)));
        let lead = stated.max(base.slot(reordering));
        let decode = up_to_grid(base, decode.max(shown - lead));
        Self {
            base,
            origin_us: pts_us,
            origin: decode + lead,
            next: decode,
            shown_end: decode + lead,
            lead,
            late_us: base.micros(lead - stated),
            first: (decode, dts_us),
            lagging: 0,
            ahead_keys: 0,
        }
    }

    /// Ticks by which pictures are decoded before they are shown, unless they overtake others.
    pub(super) const fn lead(&self) -> i64 {
        self.lead
    }

    /// The standard rate that the sender kept up to `dts_us`, when that can be told and is another than the grid's.
    pub(super) fn kept_rate(&self, dts_us: i64) -> Option<Timebase> {
        let (decode, sent_us) = self.first;
        let slots = (self.next - decode) / i64::from(self.base.frame());
        standard(slots, dts_us - sent_us).map(Timebase::constant).filter(|base| *base != self.base)
    }

    /// Microseconds of the broadcast that are `sender_us` at the sender.
    pub(super) fn broadcast_us(&self, sender_us: i64) -> i64 {
        self.base.micros(self.origin).saturating_add(sender_us.saturating_sub(self.origin_us))
    }

    /// Decode time of the next picture, at the earliest, in ticks.
    pub(super) const fn next(&self) -> i64 {
        self.next
    }

    /// End of the last picture shown, in ticks.
    pub(super) const fn shown_end(&self) -> i64 {
        self.shown_end
    }

    pub(super) const fn base(&self) -> Timebase {
        self.base
    }

    /// The ticks of the next picture; `None` when the sender is faster than the grid for so long that it keeps another.
    pub(super) fn place(&mut self, dts_us: i64, pts_us: i64, key: bool) -> Option<Placed> {
        let placed = match self.base.cadence {
            Cadence::Constant { frame } => self.on_slot(dts_us, pts_us, frame.into())?,
            Cadence::Variable { shortest, .. } => self.as_measured(dts_us, pts_us, shortest.into()),
        };
        if key && self.keeps_ahead(&placed, dts_us, pts_us) {
            return None;
        }
        self.next = placed.end;
        self.shown_end = self.shown_end.max(placed.shown + i64::from(self.base.frame()));
        Some(placed)
    }

    fn on_slot(&mut self, dts_us: i64, pts_us: i64, frame: i64) -> Option<Placed> {
        let due_us = self.base.micros(self.next - self.origin) + self.late_us;
        let lag_us = dts_us - self.origin_us - due_us;
        let frame_us = self.base.micros(frame).max(1);
        if lag_us < -AHEAD_US_MAX.max(frame_us) {
            return None;
        }
        self.lagging = if lag_us * 100 > frame_us * DRIFTED_PERCENT { self.lagging + 1 } else { 0 };
        let missing = lag_us * 100 > frame_us * MISSING_PERCENT || self.lagging >= LASTING;
        let left_out = if missing { scaled(lag_us, 1, frame_us).max(1) } else { 0 };
        if missing {
            self.lagging = 0;
        }
        let decode = self.next + left_out * frame;
        let shown = if self.lead == 0 {
            decode + self.base.slot(self.base.ticks(pts_us - dts_us))
        } else {
            self.origin + self.base.slot(self.base.ticks(pts_us - self.origin_us))
        };
        Some(Placed { decode, end: decode + frame, shown })
    }

    /// Whether key frames come earlier than their slots again and again. They overtake nothing, so their times say it
    /// whatever the sender does with decode times.
    fn keeps_ahead(&mut self, placed: &Placed, dts_us: i64, pts_us: i64) -> bool {
        let due_us = self.base.micros(placed.decode + self.lead - self.origin);
        let ahead_us = due_us - (pts_us - self.origin_us);
        let unexplained_us = AHEAD_AT_KEY_US_MAX.max(self.base.micros(self.base.frame().into()) / 2);
        let ahead =
            ahead_us > unexplained_us || ahead_us > EXPLAINED_US_MAX && self.kept_rate(dts_us).is_some();
        self.ahead_keys = if ahead { self.ahead_keys + 1 } else { 0 };
        self.ahead_keys >= AHEAD_KEYS
    }

    fn as_measured(&self, dts_us: i64, pts_us: i64, shortest: i64) -> Placed {
        let at = |us: i64| self.origin + self.base.ticks(us - self.origin_us);
        let decode = at(dts_us).max(self.next);
        Placed { decode, end: decode + shortest, shown: at(pts_us).max(decode) }
    }
}

fn up_to_grid(base: Timebase, ticks: i64) -> i64 {
    match base.cadence {
        Cadence::Constant { frame } => {
            let frame = i64::from(frame);
            (ticks + frame - 1).div_euclid(frame) * frame
        }
        Cadence::Variable { .. } => ticks,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::FrameRate;

    fn clock(num: u32, den: u32) -> VideoClock {
        VideoClock::new(Timebase::constant(FrameRate::new(num, den).unwrap()), (0, 0), 0, 0, 0)
    }

    fn decodes(clock: &mut VideoClock, ms: &[i64]) -> Vec<i64> {
        ms.iter().map(|ms| clock.place(ms * 1_000, ms * 1_000, false).unwrap().decode).collect()
    }

    #[test]
    fn missing_pictures_leave_slots_empty() {
        assert_eq!(decodes(&mut clock(25, 1), &[0, 40, 80, 160, 200]), [0, 100, 200, 400, 500]);
        assert_eq!(decodes(&mut clock(25, 1), &[0, 40, 1_000]), [0, 100, 2_500]);
    }

    #[test]
    fn trembling_does_not() {
        assert_eq!(decodes(&mut clock(25, 1), &[0, 65, 70, 140, 150, 230]), [0, 100, 200, 300, 400, 500]);
    }

    #[test]
    fn a_grid_slightly_too_fast_is_left_once_a_picture_is_half_a_frame_late() {
        let mut clock = clock(30, 1);
        let mut worst = 0;
        for index in 0..10_000i64 {
            let us = index * 1_001_000 / 30 / 1_000 * 1_000;
            let placed = clock.place(us, us, false).unwrap();
            worst = worst.max((clock.base.micros(placed.shown) - us).abs());
        }
        assert!(worst <= 18_500, "{worst}");
    }

    #[test]
    fn a_sender_twice_as_fast_as_its_grid_is_noticed() {
        let mut clock = clock(25, 1);
        let placed = (0..100)
            .map(|index| clock.place(index * 20_000, index * 20_000, false))
            .take_while(Option::is_some);
        assert_eq!(placed.count(), 13);
    }

    #[test]
    fn a_grid_slightly_too_slow_is_left_at_a_key_frame() {
        let mut clock = clock(30_000, 1_001);
        let mut worst = 0;
        for index in 0..10_000i64 {
            let us = index * 1_000 / 30 * 1_000;
            let Some(placed) = clock.place(us, us, index % 60 == 0) else {
                assert_eq!(clock.kept_rate(us), FrameRate::new(30, 1).map(Timebase::constant));
                assert!(worst <= 15_000, "{worst}");
                return;
            };
            worst = worst.max((clock.base.micros(placed.shown) - us).abs());
        }
        panic!("the grid was kept");
    }

    #[test]
    fn decode_times_that_are_bunched_are_spread() {
        // As films are stored: the first pictures of a group are decoded a tick apart, the last are held back.
        let base = Timebase::constant(FrameRate::new(25, 1).unwrap());
        let mut clock = VideoClock::new(base, (0, 0), 200, 0, 0);
        assert_eq!(clock.lead(), 200);
        let group = [(0, 0), (1, 160), (2, 80), (40, 40), (80, 120), (200, 200), (400, 400)];
        let placed = group.map(|(dts, pts)| {
            let placed = clock.place(dts * 1_000, pts * 1_000, false).unwrap();
            (placed.decode, placed.shown)
        });
        assert_eq!(
            placed,
            [(0, 200), (100, 600), (200, 400), (300, 300), (400, 500), (500, 700), (1_000, 1_200)]
        );
    }

    #[test]
    fn b_frames_are_shown_where_the_sender_says() {
        let mut clock =
            VideoClock::new(Timebase::constant(FrameRate::new(25, 1).unwrap()), (0, 80_000), 0, 0, 0);
        let shown = [(0, 80), (40, 200), (80, 120), (120, 160)].map(|(dts, pts)| {
            let placed = clock.place(dts * 1_000, pts * 1_000, false).unwrap();
            (placed.decode, placed.shown)
        });
        assert_eq!(shown, [(0, 200), (100, 500), (200, 300), (300, 400)]);
        assert_eq!((clock.next(), clock.shown_end()), (400, 600));
    }

    #[test]
    fn an_epoch_begins_on_the_grid_and_after_what_was_shown() {
        let base = Timebase::constant(FrameRate::new(25, 1).unwrap());
        let mut clock = VideoClock::new(base, (1_000_000, 1_080_000), 0, 430, 610);
        assert_eq!(
            clock.place(1_000_000, 1_080_000, true),
            Some(Placed { decode: 500, end: 600, shown: 700 })
        );
        assert_eq!(clock.broadcast_us(1_080_000), 280_000);
    }

    proptest! {
        #[test]
        fn whole_milliseconds_of_every_rate_keep_their_slots(
            rate in prop::sample::select(vec![(24_000, 1_001), (25, 1), (30_000, 1_001), (50, 1), (60_000, 1_001), (240, 1)]),
            from in 0i64..4_000_000_000_000,
        ) {
            let base = Timebase::constant(FrameRate::new(rate.0, rate.1).unwrap());
            let mut clock = VideoClock::new(base, (from, from), 0, 0, 0);
            for index in 0..2_000i64 {
                let us = from + index * 1_000 * i64::from(rate.1) / i64::from(rate.0) * 1_000;
                let placed = clock.place(us, us, false).unwrap();
                prop_assert_eq!(placed.decode, index * i64::from(base.frame()));
            }
        }

        #[test]
        fn any_times_go_forward(times in prop::collection::vec((0i64..1_000_000, 0i64..100_000), 1..100), variable: bool) {
            let mut clock = clock(30, 1);
            if variable {
                let cadence = Cadence::Variable { shortest: 10, longest: 9_000 };
                clock = VideoClock::new(Timebase { timescale: 90_000, cadence }, (0, 0), 0, 0, 0);
            }
            let mut end = 0;
            for (dts, offset) in times {
                if let Some(placed) = clock.place(dts, dts + offset, false) {
                    prop_assert!(placed.decode >= end && placed.end > placed.decode && placed.shown >= placed.decode);
                    end = placed.end;
                }
            }
        }
    }
}
