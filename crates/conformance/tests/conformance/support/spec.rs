//! What the presentation is to be; tests bend it before it is written.

#[derive(Clone)]
pub struct Spec {
    pub video: Vec<Track>,
    pub audio: Vec<Track>,
    /// EXT-X-TARGETDURATION of every playlist.
    pub target: u64,
}

#[derive(Clone)]
pub struct Track {
    pub name: String,
    pub kind: Kind,
    pub timescale: u32,
    pub segments: Vec<Segment>,
    pub header: Header,
}

#[derive(Clone, Copy)]
pub enum Kind {
    Video { width: u16, height: u16 },
    Audio { channels: u8, language: &'static str, default: bool },
}

#[derive(Clone)]
pub struct Header {
    /// Major brand first.
    pub brands: Vec<[u8; 4]>,
    pub entry: [u8; 4],
    /// level_idc of H.264.
    pub level: u8,
    pub transfer: u16,
    /// Media time of the one edit.
    pub edit: Option<i64>,
    pub extends: bool,
    pub tracks: u32,
    /// Entries in `stts`.
    pub time_to_sample: u32,
}

#[derive(Clone)]
pub struct Segment {
    pub brands: Vec<[u8; 4]>,
    pub fragments: Vec<Fragment>,
}

#[derive(Clone)]
pub struct Fragment {
    pub samples: Vec<Sample>,
    /// `tfdt` version, if any.
    pub decode: Option<u8>,
    /// Added to the true decode time.
    pub decode_shift: i64,
    pub base_is_moof: bool,
    pub track_fragments: u32,
    pub track_id: u32,
    pub run_version: u8,
    /// Whether samples carry composition offsets (of 0).
    pub composition: bool,
    /// Added to the true data offset.
    pub data_shift: i32,
    /// Whether an `mdat` follows.
    pub data: bool,
    /// Whether the first sample begins with a parameter set.
    pub parameter_set: bool,
}

#[derive(Clone, Copy)]
pub struct Sample {
    pub ticks: u32,
    pub bytes: u32,
    pub sync: bool,
}

/// Ticks of a video frame at 25 frames per second.
pub const FRAME: u32 = 512;
pub const VIDEO_TIMESCALE: u32 = 12_800;
pub const AUDIO_TIMESCALE: u32 = 48_000;
/// Ticks of an AAC frame.
pub const AAC_FRAME: u32 = 1024;

impl Default for Spec {
    /// Nine seconds in three segments, key frames each second.
    fn default() -> Self {
        Self {
            video: vec![video("video-720", 1280, 720, 900), video("video-360", 640, 360, 300)],
            audio: vec![audio("audio-0", "en", true), audio("audio-1", "de", false)],
            target: 3,
        }
    }
}

impl Track {
    pub fn fragments(&mut self) -> impl Iterator<Item = &mut Fragment> {
        self.segments.iter_mut().flat_map(|segment| &mut segment.fragments)
    }

    pub fn samples(&mut self) -> impl Iterator<Item = &mut Sample> {
        self.fragments().flat_map(|fragment| &mut fragment.samples)
    }
}

impl Fragment {
    pub fn new(samples: Vec<Sample>) -> Self {
        Self {
            samples,
            decode: Some(1),
            decode_shift: 0,
            base_is_moof: true,
            track_fragments: 1,
            track_id: 1,
            run_version: 1,
            composition: false,
            data_shift: 0,
            data: true,
            parameter_set: false,
        }
    }
}

impl Segment {
    pub fn new(fragments: Vec<Fragment>) -> Self {
        Self { brands: vec![*b"cmfs", *b"iso6"], fragments }
    }
}

/// A group of pictures: a key frame of `bytes` and smaller pictures after it.
pub fn pictures(count: u32, ticks: u32, bytes: u32) -> Fragment {
    let sample =
        |index| Sample { ticks, bytes: if index == 0 { bytes } else { bytes / 4 }, sync: index == 0 };
    Fragment::new((0..count).map(sample).collect())
}

pub fn sound(count: u32) -> Fragment {
    Fragment::new(vec![Sample { ticks: AAC_FRAME, bytes: 200, sync: true }; count as usize])
}

fn video(name: &str, width: u16, height: u16, bytes: u32) -> Track {
    let segment = Segment::new(vec![pictures(25, FRAME, bytes); 3]);
    Track {
        name: name.to_owned(),
        kind: Kind::Video { width, height },
        timescale: VIDEO_TIMESCALE,
        segments: vec![segment; 3],
        header: Header::new(*b"avc1"),
    }
}

/// AAC frames do not fall on seconds: 141, 140 and 141 of them come nearest.
fn audio(name: &str, language: &'static str, default: bool) -> Track {
    Track {
        name: name.to_owned(),
        kind: Kind::Audio { channels: 2, language, default },
        timescale: AUDIO_TIMESCALE,
        segments: [141, 140, 141].map(|count| Segment::new(vec![sound(count)])).to_vec(),
        header: Header::new(*b"mp4a"),
    }
}

impl Header {
    fn new(entry: [u8; 4]) -> Self {
        Self {
            brands: vec![*b"cmfc", *b"iso6"],
            entry,
            level: 0x1F,
            transfer: 1,
            edit: None,
            extends: true,
            tracks: 1,
            time_to_sample: 0,
        }
    }
}
