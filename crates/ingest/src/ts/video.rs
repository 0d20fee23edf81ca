//! Pictures: byte streams of H.264 and HEVC become access units with lengths.

use std::collections::VecDeque;

use bytes::Bytes;
use media::live::{
    config::{VideoCodec as Codec, VideoConfig as Described},
    nal::{self, SetKind},
};

use super::{
    Clock,
    packet::{Continuity, Packet},
    payload,
    pes::{Assembly, Malformed, Pes},
};
use crate::{AccessUnit, Dropped, Event, Track, VideoCodec, VideoConfig};

/// Parameter sets that are kept until they make a configuration.
const SETS_MAX: usize = 32;

/// The stream of pictures.
pub(super) struct Video {
    pub(super) pid: u16,
    codec: Codec,
    continuity: Continuity,
    assembly: Assembly,
    /// What came before there was a configuration.
    sets: Vec<(SetKind, Bytes)>,
    config: Option<Described>,
}

impl Video {
    pub(super) fn new(pid: u16, codec: VideoCodec, bytes_max: usize) -> Self {
        let codec = match codec {
            VideoCodec::H264 => Codec::H264,
            VideoCodec::Hevc => Codec::Hevc,
        };
        let (assembly, sets) = (Assembly::new(bytes_max), Vec::new());
        let continuity = Continuity::new();
        Self { pid, codec, continuity, assembly, sets, config: None }
    }

    pub(super) const fn codec(&self) -> VideoCodec {
        match self.codec {
            Codec::H264 => VideoCodec::H264,
            Codec::Hevc => VideoCodec::Hevc,
        }
    }

    /// Whether a configuration has come.
    pub(super) const fn is_described(&self) -> bool {
        self.config.is_some()
    }

    /// Takes a packet of this stream.
    pub(super) fn packet(&mut self, packet: &Packet<'_>, clock: &mut Clock, events: &mut VecDeque<Event>) {
        let assembly = &mut self.assembly;
        let lost = || assembly.lost();
        let Some(payload) = payload(packet, &mut self.continuity, Track::Video, events, lost) else { return };
        for whole in self.assembly.push(packet.begins, payload).into_iter().flatten() {
            self.whole(whole, clock, events);
        }
    }

    /// Takes what has begun as whole.
    pub(super) fn finish(&mut self, clock: &mut Clock, events: &mut VecDeque<Event>) {
        if let Some(whole) = self.assembly.flush() {
            self.whole(whole, clock, events);
        }
    }

    fn whole(&mut self, whole: Result<Pes, Malformed>, clock: &mut Clock, events: &mut VecDeque<Event>) {
        if let Err(dropped) =
            whole.map_err(|Malformed| malformed()).and_then(|pes| self.picture(&pes, clock, events))
        {
            events.push_back(Event::Dropped(dropped));
        }
    }

    fn picture(&mut self, pes: &Pes, clock: &mut Clock, events: &mut VecDeque<Event>) -> Result<(), Dropped> {
        let pts = pes.pts.ok_or(malformed())?;
        let unit = nal::from_start_codes(self.codec, &pes.payload).map_err(|_| malformed())?;
        if let Some(config) = self.described(&unit.sets)? {
            events.push_back(Event::VideoConfig(config));
        }
        let (dts_us, pts_us) = clock.place(pts, pes.dts);
        let key = unit.picture.is_key();
        events.push_back(Event::Video(AccessUnit { dts_us, pts_us, key, data: unit.data }));
        Ok(())
    }

    /// The configuration, if the sets before a picture make another one.
    fn described(&mut self, sets: &[(SetKind, Bytes)]) -> Result<Option<VideoConfig>, Dropped> {
        let before = self.config.as_ref().map(|config| config.record.clone());
        let described = match &self.config {
            Some(config) => config.updated(sets).map_err(|_| malformed())?,
            None => Some(self.first(sets)?),
        };
        let Some(described) = described else { return Ok(None) };
        let record = described.record.clone();
        self.config = Some(described);
        let changed = before.as_ref() != Some(&record);
        Ok(changed.then(|| VideoConfig { codec: self.codec(), nal_length_bytes: 4, record }))
    }

    fn first(&mut self, sets: &[(SetKind, Bytes)]) -> Result<Described, Dropped> {
        if self.sets.len() + sets.len() > SETS_MAX {
            self.sets.clear();
        }
        // They are slices of whole pictures, which need not stay.
        let kept = |(kind, set): &(SetKind, Bytes)| (*kind, Bytes::copy_from_slice(set));
        self.sets.extend(sets.iter().take(SETS_MAX).map(kept));
        let described = Described::from_sets(self.codec, &self.sets);
        let described = described.map_err(|_| Dropped::BeforeConfig(Track::Video))?;
        self.sets = Vec::new();
        Ok(described)
    }
}

const fn malformed() -> Dropped {
    Dropped::Malformed(Track::Video)
}
