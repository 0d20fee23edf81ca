//! What counts of an upload in progress, and the numbers and sizes of its parts.

use serde::{Deserialize, Serialize};

use crate::sums::Sums;

/// Sizes of parts, in bytes, and up to which number. 10,000 parts are the most an upload may have; these hold
/// more than a tebibyte.
const PART_BYTES: [(i32, usize); 3] = [(3_000, 8 << 20), (6_000, 64 << 20), (10_000, 256 << 20)];

/// What counts of an upload in progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The multipart upload's name at the server.
    pub upload: String,
    /// The object it becomes.
    pub object: String,
    /// The parts that count.
    pub parts: Vec<Run>,
    /// Bytes in them.
    pub part_bytes: u64,
    /// Sums of the bytes in them; `None` for an upload that was begun by a release that kept none.
    #[serde(default)]
    pub sums: Option<Sums>,
    pub tail: Option<Tail>,
    /// The number of the next part: nobody has used it or a larger one, but a writer that was overtaken with one
    /// part under way.
    pub next: i32,
    /// Who is appending, or was when it ended without a word.
    pub writer: Option<String>,
}

/// Parts with consecutive numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    pub first: i32,
    pub count: i32,
}

/// What was left over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tail {
    /// The full name of the object that holds it.
    pub name: String,
    pub bytes: u64,
    /// CRC-32 (ITU-T V.42) of it; `None` for one that was written by a release that kept none.
    #[serde(default)]
    pub sum: Option<u32>,
}

impl Tail {
    pub(super) fn is(&self, bytes: &[u8]) -> bool {
        self.bytes == bytes.len() as u64 && self.sum.is_none_or(|sum| sum == crc32fast::hash(bytes))
    }
}

impl State {
    pub(super) fn begin(upload: String, object: String) -> Self {
        let sums = Some(Sums::default());
        Self { upload, object, parts: Vec::new(), part_bytes: 0, sums, tail: None, next: 1, writer: None }
    }

    pub(super) fn len(&self) -> u64 {
        self.part_bytes + self.tail.as_ref().map_or(0, |tail| tail.bytes)
    }

    /// The number that nobody can have used.
    pub(super) fn free_number(&self) -> i32 {
        self.next + i32::from(self.writer.is_some())
    }

    /// Bytes of the next part; `None` when there may be no more.
    pub(super) fn next_part_bytes(&self) -> Option<usize> {
        PART_BYTES.iter().find(|(last, _)| self.next <= *last).map(|(_, bytes)| *bytes)
    }

    /// Counts the part that was uploaded under the next number.
    pub(super) fn count(&mut self, part: &[u8]) {
        match self.parts.last_mut() {
            Some(run) if run.first + run.count == self.next => run.count += 1,
            _ => self.parts.push(Run { first: self.next, count: 1 }),
        }
        if let Some(sums) = &mut self.sums {
            sums.push(part);
        }
        self.part_bytes += part.len() as u64;
        self.next += 1;
    }

    pub(super) fn counts(&self, number: i32) -> bool {
        self.parts.iter().any(|run| (run.first..run.first + run.count).contains(&number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_so_that_ten_thousand_hold_a_tebibyte() {
        let (mut bytes, mut last) = (0_u64, 0);
        for (upto, size) in PART_BYTES {
            assert!((5 << 20..=5 << 30).contains(&size), "S3 takes parts of 5 MiB to 5 GiB");
            bytes += u64::from((upto - last).unsigned_abs()) * size as u64;
            last = upto;
        }
        assert!(last == 10_000 && bytes > 1 << 40);
        let part = |next| State { next, ..State::begin(String::new(), String::new()) }.next_part_bytes();
        assert_eq!([part(1), part(3_000)], [Some(8 << 20); 2]);
        assert_eq!(part(3_001), Some(64 << 20));
        assert_eq!([part(10_000), part(10_001)], [Some(256 << 20), None]);
    }

    #[test]
    fn a_number_left_out_begins_another_run() {
        let mut state = State::begin(String::new(), String::new());
        (0..2).for_each(|_| state.count(b"bytes"));
        state.writer = Some("w".to_owned());
        state.next = state.free_number();
        (0..3).for_each(|_| state.count(b"bytes"));
        assert_eq!(state.parts, [Run { first: 1, count: 2 }, Run { first: 4, count: 3 }]);
        assert_eq!((state.len(), state.next), (25, 7));
        assert_eq!((1..=7).filter(|number| state.counts(*number)).collect::<Vec<_>>(), [1, 2, 4, 5, 6]);
    }
}
