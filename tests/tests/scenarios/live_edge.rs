//! What is on air, through the edge: in one process with the origin, and in one of its own.

use futures_util::future::join_all;
use http::Method;
use serde_json::json;
use tests::{Answer, Client, Encoder, Server, ServerOptions, eventually, hls, live::Channel};

const CREDENTIAL: &str = "a-secret-between-edge-and-origin";
const METRICS_TOKEN: &str = "whoever-reads-metrics-knows-this";
/// Viewers who wait for the same segment.
const VIEWERS: usize = 200;

/// Waits until a channel can be watched; the paths of its renditions' lists.
async fn lists(viewer: &Client, multivariant: &str) -> Vec<String> {
    let text = eventually("the channel to be on air", async || {
        let answer = viewer.get(multivariant).await;
        (answer.status == 200).then(|| answer.text())
    })
    .await;
    let sound = text.lines().filter(|line| line.starts_with("#EXT-X-MEDIA:"));
    let sound = sound.filter_map(|line| hls::attribute(line, "URI"));
    let sound = sound.map(|uri| hls::join(multivariant, &uri));
    let mut lists: Vec<String> = hls::addresses(multivariant, &text).into_iter().chain(sound).collect();
    lists.sort();
    lists.dedup();
    assert!(lists.len() >= 2, "pictures and sound: {text}");
    lists
}

/// What a list hints: the part's path, and the number of its segment.
async fn hint(viewer: &Client, list: &str) -> (String, u64) {
    let answer = viewer.get(list).await;
    let text = answer.text();
    let line = text.lines().find(|line| line.starts_with("#EXT-X-PRELOAD-HINT:TYPE=PART"));
    let uri = hls::attribute(line.unwrap_or_else(|| panic!("{answer:?} {text}")), "URI").expect("a URI");
    let msn = uri.rsplit('/').next().and_then(|name| name.split('.').next()).and_then(|msn| msn.parse().ok());
    (hls::join(list, &uri), msn.expect("a number"))
}

/// The sum of a counter of live media.
async fn live_counter(reader: &Reader, name: &str, result: Option<&str>) -> u64 {
    let text = reader.metrics().await;
    let named = |line: &&str| line.starts_with(name) && line.contains("kind=\"live\"");
    let wanted = |line: &&str| result.is_none_or(|result| line.contains(&format!("result=\"{result}\"")));
    let lines = text.lines().filter(named).filter(wanted);
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

/// Whoever may read the metrics of a server.
struct Reader {
    client: Client,
    token: Option<&'static str>,
}

impl Reader {
    async fn metrics(&self) -> String {
        let bearer = self.token.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        let answer = self.client.send(Method::GET, "/metrics", &headers, "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text()
    }
}

/// Many viewers wait for the segment after the one that grows, in each rendition: the origin hears of it once.
async fn wait_together(viewer: &Client, reader: &Reader, lists: &[String]) {
    let (_, growing) = hint(viewer, &lists[0]).await;
    let next = growing + 1;
    let requests = "nexus_edge_upstream_requests_total";
    let before = live_counter(reader, requests, None).await;
    let collapsed = live_counter(reader, "nexus_edge_requests_total", Some("collapsed")).await;
    let urls: Vec<String> = lists.iter().map(|list| format!("{list}?_HLS_msn={next}")).collect();
    let gzip = [("accept-encoding", "identity"), ("origin", "https://page.example")];
    let answers =
        join_all((0..VIEWERS).map(|index| viewer.send(Method::GET, &urls[index % urls.len()], &gzip, "")));
    for answer in answers.await {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.text().contains(&format!("/{next}.m4s")), "{}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("cache-control").split(',').next(), Some("public"));
    }
    assert_eq!(live_counter(reader, requests, None).await - before, urls.len() as u64);
    let waited = live_counter(reader, "nexus_edge_requests_total", Some("collapsed")).await - collapsed;
    assert!(waited > 0, "nobody waited for another's request");
}

/// The hinted part is held, whole when it comes, and kept.
async fn fetch_hinted(viewer: &Client, lists: &[String]) -> Answer {
    let (part, _) = hint(viewer, &lists[0]).await;
    let first = viewer.get(&part).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert!(first.header("cache-control").contains("immutable") || part.starts_with("/p/"), "{first:?}");
    let again = viewer.get(&part).await;
    assert!(again.header("cache-status").contains("; hit"), "{again:?}");
    assert_eq!(first.body, again.body);
    first
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_channel_is_watched_through_the_edge_of_the_same_process() {
    let server = Server::start().await;
    let (owner, viewer) = (server.client(), server.stranger());
    let reader = Reader { client: server.client(), token: None };
    let channel = Channel::create(&owner, "studio", &json!({"visibility": "public"})).await;
    let mut encoder = Encoder::publish(&channel);
    let first = lists(&viewer, channel.path()).await;
    wait_together(&viewer, &reader, &first).await;
    fetch_hinted(&viewer, &first).await;
    let kinds = join_all(first.iter().map(|list| hint(&viewer, list))).await;
    let kinds = join_all(kinds.iter().map(|(part, _)| viewer.get(part))).await;
    let mut kinds: Vec<&str> = kinds.iter().map(|answer| answer.header("content-type")).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["audio/mp4", "video/mp4"]);

    encoder.stop().await;
    channel.until(&owner, "ended").await;
    // The edge may keep the list before for a second.
    eventually("the list to end", async || {
        viewer.get(&first[0]).await.text().contains("#EXT-X-ENDLIST").then_some(())
    })
    .await;
    let _encoder = Encoder::publish(&channel);
    eventually("the second broadcast", async || {
        let second = lists(&viewer, channel.path()).await;
        second.iter().all(|list| !first.contains(list)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_channel_is_watched_with_its_token_through_an_edge_of_its_own() {
    let credential = format!("edge.credential={CREDENTIAL}");
    let origin = Server::with(ServerOptions::command("origin", &[&credential])).await;
    let upstream = format!("edge.upstream={}", origin.url);
    let metrics = format!("telemetry.metrics_token={METRICS_TOKEN}");
    let edge = Server::with(ServerOptions::command("edge", &[&credential, &upstream, &metrics])).await;
    let (owner, viewer) = (origin.client(), edge.stranger());
    let channel = Channel::create(&owner, "studio", &json!({"visibility": "private"})).await;
    let _encoder = Encoder::publish(&channel);
    assert!(channel.path().starts_with("/p/"), "{}", channel.hls);
    let lists = lists(&viewer, channel.path()).await;
    assert!(lists.iter().all(|list| list.starts_with("/p/")), "relative addresses keep the token: {lists:?}");
    let reader = Reader { client: viewer.clone(), token: Some(METRICS_TOKEN) };
    wait_together(&viewer, &reader, &lists).await;
    fetch_hinted(&viewer, &lists).await;

    let bare = lists[0][lists[0].find("/live/").expect("a path")..].to_owned();
    for refused in [channel.bare(), bare.clone()] {
        assert_eq!(viewer.get(&refused).await.status, 404, "what the edge keeps is behind the token");
        assert_eq!(origin.stranger().get(&refused).await.status, 404, "a path without its token");
        let guessed = [("nexus-edge", "guessed-guessed-guessed")];
        assert_eq!(origin.stranger().send(Method::GET, &refused, &guessed, "").await.status, 404);
    }
    let spoilt = channel.path().replacen("/p/", "/p/A", 1);
    assert_eq!(viewer.get(&spoilt).await.status, 403);
    let other = Channel::create(&owner, "studio", &json!({"visibility": "private"})).await;
    let token = other.path().split("/live/").next().expect("a prefix").to_owned();
    assert_eq!(viewer.get(&format!("{token}{bare}")).await.status, 403, "another channel's token");
}
