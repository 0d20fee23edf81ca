//! Sound: AAC in ADTS becomes raw frames with their times.

use std::collections::VecDeque;

use super::{
    Clock,
    adts::{Frames, Next},
    packet::{Continuity, Packet},
    payload,
    pes::{Assembly, Malformed, Pes},
};
use crate::{AccessUnit, AudioConfig, Dropped, End, Event, Track};

/// Samples of an AAC frame.
const FRAME_SAMPLES: i64 = 1_024;

/// The stream of sound.
pub(super) struct Audio {
    pub(super) pid: u16,
    continuity: Continuity,
    assembly: Assembly,
    frames: Frames,
    config: Option<AudioConfig>,
    times: Times,
}

/// A PES packet states the time of the first frame that begins in it (ITU-T H.222.0 §2.4.3.7); those behind follow.
#[derive(Default)]
struct Times {
    /// In microseconds; nothing where no time has been stated since something was lost.
    stated_us: Option<i64>,
    frames_since: i64,
}

impl Times {
    fn next(&mut self, sample_rate: u32) -> Option<i64> {
        let since_us = self.frames_since * FRAME_SAMPLES * 1_000_000 / i64::from(sample_rate);
        self.frames_since += 1;
        Some(self.stated_us? + since_us)
    }
}

impl Audio {
    pub(super) fn new(pid: u16, bytes_max: usize) -> Self {
        let (continuity, assembly) = (Continuity::new(), Assembly::new(bytes_max));
        Self { pid, continuity, assembly, frames: Frames::default(), config: None, times: Times::default() }
    }

    /// Takes a packet of this stream.
    ///
    /// # Errors
    /// [`End::Unsupported`] for AAC of a kind that is not taken.
    pub(super) fn packet(
        &mut self,
        packet: &Packet<'_>,
        clock: &mut Clock,
        events: &mut VecDeque<Event>,
    ) -> Result<(), End> {
        let (assembly, frames, times) = (&mut self.assembly, &mut self.frames, &mut self.times);
        let lost = || {
            assembly.lost();
            frames.lost();
            *times = Times::default();
        };
        let Some(payload) = payload(packet, &mut self.continuity, Track::Audio, events, lost) else {
            return Ok(());
        };
        for whole in self.assembly.push(packet.begins, payload).into_iter().flatten() {
            self.whole(whole, clock, events)?;
        }
        Ok(())
    }

    fn whole(
        &mut self,
        whole: Result<Pes, Malformed>,
        clock: &mut Clock,
        events: &mut VecDeque<Event>,
    ) -> Result<(), End> {
        let Ok(pes) = whole else {
            self.frames.lost();
            events.push_back(Event::Dropped(Dropped::Malformed(Track::Audio)));
            return Ok(());
        };
        let mut before = self.frames.push(&pes.payload);
        let mut stated_us = pes.pts.map(|pts| clock.place(pts, None).1);
        loop {
            match self.frames.next(&mut before)? {
                Next::Nothing => return Ok(()),
                Next::Broken => events.push_back(Event::Dropped(Dropped::Malformed(Track::Audio))),
                Next::Frame { config, data, begun_before } => {
                    if !begun_before && let Some(at) = stated_us.take() {
                        self.times = Times { stated_us: Some(at), frames_since: 0 };
                    }
                    let at = self.times.next(config.sample_rate);
                    if self.config.as_ref() != Some(&config) {
                        self.config = Some(config.clone());
                        events.push_back(Event::AudioConfig(config));
                    }
                    events.push_back(at.map_or(Event::Dropped(Dropped::Malformed(Track::Audio)), |at| {
                        Event::Audio(AccessUnit { dts_us: at, pts_us: at, key: true, data })
                    }));
                }
            }
        }
    }
}
