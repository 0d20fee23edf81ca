//! The servers, what can fail around them, and what is done while it does.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;
use tests::{
    Client, Disk, Line, Outcome, Server, ServerOptions, StoreFault, StoreProxy, Upload, clip, eventually,
};
use tokio::time::{Instant, sleep};

use super::{looks::Looker, row::Row};

/// The disk of [`Ground::on_disk`].
const DISK_BYTES: u64 = 160 << 20;
/// Bytes behind the film that is under way when the fault begins.
const PADDING_BYTES: u32 = 24 << 20;
const SETTINGS: [&str; 3] =
    ["transcode.lease_seconds=3", "transcode.chunk_seconds=6", "transcode.patrol_seconds=3600"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Store(StoreFault),
    /// Connections to the database are gone, and new ones end at once.
    Database,
    /// Nothing can be written.
    Disk,
    /// The clock is set by so much, and back.
    Clock(&'static str),
}

/// What can fail.
enum Around {
    Between { line: Line, store: StoreProxy },
    Disk(Disk),
    Clock(PathBuf),
}

pub struct Ground {
    home: Server,
    /// The other processes, alive as long as this.
    _others: Vec<Server>,
    around: Around,
    looker: Looker,
    films: TempDir,
    whole: Outcome,
    faults: u32,
}

fn film() -> PathBuf {
    clip(4, "320x180", "25", &[])
}

impl Ground {
    /// An origin, a transcoder and an edge, with something that can fail before PostgreSQL and the S3 server.
    pub async fn apart() -> Self {
        let (home, line, store) = Server::behind(ServerOptions::command("origin", &SETTINGS)).await;
        let mut edge = ServerOptions::command("edge", &[]);
        edge.arguments.extend(["--upstream".to_owned(), home.url.clone()]);
        let (transcoder, edge) =
            tokio::join!(home.beside(ServerOptions::command("transcoder", &SETTINGS)), home.beside(edge));
        let viewers = [edge.stranger(), home.stranger()];
        Self::ready(home, vec![transcoder, edge], Around::Between { line, store }, viewers).await
    }

    /// One process whose rows, objects and all else are on a disk of their own, without a floor.
    pub async fn on_disk() -> Self {
        let disk = Disk::new(DISK_BYTES);
        let data = TempDir::new_in(disk.path()).expect("a folder on it");
        let settings = [&SETTINGS[..], &["upload.free_floor_bytes=0"]].concat();
        let home = Server::on_data(data, ServerOptions::all(&settings)).await;
        let viewers = [home.stranger(), home.stranger()];
        Self::ready(home, Vec::new(), Around::Disk(disk), viewers).await
    }

    /// One process on PostgreSQL and an S3 server, whose clock is set by the library `faketime`. Its pipeline
    /// children and the servers have the right time.
    pub async fn with_clock(faketime: &str) -> Self {
        assert!(Path::new(faketime).exists(), "{faketime} is missing: `make test` installs it");
        let films = TempDir::with_prefix("nexus-clock-").expect("a temporary folder");
        let clock = films.path().join("clock");
        std::fs::write(&clock, "+0").expect("written");
        let pairs = [
            ("LD_PRELOAD", faketime),
            ("FAKETIME_TIMESTAMP_FILE", clock.to_str().expect("UTF-8")),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
        ];
        let environment = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let options = ServerOptions { environment, ..ServerOptions::all(&SETTINGS) };
        let home = Server::apart(options).await;
        let viewers = [home.stranger(), home.stranger()];
        let mut ground = Self::ready(home, Vec::new(), Around::Clock(clock), viewers).await;
        ground.films = films;
        ground
    }

    async fn ready(home: Server, others: Vec<Server>, around: Around, viewers: [Client; 2]) -> Self {
        let films = TempDir::with_prefix("nexus-films-").expect("a temporary folder");
        let line = home.client().upload(&film(), &[]).await;
        let asset = line["asset"].as_str().expect("an asset").to_owned();
        let whole = Outcome::of(&home.client(), &viewers[0], &asset).await;
        assert_eq!(whole.source(), tests::digest(&std::fs::read(film()).expect("the film")));
        let looker = Looker::new(&viewers, &home.client(), &asset, &whole);
        Self { home, _others: others, around, looker, films, whole, faults: 0 }
    }

    /// Uploads a copy of the film, with so many bytes behind it.
    fn upload(&self, name: &str, padding: u32) -> Upload {
        let copy = self.films.path().join(format!("{}-{name}.mp4", self.faults));
        let mut bytes = std::fs::read(film()).expect("the film");
        if padding > 0 {
            // A box that every reader skips (ISO/IEC 14496-12, 8.1.2).
            bytes.extend_from_slice(&padding.to_be_bytes());
            bytes.extend_from_slice(b"free");
            bytes.resize(bytes.len() + padding as usize - 8, 0);
        }
        std::fs::write(&copy, bytes).expect("written");
        Upload::begin(&self.home.url, &self.home.key(), self.films.path(), &copy)
    }

    fn set(&self, fault: Option<Fault>) {
        match &self.around {
            Around::Between { line, store } => {
                line.cut(fault == Some(Fault::Database));
                store.set(if let Some(Fault::Store(fault)) = fault { Some(fault) } else { None });
            }
            Around::Disk(disk) if fault.is_some() => disk.fill(DISK_BYTES),
            Around::Disk(disk) => disk.relieve(),
            Around::Clock(file) => {
                let shows = if let Some(Fault::Clock(jump)) = fault { jump } else { "+0" };
                std::fs::write(file, shows).expect("written");
            }
        }
    }

    /// How often the fault was met, where that can be counted.
    fn met(&self) -> Option<u64> {
        match &self.around {
            Around::Between { line, store } => Some(line.lost() + store.met()),
            Around::Disk(_) | Around::Clock(_) => None,
        }
    }

    /// One film is being made, one is on its way and one is to be sent when the fault begins; viewers look on.
    pub async fn suffer(&mut self, fault: Fault, length: Duration) -> Row {
        self.faults += 1;
        let met_before = self.met();
        let made = self.upload("made", 0).end().await;
        let on_its_way = self.upload("on-its-way", PADDING_BYTES);
        sleep(Duration::from_millis(150)).await;
        self.set(Some(fault));
        let to_be_sent = self.upload("to-be-sent", 0);
        let looks = self.looker.look_for(length).await;
        self.set(None);
        let over = Instant::now();
        let answered = self.looker.all_is_right().await;
        let (on_its_way, to_be_sent) = tokio::join!(on_its_way.end(), to_be_sent.end());
        let mut wrong = self.check(&made, true).await + self.check(&to_be_sent, true).await;
        wrong += self.check(&on_its_way, false).await;
        wrong += self.left_over().await;
        let met = self.met().zip(met_before).map(|(now, before)| now - before);
        Row { fault, length, looks, wrong, met, answered: answered - over, made: over.elapsed() }
    }

    /// Files that came out other than without a fault.
    async fn check(&self, asset: &str, same_source: bool) -> usize {
        let came = Outcome::of(&self.home.client(), self.looker.viewer(), asset).await;
        let source = same_source && came.source() != self.whole.source();
        let names = self.whole.media().keys().chain(came.media().keys());
        let differs = names.filter(|name| self.whole.media().get(*name) != came.media().get(*name));
        differs.count() + usize::from(source)
    }

    /// Assets that are neither ready nor anybody's upload any more: what a request left behind that was refused.
    async fn left_over(&self) -> usize {
        let assets = self.home.client().get("/api/v1/assets?limit=100").await.json();
        let assets = assets["items"].as_array().cloned().unwrap_or_default();
        assert!(!assets.is_empty(), "the list of assets has another shape");
        assets.iter().filter(|asset| asset["state"] != "ready").count()
    }

    /// What a link to a private film is worth when the clock is set on, and back.
    pub async fn tokens_end_by_the_clock(&self) {
        let (owner, viewer) = (self.home.client(), self.home.stranger());
        let asset = owner.ready(&film(), &["--visibility", "private"]).await;
        let path = format!("/api/v1/assets/{}/token", asset["id"].as_str().expect("an id"));
        let link = async || {
            let headers = [("content-type", "application/json")];
            let made = owner.send(http::Method::POST, &path, &headers, json!({}).to_string()).await;
            made.json()["hls"].as_str().expect("a link").to_owned()
        };
        let before = link().await;
        assert_eq!(viewer.get(&before).await.status, 200);
        self.set(Some(Fault::Clock("+30d")));
        eventually("the link to end", async || (viewer.get(&before).await.status != 200).then_some(())).await;
        assert_eq!(viewer.get(&link().await).await.status, 200, "a new one works");
        self.set(None);
        eventually("the link to be good again", async || {
            (viewer.get(&before).await.status == 200).then_some(())
        })
        .await;
    }
}
