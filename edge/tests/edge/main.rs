//! The edge in front of scripted origins, over real sockets.

mod coalescing;
mod freshness;
mod live;
mod purge;
mod requests;
mod support;
