//! A publisher's side of a connection: what an encoder says, as a state machine without socket or clock.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use settings::Secret;

use super::{
    amf::{self, Value, object, text},
    chunk::{Message, Reader},
    handshake::{PACKET, RANDOM, VERSION},
    kind,
    session::{PING_REQUEST, number, parts},
    talk::Talk,
    write::{self, Head},
};
use crate::{Event, Fault, Metadata, VideoCodec, flv};

/// Transactions of the calls, each made once.
const CONNECT: f64 = 1.0;
const CREATE_STREAM: f64 = 2.0;
const AUDIO_CHUNKS: u8 = 4;
const VIDEO_CHUNKS: u8 = 6;
const STARTED: &str = "NetStream.Publish.Start";

/// What to publish to.
#[derive(Clone, Debug)]
pub struct Target {
    /// The application: the path of the address, such as `live`.
    pub app: String,
    /// The whole address without the key, such as `rtmp://video.example/live`.
    pub tc_url: String,
    /// The stream key.
    pub key: Secret,
}

/// What the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saying {
    /// Nothing yet; more input is needed.
    Wait,
    /// It takes the stream: [`Publisher::send`] may begin.
    Started,
}

/// Why a stream is not published, or no longer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The server does not want it.
    #[error("the server says: {text} ({code})")]
    Refused {
        /// The status code, such as `NetStream.Publish.Denied`.
        code: String,
        /// Its line.
        text: String,
    },
    /// What the server sends cannot be read.
    #[error("what the server sent cannot be read: {0}")]
    Broken(#[from] Fault),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// S0 and S1 are due.
    Greeting,
    /// S2 is due.
    Greeted,
    Connecting,
    Creating,
    Asking,
    Publishing,
}

/// One connection. Feed [`Publisher::input`], call [`Publisher::step`] until it waits, send
/// [`Publisher::take_output`].
pub struct Publisher {
    stage: Stage,
    target: Target,
    input: BytesMut,
    reader: Reader,
    talk: Talk,
    /// The message stream that the server made.
    stream: u32,
    /// Of the pictures.
    codec: VideoCodec,
}

impl Publisher {
    /// A connection that has just been opened; there is output to send. `random` need not be secret.
    #[must_use]
    pub fn new(target: Target, random: &[u8; RANDOM]) -> Self {
        let mut talk = Talk::default();
        talk.output.put_u8(VERSION);
        talk.output.put_u64(0);
        talk.output.put_slice(random);
        let (input, reader) = (BytesMut::new(), Reader::new());
        Self { stage: Stage::Greeting, target, input, reader, talk, stream: 0, codec: VideoCodec::H264 }
    }

    /// Where received bytes are appended.
    pub const fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// What is to be sent by now.
    pub fn take_output(&mut self) -> Bytes {
        self.talk.output.split().freeze()
    }

    /// Reads what came.
    ///
    /// # Errors
    /// [`PublishError::Refused`] when the server refuses the stream or ends it, [`PublishError::Broken`] when it
    /// speaks something else. The connection is of no further use.
    pub fn step(&mut self) -> Result<Saying, PublishError> {
        while matches!(self.stage, Stage::Greeting | Stage::Greeted) {
            if !self.greeted()? {
                return Ok(Saying::Wait);
            }
        }
        while let Some(message) = self.reader.next(&mut self.input)? {
            if self.message(&message)? {
                return Ok(Saying::Started);
            }
        }
        Ok(Saying::Wait)
    }

    /// Goes on with the handshake (RTMP 1.0 §5.2); whether there was enough input to.
    fn greeted(&mut self) -> Result<bool, Fault> {
        if self.stage == Stage::Greeting {
            if self.input.first().is_some_and(|first| *first != VERSION) {
                return Err(Fault::NotRtmp(self.input[0]));
            }
            if self.input.len() <= PACKET {
                return Ok(false);
            }
            let echo = self.input.split_to(1 + PACKET);
            self.talk.output.put_slice(&echo[1..]);
            self.stage = Stage::Greeted;
            return Ok(true);
        }
        if self.input.len() < PACKET {
            return Ok(false);
        }
        self.input.advance(PACKET);
        self.talk.chunk_size();
        self.connect();
        self.stage = Stage::Connecting;
        Ok(true)
    }

    fn connect(&mut self) {
        let argument = object([
            ("app", text(&self.target.app)),
            ("type", text("nonprivate")),
            ("flashVer", text(concat!("FMLE/3.0 (compatible; nexus ", env!("CARGO_PKG_VERSION"), ")"))),
            ("tcUrl", text(&self.target.tc_url)),
            ("fourCcList", Value::Array(vec![text("hvc1")])),
        ]);
        self.talk.command(0, &[text("connect"), Value::Number(CONNECT), argument]);
    }

    /// Whether the message starts the stream.
    fn message(&mut self, message: &Message) -> Result<bool, PublishError> {
        match message.kind {
            kind::CHUNK_SIZE => self.reader.set_chunk_size(number(message)?)?,
            kind::USER_CONTROL => {
                let asked = message.body.strip_prefix(&PING_REQUEST).and_then(|rest| rest.first_chunk());
                if let Some(timestamp) = asked {
                    self.talk.pong(*timestamp);
                }
            }
            kind::COMMAND => return self.command(&message.body),
            _ => {}
        }
        Ok(false)
    }

    fn command(&mut self, body: &[u8]) -> Result<bool, PublishError> {
        let values = amf::decode(body).map_err(Fault::from)?;
        let (name, transaction, arguments) = parts(&values).map_err(Fault::from)?;
        match name {
            "_result" => self.granted(transaction, arguments.get(1)),
            "_error" => return Err(refused(arguments.get(1))),
            "onStatus" => {
                let status = arguments.get(1);
                let code = status.and_then(|status| status.get("code")?.text());
                if code != Some(STARTED) {
                    return Err(refused(status));
                }
                self.stage = Stage::Publishing;
                return Ok(true);
            }
            _ => {}
        }
        Ok(false)
    }

    fn granted(&mut self, transaction: f64, result: Option<&Value>) {
        if self.stage == Stage::Connecting && transaction == CONNECT {
            self.talk.command(0, &[text("createStream"), Value::Number(CREATE_STREAM), Value::Null]);
            self.stage = Stage::Creating;
        } else if self.stage == Stage::Creating && transaction == CREATE_STREAM {
            self.stream = stream_number(result);
            let name = text(self.target.key.expose());
            self.talk.command(
                self.stream,
                &[text("publish"), Value::Number(0.0), Value::Null, name, text("live")],
            );
            self.stage = Stage::Asking;
        }
    }

    /// Says something of the stream: the opposite of what a [`super::Session`] tells. What is no media is left out,
    /// and so is everything before [`Saying::Started`].
    pub fn send(&mut self, event: &Event) {
        if self.stage != Stage::Publishing {
            return;
        }
        let Some((chunk_stream, kind)) = place(event) else { return };
        if let Event::VideoConfig(config) = event {
            self.codec = config.codec;
        }
        let timestamp = match event {
            Event::Video(unit) | Event::Audio(unit) => flv::milliseconds(unit.dts_us),
            _ => 0,
        };
        let mut body = BytesMut::with_capacity(event.bytes() + 64);
        match event {
            Event::Metadata(metadata) => put_metadata(&mut body, metadata),
            other => flv::put(&mut body, self.codec, other),
        }
        // The count wraps by design (RTMP 1.0 §5.3.1.2.1).
        let timestamp = u32::try_from(timestamp.rem_euclid(1 << 32)).unwrap_or(0);
        let head = Head { chunk_stream, kind, message_stream: self.stream, timestamp };
        write::message(&mut self.talk.output, head, &body);
    }

    /// Says that the stream is over.
    pub fn close(&mut self) {
        let stream = Value::Number(self.stream.into());
        self.talk.command(0, &[text("deleteStream"), Value::Number(0.0), Value::Null, stream]);
    }
}

/// Chunk stream and message type of what is sent.
const fn place(event: &Event) -> Option<(u8, u8)> {
    match event {
        Event::Metadata(_) => Some((AUDIO_CHUNKS, kind::DATA)),
        Event::AudioConfig(_) | Event::Audio(_) => Some((AUDIO_CHUNKS, kind::AUDIO)),
        Event::VideoConfig(_) | Event::Video(_) => Some((VIDEO_CHUNKS, kind::VIDEO)),
        Event::Dropped(_) | Event::Link(_) | Event::Ended(_) => None,
    }
}

fn stream_number(result: Option<&Value>) -> u32 {
    let number = result.and_then(Value::number).filter(|number| (0.0..=f64::from(u32::MAX)).contains(number));
    number.unwrap_or(1.0) as u32
}

fn refused(status: Option<&Value>) -> PublishError {
    let field = |name: &str| {
        let text = status.and_then(|status| status.get(name)?.text()).unwrap_or("no reason given");
        flv::printable(text, 1_000)
    };
    PublishError::Refused { code: field("code"), text: field("description") }
}

fn put_metadata(body: &mut BytesMut, metadata: &Metadata) {
    let number = |value: Option<f64>| value.map(Value::Number);
    let whole = |value: Option<u32>| value.map(|value| Value::Number(value.into()));
    let properties = [
        ("encoder", metadata.encoder.as_deref().map(text)),
        ("width", whole(metadata.width)),
        ("height", whole(metadata.height)),
        ("framerate", number(metadata.frame_rate)),
        ("videodatarate", number(metadata.video_kbps)),
        ("audiodatarate", number(metadata.audio_kbps)),
        ("audiosamplerate", whole(metadata.sample_rate)),
    ];
    let said = properties.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    for value in [text("@setDataFrame"), text("onMetaData"), Value::Object(said.collect())] {
        amf::encode(body, &value);
    }
}

#[cfg(test)]
mod tests;
