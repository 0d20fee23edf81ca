//! Access units on their way to a live child: a bounded queue that sheds whole groups of pictures.
//!
//! A child that is too slow leaves its socket unread, and units wait here. Past a limit the oldest group of pictures
//! goes, up to the next key picture: dropping single pictures would only make the decoder guess.

use std::collections::VecDeque;

use bytes::Bytes;
use pipeline_wire::{Medium, ToChild, UNIT_MAX, Unit};
use tokio::time::Instant;

use crate::live::LiveOptions;
use crate::watchdog::Pulse;

/// What was left out of a live child's input since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Pictures.
    pub pictures: u64,
    /// Groups of pictures that these belong to, counted when they were cut.
    pub groups: u64,
    /// Units of sound.
    pub sounds: u64,
}

enum Item {
    Unit { medium: Medium, unit: Unit },
    Config { medium: Medium, config: Bytes },
    End,
}

impl Item {
    fn is_unit_of(&self, wanted: Medium) -> bool {
        matches!(self, Self::Unit { medium, .. } if *medium == wanted)
    }

    fn is_config_of(&self, wanted: Medium) -> bool {
        matches!(self, Self::Config { medium, .. } if *medium == wanted)
    }

    fn is_key_picture(&self) -> bool {
        matches!(self, Self::Unit { medium: Medium::Video, unit } if unit.key)
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Unit { unit, .. } => unit.bytes.len(),
            Self::Config { config, .. } => config.len(),
            Self::End => 0,
        }
    }
}

/// The queue, and what the child owes for it.
pub(crate) struct Units {
    options: LiveOptions,
    items: VecDeque<Item>,
    pictures: usize,
    sounds: usize,
    bytes: usize,
    /// Whether the pictures up to the next key picture would be of no use.
    awaits_key: bool,
    over: bool,
    dropped: Dropped,
    pulse: Pulse,
}

impl Units {
    pub(crate) fn new(options: LiveOptions) -> Self {
        Self {
            items: VecDeque::new(),
            pictures: 0,
            sounds: 0,
            bytes: 0,
            awaits_key: true,
            over: false,
            dropped: Dropped::default(),
            pulse: Pulse::new(options.start, options.stall),
            options,
        }
    }

    /// Queues `unit`, unless the group it belongs to is cut already; whether it did.
    pub(crate) fn push(&mut self, medium: Medium, unit: Unit, now: Instant) -> bool {
        if self.over {
            return false;
        }
        let opens = medium == Medium::Audio || unit.key;
        if unit.bytes.len() > UNIT_MAX {
            self.count(medium, 1);
            self.awaits_key |= medium == Medium::Video;
            return false;
        }
        if self.awaits_key && !opens {
            self.count(medium, 1);
            return false;
        }
        self.awaits_key &= medium == Medium::Audio;
        self.append(Item::Unit { medium, unit });
        self.pulse.fed(now);
        let before = self.dropped;
        self.shed();
        self.dropped == before
    }

    /// Queues a configuration for the units behind it. One that no unit follows is replaced.
    pub(crate) fn reconfigure(&mut self, medium: Medium, config: Bytes) {
        if self.over {
            return;
        }
        if self.items.back().is_some_and(|item| item.is_config_of(medium)) {
            self.pop_back();
        }
        self.append(Item::Config { medium, config });
    }

    /// Says that nothing follows.
    pub(crate) fn end(&mut self, now: Instant) {
        if !self.over {
            self.over = true;
            self.append(Item::End);
            self.pulse.fed(now);
        }
    }

    /// The next message; `None` when the child has everything.
    pub(crate) fn next(&mut self) -> Option<ToChild> {
        let item = self.items.pop_front()?;
        self.forget(&item);
        Some(match item {
            Item::Unit { medium, unit } => ToChild::Unit { medium, unit },
            Item::Config { medium, config } => ToChild::Reconfigure { medium, config },
            Item::End => ToChild::EndOfInput,
        })
    }

    /// The child showed progress; `begun` when it has taken a unit or made one.
    pub(crate) fn progress(&mut self, begun: bool, now: Instant) {
        let owes = self.over || !self.items.is_empty();
        self.pulse.beat(begun, owes.then_some(now));
    }

    pub(crate) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Units that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.pictures + self.sounds
    }

    pub(crate) fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Drops until the limits hold.
    fn shed(&mut self) {
        while self.pictures > self.options.pictures_max || self.bytes > self.options.bytes_max {
            if !self.shed_group() && !self.shed_sound() {
                return;
            }
        }
        while self.sounds > self.options.sounds_max && self.shed_sound() {}
    }

    /// Drops the pictures before the second key picture in the queue or, at the front of a group that was begun, the
    /// first. Of the configurations among them the last stays.
    fn shed_group(&mut self) -> bool {
        let is_picture = |item: &Item| item.is_unit_of(Medium::Video);
        let Some(first) = self.items.iter().position(is_picture) else { return false };
        let next_key = self.items.iter().skip(first + 1).position(Item::is_key_picture);
        let upto = next_key.map_or(self.items.len(), |place| first + 1 + place);
        self.awaits_key |= next_key.is_none();
        let behind = self.items.split_off(upto);
        let mut config = None;
        for item in std::mem::take(&mut self.items) {
            if item.is_unit_of(Medium::Video) {
                self.forget(&item);
                self.count(Medium::Video, 1);
            } else if item.is_config_of(Medium::Video) {
                self.forget(&item);
                config = Some(item);
            } else {
                self.items.push_back(item);
            }
        }
        if let Some(config) = config {
            self.append(config);
        }
        self.items.extend(behind);
        self.dropped.groups += 1;
        true
    }

    /// Drops the oldest sound.
    fn shed_sound(&mut self) -> bool {
        let Some(place) = self.items.iter().position(|item| item.is_unit_of(Medium::Audio)) else {
            return false;
        };
        if let Some(item) = self.items.remove(place) {
            self.forget(&item);
            self.count(Medium::Audio, 1);
        }
        true
    }

    fn append(&mut self, item: Item) {
        self.bytes += item.bytes();
        self.pictures += usize::from(item.is_unit_of(Medium::Video));
        self.sounds += usize::from(item.is_unit_of(Medium::Audio));
        self.items.push_back(item);
    }

    fn pop_back(&mut self) {
        if let Some(item) = self.items.pop_back() {
            self.forget(&item);
        }
    }

    fn forget(&mut self, item: &Item) {
        self.bytes -= item.bytes();
        self.pictures -= usize::from(item.is_unit_of(Medium::Video));
        self.sounds -= usize::from(item.is_unit_of(Medium::Audio));
    }

    fn count(&mut self, medium: Medium, units: u64) {
        match medium {
            Medium::Video => self.dropped.pictures += units,
            Medium::Audio => self.dropped.sounds += units,
        }
        metrics::counter!("nexus_pipeline_live_units_dropped_total", "medium" => medium.name())
            .increment(units);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const GOP: i64 = 10;

    fn units(pictures_max: usize) -> Units {
        Units::new(LiveOptions { pictures_max, sounds_max: 5, ..LiveOptions::default() })
    }

    fn unit(pts: i64, len: usize) -> Unit {
        Unit { dts: pts, pts, key: pts % GOP == 0, bytes: vec![0; len].into() }
    }

    fn picture(units: &mut Units, pts: i64) -> bool {
        units.push(Medium::Video, unit(pts, 100), Instant::now())
    }

    fn sound(units: &mut Units, pts: i64) -> bool {
        units.push(Medium::Audio, Unit { key: true, ..unit(pts, 10) }, Instant::now())
    }

    /// Presentation times of the pictures that are left, `-1` for a configuration.
    fn left(units: &mut Units) -> Vec<i64> {
        std::iter::from_fn(|| units.next())
            .filter_map(|message| match message {
                ToChild::Unit { medium: Medium::Video, unit } => Some(unit.pts),
                ToChild::Reconfigure { .. } => Some(-1),
                _ => None,
            })
            .collect()
    }

    #[tokio::test]
    async fn a_child_that_keeps_up_gets_everything_in_order() {
        let mut units = units(3);
        for pts in 0..50 {
            assert!(picture(&mut units, pts) && sound(&mut units, pts));
            assert!(
                matches!(units.next(), Some(ToChild::Unit { medium: Medium::Video, unit }) if unit.pts == pts)
            );
            assert!(matches!(units.next(), Some(ToChild::Unit { medium: Medium::Audio, .. })));
        }
        assert_eq!((units.dropped(), units.waiting(), units.bytes), (Dropped::default(), 0, 0));
    }

    #[tokio::test]
    async fn whole_groups_go_from_the_front() {
        let mut units = units(25);
        for pts in 0..40 {
            picture(&mut units, pts);
        }
        assert_eq!(units.dropped(), Dropped { pictures: 20, groups: 2, sounds: 0 });
        assert_eq!(left(&mut units), (20..40).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_group_that_was_begun_loses_its_tail() {
        let mut units = units(25);
        picture(&mut units, 0);
        units.next();
        for pts in 1..27 {
            picture(&mut units, pts);
        }
        assert_eq!(units.dropped(), Dropped { pictures: 9, groups: 1, sounds: 0 });
        assert_eq!(left(&mut units), (10..27).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_group_longer_than_the_queue_goes_up_to_the_next_key() {
        let mut units = units(4);
        for pts in 0..8 {
            picture(&mut units, pts);
        }
        assert!(left(&mut units).is_empty());
        assert!(!picture(&mut units, 8) && !picture(&mut units, 9));
        assert!(picture(&mut units, 10) && picture(&mut units, 11));
        assert_eq!(units.dropped(), Dropped { pictures: 10, groups: 1, sounds: 0 });
        assert_eq!(left(&mut units), [10, 11]);
    }

    #[tokio::test]
    async fn nothing_before_the_first_key_is_sent() {
        let mut units = units(25);
        for pts in 7..12 {
            picture(&mut units, pts);
        }
        assert_eq!(left(&mut units), [10, 11]);
        assert_eq!(units.dropped().pictures, 3);
    }

    #[tokio::test]
    async fn sound_stays_when_pictures_go_and_is_bounded_itself() {
        let mut units = units(5);
        for pts in 0..8 {
            picture(&mut units, pts);
            sound(&mut units, pts);
        }
        assert_eq!((units.pictures, units.sounds), (0, 5));
        assert_eq!(units.dropped(), Dropped { pictures: 8, groups: 1, sounds: 3 });
    }

    #[tokio::test]
    async fn configurations_survive_what_they_configured() {
        let mut units = units(12);
        units.reconfigure(Medium::Video, Bytes::from_static(b"replaced"));
        units.reconfigure(Medium::Video, Bytes::from_static(b"one"));
        for pts in 0..5 {
            picture(&mut units, pts);
        }
        units.reconfigure(Medium::Video, Bytes::from_static(b"two"));
        for pts in 10..20 {
            picture(&mut units, pts);
        }
        assert_eq!(left(&mut units), [-1].into_iter().chain(10..20).collect::<Vec<_>>());
        assert_eq!(units.bytes, 0);
    }

    #[tokio::test]
    async fn bytes_are_bounded_too_and_monsters_refused() {
        let options = LiveOptions { bytes_max: 1000, ..LiveOptions::default() };
        let mut units = Units::new(options);
        for pts in 0..30 {
            units.push(Medium::Video, unit(pts, 90), Instant::now());
            assert!(units.bytes <= 1000);
        }
        let mut units = Units::new(LiveOptions::default());
        assert!(!units.push(Medium::Video, unit(0, UNIT_MAX + 1), Instant::now()));
        assert!(!picture(&mut units, 1), "its group is of no use");
        assert!(picture(&mut units, 10));
    }

    #[tokio::test]
    async fn nothing_follows_the_end() {
        let mut units = units(5);
        units.end(Instant::now());
        units.end(Instant::now());
        assert!(!picture(&mut units, 0));
        assert_eq!(units.next(), Some(ToChild::EndOfInput));
        assert_eq!(units.next(), None);
    }

    #[tokio::test]
    async fn a_child_is_owed_for_only_while_input_flows() {
        let begin = Instant::now();
        let at = |ms: u64| begin + Duration::from_millis(ms);
        let mut units = units(5);
        assert_eq!(units.pulse().left(at(100_000)), None, "nothing was asked of it");
        units.push(Medium::Video, unit(0, 1), at(0));
        assert_eq!(units.pulse().left(at(1_000)), Some(Duration::from_secs(9)), "it is still starting");
        units.next();
        units.progress(true, at(1_500));
        assert_eq!(units.pulse().left(at(100_000)), None, "it has done its work");
        units.push(Medium::Video, unit(1, 1), at(2_000));
        units.push(Medium::Video, unit(2, 1), at(3_000));
        assert_eq!(units.pulse().left(at(3_000)), Some(Duration::from_millis(500)));
        units.progress(true, at(3_100));
        assert_eq!(units.pulse().left(at(3_100)), Some(Duration::from_millis(1_500)), "two more wait");
    }
}
