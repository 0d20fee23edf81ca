//! Checksums of an object's blocks: who reads a range knows whether it is what was written.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::BlobError;

/// Bytes of a block; the last one of an object may have fewer. What children read at once.
const BLOCK_BYTES: u64 = 256 << 10;
/// Hexadecimal digits of a block's sum.
const DIGITS: usize = 8;

/// CRC-32 (ITU-T V.42) of each block, from the first byte on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sums {
    /// Bytes they are of.
    bytes: u64,
    #[serde(serialize_with = "to_hex", deserialize_with = "from_hex")]
    blocks: Vec<u32>,
}

fn to_hex<S: Serializer>(blocks: &[u32], out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(&format_args!("{}", Hex(blocks)))
}

struct Hex<'a>(&'a [u32]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|block| write!(f, "{block:08x}"))
    }
}

fn from_hex<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u32>, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(from)?;
    let block = |digits: &[u8]| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    let blocks: Option<Vec<u32>> = text.as_bytes().chunks(DIGITS).map(block).collect();
    blocks.ok_or_else(|| D::Error::custom("no sums"))
}

impl Sums {
    /// Bytes they are of.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Goes on with the bytes that follow.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let inside = self.bytes % BLOCK_BYTES;
            let room = usize::try_from(BLOCK_BYTES - inside).unwrap_or(bytes.len());
            let (piece, rest) = bytes.split_at(bytes.len().min(room));
            let before = if inside == 0 { None } else { self.blocks.pop() };
            let mut crc = crc32fast::Hasher::new_with_initial(before.unwrap_or(0));
            crc.update(piece);
            self.blocks.push(crc.finalize());
            self.bytes += piece.len() as u64;
            bytes = rest;
        }
    }

    /// Fails when a block that lies whole in `bytes`, which were read from `offset`, is not what was written.
    pub(crate) fn check(&self, offset: u64, bytes: &[u8]) -> Result<(), BlobError> {
        let first = offset.div_ceil(BLOCK_BYTES);
        let skipped = usize::try_from(first * BLOCK_BYTES - offset).unwrap_or(usize::MAX);
        let whole = bytes.get(skipped..).unwrap_or_default();
        let blocks = whole.chunks(usize::try_from(BLOCK_BYTES).unwrap_or(usize::MAX));
        for (index, block) in (first..).zip(blocks) {
            let known = usize::try_from(index).ok().and_then(|index| self.blocks.get(index));
            let at = index * BLOCK_BYTES;
            let length = BLOCK_BYTES.min(self.bytes.saturating_sub(at));
            if block.len() as u64 == length && known != Some(&crc32fast::hash(block)) {
                return Err(BlobError::Damaged(format!("{length} bytes at {at}")));
            }
        }
        Ok(())
    }

    /// As an object of its own, with a sum of itself.
    pub(crate) fn seal(&self) -> Result<Vec<u8>, serde_json::Error> {
        let text = serde_json::to_vec(self)?;
        Ok([format!("{:08x}", crc32fast::hash(&text)).as_bytes(), &text].concat())
    }

    /// What was sealed; `None` when that is damaged.
    pub(crate) fn unseal(sealed: &[u8]) -> Option<Self> {
        let (sum, text) = sealed.split_at_checked(DIGITS)?;
        let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
        if sum == crc32fast::hash(text) { serde_json::from_slice(text).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BLOCK: usize = 256 << 10;

    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at * 31 + at / 251) as u8).collect()
    }

    fn sums(bytes: &[u8]) -> Sums {
        let mut sums = Sums::default();
        sums.push(bytes);
        sums
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn pieces_sum_up_to_the_whole(cuts in prop::collection::vec(0usize..900_000, 0..6)) {
            let whole = bytes(900_000);
            let mut cuts = cuts;
            cuts.extend([0, whole.len()]);
            cuts.sort_unstable();
            let mut pieced = Sums::default();
            cuts.windows(2).for_each(|cut| pieced.push(&whole[cut[0]..cut[1]]));
            prop_assert_eq!(pieced, sums(&whole));
        }

        #[test]
        fn one_wrong_bit_in_a_whole_block_is_seen(at in 0usize..900_000, bit in 0u8..8) {
            let mut read = bytes(900_000);
            let sums = sums(&read);
            prop_assert!(sums.check(0, &read).is_ok());
            read[at] ^= 1 << bit;
            prop_assert!(matches!(sums.check(0, &read), Err(BlobError::Damaged(_))));
            let block = at / BLOCK * BLOCK;
            let end = read.len().min(block + BLOCK);
            prop_assert!(sums.check(block as u64, &read[block..end]).is_err());
            prop_assert!(sums.check(block as u64 + 1, &read[block + 1..end]).is_ok(), "not all of it was read");
        }
    }

    #[test]
    fn what_is_sealed_comes_back_and_damage_to_it_is_seen() {
        for len in [0, 1, BLOCK, BLOCK + 1] {
            let sums = sums(&bytes(len));
            let mut sealed = sums.seal().expect("sealed");
            assert_eq!(Sums::unseal(&sealed), Some(sums));
            let last = sealed.len() - 3;
            sealed[last] ^= 1;
            assert_eq!(Sums::unseal(&sealed), None);
        }
        assert_eq!(Sums::unseal(b"short"), None);
    }
}
