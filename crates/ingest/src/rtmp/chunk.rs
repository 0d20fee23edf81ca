//! The chunk stream (RTMP 1.0 §5.3): bytes become messages.
//!
//! Payload is taken as it comes, so memory follows what arrived and never what a header claims: a chunk size of two
//! gigabytes costs nothing, and a message's length is held against its limit before its first byte is kept.

use std::collections::HashMap;

use bytes::{Buf, Bytes, BytesMut};

use super::kind;
use crate::Fault;

/// Until the peer says otherwise (RTMP 1.0 §5.4.1).
const CHUNK_SIZE_AT_FIRST: u32 = 128;
const CHUNK_SIZE_MAX: u32 = 0x7FFF_FFFF;
/// Chunk streams that one connection may use; encoders use four to six.
const STREAMS_MAX: usize = 32;
/// Commands, metadata and user control messages.
const TALK_BYTES_MAX: usize = 64 << 10;
/// A timestamp field that says that four more bytes follow.
const EXTENDED: u32 = 0x00FF_FFFF;
/// What is reserved at first for a message, however long it says it is.
const RESERVE: usize = 64 << 10;

/// A whole message.
pub(super) struct Message {
    /// The message type (RTMP 1.0 §6.1.1).
    pub(super) kind: u8,
    /// In milliseconds, modulo 2^32.
    pub(super) timestamp: u32,
    /// The message stream (RTMP 1.0 §5.3.1.2.1).
    pub(super) stream: u32,
    pub(super) body: Bytes,
}

#[derive(Clone, Copy, Default)]
struct Header {
    timestamp: u32,
    delta: u32,
    /// The four bytes after the header, where its timestamp field did not suffice.
    extended: Option<u32>,
    length: usize,
    kind: u8,
    message_stream: u32,
}

#[derive(Default)]
struct Stream {
    header: Header,
    /// Whether a message has begun and not ended.
    open: bool,
    body: BytesMut,
}

struct Chunk {
    stream: u32,
    left: usize,
}

/// Reads chunks.
pub(super) struct Reader {
    chunk_size: usize,
    streams: HashMap<u32, Stream>,
    chunk: Option<Chunk>,
    /// Bytes in all messages that have begun and not ended.
    unfinished: usize,
    /// In bytes.
    media_max: usize,
}

/// A chunk's basic and message header.
struct Read {
    format: u8,
    stream: u32,
    /// Bytes of both headers without an extended timestamp.
    size: usize,
}

impl Reader {
    /// Messages of media may have no more bytes than commands until [`Reader::allow_media`] is called.
    pub(super) fn new() -> Self {
        Self {
            chunk_size: CHUNK_SIZE_AT_FIRST as usize,
            streams: HashMap::new(),
            chunk: None,
            unfinished: 0,
            media_max: TALK_BYTES_MAX,
        }
    }

    /// From now on messages of media may have `bytes_max` bytes, and twice that may be unfinished.
    pub(super) const fn allow_media(&mut self, bytes_max: usize) {
        self.media_max = bytes_max;
    }

    /// Memory of messages that are not complete, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.streams.values().map(|stream| stream.body.capacity()).sum()
    }

    /// What the peer says about the chunks that follow.
    pub(super) fn set_chunk_size(&mut self, size: u32) -> Result<(), Fault> {
        if !(1..=CHUNK_SIZE_MAX).contains(&size) {
            return Err(Fault::ChunkSize(size));
        }
        self.chunk_size = size as usize;
        Ok(())
    }

    /// The peer gives a message up (RTMP 1.0 §5.4.2).
    pub(super) fn abort(&mut self, stream: u32) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            self.unfinished -= stream.body.len();
            stream.body = BytesMut::new();
            stream.open = false;
        }
    }

    /// The next whole message, or nothing when `input` has to grow first.
    pub(super) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Message>, Fault> {
        loop {
            let Some(chunk) = self.chunk.take() else {
                match self.begin(input)? {
                    Some(chunk) => self.chunk = Some(chunk),
                    None => return Ok(None),
                }
                continue;
            };
            let left = self.fill(&chunk, input)?;
            if let Some(message) = self.complete(chunk.stream) {
                return Ok(Some(message));
            }
            if left > 0 {
                self.chunk = Some(Chunk { left, ..chunk });
                return Ok(None);
            }
        }
    }

    /// Takes what there is of a chunk; returns how many of its bytes are still to come.
    fn fill(&mut self, chunk: &Chunk, input: &mut BytesMut) -> Result<usize, Fault> {
        let Some(stream) = self.streams.get_mut(&chunk.stream) else { return Ok(0) };
        let count = chunk.left.min(input.len());
        self.unfinished += count;
        if self.unfinished > 2 * self.media_max {
            return Err(Fault::Unfinished(2 * self.media_max));
        }
        if stream.body.capacity() - stream.body.len() < count {
            let wanted = stream.header.length - stream.body.len();
            stream.body.reserve(wanted.min(RESERVE.max(stream.body.len()).max(count)));
        }
        stream.body.extend_from_slice(&input[..count]);
        input.advance(count);
        Ok(chunk.left - count)
    }

    fn complete(&mut self, id: u32) -> Option<Message> {
        let stream = self.streams.get_mut(&id)?;
        if stream.body.len() < stream.header.length {
            return None;
        }
        stream.open = false;
        self.unfinished -= stream.body.len();
        let body = std::mem::take(&mut stream.body).freeze();
        let Header { kind, timestamp, message_stream, .. } = stream.header;
        Some(Message { kind, timestamp, stream: message_stream, body })
    }

    /// Reads the header of the next chunk, whole or not at all.
    fn begin(&mut self, input: &mut BytesMut) -> Result<Option<Chunk>, Fault> {
        let Some(read) = basic_header(input) else { return Ok(None) };
        let known = self.streams.get(&read.stream);
        if known.is_none() && read.format != 0 {
            return Err(Fault::NothingToContinue(read.stream));
        }
        let open = known.is_some_and(|stream| stream.open);
        if open && read.format != 3 {
            return Err(Fault::Interrupted(read.stream));
        }
        let before = known.map_or_else(Header::default, |stream| stream.header);
        let Some((header, size)) = message_header(input, &read, &before, open) else { return Ok(None) };
        self.hold_against_limits(&read, &header)?;
        input.advance(size);
        let stream = self.streams.entry(read.stream).or_default();
        stream.header = header;
        stream.open = true;
        let left = (header.length - stream.body.len()).min(self.chunk_size);
        Ok(Some(Chunk { stream: read.stream, left }))
    }

    fn hold_against_limits(&self, read: &Read, header: &Header) -> Result<(), Fault> {
        let max = match header.kind {
            kind::AUDIO | kind::VIDEO => self.media_max,
            _ => TALK_BYTES_MAX,
        };
        if header.length > max {
            return Err(Fault::MessageTooLong { kind: header.kind, length: header.length, max });
        }
        if self.streams.len() >= STREAMS_MAX && !self.streams.contains_key(&read.stream) {
            return Err(Fault::ChunkStreams(STREAMS_MAX));
        }
        Ok(())
    }
}

/// Format and chunk stream (RTMP 1.0 §5.3.1.1), once the whole message header is there too.
fn basic_header(input: &[u8]) -> Option<Read> {
    let first = *input.first()?;
    let format = first >> 6;
    let (stream, basic) = match first & 0x3F {
        0 => (64 + u32::from(*input.get(1)?), 2),
        1 => (64 + u32::from(*input.get(1)?) + 256 * u32::from(*input.get(2)?), 3),
        id => (u32::from(id), 1),
    };
    let size = basic + [11, 7, 3, 0][usize::from(format)];
    (input.len() >= size).then_some(Read { format, stream, size })
}

/// The message header (RTMP 1.0 §5.3.1.2) and the bytes that all headers take.
fn message_header(input: &[u8], read: &Read, before: &Header, open: bool) -> Option<(Header, usize)> {
    let mut header = *before;
    let fields = &input[read.size - [11, 7, 3, 0][usize::from(read.format)]..read.size];
    if fields.len() >= 7 {
        header.length = number24(&fields[3..6]) as usize;
        header.kind = fields[6];
    }
    if let Some(stream) = fields.get(7..11) {
        header.message_stream = number32(stream).swap_bytes();
    }
    let after = input.get(read.size..read.size + 4).map(number32);
    let time = match fields.len() {
        0 if open => return continued(header, read.size, after),
        0 => header.extended.map_or(header.delta, |_| EXTENDED),
        _ => number24(&fields[..3]),
    };
    let extended = time == EXTENDED;
    header.extended = if extended { Some(after?) } else { None };
    header.delta = header.extended.unwrap_or(time);
    header.timestamp =
        if read.format == 0 { header.delta } else { header.timestamp.wrapping_add(header.delta) };
    Some((header, read.size + if extended { 4 } else { 0 }))
}

/// A chunk that goes on with a message. Its extended timestamp is repeated by most encoders and not by all, so four
/// bytes that differ from it are payload.
fn continued(header: Header, size: usize, after: Option<u32>) -> Option<(Header, usize)> {
    match header.extended {
        None => Some((header, size)),
        Some(extended) => Some((header, size + if after? == extended { 4 } else { 0 })),
    }
}

fn number24(bytes: &[u8]) -> u32 {
    bytes[..3].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn number32(bytes: &[u8]) -> u32 {
    bytes[..4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(stream: u8, time: u32, length: u32, kind: u8) -> Vec<u8> {
        let (time, length) = (time.to_be_bytes(), length.to_be_bytes());
        [&[stream], &time[1..], &length[1..], &[kind, 1, 0, 0, 0]].concat()
    }

    fn fed(parts: &[&[u8]]) -> Result<Vec<(u8, u32, usize)>, Fault> {
        let mut reader = Reader::new();
        reader.allow_media(1 << 20);
        read_with(&mut reader, parts)
    }

    fn read_with(reader: &mut Reader, parts: &[&[u8]]) -> Result<Vec<(u8, u32, usize)>, Fault> {
        let (mut input, mut messages) = (BytesMut::new(), Vec::new());
        for byte in parts.concat() {
            input.extend_from_slice(&[byte]);
            while let Some(message) = reader.next(&mut input)? {
                messages.push((message.kind, message.timestamp, message.body.len()));
            }
        }
        Ok(messages)
    }

    #[test]
    fn messages_of_two_streams_may_interleave() {
        let video = full(6, 40, 200, kind::VIDEO);
        let audio = full(4, 41, 10, kind::AUDIO);
        let read = fed(&[&video, &[0; 128], &audio, &[0; 10], &[0xC6], &[0; 72]]);
        assert_eq!(read, Ok(vec![(kind::AUDIO, 41, 10), (kind::VIDEO, 40, 200)]));
    }

    #[test]
    fn short_headers_go_on_from_the_one_before() {
        let first = full(4, 1_000, 2, kind::AUDIO);
        let parts: [&[u8]; 6] = [
            &first,
            &[0; 2],
            &[0x44, 0, 0, 23, 0, 0, 1, kind::AUDIO, 9],
            &[0x84, 0, 0, 20, 9],
            &[0xC4, 9],
            &[0xC4, 9],
        ];
        let times: Vec<u32> = fed(&parts).expect("reads").into_iter().map(|(_, time, _)| time).collect();
        assert_eq!(times, [1_000, 1_023, 1_043, 1_063, 1_083]);
    }

    #[test]
    fn extended_timestamps_may_be_repeated_or_not() {
        let head = [&full(6, EXTENDED, 130, kind::VIDEO)[..], &[1, 0, 0, 0], &[7; 128]].concat();
        for tail in [&[0xC6, 1, 0, 0, 0, 7, 7][..], &[0xC6, 7, 7, 0xC6, 1, 0][..]] {
            let read = fed(&[&head, tail]).expect("reads");
            assert_eq!(read.first(), Some(&(kind::VIDEO, 0x0100_0000, 130)));
        }
    }

    #[test]
    fn wide_chunk_stream_numbers_are_told_apart() {
        let wide = |basic: &[u8]| [basic, &full(0, 5, 1, kind::AUDIO)[1..], &[0]].concat();
        assert_eq!(fed(&[&wide(&[0, 6]), &wide(&[1, 6, 1])]).expect("reads").len(), 2);
    }

    #[test]
    fn an_aborted_message_is_forgotten() {
        let (mut reader, mut input) = (Reader::new(), BytesMut::new());
        input.extend_from_slice(&[&full(6, 0, 200, kind::VIDEO)[..], &[0; 128]].concat());
        assert!(reader.next(&mut input).expect("reads").is_none());
        reader.abort(6);
        assert_eq!(reader.unfinished, 0);
        assert_eq!(
            read_with(&mut reader, &[&full(6, 9, 1, kind::VIDEO), &[0]]),
            Ok(vec![(kind::VIDEO, 9, 1)])
        );
    }

    #[test]
    fn what_no_encoder_sends_is_refused() {
        let cases: [(&[&[u8]], Fault); 4] = [
            (&[&[0xC5]], Fault::NothingToContinue(5)),
            (
                &[&full(6, 0, 200, kind::VIDEO), &[0; 128], &full(6, 0, 200, kind::VIDEO)],
                Fault::Interrupted(6),
            ),
            (
                &[&full(6, 0, 0x00FF_FFFF, kind::VIDEO)],
                Fault::MessageTooLong { kind: kind::VIDEO, length: 0x00FF_FFFF, max: 1 << 20 },
            ),
            (
                &[&full(3, 0, 65_537, kind::COMMAND)],
                Fault::MessageTooLong { kind: kind::COMMAND, length: 65_537, max: TALK_BYTES_MAX },
            ),
        ];
        for (parts, fault) in cases {
            assert_eq!(fed(parts), Err(fault));
        }
        for size in [0, 0x8000_0000, u32::MAX] {
            assert_eq!(Reader::new().set_chunk_size(size), Err(Fault::ChunkSize(size)));
        }
    }

    #[test]
    fn many_streams_and_many_unfinished_messages_are_refused() {
        let many: Vec<u8> =
            (0..=32).flat_map(|id| [&[0, id][..], &full(0, 0, 1, 8)[1..], &[0]].concat()).collect();
        assert_eq!(fed(&[&many]), Err(Fault::ChunkStreams(32)));
        let mut reader = Reader::new();
        reader.set_chunk_size(60_000).expect("fits");
        let begun = |id: u8| [&full(id, 0, 65_000, kind::VIDEO)[..], &[0; 60_000]].concat();
        assert_eq!(
            read_with(&mut reader, &[&begun(5), &begun(6), &begun(7)]),
            Err(Fault::Unfinished(131_072))
        );
    }

    #[test]
    fn a_huge_chunk_size_reserves_nothing() {
        let (mut reader, mut input) = (Reader::new(), BytesMut::new());
        reader.allow_media(8 << 20);
        reader.set_chunk_size(CHUNK_SIZE_MAX).expect("fits");
        input.extend_from_slice(&[&full(6, 0, 8 << 20, kind::VIDEO)[..], &[0; 10]].concat());
        assert!(reader.next(&mut input).expect("reads").is_none());
        assert!(reader.streams[&6].body.capacity() <= RESERVE);
    }
}
