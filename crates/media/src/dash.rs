//! The DASH media presentation description (ISO/IEC 23009-1), over the same files as the HLS playlists.

use std::fmt::Write as _;

use crate::{
    FrameRate, Presentation, SampleFormat, TrackRole, TrackTimeline,
    object::{CAPTIONS_FILE, INIT_FILE, run_init_file},
};

/// Live means segments under numbered names, which is what these are; CMAF what is in them.
const PROFILES: &str = "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019";
/// Channel layouts by number (ISO/IEC 23091-3 ChannelConfiguration); 1 is mono, 2 stereo.
const CHANNEL_SCHEME: &str = "urn:mpeg:mpegB:cicp:ChannelConfiguration";
/// Text sets are numbered from here, so that audio sets keep theirs.
const TEXT_SET_FIRST: u32 = 101;
const ROLE_SCHEME: &str = "urn:mpeg:dash:role:2011";

/// The static presentation description of a finished presentation; URIs are relative to `/media/{asset}/`.
///
/// `None` until it has ended: a growing presentation would be `type="dynamic"` with an availability time of
/// day and an update period, a promise about the pace of encoding that nobody can make. HLS has EVENT lists
/// for that. Of a recorded broadcast it is `None` unless every track is one whole run: a Period cannot have two headers
/// ([`Presentation::has_mpd`]).
#[must_use]
pub fn mpd(presentation: &Presentation) -> Option<String> {
    if !presentation.ended() || !presentation.has_mpd() {
        return None;
    }
    let rungs: Vec<&TrackTimeline> = presentation.video().collect();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let mut line = |text_line: String| {
        text.push_str(&text_line);
        text.push('\n');
    };
    line(format!(
        "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" profiles=\"{PROFILES}\" \
         mediaPresentationDuration=\"PT{}S\" minBufferTime=\"PT{}S\">",
        crate::hls::seconds(presentation.duration_us()),
        presentation.target_seconds()
    ));
    line("  <Period id=\"0\" start=\"PT0S\">".to_owned());
    if !rungs.is_empty() {
        line(video_set(presentation, &rungs));
    }
    for (track, id) in presentation.audio().zip(1u32..) {
        line(audio_set(presentation, track, id));
    }
    for (track, id) in presentation.text().zip(TEXT_SET_FIRST..) {
        line(text_set(presentation, track, id));
    }
    line("  </Period>\n</MPD>".to_owned());
    Some(text)
}

fn video_set(presentation: &Presentation, rungs: &[&TrackTimeline]) -> String {
    let representations: String = rungs
        .iter()
        .map(|rung| {
            let (width, height) = size(rung);
            let rate = frame_rate(rung).map(fraction).unwrap_or_default();
            let attributes =
                format!(" width=\"{width}\" height=\"{height}\" frameRate=\"{rate}\" sar=\"1:1\"");
            representation(presentation, rung, &attributes, "")
        })
        .collect();
    let widest = rungs.iter().map(|rung| size(rung).0).max().unwrap_or(0);
    let highest = rungs.iter().map(|rung| size(rung).1).max().unwrap_or(0);
    format!(
        "    <AdaptationSet id=\"0\" contentType=\"video\" mimeType=\"video/mp4\" segmentAlignment=\"true\" \
         startWithSAP=\"1\" maxWidth=\"{widest}\" maxHeight=\"{highest}\">\n{representations}    </AdaptationSet>"
    )
}

fn audio_set(presentation: &Presentation, track: &TrackTimeline, id: u32) -> String {
    let (language, label, default) = match &track.info.role {
        TrackRole::Audio { language, label, default } => (&**language, &**label, *default),
        _ => ("und", "", false),
    };
    let (sample_rate, channels) = match track.info.init.format {
        SampleFormat::Audio { sample_rate, channels } => (sample_rate, channels),
        _ => (0, 0),
    };
    let role = if default { "main" } else { "alternate" };
    let layout = format!(
        "        <AudioChannelConfiguration schemeIdUri=\"{CHANNEL_SCHEME}\" value=\"{channels}\"/>\n"
    );
    let rate = format!(" audioSamplingRate=\"{sample_rate}\"");
    format!(
        "    <AdaptationSet id=\"{id}\" contentType=\"audio\" mimeType=\"audio/mp4\" lang=\"{}\" \
         segmentAlignment=\"true\" startWithSAP=\"1\">\n      \
         <Role schemeIdUri=\"{ROLE_SCHEME}\" value=\"{role}\"/>\n      \
         <Label>{}</Label>\n{}    </AdaptationSet>",
        escaped(language),
        escaped(label),
        representation(presentation, track, &rate, &layout)
    )
}

/// Text as one file beside the media (DASH-IF IOP part 7: WebVTT by BaseURL).
fn text_set(presentation: &Presentation, track: &TrackTimeline, id: u32) -> String {
    let (language, label) = match &track.info.role {
        TrackRole::Text { language, label, .. } => (&**language, &**label),
        _ => ("und", ""),
    };
    let (name, version) = (track.info.name, presentation.version());
    format!(
        "    <AdaptationSet id=\"{id}\" contentType=\"text\" mimeType=\"text/vtt\" lang=\"{}\">\n      \
         <Role schemeIdUri=\"{ROLE_SCHEME}\" value=\"subtitle\"/>\n      <Label>{}</Label>\n      \
         <Representation id=\"{name}\" bandwidth=\"{}\">\n        \
         <BaseURL>v{version}/{name}/{CAPTIONS_FILE}</BaseURL>\n      </Representation>\n    </AdaptationSet>",
        escaped(language),
        escaped(label),
        presentation.bandwidth(track).peak.max(1),
    )
}

fn representation(
    presentation: &Presentation,
    track: &TrackTimeline,
    attributes: &str,
    descriptors: &str,
) -> String {
    let (name, init, version) = (track.info.name, &track.info.init, presentation.version());
    let header = track.only_run().map_or_else(|| INIT_FILE.to_owned(), |run| run_init_file(run.header));
    format!(
        "      <Representation id=\"{name}\" codecs=\"{}\" bandwidth=\"{}\"{attributes}>\n{descriptors}        \
         <SegmentTemplate timescale=\"{}\" startNumber=\"0\"{} \
         initialization=\"v{version}/$RepresentationID$/{header}\" \
         media=\"v{version}/$RepresentationID$/$Number%05d$.m4s\">\n          <SegmentTimeline>\n{}          \
         </SegmentTimeline>\n        </SegmentTemplate>\n      </Representation>\n",
        escaped(&init.codec),
        presentation.bandwidth(track).peak.max(1),
        init.timescale,
        offset(presentation, track),
        timeline(track)
    )
}

/// Where the Period begins on the timeline of a recorded broadcast (section 5.3.9.2).
fn offset(presentation: &Presentation, track: &TrackTimeline) -> String {
    let begin_us = presentation.begin_us();
    let ticks = (u128::from(begin_us) * u128::from(track.info.init.timescale) + 500_000) / 1_000_000;
    if ticks == 0 { String::new() } else { format!(" presentationTimeOffset=\"{ticks}\"") }
}

/// The segments' times; a run of equal lengths is one line.
fn timeline(track: &TrackTimeline) -> String {
    let mut text = String::new();
    for run in track.segments.chunk_by(|a, b| a.ticks == b.ticks && a.end() == b.start) {
        let (first, repeats) = (&run[0], run.len() - 1);
        // Writing to a String cannot fail.
        let _ = match repeats {
            0 => writeln!(text, "            <S t=\"{}\" d=\"{}\"/>", first.start, first.ticks),
            _ => {
                writeln!(text, "            <S t=\"{}\" d=\"{}\" r=\"{repeats}\"/>", first.start, first.ticks)
            }
        };
    }
    text
}

fn size(rung: &TrackTimeline) -> (u32, u32) {
    match rung.info.init.format {
        SampleFormat::Video { width, height } => (width, height),
        _ => (0, 0),
    }
}

fn frame_rate(rung: &TrackTimeline) -> Option<FrameRate> {
    match rung.info.role {
        TrackRole::Video { fps } => Some(fps),
        _ => None,
    }
}

fn fraction(rate: FrameRate) -> String {
    if rate.den() == 1 { rate.num().to_string() } else { format!("{}/{}", rate.num(), rate.den()) }
}

/// Text for an attribute or element: XML's five characters as entities, control characters dropped.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars().filter(|character| !character.is_control()) {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::testing::{joined, rendition, rung, text};

    #[test]
    fn a_finished_film() {
        let presentation = joined(
            true,
            vec![
                rung(720, &[1_600_000, 1_200_000, 400_000]),
                rung(360, &[400_000, 300_000, 90_000]),
                rendition(0, "en", &[96_000, 96_000, 32_000]),
            ],
        );
        insta::assert_snapshot!(mpd(&presentation).unwrap(), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" mediaPresentationDuration="PT14.016000S" minBufferTime="PT6S">
          <Period id="0" start="PT0S">
            <AdaptationSet id="0" contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1" maxWidth="1280" maxHeight="720">
              <Representation id="video-720" codecs="avc1.64001F" bandwidth="2131235" width="1280" height="720" frameRate="30000/1001" sar="1:1">
                <SegmentTemplate timescale="30000" startNumber="0" initialization="v1/$RepresentationID$/init.mp4" media="v1/$RepresentationID$/$Number%05d$.m4s">
                  <SegmentTimeline>
                    <S t="0" d="180180" r="1"/>
                    <S t="360360" d="60060"/>
                  </SegmentTimeline>
                </SegmentTemplate>
              </Representation>
              <Representation id="video-360" codecs="avc1.64001F" bandwidth="532833" width="640" height="360" frameRate="30000/1001" sar="1:1">
                <SegmentTemplate timescale="30000" startNumber="0" initialization="v1/$RepresentationID$/init.mp4" media="v1/$RepresentationID$/$Number%05d$.m4s">
                  <SegmentTimeline>
                    <S t="0" d="180180" r="1"/>
                    <S t="360360" d="60060"/>
                  </SegmentTimeline>
                </SegmentTemplate>
              </Representation>
            </AdaptationSet>
            <AdaptationSet id="1" contentType="audio" mimeType="audio/mp4" lang="en" segmentAlignment="true" startWithSAP="1">
              <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
              <Label>Audio 1</Label>
              <Representation id="audio-0" codecs="mp4a.40.2" bandwidth="128146" audioSamplingRate="48000">
                <AudioChannelConfiguration schemeIdUri="urn:mpeg:mpegB:cicp:ChannelConfiguration" value="2"/>
                <SegmentTemplate timescale="48000" startNumber="0" initialization="v1/$RepresentationID$/init.mp4" media="v1/$RepresentationID$/$Number%05d$.m4s">
                  <SegmentTimeline>
                    <S t="0" d="288768"/>
                    <S t="288768" d="287744"/>
                    <S t="576512" d="96256"/>
                  </SegmentTimeline>
                </SegmentTemplate>
              </Representation>
            </AdaptationSet>
          </Period>
        </MPD>
        "#);
    }

    #[test]
    fn text_is_one_file_beside_the_media() {
        let list = mpd(&joined(true, vec![rung(360, &[400_000; 3]), text(0, "en", 18)])).unwrap();
        let set = list.split_once("<AdaptationSet id=\"101\" ").unwrap().1;
        assert!(set.starts_with("contentType=\"text\" mimeType=\"text/vtt\" lang=\"en\">"), "{list}");
        for part in [
            "<Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"subtitle\"/>",
            "<Label>Text 1</Label>",
            "<BaseURL>v1/text-0/captions.vtt</BaseURL>",
        ] {
            assert!(set.contains(part), "{list}");
        }
    }

    #[test]
    fn nothing_is_promised_before_the_end() {
        assert_eq!(mpd(&joined(false, vec![rung(720, &[1])])), None);
    }

    #[test]
    fn labels_are_escaped() {
        let mut track = rendition(0, "en", &[1]);
        let label = "Q&A <\"director's\">\u{0}".to_owned();
        track.info.role = TrackRole::Audio { language: "en".to_owned(), label, default: false };
        let text = mpd(&joined(true, vec![track])).unwrap();
        assert!(text.contains("<Label>Q&amp;A &lt;&quot;director&apos;s&quot;&gt;</Label>"), "{text}");
        assert!(text.contains("value=\"alternate\""), "{text}");
    }
}
