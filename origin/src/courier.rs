//! Posts webhooks over HTTP.

use std::time::Duration;

use axum::{body::Body, http::Request};
use events::webhooks::{Courier, Letter, Outcome};
use httpkit::{
    client::{Client, ClientOptions},
    outbound::Reach,
};

/// A client that reaches what webhooks may lead to and follows no redirects. Answers are judged by their
/// status; their bodies are not read.
pub(crate) struct HttpCourier(Client);

impl HttpCourier {
    pub(crate) fn new(reach: Reach) -> Self {
        Self(Client::new(ClientOptions {
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(15),
            pool_idle: Duration::from_secs(30),
            pool_max: 4,
            user_agent: concat!("nexus-webhooks/", env!("CARGO_PKG_VERSION")),
            reach,
            ..ClientOptions::default()
        }))
    }
}

impl Courier for HttpCourier {
    async fn post(&self, letter: &Letter) -> Outcome {
        let request = Request::post(&letter.url)
            .header("content-type", "application/json")
            .header("webhook-id", letter.event.as_str())
            .header("webhook-timestamp", letter.timestamp_s)
            .header("webhook-signature", &letter.signature)
            .body(Body::from(letter.body.clone()));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        match self.0.send(request).await {
            Ok(response) => Outcome::Answered(response.status().as_u16()),
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }
}
