//! Which leases have run out, by this process's own clock: docs/decisions/leases.md.
//!
//! A renewal changes the row. Whoever sees a lease unchanged for as long as it lasts knows that its holder, which
//! counts from before it wrote the row, has given it up. No two clocks are compared.

use std::{collections::HashMap, time::Duration};

use base::{BroadcastId, ChannelId};

/// A lease as a row shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    pub(crate) broadcast: BroadcastId,
    pub(crate) channel: ChannelId,
    /// `None` while nobody holds the broadcast.
    pub(crate) token: Option<String>,
    /// Renewals so far.
    pub(crate) beats: i64,
}

/// Since when each open broadcast's lease has looked as it does; time on a clock that nobody sets.
#[derive(Debug, Default)]
pub(crate) struct Sightings(HashMap<BroadcastId, (Sighting, Duration)>);

impl Sightings {
    /// For how long a lease has looked like this, from the first time that this process saw it so.
    pub(crate) fn unchanged(&mut self, seen: &Sighting, now: Duration) -> Duration {
        let known = self.0.get(&seen.broadcast).filter(|(known, _)| known == seen);
        let since = known.map_or(now, |(_, since)| *since);
        self.0.insert(seen.broadcast.clone(), (seen.clone(), since));
        now.saturating_sub(since)
    }

    /// Notes the leases there are; each with how long it has looked so. It remembers no others, so it is as large as
    /// `there`.
    pub(crate) fn look(&mut self, there: Vec<Sighting>, now: Duration) -> Vec<(Sighting, Duration)> {
        let looked: Vec<_> = there
            .into_iter()
            .map(|seen| {
                let unchanged = self.unchanged(&seen, now);
                (seen, unchanged)
            })
            .collect();
        let known = looked.iter().map(|(seen, unchanged)| {
            (seen.broadcast.clone(), (seen.clone(), now.saturating_sub(*unchanged)))
        });
        self.0 = known.collect();
        looked
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    fn seen(broadcast: u8, token: Option<&str>, beats: i64) -> Sighting {
        Sighting {
            broadcast: BroadcastId::from((Timestamp(0), [broadcast; 10])),
            channel: ChannelId::from((Timestamp(0), [broadcast; 10])),
            token: token.map(str::to_owned),
            beats,
        }
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_lease_counts_from_when_it_was_first_seen_so() {
        let mut sightings = Sightings::default();
        assert_eq!(sightings.unchanged(&seen(1, Some("a"), 0), at(100)), at(0));
        assert_eq!(sightings.unchanged(&seen(1, Some("a"), 0), at(105)), at(5));
        assert_eq!(sightings.unchanged(&seen(1, Some("a"), 1), at(106)), at(0), "it was renewed");
        assert_eq!(sightings.unchanged(&seen(1, Some("b"), 1), at(107)), at(0), "somebody else has it");
        assert_eq!(sightings.unchanged(&seen(1, None, 1), at(108)), at(0), "it was given back");
        assert_eq!(sightings.unchanged(&seen(1, None, 1), at(118)), at(10));
    }

    #[test]
    fn what_is_there_no_more_is_forgotten() {
        let mut sightings = Sightings::default();
        let there = vec![seen(1, Some("a"), 0), seen(2, None, 3)];
        assert!(sightings.look(there.clone(), at(1)).iter().all(|(_, unchanged)| unchanged.is_zero()));
        let again = sightings.look(there, at(4));
        assert_eq!(again.iter().map(|(_, unchanged)| *unchanged).collect::<Vec<_>>(), [at(3), at(3)]);
        assert_eq!(sightings.look(Vec::new(), at(5)), []);
        assert!(sightings.0.is_empty());
        assert_eq!(sightings.look(vec![seen(1, Some("a"), 0)], at(20)), [(seen(1, Some("a"), 0), at(0))]);
    }
}
