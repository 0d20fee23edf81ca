//! One fill per object, streamed to everyone at their own pace.

use std::time::Duration;

use crate::support::*;
use axum::body::Body;
use bytes::Bytes;
use edge::{Edge, Upstream};
use futures_util::{StreamExt, future::join_all, stream};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tower::ServiceExt;

const LONG: &str = "public, max-age=31536000, immutable";
const PATH: &str = "/media/film/v1/video-720/00000.m4s";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_clients_on_a_cold_object_make_one_request_also_before_there_are_headers() {
    let (whole, latch) = (pattern(400_000), Latch::default());
    let (body, opened) = (whole.clone(), latch.clone());
    let origin = Origin::new(move |_| {
        let (body, opened) = (body.clone(), opened.clone());
        async move {
            opened.wait().await;
            let pieces: Vec<_> =
                body.chunks(10_000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
            let trickle = stream::iter(pieces).then(async |piece| {
                tokio::task::yield_now().await;
                piece
            });
            with(answer(LONG, Body::from_stream(trickle)), "content-length", &body.len().to_string())
        }
    });
    let site = site(&origin).await;
    let clients = join_all((0..500).map(|_| site.get(PATH)));
    let release = async {
        site.wait_entered(500).await;
        latch.open();
    };
    let (answers, ()) = tokio::join!(clients, release);
    assert_eq!(origin.count(), 1);
    assert!(answers.iter().all(|answer| answer.body == whole));
    let first: Vec<_> = answers
        .iter()
        .filter(|answer| answer.did().contains("fwd=uri-miss") && !answer.did().contains("collapsed"))
        .collect();
    assert_eq!(first.len(), 1, "one began the fill");
    assert!(first[0].did().contains("stored"));
    let later = site.get(PATH).await;
    assert!(later.did().starts_with("nexus-edge; hit"), "{}", later.did());
    assert_eq!((later.body, origin.count()), (whole, 1));
}

#[tokio::test]
async fn followers_read_what_has_arrived_while_the_fill_goes_on() {
    let (first, second, latch) = (pattern(300_000), pattern(200_000), Latch::default());
    let (a, b, opened) = (first.clone(), second.clone(), latch.clone());
    let origin = Origin::new(move |_| {
        let body = Body::from_stream(halves(a.clone(), b.clone(), &opened));
        async move { with(answer(LONG, body), "content-length", "500000") }
    });
    let site = site(&origin).await;
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let mut body = site.open(Method::GET, PATH, &[]).await.into_body().into_data_stream();
        let mut got = Vec::new();
        while got.len() < first.len() {
            got.extend_from_slice(&body.next().await.expect("more").expect("bytes"));
        }
        assert_eq!(got, first);
        bodies.push(body);
    }
    let within = site.get_with(PATH, &[("range", "bytes=10-19")]).await;
    assert_eq!(
        (within.status, within.header("content-range")),
        (StatusCode::PARTIAL_CONTENT, "bytes 10-19/500000")
    );
    assert_eq!(within.body, first.slice(10..20));
    let across = site.get_with(PATH, &[("range", "bytes=299990-300009")]);
    let suffix = site.get_with(PATH, &[("range", "bytes=-5")]);
    let release = async {
        site.wait_entered(6).await;
        latch.open();
    };
    let (across, suffix, ()) = tokio::join!(across, suffix, release);
    assert_eq!(across.body, [first.slice(299_990..), second.slice(..10)].concat());
    assert_eq!(suffix.body, second.slice(199_995..));
    for body in bodies {
        let rest: Vec<u8> = body.map(|piece| piece.expect("bytes").to_vec()).concat().await;
        assert_eq!(rest, second);
    }
    assert_eq!(origin.count(), 1);
}

#[tokio::test]
async fn the_first_clients_leaving_does_not_stop_the_fill() {
    let (whole, latch) = (pattern(100_000), Latch::default());
    let (body, opened) = (whole.clone(), latch.clone());
    let origin = Origin::new(move |_| {
        let body = Body::from_stream(halves(body.slice(..50_000), body.slice(50_000..), &opened));
        async move { with(answer(LONG, body), "content-length", "100000") }
    });
    let site = site(&origin).await;
    drop(site.open(Method::GET, PATH, &[]).await);
    latch.open();
    let second = site.get(PATH).await;
    assert_eq!((second.body, origin.count()), (whole, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_holds_nobody_up_and_still_gets_everything() {
    let whole = pattern(12 << 20);
    let body = whole.clone();
    let origin = Origin::new(move |_| {
        let body = body.clone();
        async move { answer(LONG, body) }
    });
    let site = site(&origin).await;
    let mut slow = TcpStream::connect(site.address).await.expect("connected");
    let request = format!("GET {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    slow.write_all(request.as_bytes()).await.expect("sent");
    site.wait_entered(1).await;
    assert_eq!(site.get(PATH).await.body, whole);
    assert_eq!(site.get(PATH).await.body, whole);
    let mut late = Vec::new();
    slow.read_to_end(&mut late).await.expect("everything");
    let head_end = late.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    assert_eq!(late[head_end..], whole);
    assert_eq!(origin.count(), 1);
}

/// An origin over a bare socket that announces 1,000 bytes but sends `sent` of them the first time.
async fn lying_origin(
    heads: [&'static str; 2],
    sent: usize,
) -> (Upstream, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let upstream = http_upstream(listener.local_addr().expect("an address"));
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    lifecycle::Tasks::new().spawn("lying origin", async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                if stream.read_buf(&mut request).await.expect("a request") == 0 {
                    break;
                }
            }
            let turn = counter.fetch_add(1, Ordering::SeqCst).min(1);
            let body = pattern(1000);
            let part = if turn == 0 { &body[..sent] } else { &body[..] };
            let chunked = heads[turn].contains("chunked");
            let framed = if chunked {
                [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat()
            } else {
                part.to_vec()
            };
            let end: &[u8] = if chunked && turn == 1 { b"0\r\n\r\n" } else { b"" };
            let answer = [heads[turn].as_bytes(), &framed, end].concat();
            stream.write_all(&answer).await.expect("sent");
            stream.shutdown().await.expect("closed");
        }
    });
    (upstream, count)
}

#[tokio::test]
async fn a_truncated_fill_never_looks_complete_and_is_never_stored() {
    use std::sync::atomic::Ordering;
    let counted =
        "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    for head in [counted, chunked] {
        let (upstream, count) = lying_origin([head, head], 400).await;
        let clock = ManualClock::new();
        let options = options(&clock);
        let site = site_with(upstream, clock, options).await;
        let cut = site.try_get(PATH, &[]).await;
        assert!(cut.is_err(), "a part must not look whole: {cut:?}");
        assert_eq!(count.load(Ordering::SeqCst), 1);
        let whole = site.get(PATH).await;
        assert_eq!((whole.body, count.load(Ordering::SeqCst)), (pattern(1000), 2));
        assert!(site.get(PATH).await.did().contains("hit"));
    }
}

#[tokio::test]
async fn whoever_has_read_all_of_an_answer_finds_it_stored() {
    let latch = Latch::default();
    let gate = latch.clone();
    let origin = Origin::new(move |_| {
        let body = Body::from_stream(halves(pattern(1000), Bytes::new(), &gate));
        async move { with(answer("max-age=60", body), "content-length", "1000") }
    });
    let clock = ManualClock::new();
    let options = options(&clock);
    let site = site_with(Upstream::in_process(origin.router()), clock, options).await;
    let mut first = Box::pin(site.get(PATH));
    let early = tokio::time::timeout(Duration::from_millis(50), &mut first).await;
    assert!(early.is_err(), "the last byte came before the answer was stored: {early:?}");
    latch.open();
    assert_eq!(first.await.body, pattern(1000));
    assert!(site.get(PATH).await.did().contains("hit"));
}

#[tokio::test]
async fn an_origin_in_process_that_sends_less_or_more_than_announced_is_not_believed() {
    for sent in [400, 1400] {
        let origin = Origin::new(move |_| async move {
            let pieces = pattern(sent)
                .chunks(100)
                .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
                .collect::<Vec<_>>();
            with(answer("max-age=60", Body::from_stream(stream::iter(pieces))), "content-length", "1000")
        });
        let clock = ManualClock::new();
        let options = options(&clock);
        let site = site_with(Upstream::in_process(origin.router()), clock, options).await;
        for request in 1..4 {
            let answer = site.try_get(PATH, &[]).await;
            assert!(answer.is_err() || sent > 1000, "a part must not look whole: {answer:?}");
            assert_eq!(origin.count(), request, "nothing was stored");
        }
    }
}

#[tokio::test]
async fn everyone_who_reads_a_fill_that_breaks_is_told() {
    let latch = Latch::default();
    let opened = latch.clone();
    let origin = Origin::new(move |_| {
        let opened = opened.clone();
        let broken = stream::iter([Ok(pattern(1000))]).chain(stream::once(async move {
            opened.wait().await;
            Err(std::io::Error::other("planted"))
        }));
        async move { with(answer(LONG, Body::from_stream(broken)), "content-length", "2000") }
    });
    let clock = ManualClock::new();
    let options = options(&clock);
    let site = site_with(Upstream::in_process(origin.router()), clock, options).await;
    let clients = join_all((0..20).map(|_| site.try_get(PATH, &[])));
    let early = async {
        let early = site.get_with(PATH, &[("range", "bytes=0-999")]).await;
        site.wait_entered(21).await;
        latch.open();
        early
    };
    let (answers, early) = tokio::join!(clients, early);
    assert!(answers.iter().all(Result::is_err), "none is whole");
    assert_eq!(early.body, pattern(1000), "what had arrived is good");
    assert_eq!(origin.count(), 1);
}

#[tokio::test]
async fn an_upstream_that_panics_is_a_502_for_everyone_and_not_the_end() {
    let origin = Origin::new(|parts: http::request::Parts| async move {
        assert!(!parts.uri.path().contains("bad"), "planted");
        answer("max-age=60", "fine")
    });
    let clock = ManualClock::new();
    let options = options(&clock);
    let site = site_with(Upstream::in_process(origin.router()), clock, options).await;
    let answers = join_all((0..5).map(|_| site.get("/media/film/bad"))).await;
    assert!(answers.iter().all(|answer| answer.status.is_server_error()), "{answers:?}");
    assert_eq!(site.get("/media/film/good").await.body, "fine");
}

#[tokio::test]
async fn a_hard_stop_ends_running_fills() {
    let origin = Origin::new(|_| async {
        let body = stream::iter([Ok::<_, std::io::Error>(pattern(10))]).chain(stream::pending());
        with(answer(LONG, Body::from_stream(body)), "content-length", "20")
    });
    let clock = ManualClock::new();
    let options = options(&clock);
    let site = site_with(Upstream::in_process(origin.router()), clock, options).await;
    let response = site.open(Method::GET, PATH, &[]).await;
    site.tasks.hard().cancel();
    assert!(response.into_body().collect().await.is_err());
    site.tasks.shutdown(Duration::from_secs(5)).await.expect("no fill outlives the stop");
}

/// A small generator, so that a failing schedule can be run again by its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below.max(1)
    }
}

/// An origin that sends `whole` in pieces and pauses as the dice fall.
fn dawdling(whole: &Bytes, announced: bool, seed: u64) -> Origin {
    let whole = whole.clone();
    Origin::new(move |_| {
        let (mut rest, mut dice) = (whole.clone(), Dice(seed));
        let response = if announced {
            with(answer(LONG, ""), "content-length", &rest.len().to_string())
        } else {
            answer(LONG, "")
        };
        let body = stream::poll_fn(move |cx| {
            if !rest.is_empty() && dice.roll(3) > 0 {
                cx.waker().wake_by_ref();
                return std::task::Poll::Pending;
            }
            let size = 1 + usize::try_from(dice.roll(5_000)).expect("small");
            let piece =
                (!rest.is_empty()).then(|| Ok::<_, std::io::Error>(rest.split_to(size.min(rest.len()))));
            std::task::Poll::Ready(piece)
        });
        async move { response.map(|_| Body::from_stream(body)) }
    })
}

#[tokio::test]
async fn whoever_comes_whenever_gets_exactly_the_bytes_asked_for() {
    for seed in 0..30 {
        let mut dice = Dice(seed);
        let whole = pattern(usize::try_from(dice.roll(60_000)).expect("small"));
        let announced = seed % 3 > 0;
        let origin = dawdling(&whole, announced, seed);
        let clock = ManualClock::new();
        let edge =
            Edge::new(options(&clock), Upstream::in_process(origin.router()), &lifecycle::Tasks::new());
        let router = edge.expect("an edge").router();
        let followers = (0..40).map(|_| {
            let (late, first, last) = (dice.roll(60), dice.roll(60_000), dice.roll(70_000));
            let (router, whole) = (router.clone(), whole.clone());
            async move {
                for _ in 0..late {
                    tokio::task::yield_now().await;
                }
                let request = http::Request::get(PATH).header("range", format!("bytes={first}-{last}"));
                let response = router
                    .oneshot(request.body(Body::empty()).expect("a request"))
                    .await
                    .expect("infallible");
                let (status, length) = (response.status().as_u16(), whole.len() as u64);
                let body = response.into_body().collect().await.expect("whole").to_bytes();
                match status {
                    206 => {
                        let end = length.min(last + 1);
                        assert_eq!(body, whole[first as usize..end as usize], "seed {seed}, {first}-{last}");
                    }
                    200 => assert!(!announced && body == whole, "seed {seed}"),
                    416 => {
                        assert!(first > last || first >= length, "seed {seed}, {first}-{last} of {length}");
                    }
                    other => panic!("seed {seed}: {other}"),
                }
            }
        });
        join_all(followers).await;
        assert_eq!(origin.count(), 1, "seed {seed}");
    }
}
