//! Which leases have run out, by this process's own clock: docs/decisions/leases.md.
//!
//! A renewal changes the row. Whoever sees a lease unchanged for as long as it lasts knows that its holder, which
//! counts from before it wrote the row, has given it up. No two clocks are compared.

use std::{collections::HashMap, time::Duration};

use base::JobId;

/// A lease as a row shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub job: JobId,
    pub token: String,
    /// Renewals so far.
    pub beats: i64,
    pub length: Duration,
}

/// Since when each lease has looked as it does; time on a clock that nobody sets.
#[derive(Debug, Default)]
pub(crate) struct Leases(HashMap<JobId, (Lease, Duration)>);

impl Leases {
    /// Notes a lease that this process has given itself.
    pub(crate) fn note(&mut self, lease: Lease, now: Duration) {
        self.0.insert(lease.job.clone(), (lease, now));
    }

    /// Notes the leases there are; those that have run out. It remembers no others, so it is as large as `there`.
    pub(crate) fn look(&mut self, there: Vec<Lease>, now: Duration) -> Vec<Lease> {
        let mut known = HashMap::with_capacity(there.len());
        let mut over = Vec::new();
        for lease in there {
            let before = self.0.remove(&lease.job).filter(|(known, _)| *known == lease);
            let since = before.map_or(now, |(_, since)| since);
            if now.saturating_sub(since) >= lease.length {
                over.push(lease.clone());
            }
            known.insert(lease.job.clone(), (lease, since));
        }
        self.0 = known;
        over
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    const LENGTH: Duration = Duration::from_secs(10);

    fn lease(job: u8, beats: i64) -> Lease {
        Lease { job: JobId::from((Timestamp(0), [job; 10])), token: "t".to_owned(), beats, length: LENGTH }
    }

    #[test]
    fn a_lease_is_over_when_it_was_seen_unchanged_for_its_length() {
        let mut leases = Leases::default();
        let at = Duration::from_secs;
        assert_eq!(leases.look(vec![lease(1, 0), lease(2, 0)], at(100)), []);
        assert_eq!(leases.look(vec![lease(1, 0), lease(2, 1)], at(105)), []);
        assert_eq!(leases.look(vec![lease(1, 0), lease(2, 1)], at(110)), [lease(1, 0)]);
        assert_eq!(leases.look(vec![lease(2, 1)], at(114)), []);
        assert_eq!(leases.look(vec![lease(2, 1)], at(115)), [lease(2, 1)]);
    }

    #[test]
    fn what_was_gone_for_a_while_starts_anew() {
        let mut leases = Leases::default();
        leases.note(lease(1, 0), Duration::from_secs(1));
        assert_eq!(leases.look(Vec::new(), Duration::from_secs(2)), []);
        assert_eq!(leases.look(vec![lease(1, 0)], Duration::from_secs(20)), []);
    }
}
