//! An object's bytes as they arrived: append-only, readable from any position.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// Pieces in order, none empty, each with the position of its first byte.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunks {
    pieces: Vec<(u64, Bytes)>,
    length: u64,
}

impl Chunks {
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            let at = self.length;
            self.length += piece.len() as u64;
            self.pieces.push((at, piece));
        }
    }

    /// The longest contiguous piece from `range.start` that does not pass `range.end`; `None` when there is
    /// no such byte (yet).
    pub(crate) fn read(&self, range: &Range<u64>) -> Option<Bytes> {
        let after = self.pieces.partition_point(|(at, _)| *at <= range.start);
        let (at, piece) = self.pieces.get(after.checked_sub(1)?)?;
        let from = usize::try_from(range.start - at).ok()?;
        let wanted = usize::try_from(range.end.saturating_sub(*at)).unwrap_or(usize::MAX);
        let to = wanted.min(piece.len());
        (from < to).then(|| piece.slice(from..to))
    }

    /// The pieces of a range in order.
    pub(crate) fn slices(&self, mut range: Range<u64>) -> Vec<Bytes> {
        let mut out = Vec::new();
        while let Some(piece) = self.read(&range) {
            range.start += piece.len() as u64;
            out.push(piece);
        }
        out
    }

    /// The same bytes in one piece of exactly their size, when there are at most `bytes_max` of them. Pieces
    /// from a socket hold on to larger buffers than they show.
    pub(crate) fn compact(self, bytes_max: usize) -> Self {
        let fits = usize::try_from(self.length).ok().filter(|length| *length <= bytes_max);
        let Some(length) = fits.filter(|_| self.pieces.len() > 1) else { return self };
        let mut whole = BytesMut::with_capacity(length);
        self.pieces.iter().for_each(|(_, piece)| whole.extend_from_slice(piece));
        Self { pieces: vec![(0, whole.freeze())], length: self.length }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_range_reads_what_was_pushed(pieces: Vec<Vec<u8>>, start in 0usize..300, length in 0usize..300, packed: bool) {
            let whole = pieces.concat();
            let mut chunks = Chunks::default();
            pieces.into_iter().for_each(|piece| chunks.push(piece.into()));
            prop_assert_eq!(chunks.length(), whole.len() as u64);
            let chunks = if packed { chunks.compact(64) } else { chunks };
            let end = start + length;
            let read = chunks.slices(start as u64..end as u64).concat();
            let expected = whole.get(start..end.min(whole.len())).unwrap_or(&[]);
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn small_objects_are_joined_and_large_ones_kept_as_they_came() {
        let chunks = |count| {
            let mut chunks = Chunks::default();
            (0..count).for_each(|_| chunks.push(Bytes::from_static(b"0123456789")));
            chunks.compact(100)
        };
        assert_eq!(chunks(10).slices(0..100).len(), 1);
        assert_eq!(chunks(11).slices(0..110).len(), 11);
    }
}
