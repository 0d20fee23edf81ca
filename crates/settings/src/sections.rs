//! The sections, a doc line per field; the defaults are those of one machine with embedded stores.

use std::{net::SocketAddr, num::NonZero, path::PathBuf, thread::available_parallelism, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Import, Live, Secret, Watch};

/// Every setting of the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where embedded stores, keys and caches live.
    pub data: PathBuf,
    /// The listener and the names the world knows us by.
    pub server: Server,
    /// TLS of the listener.
    pub tls: Tls,
    /// Metadata and the job queue.
    pub database: Database,
    /// Objects.
    pub store: Store,
    /// Resumable uploads.
    pub upload: Upload,
    /// Files fetched from other servers.
    pub import: Import,
    /// Files taken in from a folder.
    pub watch: Watch,
    /// Transcode workers and their children.
    pub transcode: Transcode,
    /// The edge tier.
    pub edge: Edge,
    /// Playback tokens.
    pub playback: Playback,
    /// Channels and what they send.
    pub live: Live,
    /// Events posted to addresses of a tenant's choice.
    pub webhook: Webhook,
    /// Logs and metrics.
    pub telemetry: Telemetry,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: "data".into(),
            server: Server::default(),
            tls: Tls::default(),
            database: Database::default(),
            store: Store::default(),
            upload: Upload::default(),
            import: Import::default(),
            watch: Watch::default(),
            transcode: Transcode::default(),
            edge: Edge::default(),
            playback: Playback::default(),
            live: Live::default(),
            webhook: Webhook::default(),
            telemetry: Telemetry::default(),
        }
    }
}

impl Settings {
    /// The database address, with the embedded default filled in.
    #[must_use]
    pub fn database_url(&self) -> String {
        if self.database.url.is_empty() {
            format!("sqlite:{}", self.data.join("nexus.db").display())
        } else {
            self.database.url.expose().to_owned()
        }
    }

    /// The folder of the embedded object store.
    #[must_use]
    pub fn store_folder(&self) -> PathBuf {
        if self.store.folder.as_os_str().is_empty() {
            self.data.join("store")
        } else {
            self.store.folder.clone()
        }
    }

    /// The base of every URL that leaves the server, without a trailing slash.
    #[must_use]
    pub fn public_url(&self) -> String {
        let base = if self.server.public_url.is_empty() {
            let scheme = if self.tls.is_on() { "https" } else { "http" };
            format!("{scheme}://{}", self.server.listen)
        } else {
            self.server.public_url.clone()
        };
        base.trim_end_matches('/').to_owned()
    }

    /// The base of media URLs, without a trailing slash.
    #[must_use]
    pub fn edge_url(&self) -> String {
        if self.server.edge_url.is_empty() {
            self.public_url()
        } else {
            self.server.edge_url.trim_end_matches('/').to_owned()
        }
    }
}

/// The listener and the names the world knows us by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port to listen on; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Base of the URLs of page and API, such as `https://video.example`; empty derives it from `listen`.
    pub public_url: String,
    /// Base of media URLs when an edge or CDN stands in front; empty means `public_url`.
    pub edge_url: String,
    /// Addresses or networks (CIDR) whose forwarding headers are believed.
    pub trusted_proxies: Vec<String>,
    /// Connections held at once, 1 to 1,000,000; more are refused with 503.
    pub connections_max: u32,
    /// Seconds after SIGTERM during which new connections are still taken, while `/health/ready` says 503
    /// already, so that load balancers look away first; 0 to 300.
    pub shutdown_farewell_seconds: u32,
    /// Seconds running requests and jobs get to finish after that, 0 to 3,600.
    pub shutdown_grace_seconds: u32,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: String::new(),
            edge_url: String::new(),
            trusted_proxies: Vec::new(),
            connections_max: 20_000,
            shutdown_farewell_seconds: 0,
            shutdown_grace_seconds: 10,
        }
    }
}

impl Server {
    /// See [`Server::shutdown_farewell_seconds`].
    #[must_use]
    pub fn farewell(&self) -> Duration {
        Duration::from_secs(self.shutdown_farewell_seconds.into())
    }

    /// See [`Server::shutdown_grace_seconds`].
    #[must_use]
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_seconds.into())
    }
}

/// TLS of the listener; the files are read again when they change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the certificate, followed by those that lead to its root; empty means plain HTTP.
    pub cert: PathBuf,
    /// PEM file of its key.
    pub key: PathBuf,
    /// A certificate of the server's own making, kept in the data folder: for development.
    pub self_signed: bool,
}

impl Tls {
    /// Whether the listener speaks TLS.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.self_signed || !self.cert.as_os_str().is_empty()
    }
}

/// Metadata and the job queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://…`; empty means `nexus.db` in the data folder.
    pub url: Secret,
    /// Connections of the pool, 1 to 1,000.
    pub connections_max: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: Secret::default(), connections_max: 8 }
    }
}

/// Objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `s3://BUCKET/PREFIX?endpoint=URL&region=REGION`; empty keeps objects in `folder`.
    pub url: String,
    /// Folder of the objects; empty means `store` in the data folder.
    pub folder: PathBuf,
    /// Name of the key to the bucket; empty asks without a signature.
    pub access_key: String,
    /// The key to the bucket.
    pub secret_key: Secret,
    /// Whether viewers are sent to the bucket for media (307 to an address signed for an hour) instead of getting them
    /// from here. The endpoint in `url` must be one that viewers reach, and the bucket allow their players' origins.
    pub presigned_reads: bool,
}

/// Resumable uploads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Upload {
    /// Largest file, in bytes; a tenant may have a limit of its own (`nexus limit`).
    pub size_max_bytes: u64,
    /// Bytes that all uploads of a tenant may have together, stored and promised ones; 0 is no limit. A tenant may
    /// have a limit of its own (`nexus limit`).
    pub tenant_bytes_max: u64,
    /// Hours an unfinished upload is kept after its last byte, 1 to 8,760.
    pub expiry_hours: u32,
    /// Seconds a body may stall before its connection is closed, 1 to 3,600; what arrived is kept.
    pub stall_seconds: u32,
    /// Free bytes below which new uploads and bytes are refused with 507, and jobs wait. A bucket has no such floor.
    pub free_floor_bytes: u64,
}

impl Default for Upload {
    fn default() -> Self {
        Self {
            size_max_bytes: 1 << 40,
            tenant_bytes_max: 0,
            expiry_hours: 48,
            stall_seconds: 30,
            free_floor_bytes: 512 << 20,
        }
    }
}

/// Transcode workers and their children.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Transcode {
    /// Where a process of this role alone answers health checks and gives its metrics; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Jobs run at once by this process, 0 to 256; 0 leaves the work to other processes. One for every four
    /// cores unless set.
    pub workers: u32,
    /// Rungs offered, by height in lines; the ladder takes those at or below the source.
    pub heights: Vec<u32>,
    /// x264 speed preset.
    pub preset: String,
    /// x264 constant rate factor, 0 to 51; the encoder takes whole numbers only.
    pub crf: u8,
    /// Length of a chunk in seconds, 6 to 3,600; rounded to whole segments.
    pub chunk_seconds: u32,
    /// Longest film, in seconds.
    pub duration_max_seconds: u32,
    /// Widest or highest picture, in pixels.
    pub dimension_max: u32,
    /// Address space of a child, in MiB, 256 to 65,536.
    pub child_memory_max_mb: u32,
    /// CPU seconds of a child, 10 to 1,000,000.
    pub child_cpu_max_seconds: u32,
    /// Seconds without progress after which a child is killed, 1 to 3,600.
    pub stall_seconds: u32,
    /// Seconds a claim on a job lasts without a heartbeat, 3 to 3,600.
    pub lease_seconds: u32,
    /// Attempts before a job rests as failed, 1 to 100.
    pub attempts_max: u32,
    /// Seconds between two walks over all objects for those that nothing names any more, 1 to 2,592,000.
    pub patrol_seconds: u32,
}

/// A job encodes its rungs side by side and keeps about four cores busy.
fn workers_of(cores: usize) -> u32 {
    u32::try_from(cores / 4).unwrap_or(u32::MAX).clamp(1, 256)
}

impl Default for Transcode {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            workers: workers_of(available_parallelism().map_or(1, NonZero::get)),
            heights: vec![1080, 720, 540, 360, 234],
            preset: "veryfast".into(),
            crf: 23,
            chunk_seconds: 60,
            duration_max_seconds: 24 * 3600,
            dimension_max: 8192,
            child_memory_max_mb: 4096,
            child_cpu_max_seconds: 24 * 3600,
            stall_seconds: 30,
            lease_seconds: 15,
            attempts_max: 5,
            patrol_seconds: 6 * 3600,
        }
    }
}

/// The edge tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Edge {
    /// Origin to pull from, such as `http://origin:8080`; empty only where the origin is in the same process.
    pub upstream: String,
    /// PEM file of certificates that the upstream's may come from, besides those of the public authorities.
    pub upstream_ca: PathBuf,
    /// Bytes of memory for cached objects, in MiB, 1 to 1,048,576.
    pub cache_memory_mb: u32,
    /// Bytes of memory for live lists, parts and segments, in MiB, 1 to 1,048,576.
    pub live_memory_mb: u32,
    /// Largest object that is cached, in MiB.
    pub cache_object_max_mb: u32,
    /// Shared secret that tells the origin a token was verified here; empty refuses private media.
    pub credential: Secret,
    /// Base URLs of edges in other processes, which an origin tells what they may no longer keep.
    pub purge: Vec<String>,
    /// Seconds between refreshes of the token keys from the upstream, 5 to 86,400.
    pub jwks_refresh_seconds: u32,
    /// Seconds to wait for the upstream's headers, 1 to 600; for live lists and parts, which an origin holds until
    /// they are there, at least 24.
    pub upstream_timeout_seconds: u32,
}

impl Default for Edge {
    fn default() -> Self {
        Self {
            upstream: String::new(),
            upstream_ca: PathBuf::new(),
            cache_memory_mb: 256,
            live_memory_mb: 128,
            cache_object_max_mb: 64,
            credential: Secret::default(),
            purge: Vec::new(),
            jwks_refresh_seconds: 60,
            upstream_timeout_seconds: 30,
        }
    }
}

/// Playback: tokens, and versions that were replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Playback {
    /// Seconds a token lasts at least, 60 to 604,800.
    pub token_ttl_seconds: u32,
    /// Expiries are rounded up to multiples of this, in seconds, so that viewers share URLs; 1 to 86,400.
    pub token_bucket_seconds: u32,
    /// Seconds that a version which was replaced can still be played by who began before, 0 to 2,592,000.
    pub version_grace_seconds: u32,
}

impl Default for Playback {
    fn default() -> Self {
        Self { token_ttl_seconds: 6 * 3600, token_bucket_seconds: 3600, version_grace_seconds: 24 * 3600 }
    }
}

/// Events posted to addresses of a tenant's choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhook {
    /// Whether addresses without TLS and within private networks are taken too, also for the admission of publishers;
    /// for development.
    pub allow_private: bool,
    /// What the secrets of all webhooks and the SRT passphrases of all channels are derived from, at least 32
    /// characters and the same in every origin of a database; empty makes a key of this process's own in the data
    /// folder.
    pub key: Secret,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// Filter such as `info` or `info,edge=debug`.
    pub log: String,
    /// How log lines look.
    pub format: LogFormat,
    /// Bearer token that may read `/metrics`; empty leaves it to API keys of administrators.
    pub metrics_token: Secret,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { log: "info".into(), format: LogFormat::Text, metrics_token: Secret::default() }
    }
}
