//! GStreamer graphs. They run inside the sandboxed pipeline child and talk to the parent over a [`Link`];
//! no other crate names GStreamer.
//!
//! The order inside a child: [`link::receive_spec`], [`preload`], the caller closes the door, [`Link::open`],
//! then [`run`]. Nothing here opens files or sockets after [`preload`].

use pipeline_wire::{FromChild, GraphSpec, Verdict};

mod aac;
mod audio;
mod boxes;
mod cadence;
#[cfg(test)]
mod clips;
mod colour;
mod completeness;
pub mod crash;
mod decode;
mod downmix;
mod encode;
pub mod failure;
mod feed;
mod film;
mod fragments;
mod graph;
mod grid;
mod images;
mod ladder;
mod levels;
pub mod link;
mod live;
mod movie_length;
mod opening;
mod packets;
mod parameter_sets;
mod pcm;
mod picture_times;
mod preload;
mod probe;
mod repeatable;
mod retime;
mod said_colours;
mod scale;
pub mod source;
mod streams;
#[cfg(test)]
mod testing;
mod tone;
mod video;

pub use failure::GraphError;
pub use link::Link;
pub use preload::{preload, warm_registry};

/// Runs the graph to its end and says how it ended; results go out over `link` on the way.
#[must_use]
pub fn run(spec: &GraphSpec, link: &Link) -> Verdict {
    let outcome = match spec {
        GraphSpec::Probe(spec) => {
            probe::run(spec, link).and_then(|report| Ok(link.send(&FromChild::Probe(report))?))
        }
        GraphSpec::Video(spec) => video::run(spec, link),
        GraphSpec::Audio(spec) => audio::run(spec, link),
        GraphSpec::TestFilm(spec) => film::run(spec, link),
        GraphSpec::TestStream(spec) => film::stream::run(spec, link),
        GraphSpec::Images(spec) => images::run(spec, link),
        GraphSpec::Live(spec) => live::run(spec, link),
        GraphSpec::DoorCheck => Err(GraphError::internal("the door is checked outside of graphs")),
    };
    match outcome {
        Ok(()) => Verdict::Done,
        Err(error) => Verdict::Failed(error.into()),
    }
}
