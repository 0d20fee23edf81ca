//! Audio renditions.

use super::{AudioPlan, Plan, film, language};
use crate::{AudioFacts, PlanError, SegmentGrid, TrackName, VideoFacts};

/// More renditions than this are noise in a menu.
const RENDITIONS_MAX: usize = 8;
const SAMPLE_RATE: u32 = 48_000;
const SECOND_NS: u128 = 1_000_000_000;
/// Sound that outlasts the picture by less than this ends with it unremarked.
const TAIL_REMARKED_NS: i64 = 500_000_000;

/// The plan of a source without pictures.
pub(super) fn sound_alone(audio: &[AudioFacts]) -> Result<Plan, PlanError> {
    let first = audio.first().ok_or(PlanError::NoStreams)?;
    let origin_ns = audio.iter().map(|stream| stream.first_ns).min().unwrap_or(first.first_ns);
    let end_ns = audio.iter().map(|stream| stream.end_ns).max().unwrap_or(first.end_ns);
    let span_ns = u64::try_from(end_ns.saturating_sub(origin_ns)).unwrap_or(0).max(1);
    let segment = SegmentGrid::new(6, 1).ok_or(PlanError::Policy("the segment length is zero"))?;
    film::check_length(span_ns.div_ceil(segment.nanoseconds()), segment)?;
    let mut reasons = vec!["There are no pictures: sound alone, in segments of six seconds.".to_owned()];
    let audio = renditions(audio, span_ns, &mut reasons);
    Ok(Plan {
        origin_ns,
        clock: first.clock,
        duration_ns: span_ns,
        segment,
        video: None,
        audio,
        text: Vec::new(),
        images: None,
        reasons,
    })
}

/// The renditions of a film: as long as its pictures.
pub(super) fn beside_pictures(
    audio: &[AudioFacts],
    video: &VideoFacts,
    duration_ns: u64,
    reasons: &mut Vec<String>,
) -> Vec<AudioPlan> {
    if audio.is_empty() {
        reasons.push("There is no sound.".to_owned());
    }
    let end_ns = audio.iter().map(|stream| stream.end_ns).max().unwrap_or(video.end_ns);
    let tail_ns = end_ns.saturating_sub(video.end_ns);
    if tail_ns > TAIL_REMARKED_NS {
        let seconds = tail_ns as f64 / 1e9;
        reasons.push(format!(
            "The sound goes on for {seconds:.1} seconds after the last picture and ends with it."
        ));
    }
    renditions(audio, duration_ns, reasons)
}

fn renditions(audio: &[AudioFacts], duration_ns: u64, reasons: &mut Vec<String>) -> Vec<AudioPlan> {
    if audio.len() > RENDITIONS_MAX {
        reasons.push(format!("Of {} audio streams the first {RENDITIONS_MAX} are kept.", audio.len()));
    }
    let samples = samples_in(duration_ns);
    let kept = &audio[..audio.len().min(RENDITIONS_MAX)];
    let tags: Vec<String> = kept.iter().map(|facts| language::tag(facts.language.as_deref())).collect();
    let labels = language::labels(
        kept.iter().zip(&tags).map(|(facts, tag)| (facts.title.as_deref(), &**tag)),
        "Audio",
    );
    // Where the container calls several tracks its default, the first of them is.
    let default = kept.iter().position(|facts| facts.default).unwrap_or(0);
    let mut made = Vec::with_capacity(kept.len());
    for (((facts, language), label), number) in kept.iter().zip(tags).zip(labels).zip(0u32..) {
        let label = if kept.len() == 1 { "Audio".to_owned() } else { label };
        let name = Name { number, language, label, default: number as usize == default };
        made.push(rendition(facts, name, samples, reasons));
    }
    made
}

/// What a rendition is called.
struct Name {
    number: u32,
    language: String,
    label: String,
    default: bool,
}

fn rendition(facts: &AudioFacts, name: Name, samples: u64, reasons: &mut Vec<String>) -> AudioPlan {
    let channels = if facts.channels == 1 { 1 } else { 2 };
    let bitrate = if channels == 1 { 64_000 } else { 128_000 };
    let mixed = match facts.channels {
        0 => "; the source does not say how many channels it has",
        1 | 2 => "",
        _ => {
            ", mixed down from more channels (centre and surrounds at 1/√2, no low frequencies, scaled to fit)"
        }
    };
    let (shape, kbps) = (if channels == 1 { "mono" } else { "stereo" }, bitrate / 1_000);
    reasons.push(format!("Audio {}: AAC-LC {shape} at {kbps} kb/s{mixed}.", name.number + 1));
    AudioPlan {
        name: TrackName::Audio(name.number),
        stream: facts.index,
        sample_rate: SAMPLE_RATE,
        channels,
        bitrate,
        samples,
        language: name.language,
        label: name.label,
        default: name.default,
    }
}

/// The samples nearest to this long a time, at least 1.
fn samples_in(duration_ns: u64) -> u64 {
    let samples = (u128::from(duration_ns) * u128::from(SAMPLE_RATE) + SECOND_NS / 2) / SECOND_NS;
    u64::try_from(samples).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceClock;

    fn facts(channels: u32, first_ns: i64, end_ns: i64) -> AudioFacts {
        let (codec, language) = ("audio/mpeg".to_owned(), Some("EN-us".to_owned()));
        AudioFacts {
            index: 3,
            codec,
            sample_rate: 44_100,
            channels,
            language,
            title: None,
            default: false,
            first_ns,
            end_ns,
            clock: SourceClock::Raw,
        }
    }

    #[test]
    fn music_is_planned_over_all_its_streams() {
        let plan = sound_alone(&[facts(2, 1_000, 97_000_000_000), facts(1, 0, 97_436_735_000)]).unwrap();
        assert_eq!((plan.origin_ns, plan.duration_ns), (0, 97_436_735_000));
        assert_eq!(plan.audio[0].samples, 4_676_963);
        let shapes: Vec<_> = plan.audio.iter().map(|audio| (audio.channels, audio.bitrate)).collect();
        assert_eq!(shapes, [(2, 128_000), (1, 64_000)]);
        assert_eq!((plan.audio[1].name, plan.audio[1].stream), (TrackName::Audio(1), 3));
        assert_eq!((&*plan.audio[0].label, &*plan.audio[1].label), ("English", "English 2"));
        assert_eq!(plan.audio[0].language, "en-us");
        assert!(plan.audio[0].default && !plan.audio[1].default);
        assert_eq!((plan.chunks().len(), plan.rungs().len(), plan.images), (0, 0, None));
    }

    #[test]
    fn nothing_to_play_is_refused() {
        assert_eq!(sound_alone(&[]), Err(PlanError::NoStreams));
    }

    #[test]
    fn surround_becomes_stereo_and_a_crowd_is_cut() {
        let mut reasons = Vec::new();
        let made = renditions(&vec![facts(6, 0, 1); 9], 1_000_000_000, &mut reasons);
        assert_eq!((made.len(), made[0].channels, made[0].samples), (8, 2, 48_000));
        assert!(reasons[0].contains("first 8"), "{reasons:?}");
    }
}
