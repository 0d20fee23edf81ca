//! Signals: SIGTERM or SIGINT once begins the soft stage, twice the hard stage.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

use crate::Tasks;

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

/// Watches for signals until the hard stage begins.
///
/// # Errors
/// When the process may not install signal handlers.
pub fn watch_signals(tasks: &Tasks) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (soft, hard) = (tasks.soft(), tasks.hard());
    tasks.spawn_untracked("signals", async move {
        let first = tokio::select! {
            name = either(&mut terminate, &mut interrupt) => name,
            () = soft.cancelled() => return,
        };
        soft.cancel();
        info!("{first}: finishing what runs; once more to stop at once");
        tokio::select! {
            name = either(&mut terminate, &mut interrupt) => {
                hard.cancel();
                info!("{name} again: stopping at once");
            }
            () = hard.cancelled() => {}
        }
    });
    Ok(())
}
