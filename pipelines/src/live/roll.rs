//! Which pictures are on their way through decoder and encoders, and which were lost there.
//!
//! Pictures leave a decoder in presentation order. When one comes out, all that were to come before it never will.

use std::collections::BTreeMap;

use gstreamer as gst;

/// Pictures that may be on their way: many times what decoders and encoders hold.
const WAY_MAX: usize = 1024;

struct Due {
    key: bool,
    taken: gst::ClockTime,
}

/// What is known of a picture that came out of the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Whether it was due; another is none of the stream's.
    pub due: bool,
    /// Whether decoding must be able to begin with it: it, or a lost picture since the last one, was a key picture.
    pub key: bool,
    /// Pictures that are known to be lost now.
    pub lost: u64,
}

/// The pictures on their way, by presentation time in ticks.
#[derive(Default)]
pub struct Roll {
    decoding: BTreeMap<i64, Due>,
    encoding: BTreeMap<i64, gst::ClockTime>,
    lost_key: bool,
}

impl Roll {
    /// A unit goes to the decoder. Returns how many pictures are given up for it.
    pub fn taken(&mut self, pts: i64, key: bool, now: gst::ClockTime) -> u64 {
        let mut lost = u64::from(self.decoding.insert(pts, Due { key, taken: now }).is_some());
        while self.decoding.len() > WAY_MAX {
            self.lost_key |= self.decoding.pop_first().is_some_and(|(_, due)| due.key);
            lost += 1;
        }
        lost
    }

    /// A picture came out of the decoder.
    pub fn shown(&mut self, pts: i64) -> Shown {
        let later = self.decoding.split_off(&pts);
        let earlier = std::mem::replace(&mut self.decoding, later);
        self.lost_key |= earlier.values().any(|due| due.key);
        let lost = earlier.len() as u64;
        let Some(due) = self.decoding.remove(&pts) else { return Shown { due: false, key: false, lost } };
        self.encoding.insert(pts, due.taken);
        if self.encoding.len() > WAY_MAX {
            self.encoding.pop_first();
        }
        let key = due.key || std::mem::take(&mut self.lost_key);
        self.lost_key &= !key;
        Shown { due: true, key, lost }
    }

    /// A picture came out of the last encoder. Returns when its unit was taken.
    pub fn sent(&mut self, pts: i64) -> Option<gst::ClockTime> {
        let later = self.encoding.split_off(&pts.saturating_add(1));
        std::mem::replace(&mut self.encoding, later).remove(&pts)
    }

    /// The stream is over: how many pictures never came.
    pub fn end(&mut self) -> u64 {
        std::mem::take(&mut self.decoding).len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roll(pictures: &[(i64, bool)]) -> Roll {
        let mut roll = Roll::default();
        for (pts, key) in pictures {
            assert_eq!(roll.taken(*pts, *key, gst::ClockTime::SECOND), 0);
        }
        roll
    }

    const fn shown(key: bool, lost: u64) -> Shown {
        Shown { due: true, key, lost }
    }

    #[test]
    fn reordered_pictures_are_all_found() {
        let mut roll = roll(&[(0, true), (3, false), (1, false), (2, false)]);
        let found: Vec<Shown> = (0..4).map(|pts| roll.shown(pts)).collect();
        assert_eq!(found, [shown(true, 0), shown(false, 0), shown(false, 0), shown(false, 0)]);
        assert_eq!(roll.end(), 0);
    }

    #[test]
    fn a_lost_key_makes_the_next_picture_one() {
        let mut roll = roll(&[(0, true), (1, false), (2, true), (3, false), (4, false)]);
        assert_eq!(roll.shown(0), shown(true, 0));
        assert_eq!(roll.shown(3), shown(true, 2));
        assert_eq!(roll.shown(4), shown(false, 0));
    }

    #[test]
    fn strangers_and_the_past_are_not_due() {
        let mut roll = roll(&[(0, true), (1, false), (2, false)]);
        assert_eq!(roll.shown(2), shown(true, 2));
        assert_eq!(roll.shown(1), Shown { due: false, key: false, lost: 0 });
        assert_eq!(roll.shown(9), Shown { due: false, key: false, lost: 0 });
    }

    #[test]
    fn lateness_counts_from_the_taking() {
        let mut roll = roll(&[(0, true), (1, false)]);
        assert_eq!(roll.sent(0), None, "not decoded yet");
        roll.shown(0);
        roll.shown(1);
        assert_eq!(roll.sent(1), Some(gst::ClockTime::SECOND));
        assert!(roll.encoding.is_empty());
    }

    #[test]
    fn what_never_decodes_is_bounded() {
        let mut roll = Roll::default();
        let lost: u64 = (0..5000).map(|pts| roll.taken(pts, pts == 0, gst::ClockTime::ZERO)).sum();
        assert_eq!(lost + WAY_MAX as u64, 5000);
        assert!(roll.shown(4999).key, "the key picture is among the lost");
    }
}
