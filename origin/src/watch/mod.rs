//! A folder whose files are taken in, each exactly once, as if somebody had uploaded it.
//!
//! A file that stands is moved to `taking/ID/` first; its upload then begins under that very identifier. So
//! wherever a process is killed, the next one finds the file, and the upload that belongs to it, and goes on. The
//! kernel's lock on a file in the folder sees to it that one process watches it.

mod folder;
mod settling;
mod take;

use std::{
    collections::VecDeque, convert::Infallible, ffi::OsString, io, path::PathBuf, sync::Arc, time::Duration,
};

use base::{Principal, Role, TenantId, UploadId};
use catalogue::Visibility;
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use lifecycle::Tasks;
use telemetry::State;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::Origin;
use folder::{End, Folder};
use settling::Settling;
use take::{Taken, Taker};

/// Time between looks at the folder, and the longest and shortest part of it.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// Pause before a folder that cannot be watched, or a file that could not go in, is tried again.
const LATER: Duration = Duration::from_secs(5);
/// What these files' uploads are done in the name of.
const SUBJECT: &str = "watched folder";
/// The part of the process that `/health` shows.
const PART: &str = "watch";

/// What is watched, and for whom.
#[derive(Clone, Debug)]
pub struct WatchOptions {
    /// The folder.
    pub folder: PathBuf,
    /// Whose the files become.
    pub tenant: TenantId,
    /// Who may watch what is made of them.
    pub visibility: Visibility,
    /// How long a file must stand before it is taken.
    pub settle: Duration,
    /// Files taken in at once, from 1.
    pub at_once: usize,
}

/// Starts to watch a folder.
pub fn watch_folder(origin: &Origin, tasks: &Tasks, options: WatchOptions) {
    let principal =
        Principal { tenant: options.tenant.clone(), subject: SUBJECT.into(), role: Role::Creator };
    let taker = Taker { principal, visibility: options.visibility };
    let watcher = Watcher { origin: origin.clone(), options, taker };
    tasks.spawn_critical("watch-folder", watcher.run(tasks.clone()));
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

struct Watcher {
    origin: Origin,
    options: WatchOptions,
    taker: Taker,
}

/// What is under way, and what waits to be.
#[derive(Default)]
struct Desk<'a> {
    running: FuturesUnordered<BoxFuture<'a, (UploadId, OsString, Option<End>)>>,
    waiting: VecDeque<(UploadId, OsString)>,
    settling: Settling,
}

impl Watcher {
    async fn run(self, tasks: Tasks) -> Result<(), Infallible> {
        let stop = tasks.soft();
        while !stop.is_cancelled() {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                error = self.watch() => {
                    self.report(&error);
                    tokio::select! { () = sleep(LATER) => {}, () = stop.cancelled() => {} }
                }
            }
        }
        Ok(())
    }

    fn report(&self, error: &io::Error) {
        metrics::gauge!("nexus_watch_active").set(0.0);
        // Another process watches it, which is well: this one takes over when it ends.
        let elsewhere = error.kind() == io::ErrorKind::WouldBlock;
        let reason = format!("watch.folder {}: {error}", self.options.folder.display());
        let state = if elsewhere { State::Ok } else { State::Degraded(reason.clone()) };
        let before = self.origin.health.report(PART, state.clone());
        if before.as_ref() == Some(&state) {
            return;
        }
        if elsewhere {
            info!("another process watches the folder; this one takes over when it ends");
        } else {
            warn!("the folder is not watched: {reason}");
        }
    }

    /// Watches until the folder cannot be read any more.
    async fn watch(&self) -> io::Error {
        match self.opened().await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn opened(&self) -> io::Result<Infallible> {
        let path = self.options.folder.clone();
        let folder = Arc::new(blocking(move || Folder::open(&path)).await?);
        let mut desk = Desk::default();
        let taken = folder.clone();
        desk.waiting.extend(blocking(move || taken.taken()).await?);
        self.origin.health.report(PART, State::Ok);
        metrics::gauge!("nexus_watch_active").set(1.0);
        info!(folder = %self.options.folder.display(), left = desk.waiting.len(), "a folder is watched");
        let every = (self.options.settle / 4).clamp(Duration::from_millis(100), LOOK_MAX);
        loop {
            self.look(&folder, &mut desk).await?;
            let mut pause = std::pin::pin!(sleep(every));
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    Some((id, name, end)) = desk.running.next() => {
                        self.ended(&folder, &mut desk, id, name, end).await?;
                    }
                }
            }
        }
    }

    /// Looks for files that stand, and begins as many as may be under way.
    async fn look<'a>(&'a self, folder: &Arc<Folder>, desk: &mut Desk<'a>) -> io::Result<()> {
        let looked = folder.clone();
        let contents = blocking(move || looked.contents()).await?;
        for (name, reason) in contents.refused {
            let (refusing, id, shown) = (folder.clone(), self.origin.ambient.id(), name.clone());
            blocking(move || refusing.refuse(&name, &id, reason)).await?;
            warn!(name = ?shown, "{reason}");
            count("failed");
        }
        let now = self.origin.ambient.monotonic();
        let settled = desk.settling.look(contents.files, now, self.options.settle);
        report_waiting(desk.settling.waiting() + desk.waiting.len());
        self.begin(folder, desk);
        let floor = self.origin.limits.upload.free_floor_bytes;
        let full = self.origin.store.check_room(floor).await.is_err();
        for name in settled {
            if full || desk.running.len() >= self.options.at_once {
                break;
            }
            let (taking, id): (_, UploadId) = (folder.clone(), self.origin.ambient.id());
            let (own, named) = (id.clone(), name.clone());
            match blocking(move || taking.take(&named, &own)).await {
                Ok(()) => desk.waiting.push_back((id, name)),
                // Somebody took it away in the meantime.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            self.begin(folder, desk);
        }
        Ok(())
    }

    /// Begins what waits.
    fn begin<'a>(&'a self, folder: &Arc<Folder>, desk: &mut Desk<'a>) {
        while desk.running.len() < self.options.at_once
            && let Some((id, name)) = desk.waiting.pop_front()
        {
            let taken = Taken { folder: folder.clone(), id, name };
            desk.running.push(Box::pin(async move {
                let end = taken.run(&self.origin, &self.taker).await;
                if end.is_none() {
                    sleep(LATER).await;
                }
                (taken.id, taken.name, end)
            }));
        }
    }

    async fn ended(
        &self,
        folder: &Arc<Folder>,
        desk: &mut Desk<'_>,
        id: UploadId,
        name: OsString,
        end: Option<End>,
    ) -> io::Result<()> {
        let Some(end) = end else {
            desk.waiting.push_back((id, name));
            return Ok(());
        };
        match &end {
            End::Done => info!(upload = %id, ?name, "a file of the watched folder was taken in"),
            End::Failed(reason) => {
                warn!(upload = %id, ?name, "a file of the watched folder is refused: {reason}");
            }
        }
        count(if end == End::Done { "done" } else { "failed" });
        let ending = folder.clone();
        blocking(move || ending.end(&id, &name, &end)).await
    }
}

fn count(end: &'static str) {
    metrics::counter!("nexus_watch_files_total", "end" => end).increment(1);
}

fn report_waiting(files: usize) {
    // At most as many as are looked at, far below 2^32.
    metrics::gauge!("nexus_watch_waiting").set(u32::try_from(files).unwrap_or(u32::MAX));
}
