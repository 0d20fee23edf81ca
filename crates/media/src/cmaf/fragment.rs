//! Movie fragments: what a `moof` says about its one run of samples.

use super::atom::{Atom, Fields};
use crate::{CmafError, InitInfo, SampleDefaults};

/// `tfhd` flags (ISO/IEC 14496-12 section 8.8.7).
mod tfhd {
    pub const BASE_DATA_OFFSET: u32 = 0x00_0001;
    pub const SAMPLE_DESCRIPTION: u32 = 0x00_0002;
    pub const DURATION: u32 = 0x00_0008;
    pub const SIZE: u32 = 0x00_0010;
    pub const FLAGS: u32 = 0x00_0020;
    pub const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;
}

/// `trun` flags (section 8.8.8).
pub(crate) mod trun {
    pub const DATA_OFFSET: u32 = 0x001;
    pub const FIRST_SAMPLE_FLAGS: u32 = 0x004;
    pub const DURATION: u32 = 0x100;
    pub const SIZE: u32 = 0x200;
    pub const FLAGS: u32 = 0x400;
    pub const COMPOSITION_OFFSET: u32 = 0x800;
    pub const PER_SAMPLE: u32 = DURATION | SIZE | FLAGS | COMPOSITION_OFFSET;
}

/// `sample_is_non_sync_sample` (section 8.8.3.1).
const NON_SYNC: u32 = 0x0001_0000;

/// A movie fragment; places are bytes from the start of its `moof`.
#[derive(Debug)]
pub(super) struct Fragment {
    /// Decode time of the first sample, in ticks.
    pub start: u64,
    /// Length in ticks.
    pub ticks: u64,
    pub samples: u32,
    /// Where the first sample begins.
    pub data_start: u64,
    pub first_sample_end: u64,
    /// Where the last sample ends.
    pub data_end: u64,
    /// Whether the first sample is a sync sample.
    pub sync: bool,
}

/// One `trun`.
struct Run {
    data_offset: Option<u32>,
    samples: u32,
    ticks: u64,
    bytes: u64,
    first_size: u32,
    first_flags: u32,
}

/// Reads a `moof` as CMAF has it (ISO/IEC 23000-19 section 7.3.2.4): one `traf` of the header's track,
/// offsets relative to the `moof`, a `tfdt`, at least one sample, no sample without duration.
pub(super) fn read(moof: &Atom<'_>, init: &InitInfo) -> Result<Fragment, CmafError> {
    moof.child("mfhd")?;
    let traf = moof.child("traf")?;
    let defaults = sample_defaults(&traf.child("tfhd")?, init)?;
    let start = decode_time(&traf.child("tfdt")?)?;
    let mut fragment: Option<Fragment> = None;
    for atom in traf.children() {
        let atom = atom?;
        if atom.is("trun") {
            let run = read_run(&atom, &defaults)?;
            fragment = Some(extend(fragment, &run, start, &atom)?);
        }
    }
    fragment.ok_or(CmafError::Missing { name: "trun", offset: traf.offset })
}

fn extend(before: Option<Fragment>, run: &Run, start: u64, trun: &Atom<'_>) -> Result<Fragment, CmafError> {
    let follows = before.as_ref().map(|fragment| fragment.data_end);
    let data_start = run.data_offset.map(u64::from).or(follows);
    let data_start = data_start.ok_or(trun.invalid("a first run without a data offset"))?;
    let data_end = data_start.saturating_add(run.bytes);
    let Some(before) = before else {
        return Ok(Fragment {
            start,
            ticks: run.ticks,
            samples: run.samples,
            data_start,
            first_sample_end: data_start.saturating_add(u64::from(run.first_size)),
            data_end,
            sync: run.first_flags & NON_SYNC == 0,
        });
    };
    if data_start != before.data_end {
        return Err(trun.invalid("a run that does not follow the one before it"));
    }
    let samples = before.samples.checked_add(run.samples);
    Ok(Fragment {
        ticks: before.ticks.saturating_add(run.ticks),
        samples: samples.ok_or(trun.invalid("more samples than 32 bits count"))?,
        data_end,
        ..before
    })
}

fn sample_defaults(tfhd: &Atom<'_>, init: &InitInfo) -> Result<SampleDefaults, CmafError> {
    let mut fields = tfhd.fields("tfhd");
    let (_, flags) = fields.full_box()?;
    if fields.u32()? != init.track_id {
        return Err(tfhd.invalid("a fragment of another track"));
    }
    if flags & tfhd::BASE_DATA_OFFSET != 0 || flags & tfhd::DEFAULT_BASE_IS_MOOF == 0 {
        return Err(tfhd.invalid("offsets that are not relative to the moof"));
    }
    if flags & tfhd::SAMPLE_DESCRIPTION != 0 {
        fields.u32()?;
    }
    let mut stated = |flag, default| if flags & flag != 0 { fields.u32() } else { Ok(default) };
    Ok(SampleDefaults {
        duration: stated(tfhd::DURATION, init.defaults.duration)?,
        size: stated(tfhd::SIZE, init.defaults.size)?,
        flags: stated(tfhd::FLAGS, init.defaults.flags)?,
    })
}

fn decode_time(tfdt: &Atom<'_>) -> Result<u64, CmafError> {
    let mut fields = tfdt.fields("tfdt");
    match fields.full_box()?.0 {
        0 => fields.u32().map(u64::from),
        1 => fields.u64(),
        _ => Err(tfdt.invalid("a tfdt of an unknown version")),
    }
}

fn read_run(atom: &Atom<'_>, defaults: &SampleDefaults) -> Result<Run, CmafError> {
    let mut fields = atom.fields("trun");
    let (_, flags) = fields.full_box()?;
    let samples = fields.u32()?;
    if samples == 0 {
        return Err(atom.invalid("a run without samples"));
    }
    let data_offset = if flags & trun::DATA_OFFSET != 0 { Some(data_offset(&mut fields)?) } else { None };
    let first_flags = if flags & trun::FIRST_SAMPLE_FLAGS != 0 { Some(fields.u32()?) } else { None };
    let mut run = if flags & trun::PER_SAMPLE == 0 {
        uniform(samples, defaults)
    } else {
        itemised(&mut fields, samples, flags, defaults)?
    };
    if run.ticks == 0 {
        return Err(atom.invalid("a sample without duration"));
    }
    run.data_offset = data_offset;
    run.first_flags = first_flags.unwrap_or(run.first_flags);
    Ok(run)
}

/// The data offset is signed, but before its `moof` there is no data.
fn data_offset(fields: &mut Fields<'_>) -> Result<u32, CmafError> {
    let offset = fields.u32()?;
    if i32::try_from(offset).is_ok() { Ok(offset) } else { Err(fields.invalid("a negative data offset")) }
}

/// A run whose samples are all alike: no loop, for a count nobody has to back with bytes.
fn uniform(samples: u32, defaults: &SampleDefaults) -> Run {
    Run {
        data_offset: None,
        samples,
        ticks: u64::from(samples) * u64::from(defaults.duration),
        bytes: u64::from(samples) * u64::from(defaults.size),
        first_size: defaults.size,
        first_flags: defaults.flags,
    }
}

/// A run with an entry per sample; reading stops where the box ends.
fn itemised(
    fields: &mut Fields<'_>,
    samples: u32,
    flags: u32,
    defaults: &SampleDefaults,
) -> Result<Run, CmafError> {
    let mut run = Run { samples, ticks: 0, bytes: 0, ..uniform(1, defaults) };
    for index in 0..samples {
        let mut stated = |flag, default| if flags & flag != 0 { fields.u32() } else { Ok(default) };
        let duration = stated(trun::DURATION, defaults.duration)?;
        let size = stated(trun::SIZE, defaults.size)?;
        let sample_flags = stated(trun::FLAGS, defaults.flags)?;
        stated(trun::COMPOSITION_OFFSET, 0)?;
        if duration == 0 {
            return Err(fields.invalid("a sample without duration"));
        }
        if index == 0 {
            (run.first_size, run.first_flags) = (size, sample_flags);
        }
        (run.ticks, run.bytes) = (run.ticks + u64::from(duration), run.bytes + u64::from(size));
    }
    Ok(run)
}
