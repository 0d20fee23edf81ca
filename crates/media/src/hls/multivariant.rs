//! The multivariant playlist.

use std::{borrow::Cow, collections::HashMap};

use m3u8_rs::{
    AlternativeMedia, AlternativeMediaType, ClosedCaptionGroupId, MasterPlaylist, QuotedOrUnquoted,
    Resolution, VariantStream,
};

use crate::{Bandwidth, Object, Presentation, SampleFormat, TrackRole, TrackTimeline};

/// Rendition groups want at least this (RFC 8216 section 7).
const VERSION: usize = 4;
const AUDIO_GROUP: &str = "audio";
const TEXT_GROUP: &str = "text";
/// The average rate in bit/s that the first variant should be near (Apple authoring rule 1.32).
const FIRST_VARIANT_RATE: u64 = 2_000_000;

/// A track as the list speaks of it.
pub(crate) struct Entry<'a> {
    /// Its media list, relative to this one.
    pub(crate) uri: String,
    /// What it is called where it has no label.
    pub(crate) name: String,
    /// RFC 6381 codec string.
    pub(crate) codec: Cow<'a, str>,
    /// Picture or sound properties.
    pub(crate) format: SampleFormat,
    /// What it is to a viewer.
    pub(crate) role: &'a TrackRole,
    /// What playing it costs.
    pub(crate) cost: Bandwidth,
}

/// The multivariant playlist: a variant and an I-frame variant per rung over one group of audio renditions and one
/// of text, or one variant of sound alone. URIs are relative to `/media/{asset}/`.
#[must_use]
pub fn multivariant(presentation: &Presentation) -> String {
    let rungs: Vec<Entry<'_>> = presentation.video().map(|track| entry(presentation, track)).collect();
    let renditions: Vec<Entry<'_>> = presentation.audio().map(|track| entry(presentation, track)).collect();
    let text: Vec<Entry<'_>> = presentation.text().map(|track| entry(presentation, track)).collect();
    let iframes = presentation.video().filter(|rung| !rung.is_recorded());
    let iframes = iframes.map(|rung| iframe_variant(presentation, rung));
    compose(&rungs, &renditions, &text, iframes.collect(), presentation.is_independent())
}

/// The list of these tracks. `independent` says that every segment of every list begins with a picture that
/// needs no other.
pub(crate) fn compose(
    rungs: &[Entry<'_>],
    renditions: &[Entry<'_>],
    text: &[Entry<'_>],
    iframes: Vec<VariantStream>,
    independent: bool,
) -> String {
    let grouped = !rungs.is_empty() || renditions.len() > 1;
    let mut variants = if rungs.is_empty() {
        sound_alone(renditions, grouped)
    } else {
        rungs.iter().map(|rung| variant(rung, renditions, text)).collect()
    };
    put_first_variant_first(&mut variants);
    variants.extend(iframes);
    let alternatives = renditions.iter().filter(|_| grouped).map(rendition);
    let list = MasterPlaylist {
        version: Some(VERSION),
        independent_segments: independent,
        alternatives: alternatives.chain(text.iter().map(subtitles)).collect(),
        variants,
        ..MasterPlaylist::default()
    };
    let mut bytes = Vec::new();
    // Writing to a Vec cannot fail, and everything written is text.
    let _ = list.write_to(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn entry<'a>(presentation: &Presentation, track: &'a TrackTimeline) -> Entry<'a> {
    let name = track.info.name;
    Entry {
        uri: Object::MediaList { version: presentation.version(), track: name }.to_string(),
        name: name.to_string(),
        codec: Cow::Owned(track.codecs()),
        format: track.info.init.format,
        role: &track.info.role,
        cost: presentation.bandwidth(track),
    }
}

/// The largest of each rate over the renditions, any of which may play beside a rung.
fn dearest(renditions: &[Entry<'_>]) -> Bandwidth {
    renditions.iter().map(|track| track.cost).fold(Bandwidth::default(), Bandwidth::max)
}

fn variant(rung: &Entry<'_>, renditions: &[Entry<'_>], text: &[Entry<'_>]) -> VariantStream {
    VariantStream {
        uri: rung.uri.clone(),
        codecs: Some(codecs(rung, renditions)),
        resolution: resolution(rung.format),
        audio: (!renditions.is_empty()).then(|| AUDIO_GROUP.to_owned()),
        subtitles: (!text.is_empty()).then(|| TEXT_GROUP.to_owned()),
        closed_captions: Some(ClosedCaptionGroupId::None),
        // The writer's own FRAME-RATE is a float without the three decimals.
        other_attributes: frame_rate(rung.role),
        ..priced(rung.cost.with(dearest(renditions)).with(dearest(text)))
    }
}

fn iframe_variant(presentation: &Presentation, rung: &TrackTimeline) -> VariantStream {
    let (version, track) = (presentation.version(), rung.info.name);
    VariantStream {
        is_i_frame: true,
        uri: Object::IframeList { version, track }.to_string(),
        codecs: Some(rung.info.init.codec.clone()),
        resolution: resolution(rung.info.init.format),
        ..priced(presentation.iframe_bandwidth(rung))
    }
}

fn sound_alone(renditions: &[Entry<'_>], grouped: bool) -> Vec<VariantStream> {
    let default = renditions.iter().find(|track| is_default(track.role)).or(renditions.first());
    let variant = default.map(|track| VariantStream {
        uri: track.uri.clone(),
        codecs: Some(codecs(track, renditions)),
        audio: grouped.then(|| AUDIO_GROUP.to_owned()),
        ..priced(dearest(renditions))
    });
    variant.into_iter().collect()
}

fn priced(cost: Bandwidth) -> VariantStream {
    VariantStream { bandwidth: cost.peak, average_bandwidth: Some(cost.average), ..VariantStream::default() }
}

/// Every codec that may play, once, the variant's own first.
fn codecs(track: &Entry<'_>, renditions: &[Entry<'_>]) -> String {
    let mut codecs = vec![&*track.codec];
    for rendition in renditions {
        if !codecs.contains(&&*rendition.codec) {
            codecs.push(&rendition.codec);
        }
    }
    codecs.join(",")
}

fn resolution(format: SampleFormat) -> Option<Resolution> {
    match format {
        SampleFormat::Video { width, height } => {
            Some(Resolution { width: u64::from(width), height: u64::from(height) })
        }
        SampleFormat::Audio { .. } | SampleFormat::Text => None,
    }
}

fn frame_rate(role: &TrackRole) -> Option<HashMap<String, QuotedOrUnquoted>> {
    let TrackRole::Video { fps } = role else { return None };
    Some(HashMap::from([("FRAME-RATE".to_owned(), QuotedOrUnquoted::Unquoted(fps.to_string()))]))
}

fn is_default(role: &TrackRole) -> bool {
    matches!(role, TrackRole::Audio { default: true, .. })
}

fn rendition(track: &Entry<'_>) -> AlternativeMedia {
    let (language, label) = match track.role {
        TrackRole::Audio { language, label, .. } | TrackRole::Text { language, label, .. } => {
            (quotable(language), quotable(label))
        }
        TrackRole::Video { .. } => (None, None),
    };
    let channels = match track.format {
        SampleFormat::Audio { channels, .. } => Some(channels.to_string()),
        SampleFormat::Video { .. } | SampleFormat::Text => None,
    };
    AlternativeMedia {
        media_type: AlternativeMediaType::Audio,
        uri: Some(track.uri.clone()),
        group_id: AUDIO_GROUP.to_owned(),
        language,
        name: label.unwrap_or_else(|| track.name.clone()),
        default: is_default(track.role),
        autoselect: true,
        channels,
        ..AlternativeMedia::default()
    }
}

/// Text is shown when the viewer asks for it, or by itself where the film says so.
fn subtitles(track: &Entry<'_>) -> AlternativeMedia {
    AlternativeMedia {
        media_type: AlternativeMediaType::Subtitles,
        group_id: TEXT_GROUP.to_owned(),
        default: matches!(track.role, TrackRole::Text { default: true, .. }),
        ..rendition(track)
    }
}

/// The text without what a quoted string may not hold (RFC 8216 section 4.2); `None` when nothing is left.
fn quotable(text: &str) -> Option<String> {
    let kept: String = text.chars().filter(|c| *c != '"' && !c.is_control()).collect();
    Some(kept).filter(|kept| !kept.is_empty())
}

/// Moves the variant nearest to the recommended first rate to the front; the others keep their order.
fn put_first_variant_first(variants: &mut [VariantStream]) {
    let distance =
        |variant: &VariantStream| variant.average_bandwidth.unwrap_or_default().abs_diff(FIRST_VARIANT_RATE);
    let nearest = (0..variants.len()).min_by_key(|index| distance(&variants[*index]));
    if let Some(nearest) = nearest {
        variants[..=nearest].rotate_right(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        TrackName,
        timeline::testing::{joined, rendition, rung, text},
    };

    #[test]
    fn a_film_with_two_languages() {
        let presentation = joined(
            true,
            vec![
                rung(1_080, &[4_500_000, 3_000_000, 900_000]),
                rung(720, &[1_600_000, 1_200_000, 400_000]),
                rung(360, &[400_000, 300_000, 90_000]),
                rendition(0, "en", &[96_000, 96_000, 32_000]),
                rendition(1, "de", &[97_000, 96_000, 32_000]),
            ],
        );
        insta::assert_snapshot!(multivariant(&presentation), @r#"
        #EXTM3U
        #EXT-X-VERSION:4
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MEDIA:TYPE=AUDIO,URI="v1/audio-0/index.m3u8",GROUP-ID="audio",LANGUAGE="en",NAME="Audio 1",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2"
        #EXT-X-MEDIA:TYPE=AUDIO,URI="v1/audio-1/index.m3u8",GROUP-ID="audio",LANGUAGE="de",NAME="Audio 2",AUTOSELECT=YES,CHANNELS="2"
        #EXT-X-STREAM-INF:BANDWIDTH=2260257,AVERAGE-BANDWIDTH=1955252,CODECS="avc1.64001F,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio",CLOSED-CAPTIONS=NONE
        v1/video-720/index.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=6123060,AVERAGE-BANDWIDTH=4923712,CODECS="avc1.64001F,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=29.970,AUDIO="audio",CLOSED-CAPTIONS=NONE
        v1/video-1080/index.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=661855,AVERAGE-BANDWIDTH=579485,CODECS="avc1.64001F,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=29.970,AUDIO="audio",CLOSED-CAPTIONS=NONE
        v1/video-360/index.m3u8
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1498502,AVERAGE-BANDWIDTH=1198802,CODECS="avc1.64001F",RESOLUTION=1920x1080,URI="v1/video-1080/iframes.m3u8"
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=532800,AVERAGE-BANDWIDTH=456686,CODECS="avc1.64001F",RESOLUTION=1280x720,URI="v1/video-720/iframes.m3u8"
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=133199,AVERAGE-BANDWIDTH=112744,CODECS="avc1.64001F",RESOLUTION=640x360,URI="v1/video-360/iframes.m3u8"
        "#);
    }

    #[test]
    fn sound_alone_is_one_variant_without_a_group() {
        let presentation = joined(true, vec![rendition(0, "und", &[96_000, 95_000])]);
        insta::assert_snapshot!(multivariant(&presentation), @r#"
        #EXTM3U
        #EXT-X-VERSION:4
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-STREAM-INF:BANDWIDTH=190540,AVERAGE-BANDWIDTH=190540,CODECS="mp4a.40.2"
        v1/audio-0/index.m3u8
        "#);
    }

    #[test]
    fn two_renditions_alone_form_a_group_that_plays_the_default() {
        let tracks = vec![rendition(0, "en", &[96_000]), rendition(1, "de", &[96_000])];
        insta::assert_snapshot!(multivariant(&joined(true, tracks)), @r#"
        #EXTM3U
        #EXT-X-VERSION:4
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MEDIA:TYPE=AUDIO,URI="v1/audio-0/index.m3u8",GROUP-ID="audio",LANGUAGE="en",NAME="Audio 1",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2"
        #EXT-X-MEDIA:TYPE=AUDIO,URI="v1/audio-1/index.m3u8",GROUP-ID="audio",LANGUAGE="de",NAME="Audio 2",AUTOSELECT=YES,CHANNELS="2"
        #EXT-X-STREAM-INF:BANDWIDTH=383075,AVERAGE-BANDWIDTH=383075,CODECS="mp4a.40.2",AUDIO="audio"
        v1/audio-0/index.m3u8
        "#);
    }

    #[test]
    fn text_is_a_group_that_every_variant_names() {
        let tracks =
            vec![rung(720, &[1_600_000; 3]), rung(360, &[400_000; 3]), text(0, "en", 14), text(1, "de", 14)];
        let list = multivariant(&joined(true, tracks));
        let lines = |start: &str| list.lines().filter(|line| line.starts_with(start)).collect::<Vec<_>>();
        assert_eq!(
            lines("#EXT-X-MEDIA"),
            [
                "#EXT-X-MEDIA:TYPE=SUBTITLES,URI=\"v1/text-0/index.m3u8\",GROUP-ID=\"text\",LANGUAGE=\"en\",NAME=\"Text 1\",AUTOSELECT=YES",
                "#EXT-X-MEDIA:TYPE=SUBTITLES,URI=\"v1/text-1/index.m3u8\",GROUP-ID=\"text\",LANGUAGE=\"de\",NAME=\"Text 2\",DEFAULT=YES,AUTOSELECT=YES",
            ]
        );
        let variants = lines("#EXT-X-STREAM-INF");
        assert_eq!(variants.len(), 2);
        assert!(variants.iter().all(|line| line.contains("SUBTITLES=\"text\"")), "{list}");
    }

    #[test]
    fn a_silent_film_names_no_group() {
        let text = multivariant(&joined(true, vec![rung(360, &[400_000])]));
        assert!(!text.contains("AUDIO") && !text.contains("EXT-X-MEDIA:"), "{text}");
        assert!(text.contains("CODECS=\"avc1.64001F\""), "{text}");
    }

    #[test]
    fn labels_cannot_break_out_of_their_quotes() {
        let mut track = rendition(0, "en", &[96_000]);
        let label = "A\",URI=\"http://x\"\r\n#EXT-X-ENDLIST".to_owned();
        track.info.role = TrackRole::Audio { language: "\"\n".to_owned(), label, default: true };
        let text = multivariant(&joined(true, vec![rung(360, &[400_000]), track]));
        assert!(text.contains("NAME=\"A,URI=http://x#EXT-X-ENDLIST\""), "{text}");
        assert!(!text.contains("LANGUAGE") && !text.contains("\n#EXT-X-ENDLIST"), "{text}");
    }

    #[test]
    fn bandwidth_is_the_largest_sum_of_measured_peaks() {
        let presentation =
            joined(true, vec![rung(360, &[600_600, 300_300, 90_000]), rendition(0, "en", &[9_000; 3])]);
        let video = presentation.bandwidth(presentation.track(TrackName::Video(360)).unwrap());
        let audio = presentation.bandwidth(presentation.track(TrackName::Audio(0)).unwrap());
        // 600,624 bytes in 6.006 s.
        assert_eq!(video.peak, 800_032);
        let text = multivariant(&presentation);
        assert!(text.contains(&format!(":BANDWIDTH={},", video.peak + audio.peak)), "{text}");
    }
}
