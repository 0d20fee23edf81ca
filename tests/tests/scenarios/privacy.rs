//! Who may watch: public, unlisted and private, in one process and behind an edge of its own.

use http::Method;
use serde_json::{Value, json};
use tests::{Client, Server, ServerOptions, clip};

const CREDENTIAL: &str = "a-secret-between-edge-and-origin";

fn film() -> std::path::PathBuf {
    clip(4, "320x180", "25", &["--silent"])
}

async fn status(client: &Client, url: &str) -> u16 {
    client.get(url).await.status.as_u16()
}

/// The path below the token of a private asset's playlist.
fn bare_path(asset: &Value) -> String {
    format!("/media/{}/hls.m3u8", asset["id"].as_str().unwrap_or_default())
}

fn path(url: &str) -> &str {
    url.find("/p/").map_or(url, |at| &url[at..])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_film_needs_its_token_and_stays_private_in_the_cache() {
    let server = Server::start().await;
    let (owner, stranger) = (server.client(), server.stranger());
    let asset = owner.ready(&film(), &["--visibility", "private"]).await;
    let bare = bare_path(&asset);
    assert_eq!(status(&stranger, &bare).await, 404);
    let hls = asset["hls"].as_str().expect("a token path");
    assert!(hls.contains("/p/"), "{hls}");
    assert_eq!(status(&stranger, hls).await, 200);
    // The edge has the playlist now; without a token it is as absent as before.
    assert_eq!(status(&stranger, &bare).await, 404);
    let spoilt = hls.replacen("/p/", "/p/A", 1);
    assert!(matches!(status(&stranger, &spoilt).await, 401 | 403 | 404));
    let credential = stranger.send(Method::GET, &bare, &[("nexus-edge", CREDENTIAL)], "").await;
    assert_eq!(credential.status, 404, "a guessed credential opens nothing");
    let id = asset["id"].as_str().expect("an id");
    let watch = format!("/api/v1/watch/{id}");
    assert_eq!(status(&stranger, &watch).await, 404);
    assert_eq!(status(&owner, &watch).await, 200);
    let token = owner
        .send(
            Method::POST,
            &format!("/api/v1/assets/{id}/token"),
            &[("content-type", "application/json")],
            "{}",
        )
        .await
        .json();
    let watch = stranger.get(&format!("{watch}?token={}", token["token"].as_str().expect("a token"))).await;
    assert_eq!(watch.status, 200);
    assert_eq!(watch.json()["hls"], token["hls"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unlisted_film_needs_its_address_and_changes_its_mind() {
    let server = Server::start().await;
    let (owner, stranger) = (server.client(), server.stranger());
    let asset = owner.ready(&film(), &[]).await;
    assert_eq!(status(&stranger, &bare_path(&asset)).await, 200);
    let id = asset["id"].as_str().expect("an id");
    let change = json!({"visibility": "private"}).to_string();
    let patch = owner
        .send(Method::PATCH, &format!("/api/v1/assets/{id}"), &[("content-type", "application/json")], change)
        .await;
    assert_eq!(patch.status, 200);
    tests::eventually("caches to forget the public playlist", async || {
        (status(&stranger, &bare_path(&asset)).await == 404).then_some(())
    })
    .await;
}

/// Three processes: an origin, a transcoder on its database and store, and an edge in front.
#[tokio::test(flavor = "multi_thread")]
async fn an_edge_of_its_own_serves_public_and_private_films() {
    let credential = format!("edge.credential={CREDENTIAL}");
    let origin = Server::with(ServerOptions::command("origin", &[&credential])).await;
    let edge = ServerOptions::command("edge", &[&credential, &format!("edge.upstream={}", origin.url)]);
    let edge = Server::with(edge).await;
    let _transcoder = origin.beside(ServerOptions::command("transcoder", &[])).await;
    let (owner, viewer) = (origin.client(), edge.stranger());
    let open = owner.ready(&film(), &["--visibility", "public"]).await;
    let closed = owner.ready(&film(), &["--visibility", "private"]).await;
    assert_eq!(status(&viewer, &bare_path(&open)).await, 200);
    assert_eq!(status(&viewer, &bare_path(&closed)).await, 404);
    let with_token = path(closed["hls"].as_str().expect("a token path"));
    assert_eq!(status(&viewer, with_token).await, 200);
    assert_eq!(status(&viewer, &bare_path(&closed)).await, 404, "what the edge keeps is behind the token");
    assert_eq!(status(&viewer, "/api/v1/assets").await, 404, "an edge has no API");
    let again =
        viewer.get(&format!("/media/{}/v1/video-180/00000.m4s", open["id"].as_str().expect("an id"))).await;
    let hit =
        viewer.get(&format!("/media/{}/v1/video-180/00000.m4s", open["id"].as_str().expect("an id"))).await;
    assert_eq!(again.body, hit.body);
    assert!(hit.header("cache-status").contains("hit"), "{hit:?}");
}

/// Media are immutable to caches; what is deleted or made private leaves the edges all the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_edge_forgets_what_is_deleted_or_made_private() {
    let credential = format!("edge.credential={CREDENTIAL}");
    let origin = Server::with(ServerOptions::command("origin", &[&credential])).await;
    let edge = ServerOptions::command("edge", &[&credential, &format!("edge.upstream={}", origin.url)]);
    let edge = Server::with(edge).await;
    let purge = format!("edge.purge={}", edge.url);
    let _teller = origin.beside(ServerOptions::command("origin", &[&credential, &purge])).await;
    let _transcoder = origin.beside(ServerOptions::command("transcoder", &[])).await;
    let (owner, viewer) = (origin.client(), edge.stranger());
    let deleted = owner.ready(&film(), &["--visibility", "public"]).await;
    let closed = owner.ready(&film(), &["--visibility", "public"]).await;
    let kept = owner.ready(&film(), &["--visibility", "public"]).await;
    let segment =
        |asset: &Value| format!("/media/{}/v1/video-180/00000.m4s", asset["id"].as_str().expect("an id"));
    for asset in [&deleted, &closed, &kept] {
        viewer.get(&segment(asset)).await;
        let hit = viewer.get(&segment(asset)).await;
        assert!(hit.header("cache-control").contains("immutable"), "{hit:?}");
        assert!(hit.header("cache-status").contains("; hit"), "{hit:?}");
    }
    let asset = |asset: &Value| format!("/api/v1/assets/{}", asset["id"].as_str().expect("an id"));
    assert_eq!(owner.send(Method::DELETE, &asset(&deleted), &[], "").await.status, 204);
    let private = json!({"visibility": "private"}).to_string();
    let json = [("content-type", "application/json")];
    assert_eq!(owner.send(Method::PATCH, &asset(&closed), &json, private).await.status, 200);
    for gone in [&deleted, &closed] {
        tests::eventually("the edge to forget", async || {
            (status(&viewer, &segment(gone)).await == 404).then_some(())
        })
        .await;
    }
    let guessed = viewer.send(Method::DELETE, &segment(&kept), &[("nexus-edge", "guessed")], "").await;
    assert_eq!(guessed.status, 405);
    assert!(viewer.get(&segment(&kept)).await.header("cache-status").contains("; hit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_one_process_a_deleted_film_ends_at_once() {
    let server = Server::start().await;
    let (owner, stranger) = (server.client(), server.stranger());
    let asset = owner.ready(&film(), &["--visibility", "public"]).await;
    let id = asset["id"].as_str().expect("an id");
    let segment = format!("/media/{id}/v1/video-180/00000.m4s");
    stranger.get(&segment).await;
    assert!(stranger.get(&segment).await.header("cache-status").contains("; hit"));
    owner.send(Method::DELETE, &format!("/api/v1/assets/{id}"), &[], "").await;
    tests::eventually("the segment to be gone", async || {
        (status(&stranger, &segment).await == 404).then_some(())
    })
    .await;
}
