//! A clock that stands still and entropy that repeats.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use base::{Ambient, Clock, Entropy, Timestamp};

/// 2026-01-01T00:00:00Z, when every test begins.
pub const START: Timestamp = Timestamp(1_767_225_600_000_000);

/// A clock that moves only when told to; clones show the same time.
#[derive(Clone, Debug)]
pub struct FakeClock {
    wall_us: Arc<AtomicI64>,
    passed_us: Arc<AtomicU64>,
}

impl FakeClock {
    /// A clock that shows `at`.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self { wall_us: Arc::new(AtomicI64::new(at.micros())), passed_us: Arc::default() }
    }

    /// Shows `at` from now on, as when somebody sets a clock: no time passes.
    pub fn set(&self, at: Timestamp) {
        self.wall_us.store(at.micros(), Ordering::SeqCst);
    }

    /// Shows a later time.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).expect("tests stay within the range of time");
        self.wall_us.fetch_add(micros, Ordering::SeqCst);
        self.passed_us.fetch_add(micros.unsigned_abs(), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.wall_us.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.passed_us.load(Ordering::SeqCst))
    }
}

/// Bytes that look random and are the same in every run with the same seed (SplitMix64).
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    /// The sequence of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn next(&self) -> u64 {
        let mut word = self.0.fetch_add(Self::STEP, Ordering::SeqCst).wrapping_add(Self::STEP);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// An ambient of a fresh clock at [`START`] and seeded entropy, and the clock to move it by.
#[must_use]
pub fn ambient() -> (Ambient, FakeClock) {
    seeded_ambient(1)
}

/// Like [`ambient`], for tests with several machines: other seeds make other identifiers.
#[must_use]
pub fn seeded_ambient(seed: u64) -> (Ambient, FakeClock) {
    let clock = FakeClock::at(START);
    (Ambient::new(Arc::new(clock.clone()), Arc::new(SeededEntropy::new(seed))), clock)
}

#[cfg(test)]
mod tests {
    use base::AssetId;

    use super::*;

    #[test]
    fn the_clock_moves_only_when_told() {
        let (ambient, clock) = ambient();
        assert_eq!(ambient.now(), START);
        clock.advance(Duration::from_secs(2));
        assert_eq!(ambient.now().since(START), Duration::from_secs(2));
        clock.set(START);
        assert_eq!((ambient.now(), ambient.monotonic()), (START, Duration::from_secs(2)));
    }

    #[test]
    fn entropy_repeats_by_seed_and_never_within_a_run() {
        let (first, second) = (ambient().0, ambient().0);
        let ids: Vec<AssetId> = (0..100).map(|_| first.id()).collect();
        assert_eq!(ids, (0..100).map(|_| second.id()).collect::<Vec<AssetId>>());
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len());
    }
}
