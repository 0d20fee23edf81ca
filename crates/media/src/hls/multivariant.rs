//! The multivariant playlist.

use std::collections::HashMap;

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

/// The multivariant playlist: a variant and an I-frame variant per rung over one group of audio renditions and one
/// of text, or one variant of sound alone. URIs are relative to `/media/{asset}/`.
#[must_use]
pub fn multivariant(presentation: &Presentation) -> String {
    let renditions: Vec<&TrackTimeline> = presentation.audio().collect();
    let rungs: Vec<&TrackTimeline> = presentation.video().collect();
    let grouped = !rungs.is_empty() || renditions.len() > 1;
    let mut variants = if rungs.is_empty() {
        sound_alone(presentation, &renditions, grouped)
    } else {
        rungs.iter().map(|rung| variant(presentation, rung, &renditions)).collect()
    };
    put_first_variant_first(&mut variants);
    variants.extend(rungs.iter().map(|rung| iframe_variant(presentation, rung)));
    let text = presentation.text().map(|track| subtitles(presentation, track));
    let alternatives =
        renditions.iter().filter(|_| grouped).map(|track| rendition(presentation, track)).chain(text);
    let list = MasterPlaylist {
        version: Some(VERSION),
        independent_segments: true,
        alternatives: alternatives.collect(),
        variants,
        ..MasterPlaylist::default()
    };
    let mut bytes = Vec::new();
    // Writing to a Vec cannot fail, and everything written is text.
    let _ = list.write_to(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The largest of each rate over the renditions, any of which may play beside a rung.
fn dearest(presentation: &Presentation, renditions: &[&TrackTimeline]) -> Bandwidth {
    let costs = renditions.iter().map(|track| presentation.bandwidth(track));
    costs.fold(Bandwidth::default(), Bandwidth::max)
}

fn variant(
    presentation: &Presentation,
    rung: &TrackTimeline,
    renditions: &[&TrackTimeline],
) -> VariantStream {
    let text: Vec<&TrackTimeline> = presentation.text().collect();
    let cost = presentation
        .bandwidth(rung)
        .with(dearest(presentation, renditions))
        .with(dearest(presentation, &text));
    VariantStream {
        uri: media_list(presentation, rung),
        codecs: Some(codecs(rung, renditions)),
        resolution: resolution(rung),
        audio: (!renditions.is_empty()).then(|| AUDIO_GROUP.to_owned()),
        subtitles: (!text.is_empty()).then(|| TEXT_GROUP.to_owned()),
        closed_captions: Some(ClosedCaptionGroupId::None),
        // The writer's own FRAME-RATE is a float without the three decimals.
        other_attributes: frame_rate(rung),
        ..priced(cost)
    }
}

fn iframe_variant(presentation: &Presentation, rung: &TrackTimeline) -> VariantStream {
    let (version, track) = (presentation.version(), rung.info.name);
    VariantStream {
        is_i_frame: true,
        uri: Object::IframeList { version, track }.to_string(),
        codecs: Some(rung.info.init.codec.clone()),
        resolution: resolution(rung),
        ..priced(presentation.iframe_bandwidth(rung))
    }
}

fn sound_alone(
    presentation: &Presentation,
    renditions: &[&TrackTimeline],
    grouped: bool,
) -> Vec<VariantStream> {
    let default = renditions.iter().find(|track| is_default(track)).or(renditions.first());
    let variant = default.map(|track| VariantStream {
        uri: media_list(presentation, track),
        codecs: Some(codecs(track, renditions)),
        audio: grouped.then(|| AUDIO_GROUP.to_owned()),
        ..priced(dearest(presentation, renditions))
    });
    variant.into_iter().collect()
}

fn priced(cost: Bandwidth) -> VariantStream {
    VariantStream { bandwidth: cost.peak, average_bandwidth: Some(cost.average), ..VariantStream::default() }
}

/// Every codec that may play, once, the variant's own first.
fn codecs(track: &TrackTimeline, renditions: &[&TrackTimeline]) -> String {
    let mut codecs = vec![&*track.info.init.codec];
    for rendition in renditions {
        if !codecs.contains(&&*rendition.info.init.codec) {
            codecs.push(&rendition.info.init.codec);
        }
    }
    codecs.join(",")
}

fn resolution(rung: &TrackTimeline) -> Option<Resolution> {
    match rung.info.init.format {
        SampleFormat::Video { width, height } => {
            Some(Resolution { width: u64::from(width), height: u64::from(height) })
        }
        SampleFormat::Audio { .. } | SampleFormat::Text => None,
    }
}

fn frame_rate(rung: &TrackTimeline) -> Option<HashMap<String, QuotedOrUnquoted>> {
    let TrackRole::Video { fps } = &rung.info.role else { return None };
    Some(HashMap::from([("FRAME-RATE".to_owned(), QuotedOrUnquoted::Unquoted(fps.to_string()))]))
}

fn media_list(presentation: &Presentation, track: &TrackTimeline) -> String {
    Object::MediaList { version: presentation.version(), track: track.info.name }.to_string()
}

fn is_default(track: &TrackTimeline) -> bool {
    matches!(track.info.role, TrackRole::Audio { default: true, .. })
}

fn rendition(presentation: &Presentation, track: &TrackTimeline) -> AlternativeMedia {
    let (language, label) = match &track.info.role {
        TrackRole::Audio { language, label, .. } | TrackRole::Text { language, label, .. } => {
            (quotable(language), quotable(label))
        }
        TrackRole::Video { .. } => (None, None),
    };
    let channels = match track.info.init.format {
        SampleFormat::Audio { channels, .. } => Some(channels.to_string()),
        SampleFormat::Video { .. } | SampleFormat::Text => None,
    };
    AlternativeMedia {
        media_type: AlternativeMediaType::Audio,
        uri: Some(media_list(presentation, track)),
        group_id: AUDIO_GROUP.to_owned(),
        language,
        name: label.unwrap_or_else(|| track.info.name.to_string()),
        default: is_default(track),
        autoselect: true,
        channels,
        ..AlternativeMedia::default()
    }
}

/// Text is shown when the viewer asks for it, or by itself where the film says so.
fn subtitles(presentation: &Presentation, track: &TrackTimeline) -> AlternativeMedia {
    AlternativeMedia {
        media_type: AlternativeMediaType::Subtitles,
        group_id: TEXT_GROUP.to_owned(),
        default: matches!(track.info.role, TrackRole::Text { default: true, .. }),
        ..rendition(presentation, track)
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
