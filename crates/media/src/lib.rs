//! Codecs, ladder maths, segment timeline, HLS and DASH text, live windows, object names. Sans-IO: bytes and facts go in,
//! bytes, text and plans come out. Nothing here reads a clock, a file or a socket.
//!
//! Reading order: a probe's [`SourceFacts`] and an operator's [`LadderPolicy`] become a [`Plan`]
//! ([`plan()`]); fragments of an encoder become segment objects ([`SegmentAssembler`]) and their
//! measurements ([`SegmentInfo`]); tracks and segments become a [`Presentation`], from which [`hls`] and
//! [`dash`] write their lists; [`Object`] names everything. What is live goes into a [`live::window::Window`].

pub mod barcode;
mod facts;
mod frame_rate;
mod grid;
mod track;

pub mod plan;

pub mod captions;
pub mod cmaf;
mod timeline;

pub mod dash;
pub mod hls;
pub mod images;
mod list;
pub mod live;
mod object;

mod error;

pub use cmaf::{Assembly, Grouping, Segment, SegmentAssembler};
pub use error::{CmafError, ObjectError, PlanError, PresentationError, TrackError, WindowError};
pub use facts::{AudioFacts, SourceClock, SourceFacts, TextFacts, VideoFacts, WideColour, WideTransfer};
pub use frame_rate::FrameRate;
pub use grid::SegmentGrid;
pub use object::{Object, partial_key, source_key, stage_key};
pub use plan::{
    AudioPlan, ChunkPlan, ImagesPlan, LadderPolicy, Plan, Rung, TextPlan, VideoPlan, live_rungs, plan,
};
pub use timeline::{Bandwidth, LivePlace, Presentation, TrackRun, TrackTimeline};
pub use track::{
    FragmentInfo, InitInfo, SampleDefaults, SampleFormat, SegmentInfo, TrackInfo, TrackName, TrackRole,
};
