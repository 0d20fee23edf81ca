//! Viewers who read media from the bucket itself, where the operator wants that.

use http::Method;
use testkit::TestBucket;
use tests::{Client, Server, ServerOptions, clip};

const SEGMENT: &str = "video-360/00000.m4s";

async fn server(bucket: &TestBucket) -> Server {
    let (place, key) = (format!("store.url={}", bucket.url()), TestBucket::ACCESS);
    let (id, secret) = (format!("store.access_key={key}"), format!("store.secret_key={key}"));
    Server::with(ServerOptions::all(&[&place, &id, &secret, "store.presigned_reads=true"])).await
}

/// Follows the address that a segment is sent to, as a player does: without any credential of ours.
async fn follow(client: &Client, path: &str) {
    let sent = client.get(path).await;
    assert_eq!(sent.status, 307, "{sent:?}");
    assert_eq!(sent.header("cache-control"), "public, max-age=1800, must-revalidate");
    let there = Client::new("", None);
    let whole = there.get(sent.header("location")).await;
    assert_eq!((whole.status.as_u16(), whole.header("content-type")), (200, "video/mp4"), "{path}");
    assert!(whole.header("cache-control").contains("immutable"), "{:?}", whole.headers);
    let part = there.send(Method::GET, sent.header("location"), &[("range", "bytes=4-7")], "").await;
    assert_eq!((part.status.as_u16(), part.text().as_str()), (206, "styp"), "{path}");
    let tampered = sent.header("location").replace("00000.a", "00001.a");
    assert_eq!(there.get(&tampered).await.status, 403, "the signature is for one object");
}

#[tokio::test(flavor = "multi_thread")]
async fn media_are_read_from_the_bucket_and_playlists_from_us() {
    let bucket = TestBucket::create().await.expect("an S3 server");
    let server = server(&bucket).await;
    let (client, stranger) = (server.client(), server.stranger());
    let asset = client.ready(&clip(14, "640x360", "25", &[]), &[]).await;
    let id = asset["id"].as_str().expect("an id");
    follow(&stranger, &format!("/media/{id}/v1/{SEGMENT}")).await;
    let list = stranger.get(&format!("/media/{id}/hls.m3u8")).await;
    assert_eq!(list.status, 200);
    assert_eq!(stranger.get(&format!("/media/{id}/v1/video-360/00099.m4s")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn private_media_are_sent_on_only_after_their_token() {
    let bucket = TestBucket::create().await.expect("an S3 server");
    let server = server(&bucket).await;
    let (client, stranger) = (server.client(), server.stranger());
    let film = clip(14, "640x360", "25", &[]);
    let asset = client.ready(&film, &["--visibility", "private"]).await;
    let id = asset["id"].as_str().expect("an id");
    assert_eq!(stranger.get(&format!("/media/{id}/v1/{SEGMENT}")).await.status, 404);
    let hls = asset["hls"].as_str().expect("an address with a token");
    let with_token = hls.replace("hls.m3u8", &format!("v1/{SEGMENT}"));
    follow(&stranger, with_token.trim_start_matches(client.url())).await;
}
