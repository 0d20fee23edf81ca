//! The first owner: made through a link that only whoever started the server sees.

use std::{net::IpAddr, time::Duration};

use base::{Role, Timestamp};

use crate::{
    Action, Identity, IdentityError, NewUser, Result,
    model::{self, SETUP_LIFETIME, Secret, SecretHash, SessionToken},
    sessions,
    store::{self, person::StoredPerson, session::Holder},
};

/// How long the link of another machine or data folder keeps the place: what starts together prints one link,
/// and what starts later, where nobody has used it, prints its own.
const CLAIM: Duration = Duration::from_secs(10 * 60);

/// What a starting server says about set-up.
#[derive(Clone, Debug)]
pub enum SetupOffer {
    /// Print this secret's link.
    Link {
        /// What the link ends with.
        secret: Secret,
        /// When it stops working.
        expires: Timestamp,
    },
    /// Another process has printed the link a short while ago.
    Elsewhere,
    /// There is an owner.
    Done,
}

/// What the set-up page asks for.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What the tenant shall be called, 1 to [`crate::NAME_CHARS_MAX`] characters.
    pub tenant: String,
    /// What the owner signs in with, as in [`NewUser`].
    pub name: String,
    /// The owner's password, as in [`NewUser`].
    pub password: String,
}

impl Identity {
    /// What a starting server does about set-up. While no owner can sign in, it makes a fresh link in place of
    /// an older one of the same `maker`; of several makers that start at once exactly one gets it. `maker`
    /// names the machine and data folder.
    ///
    /// # Errors
    /// [`IdentityError::Db`].
    pub async fn offer_setup(&self, maker: &str) -> Result<SetupOffer> {
        let mut tx = self.db.write().await?;
        let tenant = self.first_tenant(&mut tx).await?;
        store::tenant::hold(&mut tx, &tenant).await?;
        if store::person::owners(&mut tx, &tenant).await? > 0 {
            return Ok(SetupOffer::Done);
        }
        let (random, now) = (self.ambient.bytes(), self.ambient.now());
        let expires = now + SETUP_LIFETIME;
        let times = (now, expires, now - CLAIM);
        let offered = store::setup::offer(&mut tx, SecretHash::of(&random), maker, times).await?;
        tx.commit().await?;
        let link = SetupOffer::Link { secret: model::write_setup(&random), expires };
        Ok(if offered { link } else { SetupOffer::Elsewhere })
    }

    /// Whether a set-up link works.
    ///
    /// # Errors
    /// [`IdentityError::SetupClosed`] when not; [`IdentityError::Db`].
    pub async fn check_setup(&self, secret: &str) -> Result<()> {
        let hash = model::read_setup(secret).ok_or(IdentityError::SetupClosed)?;
        let mut tx = self.db.read().await?;
        let link = store::setup::find(&mut tx).await?.ok_or(IdentityError::SetupClosed)?;
        let works = hash.matches(&link.hash) && link.expires > self.ambient.now();
        if works { Ok(()) } else { Err(IdentityError::SetupClosed) }
    }

    /// Makes the first owner by a set-up link, uses the link up, and signs the owner in.
    ///
    /// # Errors
    /// [`IdentityError::SetupClosed`], [`IdentityError::Invalid`] with the link as good as before,
    /// [`IdentityError::NameTaken`], [`IdentityError::Busy`], [`IdentityError::Db`].
    pub async fn set_up(&self, secret: &str, setup: Setup, address: Option<IpAddr>) -> Result<SessionToken> {
        self.check_setup(secret).await?;
        let hash = model::read_setup(secret).ok_or(IdentityError::SetupClosed)?;
        model::check_name("tenant", &setup.tenant)?;
        let tenant = self.home_tenant().await?;
        let owner = NewUser { name: setup.name, role: Role::Owner, password: setup.password };
        let (user, password) = self.checked(&tenant, owner).await?;
        let mut tx = self.db.write().await?;
        store::tenant::hold(&mut tx, &tenant).await?;
        if !store::setup::take(&mut tx, hash).await? {
            return Err(IdentityError::SetupClosed);
        }
        self.add_user(&mut tx, &user, &password).await?;
        store::tenant::rename(&mut tx, &tenant, &setup.tenant).await?;
        let person = StoredPerson { password, user };
        let caller = sessions::caller(&person).at(address);
        let token = self.begin_session(&mut tx, &Holder::Person(person.user.id), None).await?;
        self.note(&mut tx, &caller, Action::SetUp, format!("tenant:{tenant}"), setup.tenant).await?;
        tx.commit().await?;
        Ok(token)
    }
}
