//! The one task that owns a broadcast.

use std::{sync::Arc, time::Duration};

use ::live::{Admission, Begun, EndReason, GRACE, Lease, RENEW_EVERY};
use ingest::{End, Event, Media, PublishRequest, Reason, Refusal};
use media::live::{
    config::{AudioConfig, VideoConfig},
    nal::{self, Picture},
    package::{PackageError, Packager, Packaging, Product},
    retime::{AccessUnit, Hints, Track},
    window::{Dvr, Moment},
};
use tokio::{
    sync::mpsc,
    time::{Instant, interval, sleep, sleep_until},
};
use tracing::{info, warn};

use super::{Stage, door};
use crate::Origin;

/// How long the lists of a broadcast that is over can still be read here.
const AFTERWARDS: Duration = Duration::from_secs(60);
/// Seconds that viewers may go back while segments are in memory alone.
const MEMORY_SECONDS: u32 = 120;

/// A publisher for a channel that has a session.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(super) request: PublishRequest,
    pub(super) admission: Admission,
}

/// How a broadcast ends.
struct Over {
    reason: EndReason,
    detail: String,
}

impl Over {
    fn new(reason: EndReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

pub(super) struct Session {
    origin: Origin,
    lease: Lease,
    stage: Arc<Stage>,
    packager: Packager,
    /// `None` while the publisher is away.
    media: Option<Media>,
    video: Option<VideoConfig>,
    /// When a publisher that is away is given up.
    patience: Instant,
    on_air: bool,
}

impl Session {
    pub(super) fn new(origin: Origin, begun: Begun, stage: Arc<Stage>, media: Media) -> Self {
        let seconds = begun.channel.choices.dvr.seconds().unwrap_or(MEMORY_SECONDS).min(MEMORY_SECONDS);
        let packaging = Packaging { dvr: Dvr::Seconds(seconds), ..Packaging::default() };
        Self {
            origin,
            lease: begun.lease,
            stage,
            packager: Packager::new(packaging),
            media: Some(media),
            video: None,
            patience: Instant::now(),
            on_air: false,
        }
    }

    /// Runs the broadcast to its end.
    pub(super) async fn run(mut self, mut arrivals: mpsc::Receiver<Arrival>) {
        let over = self.broadcast(&mut arrivals).await;
        drop(arrivals);
        let (channel, reason) = (self.lease.channel.clone(), over.reason.as_str());
        info!(%channel, reason, "the broadcast of channel {channel} is over: {}", over.detail);
        if let Some(media) = &mut self.media {
            media.stop(Refusal::new(Reason::Denied, over.detail.clone()));
        }
        if let Err(error) = self.origin.live.end(&self.lease, over.reason, &over.detail).await {
            warn!(%channel, "the end of a broadcast was not written down: {error}");
        }
        match self.packager.finish(self.now()) {
            Ok(products) => self.publish(&products),
            Err(error) => warn!(%channel, "the lists of a broadcast could not be ended: {error}"),
        }
        sleep(AFTERWARDS).await;
        self.origin.stages().close(&channel, &self.lease.broadcast);
    }

    async fn broadcast(&mut self, arrivals: &mut mpsc::Receiver<Arrival>) -> Over {
        let (mut renewals, stop) = (interval(RENEW_EVERY), self.origin.tasks.soft());
        loop {
            let step = tokio::select! {
                event = next(&mut self.media) => self.take(event).await,
                Some(arrival) = arrivals.recv() => self.arrived(arrival).await,
                _ = renewals.tick() => self.renew().await,
                () = sleep_until(self.patience), if self.media.is_none() => {
                    Err(Over::new(EndReason::Lost, "The encoder went away and did not come back."))
                }
                () = stop.cancelled() => Err(Over::new(EndReason::Failed, "The server stops.")),
            };
            if let Err(over) = step {
                return over;
            }
        }
    }

    async fn renew(&mut self) -> Result<(), Over> {
        match self.origin.live.renew(&mut self.lease).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Over::new(EndReason::Kicked, "The broadcast was ended, or its key changed.")),
            Err(error) if self.lease.lasts(self.origin.ambient.monotonic()) => {
                warn!(channel = %self.lease.channel, "a broadcast's lease was not renewed: {error}");
                Ok(())
            }
            Err(error) => Err(Over::new(EndReason::Failed, error.to_string())),
        }
    }

    async fn arrived(&mut self, arrival: Arrival) -> Result<(), Over> {
        let Arrival { request, admission } = arrival;
        if self.media.is_some() {
            request.refuse(Refusal::new(Reason::Busy, "Somebody else publishes to this channel."));
            return Ok(());
        }
        self.media = door::come_back(&self.origin, &self.lease, request, &admission).await;
        if self.media.is_some() {
            let products = self.packager.reconnect(self.now()).map_err(unfit)?;
            self.publish(&products);
            self.on_air = false;
        }
        Ok(())
    }

    async fn take(&mut self, event: Event) -> Result<(), Over> {
        let now = self.now();
        let products = match event {
            Event::Metadata(metadata) => {
                self.packager.metadata_rate(metadata.frame_rate.and_then(Hints::metadata_rate));
                Vec::new()
            }
            Event::VideoConfig(config) => self.describe_video(&config, now).map_err(unfit)?,
            Event::AudioConfig(config) => {
                let config = AudioConfig::from_record(&config.record).map_err(PackageError::from);
                config.and_then(|config| self.packager.describe_audio(config, now)).map_err(unfit)?
            }
            Event::Video(unit) => self.picture(unit, now).map_err(unfit)?,
            Event::Audio(unit) => {
                let unit = access_unit(&unit, Picture::Key, unit.data.clone(), now);
                self.packager.unit(Track::Audio, unit, now).map_err(unfit)?
            }
            Event::Dropped(_) | Event::Link(_) => Vec::new(),
            Event::Ended(end) => return self.left(end).await,
        };
        self.publish(&products);
        self.flows(&products).await
    }

    fn describe_video(
        &mut self,
        said: &ingest::VideoConfig,
        now: Moment,
    ) -> Result<Vec<Product>, PackageError> {
        let config = match said.codec {
            ingest::VideoCodec::H264 => VideoConfig::from_avc_record(&said.record)?,
            ingest::VideoCodec::Hevc => VideoConfig::from_hevc_record(&said.record)?,
        };
        self.video = Some(config.clone());
        self.packager.describe_video(config, now)
    }

    /// A picture that cannot be read is left out; the next one may be better.
    fn picture(&mut self, unit: ingest::AccessUnit, now: Moment) -> Result<Vec<Product>, PackageError> {
        let Some(video) = &self.video else { return Ok(Vec::new()) };
        let Ok(read) = nal::from_lengths(video.codec, video.nal_length_bytes, &unit.data) else {
            metrics::counter!("nexus_live_units_unreadable_total").increment(1);
            return Ok(Vec::new());
        };
        let mut products = Vec::new();
        if let Some(changed) = video.updated(&read.sets)? {
            self.video = Some(changed.clone());
            products = self.packager.describe_video(changed, now)?;
        }
        let unit = access_unit(&unit, read.picture, read.data, now);
        products.extend(self.packager.unit(Track::Video, unit, now)?);
        Ok(products)
    }

    /// The channel is live once a list shows something.
    async fn flows(&mut self, products: &[Product]) -> Result<(), Over> {
        let shows = products.iter().any(|product| matches!(product, Product::Part { .. }));
        if self.on_air || !shows || self.stage.multivariant().is_none() {
            return Ok(());
        }
        self.on_air = true;
        let flowing = self.origin.live.flowing(&self.lease).await;
        flowing.map_err(|error| Over::new(EndReason::Failed, error.to_string()))
    }

    async fn left(&mut self, end: End) -> Result<(), Over> {
        self.media = None;
        let detail = end.to_string();
        match end {
            End::Closed => Err(Over::new(EndReason::Stopped, detail)),
            End::Broken(_) | End::Unsupported(_) => Err(Over::new(EndReason::BadMedia, detail)),
            End::Stopped(_) => Err(Over::new(EndReason::Kicked, detail)),
            End::Lost(_) | End::Stalled(_) => {
                self.patience = Instant::now() + GRACE;
                let lost = self.origin.live.publisher_lost(&self.lease).await;
                lost.map_err(|error| Over::new(EndReason::Failed, error.to_string()))
            }
        }
    }

    /// Files first, lists then: what a list names is there.
    fn publish(&mut self, products: &[Product]) {
        self.stage.keep(products);
        self.stage.show(self.packager.lists());
        let whole = products.iter().any(|product| matches!(product, Product::Segment { .. }));
        if (whole || self.stage.multivariant().is_none())
            && let Some(text) = self.packager.multivariant(self.lease.broadcast.as_str())
        {
            self.stage.set_multivariant(text);
        }
        for product in products {
            if let Product::Dropped(track, reason) = product {
                let track = if *track == Track::Video { "video" } else { "audio" };
                metrics::counter!("nexus_live_units_dropped_total", "track" => track, "reason" => reason.to_string())
                    .increment(1);
            }
        }
    }

    fn now(&self) -> Moment {
        Moment(self.origin.ambient.now().micros())
    }
}

fn access_unit(unit: &ingest::AccessUnit, picture: Picture, data: bytes::Bytes, now: Moment) -> AccessUnit {
    let (dts_us, pts_us, arrived_us) = (unit.dts_us, unit.pts_us, now.0.unsigned_abs());
    AccessUnit { dts_us, pts_us, arrived_us, picture, data }
}

fn unfit(error: PackageError) -> Over {
    Over::new(EndReason::BadMedia, error.to_string())
}

async fn next(media: &mut Option<Media>) -> Event {
    let event = match media {
        Some(media) => media.next().await,
        None => std::future::pending().await,
    };
    event.unwrap_or(Event::Ended(End::Lost(None)))
}
