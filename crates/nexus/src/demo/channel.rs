//! The demonstration channel: a synthetic encoder that publishes to this server over RTMP for as long as it runs.

use std::{future::Future, time::Duration};

use anyhow::{Context, Result, bail};
use base::{PageRequest, Principal};
use db::Db;
use identity::{Caller, Identity};
use ingest::rtmp::PublishError;
use live::{Choices, Dvr, Visibility};
use origin::Origin;
use sandbox::{Options, Sandbox};
use settings::{Secret, Settings};
use tracing::{info, warn};

use crate::{
    encoder::{self, Broadcast},
    encoders,
};

const NAME: &str = "Demonstration";
/// How far viewers may go back, in seconds: enough to try it, little on disk.
const DVR_SECONDS: u32 = 600;
/// Between two tries; doubled from try to try that lets nothing through.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// How a broadcast ended.
enum End {
    /// The server stops.
    Stopped,
    /// The key opens nothing any more.
    ShutOut,
}

/// What the channel works with.
pub struct DemoChannel {
    /// Where the data folder is, and where encoders are taken.
    pub settings: Settings,
    /// Acts as the operator.
    pub identity: Identity,
    /// Where the channel's row is made.
    pub db: Db,
    /// Whose listener is published to.
    pub origin: Origin,
}

impl DemoChannel {
    /// Publishes until the server stops, somebody deletes the channel or gives it another key.
    pub async fn run(self) {
        if let Err(error) = self.publish().await {
            warn!("the demonstration channel is off: {error:#}");
        }
    }

    async fn publish(&self) -> Result<()> {
        let Some(address) = encoders::local_rtmp(&self.settings, &self.origin.doors) else {
            info!("the demonstration channel is off: live.rtmp is empty");
            return Ok(());
        };
        let operator = Caller::operator(self.identity.home_tenant().await?).principal;
        let Some(key) = self.key(&operator).await? else { return Ok(()) };
        let registry = std::path::absolute(self.settings.data.join("gst-registry.bin"))?;
        let sandbox = Sandbox::new(Options::new(&self.settings.transcode, registry))?;
        let mut pause = PAUSE;
        loop {
            match self.broadcast(&sandbox, &address, &key).await {
                Ok(End::Stopped) => return Ok(()),
                Ok(End::ShutOut) => bail!("its key was changed, or it was deleted"),
                Err(error) => warn!("the demonstration's encoder ended and begins again: {error:#}"),
            }
            if self.until_stopped(tokio::time::sleep(pause)).await.is_none() {
                return Ok(());
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// What `work` comes to, unless the server stops before.
    async fn until_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let stop = self.origin.tasks.soft();
        tokio::select! {
            done = work => Some(done),
            () = stop.cancelled() => None,
        }
    }

    /// A fresh key of the channel, which is made where there is none at all; nothing where the only ones are others.
    async fn key(&self, operator: &Principal) -> Result<Option<Secret>> {
        let live = &self.origin.live;
        let channels = live.channels(operator, &PageRequest::new(Some(100), None)).await?.items;
        if let Some(own) = channels.iter().find(|channel| channel.choices.name == NAME) {
            return Ok(Some(live.rotate_key(operator, &own.id).await?.key));
        }
        if !channels.is_empty() {
            return Ok(None);
        }
        let choices = Choices {
            visibility: Visibility::Public,
            dvr: Dvr::Window(DVR_SECONDS),
            recording: false,
            ..Choices::named(NAME)
        };
        let mut tx = self.db.write().await?;
        let made = live.create(&mut tx, operator, choices).await?;
        tx.commit().await?;
        Ok(Some(made.key))
    }

    /// One broadcast, to its end.
    async fn broadcast(&self, sandbox: &Sandbox, address: &str, key: &Secret) -> Result<End> {
        let (at, target) = encoder::target(address, key.clone())?;
        let spec = encoder::demonstration();
        let opening = Broadcast::open(sandbox, &spec, &at, target, &self.origin.ambient);
        let mut broadcast = match self.until_stopped(opening).await {
            None => return Ok(End::Stopped),
            Some(Err(error)) if is_denied(&error) => return Ok(End::ShutOut),
            Some(opened) => opened?,
        };
        let sent = self.until_stopped(broadcast.send(|_| {})).await;
        broadcast.close().await;
        sent.map_or(Ok(()), |sent| sent.context("publishing"))?;
        Ok(End::Stopped)
    }
}

/// Whether a server that was reached does not know the key: deleted channels and rotated keys look alike.
fn is_denied(error: &anyhow::Error) -> bool {
    let refused = error.downcast_ref::<PublishError>();
    matches!(refused, Some(PublishError::Refused { code, .. }) if code == "NetStream.Publish.Denied")
}
