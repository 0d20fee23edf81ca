//! Webhooks to a real receiver: signed, in order, at least once, whatever the receiver does.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, response::IntoResponse, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use tests::{Answer, Client, Server, ServerOptions, clip, eventually};
use tokio::{net::TcpListener, task::JoinHandle};

const JSON: (&str, &str) = ("content-type", "application/json");

/// What a receiver was sent.
#[derive(Clone, Debug)]
struct Message {
    headers: HeaderMap,
    body: String,
}

impl Message {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn is_signed(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a prefix")).expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key");
        let signed =
            format!("{}.{}.{}", self.header("webhook-id"), self.header("webhook-timestamp"), self.body);
        mac.update(signed.as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}

#[derive(Clone, Default)]
struct Desk {
    inbox: Arc<Mutex<Vec<Message>>>,
    /// Answers to give before the usual 204.
    script: Arc<Mutex<Vec<StatusCode>>>,
}

/// A receiver on a port of its own, which can go away and come back.
struct Receiver {
    desk: Desk,
    address: String,
    task: JoinHandle<()>,
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let body = String::from_utf8_lossy(&body).into_owned();
    desk.inbox.lock().expect("unpoisoned").push(Message { headers, body });
    let mut script = desk.script.lock().expect("unpoisoned");
    let status = if script.is_empty() { StatusCode::NO_CONTENT } else { script.remove(0) };
    (status, [("location", "http://127.0.0.1:9/elsewhere")], "x".repeat(1 << 20))
}

#[expect(clippy::disallowed_methods, reason = "the receiver ends with the test")]
async fn serve(desk: Desk, address: &str) -> (String, JoinHandle<()>) {
    let listener = eventually("the receiver's port", async || TcpListener::bind(address).await.ok()).await;
    let address = listener.local_addr().expect("an address").to_string();
    let router = Router::new().route("/hook", post(take)).with_state(desk);
    (address, tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") }))
}

impl Receiver {
    async fn start() -> Self {
        let desk = Desk::default();
        let (address, task) = serve(desk.clone(), "127.0.0.1:0").await;
        Self { desk, address, task }
    }

    fn go_away(&self) {
        self.task.abort();
    }

    async fn come_back(&mut self) {
        self.task = serve(self.desk.clone(), &self.address).await.1;
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    fn answer(&self, statuses: &[u16]) {
        let statuses = statuses.iter().map(|status| StatusCode::from_u16(*status).expect("a status"));
        self.desk.script.lock().expect("unpoisoned").extend(statuses);
    }

    fn messages(&self) -> Vec<Message> {
        self.desk.inbox.lock().expect("unpoisoned").clone()
    }

    /// Waits until so many messages have come.
    async fn wait(&self, count: usize) -> Vec<Message> {
        let what = format!("{count} messages");
        eventually(&what, async || Some(self.messages()).filter(|messages| messages.len() >= count)).await
    }
}

async fn call(client: &Client, method: Method, path: &str, body: Value) -> Answer {
    client.send(method, path, &[JSON], body.to_string()).await
}

async fn create(client: &Client, url: &str) -> Value {
    let made = call(client, Method::POST, "/api/v1/webhooks", json!({"url": url})).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()
}

fn allowing() -> ServerOptions {
    ServerOptions::all(&["webhook.allow_private=true"])
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_film_is_told_in_order_and_signed() {
    let server = Server::with(allowing()).await;
    let owner = server.client();
    let receiver = Receiver::start().await;
    let webhook = create(&owner, &receiver.url()).await;
    let secret = text(&webhook, "secret");
    // A receiver that stumbles gets the same message again, and what comes later waits for it.
    receiver.answer(&[500, 302]);
    let film = owner.ready(&clip(4, "320x180", "25", &["--silent"]), &[]).await;
    let id = text(&film, "id");
    let gone = owner.send(Method::DELETE, &format!("/api/v1/assets/{id}"), &[], "").await;
    assert_eq!(gone.status, 204);
    let messages = receiver.wait(4).await;
    let kinds: Vec<Value> = messages.iter().map(|message| message.json()["type"].clone()).collect();
    assert_eq!(kinds, ["asset.ready", "asset.ready", "asset.ready", "asset.deleted"]);
    assert!(messages.iter().all(|message| message.is_signed(secret)), "{messages:?}");
    assert!(messages.iter().all(|message| message.json()["data"]["asset"] == id));
    assert_eq!(messages[0].header("webhook-id"), messages[2].header("webhook-id"));
    assert_eq!(messages[0].body, messages[2].body);
    assert_ne!(messages[2].header("webhook-id"), messages[3].header("webhook-id"));

    let path = format!("/api/v1/webhooks/{}", text(&webhook, "id"));
    let shown = owner.get(&path).await.json();
    assert!(shown.get("secret").is_none(), "shown once: {shown}");
    let told = eventually("the last attempt to be written down", async || {
        let told = owner.get(&format!("{path}/deliveries")).await.json();
        let delivered = |delivery: &Value| delivery["state"] == "delivered";
        told["items"].as_array().expect("a list").iter().all(delivered).then_some(told)
    })
    .await;
    let told = told["items"].as_array().expect("a list");
    assert_eq!(told.len(), 2, "{told:?}");
    let ready = told.iter().find(|delivery| delivery["kind"] == "asset.ready").expect("listed");
    assert_eq!((&ready["state"], &ready["status"]), (&json!("delivered"), &json!(204)));
    assert_eq!(ready["attempts"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_down_and_a_server_that_was_killed_miss_nothing() {
    let mut server = Server::with(allowing()).await;
    let owner = server.client();
    let mut receiver = Receiver::start().await;
    let webhook = create(&owner, &receiver.url()).await;
    let path = format!("/api/v1/webhooks/{}", text(&webhook, "id"));
    receiver.go_away();
    let ping = call(&owner, Method::POST, &format!("{path}/ping"), json!({})).await;
    assert_eq!(ping.status, 202, "{ping:?}");
    eventually("a failed attempt", async || {
        let told = owner.get(&format!("{path}/deliveries")).await.json();
        (!told["items"][0]["reason"].is_null()).then_some(())
    })
    .await;
    assert!(owner.get(&path).await.json()["failing_since_ms"].is_i64());
    server.kill().await;
    receiver.come_back().await;
    server.restart().await;
    let messages = receiver.wait(1).await;
    assert_eq!(messages[0].json()["type"], "webhook.ping");
    assert!(messages[0].is_signed(text(&webhook, "secret")), "the secret survives");
    eventually("the address to be well again", async || {
        owner.get(&path).await.json()["failing_since_ms"].is_null().then_some(())
    })
    .await;
    assert_eq!(receiver.messages().len(), 1);
}

/// Two origins on one database with one master key: every message comes, and comes once.
#[tokio::test(flavor = "multi_thread")]
async fn several_origins_share_the_work() {
    let settings = ["webhook.allow_private=true", "webhook.key=the-same-in-every-origin-of-this-one"];
    let one = Server::with(ServerOptions::command("origin", &settings)).await;
    let other = one.beside(ServerOptions::command("origin", &settings)).await;
    let owner = one.client();
    let receiver = Receiver::start().await;
    let webhook = create(&owner, &receiver.url()).await;
    let path = format!("/api/v1/webhooks/{}/ping", text(&webhook, "id"));
    let there = Client::new(&other.url, Some(one.key()));
    for round in 0..10 {
        let client = if round % 2 == 0 { &owner } else { &there };
        assert_eq!(call(client, Method::POST, &path, json!({})).await.status, 202);
    }
    receiver.wait(10).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let messages = receiver.messages();
    let ids: std::collections::BTreeSet<_> =
        messages.iter().map(|message| message.header("webhook-id")).collect();
    assert_eq!((messages.len(), ids.len()), (10, 10));
    assert!(messages.iter().all(|message| message.is_signed(text(&webhook, "secret"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_inside_the_house_is_reached_and_only_administrators_see_webhooks() {
    let server = Server::start().await;
    let owner = server.client();
    let receiver = Receiver::start().await;
    for url in
        [receiver.url(), "https://127.0.0.1/".into(), "https://[::1]/".into(), "https://10.0.0.1/".into()]
    {
        let refused = call(&owner, Method::POST, "/api/v1/webhooks", json!({"url": url})).await;
        assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (422, "unprocessable"), "{url}");
    }
    // A name is judged when it is resolved.
    let webhook = create(&owner, "https://localhost:1/").await;
    let path = format!("/api/v1/webhooks/{}", text(&webhook, "id"));
    call(&owner, Method::POST, &format!("{path}/ping"), json!({})).await;
    eventually("the refusal to connect", async || {
        let told = owner.get(&format!("{path}/deliveries")).await.json();
        text(&told["items"][0], "reason").contains("not on the public internet").then_some(())
    })
    .await;
    assert_eq!(receiver.messages().len(), 0);
    assert_eq!(server.stranger().get("/api/v1/webhooks").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_with_an_idempotency_key_happens_once() {
    let server = Server::start().await;
    let owner = server.client();
    let send = async |key: &str, url: &str| {
        let headers = [JSON, ("idempotency-key", key)];
        owner.send(Method::POST, "/api/v1/webhooks", &headers, json!({"url": url}).to_string()).await
    };
    let first = send("\"a-1\"", "https://a.example/").await;
    let again = send("a-1", "https://a.example/").await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!((first.json(), first.header("location")), (again.json(), again.header("location")));
    let other = send("a-1", "https://b.example/").await;
    assert_eq!((other.status.as_u16(), other.problem().as_str()), (422, "idempotency-key-reused"));
    assert_eq!(send("a b", "https://b.example/").await.status, 400);
    let both =
        futures_util::future::join(send("k", "https://c.example/"), send("k", "https://c.example/")).await;
    for answer in [&both.0, &both.1] {
        assert!(matches!(answer.status.as_u16(), 201 | 409), "{answer:?}");
    }
    let page = owner.get("/api/v1/webhooks?limit=1").await;
    let next = page.json()["next"].as_str().expect("more").to_owned();
    assert_eq!(page.header("link"), format!("</api/v1/webhooks?limit=1&after={next}>; rel=\"next\""));
    let rest = owner.get(&format!("/api/v1/webhooks?limit=5&after={next}")).await.json();
    assert_eq!((rest["items"].as_array().map(Vec::len), &rest["next"]), (Some(1), &Value::Null));
}
