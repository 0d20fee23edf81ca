//! A crowd that stays at the live edge of every rendition: each viewer asks for the next part and waits, through an edge
//! of its own process. The origin is asked once for each part of a rendition, and everybody gets each part.
//!
//! `NEXUS_TEST_LIVE_VIEWERS` says how many there are and `NEXUS_TEST_LIVE_SECONDS` how long they stay. How long after
//! the origin had a part viewers had it is printed: whoever asks the origin itself for the same part tells when.

use std::{collections::BTreeMap, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use httpkit::client::{Client as Http, ClientOptions, collect};
use serde_json::json;
use tests::{Client, Encoder, Server, ServerOptions, asked, eventually, hls, live::Channel};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

const METRICS_TOKEN: &str = "whoever-reads-metrics-knows-this";
const LIST_BYTES_MAX: u64 = 1 << 20;
/// The longest that anything here may take once asked for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Segment and part.
type Place = (u64, u64);

/// An answer that a viewer got.
struct Got {
    place: Place,
    asked: Instant,
    answered: Instant,
}

/// What a list hints.
fn hint(text: &str) -> Place {
    let line = text.lines().find(|line| line.starts_with("#EXT-X-PRELOAD-HINT:TYPE=PART"));
    let uri = hls::attribute(line.unwrap_or_else(|| panic!("no hint in {text}")), "URI").expect("a URI");
    let name = uri.rsplit('/').next().expect("a name").to_owned();
    let numbers: Vec<u64> = name.split('.').filter_map(|piece| piece.parse().ok()).collect();
    (numbers[0], numbers[1])
}

fn reload(list: &str, (msn, part): Place) -> String {
    format!("{list}?_HLS_msn={msn}&_HLS_part={part}&_HLS_skip=YES")
}

/// The whole answer, which is 200.
async fn get(http: &Http, url: &str) -> Bytes {
    let request = Request::get(url).body(Body::empty()).expect("a request");
    let answered = async {
        let (parts, body) = http.send(request).await.expect("an answer").into_parts();
        assert_eq!(parts.status, 200, "{url}");
        collect(body, LIST_BYTES_MAX).await.expect("a whole body")
    };
    timeout(PATIENCE, answered).await.expect("an answer in time")
}

/// Asks the origin itself for part after part, tells the crowd which is next, and notes when each was there.
async fn lead(
    http: &Http,
    list: &str,
    until: Instant,
    next: watch::Sender<Option<Place>>,
) -> BTreeMap<Place, Instant> {
    let mut there = BTreeMap::new();
    let mut place = hint(&String::from_utf8_lossy(&get(http, list).await));
    while Instant::now() < until {
        next.send_replace(Some(place));
        let text = get(http, &reload(list, place)).await;
        there.insert(place, Instant::now());
        place = hint(&String::from_utf8_lossy(&text));
    }
    there
}

/// Waits for every part that the crowd is told of, until nobody tells any more.
async fn watch(http: &Http, list: &str, mut next: watch::Receiver<Option<Place>>) -> Vec<Got> {
    let mut got = Vec::new();
    while next.changed().await.is_ok() {
        let Some(place) = *next.borrow_and_update() else { continue };
        let asked = Instant::now();
        let text = get(http, &reload(list, place)).await;
        let answered = Instant::now();
        let newer = hint(&String::from_utf8_lossy(&text));
        assert!(newer > place, "{place:?} is not in a list that hints {newer:?}");
        got.push(Got { place, asked, answered });
    }
    got
}

/// How long after both the origin had it and the viewer had asked, in milliseconds, in order.
fn delays(there: &BTreeMap<Place, Instant>, got: &[Got]) -> Vec<u128> {
    let delay = |got: &Got| {
        let begins = there.get(&got.place)?.max(&got.asked);
        Some(got.answered.saturating_duration_since(*begins).as_millis())
    };
    let mut delays: Vec<u128> = got.iter().filter_map(delay).collect();
    delays.sort_unstable();
    delays
}

async fn asked_upstream(edge: &Server) -> u64 {
    let bearer = format!("Bearer {METRICS_TOKEN}");
    let answer =
        edge.stranger().send(http::Method::GET, "/metrics", &[("authorization", &bearer)], "").await.text();
    let line =
        answer.lines().find(|line| line.starts_with("nexus_edge_upstream_requests_total{kind=\"live\"}"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

/// The paths of the renditions' lists.
async fn lists(viewer: &Client, channel: &Channel) -> Vec<String> {
    let text = eventually("the channel to be on air", async || {
        let answer = viewer.get(channel.path()).await;
        (answer.status == 200).then(|| answer.text())
    })
    .await;
    let sound = text.lines().filter(|line| line.starts_with("#EXT-X-MEDIA:"));
    let sound =
        sound.filter_map(|line| hls::attribute(line, "URI")).map(|uri| hls::join(channel.path(), &uri));
    hls::addresses(channel.path(), &text).into_iter().chain(sound).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_the_live_edge_asks_the_origin_once_for_each_part() {
    let viewers = asked("NEXUS_TEST_LIVE_VIEWERS", 120_usize);
    let seconds = asked("NEXUS_TEST_LIVE_SECONDS", 4_u64);
    let origin = Server::with(ServerOptions::command("origin", &[])).await;
    let metrics = format!("telemetry.metrics_token={METRICS_TOKEN}");
    let upstream = format!("edge.upstream={}", origin.url);
    let edge = Server::with(ServerOptions::command("edge", &[&upstream, &metrics])).await;
    let channel = Channel::create(&origin.client(), "studio", &json!({"visibility": "public"})).await;
    let _encoder = Encoder::publish(&channel);
    let lists = lists(&origin.stranger(), &channel).await;
    for list in &lists {
        get(&Http::new(ClientOptions::default()), &format!("{}{list}", origin.url)).await;
    }

    let crowd = Http::new(ClientOptions { pool_max: viewers, ..ClientOptions::default() });
    let direct = Http::new(ClientOptions::default());
    let (before, until) = (asked_upstream(&edge).await, Instant::now() + Duration::from_secs(seconds));
    let renditions = lists.iter().enumerate().map(|(index, list)| {
        let (next, told) = watch::channel(None);
        let (own, through) = (format!("{}{list}", origin.url), format!("{}{list}", edge.url));
        let size = (viewers + index) / lists.len();
        let (crowd, direct) = (&crowd, &direct);
        async move {
            let watchers = join_all((0..size).map(|_| watch(crowd, &through, told.clone())));
            tokio::join!(lead(direct, &own, until, next), watchers)
        }
    });
    let mut all = Vec::new();
    let mut places = 0;
    for (there, got) in join_all(renditions).await {
        let got: Vec<Got> = got.into_iter().flatten().collect();
        places += there.len();
        all.extend(delays(&there, &got));
    }
    let requests = asked_upstream(&edge).await - before;
    all.sort_unstable();
    let at = |percent: usize| all.get((all.len() * percent / 100).min(all.len() - 1)).copied().unwrap_or(0);
    println!(
        "{viewers} viewers, {seconds} s, {} renditions: {} answers, {places} parts, {requests} requests to the origin, \
         p50 {} ms, p99 {} ms, most {} ms",
        lists.len(),
        all.len(),
        at(50),
        at(99),
        at(100)
    );
    assert!(requests <= places as u64, "{requests} requests for {places} parts");
    assert!(all.len() >= viewers * usize::try_from(seconds).expect("short"), "{} answers", all.len());
}
