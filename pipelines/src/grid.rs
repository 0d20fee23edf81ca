//! Slot arithmetic of the constant frame-rate output grid, in integers.
//!
//! Slot `j` starts at `ceil(j * fps_den * 1e9 / fps_num)` nanoseconds of output time, so that a muxer that
//! rounds down to ticks of `fps_num` per second lands on `j * fps_den` exactly. A source frame belongs to the
//! slot nearest to its time. A slot that no frame belongs to repeats the frame before it; of several frames
//! in one slot the nearest is kept.

use std::ops::Range;

use pipeline_wire::Grid;

const SECOND_NS: i128 = 1_000_000_000;

/// Why a grid or a range of it cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame rate of {0}/{1} is no grid")]
pub struct GridError(u32, u32);

/// The grid with its arithmetic.
#[derive(Clone, Copy, Debug)]
pub struct Slots {
    grid: Grid,
}

impl Slots {
    /// The arithmetic of `grid`.
    ///
    /// # Errors
    /// When either part of the frame rate is zero.
    pub const fn new(grid: Grid) -> Result<Self, GridError> {
        if grid.fps_num == 0 || grid.fps_den == 0 {
            return Err(GridError(grid.fps_num, grid.fps_den));
        }
        Ok(Self { grid })
    }

    /// Output time at which `slot` starts, in nanoseconds.
    #[must_use]
    pub fn start_ns(self, slot: u64) -> u64 {
        let unit = u128::from(self.grid.fps_den) * SECOND_NS.unsigned_abs();
        let ns = (u128::from(slot) * unit).div_ceil(u128::from(self.grid.fps_num));
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// How long `slot` lasts, in nanoseconds.
    #[must_use]
    pub fn duration_ns(self, slot: u64) -> u64 {
        self.start_ns(slot + 1) - self.start_ns(slot)
    }

    /// Source time at which `slot` starts, in nanoseconds on the grid's clock.
    #[must_use]
    pub fn source_ns(self, slot: u64) -> i64 {
        let ns = i128::from(self.grid.origin_ns) + i128::from(self.start_ns(slot));
        i64::try_from(ns).unwrap_or(i64::MAX)
    }

    /// The slot nearest to source time `time_ns`; half-way goes to the later. Negative before the origin.
    #[must_use]
    pub fn slot_of(self, time_ns: i64) -> i64 {
        let unit = i128::from(self.grid.fps_den) * SECOND_NS;
        let from_origin = i128::from(time_ns) - i128::from(self.grid.origin_ns);
        let slot = (from_origin * i128::from(self.grid.fps_num) * 2 + unit).div_euclid(2 * unit);
        i64::try_from(slot).unwrap_or(if slot < 0 { i64::MIN } else { i64::MAX })
    }

    /// Distance of `time_ns` from the start of `slot`, in units of 1 / `fps_num` nanoseconds.
    fn distance(self, slot: i64, time_ns: i64) -> u128 {
        let start = i128::from(slot) * i128::from(self.grid.fps_den) * SECOND_NS;
        let from_origin = i128::from(time_ns) - i128::from(self.grid.origin_ns);
        (from_origin * i128::from(self.grid.fps_num) - start).unsigned_abs()
    }
}

struct Held<F> {
    slot: i64,
    distance: u128,
    frame: F,
}

/// Puts frames, given in presentation order, onto a range of slots: each slot once, in order.
pub struct Filler<F> {
    slots: Slots,
    next: u64,
    end: u64,
    held: Option<Held<F>>,
}

impl<F> Filler<F> {
    /// Fills `range`.
    #[must_use]
    pub const fn new(slots: Slots, range: Range<u64>) -> Self {
        Self { slots, next: range.start, end: range.end, held: None }
    }

    /// Whether every slot of the range has its frame.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.next >= self.end
    }

    /// Takes the frame shown at source time `time_ns`. Returns the slots that are now decided and the frame
    /// they all show. A frame older than its predecessor is dropped.
    pub fn push(&mut self, time_ns: i64, frame: F) -> Option<(Range<u64>, F)> {
        let slot = self.slots.slot_of(time_ns);
        let distance = self.slots.distance(slot, time_ns);
        let new = Held { slot, distance, frame };
        match self.held.take() {
            Some(held) if slot < held.slot || (slot == held.slot && distance >= held.distance) => {
                self.held = Some(held);
                None
            }
            Some(held) if slot > held.slot => {
                self.held = Some(new);
                self.decide(u64::try_from(slot).unwrap_or(0)).map(|range| (range, held.frame))
            }
            _ => {
                self.held = Some(new);
                None
            }
        }
    }

    /// Ends the source: the last frame fills what is left. `None` when nothing is left or no frame was seen.
    pub fn finish(&mut self) -> Option<(Range<u64>, F)> {
        let held = self.held.take()?;
        self.decide(self.end).map(|range| (range, held.frame))
    }

    fn decide(&mut self, upto: u64) -> Option<Range<u64>> {
        let range = self.next..upto.min(self.end);
        self.next = self.next.max(range.end);
        (!range.is_empty()).then_some(range)
    }
}

#[cfg(test)]
mod tests {
    use pipeline_wire::MediaClock;
    use proptest::prelude::*;

    use super::*;

    fn slots(fps_num: u32, fps_den: u32, origin_ns: i64) -> Slots {
        Slots::new(Grid { fps_num, fps_den, origin_ns, clock: MediaClock::Raw }).expect("a grid")
    }

    /// Which frame each slot of `range` shows, frames being named by their place in `times`.
    fn fill(slots: Slots, range: Range<u64>, times: &[i64]) -> Vec<(u64, usize)> {
        let mut filler = Filler::new(slots, range);
        let mut shown = Vec::new();
        let mut take = |decided: Option<(Range<u64>, usize)>| {
            shown.extend(decided.into_iter().flat_map(|(range, frame)| range.map(move |slot| (slot, frame))));
        };
        for (frame, time) in times.iter().enumerate() {
            take(filler.push(*time, frame));
        }
        take(filler.finish());
        shown
    }

    fn rates() -> impl Strategy<Value = (u32, u32)> {
        prop_oneof![
            Just((25, 1)),
            Just((30_000, 1001)),
            Just((24_000, 1001)),
            Just((25, 2)),
            Just((60, 1)),
            (1u32..240_000, 1u32..2_000),
        ]
    }

    #[test]
    fn a_grid_without_a_rate_is_refused() {
        let grid = Grid { fps_num: 0, fps_den: 1, origin_ns: 0, clock: MediaClock::Raw };
        assert_eq!(Slots::new(grid).err(), Some(GridError(0, 1)));
    }

    #[test]
    fn sixty_frames_become_thirty_by_taking_the_exact_ones() {
        let times: Vec<i64> = (0..8).map(|frame| frame * 1_000_000_000 / 60).collect();
        assert_eq!(fill(slots(30, 1, 0), 0..4, &times), [(0, 0), (1, 2), (2, 4), (3, 6)]);
    }

    #[test]
    fn a_gap_repeats_the_frame_before_it() {
        assert_eq!(fill(slots(10, 1, 0), 0..5, &[0, 300_000_000]), [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1)]);
    }

    #[test]
    fn a_late_first_frame_covers_what_comes_before_it() {
        assert_eq!(fill(slots(10, 1, 0), 0..3, &[210_000_000]), [(0, 0), (1, 0), (2, 0)]);
    }

    #[test]
    fn no_frame_fills_nothing() {
        assert_eq!(fill(slots(10, 1, 0), 0..3, &[]), []);
    }

    proptest! {
        #[test]
        fn slots_start_where_the_track_timescale_says(
            (num, den) in rates(), slot in 0u64..100_000_000, origin in -1_000_000_000i64..1_000_000_000,
        ) {
            let slots = slots(num, den, origin);
            let ticks = u128::from(slots.start_ns(slot)) * u128::from(num) / 1_000_000_000;
            prop_assert_eq!(ticks, u128::from(slot) * u128::from(den));
            prop_assert_eq!(slots.slot_of(slots.source_ns(slot)), slot as i64);
        }

        #[test]
        fn agrees_with_the_planner((num, den) in rates(), slot in 0u64..100_000_000) {
            let rate = media::FrameRate::new(num, den).expect("a rate");
            prop_assert_eq!(slots(num, den, 0).start_ns(slot), rate.slot_ns(slot));
        }

        #[test]
        fn a_time_within_half_a_slot_belongs_to_it(
            (num, den) in rates(), slot in 0u64..1_000_000, share in -0.49f64..0.49,
        ) {
            let slots = slots(num, den, 0);
            let jitter = (share * slots.duration_ns(slot) as f64) as i64;
            prop_assert_eq!(slots.slot_of(slots.source_ns(slot) + jitter), slot as i64);
        }

        #[test]
        fn every_slot_is_filled_once_in_order_whatever_the_times(
            (num, den) in rates(), first in 0u64..1000, count in 1u64..200,
            mut times in prop::collection::vec(0i64..40_000_000_000, 1..100), sorted: bool,
        ) {
            if sorted { times.sort_unstable(); }
            let filled = fill(slots(num, den, 0), first..first + count, &times);
            prop_assert!(filled.iter().map(|(slot, _)| *slot).eq(first..first + count));
            prop_assert!(filled.is_sorted_by_key(|(_, frame)| *frame));
        }

        #[test]
        fn chunks_show_what_the_whole_shows(
            cuts in prop::collection::btree_set(1u64..120, 0..6),
            mut times in prop::collection::vec(0i64..4_800_000_000, 1..200),
        ) {
            times.push(0);
            times.sort_unstable();
            let grid = slots(25, 1, 0);
            let edges: Vec<u64> = [0].into_iter().chain(cuts).chain([120]).collect();
            let parts = edges.windows(2).flat_map(|edge| fill(grid, edge[0]..edge[1], &times));
            prop_assert!(parts.eq(fill(grid, 0..120, &times)));
        }
    }
}
