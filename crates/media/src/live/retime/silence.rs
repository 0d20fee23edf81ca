//! AAC frames without sound, for where an encoder sends none.

use bytes::Bytes;

use crate::live::config::AudioConfig;

/// Syntactic elements (ISO/IEC 14496-3 table 4.85).
#[derive(Clone, Copy)]
enum Element {
    Single = 0,
    Pair = 1,
    Low = 3,
}

/// Their order by channel configuration from 1 (table 1.19).
const ELEMENTS: [&[Element]; 7] = {
    use Element::{Low, Pair, Single};
    [
        &[Single],
        &[Pair],
        &[Single, Pair],
        &[Single, Pair, Single],
        &[Single, Pair, Pair],
        &[Single, Pair, Pair, Low],
        &[Single, Pair, Pair, Pair, Low],
    ]
};
const END: u32 = 7;

/// One raw AAC frame in which no band has a coefficient; `None` where a program config element says the channels.
pub(super) fn frame(config: &AudioConfig) -> Option<Bytes> {
    let index = usize::from(config.channel_configuration).checked_sub(1)?;
    let mut bits = Writer::default();
    let (mut pairs, mut singles) = (0, 0);
    for element in *ELEMENTS.get(index)? {
        let tag = match element {
            Element::Pair => &mut pairs,
            Element::Single => &mut singles,
            Element::Low => &mut 0,
        };
        bits.put(*element as u32, 3);
        bits.put(*tag, 4);
        *tag += 1;
        match element {
            Element::Pair => {
                let separate_windows = 0;
                bits.put(separate_windows, 1);
                bits.channel();
                bits.channel();
            }
            Element::Single | Element::Low => bits.channel(),
        }
    }
    bits.put(END, 3);
    Some(bits.bytes.into())
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    at: u32,
}

impl Writer {
    fn put(&mut self, value: u32, count: u32) {
        for bit in (0..count).rev() {
            if self.at.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= u8::from(value >> bit & 1 == 1) << (7 - self.at % 8);
            }
            self.at += 1;
        }
    }

    /// An individual_channel_stream (section 4.4.2.7) of one long window without bands.
    fn channel(&mut self) {
        let (global_gain, long_window, bands) = (0, 0, 0);
        self.put(global_gain, 8);
        // ics_reserved_bit, window_sequence, window_shape, max_sfb, predictor_data_present
        self.put(0, 1);
        self.put(long_window, 2);
        self.put(0, 1);
        self.put(bands, 6);
        self.put(0, 1);
        // pulse_data_present, tns_data_present, gain_control_data_present
        self.put(0, 3);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_end_with_the_end_element() {
        let config = |bytes: &'static [u8]| AudioConfig::from_record(&Bytes::from_static(bytes)).unwrap();
        // 3 + 4 bits of the element, 22 of the channel, 3 of the end.
        assert_eq!(&frame(&config(&[0x11, 0x88])).unwrap()[..], [0, 0, 0, 7]);
        // 3 + 4 + 1 and twice 22 bits, then the end.
        assert_eq!(&frame(&config(&[0x11, 0x90])).unwrap()[..], [0x20, 0, 0, 0, 0, 0, 0x0e]);
    }
}
