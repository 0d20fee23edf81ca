//! What is said: control messages and commands; the server's results and status.

use bytes::BytesMut;

use super::{
    amf::{self, Value, object, text},
    kind,
    write::{self, CHUNK_SIZE, Head},
};

/// How many bytes may be under way without an acknowledgement; what most servers say.
pub(super) const WINDOW: u32 = 2_500_000;
/// The chunk streams for control and for commands.
const CONTROL: u8 = 2;
const COMMANDS: u8 = 3;
const DYNAMIC: u8 = 2;
const STREAM_BEGIN: u16 = 0;
const PING_RESPONSE: u16 = 7;
/// Of a status text, in bytes.
const TEXT_MAX: usize = 1_000;

/// What waits to be sent. The first message is always the chunk size, so all others may use it.
#[derive(Default)]
pub(super) struct Talk {
    pub(super) output: BytesMut,
}

impl Talk {
    fn message(&mut self, chunk_stream: u8, kind: u8, message_stream: u32, body: &[u8]) {
        write::message(&mut self.output, Head { chunk_stream, kind, message_stream, timestamp: 0 }, body);
    }

    /// A command (RTMP 1.0 §7.1.1).
    pub(super) fn command(&mut self, message_stream: u32, values: &[Value]) {
        let mut body = BytesMut::new();
        values.iter().for_each(|value| amf::encode(&mut body, value));
        self.message(COMMANDS, kind::COMMAND, message_stream, &body);
    }

    /// After the handshake; all messages behind it may use it.
    pub(super) fn chunk_size(&mut self) {
        let size = u32::try_from(CHUNK_SIZE).unwrap_or(128);
        self.message(CONTROL, kind::CHUNK_SIZE, 0, &size.to_be_bytes());
    }

    /// How many bytes have come, modulo 2^32.
    pub(super) fn acknowledge(&mut self, received: u32) {
        self.message(CONTROL, kind::ACKNOWLEDGEMENT, 0, &received.to_be_bytes());
    }

    /// The answer to a ping request.
    pub(super) fn pong(&mut self, timestamp: [u8; 4]) {
        let [a, b] = PING_RESPONSE.to_be_bytes();
        let [c, d, e, f] = timestamp;
        self.message(CONTROL, kind::USER_CONTROL, 0, &[a, b, c, d, e, f]);
    }

    /// The answer to `connect`, with what Enhanced RTMP v2 asks about codecs.
    pub(super) fn connected(&mut self, transaction: f64) {
        self.message(CONTROL, kind::WINDOW, 0, &WINDOW.to_be_bytes());
        let mut bandwidth = WINDOW.to_be_bytes().to_vec();
        bandwidth.push(DYNAMIC);
        self.message(CONTROL, kind::BANDWIDTH, 0, &bandwidth);
        let forward = || Value::Number(4.0);
        let properties = object([("fmsVer", text("FMS/3,0,1,123")), ("capabilities", Value::Number(31.0))]);
        let information = object([
            ("level", text("status")),
            ("code", text("NetConnection.Connect.Success")),
            ("description", text("Connection succeeded.")),
            ("objectEncoding", Value::Number(0.0)),
            ("fourCcList", Value::Array(vec![text("avc1"), text("hvc1"), text("mp4a")])),
            ("videoFourCcInfoMap", object([("avc1", forward()), ("hvc1", forward())])),
            ("audioFourCcInfoMap", object([("mp4a", forward())])),
            ("capsEx", Value::Number(0.0)),
        ]);
        self.command(0, &[text("_result"), Value::Number(transaction), properties, information]);
    }

    /// The answer to a call that is granted.
    pub(super) fn granted(&mut self, transaction: f64, result: Value) {
        self.command(0, &[text("_result"), Value::Number(transaction), Value::Null, result]);
    }

    /// The stream may be published.
    pub(super) fn started(&mut self, message_stream: u32) {
        let [a, b] = STREAM_BEGIN.to_be_bytes();
        let [c, d, e, f] = message_stream.to_be_bytes();
        self.message(CONTROL, kind::USER_CONTROL, 0, &[a, b, c, d, e, f]);
        self.status(message_stream, "status", "NetStream.Publish.Start", "The stream is taken.");
    }

    /// An `onStatus` of a message stream.
    pub(super) fn status(&mut self, message_stream: u32, level: &str, code: &str, description: &str) {
        let description = &description[..description.floor_char_boundary(TEXT_MAX)];
        let information =
            object([("level", text(level)), ("code", text(code)), ("description", text(description))]);
        self.command(message_stream, &[text("onStatus"), Value::Number(0.0), Value::Null, information]);
    }
}
