//! What a creator does about the making of an asset: cancel it, try it again, encode it again.

use std::time::Duration;

use base::{AssetId, Principal, Role};
use db::Tx;

use crate::{
    Asset, Catalogue, CatalogueError, IllegalStep, Result, State, Step, Work, found, imports, jobs, needs,
    store::{self, asset::Locked},
};

/// Why a cancelled asset is not made.
const CANCELLED: &str = "It was cancelled.";

impl Catalogue {
    /// Ends the work on an asset, or its import: it fails with words that say so, and can be tried again once its
    /// source is there. An older version goes on playing. Attempts that run are dropped within seconds, and nothing of theirs is recorded.
    ///
    /// # Errors
    /// [`CatalogueError::NotFound`]; [`CatalogueError::Forbidden`] below [`Role::Creator`];
    /// [`CatalogueError::Illegal`] unless it is in work or imported; [`CatalogueError::Db`], [`CatalogueError::Jobs`],
    /// [`CatalogueError::Events`].
    pub async fn cancel_asset(&self, principal: &Principal, id: &AssetId) -> Result<Asset> {
        needs(principal, Role::Creator)?;
        let mut tx = self.db.write().await?;
        let mut held = self.hold_own(&mut tx, principal, id).await?;
        if !held.life.is_in_work() && !self.is_importing(&mut tx, &held).await? {
            return Err(illegal(held.life.state, "be cancelled"));
        }
        self.step(&mut tx, &mut held, Step::Failed(CANCELLED.to_owned())).await?;
        self.cancel_version(&mut tx, &held).await?;
        self.sweep_after(&mut tx, &held, self.sweep_delay).await?;
        let asset = found(store::asset::find(&mut tx, id, None, None).await?)?;
        tx.commit().await?;
        self.board.forget(id);
        Ok(asset)
    }

    /// Makes a failed asset again from its source, as its next version.
    ///
    /// # Errors
    /// [`CatalogueError::NotFound`]; [`CatalogueError::Forbidden`] below [`Role::Creator`];
    /// [`CatalogueError::NoSource`] when its upload never finished, and of a recording; [`CatalogueError::Illegal`] unless it has
    /// failed; [`CatalogueError::Db`], [`CatalogueError::Jobs`], [`CatalogueError::Events`].
    pub async fn retry_asset(&self, principal: &Principal, id: &AssetId) -> Result<Asset> {
        self.make_again(principal, id, State::Failed, "be tried again").await
    }

    /// Makes a published asset again from its source, as its next version. What plays goes on playing until the
    /// new version is published, also when that fails; who is in the middle of it then can see it to its end.
    ///
    /// # Errors
    /// As [`Catalogue::retry_asset`], but [`CatalogueError::Illegal`] unless it is ready.
    pub async fn reencode_asset(&self, principal: &Principal, id: &AssetId) -> Result<Asset> {
        self.make_again(principal, id, State::Ready, "be encoded again").await
    }

    async fn make_again(
        &self,
        principal: &Principal,
        id: &AssetId,
        from: State,
        words: &'static str,
    ) -> Result<Asset> {
        needs(principal, Role::Creator)?;
        let mut tx = self.db.write().await?;
        let mut held = self.hold_own(&mut tx, principal, id).await?;
        if held.life.state != from {
            return Err(illegal(held.life.state, words));
        }
        let recorded = store::asset::broadcast_of(&mut tx, id).await?.is_some();
        if recorded || store::upload::of_asset(&mut tx, id).await?.finished.is_none() {
            return Err(CatalogueError::NoSource);
        }
        self.step(&mut tx, &mut held, Step::Requeued).await?;
        let probe = Work::Probe { asset: id.clone(), version: held.life.version };
        jobs::enqueue(&self.queue, &mut tx, &held.tenant, &probe, Duration::ZERO).await?;
        let asset = found(store::asset::find(&mut tx, id, None, None).await?)?;
        tx.commit().await?;
        Ok(asset)
    }

    /// Cancels every job that makes this version; a sweep of the asset stays.
    async fn cancel_version(&self, tx: &mut Tx, held: &Locked) -> Result<()> {
        let (asset, version) = (&held.id, held.life.version);
        let pieces = store::piece::open(tx, asset, version).await?;
        let pieces = pieces.into_iter().map(|piece| Work::of_piece(asset.clone(), version, piece));
        let ends =
            [Work::Probe { asset: asset.clone(), version }, Work::Publish { asset: asset.clone(), version }];
        let keys = ends.into_iter().chain(pieces).filter_map(|work| work.dedupe());
        for key in keys.chain([imports::dedupe(asset)]) {
            self.queue.cancel(tx, &held.tenant, &key).await?;
        }
        Ok(())
    }
}

fn illegal(state: State, step: &'static str) -> CatalogueError {
    IllegalStep { state, step }.into()
}
