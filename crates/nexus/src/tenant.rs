//! `nexus tenant`, and what `key`, `user` and `limit` share: the desk of whoever has the command line.

use std::process::ExitCode;

use anyhow::{Context, Result};
use base::{Ambient, Page, PageRequest, TenantId};
use clap::Subcommand;
use db::Db;
use identity::{Caller, Identity};
use serde::Serialize;
use settings::Settings;

use crate::stores;

/// What to do with tenants.
#[derive(Subcommand, Debug)]
pub enum TenantCommand {
    /// Make a tenant and print its identifier; people and keys are made in it with --tenant.
    #[command(
        after_help = "Example:\n  nexus user create ada --role owner --tenant \"$(nexus tenant create Studio)\""
    )]
    Create {
        /// What to call it.
        name: String,
        /// Print one JSON line.
        #[arg(long)]
        json: bool,
    },
    /// List tenants, oldest first; the first is the one that the set-up link leads to.
    List {
        /// Print one JSON line a tenant.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Serialize)]
struct Listed<'a> {
    id: &'a str,
    name: &'a str,
    created_ms: i64,
}

/// Identity on a database, and whoever has the command line in one of its tenants.
pub struct Desk {
    /// The database.
    pub db: Db,
    /// The service.
    pub identity: Identity,
    /// Time.
    pub ambient: Ambient,
    /// May do all that an owner may.
    pub operator: Caller,
}

impl Desk {
    /// Opens the database of `settings`, and the tenant of an identifier or the first.
    ///
    /// # Errors
    /// When the database cannot be opened or there is no such tenant.
    pub async fn open(tenant: Option<&str>, settings: &Settings) -> Result<Self> {
        let ambient = lifecycle::system();
        let db = stores::database(settings).await?;
        let identity = Identity::new(db.clone(), ambient.clone());
        let tenant = match tenant {
            Some(text) => {
                let id: TenantId = text.parse().context("--tenant")?;
                identity.tenant_name(&id).await.context("--tenant")?;
                id
            }
            None => identity.home_tenant().await?,
        };
        Ok(Self { db, identity, ambient, operator: Caller::operator(tenant) })
    }

    /// The tenant.
    pub fn tenant(&self) -> &TenantId {
        &self.operator.principal.tenant
    }
}

/// Runs one tenant command on the database of `settings`.
///
/// # Errors
/// When the database cannot be opened or the name cannot be taken.
pub async fn run(action: TenantCommand, settings: &Settings) -> Result<ExitCode> {
    let desk = Desk::open(None, settings).await?;
    match action {
        TenantCommand::Create { name, json } => {
            let id = desk.identity.create_tenant(&name).await?;
            let created_ms = desk.ambient.now().millis();
            show(&Listed { id: id.as_str(), name: &name, created_ms }, json, id.as_str())?;
        }
        TenantCommand::List { json } => list(&desk, json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(desk: &Desk, json: bool) -> Result<()> {
    let pages = async |page: PageRequest| Ok(desk.identity.list_tenants(&page).await?);
    each(pages, |tenant| {
        let (id, name) = (tenant.id.as_str(), tenant.name.as_str());
        let listed = Listed { id, name, created_ms: tenant.created.millis() };
        show(&listed, json, &format!("{id}  {name}"))
    })
    .await
}

/// Goes through every item of a list that comes in pages.
///
/// # Errors
/// The first of a page or an item.
pub async fn each<T>(
    pages: impl AsyncFn(PageRequest) -> Result<Page<T>>,
    item: impl Fn(&T) -> Result<()>,
) -> Result<()> {
    let mut after = None;
    loop {
        let page = pages(PageRequest::new(None, after)).await?;
        page.items.iter().try_for_each(&item)?;
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Prints a line: as JSON, or in words.
pub fn show(value: &impl Serialize, json: bool, words: &str) -> Result<()> {
    let line = if json { serde_json::to_string(value)? } else { words.to_owned() };
    println!("{line}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn every_item_of_every_page_is_seen_once() {
        let pages = async |page: PageRequest| {
            let first: u32 = page.after.as_deref().unwrap_or("0").parse()?;
            let next = (first < 6).then(|| (first + 3).to_string());
            Ok(Page { items: (first..first + 3).collect(), next })
        };
        let seen = RefCell::new(Vec::new());
        let note = |item: &u32| {
            seen.borrow_mut().push(*item);
            Ok(())
        };
        each(pages, note).await.expect("all pages");
        assert_eq!(seen.into_inner(), (0..9).collect::<Vec<_>>());
    }
}
