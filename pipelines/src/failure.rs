//! What went wrong, in a creator's words.

use std::fmt::Display;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use pipeline_wire::{FailureKind, SourceFailure};

use crate::link::LinkError;
use crate::source;

/// Why a graph ended early.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GraphError {
    /// A typed failure for the verdict.
    #[error("{}: {} ({})", .0.element, .0.reason, .0.detail)]
    Failed(SourceFailure),
    /// The wire broke; nobody is left to be told.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// What graphs return.
pub type Result<T> = std::result::Result<T, GraphError>;

const READ_FAULT: &str = "The stored file could not be read.";
const INTERNAL: &str = "The film could not be processed because of a fault in the server.";
const NOT_MEDIA: &str = "This is not an audio or video file.";
const DAMAGED: &str = "The file is damaged and cannot be read.";
const INCOMPLETE: &str = "The file is incomplete: its end is missing. Upload it again.";
const EMPTY: &str = "The file is empty.";
const NO_STREAMS: &str = "The file has no audio and no video in it.";
const PICTURE: &str = "The file is a picture, not a film.";
const ENCRYPTED: &str = "The file is encrypted. Upload it without copy protection.";
const UNSUPPORTED: &str = "The file uses a format that is not supported.";

impl GraphError {
    /// A failure of `kind` that no element is to blame for.
    #[must_use]
    pub fn new(kind: FailureKind, reason: impl Into<String>, detail: impl Display) -> Self {
        let (element, reason, detail) = (String::new(), reason.into(), detail.to_string());
        Self::Failed(SourceFailure { kind, element, reason, detail })
    }

    /// A fault of ours: retried, and worded without blaming the file.
    #[must_use]
    pub fn internal(detail: impl Display) -> Self {
        Self::new(FailureKind::Internal, INTERNAL, detail)
    }

    /// Not a single byte.
    #[must_use]
    pub fn empty() -> Self {
        Self::new(FailureKind::Unreadable, EMPTY, "0 bytes")
    }

    /// No audio and no video.
    #[must_use]
    pub fn no_streams(detail: impl Display) -> Self {
        Self::new(FailureKind::NoStreams, NO_STREAMS, detail)
    }

    /// Longer than `max_ns` nanoseconds.
    #[must_use]
    pub fn too_long(max_ns: u64) -> Self {
        let minutes = max_ns / 60_000_000_000;
        let limit =
            if minutes < 120 { format!("{minutes} minutes") } else { format!("{} hours", minutes / 60) };
        Self::new(FailureKind::TooLarge, format!("The film is longer than {limit}."), max_ns)
    }

    /// One still picture.
    #[must_use]
    pub fn picture(detail: impl Display) -> Self {
        Self::new(FailureKind::NoStreams, PICTURE, detail)
    }

    /// The end is missing.
    #[must_use]
    pub fn incomplete(detail: impl Display) -> Self {
        Self::new(FailureKind::Unreadable, INCOMPLETE, detail)
    }

    /// Damaged beyond reading.
    #[must_use]
    pub fn damaged(detail: impl Display) -> Self {
        Self::new(FailureKind::Unreadable, DAMAGED, detail)
    }

    /// Copy protection.
    #[must_use]
    pub fn encrypted(detail: impl Display) -> Self {
        Self::new(FailureKind::Encrypted, ENCRYPTED, detail)
    }

    /// Nothing here decodes `what`, such as `video/x-foo`.
    #[must_use]
    pub fn unsupported(what: impl Display) -> Self {
        Self::new(FailureKind::Unsupported, UNSUPPORTED, what)
    }
}

impl From<GraphError> for SourceFailure {
    fn from(error: GraphError) -> Self {
        match error {
            GraphError::Failed(failure) => failure,
            GraphError::Link(LinkError::Read(detail)) => Self {
                kind: FailureKind::SourceRead,
                element: source::ELEMENT_NAME.into(),
                reason: READ_FAULT.into(),
                detail,
            },
            GraphError::Link(error) => Self {
                kind: FailureKind::Internal,
                element: String::new(),
                reason: INTERNAL.into(),
                detail: error.to_string(),
            },
        }
    }
}

macro_rules! internal_from {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for GraphError {
            fn from(error: $error) -> Self {
                Self::internal(error)
            }
        })*
    };
}
internal_from!(glib::BoolError, glib::Error, gst::StateChangeError, gst::PadLinkError, gst::FlowError);

impl From<&gst::message::Error> for GraphError {
    /// Translates an error from the bus, naming the element that posted it.
    fn from(message: &gst::message::Error) -> Self {
        let source = message.src();
        let element = source.map(|source| source.name().to_string()).unwrap_or_default();
        let reads = source.and_then(|source| source.downcast_ref::<gst::Element>()).is_some_and(reads_files);
        let error = message.error();
        let detail = match message.debug() {
            Some(debug) => format!("{error}: {debug}"),
            None => error.to_string(),
        };
        let (kind, reason) = classify(&element, reads, &error, &detail);
        Self::Failed(SourceFailure { kind, element, reason: reason.into(), detail })
    }
}

/// Whether an element's work is to understand what is in a file.
fn reads_files(element: &gst::Element) -> bool {
    let class = element.metadata(gst::ELEMENT_METADATA_KLASS).unwrap_or_default();
    ["Demux", "Parse", "Decode"].iter().any(|work| class.contains(work))
}

/// The verdict on an element's error: by its code, and by its words where one code means several things.
fn classify(element: &str, reads: bool, error: &glib::Error, detail: &str) -> (FailureKind, &'static str) {
    if element == source::ELEMENT_NAME {
        return (FailureKind::SourceRead, READ_FAULT);
    }
    if let Some(code) = error.kind::<gst::StreamError>() {
        return classify_stream(code, reads, detail);
    }
    if error.matches(gst::CoreError::MissingPlugin) {
        return (FailureKind::Unsupported, UNSUPPORTED);
    }
    (FailureKind::Internal, INTERNAL)
}

fn classify_stream(code: gst::StreamError, reads: bool, detail: &str) -> (FailureKind, &'static str) {
    use gst::StreamError as Code;
    match code {
        Code::TypeNotFound | Code::WrongType => (FailureKind::Unreadable, NOT_MEDIA),
        Code::CodecNotFound => (FailureKind::Unsupported, UNSUPPORTED),
        Code::Decrypt | Code::DecryptNokey => (FailureKind::Encrypted, ENCRYPTED),
        // qtdemux says all of these with one code.
        Code::Demux if detail.contains("no playable streams") => (FailureKind::NoStreams, NO_STREAMS),
        Code::Demux if detail.contains("incomplete") => (FailureKind::Unreadable, INCOMPLETE),
        Code::Demux | Code::Decode | Code::Format => (FailureKind::Unreadable, DAMAGED),
        // Inside the decoder only what the file says is negotiated: its sound or pictures became what nothing takes.
        Code::Failed if detail.contains("GstDecodebin3") && detail.contains("not-negotiated") => {
            (FailureKind::Unsupported, UNSUPPORTED)
        }
        // Elements' catch-all. A graph that was put together wrongly says that pads are not linked.
        Code::Failed if reads && !detail.contains("not-linked") => (FailureKind::Unreadable, DAMAGED),
        _ => (FailureKind::Internal, INTERNAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_turns_into_half_way_is_not_our_fault() {
        let detail = "Internal data stream error.: gst_multi_queue_loop (): \
            /GstPipeline:decode/GstDecodebin3:decodebin3-0/GstMultiQueue:multiqueue0: \
            streaming stopped, reason not-negotiated (-4)";
        let (kind, reason) = classify_stream(gst::StreamError::Failed, false, detail);
        assert_eq!((kind, reason), (FailureKind::Unsupported, UNSUPPORTED));
        let ours =
            "Internal data stream error.: /GstPipeline:encode/GstAppSrc:source: reason not-negotiated (-4)";
        assert_eq!(classify_stream(gst::StreamError::Failed, false, ours).0, FailureKind::Internal);
        let unlinked = detail.replace("not-negotiated (-4)", "not-linked (-1)");
        assert_eq!(classify_stream(gst::StreamError::Failed, true, &unlinked).0, FailureKind::Internal);
    }
}
