//! `/api/v1/channels/{id}/pulse` and `…/broadcasts`: how a channel fares now, and what it sent before.

use std::collections::BTreeMap;

use axum::{extract::State, http::Uri};
use base::{ChannelId, Page};
use httpkit::{Json, Listing, Paging, Path, Problem};
use live::{Broadcast, Channel};
use media::live::window::Moment;
use serde::Serialize;

use super::{
    auth::Member,
    channels::BroadcastView,
    error::problem,
    table::{READ, Routes},
};
use crate::{
    Origin,
    live::{Attendance, Reading, Second, Stage},
};

#[derive(Serialize)]
struct PulseView {
    channel: String,
    state: &'static str,
    since_ms: i64,
    now_ms: i64,
    /// Whether this process has the broadcast; the figures are where it is.
    here: bool,
    /// The open one, or else the last one.
    broadcast: Option<BroadcastView>,
    viewers: u32,
    latency_p50_ms: Option<u32>,
    latency_p95_ms: Option<u32>,
    stalls: u64,
    source: Option<SourceView>,
    renditions: Vec<String>,
    seconds: Vec<SecondView>,
    warnings: Vec<WarningView>,
}

#[derive(Serialize)]
struct SourceView {
    video: Option<VideoView>,
    audio: Option<AudioView>,
    video_bits_per_second: u64,
    audio_bits_per_second: u64,
    frames_per_1000_s: u64,
    key_frame_interval_ms: Option<u32>,
    late_ms: u32,
    rtt_ms: Option<u32>,
    loss_ppm: Option<u32>,
    bytes: u64,
    video_units: u64,
    audio_units: u64,
    key_frames: u64,
    dropped: BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct VideoView {
    codecs: String,
    width: u32,
    height: u32,
}

#[derive(Serialize)]
struct AudioView {
    codecs: String,
    sample_rate: u32,
    channels: u32,
}

#[derive(Serialize)]
struct SecondView {
    at_ms: i64,
    bits: u64,
    frames: u32,
    dropped: u32,
    key_frame_interval_ms: Option<u32>,
    rtt_ms: Option<u32>,
}

#[derive(Serialize)]
struct WarningView {
    code: &'static str,
    text: String,
}

pub(super) fn routes() -> Routes {
    Routes::new().get("/api/v1/channels/{id}/pulse", READ, pulse).get(
        "/api/v1/channels/{id}/broadcasts",
        READ,
        broadcasts,
    )
}

impl From<Second> for SecondView {
    fn from(second: Second) -> Self {
        Self {
            at_ms: second.at_s.saturating_mul(1_000),
            bits: (second.video_bytes + second.audio_bytes) * 8,
            frames: second.frames,
            dropped: second.dropped,
            key_frame_interval_ms: second.key_interval_ms,
            rtt_ms: second.rtt_ms,
        }
    }
}

fn source(reading: Reading) -> SourceView {
    let totals = reading.totals;
    SourceView {
        video: reading.pictures.map(|of| VideoView { codecs: of.codecs, width: of.width, height: of.height }),
        audio: reading.sound.map(|of| AudioView {
            codecs: of.codecs,
            sample_rate: of.sample_rate,
            channels: of.channels,
        }),
        video_bits_per_second: reading.video_bps,
        audio_bits_per_second: reading.audio_bps,
        frames_per_1000_s: reading.frames_per_1000_s,
        key_frame_interval_ms: reading.key_interval_ms,
        late_ms: reading.late_ms,
        rtt_ms: reading.link.map(|link| link.rtt_ms),
        loss_ppm: reading.link.map(|link| link.loss_ppm),
        bytes: totals.bytes,
        video_units: totals.video_units,
        audio_units: totals.audio_units,
        key_frames: totals.key_frames,
        dropped: totals.dropped,
    }
}

impl PulseView {
    /// What everybody knows of a channel, wherever its broadcast is.
    fn of(origin: &Origin, channel: Channel, broadcast: Option<Broadcast>) -> Self {
        let now = origin.ambient.now();
        let Attendance { viewers, latency_ms, stalls } = origin.audiences().of(&channel.id, now);
        Self {
            channel: channel.id.into(),
            state: channel.state.as_str(),
            since_ms: channel.since.millis(),
            now_ms: now.millis(),
            here: false,
            broadcast: broadcast.map(BroadcastView::from),
            viewers,
            latency_p50_ms: latency_ms.map(|(half, _)| half),
            latency_p95_ms: latency_ms.map(|(_, most)| most),
            stalls,
            source: None,
            renditions: Vec::new(),
            seconds: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// With the figures of a broadcast that is here.
    fn with(self, stage: &Stage, now: Moment) -> Self {
        let mut reading = stage.pulse.read(now);
        let warnings = std::mem::take(&mut reading.warnings).into_iter();
        Self {
            here: true,
            renditions: stage.names().into_iter().map(String::from).collect(),
            seconds: std::mem::take(&mut reading.seconds).into_iter().map(SecondView::from).collect(),
            warnings: warnings
                .map(|warning| WarningView { code: warning.code, text: warning.text })
                .collect(),
            source: Some(source(reading)),
            ..self
        }
    }
}

async fn pulse(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<ChannelId>,
) -> Result<Json<PulseView>, Problem> {
    let (channel, broadcast) = origin.live.state(&caller, &id).await.map_err(problem)?;
    // A broadcast that is over, or goes on elsewhere, has left figures that mean nothing now.
    let open = broadcast.as_ref().filter(|broadcast| broadcast.ended.is_none());
    let open = open.map(|broadcast| broadcast.id.clone());
    let stage = origin.stages().of(&id).filter(|stage| open.as_ref() == Some(&stage.broadcast));
    let view = PulseView::of(&origin, channel, broadcast);
    let now = Moment(origin.ambient.now().micros());
    Ok(Json(match stage {
        Some(stage) => view.with(&stage, now),
        None => view,
    }))
}

async fn broadcasts(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<ChannelId>,
    Paging(page): Paging,
    uri: Uri,
) -> Result<Listing<BroadcastView>, Problem> {
    let Page { items, next } = origin.live.broadcasts(&caller, &id, &page).await.map_err(problem)?;
    Ok(Listing(Page { items: items.into_iter().map(BroadcastView::from).collect(), next }, uri))
}
