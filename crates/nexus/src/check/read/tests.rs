//! Reading from servers and folders.

use std::io::Write;

use axum::{Router, response::IntoResponse, routing::get};
use conformance::{Check, Report};
use httpkit::client::ClientOptions;

use super::*;

const LIST: &str = "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n\
    #EXTINF:2.0,\n#EXT-X-BYTERANGE:7@3\nwhole.vtt\n#EXTINF:2.0,\n#EXT-X-BYTERANGE:7@3\nrange.vtt\n\
    #EXTINF:2.0,\nmoved.vtt\n#EXT-X-ENDLIST\n";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn typed(kind: &'static str, body: impl Into<Body>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind)], body.into())
}

/// A server that answers ranges in both ways, compresses playlists and redirects.
fn router() -> Router {
    let list = || async {
        let encoding = (header::CONTENT_ENCODING, "gzip");
        ([encoding], typed("application/vnd.apple.mpegurl", gzip(LIST)))
    };
    let range = || async {
        let content_range = (header::CONTENT_RANGE, "bytes 3-9/10");
        (StatusCode::PARTIAL_CONTENT, [content_range], typed("text/vtt", "WEBVTT\n"))
    };
    let moved = || async { (StatusCode::FOUND, [(header::LOCATION, "/film/there.vtt")]) };
    Router::new()
        .route("/film/list.m3u8", get(list))
        .route("/film/whole.vtt", get(|| async { typed("text/vtt", "xxxWEBVTT\n") }))
        .route("/film/range.vtt", get(range))
        .route("/film/moved.vtt", get(moved))
        .route("/film/there.vtt", get(|| async { typed("text/vtt", "WEBVTT\n") }))
        .route("/film/loop.m3u8", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "loop.m3u8")]) }))
}

async fn checked(path: &str) -> Report {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let check = Check::new(&format!("http://{}/film/{path}", listener.local_addr().unwrap())).unwrap();
    let reader = Reader::new(Client::new(ClientOptions::default()), None);
    tokio::select! {
        served = axum::serve(listener, router()).into_future() => panic!("the server ended: {served:?}"),
        report = crate::check::walk(check, &reader, 4) => report,
    }
}

#[tokio::test]
async fn ranges_gzip_and_redirects_are_understood() {
    let report = checked("list.m3u8").await;
    // WebVTT is not looked into, but told by its first bytes: the ranges were the right ones.
    let rules: Vec<&str> = report.findings.iter().map(|finding| &*finding.rule).collect();
    assert_eq!(rules, ["HTTP-REDIRECT"], "{:?}", report.findings);
    assert!(report.findings[0].resource.ends_with("moved.vtt"));
    assert_eq!(report.counts.segments_read, 3);
}

#[tokio::test]
async fn an_endless_redirect_is_unreadable() {
    let report = checked("loop.m3u8").await;
    assert!(!report.readable);
    assert!(report.findings[0].message.contains("redirects"), "{:?}", report.findings);
    assert!(checked("none.m3u8").await.findings[0].message.contains("404"));
}

#[test]
fn a_small_body_that_unpacks_to_a_large_one_is_refused() {
    let body = gzip(&"x".repeat(100_000));
    assert_eq!(decoded(body.clone().into(), Some("gzip"), 99_999), Err(Failure::TooLarge));
    assert_eq!(decoded(body.into(), Some("gzip"), 100_000).unwrap().len(), 100_000);
    assert!(matches!(decoded(Bytes::new(), Some("br"), 9), Err(Failure::Unreadable(_))));
    assert!(matches!(decoded(Bytes::from_static(b"no"), Some("gzip"), 9), Err(Failure::Unreadable(_))));
}

#[test]
fn a_range_that_is_not_the_one_asked_for_is_refused() {
    let headers =
        |range: &'static str| HeaderMap::from_iter([(header::CONTENT_RANGE, range.parse().unwrap())]);
    let bytes = Bytes::from_static(b"0123456789");
    let partial = StatusCode::PARTIAL_CONTENT;
    assert!(ranged(bytes.clone(), partial, &headers("bytes 0-9/20"), Some(5..15)).is_err());
    assert!(ranged(bytes.clone(), partial, &headers("bytes 5-14/20"), Some(5..15)).is_ok());
    assert!(ranged(bytes.clone(), partial, &headers("bytes 5-14/20"), Some(5..16)).is_err());
    assert_eq!(ranged(bytes.clone(), StatusCode::OK, &HeaderMap::new(), Some(2..4)).unwrap(), "23");
    assert!(ranged(bytes, StatusCode::OK, &HeaderMap::new(), Some(8..11)).is_err());
}

#[tokio::test]
async fn files_outside_of_the_folder_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(folder.path().join("secret.vtt"), "WEBVTT\n").unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret.vtt"), inside.join("link.vtt")).unwrap();
    let list = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n\
        #EXTINF:2.0,\n../secret.vtt\n#EXTINF:2.0,\nlink.vtt\n#EXT-X-ENDLIST\n";
    std::fs::write(inside.join("list.m3u8"), list).unwrap();
    let root = std::fs::canonicalize(&inside).unwrap();
    let check = Check::new(Url::from_file_path(root.join("list.m3u8")).unwrap().as_str()).unwrap();
    let report =
        crate::check::walk(check, &Reader::new(Client::new(ClientOptions::default()), Some(root)), 4).await;
    let refused = report.findings.iter().filter(|finding| finding.message.contains("outside"));
    assert_eq!((refused.count(), report.counts.segments_read), (2, 0));
}
