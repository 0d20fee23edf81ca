//! `/api/v1/channels`.

use axum::{
    extract::State,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base::{ChannelId, Page, Principal, Role, Timestamp};
use httpkit::{Json, Listing, Paging, Path, Problem};
use identity::Action;
use live::{Broadcast, Channel, ChannelPatch, Choices, Dvr, Ladder, Revealed};
use serde::{Deserialize, Serialize};

use super::{
    assets::named,
    auth::{Acting, Member},
    error::problem,
    idempotent::{Key, Once},
    link,
    number::{self, Whole},
    table::{EDIT, READ, Routes},
};
use crate::{Doors, Origin};

/// What is chosen; a window that is null is the whole broadcast, absent the usual one.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    visibility: Option<String>,
    rungs: Option<Vec<Whole>>,
    #[serde(default, deserialize_with = "number::given", skip_serializing_if = "Option::is_none")]
    dvr_seconds: Option<Option<Whole>>,
    recording: Option<bool>,
    admission_url: Option<String>,
}

/// What is absent stays. Null means something for rungs, window and address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    name: Option<String>,
    visibility: Option<String>,
    #[serde(default, deserialize_with = "number::given")]
    rungs: Option<Option<Vec<Whole>>>,
    #[serde(default, deserialize_with = "number::given")]
    dvr_seconds: Option<Option<Whole>>,
    recording: Option<bool>,
    #[serde(default, deserialize_with = "number::given")]
    admission_url: Option<Option<String>>,
}

#[derive(Serialize)]
struct ChannelView {
    channel: String,
    name: String,
    visibility: &'static str,
    state: &'static str,
    since_ms: i64,
    /// Null for those of the settings.
    rungs: Option<Vec<u32>>,
    /// Null for the whole broadcast.
    dvr_seconds: Option<u32>,
    recording: bool,
    /// Null also for who may only watch.
    admission_url: Option<String>,
    keyed_ms: i64,
    created_ms: i64,
    updated_ms: i64,
    #[serde(flatten)]
    addresses: Addresses,
}

/// Where a channel's streams go in and come out; null is what there is not, or not for this caller.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Addresses {
    rtmp: Option<String>,
    srt: Option<String>,
    whip: Option<String>,
    hls: Option<String>,
    dash: Option<String>,
    whep: Option<String>,
}

/// With its secrets, which are shown here and never again.
#[derive(Serialize)]
struct RevealedView {
    #[serde(flatten)]
    channel: ChannelView,
    key: Option<String>,
    passphrase: Option<String>,
}

/// What is kept of the answer to a creation: the channel is shown as it is when it is asked for again, without the
/// secrets, which are kept nowhere.
#[derive(Deserialize, Serialize)]
struct Made {
    channel: ChannelId,
}

#[derive(Serialize)]
struct StateView {
    channel: String,
    state: &'static str,
    since_ms: i64,
    /// The open one, or else the last one.
    broadcast: Option<BroadcastView>,
}

/// What a channel sent, for its tenant.
#[derive(Serialize)]
pub(super) struct BroadcastView {
    id: String,
    protocol: &'static str,
    encoder: String,
    started_ms: i64,
    live_ms: Option<i64>,
    ended_ms: Option<i64>,
    reason: Option<&'static str>,
    detail: Option<String>,
    asset: Option<String>,
}

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/api/v1/channels", READ, list)
        .post("/api/v1/channels", EDIT, create)
        .get("/api/v1/channels/{id}", READ, show)
        .patch("/api/v1/channels/{id}", EDIT, change)
        .delete("/api/v1/channels/{id}", EDIT, remove)
        .post("/api/v1/channels/{id}/key", EDIT, rotate)
        .post("/api/v1/channels/{id}/kick", EDIT, kick)
        .get("/api/v1/channels/{id}/state", READ, state)
}

/// The addresses of a channel. Ways in are for who may publish; `media` is the base of media URLs, with the token of
/// private ones; the passphrase, which SRT addresses carry, is known only while it is new.
fn addresses(
    doors: &Doors,
    media: &str,
    channel: &ChannelId,
    publishes: bool,
    passphrase: Option<&str>,
) -> Addresses {
    let inward = |door: &Option<String>| door.clone().filter(|_| publishes);
    let secret = passphrase.map(|text| format!("&passphrase={text}")).unwrap_or_default();
    let media = |there: bool, list: &str| there.then(|| format!("{media}/live/{channel}/{list}"));
    Addresses {
        rtmp: inward(&doors.rtmp),
        srt: inward(&doors.srt).map(|srt| format!("{srt}?streamid={channel}{secret}")),
        whip: inward(&doors.whip).map(|whip| format!("{whip}/{channel}")),
        hls: media(doors.hls, "hls.m3u8"),
        dash: media(doors.dash, "dash.mpd"),
        whep: doors.whep.as_ref().map(|whep| format!("{whep}/{channel}")),
    }
}

/// A channel as one of its tenant's members sees it.
fn view(
    origin: &Origin,
    caller: &Principal,
    channel: Channel,
    passphrase: Option<&str>,
) -> Result<ChannelView, Problem> {
    let publishes = caller.may(Role::Creator);
    let media = link::live_base(origin, &channel)?;
    let addresses = addresses(&origin.doors, &media, &channel.id, publishes, passphrase);
    let Choices { name, visibility, ladder, dvr, recording, admission_url } = channel.choices;
    let rungs = match ladder {
        Ladder::Auto => None,
        Ladder::Rungs(rungs) => Some(rungs),
    };
    Ok(ChannelView {
        channel: channel.id.into(),
        name,
        visibility: visibility.as_str(),
        state: channel.state.as_str(),
        since_ms: channel.since.millis(),
        rungs,
        dvr_seconds: dvr.seconds(),
        recording,
        admission_url: admission_url.filter(|_| publishes),
        keyed_ms: channel.keyed.millis(),
        created_ms: channel.created.millis(),
        updated_ms: channel.updated.millis(),
        addresses,
    })
}

fn revealed(origin: &Origin, caller: &Principal, revealed: &Revealed) -> Result<RevealedView, Problem> {
    let passphrase = revealed.passphrase.expose();
    Ok(RevealedView {
        channel: view(origin, caller, revealed.channel.clone(), Some(passphrase))?,
        key: Some(revealed.key.expose().to_owned()),
        passphrase: Some(passphrase.to_owned()),
    })
}

impl From<Broadcast> for BroadcastView {
    fn from(broadcast: Broadcast) -> Self {
        let end = broadcast.ended;
        Self {
            id: broadcast.id.into(),
            protocol: broadcast.protocol.as_str(),
            encoder: broadcast.encoder,
            started_ms: broadcast.started.millis(),
            live_ms: broadcast.live.map(Timestamp::millis),
            ended_ms: end.as_ref().map(|end| end.at.millis()),
            reason: end.as_ref().map(|end| end.reason.as_str()),
            detail: end.map(|end| end.detail).filter(|detail| !detail.is_empty()),
            asset: broadcast.asset.map(String::from),
        }
    }
}

fn ladder(rungs: Option<Vec<Whole>>) -> Ladder {
    rungs.map_or(Ladder::Auto, |rungs| Ladder::Rungs(rungs.into_iter().map(|Whole(rung)| rung).collect()))
}

fn dvr(seconds: Option<Whole>) -> Dvr {
    Dvr::from_seconds(seconds.map(|Whole(seconds)| seconds))
}

fn choices(origin: &Origin, new: New) -> Result<Choices, Problem> {
    if let Some(url) = &new.admission_url {
        link::check_reach(origin, "admission_url", url)?;
    }
    let usual = Choices::named(&new.name);
    Ok(Choices {
        visibility: new.visibility.map_or(Ok(usual.visibility), |text| named("visibility", &text))?,
        ladder: ladder(new.rungs),
        dvr: new.dvr_seconds.map_or(usual.dvr, dvr),
        recording: new.recording.unwrap_or(usual.recording),
        admission_url: new.admission_url,
        name: usual.name,
    })
}

async fn list(
    State(origin): State<Origin>,
    Member(caller): Member,
    Paging(page): Paging,
    uri: Uri,
) -> Result<Listing<ChannelView>, Problem> {
    let found = origin.live.channels(&caller, &page).await.map_err(problem)?;
    let items = found.items.into_iter().map(|channel| view(&origin, &caller, channel, None));
    Ok(Listing(Page { items: items.collect::<Result<_, _>>()?, next: found.next }, uri))
}

async fn create(
    State(origin): State<Origin>,
    Member(caller): Member,
    key: Key,
    Json(new): Json<New>,
) -> Result<Response, Problem> {
    let mut once = Once::begin(&origin, &caller, key, "POST /api/v1/channels", &new).await?;
    if let Some(made) = once.before::<Made>()? {
        let channel = origin.live.channel(&caller, &made.channel).await.map_err(problem)?;
        let channel = view(&origin, &caller, channel, None)?;
        return Ok(created(RevealedView { channel, key: None, passphrase: None }));
    }
    let choices = choices(&origin, new)?;
    let made = origin.live.create(once.tx(), &caller, choices).await.map_err(problem)?;
    let shown = revealed(&origin, &caller, &made)?;
    once.commit(&origin, StatusCode::CREATED, &Made { channel: made.channel.id }).await?;
    Ok(created(shown))
}

fn created(shown: RevealedView) -> Response {
    let location = [(header::LOCATION, format!("/api/v1/channels/{}", shown.channel.channel))];
    (StatusCode::CREATED, location, Json(shown)).into_response()
}

async fn show(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<ChannelId>,
) -> Result<Json<ChannelView>, Problem> {
    let channel = origin.live.channel(&caller, &id).await.map_err(problem)?;
    view(&origin, &caller, channel, None).map(Json)
}

async fn change(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<ChannelId>,
    Json(change): Json<Change>,
) -> Result<Json<ChannelView>, Problem> {
    if let Some(Some(url)) = &change.admission_url {
        link::check_reach(&origin, "admission_url", url)?;
    }
    let patch = ChannelPatch {
        name: change.name,
        visibility: change.visibility.map(|text| named("visibility", &text)).transpose()?,
        ladder: change.rungs.map(ladder),
        dvr: change.dvr_seconds.map(dvr),
        recording: change.recording,
        admission_url: change.admission_url,
    };
    let channel = origin.live.update(&caller, &id, patch).await.map_err(problem)?;
    if let Some(stage) = origin.stages().of(&id) {
        stage.show_to(channel.choices.visibility);
    }
    view(&origin, &caller, channel, None).map(Json)
}

async fn remove(
    State(origin): State<Origin>,
    Acting(caller): Acting,
    Path(id): Path<ChannelId>,
) -> Result<StatusCode, Problem> {
    let channel = origin.live.delete(&caller.principal, &id).await.map_err(problem)?;
    let (subject, name) = (format!("channel:{id}"), channel.choices.name);
    origin.identity.record(&caller, Action::ChannelDeleted, subject, name).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rotate(
    State(origin): State<Origin>,
    Acting(caller): Acting,
    Path(id): Path<ChannelId>,
) -> Result<Json<RevealedView>, Problem> {
    let fresh = origin.live.rotate_key(&caller.principal, &id).await.map_err(problem)?;
    let (subject, name) = (format!("channel:{id}"), fresh.channel.choices.name.clone());
    origin.identity.record(&caller, Action::StreamKeyRotated, subject, name).await.map_err(problem)?;
    revealed(&origin, &caller.principal, &fresh).map(Json)
}

async fn kick(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<ChannelId>,
) -> Result<Json<ChannelView>, Problem> {
    let channel = origin.live.kick(&caller, &id).await.map_err(problem)?;
    view(&origin, &caller, channel, None).map(Json)
}

async fn state(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<ChannelId>,
) -> Result<Json<StateView>, Problem> {
    let (channel, broadcast) = origin.live.state(&caller, &id).await.map_err(problem)?;
    Ok(Json(StateView {
        channel: channel.id.into(),
        state: channel.state.as_str(),
        since_ms: channel.since.millis(),
        broadcast: broadcast.map(BroadcastView::from),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel() -> ChannelId {
        ChannelId::from((Timestamp(0), [0; 10]))
    }

    fn open() -> Doors {
        Doors {
            rtmp: Some("rtmp://h:1935/live".to_owned()),
            srt: Some("srt://h:8890".to_owned()),
            whip: Some("https://h/whip".to_owned()),
            whep: Some("https://h/whep".to_owned()),
            hls: true,
            dash: true,
        }
    }

    #[test]
    fn what_is_not_offered_is_null() {
        let none = addresses(&Doors::default(), "https://h", &channel(), true, Some("secret"));
        assert_eq!(none, Addresses::default());
    }

    #[test]
    fn ways_in_are_for_publishers_and_ways_out_for_all() {
        let id = channel();
        let publisher = addresses(&open(), "https://h/p/TOKEN", &id, true, Some("secret"));
        let address = |text: String| Some(text);
        assert_eq!(publisher.rtmp, address("rtmp://h:1935/live".to_owned()));
        assert_eq!(publisher.srt, address(format!("srt://h:8890?streamid={id}&passphrase=secret")));
        assert_eq!(publisher.whip, address(format!("https://h/whip/{id}")));
        assert_eq!(publisher.hls, address(format!("https://h/p/TOKEN/live/{id}/hls.m3u8")));
        assert_eq!(publisher.dash, address(format!("https://h/p/TOKEN/live/{id}/dash.mpd")));
        assert_eq!(publisher.whep, address(format!("https://h/whep/{id}")));
        let viewer = addresses(&open(), "https://h", &id, false, None);
        assert_eq!((viewer.rtmp, viewer.srt, viewer.whip), (None, None, None));
        assert!(viewer.hls.is_some() && viewer.whep.is_some());
    }
}
