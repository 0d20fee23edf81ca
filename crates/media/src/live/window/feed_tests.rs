//! What a window lets in, lists and holds.

use super::{
    DISCONTINUITIES_MAX, Due, Dvr, Fetch, LiveFile, PARTS_MAX, Report, Run, Window,
    testing::{Live, NOON, PART, parameters, run},
};
use crate::WindowError;

fn is_there(live: &mut Live, file: LiveFile) -> bool {
    live.window.list().fetch(file, live.now, live.now) == Fetch::Ready
}

fn listed_parts(live: &mut Live) -> Vec<String> {
    let text = live.text();
    let uri = |line: &str| Some(line.strip_prefix("#EXT-X-PART:")?.split('"').nth(1)?.to_owned());
    text.lines().filter_map(uri).collect()
}

#[test]
fn parts_are_within_the_target_and_at_least_85_per_cent_of_it() {
    let mut live = Live::new(Dvr::Event);
    let (window, now) = (&mut live.window, live.now);
    assert_eq!(
        window.part(now, PART + 1, true),
        Err(WindowError::PartTooLong { us: 533_333, target_us: 500_000 })
    );
    assert_eq!(window.part(now, 0, true), Err(WindowError::Empty));
    assert_eq!(
        window.part(now, u64::MAX, true),
        Err(WindowError::PartTooLong { us: u64::MAX, target_us: 500_000 })
    );
    window.part(now, PART, true).unwrap();
    // 12 of 15 ticks are 80 %.
    window.part(now, 12, false).unwrap();
    assert_eq!(window.part(now, PART, false), Err(WindowError::AfterShortPart { us: 400_000 }));
    window.end_segment(now).unwrap();
    // An independent part may be short anywhere; 13 ticks are 87 %.
    window.part(now, 12, true).unwrap();
    window.part(now, 13, false).unwrap();
    window.part(now, 12, false).unwrap();
    window.gap(now, PART).unwrap();
    window.part(now, PART, false).unwrap();
}

#[test]
fn a_segment_rounds_to_the_target_duration_at_most() {
    let mut live = Live::new(Dvr::Event);
    live.parts(4);
    // 2.467 s round to 2; 2.5 s would round to 3.
    live.window.part(live.now, 14, true).unwrap();
    let long = live.window.part(live.now, 1, true);
    assert_eq!(long, Err(WindowError::SegmentTooLong { us: 2_500_000, parts: 6 }));
    live.window.end_segment(live.now).unwrap();
    live.part();
}

#[test]
fn a_segment_has_so_many_parts_at_most() {
    let timescale = std::num::NonZeroU32::new(1_000_000).unwrap();
    let mut window = Window::open(parameters(Dvr::Event), Run { timescale, ..run(0, 0) }, NOON).unwrap();
    for _ in 0..PARTS_MAX {
        window.part(NOON, 1, true).unwrap();
    }
    assert!(matches!(window.part(NOON, 1, true), Err(WindowError::SegmentTooLong { .. })));
}

#[test]
fn tiny_segments_stay_until_there_is_enough_and_are_bounded() {
    let timescale = std::num::NonZeroU32::new(1_000_000).unwrap();
    let mut window = Window::open(parameters(Dvr::Event), Run { timescale, ..run(0, 0) }, NOON).unwrap();
    for _ in 0..=2 * super::SEGMENTS_MAX {
        window.part(NOON, 1, true).unwrap();
        window.end_segment(NOON).unwrap();
    }
    assert_eq!(window.part(NOON, 1, true), Err(WindowError::TooManySegments));
    assert_eq!(window.gap(NOON, 1), Err(WindowError::TooManySegments));
    assert_eq!(window.save().segments[0].msn, 0);
}

#[test]
fn ticks_that_are_longer_than_a_part_are_refused() {
    let timescale = std::num::NonZeroU32::new(1).unwrap();
    let coarse = Run { timescale, ..run(0, 0) };
    assert_eq!(Window::open(parameters(Dvr::Event), coarse, NOON).unwrap_err(), WindowError::Timescale);
    assert_eq!(Live::new(Dvr::Event).window.discontinuity(NOON, coarse), Err(WindowError::Timescale));
}

#[test]
fn a_refused_call_changes_nothing() {
    let mut live = Live::new(Dvr::Event);
    live.part();
    let list = live.window.list();
    assert!(live.window.part(live.now, PART + 1, true).is_err());
    assert!(live.window.gap(live.now, 0).is_err());
    assert!(live.window.gap(live.now, u64::MAX).is_err());
    assert!(live.window.discontinuity(live.now, Run { epoch: super::Moment(0), ..run(1, 0) }).is_err());
    assert_eq!(live.window.list().version(), list.version());
}

#[test]
fn text_is_made_once_for_a_change() {
    let mut live = Live::new(Dvr::Event);
    live.part();
    let (first, second) = (live.window.list(), live.window.list());
    assert_eq!(first.version(), second.version());
    let text = |list: &super::LiveList| list.text(super::Variant::Full).as_ptr();
    assert_eq!(text(&first), text(&second));
    live.part();
    assert_eq!(live.window.list().version(), first.version() + 1);
}

#[test]
fn parts_leave_the_list_after_three_target_durations_and_stay_as_long_again() {
    let mut live = Live::new(Dvr::Event);
    live.segments(3);
    assert_eq!(listed_parts(&mut live)[0], "video-360/0.0.m4s");
    live.part();
    // The first part of segment 0 is now more than six seconds from the end.
    assert_eq!(listed_parts(&mut live)[0], "video-360/1.0.m4s");
    assert!(is_there(&mut live, LiveFile::Part(0, 3)) && !is_there(&mut live, LiveFile::Part(0, 4)));
    live.wait(5_999_999);
    assert!(is_there(&mut live, LiveFile::Part(0, 3)));
    live.wait(1);
    assert!(!is_there(&mut live, LiveFile::Part(0, 3)) && is_there(&mut live, LiveFile::Part(1, 3)));
}

#[test]
fn segments_leave_by_the_window_but_never_below_three_target_durations() {
    for (seconds, kept) in [(0, 3), (6, 3), (7, 4), (10, 5)] {
        let mut live = Live::new(Dvr::Seconds(seconds));
        live.segments(20);
        let text = live.text();
        assert_eq!(text.matches("#EXTINF").count(), kept, "{seconds}");
        assert!(text.contains(&format!("#EXT-X-MEDIA-SEQUENCE:{}\n", 20 - kept)), "{text}");
    }
}

#[test]
fn the_whole_event_stays() {
    let mut live = Live::new(Dvr::Event);
    live.segments(300);
    let text = live.text();
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:0\n") && text.matches("#EXTINF").count() == 300);
    assert!(!text.contains("PLAYLIST-TYPE"));
}

#[test]
fn an_event_beyond_the_limit_slides() {
    let mut live = Live::new(Dvr::Event);
    live.segments(super::SEGMENTS_MAX + 2);
    assert!(live.text().contains("#EXT-X-MEDIA-SEQUENCE:2\n"));
}

#[test]
fn a_removed_segment_can_be_fetched_for_its_length_and_the_lists() {
    let mut live = Live::new(Dvr::Seconds(6));
    live.segments(4);
    // Segment 0 was listed at two seconds; it lasts two, and the longest list with it eight.
    assert!(live.text().contains("#EXT-X-MEDIA-SEQUENCE:1\n"));
    assert!(is_there(&mut live, LiveFile::Segment(0)));
    live.wait(3_999_999);
    assert!(is_there(&mut live, LiveFile::Segment(0)));
    live.wait(1);
    assert!(!is_there(&mut live, LiveFile::Segment(0)) && is_there(&mut live, LiveFile::Segment(1)));
}

#[test]
fn an_ended_list_keeps_what_it_lists() {
    let mut live = Live::new(Dvr::Seconds(6));
    live.segments(9);
    live.window.end(live.now).unwrap();
    let text = live.text();
    assert!(is_there(&mut live, LiveFile::Part(8, 0)) && !text.contains("#EXT-X-PART:"));
    live.wait(3_600_000_000);
    assert_eq!(live.text(), text);
    assert!(!is_there(&mut live, LiveFile::Part(8, 0)) && is_there(&mut live, LiveFile::Segment(6)));
    assert_eq!(live.window.part(live.now, PART, true), Err(WindowError::Ended));
    assert_eq!(live.window.gap(live.now, PART), Err(WindowError::Ended));
    assert_eq!(live.window.end(live.now), Err(WindowError::Ended));
    assert!(live.window.ended() && live.window.due().is_none());
}

#[test]
fn the_last_segments_part_is_ended_by_the_end() {
    let mut live = Live::new(Dvr::Event);
    live.parts(3);
    live.window.end(live.now).unwrap();
    assert!(live.text().ends_with("#EXTINF:1.500000,\nvideo-360/0.m4s\n#EXT-X-ENDLIST\n"));
}

#[test]
fn what_no_list_needs_can_be_let_go() {
    let mut live = Live::new(Dvr::Seconds(6));
    live.segments(4);
    let first = |live: &mut Live| (live.window.list().first_parts(), live.window.list().first_segment());
    assert_eq!(first(&mut live), (0, 0));
    live.wait(4_000_000);
    assert_eq!(first(&mut live), (0, 1));
    live.wait(2_000_000);
    assert_eq!(first(&mut live), (1, 1));
    assert!(!is_there(&mut live, LiveFile::Part(0, 0)) && !is_there(&mut live, LiveFile::Segment(0)));
}

#[test]
fn lists_are_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let mut live = Live::new(Dvr::Event);
    shared(&live.window.list());
    shared(&live.window);
}

#[test]
fn gaps_are_never_there() {
    let mut live = Live::new(Dvr::Event);
    live.part();
    live.window.gap(live.now, 5 * PART).unwrap();
    for file in [LiveFile::Part(1, 0), LiveFile::Segment(1), LiveFile::Part(2, 0)] {
        assert!(!is_there(&mut live, file), "{file}");
    }
    assert!(is_there(&mut live, LiveFile::Segment(0)));
}

#[test]
fn growth_is_due_in_a_part_target_and_one_and_a_half_target_durations() {
    let mut live = Live::new(Dvr::Event);
    assert_eq!(live.window.due(), None);
    live.part();
    let opened = NOON;
    let due = |live: &Live, listed: super::Moment| {
        Some(Due { part: live.now.plus(500_000), segment: listed.plus(3_000_000) })
    };
    assert_eq!(live.window.due(), due(&live, opened));
    live.parts(3);
    live.window.end_segment(live.now).unwrap();
    assert_eq!(live.window.due(), due(&live, live.now));
}

#[test]
fn dates_do_not_lead_back() {
    let mut live = Live::new(Dvr::Event);
    live.segment();
    let back = |us: i64| Run { epoch: super::Moment(NOON.0 - us), ..run(1, 60) };
    let overlap = live.window.discontinuity(live.now, back(1_000_000));
    assert_eq!(overlap, Err(WindowError::DatesOverlap { us: 1_000_000 }));
    live.window.discontinuity(live.now, back(999_999)).unwrap();
    // A short part: an overlap under a second may still begin before it.
    live.window.part(live.now, 3, true).unwrap();
    let before = Run { epoch: super::Moment(NOON.0 - 999_999 - 100_000), ..run(2, 63) };
    assert!(matches!(live.window.discontinuity(live.now, before), Err(WindowError::DatesOverlap { .. })));
    assert_eq!(live.window.next_date(), NOON.plus(2_100_000 - 999_999));
}

#[test]
fn discontinuities_without_media_are_bounded() {
    let mut live = Live::new(Dvr::Event);
    for _ in 0..DISCONTINUITIES_MAX {
        live.window.discontinuity(live.now, run(1, 0)).unwrap();
    }
    assert_eq!(live.window.discontinuity(live.now, run(1, 0)), Err(WindowError::TooManyDiscontinuities));
}

#[test]
fn reports_say_where_each_rendition_is() {
    let mut live = Live::new(Dvr::Event);
    let report =
        |last_msn, part| Some(Report { name: "video-360".to_owned(), last_msn, last_part: Some(part) });
    assert_eq!(live.window.report(), None);
    live.part();
    assert_eq!(live.window.report(), report(0, 0));
    live.parts(3);
    live.window.end_segment(live.now).unwrap();
    assert_eq!(live.window.report(), report(0, 3));
    live.part();
    assert_eq!(live.window.report(), report(1, 0));
    let version = live.window.list().version();
    live.window.hear(report(9, 9));
    assert_eq!(live.window.list().version(), version);
    assert!(!live.text().contains("RENDITION-REPORT"));
}
