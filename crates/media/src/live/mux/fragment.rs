//! Fragments (ISO/IEC 23000-19 section 7.3.2): one `moof` and `mdat` per part.

use bytes::{BufMut, Bytes, BytesMut};

use super::{TRACK_ID, boxed, full, words};
use crate::{
    CmafError,
    cmaf::{fragment::trun, segment_brands},
    live::cut::{Part, Placed},
};

/// `tfhd` flags (ISO/IEC 14496-12 section 8.8.7).
const DEFAULT_DURATION: u32 = 0x00_0008;
const DEFAULT_FLAGS: u32 = 0x00_0020;
const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;
/// Sample flags (section 8.8.3.1): depends on no other; depends on others and is no sync sample.
const SYNC: u32 = 0x0200_0000;
const NON_SYNC: u32 = 0x0101_0000;
/// `prft` flags (section 8.16.5): media time and UTC correspond arbitrarily but consistently.
const CONSISTENT: u32 = 8;
/// Seconds from 1900 to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

/// What stands around the samples of a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fragment {
    /// `mfhd` sequence number; counts fragments of a track and may wrap.
    pub sequence: u32,
    /// When the part's first sample existed, in microseconds since 1970, to be stated in a `prft`.
    pub produced_us: Option<u64>,
    /// Whether the segment is the last of its presentation (`lmsg`); only stated in the first part.
    pub last: bool,
}

/// Writes a part: the first of a segment begins with `styp`, so that the parts of a segment, one behind the other, are
/// its object.
///
/// # Errors
/// [`CmafError::Invalid`] when the part has no sample or 4 GiB of them.
pub fn fragment(part: &Part, around: Fragment) -> Result<Bytes, CmafError> {
    let size = part.samples.iter().map(|sample| sample.data.len()).sum::<usize>();
    let data_size = u32::try_from(size).ok().and_then(|size| size.checked_add(8));
    let data_size = data_size.ok_or(CmafError::Invalid { what: "a part of more than 4 GiB", offset: 0 })?;
    if part.samples.is_empty() {
        return Err(CmafError::Invalid { what: "a part without samples", offset: 0 });
    }
    let styp = if part.first { segment_brands(around.last) } else { Vec::new() };
    let prft = around.produced_us.map_or_else(Vec::new, |unix_us| prft(part, unix_us));
    let moof = moof(part, around.sequence);
    let mut out = BytesMut::with_capacity(styp.len() + prft.len() + moof.len() + 8 + size);
    out.put_slice(&styp);
    out.put_slice(&prft);
    out.put_slice(&moof);
    out.put_u32(data_size);
    out.put_slice(b"mdat");
    part.samples.iter().for_each(|sample| out.put_slice(&sample.data));
    Ok(out.freeze())
}

fn prft(part: &Part, unix_us: u64) -> Vec<u8> {
    let shown = u64::try_from(part.shown).unwrap_or(0);
    let (ntp, media_time) = (ntp(unix_us).to_be_bytes(), shown.to_be_bytes());
    full(b"prft", 1, CONSISTENT, &[&words(&[TRACK_ID]), &ntp, &media_time])
}

/// An NTP timestamp (RFC 5905 section 6): seconds since 1900 in 32.32 fixed point.
const fn ntp(unix_us: u64) -> u64 {
    let (seconds, us) = (unix_us / 1_000_000, unix_us % 1_000_000);
    (seconds.wrapping_add(NTP_EPOCH) << 32) | ((us << 32) / 1_000_000)
}

fn moof(part: &Part, sequence: u32) -> Vec<u8> {
    let run = Run::of(&part.samples);
    let mfhd = full(b"mfhd", 0, 0, &[&words(&[sequence])]);
    let tfdt = full(b"tfdt", 1, 0, &[&part.start.to_be_bytes()]);
    let build = |data_offset: u32| {
        let traf = boxed(b"traf", &[&run.tfhd(), &tfdt, &run.trun(&part.samples, data_offset)]);
        boxed(b"moof", &[&mfhd, &traf])
    };
    // The media begins behind the header of the `mdat`; the size of the `moof` does not depend on it.
    let size = u32::try_from(build(0).len()).unwrap_or(u32::MAX - 8);
    build(size + 8)
}

/// What is alike in all samples and what is stated for each.
struct Run {
    /// Ticks of every sample.
    duration: Option<u32>,
    /// Flags of every sample but the first.
    flags: Option<u32>,
    first_flags: u32,
    offsets: bool,
}

impl Run {
    fn of(samples: &[Placed]) -> Self {
        Self {
            duration: alike(samples.iter().map(|sample| sample.duration)),
            flags: match samples {
                [only] => Some(flags(only)),
                _ => alike(samples.iter().skip(1).map(flags)),
            },
            first_flags: samples.first().map_or(NON_SYNC, flags),
            offsets: samples.iter().any(|sample| sample.offset != 0),
        }
    }

    fn tfhd(&self) -> Vec<u8> {
        let stated = [(DEFAULT_DURATION, self.duration), (DEFAULT_FLAGS, self.flags)];
        let mut flags = DEFAULT_BASE_IS_MOOF;
        let mut fields = vec![TRACK_ID];
        for (flag, value) in stated {
            if let Some(value) = value {
                flags |= flag;
                fields.push(value);
            }
        }
        full(b"tfhd", 0, flags, &[&words(&fields)])
    }

    fn trun(&self, samples: &[Placed], data_offset: u32) -> Vec<u8> {
        let first_differs = self.flags.is_some_and(|flags| flags != self.first_flags);
        let stated = [
            (trun::FIRST_SAMPLE_FLAGS, first_differs),
            (trun::DURATION, self.duration.is_none()),
            (trun::FLAGS, self.flags.is_none()),
            (trun::COMPOSITION_OFFSET, self.offsets),
        ];
        let always = trun::DATA_OFFSET | trun::SIZE;
        let mask = stated.iter().filter(|(_, stated)| *stated).fold(always, |mask, (flag, _)| mask | flag);
        let mut fields = vec![u32::try_from(samples.len()).unwrap_or(u32::MAX), data_offset];
        fields.extend(first_differs.then_some(self.first_flags));
        for sample in samples {
            fields.extend(self.duration.is_none().then_some(sample.duration));
            fields.push(u32::try_from(sample.data.len()).unwrap_or(u32::MAX));
            fields.extend(self.flags.is_none().then(|| flags(sample)));
            fields.extend(self.offsets.then_some(sample.offset.cast_unsigned()));
        }
        full(b"trun", 1, mask, &[&words(&fields)])
    }
}

const fn flags(sample: &Placed) -> u32 {
    if sample.key { SYNC } else { NON_SYNC }
}

/// What all values are, if they are one.
fn alike(mut values: impl Iterator<Item = u32>) -> Option<u32> {
    let first = values.next();
    first.filter(|first| values.all(|value| value == *first))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        cmaf::{read_init, read_segment},
        live::{config::tests::fixture, mux::video_header},
    };

    fn sample(key: bool, duration: u32, offset: i32, len: usize) -> Placed {
        Placed { duration, offset, key, data: vec![0x5a; len].into() }
    }

    fn part(start: u64, first: bool, samples: Vec<Placed>) -> Part {
        Part {
            start,
            ticks: samples.iter().map(|sample| sample.duration).sum(),
            first,
            independent: samples.iter().any(|sample| sample.key),
            opens_with_key: samples[0].key,
            arrived_us: 0,
            shown: start.cast_signed(),
            samples,
        }
    }

    #[test]
    fn a_uniform_part_states_everything_once() {
        let part = part(0, true, vec![sample(true, 1_001, 0, 10), sample(false, 1_001, 0, 5)]);
        let bytes = fragment(&part, Fragment { sequence: 7, ..Fragment::default() }).unwrap();
        // styp 32, moof 8 + mfhd 16 + traf 8 + tfhd 24 + tfdt 20 + trun 32, mdat 8 + 15.
        assert_eq!(bytes.len(), 32 + 8 + 16 + 8 + 24 + 20 + 32 + 23);
        assert_eq!(&bytes[4..12], b"stypcmfs");
    }

    #[test]
    fn arrival_is_told_in_front_of_the_moof() {
        let part = part(3_003, false, vec![sample(true, 1_001, 0, 10)]);
        let around = Fragment { produced_us: Some(1_500_000), ..Fragment::default() };
        let bytes = fragment(&part, around).unwrap();
        let expected = [
            &[0, 0, 0, 32][..],
            b"prft",
            &[1, 0, 0, 8],
            &[0, 0, 0, 1],
            &[0x83, 0xaa, 0x7e, 0x81, 0x80, 0, 0, 0],
        ];
        assert_eq!(&bytes[..24], expected.concat());
        assert_eq!(bytes[24..32], 3_003u64.to_be_bytes());
        assert_eq!(&bytes[36..40], b"moof");
    }

    #[test]
    fn a_part_without_samples_is_refused() {
        let empty = Part { samples: Vec::new(), ..part(0, false, vec![sample(true, 1, 0, 1)]) };
        assert!(fragment(&empty, Fragment::default()).is_err());
    }

    prop_compose! {
        fn samples()(all in prop::collection::vec((any::<bool>(), 1u32..3, -2i32..3, 0usize..50), 1..20), even: bool, shift: bool)
            -> Vec<Placed>
        {
            all.into_iter()
                .map(|(key, duration, offset, len)| {
                    sample(key, if even { 1_001 } else { duration * 1_001 }, if shift { offset } else { 0 }, len)
                })
                .collect()
        }
    }

    proptest! {
        /// The parts of a segment, one behind the other, read as its object.
        #[test]
        fn what_is_written_is_read(parts in prop::collection::vec(samples(), 1..5), start in 0u64..1 << 40) {
            let init = read_init(&video_header(&fixture(), 30_000)).unwrap();
            let (mut at, mut segment, mut expected) = (start, Vec::new(), Vec::new());
            for (index, samples) in parts.into_iter().enumerate() {
                let part = part(at, index == 0, samples);
                at += u64::from(part.ticks);
                let around = Fragment { sequence: index as u32, produced_us: Some(at), last: false };
                segment.extend(fragment(&part, around).unwrap());
                expected.push((u64::from(part.ticks), part.samples.len() as u32, part.opens_with_key));
            }
            let read = read_segment(&segment, &init, 3).unwrap();
            let found: Vec<_> = read.fragments.iter().map(|found| (found.ticks, found.samples, found.sync)).collect();
            prop_assert_eq!((read.start, read.end()), (start, at));
            prop_assert_eq!(found, expected);
        }
    }
}
