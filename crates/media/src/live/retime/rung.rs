//! Pictures that were encoded again: they come with times of the broadcast.

use bytes::Bytes;

use super::{Sample, Timebase};

/// The clock of a lower rung. Its pictures are decoded as long before they are shown as the source's first, so that the
/// segments of all rungs begin at one decode time.
#[derive(Clone, Debug)]
pub struct Rung {
    base: Timebase,
    lead: i64,
    next: i64,
}

impl Rung {
    /// For pictures in the order in which they are shown, of an epoch with this timebase and lead
    /// ([`super::Outcome::Epoch`]); for a rung of a lower rate the timebase is [`Timebase::every`].
    #[must_use]
    pub const fn new(base: Timebase, lead: i64) -> Self {
        Self { base, lead, next: 0 }
    }

    /// The same, without pictures decoded before `decode`.
    #[must_use]
    pub const fn from(self, decode: i64) -> Self {
        Self { next: decode, ..self }
    }

    /// A picture shown at `shown` ticks; `None` when its slot is taken or past.
    pub fn place(&mut self, shown: i64, key: bool, arrived_us: u64, data: Bytes) -> Option<Sample> {
        let shown = self.base.slot(shown);
        let decode = shown.checked_sub(self.lead).filter(|decode| *decode >= self.next)?;
        let end = decode.checked_add(self.base.frame().into())?;
        self.next = end;
        Some(Sample { decode, end, shown, key, arrived_us, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FrameRate;

    #[test]
    fn pictures_keep_their_slots_and_their_lead() {
        let base = Timebase::constant(FrameRate::new(50, 1).unwrap()).every(2);
        let mut rung = Rung::new(base, 200);
        let times = [200, 399, 410, 1_000].map(|shown| rung.place(shown, false, 0, Bytes::new()));
        let times = times.map(|sample| sample.map(|sample| (sample.decode, sample.end, sample.shown)));
        assert_eq!(times, [Some((0, 200, 200)), Some((200, 400, 400)), None, Some((800, 1_000, 1_000))]);
        assert_eq!(rung.place(i64::MIN, false, 0, Bytes::new()), None);
    }
}
