//! Fragments: what a `moof` says of the samples in the `mdat` that follows.

use super::{
    boxes::Found,
    fields::Fields,
    header::{Header, TrackDefaults},
    nal,
};
use crate::finding::Faults;

/// Samples read per fragment. A run of defaults alone takes no bytes per sample, so the count needs a bound of
/// its own; real fragments have a few hundred.
const SAMPLES_MAX: u32 = 500_000;

/// A `moof` and the `mdat` boxes after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fragment {
    /// Where the boxes that lead up to the `moof` begin (`styp`, `prft`, `emsg`, `sidx`), or the `moof` itself.
    pub lead: u64,
    /// Offset of `moof`.
    pub at: u64,
    /// Track fragments in it.
    pub track_fragments: u32,
    /// The first track fragment.
    pub track: Option<TrackFragment>,
    /// Payload of the `mdat` boxes: first byte, and the byte after the last.
    pub data: Option<(u64, u64)>,
    /// Where a parameter set is in the first sample, of a track whose header has them all.
    pub parameter_set: Option<u64>,
}

/// A `traf`.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackFragment {
    /// Offset of the box.
    pub at: u64,
    /// Offset of `tfhd`.
    pub header_at: u64,
    /// Track id.
    pub track_id: u32,
    /// Whether default-base-is-moof is set.
    pub base_is_moof: bool,
    /// Whether an absolute base-data-offset is given.
    pub absolute_base: bool,
    /// `tfdt`.
    pub decode: Option<Decode>,
    /// `trun` boxes.
    pub runs: Vec<Run>,
    /// Samples in all runs.
    pub samples: u32,
    /// Ticks of all samples.
    pub ticks: u64,
    /// Ticks of the shortest and the longest sample.
    pub sample_ticks: Option<(u32, u32)>,
    /// The run (by offset) and number of the first sample that lasts no time.
    pub zero_duration: Option<(u64, u32)>,
    /// Where its sync samples are, if it has any.
    pub sync: Option<Sync>,
    /// Whether the first sample is a sync sample.
    pub opens_with_sync: bool,
    /// Bytes of the first sample: first, and the one after the last.
    pub first_sample: Option<(u64, u64)>,
    /// Ticks from the first decode time to the earliest composition time.
    pub earliest: Option<i64>,
}

/// Sync samples, in ticks from the start of the fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sync {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// Between two that follow each other.
    pub widest_gap: u64,
}

/// A `tfdt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decode {
    /// Offset of the box.
    pub at: u64,
    /// Version of the box.
    pub version: u8,
    /// Decode time of the first sample in ticks.
    pub time: u64,
}

/// A `trun`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Offset of the box.
    pub at: u64,
    /// Version of the box.
    pub version: u8,
    /// Whether samples have composition offsets.
    pub composition: bool,
    /// Whether it says where its data is.
    pub addressed: bool,
    /// Bytes of its samples: first, and the one after the last.
    pub data: (u64, u64),
}

impl Fragment {
    /// Takes in the payload of an `mdat`.
    pub(super) fn add_data(&mut self, mdat: &Found<'_>, header: Option<&Header>) {
        self.data = Some(self.data.map_or((mdat.body_at, mdat.end), |(first, _)| (first, mdat.end)));
        self.parameter_set = self.parameter_set.or_else(|| self.parameter_set_in(mdat, header?));
    }

    fn parameter_set_in(&self, mdat: &Found<'_>, header: &Header) -> Option<u64> {
        let track = self.track.as_ref()?;
        let (first, end) = track.first_sample?;
        let within = |at: u64| usize::try_from(at.checked_sub(mdat.body_at)?).ok();
        let sample = mdat.body.get(within(first)?..within(end)?.min(mdat.body.len()))?;
        let entry = header.tracks.iter().find(|known| known.id == track.track_id)?.entries.first()?;
        let length_bytes = entry.video?.nal_length_bytes.filter(|_| entry.format.0 == *b"avc1")?;
        Some(first + nal::parameter_set(sample, length_bytes.into())? as u64)
    }
}

impl TrackFragment {
    /// Decode time after its last sample.
    #[must_use]
    pub fn end(&self) -> Option<u64> {
        Some(self.decode?.time.saturating_add(self.ticks))
    }
}

pub(super) fn read(moof: &Found<'_>, lead: u64, header: Option<&Header>, faults: &mut Faults) -> Fragment {
    let children = moof.children(0, faults);
    let trafs: Vec<_> = children.iter().filter(|child| child.is(b"traf")).collect();
    let track = match trafs.first() {
        Some(traf) => read_track(traf, moof.at, header, faults),
        None => {
            faults.byte(moof.at, "the moof has no traf");
            None
        }
    };
    Fragment {
        lead,
        at: moof.at,
        track_fragments: u32::try_from(trafs.len()).unwrap_or(u32::MAX),
        track,
        data: None,
        parameter_set: None,
    }
}

fn read_track(
    traf: &Found<'_>,
    moof_at: u64,
    header: Option<&Header>,
    faults: &mut Faults,
) -> Option<TrackFragment> {
    let children = traf.children(0, faults);
    let Some(tfhd) = children.iter().find(|child| child.is(b"tfhd")) else {
        faults.byte(traf.at, "the traf has no tfhd");
        return None;
    };
    let Some(defaults) = Defaults::read(tfhd, moof_at, header) else {
        faults.byte(tfhd.at, "the tfhd is too short");
        return None;
    };
    let mut track = TrackFragment {
        at: traf.at,
        header_at: tfhd.at,
        track_id: defaults.track_id,
        base_is_moof: defaults.base_is_moof,
        absolute_base: defaults.absolute_base,
        decode: children.iter().find(|child| child.is(b"tfdt")).and_then(|tfdt| decode(tfdt, faults)),
        runs: Vec::new(),
        samples: 0,
        ticks: 0,
        sample_ticks: None,
        zero_duration: None,
        sync: None,
        opens_with_sync: false,
        first_sample: None,
        earliest: None,
    };
    let mut data = defaults.base;
    for trun in children.iter().filter(|child| child.is(b"trun")) {
        data = RunReader { track: &mut track, defaults: &defaults }.read(trun, data, faults);
    }
    if track.samples == 0 {
        faults.byte(traf.at, "the traf has no samples");
    }
    Some(track)
}

fn decode(tfdt: &Found<'_>, faults: &mut Faults) -> Option<Decode> {
    let read = || {
        let mut fields = Fields::new(tfdt.body);
        let (version, _) = fields.full_box()?;
        let time = if version == 1 { fields.u64()? } else { u64::from(fields.u32()?) };
        Some(Decode { at: tfdt.at, version, time })
    };
    let decode = read();
    if decode.is_none() {
        faults.byte(tfdt.at, "the tfdt is too short");
    }
    decode
}

/// What holds for a sample unless its run says otherwise.
struct Defaults {
    track_id: u32,
    base: u64,
    base_is_moof: bool,
    absolute_base: bool,
    duration: u32,
    size: u32,
    flags: u32,
}

impl Defaults {
    /// From `tfhd` (ISO/IEC 14496-12 section 8.8.7), and `trex` for what it leaves out.
    fn read(tfhd: &Found<'_>, moof_at: u64, header: Option<&Header>) -> Option<Self> {
        let mut fields = Fields::new(tfhd.body);
        let (_, flags) = fields.full_box()?;
        let track_id = fields.u32()?;
        let trex = header.and_then(|header| header.defaults_of(track_id));
        let trex = trex.copied().unwrap_or(TrackDefaults { track_id, duration: 0, size: 0, flags: 0 });
        let absolute = if flags & 0x1 == 0 { None } else { Some(fields.u64()?) };
        if flags & 0x2 != 0 {
            fields.skip(4)?;
        }
        let mut field = |bit: u32, otherwise: u32| {
            if flags & bit == 0 { Some(otherwise) } else { fields.u32() }
        };
        Some(Self {
            track_id,
            base: absolute.unwrap_or(moof_at),
            base_is_moof: flags & 0x02_0000 != 0,
            absolute_base: absolute.is_some(),
            duration: field(0x8, trex.duration)?,
            size: field(0x10, trex.size)?,
            flags: field(0x20, trex.flags)?,
        })
    }
}

struct RunReader<'a> {
    track: &'a mut TrackFragment,
    defaults: &'a Defaults,
}

#[derive(Clone, Copy)]
struct Sample {
    duration: u32,
    size: u32,
    flags: u32,
    composition: i64,
}

/// sample_is_non_sync_sample (ISO/IEC 14496-12 section 8.8.3.1).
const NON_SYNC: u32 = 0x0001_0000;

impl RunReader<'_> {
    /// Reads one `trun` (ISO/IEC 14496-12 section 8.8.8) whose data begins at `data` unless it says otherwise.
    /// Gives where its data ends.
    fn read(&mut self, trun: &Found<'_>, data: u64, faults: &mut Faults) -> u64 {
        let mut fields = Fields::new(trun.body);
        let Some(RunHead { version, flags, count, offset, first_flags }) = RunHead::read(&mut fields) else {
            faults.byte(trun.at, "the trun is too short");
            return data;
        };
        let start = offset.map_or(data, |offset| self.defaults.base.saturating_add_signed(offset.into()));
        let mut end = start;
        if count.saturating_add(self.track.samples) > SAMPLES_MAX {
            faults.byte(trun.at, format!("a fragment of more than {SAMPLES_MAX} samples"));
            return data;
        }
        for index in 0..count {
            let first_flags = first_flags.filter(|_| index == 0);
            let Some(sample) = sample(&mut fields, version, flags, first_flags, self.defaults) else {
                faults.byte(trun.at, format!("the trun ends within sample {index} of {count}"));
                break;
            };
            self.take(sample, end, trun.at);
            end = end.saturating_add(sample.size.into());
        }
        let composition = flags & 0x800 != 0;
        let (addressed, data) = (offset.is_some(), (start, end));
        self.track.runs.push(Run { at: trun.at, version, composition, addressed, data });
        end
    }

    fn take(&mut self, sample: Sample, at: u64, run_at: u64) {
        let track = &mut *self.track;
        let sync = sample.flags & NON_SYNC == 0;
        if track.samples == 0 {
            track.opens_with_sync = sync;
            track.first_sample = Some((at, at.saturating_add(sample.size.into())));
        }
        if sync {
            let known = track.sync.unwrap_or(Sync { first: track.ticks, last: track.ticks, widest_gap: 0 });
            let widest_gap = known.widest_gap.max(track.ticks - known.last);
            track.sync = Some(Sync { last: track.ticks, widest_gap, ..known });
        }
        if sample.duration == 0 && track.zero_duration.is_none() {
            track.zero_duration = Some((run_at, track.samples));
        }
        let shown = i64::try_from(track.ticks).unwrap_or(i64::MAX).saturating_add(sample.composition);
        track.earliest = Some(track.earliest.map_or(shown, |earliest| earliest.min(shown)));
        let (low, high) = track.sample_ticks.unwrap_or((sample.duration, sample.duration));
        track.sample_ticks = Some((low.min(sample.duration), high.max(sample.duration)));
        track.ticks = track.ticks.saturating_add(sample.duration.into());
        track.samples += 1;
    }
}

/// What a `trun` says before its samples.
struct RunHead {
    version: u8,
    flags: u32,
    count: u32,
    offset: Option<i32>,
    first_flags: Option<u32>,
}

impl RunHead {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (version, flags) = fields.full_box()?;
        let count = fields.u32()?;
        let offset = if flags & 0x1 == 0 { None } else { Some(fields.i32()?) };
        let first_flags = if flags & 0x4 == 0 { None } else { Some(fields.u32()?) };
        Some(Self { version, flags, count, offset, first_flags })
    }
}

fn sample(
    fields: &mut Fields<'_>,
    version: u8,
    flags: u32,
    first_flags: Option<u32>,
    defaults: &Defaults,
) -> Option<Sample> {
    let mut field = |bit: u32, otherwise: u32| if flags & bit == 0 { Some(otherwise) } else { fields.u32() };
    let duration = field(0x100, defaults.duration)?;
    let size = field(0x200, defaults.size)?;
    let own_flags = field(0x400, defaults.flags)?;
    let offset = field(0x800, 0)?;
    let composition = if version == 0 { i64::from(offset) } else { i64::from(offset.cast_signed()) };
    Some(Sample { duration, size, flags: first_flags.unwrap_or(own_flags), composition })
}
