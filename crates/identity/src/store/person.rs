//! People.

use base::{Role, TenantId, Timestamp, UserId};
use db::Tx;

use super::read_role;
use crate::{IdentityError, Result, User};

db::statements! {
    ADD -> () = "insert into person (id, tenant, name, role, password, created_us) values ($1, $2, $3, $4, $5, $6)";
    FIND -> PersonRow = "select id, tenant, name, role, password, created_us, last_sign_in_us, disabled_us
        from person where id = $1";
    FIND_BY_NAME -> PersonRow = "select id, tenant, name, role, password, created_us, last_sign_in_us, disabled_us
        from person where name = $1";
    LIST -> PersonRow = "select id, tenant, name, role, password, created_us, last_sign_in_us, disabled_us
        from person where tenant = $1 and id > $2 order by id limit $3";
    SIGN_IN -> () = "update person set last_sign_in_us = $3 where id = $1 and password = $2 and disabled_us is null";
    SET_ROLE -> () = "update person set role = $3 where tenant = $1 and id = $2";
    SET_PASSWORD -> () = "update person set password = $3 where tenant = $1 and id = $2";
    REPLACE_PASSWORD -> () = "update person set password = $3 where id = $1 and password = $2 and disabled_us is null";
    SET_DISABLED -> () = "update person set disabled_us = $3 where tenant = $1 and id = $2";
    OWNERS -> (i64,) = "select count(*) from person where tenant = $1 and role = 'owner' and disabled_us is null";
}

#[derive(sqlx::FromRow)]
struct PersonRow {
    #[sqlx(try_from = "String")]
    id: UserId,
    #[sqlx(try_from = "String")]
    tenant: TenantId,
    name: String,
    role: String,
    password: String,
    created_us: i64,
    last_sign_in_us: Option<i64>,
    disabled_us: Option<i64>,
}

/// A person with what only this crate may see.
pub(crate) struct StoredPerson {
    /// PHC string.
    pub(crate) password: String,
    pub(crate) user: User,
}

impl TryFrom<PersonRow> for StoredPerson {
    type Error = IdentityError;
    fn try_from(row: PersonRow) -> Result<Self> {
        let user = User {
            role: read_role("person", row.id.as_str(), &row.role)?,
            id: row.id,
            tenant: row.tenant,
            name: row.name,
            created: Timestamp(row.created_us),
            last_sign_in: row.last_sign_in_us.map(Timestamp),
            disabled: row.disabled_us.map(Timestamp),
        };
        Ok(Self { password: row.password, user })
    }
}

/// Adds a person who may sign in.
///
/// # Errors
/// [`IdentityError::NameTaken`].
pub(crate) async fn add(tx: &mut Tx, user: &User, password: &str) -> Result<()> {
    let row = (&user.id, &user.tenant, &user.name, user.role.as_str(), password, user.created);
    match tx.exec(ADD, row).await {
        Err(error) if error.is_unique("person", &["name"]) => Err(IdentityError::NameTaken),
        done => Ok(done.map(drop)?),
    }
}

pub(crate) async fn find(tx: &mut Tx, id: &UserId) -> Result<Option<StoredPerson>> {
    tx.opt(FIND, (id,)).await?.map(StoredPerson::try_from).transpose()
}

pub(crate) async fn find_by_name(tx: &mut Tx, name: &str) -> Result<Option<StoredPerson>> {
    tx.opt(FIND_BY_NAME, (name,)).await?.map(StoredPerson::try_from).transpose()
}

/// Up to `limit` people whose identifier follows `after`, oldest first.
pub(crate) async fn list(tx: &mut Tx, tenant: &TenantId, after: &str, limit: u32) -> Result<Vec<User>> {
    let rows = tx.all(LIST, (tenant, after, limit)).await?;
    rows.into_iter().map(|row| StoredPerson::try_from(row).map(|person| person.user)).collect()
}

/// Notes a sign-in; `false` when the person was disabled or given another password meanwhile. Holds the
/// person's row until the transaction ends.
pub(crate) async fn note_sign_in(tx: &mut Tx, id: &UserId, password: &str, now: Timestamp) -> Result<bool> {
    Ok(tx.exec(SIGN_IN, (id, password, now)).await? == 1)
}

pub(crate) async fn set_role(tx: &mut Tx, tenant: &TenantId, id: &UserId, role: Role) -> Result<()> {
    tx.exec(SET_ROLE, (tenant, id, role.as_str())).await?;
    Ok(())
}

pub(crate) async fn set_password(tx: &mut Tx, tenant: &TenantId, id: &UserId, password: &str) -> Result<()> {
    tx.exec(SET_PASSWORD, (tenant, id, password)).await?;
    Ok(())
}

/// Gives an enabled person another password in place of the one that is known; whether it was still there.
pub(crate) async fn replace_password(tx: &mut Tx, id: &UserId, known: &str, password: &str) -> Result<bool> {
    Ok(tx.exec(REPLACE_PASSWORD, (id, known, password)).await? == 1)
}

pub(crate) async fn set_disabled(
    tx: &mut Tx,
    tenant: &TenantId,
    id: &UserId,
    since: Option<Timestamp>,
) -> Result<()> {
    tx.exec(SET_DISABLED, (tenant, id, since)).await?;
    Ok(())
}

/// How many owners of a tenant may sign in.
pub(crate) async fn owners(tx: &mut Tx, tenant: &TenantId) -> Result<i64> {
    Ok(tx.one(OWNERS, (tenant,)).await?.0)
}
