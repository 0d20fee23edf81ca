//! Objects in a bucket of an S3 server: `objects/` holds them under their keys, `stages/` what is known of uploads
//! in progress.
//!
//! An object is put under the condition that there is none (`If-None-Match: *`), so that it never changes. A server
//! that does not know the condition, which is found out at the start, is asked first whether there is one.

mod failure;
mod stage;

use std::{
    collections::HashSet,
    io,
    ops::Range,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_s3::{
    Client,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
        retry::RetryConfig, timeout::TimeoutConfig,
    },
    primitives::ByteStream as Body,
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use base::Ambient;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tracing::warn;

use crate::{BlobError, ByteStream, Key, Meta, PIECE_BYTES};
use failure::{Failure, of};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// One try of one request, its body included; a part of an upload has to fit.
const TRY_TIMEOUT: Duration = Duration::from_secs(120);
const TRIES: u32 = 4;
/// Keys a server lists at once.
const PAGE: usize = 1_000;

/// Where a bucket is and who may use it.
#[derive(Clone)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What every key in it begins with: empty, or ending in a slash.
    pub prefix: String,
    /// The server, such as `http://127.0.0.1:8333`; `None` is AWS. Its buckets are addressed by path.
    pub endpoint: Option<String>,
    /// The region requests are signed for.
    pub region: String,
    /// Access key; `None` asks without a signature.
    pub access: Option<Access>,
}

/// A key pair.
#[derive(Clone)]
pub struct Access {
    /// The key's name.
    pub id: String,
    /// The key.
    pub secret: String,
}

pub(crate) struct S3 {
    client: Client,
    bucket: String,
    prefix: String,
    ambient: Ambient,
    /// Whether the server refuses to replace an object when told to.
    conditional: bool,
    /// Stages this process is appending to.
    writers: Mutex<HashSet<Key>>,
}

fn client(bucket: &Bucket) -> Client {
    let http =
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(TRY_TIMEOUT);
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new(bucket.region.clone()))
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
        .timeout_config(timeouts.build())
        // Trailing checksums are new to S3; many servers that speak it store them as part of the object.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if let Some(endpoint) = &bucket.endpoint {
        config = config.endpoint_url(endpoint).force_path_style(true);
    }
    config = match &bucket.access {
        Some(Access { id, secret }) => {
            config.credentials_provider(Credentials::new(id, secret, None, None, "settings"))
        }
        None => config.allow_no_auth(),
    };
    Client::from_conf(config.build())
}

impl S3 {
    pub(crate) async fn open(bucket: &Bucket, ambient: Ambient) -> Result<Self, BlobError> {
        let mut store = Self {
            client: client(bucket),
            bucket: bucket.name.clone(),
            prefix: bucket.prefix.clone(),
            ambient,
            conditional: true,
            writers: Mutex::default(),
        };
        let probe = format!("{}probe", store.prefix);
        store
            .put_at(&probe, Bytes::from_static(b"nexus"), false)
            .await
            .map_err(|failure| failure.error(&probe))?;
        store.conditional = match store.put_at(&probe, Bytes::from_static(b"nexus"), true).await {
            Ok(()) => false,
            Err(Failure::Exists) => true,
            Err(failure) => return Err(failure.error(&probe)),
        };
        if !store.conditional {
            warn!(
                "the S3 server ignores If-None-Match; it is asked before each write whether the object exists"
            );
        }
        Ok(store)
    }

    fn object(&self, key: &Key) -> String {
        format!("{}objects/{key}", self.prefix)
    }

    /// Writes under a full name, `fresh` only where nothing is.
    async fn put_at(&self, name: &str, bytes: Bytes, fresh: bool) -> Result<(), Failure> {
        let request = self.client.put_object().bucket(&self.bucket).key(name).body(Body::from(bytes));
        let request = if fresh { request.if_none_match("*") } else { request };
        of(request.send().await).map(|_| ())
    }

    /// Reads all of a full name; `None` when there is nothing.
    async fn get_at(&self, name: &str) -> Result<Option<Bytes>, BlobError> {
        match of(self.client.get_object().bucket(&self.bucket).key(name).send().await) {
            Ok(found) => Ok(Some(found.body.collect().await.map_err(io::Error::other)?.into_bytes())),
            Err(Failure::Missing) => Ok(None),
            Err(failure) => Err(failure.error(name)),
        }
    }

    async fn delete_at(&self, name: &str) -> Result<(), BlobError> {
        match of(self.client.delete_object().bucket(&self.bucket).key(name).send().await) {
            Ok(_) | Err(Failure::Missing) => Ok(()),
            Err(failure) => Err(failure.error(name)),
        }
    }

    pub(crate) async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), BlobError> {
        let name = self.object(key);
        let known = !self.conditional && self.head(key).await?.is_some();
        let put = if known { Err(Failure::Exists) } else { self.put_at(&name, bytes.clone(), true).await };
        match put {
            Ok(()) => Ok(()),
            Err(Failure::Exists) if self.get_at(&name).await?.is_some_and(|held| held == bytes) => Ok(()),
            Err(Failure::Exists) => Err(BlobError::Conflict(key.clone())),
            Err(failure) => Err(failure.error(&name)),
        }
    }

    pub(crate) async fn head(&self, key: &Key) -> Result<Option<Meta>, BlobError> {
        let name = self.object(key);
        match of(self.client.head_object().bucket(&self.bucket).key(&name).send().await) {
            Ok(found) => {
                let bytes = found.content_length.and_then(|bytes| u64::try_from(bytes).ok());
                let unknown = || BlobError::Io(io::Error::other("an object without a length"));
                Ok(Some(Meta { bytes: bytes.ok_or_else(unknown)? }))
            }
            Err(Failure::Missing) => Ok(None),
            Err(failure) => Err(failure.error(&name)),
        }
    }

    /// The body of `range`, as the server sends it; `None` when the range begins past the end.
    async fn body(&self, key: &Key, range: Range<u64>) -> Result<Option<Body>, BlobError> {
        let name = self.object(key);
        let bytes = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        match of(self.client.get_object().bucket(&self.bucket).key(&name).range(bytes).send().await) {
            Ok(found) => Ok(Some(found.body)),
            Err(Failure::PastEnd) => Ok(None),
            Err(Failure::Missing) => Err(BlobError::NotFound(key.to_string())),
            Err(failure) => Err(failure.error(&name)),
        }
    }

    pub(crate) async fn get_range(&self, key: &Key, offset: u64, len: u64) -> Result<Bytes, BlobError> {
        if len == 0 {
            let found = self.head(key).await?;
            return found.map(|_| Bytes::new()).ok_or_else(|| BlobError::NotFound(key.to_string()));
        }
        let Some(body) = self.body(key, offset..offset.saturating_add(len)).await? else {
            return Ok(Bytes::new());
        };
        let bytes = body.collect().await.map_err(io::Error::other)?.into_bytes();
        if bytes.len() as u64 > len {
            return Err(BlobError::Io(io::Error::other("more bytes than were asked for")));
        }
        Ok(bytes)
    }

    /// The bytes of `range` by one request; an error unless all of them come.
    pub(crate) async fn stream(&self, key: &Key, range: Range<u64>) -> Result<ByteStream, BlobError> {
        if range.is_empty() {
            self.get_range(key, 0, 0).await?;
            return Ok(stream::empty().boxed());
        }
        let left = range.end - range.start;
        let body = self.body(key, range).await?.unwrap_or_default();
        Ok(stream::try_unfold((body, Bytes::new(), left), next_piece).boxed())
    }

    pub(crate) async fn delete(&self, key: &Key) -> Result<(), BlobError> {
        self.delete_at(&self.object(key)).await
    }

    pub(crate) async fn list(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Key>, BlobError> {
        let root = format!("{}objects/", self.prefix);
        let mut keys: Vec<Key> = Vec::new();
        while keys.len() < limit {
            let wanted = (limit - keys.len()).min(PAGE);
            let after = keys.last().or(after).map(|key| self.object(key));
            let request =
                self.client.list_objects_v2().bucket(&self.bucket).prefix(format!("{root}{prefix}"));
            let request = request.max_keys(i32::try_from(wanted).unwrap_or(i32::MAX)).set_start_after(after);
            let page = of(request.send().await).map_err(|failure| failure.error(&root))?;
            let before = keys.len();
            let names = page.contents().iter().filter_map(|object| object.key()?.strip_prefix(&root));
            keys.extend(names.filter_map(|name| Key::new(name).ok()));
            if page.is_truncated != Some(true) || keys.len() == before {
                break;
            }
        }
        keys.truncate(limit);
        Ok(keys)
    }

    pub(crate) async fn free_bytes(&self) -> Result<Option<u64>, BlobError> {
        Ok(None)
    }

    /// The right to append to a stage; `None` while another task of this process has it.
    fn hold(&self, stage: &Key) -> Option<Hold<'_>> {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        writers.insert(stage.clone()).then(|| Hold { store: self, stage: stage.clone() })
    }
}

/// Given back when dropped.
struct Hold<'a> {
    store: &'a S3,
    stage: Key,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.store.writers.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.stage);
    }
}

type Rest = (Body, Bytes, u64);

async fn next_piece((mut body, mut held, left): Rest) -> Result<Option<(Bytes, Rest)>, BlobError> {
    if left == 0 {
        return Ok(None);
    }
    while held.is_empty() {
        let next = body.next().await.transpose().map_err(io::Error::other)?;
        held = next.ok_or(BlobError::Io(io::ErrorKind::UnexpectedEof.into()))?;
    }
    let len = left.min(PIECE_BYTES).min(held.len() as u64);
    let piece = held.split_to(usize::try_from(len).unwrap_or(held.len()));
    Ok(Some((piece, (body, held, left - len))))
}
