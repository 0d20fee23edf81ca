//! Digests of the tus checksum extension.

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A digest algorithm; SHA-1 is the one every tus server must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Sha1,
    Sha256,
}

impl Algorithm {
    /// All names, as `Tus-Checksum-Algorithm` lists them.
    pub(super) const NAMES: &'static str = "sha1,sha256";

    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "sha1" => Some(Self::Sha1),
            "sha256" => Some(Self::Sha256),
            _ => None,
        }
    }

    pub(super) const fn digest_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// What a body should hash to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checksum {
    pub algorithm: Algorithm,
    pub digest: Vec<u8>,
}

/// A digest in the making.
pub(super) enum Running {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Running {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha1 => Self::Sha1(Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(running) => running.update(bytes),
            Self::Sha256(running) => running.update(bytes),
        }
    }

    /// Whether what was hashed is what `checksum` says.
    pub(super) fn matches(self, checksum: &Checksum) -> bool {
        match self {
            Self::Sha1(running) => running.finalize().as_slice() == checksum.digest,
            Self::Sha256(running) => running.finalize().as_slice() == checksum.digest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_matches_only_its_bytes() {
        let checksum = Checksum { algorithm: Algorithm::Sha256, digest: Sha256::digest(b"abc").to_vec() };
        let hash = |bytes: &[u8]| {
            let mut running = Running::new(Algorithm::Sha256);
            bytes.chunks(2).for_each(|piece| running.update(piece));
            running.matches(&checksum)
        };
        assert!(hash(b"abc"));
        assert!(!hash(b"abd"));
    }
}
