//! Media playlists.

use std::fmt::Write as _;

use super::{HEADER, seconds};
use crate::{
    Presentation, TrackName, TrackRun, TrackTimeline,
    object::{INIT_FILE, run_init_file, segment_file},
};

/// EXT-X-MAP in a list that is not of I-frames (RFC 8216 section 7).
const VERSION: u8 = 6;

/// The media playlist of a track: EVENT while the presentation grows, VOD once it has ended. `None` when
/// there is no such track.
///
/// The text is written here and not by `m3u8-rs`, whose durations are 32-bit floats: EXTINF has microseconds,
/// and any run of them stays within one microsecond of the true time.
#[must_use]
pub fn media(presentation: &Presentation, track: TrackName) -> Option<String> {
    let track = presentation.track(track)?;
    let mut text = opening(presentation, VERSION, track);
    for segment in &track.segments {
        if let Some(run) = track.begins(segment.seq) {
            text.push_str(&beginning(run));
        }
        if track.is_gap(segment.seq) {
            text.push_str("#EXT-X-GAP\n");
        }
        let duration = seconds(track.segment_us(segment));
        // Writing to a String cannot fail.
        let _ = write!(text, "#EXTINF:{duration},\n{}\n", segment_file(track.info.name, segment.seq));
    }
    text.push_str(closing(presentation));
    Some(text)
}

/// The tags before the first segment.
pub(super) fn opening(presentation: &Presentation, version: u8, track: &TrackTimeline) -> String {
    let kind = if presentation.ended() { "VOD" } else { "EVENT" };
    let independent = if presentation.is_independent() { "#EXT-X-INDEPENDENT-SEGMENTS\n" } else { "" };
    format!(
        "{HEADER}#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:{kind}\n{independent}{}",
        presentation.target_seconds(),
        // WebVTT has no header apart (RFC 8216bis section 3.1.4); each run of a broadcast names its own.
        if matches!(track.info.name, TrackName::Text(_)) || track.is_recorded() {
            String::new()
        } else {
            format!("#EXT-X-MAP:URI=\"{INIT_FILE}\"\n")
        }
    )
}

/// The tags before the first segment of a run (RFC 8216bis sections 4.4.4.3, 4.4.4.5 and 4.4.4.6). Missing media need no
/// header.
fn beginning(run: &TrackRun) -> String {
    let mut text = "#EXT-X-DISCONTINUITY\n".repeat(run.discontinuities as usize);
    // Writing to a String cannot fail.
    if !run.gap {
        let _ = writeln!(text, "#EXT-X-MAP:URI=\"{}\"", run_init_file(run.header));
    }
    let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", run.date);
    text
}

/// What follows the last segment.
pub(super) fn closing(presentation: &Presentation) -> &'static str {
    if presentation.ended() { "#EXT-X-ENDLIST\n" } else { "" }
}

#[cfg(test)]
mod tests {
    use m3u8_rs::Playlist;

    use super::*;
    use crate::timeline::testing::{joined, rendition, rung, text};

    #[test]
    fn a_finished_list_is_vod() {
        let presentation = joined(true, vec![rung(720, &[2_000_000, 1_900_000, 500_000])]);
        insta::assert_snapshot!(media(&presentation, TrackName::Video(720)).unwrap(), @r#"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-TARGETDURATION:6
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-PLAYLIST-TYPE:VOD
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MAP:URI="init.mp4"
        #EXTINF:6.006000,
        00000.m4s
        #EXTINF:6.006000,
        00001.m4s
        #EXTINF:2.002000,
        00002.m4s
        #EXT-X-ENDLIST
        "#);
    }

    #[test]
    fn text_has_segments_on_the_same_grid_and_no_header() {
        let presentation = joined(true, vec![rung(720, &[1_000; 3]), text(0, "en", 14)]);
        insta::assert_snapshot!(media(&presentation, TrackName::Text(0)).unwrap(), @r#"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-TARGETDURATION:6
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-PLAYLIST-TYPE:VOD
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXTINF:6.006000,
        00000.vtt
        #EXTINF:6.006000,
        00001.vtt
        #EXTINF:1.988000,
        00002.vtt
        #EXT-X-ENDLIST
        "#);
    }

    #[test]
    fn a_growing_list_is_an_event_of_what_all_tracks_have() {
        let tracks = vec![rung(720, &[1, 1]), rendition(0, "en", &[9_000; 5])];
        insta::assert_snapshot!(media(&joined(false, tracks), TrackName::Audio(0)).unwrap(), @r#"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-TARGETDURATION:6
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-PLAYLIST-TYPE:EVENT
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MAP:URI="init.mp4"
        #EXTINF:6.016000,
        00000.m4s
        #EXTINF:5.994667,
        00001.m4s
        "#);
    }

    #[test]
    fn an_independent_reader_agrees() {
        let presentation = joined(true, vec![rung(720, &[2_000_000, 500_000])]);
        let text = media(&presentation, TrackName::Video(720)).unwrap();
        let Ok(Playlist::MediaPlaylist(list)) = m3u8_rs::parse_playlist_res(text.as_bytes()) else {
            panic!("not a media playlist: {text}");
        };
        assert_eq!((list.version, list.target_duration, list.end_list), (Some(6), 6, true));
        assert_eq!(list.segments[0].map.as_ref().unwrap().uri, "init.mp4");
        let uris: Vec<_> = list.segments.iter().map(|segment| &*segment.uri).collect();
        assert_eq!(uris, ["00000.m4s", "00001.m4s"]);
    }

    #[test]
    fn an_unknown_track_has_no_list() {
        assert_eq!(media(&joined(true, vec![rung(720, &[1])]), TrackName::Audio(0)), None);
    }
}
