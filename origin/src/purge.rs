//! Media that viewers may no longer have are taken out of the edges' caches, where they are `immutable`.
//!
//! The edge in this process hears of it on the bus. Edges elsewhere are told one by one, each behind a cursor of
//! its own in the outbox: one that is away is told when it is back, and holds up no other.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request},
};
use catalogue::events::withdraws;
use events::{Cursor, Event, EventsError, Outbox, SubscriptionError};
use httpkit::{ClientError, client::Client};
use lifecycle::Tasks;
use settings::Secret;
use tracing::{info, warn};

use crate::Origin;

/// Everything an edge keeps.
const ALL: &str = "/media/";
/// How often an edge's cursor is looked at.
const POLL: Duration = Duration::from_secs(1);
/// The longest pause before an edge that is away is tried again.
const PAUSE_MAX: Duration = Duration::from_secs(60);

fn path(event: &Event) -> String {
    format!("{ALL}{}", event.subject)
}

/// Purges the cache of the edge in this process by `purge`, which takes a media path.
pub fn purge_near(origin: &Origin, tasks: &Tasks, purge: impl Fn(&str) + Send + 'static) {
    let (mut heard, stop) = (origin.bus.subscribe_all(), tasks.soft());
    tasks.spawn_critical("purge", async move {
        loop {
            let event = tokio::select! {
                event = heard.next() => event,
                () = stop.cancelled() => return Ok::<_, Infallible>(()),
            };
            match event {
                Ok(event) if withdraws(&event.kind, &event.payload) => purge(&path(&event)),
                Ok(_) => {}
                Err(SubscriptionError::Lagged(_)) => purge(ALL),
                Err(SubscriptionError::Closed) => return Ok(()),
            }
        }
    });
}

/// Purges the caches of the edges at these base URLs, which share `credential` with the origin.
pub fn purge_far(tasks: &Tasks, outbox: &Outbox, edges: &[String], credential: &Secret) {
    for edge in edges {
        let far = Far {
            outbox: outbox.clone(),
            client: Client::new(Default::default()),
            edge: edge.trim_end_matches('/').to_owned(),
            credential: credential.clone(),
        };
        tasks.spawn_critical("purge", far.run(tasks.clone()));
    }
}

struct Far {
    outbox: Outbox,
    client: Client,
    edge: String,
    credential: Secret,
}

#[derive(Debug, thiserror::Error)]
enum PurgeError {
    #[error(transparent)]
    Events(#[from] EventsError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("it answers {0}; is edge.credential the same on both sides?")]
    Refused(u16),
    #[error("its address or credential cannot be sent: {0}")]
    Request(#[from] axum::http::Error),
}

impl Far {
    async fn run(self, tasks: Tasks) -> Result<(), Infallible> {
        let stop = tasks.soft();
        let mut failures = 0;
        loop {
            failures = match self.turn().await {
                Ok(()) => 0,
                Err(error) => self.failed(failures, &error),
            };
            let pause = POLL.saturating_mul(1 << failures.min(6)).min(PAUSE_MAX);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    fn failed(&self, failures: u32, error: &PurgeError) -> u32 {
        metrics::counter!("nexus_edge_purges_failed_total").increment(1);
        if failures == 0 {
            warn!(edge = self.edge, "an edge is not told what it may no longer keep: {error}");
        }
        failures.saturating_add(1)
    }

    /// Tells the edge everything that it has not been told yet.
    async fn turn(&self) -> Result<(), PurgeError> {
        let cursor = Cursor::open(&self.outbox, &format!("purge {}", self.edge)).await?;
        loop {
            let events = cursor.next().await?;
            let Some(last) = events.last().and_then(|event| event.seq) else { return Ok(()) };
            for event in events.iter().filter(|event| withdraws(&event.kind, &event.payload)) {
                self.purge(&path(event)).await?;
                info!(edge = self.edge, asset = event.subject, "an edge forgot an asset");
            }
            cursor.pass(last).await?;
        }
    }

    async fn purge(&self, path: &str) -> Result<(), PurgeError> {
        let mut credential =
            HeaderValue::from_str(self.credential.expose()).map_err(axum::http::Error::from)?;
        credential.set_sensitive(true);
        let request = Request::builder()
            .method(Method::DELETE)
            .uri(format!("{}{path}", self.edge))
            .header(httpkit::EDGE_CREDENTIAL, credential)
            .body(Body::empty())?;
        let status = self.client.send(request).await?.status();
        if status.is_success() { Ok(()) } else { Err(PurgeError::Refused(status.as_u16())) }
    }
}
