//! Whether units come evenly, and in time.

/// A distance that differs from the usual one by less is even: RTMP dates units in whole milliseconds.
const UNEVEN_US_MIN: i64 = 2_500;
/// Beyond this the sender's clock jumped, and nothing follows from the distance.
const JUMP_US: i64 = 10_000_000;
/// How fast a better moment is forgotten, in parts of the time that passes: two clocks are never quite alike.
const FORGET_PART: i64 = 1_000;

/// The distance of pictures.
#[derive(Debug, Default)]
pub(super) struct Cadence {
    before_us: Option<i64>,
    usual_us: Option<i64>,
    /// Of the last pictures, the longest that one was shown after it is decoded, less the shortest.
    reorder: Reorder,
}

#[derive(Clone, Copy, Debug, Default)]
struct Reorder {
    shortest_us: i64,
    longest_us: i64,
    units: u32,
    before_us: i64,
}

/// Pictures after which the reordering is looked at anew.
const REORDER_UNITS: u32 = 120;

impl Cadence {
    /// Takes a picture; whether it stands at another distance from the one before it than is usual.
    pub(super) fn took(&mut self, dts_us: i64, pts_us: i64) -> bool {
        self.reorder.took(pts_us.saturating_sub(dts_us));
        let Some(before) = self.before_us.replace(dts_us) else { return false };
        let distance = dts_us.saturating_sub(before);
        if !(0..JUMP_US).contains(&distance) {
            return false;
        }
        let usual = *self.usual_us.get_or_insert(distance);
        self.usual_us = Some(usual + (distance - usual) / 16);
        let off = (distance - usual).abs();
        off > UNEVEN_US_MIN && off * 5 > usual
    }

    /// How long pictures wait for those that are shown before them, in microseconds; 0 without B-frames.
    pub(super) fn reorder_us(&self) -> i64 {
        self.reorder.before_us.max(self.reorder.longest_us.saturating_sub(self.reorder.shortest_us))
    }
}

impl Reorder {
    fn took(&mut self, wait_us: i64) {
        if self.units == 0 || self.units == REORDER_UNITS {
            let before_us = self.longest_us.saturating_sub(self.shortest_us);
            *self = Self { shortest_us: wait_us, longest_us: wait_us, units: 0, before_us };
        }
        self.units += 1;
        self.shortest_us = self.shortest_us.min(wait_us);
        self.longest_us = self.longest_us.max(wait_us);
    }
}

/// How late media come, against the best that was seen.
#[derive(Debug, Default)]
pub(super) struct Lag {
    last: Option<Seen>,
    late_us: i64,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    arrived_us: i64,
    delay_us: i64,
    best_us: i64,
}

impl Lag {
    /// Takes a unit of either track.
    pub(super) fn took(&mut self, dts_us: i64, arrived_us: i64) {
        let delay_us = arrived_us.saturating_sub(dts_us);
        let best_us = match self.last {
            Some(last) if delay_us.saturating_sub(last.delay_us).unsigned_abs() < JUMP_US.unsigned_abs() => {
                let passed = arrived_us.saturating_sub(last.arrived_us).max(0);
                delay_us.min(last.best_us.saturating_add(passed / FORGET_PART))
            }
            _ => delay_us,
        };
        self.late_us = delay_us.saturating_sub(best_us);
        self.last = Some(Seen { arrived_us, delay_us, best_us });
    }

    pub(super) fn late_ms(&self) -> u32 {
        u32::try_from(self.late_us / 1_000).unwrap_or(0)
    }
}
