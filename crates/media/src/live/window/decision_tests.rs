//! What requests get, line by line of draft-pantos-hls-rfc8216bis-22 sections 6.2.5 and 6.2.6.

use super::{
    Answer, Dvr, Fetch, LiveFile, Moment, Position, Refusal, Reload, Variant,
    testing::{Live, NOON, PART, parameters, run},
};

const WHOLE: Answer = Answer::Now(Variant::Full);

/// Segments 0 to 2 whole, segment 3 with two parts.
fn three_and_a_half() -> Live {
    let mut live = Live::new(Dvr::Event);
    live.segments(3);
    live.parts(2);
    live
}

fn refused(answer: Answer) -> Option<Refusal> {
    match answer {
        Answer::Refuse(refusal) => Some(refusal),
        Answer::Now(_) | Answer::Wait { .. } => None,
    }
}

fn awaited(answer: Answer) -> Option<(u64, Option<u64>)> {
    match answer {
        Answer::Wait { until: Position { msn, part }, .. } => Some((msn, part)),
        Answer::Now(_) | Answer::Refuse(_) => None,
    }
}

#[test]
fn a_request_without_directives_gets_the_list_as_it_stands() {
    for query in ["", "_HLS_other=1", "token=a&_HLS_skipped=x", "_HLS_skip=no", "&&="] {
        assert_eq!(three_and_a_half().reload(query), WHOLE, "{query}");
    }
}

#[test]
fn queries_that_ask_for_the_same_have_one_spelling() {
    for (query, canonical) in [
        ("", ""),
        ("x=1&_HLS_other=2", ""),
        ("_HLS_skip=YES&_HLS_part=02&a=b&_HLS_msn=7", "_HLS_msn=7&_HLS_part=2&_HLS_skip=YES"),
        ("_HLS_msn=3&_HLS_skip=no&_HLS_skip=v2", "_HLS_msn=3&_HLS_skip=v2"),
        ("_HLS_msn=-1", "_HLS_msn="),
        ("_HLS_msn=4&_HLS_msn=4&_HLS_part=x", "_HLS_msn=&_HLS_part="),
        ("_HLS_part=0", "_HLS_part=0"),
    ] {
        assert_eq!(Reload::parse(query, NOON).canonical(), canonical, "{query}");
    }
}

#[test]
fn only_what_lies_ahead_may_yet_come() {
    let mut live = three_and_a_half();
    let list = live.window.list();
    for (file, may) in [
        (LiveFile::Part(3, 3), true),
        (LiveFile::Part(4, 0), true),
        (LiveFile::Segment(3), true),
        (LiveFile::Part(2, 9), false),
        (LiveFile::Segment(2), false),
    ] {
        assert_eq!(list.may_come(file), may, "{file}");
    }
}

#[test]
fn a_segment_is_held_until_it_is_whole() {
    let mut live = three_and_a_half();
    assert_eq!(live.reload("_HLS_msn=2"), WHOLE);
    assert_eq!(awaited(live.reload("_HLS_msn=3")), Some((3, None)));
    live.parts(2);
    assert_eq!(awaited(live.reload("_HLS_msn=3")), Some((3, None)));
    live.window.end_segment(live.now).unwrap();
    assert_eq!(live.reload("_HLS_msn=3"), WHOLE);
}

#[test]
fn a_part_is_held_until_it_is_listed() {
    let mut live = three_and_a_half();
    assert_eq!(live.reload("_HLS_msn=3&_HLS_part=1"), WHOLE);
    assert_eq!(awaited(live.reload("_HLS_part=2&x=y&_HLS_msn=3")), Some((3, Some(2))));
    live.part();
    assert_eq!(live.reload("_HLS_msn=3&_HLS_part=2"), WHOLE);
}

#[test]
fn a_part_past_the_last_of_its_segment_is_part_0_of_the_next() {
    let mut live = three_and_a_half();
    assert_eq!(awaited(live.reload("_HLS_msn=3&_HLS_part=4")), Some((3, Some(4))));
    assert_eq!(live.reload("_HLS_msn=2&_HLS_part=4"), WHOLE);
    live.parts(2);
    live.window.end_segment(live.now).unwrap();
    assert_eq!(live.reload("_HLS_msn=3&_HLS_part=3"), WHOLE);
    assert_eq!(awaited(live.reload("_HLS_msn=3&_HLS_part=4")), Some((4, Some(0))));
    live.part();
    assert_eq!(live.reload("_HLS_msn=3&_HLS_part=4"), WHOLE);
    assert_eq!(live.reload("_HLS_msn=3&_HLS_part=18446744073709551615"), WHOLE);
}

#[test]
fn what_has_left_the_list_is_answered_at_once() {
    let mut live = Live::new(Dvr::Seconds(6));
    live.segments(9);
    for query in ["_HLS_msn=0", "_HLS_msn=0&_HLS_part=0", "_HLS_msn=2&_HLS_part=99"] {
        assert_eq!(live.reload(query), WHOLE, "{query}");
    }
}

#[test]
fn a_part_alone_and_what_is_no_number_are_bad_requests() {
    let mut live = three_and_a_half();
    assert_eq!(refused(live.reload("_HLS_part=0")), Some(Refusal::PartAlone));
    for value in ["", "-1", "+1", "1.0", "0x1", "%31", "1 ", "18446744073709551616"] {
        assert_eq!(refused(live.reload(&format!("_HLS_msn={value}"))), Some(Refusal::Malformed), "{value}");
        let part = format!("_HLS_msn=1&_HLS_part={value}");
        assert_eq!(refused(live.reload(&part)), Some(Refusal::Malformed), "{value}");
    }
    assert_eq!(refused(live.reload("_HLS_msn")), Some(Refusal::Malformed));
    assert_eq!(refused(live.reload("_HLS_msn=1&_HLS_msn=1")), Some(Refusal::Malformed));
}

#[test]
fn too_far_ahead_is_a_bad_request() {
    let mut live = three_and_a_half();
    // The last segment is 2; the part target of half a second allows six parts.
    assert_eq!(awaited(live.reload("_HLS_msn=4")), Some((4, None)));
    assert_eq!(refused(live.reload("_HLS_msn=5")), Some(Refusal::TooFar));
    assert_eq!(refused(live.reload("_HLS_msn=18446744073709551615")), Some(Refusal::TooFar));
    assert_eq!(awaited(live.reload("_HLS_msn=3&_HLS_part=7")), Some((3, Some(7))));
    assert_eq!(refused(live.reload("_HLS_msn=3&_HLS_part=8")), Some(Refusal::TooFar));
    assert_eq!(awaited(live.reload("_HLS_msn=4&_HLS_part=5")), Some((4, Some(5))));
    assert_eq!(refused(live.reload("_HLS_msn=4&_HLS_part=6")), Some(Refusal::TooFar));
    assert_eq!(refused(live.reload("_HLS_msn=3&_HLS_part=18446744073709551615")), Some(Refusal::TooFar));
    assert_eq!(refused(live.reload("_HLS_msn=5&_HLS_part=0")), Some(Refusal::TooFar));
}

#[test]
fn blocking_ends_after_three_target_durations() {
    let mut live = three_and_a_half();
    let (arrived, list) = (live.now, live.window.list());
    let reload = Reload::parse("_HLS_msn=3", arrived);
    let deadline = arrived.plus(6_000_000);
    let until = Position { msn: 3, part: None };
    assert_eq!(list.reload(&reload, Moment(deadline.0 - 1)), Answer::Wait { until, deadline });
    assert_eq!(list.reload(&reload, deadline), Answer::Refuse(Refusal::TimedOut));
    live.parts(2);
    live.window.end_segment(live.now).unwrap();
    // What is there is given, however late.
    assert_eq!(live.window.list().reload(&reload, deadline), WHOLE);
}

#[test]
fn an_ended_list_ignores_all_directives() {
    let mut live = Live::new(Dvr::Event);
    live.segments(9);
    assert_eq!(live.reload("_HLS_skip=YES"), Answer::Now(Variant::Delta));
    live.window.end(live.now).unwrap();
    let queries = ["_HLS_msn=99", "_HLS_part=1", "_HLS_msn=x", "_HLS_skip=YES", "_HLS_msn=1&_HLS_skip=v2"];
    for query in queries {
        assert_eq!(live.reload(query), WHOLE, "{query}");
    }
    assert_eq!(live.delta(Variant::Delta), live.text());
}

#[test]
fn skipping_is_answered_when_offered_and_there_is_something_to_skip() {
    let mut live = Live::new(Dvr::Event);
    live.segments(7);
    // Segment 0 ends exactly at the boundary of twelve seconds.
    assert_eq!(live.reload("_HLS_skip=YES"), WHOLE);
    live.segment();
    assert_eq!(live.reload("_HLS_skip=YES"), Answer::Now(Variant::Delta));
    assert_eq!(live.reload("_HLS_skip=v2&_HLS_msn=7"), Answer::Now(Variant::DeltaOfDateRanges));
    let mut without = parameters(Dvr::Event);
    without.control.can_skip_until_us = None;
    let mut other = Live { window: super::Window::open(without, run(0, 0), NOON).unwrap(), now: NOON };
    other.segments(8);
    assert_eq!((other.reload("_HLS_skip=YES"), other.reload("_HLS_skip=v2")), (WHOLE, WHOLE));
    assert!(!other.text().contains("CAN-SKIP"));
}

#[test]
fn a_list_is_held_until_its_first_whole_segment() {
    let mut live = Live::new(Dvr::Event);
    assert_eq!(awaited(live.reload("")), Some((0, None)));
    assert_eq!(awaited(live.reload("_HLS_msn=1")), Some((1, None)));
    assert_eq!(refused(live.reload("_HLS_msn=2")), Some(Refusal::TooFar));
    live.part();
    assert_eq!(awaited(live.reload("_HLS_skip=YES")), Some((0, None)));
    assert_eq!(live.reload("_HLS_msn=0&_HLS_part=0"), WHOLE);
    live.window.end_segment(live.now).unwrap();
    assert_eq!(live.reload(""), WHOLE);
}

#[test]
fn the_hinted_part_is_held_and_others_are_not_found() {
    let mut live = three_and_a_half();
    let (now, list) = (live.now, live.window.list());
    let fetch = |msn, part| list.fetch(LiveFile::Part(msn, part), now, now);
    assert!(live.text().contains("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"video-360/3.2.m4s\""));
    assert_eq!(fetch(3, 1), Fetch::Ready);
    assert_eq!(fetch(3, 2), Fetch::Wait { deadline: now.plus(6_000_000) });
    for (msn, part) in [(3, 3), (4, 0), (2, 4), (9, 0)] {
        assert_eq!(fetch(msn, part), Fetch::Refuse(Refusal::NotFound), "{msn}.{part}");
    }
    let late = now.plus(6_000_000);
    assert_eq!(list.fetch(LiveFile::Part(3, 2), now, late), Fetch::Refuse(Refusal::TimedOut));
}

#[test]
fn a_hint_that_is_not_kept_is_not_found() {
    let hinted = LiveFile::Part(3, 2);
    for withdraw in [
        |live: &mut Live| live.window.end_segment(live.now).unwrap(),
        |live: &mut Live| live.window.discontinuity(live.now, run(1, 3 * 60 + 30)).unwrap(),
        |live: &mut Live| live.window.end(live.now).unwrap(),
        |live: &mut Live| live.window.gap(live.now, PART).unwrap(),
    ] {
        let mut live = three_and_a_half();
        withdraw(&mut live);
        let list = live.window.list();
        assert_eq!(list.fetch(hinted, live.now, live.now), Fetch::Refuse(Refusal::NotFound));
    }
}

#[test]
fn an_ended_list_hints_at_nothing() {
    let mut live = three_and_a_half();
    live.window.end(live.now).unwrap();
    let list = live.window.list();
    let next = list.fetch(LiveFile::Part(4, 0), live.now, live.now);
    assert_eq!(next, Fetch::Refuse(Refusal::NotFound));
}

#[test]
fn segments_and_headers_are_there_once_they_are_listed() {
    let mut live = three_and_a_half();
    live.window.discontinuity(live.now, run(7, 3 * 60 + 30)).unwrap();
    let list = live.window.list();
    let there = |file| list.fetch(file, live.now, live.now) == Fetch::Ready;
    assert!(there(LiveFile::Segment(0)) && there(LiveFile::Segment(3)) && !there(LiveFile::Segment(4)));
    assert!(there(LiveFile::Init(0)) && there(LiveFile::Init(7)) && !there(LiveFile::Init(1)));
}
