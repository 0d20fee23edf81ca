//! Bodies of media messages (FLV 10.1 annex E; Enhanced RTMP v2) become events, and events bodies.

mod audio;
mod enhanced;
mod metadata;
mod video;
mod write;

use bytes::Bytes;

use crate::{AccessUnit, AudioConfig, Dropped, Event, Track, Unsupported, VideoConfig};

pub(crate) use metadata::{metadata, printable};
pub(crate) use write::{milliseconds, put};

/// Reads the media of one publisher.
#[derive(Default)]
pub(crate) struct Demux {
    clock: Clock,
    video: Option<VideoConfig>,
    audio: Option<AudioConfig>,
}

/// What a body turned out to be.
enum Body<C> {
    Config(C),
    Unit(Unit),
    /// Nothing to pass on: an end of sequence, a hint, an empty body.
    Nothing,
}

/// A coded unit with its place beside the message's timestamp.
struct Unit {
    /// From decoding to showing, in milliseconds.
    composition_ms: i32,
    /// What the timestamp lacks, in nanoseconds.
    offset_ns: u32,
    key: bool,
    data: Bytes,
}

/// Why a body is not passed on.
enum Trouble {
    Broken,
    Unsupported(Unsupported),
}

impl From<Unsupported> for Trouble {
    fn from(unsupported: Unsupported) -> Self {
        Self::Unsupported(unsupported)
    }
}

impl Demux {
    /// A video message.
    pub(crate) fn video(&mut self, timestamp: u32, body: &Bytes) -> Result<Option<Event>, Unsupported> {
        let body = match video::read(body) {
            Ok(body) => body,
            Err(Trouble::Unsupported(unsupported)) => return Err(unsupported),
            Err(Trouble::Broken) => return Ok(Some(broken(Track::Video))),
        };
        Ok(match body {
            Body::Nothing => None,
            Body::Config(config) if self.video.as_ref() == Some(&config) => None,
            Body::Config(config) => {
                self.video = Some(config.clone());
                Some(Event::VideoConfig(config))
            }
            Body::Unit(unit) => Some(self.picture(timestamp, unit)),
        })
    }

    fn picture(&mut self, timestamp: u32, unit: Unit) -> Event {
        match &self.video {
            None => Event::Dropped(Dropped::BeforeConfig(Track::Video)),
            Some(config) if !video::tiles(&unit.data, usize::from(config.nal_length_bytes)) => {
                broken(Track::Video)
            }
            Some(_) => Event::Video(self.clock.place(timestamp, unit)),
        }
    }

    /// An audio message.
    pub(crate) fn audio(&mut self, timestamp: u32, body: &Bytes) -> Result<Option<Event>, Unsupported> {
        let body = match audio::read(body) {
            Ok(body) => body,
            Err(Trouble::Unsupported(unsupported)) => return Err(unsupported),
            Err(Trouble::Broken) => return Ok(Some(broken(Track::Audio))),
        };
        Ok(match body {
            Body::Nothing => None,
            Body::Config(config) if self.audio.as_ref() == Some(&config) => None,
            Body::Config(config) => {
                self.audio = Some(config.clone());
                Some(Event::AudioConfig(config))
            }
            Body::Unit(_) if self.audio.is_none() => {
                Some(Event::Dropped(Dropped::BeforeConfig(Track::Audio)))
            }
            Body::Unit(unit) => Some(Event::Audio(self.clock.place(timestamp, unit))),
        })
    }
}

const fn broken(track: Track) -> Event {
    Event::Dropped(Dropped::Malformed(track))
}

/// Timestamps of 32 bits, continued where they wrap.
#[derive(Default)]
struct Clock {
    /// In milliseconds; nothing before the first timestamp.
    last: Option<i64>,
}

impl Clock {
    fn place(&mut self, timestamp: u32, unit: Unit) -> AccessUnit {
        let dts_us = self.unrolled(timestamp) * 1_000 + i64::from(unit.offset_ns / 1_000);
        let pts_us = dts_us + i64::from(unit.composition_ms) * 1_000;
        AccessUnit { dts_us, pts_us, key: unit.key, data: unit.data }
    }

    /// The time nearest to the last one that has these 32 bits.
    #[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are what is compared")]
    #[expect(clippy::cast_sign_loss, reason = "the low 32 bits are what is compared")]
    fn unrolled(&mut self, timestamp: u32) -> i64 {
        let time = self.last.map_or(i64::from(timestamp), |last| {
            last + i64::from(timestamp.wrapping_sub(last as u32).cast_signed())
        });
        self.last = Some(time);
        time
    }
}

/// Takes bytes off the front of a body.
fn take<const N: usize>(body: &mut Bytes) -> Result<[u8; N], Trouble> {
    if body.len() < N {
        return Err(Trouble::Broken);
    }
    let taken = body.split_to(N);
    taken[..].try_into().map_err(|_| Trouble::Broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AVC: [u8; 21] =
        [0x17, 0, 0, 0, 0, 1, 0x42, 0xC0, 0x1E, 0xFF, 0xE1, 0, 4, 0x67, 0x42, 0xC0, 0x1E, 1, 0, 1, 0x68];
    const AAC: [u8; 4] = [0xAF, 0, 0x12, 0x10];

    fn video(demux: &mut Demux, timestamp: u32, body: &[u8]) -> Option<Event> {
        demux.video(timestamp, &Bytes::copy_from_slice(body)).expect("a codec that is taken")
    }

    #[test]
    fn a_wrapped_clock_goes_on_and_a_backward_one_goes_back() {
        let mut clock = Clock::default();
        let times = [u32::MAX - 9, 10, 5, 1_000].map(|time| clock.unrolled(time));
        assert_eq!(times, [4_294_967_286, 4_294_967_306, 4_294_967_301, 4_294_968_296]);
        let mut clock = Clock::default();
        assert_eq!([5, u32::MAX].map(|time| clock.unrolled(time)), [5, -1]);
    }

    #[test]
    fn pictures_keep_their_two_times_and_their_mark() {
        let mut demux = Demux::default();
        let config = video(&mut demux, 0, &AVC).expect("a configuration");
        assert!(matches!(config, Event::VideoConfig(VideoConfig { nal_length_bytes: 4, .. })));
        assert_eq!(video(&mut demux, 0, &AVC), None, "the same again says nothing");
        let mut other = AVC;
        other[8] = 0x1F;
        assert!(
            matches!(video(&mut demux, 0, &other), Some(Event::VideoConfig(config)) if config.record[3] == 0x1F)
        );
        let later = [0x27, 1, 0, 0, 80, 0, 0, 0, 1, 0x41];
        let Some(Event::Video(unit)) = video(&mut demux, 40, &later) else { panic!("a picture") };
        assert_eq!((unit.dts_us, unit.pts_us, unit.key), (40_000, 120_000, false));
        let earlier = [0x17, 1, 0xFF, 0xFF, 0xFE, 0, 0, 0, 1, 0x65];
        let Some(Event::Video(unit)) = video(&mut demux, 80, &earlier) else { panic!("a picture") };
        assert_eq!((unit.dts_us, unit.pts_us, unit.key), (80_000, 78_000, true));
    }

    #[test]
    fn what_contradicts_itself_is_dropped_and_named() {
        let mut demux = Demux::default();
        let picture = [0x17, 1, 0, 0, 0, 0, 0, 0, 9, 0x65];
        let early = video(&mut demux, 0, &picture);
        assert_eq!(early, Some(Event::Dropped(Dropped::BeforeConfig(Track::Video))));
        assert_eq!(video(&mut demux, 0, &AVC[..12]), Some(broken(Track::Video)));
        video(&mut demux, 0, &AVC);
        assert_eq!(video(&mut demux, 0, &picture), Some(broken(Track::Video)));
        assert_eq!(video(&mut demux, 0, &[0x17]), Some(broken(Track::Video)));
        assert_eq!(video(&mut demux, 0, &[]), None);
    }

    #[test]
    fn sound_needs_its_configuration_too() {
        let mut demux = Demux::default();
        let frame = Bytes::from_static(&[0xAF, 1, 7, 7]);
        let early = demux.audio(0, &frame);
        assert_eq!(early, Ok(Some(Event::Dropped(Dropped::BeforeConfig(Track::Audio)))));
        let Ok(Some(Event::AudioConfig(config))) = demux.audio(0, &Bytes::from_static(&AAC)) else {
            panic!("a configuration")
        };
        assert_eq!((config.object_type, config.sample_rate, config.channel_configuration), (2, 44_100, 2));
        let Ok(Some(Event::Audio(unit))) = demux.audio(23, &frame) else { panic!("a frame") };
        assert_eq!((unit.dts_us, unit.pts_us, unit.key, &unit.data[..]), (23_000, 23_000, true, &[7, 7][..]));
    }
}
