//! Routes, tokens, keys, and the answers made from one stored object.

use std::time::Duration;

use crate::support::*;
use axum::body::Body;
use edge::{Edge, EdgeOptions, Keys, Upstream};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use http::{Method, StatusCode, header, request::Parts};
use lifecycle::Tasks;
use playback_token::{Claims, Signer};
use settings::Secret;
use telemetry::{Health, Metrics, Role, State};

const PATH: &str = "/media/film/v1/video-720/00000.m4s";
const LONG: &str = "public, max-age=31536000, immutable";

/// Refuses without the credential, as the real origin does for private media.
async fn private_origin(parts: Parts) -> axum::response::Response {
    match parts.headers.get("nexus-edge") {
        Some(credential) if credential == CREDENTIAL => answer(LONG, "secret"),
        _ => status(404, answer("public, max-age=60", "nothing here")),
    }
}

#[tokio::test]
async fn private_bytes_never_reach_a_request_without_a_token() {
    let guarded = format!("/p/{}{PATH}", token("film", 100));
    let forged = [("nexus-edge", CREDENTIAL), ("authorization", "Bearer x")];
    for with_token_first in [true, false] {
        let origin = Origin::new(private_origin);
        let site = site(&origin).await;
        for round in 0..6 {
            if (round % 2 == 0) == with_token_first {
                let answer = site.get(&guarded).await;
                assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"secret"[..]));
            } else {
                let answer = site.get_with(PATH, &forged).await;
                assert_eq!((answer.status, &answer.body[..]), (StatusCode::NOT_FOUND, &b"nothing here"[..]));
            }
        }
        let credentials: Vec<bool> =
            origin.seen().iter().map(|seen| seen.headers.contains_key("nexus-edge")).collect();
        assert_eq!(credentials, [with_token_first, !with_token_first], "each kind once, then from memory");
        assert!(
            origin
                .seen()
                .iter()
                .all(|seen| seen.uri.path() == PATH && !seen.headers.contains_key("authorization"))
        );
    }
}

#[tokio::test]
async fn tokens_expire_and_fit_one_asset_also_when_the_object_is_stored() {
    let origin = Origin::new(private_origin);
    let site = site(&origin).await;
    let valid = token("film", 100);
    assert_eq!(site.get(&format!("/p/{valid}{PATH}")).await.body, "secret");
    let mut mutated = valid.clone().into_bytes();
    mutated[20] = if mutated[20] == b'A' { b'B' } else { b'A' };
    let mutated = String::from_utf8(mutated).expect("ASCII");
    let stranger = Signer::generate([1; 32]);
    let claims = Claims { asset: "film".into(), audience: "t".into(), expires_s: START_S + 100 };
    let foreign = stranger.mint(&claims).expect("minted");
    for (bad, slug) in [
        (token("film", 0), "token-expired"),
        (token("other", 100), "token-refused"),
        (mutated, "token-refused"),
        (foreign, "token-refused"),
        ("x".to_owned(), "token-refused"),
    ] {
        let refused = site.get(&format!("/p/{bad}{PATH}")).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{slug}");
        let body = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(body.contains(&format!("urn:nexus:problem:{slug}")), "{body}");
        assert_eq!(refused.header("cache-control"), "no-store");
    }
    site.clock.advance(Duration::from_secs(99));
    assert_eq!(site.get(&format!("/p/{valid}{PATH}")).await.status, StatusCode::OK);
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(site.get(&format!("/p/{valid}{PATH}")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(origin.count(), 1);
}

#[tokio::test]
async fn without_a_credential_none_is_sent() {
    let origin = Origin::new(private_origin);
    let clock = ManualClock::new();
    let bare = EdgeOptions { credential: None, ..options(&clock) };
    let site = site_of(&origin, clock, bare).await;
    assert_eq!(site.get(&format!("/p/{}{PATH}", token("film", 100))).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn keys_are_fetched_from_the_upstream_and_again_when_an_unknown_one_appears() {
    let (old, new) = (signer(), Signer::generate([5; 32]));
    let keys = |jwks: playback_token::Jwks| {
        move |parts: Parts| {
            let jwks = serde_json::to_string(&jwks).expect("JSON");
            async move {
                match parts.uri.path() {
                    "/.well-known/jwks.json" => answer("no-cache", jwks),
                    _ => private_origin(parts).await,
                }
            }
        }
    };
    let origin = Origin::new(keys(old.jwks()));
    let clock = ManualClock::new();
    let fetching =
        EdgeOptions { keys: Keys::Fetched { every: Duration::from_millis(50) }, ..options(&clock) };
    let site = site_of(&origin, clock, fetching).await;
    assert_eq!(site.get(&format!("/p/{}{PATH}", token("film", 100))).await.status, StatusCode::OK);
    let claims = Claims { asset: "film".into(), audience: "t".into(), expires_s: START_S + 100 };
    let fresh = format!("/p/{}{PATH}", new.mint(&claims).expect("minted"));
    assert_eq!(site.get(&fresh).await.status, StatusCode::FORBIDDEN);
    let fetches = origin.seen().iter().filter(|seen| seen.uri.path().contains("jwks")).count();
    assert_eq!(fetches, 1, "unknown keys do not make the edge ask again and again");
}

#[tokio::test]
async fn an_upstream_without_keys_is_reported_and_tokens_wait() {
    let origin = Origin::new(|_| async { status(404, answer("no-store", "none")) });
    let clock = ManualClock::new();
    let fetching = EdgeOptions { keys: Keys::Fetched { every: Duration::from_secs(60) }, ..options(&clock) };
    let site = site_of(&origin, clock, fetching).await;
    let waiting = site.get(&format!("/p/{}{PATH}", token("film", 100))).await;
    assert_eq!(waiting.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(waiting.header("retry-after"), "1");
}

#[tokio::test]
async fn an_edge_of_its_own_tells_how_it_fares() {
    let origin = Origin::new(|_| async { status(404, answer("no-store", "none")) });
    let upstream = http_upstream(listen(origin.router(), &Tasks::new()).await);
    let metrics = Metrics::install().expect("the only recorder of this process");
    let (clock, tasks, health) = (ManualClock::new(), Tasks::new(), Health::new(Role::Edge));
    let fetching = EdgeOptions { keys: Keys::Fetched { every: Duration::from_secs(60) }, ..options(&clock) };
    let edge = Edge::new(fetching, upstream, &tasks).expect("an edge");
    let routes = edge.stand_alone(health.clone(), metrics, &Secret::new("reader"));
    let site = site_around(routes, clock, tasks).await;
    site.get(&format!("/p/{}{PATH}", token("film", 100))).await;
    assert!(matches!(health.snapshot()[0].state, State::Degraded(_)));
    assert_eq!(site.get("/health/live").await.status, StatusCode::NO_CONTENT);
    assert_eq!(site.get("/health/ready").await.status, StatusCode::NO_CONTENT, "public media are served");
    assert!(!String::from_utf8_lossy(&site.get("/health").await.body).contains("edge-keys"));
    let bearer = [("authorization", "Bearer reader")];
    let health = site.get_with("/health", &bearer).await;
    assert!(String::from_utf8_lossy(&health.body).contains(r#""name":"edge-keys","state":"degraded""#));
    for headers in [&[][..], &[("authorization", "Bearer other")], &[("authorization", "reader")]] {
        assert_eq!(site.get_with("/metrics", headers).await.status, StatusCode::UNAUTHORIZED);
    }
    site.get(PATH).await;
    let metrics = String::from_utf8_lossy(&site.get_with("/metrics", &bearer).await.body).into_owned();
    for line in [
        "nexus_edge_requests_total{kind=\"media\",result=\"miss\"} ",
        "nexus_edge_fills_total{kind=\"media\",result=\"passed\"} ",
        "nexus_http_requests_in_flight ",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert_eq!(site.get("/none").await.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn tricks_with_paths_and_methods_are_refused() {
    let origin = Origin::new(|_| async { answer(LONG, "x") });
    let site = site(&origin).await;
    for (path, expected) in [
        ("/media/film/%2e%2e/other", 400),
        ("/media/film/..%2fother", 400),
        ("/media/film//x", 400),
        ("/media/film/x%00", 400),
        ("/media/film", 404),
        ("/media/", 404),
        ("/p/x/other/film", 404),
        ("/elsewhere", 404),
    ] {
        let refused = site.get(path).await;
        assert_eq!(refused.status.as_u16(), expected, "{path}");
        assert_eq!(refused.header("content-type"), "application/problem+json", "{path}");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::TRACE] {
        let refused = site.open(method.clone(), PATH, &[]).await;
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(refused.headers()[header::ALLOW], "GET, HEAD, OPTIONS");
    }
    let preflight = site.open(Method::OPTIONS, PATH, &[("origin", "https://a.example")]).await;
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn query_and_client_headers_neither_split_nor_poison_the_cache() {
    let origin = Origin::new(|_| async { answer(LONG, "same") });
    let site = site(&origin).await;
    site.get_with(
        &format!("{PATH}?a=1"),
        &[("x-forwarded-host", "evil"), ("cookie", "a=b"), ("cache-control", "no-cache")],
    )
    .await;
    let second = site.get_with(&format!("{PATH}?b=2&a=1"), &[("range", "bytes=0-1")]).await;
    assert!(second.did().contains("hit") && second.body == "sa");
    let seen = origin.last();
    assert_eq!(seen.uri.query(), None);
    let mut names: Vec<_> = seen.headers.keys().map(header::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept-encoding", "host", "user-agent", "via", "x-request-id"]);
    assert_eq!(origin.count(), 1);
}

#[tokio::test]
async fn ranges_conditions_and_head_are_answered_from_memory() {
    let whole = pattern(1000);
    let body = whole.clone();
    let origin = Origin::new(move |_| {
        let body = body.clone();
        async move { with(with(answer(LONG, body), "etag", "\"v1\""), "content-type", "video/mp4") }
    });
    let site = site(&origin).await;
    let head = site.open(Method::HEAD, PATH, &[]).await;
    assert_eq!(
        (head.status(), &head.headers()[header::CONTENT_LENGTH]),
        (StatusCode::OK, &"1000".parse().expect("a header"))
    );
    for (range, expected, content_range) in [
        ("bytes=0-9", 0..10, "bytes 0-9/1000"),
        ("bytes=990-", 990..1000, "bytes 990-999/1000"),
        ("bytes=-1", 999..1000, "bytes 999-999/1000"),
    ] {
        let part = site.get_with(PATH, &[("range", range)]).await;
        assert_eq!((part.status, part.header("content-range")), (StatusCode::PARTIAL_CONTENT, content_range));
        assert_eq!(part.header("content-length"), expected.len().to_string());
        assert_eq!(part.body, whole.slice(expected));
    }
    let beyond = site.get_with(PATH, &[("range", "bytes=1000-")]).await;
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */1000")
    );
    assert_eq!(site.get_with(PATH, &[("range", "bytes=0-1,5-6")]).await.body, whole);
    let held = site.get_with(PATH, &[("if-none-match", "W/\"v1\"")]).await;
    assert_eq!(
        (held.status, held.header("etag"), held.header("content-type")),
        (StatusCode::NOT_MODIFIED, "\"v1\"", "")
    );
    assert_eq!(held.header("cache-control"), LONG);
    let changed = site.get_with(PATH, &[("range", "bytes=0-1"), ("if-range", "\"v0\"")]).await;
    assert_eq!((changed.status, changed.body.len()), (StatusCode::OK, 1000));
    assert_eq!(site.get_with(PATH, &[("if-match", "\"v0\"")]).await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(origin.count(), 1);
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut encoder, text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

#[tokio::test]
async fn playlists_are_kept_once_per_coding_and_media_only_plain() {
    let origin = Origin::new(|parts: Parts| async move {
        let packed = parts.headers[header::ACCEPT_ENCODING] == "gzip";
        let body = if packed { gzip("#EXTM3U") } else { b"#EXTM3U".to_vec() };
        let response = with(answer("max-age=60", Body::from(body)), "vary", "accept-encoding");
        if packed {
            with(with(response, "content-encoding", "gzip"), "etag", "\"g\"")
        } else {
            with(response, "etag", "\"i\"")
        }
    });
    let site = site(&origin).await;
    for _ in 0..2 {
        let packed = site.get_with("/media/film/hls.m3u8", &[("accept-encoding", "gzip, br")]).await;
        assert_eq!((packed.header("content-encoding"), packed.header("etag")), ("gzip", "\"g\""));
        let mut text = String::new();
        std::io::Read::read_to_string(&mut GzDecoder::new(&packed.body[..]), &mut text).expect("gzip");
        assert_eq!(text, "#EXTM3U");
        let plain = site.get_with("/media/film/hls.m3u8", &[("accept-encoding", "br, gzip;q=0")]).await;
        assert_eq!((plain.header("content-encoding"), &plain.body[..]), ("", &b"#EXTM3U"[..]));
        assert_eq!(plain.header("vary"), "accept-encoding");
    }
    assert_eq!(origin.count(), 2);
    site.get_with(PATH, &[("accept-encoding", "gzip")]).await;
    assert_eq!(origin.last().headers[header::ACCEPT_ENCODING], "identity");
}

#[tokio::test]
async fn an_origin_in_the_same_process_is_an_upstream_like_any_other() {
    let origin = Origin::new(private_origin);
    let clock = ManualClock::new();
    let options = options(&clock);
    let site = site_with(Upstream::in_process(origin.router()), clock, options).await;
    let guarded = format!("/p/{}{PATH}", token("film", 100));
    assert_eq!(site.get(&guarded).await.body, "secret");
    assert!(site.get(&guarded).await.did().contains("hit"));
    assert_eq!(site.get(PATH).await.status, StatusCode::NOT_FOUND);
}
