//! Who watches a channel at the moment, and how late they see it. Players say so themselves, under a name that each of
//! them draws for itself and that stands in no address; nothing tells who it is.
//!
//! What is kept is bounded: so many channels, so many viewers of each and of all together. Who finds no room is counted
//! in `nexus_live_viewers_uncounted_total` and watches all the same.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base::{ChannelId, Timestamp};

/// How often players say that they watch.
pub(crate) const BEACON_EVERY: Duration = Duration::from_secs(10);
/// After how long one who says nothing is gone.
const LEASE: Duration = Duration::from_secs(25);
/// How often what one viewer says is measured: who says more moves no histogram.
const MEASURED_EVERY: Duration = Duration::from_secs(5);
/// How often a full hall is looked through for seats that came free.
const SWEPT_EVERY: Duration = Duration::from_secs(1);
/// Viewers of a channel that are counted.
const VIEWERS_MAX: usize = 10_000;
/// Viewers of all channels that are counted.
const ALL_VIEWERS_MAX: usize = 100_000;
/// Channels that have labels of their own in metrics, for the life of the process; later ones share one.
const LABELS_MAX: usize = 200;
/// How far behind the live edge a viewer still counts as watching live, in milliseconds.
const LIVE_BEHIND_MS_MAX: u32 = 15_000;
/// A latency above this is no latency but a wrong clock, in milliseconds.
const LATENCY_MS_MAX: u32 = 120_000;

/// What a player says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beacon {
    /// From the arrival of what it shows to its being shown, in milliseconds.
    pub(crate) latency_ms: Option<u32>,
    /// How far behind the live edge it plays, in milliseconds.
    pub(crate) behind_ms: u32,
    /// How often it waited for data since it last said something.
    pub(crate) stalls: u32,
    /// By how much the broadcast's clock leaves the player's, in milliseconds a minute.
    pub(crate) drift_ms_per_minute: Option<i32>,
}

/// The viewers of a channel, as far as this process hears of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attendance {
    /// How many.
    pub(crate) viewers: u32,
    /// The latency of half of those who watch live, in milliseconds, and of all but a twentieth.
    pub(crate) latency_ms: Option<(u32, u32)>,
    /// How often they waited for data.
    pub(crate) stalls: u64,
}

/// The viewers of all channels.
#[derive(Debug, Default)]
pub(crate) struct Audiences(Mutex<Halls>);

#[derive(Debug, Default)]
struct Halls {
    halls: HashMap<ChannelId, Hall>,
    labelled: HashSet<ChannelId>,
    viewers: usize,
    swept: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Hall {
    seats: HashMap<String, Seat>,
    stalls: u64,
}

#[derive(Debug)]
struct Seat {
    until: Timestamp,
    measured: Timestamp,
    last: Beacon,
}

impl Audiences {
    /// A player says that it watches.
    pub(crate) fn heard(&self, channel: &ChannelId, viewer: &str, beacon: Beacon, now: Timestamp) {
        let mut halls = self.halls();
        let known = halls.halls.get(channel).is_some_and(|hall| hall.seats.contains_key(viewer));
        if !known && !halls.make_room(channel, now) {
            metrics::counter!("nexus_live_viewers_uncounted_total").increment(1);
            return;
        }
        let hall = halls.halls.entry(channel.clone()).or_default();
        let measured = hall.seats.get(viewer).map(|seat| seat.measured);
        let measures = measured.is_none_or(|measured| now.since(measured) >= MEASURED_EVERY);
        let seat = Seat {
            until: now + LEASE,
            measured: measured.filter(|_| !measures).unwrap_or(now),
            last: beacon,
        };
        hall.seats.insert(viewer.to_owned(), seat);
        if measures {
            hall.stalls += u64::from(beacon.stalls);
            let label = halls.label(channel);
            measure(label, beacon);
        }
        halls.viewers += usize::from(!known);
    }

    /// Who watches a channel now.
    pub(crate) fn of(&self, channel: &ChannelId, now: Timestamp) -> Attendance {
        let mut halls = self.halls();
        halls.sweep(now);
        let Some(hall) = halls.halls.get(channel) else { return Attendance::default() };
        let live = hall.seats.values().filter_map(|seat| seat.last.live_latency_ms());
        let mut latencies: Vec<u32> = live.collect();
        latencies.sort_unstable();
        let at =
            |hundredth: usize| latencies.get((latencies.len() * hundredth / 100).min(latencies.len() - 1));
        let latency_ms = if latencies.is_empty() { None } else { at(50).copied().zip(at(95).copied()) };
        let viewers = u32::try_from(hall.seats.len()).unwrap_or(u32::MAX);
        Attendance { viewers, latency_ms, stalls: hall.stalls }
    }

    /// Shows in metrics who is there now.
    pub(crate) fn show(&self, now: Timestamp) {
        let mut halls = self.halls();
        halls.sweep(now);
        let mut counts: HashMap<String, usize> =
            halls.labelled.iter().map(|channel| (channel.to_string(), 0)).collect();
        for (channel, hall) in &halls.halls {
            let label = if halls.labelled.contains(channel) { channel.as_str() } else { OTHERS };
            *counts.entry(label.to_owned()).or_default() += hall.seats.len();
        }
        for (channel, viewers) in counts {
            let viewers = u32::try_from(viewers).unwrap_or(u32::MAX);
            metrics::gauge!("nexus_live_viewers", "channel" => channel).set(viewers);
        }
    }

    fn halls(&self) -> MutexGuard<'_, Halls> {
        // What is kept is whole after every step; a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The label that channels beyond [`LABELS_MAX`] share.
const OTHERS: &str = "others";

fn measure(channel: String, beacon: Beacon) {
    metrics::counter!("nexus_live_stalls_total", "channel" => channel.clone())
        .increment(u64::from(beacon.stalls));
    if let Some(latency_ms) = beacon.live_latency_ms() {
        let seconds = f64::from(latency_ms) / 1_000.0;
        metrics::histogram!("nexus_live_latency_seconds", "channel" => channel.clone()).record(seconds);
    }
    if let Some(drift) = beacon.drift_ms_per_minute {
        metrics::gauge!("nexus_live_drift_ms_per_minute", "channel" => channel).set(f64::from(drift));
    }
}

impl Beacon {
    /// The latency of a viewer at the live edge; one who went back is late on purpose.
    fn live_latency_ms(self) -> Option<u32> {
        self.latency_ms.filter(|ms| self.behind_ms <= LIVE_BEHIND_MS_MAX && *ms <= LATENCY_MS_MAX)
    }
}

impl Halls {
    /// Whether one more viewer of a channel can be counted.
    fn make_room(&mut self, channel: &ChannelId, now: Timestamp) -> bool {
        if self.fits(channel) {
            return true;
        }
        // Whoever knocks at a full door makes nobody look at all seats again and again.
        if self.swept.is_none_or(|swept| now.since(swept) >= SWEPT_EVERY) {
            self.sweep(now);
        }
        self.fits(channel)
    }

    fn fits(&self, channel: &ChannelId) -> bool {
        let here = self.halls.get(channel).map_or(0, |hall| hall.seats.len());
        here < VIEWERS_MAX && self.viewers < ALL_VIEWERS_MAX
    }

    /// Lets go of those who say nothing any more, and of channels that nobody watches.
    fn sweep(&mut self, now: Timestamp) {
        self.halls.retain(|_, hall| {
            hall.seats.retain(|_, seat| seat.until > now);
            !hall.seats.is_empty()
        });
        self.swept = Some(now);
        self.viewers = self.halls.values().map(|hall| hall.seats.len()).sum();
    }

    fn label(&mut self, channel: &ChannelId) -> String {
        let own = self.labelled.contains(channel)
            || (self.labelled.len() < LABELS_MAX && self.labelled.insert(channel.clone()));
        if own { channel.to_string() } else { OTHERS.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(latency_ms: u32) -> Beacon {
        Beacon { latency_ms: Some(latency_ms), behind_ms: 500, ..Beacon::default() }
    }

    #[test]
    fn who_says_so_watches_until_it_is_silent() {
        let (ambient, _) = testkit::ambient();
        let (audiences, now, channel) = (Audiences::default(), testkit::START, ambient.id());
        for number in 0..100_u32 {
            audiences.heard(&channel, &format!("viewer-{number}"), live(1_000 + number), now);
            audiences.heard(&channel, &format!("viewer-{number}"), live(1_000 + number), now);
        }
        let attendance = audiences.of(&channel, now);
        assert_eq!((attendance.viewers, attendance.latency_ms), (100, Some((1_050, 1_095))));
        audiences.heard(&channel, "viewer-7", live(1_000), now + BEACON_EVERY * 2);
        assert_eq!(audiences.of(&channel, now + LEASE).viewers, 1);
        assert_eq!(audiences.of(&channel, now + LEASE * 3), Attendance::default());
        assert!(audiences.halls().halls.is_empty());
    }

    #[test]
    fn who_went_back_or_has_a_wrong_clock_tells_no_latency() {
        let (ambient, _) = testkit::ambient();
        let (audiences, now, channel) = (Audiences::default(), testkit::START, ambient.id());
        audiences.heard(&channel, "back", Beacon { behind_ms: 60_000, ..live(61_000) }, now);
        audiences.heard(&channel, "wrong", live(86_400_000), now);
        assert_eq!(audiences.of(&channel, now), Attendance { viewers: 2, latency_ms: None, stalls: 0 });
    }

    #[test]
    fn what_one_viewer_says_too_often_is_not_added_up() {
        let (ambient, _) = testkit::ambient();
        let (audiences, now, channel) = (Audiences::default(), testkit::START, ambient.id());
        let stalled = Beacon { stalls: 1, ..Beacon::default() };
        for _ in 0..50 {
            audiences.heard(&channel, "one", stalled, now);
        }
        assert_eq!(audiences.of(&channel, now).stalls, 1);
        audiences.heard(&channel, "one", stalled, now + BEACON_EVERY);
        assert_eq!(audiences.of(&channel, now + BEACON_EVERY).stalls, 2);
    }

    #[test]
    fn a_channels_viewers_are_bounded_and_places_come_free() {
        let (ambient, _) = testkit::ambient();
        let (audiences, now, channel) = (Audiences::default(), testkit::START, ambient.id());
        for number in 0..VIEWERS_MAX + 5 {
            audiences.heard(&channel, &number.to_string(), Beacon::default(), now);
        }
        assert_eq!(audiences.of(&channel, now).viewers as usize, VIEWERS_MAX);
        let other = ambient.id();
        audiences.heard(&other, "one", Beacon::default(), now);
        assert_eq!(audiences.of(&other, now).viewers, 1, "another channel has room");
        audiences.heard(&channel, "late", Beacon::default(), now + LEASE);
        assert_eq!(audiences.of(&channel, now + LEASE).viewers, 1);
    }

    #[test]
    fn labels_are_bounded() {
        let (ambient, _) = testkit::ambient();
        let (audiences, now) = (Audiences::default(), testkit::START);
        for _ in 0..LABELS_MAX + 10 {
            audiences.heard(&ambient.id(), "one", live(900), now);
        }
        assert_eq!(audiences.halls().labelled.len(), LABELS_MAX);
        audiences.show(now);
    }
}
