//! Behaviour on both engines. This file builds the ground the others stand on: a database, a creator, plans
//! and a worker that makes what it claims without making any media.

mod imports;
mod limits;
mod partials;
mod playback;
mod plays;
mod progress;
mod recordings;
mod requests;
mod steer;
mod sweep;
mod uploads;
mod work;
mod writing;

use ::events::PumpOptions;
use ::jobs::Claim;
use base::{PageRequest, TenantId, WorkerId};
use futures_util::future::join_all;
use media::{
    AudioPlan, ChunkPlan, FrameRate, ImagesPlan, InitInfo, Plan, Rung, SampleDefaults, SampleFormat,
    SegmentGrid, SegmentInfo, SourceClock, TextPlan, TrackInfo, TrackName, TrackRole, VideoPlan,
};
use testkit::{FakeClock, both_dbs};

use super::*;

const LEASE: Duration = Duration::from_secs(60);
const SEGMENTS_PER_CHUNK: u32 = 2;

both_dbs!(statements_prepare, |db| async move {
    db.prepare(&store::all_statements()).await.expect("every statement is accepted");
});

struct Ground {
    db: Db,
    queue: Queue,
    catalogue: Catalogue,
    clock: FakeClock,
    ambient: Ambient,
    creator: Principal,
}

impl Ground {
    async fn new(db: Db) -> Self {
        let (ambient, clock) = testkit::ambient();
        let queue = Queue::new(db.clone(), ambient.clone());
        let outbox = Outbox::new(db.clone(), ambient.clone());
        let bus = Bus::open(outbox.clone(), 64).await.expect("a bus");
        let catalogue = Catalogue::new(db.clone(), queue.clone(), outbox, bus, ambient.clone(), LEASE);
        let creator = principal(ambient.id(), Role::Creator);
        Self { db, queue, catalogue, clock, ambient, creator }
    }

    fn stranger(&self) -> Principal {
        principal(self.ambient.id(), Role::Owner)
    }

    /// Opens so many connections of a pool, so that what follows runs side by side from its first statement.
    async fn open_connections(&self, count: usize) {
        drop(join_all((0..count).map(|_| self.db.read())).await);
    }

    async fn begin_upload(&self, length: u64) -> (Upload, Asset) {
        self.create(self.new_upload("film.mov", length)).await.expect("begun")
    }

    async fn create_as(&self, principal: &Principal, new: NewUpload) -> Result<Upload> {
        let mut tx = self.db.write().await?;
        let upload = self.catalogue.create_upload(&mut tx, principal, new).await?;
        tx.commit().await?;
        Ok(upload)
    }

    async fn create(&self, new: NewUpload) -> Result<(Upload, Asset)> {
        let upload = self.create_as(&self.creator, new).await?;
        let asset = self.asset(upload.asset.as_ref().expect("an asset")).await;
        Ok((upload, asset))
    }

    fn new_upload(&self, name: &str, length: u64) -> NewUpload {
        NewUpload {
            title: None,
            name: name.to_owned(),
            length: Some(length),
            visibility: Visibility::Unlisted,
            metadata: String::new(),
            expires: self.ambient.now() + Duration::from_secs(3600),
        }
    }

    /// Writes to an upload until so much of it is durable.
    async fn write(&self, upload: &Upload, offset: u64, expires: base::Timestamp) {
        let lease =
            self.catalogue.begin_write(upload, &self.ambient.id(), None).await.expect("nobody else writes");
        self.catalogue.end_write(upload, lease, offset, expires).await.expect("recorded");
    }

    async fn queued(&self) -> Asset {
        let (upload, _) = self.begin_upload(10).await;
        self.catalogue.complete_source(&upload, 10).await.expect("complete")
    }

    /// An asset whose pieces wait to be made.
    async fn planned(&self, plan: &Plan) -> Asset {
        let asset = self.queued().await;
        self.probe(plan).await;
        self.asset(&asset.id).await
    }

    async fn probe(&self, plan: &Plan) {
        let claim = self.claim(&["probe"]).await.expect("a probe");
        let Work::Probe { asset, version } = read(&claim) else { panic!("not a probe: {claim:?}") };
        self.catalogue.start_probe(&asset, version).await.expect("started");
        let mut tx = self.db.write().await.expect("begins");
        self.catalogue.store_plan(&mut tx, &asset, version, plan, "ab12").await.expect("planned");
        drop(self.queue.complete(tx, &claim).await.expect("completed"));
    }

    async fn claim(&self, kinds: &[&str]) -> Option<Claim> {
        let worker: WorkerId = self.ambient.id();
        self.queue.claim(&worker, kinds, LEASE).await.expect("a queue")
    }

    async fn claims(&self, kinds: &[&str]) -> Vec<Claim> {
        let mut claims = Vec::new();
        while let Some(claim) = self.claim(kinds).await {
            claims.push(claim);
        }
        claims
    }

    /// Makes the piece of a claim and settles it.
    async fn make(&self, claim: &Claim) -> Remaining {
        let parts = self.parts_of(claim).await;
        let mut tx = self.db.write().await.expect("begins");
        let remaining = self.write_piece(&mut tx, claim, &parts).await.expect("finished");
        drop(self.queue.complete(tx, claim).await.expect("completed"));
        remaining
    }

    async fn write_piece(&self, tx: &mut Tx, claim: &Claim, parts: &[Part]) -> Result<Remaining> {
        let (asset, version, piece) = piece_of(claim);
        for part in parts {
            self.catalogue.store_part(tx, &asset, version, part).await?;
        }
        self.catalogue.finish_work(tx, &asset, version, piece, claim.attempt).await
    }

    async fn parts_of(&self, claim: &Claim) -> Vec<Part> {
        let (asset, version, piece) = piece_of(claim);
        let asset = self.catalogue.asset_in_work(&asset, version).await.expect("in work");
        let (plan, attempt) = (asset.plan.expect("planned"), claim.attempt);
        match piece {
            Piece::Chunk(chunk) => plan.rungs().iter().map(|rung| part(rung.name, chunk, attempt)).collect(),
            Piece::Audio(number) => vec![part(TrackName::Audio(number), 0, attempt)],
            Piece::Images => Vec::new(),
        }
    }

    async fn make_all(&self) {
        for claim in self.claims(&["chunk", "audio", "images"]).await {
            self.make(&claim).await;
        }
    }

    async fn publish(&self, findings: Vec<Finding>) -> Gate {
        let claim = self.claim(&["publish"]).await.expect("a publish");
        let Work::Publish { asset, version } = read(&claim) else { panic!("not a publish: {claim:?}") };
        let mut tx = self.db.write().await.expect("begins");
        let gate = self.catalogue.publish(&mut tx, &asset, version, findings).await.expect("decided");
        drop(self.queue.complete(tx, &claim).await.expect("completed"));
        gate
    }

    /// An asset that is made and published.
    async fn ready(&self, plan: &Plan) -> Asset {
        let asset = self.planned(plan).await;
        self.make_all().await;
        assert_eq!(self.publish(Vec::new()).await, Gate::Passed);
        self.asset(&asset.id).await
    }

    /// Gives a claim up as the worker loop does.
    async fn give_up(&self, claim: &Claim, reason: &str) -> Result<bool> {
        let mut tx = self.db.write().await?;
        let failed = self.catalogue.fail(&mut tx, claim, reason).await?;
        drop(self.queue.fail(tx, claim, reason).await?);
        Ok(failed)
    }

    async fn asset(&self, id: &AssetId) -> Asset {
        self.catalogue.asset(&self.creator, id).await.expect("an asset")
    }

    /// Jobs that wait or run, by kind.
    async fn live_jobs(&self) -> Vec<(String, u64)> {
        let depth = self.queue.depth(None).await.expect("a queue").into_iter();
        let mut kinds = std::collections::BTreeMap::new();
        depth.filter(|d| d.state != "dead").for_each(|d| *kinds.entry(d.kind).or_default() += d.jobs);
        kinds.into_iter().collect()
    }

    /// The kinds of the events about an asset, in order.
    async fn events(&self, id: &AssetId) -> Vec<String> {
        let Catalogue { outbox, bus, .. } = &self.catalogue;
        let observer = self.ambient.id();
        let mut heard = bus.subscribe(&observer);
        let mut tx = self.db.write().await.expect("begins");
        outbox.append(&mut tx, &observer, "test.end", "", serde_json::Value::Null).await.expect("appended");
        tx.commit().await.expect("commits");
        // What was committed before the last event is numbered with it, or before.
        let end = async { heard.next().await.expect("the last event") };
        tokio::select! {
            _ = ::events::pump(bus.clone(), lifecycle::Tasks::new(), PumpOptions::default()) => unreachable!(),
            _ = end => {}
        }
        let all = outbox.since(&self.creator.tenant, 0, 1_000).await.expect("events");
        let about = |event: &::events::Event| event.subject == id.as_str();
        let mut kinds = Vec::new();
        for event in all.into_iter().filter(about) {
            let changed: events::AssetChanged = serde_json::from_value(event.payload).expect("a payload");
            assert_eq!(&changed.asset, id);
            kinds.push(event.kind);
        }
        kinds
    }

    async fn ids(&self, principal: &Principal, limit: u32, query: &str) -> Vec<AssetId> {
        let page = PageRequest::new(Some(limit), None);
        let filter = AssetFilter { title: Some(query.to_owned()), ..AssetFilter::default() };
        let page = self.catalogue.assets(principal, &page, &filter).await.expect("a page");
        page.items.into_iter().map(|asset| asset.id).collect()
    }
}

fn principal(tenant: TenantId, role: Role) -> Principal {
    Principal { tenant, subject: "key:test".to_owned(), role }
}

fn read(claim: &Claim) -> Work {
    Work::read(&claim.kind, &claim.payload).expect("a payload of ours")
}

fn piece_of(claim: &Claim) -> (AssetId, u32, Piece) {
    match read(claim) {
        Work::Chunk { asset, version, chunk } => (asset, version, Piece::Chunk(chunk)),
        Work::Audio { asset, version, track } => (asset, version, Piece::Audio(track)),
        Work::Images { asset, version } => (asset, version, Piece::Images),
        other => panic!("not a piece: {other:?}"),
    }
}

/// A film of two rungs, one audio rendition and images, in so many chunks.
fn film(chunks: u32) -> Plan {
    let fps = FrameRate::new(25, 1).expect("a rate");
    let frames = u64::from(SEGMENTS_PER_CHUNK) * 150;
    let chunk = |n: u32| ChunkPlan {
        first: u64::from(n) * frames,
        count: frames,
        first_segment: n * SEGMENTS_PER_CHUNK,
    };
    let rung = |height| Rung {
        name: TrackName::Video(height),
        width: height * 16 / 9,
        height,
        crf: 23.0,
        maxrate_kbps: 1_000,
        bufsize_kbit: 2_000,
        preset: "veryfast".to_owned(),
        level_idc: 31,
    };
    let video = VideoPlan {
        fps,
        gop_frames: 50,
        gops_per_segment: 3,
        slots: u64::from(chunks) * frames,
        chunks: (0..chunks).map(chunk).collect(),
        rungs: vec![rung(720), rung(360)],
        colour: None,
    };
    let images = ImagesPlan {
        poster_ns: 0,
        poster_width: 1280,
        poster_height: 720,
        thumb_interval_ns: 2_000_000_000,
        thumb_count: 12,
        thumb_width: 160,
        thumb_height: 90,
        sprite_columns: 3,
        sprite_rows: 2,
    };
    let sound = music();
    Plan {
        video: Some(video),
        images: Some(images),
        duration_ns: u64::from(chunks) * 12_000_000_000,
        reasons: vec!["a film".to_owned()],
        ..sound
    }
}

/// Sound alone.
fn music() -> Plan {
    let audio = AudioPlan {
        name: TrackName::Audio(0),
        stream: 0,
        sample_rate: 48_000,
        channels: 2,
        bitrate: 128_000,
        samples: 480_000,
        language: "und".to_owned(),
        label: "Audio".to_owned(),
        default: true,
    };
    Plan {
        origin_ns: 0,
        clock: SourceClock::StreamTime,
        duration_ns: 10_000_000_000,
        segment: SegmentGrid::new(6, 1).expect("a grid"),
        video: None,
        audio: vec![audio],
        text: Vec::new(),
        images: None,
        reasons: Vec::new(),
    }
}

fn part(track: TrackName, chunk: u32, attempt: u32) -> Part {
    let first = chunk * SEGMENTS_PER_CHUNK;
    let segment = |seq: u32| SegmentInfo {
        seq,
        start: u64::from(seq) * 6,
        ticks: 6,
        bytes: 1_000 + u64::from(attempt),
        fragments: Vec::new(),
    };
    let segments = (first..first + SEGMENTS_PER_CHUNK).map(segment).collect();
    Part { track, chunk, attempt, info: (chunk == 0).then(|| info(track)), segments, run: None }
}

fn info(name: TrackName) -> TrackInfo {
    let (format, role) = match name {
        TrackName::Video(height) => (
            SampleFormat::Video { width: height * 16 / 9, height },
            TrackRole::Video { fps: FrameRate::new(25, 1).expect("a rate") },
        ),
        TrackName::Audio(_) => (
            SampleFormat::Audio { sample_rate: 48_000, channels: 2 },
            TrackRole::Audio { language: "und".to_owned(), label: "Audio".to_owned(), default: true },
        ),
        TrackName::Text(_) => (
            SampleFormat::Text,
            TrackRole::Text { language: "und".to_owned(), label: "Subtitles".to_owned(), default: false },
        ),
    };
    let init = InitInfo {
        track_id: 1,
        timescale: 1,
        codec: "avc1.64001F".to_owned(),
        bytes: 700,
        format,
        defaults: SampleDefaults::default(),
    };
    TrackInfo { name, init, role }
}
