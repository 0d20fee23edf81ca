//! The transcoder: claims a job, runs its graph in a pipeline child, stores what comes out, completes it.
//!
//! Objects are written first, under the attempt's number; rows and the job's end follow in one transaction,
//! under the claim's token. A worker that dies, or wakes after its lease, leaves objects that no row names,
//! which the sweep removes. Every handler here has that shape; `chunk.rs` is the pattern.
//!
//! Absent on purpose: GStreamer (the child's), HTTP, and rules about assets (the catalogue's).

mod audio;
mod captions;
mod chunk;
mod error;
mod gate;
mod images;
mod patrol;
mod probe;
mod publish;
mod source;
mod sweep;
mod track_writer;
mod wire;

use std::time::Duration;

use base::AssetId;
use blob::{BlobError, Key, Store};
use bytes::Bytes;
use catalogue::{Asset, Catalogue, Work};
use db::Tx;
use jobs::{Claim, Failure, Handler, JobsError, Queue, Settled};
use media::LadderPolicy;
use sandbox::Sandbox;
use telemetry::{Health, State};

use error::Trouble;

/// What a probe may meet.
#[derive(Clone, Copy, Debug)]
pub struct SourceLimits {
    /// Longest film.
    pub duration_max: Duration,
    /// Widest or highest picture, in pixels.
    pub dimension_max: u32,
}

/// What the transcoder is made of.
pub struct Transcoder {
    /// Starts pipeline children.
    pub sandbox: Sandbox,
    /// Where jobs end.
    pub queue: Queue,
    /// What is to be made, and what was.
    pub catalogue: Catalogue,
    /// The bytes.
    pub store: Store,
    /// Transactions that join rows and a job's end.
    pub db: db::Db,
    /// What a ladder is made of.
    pub policy: LadderPolicy,
    /// What a source may be.
    pub limits: SourceLimits,
    /// Free bytes below which nothing is made.
    pub free_floor_bytes: u64,
    /// Where it is said when nothing is made.
    pub health: Health,
    /// Time between two walks over all objects.
    pub patrol_every: Duration,
}

/// The kinds of jobs the transcoder does.
#[must_use]
pub fn kinds() -> Vec<&'static str> {
    [&Work::KINDS[..], &[patrol::KIND]].concat()
}

/// One attempt at making something of an asset's version.
struct Attempt<'a> {
    claim: &'a Claim,
    asset: Asset,
    version: u32,
}

impl Attempt<'_> {
    fn id(&self) -> &AssetId {
        &self.asset.id
    }

    /// The key of an object of this attempt.
    fn key(&self, object: media::Object) -> Result<Key, Trouble> {
        let key = object.blob_key(self.id().as_str(), self.claim.attempt);
        Ok(Key::new(key.ok_or(Trouble::Internal("a playlist is no object"))?)?)
    }

    fn plan(&self) -> Result<&media::Plan, Trouble> {
        self.asset.plan.as_ref().ok_or(Trouble::Internal("the asset has no plan"))
    }
}

impl Transcoder {
    /// The policy and limits that the settings ask for.
    #[must_use]
    pub fn rules(transcode: &settings::Transcode) -> (LadderPolicy, SourceLimits) {
        let policy = LadderPolicy {
            heights: transcode.heights.clone(),
            crf: transcode.crf.into(),
            preset: transcode.preset.clone(),
            chunk_seconds: transcode.chunk_seconds,
        };
        let duration_max = Duration::from_secs(u64::from(transcode.duration_max_seconds));
        (policy, SourceLimits { duration_max, dimension_max: transcode.dimension_max })
    }

    /// Queues the walk over all objects, unless it is queued.
    ///
    /// # Errors
    /// [`JobsError`], as of every enqueue.
    pub async fn begin_patrol(&self) -> Result<(), JobsError> {
        let mut tx = self.db.write().await?;
        self.queue.enqueue(&mut tx, patrol::job()).await?;
        Ok(tx.commit().await?)
    }

    async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), Trouble> {
        Ok(self.store.put(key, bytes).await?)
    }

    async fn work(&self, claim: &Claim, work: Work) -> Result<Settled, Trouble> {
        let Some(version) = work.version() else { return sweep::run(self, claim, work.asset()).await };
        let asset = match work {
            Work::Probe { .. } => self.catalogue.start_probe(work.asset(), version).await?,
            _ => self.catalogue.asset_in_work(work.asset(), version).await?,
        };
        let attempt = Attempt { claim, asset, version };
        match work {
            Work::Probe { .. } => probe::run(self, attempt).await,
            Work::Chunk { chunk, .. } => chunk::run(self, attempt, chunk).await,
            Work::Audio { track, .. } => audio::run(self, attempt, track).await,
            Work::Images { .. } => images::run(self, attempt).await,
            Work::Publish { .. } => publish::run(self, attempt).await,
            Work::Sweep { asset } => sweep::run(self, claim, &asset).await,
        }
    }

    /// Fails the asset with words for its creator, and the job with it.
    async fn refuse(&self, claim: &Claim, reason: &str) -> Result<Settled, Failure> {
        let mut tx = self.db.write().await?;
        self.give_up(&mut tx, claim, reason).await?;
        Ok(self.queue.fail(tx, claim, reason).await?)
    }
}

/// What frees room, and so goes on when there is none.
const FREEING: [&str; 2] = ["sweep", patrol::KIND];

impl Handler for Transcoder {
    async fn ready(&self, known: &[&'static str]) -> Vec<&'static str> {
        if !matches!(self.store.check_room(self.free_floor_bytes).await, Err(BlobError::Full)) {
            self.health.report("jobs", State::Ok);
            return known.to_vec();
        }
        metrics::counter!("nexus_jobs_paused_full_total").increment(1);
        self.health.report("jobs", State::Degraded("paused until upload.free_floor_bytes are free".into()));
        known.iter().copied().filter(|kind| FREEING.contains(kind)).collect()
    }

    async fn run(&self, claim: &Claim) -> Result<Settled, Failure> {
        if claim.kind == patrol::KIND {
            return Ok(patrol::run(self, claim).await?);
        }
        let work =
            Work::read(&claim.kind, &claim.payload).map_err(|error| Failure::fatal(error.to_string()))?;
        match self.work(claim, work).await {
            Ok(settled) => Ok(settled),
            Err(Trouble::Moot) => {
                // Nobody wants the result any more; what was written is the sweep's.
                let tx = self.db.write().await?;
                Ok(self.queue.complete(tx, claim).await?)
            }
            Err(trouble) => match trouble.final_reason() {
                Some(reason) => {
                    tracing::info!(
                        error = &trouble as &dyn std::error::Error,
                        "the source is refused: {trouble}"
                    );
                    self.refuse(claim, &reason).await
                }
                None => {
                    tracing::warn!(
                        error = &trouble as &dyn std::error::Error,
                        "the attempt failed: {trouble}"
                    );
                    Err(trouble.into_failure(claim.failures))
                }
            },
        }
    }

    async fn give_up(&self, tx: &mut Tx, claim: &Claim, reason: &str) -> Result<(), Failure> {
        if claim.kind == patrol::KIND {
            return Ok(());
        }
        let failed = self.catalogue.fail(tx, claim, reason).await;
        failed.map(drop).map_err(|error| Failure::from(Trouble::from(error)))
    }
}
