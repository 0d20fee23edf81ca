//! `nexus key`: API keys, straight in the database.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use base::{ApiKeyId, PageRequest, Role, Timestamp};
use clap::Subcommand;
use identity::{KeyInfo, KeyWish, Scope, Scopes};
use serde::Serialize;
use settings::Settings;

use crate::tenant::{Desk, each, show};

/// What to do with keys.
#[derive(Subcommand, Debug)]
pub enum KeyCommand {
    /// Make a key and print it; it is shown this once.
    #[command(
        after_help = "Examples:\n  nexus key create --role creator --name \"editing suite\" --json\n  nexus key create --role creator --scope upload --days 30   brings in files and can do nothing else"
    )]
    Create {
        /// What its holder may do: viewer, creator, admin or owner.
        #[arg(long)]
        role: Role,
        /// What to call it in lists.
        #[arg(long, default_value = "command line")]
        name: String,
        /// Narrow it to read, upload or manage; may be repeated. Without any it may do all that its role may.
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<Scope>,
        /// Have it stop working after so many days.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: Option<u32>,
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
    scopes: Option<Vec<&'static str>>,
    created_ms: i64,
    expires_ms: Option<i64>,
    last_used_ms: Option<i64>,
    revoked: bool,
}

/// Runs one key command on the database of `settings`.
///
/// # Errors
/// When the database cannot be opened, or the tenant or key does not exist.
pub async fn run(action: KeyCommand, tenant: Option<&str>, settings: &Settings) -> Result<ExitCode> {
    let desk = Desk::open(tenant, settings).await?;
    match action {
        KeyCommand::Create { role, name, scopes, days, json } => {
            let scopes = if scopes.is_empty() { Scopes::whole() } else { Scopes::only(scopes)? };
            let lifetime = days.map(|days| Duration::from_secs(u64::from(days) * 24 * 3600));
            create(&desk, KeyWish { name, role, scopes, lifetime }, json).await?;
        }
        KeyCommand::List { json } => list(&desk, json).await?,
        KeyCommand::Revoke { id } => {
            let id: ApiKeyId = id.parse().context("the key's identifier")?;
            desk.identity.revoke_key(&desk.operator, &id).await?;
            eprintln!("revoked {id}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(desk: &Desk, wish: KeyWish, json: bool) -> Result<()> {
    let role = wish.role;
    let made = desk.identity.create_key(&desk.operator, wish).await?;
    let secret = made.secret.expose();
    if json {
        println!("{}", serde_json::to_string(&Made { id: made.id.as_str(), role, key: secret })?);
    } else {
        println!("{secret}");
        eprintln!("A key of the role {role}, shown this once. Revoke it with: nexus key revoke {}", made.id);
    }
    Ok(())
}

async fn list(desk: &Desk, json: bool) -> Result<()> {
    let now = desk.ambient.now();
    let pages = async |page: PageRequest| Ok(desk.identity.list_keys(desk.tenant(), &page).await?);
    each(pages, |key| print(key, now, json)).await
}

fn print(key: &KeyInfo, now: Timestamp, json: bool) -> Result<()> {
    let listed = Listed {
        id: key.id.as_str(),
        name: &key.name,
        role: key.role,
        scopes: key.scopes.names(),
        created_ms: key.created.millis(),
        expires_ms: key.expires.map(Timestamp::millis),
        last_used_ms: key.last_used.map(Timestamp::millis),
        revoked: key.revoked.is_some(),
    };
    let state = match (listed.revoked, key.works(now)) {
        (true, _) => "revoked",
        (false, true) => "active",
        (false, false) => "expired",
    };
    let scopes = listed.scopes.as_ref().map(|names| names.join(",")).unwrap_or_default();
    let words = format!("{}  {:8}{state:9}{scopes:20}{}", listed.id, listed.role.as_str(), listed.name);
    show(&listed, json, &words)
}
