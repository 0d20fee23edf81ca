//! `nexus upload`: films go in over tus, resumably, with a progress bar.
//!
//! Where an upload stands is kept in a small file per (server, film) in the user's state folder, so that the
//! same command after a broken line, a crash or a reboot goes on where the server's last byte is.

mod patience;

use std::{
    io::SeekFrom,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use httpkit::client::{Client, collect};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};
use tokio_util::io::ReaderStream;

use patience::{TRIES_MAX, at_last, once, pause, refused};

/// Bytes sent in one request; small enough that a proxy's body limit seldom bites.
const REQUEST_BYTES: u64 = 64 << 20;
/// Pause between looks at the transcode.
const POLL: Duration = Duration::from_millis(500);
/// Largest JSON answer accepted.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// What the command line says.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  nexus upload film.mp4 --server http://127.0.0.1:8080 --key \"$NEXUS_KEY\" --wait\n  nexus upload *.mov --visibility private --json"
)]
pub struct UploadArgs {
    /// Films and music to upload.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The server, such as `https://video.example`.
    #[arg(long, env = "NEXUS_SERVER", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// An API key of the role creator or above.
    #[arg(long, env = "NEXUS_KEY", hide_env_values = true)]
    key: String,
    /// PEM file of the server's certificate, or of those it comes from, where no public authority vouches for it.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Title; the file's name without its ending when not given.
    #[arg(long)]
    title: Option<String>,
    /// Who may watch: public, unlisted or private.
    #[arg(long, default_value = "unlisted", value_parser = ["public", "unlisted", "private"])]
    visibility: String,
    /// Wait until the film is ready or has failed.
    #[arg(long)]
    wait: bool,
    /// Print one JSON line a file: asset, state, hls, dash, reason.
    #[arg(long)]
    json: bool,
}

impl UploadArgs {
    /// The demonstration film, public and waited for.
    pub fn demonstration(file: PathBuf, server: String, key: String, ca: Option<PathBuf>) -> Self {
        let title = Some("Nexus demonstration".into());
        let visibility = "public".into();
        Self { files: vec![file], server, key, ca, title, visibility, wait: true, json: false }
    }
}

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a Path,
    asset: Option<&'a str>,
    state: &'a str,
    hls: Option<&'a str>,
    dash: Option<&'a str>,
    reason: Option<&'a str>,
}

/// The part of an asset's JSON that the command looks at.
#[derive(Deserialize)]
struct Asset {
    id: String,
    state: String,
    hls: Option<String>,
    dash: Option<String>,
    reason: Option<String>,
    progress: Progress,
}

#[derive(Deserialize)]
struct Progress {
    percent: f64,
}

struct Uploader<'a> {
    args: &'a UploadArgs,
    client: Client,
    bars: MultiProgress,
}

/// A file on its way into an upload that the server has opened.
struct Sending<'a> {
    path: &'a Path,
    length: u64,
    location: &'a str,
    bar: &'a ProgressBar,
}

/// Uploads every file; fails when any fails.
///
/// # Errors
/// When the command line cannot be followed at all; a file that fails is reported on its line.
pub async fn run(args: UploadArgs) -> Result<ExitCode> {
    if args.title.is_some() && args.files.len() > 1 {
        bail!("--title fits one file; {} are given", args.files.len());
    }
    let client = crate::client::trusting(args.ca.as_deref())?;
    let uploader = Uploader { args: &args, client, bars: MultiProgress::new() };
    let mut failed = false;
    for file in &args.files {
        match uploader.film(file).await {
            Ok(asset) => {
                failed |= asset.state == "failed";
                uploader.report(file, Some(&asset), &asset.state, asset.reason.as_deref());
            }
            Err(error) => {
                failed = true;
                uploader.report(file, None, "error", Some(&format!("{error:#}")));
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Uploader<'_> {
    fn report(&self, file: &Path, asset: Option<&Asset>, state: &str, reason: Option<&str>) {
        let (hls, dash) =
            (asset.and_then(|asset| asset.hls.as_deref()), asset.and_then(|asset| asset.dash.as_deref()));
        if self.args.json {
            let line = Line { file, asset: asset.map(|asset| asset.id.as_str()), state, hls, dash, reason };
            println!("{}", serde_json::to_string(&line).unwrap_or_default());
            return;
        }
        let name = file.display();
        match (asset, reason) {
            (Some(asset), None) => println!(
                "{name}: {state}, asset {}{}",
                asset.id,
                hls.map_or_else(String::new, |url| format!(", {url}"))
            ),
            (_, reason) => println!("{name}: {state}: {}", reason.unwrap_or("no reason given")),
        }
    }

    async fn film(&self, path: &Path) -> Result<Asset> {
        let length =
            tokio::fs::metadata(path).await.with_context(|| format!("reading {}", path.display()))?.len();
        let memory = Memory::of(&self.args.server, path, length)?;
        let (location, asset) = match self.resumable(&memory).await {
            Some(known) => known,
            None => once(|| self.create(path, length, &memory)).await?,
        };
        let bar = self.bar(path, length);
        self.send(&Sending { path, length, location: &location, bar: &bar }).await?;
        bar.finish_and_clear();
        memory.forget();
        if self.args.wait { self.wait(path, &asset).await } else { at_last(|| self.asset(&asset)).await }
    }

    fn bar(&self, path: &Path, length: u64) -> ProgressBar {
        let style = "{msg:24!} {bar:32} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        let bar = ProgressBar::new(length)
            .with_message(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        self.bars.add(bar)
    }

    fn request(&self, method: Method, url: &str) -> Result<http::request::Builder> {
        let uri: Uri = url.parse().with_context(|| format!("{url:?} is not an address"))?;
        let builder = Request::builder().method(method).uri(uri);
        Ok(builder
            .header(header::AUTHORIZATION, format!("Bearer {}", self.args.key))
            .header("tus-resumable", "1.0.0"))
    }

    async fn answer(&self, request: Request<Body>) -> Result<(StatusCode, HeaderMap, bytes::Bytes)> {
        let response = self.client.send(request).await?;
        let (parts, body) = response.into_parts();
        Ok((parts.status, parts.headers, collect(body, ANSWER_BYTES_MAX).await?))
    }

    /// An upload of this very file that the server still knows.
    async fn resumable(&self, memory: &Memory) -> Option<(String, String)> {
        let known = memory.recall()?;
        let request = self.request(Method::HEAD, &known.location).ok()?.body(Body::empty()).ok()?;
        let (status, _, _) = self.answer(request).await.ok()?;
        status.is_success().then_some((known.location, known.asset))
    }

    async fn create(&self, path: &Path, length: u64, memory: &Memory) -> Result<(String, String)> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let title = self.args.title.clone().unwrap_or(stem);
        let pairs = [("filename", name.as_str()), ("title", &title), ("visibility", &self.args.visibility)];
        let metadata = pairs.map(|(key, value)| format!("{key} {}", STANDARD.encode(value))).join(",");
        let url = format!("{}/files", self.args.server.trim_end_matches('/'));
        let request = self
            .request(Method::POST, &url)?
            .header("upload-length", length)
            .header("upload-metadata", metadata);
        let (status, headers, body) = self.answer(request.body(Body::empty())?).await?;
        if status != StatusCode::CREATED {
            return Err(refused(status, refusal(status, &body)));
        }
        let given = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let location = given("location").ok_or_else(|| anyhow!("the server named no upload"))?;
        let asset = given("nexus-asset").ok_or_else(|| anyhow!("the server named no asset"))?;
        let location = absolute(&self.args.server, &location)?;
        memory.keep(&Known { location: location.clone(), asset: asset.clone() });
        Ok((location, asset))
    }

    /// Sends what the server does not have yet, request by request, through broken lines.
    async fn send(&self, sending: &Sending<'_>) -> Result<()> {
        let Sending { length, location, bar, .. } = *sending;
        let mut tries = 0;
        let mut offset = at_last(|| self.offset(location)).await?;
        while offset < length {
            bar.set_position(offset);
            let sent = self.patch(sending, offset).await;
            let now = match sent {
                Ok(now) => now,
                Err(Broken::Final(error)) => return Err(error),
                Err(Broken::Line(error)) => {
                    tries += 1;
                    if tries > TRIES_MAX {
                        return Err(error.context("the line broke too often; run the same command to go on"));
                    }
                    tokio::time::sleep(pause(tries)).await;
                    self.offset(location).await.unwrap_or(offset)
                }
            };
            if now > offset {
                tries = 0;
            }
            offset = now;
        }
        Ok(())
    }

    async fn offset(&self, location: &str) -> Result<u64> {
        let (status, headers, _) =
            self.answer(self.request(Method::HEAD, location)?.body(Body::empty())?).await?;
        if !status.is_success() {
            return Err(refused(status, format!("the server answered {status} for the upload")));
        }
        offset_of(&headers)
    }

    async fn patch(&self, sending: &Sending<'_>, offset: u64) -> Result<u64, Broken> {
        let request = self.patch_request(sending, offset).await.map_err(Broken::Final)?;
        let (status, headers, body) = self.answer(request).await.map_err(Broken::Line)?;
        match status {
            StatusCode::NO_CONTENT => offset_of(&headers).map_err(Broken::Final),
            // Another writer or our own broken request is still being written down: ask again where it stands.
            StatusCode::CONFLICT | StatusCode::REQUEST_TIMEOUT => {
                Err(Broken::Line(anyhow!(refusal(status, &body))))
            }
            status if status.is_server_error() => Err(Broken::Line(anyhow!(refusal(status, &body)))),
            status => Err(Broken::Final(anyhow!(refusal(status, &body)))),
        }
    }

    async fn patch_request(&self, sending: &Sending<'_>, offset: u64) -> Result<Request<Body>> {
        let Sending { path, length, location, bar } = *sending;
        let count = REQUEST_BYTES.min(length - offset);
        let mut file = File::open(path).await.with_context(|| format!("reading {}", path.display()))?;
        file.seek(SeekFrom::Start(offset)).await?;
        let read = bar.wrap_async_read(file.take(count));
        let request = self
            .request(Method::PATCH, location)?
            .header("upload-offset", offset)
            .header(header::CONTENT_LENGTH, count);
        let request = request.header(header::CONTENT_TYPE, "application/offset+octet-stream");
        Ok(request.body(Body::from_stream(ReaderStream::with_capacity(read, 256 << 10)))?)
    }

    async fn asset(&self, id: &str) -> Result<Asset> {
        let url = format!("{}/api/v1/assets/{id}", self.args.server.trim_end_matches('/'));
        let (status, _, body) = self.answer(self.request(Method::GET, &url)?.body(Body::empty())?).await?;
        if !status.is_success() {
            return Err(refused(status, refusal(status, &body)));
        }
        serde_json::from_slice(&body).context("the server's answer about the asset")
    }

    /// Follows the transcode; a server that is away for a while is waited for.
    async fn wait(&self, path: &Path, id: &str) -> Result<Asset> {
        let bar = self.bar(path, 100);
        if let Ok(style) = ProgressStyle::with_template("{msg:24!} {bar:32} {percent}% {prefix} {elapsed}") {
            bar.set_style(style);
        }
        let mut tries = 0;
        loop {
            match self.asset(id).await {
                Ok(asset) if matches!(asset.state.as_str(), "ready" | "failed") => {
                    bar.finish_and_clear();
                    return Ok(asset);
                }
                Ok(asset) => {
                    tries = 0;
                    bar.set_prefix(asset.state);
                    // Percent is 0 to 100, so the cast cannot lose anything that a bar shows.
                    bar.set_position(asset.progress.percent.clamp(0.0, 100.0) as u64);
                }
                Err(error) if tries >= TRIES_MAX * 4 => return Err(error),
                Err(_) => tries += 1,
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Whether a failed request can be tried again.
enum Broken {
    Line(anyhow::Error),
    Final(anyhow::Error),
}

fn offset_of(headers: &HeaderMap) -> Result<u64> {
    let text = headers.get("upload-offset").and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| anyhow!("the server did not say where the upload stands"))
}

/// A problem answer in one sentence.
fn refusal(status: StatusCode, body: &[u8]) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let said = |name: &str| problem.as_ref().and_then(|problem| problem.get(name)?.as_str());
    match said("detail").or_else(|| said("title")) {
        Some(words) => format!("the server refused ({}): {words}", status.as_u16()),
        None => format!("the server answered {status}"),
    }
}

/// The upload's address as this client reaches the server, whatever name the server gave itself.
fn absolute(server: &str, location: &str) -> Result<String> {
    let base = url::Url::parse(server).with_context(|| format!("--server {server:?} is not an address"))?;
    let given = base.join(location).context("the server's Location")?;
    let mut url = base;
    url.set_path(given.path());
    Ok(url.into())
}

/// What is remembered of an upload.
#[derive(Serialize, Deserialize)]
struct Known {
    location: String,
    asset: String,
}

/// The file that remembers one upload.
struct Memory(PathBuf);

impl Memory {
    /// Named by server, path, length and modification time, so that a changed film starts anew.
    fn of(server: &str, path: &Path, length: u64) -> Result<Self> {
        let modified =
            std::fs::metadata(path)?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let name = format!("{server}\n{}\n{length}\n{}", path.canonicalize()?.display(), modified.as_nanos());
        let digest = Sha256::digest(name.as_bytes());
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(settings::state_folder().join("uploads").join(format!("{hex}.json"))))
    }

    fn recall(&self) -> Option<Known> {
        serde_json::from_slice(&std::fs::read(&self.0).ok()?).ok()
    }

    /// Without it the upload still works; only resuming after a crash of this command is lost.
    fn keep(&self, known: &Known) {
        let written = self.0.parent().map_or(Ok(()), std::fs::create_dir_all);
        let written =
            written.and_then(|()| std::fs::write(&self.0, serde_json::to_vec(known).unwrap_or_default()));
        if let Err(error) = written {
            eprintln!("cannot remember the upload for resuming ({error}); going on without");
        }
    }

    fn forget(&self) {
        // A leftover is harmless: the server no longer knows that upload as unfinished.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_reached_through_the_address_we_know() {
        let given = absolute("http://10.0.0.5:8080/", "https://video.example/files/01j").expect("joined");
        assert_eq!(given, "http://10.0.0.5:8080/files/01j");
        assert_eq!(absolute("http://h", "/files/1").expect("joined"), "http://h/files/1");
    }

    #[test]
    fn a_problem_is_told_in_its_own_words() {
        let body = br#"{"title":"Too large","detail":"the limit is 5 bytes"}"#;
        assert_eq!(
            refusal(StatusCode::PAYLOAD_TOO_LARGE, body),
            "the server refused (413): the limit is 5 bytes"
        );
        assert!(refusal(StatusCode::BAD_GATEWAY, b"<html>").contains("502"));
    }
}
