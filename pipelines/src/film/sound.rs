//! When a film flashes and beeps, exactly together.
//!
//! Both begin with the first frame that starts at or after each whole second and last as many frames as come
//! nearest to 80 ms, at least one. Frame and second coincide when the frame rate is a whole number.

/// Samples per second.
pub const SAMPLE_RATE: u32 = 48_000;
/// Interleaved.
pub const CHANNELS: usize = 2;
const PITCH_HZ: f64 = 1000.0;
const LOUDNESS: f32 = 0.5;
const LIT_MS: u64 = 80;

/// The frame rate's arithmetic.
#[derive(Clone, Copy, Debug)]
pub struct Beat {
    num: u64,
    den: u64,
}

impl Beat {
    /// The beat at a rate of pictures (numerator and denominator) a second.
    #[must_use]
    pub fn new((num, den): (u32, u32)) -> Self {
        Self { num: u64::from(num), den: u64::from(den) }
    }

    /// The first frame that starts at or after the second in which `frame` starts began.
    const fn first_of_second(self, frame: u64) -> u64 {
        let second = frame * self.den / self.num;
        (second * self.num).div_ceil(self.den)
    }

    /// Whether the flash is lit and the beep sounds during `frame`.
    #[must_use]
    pub fn is_lit(self, frame: u64) -> bool {
        let frames = ((LIT_MS * self.num * 2 + self.den * 1000) / (self.den * 2000)).max(1);
        frame - self.first_of_second(frame) < frames
    }

    /// The sample at which `frame` starts.
    #[must_use]
    pub fn first_sample(self, frame: u64) -> u64 {
        (frame * self.den * u64::from(SAMPLE_RATE)).div_ceil(self.num)
    }

    /// The sound of `frame`: a tone that starts at zero with the beat, else silence.
    #[must_use]
    pub fn sound_of(self, frame: u64) -> Vec<f32> {
        let samples = self.first_sample(frame)..self.first_sample(frame + 1);
        if !self.is_lit(frame) {
            return vec![0.0; (samples.end - samples.start) as usize * CHANNELS];
        }
        let start = self.first_sample(self.first_of_second(frame));
        let level = |sample: u64| {
            let turn = (sample - start) as f64 * PITCH_HZ / f64::from(SAMPLE_RATE);
            (turn.fract() * std::f64::consts::TAU).sin() as f32 * LOUDNESS
        };
        samples.flat_map(|sample| [level(sample); CHANNELS]).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn beat(num: u64, den: u64) -> Beat {
        Beat { num, den }
    }

    fn lit(beat: Beat, frames: u64) -> Vec<u64> {
        (0..frames).filter(|frame| beat.is_lit(*frame)).collect()
    }

    #[test]
    fn whole_rates_flash_on_the_second() {
        assert_eq!(lit(beat(25, 1), 55), [0, 1, 25, 26, 50, 51]);
        assert_eq!(lit(beat(60, 1), 64), [0, 1, 2, 3, 4, 60, 61, 62, 63]);
    }

    #[test]
    fn other_rates_flash_with_the_first_frame_of_the_second() {
        assert_eq!(lit(beat(25, 2), 40), [0, 13, 25, 38]);
        assert_eq!(lit(beat(30_000, 1001), 62), [0, 1, 30, 31, 60, 61]);
    }

    #[test]
    fn the_beep_is_silent_before_and_full_after_its_first_sample() {
        let beat = beat(25, 1);
        assert!(beat.sound_of(24).iter().all(|level| *level == 0.0));
        let beep = beat.sound_of(25);
        assert_eq!(beep.len(), 1920 * CHANNELS);
        assert!(beep[24] > 0.49 && beep[0] == 0.0);
    }

    proptest! {
        #[test]
        fn sound_and_frames_stay_together(num in 1u64..120_000, den in 1u64..1002, frame in 0u64..100_000) {
            let beat = beat(num, den);
            let samples = beat.sound_of(frame % 500).len() / CHANNELS;
            let range = beat.first_sample(frame % 500)..beat.first_sample(frame % 500 + 1);
            prop_assert_eq!(samples as u64, range.end - range.start);
            let exact = frame as f64 * den as f64 * 48_000.0 / num as f64;
            prop_assert!((beat.first_sample(frame) as f64 - exact) < 1.001);
        }
    }
}
