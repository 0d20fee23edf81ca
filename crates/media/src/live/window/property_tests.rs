//! Windows under any sequence of feeding and time.

use proptest::prelude::*;

use super::{
    Answer, Dvr, Fetch, LiveFile, Moment, Refusal, Reload, Resume, Run, Variant, Window, WindowError,
    reading::{ReadList, ReadSegment},
    testing::{NOON, PART, parameters, run, text},
};

const REACH_US: u64 = 6_000_000;

#[derive(Clone, Debug)]
enum Step {
    Part { ticks: u64, independent: bool },
    Gap { ticks: u64 },
    EndSegment,
    Discontinuity { later_us: u64 },
    Restart,
    TakeOver { ticks: u64 },
    End,
    Ask { msn: u64, part: Option<u64> },
    Wait { us: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let part = (prop_oneof![8 => Just(PART), 1 => 1..=PART + 1], prop::bool::weighted(0.3));
    prop_oneof![
        40 => part.prop_map(|(ticks, independent)| Step::Part { ticks, independent }),
        8 => Just(Step::EndSegment),
        2 => (0..150u64).prop_map(|ticks| Step::Gap { ticks }),
        2 => (0..900_000u64).prop_map(|later_us| Step::Discontinuity { later_us }),
        1 => Just(Step::Restart),
        1 => (0..100u64).prop_map(|ticks| Step::TakeOver { ticks }),
        8 => (0..4u64, prop::option::of(0..9u64)).prop_map(|(msn, part)| Step::Ask { msn, part }),
        4 => (0..4_000_000u64).prop_map(|us| Step::Wait { us }),
    ]
}

fn dvr() -> impl Strategy<Value = Dvr> {
    prop_oneof![Just(Dvr::Event), (0..30u32).prop_map(Dvr::Seconds)]
}

/// A request that waits.
struct Waiter {
    reload: Reload,
    msn: u64,
    part: Option<u64>,
    arrived: Moment,
}

/// A file that left the list, and until when it must be there.
struct Gone {
    file: LiveFile,
    until: Moment,
}

struct World {
    window: Window,
    dvr: Dvr,
    now: Moment,
    inits: u32,
    list: ReadList,
    waiters: Vec<Waiter>,
    gone: Vec<Gone>,
    /// When each segment was listed as a whole, and the longest list with it.
    listed: Vec<(Moment, u64)>,
}

impl World {
    fn new(dvr: Dvr) -> Self {
        let mut window = Window::open(parameters(dvr), run(0, 0), NOON).unwrap();
        let list = ReadList::read(&text(&mut window, Variant::Full));
        let (waiters, gone, listed) = (Vec::new(), Vec::new(), Vec::new());
        Self { window, dvr, now: NOON, inits: 0, list, waiters, gone, listed }
    }

    fn restore(&mut self, resume: Resume) -> Result<(), WindowError> {
        let saved = self.window.save();
        self.window = Window::restore(parameters(self.dvr), saved, resume, self.now)?;
        Ok(())
    }

    /// Takes a step, and says whether parts that were listed may have become gaps.
    fn take(&mut self, step: &Step) -> Result<bool, WindowError> {
        let now = self.now;
        match *step {
            Step::Part { ticks, independent } => self.window.part(now, ticks, independent)?,
            Step::Gap { ticks } => self.window.gap(now, ticks)?,
            Step::EndSegment => self.window.end_segment(now)?,
            Step::Discontinuity { later_us } => {
                self.inits += 1;
                let epoch = self.window.next_date().plus(later_us);
                self.window.discontinuity(now, Run { epoch, ..run(self.inits, 0) })?;
            }
            Step::Restart => self.restore(Resume::Continue)?,
            Step::TakeOver { ticks } => {
                self.restore(Resume::Lost { ticks })?;
                return Ok(true);
            }
            Step::End => self.window.end(now)?,
            Step::Ask { msn, part } => self.ask((self.window.open_msn() + msn).saturating_sub(1), part),
            Step::Wait { us } => {
                self.now = now.plus(us);
                self.window.age(self.now);
            }
        }
        Ok(false)
    }

    fn ask(&mut self, msn: u64, part: Option<u64>) {
        let part_directive = part.map_or(String::new(), |part| format!("&_HLS_part={part}"));
        let reload = Reload::parse(&format!("_HLS_msn={msn}{part_directive}"), self.now);
        let list = self.window.list();
        match list.reload(&reload, self.now) {
            Answer::Wait { .. } => self.waiters.push(Waiter { reload, msn, part, arrived: self.now }),
            Answer::Now(_) => assert!(is_there(&self.list, msn, part) || list.ended()),
            Answer::Refuse(refusal) => assert_eq!(refusal, Refusal::TooFar),
        }
    }

    fn fetch(&mut self, file: LiveFile) -> Fetch {
        self.window.list().fetch(file, self.now, self.now)
    }

    fn check(&mut self, taken_over: bool) {
        let list = ReadList::read(&text(&mut self.window, Variant::Full));
        check_alone(&list);
        check_change(&self.list, &list, taken_over);
        self.check_delta(&list);
        self.check_files(&list);
        self.check_gone(&list);
        self.check_waiters(&list, taken_over);
        let report =
            self.window.report().map(|report| (report.last_msn, u64::from(report.last_part.unwrap())));
        assert!(list.ended || report == list.last_part());
        self.list = list;
    }

    fn check_delta(&mut self, list: &ReadList) {
        for variant in [Variant::Delta, Variant::DeltaOfDateRanges] {
            let delta = ReadList::read(&text(&mut self.window, variant));
            assert_eq!(delta.version, if delta.skipped > 0 { 9 } else { 6 });
            let edge = list.us();
            let skipped = &list.segments[..delta.skipped as usize];
            let end = skipped.iter().map(ReadSegment::us).sum::<u64>();
            assert!(delta.skipped == 0 || edge - end > 12_000_000);
            let next = list.segments.get(skipped.len()).filter(|_| !list.ended);
            assert!(next.is_none_or(|next| edge - end - next.us() <= 12_000_000), "more could be skipped");
            assert_eq!(delta.merged(&self.list).as_ref(), Some(list));
        }
    }

    /// What is listed is there, gaps are not, and the hinted part is waited for.
    fn check_files(&mut self, list: &ReadList) {
        let file = |uri: &str| uri.strip_prefix("video-360/").unwrap().parse::<LiveFile>().unwrap();
        for segment in list.all() {
            for part in &segment.parts {
                let expected = if part.gap { Fetch::Refuse(Refusal::NotFound) } else { Fetch::Ready };
                assert_eq!(self.fetch(file(&part.uri)), expected, "{}", part.uri);
            }
            if let Some((_, uri)) = &segment.end {
                assert_eq!(self.fetch(file(uri)) == Fetch::Ready, !segment.gap, "{uri}");
                assert_eq!(self.fetch(file(&segment.map)), Fetch::Ready, "{}", segment.map);
            }
        }
        for (kind, uri) in &list.hints {
            let hinted = self.fetch(file(uri));
            let deadline = self.now.plus(REACH_US);
            assert_eq!(hinted, if kind == "MAP" { Fetch::Ready } else { Fetch::Wait { deadline } });
        }
        let (current, now) = (self.window.list(), self.now);
        let gone = [current.first_parts(), current.first_segment()].map(|first| first.checked_sub(1));
        let files = [gone[0].map(|msn| LiveFile::Part(msn, 0)), gone[1].map(LiveFile::Segment)];
        let held = |file: LiveFile| current.fetch(file, now, now) == Fetch::Ready;
        assert!(!files.into_iter().flatten().any(held), "{gone:?}");
        let types: Vec<&str> = list.hints.iter().map(|hint| &*hint.0).collect();
        assert!(matches!(&*types, [] | ["PART"] | ["MAP", "PART"]) && types.is_empty() == list.ended);
    }

    /// What has left the list can be fetched as long as it must.
    fn check_gone(&mut self, list: &ReadList) {
        let longest = list.us() + list.open.us();
        while self.listed.len() < list.open.msn as usize {
            self.listed.push((self.now, 0));
        }
        for segment in &list.segments {
            let known = &mut self.listed[segment.msn as usize].1;
            *known = longest.max(*known);
        }
        for before in self.list.segments.iter().filter(|before| !before.gap) {
            let after = list.segments.iter().find(|after| after.msn == before.msn);
            if after.is_none_or(|after| after.parts.is_empty()) {
                let parts = (0..).zip(&before.parts).map(|(part, _)| LiveFile::Part(before.msn, part));
                let until = self.now.plus(REACH_US);
                self.gone.extend(parts.map(|file| Gone { file, until }));
            }
            if after.is_none() {
                let (listed, longest) = self.listed[before.msn as usize];
                let until = listed.plus(longest).plus(before.us());
                self.gone.push(Gone { file: LiveFile::Segment(before.msn), until });
            }
        }
        let now = self.now;
        self.gone.retain(|gone| gone.until > now);
        let (current, gone) = (self.window.list(), &self.gone);
        assert!(gone.iter().all(|gone| current.fetch(gone.file, now, now) == Fetch::Ready));
    }

    /// Whoever waits is answered as soon as the list holds what was asked for, and not before.
    fn check_waiters(&mut self, list: &ReadList, taken_over: bool) {
        if taken_over {
            // Connections do not outlive a machine.
            self.waiters.clear();
        }
        let (now, current) = (self.now, self.window.list());
        self.waiters.retain(|waiter| {
            let there = list.ended || is_there(list, waiter.msn, waiter.part);
            let deadline = waiter.arrived.plus(REACH_US);
            match current.reload(&waiter.reload, now) {
                Answer::Now(variant) => assert!(there && variant == Variant::Full),
                Answer::Wait { deadline: said, .. } => assert!(!there && now < deadline && said == deadline),
                Answer::Refuse(refusal) => assert!(!there && now >= deadline && refusal == Refusal::TimedOut),
            }
            matches!(current.reload(&waiter.reload, now), Answer::Wait { .. })
        });
    }
}

/// Whether the list holds the segment, or the part or a later one.
fn is_there(list: &ReadList, msn: u64, part: Option<u64>) -> bool {
    match part {
        Some(part) => list.last_part().is_some_and(|last| last >= (msn, part)),
        None => list.segments.last().is_some_and(|last| last.msn >= msn),
    }
}

/// What holds of any list.
fn check_alone(list: &ReadList) {
    assert_eq!((list.version, list.skipped), (6, 0));
    assert!(list.msn == 0 || list.us() >= REACH_US, "a list of {} us", list.us());
    let end = list.us() + list.open.us();
    let mut start = 0;
    for (segment, msn) in list.all().zip(list.msn..) {
        assert_eq!(segment.msn, msn);
        check_segment(list, segment);
        assert!(segment.parts.is_empty() || end - start <= REACH_US, "parts far from the end");
        assert!(segment.parts.is_empty() || !list.ended, "parts in an ended list");
        start += segment.us();
    }
    let dated: Vec<&ReadSegment> = list.all().filter(|segment| !segment.date.is_empty()).collect();
    assert!(list.segments.iter().all(|segment| !segment.date.is_empty() && !segment.map.is_empty()));
    for pair in dated.windows(2) {
        let (length, end) = (pair[1].ms() - pair[0].ms(), pair[0].us() / 1_000);
        assert!(pair[1].discontinuities > 0 || length.abs_diff(end) <= 1, "{pair:?}");
    }
}

fn check_segment(list: &ReadList, segment: &ReadSegment) {
    let name = format!("video-360/{}", segment.msn);
    for (index, part) in segment.parts.iter().enumerate() {
        assert_eq!(part.uri, format!("{name}.{index}.m4s"));
        let next = segment.parts.get(index + 1);
        let excused = part.independent || part.gap || next.is_none_or(|next| next.gap);
        assert!(part.us <= list.part_target_us);
        assert!(excused || part.us * 100 >= list.part_target_us * 85);
    }
    if let Some((us, uri)) = &segment.end {
        assert!((us + 500_000) / 1_000_000 <= list.target_us / 1_000_000);
        assert_eq!(*uri, format!("{name}.m4s"));
        let parts: u64 = segment.parts.iter().map(|part| part.us).sum();
        assert!(segment.parts.is_empty() || parts == *us);
        assert!(segment.parts.iter().all(|part| part.gap == segment.gap));
    }
}

/// A list only gains at its end, loses at its head, and drops parts.
fn check_change(before: &ReadList, after: &ReadList, taken_over: bool) {
    assert!(after.msn >= before.msn && after.discontinuity_sequence >= before.discontinuity_sequence);
    assert!(after.ended || !before.ended);
    let fixed = |list: &ReadList| (list.target_us, list.part_target_us, list.control.clone());
    assert_eq!(fixed(before), fixed(after));
    assert!(after.msn <= before.open.msn);
    for old in before.all().skip((after.msn - before.msn) as usize) {
        let new = after.all().find(|new| new.msn == old.msn).unwrap();
        let grows = old.end.is_none();
        if !(grows && (taken_over || old.parts.is_empty())) {
            assert_eq!((&new.date, &new.map, new.sequence), (&old.date, &old.map, old.sequence));
            assert!(new.parts.is_empty() || new.parts.starts_with(&old.parts));
        }
        if !grows {
            assert_eq!((&new.end, new.gap), (&old.end, old.gap));
            assert!(new.parts.is_empty() || new.parts == old.parts);
        }
    }
}

proptest! {
    #[test]
    fn any_life_of_a_window_keeps_its_promises(
        dvr in dvr(),
        steps in prop::collection::vec(step(), 1..160),
        ends: bool,
    ) {
        let mut world = World::new(dvr);
        for step in steps.into_iter().chain(ends.then_some(Step::End)) {
            let version = world.window.list().version();
            match world.take(&step) {
                Ok(taken_over) => world.check(taken_over),
                Err(_) => prop_assert_eq!(world.window.list().version(), version),
            }
            prop_assert_eq!(world.window.list().ended(), matches!(step, Step::End));
        }
    }

    #[test]
    fn no_query_panics(query in ".{0,60}", directive in "_HLS_(msn|part|skip)=[0-9YESv]{0,21}") {
        let mut window = Window::open(parameters(Dvr::Event), run(0, 0), NOON).unwrap();
        window.part(NOON, PART, true).unwrap();
        for query in [query.clone(), directive.clone(), format!("{query}&{directive}")] {
            let reload = Reload::parse(&query, NOON);
            let _ = window.list().reload(&reload, NOON);
            prop_assert_eq!(Reload::parse(&reload.canonical(), NOON), reload, "{}", query);
        }
    }
}
