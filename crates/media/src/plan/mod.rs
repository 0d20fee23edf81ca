//! From what a source is to what is made of it: a pure function with its reasons.

mod audio;
mod film;
mod images;
mod ladder;
mod language;
mod level;
mod picture;
mod policy;
mod rate;
mod rate_control;
mod text;

pub use ladder::live_rungs;
use serde::{Deserialize, Serialize};

use crate::{FrameRate, PlanError, SegmentGrid, SourceClock, SourceFacts, TrackName, WideColour};

/// What the operator wants of every film.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LadderPolicy {
    /// Short sides of the rungs in pixels, in any order; 1 to 8 of them, each 16 to 4320.
    pub heights: Vec<u32>,
    /// x264 constant rate factor, 0 to 51.
    pub crf: f32,
    /// x264 speed preset by name.
    pub preset: String,
    /// Nominal length of a chunk, the unit of transcoding, in seconds; rounded to whole segments.
    pub chunk_seconds: u32,
}

impl Default for LadderPolicy {
    fn default() -> Self {
        Self {
            heights: vec![1080, 720, 540, 360, 234],
            crf: 23.0,
            preset: "veryfast".to_owned(),
            chunk_seconds: 60,
        }
    }
}

/// Everything that will be made of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The source time that becomes output time zero, in nanoseconds on `clock`; may be negative.
    pub origin_ns: i64,
    /// Which of the source's clocks `origin_ns` is read on.
    pub clock: SourceClock,
    /// Length of the presentation in nanoseconds, at least 1.
    pub duration_ns: u64,
    /// Segment boundaries, shared by all tracks.
    pub segment: SegmentGrid,
    /// The pictures; absent for sound alone.
    pub video: Option<VideoPlan>,
    /// One rendition per audio stream, in source order.
    pub audio: Vec<AudioPlan>,
    /// One rendition per text stream, in source order; none for sound alone.
    #[serde(default)]
    pub text: Vec<TextPlan>,
    /// Poster and thumbnails; absent for sound alone.
    pub images: Option<ImagesPlan>,
    /// Why it is so, a sentence per decision.
    pub reasons: Vec<String>,
}

impl Plan {
    /// Of a broadcast that was recorded as it was sent: nothing is to be made. `duration_us` is in microseconds;
    /// `target_seconds` that of its lists, of which 0 counts as 1.
    #[must_use]
    pub fn of_recording(duration_us: u64, target_seconds: u32) -> Self {
        let reason = "It is what was broadcast: nothing was encoded again.".to_owned();
        Self {
            origin_ns: 0,
            clock: SourceClock::StreamTime,
            duration_ns: duration_us.saturating_mul(1_000).max(1),
            segment: SegmentGrid::new(target_seconds.max(1), 1).unwrap_or(SegmentGrid::SECOND),
            video: None,
            audio: Vec::new(),
            text: Vec::new(),
            images: None,
            reasons: vec![reason],
        }
    }

    /// The chunks to transcode; none for sound alone.
    #[must_use]
    pub fn chunks(&self) -> &[ChunkPlan] {
        self.video.as_ref().map_or(&[], |video| &video.chunks)
    }

    /// The rungs, largest first; none for sound alone.
    #[must_use]
    pub fn rungs(&self) -> &[Rung] {
        self.video.as_ref().map_or(&[], |video| &video.rungs)
    }

    /// Names of all tracks: rungs, largest first, then audio, then text.
    pub fn track_names(&self) -> impl Iterator<Item = TrackName> + '_ {
        self.rungs()
            .iter()
            .map(|rung| rung.name)
            .chain(self.audio.iter().map(|audio| audio.name))
            .chain(self.text.iter().map(|text| text.name))
    }
}

/// The video side of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoPlan {
    /// Frame rate of the output grid.
    pub fps: FrameRate,
    /// Frames per closed GOP; one GOP is one fragment.
    pub gop_frames: u32,
    /// GOPs per segment object.
    pub gops_per_segment: u32,
    /// Frames of the whole film, at least 1.
    pub slots: u64,
    /// Units of transcoding, in order, covering `0..slots` without gaps.
    pub chunks: Vec<ChunkPlan>,
    /// The ladder, largest rung first, at least one.
    pub rungs: Vec<Rung>,
    /// The source's colours, when they are to be brought to BT.709.
    #[serde(default)]
    pub colour: Option<WideColour>,
}

impl VideoPlan {
    /// Frames per segment object.
    #[must_use]
    pub const fn segment_frames(&self) -> u32 {
        self.gop_frames.saturating_mul(self.gops_per_segment)
    }
}

/// A run of slots that one job transcodes; `first` is a multiple of the segment length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkPlan {
    /// First slot.
    pub first: u64,
    /// How many slots, at least 1.
    pub count: u64,
    /// Number of its first segment.
    pub first_segment: u32,
}

/// One rung of the ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// Track name.
    pub name: TrackName,
    /// Width in square pixels; even.
    pub width: u32,
    /// Height in square pixels; even.
    pub height: u32,
    /// x264 constant rate factor.
    pub crf: f32,
    /// VBV maximum rate, in kbit/s.
    pub maxrate_kbps: u32,
    /// VBV buffer, in kbit.
    pub bufsize_kbit: u32,
    /// x264 speed preset.
    pub preset: String,
    /// H.264 `level_idc` (Annex A), such as 31 for level 3.1.
    pub level_idc: u8,
}

/// One audio rendition: AAC-LC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioPlan {
    /// Track name.
    pub name: TrackName,
    /// Which audio stream of the source, among all of the container, from zero.
    pub stream: u32,
    /// Output sampling rate in Hz.
    pub sample_rate: u32,
    /// Output channels, 1 or 2.
    pub channels: u32,
    /// Bit rate in bit/s.
    pub bitrate: u32,
    /// Output length in samples, at least 1.
    pub samples: u64,
    /// BCP 47 language; `und` when unknown.
    pub language: String,
    /// Name for people, unique among the renditions.
    pub label: String,
    /// Whether it plays unless another is chosen; true for exactly one rendition.
    pub default: bool,
}

/// One text rendition: WebVTT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextPlan {
    /// Track name; its number is the place among [`SourceFacts::text`].
    pub name: TrackName,
    /// BCP 47 language; `und` when unknown.
    pub language: String,
    /// Name for people, unique among the text renditions.
    pub label: String,
    /// Whether it is shown unless the viewer chooses otherwise; true for one at most.
    pub default: bool,
}

/// Poster and thumbnail sprites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagesPlan {
    /// Output time of the poster, in nanoseconds.
    pub poster_ns: u64,
    /// Poster width in pixels; even.
    pub poster_width: u32,
    /// Poster height in pixels; even.
    pub poster_height: u32,
    /// Time between thumbnails, in nanoseconds, at least 2 seconds.
    pub thumb_interval_ns: u64,
    /// How many thumbnails, 1 to 200.
    pub thumb_count: u32,
    /// Thumbnail width in pixels; even.
    pub thumb_width: u32,
    /// Thumbnail height in pixels; even.
    pub thumb_height: u32,
    /// Thumbnails per sprite row.
    pub sprite_columns: u32,
    /// Rows per sprite.
    pub sprite_rows: u32,
}

impl ImagesPlan {
    /// How many sprites hold all thumbnails; at least 1.
    #[must_use]
    pub const fn sprite_count(&self) -> u32 {
        let tiles = self.sprite_columns.saturating_mul(self.sprite_rows);
        if tiles == 0 { 1 } else { self.thumb_count.div_ceil(tiles) }
    }
}

/// Decides what is made of a source.
///
/// # Errors
/// [`PlanError`] when the source has nothing to play or the policy is unusable.
pub fn plan(facts: &SourceFacts, policy: &LadderPolicy) -> Result<Plan, PlanError> {
    policy::check(policy)?;
    let video = facts.video.as_ref().filter(|video| video.frames > 0);
    let mut plan = match video {
        Some(video) => {
            let mut plan = film::plan(video, &facts.audio, policy)?;
            plan.text = text::renditions(&facts.text, &mut plan.reasons);
            plan
        }
        None => audio::sound_alone(&facts.audio)?,
    };
    plan.reasons.extend_from_slice(&facts.notes);
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{AudioFacts, VideoFacts};

    fn video(size: (u32, u32), fps: (u32, u32), frames: u64) -> VideoFacts {
        let rate = FrameRate::new(fps.0, fps.1).unwrap();
        let period = rate.slot_ns(1);
        VideoFacts {
            codec: "video/x-h264".to_owned(),
            width: size.0,
            height: size.1,
            par_num: 1,
            par_den: 1,
            fps_num: fps.0,
            fps_den: fps.1,
            frames,
            first_ns: 80_000_000,
            end_ns: 80_000_000 + i64::try_from(rate.slot_ns(frames)).unwrap(),
            delta_min_ns: period,
            delta_median_ns: period,
            delta_max_ns: period,
            clock: SourceClock::StreamTime,
            rotation: 0,
            interlaced: false,
            bit_depth: 8,
            colour: None,
            bytes: 1_000_000,
        }
    }

    fn sound(channels: u32, end_ns: i64) -> AudioFacts {
        AudioFacts {
            index: 0,
            codec: "audio/mpeg".to_owned(),
            sample_rate: 48_000,
            channels,
            language: None,
            title: None,
            default: false,
            first_ns: 0,
            end_ns,
            clock: SourceClock::StreamTime,
        }
    }

    fn facts(video: Option<VideoFacts>, audio: Vec<AudioFacts>) -> SourceFacts {
        let container = "video/quicktime".to_owned();
        let notes = vec!["A subtitle track was left out.".to_owned()];
        SourceFacts { container, duration_ns: 1, video, audio, text: vec![], title: None, notes }
    }

    fn planned(facts: &SourceFacts) -> Plan {
        plan(facts, &LadderPolicy::default()).unwrap()
    }

    #[test]
    fn a_film_of_132_frames_with_surround_sound() {
        let plan = planned(&facts(Some(video((1_280, 720), (25, 1), 132)), vec![sound(6, 5_312_000_000)]));
        let film = plan.video.as_ref().unwrap();
        assert_eq!((film.slots, film.gop_frames, film.segment_frames()), (132, 50, 150));
        assert_eq!(plan.chunks(), [ChunkPlan { first: 0, count: 132, first_segment: 0 }]);
        assert_eq!((plan.origin_ns, plan.duration_ns), (80_000_000, 5_280_000_000));
        assert_eq!((plan.audio[0].samples, plan.audio[0].channels), (253_440, 2));
        let names: Vec<String> = plan.track_names().map(String::from).collect();
        assert_eq!(names, ["video-720", "video-540", "video-360", "video-234", "audio-0"]);
        insta::assert_snapshot!(plan.reasons.join("\n"), @r#"
        The frame rate stays at 25.000: the measured distances agree with it.
        Rungs at or below the source's 1280x720: 1280x720, 960x540, 640x360, 416x234, and nothing is enlarged.
        Constant quality 23 under a ceiling for picture size and frame rate: 1280x720 up to 3270 kb/s (level 3.1), 960x540 up to 1870 kb/s (level 3.1), 640x360 up to 840 kb/s (level 3.0), 416x234 up to 330 kb/s (level 1.3).
        132 frames at 25.000 in one chunk; a closed group of 50 frames is the nearest to two seconds, and three make a segment of 6.000 seconds.
        Audio 1: AAC-LC stereo at 128 kb/s, mixed down from more channels (centre and surrounds at 1/√2, no low frequencies, scaled to fit).
        The poster is taken at 2.0 seconds; 3 thumbnails, one every 2 seconds.
        A subtitle track was left out.
        "#);
    }

    #[test]
    fn twelve_and_a_half_frames_a_second_make_groups_of_25() {
        let plan = planned(&facts(Some(video((768, 432), (25, 2), 377)), vec![sound(2, 30_160_000_000)]));
        let film = plan.video.as_ref().unwrap();
        assert_eq!((film.gop_frames, film.slots, plan.segment.nanoseconds()), (25, 377, 6_000_000_000));
    }

    #[test]
    fn an_hour_of_ntsc_film_is_cut_into_chunks_of_ten_segments() {
        let plan = planned(&facts(Some(video((1_920, 1_080), (30_000, 1_001), 107_892)), vec![]));
        assert_eq!((plan.segment.num(), plan.segment.den()), (3_003, 500));
        let chunks = plan.chunks();
        assert_eq!((chunks.len(), chunks[1].first, chunks[1].first_segment), (60, 1_800, 10));
        assert_eq!(chunks[59].first + chunks[59].count, 107_892);
    }

    #[test]
    fn a_picture_track_without_pictures_leaves_the_sound() {
        let plan = planned(&facts(Some(video((640, 360), (25, 1), 0)), vec![sound(2, 97_436_735_000)]));
        assert!(plan.video.is_none() && plan.images.is_none());
        assert_eq!(plan.audio.len(), 1);
        let nothing = facts(Some(video((640, 360), (25, 1), 0)), vec![]);
        assert_eq!(super::plan(&nothing, &LadderPolicy::default()), Err(PlanError::NoStreams));
    }

    #[test]
    fn plans_survive_storage() {
        let plan = planned(&facts(Some(video((1_280, 720), (30_000, 1_001), 500)), vec![sound(1, 9)]));
        let stored = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&stored).unwrap(), plan);
    }

    proptest! {
        #[test]
        fn no_facts_break_a_plan(
            size in any::<(u32, u32)>(), par in any::<(u32, u32)>(), fps in any::<(u32, u32)>(), frames: u64,
            times in any::<(i64, i64, i64, i64)>(), deltas in any::<(u64, u64, u64)>(), rotation: u16, channels: u32
        ) {
            let video = VideoFacts {
                width: size.0,
                height: size.1,
                par_num: par.0,
                par_den: par.1,
                fps_num: fps.0,
                fps_den: fps.1,
                frames,
                first_ns: times.0,
                end_ns: times.1,
                delta_min_ns: deltas.0,
                delta_median_ns: deltas.1,
                delta_max_ns: deltas.2,
                rotation,
                ..video((2, 2), (25, 1), 1)
            };
            let audio = AudioFacts { first_ns: times.2, ..sound(channels, times.3) };
            for facts in [facts(Some(video), vec![audio.clone()]), facts(None, vec![audio])] {
                match plan(&facts, &LadderPolicy::default()) {
                    Ok(plan) => {
                        prop_assert!(plan.duration_ns > 0 && !plan.reasons.is_empty());
                        let slots: u64 = plan.chunks().iter().map(|chunk| chunk.count).sum();
                        prop_assert_eq!(slots, plan.video.as_ref().map_or(0, |video| video.slots));
                    }
                    Err(error) => prop_assert!(!matches!(error, PlanError::NoStreams), "{}", error),
                }
            }
        }
    }
}
