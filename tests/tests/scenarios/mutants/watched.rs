//! The children of a server, as the kernel shows them.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tests::children_of;
use tokio::{task::JoinHandle, time::Instant};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);
/// A child that has ended is reaped within this.
const REAPED_MAX: Duration = Duration::from_secs(2);

/// The worst that was seen.
#[derive(Debug, Default)]
pub struct Seen {
    children: usize,
    memory_kib: u64,
    life: Duration,
    at_once: usize,
    unreaped: Duration,
}

pub struct Watched {
    stop: Arc<AtomicBool>,
    looks: JoinHandle<Seen>,
}

impl Watched {
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    pub fn begin(server: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        Self { looks: tokio::spawn(look(server, stop.clone())), stop }
    }

    /// # Panics
    /// When a child that had ended was not reaped.
    pub async fn end(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.looks.await.expect("it looked");
        assert!(seen.unreaped < REAPED_MAX, "{seen:?}");
        seen
    }
}

async fn look(server: u32, stop: Arc<AtomicBool>) -> Seen {
    let mut seen = Seen::default();
    let mut known: HashMap<u32, (Instant, Option<Instant>)> = HashMap::new();
    while !stop.load(Ordering::Relaxed) {
        let (there, now) = (children_of(server), Instant::now());
        known.retain(|child, _| there.contains(child));
        seen.at_once = seen.at_once.max(there.len());
        for child in there {
            let Some((memory_kib, ended)) = state(child) else { continue };
            seen.children += usize::from(!known.contains_key(&child));
            let (since, ended_at) = known.entry(child).or_insert((now, None));
            seen.memory_kib = seen.memory_kib.max(memory_kib);
            seen.life = seen.life.max(now - *since);
            let ended_at = *ended_at.get_or_insert(now);
            if ended {
                seen.unreaped = seen.unreaped.max(now - ended_at);
            } else {
                known.insert(child, (known[&child].0, None));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    seen
}

/// The most memory it had resident, in KiB, and whether it has ended and waits to be reaped.
fn state(child: u32) -> Option<(u64, bool)> {
    let status = std::fs::read_to_string(format!("/proc/{child}/status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let memory = field("VmHWM:").and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0);
    Some((memory, field("State:").is_some_and(|state| state.starts_with('Z'))))
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { children, memory_kib, life, at_once, unreaped } = self;
        writeln!(f, "{children} children seen, at most {at_once} at once")?;
        writeln!(f, "worst memory of one: {} MiB resident", memory_kib / 1024)?;
        writeln!(f, "longest life of one: {:.1} s", life.as_secs_f64())?;
        write!(
            f,
            "longest from a child's end until it was reaped: below {:.0} ms",
            unreaped.as_secs_f64() * 1e3 + 10.0
        )
    }
}
