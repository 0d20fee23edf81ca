//! What is on disk survives a kill at any byte.

use std::{fs::OpenOptions, io::Write, num::NonZeroU32};

use base::BroadcastId;
use bytes::Bytes;
use media::live::{
    LiveObject, RenditionName,
    window::{Moment, Part, Run},
};
use proptest::prelude::*;

use super::{
    Lane,
    disk::{Disk, Line, Piece},
};

const SOURCE: RenditionName = RenditionName::Source;
const NOON: Moment = Moment(1_795_348_800_000_000);

fn run(start: u64) -> Run {
    Run { init: 0, timescale: NonZeroU32::new(30_000).expect("a scale"), start, epoch: NOON }
}

fn disk(folder: &tempfile::TempDir) -> Disk {
    let id: BroadcastId = "01m82gn10yvt81z3za9tc2za2y".parse().expect("an identifier");
    Disk::of(folder.path(), &id)
}

fn part(us: u64) -> Part {
    Part { us, independent: true }
}

fn object(msn: u64) -> LiveObject {
    LiveObject::Segment { rendition: SOURCE, term: 1, msn }
}

/// What a kill leaves behind what was written: bytes that no line speaks of, and a line that broke off.
fn kill(disk: &Disk, msn: u64, torn: usize, line: &Line) {
    let append = |path: std::path::PathBuf, bytes: &[u8]| {
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(bytes)).expect("written");
    };
    append(disk.path(&object(msn)), b"half a part");
    let text = serde_json::to_vec(line).expect("a line");
    append(disk.path(&object(msn)).with_extension("journal"), &text[..torn.min(text.len() - 1)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_part_is_lost_that_was_kept(
        segments in prop::collection::vec(prop::collection::vec(1_usize..300, 1..6), 1..5),
        torn in 0_usize..400,
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let (disk, mut lane) = (disk(&folder), Lane::default());
        disk.claim(1).expect("claimed");
        let mut last = None;
        for (msn, parts) in (0..).zip(&segments) {
            for (number, length) in parts.iter().enumerate() {
                let bytes = Bytes::from(vec![u8::try_from(number).expect("few"); *length]);
                let line = lane.part(msn, part(200_000), run(0), 1, bytes.len() as u64);
                last = Some((msn, line.clone()));
                disk.write(&[Piece::Part(object(msn), line, bytes)]).expect("written");
            }
        }
        let (msn, line) = last.expect("a part");
        kill(&disk, msn, torn, &line);
        // Twice: whoever looks may be killed too.
        for _ in 0..2 {
            let found = disk.segments(1, NOON).expect("read");
            prop_assert_eq!(found.len(), segments.len());
            let mut start = 0;
            for (segment, parts) in found.iter().zip(&segments) {
                let lengths: Vec<u64> = segment.parts.iter().map(|part| part.bytes).collect();
                prop_assert_eq!(&lengths, &parts.iter().map(|length| *length as u64).collect::<Vec<_>>());
                prop_assert_eq!((segment.start, segment.ticks), (start, 6_000 * parts.len() as u64));
                start += segment.ticks;
                let bytes = disk.read(&object(segment.msn), 0..segment.bytes).expect("read").expect("there");
                let expected: Vec<u8> = parts
                    .iter()
                    .enumerate()
                    .flat_map(|(number, length)| vec![u8::try_from(number).expect("few"); *length])
                    .collect();
                prop_assert_eq!(&bytes[..], &expected[..]);
            }
        }
    }
}

#[test]
fn a_run_begins_where_it_says_with_a_discontinuity() {
    let mut lane = Lane::default();
    let begins = |line: Line| match line {
        Line::Part { start_us, discontinuities, .. } => (start_us, discontinuities),
        Line::Whole(_) => panic!("no part"),
    };
    assert_eq!(begins(lane.part(0, part(200_000), run(30_000), 1, 9)), (1_000_000, 0));
    assert_eq!(begins(lane.part(0, part(200_000), run(30_000), 1, 9)), (1_000_000, 0));
    assert_eq!(begins(lane.part(1, part(200_000), run(30_000), 1, 9)), (1_400_000, 0));
    assert_eq!(begins(lane.part(2, part(200_000), run(90_000), 1, 9)), (3_000_000, 1));
    assert_eq!(begins(lane.part(3, part(200_000), run(90_000), 1, 9)), (3_200_000, 0));
}

#[test]
fn what_was_never_there_is_not_missed() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = disk(&folder);
    assert!(disk.terms().expect("read").is_empty());
    assert_eq!(disk.segments(1, NOON).expect("read"), []);
    assert_eq!(disk.described().expect("read"), []);
    assert_eq!(disk.read(&object(1), 0..4).expect("read"), None);
    disk.remove(&object(1)).expect("nothing to remove");
    disk.remove_all().expect("nothing to remove");
    assert_eq!(super::disk::broadcasts(folder.path()).expect("read"), []);
}
