//! Recorded transport streams, cut and mutated in any way: never a panic, never memory beyond the bound.

use ingest::{AccessUnit, Dropped, Event, Fault, Track, ts::Demux};
use proptest::prelude::*;

use crate::rig::Published;

/// What encoders sent, byte for byte.
const RECORDINGS: [&[u8]; 3] = [
    include_bytes!("recorded/ffmpeg-5-h264.ts"),
    include_bytes!("recorded/ffmpeg-5-hevc.ts"),
    include_bytes!("recorded/gstreamer-h264.ts"),
];
const UNIT_BYTES_MAX: usize = 64 << 10;

fn events(pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> Vec<Event> {
    let (mut demux, mut events) = (Demux::new(UNIT_BYTES_MAX), Vec::new());
    for piece in pieces {
        let pushed = demux.push(piece.as_ref());
        events.extend(std::iter::from_fn(|| demux.event()));
        if pushed.is_err() {
            return events;
        }
    }
    demux.finish();
    events.extend(std::iter::from_fn(|| demux.event()));
    events
}

#[test]
fn recordings_are_read_whole() {
    for recording in RECORDINGS {
        let published = Published::of(events(recording.chunks(1_316)));
        assert_eq!((published.pictures.len(), published.sounds.len()), (1, 1));
        let early = |dropped: &Dropped| *dropped == Dropped::BeforeConfig(Track::Audio);
        assert!(published.dropped.iter().all(early), "{:?}", published.dropped);
        assert!(published.video.len() >= 10 && published.audio.len() >= 10, "{published:?}");
        assert!(published.video[0].key);
    }
}

#[test]
fn sound_begins_with_the_pictures_that_are_announced() {
    for recording in RECORDINGS {
        let whole = Published::of(events(recording.chunks(1_316)));
        let pid = |packet: &[u8]| u16::from_be_bytes([packet[1] & 0x1F, packet[2]]);
        // Some bytes before a section of GStreamer's look like it.
        let begins =
            |packet: &&[u8]| pid(packet) != 0 && packet.windows(4).any(|bytes| bytes == [0, 0, 1, 0xE0]);
        let pictures = recording.chunks(188).find(begins).map(pid).expect("pictures");
        let (later, first): (Vec<_>, Vec<_>) =
            recording.chunks(188).partition(|packet| pid(packet) == pictures);
        let published = Published::of(events(first.into_iter().chain(later)));
        assert_eq!(published.video, whole.video);
        assert_eq!(published.audio, []);
        assert!(published.dropped.len() >= whole.audio.len(), "{:?}", published.dropped);
    }
}

#[test]
fn a_lost_packet_costs_what_it_was_part_of() {
    for recording in RECORDINGS {
        let whole = Published::of(events(recording.chunks(1_316)));
        let packets: Vec<_> = recording.chunks(188).collect();
        for lost in 0..packets.len() {
            let kept = packets.iter().enumerate().filter(|(at, _)| *at != lost).map(|(_, packet)| packet);
            let published = Published::of(events(kept));
            let missing = whole.video.len() - published.video.len();
            // Nothing follows the last picture that would show what its end lacks.
            let last = whole.video.last().map(|unit| unit.dts_us);
            let intact = |unit: &AccessUnit| Some(unit.dts_us) == last || whole.video.contains(unit);
            let intact = published.video.iter().all(intact);
            // Without the first pictures, later ones have no configuration either.
            let first = published.video.first().is_none_or(|unit| *unit != whole.video[0]);
            assert!(first || (missing <= 2 && intact), "{missing} pictures by packet {lost}");
        }
    }
}

#[test]
fn no_transport_stream_is_noticed() {
    let mut demux = Demux::new(UNIT_BYTES_MAX);
    let error = (0..100).find_map(|_| demux.push(&[0; 1_316]).err());
    assert!(matches!(error, Some(ingest::End::Broken(Fault::NotTransportStream(_)))), "{error:?}");
    let null = [&[0x47, 0x1F, 0xFF, 0x10][..], &[0xFF; 184]].concat();
    let mut demux = Demux::new(UNIT_BYTES_MAX);
    let error = (0..100_000).find_map(|_| demux.push(&null).err());
    assert!(matches!(error, Some(ingest::End::Broken(Fault::NoProgram(_)))), "{error:?}");
}

proptest! {
    #[test]
    fn wherever_bytes_are_cut_the_events_are_the_same(recording in 0_usize..3, size in 1_usize..4_000) {
        let recording = RECORDINGS[recording];
        prop_assert_eq!(events(recording.chunks(size)), events(recording.chunks(1_316)));
    }

    #[test]
    fn what_is_mutated_is_left_out(
        recording in 0_usize..3,
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..200),
        size in 1_usize..4_000,
    ) {
        let mut bytes = RECORDINGS[recording].to_vec();
        for (at, value) in mutations {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        for event in events(bytes.chunks(size)) {
            prop_assert!(event.bytes() <= UNIT_BYTES_MAX + 64 * 1_024);
        }
    }

    #[test]
    fn packets_in_any_order_panic_nowhere(
        recording in 0_usize..3,
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..300),
    ) {
        let packets: Vec<_> = RECORDINGS[recording].chunks(188).collect();
        events(order.iter().map(|at| packets[at.index(packets.len())]));
    }
}
