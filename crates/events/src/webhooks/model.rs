//! Addresses, deliveries and the rules of their retries.

use std::time::Duration;

use base::{DeliveryId, EventId, TenantId, Timestamp, WebhookId};
use settings::Secret;
use url::Url;

use crate::{Event, EventsError};

/// Addresses a tenant may have.
pub const WEBHOOKS_MAX: u32 = 20;
/// Longest address, in bytes.
pub const URL_BYTES_MAX: usize = 2_048;
/// Longest description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 200;
/// Deliveries that may wait for one address; what comes on top of them is dropped and counted.
pub const WAITING_MAX: u32 = 10_000;
/// How long the secret before the last rotation signs too.
pub const ROTATION_OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// How long a finished delivery can be read about.
pub const DELIVERIES_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// The longest reason of a failed attempt that is kept, in characters.
const REASON_CHARS_MAX: usize = 300;
/// The status by which a receiver says that it wants nothing more (RFC 9110 §15.5.11).
const GONE: u16 = 410;

/// The pauses between the attempts of a delivery: eleven attempts in about 26 hours.
const PAUSES: [Duration; 10] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(3_600),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(4 * 3_600),
    Duration::from_secs(8 * 3_600),
    Duration::from_secs(10 * 3_600),
];

/// An address that a tenant's events are posted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its identifier.
    pub id: WebhookId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Where events go.
    pub url: String,
    /// What people call it; may be empty.
    pub description: String,
    /// The kinds of events it gets.
    pub kinds: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When any of the above, or its secret, last changed.
    pub updated: Timestamp,
    /// When it last took a delivery.
    pub accepted: Option<Timestamp>,
    /// Since when it has taken none although it was tried.
    pub failing: Option<Timestamp>,
    /// Since when nothing is sent to it, and why.
    pub disabled: Option<(Timestamp, String)>,
}

/// What `create` wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWebhook {
    /// Where events go.
    pub url: String,
    /// What people call it; may be empty.
    pub description: String,
    /// The kinds of events it gets; all that are offered for an empty list.
    pub kinds: Vec<String>,
}

/// What may be changed; `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookPatch {
    /// Another address.
    pub url: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// Other kinds; all that are offered for an empty list.
    pub kinds: Option<Vec<String>>,
    /// Whether anything is sent to it.
    pub enabled: Option<bool>,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It will be attempted, again or for the first time.
    Waiting,
    /// The receiver took it.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// The name stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

impl TryFrom<String> for DeliveryState {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let known = [Self::Waiting, Self::Delivered, Self::Failed].into_iter();
        known.into_iter().find(|state| state.as_str() == text).ok_or_else(|| format!("no state {text:?}"))
    }
}

/// An event on its way to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its identifier.
    pub id: DeliveryId,
    /// The event, which receivers know by this.
    pub event: EventId,
    /// The event's kind.
    pub kind: String,
    /// What the event is about.
    pub subject: String,
    /// How it stands.
    pub state: DeliveryState,
    /// Attempts begun so far.
    pub attempts: u32,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// Why the last attempt failed.
    pub reason: Option<String>,
    /// When it was added.
    pub created: Timestamp,
    /// When the last attempt ended.
    pub attempted: Option<Timestamp>,
    /// When the next may begin, while it waits.
    pub due: Timestamp,
}

/// A signed message to be posted, held under a lease.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The delivery.
    pub id: DeliveryId,
    /// The address it is for.
    pub webhook: WebhookId,
    /// Where to.
    pub url: String,
    /// `webhook-id`: the same at every attempt.
    pub event: EventId,
    /// `webhook-timestamp`, in seconds since 1970.
    pub timestamp_s: i64,
    /// `webhook-signature`: one for each secret that is valid, separated by spaces.
    pub signature: String,
    /// The JSON body, the same at every attempt.
    pub body: String,
    pub(crate) attempts: u32,
    pub(crate) first: Timestamp,
    pub(crate) token: String,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer of this status.
    Answered(u16),
    /// Without an answer, for this reason.
    Failed(String),
}

/// What becomes of a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Delivered,
    Retry(Duration),
    GiveUp,
    /// The receiver wants nothing more at all.
    Gone,
}

impl Outcome {
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Answered(status) => Some(*status),
            Self::Failed(_) => None,
        }
    }

    /// Why it is no success, in words, without what PostgreSQL refuses.
    pub(crate) fn reason(&self) -> String {
        let reason = match self {
            Self::Answered(status @ 300..=399) => format!("status {status}: redirects are not followed"),
            Self::Answered(status) => format!("status {status}"),
            Self::Failed(reason) => reason.replace('\0', " "),
        };
        reason.chars().take(REASON_CHARS_MAX).collect()
    }

    /// What becomes of a delivery whose attempt number `attempts`, from 1, ended so.
    pub(crate) fn verdict(&self, attempts: u32, random: u8) -> Verdict {
        match self {
            Self::Answered(200..=299) => Verdict::Delivered,
            Self::Answered(GONE) => Verdict::Gone,
            Self::Answered(_) | Self::Failed(_) => {
                pause(attempts, random).map_or(Verdict::GiveUp, Verdict::Retry)
            }
        }
    }
}

/// The pause after so many attempts, 80 to 120 percent of the one listed; none when it was the last.
fn pause(attempts: u32, random: u8) -> Option<Duration> {
    let place = usize::try_from(attempts).ok()?.checked_sub(1)?;
    PAUSES.get(place).map(|pause| *pause * 4 / 5 + *pause * 2 / 5 * u32::from(random) / 255)
}

/// What is posted of an event (Standard Webhooks, "Payload structure").
pub(crate) fn body_of(event: &Event) -> String {
    let at = event.at.rfc3339();
    serde_json::json!({"type": event.kind, "timestamp": at, "data": event.payload}).to_string()
}

fn invalid(field: &'static str, problem: impl Into<String>) -> EventsError {
    EventsError::Invalid { field, problem: problem.into() }
}

/// Checks an address that the server is to ask things of: https, or http too where `plain` allows it, at most
/// [`URL_BYTES_MAX`] bytes, without user name, password and fragment; in the form that is stored.
///
/// # Errors
/// [`EventsError::Invalid`] of the field `url`.
pub fn check_url(text: &str, plain: bool) -> Result<String, EventsError> {
    let url = Url::parse(text).map_err(|error| invalid("url", format!("is no address: {error}")))?;
    let scheme = url.scheme() == "https" || (plain && url.scheme() == "http");
    let problem = match &url {
        _ if text.len() > URL_BYTES_MAX => format!("at most {URL_BYTES_MAX} bytes are taken"),
        _ if !scheme => "an https:// address is expected".to_owned(),
        url if url.host_str().is_none_or(str::is_empty) => "names no host".to_owned(),
        url if !url.username().is_empty() || url.password().is_some() => {
            "must hold no user name or password: anyone who may see the address would see them".to_owned()
        }
        url if url.fragment().is_some() => "must have no fragment".to_owned(),
        _ => return Ok(url.to_string()),
    };
    Err(invalid("url", problem))
}

pub(crate) fn check_description(text: &str) -> Result<String, EventsError> {
    let text = text.trim();
    if text.chars().count() <= DESCRIPTION_CHARS_MAX && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    let problem =
        format!("at most {DESCRIPTION_CHARS_MAX} characters without control characters are expected");
    Err(invalid("description", problem))
}

/// The kinds asked for, once each and in the order of `offered`; all for none.
pub(crate) fn check_kinds(wanted: &[String], offered: &[&str]) -> Result<Vec<String>, EventsError> {
    if let Some(unknown) = wanted.iter().find(|kind| !offered.contains(&kind.as_str())) {
        return Err(invalid("kinds", format!("{unknown:?} is none of {}", offered.join(", "))));
    }
    let taken = |kind: &&&str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == **kind);
    Ok(offered.iter().filter(taken).map(|kind| (*kind).to_owned()).collect())
}

/// A webhook with its secret, which nobody is shown again.
#[derive(Clone, Debug)]
pub struct Revealed {
    /// The webhook.
    pub webhook: Webhook,
    /// `whsec_` and the secret in base64.
    pub secret: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_take_about_a_day_and_end() {
        let listed: Duration = PAUSES.iter().sum();
        assert!((Duration::from_secs(24 * 3600)..Duration::from_secs(30 * 3600)).contains(&listed));
        for (attempts, listed) in (1..).zip(PAUSES) {
            assert_eq!(pause(attempts, 0), Some(listed * 4 / 5));
            assert_eq!(pause(attempts, 255), Some(listed * 6 / 5));
        }
        assert_eq!((pause(0, 0), pause(11, 0), pause(u32::MAX, 255)), (None, None, None));
    }

    #[test]
    fn an_attempt_ends_in_one_of_four_ways() {
        let after = |status, attempts| Outcome::Answered(status).verdict(attempts, 0);
        assert_eq!([after(200, 1), after(204, 11)], [Verdict::Delivered; 2]);
        assert_eq!(after(410, 1), Verdict::Gone);
        for status in [199, 301, 307, 400, 404, 429, 500, 503] {
            assert!(matches!(after(status, 1), Verdict::Retry(_)), "{status}");
            assert_eq!(after(status, 11), Verdict::GiveUp, "{status}");
        }
        assert!(Outcome::Answered(302).reason().contains("not followed"));
    }

    #[test]
    fn addresses_are_checked() {
        assert_eq!(check_url("https://a.example/x?y=1", false).expect("fine"), "https://a.example/x?y=1");
        assert!(check_url("http://127.0.0.1:9/hook", true).is_ok());
        let long = format!("https://a.example/{}", "x".repeat(URL_BYTES_MAX));
        for bad in [
            "",
            "x",
            "http://a.example/",
            "ftp://a.example/",
            "https://u:p@a.example/",
            "https://a/#b",
            &long,
        ] {
            assert!(matches!(check_url(bad, false), Err(EventsError::Invalid { field: "url", .. })), "{bad}");
        }
    }

    #[test]
    fn kinds_are_among_those_offered() {
        let offered = ["asset.ready", "asset.failed"];
        let wanted = |kinds: &[&str]| {
            let kinds: Vec<_> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
            check_kinds(&kinds, &offered)
        };
        assert_eq!(wanted(&[]).expect("all"), offered);
        assert_eq!(wanted(&["asset.failed", "asset.failed"]).expect("one"), ["asset.failed"]);
        assert!(wanted(&["asset.created"]).is_err());
    }
}
