//! Named, tracked tasks and their two-stage end.

use std::{
    fmt::Display,
    future::Future,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, debug_span, error, warn};

/// Tasks were still running when the grace period ended and were dropped.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0} tasks did not end within the grace period")]
pub struct Unfinished(pub usize);

/// The tasks of a process. Cloning shares the same set.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    soft: CancellationToken,
    hard: CancellationToken,
    crashed: Arc<AtomicBool>,
}

impl Tasks {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when no new work is to be taken.
    #[must_use]
    pub fn soft(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Cancelled when everything is to be dropped.
    #[must_use]
    pub fn hard(&self) -> CancellationToken {
        self.hard.clone()
    }

    /// Whether a critical task ended unasked.
    #[must_use]
    pub fn crashed(&self) -> bool {
        self.crashed.load(Ordering::Acquire)
    }

    /// Starts a task under a name that appears in its log lines.
    #[expect(clippy::disallowed_methods, reason = "this is the tracked spawn that replaces the bare one")]
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        metrics::counter!("nexus_tasks_started_total", "task" => name).increment(1);
        tokio::spawn(self.tracker.track_future(future.instrument(debug_span!("task", name))))
    }

    /// Starts a task that shutdown does not wait for.
    #[expect(
        clippy::disallowed_methods,
        reason = "the watcher of the hard stage must outlive the wait for it"
    )]
    pub(crate) fn spawn_untracked<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(future.instrument(debug_span!("task", name)));
    }

    /// Starts a task the process cannot do without: its error, panic or unasked end begins a soft shutdown
    /// and marks the process as crashed.
    pub fn spawn_critical<F, E>(&self, name: &'static str, future: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let inner = self.spawn(name, future);
        let tasks = self.clone();
        self.spawn("critical-watch", async move {
            let reason = match inner.await {
                Ok(Ok(())) if tasks.soft.is_cancelled() => return,
                Ok(Ok(())) => "it ended unasked".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(panic) => panic.to_string(),
            };
            error!(task = name, reason, "critical task {name} ended: {reason}");
            tasks.crashed.store(true, Ordering::Release);
            tasks.soft.cancel();
        });
    }

    /// Begins the soft stage.
    pub fn stop(&self) {
        self.soft.cancel();
    }

    /// Waits until the process is told to end, then shuts down; how the process ends.
    pub async fn run(&self, grace: Duration) -> ExitCode {
        self.soft.cancelled().await;
        if let Err(unfinished) = self.shutdown(grace).await {
            warn!("{unfinished}");
        }
        if self.crashed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    /// Runs both stages: soft, then after `grace` hard, then at most two more seconds.
    ///
    /// # Errors
    /// [`Unfinished`] when tasks outlive both stages.
    pub async fn shutdown(&self, grace: Duration) -> Result<(), Unfinished> {
        self.soft.cancel();
        self.tracker.close();
        if tokio::time::timeout(grace, self.tracker.wait()).await.is_ok() {
            self.hard.cancel();
            return Ok(());
        }
        self.hard.cancel();
        let last = tokio::time::timeout(Duration::from_secs(2), self.tracker.wait()).await;
        last.map_err(|_| Unfinished(self.tracker.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn shutdown_lets_soft_tasks_finish_and_drops_hard_ones() {
        let tasks = Tasks::new();
        let (soft, hard) = (tasks.soft(), tasks.hard());
        let polite = tasks.spawn("polite", async move { soft.cancelled().await });
        let stubborn = tasks.spawn("stubborn", async move { hard.cancelled().await });
        tasks.shutdown(Duration::from_secs(5)).await.expect("both end");
        polite.await.expect("ended");
        stubborn.await.expect("ended");
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ignores_both_stages_is_reported() {
        let tasks = Tasks::new();
        tasks.spawn("deaf", std::future::pending::<()>());
        assert_eq!(tasks.shutdown(Duration::from_secs(1)).await, Err(Unfinished(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_unasked_end_of_a_critical_task_stops_the_process() {
        let tasks = Tasks::new();
        tasks.spawn_critical("short", async { Err("broken") });
        tasks.soft().cancelled().await;
        assert!(tasks.crashed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_critical_task_may_end_after_soft_shutdown() {
        let tasks = Tasks::new();
        let soft = tasks.soft();
        tasks.spawn_critical("server", async move {
            soft.cancelled().await;
            Ok::<(), &str>(())
        });
        tasks.shutdown(Duration::from_secs(1)).await.expect("ends");
        assert!(!tasks.crashed());
    }
}
