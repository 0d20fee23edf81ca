//! The object store: bytes under a validated [`Key`], in a folder, in a bucket of an S3 server or in memory.
//!
//! Objects are written whole, durable before the call returns, and never change: a second write of the same
//! bytes is accepted, of other bytes refused. Resumable uploads are *staged*: appended durably under a name of
//! their own and turned into an object at the end. What bytes mean, who may read them and how they are named
//! is decided elsewhere.

mod checked;
mod error;
mod folder;
mod key;
mod memory;
mod s3;
mod store;
mod sums;

pub use checked::Checked;
pub use error::BlobError;
pub use key::Key;
pub use s3::Access;
pub use store::{ByteStream, Keep, Meta, PIECE_BYTES, Store};
