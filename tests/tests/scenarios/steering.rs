//! What people do about the making of a film, and what administrators see of it.

use http::Method;
use serde_json::Value;
use tests::{Client, Server, ServerOptions, clip, eventually};

async fn post(client: &Client, id: &str, action: &str) -> tests::Answer {
    client.send(Method::POST, &format!("/api/v1/assets/{id}/{action}"), &[], "").await
}

fn id(value: &Value) -> &str {
    value["asset"].as_str().or(value["id"].as_str()).expect("an asset")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_film_stops_soon_and_is_made_when_asked_again() {
    let settings = ["transcode.chunk_seconds=6", "transcode.lease_seconds=60", "transcode.workers=1"];
    let server = Server::with(ServerOptions::all(&settings)).await;
    let client = server.client();
    let line = client.upload(&clip(30, "640x360", "25", &[]), &[]).await;
    let film = id(&line);
    eventually("a chunk to be in the making", async || {
        let jobs = client.get("/api/v1/jobs").await.json();
        jobs["running"].as_array()?.iter().any(|job| job["kind"] == "chunk").then_some(())
    })
    .await;
    assert_eq!(post(&client, film, "retry").await.status, 409, "it has not failed");
    let cancelled = post(&client, film, "cancel").await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    assert_eq!(
        (&cancelled.json()["state"], &cancelled.json()["reason"]),
        (&"failed".into(), &"It was cancelled.".into())
    );
    // Long before the lease, or the film, would end.
    eventually("the children to be gone", async || server.children().is_empty().then_some(())).await;
    assert_eq!(post(&client, film, "cancel").await.status, 409);
    assert_eq!(client.asset(film).await["state"], "failed");
    assert_eq!(post(&client, film, "retry").await.status, 200);
    let asset = client.settled(film).await;
    assert_eq!((&asset["state"], &asset["version"]), (&"ready".into(), &2.into()), "{asset}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_is_encoded_again_while_it_plays() {
    let settings =
        ["transcode.lease_seconds=3", "playback.version_grace_seconds=4", "transcode.patrol_seconds=1"];
    let server = Server::with(ServerOptions::all(&settings)).await;
    let (client, viewer) = (server.client(), server.stranger());
    let asset = client.ready(&clip(4, "320x180", "25", &["--silent"]), &[]).await;
    let film = id(&asset);
    let old = |name: &str| format!("/media/{film}/v1/video-180/{name}");
    let segment = viewer.get(&old("00000.m4s")).await;
    assert_eq!(segment.status, 200);
    let again = post(&client, film, "reencode").await;
    assert_eq!((again.status.as_u16(), &again.json()["playable"]), (200, &true.into()), "{}", again.text());
    assert_eq!(viewer.get(&format!("/media/{film}/hls.m3u8")).await.status, 200);
    let ready = client.settled(film).await;
    assert_eq!((&ready["state"], &ready["version"]), (&"ready".into(), &2.into()), "{ready}");
    // Who began with the old version still finds its lists and its segments.
    assert_eq!(viewer.get(&old("index.m3u8")).await.status, 200);
    assert_eq!(viewer.get(&old("00000.m4s")).await.body, segment.body);
    let new = viewer.get(&format!("/media/{film}/v2/video-180/00000.m4s")).await;
    assert_eq!(new.body, segment.body, "the same settings make the same bytes");
    let folder = server.data().join("store/objects/assets").join(film);
    if folder.exists() {
        eventually("the old version to be swept", async || {
            (!folder.join("v1/video-180/00000.a1.m4s").exists()).then_some(())
        })
        .await;
        assert!(folder.join("v2").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_queue_workers_and_disk_and_creators_do_not() {
    let server = Server::start().await;
    let client = server.client();
    let asset = client.ready(&clip(4, "320x180", "25", &["--silent"]), &[]).await;
    let jobs = client.get("/api/v1/jobs").await.json();
    assert!(jobs["now_ms"].as_i64().is_some_and(|now| now > 0), "{jobs}");
    assert!(
        jobs["states"].as_array().is_some_and(|states| !states.is_empty()),
        "the walk over all objects waits"
    );
    let workers = client.get("/api/v1/workers").await.json();
    let [worker] = &workers["items"].as_array().expect("a list")[..] else { panic!("{workers}") };
    assert!(
        worker["name"].as_str().is_some_and(|name| name.ends_with(&format!(":{}", server.id()))),
        "{workers}"
    );
    let disk = client.get("/api/v1/disk").await.json();
    assert_eq!(disk["items"][0]["asset"], asset["id"]);
    assert_eq!(disk["items"][0]["source_bytes"], asset["source"]["bytes"]);
    assert!(disk["items"][0]["media_bytes"].as_u64().is_some_and(|bytes| bytes > 10_000), "{disk}");
    eventually("depth and age to be measured", async || {
        let metrics = client.get("/metrics").await.text();
        (metrics.contains("nexus_jobs{") && metrics.contains("nexus_jobs_oldest_seconds{")).then_some(())
    })
    .await;
    let made = server.run(&["key", "create", "--role", "creator", "--json"], "");
    let creator = Client::new(&server.url, made["key"].as_str().map(str::to_owned));
    assert_eq!(creator.get("/api/v1/assets").await.status, 200);
    for path in ["/api/v1/jobs", "/api/v1/workers", "/api/v1/disk"] {
        assert_eq!(creator.get(path).await.status, 403, "{path}");
        assert_eq!(server.stranger().get(path).await.status, 401, "{path}");
    }
}
