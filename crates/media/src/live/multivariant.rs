//! The multivariant playlist of a live channel.

use std::borrow::Cow;

use crate::{
    Bandwidth, SampleFormat, TrackRole,
    hls::{Entry, compose},
};

/// A rendition as the multivariant playlist speaks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveTrack {
    /// Its name in URLs, as its window has it.
    pub name: String,
    /// RFC 6381 codec string of its header, such as `avc1.64001F` or `mp4a.40.2`.
    pub codec: String,
    /// Picture or sound properties.
    pub format: SampleFormat,
    /// What it is to a viewer.
    pub role: TrackRole,
    /// What playing it costs: measured, or the most that its encoder may spend.
    pub cost: Bandwidth,
}

/// The multivariant playlist of a broadcast: a variant per video rendition over one group of audio, or one variant
/// of sound alone. URIs are relative to `/live/{channel}/`. `independent` says that segments begin with key
/// frames in every rendition (EXT-X-INDEPENDENT-SEGMENTS); the media lists leave that to this one (section
/// 4.4.2.1).
///
/// A list that changes while a broadcast runs is read only by who comes: open renditions before it is given out.
#[must_use]
pub fn multivariant(broadcast: &str, tracks: &[LiveTrack], independent: bool) -> String {
    let entries = |is_wanted: fn(&TrackRole) -> bool| -> Vec<Entry<'_>> {
        tracks.iter().filter(|track| is_wanted(&track.role)).map(|track| entry(broadcast, track)).collect()
    };
    let rungs = entries(|role| matches!(role, TrackRole::Video { .. }));
    let renditions = entries(|role| matches!(role, TrackRole::Audio { .. }));
    let text = entries(|role| matches!(role, TrackRole::Text { .. }));
    compose(&rungs, &renditions, &text, Vec::new(), independent)
}

fn entry<'a>(broadcast: &str, track: &'a LiveTrack) -> Entry<'a> {
    Entry {
        uri: format!("{broadcast}/{}.m3u8", track.name),
        name: track.name.clone(),
        codec: Cow::Borrowed(&track.codec),
        format: track.format,
        role: &track.role,
        cost: track.cost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FrameRate;

    fn rung(name: &str, codec: &str, height: u32, average: u64) -> LiveTrack {
        LiveTrack {
            name: name.to_owned(),
            codec: codec.to_owned(),
            format: SampleFormat::Video { width: height * 16 / 9, height },
            role: TrackRole::Video { fps: FrameRate::new(30_000, 1_001).unwrap() },
            cost: Bandwidth { peak: average * 3 / 2, average },
        }
    }

    fn audio() -> LiveTrack {
        LiveTrack {
            name: "audio".to_owned(),
            codec: "mp4a.40.2".to_owned(),
            format: SampleFormat::Audio { sample_rate: 48_000, channels: 2 },
            role: TrackRole::Audio { language: "und".to_owned(), label: String::new(), default: true },
            cost: Bandwidth { peak: 136_000, average: 128_000 },
        }
    }

    #[test]
    fn a_source_of_another_codec_over_a_lower_rung_and_one_sound() {
        let tracks = [
            rung("source", "hvc1.1.6.L93.B0", 1_080, 6_000_000),
            rung("video-360", "avc1.64001E", 360, 800_000),
            audio(),
        ];
        insta::assert_snapshot!(multivariant("01jd0c", &tracks, true), @r#"
        #EXTM3U
        #EXT-X-VERSION:4
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MEDIA:TYPE=AUDIO,URI="01jd0c/audio.m3u8",GROUP-ID="audio",LANGUAGE="und",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2"
        #EXT-X-STREAM-INF:BANDWIDTH=1336000,AVERAGE-BANDWIDTH=928000,CODECS="avc1.64001E,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=29.970,AUDIO="audio",CLOSED-CAPTIONS=NONE
        01jd0c/video-360.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=9136000,AVERAGE-BANDWIDTH=6128000,CODECS="hvc1.1.6.L93.B0,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=29.970,AUDIO="audio",CLOSED-CAPTIONS=NONE
        01jd0c/source.m3u8
        "#);
    }

    #[test]
    fn sound_alone_and_pictures_alone_name_no_group() {
        let sound = multivariant("b", &[audio()], true);
        assert!(!sound.contains("EXT-X-MEDIA:") && sound.ends_with("\nb/audio.m3u8\n"), "{sound}");
        let pictures = multivariant("b", &[rung("source", "avc1.64001F", 720, 2_000_000)], true);
        assert!(!pictures.contains("AUDIO=") && pictures.contains("CODECS=\"avc1.64001F\""), "{pictures}");
    }

    #[test]
    fn a_source_without_regular_key_frames_promises_none() {
        let list = multivariant("b", &[rung("source", "avc1.64001F", 720, 2_000_000)], false);
        assert!(!list.contains("INDEPENDENT"), "{list}");
    }
}
