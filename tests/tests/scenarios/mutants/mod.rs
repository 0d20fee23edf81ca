//! Mutated films: whatever an upload holds, it becomes a film or fails with a reason, and the server does not feel it.
//!
//! `NEXUS_TEST_MUTANTS` says how many there are, `NEXUS_TEST_SEED` which, and `NEXUS_TEST_MUTANT` from which of them on,
//! to have one alone again. Each goes the whole way of an upload: a request, the probe in its child, and whatever
//! follows for those that can still be played.

mod films;
mod mutate;
mod sites;
mod tally;
mod watched;

use std::{sync::Arc, time::Duration};

use films::Films;
use http::Method;
use mutate::{Mutant, mutant};
use serde_json::Value;
use tally::Tally;
use tests::{Answer, Client, Server, ServerOptions, asked, clip};
use tokio::{
    sync::{Mutex, Semaphore},
    task::JoinSet,
    time::Instant,
};
use watched::Watched;

/// Mutants on their way at once; the server has half as many workers.
const AT_ONCE: usize = 8;
/// Between two looks at one that is on its way.
const LOOK: Duration = Duration::from_millis(150);
/// The longest one may take: the server's patience with a stuck child several times over.
const END_MAX: Duration = Duration::from_secs(600);
/// Between two lines about how far it is.
const PROGRESS: usize = 500;

/// Those that were once blamed on the server; they are sent every time.
const REMEMBERED: [u64; 3] = [4_294_967_631, 4_294_969_102, 4_294_974_407];

const SETTINGS: [&str; 3] =
    ["transcode.workers=4", "transcode.attempts_max=1", "playback.version_grace_seconds=0"];

/// Asks again while the server says that it is too busy and when to come back, which is no fault of a server whose
/// machine others keep busy as well.
async fn patiently<F: Future<Output = Answer>>(ask: impl Fn() -> F) -> Answer {
    let deadline = Instant::now() + END_MAX;
    loop {
        let answer = ask().await;
        let busy = answer.status == 503 && !answer.header("retry-after").is_empty();
        if !busy || Instant::now() > deadline {
            return answer;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// Uploads one as a file, and waits for what becomes of it; its asset as it is shown in the end.
async fn judged(client: &Client, mutant: &Mutant) -> Value {
    let length = mutant.bytes.len().to_string();
    let headers = [
        ("tus-resumable", "1.0.0"),
        ("upload-length", length.as_str()),
        ("content-type", "application/offset+octet-stream"),
    ];
    let create = || client.send(Method::POST, "/files", &headers, mutant.bytes.clone());
    let created = patiently(create).await;
    assert_eq!(created.status, 201, "{mutant:?}: {created:?}");
    let path = format!("/api/v1/assets/{}", created.header("nexus-asset"));
    let deadline = Instant::now() + END_MAX;
    loop {
        let answer = patiently(|| client.get(&path)).await;
        assert_eq!(answer.status, 200, "{mutant:?}: {answer:?}");
        let asset = answer.json();
        if matches!(asset["state"].as_str(), Some("ready" | "failed")) {
            // What is judged is not kept: ten thousand films are a lot.
            let removed = patiently(|| client.send(Method::DELETE, &path, &[], "")).await;
            assert!(removed.status.is_success(), "{mutant:?}: {removed:?}");
            return asset;
        }
        assert!(Instant::now() < deadline, "{mutant:?} never ended: {asset}");
        tokio::time::sleep(LOOK).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mutated_films_end_with_a_reason_and_the_server_does_not_feel_it() {
    let (seed, count): (u64, u64) = (asked("NEXUS_TEST_SEED", 1), asked("NEXUS_TEST_MUTANTS", 100));
    let first: u64 = asked("NEXUS_TEST_MUTANT", seed.wrapping_mul(1 << 32));
    let films = Arc::new(Films::make());
    let server = Server::with(ServerOptions::all(&SETTINGS)).await;
    let (client, watched) = (server.client(), Watched::begin(server.id()));
    let (tally, places) = (Arc::new(Mutex::new(Tally::default())), Arc::new(Semaphore::new(AT_ONCE)));
    let mut running = JoinSet::new();
    let numbers = (0..count).map(|number| first + number);
    let all = count + REMEMBERED.len() as u64;
    for (index, number) in REMEMBERED.into_iter().chain(numbers).enumerate() {
        let place = places.clone().acquire_owned().await.expect("open");
        let (films, client, tally) = (films.clone(), client.clone(), tally.clone());
        running.spawn(async move {
            let mutant = mutant(&films, number);
            let asset = judged(&client, &mutant).await;
            tally.lock().await.count(&mutant, &asset);
            drop(place);
        });
        while let Some(ended) = running.try_join_next() {
            ended.expect("each is judged");
        }
        if index % PROGRESS == PROGRESS - 1 {
            println!("{} of {all}", index + 1);
        }
    }
    while let Some(ended) = running.join_next().await {
        ended.expect("each is judged");
    }
    let tally = tally.lock().await;
    println!("seed {seed}\n{tally}\n{}", watched.end().await);
    tally.check(all);
    untouched(&server).await;
}

/// The server as ever: its children gone, nothing of its own failed, and the next good film is made.
async fn untouched(server: &Server) {
    let client = server.client();
    client.ready(&clip(4, "320x180", "25", &["--silent"]), &[]).await;
    tests::eventually("every child to be reaped", async || server.children().is_empty().then_some(())).await;
    let metrics = client.get("/metrics").await.text();
    let sum = |name: &str| -> f64 {
        let lines = metrics.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    };
    let started = sum("nexus_pipeline_children_started_total");
    let ended = sum("nexus_pipeline_children_ended_total");
    println!("{started} children started, {ended} ended");
    assert!(started > 0.0 && (started - ended).abs() < 0.5, "{started} started, {ended} ended");
    for fault in ["nexus_http_panics_total", "nexus_jobs_panics_total"] {
        assert!(sum(fault) < 0.5, "{fault}: {metrics}");
    }
    assert!(server.stranger().get("/health/ready").await.status.is_success());
}
