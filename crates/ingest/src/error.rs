//! What a peer can do wrong. Every fault ends the connection; none of them is ours.

/// A violation of the protocol or of a limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The first byte begins no plain RTMP handshake; 3 would (RTMP 1.0 §5.2.2).
    #[error("the first byte is {0:#04x}, which begins no RTMP handshake")]
    NotRtmp(u8),
    /// A chunk size outside 1..=0x7FFFFFFF (RTMP 1.0 §5.4.1).
    #[error("a chunk size of {0} bytes")]
    ChunkSize(u32),
    /// A message longer than its type may be at this stage.
    #[error("a message of type {kind} with {length} bytes, where {max} are allowed")]
    MessageTooLong {
        /// The message type (RTMP 1.0 §6.1.1).
        kind: u8,
        /// As announced, in bytes.
        length: usize,
        /// In bytes.
        max: usize,
    },
    /// More chunk streams than an encoder has use for.
    #[error("more than {0} chunk streams")]
    ChunkStreams(usize),
    /// Too many bytes in messages that have begun and not ended.
    #[error("more than {0} bytes in unfinished messages")]
    Unfinished(usize),
    /// A header that refers to one before, on a chunk stream that has none.
    #[error("chunk stream {0} begins with a header that continues another")]
    NothingToContinue(u32),
    /// A new message on a chunk stream whose message is not complete.
    #[error("chunk stream {0} begins a message inside another")]
    Interrupted(u32),
    /// A control message whose body is not as long as its type says.
    #[error("a control message of type {0} with a body of the wrong length")]
    Control(u8),
    /// AMF0 that does not decode.
    #[error("a command or metadata that is no AMF0: {0}")]
    Amf(#[from] AmfError),
    /// A command before the one it needs, or twice.
    #[error("{0}")]
    Order(&'static str),
    /// More message streams than an encoder has use for.
    #[error("more than {0} message streams")]
    MessageStreams(u32),
    /// The peer wants to play.
    #[error("this address takes streams from encoders; it plays none")]
    NotAPublisher,
    /// A message type that is not taken (aggregate messages).
    #[error("messages of type {0} are not taken")]
    MessageType(u8),
    /// What comes over SRT is no MPEG transport stream: no packet begins where one should (ITU-T H.222.0 §2.4.3.2).
    #[error("what comes is no MPEG-TS: {0} bytes without a packet")]
    NotTransportStream(usize),
    /// A transport stream in which no program is announced (ITU-T H.222.0 §2.4.4).
    #[error("no program with pictures or sound is announced in {0} bytes of MPEG-TS")]
    NoProgram(usize),
}

/// Why bytes are no AMF0 that is accepted here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmfError {
    /// The bytes end inside a value.
    #[error("it ends inside a value")]
    Truncated,
    /// Objects within objects beyond the limit.
    #[error("it nests deeper than {0} levels")]
    TooDeep(usize),
    /// More values than the limit.
    #[error("it holds more than {0} values")]
    TooMany(usize),
    /// A marker that AMF0 does not know or that encoders do not send.
    #[error("marker {0:#04x}")]
    Marker(u8),
    /// A value of another type than the command needs.
    #[error("it has no {0}")]
    Missing(&'static str),
}
