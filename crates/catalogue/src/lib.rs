//! Assets and how they come to be: uploads, versions, pieces of work, tracks and parts.
//!
//! Owns the tables `asset`, `upload`, `upload_limit`, `edition`, `piece`, `track`, `part`, `play` and `play_count`;
//! queues the work that turns a source into something to watch ([`Work`]) and announces what becomes of it
//! ([`events`]).
//!
//! Three callers, three groups of functions:
//! - requests pass the [`Principal`] they act for, and see only its tenant's rows;
//! - viewers have no tenant: [`Catalogue::asset_public`], [`Catalogue::playback`] and the `…_attempt`
//!   functions answer for any asset and leave it to the caller to ask who may watch;
//! - workers pass their own transaction to the functions in `work.rs`, add the queue's fenced completion and
//!   commit: objects first, rows last, and nothing of an attempt that has lost its lease.
//!
//! Every change of an asset holds its row, takes a [`Step`] that the pure [`Lifecycle`] allows, and writes the
//! event and the follow-up work in the same transaction.
//!
//! Never reads or writes an object, never runs media code, never writes a playlist, never sees HTTP.

mod error;
pub mod events;
mod imports;
mod jobs;
mod limits;
mod model;
mod partials;
mod playback;
mod plays;
mod progress;
mod recordings;
mod steer;
mod store;
mod sweep;
mod uploads;
mod work;
mod writing;

#[cfg(test)]
mod tests;

use std::time::Duration;

use ::events::{Bus, Outbox};
use ::jobs::Queue;
use base::{Ambient, AssetId, Page, PageRequest, Principal, Role, Timestamp};
use db::{Db, Tx};

pub use error::{CatalogueError, Result};
pub use imports::{Fetch, IMPORT, Import, URL_BYTES_MAX};
pub use jobs::Work;
pub use limits::{Limits, OwnLimits};
pub use model::{
    Asset, AssetFilter, AssetPatch, FINDINGS_MAX, Finding, Gate, IllegalStep, Lifecycle, METADATA_BYTES_MAX,
    NAME_CHARS_MAX, NewUpload, Part, Piece, Playback, REASON_CHARS_MAX, Remaining, Severity, Source, State,
    Step, TITLE_CHARS_MAX, Upload, Visibility, Winner,
};
pub use plays::{Audience, PLAY_COUNTED_AFTER, PLAY_HEARTBEAT, PLAY_LEASE, VIEWERS_MAX};
pub use progress::{Progress, Reporter, TrackProgress};
pub use recordings::NewRecording;
pub use sweep::{DiskUse, Inventory, SettledVersion};
pub use writing::{WRITE_LEASE, WriteLease};

use progress::ProgressBoard;
use store::asset::Locked;

/// Sorts after every identifier: the cursor of the first page.
const BEFORE_ALL: &str = "~";
/// How long a version that was replaced can still be played, unless [`Catalogue::with_version_grace`] says.
const VERSION_GRACE: Duration = Duration::from_secs(24 * 3600);

/// The service. Clones share the progress board.
#[derive(Clone, Debug)]
pub struct Catalogue {
    db: Db,
    queue: Queue,
    outbox: Outbox,
    bus: Bus,
    ambient: Ambient,
    board: ProgressBoard,
    sweep_delay: Duration,
    limits: Limits,
    version_grace: Duration,
}

impl Catalogue {
    /// A service over a migrated database. `lease` is how long a worker that is not heard of keeps a job, and
    /// so may go on writing objects: sweeps of what was being made wait for twice as long.
    #[must_use]
    pub fn new(db: Db, queue: Queue, outbox: Outbox, bus: Bus, ambient: Ambient, lease: Duration) -> Self {
        let board = ProgressBoard::default();
        Self {
            db,
            queue,
            outbox,
            bus,
            ambient,
            board,
            sweep_delay: lease.saturating_mul(2),
            limits: Limits::NONE,
            version_grace: VERSION_GRACE,
        }
    }

    /// Keeps a version that is replaced for so long: players that are in the middle of it go on.
    #[must_use]
    pub fn with_version_grace(self, version_grace: Duration) -> Self {
        Self { version_grace, ..self }
    }

    /// An asset of the principal's tenant.
    ///
    /// # Errors
    /// [`CatalogueError::NotFound`]; [`CatalogueError::Db`], [`CatalogueError::Corrupt`].
    pub async fn asset(&self, principal: &Principal, id: &AssetId) -> Result<Asset> {
        let mut tx = self.db.read().await?;
        found(store::asset::find(&mut tx, id, Some(&principal.tenant), None).await?)
    }

    /// An asset of any tenant, for viewers. The caller asks whether this one may watch it.
    ///
    /// # Errors
    /// [`CatalogueError::NotFound`]; [`CatalogueError::Db`], [`CatalogueError::Corrupt`].
    pub async fn asset_public(&self, id: &AssetId) -> Result<Asset> {
        found(store::asset::find(&mut self.db.read().await?, id, None, None).await?)
    }

    /// The tenant's assets that pass `filter`, newest first. The cursor is the identifier of the last one seen.
    ///
    /// # Errors
    /// [`CatalogueError::Invalid`] for a title over [`TITLE_CHARS_MAX`] characters, [`State::Deleted`] or an
    /// unknown cursor;
    /// [`CatalogueError::Db`], [`CatalogueError::Corrupt`].
    pub async fn assets(
        &self,
        principal: &Principal,
        page: &PageRequest,
        filter: &AssetFilter,
    ) -> Result<Page<Asset>> {
        if filter.state == Some(State::Deleted) {
            let problem = "what is deleted is not listed".to_owned();
            return Err(CatalogueError::Invalid { field: "state", problem });
        }
        let pattern = model::search_pattern(filter.title.as_deref().unwrap_or_default())?;
        let before = page.after.as_deref().map(cursor).transpose()?;
        let before = before.as_ref().map_or(BEFORE_ALL, AssetId::as_str);
        let mut tx = self.db.read().await?;
        let limit = page.limit.saturating_add(1);
        let items = store::asset::list(&mut tx, &principal.tenant, before, &pattern, filter, limit).await?;
        Ok(Page::cut(items, page.limit, |asset| asset.id.to_string()))
    }

    /// Changes title or visibility; what the asset is then. With `expected`, only an asset that was last updated
    /// at one of these times is changed.
    ///
    /// # Errors
    /// [`CatalogueError::NotFound`]; [`CatalogueError::Changed`] when it is not as expected;
    /// [`CatalogueError::Forbidden`] below [`Role::Creator`]; [`CatalogueError::Invalid`] for a title that is
    /// empty, too long or not printable; [`CatalogueError::Db`], [`CatalogueError::Events`].
    pub async fn update_asset(
        &self,
        principal: &Principal,
        id: &AssetId,
        mut patch: AssetPatch,
        expected: Option<&[Timestamp]>,
    ) -> Result<Asset> {
        needs(principal, Role::Creator)?;
        patch.title = patch.title.as_deref().map(model::check_title).transpose()?;
        let mut tx = self.db.write().await?;
        let held = self.hold_own(&mut tx, principal, id).await?;
        let before = found(store::asset::find(&mut tx, id, None, None).await?)?;
        if expected.is_some_and(|expected| !expected.contains(&before.updated)) {
            return Err(CatalogueError::Changed);
        }
        store::asset::patch(&mut tx, id, &patch, self.ambient.now()).await?;
        events::patched(&self.outbox, &mut tx, &held, &patch).await?;
        let asset = found(store::asset::find(&mut tx, id, None, None).await?)?;
        tx.commit().await?;
        Ok(asset)
    }

    /// Deletes an asset in any state: nobody finds it from now on, its work is cancelled, and a sweep removes
    /// its objects and then its rows.
    ///
    /// # Errors
    /// [`CatalogueError::NotFound`]; [`CatalogueError::Forbidden`] below [`Role::Creator`];
    /// [`CatalogueError::Db`], [`CatalogueError::Jobs`], [`CatalogueError::Events`].
    pub async fn delete_asset(&self, principal: &Principal, id: &AssetId) -> Result<()> {
        needs(principal, Role::Creator)?;
        let mut tx = self.db.write().await?;
        let held = self.hold_own(&mut tx, principal, id).await?;
        self.remove(&mut tx, held).await?;
        tx.commit().await?;
        self.board.forget(id);
        Ok(())
    }

    /// Marks a held asset as deleted, with all that follows.
    async fn remove(&self, tx: &mut Tx, mut held: Locked) -> Result<()> {
        let worked_on = held.life.is_in_work() || self.is_importing(tx, &held).await?;
        let delay = if worked_on { self.sweep_delay } else { Duration::ZERO };
        self.step(tx, &mut held, Step::Deleted).await?;
        self.queue.cancel_subject(tx, &held.tenant, held.id.as_str()).await?;
        self.sweep_after(tx, &held, delay).await
    }

    /// Whether a worker may be fetching it.
    async fn is_importing(&self, tx: &mut Tx, held: &Locked) -> Result<bool> {
        Ok(held.life.state == State::Uploading && store::upload::of_asset(tx, &held.id).await?.is_import())
    }

    async fn sweep_after(&self, tx: &mut Tx, held: &Locked, delay: Duration) -> Result<()> {
        let sweep = Work::Sweep { asset: held.id.clone() };
        jobs::enqueue(&self.queue, tx, &held.tenant, &sweep, delay).await
    }

    /// Holds an asset that is not deleted.
    async fn hold(&self, tx: &mut Tx, id: &AssetId) -> Result<Locked> {
        let held = store::asset::lock(tx, id).await?;
        held.filter(|held| held.life.state != State::Deleted).ok_or(CatalogueError::NotFound)
    }

    async fn hold_own(&self, tx: &mut Tx, principal: &Principal, id: &AssetId) -> Result<Locked> {
        let held = self.hold(tx, id).await?;
        if held.tenant == principal.tenant { Ok(held) } else { Err(CatalogueError::NotFound) }
    }

    /// Takes a step with a held asset and announces it.
    async fn step(&self, tx: &mut Tx, held: &mut Locked, step: Step) -> Result<()> {
        held.life = held.life.after(step)?;
        store::asset::set_lifecycle(tx, &held.id, &held.life, self.ambient.now()).await?;
        events::moved(&self.outbox, tx, &held.tenant, &held.id, &held.life).await
    }
}

fn found<T>(row: Option<T>) -> Result<T> {
    row.ok_or(CatalogueError::NotFound)
}

fn needs(principal: &Principal, role: Role) -> Result<()> {
    if principal.may(role) { Ok(()) } else { Err(CatalogueError::Forbidden { needs: role }) }
}

fn cursor(after: &str) -> Result<AssetId> {
    let problem = |e: base::IdError| CatalogueError::Invalid { field: "after", problem: e.to_string() };
    after.parse().map_err(problem)
}
