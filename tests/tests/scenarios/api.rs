//! The API's manners: lists, filters, conditions, events that can be resumed.

use std::time::Duration;

use http::{Method, header};
use httpkit::client::{Client as Http, ClientOptions};
use serde_json::{Value, json};
use tests::{Client, Server, clip, eventually};

const JSON: (&str, &str) = ("content-type", "application/json");

fn path(asset: &Value) -> String {
    format!("/api/v1/assets/{}", asset["id"].as_str().expect("an id"))
}

async fn ids(client: &Client, query: &str) -> Vec<Value> {
    let page = client.get(&format!("/api/v1/assets?{query}")).await;
    assert_eq!(page.status, 200, "{page:?}");
    page.json()["items"].as_array().expect("a list").iter().map(|asset| asset["id"].clone()).collect()
}

/// An upload that stays open.
async fn begin(client: &Client) {
    let headers = [("tus-resumable", "1.0.0"), ("upload-length", "10")];
    assert_eq!(client.send(Method::POST, "/files", &headers, "").await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_narrowed_and_changes_can_expect_what_they_change() {
    let server = Server::start().await;
    let owner = server.client();
    let film = owner.ready(&clip(4, "320x180", "25", &["--silent"]), &["--visibility", "public"]).await;
    begin(&owner).await;
    let all = ids(&owner, "").await;
    assert_eq!(all.len(), 2);
    assert_eq!(ids(&owner, "state=ready").await, [film["id"].clone()]);
    assert_eq!(ids(&owner, "state=uploading&visibility=unlisted").await, all[..1]);
    assert_eq!(ids(&owner, "visibility=private").await, Vec::<Value>::new());
    let created = film["created_ms"].as_i64().expect("a time");
    assert_eq!(ids(&owner, &format!("created_from_ms={created}")).await, all);
    assert_eq!(ids(&owner, &format!("created_before_ms={created}")).await, Vec::<Value>::new());
    for (query, status) in [
        ("state=nothing", 422),
        ("state=deleted", 422),
        ("limit=0", 400),
        ("limit=201", 400),
        ("after=x", 400),
    ] {
        let refused = owner.get(&format!("/api/v1/assets?{query}")).await;
        assert_eq!(refused.status.as_u16(), status, "{query}");
        assert!(!refused.problem().is_empty());
    }
    let page = owner.get("/api/v1/assets?limit=1").await;
    let link = page.header("link").trim_start_matches('<').split('>').next().expect("a target").to_owned();
    assert_eq!(ids(&owner, link.split_once('?').expect("a query").1).await, all[1..]);

    let shown = owner.get(&path(&film)).await;
    let tag = shown.header("etag").to_owned();
    let rename = async |title: &str, tag: &str| {
        let body = json!({"title": title}).to_string();
        owner.send(Method::PATCH, &path(&film), &[JSON, ("if-match", tag)], body).await
    };
    let renamed = rename("first", &tag).await;
    assert_eq!((renamed.status.as_u16(), renamed.json()["title"].clone()), (200, json!("first")));
    let late = rename("second", &tag).await;
    assert_eq!((late.status.as_u16(), late.problem().as_str()), (412, "precondition-failed"));
    assert_eq!(rename("third", "nonsense").await.status, 412);
    assert_eq!(rename("fourth", renamed.header("etag")).await.status, 200);
    assert_eq!(rename("fifth", "*").await.json()["title"], "fifth");
}

/// The stream of events as a browser reads it, until it has told of `wanted`.
async fn follow(server: &Server, last: Option<&str>, wanted: &str) -> String {
    let http = Http::new(ClientOptions::default());
    let mut request = http::Request::get(format!("{}/api/v1/events", server.url))
        .header(header::AUTHORIZATION, format!("Bearer {}", server.key()));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response =
        http.send(request.body(axum::body::Body::empty()).expect("a request")).await.expect("an answer");
    let mut stream = response.into_body().into_data_stream();
    let mut heard = String::new();
    let read = async {
        while !heard.contains(wanted) {
            let piece = futures_util::StreamExt::next(&mut stream).await.expect("more").expect("a piece");
            heard.push_str(&String::from_utf8_lossy(&piece));
        }
    };
    tokio::time::timeout(Duration::from_secs(60), read).await.expect("it is told of");
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_comes_back_is_told_what_it_missed() {
    let mut server = Server::start().await;
    let owner = server.client();
    begin(&owner).await;
    let first = follow(&server, Some("0"), "asset.created").await;
    let id = first.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id").to_owned();
    begin(&owner).await;
    eventually("the second upload", async || (ids(&owner, "").await.len() == 2).then_some(())).await;
    // Also over a restart: places are kept with the events.
    server.stop().await;
    server.restart().await;
    let second = follow(&server, Some(&id), "asset.created").await;
    assert_eq!(second.matches("event: asset.created").count(), 1, "{second}");
    assert_ne!(second.lines().find_map(|line| line.strip_prefix("id: ")), Some(id.as_str()));
    let lost = follow(&server, Some("999999"), "event: reset").await;
    assert!(!lost.contains("asset.created"), "{lost}");
}
