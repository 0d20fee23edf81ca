//! Identifiers, clock and randomness seams, paging, principals and visibility: the words every other room shares.
//!
//! Nothing here performs I/O or knows an async runtime; time and entropy arrive through [`Clock`] and
//! [`Entropy`], whose real implementations live in `lifecycle`.

mod clock;
mod id;
mod page;
mod principal;
mod words;

pub use clock::{Ambient, Clock, Entropy, Timestamp};
pub use id::{
    ApiKeyId, AssetId, AuditId, BroadcastId, ChannelId, DeliveryId, EventId, IdError, JobId, PlayId,
    SessionId, TenantId, UploadId, UserId, WebhookId, WorkerId,
};
pub use page::{Page, PageRequest};
pub use principal::{Principal, Role};
pub use words::Visibility;
