//! Imports: files that the server fetches from an address somebody gave, into an upload and so into an asset.
//!
//! A job per file. It goes on where an attempt before it was cut off, killed or told to stop, if the server vouches
//! that the file is still the same one (`If-Range`); else it begins anew. Bytes go the way of an upload's
//! (`upload/intake.rs`), and the upload ends in the transaction that ends the job. What may be fetched from where
//! is written in docs/decisions/import.md.

mod answer;
mod fetch;
mod rules;
mod trouble;

use std::time::Duration;

use base::AssetId;
use blob::{BlobError, Key};
use catalogue::{Import, Upload};
use db::Tx;
use httpkit::{
    AddressError, ClientError, TlsError,
    client::{Client, ClientOptions},
};
use jobs::{Claim, Failure, Handler, Settled};
use tokio::time::timeout;
use tracing::{info, warn};

pub(crate) use rules::{Refused, Rules, file_name};

use crate::{
    Origin,
    upload::{Source, expiry, lease, source_key, stage_key, take_in},
};
use answer::{Answer, Asked};
use fetch::Opened;
use trouble::Trouble;

/// To establish a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause before an attempt goes on that brought something before it broke off.
const BREATH: Duration = Duration::from_secs(1);

/// Why imports cannot be made; each names the setting to mend.
#[derive(Debug, thiserror::Error)]
pub enum ImportsError {
    /// `import.allow_private`.
    #[error("import.allow_private: {0}")]
    Networks(#[from] AddressError),
    /// `import.ca`.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What may be fetched, and by what client.
#[derive(Clone)]
pub struct Imports {
    pub(crate) rules: Rules,
    client: Client,
    time_max: Duration,
}

impl Imports {
    /// As the settings say.
    ///
    /// # Errors
    /// [`ImportsError`].
    pub fn new(settings: &settings::Import) -> Result<Self, ImportsError> {
        let rules = Rules::new(settings)?;
        let stall = Duration::from_secs(settings.stall_seconds.into());
        let options = ClientOptions {
            connect_timeout: CONNECT_TIMEOUT,
            response_timeout: stall,
            body_idle: stall,
            // Every file is worth a connection of its own: one that is kept may be closed under the next request.
            pool_max: 0,
            user_agent: concat!("nexus-import/", env!("CARGO_PKG_VERSION")),
            reach: rules.reach(),
            ..ClientOptions::default()
        };
        let client = if settings.ca.as_os_str().is_empty() {
            Client::new(options)
        } else {
            Client::trusting(options, "import.ca", &settings.ca)?
        };
        Ok(Self { rules, client, time_max: Duration::from_secs(settings.time_max_seconds.into()) })
    }
}

/// Does the jobs of imports.
pub(crate) struct Importer(pub(crate) Origin);

/// What is known of an attempt however it ends.
#[derive(Default)]
struct Seen {
    host: String,
    /// What was staged when it began, and whether more is by now that another attempt can go on from.
    moved: bool,
}

/// An upload all of whose bytes are in place.
struct Fetched {
    upload: Upload,
    bytes: u64,
}

/// One attempt at a file.
struct Attempt<'a> {
    origin: &'a Origin,
    upload: Upload,
    stage: Key,
    source: Key,
    at: u64,
}

impl Attempt<'_> {
    /// Asks for what is missing and takes it in.
    async fn fetch(&mut self) -> Result<(), Trouble> {
        let fetch = self.upload.fetch.clone().ok_or(Trouble::Moot)?;
        let asked = Asked { at: self.at, length: self.upload.length, mark: fetch.mark };
        let Opened { answer, body } = self.ask(&fetch.url, &asked).await?;
        let opened = match answer {
            Answer::Changed => self.ask(&fetch.url, &Asked::default()).await?,
            answer => Opened { answer, body },
        };
        match opened.answer {
            Answer::Whole { length, ref mark } => {
                self.restart(length, mark.clone()).await?;
                self.take(opened).await
            }
            Answer::Rest => self.take(opened).await,
            Answer::Complete => self.ends_at(self.at).await,
            Answer::Refused { status, again, after } => Err(Trouble::Status { status, again, after }),
            Answer::Useless(what) => Err(Trouble::Useless(what)),
            Answer::Changed | Answer::Moved(_) => Err(Trouble::Changed),
        }
    }

    async fn ask(&self, url: &str, asked: &Asked) -> Result<Opened, Trouble> {
        let imports = &self.origin.imports;
        fetch::open(&imports.client, &imports.rules, url, asked).await
    }

    /// Drops what is staged and notes what comes instead. In this order: bytes never stand under another mark than
    /// their own.
    async fn restart(&mut self, length: Option<u64>, mark: Option<String>) -> Result<(), Trouble> {
        let (origin, floor) = (self.origin, self.origin.limits.upload.free_floor_bytes);
        let held = lease(origin, &self.upload, Some(0)).await?;
        let restarted = async {
            if self.at > 0 {
                origin.store.stage_abort(&self.stage, &self.source).await?;
                origin.store.stage_begin(&self.stage, &self.source).await?;
            }
            origin.catalogue.restart_import(&mut self.upload, &held, length, mark).await?;
            Ok(())
        };
        let restarted: Result<(), Trouble> = restarted.await;
        self.at = 0;
        origin.catalogue.end_write(&self.upload, held, 0, expiry(origin)).await?;
        restarted?;
        Ok(origin.store.check_room(floor.saturating_add(length.unwrap_or(0))).await?)
    }

    async fn take(&mut self, opened: Opened) -> Result<(), Trouble> {
        let mut source = Source::new(opened.bytes());
        let end = take_in(self.origin, &self.upload, self.at, &mut source).await?;
        self.ends_at(end).await
    }

    async fn ends_at(&mut self, end: u64) -> Result<(), Trouble> {
        match self.upload.length {
            None => Ok(self.origin.catalogue.set_upload_length(&mut self.upload, end).await?),
            Some(length) if length == end => Ok(()),
            Some(_) => Err(ClientError::Body("it ended early".to_owned()).into()),
        }
    }
}

impl Importer {
    /// Brings all of a file's bytes in place.
    async fn fetch(&self, asset: &AssetId, seen: &mut Seen) -> Result<Fetched, Trouble> {
        let origin = &self.0;
        let upload = origin.catalogue.import(asset).await?;
        seen.host = host(&upload);
        let stage = stage_key(&upload.id).map_err(Trouble::Internal)?;
        let source = source_key(&upload).map_err(Trouble::Internal)?;
        let at = match origin.store.stage_len(&stage).await? {
            Some(at) => at,
            None => match origin.store.head(&source).await? {
                // An attempt ended between the object and the row.
                Some(there) => return Ok(Fetched { upload, bytes: there.bytes }),
                None => {
                    origin.store.stage_begin(&stage, &source).await?;
                    0
                }
            },
        };
        let mut attempt = Attempt { origin, upload, stage, source, at };
        if attempt.upload.length != Some(at) {
            let fetched = attempt.fetch().await;
            if fetched.is_err() {
                seen.moved = self.has_moved(&attempt, at).await;
            }
            fetched?;
        }
        let bytes = origin.store.stage_finish(&attempt.stage, &attempt.source).await?;
        Ok(Fetched { upload: attempt.upload, bytes })
    }

    /// Whether more is staged than `before` that another attempt can go on from.
    async fn has_moved(&self, attempt: &Attempt<'_>, before: u64) -> bool {
        let marked = attempt.upload.fetch.as_ref().is_some_and(|fetch| fetch.mark.is_some());
        let staged = self.0.store.stage_len(&attempt.stage).await;
        marked && staged.is_ok_and(|staged| staged.is_some_and(|staged| staged > before))
    }

    async fn done(&self, claim: &Claim, fetched: Fetched) -> Result<Settled, Trouble> {
        let Fetched { upload, bytes } = fetched;
        let mut tx = self.0.catalogue.transaction().await?;
        self.0.catalogue.complete_import(&mut tx, &upload, bytes).await?;
        let settled = self.0.queue.complete(tx, claim).await?;
        info!(upload = %upload.id, bytes, "import {} is complete", upload.id);
        Ok(settled)
    }

    /// Ends an attempt that brought nothing to its end.
    async fn settle(
        &self,
        claim: &Claim,
        work: &Import,
        seen: Seen,
        trouble: Trouble,
        took: Duration,
    ) -> Result<Settled, Failure> {
        let begin =
            async || self.0.catalogue.transaction().await.map_err(|error| Trouble::from(error).failure(""));
        match trouble {
            Trouble::Moot => Ok(self.0.queue.complete(begin().await?, claim).await?),
            trouble if trouble.is_final() => {
                let reason = trouble.reason(&seen.host);
                info!(asset = %work.asset, "an import is refused: {trouble}");
                let mut tx = begin().await?;
                self.give_up(&mut tx, claim, &reason).await?;
                // The creator is told. A dead job is for operators, who can do nothing about this one.
                Ok(self.0.queue.complete(tx, claim).await?)
            }
            trouble if seen.moved => {
                info!(asset = %work.asset, "an import broke off and goes on: {trouble}");
                let spent = work.spent_seconds.saturating_add(took.as_secs());
                let payload = serde_json::json!({ "asset": work.asset, "spent_seconds": spent });
                Ok(self.0.queue.repeat(begin().await?, claim, &payload, BREATH).await?)
            }
            trouble => {
                warn!(asset = %work.asset, "an attempt at an import failed: {trouble}");
                Err(trouble.failure(&seen.host))
            }
        }
    }
}

/// Where an upload is fetched from, for people.
fn host(upload: &Upload) -> String {
    let url = upload.fetch.as_ref().and_then(|fetch| url::Url::parse(&fetch.url).ok());
    url.as_ref().map(rules::shown).unwrap_or_default()
}

impl Handler for Importer {
    async fn ready(&self, known: &[&'static str]) -> Vec<&'static str> {
        let floor = self.0.limits.upload.free_floor_bytes;
        let full = matches!(self.0.store.check_room(floor).await, Err(BlobError::Full));
        if full { Vec::new() } else { known.to_vec() }
    }

    async fn run(&self, claim: &Claim) -> Result<Settled, Failure> {
        let work: Import = claim.payload()?;
        let ambient = &self.0.ambient;
        let (begun, mut seen) = (ambient.monotonic(), Seen::default());
        let left = self.0.imports.time_max.saturating_sub(Duration::from_secs(work.spent_seconds));
        let fetched = timeout(left, self.fetch(&work.asset, &mut seen)).await;
        let ended = match fetched.unwrap_or(Err(Trouble::TooSlow)) {
            Ok(fetched) => self.done(claim, fetched).await,
            Err(trouble) => Err(trouble),
        };
        let took = ambient.monotonic().saturating_sub(begun);
        match ended {
            Ok(settled) => Ok(settled),
            Err(trouble) => self.settle(claim, &work, seen, trouble, took).await,
        }
    }

    async fn give_up(&self, tx: &mut Tx, claim: &Claim, reason: &str) -> Result<(), Failure> {
        let work: Import = claim.payload()?;
        let failed = self.0.catalogue.fail_import(tx, &work.asset, reason).await;
        failed.map_err(|error| Trouble::from(error).failure(""))
    }
}
