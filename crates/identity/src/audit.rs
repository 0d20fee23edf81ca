//! The audit log: who did what, written in the transaction that did it.

use std::time::Duration;

use base::{AuditId, Page, PageRequest, TenantId, Timestamp};
use db::Tx;

use crate::{Caller, Identity, Result, SWEEP_BATCH, store};

/// How long a record is kept.
pub const AUDIT_LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);
/// How many records a tenant has at most, within a sweep's time; the oldest go first.
pub const AUDIT_ROWS_MAX: u32 = 100_000;
/// Follows every identifier.
const NEWEST: &str = "~";

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A session began.
    SignIn,
    /// A password was wrong, or its owner disabled.
    SignInRefused,
    /// Every session of a person or key was ended by themselves.
    SignedOutEverywhere,
    /// The first owner was made.
    SetUp,
    /// A person was added.
    UserCreated,
    /// A person got another role.
    UserRoleChanged,
    /// A person may no longer sign in.
    UserDisabled,
    /// A person may sign in again.
    UserEnabled,
    /// A person changed their own password.
    PasswordChanged,
    /// A person was given another password.
    PasswordReset,
    /// A key was made.
    KeyCreated,
    /// A key was revoked.
    KeyRevoked,
    /// An asset was deleted.
    AssetDeleted,
    /// A channel was deleted.
    ChannelDeleted,
    /// A channel got another stream key.
    StreamKeyRotated,
}

impl Action {
    /// The word stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::SignInRefused => "sign-in-refused",
            Self::SignedOutEverywhere => "signed-out-everywhere",
            Self::SetUp => "set-up",
            Self::UserCreated => "user-created",
            Self::UserRoleChanged => "user-role-changed",
            Self::UserDisabled => "user-disabled",
            Self::UserEnabled => "user-enabled",
            Self::PasswordChanged => "password-changed",
            Self::PasswordReset => "password-reset",
            Self::KeyCreated => "key-created",
            Self::KeyRevoked => "key-revoked",
            Self::AssetDeleted => "asset-deleted",
            Self::ChannelDeleted => "channel-deleted",
            Self::StreamKeyRotated => "stream-key-rotated",
        }
    }
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its identifier.
    pub id: AuditId,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it: `user:ID`, `key:ID` or `command-line`.
    pub actor: String,
    /// What the actor was called then.
    pub actor_name: String,
    /// An [`Action`]'s word.
    pub action: String,
    /// What it was done to, such as `asset:ID`.
    pub subject: String,
    /// The rest, in words.
    pub detail: String,
    /// Where the request came from, if it came from anywhere.
    pub address: Option<String>,
}

impl Identity {
    /// Records what a caller did in another domain.
    ///
    /// # Errors
    /// [`crate::IdentityError::Db`].
    pub async fn record(
        &self,
        caller: &Caller,
        action: Action,
        subject: String,
        detail: String,
    ) -> Result<()> {
        let mut tx = self.db.write().await?;
        self.note(&mut tx, caller, action, subject, detail).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Records within a transaction of this domain.
    pub(crate) async fn note(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        action: Action,
        subject: String,
        detail: String,
    ) -> Result<()> {
        let entry = AuditEntry {
            id: self.ambient.id(),
            at: self.ambient.now(),
            actor: caller.principal.subject.clone(),
            actor_name: caller.name.clone(),
            action: action.as_str().to_owned(),
            subject,
            detail,
            address: caller.address.map(|address| address.to_string()),
        };
        store::audit::add(tx, &caller.principal.tenant, &entry).await
    }

    /// The records of a tenant, newest first. The cursor is a record's identifier.
    ///
    /// # Errors
    /// [`crate::IdentityError::Db`].
    pub async fn audit(&self, tenant: &TenantId, request: &PageRequest) -> Result<Page<AuditEntry>> {
        let before = request.after.as_deref().unwrap_or(NEWEST);
        let mut tx = self.db.read().await?;
        let entries = store::audit::list(&mut tx, tenant, before, request.limit + 1).await?;
        Ok(Page::cut(entries, request.limit, |entry| entry.id.to_string()))
    }

    /// Deletes records that are too old or too many.
    pub(crate) async fn sweep_audit(&self) -> Result<u64> {
        self.sweep_audit_to(AUDIT_ROWS_MAX).await
    }

    pub(crate) async fn sweep_audit_to(&self, kept: u32) -> Result<u64> {
        let stale = self.ambient.now() - AUDIT_LIFETIME;
        let mut tx = self.db.write().await?;
        let mut swept = store::audit::sweep_old(&mut tx, stale, SWEEP_BATCH).await?;
        let tenants = store::audit::tenants(&mut tx).await?;
        tx.commit().await?;
        for tenant in tenants {
            let mut tx = self.db.write().await?;
            swept += store::audit::sweep_many(&mut tx, &tenant, kept, SWEEP_BATCH).await?;
            tx.commit().await?;
        }
        Ok(swept)
    }
}
