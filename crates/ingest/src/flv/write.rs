//! Events become bodies: what [`super::Demux`] reads, written.

use bytes::{BufMut, BytesMut};

use super::{
    audio::AAC,
    enhanced::{CODED_FRAMES, SEQUENCE_START},
    video::{AVC, ENHANCED, KEY},
};
use crate::{AccessUnit, Event, VideoCodec};

const INTER: u8 = 2;
/// The low half of a sound's first byte: what AAC has there whatever it is (FLV 10.1 §E.4.2.1).
const AAC_FLAGS: u8 = 0x0F;

/// Microseconds as RTMP counts them, to the nearest millisecond.
pub(crate) const fn milliseconds(us: i64) -> i64 {
    (us + 500).div_euclid(1_000)
}

/// Appends the body of a configuration or unit; pictures are of `codec`. Other events have none.
pub(crate) fn put(body: &mut BytesMut, codec: VideoCodec, event: &Event) {
    match event {
        Event::VideoConfig(config) => {
            put_video_head(body, config.codec, KEY, SEQUENCE_START, 0);
            body.put_slice(&config.record);
        }
        Event::Video(unit) => {
            let frame = if unit.key { KEY } else { INTER };
            put_video_head(body, codec, frame, CODED_FRAMES, composition_ms(unit));
            body.put_slice(&unit.data);
        }
        Event::AudioConfig(config) => {
            body.put_slice(&[AAC << 4 | AAC_FLAGS, SEQUENCE_START]);
            body.put_slice(&config.record);
        }
        Event::Audio(unit) => {
            body.put_slice(&[AAC << 4 | AAC_FLAGS, CODED_FRAMES]);
            body.put_slice(&unit.data);
        }
        Event::Metadata(_) | Event::Dropped(_) | Event::Link(_) | Event::Ended(_) => {}
    }
}

const fn composition_ms(unit: &AccessUnit) -> i64 {
    milliseconds(unit.pts_us) - milliseconds(unit.dts_us)
}

/// The plain header for H.264, Enhanced RTMP's for HEVC, whose configuration has no composition time.
fn put_video_head(body: &mut BytesMut, codec: VideoCodec, frame: u8, packet: u8, composition_ms: i64) {
    match codec {
        VideoCodec::H264 => body.put_slice(&[frame << 4 | AVC, packet]),
        VideoCodec::Hevc => {
            body.put_u8(ENHANCED | frame << 4 | packet);
            body.put_slice(b"hvc1");
        }
    }
    if codec == VideoCodec::H264 || packet == CODED_FRAMES {
        body.put_int(composition_ms, 3);
    }
}
