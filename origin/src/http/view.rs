//! Assets as the API shows them.

use base::AssetId;
use catalogue::{Asset, Audience, State, TrackProgress};
use httpkit::Problem;
use media::{Object, TrackName};
use serde::Serialize;

use super::{
    error::problem,
    link::{self, MediaBase},
};
use crate::Origin;

/// An asset, for its tenant.
#[derive(Serialize)]
pub(super) struct AssetView {
    id: String,
    title: String,
    state: &'static str,
    visibility: &'static str,
    reason: Option<String>,
    version: u32,
    created_ms: i64,
    updated_ms: i64,
    duration_ms: Option<u64>,
    source: SourceView,
    playable: bool,
    plays: u64,
    viewers: u64,
    #[serde(flatten)]
    urls: MediaUrls,
    share: String,
    embed: String,
    progress: ProgressView,
    plan: Option<PlanView>,
    findings: Vec<catalogue::Finding>,
    upload: Option<UploadView>,
}

/// Where an asset is played from.
#[derive(Serialize, Default)]
pub(super) struct MediaUrls {
    hls: Option<String>,
    dash: Option<String>,
    poster: Option<String>,
    thumbs: Option<String>,
}

#[derive(Serialize)]
struct SourceView {
    name: String,
    bytes: u64,
    sha256: Option<String>,
}

/// How far an asset is.
#[derive(Serialize)]
struct ProgressView {
    percent: u8,
    tracks: Vec<TrackView>,
}

#[derive(Serialize)]
struct TrackView {
    name: String,
    kind: &'static str,
    width: Option<u32>,
    height: Option<u32>,
    percent: u8,
}

#[derive(Serialize)]
struct PlanView {
    reasons: Vec<String>,
}

#[derive(Serialize)]
struct UploadView {
    url: String,
    offset: u64,
    length: u64,
    /// Whether the server fetches it: nobody is to send it.
    fetched: bool,
}

impl MediaUrls {
    /// What can be played now. DASH is offered once all of it is there.
    pub(super) fn of(asset: &Asset, base: &MediaBase) -> Self {
        let Some(version) = asset.playing else { return Self::default() };
        let images = asset.images_attempt.is_some();
        Self {
            hls: Some(base.url(Object::Multivariant)),
            dash: asset.has_dash().then(|| base.url(Object::Mpd)),
            poster: images.then(|| base.url(Object::Poster { version })),
            thumbs: images.then(|| base.url(Object::Thumbs { version })),
        }
    }
}

impl TrackView {
    fn of(track: &TrackProgress, asset: &Asset) -> Self {
        let rung =
            asset.plan.as_ref().and_then(|plan| plan.rungs().iter().find(|rung| rung.name == track.name));
        Self {
            name: track.name.to_string(),
            kind: track.name.kind(),
            width: rung.map(|rung| rung.width),
            height: rung.map(|rung| rung.height),
            percent: track.percent,
        }
    }
}

/// How far the tracks are. Only an asset in the making needs a look.
async fn progress(origin: &Origin, asset: &Asset) -> Result<ProgressView, Problem> {
    let (percent, tracks) = match (asset.state, &asset.plan) {
        (State::Ready, Some(plan)) => (100, plan.track_names().map(whole).collect()),
        (State::Transcoding, Some(_)) => {
            let made = origin.catalogue.progress(&asset.id, asset.version).await.map_err(problem)?;
            (made.percent, made.tracks)
        }
        (State::Ready, None) => (100, Vec::new()),
        _ => (0, Vec::new()),
    };
    let tracks = tracks.iter().map(|track| TrackView::of(track, asset)).collect();
    Ok(ProgressView { percent, tracks })
}

fn whole(name: TrackName) -> TrackProgress {
    TrackProgress { name, percent: 100 }
}

/// Assets, for their tenant.
pub(super) async fn assets(origin: &Origin, assets: Vec<Asset>) -> Result<Vec<AssetView>, Problem> {
    let ids: Vec<&AssetId> = assets.iter().map(|asset| &asset.id).collect();
    let audiences = origin.catalogue.audiences(&ids).await.map_err(problem)?;
    let mut views = Vec::with_capacity(assets.len());
    for asset in assets {
        let audience = audiences.get(asset.id.as_str()).copied().unwrap_or_default();
        views.push(view(origin, asset, audience).await?);
    }
    Ok(views)
}

/// An asset, for its tenant.
pub(super) async fn asset(origin: &Origin, asset: Asset) -> Result<AssetView, Problem> {
    let audiences = origin.catalogue.audiences(&[&asset.id]).await.map_err(problem)?;
    let audience = audiences.get(asset.id.as_str()).copied().unwrap_or_default();
    view(origin, asset, audience).await
}

async fn view(origin: &Origin, asset: Asset, audience: Audience) -> Result<AssetView, Problem> {
    let urls = MediaUrls::of(&asset, &MediaBase::fresh(origin, &asset)?);
    let upload = asset.is_uploading().then(|| UploadView {
        url: format!("{}/files/{}", origin.urls.public, asset.source.upload),
        offset: asset.source.received,
        length: asset.source.bytes,
        fetched: asset.source.fetched,
    });
    Ok(AssetView {
        state: asset.state.as_str(),
        visibility: asset.visibility.as_str(),
        version: asset.version,
        created_ms: asset.created.millis(),
        updated_ms: asset.updated.millis(),
        duration_ms: asset.duration_us.map(|micros| micros / 1000),
        playable: asset.is_playable(),
        plays: audience.plays,
        viewers: audience.viewers,
        share: link::watch(origin, &asset.id),
        embed: link::embed(origin, &asset.id),
        progress: progress(origin, &asset).await?,
        urls,
        upload,
        id: asset.id.into(),
        title: asset.title,
        reason: asset.reason,
        source: SourceView {
            name: asset.source.name,
            bytes: asset.source.bytes,
            sha256: asset.source.sha256,
        },
        plan: asset.plan.map(|plan| PlanView { reasons: plan.reasons }),
        findings: asset.findings,
    })
}
