//! An HTTP client that speaks like any other: no knowledge of the server's inside.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use httpkit::client::{Client as Http, ClientOptions, collect};
use serde_json::Value;
use tokio::process::Command;

use crate::{binary, eventually};

const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's text, empty when absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The slug of a problem answer.
    ///
    /// # Panics
    /// When the answer is no problem.
    #[must_use]
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        kind.trim_start_matches("urn:nexus:problem:").to_owned()
    }
}

/// A client of one server.
#[derive(Clone)]
pub struct Client {
    http: Http,
    url: String,
    key: Option<String>,
    ca: Option<PathBuf>,
}

impl Client {
    /// A client of the server at `url`, with an API key or without.
    #[must_use]
    pub fn new(url: &str, key: Option<String>) -> Self {
        Self { http: Http::new(ClientOptions::default()), url: url.to_owned(), key, ca: None }
    }

    /// The same, trusting the certificates in a PEM file.
    ///
    /// # Panics
    /// When the file holds none.
    #[must_use]
    pub fn trusting(self, ca: &Path) -> Self {
        let http = Http::trusting(ClientOptions::default(), "ca", ca).expect("certificates");
        Self { http, ca: Some(ca.to_owned()), ..self }
    }

    /// The server's address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A request; `path` may be a whole address.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        self.try_send(method, path, headers, body).await.expect("an answer")
    }

    /// A request that may get no answer, because the server is gone or the connection broke.
    ///
    /// # Errors
    /// What happened instead.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> anyhow::Result<Answer> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) };
        let mut request = Request::builder().method(method).uri(url);
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, body) = self.http.send(request.body(body.into())?).await?.into_parts();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: collect(body, ANSWER_BYTES_MAX).await?,
        })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Body::empty()).await
    }

    /// An asset as the API shows it.
    pub async fn asset(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/assets/{id}")).await.json()
    }

    /// Waits until an asset is ready or has failed.
    pub async fn settled(&self, id: &str) -> Value {
        eventually("the asset to be ready or failed", async || {
            let asset = self.asset(id).await;
            matches!(asset["state"].as_str(), Some("ready" | "failed")).then_some(asset)
        })
        .await
    }

    /// Runs `nexus upload FILE --json` with more flags; the line it prints.
    ///
    /// # Panics
    /// When it prints no line.
    pub async fn upload(&self, file: &Path, flags: &[&str]) -> Value {
        let file = file.to_str().expect("a path of text");
        let (_, mut lines) = self.told(&[&["upload", file], flags].concat()).await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    }

    /// Runs a command of the binary on this server with `--json`; whether it succeeded, and the lines it prints.
    ///
    /// # Panics
    /// When it prints something else.
    pub async fn told(&self, arguments: &[&str]) -> (bool, Vec<Value>) {
        let mut command = Command::new(binary());
        command.args(arguments).args(["--server", &self.url, "--json"]);
        command.args(self.ca.iter().flat_map(|file| ["--ca".as_ref(), file.as_os_str()]));
        command.env("NEXUS_KEY", self.key.as_deref().unwrap_or_default());
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.expect("the command runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        let read =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line} {errors}"));
        let lines = String::from_utf8_lossy(&output.stdout).lines().map(read).collect();
        (output.status.success(), lines)
    }

    /// Uploads a film and waits until it is ready; its JSON.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn ready(&self, file: &Path, flags: &[&str]) -> Value {
        let line = self.upload(file, &[&["--wait"], flags].concat()).await;
        assert_eq!(line["state"], "ready", "{line}");
        self.asset(line["asset"].as_str().unwrap_or_default()).await
    }
}
