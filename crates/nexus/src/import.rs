//! `nexus import`: the server fetches films itself, from addresses that its operator allows.

use std::process::ExitCode;

use anyhow::{Result, bail};
use axum::body::Body;
use clap::Args;
use http::{Method, header};
use serde::Serialize;

use crate::{
    patience::{at_last, idempotency_key},
    remote::{Asset, Brought, FilmArgs, Remote, ServerArgs, read, report},
};

/// What the command line says.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  nexus import https://films.example/a.mov --key \"$NEXUS_KEY\" --wait\n  nexus import https://films.example/a.mov --title \"A film\" --visibility private --json\nWhich hosts may be fetched from is the server's setting import.allow."
)]
pub struct ImportArgs {
    /// Addresses of films and music.
    #[arg(required = true)]
    urls: Vec<String>,
    /// Where to.
    #[command(flatten)]
    to: ServerArgs,
    /// What it becomes.
    #[command(flatten)]
    film: FilmArgs,
}

#[derive(Serialize)]
struct Wish<'a> {
    url: &'a str,
    title: Option<&'a str>,
    visibility: &'a str,
}

/// Imports from every address; fails when any fails.
///
/// # Errors
/// When the command line cannot be followed at all; an address that fails is reported on its line.
pub async fn run(args: ImportArgs) -> Result<ExitCode> {
    if args.film.title.is_some() && args.urls.len() > 1 {
        bail!("--title fits one address; {} are given", args.urls.len());
    }
    let remote = Remote::new(&args.to)?;
    let mut begun = Vec::new();
    for url in &args.urls {
        begun.push((url, begin(&remote, &args, url).await));
    }
    let mut failed = false;
    for (url, asset) in begun {
        let became = match asset {
            Ok(asset) if args.film.wait => remote.settled(url, &asset.id).await,
            begun => begun,
        };
        failed |= !report(Brought::Url(url), &became, args.film.json);
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Asks again while there is no answer; the server begins one import all the same.
async fn begin(remote: &Remote, args: &ImportArgs, url: &str) -> Result<Asset> {
    let key = idempotency_key();
    at_last(|| ask(remote, args, url, &key)).await
}

async fn ask(remote: &Remote, args: &ImportArgs, url: &str, key: &str) -> Result<Asset> {
    let wish = Wish { url, title: args.film.title.as_deref(), visibility: &args.film.visibility };
    let request = remote.request(Method::POST, "/api/v1/imports")?;
    let request = request.header(header::CONTENT_TYPE, "application/json").header("idempotency-key", key);
    let (status, _, body) = remote.answer(request.body(Body::from(serde_json::to_vec(&wish)?))?).await?;
    read(status, &body)
}
