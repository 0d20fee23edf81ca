//! What is done to a film. The same number makes the same mutant.

use std::fmt;

use bytes::Bytes;
use tests::SplitMix;

use super::{
    films::Films,
    sites::{Site, sites},
};

/// Values at which lengths and counts break.
const EDGES: [u64; 14] =
    [0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, u64::MAX];
/// Bytes at the front that are mostly headers.
const FRONT: usize = 4096;
/// The largest range that is moved, cut or blanked, as a part of the film.
const RANGE_PART: u64 = 4;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// A length, count or type got a value at which programs break.
    Edge,
    /// The same, a little off.
    OffByLittle,
    /// Fields of the structure hold random bytes.
    Field,
    /// The front holds some random bytes.
    Front,
    /// Bits are turned anywhere.
    Bits,
    /// The end is missing.
    Truncated,
    /// A range is there twice.
    Duplicated,
    /// A range is zero.
    Zeroed,
    /// A range is missing.
    Cut,
    /// Random bytes lie in between.
    Inserted,
    /// Two ranges have changed places.
    Swapped,
}

pub const HOWS: [How; 11] = [
    How::Edge,
    How::OffByLittle,
    How::Field,
    How::Front,
    How::Bits,
    How::Truncated,
    How::Duplicated,
    How::Zeroed,
    How::Cut,
    How::Inserted,
    How::Swapped,
];

pub struct Mutant {
    pub number: u64,
    pub film: &'static str,
    pub how: Vec<How>,
    pub bytes: Bytes,
}

impl fmt::Debug for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mutant {} of {} by {:?}", self.number, self.film, self.how)
    }
}

struct Mutation {
    random: SplitMix,
    bytes: Vec<u8>,
    sites: Vec<Site>,
}

/// The mutant of a number: one to three things are done to one of the films.
pub fn mutant(films: &Films, number: u64) -> Mutant {
    let mut random = SplitMix::new(number);
    let film = &films.0[random.index(films.0.len())];
    let (bytes, sites) = (film.bytes.to_vec(), sites(film.container, &film.bytes));
    let times = 1 + random.index(3);
    let mut mutation = Mutation { random, bytes, sites };
    let how = (0..times).map(|_| mutation.mutate()).collect();
    Mutant { number, film: film.name, how, bytes: mutation.bytes.into() }
}

impl Mutation {
    fn mutate(&mut self) -> How {
        let how = HOWS[self.random.index(HOWS.len())];
        match how {
            How::Edge => {
                let value = EDGES[self.random.index(EDGES.len())];
                self.set(value);
            }
            How::OffByLittle => self.nudge(),
            How::Field => (0..=self.random.index(4)).for_each(|_| self.field()),
            How::Front => self.sprinkle(FRONT, 16),
            How::Bits => self.bits(),
            How::Truncated => self.bytes.truncate(self.random.index(self.bytes.len() + 1)),
            How::Duplicated => {
                let (from, to) = self.range();
                let (copy, at) = (self.bytes[from..to].to_vec(), self.place());
                self.bytes.splice(at..at, copy);
            }
            How::Zeroed => {
                let (from, to) = self.range();
                self.bytes[from..to].fill(0);
            }
            How::Cut => {
                let (from, to) = self.range();
                self.bytes.drain(from..to);
            }
            How::Inserted => {
                let (from, to) = self.range();
                let noise: Vec<u8> = (from..to).map(|_| self.random.byte()).collect();
                let at = self.place();
                self.bytes.splice(at..at, noise);
            }
            How::Swapped => self.swap(),
        }
        how
    }

    /// A site that is still there.
    fn site(&mut self) -> Option<Site> {
        let len = self.bytes.len();
        let there: Vec<Site> = self.sites.iter().copied().filter(|site| site.at + site.len <= len).collect();
        if there.is_empty() { None } else { Some(there[self.random.index(there.len())]) }
    }

    fn set(&mut self, value: u64) {
        let Some(Site { at, len }) = self.site() else { return };
        let (len, big) = (len.min(8), value.to_be_bytes());
        let mut bytes = big[8 - len..].to_vec();
        if self.random.below(2) == 0 {
            bytes.reverse();
        }
        self.bytes[at..at + len].copy_from_slice(&bytes);
    }

    fn nudge(&mut self) {
        let Some(Site { at, len }) = self.site() else { return };
        let inside = at + self.random.index(len);
        let by = [1, 255, 4, 252, 128][self.random.index(5)];
        self.bytes[inside] = self.bytes[inside].wrapping_add(by);
    }

    fn field(&mut self) {
        let Some(Site { at, len }) = self.site() else { return };
        for place in at..at + len {
            self.bytes[place] = self.random.byte();
        }
    }

    /// Up to `most` random bytes within the first `front`.
    fn sprinkle(&mut self, front: usize, most: usize) {
        let front = front.min(self.bytes.len());
        for _ in 0..=self.random.index(most) {
            if front > 0 {
                let at = self.random.index(front);
                self.bytes[at] = self.random.byte();
            }
        }
    }

    fn bits(&mut self) {
        for _ in 0..=self.random.index(64) {
            if !self.bytes.is_empty() {
                let at = self.random.index(self.bytes.len());
                self.bytes[at] ^= 1 << self.random.below(8);
            }
        }
    }

    fn place(&mut self) -> usize {
        self.random.index(self.bytes.len() + 1)
    }

    /// A range of at most a quarter of the film.
    fn range(&mut self) -> (usize, usize) {
        let longest = self.bytes.len() as u64 / RANGE_PART;
        let from = self.place();
        let len = usize::try_from(self.random.below(longest + 1)).expect("a small film");
        (from, self.bytes.len().min(from + len))
    }

    fn swap(&mut self) {
        let (from, to) = self.range();
        let (len, other) = (to - from, self.place());
        if other + len <= from || other >= to && other + len <= self.bytes.len() {
            let (one, two) = (self.bytes[from..to].to_vec(), self.bytes[other..other + len].to_vec());
            self.bytes[from..to].copy_from_slice(&two);
            self.bytes[other..other + len].copy_from_slice(&one);
        }
    }
}
