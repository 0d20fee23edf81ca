//! A writer of MPDs.

use std::fmt::Write;

use super::playlists::Made;

pub fn mpd(video: &[Made<'_>], audio: &[Made<'_>]) -> String {
    let ends =
        video.iter().chain(audio).map(|made| made.seconds(made.segments.iter().map(|s| s.ticks).sum()));
    let duration = ends.fold(0.0, f64::max);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" minBufferTime=\"PT3S\"\n\
         profiles=\"urn:mpeg:dash:profile:cmaf:2019\" mediaPresentationDuration=\"PT{duration:.3}S\">\n<Period>\n"
    );
    set(&mut text, "video", video);
    for made in audio {
        set(&mut text, "audio", std::slice::from_ref(made));
    }
    text + "</Period>\n</MPD>\n"
}

fn set(text: &mut String, kind: &str, tracks: &[Made<'_>]) {
    writeln!(text, "<AdaptationSet contentType=\"{kind}\" segmentAlignment=\"true\" startWithSAP=\"1\">")
        .unwrap();
    for made in tracks {
        let (peak, _) = made.rates();
        writeln!(
            text,
            "<Representation id=\"{}\" mimeType=\"{kind}/mp4\" bandwidth=\"{peak:.0}\" codecs=\"{}\">\n\
             <SegmentTemplate timescale=\"{}\" startNumber=\"0\" initialization=\"$RepresentationID$/init.mp4\"\n\
             media=\"$RepresentationID$/$Number$.m4s\">\n<SegmentTimeline>",
            made.track.name,
            made.codec(),
            made.track.timescale
        )
        .unwrap();
        let mut at = 0;
        for segment in &made.segments {
            writeln!(text, "<S t=\"{at}\" d=\"{}\"/>", segment.ticks).unwrap();
            at += segment.ticks;
        }
        text.push_str("</SegmentTimeline>\n</SegmentTemplate>\n</Representation>\n");
    }
    text.push_str("</AdaptationSet>\n");
}
