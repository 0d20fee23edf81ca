//! What this domain announces.
//!
//! Events that are written with the rows they tell of say what changed and not how it looks now: whoever
//! shows an asset reads it. Volatile ones carry their numbers, which are nowhere else.

use ::events::Outbox;
use base::{AssetId, TenantId};
use db::Tx;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Result,
    model::{AssetPatch, Lifecycle, State, Visibility},
    store::asset::Locked,
};

/// An asset was made; its upload begins. Payload: [`AssetChanged`].
pub const CREATED: &str = "asset.created";
/// An asset's state, title, visibility or playability changed. Payload: [`AssetChanged`].
pub const UPDATED: &str = "asset.updated";
/// A version of an asset was published. Payload: [`AssetChanged`].
pub const READY: &str = "asset.ready";
/// An asset failed. Payload: [`AssetChanged`].
pub const FAILED: &str = "asset.failed";
/// An asset was deleted. Payload: [`AssetChanged`].
pub const DELETED: &str = "asset.deleted";
/// What outsiders may be told of: how the making of an asset ended, and its end.
pub const OUTCOMES: &[&str] = &[READY, FAILED, DELETED];
/// Volatile: how far the tracks of an asset are. Payload: [`crate::Progress`].
pub const PROGRESS: &str = "asset.progress";
/// Volatile: how much of an upload is durable. Payload: [`UploadProgress`].
pub const UPLOAD_PROGRESS: &str = "upload.progress";

/// Whether an event takes media away from viewers who could have them before, so that no cache may keep them:
/// the asset was deleted or made private.
#[must_use]
pub fn withdraws(kind: &str, payload: &serde_json::Value) -> bool {
    let made_private = payload.get("visibility").is_some_and(|to| to == Visibility::Private.as_str());
    kind == DELETED || (kind == UPDATED && made_private)
}

/// Which asset changed, and where it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetChanged {
    /// The asset.
    pub asset: AssetId,
    /// Its state, by name.
    pub state: String,
    /// Its version.
    pub version: u32,
    /// Its visibility, where that was set anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
}

/// How much of an upload is durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadProgress {
    /// The asset it is for.
    pub asset: AssetId,
    /// Durable bytes.
    pub offset: u64,
    /// Bytes there will be; as many as there are while the client has not said it.
    pub length: u64,
}

/// What a change to `state` is called.
const fn kind_of(state: State) -> &'static str {
    match state {
        State::Uploading | State::Queued | State::Probing | State::Transcoding => UPDATED,
        State::Ready => READY,
        State::Failed => FAILED,
        State::Deleted => DELETED,
    }
}

/// Announces, with the commit of `tx`, that an asset has come to its present state.
pub(crate) async fn moved(
    outbox: &Outbox,
    tx: &mut Tx,
    tenant: &TenantId,
    asset: &AssetId,
    life: &Lifecycle,
) -> Result<()> {
    announce(outbox, tx, tenant, kind_of(life.state), asset, life).await
}

/// Announces, with the commit of `tx`, that a held asset was patched.
pub(crate) async fn patched(outbox: &Outbox, tx: &mut Tx, held: &Locked, patch: &AssetPatch) -> Result<()> {
    let mut payload = payload(&held.id, &held.life);
    if let Some(visibility) = patch.visibility {
        payload["visibility"] = visibility.as_str().into();
    }
    outbox.append(tx, &held.tenant, UPDATED, held.id.as_str(), payload).await?;
    Ok(())
}

fn payload(asset: &AssetId, life: &Lifecycle) -> serde_json::Value {
    json!({"asset": asset, "state": life.state.as_str(), "version": life.version})
}

/// Announces `kind` of an asset with the commit of `tx`.
pub(crate) async fn announce(
    outbox: &Outbox,
    tx: &mut Tx,
    tenant: &TenantId,
    kind: &'static str,
    asset: &AssetId,
    life: &Lifecycle,
) -> Result<()> {
    outbox.append(tx, tenant, kind, asset.as_str(), payload(asset, life)).await?;
    Ok(())
}
