//! The loop that sends what is due.

use std::{convert::Infallible, future::Future, sync::Arc, time::Duration};

use lifecycle::Tasks;
use tokio::{sync::Semaphore, time::sleep};
use tracing::{debug, warn};

use super::{Letter, Outcome, Webhooks};
use crate::EventsError;

/// Posts letters; the one thing of webhooks that needs a network.
pub trait Courier: Send + Sync + 'static {
    /// Posts a letter without following redirects.
    fn post(&self, letter: &Letter) -> impl Future<Output = Outcome> + Send;
}

/// How letters are sent.
#[derive(Clone, Copy, Debug)]
pub struct PostOptions {
    /// Attempts at once, from 1.
    pub concurrency: usize,
    /// How often to look for what is due; messages of this process's own are looked for at once.
    pub poll: Duration,
    /// The longest an attempt may take; shorter than the lease of a minute.
    pub attempt: Duration,
    /// How often finished deliveries are swept.
    pub sweep: Duration,
}

impl Default for PostOptions {
    fn default() -> Self {
        Self {
            concurrency: 16,
            poll: Duration::from_secs(1),
            attempt: Duration::from_secs(20),
            sweep: Duration::from_secs(600),
        }
    }
}

/// Plans and sends until the soft stage of shutdown; what is then under way is dropped and attempted again once
/// its lease is over.
///
/// # Errors
/// Never; the type is what `Tasks::spawn_critical` takes. While the database is away it keeps trying.
pub async fn post<C: Courier>(
    webhooks: Webhooks,
    courier: Arc<C>,
    tasks: Tasks,
    options: PostOptions,
) -> Result<(), Infallible> {
    let stop = tasks.soft();
    let desk = Desk {
        slots: Arc::new(Semaphore::new(options.concurrency.max(1))),
        webhooks,
        courier,
        tasks,
        options,
    };
    let mut swept = None;
    while !stop.is_cancelled() {
        let mut wake = std::pin::pin!(desk.webhooks.wake.notified());
        wake.as_mut().enable();
        let sweep_due = swept.is_none_or(|at| desk.webhooks.ambient.now() >= at + options.sweep);
        match desk.turn(sweep_due).await {
            Ok(()) if sweep_due => swept = Some(desk.webhooks.ambient.now()),
            Ok(()) => {}
            Err(error) => {
                metrics::counter!("nexus_webhooks_held_up_total").increment(1);
                warn!(error = &error as &dyn std::error::Error, "webhooks are held up: {error}");
            }
        }
        tokio::select! {
            () = wake => {}
            () = sleep(options.poll) => {}
            () = stop.cancelled() => {}
        }
    }
    Ok(())
}

struct Desk<C> {
    slots: Arc<Semaphore>,
    webhooks: Webhooks,
    courier: Arc<C>,
    tasks: Tasks,
    options: PostOptions,
}

impl<C: Courier> Desk<C> {
    /// Sends what is due as far as there are free places.
    async fn turn(&self, sweep_due: bool) -> Result<(), EventsError> {
        self.webhooks.plan().await?;
        if sweep_due {
            let waiting = self.webhooks.sweep().await?;
            metrics::gauge!("nexus_webhooks_waiting").set(u32::try_from(waiting).unwrap_or(u32::MAX));
        }
        while let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            let Some(letter) = self.webhooks.claim().await? else { break };
            let (webhooks, courier) = (self.webhooks.clone(), Arc::clone(&self.courier));
            let (stop, limit) = (self.tasks.soft(), self.options.attempt);
            self.tasks.spawn("webhook", async move {
                let _slot = slot;
                tokio::select! {
                    () = attempt(&webhooks, &*courier, &letter, limit) => {}
                    () = stop.cancelled() => {}
                }
            });
        }
        Ok(())
    }
}

async fn attempt<C: Courier>(webhooks: &Webhooks, courier: &C, letter: &Letter, limit: Duration) {
    let posted = tokio::time::timeout(limit, courier.post(letter)).await;
    let outcome =
        posted.unwrap_or_else(|_| Outcome::Failed(format!("no answer within {} s", limit.as_secs())));
    let label = match outcome.status() {
        Some(200..=299) => "taken",
        Some(_) => "refused",
        None => "unanswered",
    };
    metrics::counter!("nexus_webhooks_attempts_total", "end" => label).increment(1);
    match webhooks.settle(letter, &outcome).await {
        Ok(true) => debug!(delivery = %letter.id, label, "an event was posted: {label}"),
        Ok(false) => debug!(delivery = %letter.id, "the delivery is another's or gone"),
        Err(error) => warn!(delivery = %letter.id, "an attempt's end was not written down: {error}"),
    }
}
