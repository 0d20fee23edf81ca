//! Epochs: spans of time in which the sender's clock and configurations hold.

use std::collections::VecDeque;

use super::{
    AccessUnit, Cadence, Dropped, Hints, NewEpoch, Outcome, Sample, Timebase, Track,
    dates::{JUMP_US, Seen, unwrapped},
    sound::Sound,
    timebase::{MEASURED_MAX, settle},
    video::VideoClock,
};
use crate::live::{config::AudioConfig, nal::Picture};

/// Beyond this a date is nonsense.
const DATE_US_MAX: i64 = 1 << 53;
/// The same after it was wrapped on purpose, over and over.
const UNWRAPPED_US_MAX: u64 = 1 << 60;
/// Microseconds from decoding to showing.
const OFFSET_US: std::ops::RangeInclusive<i64> = -500_000..=5_000_000;
/// Microseconds that sound may be dated off the pictures.
const APART_US: i64 = 3_000_000;
/// Microseconds by which pictures overtake others, at most; decoders reorder no more than sixteen.
const REORDERING_US_MAX: i64 = 700_000;
/// Units and bytes kept while the frame rate is found out.
const HELD_MAX: usize = 4 * MEASURED_MAX;
const HELD_BYTES_MAX: usize = 64 << 20;

/// Puts the units of an encoder on one timeline. Memory is bounded by 64 MiB, held only while a frame rate is found out.
#[derive(Debug)]
pub struct Retimer {
    hints: Hints,
    video: Option<Pictures>,
    audio: Option<Sound>,
    state: State,
    /// Number of the epoch to come.
    epoch: u32,
    /// Where the epoch begins, in microseconds of the broadcast.
    start_us: i64,
    /// The sender's clock, unwrapped.
    latest_us: Option<i64>,
}

#[derive(Debug)]
enum State {
    /// The next key frame, or frame of sound where there are no pictures, begins an epoch.
    Awaiting(NewEpoch),
    /// The frame rate is being found out from the units of the epoch to come.
    Measuring(NewEpoch, VecDeque<(Track, AccessUnit)>),
    Running,
}

#[derive(Debug, Default)]
struct Pictures {
    clock: Option<VideoClock>,
    /// Whether the next epoch's timebase is known: `rebased`, or the clock's.
    settled: bool,
    rebased: Option<Timebase>,
    seen: Seen,
    /// Whether leading pictures have nothing to lean on.
    began_open: bool,
}

impl Retimer {
    /// For an encoder with pictures, sound, or both; with neither, every unit is dropped.
    #[must_use]
    pub fn new(video: bool, audio: Option<&AudioConfig>, hints: Hints) -> Self {
        Self {
            hints,
            video: video.then(Pictures::default),
            audio: audio.map(|config| Sound::new(config, 0)),
            state: State::Awaiting(NewEpoch::Start),
            epoch: 0,
            start_us: 0,
            latest_us: None,
        }
    }

    /// The encoder came back with the same configurations: its clock is another, the timeline goes on. Gives what was
    /// held.
    pub fn reconnect(&mut self) -> Vec<Outcome> {
        self.latest_us = None;
        self.end_epoch(NewEpoch::Reconnect)
    }

    /// The configurations changed; tracks may have come or gone.
    pub fn reconfigure(&mut self, video: bool, audio: Option<&AudioConfig>, hints: Hints) -> Vec<Outcome> {
        let outcomes = self.end_epoch(NewEpoch::Configuration);
        let end_us = self.end_us();
        let pictures = self.video.take().filter(|_| video);
        self.video = video.then(|| Pictures { settled: false, ..pictures.unwrap_or_default() });
        self.audio = audio.map(|config| Sound::new(config, end_us));
        self.hints = hints;
        self.start_us = end_us;
        outcomes
    }

    /// No more units come. Gives what was held.
    pub fn finish(&mut self) -> Vec<Outcome> {
        self.settled(true)
    }

    /// Takes a unit, in the order of arrival, and says what becomes of it and of units before it.
    pub fn push(&mut self, track: Track, mut unit: AccessUnit) -> Vec<Outcome> {
        let plausible = unit.dts_us.unsigned_abs() <= DATE_US_MAX.unsigned_abs()
            && unit.pts_us.checked_sub(unit.dts_us).is_some_and(|offset| OFFSET_US.contains(&offset));
        // Both tracks have one clock, so either tells how often it wrapped.
        let dts_us = plausible.then(|| unwrapped(unit.dts_us, self.latest_us));
        let Some(dts_us) = dts_us.filter(|us| us.unsigned_abs() <= UNWRAPPED_US_MAX) else {
            return vec![Outcome::Dropped(track, Dropped::Date)];
        };
        let offset_us = unit.pts_us - unit.dts_us;
        (unit.dts_us, unit.pts_us) = (dts_us, dts_us + offset_us);
        self.latest_us = Some(dts_us);
        let mut outcomes = Vec::new();
        self.route(track, unit, &mut outcomes);
        outcomes
    }

    fn route(&mut self, track: Track, unit: AccessUnit, outcomes: &mut Vec<Outcome>) {
        match &mut self.state {
            State::Awaiting(reason) => {
                let reason = *reason;
                self.begin(reason, track, unit, outcomes);
            }
            State::Measuring(_, held) => {
                let bytes: usize = held.iter().map(|(_, unit)| unit.data.len()).sum();
                if held.len() >= HELD_MAX || bytes + unit.data.len() > HELD_BYTES_MAX {
                    outcomes.push(Outcome::Dropped(track, Dropped::Overflow));
                    outcomes.extend(self.settled(true));
                    return;
                }
                held.push_back((track, unit));
                if track == Track::Video {
                    outcomes.extend(self.settled(false));
                }
            }
            State::Running if track == Track::Video => self.picture(unit, outcomes),
            State::Running => self.sound(unit, outcomes),
        }
    }

    /// The unit that may begin an epoch.
    fn begin(&mut self, reason: NewEpoch, track: Track, unit: AccessUnit, outcomes: &mut Vec<Outcome>) {
        let Some(video) = &self.video else {
            return self.begin_sound(reason, unit, outcomes);
        };
        if track == Track::Audio || !unit.picture.is_key() {
            outcomes.push(Outcome::Dropped(track, Dropped::AwaitingKey));
            return;
        }
        let known = video.clock.as_ref().map(|clock| video.rebased.unwrap_or(clock.base()));
        if let Some(base) = known.filter(|_| video.settled) {
            let reordering = video.clock.as_ref().map_or(0, VideoClock::lead);
            self.begin_pictures(reason, base, reordering, &unit, outcomes);
            return self.picture(unit, outcomes);
        }
        self.state = State::Measuring(reason, VecDeque::from([(track, unit)]));
        outcomes.extend(self.settled(false));
    }

    /// Goes on with what was held once the frame rate is known.
    fn settled(&mut self, ended: bool) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let State::Measuring(reason, held) = &mut self.state else { return outcomes };
        let times = steady_times(held);
        let Some(base) = settle(&times, self.hints, ended) else { return outcomes };
        let (reason, reordering) = (*reason, base.ticks(reordering_us(&times, base)));
        let held = std::mem::take(held);
        if let Some((_, first)) = held.front() {
            self.begin_pictures(reason, base, reordering, first, &mut outcomes);
        }
        for (track, unit) in held {
            self.route(track, unit, &mut outcomes);
        }
        outcomes
    }

    fn begin_pictures(
        &mut self,
        reason: NewEpoch,
        base: Timebase,
        reordering: i64,
        first: &AccessUnit,
        outcomes: &mut Vec<Outcome>,
    ) {
        let sound_end_us = self.audio.as_ref().map_or(0, |sound| sound.clock.end_us());
        let Some(video) = &mut self.video else { return };
        // Where the clock before ended, in ticks of this one.
        let ended = |ticks: fn(&VideoClock) -> i64| {
            video.clock.as_ref().map_or(self.start_us, |clock| clock.base().micros(ticks(clock)))
        };
        let (decode_us, shown_us) = (ended(VideoClock::next), ended(VideoClock::shown_end).max(sound_end_us));
        let (decode, shown) = (base.ticks(decode_us), base.ticks(shown_us));
        let clock = VideoClock::new(base, (first.dts_us, first.pts_us), reordering, decode, shown);
        let lead = clock.lead();
        self.start_us = base.micros(clock.next());
        video.rebased = None;
        (video.settled, video.began_open) = (true, first.picture == Picture::OpenKey);
        (video.clock, video.seen) = (Some(clock), Seen::default());
        if let Some(sound) = &mut self.audio {
            sound.restart();
        }
        self.announce(reason, Some(base), lead, outcomes);
    }

    fn begin_sound(&mut self, reason: NewEpoch, unit: AccessUnit, outcomes: &mut Vec<Outcome>) {
        let Some(sound) = &mut self.audio else { return };
        self.start_us = self.start_us.max(sound.clock.end_us());
        sound.restart();
        sound.origin_us = unit.dts_us;
        self.announce(reason, None, 0, outcomes);
        self.sound(unit, outcomes);
    }

    fn announce(
        &mut self,
        reason: NewEpoch,
        video: Option<Timebase>,
        lead: i64,
        outcomes: &mut Vec<Outcome>,
    ) {
        outcomes.push(Outcome::Epoch { number: self.epoch, reason, video, lead, start_us: self.start_us });
        self.epoch += 1;
        self.state = State::Running;
    }

    fn end_epoch(&mut self, reason: NewEpoch) -> Vec<Outcome> {
        let outcomes = self.settled(true);
        // Nothing was sent since the last end: its reason stands.
        if matches!(self.state, State::Running) {
            self.state = State::Awaiting(reason);
        }
        if let Some(video) = &mut self.video {
            video.seen = Seen::default();
        }
        if let Some(sound) = &mut self.audio {
            sound.seen = Seen::default();
        }
        outcomes
    }

    /// End of everything so far, in microseconds of the broadcast.
    fn end_us(&self) -> i64 {
        let clock = self.video.as_ref().and_then(|video| video.clock.as_ref());
        let shown_us = clock.map_or(self.start_us, |clock| clock.base().micros(clock.shown_end()));
        self.audio.as_ref().map_or(shown_us, |sound| shown_us.max(sound.clock.end_us()))
    }

    fn picture(&mut self, unit: AccessUnit, outcomes: &mut Vec<Outcome>) {
        let Some(video) = &mut self.video else { return };
        if video.began_open && unit.picture == Picture::Leading {
            outcomes.push(Outcome::Dropped(Track::Video, Dropped::Leading));
            return;
        }
        let begins = video.seen.last.is_none();
        match video.seen.judge(unit.dts_us, unit.pts_us) {
            Ok(()) => {}
            Err(Some(reason)) => return outcomes.push(Outcome::Dropped(Track::Video, reason)),
            Err(None) => return self.restart(NewEpoch::Jump, unit, outcomes),
        }
        let Some(clock) = &mut video.clock else { return };
        let Some(placed) = clock.place(unit.dts_us, unit.pts_us, unit.picture.is_key()) else {
            let kept = clock.kept_rate(unit.dts_us);
            (video.settled, video.rebased) = (kept.is_some(), kept);
            self.hints = Hints::default();
            return self.restart(NewEpoch::FrameRate, unit, outcomes);
        };
        let decoded_us = clock.broadcast_us(unit.dts_us);
        let (key, arrived_us) = (unit.picture.is_key(), unit.arrived_us);
        video.began_open &= begins || !key;
        let super::video::Placed { decode, end, shown } = placed;
        outcomes.push(Outcome::Video(Sample { decode, end, shown, key, arrived_us, data: unit.data }));
        self.fill_silence(decoded_us, arrived_us, outcomes);
    }

    /// A picture that the epoch cannot hold.
    fn restart(&mut self, reason: NewEpoch, unit: AccessUnit, outcomes: &mut Vec<Outcome>) {
        self.end_epoch(reason);
        self.begin(reason, Track::Video, unit, outcomes);
    }

    fn fill_silence(&mut self, decoded_us: i64, arrived_us: u64, outcomes: &mut Vec<Outcome>) {
        let Some(sound) = &mut self.audio else { return };
        let end_us = sound.clock.end_us().max(self.start_us);
        if decoded_us - end_us > sound.patience_us {
            let (at, silent) = sound.clock.fill(decoded_us - sound.patience_us / 2, self.start_us);
            sound.put_silence(at, silent, arrived_us, outcomes);
            sound.replaced = true;
        }
    }

    fn sound(&mut self, unit: AccessUnit, outcomes: &mut Vec<Outcome>) {
        let clock = self.video.as_ref().and_then(|video| video.clock.as_ref());
        let Some(sound) = &mut self.audio else { return };
        let us = match clock {
            Some(clock) => clock.broadcast_us(unit.dts_us.saturating_add(sound.shift_us)),
            None => self.start_us.saturating_add(unit.dts_us - sound.origin_us),
        };
        if clock.is_none() && sound.seen.step(unit.dts_us).is_some_and(|step| step.abs() > JUMP_US) {
            self.end_epoch(NewEpoch::Jump);
            return self.begin(NewEpoch::Jump, Track::Audio, unit, outcomes);
        }
        if sound.repeats(&unit) {
            return outcomes.push(Outcome::Dropped(Track::Audio, Dropped::Duplicate));
        }
        sound.seen.last = Some((unit.dts_us, unit.pts_us));
        if let Some(clock) = clock {
            let pictures_us = clock.base().micros(clock.next());
            if (us - pictures_us).abs() > APART_US {
                sound.bring_beside(us - pictures_us);
                return outcomes.push(Outcome::Dropped(Track::Audio, Dropped::Apart));
            }
        }
        sound.apart = 0;
        sound.place(us, self.start_us, unit, outcomes);
    }
}

/// When pictures are shown since the sender's clock last jumped.
fn steady_times(held: &VecDeque<(Track, AccessUnit)>) -> Vec<i64> {
    let mut times = Vec::with_capacity(held.len());
    let mut before: Option<i64> = None;
    for (_, unit) in held.iter().filter(|(track, _)| *track == Track::Video) {
        if before.is_some_and(|before| (unit.dts_us - before).abs() > JUMP_US) {
            times.clear();
        }
        before = Some(unit.dts_us);
        times.push(unit.pts_us);
    }
    times
}

/// How much earlier than at its rate a picture is shown, at most, that is sent behind those before it.
fn reordering_us(times: &[i64], base: Timebase) -> i64 {
    let first = times.first().copied().unwrap_or(0);
    let early = |(index, time): (i64, &i64)| base.micros(index * i64::from(base.frame())) - (time - first);
    let most = (0..).zip(times).map(early).max().unwrap_or(0);
    match base.cadence {
        Cadence::Constant { .. } => most.clamp(0, REORDERING_US_MAX),
        Cadence::Variable { .. } => 0,
    }
}
