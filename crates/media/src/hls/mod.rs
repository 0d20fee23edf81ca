//! HLS playlists (RFC 8216 and its revision draft-pantos-hls-rfc8216bis).

mod iframes;
mod media;
mod multivariant;

pub use iframes::iframes;
pub use media::media;
pub use multivariant::multivariant;
pub(crate) use multivariant::{Entry, compose};

/// Where a list's text begins, whatever its kind.
pub(crate) const HEADER: &str = "#EXTM3U\n";

/// A count of microseconds as decimal seconds.
pub(crate) fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}
