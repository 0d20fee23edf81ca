//! Access units out of an FLV file, which is what RTMP carries (Adobe Flash Video File Format 10.1, annex E).

use bytes::Bytes;
use pipeline_wire::{Medium, Unit};

/// What an encoder sends.
pub struct Flv {
    /// `avcC`.
    pub video_config: Vec<u8>,
    /// AudioSpecificConfig.
    pub audio_config: Vec<u8>,
    /// Access units as they come, with times in milliseconds.
    pub units: Vec<(Medium, Unit)>,
}

impl Flv {
    pub fn read(file: &Bytes) -> Self {
        const HEADER: usize = 9 + 4;
        let mut flv = Self { video_config: Vec::new(), audio_config: Vec::new(), units: Vec::new() };
        let mut rest = file.slice(HEADER..);
        while rest.len() > 11 {
            let size = number(&rest[1..4]) as usize;
            let time = number(&rest[4..7]) | i64::from(rest[7]) << 24;
            match rest[0] {
                8 => flv.sound(&rest.slice(11..11 + size), time),
                9 => flv.picture(&rest.slice(11..11 + size), time),
                _ => {}
            }
            rest = rest.slice((11 + size + 4).min(rest.len())..);
        }
        flv
    }

    fn sound(&mut self, tag: &Bytes, time: i64) {
        assert_eq!(tag[0] >> 4, 10, "AAC");
        match tag[1] {
            0 => self.audio_config = tag[2..].to_vec(),
            _ => {
                let unit = Unit { dts: time, pts: time, key: true, bytes: tag.slice(2..) };
                self.units.push((Medium::Audio, unit));
            }
        }
    }

    fn picture(&mut self, tag: &Bytes, time: i64) {
        assert_eq!(tag[0] & 15, 7, "H.264");
        match tag[1] {
            0 => self.video_config = tag[5..].to_vec(),
            1 => {
                let key = tag[0] >> 4 == 1;
                let unit = Unit { dts: time, pts: time + number(&tag[2..5]), key, bytes: tag.slice(5..) };
                self.units.push((Medium::Video, unit));
            }
            _ => {}
        }
    }
}

fn number(bytes: &[u8]) -> i64 {
    bytes.iter().fold(0, |number, byte| number << 8 | i64::from(*byte))
}
