//! `nexus asset`: what is there and what becomes of it, over the API.

use std::process::ExitCode;

use anyhow::{Result, bail};
use axum::body::Body;
use base::AssetId;
use clap::{Args, Subcommand};
use http::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::remote::{Asset, Remote, ServerArgs, refusal};

/// Items asked for at a time.
const PAGE: u32 = 100;

/// What the command line says.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  nexus asset list --query holiday --key \"$NEXUS_KEY\"\n  nexus asset show 01jd0c7y5mq3xk2v8n4t6r9bwz --json\n  nexus asset retry 01jd0c7y5mq3xk2v8n4t6r9bwz --wait"
)]
pub struct AssetArgs {
    /// What to do.
    #[command(subcommand)]
    command: AssetCommand,
}

/// What to do with assets.
#[derive(Subcommand, Debug)]
pub enum AssetCommand {
    /// List assets, newest first.
    List {
        /// Where.
        #[command(flatten)]
        at: ServerArgs,
        /// Only those whose titles contain this.
        #[arg(long)]
        query: Option<String>,
        /// Print one JSON line an asset, as the API has it.
        #[arg(long)]
        json: bool,
    },
    /// Show what is known of an asset.
    Show(Chosen),
    /// End the making or the import of an asset; it can be tried again once its source is there.
    Cancel(Chosen),
    /// Make a failed asset again from its source.
    Retry(Steered),
    /// Make a published asset again as a new version; what plays goes on playing until then.
    Reencode(Steered),
    /// Delete assets with all that was made of them.
    Delete(Chosen),
}

/// Which assets.
#[derive(Args, Debug)]
pub struct Chosen {
    /// Their identifiers.
    #[arg(required = true, value_name = "ASSET")]
    ids: Vec<AssetId>,
    /// Where.
    #[command(flatten)]
    at: ServerArgs,
    /// Print one JSON line an asset, as the API has it.
    #[arg(long)]
    json: bool,
}

/// Which assets, and how far.
#[derive(Args, Debug)]
pub struct Steered {
    /// Which.
    #[command(flatten)]
    chosen: Chosen,
    /// Wait until they are ready or have failed.
    #[arg(long)]
    wait: bool,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
    next: Option<String>,
}

/// Does what is asked with every asset; fails when any fails.
///
/// # Errors
/// When the command line cannot be followed at all, or a list breaks off.
pub async fn run(args: AssetArgs) -> Result<ExitCode> {
    match args.command {
        AssetCommand::List { at, query, json } => list(&Remote::new(&at)?, query.as_deref(), json).await,
        AssetCommand::Show(chosen) => each(&chosen, false, "").await,
        AssetCommand::Cancel(chosen) => each(&chosen, false, "/cancel").await,
        AssetCommand::Retry(steered) => each(&steered.chosen, steered.wait, "/retry").await,
        AssetCommand::Reencode(steered) => each(&steered.chosen, steered.wait, "/reencode").await,
        AssetCommand::Delete(chosen) => delete(&chosen).await,
    }
}

async fn list(remote: &Remote, query: Option<&str>, json: bool) -> Result<ExitCode> {
    let mut after: Option<String> = None;
    loop {
        let mut search = url::form_urlencoded::Serializer::new(String::new());
        search.append_pair("limit", &PAGE.to_string());
        search.extend_pairs(query.map(|query| ("q", query)));
        search.extend_pairs(after.as_deref().map(|after| ("after", after)));
        let page: Page = remote.ask(Method::GET, &format!("/api/v1/assets?{}", search.finish())).await?;
        for item in &page.items {
            print(item, json)?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// An asset on one line.
fn print(item: &Value, json: bool) -> Result<()> {
    if json {
        println!("{item}");
        return Ok(());
    }
    let asset = Asset::deserialize(item)?;
    println!("{}  {:12}{:9} {}", asset.id, asset.state, asset.visibility, asset.title);
    Ok(())
}

/// Asks something of every asset and shows what it is then.
async fn each(chosen: &Chosen, wait: bool, step: &str) -> Result<ExitCode> {
    let remote = Remote::new(&chosen.at)?;
    let mut failed = false;
    for id in &chosen.ids {
        if let Err(error) = one(&remote, id, wait, step, chosen.json).await {
            eprintln!("{id}: {error:#}");
            failed = true;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn one(remote: &Remote, id: &AssetId, wait: bool, step: &str, json: bool) -> Result<()> {
    let method = if step.is_empty() { Method::GET } else { Method::POST };
    let mut shown: Value = remote.ask(method, &format!("/api/v1/assets/{id}{step}")).await?;
    let mut failed = false;
    if wait {
        failed = remote.settled(id.as_str(), id.as_str()).await?.state == "failed";
        shown = remote.ask(Method::GET, &format!("/api/v1/assets/{id}")).await?;
    }
    if json {
        println!("{shown}");
    } else {
        show(&shown)?;
    }
    if failed {
        bail!("it failed");
    }
    Ok(())
}

/// An asset in words.
fn show(shown: &Value) -> Result<()> {
    let asset = Asset::deserialize(shown)?;
    println!("{}  {}", asset.id, asset.title);
    let reason = asset.reason.map_or_else(String::new, |reason| format!(": {reason}"));
    println!("  state:      {}{reason}", asset.state);
    println!("  visibility: {}", asset.visibility);
    if let Some(arriving) = asset.upload {
        println!("  arrived:    {} of {} bytes", arriving.offset, arriving.length);
    }
    if asset.state == "transcoding" {
        println!("  made:       {:.0}%", asset.progress.percent);
    }
    for (name, url) in [("hls", asset.hls), ("dash", asset.dash)] {
        if let Some(url) = url {
            println!("  {:11} {url}", format!("{name}:"));
        }
    }
    Ok(())
}

async fn delete(chosen: &Chosen) -> Result<ExitCode> {
    let remote = Remote::new(&chosen.at)?;
    let mut failed = false;
    for id in &chosen.ids {
        let request = remote.request(Method::DELETE, &format!("/api/v1/assets/{id}"))?.body(Body::empty())?;
        let told = match remote.answer(request).await {
            Ok((status, ..)) if status.is_success() => Ok(()),
            Ok((status, _, body)) => Err(refusal(status, &body)),
            Err(error) => Err(format!("{error:#}")),
        };
        match told {
            Ok(()) if chosen.json => println!("{}", serde_json::json!({ "id": id, "state": "deleted" })),
            Ok(()) => println!("{id}: deleted"),
            Err(why) => {
                eprintln!("{id}: {why}");
                failed = true;
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
