//! Which files of a folder have stopped changing. Pure: what was found and when goes in.

use std::{collections::HashMap, ffi::OsString, time::Duration};

/// What a file looks like from outside; one that is written to looks otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Which file it is.
    pub inode: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// When it last changed, in nanoseconds since 1970.
    pub changed_ns: i128,
}

/// What is remembered of a folder's files from look to look.
#[derive(Debug, Default)]
pub(super) struct Settling(HashMap<OsString, (Standing, Duration)>);

impl Settling {
    /// Takes a look at what was found at `now` by a clock that nobody sets; the files that have looked the same for
    /// `settle`, those that have for longest first.
    pub(super) fn look(
        &mut self,
        found: Vec<(OsString, Standing)>,
        now: Duration,
        settle: Duration,
    ) -> Vec<OsString> {
        let mut before = std::mem::take(&mut self.0);
        let mut settled = Vec::new();
        for (name, standing) in found {
            let known = before.remove(&name).filter(|(before, _)| *before == standing);
            let since = known.map_or(now, |(_, since)| since);
            if now.saturating_sub(since) >= settle {
                settled.push((since, name.clone()));
            }
            self.0.insert(name, (standing, since));
        }
        settled.sort();
        settled.into_iter().map(|(_, name)| name).collect()
    }

    /// How many files are waited for.
    pub(super) fn waiting(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETTLE: Duration = Duration::from_secs(10);

    fn found(files: &[(&str, u64)]) -> Vec<(OsString, Standing)> {
        let standing = |bytes| Standing { inode: 1, bytes, changed_ns: 0 };
        files.iter().map(|(name, bytes)| (OsString::from(name), standing(*bytes))).collect()
    }

    fn look(settling: &mut Settling, at: u64, files: &[(&str, u64)]) -> Vec<OsString> {
        settling.look(found(files), Duration::from_secs(at), SETTLE)
    }

    #[test]
    fn a_file_settles_once_it_stands() {
        let mut settling = Settling::default();
        assert!(look(&mut settling, 0, &[("a", 1)]).is_empty());
        assert!(look(&mut settling, 9, &[("a", 2)]).is_empty(), "it grew");
        assert!(look(&mut settling, 18, &[("a", 2), ("b", 5)]).is_empty());
        assert_eq!(look(&mut settling, 19, &[("a", 2), ("b", 5)]), ["a"]);
        assert_eq!(look(&mut settling, 28, &[("b", 5), ("a", 2)]), ["a", "b"], "longest first");
        assert_eq!(settling.waiting(), 2);
    }

    #[test]
    fn a_file_that_went_and_came_begins_anew() {
        let mut settling = Settling::default();
        look(&mut settling, 0, &[("a", 1)]);
        look(&mut settling, 5, &[]);
        assert!(look(&mut settling, 10, &[("a", 1)]).is_empty());
        assert_eq!(look(&mut settling, 20, &[("a", 1)]), ["a"]);
    }

    proptest! {
        #[test]
        fn nothing_settles_that_changed_within_the_time(sizes in proptest::collection::vec(0u64..3, 1..30)) {
            let mut settling = Settling::default();
            let mut since = 0;
            for (second, size) in (0u64..).zip(&sizes) {
                if second > 0 && sizes[usize::try_from(second).expect("small") - 1] != *size {
                    since = second;
                }
                let settled = look(&mut settling, second, &[("a", *size)]);
                prop_assert_eq!(!settled.is_empty(), second - since >= 10);
            }
        }
    }
}
