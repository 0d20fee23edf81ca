//! `nexus limit`: how much a tenant may upload and send, straight in the database.

use std::{process::ExitCode, str::FromStr, time::Duration};

use anyhow::Result;
use catalogue::{Catalogue, OwnLimits};
use clap::Args;
use events::{Bus, Outbox};
use jobs::Queue;
use live::{Live, MasterKey};
use serde::Serialize;
use settings::Settings;

use crate::{
    stores,
    tenant::{Desk, show},
};

/// What the command line says.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  nexus limit                              what the first tenant may have, and has\n  nexus limit --bytes-max 500000000000     half a terabyte for all its uploads together\n  nexus limit --size-max default           one upload may be as large as the settings say\n  nexus limit --streams-max 3 --bitrate-max 8000"
)]
pub struct LimitArgs {
    /// The tenant; the first one when not given.
    #[arg(long)]
    tenant: Option<String>,
    /// Bytes that all its uploads may have together, stored and promised; 0 is no limit, `default` as the settings say.
    #[arg(long, value_name = "BYTES")]
    bytes_max: Option<Own<u64>>,
    /// Bytes that one upload may have; 0 is no limit, `default` as the settings say.
    #[arg(long, value_name = "BYTES")]
    size_max: Option<Own<u64>>,
    /// Channels; 0 is no limit, `default` as the settings say.
    #[arg(long, value_name = "CHANNELS")]
    channels_max: Option<Own<u32>>,
    /// Channels that may be on air at once; 0 is no limit, `default` as the settings say.
    #[arg(long, value_name = "CHANNELS")]
    streams_max: Option<Own<u32>>,
    /// Bitrate of one stream, in kbit/s; 0 is no limit, `default` as the settings say.
    #[arg(long, value_name = "KBPS")]
    bitrate_max: Option<Own<u32>>,
    /// Print one JSON line.
    #[arg(long)]
    json: bool,
}

/// A limit of its own, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Own<N>(Option<N>);

impl<N: FromStr> FromStr for Own<N> {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "default" {
            return Ok(Self(None));
        }
        let number = text.parse().map(Some).map(Self);
        number.map_err(|_| "a whole number or `default` is expected".to_owned())
    }
}

/// What is said of a limit, or as it is.
fn changed<N>(said: Option<Own<N>>, present: Option<N>) -> Option<N> {
    said.map_or(present, |Own(limit)| limit)
}

#[derive(Serialize)]
struct Shown<'a> {
    tenant: &'a str,
    size_max_bytes: u64,
    bytes_max: u64,
    bytes_used: u64,
    channels_max: u32,
    channels_used: u32,
    streams_max: u32,
    streams_used: u32,
    bitrate_max_kbps: u32,
}

/// Shows the limits of a tenant, after changing those that are given.
///
/// # Errors
/// When the database cannot be opened or there is no such tenant.
pub async fn run(args: LimitArgs, settings: &Settings) -> Result<ExitCode> {
    let desk = Desk::open(args.tenant.as_deref(), settings).await?;
    let (catalogue, live) = (catalogue(&desk, settings).await?, live(&desk, settings));
    change(&catalogue, &live, &desk, &args).await?;
    let principal = &desk.operator.principal;
    let (limits, bytes_used) = catalogue.limits(principal).await?;
    let (sent, used) = live.limits(principal).await?;
    let tenant = desk.tenant().as_str();
    let shown = Shown {
        tenant,
        size_max_bytes: limits.size_max,
        bytes_max: limits.bytes_max,
        bytes_used,
        channels_max: sent.channels_max,
        channels_used: used.channels,
        streams_max: sent.streams_max,
        streams_used: used.streams,
        bitrate_max_kbps: sent.bitrate_max_kbps,
    };
    let most = |limit: u64, of: &str| {
        if limit == 0 { "no limit".to_owned() } else { format!("at most {limit}{of}") }
    };
    let words = [
        format!("tenant {tenant}"),
        format!("  one upload:  {}", most(limits.size_max, " bytes")),
        format!("  all of them: {}, {bytes_used} used", most(limits.bytes_max, " bytes")),
        format!("  channels:    {}, {} there", most(sent.channels_max.into(), ""), used.channels),
        format!("  on air:      {}, {} now", most(sent.streams_max.into(), " at once"), used.streams),
        format!("  one stream:  {}", most(sent.bitrate_max_kbps.into(), " kbit/s")),
    ];
    show(&shown, args.json, &words.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

async fn catalogue(desk: &Desk, settings: &Settings) -> Result<Catalogue> {
    let (db, ambient) = (desk.db.clone(), desk.ambient.clone());
    let (queue, outbox) = (Queue::new(db.clone(), ambient.clone()), Outbox::new(db.clone(), ambient.clone()));
    let bus = Bus::open(outbox.clone(), 1).await?;
    let catalogue = Catalogue::new(db, queue, outbox, bus, ambient, Duration::ZERO);
    Ok(catalogue.with_limits(stores::limits(&settings.upload)))
}

/// Without the master key: nothing is derived from it here.
fn live(desk: &Desk, settings: &Settings) -> Live {
    let (db, ambient) = (desk.db.clone(), desk.ambient.clone());
    let outbox = Outbox::new(db.clone(), ambient.clone());
    let live = Live::new(db, outbox, ambient, MasterKey::new(&[]), false);
    live.with_limits(stores::live_limits(&settings.live))
}

async fn change(catalogue: &Catalogue, live: &Live, desk: &Desk, args: &LimitArgs) -> Result<()> {
    let tenant = desk.tenant();
    if args.bytes_max.is_some() || args.size_max.is_some() {
        let own = catalogue.own_limits(tenant).await?;
        let bytes_max = changed(args.bytes_max, own.bytes_max);
        let own = OwnLimits { bytes_max, size_max: changed(args.size_max, own.size_max) };
        catalogue.set_own_limits(tenant, own).await?;
    }
    if args.channels_max.is_some() || args.streams_max.is_some() || args.bitrate_max.is_some() {
        let own = live.own_limits(tenant).await?;
        let own = live::OwnLimits {
            channels_max: changed(args.channels_max, own.channels_max),
            streams_max: changed(args.streams_max, own.streams_max),
            bitrate_max_kbps: changed(args.bitrate_max, own.bitrate_max_kbps),
        };
        live.set_own_limits(tenant, own).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use base::TenantId;

    use super::*;

    #[test]
    fn a_limit_is_a_number_or_the_default() {
        assert_eq!("0".parse(), Ok(Own(Some(0_u64))));
        assert_eq!("default".parse(), Ok(Own::<u32>(None)));
        for text in ["", "-1", "1e3", "1 GB", "99999999999999999999999"] {
            assert!(text.parse::<Own<u64>>().is_err(), "{text:?}");
        }
    }

    fn args(tenant: Option<&str>, size_max: Option<u64>) -> LimitArgs {
        let tenant = tenant.map(str::to_owned);
        LimitArgs {
            tenant,
            bytes_max: None,
            size_max: size_max.map(|bytes| Own(Some(bytes))),
            channels_max: None,
            streams_max: size_max.map(|_| Own(Some(3))),
            bitrate_max: None,
            json: true,
        }
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
        let sent = live(&desk, &settings).own_limits(desk.tenant()).await.expect("read");
        assert_eq!(sent, live::OwnLimits { streams_max: Some(3), ..live::OwnLimits::default() });
        let nobody: TenantId = desk.ambient.id();
        for tenant in [nobody.as_str(), "nonsense"] {
            let refused = run(args(Some(tenant), Some(7)), &settings).await.expect_err("no such tenant");
            assert!(format!("{refused:#}").contains("--tenant"), "{refused:#}");
        }
        let none = catalogue.own_limits(&nobody).await.expect("read");
        assert_eq!(none, OwnLimits::default(), "nothing was written for a tenant that is not there");
    }
}
