//! Recorded sessions, cut and mutated in any way: never a panic, never memory beyond the bound.

use ingest::{
    Event,
    rtmp::{Session, Step},
};
use proptest::prelude::*;

use crate::{
    amf::{null, number, object, text},
    client::{AUDIO, CHUNK_SIZE, COMMAND, DATA, VIDEO, message},
};

/// What encoders sent, byte for byte.
const RECORDINGS: [&[u8]; 3] = [
    include_bytes!("recorded/ffmpeg-5-h264.rtmp"),
    include_bytes!("recorded/ffmpeg-9-hevc.rtmp"),
    include_bytes!("recorded/gstreamer-h264.rtmp"),
];
const MESSAGE_MAX: usize = 1 << 16;
/// What is read at once and what is said about it; and twice a message, in buffers that grow by doubling.
const HELD_MAX: usize = (1 << 19) + 4 * MESSAGE_MAX;

/// Feeds a session and admits it when it asks; everything that came out.
fn fed<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Step> {
    let (mut session, mut steps) = (Session::new([7; 1_528], MESSAGE_MAX), Vec::new());
    for piece in pieces {
        session.input().extend_from_slice(piece);
        loop {
            let step = session.step();
            assert!(session.held_bytes() <= HELD_MAX, "{} bytes held", session.held_bytes());
            match step {
                Step::Wait => break,
                Step::Over(_) => {
                    steps.push(step);
                    return steps;
                }
                Step::Publish(_) => session.admit(),
                Step::Event(_) => {}
            }
            steps.push(step);
        }
        session.take_output();
    }
    steps
}

fn events(steps: &[Step], kind: fn(&Event) -> bool) -> usize {
    steps.iter().filter(|step| matches!(step, Step::Event(event) if kind(event))).count()
}

#[test]
fn recordings_read_as_they_were_sent() {
    for recording in RECORDINGS {
        let steps = fed(recording.chunks(4_096));
        assert!(matches!(steps.first(), Some(Step::Publish(_))), "{:?}", steps.first());
        assert_eq!(events(&steps, |event| matches!(event, Event::VideoConfig(_))), 1);
        assert_eq!(events(&steps, |event| matches!(event, Event::AudioConfig(_))), 1);
        assert_eq!(events(&steps, |event| matches!(event, Event::Video(_))), 15);
        assert!(events(&steps, |event| matches!(event, Event::Audio(_))) > 20);
        assert_eq!(steps.last(), Some(&Step::Over(ingest::End::Closed)));
    }
}

/// A change somewhere in a recording.
#[derive(Clone, Debug)]
enum Change {
    Set(u8),
    Remove(usize),
    Insert(Vec<u8>),
    Repeat(usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any::<u8>().prop_map(Change::Set),
        (1_usize..2_000).prop_map(Change::Remove),
        prop::collection::vec(any::<u8>(), 1..64).prop_map(Change::Insert),
        (1_usize..2_000).prop_map(Change::Repeat),
    ]
}

/// All that a client says before its media.
fn opening() -> Vec<u8> {
    let mut bytes = vec![3; 1 + 2 * 1_536];
    bytes.extend(message(CHUNK_SIZE, 0, 0, &60_000_u32.to_be_bytes()));
    let connect = [text("connect"), number(1.0), object(&[("app", text("live"))])];
    let publish = [text("publish"), number(5.0), null(), text("key"), text("live")];
    bytes.extend(message(COMMAND, 0, 0, &connect.concat()));
    bytes.extend(message(COMMAND, 0, 1, &publish.concat()));
    bytes
}

/// A message of media or metadata whose first bytes often mean something.
fn body() -> impl Strategy<Value = (u8, u32, Vec<u8>)> {
    let starts = prop_oneof![
        Just(&b"\x17\x00\0\0\0"[..]),
        Just(&b"\x27\x01\0\0\x28"[..]),
        Just(&b"\x90hvc1"[..]),
        Just(&b"\x97\x02\0\0\x01\x01hvc1"[..]),
        Just(&b"\xAF\x00"[..]),
        Just(&b"\xAF\x01"[..]),
        Just(&b"\x02\x00\x0AonMetaData\x08"[..]),
        Just(&b""[..]),
    ];
    let rest = prop::collection::vec(any::<u8>(), 0..200);
    let kind = prop_oneof![Just(AUDIO), Just(VIDEO), Just(DATA)];
    (kind, any::<u32>(), starts, rest)
        .prop_map(|(kind, time, start, rest)| (kind, time, [start, &rest].concat()))
}

fn changed(recording: &[u8], changes: &[(prop::sample::Index, Change)]) -> Vec<u8> {
    let mut bytes = recording.to_vec();
    for (place, change) in changes {
        let at = place.index(bytes.len());
        let end = |count: usize| (at + count).min(recording.len()).max(at);
        match change {
            Change::Set(byte) => bytes[at] = *byte,
            Change::Remove(count) => drop(bytes.drain(at..end(*count).min(bytes.len()))),
            Change::Insert(inserted) => drop(bytes.splice(at..at, inserted.iter().copied())),
            Change::Repeat(count) => {
                let again = bytes[at..end(*count).min(bytes.len())].to_vec();
                drop(bytes.splice(at..at, again));
            }
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn where_a_recording_is_cut_changes_nothing(which in 0_usize..3, cuts in prop::collection::vec(1_usize..5_000, 1..8)) {
        let recording = RECORDINGS[which];
        let (mut rest, mut pieces, mut cuts) = (recording, Vec::new(), cuts.into_iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(fed(pieces.into_iter()), fed(std::iter::once(recording)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_mutation_is_survived(
        which in 0_usize..3,
        changes in prop::collection::vec((any::<prop::sample::Index>(), change()), 1..6),
    ) {
        let bytes = changed(RECORDINGS[which], &changes);
        fed(bytes.chunks(65_536));
    }

    #[test]
    fn any_bytes_after_the_handshake_are_survived(which in 0_usize..3, bytes in prop::collection::vec(any::<u8>(), 0..4_096)) {
        let handshake = &RECORDINGS[which][..1 + 2 * 1_536];
        fed([handshake, &bytes].into_iter());
    }

    #[test]
    fn any_media_is_survived(bodies in prop::collection::vec(body(), 1..20)) {
        let (opening, messages) = (opening(), bodies.iter().map(|(kind, time, body)| message(*kind, *time, 1, body)));
        let messages: Vec<u8> = messages.flatten().collect();
        let steps = fed([&opening[..], &messages].into_iter());
        prop_assert!(matches!(steps.first(), Some(Step::Publish(_))));
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..4_096)) {
        fed(std::iter::once(&bytes[..]));
    }
}
