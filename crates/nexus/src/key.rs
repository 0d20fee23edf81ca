//! `nexus key`: API keys, straight in the database.

use std::process::ExitCode;

use anyhow::{Context, Result};
use base::{ApiKeyId, PageRequest, Role, Timestamp};
use clap::Subcommand;
use identity::Identity;
use serde::Serialize;
use settings::Settings;

use crate::stores;

/// What to do with keys.
#[derive(Subcommand, Debug)]
pub enum KeyCommand {
    /// Make a key and print it; it is shown this once.
    #[command(after_help = "Example:\n  nexus key create --role creator --name \"editing suite\" --json")]
    Create {
        /// What its holder may do: viewer, creator, admin or owner.
        #[arg(long)]
        role: Role,
        /// What to call it in lists.
        #[arg(long, default_value = "command line")]
        name: String,
        /// Print one JSON line.
        #[arg(long)]
        json: bool,
    },
    /// List keys, without their secrets.
    List {
        /// Print one JSON line a key.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key; its sessions end with it.
    Revoke {
        /// The key's identifier, from the list.
        id: String,
    },
}

#[derive(Serialize)]
struct Made<'a> {
    id: &'a str,
    role: Role,
    key: &'a str,
}

#[derive(Serialize)]
struct Listed<'a> {
    id: &'a str,
    name: &'a str,
    role: Role,
    created_ms: i64,
    last_used_ms: Option<i64>,
    revoked: bool,
}

/// Runs one key command on the database of `settings`.
///
/// # Errors
/// When the database cannot be opened or the key does not exist.
pub async fn run(action: KeyCommand, settings: &Settings) -> Result<ExitCode> {
    let ambient = lifecycle::system();
    let db = stores::database(settings).await?;
    let identity = Identity::new(db, ambient);
    let tenant = identity.home_tenant().await?;
    match action {
        KeyCommand::Create { role, name, json } => {
            let made = identity.create_key(&tenant, role, &name).await?;
            let secret = made.secret.expose();
            if json {
                println!("{}", serde_json::to_string(&Made { id: made.id.as_str(), role, key: secret })?);
            } else {
                println!("{secret}");
                eprintln!(
                    "A key of the role {role}, shown this once. Revoke it with: nexus key revoke {}",
                    made.id
                );
            }
        }
        KeyCommand::List { json } => list(&identity, &tenant, json).await?,
        KeyCommand::Revoke { id } => {
            let id: ApiKeyId = id.parse().context("the key's identifier")?;
            identity.revoke_key(&tenant, &id).await?;
            eprintln!("revoked {id}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(identity: &Identity, tenant: &base::TenantId, json: bool) -> Result<()> {
    let mut after = None;
    loop {
        let page = identity.list_keys(tenant, &PageRequest::new(None, after)).await?;
        for key in &page.items {
            let listed = Listed {
                id: key.id.as_str(),
                name: &key.name,
                role: key.role,
                created_ms: key.created.millis(),
                last_used_ms: key.last_used.map(Timestamp::millis),
                revoked: key.revoked.is_some(),
            };
            if json {
                println!("{}", serde_json::to_string(&listed)?);
            } else {
                let state = if listed.revoked { "revoked" } else { "active" };
                println!("{}  {:8}{:9}{}", listed.id, listed.role, state, listed.name);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}
