//! What is on air: lists and parts that an origin holds, brought once for all who wait.

use std::time::Duration;

use crate::support::*;
use axum::response::Response;
use edge::Edge;
use futures_util::future::join_all;
use http::{Method, StatusCode, request::Parts};
use httpkit::{Guard, guard};
use lifecycle::Tasks;
use tokio::{sync::watch, time::Instant};

const BLOCKED: &str = "public, max-age=6";
const FILE: &str = "public, max-age=31536000, immutable";
const RENDITIONS: [&str; 3] = ["source", "video-360", "audio"];

fn list(rendition: &str) -> String {
    format!("/live/studio/b1/{rendition}.m3u8")
}

fn asked(rendition: &str, part: u64) -> String {
    format!("{}?_HLS_msn=7&_HLS_part={part}", list(rendition))
}

/// The number behind `_HLS_part=` of a query, or before `.m4s` of a path; 0 without any.
fn part_of(parts: &Parts) -> u64 {
    let query = parts.uri.query().and_then(|query| query.split_once("_HLS_part=")?.1.split('&').next());
    let path = parts.uri.path().strip_suffix(".m4s").and_then(|path| path.rsplit('.').next());
    query.or(path).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// A broadcast whose part `shown` is the last: requests for later ones are held.
fn broadcast(shown: &watch::Sender<u64>) -> Origin {
    let shown = shown.clone();
    Origin::new(move |parts: Parts| {
        let (mut shown, wanted) = (shown.subscribe(), part_of(&parts));
        async move {
            let last = *shown.wait_for(|shown| *shown >= wanted).await.expect("the test shows parts");
            let control = if parts.uri.path().ends_with(".m4s") { FILE } else { BLOCKED };
            answer(control, format!("{} up to {last}", parts.uri.path()))
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_viewers_who_wait_for_a_part_make_one_request_a_rendition() {
    let shown = watch::Sender::new(0);
    let origin = broadcast(&shown);
    let site = site(&origin).await;
    for part in 1..=4_u64 {
        let urls: Vec<String> = RENDITIONS.iter().map(|rendition| asked(rendition, part)).collect();
        let viewers = join_all((0..2_000).map(|viewer| site.get(&urls[viewer % urls.len()])));
        let show = async {
            site.wait_entered(usize::try_from(part).expect("small") * 2_000).await;
            shown.send_replace(part);
        };
        let (answers, ()) = tokio::join!(viewers, show);
        for (viewer, answer) in answers.iter().enumerate() {
            let expected = format!("{} up to {part}", list(RENDITIONS[viewer % RENDITIONS.len()]));
            assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, expected.as_bytes()));
        }
        assert_eq!(origin.count(), usize::try_from(part).expect("small") * RENDITIONS.len());
    }
}

#[tokio::test]
async fn a_hinted_part_is_held_for_all_and_kept() {
    let shown = watch::Sender::new(0);
    let origin = broadcast(&shown);
    let site = site(&origin).await;
    let path = "/live/studio/b1/source/7.3.m4s";
    let viewers = join_all((0..200).map(|viewer| {
        let url = format!("{path}?viewer={viewer}");
        let site = &site;
        async move { site.get(&url).await }
    }));
    let show = async {
        site.wait_entered(200).await;
        shown.send_replace(3);
    };
    let (answers, ()) = tokio::join!(viewers, show);
    assert!(answers.iter().all(|answer| answer.body == format!("{path} up to 3")));
    site.clock.advance(Duration::from_secs(100));
    assert!(site.get(path).await.did().starts_with("nexus-edge; hit"));
    assert_eq!((origin.count(), origin.last().uri.query()), (1, None));
}

#[tokio::test]
async fn a_wait_at_the_origin_does_not_age_the_answer() {
    let shown = watch::Sender::new(0);
    let origin = broadcast(&shown);
    let site = site(&origin).await;
    let url = asked("source", 1);
    let waiting = site.get(&url).await_with(async {
        site.wait_entered(1).await;
        site.clock.advance(Duration::from_secs(12));
        shown.send_replace(1);
    });
    let first = waiting.await;
    assert_eq!((first.status, first.header("age")), (StatusCode::OK, "0"));
    let second = site.get(&asked("source", 1)).await;
    assert!(second.did().starts_with("nexus-edge; hit; ttl=6"), "{}", second.did());
    site.clock.advance(Duration::from_secs(6));
    assert!(site.get(&asked("source", 1)).await.did().contains("fwd="), "kept for a bounded time");
    assert_eq!(origin.count(), 2);
}

/// A future while something else happens.
trait AwaitWith: Future + Sized {
    async fn await_with(self, other: impl Future<Output = ()>) -> Self::Output {
        tokio::join!(self, other).0
    }
}

impl<F: Future> AwaitWith for F {}

#[tokio::test]
async fn queries_that_ask_for_the_same_are_one_and_carry_nothing_else_to_the_origin() {
    let shown = watch::Sender::new(9);
    let origin = broadcast(&shown);
    let site = site(&origin).await;
    for query in [
        "_HLS_msn=7&_HLS_part=2&_HLS_skip=YES",
        "_HLS_skip=YES&_HLS_part=02&x=1&_HLS_msn=007",
        "CMCD=bl%3D100&_HLS_msn=7&_HLS_part=2&_HLS_other=1&_HLS_skip=YES",
    ] {
        assert_eq!(site.get(&format!("{}?{query}", list("source"))).await.status, StatusCode::OK);
    }
    assert_eq!(origin.count(), 1);
    assert_eq!(origin.last().uri.query(), Some("_HLS_msn=7&_HLS_part=2&_HLS_skip=YES"));
    for flood in 0..50 {
        for path in [list("source"), "/live/studio/hls.m3u8".into(), "/live/studio/b1/source/7.m4s".into()] {
            site.get(&format!("{path}?x={flood}")).await;
        }
    }
    assert_eq!(origin.count(), 4);
    let long = site.get(&format!("{}?{}", list("source"), "x".repeat(4_100))).await;
    assert_eq!((long.status, origin.count()), (StatusCode::BAD_REQUEST, 4));
}

#[tokio::test]
async fn viewers_who_leave_do_not_end_the_wait_of_others() {
    let shown = watch::Sender::new(0);
    let origin = broadcast(&shown);
    let site = site(&origin).await;
    let url = asked("source", 1);
    let held = async {
        while origin.count() < 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        answer = site.get(&url) => panic!("it is held, not {answer:?}"),
        () = held => {}
    }
    let stays = site.get(&url).await_with(async {
        site.wait_entered(2).await;
        shown.send_replace(1);
    });
    assert_eq!(stays.await.status, StatusCode::OK);
    assert_eq!(origin.count(), 1);
}

#[tokio::test]
async fn the_edge_waits_as_long_as_an_origin_holds() {
    let origin = Origin::new(async |_| {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        answer(BLOCKED, "late")
    });
    let clock = ManualClock::new();
    let hasty = edge::EdgeOptions { upstream_timeout: Duration::from_millis(300), ..options(&clock) };
    let site = site_of(&origin, clock, hasty).await;
    let begun = Instant::now();
    let (live, film) = tokio::join!(async { site.get(&asked("source", 1)).await }, site.get("/media/film/x"));
    assert_eq!((live.status, film.status), (StatusCode::OK, StatusCode::GATEWAY_TIMEOUT));
    assert!(begun.elapsed() >= Duration::from_millis(1_500));
}

fn refusal(code: u16, control: &str) -> Response {
    with(status(code, answer(control, "refused")), "retry-after", "1")
}

#[tokio::test]
async fn nothing_in_time_is_503_for_all_at_once_and_never_kept() {
    let latch = Latch::default();
    let held = latch.clone();
    let origin = Origin::new(move |_| {
        let held = held.clone();
        async move {
            held.wait().await;
            refusal(503, "no-store")
        }
    });
    let site = site(&origin).await;
    let url = asked("source", 1);
    let viewers = join_all((0..50).map(|_| site.get(&url))).await_with(async {
        site.wait_entered(50).await;
        latch.open();
    });
    for answer in viewers.await {
        assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    assert_eq!(origin.count(), 1);
    site.get(&url).await;
    assert_eq!(origin.count(), 2);
}

#[tokio::test]
async fn refusals_are_kept_for_as_long_as_they_say() {
    for (code, control, kept) in
        [(400, "public, max-age=1", true), (404, "public, max-age=1", true), (404, "no-cache", false)]
    {
        let origin = Origin::new(move |_| async move { refusal(code, control) });
        let site = site(&origin).await;
        let url = asked("source", 99);
        for _ in 0..3 {
            assert_eq!(site.get(&url).await.status.as_u16(), code);
        }
        assert_eq!(origin.count(), if kept { 1 } else { 3 }, "{code} {control}");
        site.clock.advance(Duration::from_secs(1));
        origin.now(async |_| answer(BLOCKED, "there"));
        assert_eq!(site.get(&url).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn what_is_on_air_pushes_no_film_out_of_memory() {
    let origin = Origin::new(|parts: Parts| async move {
        answer(FILE, if parts.uri.path().starts_with("/live/") { pattern(1 << 20) } else { pattern(1 << 10) })
    });
    let site = site(&origin).await;
    let film = "/media/film/v1/video-720/00000.m4s";
    site.get(film).await;
    for msn in 0..80 {
        site.get(&format!("/live/studio/b1/source/{msn}.m4s")).await;
    }
    assert!(site.get(film).await.did().starts_with("nexus-edge; hit"));
    let asked_before = origin.count();
    site.get("/live/studio/b1/source/0.m4s").await;
    assert_eq!(origin.count(), asked_before + 1, "live media have bounds, too");
}

#[tokio::test]
async fn a_private_channel_needs_its_token() {
    let origin = Origin::new(|parts: Parts| async move {
        match parts.headers.get("nexus-edge") {
            Some(credential) if credential == CREDENTIAL => answer(BLOCKED, "secret"),
            _ => status(404, answer("public, max-age=1", "nothing here")),
        }
    });
    let site = site(&origin).await;
    let (bare, valid) = (asked("source", 1), token("studio", 100));
    let opened = site.get(&format!("/p/{valid}{bare}")).await;
    assert_eq!((opened.status, &opened.body[..]), (StatusCode::OK, &b"secret"[..]));
    assert_eq!(origin.last().uri, *bare, "the origin sees neither token nor prefix");
    assert_eq!(site.get(&bare).await.status, StatusCode::NOT_FOUND);
    for refused in [token("other", 100), token("studio", 0), "x".to_owned()] {
        assert_eq!(site.get(&format!("/p/{refused}{bare}")).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(site.get(&format!("/p/{valid}/media/film/x")).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_answer_that_was_waited_for_does_not_outlive_the_token_either() {
    for (waited_s, control) in [(5, "public, max-age=5"), (8, "public, max-age=2"), (12, "public, max-age=0")]
    {
        let shown = watch::Sender::new(0);
        let origin = broadcast(&shown);
        let site = site(&origin).await;
        let url = format!("/p/{}{}", token("studio", 10), asked("source", 1));
        let waiting = site.get(&url).await_with(async {
            site.wait_entered(1).await;
            site.clock.advance(Duration::from_secs(waited_s));
            shown.send_replace(1);
        });
        let answer = waiting.await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, control));
    }
}

#[tokio::test]
async fn made_up_requests_for_one_list_hold_up_no_other() {
    let shown = watch::Sender::new(0);
    let origin = broadcast(&shown);
    let site = site(&origin).await;
    let urls: Vec<String> = (1..=200).map(|part| asked("source", part)).collect();
    let flood = join_all(urls.iter().map(|url| site.get(url)));
    let others = async {
        site.wait_entered(200).await;
        assert_eq!(site.get(&list("video-360")).await.status, StatusCode::OK);
        shown.send_replace(200);
    };
    let (answers, ()) = tokio::join!(flood, others);
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != StatusCode::OK).collect();
    assert_eq!((refused.len(), origin.count()), (72, 129));
    for answer in refused {
        assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
        assert!(answer.did().ends_with("detail=upstream-busy"), "{}", answer.did());
    }
    assert_eq!(site.get(&asked("source", 200)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_of_other_sites_may_read_it() {
    let shown = watch::Sender::new(9);
    let site = site(&broadcast(&shown)).await;
    let from = [("origin", "https://page.example")];
    for (method, code) in [(Method::GET, 200), (Method::HEAD, 200), (Method::OPTIONS, 204)] {
        let answer = site.open(method.clone(), &asked("source", 1), &from).await;
        assert_eq!(answer.status().as_u16(), code, "{method}");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{method}");
    }
}

#[tokio::test]
async fn each_coding_of_a_list_is_brought_once() {
    let origin = Origin::new(|parts: Parts| async move {
        let coding = parts.headers["accept-encoding"].to_str().expect("text").to_owned();
        let answer = with(answer(BLOCKED, coding.clone()), "vary", "accept-encoding");
        if coding == "gzip" { with(answer, "content-encoding", "gzip") } else { answer }
    });
    let site = site(&origin).await;
    for accepted in ["gzip, deflate, br, zstd", "gzip", "identity", "br", ""] {
        let answer = site.get_with(&asked("source", 1), &[("accept-encoding", accepted)]).await;
        let coding = if accepted.contains("gzip") { "gzip" } else { "" };
        assert_eq!((answer.header("content-encoding"), answer.header("vary")), (coding, "accept-encoding"));
    }
    assert_eq!(origin.count(), 2);
}

#[tokio::test]
async fn who_waits_takes_no_place_of_others() {
    let shown = watch::Sender::new(0);
    let origin = broadcast(&shown);
    let (clock, tasks) = (ManualClock::new(), Tasks::new());
    let upstream = http_upstream(listen(origin.router(), &tasks).await);
    let edge = Edge::new(options(&clock), upstream, &tasks).expect("an edge");
    let narrow = guard(edge.router(), Guard { requests_max: 1, ..Guard::new(clock.ambient()) });
    let site = site_around(narrow, clock, tasks).await;
    let url = asked("source", 1);
    let waiting = join_all((0..20).map(async |_| {
        loop {
            let answer = site.get(&url).await;
            if answer.status == StatusCode::OK {
                return answer;
            }
        }
    }));
    let others = async {
        site.wait_entered(20).await;
        while site.get("/media/film/x").await.status != StatusCode::OK {
            tokio::task::yield_now().await;
        }
        shown.send_replace(1);
    };
    let (answers, ()) = tokio::join!(waiting, others);
    assert_eq!(answers.len(), 20);
    assert_eq!(origin.count(), 2);
}
