//! The one task that owns a broadcast.

mod ending;

use std::{sync::Arc, time::Duration};

use ::live::{Admission, Begun, EndReason, GRACE, Lease, RENEW_EVERY};
use ingest::{End, Event, Media, PublishRequest, Reason, Refusal};
use media::live::{
    config::{AudioConfig, VideoConfig},
    nal::{self, Picture},
    package::{Kept, PackageError, Packager, Packaging, Product},
    retime::{AccessUnit, Hints, Track},
    window::{Dvr, Moment},
};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tracing::warn;

use super::{
    Stage, door,
    ladder::{Encoded, Ladder},
    pulse::Link,
    shelf::{Shelf, ShelfError},
};
use crate::Origin;

/// How long the multivariant playlist waits for lower rungs; after it they are in the playlists of who comes later.
const RUNGS_PATIENCE: Duration = Duration::from_secs(4);
/// How often lists that nobody feeds are looked after.
const IDLE_EVERY: Duration = Duration::from_millis(200);
/// Over how long a publisher's bitrate is measured.
const BITRATE_OVER: Duration = Duration::from_secs(10);

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

/// Why this process has no more to do with a broadcast.
enum Leave {
    /// It is over.
    Over(Over),
    /// Another process, or this one's successor, may go on.
    LetGo,
}

pub(super) struct Session {
    origin: Origin,
    lease: Lease,
    stage: Arc<Stage>,
    shelf: Shelf,
    packager: Packager,
    ladder: Ladder,
    limits: ::live::Limits,
    /// Bytes of the publisher since then.
    metered: (u64, Instant),
    /// When the multivariant playlist is given out without lower rungs.
    rungs_until: Option<Instant>,
    /// `None` while the publisher is away.
    media: Option<Media>,
    video: Option<VideoConfig>,
    /// When a publisher that is away is given up.
    patience: Instant,
    on_air: bool,
}

impl Session {
    /// Where a broadcast is kept, and what was kept of it before.
    ///
    /// # Errors
    /// [`ShelfError`] when nothing can be kept, or what was cannot be read.
    pub(super) async fn keep(
        origin: &Origin,
        begun: &Begun,
        stage: Arc<Stage>,
    ) -> Result<(Shelf, Vec<Kept>), ShelfError> {
        let mut shelf = Shelf::open(origin, begun, stage).await?;
        let kept = if begun.resumed { shelf.resume().await? } else { Vec::new() };
        Ok((shelf, kept))
    }

    pub(super) fn new(
        origin: Origin,
        begun: Begun,
        stage: Arc<Stage>,
        (shelf, kept): (Shelf, Vec<Kept>),
        media: Media,
    ) -> Self {
        let dvr = begun.channel.choices.dvr.seconds().map_or(Dvr::Event, Dvr::Seconds);
        let packaging = Packaging { dvr, ..Packaging::default() };
        let ladder = Ladder::new(origin.encoding.clone(), &begun.channel.choices.ladder);
        Self {
            origin,
            lease: begun.lease,
            stage,
            shelf,
            packager: Packager::resume(packaging, kept),
            ladder,
            limits: begun.limits,
            metered: (0, Instant::now()),
            rungs_until: None,
            media: Some(media),
            video: None,
            patience: Instant::now(),
            on_air: false,
        }
    }

    async fn broadcast(&mut self, arrivals: &mut mpsc::Receiver<Arrival>) -> Leave {
        let (mut renewals, mut idle) = (interval(RENEW_EVERY), interval(IDLE_EVERY));
        idle.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.origin.tasks.soft();
        loop {
            let step = tokio::select! {
                event = next(&mut self.media) => self.take(event).await,
                encoded = self.ladder.next() => self.take_encoded(encoded).await,
                Some(arrival) = arrivals.recv() => self.arrived(arrival).await,
                _ = renewals.tick() => self.renew().await,
                _ = idle.tick() => self.idle().await,
                () = sleep_until(self.patience), if self.media.is_none() => {
                    Err(Over::new(EndReason::Lost, "The encoder went away and did not come back."))
                }
                () = stop.cancelled() => return Leave::LetGo,
            };
            if let Err(over) = step {
                return Leave::Over(over);
            }
        }
    }

    /// Lists that nobody feeds grow by gaps.
    async fn idle(&mut self) -> Result<(), Over> {
        let (all, now) = (self.media.is_none(), self.now());
        if all || self.ladder.is_away() {
            let products = self.packager.idle(all, now).map_err(unfit)?;
            self.publish(&products).await?;
        }
        Ok(())
    }

    async fn take_encoded(&mut self, encoded: Encoded) -> Result<(), Over> {
        let (now, mut products) = (self.now(), Vec::new());
        match encoded {
            Encoded::Config { rung, config } => self.packager.describe_rung(rung, config),
            Encoded::Picture { rung, shown, key, data } => {
                let taken = self.packager.rung_unit(rung, (shown, key), data, now, &mut products);
                if !taken.map_err(unfit)? {
                    metrics::counter!("nexus_live_ladder_late_total").increment(1);
                }
            }
        }
        self.publish(&products).await
    }

    /// Counts what the publisher sends, and refuses what is more than its tenant may send.
    fn meter(&mut self, bytes: usize) -> Result<(), Over> {
        let (sent, since) = &mut self.metered;
        *sent += bytes as u64;
        let elapsed = since.elapsed();
        if elapsed < BITRATE_OVER {
            return Ok(());
        }
        let kbps = *sent * 8 / u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        self.metered = (0, Instant::now());
        let fits = self.limits.check_bitrate(u32::try_from(kbps).unwrap_or(u32::MAX));
        fits.map_err(|error| Over::new(EndReason::TooFast, error.to_string()))
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
            self.publish(&products).await?;
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
                let config = config.inspect(|config| self.stage.pulse.sound(config));
                config.and_then(|config| self.packager.describe_audio(config, now)).map_err(unfit)?
            }
            Event::Video(unit) => {
                self.meter(unit.data.len())?;
                self.picture(unit, now).map_err(unfit)?
            }
            Event::Audio(unit) => {
                self.meter(unit.data.len())?;
                let unit = access_unit(&unit, Picture::Key, unit.data.clone(), now);
                self.stage.pulse.audio(&unit);
                self.packager.unit(Track::Audio, unit, now).map_err(unfit)?
            }
            Event::Dropped(dropped) => {
                self.stage.pulse.dropped(&dropped.to_string(), now);
                Vec::new()
            }
            Event::Link(link) => {
                self.stage.pulse.link(measured(link), now);
                Vec::new()
            }
            Event::Ended(end) => return self.left(end).await,
        };
        self.publish(&products).await?;
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
        self.stage.pulse.pictures(&config);
        self.video = Some(config.clone());
        self.packager.plan_rungs(self.ladder.names(&config));
        self.packager.describe_video(config, now)
    }

    /// A picture that cannot be read is left out; the next one may be better.
    fn picture(&mut self, unit: ingest::AccessUnit, now: Moment) -> Result<Vec<Product>, PackageError> {
        let Some(video) = &self.video else { return Ok(Vec::new()) };
        let Ok(read) = nal::from_lengths(video.codec, video.nal_length_bytes, &unit.data) else {
            metrics::counter!("nexus_live_units_unreadable_total").increment(1);
            self.stage.pulse.dropped("a picture that cannot be read", now);
            return Ok(Vec::new());
        };
        let mut products = Vec::new();
        if let Some(changed) = video.updated(&read.sets)? {
            self.stage.pulse.pictures(&changed);
            self.video = Some(changed.clone());
            self.packager.plan_rungs(self.ladder.names(&changed));
            products = self.packager.describe_video(changed, now)?;
        }
        let unit = access_unit(&unit, read.picture, read.data, now);
        self.stage.pulse.video(&unit);
        products.extend(self.packager.unit(Track::Video, unit, now)?);
        Ok(products)
    }

    /// The channel is live once a list shows something.
    async fn flows(&mut self, products: &[Product]) -> Result<(), Over> {
        let shows = products.iter().any(|product| matches!(product, Product::Part { .. }));
        if self.on_air || !shows || !self.stage.is_complete() {
            return Ok(());
        }
        self.on_air = true;
        let flowing = self.origin.live.flowing(&self.lease).await;
        flowing.map_err(|error| Over::new(EndReason::Failed, error.to_string()))
    }

    async fn left(&mut self, end: End) -> Result<(), Over> {
        self.media = None;
        self.ladder.drain();
        let detail = end.to_string();
        match end {
            End::Closed => Err(Over::new(EndReason::Stopped, detail)),
            End::Broken(_) | End::Unsupported(_) => Err(Over::new(EndReason::BadMedia, detail)),
            End::Stopped(_) => Err(Over::new(EndReason::Kicked, detail)),
            End::Lost(_) | End::Stalled(_) => {
                self.stage.pulse.away();
                self.patience = Instant::now() + GRACE;
                let lost = self.origin.live.publisher_lost(&self.lease).await;
                lost.map_err(|error| Over::new(EndReason::Failed, error.to_string()))
            }
        }
    }

    /// Disk first, then memory, lists last: what a list names is there, also for who comes after this process.
    async fn publish(&mut self, products: &[Product]) -> Result<(), Over> {
        let unkept = |error: ShelfError| Over::new(EndReason::Failed, error.to_string());
        self.shelf.keep(products).await.map_err(unkept)?;
        if products.iter().any(|product| matches!(product, Product::Header { .. })) {
            self.shelf.describe(self.packager.renditions()).await.map_err(unkept)?;
        }
        self.stage.keep(products);
        self.stage.show(self.packager.lists());
        let whole = products.iter().any(|product| matches!(product, Product::Segment { .. }));
        if whole || !self.stage.is_complete() {
            self.show_multivariant();
        }
        for product in products {
            match product {
                Product::Epoch(_, base) => {
                    self.ladder.begin(*base, self.video.as_ref(), self.packager.rung_names());
                }
                Product::Picture(sample) => self.ladder.push(sample),
                Product::Dropped(track, reason) => {
                    self.stage.pulse.dropped(&reason.to_string(), self.now());
                    let track = if *track == Track::Video { "video" } else { "audio" };
                    metrics::counter!("nexus_live_units_dropped_total", "track" => track, "reason" => reason.to_string())
                        .increment(1);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn show_multivariant(&mut self) {
        let Some(text) = self.packager.multivariant(self.lease.broadcast.as_str()) else { return };
        let until = *self.rungs_until.get_or_insert_with(|| Instant::now() + RUNGS_PATIENCE);
        if self.packager.rungs_have_begun() || Instant::now() >= until {
            self.stage.set_multivariant(text);
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

fn measured(link: ingest::Link) -> Link {
    let sent = link.received.saturating_add(link.dropped).max(1);
    let per_million = link.lost.saturating_mul(1_000_000) / sent;
    Link {
        rtt_ms: u32::try_from(link.rtt_us / 1_000).unwrap_or(u32::MAX),
        loss_ppm: u32::try_from(per_million.min(1_000_000)).unwrap_or(1_000_000),
    }
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
