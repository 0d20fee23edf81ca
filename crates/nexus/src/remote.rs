//! A server that a command speaks to over its API, with a key.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use axum::body::Body;
use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use httpkit::client::{Client, collect};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::patience::{TRIES_MAX, pause, refused};

/// Pause between looks at what a server makes.
const POLL: Duration = Duration::from_millis(500);
/// Largest JSON answer accepted.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// Which server, and who asks.
#[derive(Args, Clone, Debug)]
pub struct ServerArgs {
    /// The server, such as `https://video.example`.
    #[arg(long, env = "NEXUS_SERVER", default_value = "http://127.0.0.1:8080")]
    pub server: String,
    /// An API key of the role creator or above.
    #[arg(long, env = "NEXUS_KEY", hide_env_values = true)]
    pub key: String,
    /// PEM file of the server's certificate, or of those it comes from, where no public authority vouches for it.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

/// What becomes of a film that a command brings in, and how the command tells of it.
#[derive(Args, Debug)]
pub struct FilmArgs {
    /// Title; the file's name without its ending when not given.
    #[arg(long)]
    pub title: Option<String>,
    /// Who may watch: public, unlisted or private.
    #[arg(long, default_value = "unlisted", value_parser = ["public", "unlisted", "private"])]
    pub visibility: String,
    /// Wait until the film is ready or has failed.
    #[arg(long)]
    pub wait: bool,
    /// Print one JSON line for each: asset, state, hls, dash, reason.
    #[arg(long)]
    pub json: bool,
}

/// The part of an asset's JSON that commands look at.
#[derive(Deserialize)]
pub struct Asset {
    /// Its identifier.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// Where it is on its way.
    pub state: String,
    /// Who may watch it.
    pub visibility: String,
    /// Where HLS is played from.
    pub hls: Option<String>,
    /// Where DASH is played from.
    pub dash: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
    /// How far the server is with it.
    pub progress: Progress,
    /// How far its bytes are, while they arrive.
    pub upload: Option<Arriving>,
}

/// How far the server is.
#[derive(Deserialize)]
pub struct Progress {
    /// 0 to 100.
    pub percent: f64,
}

/// Bytes that arrive.
#[derive(Deserialize)]
pub struct Arriving {
    /// Bytes that are there.
    pub offset: u64,
    /// Bytes there will be; as many as there are while nobody knows.
    pub length: u64,
}

impl Asset {
    /// Whether nothing more becomes of it.
    pub fn is_settled(&self) -> bool {
        matches!(self.state.as_str(), "ready" | "failed")
    }

    /// How far it is in its present state, 0 to 100.
    fn percent(&self) -> u64 {
        match &self.upload {
            Some(Arriving { offset, length }) if *length > 0 => offset.saturating_mul(100) / length,
            // Percent is 0 to 100, so the cast cannot lose anything that a bar shows.
            _ => self.progress.percent.clamp(0.0, 100.0) as u64,
        }
    }
}

/// What somebody brings in, as they named it.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Brought<'a> {
    /// A file.
    File(&'a str),
    /// An address.
    Url(&'a str),
}

/// One line of `--json` about what became of it.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    what: Brought<'a>,
    asset: Option<&'a str>,
    state: &'a str,
    hls: Option<&'a str>,
    dash: Option<&'a str>,
    reason: Option<&'a str>,
}

/// Prints what became of something; whether it came to anything.
pub fn report(what: Brought<'_>, became: &Result<Asset>, json: bool) -> bool {
    let told = became.as_ref().err().map(|error| format!("{error:#}"));
    let (asset, state, reason) = match became {
        Ok(asset) => (Some(asset), asset.state.as_str(), asset.reason.as_deref()),
        Err(_) => (None, "error", told.as_deref()),
    };
    let id = asset.map(|asset| asset.id.as_str());
    let (hls, dash) =
        (asset.and_then(|asset| asset.hls.as_deref()), asset.and_then(|asset| asset.dash.as_deref()));
    if json {
        let line = Line { what, asset: id, state, hls, dash, reason };
        println!("{}", serde_json::to_string(&line).unwrap_or_default());
        return asset.is_some() && state != "failed";
    }
    let (Brought::File(name) | Brought::Url(name)) = what;
    if let (Some(id), None) = (id, reason) {
        println!("{name}: {state}, asset {id}{}", hls.map_or_else(String::new, |url| format!(", {url}")));
    } else {
        println!("{name}: {state}: {}", reason.unwrap_or("no reason given"));
    }
    asset.is_some() && state != "failed"
}

/// A server, over its API.
pub struct Remote {
    server: String,
    key: String,
    client: Client,
    bars: MultiProgress,
}

impl Remote {
    /// The server that the command line names.
    ///
    /// # Errors
    /// When the file of `--ca` holds no certificates.
    pub fn new(args: &ServerArgs) -> Result<Self> {
        let client = crate::client::trusting(args.ca.as_deref())?;
        let server = args.server.trim_end_matches('/').to_owned();
        Ok(Self { server, key: args.key.clone(), client, bars: MultiProgress::new() })
    }

    /// Its address, without a trailing slash.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// A request in the caller's name; `place` is a path or a whole address.
    ///
    /// # Errors
    /// When that is no address.
    pub fn request(&self, method: Method, place: &str) -> Result<http::request::Builder> {
        let url = if place.starts_with('/') { format!("{}{place}", self.server) } else { place.to_owned() };
        let uri: Uri = url.parse().with_context(|| format!("{url:?} is not an address"))?;
        let builder = Request::builder().method(method).uri(uri);
        Ok(builder.header(header::AUTHORIZATION, format!("Bearer {}", self.key)))
    }

    /// Sends a request; the whole answer.
    ///
    /// # Errors
    /// [`httpkit::client::ClientError`] when there is none.
    pub async fn answer(&self, request: Request<Body>) -> Result<(StatusCode, HeaderMap, Bytes)> {
        let response = self.client.send(request).await?;
        let (parts, body) = response.into_parts();
        Ok((parts.status, parts.headers, collect(body, ANSWER_BYTES_MAX).await?))
    }

    /// Sends a request without a body; what the server says.
    ///
    /// # Errors
    /// When there is no answer, or it is not what was asked for.
    pub async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T> {
        let request = self.request(method, path)?.body(Body::empty())?;
        let (status, _, body) = self.answer(request).await?;
        read(status, &body)
    }

    /// An asset.
    ///
    /// # Errors
    /// When there is no answer, or no such asset.
    pub async fn asset(&self, id: &str) -> Result<Asset> {
        self.ask(Method::GET, &format!("/api/v1/assets/{id}")).await
    }

    /// A bar of something whose whole is `length`.
    pub fn bar(&self, name: &str, length: u64, style: &str) -> ProgressBar {
        let bar = ProgressBar::new(length).with_message(name.to_owned());
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        self.bars.add(bar)
    }

    /// Follows an asset until nothing more becomes of it; a server that is away for a while is waited for.
    ///
    /// # Errors
    /// When the server is away for too long.
    pub async fn settled(&self, name: &str, id: &str) -> Result<Asset> {
        let bar = self.bar(name, 100, "{msg:24!} {bar:32} {percent}% {prefix} {elapsed}");
        let mut tries = 0;
        loop {
            let rest = match self.asset(id).await {
                Ok(asset) if asset.is_settled() => {
                    bar.finish_and_clear();
                    return Ok(asset);
                }
                Ok(asset) => {
                    tries = 0;
                    bar.set_position(asset.percent());
                    bar.set_prefix(asset.state);
                    POLL
                }
                Err(error) if tries >= TRIES_MAX => return Err(error),
                Err(_) => {
                    tries += 1;
                    pause(tries)
                }
            };
            tokio::time::sleep(rest).await;
        }
    }
}

/// Reads an answer that is JSON, or a problem.
///
/// # Errors
/// The problem, in its own words; or that the answer is neither.
pub fn read<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T> {
    if !status.is_success() {
        return Err(refused(status, refusal(status, body)));
    }
    serde_json::from_slice(body).context("the server's answer")
}

/// A problem answer in one sentence.
pub fn refusal(status: StatusCode, body: &[u8]) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let said = |name: &str| problem.as_ref().and_then(|problem| problem.get(name)?.as_str());
    match said("detail").or_else(|| said("title")) {
        Some(words) => format!("the server refused ({}): {words}", status.as_u16()),
        None => format!("the server answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_in_its_own_words() {
        let body = br#"{"title":"Too large","detail":"the limit is 5 bytes"}"#;
        assert_eq!(
            refusal(StatusCode::PAYLOAD_TOO_LARGE, body),
            "the server refused (413): the limit is 5 bytes"
        );
        assert!(refusal(StatusCode::BAD_GATEWAY, b"<html>").contains("502"));
        let error = read::<Asset>(StatusCode::NOT_FOUND, br#"{"detail":"no such asset"}"#).err();
        assert!(error.is_some_and(|error| error.to_string().contains("no such asset")));
    }

    #[test]
    fn what_arrives_counts_until_it_is_there() {
        let asset = |upload| Asset {
            id: String::new(),
            title: String::new(),
            state: "uploading".into(),
            visibility: "unlisted".into(),
            hls: None,
            dash: None,
            reason: None,
            progress: Progress { percent: 7.0 },
            upload,
        };
        assert_eq!(asset(Some(Arriving { offset: 50, length: 200 })).percent(), 25);
        assert_eq!(asset(Some(Arriving { offset: 0, length: 0 })).percent(), 7);
        assert_eq!(asset(None).percent(), 7);
    }
}
