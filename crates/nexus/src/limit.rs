//! `nexus limit`: how much a tenant may upload, straight in the database.

use std::{process::ExitCode, str::FromStr, time::Duration};

use anyhow::Result;
use base::TenantId;
use catalogue::{Catalogue, OwnLimits};
use clap::Args;
use events::{Bus, Outbox};
use jobs::Queue;
use serde::Serialize;
use settings::Settings;

use crate::{
    stores,
    tenant::{Desk, show},
};

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
/// When the database cannot be opened or there is no such tenant.
pub async fn run(args: LimitArgs, settings: &Settings) -> Result<ExitCode> {
    let desk = Desk::open(args.tenant.as_deref(), settings).await?;
    let catalogue = catalogue(&desk, settings).await?;
    if args.bytes_max.is_some() || args.size_max.is_some() {
        change(&catalogue, desk.tenant(), &args).await?;
    }
    let (limits, bytes_used) = catalogue.limits(&desk.operator.principal).await?;
    let tenant = desk.tenant().as_str();
    let shown = Shown { tenant, size_max_bytes: limits.size_max, bytes_max: limits.bytes_max, bytes_used };
    let most = |limit: u64| if limit == 0 { "no limit".to_owned() } else { format!("at most {limit} bytes") };
    let words = format!(
        "tenant {tenant}\n  one upload:  {}\n  all of them: {}, {bytes_used} used",
        most(limits.size_max),
        most(limits.bytes_max)
    );
    show(&shown, args.json, &words)?;
    Ok(ExitCode::SUCCESS)
}

async fn catalogue(desk: &Desk, settings: &Settings) -> Result<Catalogue> {
    let (db, ambient) = (desk.db.clone(), desk.ambient.clone());
    let (queue, outbox) = (Queue::new(db.clone(), ambient.clone()), Outbox::new(db.clone(), ambient.clone()));
    let bus = Bus::open(outbox.clone(), 1).await?;
    let catalogue = Catalogue::new(db, queue, outbox, bus, ambient, Duration::ZERO);
    Ok(catalogue.with_limits(stores::limits(&settings.upload)))
}

async fn change(catalogue: &Catalogue, tenant: &TenantId, args: &LimitArgs) -> Result<()> {
    let own = catalogue.own_limits(tenant).await?;
    let changed = |given: Option<Own>, present| given.map_or(present, |Own(limit)| limit);
    let (bytes_max, size_max) =
        (changed(args.bytes_max, own.bytes_max), changed(args.size_max, own.size_max));
    Ok(catalogue.set_own_limits(tenant, OwnLimits { bytes_max, size_max }).await?)
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

    fn args(tenant: Option<&str>, size_max: Option<u64>) -> LimitArgs {
        let tenant = tenant.map(str::to_owned);
        LimitArgs { tenant, bytes_max: None, size_max: size_max.map(|bytes| Own(Some(bytes))), json: true }
    }

    #[tokio::test]
    async fn only_a_tenant_that_is_there_gets_limits() {
        let data = tempfile::tempdir().expect("a folder");
        let settings = Settings { data: data.path().to_owned(), ..Settings::default() };
        run(args(None, Some(5)), &settings).await.expect("the first tenant");
        let desk = Desk::open(None, &settings).await.expect("opened");
        let catalogue = catalogue(&desk, &settings).await.expect("a catalogue");
        let own = catalogue.own_limits(desk.tenant()).await.expect("read");
        assert_eq!(own, OwnLimits { bytes_max: None, size_max: Some(5) });
        let nobody: TenantId = desk.ambient.id();
        for tenant in [nobody.as_str(), "nonsense"] {
            let refused = run(args(Some(tenant), Some(7)), &settings).await.expect_err("no such tenant");
            assert!(format!("{refused:#}").contains("--tenant"), "{refused:#}");
        }
        let none = catalogue.own_limits(&nobody).await.expect("read");
        assert_eq!(none, OwnLimits::default(), "nothing was written for a tenant that is not there");
    }
}
