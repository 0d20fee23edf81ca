//! The real clock and entropy; the only place that asks the system for either.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base::{Ambient, Clock, Entropy, Timestamp};

struct SystemClock(Instant);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the system's clock seam")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp(since.map_or(0, |elapsed| i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX)))
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).expect("the kernel's random source is always available after boot on Linux");
    }
}

/// The system's clock and entropy.
#[must_use]
pub fn system() -> Ambient {
    Ambient::new(Arc::new(SystemClock(monotonic())), Arc::new(SystemEntropy))
}

/// A monotonic instant, for measuring durations and deadlines within the process.
#[expect(clippy::disallowed_methods, reason = "this is the system's monotonic clock seam")]
#[must_use]
pub fn monotonic() -> Instant {
    Instant::now()
}

/// What the kernel calls this machine (`proc(5)`); empty when it does not say.
#[must_use]
pub fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}
