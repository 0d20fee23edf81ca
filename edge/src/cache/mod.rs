//! The cache: what is stored, what is being filled, and the one lock under which a request finds either.
//!
//! The ideas are apart, one file each: `key` (what makes two requests the same), `directives` and
//! `freshness` (how long an answer may be used), `head` (an answer's status and headers), `chunks` (its bytes),
//! `flow` (an answer that is still arriving), `store` (bounded memory and eviction), `fills` (which of them are running), `fill`
//! (bringing an object from the upstream).

mod chunks;
mod directives;
mod fill;
mod fills;
mod flow;
mod freshness;
mod head;
mod key;
mod store;
mod table;

pub(crate) use directives::{delta, elements};
pub(crate) use fill::{FillLimits, Filler, Means};
pub(crate) use fills::FillsMax;
pub(crate) use flow::{Flow, Settled, Turn, read as read_flow};
pub(crate) use head::Head;
pub(crate) use key::{Access, Key};
pub(crate) use store::Stored;
pub(crate) use table::{Look, Table, Ticket};
