//! Sessions: begun with a password or a key, opened by their secret, ended.

use std::net::IpAddr;

use base::{ApiKeyId, Principal, SessionId, Timestamp};
use db::Tx;

use crate::{
    Action, Caller, Identity, IdentityError, Result, SWEEP_BATCH, Scopes, keys,
    model::{
        self, Presented, SESSION_LIFETIME, SESSION_PREFIX, SESSIONS_MAX, Secret, SecretHash, SessionToken,
    },
    password::PASSWORD_BYTES_MAX,
    store::{
        self,
        person::StoredPerson,
        session::{Holder, SessionToAdd, StoredSession},
    },
    throttle::{self, NAME_TRIES_MAX, NAME_WINDOW},
};

impl Identity {
    /// Makes a session from a key, for [`SESSION_LIFETIME`] or as long as the key works; `None` where
    /// [`Identity::authenticate_key`] answers `None`. A key has at most [`SESSIONS_MAX`]; one more ends the
    /// oldest.
    ///
    /// # Errors
    /// [`IdentityError::Db`], [`IdentityError::Corrupt`].
    pub async fn sign_in_key(&self, secret: &str, address: Option<IpAddr>) -> Result<Option<SessionToken>> {
        let Some(key) = self.opened_key(secret).await? else { return Ok(None) };
        let (id, expires) = (key.info.id.clone(), key.info.expires);
        let caller = keys::caller(key).at(address);
        let mut tx = self.db.write().await?;
        // Holding the key's row keeps concurrent sign-ins within the bound and lets no session survive a
        // revocation that commits first.
        if !store::key::note_use(&mut tx, &id, self.ambient.now()).await? {
            return Ok(None);
        }
        let token = self.begin_session(&mut tx, &Holder::Key(id), expires).await?;
        self.note(&mut tx, &caller, Action::SignIn, caller.principal.subject.clone(), String::new()).await?;
        tx.commit().await?;
        Ok(Some(token))
    }

    /// Makes a session for a person, for [`SESSION_LIFETIME`]; `None` for a name nobody has, a wrong password
    /// and a disabled person alike, in the same time. A person has at most [`SESSIONS_MAX`].
    ///
    /// # Errors
    /// [`IdentityError::Throttled`] after [`NAME_TRIES_MAX`] tries of a name or
    /// [`crate::ADDRESS_TRIES_MAX`] from an address, [`IdentityError::Busy`] when too many try at once,
    /// [`IdentityError::Db`], [`IdentityError::Corrupt`].
    pub async fn sign_in_password(
        &self,
        name: &str,
        password: String,
        address: Option<IpAddr>,
    ) -> Result<Option<SessionToken>> {
        let Ok(name) = model::user_name(name) else { return Ok(None) };
        let found = self.try_password(&name, password, address).await?;
        let Some(person) = found else { return Ok(None) };
        let caller = self::caller(&person).at(address);
        let mut tx = self.db.write().await?;
        // Holding the person's row keeps concurrent sign-ins within the bound and lets no session survive what
        // ends them and commits first.
        let now = self.ambient.now();
        if !store::person::note_sign_in(&mut tx, &person.user.id, &person.password, now).await? {
            return Ok(None);
        }
        store::attempt::forget(&mut tx, throttle::bucket(&name)).await?;
        let token = self.begin_session(&mut tx, &Holder::Person(person.user.id), None).await?;
        self.note(&mut tx, &caller, Action::SignIn, caller.principal.subject.clone(), String::new()).await?;
        tx.commit().await?;
        Ok(Some(token))
    }

    /// Who has this name and password, within the bounds on tries. A refusal is written down.
    pub(crate) async fn try_password(
        &self,
        name: &str,
        password: String,
        address: Option<IpAddr>,
    ) -> Result<Option<StoredPerson>> {
        self.take_try(name, address).await?;
        // Nobody has such a password, whatever the name; and it would be hashed whole.
        if password.len() > PASSWORD_BYTES_MAX {
            return Ok(None);
        }
        let mut tx = self.db.read().await?;
        let person = store::person::find_by_name(&mut tx, name).await?;
        drop(tx);
        let stored = person.as_ref().map(|person| person.password.clone());
        let right = self.hasher.verify(password, stored).await?;
        let opened = person.as_ref().is_some_and(|person| right && person.user.disabled.is_none());
        if !opened {
            self.note_refusal(name, person.as_ref(), right, address).await?;
        } else if let Some(address) = address {
            self.addresses.give_back(address);
        }
        Ok(person.filter(|_| opened))
    }

    /// Counts a try of a name from an address.
    async fn take_try(&self, name: &str, address: Option<IpAddr>) -> Result<()> {
        let now = self.ambient.now();
        if let Some(address) = address
            && let Err(retry_after) = self.addresses.take(address, now)
        {
            metrics::counter!("nexus_sign_ins_throttled_total", "by" => "address").increment(1);
            return Err(IdentityError::Throttled { retry_after });
        }
        let bucket = throttle::bucket(name);
        let mut tx = self.db.write().await?;
        let taken = store::attempt::take(&mut tx, bucket, now, now - NAME_WINDOW, NAME_TRIES_MAX).await?;
        let began = if taken { None } else { store::attempt::began(&mut tx, bucket).await? };
        tx.commit().await?;
        if taken {
            return Ok(());
        }
        metrics::counter!("nexus_sign_ins_throttled_total", "by" => "name").increment(1);
        let retry_after = (began.unwrap_or(now) + NAME_WINDOW).since(now);
        Err(IdentityError::Throttled { retry_after })
    }

    /// Records a refusal with the person it concerns. A name that nobody has leaves no record, for it may be a
    /// password typed into the wrong field; but it costs a write all the same.
    async fn note_refusal(
        &self,
        name: &str,
        person: Option<&StoredPerson>,
        right: bool,
        address: Option<IpAddr>,
    ) -> Result<()> {
        metrics::counter!("nexus_sign_ins_refused_total").increment(1);
        let mut tx = self.db.write().await?;
        match person {
            Some(person) => {
                let why = if right { "disabled" } else { "wrong password" };
                let caller = caller(person).at(address);
                let subject = caller.principal.subject.clone();
                self.note(&mut tx, &caller, Action::SignInRefused, subject, why.to_owned()).await?;
            }
            None => store::attempt::touch(&mut tx, throttle::bucket(name)).await?,
        }
        tx.commit().await?;
        Ok(())
    }

    pub(crate) async fn begin_session(
        &self,
        tx: &mut Tx,
        holder: &Holder,
        until: Option<Timestamp>,
    ) -> Result<SessionToken> {
        let now = self.ambient.now();
        let (id, random): (SessionId, _) = (self.ambient.id(), self.ambient.bytes());
        let expires = until.map_or(now + SESSION_LIFETIME, |until| until.min(now + SESSION_LIFETIME));
        let session = SessionToAdd { id: &id, holder, hash: SecretHash::of(&random), expires };
        store::session::keep_newest(tx, holder, SESSIONS_MAX - 1).await?;
        store::session::add(tx, session, now).await?;
        Ok(SessionToken { secret: Secret::write(SESSION_PREFIX, &id, &random), expires })
    }

    /// Who presents this session: its person, or its key's tenant, role and scopes. `None` for text that is no
    /// session, a wrong secret, an expired or ended session, a revoked key and a disabled person alike.
    ///
    /// # Errors
    /// [`IdentityError::Db`], [`IdentityError::Corrupt`].
    pub async fn authenticate_session(&self, secret: &str) -> Result<Option<Caller>> {
        let Some(presented) = Presented::read(SESSION_PREFIX, secret) else { return Ok(None) };
        let mut tx = self.db.read().await?;
        let Some(session) = self.opened_session(&mut tx, &presented).await? else { return Ok(None) };
        let found = self.holder(&mut tx, &session.holder).await?;
        Ok(found.map(|caller| Caller { session: Some(session.id), ..caller }))
    }

    async fn holder(&self, tx: &mut Tx, holder: &Holder) -> Result<Option<Caller>> {
        let now = self.ambient.now();
        Ok(match holder {
            Holder::Key(id) => {
                store::key::find(tx, id).await?.filter(|key| key.info.works(now)).map(keys::caller)
            }
            Holder::Person(id) => {
                let person = store::person::find(tx, id).await?;
                person.filter(|person| person.user.disabled.is_none()).as_ref().map(caller)
            }
        })
    }

    async fn opened_session(
        &self,
        tx: &mut Tx,
        presented: &Presented<SessionId>,
    ) -> Result<Option<StoredSession>> {
        let session = store::session::find(tx, &presented.id).await?;
        let now = self.ambient.now();
        Ok(session.filter(|session| session.expires > now && presented.hash.matches(&session.hash)))
    }

    /// Ends the session this secret opens; nothing happens for a secret that opens none.
    ///
    /// # Errors
    /// [`IdentityError::Db`], [`IdentityError::Corrupt`]; the session may go on then.
    pub async fn sign_out(&self, secret: &str) -> Result<()> {
        let Some(presented) = Presented::read(SESSION_PREFIX, secret) else { return Ok(()) };
        let mut tx = self.db.write().await?;
        if let Some(session) = self.opened_session(&mut tx, &presented).await? {
            store::session::end(&mut tx, &session.id).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Ends every session of the caller, this one included.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] for a caller that can have no sessions; [`IdentityError::Db`].
    pub async fn sign_out_everywhere(&self, caller: &Caller) -> Result<()> {
        let subject = &caller.principal.subject;
        let holder = match (&caller.user, subject.strip_prefix("key:").map(str::parse::<ApiKeyId>)) {
            (Some(user), _) => Holder::Person(user.clone()),
            (None, Some(Ok(key))) => Holder::Key(key),
            (None, _) => {
                let problem = "only people and keys have sessions".to_owned();
                return Err(IdentityError::Invalid { field: "subject", problem });
            }
        };
        let mut tx = self.db.write().await?;
        let ended = store::session::end_all(&mut tx, &holder, None).await?;
        let detail = format!("{ended} sessions");
        self.note(&mut tx, caller, Action::SignedOutEverywhere, subject.clone(), detail).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(crate) async fn sweep_sessions(&self) -> Result<u64> {
        let mut swept = 0;
        loop {
            let mut tx = self.db.write().await?;
            let ended = store::session::end_expired(&mut tx, self.ambient.now(), SWEEP_BATCH).await?;
            tx.commit().await?;
            swept += ended;
            if ended < u64::from(SWEEP_BATCH) {
                return Ok(swept);
            }
        }
    }
}

pub(crate) fn caller(person: &StoredPerson) -> Caller {
    let user = &person.user;
    let subject = format!("user:{}", user.id);
    Caller {
        principal: Principal { tenant: user.tenant.clone(), subject, role: user.role },
        name: user.name.clone(),
        scopes: Scopes::whole(),
        user: Some(user.id.clone()),
        session: None,
        address: None,
    }
}
