//! Films that the server fetches itself, from a server that behaves and from one that does not.

mod source;

use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, Server, ServerOptions, clip, digest, eventually};

use source::Source;

fn film() -> Vec<u8> {
    std::fs::read(clip(14, "640x360", "25", &[])).expect("the film")
}

fn other() -> Vec<u8> {
    std::fs::read(clip(4, "320x180", "25", &["--silent"])).expect("the other film")
}

/// Fetches from this machine, which an operator has to say on purpose.
const SETTINGS: [&str; 6] = [
    "import.allow=127.0.0.1:*,localhost:*",
    "import.allow_http=true",
    "import.allow_private=127.0.0.1/32",
    "import.stall_seconds=1",
    "import.attempts_max=2",
    "transcode.lease_seconds=3",
];

async fn server(more: &[&str]) -> Server {
    Server::with(ServerOptions::all(&[&SETTINGS, more].concat())).await
}

async fn ask(client: &Client, url: &str) -> Answer {
    let body = json!({ "url": url, "title": "Fetched" }).to_string();
    client.send(Method::POST, "/api/v1/imports", &[("content-type", "application/json")], body).await
}

async fn import(client: &Client, url: &str) -> String {
    let answer = ask(client, url).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let asset = answer.json();
    assert_eq!((&asset["title"], &asset["upload"]["fetched"]), (&"Fetched".into(), &true.into()));
    asset["id"].as_str().expect("an identifier").to_owned()
}

/// Waits until more of a film was fetched than `before`, and not all; how much.
async fn fetched(client: &Client, id: &str, before: u64) -> u64 {
    eventually("more of the film to be fetched", async || {
        let asset = client.asset(id).await;
        let offset = asset["upload"]["offset"].as_u64();
        assert_eq!(asset["state"], "uploading", "it was faster than the test: {asset}");
        offset.filter(|offset| *offset > before)
    })
    .await
}

fn reason(asset: &Value) -> &str {
    assert_eq!(asset["state"], "failed", "{asset}");
    asset["reason"].as_str().expect("a reason")
}

#[tokio::test(flavor = "multi_thread")]
async fn films_are_fetched_through_all_that_passes() {
    let (film, other, server) = (film(), other(), server(&[]).await);
    let source = Source::of(film.clone(), other.clone()).await;
    let client = server.client();
    let expected = digest(&film);
    let paths = ["/film.mp4", "/moved", "/cut.mp4", "/unmarked.mp4", "/chunked.mp4", "/busy"];
    let mut imports = Vec::new();
    for path in paths {
        imports.push((path, import(&client, &source.url(path)).await));
    }
    let changing = import(&client, &source.url("/changing.mp4")).await;
    let named = import(&client, &format!("http://localhost:{}/film.mp4", source.port())).await;
    imports.push(("by name", named));
    for (path, id) in &imports {
        let asset = client.settled(id).await;
        assert_eq!((&asset["state"], &asset["reason"]), (&"ready".into(), &Value::Null), "{path}");
        assert_eq!(asset["source"]["sha256"], expected.as_str(), "{path}");
        assert_eq!(asset["source"]["bytes"], film.len(), "{path}");
    }
    let parts = source.asked("/cut.mp4");
    assert!(parts.len() >= 3 && parts[0].from.is_none(), "{parts:?}");
    assert!(parts[1..].iter().all(|part| part.from.is_some() && part.if_range.as_deref() == Some("\"one\"")));
    assert!(source.asked("/unmarked.mp4").iter().all(|asked| asked.from.is_none()), "from the beginning");
    let asset = client.settled(&changing).await;
    assert_eq!(asset["source"]["sha256"], digest(&other).as_str(), "the film that is there by now");
    let metrics = client.get("/metrics").await.text();
    assert!(metrics.contains("nexus_jobs_ended_total{kind=\"import\",end=\"completed\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_fetched_fails_with_a_reason() {
    let server = server(&["upload.size_max_bytes=50000000", "import.workers=8"]).await;
    let source = Source::of(film(), other()).await;
    let client = server.client();
    let mut imports = Vec::new();
    for (path, words) in [
        ("/nowhere", "404 Not Found"),
        ("/loop", "from address to address"),
        ("/inside", "10.0.0.1 is not among the hosts"),
        ("/metadata", "169.254.169.254 is not among the hosts"),
        ("/file", "only https:// and http://"),
        ("/page", "a web page instead of a file"),
        ("/huge.mp4", "50000000 bytes"),
        ("/endless.mp4", "50000000 bytes"),
        ("/stalled.mp4", "it stalled"),
        ("/lying.mp4", "could not be read"),
    ] {
        imports.push((path, words, import(&client, &source.url(path)).await));
    }
    for (path, words, id) in &imports {
        let asset = client.settled(id).await;
        assert!(reason(&asset).contains(words), "{path}: {asset}");
        let retried = client.send(Method::POST, &format!("/api/v1/assets/{id}/retry"), &[], "").await;
        assert_eq!(retried.status, 409, "{path}: there is nothing to make it of");
    }
    assert_eq!(source.asked("/loop").len(), 6, "five redirects are followed");
    let limits = client.get("/api/v1/limits").await.json();
    assert_eq!(limits["bytes_used"], 0, "what came of them does not count");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_goes_on_fetching_where_it_was() {
    let film = film();
    let source = Source::of(film.clone(), other()).await;
    let mut server = server(&[]).await;
    let id = import(&server.client(), &source.url("/slow.mp4")).await;
    let mut before = 0;
    for _ in 0..2 {
        before = fetched(&server.client(), &id, before).await;
        server.kill().await;
        server.restart().await;
    }
    let asset = server.client().settled(&id).await;
    assert_eq!(asset["state"], "ready", "{asset}");
    assert_eq!(asset["source"]["sha256"], digest(&film).as_str());
    let asked = source.asked("/slow.mp4");
    assert_eq!((asked.len(), asked[0].from), (3, None), "{asked:?}");
    let resumed: Vec<usize> = asked[1..].iter().map(|part| part.from.expect("a range")).collect();
    assert!(resumed[0] > 0 && resumed[1] > resumed[0], "{resumed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_cancelled_and_the_line_is_dropped() {
    let source = Source::of(film(), other()).await;
    let server = server(&[]).await;
    let client = server.client();
    let id = import(&client, &source.url("/slow.mp4")).await;
    fetched(&client, &id, 0).await;
    let cancelled = client.send(Method::POST, &format!("/api/v1/assets/{id}/cancel"), &[], "").await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    assert_eq!(reason(&cancelled.json()), "It was cancelled.");
    eventually("the line to be dropped", async || (source.open() == 0).then_some(())).await;
    assert_eq!(reason(&client.asset(&id).await), "It was cancelled.");
    assert_eq!(source.asked("/slow.mp4").len(), 1, "nobody asks again");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_operators_word_nothing_is_fetched() {
    let source = Source::of(film(), other()).await;
    let off = Server::start().await;
    let refused = ask(&off.client(), "https://films.example/a.mov").await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (403, "imports-off"));

    // Hosts are allowed, and the machine itself is not: neither by its address nor by a name that leads there.
    let settings = ["import.allow=127.0.0.1:*,localhost:*", "import.allow_http=true"];
    let server = Server::with(ServerOptions::all(&settings)).await;
    let client = server.client();
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "127.1"] {
        let refused = ask(&client, &format!("http://{host}:{}/film.mp4", source.port())).await;
        assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (403, "import-refused"), "{host}");
    }
    let id = import(&client, &format!("http://localhost:{}/film.mp4", source.port())).await;
    let asset = client.settled(&id).await;
    assert!(reason(&asset).contains("localhost is not on the public internet"), "{asset}");
    assert!(source.asked("/film.mp4").is_empty(), "nothing was sent there");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_import_and_steer() {
    let source = Source::of(film(), other()).await;
    let server = server(&[]).await;
    let client = server.client();
    let (good, bad) = (source.url("/film.mp4"), source.url("/nowhere"));
    let (fine, lines) = client.told(&["import", &good, &bad, "--wait"]).await;
    assert!(!fine, "one of them failed");
    assert_eq!((&lines[0]["url"], &lines[0]["state"]), (&good.into(), &"ready".into()), "{lines:?}");
    assert_eq!((&lines[1]["url"], &lines[1]["state"]), (&bad.into(), &"failed".into()), "{lines:?}");
    let id = |line: &Value| line["asset"].as_str().expect("an asset").to_owned();
    let (ready, failed) = (id(&lines[0]), id(&lines[1]));

    let (fine, listed) = client.told(&["asset", "list"]).await;
    let ids: Vec<_> = listed.iter().map(|asset| asset["id"].as_str().expect("an id")).collect();
    assert_eq!((fine, ids), (true, vec![failed.as_str(), ready.as_str()]), "newest first");
    assert_eq!(client.told(&["asset", "list", "--query", "nothing of it"]).await, (true, vec![]));
    let (fine, shown) = client.told(&["asset", "show", &ready]).await;
    assert_eq!((fine, &shown[0]["state"], &shown[0]["title"]), (true, &"ready".into(), &"film".into()));
    assert!(!client.told(&["asset", "cancel", &ready]).await.0, "nothing is being made of it");
    assert!(!client.told(&["asset", "retry", &failed]).await.0, "it has no source");
    let (fine, again) = client.told(&["asset", "reencode", &ready, "--wait"]).await;
    assert_eq!((fine, &again[0]["state"], &again[0]["version"]), (true, &"ready".into(), &2.into()));
    let (fine, gone) = client.told(&["asset", "delete", &ready, &failed]).await;
    assert_eq!((fine, gone.len()), (true, 2), "{gone:?}");
    assert!(!client.told(&["asset", "show", &ready]).await.0);
    let slow = client.told(&["import", &source.url("/slow.mp4")]).await.1;
    let (fine, cancelled) = client.told(&["asset", "cancel", &id(&slow[0])]).await;
    assert_eq!((fine, &cancelled[0]["reason"]), (true, &"It was cancelled.".into()));
}
