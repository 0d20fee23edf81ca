//! The first start of `nexus all --demo`: a film is made and put through the real upload and transcode path.

use std::process::ExitCode;

use anyhow::{Context, Result};
use axum::body::Body;
use base::Page;
use http::Request;
use httpkit::{
    client::{Client, collect},
    tls::PairFiles,
};
use settings::Settings;
use tracing::warn;

use crate::{
    film::{self, FilmArgs},
    upload::{self, UploadArgs},
};

/// Largest list of one asset that is read.
const LIST_BYTES_MAX: u64 = 1 << 20;

/// Keeps the access log off a terminal that shows progress, unless the log is set to something else.
pub fn quieten(telemetry: &mut settings::Telemetry) {
    if *telemetry == settings::Telemetry::default() {
        telemetry.log.push_str(",access=warn");
    }
}

/// Welcomes whoever started the server; on an empty catalogue with a film to watch.
pub async fn run(settings: Settings) {
    if let Err(error) = show(&settings).await {
        warn!("the demonstration film could not be made: {error:#}");
    }
    let key = settings.data.join(crate::run::OWNER_KEY_FILE);
    println!();
    println!("  open     {}", settings.public_url());
    if key.exists() {
        println!("  sign in  with the API key in {}", key.display());
    }
    println!("  stop     Ctrl-C");
    println!();
}

async fn show(settings: &Settings) -> Result<()> {
    let key_file = settings.data.join(crate::run::OWNER_KEY_FILE);
    let key =
        std::fs::read_to_string(&key_file).with_context(|| format!("reading {}", key_file.display()))?;
    let key = key.trim().to_owned();
    let ca = settings.tls.self_signed.then(|| PairFiles::own(&settings.data).cert);
    if !is_empty(&crate::client::trusting(ca.as_deref())?, &settings.public_url(), &key).await? {
        return Ok(());
    }
    let file = settings.data.join("demonstration.mp4");
    if !file.exists() {
        film::run(&FilmArgs::demonstration(file.clone()), settings).await?;
    }
    let code = upload::run(UploadArgs::demonstration(file, settings.public_url(), key, ca)).await?;
    anyhow::ensure!(code == ExitCode::SUCCESS, "the upload failed; the line above says why");
    Ok(())
}

/// Whether the library that this key opens holds nothing.
async fn is_empty(client: &Client, server: &str, key: &str) -> Result<bool> {
    let request = Request::get(format!("{server}/api/v1/assets?limit=1"))
        .header("authorization", format!("Bearer {key}"));
    let response = client.send(request.body(Body::empty())?).await?;
    anyhow::ensure!(response.status().is_success(), "the server answered {}", response.status());
    let list: Page<serde_json::Value> =
        serde_json::from_slice(&collect(response.into_body(), LIST_BYTES_MAX).await?)?;
    Ok(list.items.is_empty())
}
