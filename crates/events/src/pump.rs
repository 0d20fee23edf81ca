//! Carries events from the outbox to the bus.

use std::{convert::Infallible, time::Duration};

use base::Timestamp;
use lifecycle::Tasks;
use tokio::time::sleep;
use tracing::warn;

use crate::{Bus, EventsError};

/// How the pump runs.
#[derive(Clone, Copy, Debug)]
pub struct PumpOptions {
    /// How often to look for events of other processes; this process's own wake it.
    pub poll: Duration,
    /// How long events can be read again with [`crate::Outbox::since`].
    pub retention: Duration,
    /// How often older ones are deleted.
    pub sweep: Duration,
}

impl Default for PumpOptions {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            retention: Duration::from_secs(7 * 24 * 3600),
            sweep: Duration::from_secs(3600),
        }
    }
}

/// Numbers, broadcasts and in the end deletes events, until the soft stage of shutdown.
///
/// # Errors
/// Never; the type is what `Tasks::spawn_critical` takes. While the database is away it keeps trying.
pub async fn pump(bus: Bus, tasks: Tasks, options: PumpOptions) -> Result<(), Infallible> {
    let stop = tasks.soft();
    let mut pump = Pump::new(bus.clone(), options);
    while !stop.is_cancelled() {
        let mut wake = std::pin::pin!(bus.outbox().notified());
        wake.as_mut().enable();
        if let Err(error) = pump.turn().await {
            metrics::counter!("nexus_events_pump_failed_total").increment(1);
            warn!(error = &error as &dyn std::error::Error, "events are held up: {error}");
        }
        tokio::select! {
            () = wake => {}
            () = sleep(options.poll) => {}
            () = stop.cancelled() => {}
        }
    }
    Ok(())
}

/// The pump between its waits.
pub(crate) struct Pump {
    bus: Bus,
    options: PumpOptions,
    last: i64,
    swept: Timestamp,
}

impl Pump {
    pub(crate) fn new(bus: Bus, options: PumpOptions) -> Self {
        let (last, swept) = (bus.start(), bus.outbox().now());
        Self { bus, options, last, swept }
    }

    /// Broadcasts everything committed so far.
    pub(crate) async fn turn(&mut self) -> Result<(), EventsError> {
        loop {
            let waiting = self.bus.outbox().sequence().await?;
            self.broadcast().await?;
            if waiting == 0 {
                break;
            }
        }
        self.sweep().await
    }

    async fn broadcast(&mut self) -> Result<(), EventsError> {
        loop {
            let batch = self.bus.outbox().after(self.last).await?;
            let Some(last) = batch.last().and_then(|event| event.seq) else { return Ok(()) };
            metrics::counter!("nexus_events_published_total").increment(batch.len() as u64);
            batch.into_iter().for_each(|event| self.bus.send(event));
            self.last = last;
        }
    }

    async fn sweep(&mut self) -> Result<(), EventsError> {
        let now = self.bus.outbox().now();
        if now < self.swept + self.options.sweep {
            return Ok(());
        }
        while self.bus.outbox().sweep(now - self.options.retention).await? > 0 {}
        self.swept = now;
        Ok(())
    }
}
