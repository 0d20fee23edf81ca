//! The dates of a track: where they wrap, jump and run backwards.

use super::Dropped;

/// Microseconds of 32 bits of milliseconds, after which RTMP clocks begin again.
const WRAP_US: i64 = (1 << 32) * 1_000;
/// Microseconds that pictures may stay away, or go back, in one epoch.
pub(super) const JUMP_US: i64 = 1_000_000;
/// Units in a row that are dated back before they are believed.
const BACKWARDS_MAX: u32 = 120;

/// A date that goes on where 32 bits of milliseconds end: the one nearest to `latest_us`.
pub(super) fn unwrapped(us: i64, latest_us: Option<i64>) -> i64 {
    let turns = latest_us.map_or(0, |latest| (latest - us + WRAP_US / 2).div_euclid(WRAP_US));
    us + turns * WRAP_US
}

/// What a track's dates were.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) last: Option<(i64, i64)>,
    backwards: u32,
}

impl Seen {
    /// How far the unit is dated after the one before it; `None` for the first.
    pub(super) fn step(&self, dts_us: i64) -> Option<i64> {
        self.last.map(|(last, _)| dts_us - last)
    }

    /// Judges a date within an epoch: why the unit is left out, or with `None` that the epoch cannot hold it.
    pub(super) fn judge(&mut self, dts_us: i64, pts_us: i64) -> Result<(), Option<Dropped>> {
        if self.last == Some((dts_us, pts_us)) {
            return Err(Some(Dropped::Duplicate));
        }
        match self.step(dts_us) {
            Some(step) if !(-JUMP_US..=JUMP_US).contains(&step) => Err(None),
            Some(step) if step < 0 && self.backwards >= BACKWARDS_MAX => Err(None),
            Some(step) if step < 0 => {
                self.backwards += 1;
                Err(Some(Dropped::Backwards))
            }
            _ => {
                self.backwards = 0;
                self.last = Some((dts_us, pts_us));
                Ok(())
            }
        }
    }
}
