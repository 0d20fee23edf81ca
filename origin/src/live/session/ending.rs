//! How a broadcast ends: lists, what the store still lacks, the recording, and then the row.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout_at},
};
use tracing::{info, warn};

use super::{Arrival, Leave, Moment, Over, Reason, Refusal, Session};
use crate::live::recording;

/// How long the lists of a broadcast that is over can still be read here.
const AFTERWARDS: Duration = Duration::from_secs(60);
/// How long players have to fetch the last parts before lists end: some take no parts of a list that has ended.
const LAST_PARTS: Duration = Duration::from_secs(1);
/// How long lower rungs may take at the end to give what they still have.
const RUNGS_LAST: Duration = Duration::from_secs(2);

impl Session {
    /// Runs the broadcast to its end, or until this process lets it go.
    pub(in super::super) async fn run(mut self, mut arrivals: mpsc::Receiver<Arrival>) {
        let (origin, lease) = (self.origin.clone(), self.lease.clone());
        let channel = &lease.channel;
        match self.broadcast(&mut arrivals).await {
            Leave::LetGo => {
                info!(%channel, "the broadcast of channel {channel} is let go: the server stops");
                self.shelf.finish().await;
                if let Err(error) = origin.live.let_go(&lease).await {
                    warn!(%channel, "a broadcast was not let go of: {error}");
                }
            }
            Leave::Over(over) => {
                drop(arrivals);
                self.end(&over).await;
                let stop = origin.tasks.soft();
                tokio::select! {
                    () = sleep(AFTERWARDS) => {}
                    () = stop.cancelled() => {}
                }
            }
        }
        origin.stages().close(channel, &lease.broadcast);
    }

    async fn end(mut self, over: &Over) {
        let (origin, broadcast) = (self.origin.clone(), self.lease.broadcast.clone());
        let (channel, reason) = (self.lease.channel.clone(), over.reason.as_str());
        info!(%channel, reason, "the broadcast of channel {channel} is over: {}", over.detail);
        if let Some(media) = &mut self.media {
            media.stop(Refusal::new(Reason::Denied, over.detail.clone()));
        }
        let whole = self.finish().await;
        let listed = Instant::now();
        let ended = if whole {
            recording::end(&self.origin, &self.lease, over.reason, &over.detail).await
        } else {
            self.origin.live.end(&self.lease, over.reason, &over.detail).await
        };
        if let Err(error) = ended {
            warn!(%channel, "the end of a broadcast was not written down: {error}");
        }
        self.shelf.clear().await;
        // What is still on disk belongs to the recording too, and gets there first.
        if whole {
            recording::afterwards(&origin, &broadcast).await;
        }
        sleep_until(listed + LAST_PARTS).await;
        match self.packager.end(Moment(origin.ambient.now().micros())) {
            Ok(()) => self.stage.show(self.packager.lists()),
            Err(error) => warn!(%channel, "the lists of a broadcast could not be ended: {error}"),
        }
    }

    /// Lists what is still to come, and waits a moment until the store has all of it: what is recorded is there when it is over.
    /// Whether it is.
    async fn finish(&mut self) -> bool {
        let channel = self.lease.channel.clone();
        self.ladder.drain();
        let until = Instant::now() + RUNGS_LAST;
        while let Ok(Some(encoded)) = timeout_at(until, self.ladder.last()).await {
            if self.take_encoded(encoded).await.is_err() {
                break;
            }
        }
        match self.packager.finish(self.now()) {
            Ok(products) => {
                if let Err(Over { detail, .. }) = self.publish(&products).await {
                    warn!(%channel, "the end of a broadcast is lost: {detail}");
                }
            }
            Err(error) => warn!(%channel, "the end of a broadcast could not be cut: {error}"),
        }
        self.shelf.finish().await
    }
}
