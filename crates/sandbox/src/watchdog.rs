//! Tells a child that is slow from one that hangs.

use std::time::Duration;

use tokio::time::Instant;

/// A child may wait on us this many times longer than it may idle by itself, between two signs of progress.
const WAITING_FACTOR: u32 = 10;

/// Adds up the time since the last sign of progress: apart when the child had work in hand, and when it waited
/// for bytes.
#[derive(Debug)]
pub(crate) struct Watchdog {
    stall: Duration,
    working: Duration,
    waiting: Duration,
}

impl Watchdog {
    pub(crate) fn new(stall: Duration) -> Self {
        Self { stall, working: Duration::ZERO, waiting: Duration::ZERO }
    }

    /// The child showed progress.
    pub(crate) fn progress(&mut self) {
        (self.working, self.waiting) = (Duration::ZERO, Duration::ZERO);
    }

    /// Time passed while the child waited for bytes, or did not.
    pub(crate) fn pass(&mut self, waits: bool, time: Duration) {
        let counter = if waits { &mut self.waiting } else { &mut self.working };
        *counter = counter.saturating_add(time);
    }

    /// Time since the last sign of progress.
    pub(crate) fn idle(&self) -> Duration {
        self.working.saturating_add(self.waiting)
    }

    /// How long the child may still go on like this; zero when it is over.
    pub(crate) fn left(&self, waits: bool) -> Duration {
        if waits {
            (self.stall * WAITING_FACTOR).saturating_sub(self.waiting)
        } else {
            self.stall.saturating_sub(self.working)
        }
    }
}

/// Tells a live child that hangs from one that has nothing to do: it owes a sign of work from the first unit it was
/// given since its last one.
#[derive(Debug)]
pub(crate) struct Pulse {
    start: Duration,
    stall: Duration,
    /// Whether it has worked at all.
    begun: bool,
    owes_since: Option<Instant>,
}

impl Pulse {
    /// `start` is how long the first sign may take, `stall` how long each further one.
    pub(crate) fn new(start: Duration, stall: Duration) -> Self {
        Self { start, stall, begun: false, owes_since: None }
    }

    /// The child was given something.
    pub(crate) fn fed(&mut self, now: Instant) {
        self.owes_since.get_or_insert(now);
    }

    /// The child showed a sign: of work when `begun`. It owes the next from `owes_since` on, if more is waiting.
    pub(crate) fn beat(&mut self, begun: bool, owes_since: Option<Instant>) {
        self.begun |= begun;
        self.owes_since = owes_since;
    }

    /// How long it may take in all.
    pub(crate) fn limit(&self) -> Duration {
        if self.begun { self.stall } else { self.start }
    }

    /// How long it may still go on like this; `None` when it owes nothing.
    pub(crate) fn left(&self, now: Instant) -> Option<Duration> {
        self.owes_since.map(|since| self.limit().saturating_sub(now.saturating_duration_since(since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn work_without_progress_runs_out() {
        let mut dog = Watchdog::new(S * 10);
        dog.pass(false, S * 9);
        assert_eq!(dog.left(false), S);
        dog.pass(false, S * 2);
        assert!(dog.left(false).is_zero());
        dog.progress();
        assert_eq!(dog.left(false), S * 10);
    }

    #[test]
    fn waiting_for_us_counts_apart_but_not_for_ever() {
        let mut dog = Watchdog::new(S * 10);
        dog.pass(true, S * 60);
        assert_eq!(dog.left(false), S * 10);
        dog.pass(true, S * 40);
        assert!(dog.left(true).is_zero());
    }
}
