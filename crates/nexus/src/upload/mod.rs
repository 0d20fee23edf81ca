//! `nexus upload`: films go in over tus, resumably, with a progress bar.
//!
//! Where an upload stands is kept in a small file per (server, film) in the user's state folder, so that the
//! same command after a broken line, a crash or a reboot goes on where the server's last byte is.

mod memory;

use std::{
    io::SeekFrom,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, anyhow, bail};
use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use http::{HeaderMap, Method, Request, StatusCode, header};
use indicatif::ProgressBar;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};
use tokio_util::io::ReaderStream;

use crate::{
    patience::{TRIES_MAX, at_last, idempotency_key, pause, refused},
    remote::{Asset, Brought, FilmArgs, Remote, ServerArgs, refusal, report},
};
use memory::{Known, Memory};

/// Bytes sent in one request; small enough that a proxy's body limit seldom bites.
const REQUEST_BYTES: u64 = 64 << 20;

/// What the command line says.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  nexus upload film.mp4 --server http://127.0.0.1:8080 --key \"$NEXUS_KEY\" --wait\n  nexus upload *.mov --visibility private --json"
)]
pub struct UploadArgs {
    /// Films and music to upload.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where to.
    #[command(flatten)]
    to: ServerArgs,
    /// What it becomes.
    #[command(flatten)]
    film: FilmArgs,
}

impl UploadArgs {
    /// The demonstration film, public and waited for.
    pub fn demonstration(file: PathBuf, server: String, key: String, ca: Option<PathBuf>) -> Self {
        let title = Some("Nexus demonstration".into());
        let visibility = "public".into();
        let to = ServerArgs { server, key, ca };
        let film = FilmArgs { title, visibility, wait: true, json: false };
        Self { files: vec![file], to, film }
    }
}

struct Uploader<'a> {
    args: &'a UploadArgs,
    remote: Remote,
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
    if args.film.title.is_some() && args.files.len() > 1 {
        bail!("--title fits one file; {} are given", args.files.len());
    }
    let uploader = Uploader { args: &args, remote: Remote::new(&args.to)? };
    let mut failed = false;
    for file in &args.files {
        let became = uploader.film(file).await;
        failed |= !report(Brought::File(&file.display().to_string()), &became, args.film.json);
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Uploader<'_> {
    async fn film(&self, path: &Path) -> Result<Asset> {
        let length =
            tokio::fs::metadata(path).await.with_context(|| format!("reading {}", path.display()))?.len();
        let memory = Memory::of(&self.args.to.server, path, length)?;
        let (location, asset) = match self.resumable(&memory).await {
            Some(known) => known,
            None => {
                let key = idempotency_key();
                at_last(|| self.create(path, length, &memory, &key)).await?
            }
        };
        let style = "{msg:24!} {bar:32} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        let bar = self.remote.bar(&name_of(path), length, style);
        self.send(&Sending { path, length, location: &location, bar: &bar }).await?;
        bar.finish_and_clear();
        memory.forget();
        if self.args.film.wait {
            self.remote.settled(&name_of(path), &asset).await
        } else {
            at_last(|| self.remote.asset(&asset)).await
        }
    }

    fn request(&self, method: Method, place: &str) -> Result<http::request::Builder> {
        Ok(self.remote.request(method, place)?.header("tus-resumable", "1.0.0"))
    }

    /// An upload of this very file that the server still knows.
    async fn resumable(&self, memory: &Memory) -> Option<(String, String)> {
        let known = memory.recall()?;
        let request = self.request(Method::HEAD, &known.location).ok()?.body(Body::empty()).ok()?;
        let (status, _, _) = self.remote.answer(request).await.ok()?;
        status.is_success().then_some((known.location, known.asset))
    }

    /// Begins an upload; asked again with the same key, the server begins one all the same.
    async fn create(&self, path: &Path, length: u64, memory: &Memory, key: &str) -> Result<(String, String)> {
        let name = name_of(path);
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let title = self.args.film.title.clone().unwrap_or(stem);
        let pairs =
            [("filename", name.as_str()), ("title", &title), ("visibility", &self.args.film.visibility)];
        let metadata = pairs.map(|(key, value)| format!("{key} {}", STANDARD.encode(value))).join(",");
        let request = self
            .request(Method::POST, "/files")?
            .header("idempotency-key", key)
            .header("upload-length", length)
            .header("upload-metadata", metadata);
        let (status, headers, body) = self.remote.answer(request.body(Body::empty())?).await?;
        if status != StatusCode::CREATED {
            return Err(refused(status, refusal(status, &body)));
        }
        let given = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let location = given("location").ok_or_else(|| anyhow!("the server named no upload"))?;
        let asset = given("nexus-asset").ok_or_else(|| anyhow!("the server named no asset"))?;
        let location = absolute(self.remote.server(), &location)?;
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
            self.remote.answer(self.request(Method::HEAD, location)?.body(Body::empty())?).await?;
        if !status.is_success() {
            return Err(refused(status, format!("the server answered {status} for the upload")));
        }
        offset_of(&headers)
    }

    async fn patch(&self, sending: &Sending<'_>, offset: u64) -> Result<u64, Broken> {
        let request = self.patch_request(sending, offset).await.map_err(Broken::Final)?;
        let (status, headers, body) = self.remote.answer(request).await.map_err(Broken::Line)?;
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
}

/// Whether a failed request can be tried again.
enum Broken {
    Line(anyhow::Error),
    Final(anyhow::Error),
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn offset_of(headers: &HeaderMap) -> Result<u64> {
    let text = headers.get("upload-offset").and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| anyhow!("the server did not say where the upload stands"))
}

/// The upload's address as this client reaches the server, whatever name the server gave itself.
fn absolute(server: &str, location: &str) -> Result<String> {
    let base = url::Url::parse(server).with_context(|| format!("--server {server:?} is not an address"))?;
    let given = base.join(location).context("the server's Location")?;
    let mut url = base;
    url.set_path(given.path());
    Ok(url.into())
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
}
