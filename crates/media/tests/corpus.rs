//! Replays damaged bytes through every reader of outside input: each fixture whole, cut at every length, and
//! with every byte of its boxes replaced in turn; then each file under `tests/corpus`, one folder per entry
//! point, where a fuzzer's finds are kept. Passing means returning; what is returned is judged beside the code.

use std::{fs, path::Path};

use bytes::Bytes;
use media::{
    InitInfo, Object, cmaf,
    live::{
        config::{AudioConfig, VideoCodec, VideoConfig},
        nal,
    },
};

/// Beyond this the fixtures hold only coded media, which no reader looks at.
const STRUCTURE_BYTES: usize = 1_024;
const REPLACEMENTS: [u8; 5] = [0x00, 0x01, 0x7f, 0x80, 0xff];

fn folder(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let mut files: Vec<_> = fs::read_dir(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .map(|entry| entry.expect("the folder was just opened").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", path.display());
    files.iter().map(|file| fs::read(file).expect("the file was just listed")).collect()
}

fn init() -> InitInfo {
    cmaf::read_init(include_bytes!("fixtures/video-init.mp4")).expect("the fixture is whole")
}

fn replay(bytes: &[u8], init: &InitInfo) {
    let _ = cmaf::read_init(bytes);
    let _ = cmaf::normalise_init(bytes);
    let _ = cmaf::normalise_fragment(bytes, init);
    let _ = cmaf::read_segment(bytes, init, 0);
}

/// What an encoder sends.
fn replay_encoder(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    let _ = AudioConfig::from_record(&bytes);
    for config in
        [VideoConfig::from_avc_record(&bytes), VideoConfig::from_hevc_record(&bytes)].into_iter().flatten()
    {
        let rebuilt = match config.codec {
            VideoCodec::H264 => VideoConfig::from_avc_record(&config.record),
            VideoCodec::Hevc => VideoConfig::from_hevc_record(&config.record),
        };
        assert_eq!(rebuilt, Ok(config), "what is written is read");
    }
    for codec in [VideoCodec::H264, VideoCodec::Hevc] {
        let _ = nal::from_lengths(codec, 4, &bytes);
        let _ = nal::from_start_codes(codec, &bytes);
    }
}

/// Every cut of `bytes`, and every byte replaced.
fn damage(mut bytes: Vec<u8>, replay: impl Fn(&[u8])) {
    for cut in 0..=bytes.len().min(STRUCTURE_BYTES) {
        replay(&bytes[..cut]);
    }
    for at in 0..bytes.len().min(STRUCTURE_BYTES) {
        let original = bytes[at];
        for replacement in REPLACEMENTS {
            bytes[at] = replacement;
            replay(&bytes);
        }
        bytes[at] = original;
    }
}

#[test]
fn every_cut_and_every_replaced_byte_of_the_fixtures() {
    let init = init();
    folder("fixtures").into_iter().for_each(|bytes| damage(bytes, |bytes| replay(bytes, &init)));
}

#[test]
fn the_encoder_corpus() {
    folder("corpus/encoder").into_iter().for_each(|bytes| damage(bytes, replay_encoder));
}

#[test]
fn the_cmaf_corpus() {
    let init = init();
    folder("corpus/cmaf").iter().for_each(|bytes| replay(bytes, &init));
}

#[test]
fn the_path_corpus() {
    for bytes in folder("corpus/path") {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok((asset, object)) = Object::parse(&text) {
            assert_eq!(object.path(&asset), text);
        }
    }
}
