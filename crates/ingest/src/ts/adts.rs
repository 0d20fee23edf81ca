//! AAC in ADTS (ISO/IEC 14496-3 §1.A.2.2) and its `AudioSpecificConfig`.

use bytes::{Bytes, BytesMut};

use crate::{AudioConfig, Unsupported};

const HEAD_BYTES: usize = 7;
const CHECKSUM_BYTES: usize = 2;
const LC: u8 = 2;
const INSTEAD: &str = "AAC-LC";
/// ISO/IEC 14496-3 table 1.18.
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// Cuts frames out of the payloads of one stream; a frame may begin in one and end in another.
#[derive(Default)]
pub(super) struct Frames {
    held: BytesMut,
}

/// What is next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A frame without its header.
    Frame {
        /// How it is decoded.
        config: AudioConfig,
        /// As it was coded.
        data: Bytes,
        /// Where it began among the bytes held, before it was taken.
        begun_before: bool,
    },
    /// Bytes that are no frame were passed over.
    Broken,
    /// No more until more comes.
    Nothing,
}

/// The fields of a header.
struct Head {
    object_type: u8,
    rate_index: u8,
    channels: u8,
    head_bytes: usize,
    frame_bytes: usize,
    blocks: u8,
}

impl Frames {
    /// Adds a payload; how many bytes of a frame that began before are held.
    pub(super) fn push(&mut self, payload: &[u8]) -> usize {
        let before = self.held.len();
        self.held.extend_from_slice(payload);
        before
    }

    /// Forgets the beginning of a frame.
    pub(super) fn lost(&mut self) {
        self.held.clear();
    }

    /// The next frame; `before` is the count of bytes from payloads before the last, which it lowers.
    ///
    /// # Errors
    /// [`Unsupported`] for AAC of a kind that is not taken.
    pub(super) fn next(&mut self, before: &mut usize) -> Result<Next, Unsupported> {
        if self.held.len() < HEAD_BYTES {
            return Ok(Next::Nothing);
        }
        let Some(head) = Head::read(&self.held) else {
            let at = next_sync(&self.held);
            self.take(at, before);
            return Ok(Next::Broken);
        };
        if self.held.len() < head.frame_bytes {
            return Ok(Next::Nothing);
        }
        let begun_before = *before > 0;
        let frame = self.take(head.frame_bytes, before);
        if head.blocks > 0 {
            return Ok(Next::Broken);
        }
        let (config, data) = (head.config()?, frame.slice(head.head_bytes..));
        Ok(Next::Frame { config, data, begun_before })
    }

    fn take(&mut self, count: usize, before: &mut usize) -> Bytes {
        *before = before.saturating_sub(count);
        self.held.split_to(count.min(self.held.len())).freeze()
    }
}

/// Where the next header may begin, behind the first byte.
fn next_sync(bytes: &[u8]) -> usize {
    let found = bytes.windows(2).skip(1).position(|two| two[0] == 0xFF && two[1] & 0xF6 == 0xF0);
    found.map_or(bytes.len() - 1, |at| at + 1)
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let &[sync, flags, coding, channels, middle, low, blocks, ..] = bytes else { return None };
        let frame_bytes = usize::from(channels & 3) << 11 | usize::from(middle) << 3 | usize::from(low >> 5);
        let head_bytes = if flags & 1 == 1 { HEAD_BYTES } else { HEAD_BYTES + CHECKSUM_BYTES };
        let head = Self {
            object_type: (coding >> 6) + 1,
            rate_index: coding >> 2 & 0x0F,
            channels: (coding & 1) << 2 | channels >> 6,
            head_bytes,
            frame_bytes,
            blocks: blocks & 3,
        };
        let whole = sync == 0xFF && flags & 0xF6 == 0xF0 && frame_bytes > head_bytes;
        (whole && usize::from(head.rate_index) < RATES.len()).then_some(head)
    }

    /// The header's fields as ISO/IEC 14496-3 §1.6.2.1 writes them.
    fn config(&self) -> Result<AudioConfig, Unsupported> {
        if self.object_type != LC {
            let what = format!("AAC of object type {}", self.object_type);
            return Err(Unsupported { what, instead: INSTEAD });
        }
        if self.channels == 0 {
            let what = "AAC whose channels are described inside it".to_owned();
            return Err(Unsupported { what, instead: "mono, stereo or 5.1" });
        }
        let record =
            [self.object_type << 3 | self.rate_index >> 1, (self.rate_index & 1) << 7 | self.channels << 3];
        Ok(AudioConfig {
            object_type: self.object_type,
            sample_rate: RATES[usize::from(self.rate_index)],
            channel_configuration: self.channels,
            record: Bytes::copy_from_slice(&record),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// AAC-LC at 48 kHz in stereo.
    fn frame(payload: &[u8]) -> Vec<u8> {
        let length = payload.len() + HEAD_BYTES;
        let low = (length << 5 & 0xE0) as u8 | 0x1F;
        let head = [0xFF, 0xF1, 0x4C, 0x80 | (length >> 11) as u8, (length >> 3) as u8, low, 0xFC];
        [&head[..], payload].concat()
    }

    fn all(payloads: &[&[u8]]) -> Vec<(Bytes, bool)> {
        let (mut frames, mut out) = (Frames::default(), Vec::new());
        for payload in payloads {
            let mut before = frames.push(payload);
            loop {
                match frames.next(&mut before).expect("a kind that is taken") {
                    Next::Frame { config, data, begun_before } => {
                        assert_eq!((config.sample_rate, config.channel_configuration), (48_000, 2));
                        assert_eq!(&config.record[..], [0x11, 0x90]);
                        out.push((data, begun_before));
                    }
                    Next::Broken => {}
                    Next::Nothing => break,
                }
            }
        }
        out
    }

    #[test]
    fn frames_are_found_over_payloads_and_behind_rubbish() {
        let two = [frame(b"one"), frame(b"other")].concat();
        let (one, other) = (Bytes::from_static(b"one"), Bytes::from_static(b"other"));
        assert_eq!(all(&[&two]), [(one.clone(), false), (other.clone(), false)]);
        assert_eq!(all(&[&two[..12], &two[12..]]), [(one.clone(), false), (other.clone(), true)]);
        assert_eq!(all(&[&[b"rubbish\xFF", &two[..]].concat()]), [(one, false), (other, false)]);
    }

    #[test]
    fn kinds_that_are_not_taken_are_named() {
        for (at, value, name) in [(2, 0x0C, "object type 1"), (3, 0x00, "channels")] {
            let mut bytes = frame(b"x");
            bytes[at] = value;
            let mut frames = Frames::default();
            let mut before = frames.push(&bytes);
            let error = frames.next(&mut before).expect_err("not taken").to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_little_is_held(payloads: Vec<Vec<u8>>) {
            let mut frames = Frames::default();
            for payload in payloads {
                let mut before = frames.push(&payload);
                while !matches!(frames.next(&mut before), Ok(Next::Nothing)) {}
                prop_assert!(frames.held.len() < 1 << 13);
            }
        }
    }
}
