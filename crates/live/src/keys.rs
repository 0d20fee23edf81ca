//! Stream keys and SRT passphrases: made, rotated, opened.

use base::{ChannelId, Principal, Role};
use settings::Secret;

use crate::{
    Channel, EndReason, Live, LiveError, MasterKey, Result, Revealed,
    model::{KEY_BYTES, KeyHash, NONCE_BYTES, Presented, write_key},
    needs,
    store::{self, channel::NewSecrets},
};

/// A publisher that has shown what opens its channel. Built only here.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The channel that it may publish to.
    pub channel: Channel,
    /// Which making of the channel's secrets it knows.
    pub(crate) nonce: Vec<u8>,
}

/// Secrets that have just been drawn.
pub(crate) struct FreshSecrets {
    hash: KeyHash,
    nonce: [u8; NONCE_BYTES],
    key: Secret,
    passphrase: Secret,
}

impl FreshSecrets {
    /// What is kept of them.
    pub(crate) fn kept<'a>(&'a self, master: &'a MasterKey) -> NewSecrets<'a> {
        NewSecrets { hash: self.hash, key_id: master.id(), nonce: &self.nonce }
    }

    /// The channel with them.
    pub(crate) fn reveal(self, channel: Channel) -> Revealed {
        Revealed { channel, key: self.key, passphrase: self.passphrase }
    }
}

impl Live {
    pub(crate) fn fresh_secrets(&self, channel: &ChannelId) -> FreshSecrets {
        let (random, nonce) = (self.ambient.bytes::<KEY_BYTES>(), self.ambient.bytes::<NONCE_BYTES>());
        FreshSecrets {
            hash: KeyHash::of(&random),
            key: write_key(channel, &random),
            passphrase: self.master.passphrase(channel, &nonce),
            nonce,
        }
    }

    /// Gives a channel another stream key and another SRT passphrase; the ones before open nothing from now on, and
    /// a broadcast that was begun with them ends.
    ///
    /// # Errors
    /// [`LiveError::NotFound`]; [`LiveError::Forbidden`] below [`Role::Creator`]; [`LiveError::Db`],
    /// [`LiveError::Events`].
    pub async fn rotate_key(&self, principal: &Principal, id: &ChannelId) -> Result<Revealed> {
        needs(principal, Role::Creator)?;
        let (fresh, now) = (self.fresh_secrets(id), self.ambient.now());
        let mut tx = self.db.write().await?;
        let mut held = self.hold_own(&mut tx, principal, id).await?.channel;
        self.end_open(&mut tx, &mut held, EndReason::KeyRotated).await?;
        store::channel::rotate(&mut tx, id, fresh.kept(&self.master), now).await?;
        tx.commit().await?;
        Ok(fresh.reveal(Channel { keyed: now, updated: now, ..held }))
    }

    /// What a stream key opens; `None` for text that is no key, a wrong one, one that was rotated away, and a deleted
    /// channel's alike.
    ///
    /// # Errors
    /// [`LiveError::Db`], [`LiveError::Corrupt`].
    pub async fn authenticate(&self, key: &str) -> Result<Option<Admission>> {
        let Some(presented) = Presented::read(key) else { return Ok(None) };
        let found = store::channel::find(&mut self.db.read().await?, &presented.channel).await?;
        let opened = found.filter(|stored| presented.hash.matches(&stored.secrets.key_hash));
        Ok(opened.map(|stored| Admission { channel: stored.channel, nonce: stored.secrets.nonce }))
    }

    /// What SRT needs before its handshake can go on: the passphrase that publishers to this channel must know, and
    /// what it opens once the handshake has proven that they do. `None` without such a channel, or when its
    /// passphrase was derived from another master key than this process has.
    ///
    /// # Errors
    /// [`LiveError::Db`], [`LiveError::Corrupt`].
    pub async fn srt(&self, id: &ChannelId) -> Result<Option<(Secret, Admission)>> {
        let found = store::channel::find(&mut self.db.read().await?, id).await?;
        let ours = found.filter(|stored| stored.secrets.key_id == self.master.id());
        Ok(ours.map(|stored| {
            let passphrase = self.master.passphrase(id, &stored.secrets.nonce);
            (passphrase, Admission { channel: stored.channel, nonce: stored.secrets.nonce })
        }))
    }
}

impl Admission {
    /// Whether the channel's secrets are still those that were shown.
    pub(crate) fn holds(&self, kept: &store::channel::StoredSecrets) -> Result<()> {
        if self.nonce == kept.nonce { Ok(()) } else { Err(LiveError::Revoked) }
    }
}
