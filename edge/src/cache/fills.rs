//! The fills that are running, bounded in all and for each path.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use super::{flow::Flow, key::Key};

/// How many fills may run at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FillsMax {
    /// Of all keys.
    pub total: usize,
    /// Of the keys of one path: who makes up directives for one list takes no fill of another.
    pub per_path: usize,
}

/// What a request for a key joins.
pub(super) enum Joined {
    /// A fill that somebody else began.
    Running(Arc<Flow>),
    /// A fill that the requester is to begin.
    New(Arc<Flow>),
    /// There are too many.
    Full,
}

/// The fills that are running.
pub(super) struct Fills {
    flows: HashMap<Key, Arc<Flow>>,
    /// How many of them each path has; none has 0.
    of_path: HashMap<Arc<str>, usize>,
    max: FillsMax,
}

impl Fills {
    pub(super) fn new(max: FillsMax) -> Self {
        Self { flows: HashMap::new(), of_path: HashMap::new(), max }
    }

    pub(super) fn len(&self) -> usize {
        self.flows.len()
    }

    /// The running fill of a key, or a new one.
    pub(super) fn join(&mut self, key: &Key) -> Joined {
        let running = self.flows.len();
        match self.flows.entry(key.clone()) {
            Entry::Occupied(fill) => Joined::Running(Arc::clone(fill.get())),
            Entry::Vacant(_) if running >= self.max.total => Joined::Full,
            Entry::Vacant(place) => {
                let of_path = self.of_path.get(&key.path).copied().unwrap_or(0);
                if of_path >= self.max.per_path {
                    return Joined::Full;
                }
                self.of_path.insert(Arc::clone(&key.path), of_path + 1);
                Joined::New(Arc::clone(place.insert(Arc::new(Flow::new()))))
            }
        }
    }

    /// Takes a fill away; `false` when it is not the one that runs for its key.
    pub(super) fn remove(&mut self, key: &Key, flow: &Arc<Flow>) -> bool {
        let runs = self.flows.get(key).is_some_and(|own| Arc::ptr_eq(own, flow));
        if runs {
            self.flows.remove(key);
            forget(&mut self.of_path, &key.path);
        }
        runs
    }

    /// Takes all fills at `path` and below it away.
    pub(super) fn purge(&mut self, path: &str) {
        let of_path = &mut self.of_path;
        self.flows.retain(|key, _| {
            let stays = !key.lies_under(path);
            if !stays {
                forget(of_path, &key.path);
            }
            stays
        });
    }
}

fn forget(of_path: &mut HashMap<Arc<str>, usize>, path: &str) {
    if let Some(count) = of_path.get_mut(path) {
        *count -= 1;
        if *count == 0 {
            of_path.remove(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use httpkit::encoding::Coding;
    use proptest::prelude::*;

    use super::*;
    use crate::cache::key::Access;

    fn key(path: usize, part: usize) -> Key {
        Key {
            path: format!("/live/a/{path}.m3u8").into(),
            directives: format!("_HLS_msn=1&_HLS_part={part}").into(),
            coding: Coding::Identity,
            access: Access::Public,
        }
    }

    fn begun(fills: &mut Fills, key: &Key) -> Option<Arc<Flow>> {
        match fills.join(key) {
            Joined::New(flow) => Some(flow),
            Joined::Running(_) | Joined::Full => None,
        }
    }

    #[test]
    fn one_path_takes_only_its_share() {
        let mut fills = Fills::new(FillsMax { total: 5, per_path: 2 });
        let first = begun(&mut fills, &key(0, 0)).expect("new");
        assert!(begun(&mut fills, &key(0, 1)).is_some());
        assert!(matches!(fills.join(&key(0, 2)), Joined::Full));
        assert!(matches!(fills.join(&key(0, 1)), Joined::Running(_)), "who joins is never refused");
        assert!(begun(&mut fills, &key(1, 2)).is_some());
        assert!(fills.remove(&key(0, 0), &first));
        assert!(begun(&mut fills, &key(0, 2)).is_some());
        assert!(begun(&mut fills, &key(1, 0)).is_some());
        assert!(begun(&mut fills, &key(2, 0)).is_some());
        assert!(matches!(fills.join(&key(3, 0)), Joined::Full), "five in all");
    }

    #[test]
    fn what_was_purged_is_not_taken_away_again() {
        let mut fills = Fills::new(FillsMax { total: 5, per_path: 1 });
        let old = begun(&mut fills, &key(0, 0)).expect("new");
        fills.purge("/live/a");
        let new = begun(&mut fills, &key(0, 0)).expect("new");
        assert!(!fills.remove(&key(0, 0), &old));
        assert!(matches!(fills.join(&key(0, 1)), Joined::Full));
        assert!(fills.remove(&key(0, 0), &new));
        assert_eq!((fills.len(), fills.of_path.len()), (0, 0));
    }

    proptest! {
        #[test]
        fn the_books_are_right(steps in prop::collection::vec((0..4u8, 0..3usize, 0..5usize), 1..100)) {
            let mut fills = Fills::new(FillsMax { total: 8, per_path: 3 });
            let mut flows = HashMap::new();
            for (step, path, part) in steps {
                let key = key(path, part);
                match (step, flows.get(&key)) {
                    (0, _) => fills.purge(&key.path),
                    (1, Some(flow)) => drop(fills.remove(&key, flow)),
                    _ => flows.extend(begun(&mut fills, &key).map(|flow| (key, flow))),
                }
                prop_assert!(fills.len() <= 8);
                for path in 0..3 {
                    let running = fills.flows.keys().filter(|known| known.path == self::key(path, 0).path).count();
                    let counted = fills.of_path.get(&self::key(path, 0).path).copied();
                    prop_assert_eq!(counted, (running > 0).then_some(running));
                    prop_assert!(running <= 3);
                }
            }
        }
    }
}
