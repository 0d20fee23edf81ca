//! One connection, from its admission to its end.

use std::sync::Arc;

use settings::Secret;
use tokio::{sync::mpsc, time::timeout};
use tracing::debug;

use super::reader::{Connection, Input};
use crate::{
    Announcement, End, Event, Refusal,
    connection::{Counted, LAST_EVENT, Shared, Source, ask, published},
    media::Decision,
    srt::gate::Proven,
    ts::Demux,
};

/// Runs a connection whose handshake has proven that the peer knows the passphrase.
pub(super) async fn run(connection: Connection, shared: Arc<Shared>) {
    let _counted = Counted::begin(metrics::gauge!("nexus_ingest_connections", "protocol" => "srt"));
    let Connection { peer, proven, input } = connection;
    let Proven { channel, passphrase, user, place: _place } = proven;
    let announcement = Announcement {
        app: channel,
        key: passphrase,
        parameters: Secret::default(),
        tc_url: Secret::default(),
        encoder: user,
    };
    let (result, end) = match ask(peer, announcement, &shared).await {
        Decision::Refuse(refusal) => (refusal.reason.name(), End::Stopped(refusal)),
        Decision::Admit(mut feed) => {
            let mut stream = Stream { input, demux: Demux::new(shared.limits.message_bytes_max), over: None };
            let end = published(&mut stream, &mut feed, &shared).await;
            drop(stream);
            if timeout(LAST_EVENT, feed.queue.send(Event::Ended(end.clone()))).await.is_err() {
                debug!(%peer, "nobody took the last event");
            }
            ("admitted", end)
        }
    };
    metrics::counter!("nexus_ingest_attempts_total", "result" => result).increment(1);
    debug!(%peer, result, %end, "a connection ended");
}

struct Stream {
    input: mpsc::Receiver<Input>,
    demux: Demux,
    over: Option<End>,
}

impl Source for Stream {
    async fn event(&mut self) -> Result<Event, End> {
        loop {
            if let Some(event) = self.demux.event() {
                return Ok(event);
            }
            if let Some(end) = &self.over {
                return Err(end.clone());
            }
            match self.input.recv().await.unwrap_or(Input::Over(End::Lost(None))) {
                Input::Bytes(bytes) => self.over = self.demux.push(&bytes).err(),
                Input::Link(link) => return Ok(Event::Link(link)),
                Input::Over(end) => {
                    if end == End::Closed {
                        self.demux.finish();
                    }
                    self.over = Some(end);
                }
            }
        }
    }

    /// SRT has no word for it: the peer sees that the connection is closed.
    fn told(&mut self, _refusal: &Refusal) {}
}
