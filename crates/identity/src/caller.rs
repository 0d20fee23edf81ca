//! Who calls, once a credential was verified.

use std::net::IpAddr;

use base::{Principal, Role, SessionId, TenantId, UserId};

use crate::{IdentityError, Result, Scope, Scopes};

/// A caller whose credential was verified. Built only here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What other domains take as their first argument.
    pub principal: Principal,
    /// What the person or the key is called.
    pub name: String,
    /// How far the credential reaches within its role.
    pub scopes: Scopes,
    /// The person, if it is one and not a key.
    pub user: Option<UserId>,
    /// The session, if the credential is one.
    pub session: Option<SessionId>,
    /// Where the request comes from, if that is known.
    pub address: Option<IpAddr>,
}

impl Caller {
    /// Whoever has the command line on the server's data may do all that an owner may.
    #[must_use]
    pub fn operator(tenant: TenantId) -> Self {
        let subject = "command-line".to_owned();
        Self {
            name: "the command line".to_owned(),
            principal: Principal { tenant, subject, role: Role::Owner },
            scopes: Scopes::whole(),
            user: None,
            session: None,
            address: None,
        }
    }

    /// The same caller, at an address.
    #[must_use]
    pub fn at(mut self, address: Option<IpAddr>) -> Self {
        self.address = address;
        self
    }

    /// Whether the caller has at least `role`, within the reach of `scope` where one is asked for.
    ///
    /// # Errors
    /// [`IdentityError::Forbidden`], with what is missing.
    pub fn require(&self, role: Role, scope: Option<Scope>) -> Result<()> {
        if !self.principal.may(role) {
            let own = self.principal.role;
            return Err(IdentityError::Forbidden(format!("this needs the role {role}; yours is {own}")));
        }
        match scope {
            Some(scope) if !self.scopes.allow(scope) => {
                Err(IdentityError::Forbidden(format!("this needs a key with the scope {scope}")))
            }
            _ => Ok(()),
        }
    }

    /// Whether the caller may give or take away `role` and `scopes`: nobody hands out more than they have.
    pub(crate) fn may_grant(&self, role: Role, scopes: &Scopes) -> Result<()> {
        self.require(role, None)?;
        if scopes.within(&self.scopes) {
            return Ok(());
        }
        Err(IdentityError::Forbidden("a key cannot hand out scopes that it does not have".to_owned()))
    }
}
