//! A broadcast of sound alone, for tests: 48 kHz, sent as fast as they like.

use std::sync::Arc;

use base::{ChannelId, Visibility};
use bytes::Bytes;
use media::live::{
    config::AudioConfig,
    nal::Picture,
    package::{Packager, Packaging},
    retime::{AccessUnit, Track},
    window::Moment,
};
use tokio::sync::mpsc;

use super::{Stage, session::Arrival};
use crate::Origin;

/// An encoder whose broadcast is on air.
pub(crate) struct Studio {
    packager: Packager,
    pub(crate) stage: Arc<Stage>,
    began: Moment,
    frames: u64,
    _door: mpsc::Receiver<Arrival>,
}

impl Studio {
    /// Goes on air.
    pub(crate) fn open(origin: &Origin, channel: ChannelId, visibility: Visibility) -> Self {
        let stage = Arc::new(Stage::new(origin.ambient.id(), visibility));
        let (door, arrivals) = mpsc::channel(1);
        origin.stages().open(channel, Arc::clone(&stage), door);
        let began = Moment(origin.ambient.now().micros());
        let mut packager = Packager::new(Packaging::default());
        let sound = AudioConfig::from_record(&Bytes::from_static(&[0x11, 0x90])).expect("AAC");
        packager.describe_audio(sound, began).expect("described");
        Self { packager, stage, began, frames: 0, _door: arrivals }
    }

    /// Sends frames of sound, of 1,024 samples each.
    pub(crate) fn sends(&mut self, frames: u64) {
        for _ in 0..frames {
            let at_us = self.frames * 1_024_000 / 48;
            let now = self.began.plus(at_us);
            let at_us = i64::try_from(at_us).expect("short");
            let unit = AccessUnit {
                dts_us: at_us,
                pts_us: at_us,
                arrived_us: now.0.unsigned_abs(),
                picture: Picture::Key,
                data: Bytes::copy_from_slice(&self.frames.to_be_bytes()),
            };
            let products = self.packager.unit(Track::Audio, unit, now).expect("packaged");
            self.stage.keep(&products);
            self.stage.show(self.packager.lists());
            self.frames += 1;
        }
        if let Some(text) = self.packager.multivariant(self.stage.broadcast.as_str()) {
            self.stage.set_multivariant(text);
        }
    }
}
