//! The text of lists, whole.

use std::num::NonZeroU32;

use super::{
    Dvr, Parameters, PartTarget, Report, Run, ServerControl, Variant, Window,
    reading::ReadList,
    testing::{self, Live, NOON, PART, run},
};

fn report(name: &str, last_msn: u64, last_part: Option<u32>) -> Report {
    Report { name: name.to_owned(), last_msn, last_part }
}

#[test]
fn the_first_segment_grows_and_ends() {
    let mut live = Live::new(Dvr::Event);
    live.window.hear([report("audio", 0, Some(2)), report("source", 0, None)]);
    live.parts(2);
    insta::assert_snapshot!(live.text(), @r#"
    #EXTM3U
    #EXT-X-VERSION:6
    #EXT-X-TARGETDURATION:2
    #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.000000,HOLD-BACK=6.000000,PART-HOLD-BACK=1.500000
    #EXT-X-PART-INF:PART-TARGET=0.500000
    #EXT-X-MEDIA-SEQUENCE:0
    #EXT-X-DISCONTINUITY-SEQUENCE:0
    #EXT-X-MAP:URI="video-360/init-0.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:00.000Z
    #EXT-X-PART:DURATION=0.500000,URI="video-360/0.0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.500000,URI="video-360/0.1.m4s"
    #EXT-X-PRELOAD-HINT:TYPE=PART,URI="video-360/0.2.m4s"
    #EXT-X-RENDITION-REPORT:URI="audio.m3u8",LAST-MSN=0,LAST-PART=2
    #EXT-X-RENDITION-REPORT:URI="source.m3u8",LAST-MSN=0
    "#);
    live.parts(2);
    live.window.end_segment(live.now).unwrap();
    let text = live.text();
    insta::assert_snapshot!(text.split_once("#EXT-X-MAP").unwrap().1, @r#"
    :URI="video-360/init-0.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:00.000Z
    #EXT-X-PART:DURATION=0.500000,URI="video-360/0.0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.500000,URI="video-360/0.1.m4s"
    #EXT-X-PART:DURATION=0.500000,URI="video-360/0.2.m4s"
    #EXT-X-PART:DURATION=0.500000,URI="video-360/0.3.m4s"
    #EXTINF:2.000000,
    video-360/0.m4s
    #EXT-X-PRELOAD-HINT:TYPE=PART,URI="video-360/1.0.m4s"
    #EXT-X-RENDITION-REPORT:URI="audio.m3u8",LAST-MSN=0,LAST-PART=2
    #EXT-X-RENDITION-REPORT:URI="source.m3u8",LAST-MSN=0
    "#);
}

#[test]
fn nothing_yet_is_hints_alone() {
    insta::assert_snapshot!(Live::new(Dvr::Event).text(), @r#"
    #EXTM3U
    #EXT-X-VERSION:6
    #EXT-X-TARGETDURATION:2
    #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.000000,HOLD-BACK=6.000000,PART-HOLD-BACK=1.500000
    #EXT-X-PART-INF:PART-TARGET=0.500000
    #EXT-X-MEDIA-SEQUENCE:0
    #EXT-X-DISCONTINUITY-SEQUENCE:0
    #EXT-X-PRELOAD-HINT:TYPE=MAP,URI="video-360/init-0.mp4"
    #EXT-X-PRELOAD-HINT:TYPE=PART,URI="video-360/0.0.m4s"
    "#);
}

#[test]
fn a_list_slides() {
    let mut live = Live::new(Dvr::Seconds(16));
    live.segments(11);
    live.part();
    insta::assert_snapshot!(live.text(), @r#"
    #EXTM3U
    #EXT-X-VERSION:6
    #EXT-X-TARGETDURATION:2
    #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.000000,HOLD-BACK=6.000000,PART-HOLD-BACK=1.500000
    #EXT-X-PART-INF:PART-TARGET=0.500000
    #EXT-X-MEDIA-SEQUENCE:3
    #EXT-X-DISCONTINUITY-SEQUENCE:0
    #EXT-X-MAP:URI="video-360/init-0.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:06.000Z
    #EXTINF:2.000000,
    video-360/3.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:08.000Z
    #EXTINF:2.000000,
    video-360/4.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:10.000Z
    #EXTINF:2.000000,
    video-360/5.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:12.000Z
    #EXTINF:2.000000,
    video-360/6.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:14.000Z
    #EXTINF:2.000000,
    video-360/7.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:16.000Z
    #EXTINF:2.000000,
    video-360/8.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:18.000Z
    #EXT-X-PART:DURATION=0.500000,URI="video-360/9.0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.500000,URI="video-360/9.1.m4s"
    #EXT-X-PART:DURATION=0.500000,URI="video-360/9.2.m4s"
    #EXT-X-PART:DURATION=0.500000,URI="video-360/9.3.m4s"
    #EXTINF:2.000000,
    video-360/9.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:20.000Z
    #EXT-X-PART:DURATION=0.500000,URI="video-360/10.0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.500000,URI="video-360/10.1.m4s"
    #EXT-X-PART:DURATION=0.500000,URI="video-360/10.2.m4s"
    #EXT-X-PART:DURATION=0.500000,URI="video-360/10.3.m4s"
    #EXTINF:2.000000,
    video-360/10.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:22.000Z
    #EXT-X-PART:DURATION=0.500000,URI="video-360/11.0.m4s",INDEPENDENT=YES
    #EXT-X-PRELOAD-HINT:TYPE=PART,URI="video-360/11.1.m4s"
    "#);
}

#[test]
fn a_delta_replaces_the_head_and_keeps_the_rest() {
    let mut live = Live::new(Dvr::Seconds(16));
    live.segments(11);
    live.part();
    let (full, delta) = (live.text(), live.delta(Variant::Delta));
    let (head, rest) = delta.split_once("video-360/4.m4s").unwrap();
    insta::assert_snapshot!(head, @r#"
    #EXTM3U
    #EXT-X-VERSION:9
    #EXT-X-TARGETDURATION:2
    #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.000000,HOLD-BACK=6.000000,PART-HOLD-BACK=1.500000
    #EXT-X-PART-INF:PART-TARGET=0.500000
    #EXT-X-MEDIA-SEQUENCE:3
    #EXT-X-DISCONTINUITY-SEQUENCE:0
    #EXT-X-SKIP:SKIPPED-SEGMENTS=1
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:08.000Z
    #EXTINF:2.000000,
    "#);
    assert_eq!(Some(rest), full.split_once("video-360/4.m4s").map(|parts| parts.1));
    let v2 = live.delta(Variant::DeltaOfDateRanges);
    let skip = v2.lines().find(|line| line.starts_with("#EXT-X-SKIP")).unwrap();
    assert_eq!(skip, "#EXT-X-SKIP:SKIPPED-SEGMENTS=1,RECENTLY-REMOVED-DATERANGES=\"\"");
    assert_eq!(v2.replace(",RECENTLY-REMOVED-DATERANGES=\"\"", ""), live.delta(Variant::Delta));
}

#[test]
fn a_change_of_header_is_hinted_and_then_listed() {
    let mut live = Live::new(Dvr::Event);
    live.part();
    let epoch = NOON.plus(250_000);
    live.window.discontinuity(live.now, Run { init: 1, epoch, ..run(1, PART) }).unwrap();
    let after_map = |text: String| text.split_once("#EXT-X-MAP").unwrap().1.to_owned();
    insta::assert_snapshot!(after_map(live.text()), @r#"
    :URI="video-360/init-0.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:00.000Z
    #EXT-X-PART:DURATION=0.500000,URI="video-360/0.0.m4s",INDEPENDENT=YES
    #EXTINF:0.500000,
    video-360/0.m4s
    #EXT-X-PRELOAD-HINT:TYPE=MAP,URI="video-360/init-1.mp4"
    #EXT-X-PRELOAD-HINT:TYPE=PART,URI="video-360/1.0.m4s"
    "#);
    live.part();
    insta::assert_snapshot!(after_map(live.text()), @r#"
    :URI="video-360/init-0.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:00.000Z
    #EXT-X-PART:DURATION=0.500000,URI="video-360/0.0.m4s",INDEPENDENT=YES
    #EXTINF:0.500000,
    video-360/0.m4s
    #EXT-X-DISCONTINUITY
    #EXT-X-MAP:URI="video-360/init-1.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:00.750Z
    #EXT-X-PART:DURATION=0.500000,URI="video-360/1.0.m4s",INDEPENDENT=YES
    #EXT-X-PRELOAD-HINT:TYPE=PART,URI="video-360/1.1.m4s"
    "#);
}

#[test]
fn a_discontinuity_says_its_header_though_it_is_the_same() {
    let mut live = Live::new(Dvr::Event);
    live.part();
    live.window.discontinuity(live.now, run(0, PART)).unwrap();
    live.part();
    assert_eq!(live.text().matches("#EXT-X-MAP:URI=\"video-360/init-0.mp4\"").count(), 2);
}

#[test]
fn renditions_agree_on_what_they_share() {
    let scales = [(30_000, 6 * 1_001), (48_000, 10 * 1_024)].map(|(timescale, ticks)| {
        let timescale = NonZeroU32::new(timescale).unwrap();
        (timescale, ticks, PartTarget::of(ticks, timescale))
    });
    let control = ServerControl::least(2, scales.map(|scale| scale.2));
    let texts = scales.map(|(timescale, ticks, part_target)| {
        let on = |start, init| Run { timescale, start, ..run(init, 0) };
        let parameters = Parameters { part_target, control, ..testing::parameters(Dvr::Event) };
        let mut window = Window::open(parameters, on(0, 0), NOON).unwrap();
        // Only the first has media between the two discontinuities.
        window.discontinuity(NOON, on(u64::from(timescale.get()) * 10, 1)).unwrap();
        if timescale.get() == 30_000 {
            window.part(NOON, ticks, true).unwrap();
        }
        window.discontinuity(NOON, on(u64::from(timescale.get()) * 20, 2)).unwrap();
        window.part(NOON, ticks, true).unwrap();
        ReadList::read(&testing::text(&mut window, Variant::Full))
    });
    let shared =
        |list: &ReadList| (list.control.clone(), list.target_us, list.open.sequence, list.open.date.clone());
    assert_eq!(shared(&texts[0]), shared(&texts[1]));
    assert_eq!(texts[0].open.date, "2026-11-22T12:00:20.000Z");
    assert_ne!(texts[0].part_target_us, texts[1].part_target_us);
    assert!(texts[0].control.ends_with("PART-HOLD-BACK=0.640002"), "{}", texts[0].control);
}

#[test]
fn missing_media_is_parts_and_segments_that_are_gaps() {
    let mut live = Live::new(Dvr::Event);
    live.part();
    live.window.gap(live.now, 5 * PART + 1).unwrap();
    live.part();
    let text = live.text();
    insta::assert_snapshot!(text.split_once("#EXT-X-MAP").unwrap().1, @r#"
    :URI="video-360/init-0.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:00.000Z
    #EXT-X-PART:DURATION=0.500000,URI="video-360/0.0.m4s",INDEPENDENT=YES
    #EXTINF:0.500000,
    video-360/0.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:00.500Z
    #EXT-X-PART:DURATION=0.500000,URI="video-360/1.0.m4s",GAP=YES
    #EXT-X-PART:DURATION=0.500000,URI="video-360/1.1.m4s",GAP=YES
    #EXT-X-PART:DURATION=0.500000,URI="video-360/1.2.m4s",GAP=YES
    #EXT-X-PART:DURATION=0.500000,URI="video-360/1.3.m4s",GAP=YES
    #EXT-X-GAP
    #EXTINF:2.000000,
    video-360/1.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:02.500Z
    #EXT-X-PART:DURATION=0.500000,URI="video-360/2.0.m4s",GAP=YES
    #EXT-X-PART:DURATION=0.033333,URI="video-360/2.1.m4s",GAP=YES
    #EXT-X-GAP
    #EXTINF:0.533333,
    video-360/2.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:03.033Z
    #EXT-X-PART:DURATION=0.500000,URI="video-360/3.0.m4s"
    #EXT-X-PRELOAD-HINT:TYPE=PART,URI="video-360/3.1.m4s"
    "#);
}

#[test]
fn an_ended_list_has_neither_parts_nor_hints() {
    let mut live = Live::new(Dvr::Event);
    live.window.hear([report("audio", 0, Some(1))]);
    live.parts(2);
    live.window.end(live.now).unwrap();
    let text = live.text();
    insta::assert_snapshot!(text.split_once("#EXT-X-MAP").unwrap().1, @r#"
    :URI="video-360/init-0.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:00.000Z
    #EXTINF:1.000000,
    video-360/0.m4s
    #EXT-X-RENDITION-REPORT:URI="audio.m3u8",LAST-MSN=0,LAST-PART=1
    #EXT-X-ENDLIST
    "#);
}

#[test]
fn discontinuities_are_counted_when_they_leave() {
    let mut live = Live::new(Dvr::Seconds(6));
    live.segment();
    // Two without media between them count as two.
    live.window.discontinuity(live.now, run(1, 60)).unwrap();
    live.window.discontinuity(live.now, run(2, 60)).unwrap();
    live.segments(3);
    live.part();
    let first = |live: &mut Live| {
        let text = live.text();
        let from = text.find("#EXT-X-MEDIA-SEQUENCE").unwrap();
        text[from..].lines().take(6).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(first(&mut live), @r#"
    #EXT-X-MEDIA-SEQUENCE:1
    #EXT-X-DISCONTINUITY-SEQUENCE:0
    #EXT-X-DISCONTINUITY
    #EXT-X-DISCONTINUITY
    #EXT-X-MAP:URI="video-360/init-2.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:02.000Z
    "#);
    live.parts(3);
    live.window.end_segment(live.now).unwrap();
    insta::assert_snapshot!(first(&mut live), @r#"
    #EXT-X-MEDIA-SEQUENCE:2
    #EXT-X-DISCONTINUITY-SEQUENCE:2
    #EXT-X-MAP:URI="video-360/init-2.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:04.000Z
    #EXT-X-PART:DURATION=0.500000,URI="video-360/2.0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.500000,URI="video-360/2.1.m4s"
    "#);
}

#[test]
fn an_old_player_reads_it_as_a_plain_list() {
    let mut live = Live::new(Dvr::Seconds(16));
    live.segments(11);
    live.part();
    let Ok(m3u8_rs::Playlist::MediaPlaylist(list)) = m3u8_rs::parse_playlist_res(live.text().as_bytes())
    else {
        panic!("not a media playlist: {}", live.text());
    };
    assert_eq!((list.version, list.target_duration, list.end_list), (Some(6), 2, false));
    assert_eq!((list.media_sequence, list.playlist_type), (3, None));
    let uris: Vec<_> = list.segments.iter().map(|segment| &*segment.uri).take(8).collect();
    let expected: Vec<_> = (3..11).map(|msn| format!("video-360/{msn}.m4s")).collect();
    assert_eq!(uris, expected);
}

#[test]
fn times_of_a_fractional_frame_rate_add_up() {
    let timescale = NonZeroU32::new(24_000).unwrap();
    let mut parameters = testing::parameters(Dvr::Event);
    parameters.part_target = PartTarget::of(5 * 1_001, timescale);
    parameters.control = ServerControl::least(2, [parameters.part_target]);
    let mut window = Window::open(parameters, Run { timescale, ..run(0, 0) }, NOON).unwrap();
    (0..9).for_each(|_| window.part(NOON, 5 * 1_001, false).unwrap());
    window.end_segment(NOON).unwrap();
    let text = testing::text(&mut window, Variant::Full);
    let values = |start: &str| {
        let value =
            |line: &str| line.strip_prefix(start)?.split(',').next()?.replace('.', "").parse::<u64>().ok();
        text.lines().filter_map(value).collect::<Vec<_>>()
    };
    let parts = values("#EXT-X-PART:DURATION=");
    assert_eq!(values("#EXT-X-PART-INF:PART-TARGET="), [208_542]);
    assert!(parts.iter().all(|us| (208_541..=208_542).contains(us)), "{parts:?}");
    assert_eq!(values("#EXTINF:"), [parts.iter().sum::<u64>()]);
}
