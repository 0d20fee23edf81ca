//! `nexus limit`: how much a tenant may upload, straight in the database.

use std::{process::ExitCode, str::FromStr, time::Duration};

use anyhow::{Context, Result};
use base::{Principal, Role, TenantId};
use catalogue::{Catalogue, OwnLimits};
use clap::Args;
use events::{Bus, Outbox};
use identity::Identity;
use jobs::Queue;
use serde::Serialize;
use settings::Settings;

use crate::stores;

/// What the command line says.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  nexus limit                              what the first tenant may have, and has\n  nexus limit --bytes-max 500000000000     half a terabyte for all its uploads together\n  nexus limit --size-max default           one upload may be as large as the settings say"
)]
pub struct LimitArgs {
    /// The tenant; the first one when not given.
    #[arg(long)]
    tenant: Option<String>,
    /// Bytes that all its uploads may have together, stored and promised; 0 is no limit, `default` as the settings say.
    #[arg(long, value_name = "BYTES")]
    bytes_max: Option<Own>,
    /// Bytes that one upload may have; 0 is no limit, `default` as the settings say.
    #[arg(long, value_name = "BYTES")]
    size_max: Option<Own>,
    /// Print one JSON line.
    #[arg(long)]
    json: bool,
}

/// A limit of its own, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Own(Option<u64>);

impl FromStr for Own {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "default" {
            return Ok(Self(None));
        }
        let bytes = text.parse().map(Some).map(Self);
        bytes.map_err(|_| "a whole number of bytes or `default` is expected".to_owned())
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    tenant: &'a str,
    size_max_bytes: u64,
    bytes_max: u64,
    bytes_used: u64,
}

/// Shows the limits of a tenant, after changing those that are given.
///
/// # Errors
/// When the database cannot be opened or the tenant's identifier is none.
pub async fn run(args: LimitArgs, settings: &Settings) -> Result<ExitCode> {
    let ambient = lifecycle::system();
    let db = stores::database(settings).await?;
    let tenant: TenantId = match &args.tenant {
        Some(text) => text.parse().context("the tenant's identifier")?,
        None => Identity::new(db.clone(), ambient.clone()).home_tenant().await?,
    };
    let (queue, outbox) = (Queue::new(db.clone(), ambient.clone()), Outbox::new(db.clone(), ambient.clone()));
    let bus = Bus::open(outbox.clone(), 1).await?;
    let catalogue = Catalogue::new(db, queue, outbox, bus, ambient, Duration::ZERO)
        .with_limits(stores::limits(&settings.upload));
    if args.bytes_max.is_some() || args.size_max.is_some() {
        let own = catalogue.own_limits(&tenant).await?;
        let changed = |given: Option<Own>, present| given.map_or(present, |Own(limit)| limit);
        let (bytes_max, size_max) =
            (changed(args.bytes_max, own.bytes_max), changed(args.size_max, own.size_max));
        catalogue.set_own_limits(&tenant, OwnLimits { bytes_max, size_max }).await?;
    }
    let operator = Principal { tenant, subject: "operator".into(), role: Role::Owner };
    let (limits, bytes_used) = catalogue.limits(&operator).await?;
    let tenant = operator.tenant.as_str();
    let shown = Shown { tenant, size_max_bytes: limits.size_max, bytes_max: limits.bytes_max, bytes_used };
    if args.json {
        println!("{}", serde_json::to_string(&shown)?);
        return Ok(ExitCode::SUCCESS);
    }
    let most = |limit: u64| if limit == 0 { "no limit".to_owned() } else { format!("at most {limit} bytes") };
    println!("tenant {tenant}");
    println!("  one upload:  {}", most(limits.size_max));
    println!("  all of them: {}, {bytes_used} used", most(limits.bytes_max));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_the_default() {
        assert_eq!("0".parse(), Ok(Own(Some(0))));
        assert_eq!("default".parse(), Ok(Own(None)));
        for text in ["", "-1", "1e3", "1 GB", "99999999999999999999999"] {
            assert!(text.parse::<Own>().is_err(), "{text:?}");
        }
    }
}
