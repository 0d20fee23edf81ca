//! Uploads by the letter of tus 1.0.0.

use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::stream;
use http::Method;
use sha1::{Digest, Sha1};
use tests::{Answer, Client, Server};

const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const BYTES: (&str, &str) = ("content-type", "application/offset+octet-stream");

async fn create(client: &Client, length: usize) -> (String, String) {
    let answer =
        client.send(Method::POST, "/files", &[TUS, ("upload-length", &length.to_string())], "").await;
    assert_eq!(answer.status, 201, "{answer:?}");
    (answer.header("location").to_owned(), answer.header("nexus-asset").to_owned())
}

async fn patch(
    client: &Client,
    url: &str,
    offset: usize,
    body: impl Into<Body>,
    more: &[(&str, &str)],
) -> Answer {
    let offset = offset.to_string();
    let headers = [&[TUS, BYTES, ("upload-offset", offset.as_str())][..], more].concat();
    client.send(Method::PATCH, url, &headers, body).await
}

async fn offset(client: &Client, url: &str) -> String {
    client.send(Method::HEAD, url, &[TUS], "").await.header("upload-offset").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_what_it_can() {
    let server = Server::start().await;
    let answer = server.stranger().send(Method::OPTIONS, "/files", &[], "").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("tus-version"), "1.0.0");
    for extension in [
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "concatenation",
        "termination",
        "checksum",
        "expiration",
    ] {
        assert!(answer.header("tus-extension").split(',').any(|known| known == extension), "{extension}");
    }
    assert!(answer.header("tus-checksum-algorithm").contains("sha1"));
    assert!(answer.header("tus-max-size").parse::<u64>().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_viewers_upload_nothing() {
    let server = Server::start().await;
    let answer = server.stranger().send(Method::POST, "/files", &[TUS, ("upload-length", "1")], "").await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (401, "unauthorized"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_the_protocol_is_refused_with_its_status() {
    let server = Server::start().await;
    let client = server.client();
    let (url, _) = create(&client, 10).await;
    let version = client.send(Method::HEAD, &url, &[("tus-resumable", "0.2.2")], "").await;
    assert_eq!((version.status.as_u16(), version.header("tus-version")), (412, "1.0.0"));
    let kind = client
        .send(Method::PATCH, &url, &[TUS, ("content-type", "text/plain"), ("upload-offset", "0")], "x")
        .await;
    assert_eq!(kind.status, 415);
    assert_eq!(patch(&client, &url, 3, "x", &[]).await.status, 409);
    assert_eq!(patch(&client, &url, 0, "far too long for ten", &[]).await.status, 413);
    assert_eq!(offset(&client, &url).await, "0");
    let missing = client.send(Method::POST, "/files", &[TUS], "").await;
    assert_eq!(missing.status, 400);
    let huge = client.send(Method::POST, "/files", &[TUS, ("upload-length", "9999999999999999")], "").await;
    assert_eq!(huge.status, 413);
    let unknown = client.send(Method::HEAD, "/files/01h00000000000000000000000", &[TUS], "").await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_checksum_keeps_nothing_and_a_right_one_all() {
    let server = Server::start().await;
    let client = server.client();
    let (url, _) = create(&client, 10).await;
    let sum = |bytes: &[u8]| format!("sha1 {}", STANDARD.encode(Sha1::digest(bytes)));
    let wrong = patch(&client, &url, 0, "hello", &[("upload-checksum", &sum(b"hallo"))]).await;
    assert_eq!((wrong.status.as_u16(), wrong.problem().as_str()), (460, "checksum-mismatch"));
    assert_eq!(offset(&client, &url).await, "0");
    let right = patch(&client, &url, 0, "hello", &[("upload-checksum", &sum(b"hello"))]).await;
    assert_eq!((right.status.as_u16(), right.header("upload-offset")), (204, "5"));
    let unknown = patch(&client, &url, 5, "world", &[("upload-checksum", "crc32 AAAA")]).await;
    assert_eq!(unknown.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_at_one_offset_one_wins() {
    let server = Server::start().await;
    let client = server.client();
    let (url, _) = create(&client, 1 << 20).await;
    let slow = || {
        let pieces = stream::unfold(0, async |at| {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            (at < 16).then(|| (Ok::<_, std::io::Error>(Bytes::from(vec![at; 4096])), at + 1))
        });
        Body::from_stream(Box::pin(pieces))
    };
    let (one, other) =
        tokio::join!(patch(&client, &url, 0, slow(), &[]), patch(&client, &url, 0, slow(), &[]));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);
    assert_eq!(offset(&client, &url).await, "65536");
}

#[tokio::test(flavor = "multi_thread")]
async fn finishing_twice_makes_one_asset() {
    let server = Server::start().await;
    let client = server.client();
    let (url, asset) = create(&client, 5).await;
    let first = patch(&client, &url, 0, "hello", &[]).await;
    assert_eq!((first.status.as_u16(), first.header("nexus-asset")), (204, asset.as_str()));
    let again = patch(&client, &url, 5, "", &[]).await;
    assert_eq!((again.status.as_u16(), again.header("nexus-asset")), (204, asset.as_str()));
    let list = client.get("/api/v1/assets").await.json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(client.settled(&asset).await["state"], "failed", "five letters are no film");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_upload_is_gone() {
    let server = Server::start().await;
    let client = server.client();
    let (url, asset) = create(&client, 5).await;
    assert_eq!(client.send(Method::DELETE, &url, &[TUS], "").await.status, 204);
    assert_eq!(client.send(Method::HEAD, &url, &[TUS], "").await.status, 404);
    assert_eq!(patch(&client, &url, 0, "hello", &[]).await.status, 404);
    assert_eq!(client.get(&format!("/api/v1/assets/{asset}")).await.status, 404);
}

/// A client whose answer was lost asks again, with the key that it asked with before.
#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_is_asked_for_again_makes_one_upload() {
    let server = Server::start().await;
    let client = server.client();
    let ask = async |length: &str, key: &str| {
        let headers = [TUS, ("upload-length", length), ("idempotency-key", key)];
        client.send(Method::POST, "/files", &headers, "").await
    };
    let (first, again, other) = (ask("6", "a").await, ask("6", "a").await, ask("6", "b").await);
    let made = |answer: &Answer| {
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.header("upload-offset"), "0");
        (answer.header("location").to_owned(), answer.header("nexus-asset").to_owned())
    };
    assert_eq!(made(&first), made(&again));
    assert_ne!(made(&first), made(&other));
    assert_eq!(ask("7", "a").await.status, 422);
    let url = first.header("location");
    assert_eq!(patch(&client, url, 0, "abc", &[]).await.status, 204);
    assert_eq!(ask("6", "a").await.header("upload-offset"), "3");
    assert_eq!(patch(&client, url, 3, "def", &[]).await.status, 204);
    assert_eq!(ask("6", "a").await.header("upload-offset"), "6");
    let listed = client.get("/api/v1/assets").await.json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_may_bring_its_first_bytes() {
    let server = Server::start().await;
    let client = server.client();
    let metadata = format!("filename {},title {}", STANDARD.encode("a.mp4"), STANDARD.encode("Ä film"));
    let headers = [TUS, BYTES, ("upload-length", "10"), ("upload-metadata", &metadata)];
    let answer = client.send(Method::POST, "/files", &headers, "hello").await;
    assert_eq!((answer.status.as_u16(), answer.header("upload-offset")), (201, "5"));
    assert!(answer.header("upload-expires").ends_with("GMT"), "{answer:?}");
    let asset = client.asset(answer.header("nexus-asset")).await;
    assert_eq!((asset["title"].as_str(), asset["state"].as_str()), (Some("Ä film"), Some("uploading")));
    let head = client.send(Method::HEAD, answer.header("location"), &[TUS], "").await;
    assert_eq!((head.header("upload-metadata"), head.header("upload-length")), (metadata.as_str(), "10"));
    assert_eq!(head.header("cache-control"), "no-store");
}

/// A partial upload of these bytes; its path.
async fn partial(client: &Client, bytes: &'static str, length: usize) -> String {
    let length = length.to_string();
    let headers = [TUS, BYTES, ("upload-length", length.as_str()), ("upload-concat", "partial")];
    let answer = client.send(Method::POST, "/files", &headers, bytes).await;
    assert_eq!((answer.status.as_u16(), answer.header("nexus-asset")), (201, ""), "{answer:?}");
    let url = answer.header("location");
    url[url.find("/files/").expect("a path")..].to_owned()
}

async fn join(client: &Client, parts: &[&str], more: &[(&str, &str)]) -> Answer {
    let concat = format!("final;{}", parts.join(" "));
    client.send(Method::POST, "/files", &[&[TUS, ("upload-concat", &concat)], more].concat(), "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_become_one_upload_in_the_order_said() {
    let server = Server::start().await;
    let client = server.client();
    let (one, two) = (partial(&client, "hel", 5).await, partial(&client, "wor", 3).await);
    let unfinished = join(&client, &[&one, &two], &[]).await;
    assert_eq!((unfinished.status.as_u16(), unfinished.problem().as_str()), (409, "conflict"));
    assert_eq!(patch(&client, &one, 3, "lo", &[]).await.status, 204);
    let head = client.send(Method::HEAD, &one, &[TUS], "").await;
    assert_eq!((head.header("upload-offset"), head.header("upload-concat")), ("5", "partial"));
    let list = client.get("/api/v1/assets").await.json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(0), "{list}");

    let metadata = format!("filename {}", STANDARD.encode("joined.mp4"));
    let whole = join(&client, &[&two, &one], &[("upload-metadata", &metadata)]).await;
    assert_eq!((whole.status.as_u16(), whole.header("upload-offset")), (201, "8"), "{whole:?}");
    let (url, asset) = (whole.header("location"), whole.header("nexus-asset"));
    let head = client.send(Method::HEAD, url, &[TUS], "").await;
    assert_eq!((head.header("upload-offset"), head.header("upload-length")), ("8", "8"));
    assert_eq!(head.header("upload-concat"), format!("final;{two} {one}"));
    assert_eq!(patch(&client, url, 8, "more", &[]).await.status, 403);
    for part in [&one, &two] {
        assert_eq!(client.send(Method::HEAD, part, &[TUS], "").await.status, 404, "its bytes went over");
    }
    let shown = client.settled(asset).await;
    assert_eq!(shown["source"]["name"], "joined.mp4");
    assert_eq!((shown["source"]["bytes"].as_u64(), shown["state"].as_str()), (Some(8), Some("failed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_in_parts_becomes_ready() {
    let server = Server::start().await;
    let client = server.client();
    let film = std::fs::read(tests::clip(14, "640x360", "25", &[])).expect("the film");
    let mut parts = Vec::new();
    for piece in film.chunks(film.len() / 3 + 1) {
        let path = partial(&client, "", piece.len()).await;
        assert_eq!(patch(&client, &path, 0, piece.to_vec(), &[]).await.status, 204);
        parts.push(path);
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let whole = join(&client, &parts, &[]).await;
    let asset = client.settled(whole.header("nexus-asset")).await;
    let expected: String = sha2::Sha256::digest(&film).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        (asset["state"].as_str(), asset["source"]["sha256"].as_str()),
        (Some("ready"), Some(&*expected))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn final_uploads_of_what_is_not_there_are_refused() {
    let server = Server::start().await;
    let client = server.client();
    let part = partial(&client, "hello", 5).await;
    let (file, _) = create(&client, 5).await;
    for (parts, more, expected) in [
        (vec![], &[][..], 400),
        (vec![part.as_str(), part.as_str()], &[], 400),
        (vec!["/files/nonsense"], &[], 400),
        (vec![part.as_str()], &[("upload-length", "5")], 400),
        (vec![part.as_str()], &[("upload-defer-length", "1")], 400),
        (vec!["/files/01h00000000000000000000000"], &[], 404),
        (vec![file.as_str()], &[], 404),
    ] {
        let refused = join(&client, &parts, more).await;
        assert_eq!(refused.status.as_u16(), expected, "{parts:?} {more:?} {refused:?}");
    }
    let wrong =
        client.send(Method::POST, "/files", &[TUS, ("upload-concat", "Partial"), ("upload-length", "1")], "");
    assert_eq!(wrong.await.status, 400);
    let bytes = join(&client, &[&part], &[BYTES, ("transfer-encoding", "chunked")]).await;
    assert_eq!(bytes.status, 400);
    assert_eq!(client.send(Method::DELETE, &part, &[TUS], "").await.status, 204);
    assert_eq!(join(&client, &[&part], &[]).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_may_come_with_a_later_request() {
    let server = Server::start().await;
    let client = server.client();
    let created = client.send(Method::POST, "/files", &[TUS, ("upload-defer-length", "1")], "").await;
    assert_eq!(created.status, 201, "{created:?}");
    let url = created.header("location");
    assert_eq!(patch(&client, url, 0, "hel", &[]).await.status, 204);
    let head = client.send(Method::HEAD, url, &[TUS], "").await;
    assert_eq!((head.header("upload-defer-length"), head.header("upload-length")), ("1", ""));
    assert_eq!(head.header("upload-offset"), "3");
    assert_eq!(patch(&client, url, 3, "lo", &[("upload-length", "2")]).await.status, 422);
    assert_eq!(patch(&client, url, 3, "lo", &[("upload-length", "-5")]).await.status, 400);
    let huge = patch(&client, url, 3, "lo", &[("upload-length", "9999999999999999")]).await;
    assert_eq!(huge.status, 413);
    assert_eq!(patch(&client, url, 3, "l", &[("upload-length", "5")]).await.status, 204);
    assert_eq!(patch(&client, url, 4, "o", &[("upload-length", "6")]).await.status, 422, "it is said once");
    assert_eq!(patch(&client, url, 4, "o", &[("upload-length", "5")]).await.status, 204);
    let head = client.send(Method::HEAD, url, &[TUS], "").await;
    assert_eq!((head.header("upload-length"), head.header("upload-defer-length")), ("5", ""));
    assert_eq!(client.settled(created.header("nexus-asset")).await["source"]["bytes"], 5);
}
