//! Objects in a bucket of an S3 server: `objects/` holds them under their keys, `stages/` what is known of uploads
//! in progress.
//!
//! An object is put under the condition that there is none (`If-None-Match: *`), so that it never changes; the state
//! of an upload under the condition that it is the one that was read (`If-Match`). A server that does not know the
//! conditions, which is found out at the start, is asked first what there is.

mod concat;
mod failure;
mod multipart;
mod skew;
mod stage;
mod state;
mod tag;

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
    presigning::PresigningConfig,
    primitives::ByteStream as Body,
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use base::Ambient;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use settings::Bucket;
use tracing::warn;

use crate::{BlobError, ByteStream, Key, Meta, PIECE_BYTES};
use failure::{Failure, Reason, found, of};
use skew::Unexplained;
use tag::{Digest, Tags};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// One try of one request, its body included; a part of an upload has to fit.
const TRY_TIMEOUT: Duration = Duration::from_secs(120);
const TRIES: u32 = 4;
/// Keys a server lists at once.
const PAGE: usize = 1_000;

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
    /// Whether the server writes only on condition when told to.
    conditional: bool,
    /// What the server's ETags say of bytes.
    tags: Tags,
    /// Stages this process is appending to.
    writers: Mutex<HashSet<Key>>,
}

/// On what condition an object is written.
#[derive(Clone, Copy)]
enum Only<'a> {
    /// There is none.
    New,
    /// There is the one with this ETag.
    Over(&'a str),
    Always,
}

fn client(bucket: &Bucket, access: Option<Access>) -> Client {
    let http =
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(TRY_TIMEOUT);
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new(bucket.region.clone()))
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
        .retry_classifier(Unexplained)
        .timeout_config(timeouts.build())
        // Trailing checksums are new to S3; many servers that speak it store them as part of the object.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if let Some(endpoint) = &bucket.endpoint {
        config = config.endpoint_url(endpoint).force_path_style(true);
    }
    config = match access {
        Some(Access { id, secret }) => {
            config.credentials_provider(Credentials::new(id, secret, None, None, "settings"))
        }
        None => config.allow_no_auth(),
    };
    Client::from_conf(config.build())
}

impl S3 {
    pub(crate) async fn open(
        bucket: &Bucket,
        access: Option<Access>,
        ambient: Ambient,
    ) -> Result<Self, BlobError> {
        let mut store = Self {
            client: client(bucket, access),
            bucket: bucket.name.clone(),
            prefix: bucket.prefix.clone(),
            ambient,
            conditional: true,
            tags: Tags::Opaque,
            writers: Mutex::default(),
        };
        let probe = format!("{}probe", store.prefix);
        let tag = store.put_at(&probe, Bytes::from_static(b"nexus"), Only::Always).await?;
        store.tags = Tags::learn(b"nexus", &tag);
        for only in [Only::New, Only::Over("\"0\"")] {
            match store.put_at(&probe, Bytes::from_static(b"nexus"), only).await {
                Err(Failure { reason: Reason::Changed, .. }) => {}
                written => {
                    written?;
                    store.conditional = false;
                }
            }
        }
        if !store.conditional {
            warn!(
                "the S3 server ignores If-None-Match or If-Match; it is asked before each write what there is"
            );
        }
        Ok(store)
    }

    fn object(&self, key: &Key) -> String {
        format!("{}objects/{key}", self.prefix)
    }

    /// Writes under a full name; its ETag.
    async fn put_at(&self, name: &str, bytes: Bytes, only: Only<'_>) -> Result<String, Failure> {
        let (digest, md5) = (self.tags.of(&bytes), tag::content_md5(&bytes));
        let request = self.client.put_object().bucket(&self.bucket).key(name).content_md5(md5);
        let request = request.body(Body::from(bytes));
        let request = match only {
            Only::Always => request,
            Only::New if self.conditional => request.if_none_match("*"),
            Only::Over(tag) if self.conditional => request.if_match(tag),
            Only::New | Only::Over(_) => {
                let there = self.head_at(name).await?.map(|(_, tag)| tag);
                let wanted = if let Only::Over(tag) = only { Some(tag) } else { None };
                if there.as_deref() != wanted {
                    return Err(Failure::changed(name));
                }
                request
            }
        };
        let tag = of(name, request.send().await)?.e_tag.unwrap_or_default();
        if digest.fits(&tag) { Ok(tag) } else { Err(Failure::damaged(name)) }
    }

    /// Reads all of a full name, with its ETag; `None` when there is nothing.
    async fn get_at(&self, name: &str) -> Result<Option<(Bytes, String)>, BlobError> {
        let request = self.client.get_object().bucket(&self.bucket).key(name);
        let Some(got) = found(of(name, request.send().await))? else { return Ok(None) };
        let (tag, bytes) = (got.e_tag.unwrap_or_default(), got.body.collect().await);
        let bytes = bytes.map_err(io::Error::other)?.into_bytes();
        if self.tags.of(&bytes).fits(&tag) {
            Ok(Some((bytes, tag)))
        } else {
            Err(Failure::damaged(name).into())
        }
    }

    /// Length and ETag of a full name; `None` when there is nothing.
    async fn head_at(&self, name: &str) -> Result<Option<(Option<i64>, String)>, Failure> {
        let request = self.client.head_object().bucket(&self.bucket).key(name);
        let got = found(of(name, request.send().await))?;
        Ok(got.map(|got| (got.content_length, got.e_tag.unwrap_or_default())))
    }

    async fn delete_at(&self, name: &str) -> Result<(), BlobError> {
        let request = self.client.delete_object().bucket(&self.bucket).key(name);
        found(of(name, request.send().await))?;
        Ok(())
    }

    /// A page of full names that begin with `prefix` and come after `after`, in order, and whether there are more.
    async fn names(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<String>, bool), BlobError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let limit = i32::try_from(limit.min(PAGE)).unwrap_or(i32::MAX);
        let page = of(prefix, request.max_keys(limit).set_start_after(after).send().await)?;
        let more = page.is_truncated == Some(true);
        Ok((page.contents.into_iter().flatten().filter_map(|object| object.key).collect(), more))
    }

    pub(crate) async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), BlobError> {
        let name = self.object(key);
        match self.put_at(&name, bytes.clone(), Only::New).await {
            Err(Failure { reason: Reason::Changed, .. }) => match self.get_at(&name).await? {
                Some((held, _)) if held == bytes => Ok(()),
                _ => Err(BlobError::Conflict(key.clone())),
            },
            put => Ok(put.map(drop)?),
        }
    }

    pub(crate) async fn head(&self, key: &Key) -> Result<Option<Meta>, BlobError> {
        let Some((bytes, _)) = self.head_at(&self.object(key)).await? else { return Ok(None) };
        let bytes = bytes.and_then(|bytes| u64::try_from(bytes).ok());
        let unknown = || BlobError::Io(io::Error::other("an object without a length"));
        Ok(Some(Meta { bytes: bytes.ok_or_else(unknown)? }))
    }

    /// The body of `range`, as the server sends it, and what it is to come to if it is all of the object; `None` when
    /// the range begins past the end.
    async fn body(&self, key: &Key, range: Range<u64>) -> Result<Option<(Body, Digest)>, BlobError> {
        let name = self.object(key);
        let bytes = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let request = self.client.get_object().bucket(&self.bucket).key(&name).range(bytes);
        match of(key.as_str(), request.send().await) {
            Err(Failure { reason: Reason::PastEnd, .. }) => Ok(None),
            got => {
                let got = got?;
                let whole = got.content_range.is_none_or(|part| tag::is_whole(&part, &range));
                let tag = got.e_tag.filter(|_| whole).unwrap_or_default();
                Ok(Some((got.body, self.tags.expecting(&tag))))
            }
        }
    }

    pub(crate) async fn get_range(&self, key: &Key, offset: u64, len: u64) -> Result<Bytes, BlobError> {
        if len == 0 {
            let found = self.head(key).await?;
            return found.map(|_| Bytes::new()).ok_or_else(|| BlobError::NotFound(key.to_string()));
        }
        let Some((body, mut digest)) = self.body(key, offset..offset.saturating_add(len)).await? else {
            return Ok(Bytes::new());
        };
        let bytes = body.collect().await.map_err(io::Error::other)?.into_bytes();
        if bytes.len() as u64 > len {
            return Err(BlobError::Io(io::Error::other("more bytes than were asked for")));
        }
        digest.update(&bytes);
        if digest.is_right() { Ok(bytes) } else { Err(Failure::damaged(key.as_str()).into()) }
    }

    /// The bytes of `range` by one request; an error unless all of them come. Of a whole object the last piece is held
    /// back until all of it is known to be right.
    pub(crate) async fn stream(&self, key: &Key, range: Range<u64>) -> Result<ByteStream, BlobError> {
        if range.is_empty() {
            self.get_range(key, 0, 0).await?;
            return Ok(stream::empty().boxed());
        }
        let left = range.end - range.start;
        let (body, digest) = self.body(key, range).await?.unwrap_or_default();
        let rest = Rest { name: key.to_string(), body, held: Bytes::new(), left, digest };
        Ok(stream::try_unfold(rest, next_piece).boxed())
    }

    pub(crate) async fn presigned_read(
        &self,
        key: &Key,
        life: Duration,
        media_type: &str,
        cache_control: &str,
    ) -> Result<String, BlobError> {
        let name = self.object(key);
        let request = self.client.get_object().bucket(&self.bucket).key(&name);
        let request = request.response_content_type(media_type).response_cache_control(cache_control);
        let config = PresigningConfig::expires_in(life).map_err(io::Error::other)?;
        Ok(of(&name, request.presigned(config).await)?.uri().to_owned())
    }

    pub(crate) async fn delete(&self, key: &Key) -> Result<(), BlobError> {
        let (object, sums) = (self.object(key), self.sums_name(key));
        let (object, sums) = tokio::join!(self.delete_at(&object), self.delete_at(&sums));
        object.and(sums)
    }

    pub(crate) async fn list(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Key>, BlobError> {
        let root = format!("{}objects/", self.prefix);
        let mut keys: Vec<Key> = Vec::new();
        let mut more = true;
        while more && keys.len() < limit {
            let before = keys.len();
            let after = keys.last().or(after).map(|key| self.object(key));
            let (names, truncated) = self.names(&format!("{root}{prefix}"), after, limit - before).await?;
            keys.extend(names.iter().filter_map(|name| Key::new(name.strip_prefix(&root)?).ok()));
            more = truncated && keys.len() > before;
        }
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

/// What is left of a body.
struct Rest {
    name: String,
    body: Body,
    held: Bytes,
    left: u64,
    digest: Digest,
}

async fn next_piece(mut rest: Rest) -> Result<Option<(Bytes, Rest)>, BlobError> {
    if rest.left == 0 {
        return Ok(None);
    }
    while rest.held.is_empty() {
        let next = rest.body.next().await.transpose().map_err(io::Error::other)?;
        rest.held = next.ok_or(BlobError::Io(io::ErrorKind::UnexpectedEof.into()))?;
    }
    let len = rest.left.min(PIECE_BYTES).min(rest.held.len() as u64);
    let piece = rest.held.split_to(usize::try_from(len).unwrap_or(rest.held.len()));
    rest.digest.update(&piece);
    rest.left -= len;
    if rest.left == 0 && !rest.digest.is_right() {
        return Err(Failure::damaged(&rest.name).into());
    }
    Ok(Some((piece, rest)))
}
