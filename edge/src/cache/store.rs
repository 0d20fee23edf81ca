//! Stored answers in bounded memory, evicted by SIEVE (Zhang et al., NSDI '24): answers stand in order of
//! arrival; a hand walks from the oldest to the newest and takes the first that nobody asked for since it
//! last passed. A hit only sets a flag, and a scan of objects asked for once leaves soon.

use std::{collections::HashMap, sync::Arc};

use super::{chunks::Chunks, freshness::Policy, head::Head, key::Key};

/// Memory of an entry besides its path, headers and bytes, roughly.
const ENTRY_BYTES: u64 = 512;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Stored {
    pub head: Arc<Head>,
    pub policy: Policy,
    pub chunks: Chunks,
}

impl Stored {
    fn weight(&self, key: &Key) -> u64 {
        ENTRY_BYTES + key.weight() + self.head.weight() + self.chunks.length()
    }
}

struct Slot {
    key: Key,
    value: Arc<Stored>,
    weight: u64,
    asked_for: bool,
    older: Option<usize>,
    newer: Option<usize>,
}

/// At most `bytes_max` bytes of answers and of promises to fills.
pub(crate) struct Store {
    index: HashMap<Key, usize>,
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    oldest: Option<usize>,
    newest: Option<usize>,
    hand: Option<usize>,
    stored_bytes: u64,
    promised_bytes: u64,
    bytes_max: u64,
    evictions: u64,
}

impl Store {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self {
            index: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            oldest: None,
            newest: None,
            hand: None,
            stored_bytes: 0,
            promised_bytes: 0,
            bytes_max,
            evictions: 0,
        }
    }

    fn slot(&mut self, at: usize) -> &mut Slot {
        self.slots[at].as_mut().expect("the index and the links name occupied slots only")
    }

    pub(crate) fn get(&mut self, key: &Key) -> Option<Arc<Stored>> {
        let at = *self.index.get(key)?;
        let slot = self.slot(at);
        slot.asked_for = true;
        Some(Arc::clone(&slot.value))
    }

    /// Puts an answer in place of any earlier one under its key, and evicts until the bound holds; an answer
    /// that cannot fit at all is not kept.
    pub(crate) fn insert(&mut self, key: Key, value: Arc<Stored>) {
        let weight = value.weight(&key);
        let asked_for = self.remove(&key);
        if self.promised_bytes.saturating_add(weight) > self.bytes_max {
            return;
        }
        self.stored_bytes += weight;
        let at = self.free.pop().unwrap_or(self.slots.len());
        let slot = Slot { key: key.clone(), value, weight, asked_for, older: self.newest, newer: None };
        match self.slots.get_mut(at) {
            Some(empty) => *empty = Some(slot),
            None => self.slots.push(Some(slot)),
        }
        match self.newest.replace(at) {
            Some(before) => self.slot(before).newer = Some(at),
            None => self.oldest = Some(at),
        }
        self.index.insert(key, at);
        self.shrink();
    }

    /// Whether what was removed had been asked for since the hand last passed.
    pub(crate) fn remove(&mut self, key: &Key) -> bool {
        let removed = self.index.get(key).copied().map(|at| self.unlink(at));
        removed.is_some_and(|slot| slot.asked_for)
    }

    /// Removes every answer at `path` and below it.
    pub(crate) fn purge(&mut self, path: &str) {
        let under = self.index.iter().filter(|(key, _)| key.lies_under(path));
        let purged: Vec<usize> = under.map(|(_, at)| *at).collect();
        for at in purged {
            self.unlink(at);
        }
    }

    fn unlink(&mut self, at: usize) -> Slot {
        let slot = self.slots[at].take().expect("only occupied slots are unlinked");
        match slot.older {
            Some(older) => self.slot(older).newer = slot.newer,
            None => self.oldest = slot.newer,
        }
        match slot.newer {
            Some(newer) => self.slot(newer).older = slot.older,
            None => self.newest = slot.older,
        }
        if self.hand == Some(at) {
            self.hand = slot.newer;
        }
        self.index.remove(&slot.key);
        self.free.push(at);
        self.stored_bytes -= slot.weight;
        slot
    }

    /// Promises memory to a fill, evicting as needed; `false` when other fills already hold too much.
    pub(crate) fn promise(&mut self, bytes: u64) -> bool {
        let promised = self.promised_bytes.saturating_add(bytes);
        if promised > self.bytes_max {
            return false;
        }
        self.promised_bytes = promised;
        self.shrink();
        true
    }

    /// Takes a promise back.
    pub(crate) fn release(&mut self, bytes: u64) {
        self.promised_bytes = self.promised_bytes.saturating_sub(bytes);
    }

    fn shrink(&mut self) {
        while self.stored_bytes + self.promised_bytes > self.bytes_max && self.evict() {}
    }

    /// Evicts one answer; `false` when there is none. Each step of the hand clears a flag or evicts, so it
    /// ends within two rounds.
    fn evict(&mut self) -> bool {
        while let Some(at) = self.hand.or(self.oldest) {
            let slot = self.slot(at);
            if !slot.asked_for {
                self.unlink(at);
                self.evictions += 1;
                return true;
            }
            slot.asked_for = false;
            self.hand = slot.newer;
        }
        false
    }

    pub(crate) fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// Evictions since the last call.
    pub(crate) fn take_evictions(&mut self) -> u64 {
        std::mem::take(&mut self.evictions)
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use bytes::Bytes;
    use http::{HeaderMap, Response, StatusCode};
    use httpkit::encoding::Coding;
    use proptest::prelude::*;

    use super::*;
    use crate::cache::{freshness::Times, key::Access};

    fn key(name: usize) -> Key {
        Key {
            path: format!("/media/a/{name:03}").into(),
            directives: "".into(),
            coding: Coding::Identity,
            access: Access::Public,
        }
    }

    fn stored(bytes: usize) -> Arc<Stored> {
        let (parts, ()) = Response::new(()).into_parts();
        let head = Arc::new(Head::of(parts, Some(bytes as u64), Timestamp(0)));
        let times = Times { requested: Timestamp(0), received: Timestamp(0) };
        let policy =
            Policy::of(Coding::Identity, StatusCode::OK, &HeaderMap::new(), times).expect("storable");
        let mut chunks = Chunks::default();
        chunks.push(Bytes::from(vec![0; bytes]));
        Arc::new(Stored { head, policy, chunks })
    }

    fn weight(bytes: usize) -> u64 {
        stored(bytes).weight(&key(0))
    }

    #[test]
    fn what_is_asked_for_outlives_a_scan() {
        let mut store = Store::new(10 * weight(1000));
        store.insert(key(999), stored(1000));
        for name in 0..100 {
            assert!(store.get(&key(999)).is_some(), "after {name} others");
            store.insert(key(name), stored(1000));
        }
        assert_eq!(store.take_evictions(), 91);
        assert_eq!(store.take_evictions(), 0);
    }

    #[test]
    fn promises_count_and_come_first() {
        let mut store = Store::new(10 * weight(1000));
        (0..10).for_each(|name| store.insert(key(name), stored(1000)));
        assert!(store.promise(4 * weight(1000)));
        assert_eq!(store.stored_bytes(), 6 * weight(1000));
        assert!(!store.promise(7 * weight(1000)));
        assert!(store.promise(6 * weight(1000)));
        assert_eq!(store.stored_bytes(), 0);
        store.insert(key(1), stored(1000));
        assert!(store.get(&key(1)).is_none(), "no room beside the promises");
        store.release(10 * weight(1000));
        store.insert(key(1), stored(1000));
        assert!(store.get(&key(1)).is_some());
    }

    #[test]
    fn a_newer_answer_replaces_the_older() {
        let mut store = Store::new(10 * weight(1000));
        store.insert(key(1), stored(1000));
        store.insert(key(1), stored(10));
        assert_eq!(store.get(&key(1)).map(|value| value.chunks.length()), Some(10));
        assert_eq!(store.stored_bytes(), weight(10));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(usize, usize),
        Get(usize),
        Remove(usize),
        Promise(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..30usize, 0..3000usize).prop_map(|(name, bytes)| Step::Insert(name, bytes)),
            (0..30usize).prop_map(Step::Get),
            (0..30usize).prop_map(Step::Remove),
            (0..9000u64).prop_map(Step::Promise),
        ]
    }

    proptest! {
        #[test]
        fn the_bound_holds_and_the_books_are_right(steps in prop::collection::vec(step(), 1..200)) {
            let mut store = Store::new(8_000);
            for step in steps {
                match step {
                    Step::Insert(name, bytes) => store.insert(key(name), stored(bytes)),
                    Step::Get(name) => drop(store.get(&key(name))),
                    Step::Remove(name) => drop(store.remove(&key(name))),
                    Step::Promise(bytes) => {
                        if store.promise(bytes) {
                            prop_assert!(store.stored_bytes() + bytes <= 8_000);
                            store.release(bytes);
                        }
                    }
                }
                prop_assert!(store.stored_bytes() <= 8_000);
                let weights: u64 = store.slots.iter().flatten().map(|slot| slot.weight).sum();
                prop_assert_eq!(weights, store.stored_bytes());
                prop_assert_eq!(store.slots.iter().flatten().count(), store.index.len());
                let (mut linked, mut at) = (0, store.oldest);
                while let Some(next) = at {
                    linked += 1;
                    at = store.slots[next].as_ref().and_then(|slot| slot.newer);
                }
                prop_assert_eq!(linked, store.index.len());
            }
        }
    }
}
