//! What is still to be read, in the order that reading depends on.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use super::Progress;
use crate::{At, place::Place};

/// Something to read.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub place: Place,
    pub role: Role,
    /// The playlist and line that name it; an entry has none.
    pub cited: Option<(Arc<str>, At)>,
}

/// What a resource is read as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Entry,
    List {
        i_frames: bool,
        imports: Arc<BTreeMap<String, String>>,
    },
    Header,
    Segment {
        header: Option<Place>,
        sealed: bool,
    },
    /// An I-frame's byte range.
    Range {
        header: Option<Place>,
    },
}

const STAGES: usize = 5;

impl Role {
    /// Each stage needs all of the ones before: segments are read with their header at hand, and I-frame
    /// ranges only where no whole segment was.
    const fn stage(&self) -> usize {
        match self {
            Self::Entry => 0,
            Self::List { .. } => 1,
            Self::Header => 2,
            Self::Segment { .. } => 3,
            Self::Range { .. } => 4,
        }
    }
}

/// Tasks by stage. A place is read once, however many playlists name it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    stages: [VecDeque<Task>; STAGES],
    awaited: BTreeMap<Place, Task>,
    known: BTreeSet<Place>,
    entry: Option<Arc<str>>,
    asked: u64,
    /// Tasks that turned out to need no reading.
    spared: u64,
}

impl Queue {
    /// Adds a task; false when its place is known already.
    pub fn push(&mut self, task: Task) -> bool {
        if self.entry.is_none() {
            self.entry = Some(task.place.uri.clone());
        }
        let fresh = self.known.insert(task.place.clone());
        if fresh {
            self.stages[task.role.stage()].push_back(task);
        }
        fresh
    }

    /// The next task of the earliest stage that has any, unless answers of an earlier stage are awaited.
    /// I-frame ranges that are `covered` are passed over.
    pub fn next(&mut self, covered: impl Fn(&Place) -> bool) -> Option<Task> {
        for stage in 0..STAGES {
            while let Some(task) = self.stages[stage].pop_front() {
                if matches!(task.role, Role::Range { .. }) && covered(&task.place) {
                    self.spared += 1;
                    continue;
                }
                self.asked += 1;
                self.awaited.insert(task.place.clone(), task.clone());
                return Some(task);
            }
            if self.awaited.values().any(|task| task.role.stage() == stage) {
                return None;
            }
        }
        None
    }

    /// Takes a task whose answer came.
    pub fn answered(&mut self, place: &Place) -> Option<Task> {
        self.awaited.remove(place)
    }

    pub const fn asked(&self) -> u64 {
        self.asked
    }

    pub fn is_empty(&self) -> bool {
        self.unread() == 0
    }

    /// Tasks not yet answered.
    pub fn unread(&self) -> usize {
        self.awaited.len() + self.stages.iter().map(VecDeque::len).sum::<usize>()
    }

    pub fn progress(&self) -> Progress {
        let known = self.known.len() as u64 - self.spared;
        Progress { done: known - self.unread() as u64, known }
    }

    /// The URI of the first entry.
    pub fn first_uri(&self) -> Arc<str> {
        self.entry.clone().unwrap_or_else(|| Arc::from(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(uri: &str, role: Role) -> Task {
        Task { place: Place::whole(Arc::from(uri)), role, cited: None }
    }

    #[test]
    fn a_stage_waits_for_the_answers_of_the_one_before() {
        let mut queue = Queue::default();
        queue.push(task("s", Role::Segment { header: None, sealed: false }));
        queue.push(task("h", Role::Header));
        assert!(!queue.push(task("h", Role::Header)));
        let header = queue.next(|_| false).unwrap();
        assert_eq!(&*header.place.uri, "h");
        assert!(queue.next(|_| false).is_none());
        assert_eq!(queue.progress(), Progress { done: 0, known: 2 });
        assert!(queue.answered(&header.place).is_some());
        assert!(queue.answered(&header.place).is_none());
        assert_eq!(&*queue.next(|_| false).unwrap().place.uri, "s");
    }

    #[test]
    fn covered_ranges_are_passed_over() {
        let mut queue = Queue::default();
        queue.push(task("r", Role::Range { header: None }));
        assert!(queue.next(|_| true).is_none());
        assert!(queue.is_empty());
        assert_eq!(queue.progress(), Progress { done: 0, known: 0 });
    }
}
