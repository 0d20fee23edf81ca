//! What can go wrong with the question itself; what is wrong with a stream is a [`crate::Finding`].

/// Why a check cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The entry is no absolute URI against which relative URIs can be resolved.
    #[error("`{uri}` is not an absolute URI such as https://host/path/hls.m3u8 or file:///path/hls.m3u8")]
    Entry {
        /// What was given.
        uri: String,
    },
}
