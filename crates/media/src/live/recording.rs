//! From what is kept of a broadcast to the tracks of its recording: no byte of media is read or moved.

use std::collections::BTreeMap;

use super::{About, RecordedSegment, RenditionName};
use crate::{InitInfo, LivePlace, SampleFormat, SegmentInfo, TrackInfo, TrackName, TrackRole, TrackRun};

/// What the headers of a broadcast say, by rendition and number.
pub type Headers = BTreeMap<(RenditionName, u32), InitInfo>;

/// A track of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedTrack {
    /// The track; its header is that of the first run that is not missing.
    pub info: TrackInfo,
    /// Its runs, each with its segments, at least one of each. Segments are numbered from 0 without holes.
    pub runs: Vec<(TrackRun, Vec<SegmentInfo>)>,
}

/// The tracks of the recording of a broadcast: one per rendition of which there is media under a known header, rungs by
/// their short sides. A rung of the same short side as a larger one is left out. `segments` are by rendition and number,
/// as the rows are; a number that is missing on one timeline becomes a gap (EXT-X-GAP), one between two timelines is
/// covered by the discontinuity that is there.
#[must_use]
pub fn tracks(
    renditions: &[(RenditionName, About)],
    headers: &Headers,
    segments: &[RecordedSegment],
) -> Vec<RecordedTrack> {
    let mut tracks: Vec<RecordedTrack> = Vec::new();
    for (rendition, about) in renditions {
        let own = segments.iter().filter(|segment| segment.rendition == *rendition);
        let Some(track) = track(about, headers, own) else { continue };
        if tracks.iter().all(|known| known.info.name != track.info.name) {
            tracks.push(track);
        }
    }
    tracks
}

fn track<'a>(
    about: &About,
    headers: &Headers,
    segments: impl Iterator<Item = &'a RecordedSegment>,
) -> Option<RecordedTrack> {
    let mut builder = Builder { headers, runs: Vec::new(), before: None, seq: 0 };
    for segment in segments {
        builder.take(segment);
    }
    let init = builder.runs.iter().find(|(run, _)| !run.gap)?.0.init.clone();
    let (name, role) = match (init.format, &about.role) {
        (SampleFormat::Video { width, height }, TrackRole::Video { fps }) => {
            (TrackName::Video(width.min(height)), TrackRole::Video { fps: *fps })
        }
        (SampleFormat::Audio { .. }, TrackRole::Audio { language, default, .. }) => {
            let (language, label) = (language.clone(), "Audio 1".to_owned());
            (TrackName::Audio(0), TrackRole::Audio { language, label, default: *default })
        }
        _ => return None,
    };
    Some(RecordedTrack { info: TrackInfo { name, init, role }, runs: builder.runs })
}

/// Joins segments to runs.
struct Builder<'a> {
    headers: &'a Headers,
    runs: Vec<(TrackRun, Vec<SegmentInfo>)>,
    before: Option<&'a RecordedSegment>,
    seq: u32,
}

impl<'a> Builder<'a> {
    fn take(&mut self, segment: &'a RecordedSegment) {
        let Some(init) = self.headers.get(&(segment.rendition, segment.init)) else { return };
        if init.timescale != segment.timescale.get() || segment.ticks == 0 {
            return;
        }
        if let Some(before) = self.before {
            self.fill(before, segment, init);
        }
        if self.before.is_none_or(|before| !continues(before, segment)) {
            self.begin(segment, init);
        }
        let bytes = if segment.gap { 0 } else { segment.bytes };
        self.push(segment.start, segment.ticks, bytes);
        if let Some((run, _)) = self.runs.last_mut() {
            run.independent &= segment.gap || segment.parts.first().is_none_or(|part| part.independent);
        }
        self.before = Some(segment);
    }

    fn begin(&mut self, segment: &RecordedSegment, init: &InitInfo) {
        let lost = self.before.is_some_and(|before| !on_one_timeline(before, segment));
        // Lists of several renditions count alike, whatever is missing of one.
        let discontinuities = match self.before {
            None => 0,
            Some(_) if lost => segment.discontinuities.max(1),
            Some(_) => segment.discontinuities,
        };
        let (rendition, term, init_term) = (segment.rendition, segment.term, segment.init_term);
        let run = TrackRun {
            first_seq: self.seq,
            header: segment.init,
            init: init.clone(),
            date: segment.date,
            discontinuities,
            gap: segment.gap,
            independent: true,
            place: LivePlace { rendition, term, init_term, first_msn: segment.msn },
        };
        self.runs.push((run, Vec::new()));
    }

    fn push(&mut self, start: u64, ticks: u64, bytes: u64) {
        let segment = SegmentInfo { seq: self.seq, start, ticks, bytes, fragments: Vec::new() };
        if let Some((_, segments)) = self.runs.last_mut() {
            segments.push(segment);
            self.seq += 1;
        }
    }

    /// Puts a gap where segments are missing between two on one timeline.
    fn fill(&mut self, before: &RecordedSegment, after: &RecordedSegment, init: &InitInfo) {
        let missing = after.msn.saturating_sub(before.msn).saturating_sub(1);
        let from = before.start.saturating_add(before.ticks);
        let ticks = after.start.saturating_sub(from);
        if missing == 0 || ticks < missing || !on_one_timeline(before, after) {
            return;
        }
        let (msn, date) = (before.msn + 1, before.date.plus(before.us));
        let gap = RecordedSegment { msn, date, start: from, gap: true, discontinuities: 0, ..after.clone() };
        self.begin(&gap, init);
        for index in 0..missing {
            let at = |index| from + share(ticks, index, missing);
            self.push(at(index), at(index + 1) - at(index), 0);
        }
    }
}

/// The first `index` of `count` equal shares.
fn share(ticks: u64, index: u64, count: u64) -> u64 {
    let share = u128::from(ticks) * u128::from(index) / u128::from(count.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// Microseconds by which two dates of tick 0 may differ that are those of one timeline: each was rounded.
const EPOCH_ROUNDING_US: u64 = 2;

/// Whether both lie on one timeline, whatever is between them.
fn on_one_timeline(before: &RecordedSegment, after: &RecordedSegment) -> bool {
    let (one, other) = (before.run().epoch, after.run().epoch);
    after.discontinuities == 0
        && before.timescale == after.timescale
        && one.0.abs_diff(other.0) <= EPOCH_ROUNDING_US
}

/// Whether `after` belongs to the run of `before`.
fn continues(before: &RecordedSegment, after: &RecordedSegment) -> bool {
    after.discontinuities == 0
        && after.msn == before.msn + 1
        && after.start == before.start.saturating_add(before.ticks)
        && (after.term, after.init, after.init_term) == (before.term, before.init, before.init_term)
        && after.timescale == before.timescale
        && after.gap == before.gap
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::{
        FrameRate, Object, Presentation, SampleDefaults, SegmentGrid, TrackTimeline,
        live::{
            RecordedPart,
            window::{Dvr, Moment, Parameters, PartTarget, ServerControl},
        },
    };

    const SCALE: NonZeroU32 = NonZeroU32::new(30_000).unwrap();
    const BEGAN: Moment = Moment(1_795_348_800_000_000);

    fn init(height: u32, codec: &str) -> InitInfo {
        InitInfo {
            track_id: 1,
            timescale: SCALE.get(),
            codec: codec.to_owned(),
            bytes: 700,
            format: SampleFormat::Video { width: height * 16 / 9, height },
            defaults: SampleDefaults::default(),
        }
    }

    fn about() -> About {
        let part_target = PartTarget::of(6_000, SCALE);
        About {
            codec: "avc1.64001F".to_owned(),
            format: SampleFormat::Video { width: 1_280, height: 720 },
            role: TrackRole::Video { fps: FrameRate::new(30, 1).unwrap() },
            parameters: Parameters {
                name: "source".to_owned(),
                target_seconds: 6,
                part_target,
                control: ServerControl::least(6, [part_target]),
                dvr: Dvr::Seconds(60),
            },
        }
    }

    /// Segments of four seconds from `start` seconds on the timeline that began at `epoch`.
    fn segment(msn: u64, start: u64, epoch: Moment) -> RecordedSegment {
        RecordedSegment {
            rendition: RenditionName::Source,
            msn,
            term: 1,
            init: 0,
            init_term: 1,
            date: epoch.plus(start * 1_000_000),
            us: 4_000_000,
            timescale: SCALE,
            start: start * 30_000,
            ticks: 120_000,
            discontinuities: 0,
            gap: false,
            parts: vec![RecordedPart { us: 4_000_000, independent: true, bytes: 500_000 }],
            bytes: 500_000,
            listed: epoch,
        }
    }

    fn recorded(segments: &[RecordedSegment]) -> Presentation {
        let headers: Headers = [
            ((RenditionName::Source, 0), init(720, "avc1.64001F")),
            ((RenditionName::Source, 1), init(480, "avc1.64001E")),
        ]
        .into();
        let made = tracks(&[(RenditionName::Source, about())], &headers, segments);
        let timelines = made.into_iter().map(|track| {
            let (runs, segments): (Vec<_>, Vec<_>) = track.runs.into_iter().unzip();
            TrackTimeline { info: track.info, segments: segments.concat(), runs }
        });
        Presentation::new(1, SegmentGrid::new(6, 1).unwrap(), true, timelines.collect()).unwrap()
    }

    fn list(presentation: &Presentation) -> String {
        let track = TrackName::Video(720);
        presentation.list(Object::MediaList { version: 1, track }).unwrap()
    }

    #[test]
    fn a_reconnection_with_another_configuration_is_a_run_of_its_own() {
        let back = BEGAN.plus(20_000_000);
        let second = |msn, start| RecordedSegment { init: 1, ..segment(msn, start, back) };
        let segments = [
            segment(0, 10, BEGAN),
            segment(1, 14, BEGAN),
            RecordedSegment { discontinuities: 1, ..second(2, 0) },
            second(3, 4),
        ];
        let presentation = recorded(&segments);
        insta::assert_snapshot!(list(&presentation), @r#"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-TARGETDURATION:6
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-PLAYLIST-TYPE:VOD
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MAP:URI="init-0.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:10.000Z
        #EXTINF:4.000000,
        00000.m4s
        #EXTINF:4.000000,
        00001.m4s
        #EXT-X-DISCONTINUITY
        #EXT-X-MAP:URI="init-1.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:20.000Z
        #EXTINF:4.000000,
        00002.m4s
        #EXTINF:4.000000,
        00003.m4s
        #EXT-X-ENDLIST
        "#);
        assert_eq!((presentation.duration_us(), presentation.has_mpd()), (16_000_000, false));
        let multivariant = presentation.list(Object::Multivariant).unwrap();
        assert!(multivariant.contains("CODECS=\"avc1.64001F,avc1.64001E\""), "{multivariant}");
        assert!(!multivariant.contains("I-FRAME"), "{multivariant}");
        assert_eq!(presentation.list(Object::Mpd), None);
    }

    #[test]
    fn an_independent_reader_finds_every_map_and_discontinuity() {
        let second = RecordedSegment { init: 1, discontinuities: 1, ..segment(1, 0, BEGAN.plus(9_000_000)) };
        let text = list(&recorded(&[segment(0, 0, BEGAN), second]));
        let Ok(m3u8_rs::Playlist::MediaPlaylist(read)) = m3u8_rs::parse_playlist_res(text.as_bytes()) else {
            panic!("not a media playlist: {text}");
        };
        let seen = |at: usize| {
            let segment = &read.segments[at];
            (&*segment.uri, segment.map.as_ref().unwrap().uri.as_str(), segment.discontinuity)
        };
        assert_eq!(seen(0), ("00000.m4s", "init-0.mp4", false));
        assert_eq!(seen(1), ("00001.m4s", "init-1.mp4", true));
        assert!(read.segments.iter().all(|segment| segment.program_date_time.is_some()));
    }

    #[test]
    fn what_is_missing_of_a_timeline_is_a_gap() {
        let segments = [segment(4, 0, BEGAN), segment(7, 12, BEGAN), segment(8, 16, BEGAN)];
        let presentation = recorded(&segments);
        let text = list(&presentation);
        let body = text.split_once("00000.m4s\n").unwrap().1;
        insta::assert_snapshot!(body, @r#"
        #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:04.000Z
        #EXT-X-GAP
        #EXTINF:4.000000,
        00001.m4s
        #EXT-X-GAP
        #EXTINF:4.000000,
        00002.m4s
        #EXT-X-MAP:URI="init-0.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:12.000Z
        #EXTINF:4.000000,
        00003.m4s
        #EXTINF:4.000000,
        00004.m4s
        #EXT-X-ENDLIST
        "#);
        let runs = &presentation.tracks()[0].runs;
        assert_eq!(runs[1].segment_object(1), None);
        let name = runs[2].segment_object(4).unwrap().blob_key("b");
        assert_eq!(name, "live/b/source/1-8.m4s");
        assert_eq!(runs[2].header_object().blob_key("b"), "live/b/source/1-init-0.mp4");
    }

    #[test]
    fn one_whole_run_has_an_mpd_that_begins_where_it_does() {
        let presentation = recorded(&[segment(0, 10, BEGAN), segment(1, 14, BEGAN)]);
        let mpd = presentation.list(Object::Mpd).unwrap();
        assert!(mpd.contains("mediaPresentationDuration=\"PT8.000000S\""), "{mpd}");
        assert!(mpd.contains("presentationTimeOffset=\"300000\""), "{mpd}");
        assert!(mpd.contains("initialization=\"v1/$RepresentationID$/init-0.mp4\""), "{mpd}");
        assert!(mpd.contains("<S t=\"300000\" d=\"120000\" r=\"1\"/>"), "{mpd}");
    }

    #[test]
    fn segments_that_open_with_no_key_frame_are_not_called_independent() {
        let mut dependent = segment(1, 4, BEGAN);
        dependent.parts[0].independent = false;
        let presentation = recorded(&[segment(0, 0, BEGAN), dependent]);
        assert!(!list(&presentation).contains("INDEPENDENT"));
        assert!(!presentation.list(Object::Multivariant).unwrap().contains("INDEPENDENT"));
    }

    #[test]
    fn what_has_no_known_header_is_left_out() {
        let unknown = RecordedSegment { init: 9, ..segment(0, 0, BEGAN) };
        assert_eq!(tracks(&[(RenditionName::Source, about())], &Headers::new(), &[unknown]), []);
    }
}
