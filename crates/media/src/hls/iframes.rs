//! I-frame playlists.

use std::fmt::Write as _;

use super::{
    media::{closing, opening},
    seconds,
};
use crate::{Presentation, TrackName, object::segment_file};

/// EXT-X-MAP together with EXT-X-I-FRAMES-ONLY (RFC 8216 section 7).
const VERSION: u8 = 5;

/// The I-frame playlist of a rung: per fragment that begins with one the byte range from its `moof` to the end of its first
/// sample, an IDR picture (RFC 8216bis section 4.4.3.6, Apple authoring rule 6.10). `None` when there is no
/// such rung, and of recorded broadcasts: where the first sample of their fragments ends was not written down.
#[must_use]
pub fn iframes(presentation: &Presentation, track: TrackName) -> Option<String> {
    let track =
        presentation.track(track).filter(|track| track.info.name.is_video() && !track.is_recorded())?;
    let mut text = opening(presentation, VERSION, track);
    text.push_str("#EXT-X-I-FRAMES-ONLY\n");
    for frame in track.i_frames() {
        let uri = segment_file(track.info.name, frame.seq);
        let duration = seconds(track.length_us(frame.start, frame.end));
        let (bytes, offset) = (frame.fragment.iframe_bytes(), frame.fragment.offset);
        // Writing to a String cannot fail.
        let _ = write!(text, "#EXTINF:{duration},\n#EXT-X-BYTERANGE:{bytes}@{offset}\n{uri}\n");
    }
    text.push_str(closing(presentation));
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::testing::{joined, rendition, rung};

    #[test]
    fn a_range_per_group_of_pictures() {
        let presentation = joined(true, vec![rung(720, &[120_000, 40_000]), rendition(0, "en", &[1, 1])]);
        insta::assert_snapshot!(iframes(&presentation, TrackName::Video(720)).unwrap(), @r#"
        #EXTM3U
        #EXT-X-VERSION:5
        #EXT-X-TARGETDURATION:6
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-PLAYLIST-TYPE:VOD
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MAP:URI="init.mp4"
        #EXT-X-I-FRAMES-ONLY
        #EXTINF:2.002000,
        #EXT-X-BYTERANGE:10000@24
        00000.m4s
        #EXTINF:2.002000,
        #EXT-X-BYTERANGE:10000@40024
        00000.m4s
        #EXTINF:2.002000,
        #EXT-X-BYTERANGE:10000@80024
        00000.m4s
        #EXTINF:2.002000,
        #EXT-X-BYTERANGE:10000@24
        00001.m4s
        #EXT-X-ENDLIST
        "#);
        assert_eq!(iframes(&presentation, TrackName::Audio(0)), None);
    }

    #[test]
    fn fragments_between_i_frames_lengthen_the_one_before() {
        let mut track = rung(720, &[120_000, 40_000]);
        for fragment in track.segments.iter_mut().flat_map(|segment| &mut segment.fragments) {
            fragment.sync = fragment.offset == 24;
        }
        let text = iframes(&joined(true, vec![track]), TrackName::Video(720)).unwrap();
        let ranges: Vec<&str> = text.lines().filter(|line| line.starts_with("#EXTINF")).collect();
        assert_eq!(ranges, ["#EXTINF:6.006000,", "#EXTINF:2.002000,"]);
    }
}
