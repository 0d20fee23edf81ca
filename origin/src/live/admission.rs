//! Asking a channel's owner whether a publisher may come in.

use std::time::Duration;

use ::live::{Admission, Publisher};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use base::ChannelId;
use httpkit::{
    client::{Client, ClientOptions},
    outbound::Reach,
};
use ingest::{Reason, Refusal};
use serde::Serialize;
use tracing::{info, warn};

/// Asks over HTTP. Who does not answer has not admitted anybody.
pub(crate) struct Asker(Client);

/// What is asked.
#[derive(Serialize)]
struct Asked<'a> {
    channel: &'a ChannelId,
    name: &'a str,
    protocol: &'static str,
    encoder: &'a str,
    address: String,
}

impl Asker {
    /// One that reaches what webhooks may lead to and follows no redirects.
    pub(crate) fn new(reach: Reach) -> Self {
        Self(Client::new(ClientOptions {
            connect_timeout: Duration::from_secs(3),
            response_timeout: Duration::from_secs(5),
            pool_idle: Duration::from_secs(30),
            pool_max: 4,
            user_agent: concat!("nexus-admission/", env!("CARGO_PKG_VERSION")),
            reach,
            ..ClientOptions::default()
        }))
    }

    /// Whether the channel's owner admits the publisher, who is admitted where nobody is to be asked. Any 2xx admits and
    /// any 4xx refuses.
    ///
    /// # Errors
    /// What the publisher is told instead.
    pub(super) async fn admits(
        &self,
        admission: &Admission,
        publisher: &Publisher,
        address: String,
    ) -> Result<(), Refusal> {
        let (channel, choices) = (&admission.channel.id, &admission.channel.choices);
        let Some(url) = &choices.admission_url else { return Ok(()) };
        let (name, encoder) = (&*choices.name, &*publisher.encoder);
        let asked = Asked { channel, name, protocol: publisher.protocol.as_str(), encoder, address };
        let answer = self.ask(url, &asked).await;
        metrics::counter!("nexus_live_admissions_total", "answer" => answer.word()).increment(1);
        match answer {
            Answer::Yes => Ok(()),
            Answer::No(status) => {
                info!(%channel, %status, "a publisher was refused by the channel's admission address");
                Err(Refusal::new(Reason::Denied, "The channel's owner does not let this stream in."))
            }
            Answer::None(problem) => {
                warn!(%channel, "the channel's admission address gave no answer: {problem}");
                let text =
                    "The channel's owner could not be asked whether this stream may come in; try again.";
                Err(Refusal::new(Reason::Unavailable, text))
            }
        }
    }

    async fn ask(&self, url: &str, asked: &Asked<'_>) -> Answer {
        // A plain struct of texts always has a JSON form.
        let body = serde_json::to_vec(asked).unwrap_or_default();
        let request = Request::post(url).header("content-type", "application/json").body(Body::from(body));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Answer::None(error.to_string()),
        };
        match self.0.send(request).await {
            Ok(response) => Answer::of(response.status()),
            Err(error) => Answer::None(error.to_string()),
        }
    }
}

enum Answer {
    Yes,
    No(StatusCode),
    None(String),
}

impl Answer {
    fn of(status: StatusCode) -> Self {
        if status.is_success() {
            Self::Yes
        } else if status.is_client_error() {
            Self::No(status)
        } else {
            Self::None(status.to_string())
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Yes => "admitted",
            Self::No(_) => "refused",
            Self::None(_) => "none",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_success_admits_and_only_the_owners_no_refuses_for_good() {
        let word = |status: u16| Answer::of(StatusCode::from_u16(status).unwrap()).word();
        assert_eq!([200, 204].map(word), ["admitted"; 2]);
        assert_eq!([400, 401, 403, 404, 429].map(word), ["refused"; 5]);
        assert_eq!([301, 307, 500, 503].map(word), ["none"; 4]);
    }
}
