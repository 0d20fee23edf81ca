//! How a process starts its tasks and ends them: two-stage cancellation, tracked and named tasks, signals,
//! and the real clock and entropy.
//!
//! Shutdown has two stages. *Soft*: take no new work, finish what runs. *Hard*: drop everything. A critical
//! task that ends unasked begins a soft shutdown and makes the process exit with failure.

mod ambient;
mod signal;
mod tasks;

pub use ambient::{host_name, monotonic, system};
pub use signal::watch_signals;
pub use tasks::{Tasks, Unfinished};
pub use tokio_util::sync::CancellationToken;
