//! Decode times that never run ahead of presentation, so that composition offsets are never negative.
//!
//! `cmafmux` spaces the decode times of a fragment evenly from its first presentation time, which makes the
//! composition offsets of B-frames negative (ISO/IEC 23000-19 allows it). FFmpeg then shows every picture too
//! late by the most negative of them: 80 ms against the sound at 25 frames per second. An edit list would put
//! FFmpeg right and players on Media Source Extensions wrong. So the decode times are spaced differently
//! instead; presentation times, sizes and the fragment's length stay as they are:
//!
//! - the first pictures follow each other one tick apart, until decoding is as far ahead of presentation as
//!   the reordering needs;
//! - then evenly, as before;
//! - the last pictures are held back, so that no picture's time reaches past the fragment's end.

use bytes::{BufMut, Bytes, BytesMut};

use crate::boxes::{self, be32, be64};

/// One media sample of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    size: u32,
    flags: u32,
    /// Ticks from the fragment's decode time.
    decode: i64,
    /// Ticks from the fragment's decode time.
    shown: i64,
}

/// What is written about a fragment, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    track: u32,
    decode_time: u64,
    samples: Vec<Sample>,
    /// Sum of all durations, in ticks.
    lasts: i64,
}

/// Fields of `tfhd` that apply to samples without one of their own.
struct Defaults {
    duration: u32,
    size: u32,
    flags: u32,
}

/// Rewrites the `moof` of a fragment of one track and one `trun`; `None` when it has another shape or its
/// pictures cannot be decoded in time for presentation.
#[must_use]
pub fn retimed(fragment: &[u8]) -> Option<Bytes> {
    let moof = boxes::find(fragment, b"moof")?;
    let number = boxes::find(moof.payload, b"mfhd")?;
    let mut run = read(moof.payload)?;
    respace(&mut run)?;
    let end = moof.at + 8 + moof.payload.len();
    let mut out = BytesMut::with_capacity(fragment.len() + 16 * run.samples.len());
    out.put_slice(&fragment[..moof.at]);
    out.put_slice(&written(number.payload, &run)?);
    out.put_slice(&fragment[end..]);
    Some(out.freeze())
}

/// Reads in order through a box's payload.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn u32(&mut self) -> Option<u32> {
        let field = be32(self.0, 0)?;
        self.0 = &self.0[4..];
        Some(field)
    }

    fn optional(&mut self, flags: u32, flag: u32) -> Option<Option<u32>> {
        if flags & flag == 0 { Some(None) } else { self.u32().map(Some) }
    }
}

fn read(moof: &[u8]) -> Option<Run> {
    let traf = boxes::find(moof, b"traf")?;
    let mut tfhd = Fields(boxes::find(traf.payload, b"tfhd")?.payload);
    let flags = tfhd.u32()? & 0xff_ffff;
    let track = tfhd.u32()?;
    if flags & 0x3 != 0 {
        return None;
    }
    let mut default = |flag: u32| Some(tfhd.optional(flags, flag)?.unwrap_or(0));
    let defaults = Defaults { duration: default(0x8)?, size: default(0x10)?, flags: default(0x20)? };
    let tfdt = boxes::find(traf.payload, b"tfdt")?.payload;
    let decode_time = if tfdt.first()? == &1 { be64(tfdt, 4)? } else { u64::from(be32(tfdt, 4)?) };
    let (samples, lasts) = read_samples(boxes::find(traf.payload, b"trun")?.payload, &defaults)?;
    Some(Run { track, decode_time, samples, lasts })
}

fn read_samples(trun: &[u8], defaults: &Defaults) -> Option<(Vec<Sample>, i64)> {
    let mut fields = Fields(trun);
    let flags = fields.u32()?;
    let count = fields.u32()?;
    fields.optional(flags, 0x1)?;
    let mut first_flags = fields.optional(flags, 0x4)?;
    let (mut samples, mut decode) = (Vec::new(), 0i64);
    for _ in 0..count {
        let duration = fields.optional(flags, 0x100)?.unwrap_or(defaults.duration);
        let size = fields.optional(flags, 0x200)?.unwrap_or(defaults.size);
        let own = fields.optional(flags, 0x400)?.unwrap_or(defaults.flags);
        let offset = fields.optional(flags, 0x800)?.unwrap_or(0).cast_signed();
        let flags = first_flags.take().unwrap_or(own);
        samples.push(Sample { size, flags, decode, shown: decode + i64::from(offset) });
        decode += i64::from(duration);
    }
    Some((samples, decode))
}

/// Gives every sample its new decode time.
fn respace(run: &mut Run) -> Option<()> {
    let delay = run.samples.iter().map(|sample| sample.decode - sample.shown).max()?.max(0);
    for (place, sample) in (0..).zip(&mut run.samples) {
        sample.decode = (sample.decode - delay).max(place);
    }
    let mut next = run.lasts;
    for sample in run.samples.iter_mut().rev() {
        sample.decode = sample.decode.max(next - (run.lasts - sample.shown));
        let in_time = (0..next).contains(&sample.decode) && sample.decode <= sample.shown;
        in_time.then_some(())?;
        next = sample.decode;
    }
    (next == 0).then_some(())
}

fn boxed(kind: &[u8; 4], parts: &[&[u8]]) -> Option<Vec<u8>> {
    let size = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut out = Vec::with_capacity(size);
    out.put_u32(u32::try_from(size).ok()?);
    out.put_slice(kind);
    parts.iter().for_each(|part| out.put_slice(part));
    Some(out)
}

/// The `moof`, with a 64-bit `tfdt` and a version 1 `trun` that states everything for each sample.
fn written(number: &[u8], run: &Run) -> Option<Vec<u8>> {
    let build = |data_offset: u32| {
        let mut tfhd = Vec::new();
        // default-base-is-moof
        tfhd.put_u32(0x02_0000);
        tfhd.put_u32(run.track);
        let mut tfdt = Vec::new();
        tfdt.put_u32(1 << 24);
        tfdt.put_u64(run.decode_time);
        let trun = written_samples(run, data_offset)?;
        let traf = [boxed(b"tfhd", &[&tfhd])?, boxed(b"tfdt", &[&tfdt])?, boxed(b"trun", &[&trun])?].concat();
        boxed(b"moof", &[&boxed(b"mfhd", &[number])?, &boxed(b"traf", &[&traf])?])
    };
    // The media data starts behind the header of the `mdat` that follows.
    let size = u32::try_from(build(0)?.len()).ok()?;
    build(size + 8)
}

fn written_samples(run: &Run, data_offset: u32) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(12 + 16 * run.samples.len());
    // Version 1; data offset, and duration, size, flags and composition offset of each sample.
    out.put_u32(1 << 24 | 0xf01);
    out.put_u32(u32::try_from(run.samples.len()).ok()?);
    out.put_u32(data_offset);
    let ends = run.samples.iter().skip(1).map(|next| next.decode).chain([run.lasts]);
    for (sample, end) in run.samples.iter().zip(ends) {
        out.put_u32(u32::try_from(end - sample.decode).ok()?);
        out.put_u32(sample.size);
        out.put_u32(sample.flags);
        out.put_i32(i32::try_from(sample.shown - sample.decode).ok()?);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME: i64 = 100;

    /// A run in even decode order that shows frames in `order`, as the muxer writes it.
    fn run(order: &[usize]) -> Run {
        let sample = |(place, shown): (usize, &usize)| Sample {
            size: 10 + place as u32,
            flags: if place == 0 { 0x0200_0000 } else { 0x0101_0000 },
            decode: place as i64 * FRAME,
            shown: *shown as i64 * FRAME,
        };
        let samples: Vec<Sample> = order.iter().enumerate().map(sample).collect();
        Run { track: 1, decode_time: 5000, lasts: samples.len() as i64 * FRAME, samples }
    }

    fn fragment(run: &Run) -> Vec<u8> {
        let styp = boxed(b"styp", &[b"cmf2\0\0\0\0"]).expect("small");
        [
            styp,
            written(&[0, 0, 0, 0, 0, 0, 0, 7], run).expect("small"),
            boxed(b"mdat", &[b"abc"]).expect("small"),
        ]
        .concat()
    }

    fn durations(run: &Run) -> Vec<i64> {
        let ends = run.samples.iter().skip(1).map(|next| next.decode).chain([run.lasts]);
        run.samples.iter().zip(ends).map(|(sample, end)| end - sample.decode).collect()
    }

    #[test]
    fn a_pyramid_of_b_frames_is_decoded_early_and_ends_on_time() {
        let mut run = run(&[0, 4, 2, 1, 3, 8, 6, 5, 7, 9]);
        respace(&mut run).expect("decodable");
        assert_eq!(durations(&run), [1, 1, 98, 100, 100, 100, 100, 100, 300, 100]);
    }

    #[test]
    fn pictures_in_order_stay_even() {
        let mut even = run(&[0, 1, 2, 3]);
        respace(&mut even).expect("decodable");
        assert_eq!(even, run(&[0, 1, 2, 3]));
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let mut run = run(&[0, 2, 1, 3]);
        let before = fragment(&run);
        let after = retimed(&before).expect("a fragment");
        respace(&mut run).expect("decodable");
        assert_eq!(&after[..], fragment(&run));
        let moof = boxes::find(&after, b"moof").expect("moof");
        assert_eq!(read(moof.payload), Some(run));
        let offset = be32(&moof.payload[moof.payload.len() - 4 * 16 - 4..], 0).expect("data offset");
        assert_eq!(&after[moof.at + offset as usize..], b"abc");
    }

    #[test]
    fn a_fragment_that_does_not_start_with_what_is_shown_first_is_refused() {
        assert!(respace(&mut run(&[1, 0, 2])).is_none());
        assert!(retimed(b"no fragment").is_none());
    }

    proptest! {
        #[test]
        fn every_order_an_encoder_may_choose_fits(groups in prop::collection::vec(1usize..6, 0..20), reverse: bool) {
            // Each group is a P-frame and the B-frames shown before it.
            let mut order = vec![0];
            for group in groups {
                let next = order.len();
                let shown = next..next + group - 1;
                order.push(next + group - 1);
                if reverse { order.extend(shown.rev()) } else { order.extend(shown) }
            }
            let original = run(&order);
            let mut respaced = original.clone();
            respace(&mut respaced).expect("decodable");
            prop_assert_eq!(respaced.samples[0].decode, 0);
            for (place, sample) in respaced.samples.iter().enumerate() {
                prop_assert!(sample.decode <= sample.shown);
                prop_assert_eq!(sample.shown, original.samples[place].shown);
            }
            for (sample, duration) in respaced.samples.iter().zip(durations(&respaced)) {
                prop_assert!(duration > 0 && sample.shown + duration <= respaced.lasts);
            }
            prop_assert_eq!(durations(&respaced).iter().sum::<i64>(), original.lasts);
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(bytes: Vec<u8>, tail: Vec<u8>) {
            let _ = retimed(&bytes);
            let _ = retimed(&[&fragment(&run(&[0, 1]))[..40], &tail].concat());
        }
    }
}
