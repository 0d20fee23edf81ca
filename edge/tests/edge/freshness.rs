//! What is stored, for how long, and what happens afterwards (RFC 9111, RFC 5861).

use std::time::Duration;

use crate::support::*;
use axum::{body::Body, response::Response};
use edge::Upstream;
use futures_util::{StreamExt, future::join_all, stream};
use http::{StatusCode, header, request::Parts};

const PATH: &str = "/media/film/hls.m3u8";

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn a_fresh_answer_is_served_from_memory_with_its_age() {
    let origin = Origin::new(|_| async { with(answer("max-age=10", "list"), "etag", "\"1\"") });
    let site = site(&origin).await;
    let miss = site.get(PATH).await;
    assert_eq!(miss.did(), "nexus-edge; fwd=uri-miss; fwd-status=200; stored");
    assert_eq!(miss.header("access-control-allow-origin"), "*");
    site.clock.advance(secs(9));
    let hit = site.get(PATH).await;
    assert_eq!((hit.did(), hit.header("age")), ("nexus-edge; hit; ttl=1", "9"));
    assert_eq!((hit.header("etag"), &hit.body[..]), ("\"1\"", &b"list"[..]));
    assert_eq!(origin.count(), 1);
}

#[tokio::test]
async fn a_stale_answer_is_confirmed_by_304_and_fresh_again() {
    let origin = Origin::new(|parts: Parts| async move {
        let response = with(answer("max-age=10", "list"), "etag", "\"1\"");
        match parts.headers.get(header::IF_NONE_MATCH) {
            Some(tag) if tag == "\"1\"" => {
                with(status(304, answer("max-age=20", Body::empty())), "etag", "\"1\"")
            }
            _ => response,
        }
    });
    let site = site(&origin).await;
    site.get(PATH).await;
    site.clock.advance(secs(10));
    let confirmed = site.get(PATH).await;
    assert_eq!(confirmed.did(), "nexus-edge; fwd=stale; fwd-status=304");
    assert_eq!((confirmed.status, &confirmed.body[..]), (StatusCode::OK, &b"list"[..]));
    assert_eq!(confirmed.header("age"), "0");
    site.clock.advance(secs(19));
    assert_eq!(site.get(PATH).await.did(), "nexus-edge; hit; ttl=1", "the 304's lifetime counts");
    assert_eq!(origin.count(), 2);
}

#[tokio::test]
async fn an_answer_confirmed_again_and_again_has_one_date_and_a_young_age() {
    let origin = Origin::new(|parts: Parts| async move {
        let confirmed = parts.headers.contains_key(header::IF_NONE_MATCH);
        let response = with(answer("max-age=10", "list"), "etag", "\"1\"");
        if confirmed { status(304, response) } else { response }
    });
    // In process nobody puts a Date on a 304.
    let (clock, upstream) = (ManualClock::new(), Upstream::in_process(origin.router()));
    let site = site_with(upstream, clock.clone(), options(&clock)).await;
    site.get(PATH).await;
    for _ in 0..3 {
        site.clock.advance(secs(11));
        site.get(PATH).await;
        site.clock.advance(secs(2));
        let hit = site.get(PATH).await;
        assert_eq!((hit.did(), hit.header("age")), ("nexus-edge; hit; ttl=8", "2"));
        assert_eq!(hit.headers.get_all(header::DATE).iter().count(), 1, "{:?}", hit.headers);
    }
}

#[tokio::test]
async fn a_stale_answer_gives_way_to_a_new_one() {
    let origin = Origin::new(|_| async { with(answer("max-age=10", "old"), "etag", "\"1\"") });
    let site = site(&origin).await;
    site.get(PATH).await;
    origin.now(|_| async { with(answer("max-age=10", "new"), "etag", "\"2\"") });
    site.clock.advance(secs(11));
    let renewed = site.get(PATH).await;
    assert_eq!((&renewed.body[..], renewed.header("etag")), (&b"new"[..], "\"2\""));
    assert_eq!(origin.last().headers[header::IF_NONE_MATCH], "\"1\"");
    assert_eq!(site.get(PATH).await.body, "new");
    assert_eq!(origin.count(), 2);
}

#[tokio::test]
async fn a_304_about_another_representation_is_not_believed() {
    let origin = Origin::new(|_| async { with(answer("max-age=10", "old"), "etag", "\"1\"") });
    let site = site(&origin).await;
    site.get(PATH).await;
    origin.now(|parts: Parts| async move {
        match parts.headers.contains_key(header::IF_NONE_MATCH) {
            true => with(status(304, answer("max-age=10", Body::empty())), "etag", "\"2\""),
            false => with(answer("max-age=10", "new"), "etag", "\"2\""),
        }
    });
    site.clock.advance(secs(11));
    assert_eq!(site.get(PATH).await.body, "new");
    assert_eq!(origin.count(), 3);
}

#[tokio::test]
async fn no_cache_is_kept_but_confirmed_every_time() {
    let origin = Origin::new(|parts: Parts| async move {
        match parts.headers.contains_key(header::IF_NONE_MATCH) {
            true => status(304, answer("no-cache", Body::empty())),
            false => with(answer("no-cache", "list"), "etag", "\"1\""),
        }
    });
    let site = site(&origin).await;
    for request in 1..4 {
        assert_eq!(site.get(PATH).await.body, "list");
        assert_eq!(origin.count(), request);
    }
    assert!(origin.last().headers.contains_key(header::IF_NONE_MATCH));
}

#[tokio::test]
async fn answers_for_one_requester_are_never_shared() {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("cache-control", "private, max-age=60"),
        ("set-cookie", "id=1"),
        ("vary", "cookie"),
        ("vary", "*"),
    ] {
        let origin = Origin::new(move |_| async move { with(answer("max-age=60", "mine"), name, value) });
        let site = site(&origin).await;
        let answers = join_all((0..5).map(|_| site.get(PATH))).await;
        assert!(answers.iter().all(|answer| answer.body == "mine" && !answer.did().contains("hit")));
        assert_eq!(origin.count(), 5, "{name}: {value}");
    }
}

#[tokio::test]
async fn absences_are_remembered_briefly() {
    let origin = Origin::new(|_| async { status(404, Response::new(Body::from("none"))) });
    let site = site(&origin).await;
    let answers = join_all((0..20).map(|_| site.get("/media/film/v1/video-720/00009.m4s"))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::NOT_FOUND && answer.body == "none"));
    assert_eq!(origin.count(), 1);
    site.clock.advance(Duration::from_millis(600));
    origin.now(|_| async { answer("max-age=60", "there") });
    assert_eq!(site.get("/media/film/v1/video-720/00009.m4s").await.body, "there");
}

#[tokio::test]
async fn a_failing_upstream_is_stood_in_for_as_long_as_allowed() {
    let origin = Origin::new(|_| async { answer("max-age=10, stale-if-error=100", "list") });
    let site = site(&origin).await;
    site.get(PATH).await;
    origin.now(|_| async { status(503, answer("no-store", "down")) });
    site.clock.advance(secs(20));
    let stale = site.get(PATH).await;
    assert_eq!((stale.status, &stale.body[..]), (StatusCode::OK, &b"list"[..]));
    assert_eq!(stale.did(), "nexus-edge; fwd=stale; ttl=-10; detail=stale-if-error");
    let again = site.get(PATH).await;
    assert_eq!(again.did(), "nexus-edge; hit; ttl=-10", "nobody waits for a failing upstream twice");
    site.clock.advance(secs(95));
    let over = site.get(PATH).await;
    assert_eq!(over.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn must_revalidate_is_not_stood_in_for() {
    let origin = Origin::new(|_| async { answer("max-age=10, must-revalidate", "list") });
    let site = site(&origin).await;
    site.get(PATH).await;
    origin.now(|_| async { status(500, answer("no-store", "down")) });
    site.clock.advance(secs(20));
    assert_eq!(site.get(PATH).await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn stale_while_revalidate_answers_at_once_and_renews_behind() {
    let origin = Origin::new(|_| async { answer("max-age=10, stale-while-revalidate=30", "old") });
    let site = site(&origin).await;
    site.get(PATH).await;
    let latch = Latch::default();
    let opened = latch.clone();
    origin.now(move |_| {
        let opened = opened.clone();
        async move {
            opened.wait().await;
            answer("max-age=10, stale-while-revalidate=30", "new")
        }
    });
    site.clock.advance(secs(20));
    for _ in 0..10 {
        assert_eq!(site.get(PATH).await.body, "old", "the upstream still thinks");
    }
    latch.open();
    while site.get(PATH).await.body != "new" {
        tokio::task::yield_now().await;
    }
    assert_eq!(origin.count(), 2, "ten readers, one renewal");
}

#[tokio::test]
async fn an_asset_that_became_private_is_forgotten() {
    let origin = Origin::new(|_| async { with(answer("max-age=10", "list"), "etag", "\"1\"") });
    let site = site(&origin).await;
    site.get(PATH).await;
    origin.now(|_| async { status(404, answer("no-store", "none")) });
    site.clock.advance(secs(20));
    assert_eq!(site.get(PATH).await.status, StatusCode::NOT_FOUND);
    origin.now(|_| async { status(503, answer("no-store", "down")) });
    assert_eq!(
        site.get(PATH).await.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "the old list stands in for nothing"
    );
}

#[tokio::test]
async fn a_failing_upstream_is_asked_once_for_all_who_wait() {
    let latch = Latch::default();
    let opened = latch.clone();
    let origin = Origin::new(move |_| {
        let opened = opened.clone();
        async move {
            opened.wait().await;
            status(500, answer("no-store", "down"))
        }
    });
    let site = site(&origin).await;
    let clients = join_all((0..50).map(|_| site.get(PATH)));
    let release = async {
        site.wait_entered(50).await;
        latch.open();
    };
    let (answers, ()) = tokio::join!(clients, release);
    assert!(answers.iter().all(|answer| answer.status.is_server_error()));
    assert!(origin.count() < 5, "{} requests", origin.count());
}

#[tokio::test]
async fn memory_is_bounded_and_what_does_not_fit_goes_through() {
    let origin = Origin::new(|parts: Parts| async move {
        let kilobytes: usize =
            parts.uri.path().rsplit('-').next().and_then(|text| text.parse().ok()).expect("a size");
        answer("max-age=60", pattern(kilobytes << 10))
    });
    let clock = ManualClock::new();
    let bounded =
        edge::EdgeOptions { cache_bytes_max: 1 << 20, object_bytes_max: 400 << 10, ..options(&clock) };
    let site = site_of(&origin, clock, bounded).await;
    for object in 0..30 {
        assert_eq!(site.get(&format!("/media/film/{object}-100")).await.body.len(), 100 << 10);
    }
    let before = origin.count();
    let mut hits = 0;
    for object in (0..30).rev() {
        hits += usize::from(site.get(&format!("/media/film/{object}-100")).await.did().contains("hit"));
    }
    assert!((8..=10).contains(&hits), "{hits} of 30 objects of 100 KiB fit into 1 MiB");
    assert_eq!(origin.count() - before, 30 - hits);
    for _ in 0..2 {
        let large = site.get("/media/film/large-500").await;
        assert_eq!((large.body.len(), large.did()), (500 << 10, "nexus-edge; fwd=uri-miss; fwd-status=200"));
    }
}

#[tokio::test]
async fn an_answer_without_length_is_bounded_too() {
    let origin = Origin::new(|parts: Parts| async move {
        let endless = parts.uri.path().ends_with("endless");
        let pieces = stream::repeat(pattern(10_000)).take(if endless { 1_000 } else { 10 });
        answer("max-age=60", Body::from_stream(pieces.map(Ok::<_, std::io::Error>)))
    });
    let clock = ManualClock::new();
    let bounded =
        edge::EdgeOptions { cache_bytes_max: 1 << 20, object_bytes_max: 400 << 10, ..options(&clock) };
    let site = site_of(&origin, clock, bounded).await;
    assert_eq!(site.get("/media/film/short").await.body.len(), 100_000);
    let hit = site.get("/media/film/short").await;
    assert!(hit.did().contains("hit") && hit.header("content-length") == "100000", "{hit:?}");
    assert!(site.try_get("/media/film/endless", &[]).await.is_err(), "cut off, not stored, not whole");
    assert_eq!(site.get("/media/film/short").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_a_504_and_one_that_is_gone_a_502() {
    let origin = Origin::new(|_| std::future::pending());
    let clock = ManualClock::new();
    let hasty = edge::EdgeOptions { upstream_timeout: Duration::from_millis(200), ..options(&clock) };
    let site = site_of(&origin, clock, hasty).await;
    let late = site.get(PATH).await;
    assert_eq!(late.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(late.did(), "nexus-edge; fwd=uri-miss; detail=upstream-timeout");
    assert_eq!(late.header("content-type"), "application/problem+json");
    assert_eq!(late.header("access-control-allow-origin"), "*");
    let free =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let clock = ManualClock::new();
    let options = options(&clock);
    let gone = site_with(http_upstream(free), clock, options).await;
    assert_eq!(gone.get(PATH).await.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_body_that_stalls_is_cut_and_not_stored() {
    let origin = Origin::new(|_| async {
        let body = stream::iter([Ok::<_, std::io::Error>(pattern(10))]).chain(stream::pending());
        with(answer("max-age=60", Body::from_stream(body)), "content-length", "20")
    });
    let clock = ManualClock::new();
    let hasty = edge::EdgeOptions { upstream_timeout: Duration::from_millis(200), ..options(&clock) };
    let site = site_of(&origin, clock, hasty).await;
    assert!(site.try_get(PATH, &[]).await.is_err());
    assert!(site.try_get(PATH, &[]).await.is_err());
    assert_eq!(origin.count(), 2);
}

#[tokio::test]
async fn requests_to_the_upstream_are_bounded() {
    let (latch, most) = (Latch::default(), std::sync::Arc::new(std::sync::Mutex::new((0usize, 0usize))));
    let (opened, meter) = (latch.clone(), most.clone());
    let origin = Origin::new(move |_| {
        let (opened, meter) = (opened.clone(), meter.clone());
        async move {
            {
                let mut now = meter.lock().expect("unpoisoned");
                now.0 += 1;
                now.1 = now.1.max(now.0);
            }
            opened.wait().await;
            meter.lock().expect("unpoisoned").0 -= 1;
            answer("max-age=60", "x")
        }
    });
    let clock = ManualClock::new();
    let narrow = edge::EdgeOptions { upstream_requests_max: 2, ..options(&clock) };
    let site = site_of(&origin, clock, narrow).await;
    let paths: Vec<String> = (0..40).map(|object| format!("/media/film/{object}")).collect();
    let clients = join_all(paths.iter().map(|path| site.get(path)));
    let release = async {
        site.wait_entered(40).await;
        while origin.count() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        latch.open();
    };
    let (answers, ()) = tokio::join!(clients, release);
    assert_eq!(most.lock().expect("unpoisoned").1, 2);
    let served = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    let refused = answers.iter().filter(|answer| answer.status == StatusCode::SERVICE_UNAVAILABLE).count();
    assert_eq!((served + refused, served), (40, 16), "two at once, sixteen known at once, the rest refused");
}
