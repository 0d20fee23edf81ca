//! People: added, listed, given other roles and passwords, disabled.

use base::{Page, PageRequest, Role, TenantId, UserId};
use db::Tx;

use crate::{
    Action, Caller, Identity, IdentityError, Result, Scopes, User, model, password,
    store::{self, person::StoredPerson, session::Holder},
};

/// A person to add.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// An e-mail address or a name of 1 to [`crate::USER_NAME_CHARS_MAX`] characters without spaces; upper and
    /// lower case are the same.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// [`crate::PASSWORD_CHARS_MIN`] characters to [`crate::PASSWORD_BYTES_MAX`] bytes.
    pub password: String,
}

/// What may be changed of a person; what is `None` stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserChange {
    /// What they may do.
    pub role: Option<Role>,
    /// Whether they are kept from signing in.
    pub disabled: Option<bool>,
}

impl Identity {
    /// Adds a person to the caller's tenant.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] for a name or password out of range, [`IdentityError::NameTaken`],
    /// [`IdentityError::Forbidden`] for a role above the caller's, [`IdentityError::Busy`],
    /// [`IdentityError::Db`].
    pub async fn create_user(&self, caller: &Caller, new: NewUser) -> Result<User> {
        caller.may_grant(new.role, &Scopes::whole())?;
        let (user, password) = self.checked(&caller.principal.tenant, new).await?;
        let mut tx = self.db.write().await?;
        self.add_user(&mut tx, &user, &password).await?;
        let detail = format!("{} as {}", user.name, user.role);
        self.note(&mut tx, caller, Action::UserCreated, subject(&user.id), detail).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// The person that `new` describes, and the hash of their password.
    pub(crate) async fn checked(&self, tenant: &TenantId, new: NewUser) -> Result<(User, String)> {
        let name = model::user_name(&new.name)?;
        password::check_new(&new.password, &name)?;
        let password = self.hasher.hash(new.password, &self.ambient).await?;
        let user = User {
            id: self.ambient.id(),
            tenant: tenant.clone(),
            name,
            role: new.role,
            created: self.ambient.now(),
            last_sign_in: None,
            disabled: None,
        };
        Ok((user, password))
    }

    /// Writes a person; an owner makes the set-up link useless, so it goes.
    pub(crate) async fn add_user(&self, tx: &mut Tx, user: &User, password: &str) -> Result<()> {
        store::person::add(tx, user, password).await?;
        if user.role == Role::Owner {
            store::setup::close(tx).await?;
        }
        Ok(())
    }

    /// The people of a tenant, oldest first, disabled ones included. The cursor is a person's identifier.
    ///
    /// # Errors
    /// [`IdentityError::Db`], [`IdentityError::Corrupt`].
    pub async fn list_users(&self, tenant: &TenantId, request: &PageRequest) -> Result<Page<User>> {
        let after = request.after.as_deref().unwrap_or_default();
        let mut tx = self.db.read().await?;
        let users = store::person::list(&mut tx, tenant, after, request.limit + 1).await?;
        Ok(Page::cut(users, request.limit, |user| user.id.to_string()))
    }

    /// The person who signs in with a name.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] unless the tenant has one; [`IdentityError::Db`].
    pub async fn user_named(&self, tenant: &TenantId, name: &str) -> Result<User> {
        let name = model::user_name(name)?;
        let mut tx = self.db.read().await?;
        let found = store::person::find_by_name(&mut tx, &name).await?.map(|person| person.user);
        found.filter(|user| user.tenant == *tenant).ok_or(IdentityError::NotFound("user"))
    }

    /// Gives a person another role, disables them, which ends their sessions at once, or lets them sign in
    /// again.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] unless the person is of the caller's tenant; [`IdentityError::Forbidden`]
    /// when the old or the new role is above the caller's; [`IdentityError::LastOwner`]; [`IdentityError::Db`].
    pub async fn change_user(&self, caller: &Caller, id: &UserId, change: UserChange) -> Result<User> {
        let (mut tx, person) = self.held(caller, id).await?;
        let mut user = person.user.clone();
        if let Some(role) = change.role.filter(|role| *role != user.role) {
            caller.may_grant(role, &Scopes::whole())?;
            store::person::set_role(&mut tx, &user.tenant, id, role).await?;
            let detail = format!("{}: {} to {role}", user.name, user.role);
            self.note(&mut tx, caller, Action::UserRoleChanged, subject(id), detail).await?;
            user.role = role;
        }
        if let Some(disabled) = change.disabled.filter(|disabled| *disabled != user.disabled.is_some()) {
            user.disabled = disabled.then(|| self.ambient.now());
            store::person::set_disabled(&mut tx, &user.tenant, id, user.disabled).await?;
            store::session::end_all(&mut tx, &Holder::Person(id.clone()), None).await?;
            let action = if disabled { Action::UserDisabled } else { Action::UserEnabled };
            self.note(&mut tx, caller, action, subject(id), user.name.clone()).await?;
        }
        self.keep_an_owner(&mut tx, &person).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Gives a person another password, which ends their sessions.
    ///
    /// # Errors
    /// As [`Identity::change_user`] but for the last owner, and [`IdentityError::Invalid`] for a password out of
    /// range, [`IdentityError::Busy`].
    pub async fn reset_password(&self, caller: &Caller, id: &UserId, password: String) -> Result<()> {
        let mut tx = self.db.read().await?;
        let person = theirs(&mut tx, caller, id).await?;
        drop(tx);
        password::check_new(&password, &person.user.name)?;
        let hash = self.hasher.hash(password, &self.ambient).await?;
        let (mut tx, person) = self.held(caller, id).await?;
        store::person::set_password(&mut tx, &caller.principal.tenant, id, &hash).await?;
        store::session::end_all(&mut tx, &Holder::Person(id.clone()), None).await?;
        self.note(&mut tx, caller, Action::PasswordReset, subject(id), person.user.name).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Changes the caller's own password and ends their other sessions.
    ///
    /// # Errors
    /// [`IdentityError::Forbidden`] for a caller that is no person, [`IdentityError::Invalid`] in the field
    /// `current` for a wrong password and in `password` for a new one out of range, [`IdentityError::Throttled`],
    /// [`IdentityError::Busy`], [`IdentityError::Db`].
    pub async fn change_password(&self, caller: &Caller, current: String, password: String) -> Result<()> {
        let Some(id) = &caller.user else {
            return Err(IdentityError::Forbidden("only people have passwords; a key is replaced".to_owned()));
        };
        password::check_new(&password, &caller.name)?;
        let known = self.try_password(&caller.name, current, caller.address).await?;
        let known = known.filter(|person| person.user.id == *id).ok_or_else(|| IdentityError::Invalid {
            field: "current",
            problem: "this is not the present password".to_owned(),
        })?;
        let hash = self.hasher.hash(password, &self.ambient).await?;
        let mut tx = self.db.write().await?;
        if !store::person::replace_password(&mut tx, id, &known.password, &hash).await? {
            let problem = "the password was changed meanwhile".to_owned();
            return Err(IdentityError::Invalid { field: "current", problem });
        }
        store::session::end_all(&mut tx, &Holder::Person(id.clone()), caller.session.as_ref()).await?;
        store::attempt::forget(&mut tx, crate::throttle::bucket(&caller.name)).await?;
        self.note(&mut tx, caller, Action::PasswordChanged, subject(id), String::new()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// A person of the caller's tenant whom the caller may change, in a transaction that no other change of
    /// the tenant's people runs beside.
    async fn held(&self, caller: &Caller, id: &UserId) -> Result<(Tx, StoredPerson)> {
        let mut tx = self.db.write().await?;
        store::tenant::hold(&mut tx, &caller.principal.tenant).await?;
        let person = theirs(&mut tx, caller, id).await?;
        Ok((tx, person))
    }

    /// Refuses a change of `person` that has left their tenant without an owner.
    async fn keep_an_owner(&self, tx: &mut Tx, person: &StoredPerson) -> Result<()> {
        let was_one = person.user.role == Role::Owner && person.user.disabled.is_none();
        if was_one && store::person::owners(tx, &person.user.tenant).await? == 0 {
            return Err(IdentityError::LastOwner);
        }
        Ok(())
    }
}

/// A person of the caller's tenant whose role is not above the caller's.
async fn theirs(tx: &mut Tx, caller: &Caller, id: &UserId) -> Result<StoredPerson> {
    let found = store::person::find(tx, id).await?;
    let person = found.filter(|person| person.user.tenant == caller.principal.tenant);
    let person = person.ok_or(IdentityError::NotFound("user"))?;
    caller.may_grant(person.user.role, &Scopes::whole())?;
    Ok(person)
}

fn subject(id: &UserId) -> String {
    format!("user:{id}")
}
