//! `/api/v1/live/{id}`: what a viewer's page needs of a channel, without signing in, and its players' word that they
//! watch. Nothing tells who it is.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use base::{ChannelId, Timestamp};
use httpkit::{Json, Path, Problem, Query};
use identity::Scope;
use live::{Broadcast, Channel, Visibility};
use serde::{Deserialize, Serialize};

use super::{
    auth::{Address, caller},
    error::problem,
    link,
    number::Whole,
    plays::{in_millis, paced},
    table::{Access, Routes},
};
use crate::{
    Origin,
    live::{BEACON_EVERY, Beacon},
};

/// Letters of the name that a player draws for itself.
const VIEWER_CHARS: std::ops::RangeInclusive<usize> = 16..=64;

#[derive(Deserialize)]
struct Credential {
    token: Option<String>,
}

#[derive(Serialize)]
struct OnAirView {
    channel: String,
    name: String,
    state: &'static str,
    since_ms: i64,
    /// The server's clock, for what is measured against it.
    now_ms: i64,
    /// The open one, or else the last one.
    broadcast: Option<String>,
    /// When it could first be watched.
    live_ms: Option<i64>,
    ended_ms: Option<i64>,
    reason: Option<&'static str>,
    recording: Option<String>,
    /// Null while there is nothing to play.
    hls: Option<String>,
    /// Null for the whole broadcast.
    dvr_seconds: Option<u32>,
    beacon_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    viewer: String,
    latency_ms: Option<Whole>,
    behind_ms: Option<Whole>,
    stalls: Option<Whole>,
    drift_ms_per_minute: Option<f64>,
    token: Option<String>,
}

pub(super) fn routes() -> Routes {
    Routes::new().get("/api/v1/live/{id}", Access::Token, show).post(
        "/api/v1/live/{id}/beacon",
        Access::Token,
        beacon,
    )
}

fn nothing() -> Problem {
    Problem::not_found("there is nothing to watch at this address")
}

fn verify(origin: &Origin, channel: &ChannelId, token: &str) -> Result<(), Problem> {
    let now = origin.ambient.now().seconds();
    origin.verifier.verify(token, now, channel.as_str()).map_err(|_| nothing())?;
    Ok(())
}

/// Base of the media URLs for this caller: a private channel needs a token or a member of its tenant, and does not
/// exist for anybody else.
async fn media_base(
    origin: &Origin,
    channel: &Channel,
    token: Option<&str>,
    method: &Method,
    headers: &HeaderMap,
) -> Result<String, Problem> {
    if channel.choices.visibility != Visibility::Private {
        return link::live_base(origin, channel);
    }
    if let Some(token) = token {
        verify(origin, &channel.id, token)?;
        return Ok(format!("{}/p/{token}", origin.urls.media));
    }
    match caller(origin, method, headers).await? {
        Some(caller) if caller.principal.tenant == channel.tenant && caller.scopes.allow(Scope::Read) => {
            link::live_base(origin, channel)
        }
        _ => Err(nothing()),
    }
}

fn view(origin: &Origin, channel: Channel, broadcast: Option<Broadcast>, media: &str) -> OnAirView {
    let open = channel.state.is_open();
    let live = broadcast.as_ref().and_then(|broadcast| broadcast.live);
    let plays = origin.doors.hls && open && live.is_some();
    let end = broadcast.as_ref().and_then(|broadcast| broadcast.ended.as_ref());
    OnAirView {
        state: channel.state.as_str(),
        since_ms: channel.since.millis(),
        now_ms: origin.ambient.now().millis(),
        live_ms: live.map(Timestamp::millis),
        ended_ms: end.map(|end| end.at.millis()),
        reason: end.map(|end| end.reason.as_str()),
        recording: broadcast.as_ref().and_then(|broadcast| broadcast.asset.clone()).map(String::from),
        hls: plays.then(|| format!("{media}/live/{}/hls.m3u8", channel.id)),
        broadcast: broadcast.map(|broadcast| broadcast.id.into()),
        dvr_seconds: channel.choices.dvr.seconds(),
        beacon_ms: in_millis(BEACON_EVERY),
        channel: channel.id.into(),
        name: channel.choices.name,
    }
}

async fn show(
    State(origin): State<Origin>,
    Path(id): Path<ChannelId>,
    Query(credential): Query<Credential>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (channel, broadcast) = origin.live.state_public(&id).await.map_err(problem)?;
    let media = media_base(&origin, &channel, credential.token.as_deref(), &method, &headers).await?;
    let fresh = [(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"))];
    Ok((fresh, Json(view(&origin, channel, broadcast, &media))).into_response())
}

/// Who may watch what is on air under this name.
async fn on_air(origin: &Origin, id: &ChannelId) -> Result<Visibility, Problem> {
    if let Some(stage) = origin.stages().of(id) {
        return Ok(stage.visibility());
    }
    let channel = origin.live.channel_public(id).await.map_err(problem)?;
    if channel.state.is_open() { Ok(channel.choices.visibility) } else { Err(nothing()) }
}

async fn beacon(
    State(origin): State<Origin>,
    Address(address): Address,
    Path(id): Path<ChannelId>,
    Json(said): Json<Said>,
) -> Result<StatusCode, Problem> {
    paced(&origin, address)?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if !VIEWER_CHARS.contains(&said.viewer.len()) || !said.viewer.chars().all(plain) {
        let words = "viewer: 16 to 64 letters, digits, - and _ are expected";
        return Err(Problem::unprocessable(words).member("field", "viewer"));
    }
    if on_air(&origin, &id).await? == Visibility::Private {
        verify(&origin, &id, said.token.as_deref().ok_or_else(nothing)?)?;
    }
    let number = |whole: Option<Whole>| whole.map(|Whole(number)| number);
    let beacon = Beacon {
        latency_ms: number(said.latency_ms),
        behind_ms: number(said.behind_ms).unwrap_or(0),
        stalls: number(said.stalls).unwrap_or(0).min(STALLS_MAX),
        drift_ms_per_minute: said.drift_ms_per_minute.map(whole_drift),
    };
    origin.audiences().heard(&id, &said.viewer, beacon, origin.ambient.now());
    Ok(StatusCode::NO_CONTENT)
}

/// More often than this nobody waits for data between two words.
const STALLS_MAX: u32 = 100;
/// A clock that leaves another by more than this is broken, in milliseconds a minute.
const DRIFT_MAX: f64 = 60_000.0;

#[expect(clippy::cast_possible_truncation, reason = "clamped")]
fn whole_drift(drift: f64) -> i32 {
    drift.clamp(-DRIFT_MAX, DRIFT_MAX).round() as i32
}
