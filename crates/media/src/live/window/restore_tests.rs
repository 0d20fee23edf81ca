//! Windows that outlive their process.

use super::{
    Dvr, Fetch, LiveFile, Moment, Open, Resume, Saved, Window,
    testing::{Live, PART, parameters, run, text},
};
use crate::{WindowError, live::window::Variant};

fn restored(live: &Live, resume: Resume) -> Live {
    let saved = serde_json::from_str(&serde_json::to_string(&live.window.save()).unwrap()).unwrap();
    let window = Window::restore(parameters(Dvr::Seconds(16)), saved, resume, live.now).unwrap();
    Live { window, now: live.now }
}

fn old() -> Live {
    let mut live = Live::new(Dvr::Seconds(16));
    live.segments(4);
    live.window.discontinuity(live.now, run(1, 240)).unwrap();
    live.segments(9);
    live.parts(2);
    live
}

#[test]
fn on_the_same_machine_the_list_goes_on_as_it_was() {
    let mut before = old();
    let mut after = restored(&before, Resume::Continue);
    for _ in 0..3 {
        assert_eq!(after.text(), before.text());
        assert_eq!(after.delta(Variant::Delta), before.delta(Variant::Delta));
        for file in [LiveFile::Part(9, 0), LiveFile::Part(13, 1), LiveFile::Segment(4), LiveFile::Init(0)] {
            let fetch = |live: &mut Live| live.window.list().fetch(file, live.now, live.now);
            assert_eq!(fetch(&mut after), fetch(&mut before), "{file}");
        }
        for live in [&mut before, &mut after] {
            live.parts(2);
            live.window.end_segment(live.now).unwrap();
            live.parts(2);
        }
    }
}

#[test]
fn what_is_fading_goes_on_fading() {
    let mut after = restored(&old(), Resume::Continue);
    let there = |live: &mut Live| live.window.list().fetch(LiveFile::Part(9, 0), live.now, live.now);
    assert_eq!(there(&mut after), Fetch::Ready);
    after.wait(6_000_000);
    assert_ne!(there(&mut after), Fetch::Ready);
}

#[test]
fn on_another_machine_the_open_segment_is_a_gap() {
    let before = old();
    let mut after = restored(&before, Resume::Lost { ticks: 3 * PART });
    after.window.discontinuity(after.now, run(2, 13 * 60 + 45)).unwrap();
    after.part();
    let list = after.text();
    let from = list.find("video-360/12.m4s").unwrap();
    insta::assert_snapshot!(&list[from..], @r#"
    video-360/12.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:26.000Z
    #EXT-X-PART:DURATION=0.500000,URI="video-360/13.0.m4s",GAP=YES
    #EXT-X-PART:DURATION=0.500000,URI="video-360/13.1.m4s",GAP=YES
    #EXT-X-PART:DURATION=0.500000,URI="video-360/13.2.m4s",GAP=YES
    #EXT-X-GAP
    #EXTINF:1.500000,
    video-360/13.m4s
    #EXT-X-DISCONTINUITY
    #EXT-X-MAP:URI="video-360/init-2.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:27.500Z
    #EXT-X-PART:DURATION=0.500000,URI="video-360/14.0.m4s",INDEPENDENT=YES
    #EXT-X-PRELOAD-HINT:TYPE=PART,URI="video-360/14.1.m4s"
    "#);
    let lost = after.window.list().fetch(LiveFile::Part(13, 0), after.now, after.now);
    assert_ne!(lost, Fetch::Ready);
}

#[test]
fn a_lost_segment_is_as_long_as_what_is_known_of_it() {
    for (ticks, lines) in
        [(0, "#EXTINF:1.000000,\nvideo-360/13.m4s\n"), (45, "#EXTINF:1.500000,\nvideo-360/13.m4s\n")]
    {
        let mut after = restored(&old(), Resume::Lost { ticks });
        assert!(after.text().contains(lines), "{}", after.text());
    }
    // What is longer than a segment takes several.
    let after = restored(&old(), Resume::Lost { ticks: 61 });
    assert_eq!((after.window.open_msn(), after.window.open_us()), (15, 0));
}

#[test]
fn rows_of_whole_segments_are_enough() {
    let before = old().window.save();
    let rows: Vec<_> =
        before.segments.into_iter().map(|row| super::Segment { parts: vec![], ..row }).collect();
    let open = Open { parts: vec![], at: before.open.start, ..before.open };
    let saved = Saved { segments: rows, open, fading: vec![], longest_us: 0, ..before };
    let lost = Resume::Lost { ticks: 0 };
    let mut window = Window::restore(parameters(Dvr::Seconds(16)), saved, lost, Moment(0)).unwrap();
    assert_eq!(window.open_msn(), 14);
    let list = text(&mut window, Variant::Full);
    assert!(list.contains("#EXT-X-GAP\n#EXTINF:0.500000,\nvideo-360/13.m4s\n"), "{list}");
    assert_eq!(window.report().map(|report| (report.last_msn, report.last_part)), Some((13, Some(0))));
}

#[test]
fn an_ended_list_stays_ended() {
    let mut before = old();
    before.window.end(before.now).unwrap();
    let mut after = restored(&before, Resume::Lost { ticks: 60 });
    assert_eq!(after.text(), before.text());
}

#[test]
fn damaged_states_are_refused() {
    let damaged = |damage: fn(&mut Saved)| {
        let mut saved = old().window.save();
        damage(&mut saved);
        let resume = Resume::Continue;
        matches!(
            Window::restore(parameters(Dvr::Seconds(16)), saved, resume, Moment(0)),
            Err(WindowError::Saved(_))
        )
    };
    assert!(!damaged(|_| {}));
    assert!(damaged(|saved| saved.open.msn += 1));
    assert!(damaged(|saved| drop(saved.segments.remove(2))));
    assert!(damaged(|saved| saved.segments.last_mut().unwrap().parts.truncate(1)));
    assert!(damaged(|saved| saved.open.parts.clear()));
    assert!(damaged(|saved| saved.open.at = 0));
}
