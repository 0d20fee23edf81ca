//! The channel's owner is asked who may publish.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use serde_json::{Value, json};
use tests::{Encoder, Server, ServerOptions, eventually, live::Channel};
use tokio::net::TcpListener;

/// What was asked, and what is answered.
#[derive(Clone)]
struct Owner {
    asked: Arc<Mutex<Vec<Value>>>,
    answer: Arc<Mutex<StatusCode>>,
}

async fn answer(State(owner): State<Owner>, Json(asked): Json<Value>) -> StatusCode {
    owner.asked.lock().expect("unpoisoned").push(asked);
    *owner.answer.lock().expect("unpoisoned")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_comes_in_when_the_owner_says_so() {
    let owner = Owner { asked: Arc::default(), answer: Arc::new(Mutex::new(StatusCode::FORBIDDEN)) };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/admit", listener.local_addr().expect("an address"));
    let router = Router::new().route("/admit", post(answer)).with_state(owner.clone());
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let server = Server::with(ServerOptions::all(&["webhook.allow_private=true"])).await;
    let client = server.client();
    let channel = Channel::create(&client, "studio", &json!({"admission_url": url})).await;

    let mut refused = Encoder::publish(&channel);
    assert!(!refused.ended().await.success(), "{}", refused.log());
    let asked = owner.asked.lock().expect("unpoisoned").remove(0);
    assert_eq!((&asked["channel"], &asked["protocol"]), (&json!(channel.id), &json!("rtmp")), "{asked}");

    *owner.answer.lock().expect("unpoisoned") = StatusCode::NO_CONTENT;
    let mut admitted = Encoder::publish(&channel);
    channel.until(&client, "live").await;
    admitted.stop().await;
    channel.until(&client, "ended").await;

    serving.abort();
    let mut unasked = Encoder::publish(&channel);
    assert!(!unasked.ended().await.success(), "who cannot be asked admits nobody: {}", unasked.log());
    eventually("the log to say so", async || server.log().contains("gave no answer").then_some(())).await;
}
