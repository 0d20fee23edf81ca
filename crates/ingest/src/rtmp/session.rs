//! A publisher's connection as a state machine: bytes in; steps and bytes out.

use bytes::{Buf, Bytes, BytesMut};
use settings::Secret;

use super::{
    amf::{self, Value},
    chunk::{Message, Reader},
    handshake::{Handshake, RANDOM},
    kind,
    talk::{Talk, WINDOW},
};
use crate::{
    AmfError, Announcement, End, Event, Fault, Reason, Refusal,
    flv::{self, Demux, printable},
};

/// Message streams of one connection; encoders make one.
const MESSAGE_STREAMS_MAX: u32 = 8;
/// Of an application, an address or an encoder's name.
const TEXT_CHARS_MAX: usize = 1_024;
const KEY_BYTES_MAX: usize = 256;
pub(super) const PING_REQUEST: [u8; 2] = [0, 6];
const FAILED: &str = "NetStream.Failed";

/// What is next.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// More input is needed.
    Wait,
    /// The publisher says what it wants; [`Session::admit`] or [`Session::stop`] is due, and until then nothing more
    /// is read.
    Publish(Announcement),
    /// Something of the stream, never [`Event::Ended`].
    Event(Event),
    /// The session is over; what remains is to send the output and close.
    Over(End),
}

enum Stage {
    Handshake(Box<Handshake>),
    Commands,
    Deciding,
    Media,
    Over,
}

/// What `connect` says.
#[derive(Default)]
struct Connect {
    app: String,
    tc_url: Secret,
    encoder: String,
}

/// One connection. Feed [`Session::input`], call [`Session::step`] until it waits, send [`Session::take_output`].
pub struct Session {
    stage: Stage,
    input: BytesMut,
    reader: Reader,
    talk: Talk,
    demux: Demux,
    arrivals: Arrivals,
    connect: Option<Connect>,
    message_streams: u32,
    /// The message stream that is published.
    published: u32,
    /// In bytes.
    message_max: usize,
}

impl Session {
    /// A connection that has just begun. `random` is unpredictable; a message of media may have `message_max` bytes.
    #[must_use]
    pub fn new(random: [u8; RANDOM], message_max: usize) -> Self {
        Self {
            stage: Stage::Handshake(Box::new(Handshake::new(random))),
            input: BytesMut::new(),
            reader: Reader::new(),
            talk: Talk::default(),
            demux: Demux::default(),
            arrivals: Arrivals { window: WINDOW, ..Arrivals::default() },
            connect: None,
            message_streams: 0,
            published: 0,
            message_max,
        }
    }

    /// Where received bytes are appended. Steps consume all but a header's length of it, so it stays as small as
    /// what is read at once.
    pub const fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// What is to be sent by now.
    pub fn take_output(&mut self) -> Bytes {
        self.talk.output.split().freeze()
    }

    /// Memory that the connection holds for what was not passed on yet, in bytes.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.input.capacity() + self.talk.output.capacity() + self.reader.held_bytes()
    }

    /// Goes as far as the next thing to tell.
    pub fn step(&mut self) -> Step {
        if let Some(received) = self.arrivals.note(self.input.len())
            && matches!(self.stage, Stage::Commands | Stage::Media)
        {
            self.talk.acknowledge(received);
        }
        let step = self.advance().unwrap_or_else(|end| {
            self.end(&end);
            Step::Over(end)
        });
        self.arrivals.left = self.input.len();
        step
    }

    /// Takes the stream whose [`Step::Publish`] came last.
    pub fn admit(&mut self) {
        if matches!(self.stage, Stage::Deciding) {
            self.reader.allow_media(self.message_max);
            self.talk.started(self.published);
            self.stage = Stage::Media;
        }
    }

    /// Refuses the stream, or ends it, and says why.
    pub fn stop(&mut self, refusal: &Refusal) {
        self.end(&End::Stopped(refusal.clone()));
    }

    fn advance(&mut self) -> Result<Step, End> {
        loop {
            match &mut self.stage {
                Stage::Deciding | Stage::Over => return Ok(Step::Wait),
                Stage::Handshake(handshake) => {
                    if !handshake.step(&mut self.input, &mut self.talk.output)? {
                        return Ok(Step::Wait);
                    }
                    self.talk.chunk_size();
                    self.stage = Stage::Commands;
                }
                Stage::Commands | Stage::Media => {
                    let Some(message) = self.reader.next(&mut self.input)? else { return Ok(Step::Wait) };
                    if let Some(step) = self.message(message)? {
                        return Ok(step);
                    }
                }
            }
        }
    }

    fn message(&mut self, mut message: Message) -> Result<Option<Step>, End> {
        match message.kind {
            kind::CHUNK_SIZE => self.reader.set_chunk_size(number(&message)?)?,
            kind::ABORT => self.reader.abort(number(&message)?),
            kind::WINDOW => self.arrivals.window = number(&message)?,
            kind::USER_CONTROL => self.user_control(&message.body),
            kind::VIDEO | kind::AUDIO => return self.media(&message),
            kind::DATA => return self.data(&message.body),
            kind::DATA_AMF3 if !message.body.is_empty() => return self.data(&message.body[1..]),
            kind::COMMAND => return self.command(message.stream, &message.body),
            // Flash's newer commands begin with a byte that says that AMF0 follows.
            kind::COMMAND_AMF3 if !message.body.is_empty() => {
                message.body.advance(1);
                return self.command(message.stream, &message.body);
            }
            kind::AGGREGATE => return Err(Fault::MessageType(kind::AGGREGATE).into()),
            _ => {}
        }
        Ok(None)
    }

    fn user_control(&mut self, body: &[u8]) {
        if let Some(timestamp) = body.strip_prefix(&PING_REQUEST).and_then(|rest| rest.first_chunk()) {
            self.talk.pong(*timestamp);
        }
    }

    fn media(&mut self, message: &Message) -> Result<Option<Step>, End> {
        if !matches!(self.stage, Stage::Media) {
            return Err(Fault::Order("media before a stream is published").into());
        }
        let event = match message.kind {
            kind::VIDEO => self.demux.video(message.timestamp, &message.body)?,
            _ => self.demux.audio(message.timestamp, &message.body)?,
        };
        Ok(event.map(Step::Event))
    }

    fn data(&self, body: &[u8]) -> Result<Option<Step>, End> {
        if !matches!(self.stage, Stage::Media) {
            return Ok(None);
        }
        let metadata = flv::metadata(body).map_err(Fault::from)?;
        Ok(metadata.map(|metadata| Step::Event(Event::Metadata(metadata))))
    }

    fn command(&mut self, stream: u32, body: &[u8]) -> Result<Option<Step>, End> {
        let values = amf::decode(body).map_err(Fault::from)?;
        let (name, transaction, arguments) = parts(&values).map_err(Fault::from)?;
        match name {
            "connect" => self.connected(transaction, arguments.first())?,
            "createStream" => self.stream_created(transaction)?,
            "releaseStream" | "FCPublish" => self.talk.granted(transaction, Value::Null),
            "publish" => return self.publish(stream, arguments.get(1)).map(Some),
            "play" | "play2" => return Err(Fault::NotAPublisher.into()),
            "FCUnpublish" | "deleteStream" | "closeStream" | "close"
                if matches!(self.stage, Stage::Media) =>
            {
                return Err(End::Closed);
            }
            _ => {}
        }
        Ok(None)
    }

    fn connected(&mut self, transaction: f64, argument: Option<&Value>) -> Result<(), Fault> {
        if self.connect.is_some() {
            return Err(Fault::Order("connect, twice"));
        }
        let text = |name: &str| {
            let text = argument.and_then(|object| object.get(name)?.text()).unwrap_or_default();
            printable(text, TEXT_CHARS_MAX)
        };
        self.connect =
            Some(Connect { app: text("app"), tc_url: Secret::new(text("tcUrl")), encoder: text("flashVer") });
        self.talk.connected(transaction);
        Ok(())
    }

    fn stream_created(&mut self, transaction: f64) -> Result<(), Fault> {
        if self.connect.is_none() {
            return Err(Fault::Order("createStream before connect"));
        }
        if self.message_streams == MESSAGE_STREAMS_MAX {
            return Err(Fault::MessageStreams(MESSAGE_STREAMS_MAX));
        }
        self.message_streams += 1;
        self.talk.granted(transaction, Value::Number(self.message_streams.into()));
        Ok(())
    }

    fn publish(&mut self, stream: u32, name: Option<&Value>) -> Result<Step, End> {
        if matches!(self.stage, Stage::Media) {
            return Err(Fault::Order("publish, twice on one connection").into());
        }
        let connect = self.connect.as_ref().ok_or(Fault::Order("publish before connect"))?;
        let name = name.and_then(Value::text).ok_or(Fault::Amf(AmfError::Missing("stream name")))?;
        self.published = stream;
        let announcement = announcement(connect, name)?;
        self.stage = Stage::Deciding;
        Ok(Step::Publish(announcement))
    }

    /// Says what there is to say, once.
    fn end(&mut self, end: &End) {
        let (level, code) = match (&self.stage, end) {
            (Stage::Over | Stage::Handshake(_), _) | (_, End::Lost(_)) => {
                self.stage = Stage::Over;
                return;
            }
            (_, End::Closed) => ("status", "NetStream.Unpublish.Success"),
            (_, End::Stopped(refusal)) => ("error", refusal.reason.code()),
            (_, End::Stalled(_) | End::Broken(_) | End::Unsupported(_)) => ("error", FAILED),
        };
        self.talk.status(self.published, level, code, &end.to_string());
        self.stage = Stage::Over;
    }
}

/// What has come, for acknowledgements (RTMP 1.0 §5.4.3).
#[derive(Default)]
struct Arrivals {
    /// Modulo 2^32.
    received: u32,
    unacknowledged: u32,
    /// As the peer wishes; 0 means never.
    window: u32,
    /// Bytes of input that were there before.
    left: usize,
}

impl Arrivals {
    /// Counts what is new of `length` bytes of input; the count to acknowledge, when it is time.
    fn note(&mut self, length: usize) -> Option<u32> {
        let new = u32::try_from(length.saturating_sub(self.left)).unwrap_or(u32::MAX);
        self.left = length;
        self.received = self.received.wrapping_add(new);
        self.unacknowledged = self.unacknowledged.saturating_add(new);
        (self.window > 0 && self.unacknowledged >= self.window).then(|| {
            self.unacknowledged = 0;
            self.received
        })
    }
}

/// The body of a control message that is one number.
pub(super) fn number(message: &Message) -> Result<u32, Fault> {
    let body = message.body[..].try_into().map_err(|_| Fault::Control(message.kind))?;
    Ok(u32::from_be_bytes(body))
}

/// Name, transaction and the rest of a command (RTMP 1.0 §7.1.1).
pub(super) fn parts(values: &[Value]) -> Result<(&str, f64, &[Value]), AmfError> {
    let (name, rest) = values.split_first().ok_or(AmfError::Missing("name"))?;
    let (transaction, arguments) = rest.split_first().ok_or(AmfError::Missing("transaction"))?;
    let name = name.text().ok_or(AmfError::Missing("name"))?;
    Ok((name, transaction.number().ok_or(AmfError::Missing("transaction"))?, arguments))
}

/// Application and key of the one address that `connect` and `publish` name in two pieces. Encoders cut it at
/// different places, so the key is its last segment wherever the cut was.
fn announcement(connect: &Connect, name: &str) -> Result<Announcement, End> {
    let (app, app_query) = connect.app.split_once('?').unwrap_or((&connect.app, ""));
    let (name, query) = name.split_once('?').unwrap_or((name, ""));
    let mut segments: Vec<&str> =
        app.split('/').chain(name.split('/')).filter(|part| !part.is_empty()).collect();
    let key = segments.pop().unwrap_or_default();
    if key.is_empty() || key.len() > KEY_BYTES_MAX || key.contains(char::is_control) {
        let text =
            "there is no stream key; the address is rtmp://HOST/live and the key what the channel shows";
        return Err(End::Stopped(Refusal::new(Reason::Denied, text)));
    }
    Ok(Announcement {
        app: segments.join("/"),
        key: Secret::new(key),
        parameters: Secret::new(if query.is_empty() { app_query } else { query }),
        tc_url: connect.tc_url.clone(),
        encoder: connect.encoder.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(app: &str, name: &str) -> Option<(String, String, String)> {
        let connect = Connect { app: app.to_owned(), ..Connect::default() };
        let said = announcement(&connect, name).ok()?;
        Some((said.app, said.key.expose().to_owned(), said.parameters.expose().to_owned()))
    }

    #[test]
    fn the_key_is_the_last_segment_wherever_an_encoder_cuts() {
        let whole =
            |app: &str, parameters: &str| Some((app.to_owned(), "K-1".to_owned(), parameters.to_owned()));
        assert_eq!(cut("live", "K-1"), whole("live", ""));
        assert_eq!(cut("live/", "/K-1"), whole("live", ""));
        assert_eq!(cut("live/K-1", ""), whole("live", ""));
        assert_eq!(cut("", "live/K-1"), whole("live", ""));
        assert_eq!(cut("live/east", "K-1?a=b"), whole("live/east", "a=b"));
        assert_eq!(cut("live?a=b", "K-1"), whole("live", "a=b"));
        assert_eq!(cut("", "K-1"), whole("", ""));
        assert_eq!(cut("", ""), None);
        assert_eq!(cut("live", &"k".repeat(257)), None);
        assert_eq!(cut("live", "a\u{7}b"), None);
    }

    #[test]
    fn what_is_secret_is_not_printed() {
        let connect = Connect {
            app: "live/hidden".to_owned(),
            tc_url: Secret::new("rtmp://host/live/hidden"),
            encoder: "Lavf".to_owned(),
        };
        let said = announcement(&connect, "hidden?hidden=hidden").expect("a key");
        assert!(!format!("{said:?}").contains("hidden"));
    }

    #[test]
    fn acknowledgements_follow_the_window_that_the_peer_wishes() {
        let mut arrivals = Arrivals { window: 100, ..Arrivals::default() };
        assert_eq!(arrivals.note(99), None);
        assert_eq!(arrivals.note(100), Some(100));
        arrivals.left = 40;
        assert_eq!(arrivals.note(90), None);
        arrivals.window = 0;
        assert_eq!(arrivals.note(10_000), None);
    }
}
