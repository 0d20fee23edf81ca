//! A broadcast through the packager, by its products and lists.

use std::collections::BTreeMap;

use super::*;
use crate::{
    cmaf::atom::Atoms,
    live::{
        config::tests::fixture,
        nal::Picture,
        window::{Fetch, LiveFile, Variant},
    },
};

const START_US: i64 = 1_700_000_000_000_000;

/// An encoder of 25 pictures a second with a key frame every two seconds and sound of 48 kHz, whose clock counts
/// milliseconds, and what viewers could fetch of it.
pub(super) struct Studio {
    pub(super) packager: Packager,
    files: BTreeMap<(RenditionName, String), Bytes>,
    pub(super) seen: Vec<Product>,
    pub(super) now: Moment,
    /// Whether an encoder makes the rungs.
    pub(super) encodes: bool,
}

fn audio() -> AudioConfig {
    AudioConfig::from_record(&Bytes::from_static(&[0x11, 0x90])).unwrap()
}

impl Studio {
    fn new() -> Self {
        Self::with(Packager::new(Packaging::default()), Moment(START_US))
    }

    pub(super) fn with(packager: Packager, now: Moment) -> Self {
        let mut studio = Self { packager, files: BTreeMap::new(), seen: Vec::new(), now, encodes: true };
        let video = studio.packager.describe_video(fixture(), studio.now).unwrap();
        let sound = studio.packager.describe_audio(audio(), studio.now).unwrap();
        assert!(video.is_empty() && sound.is_empty());
        studio
    }

    /// Sends so many seconds by a clock that begins at `from_ms`.
    pub(super) fn sends(&mut self, from_ms: i64, seconds: i64) {
        let mut units: Vec<_> =
            (0..seconds * 25).map(|index| (index * 40, Track::Video, index % 50 == 0, index)).collect();
        units.extend(
            (0..seconds * 48_000 / 1_024).map(|index| (index * 1_024 / 48, Track::Audio, true, index)),
        );
        units.sort_by_key(|(ms, ..)| *ms);
        let begun = self.now;
        for (ms, track, key, index) in units {
            self.now = begun.plus(u64::try_from(ms).unwrap() * 1_000);
            let unit = AccessUnit {
                dts_us: (from_ms + ms) * 1_000,
                pts_us: (from_ms + ms) * 1_000,
                arrived_us: self.now.0.unsigned_abs(),
                picture: if key { Picture::Key } else { Picture::Dependent },
                data: Bytes::copy_from_slice(&index.to_be_bytes()),
            };
            let mut products = self.packager.unit(track, unit, self.now).unwrap();
            self.encode(&mut products);
            self.store(products);
        }
        self.now = begun.plus(u64::try_from(seconds).unwrap() * 1_000_000);
    }

    /// An encoder that gives each picture back as it is.
    fn encode(&mut self, products: &mut Vec<Product>) {
        for product in products.clone() {
            match product {
                Product::Epoch(..) => {
                    (0..self.packager.rung_names().len())
                        .for_each(|rung| self.packager.describe_rung(rung, fixture()));
                }
                Product::Picture(sample) if self.encodes => {
                    let (shown, key) = (sample.shown, sample.key);
                    let placed = self.packager.rung_unit(0, (shown, key), sample.data, self.now, products);
                    placed.unwrap();
                }
                _ => {}
            }
        }
    }

    /// Keeps what came, then reads every list: whatever it names is there.
    pub(super) fn store(&mut self, products: Vec<Product>) {
        for product in &products {
            let (rendition, file, bytes) = match product {
                Product::Header { rendition, number, bytes } => (rendition, LiveFile::Init(*number), bytes),
                Product::Part { rendition, msn, part, bytes, .. } => {
                    (rendition, LiveFile::Part(*msn, *part), bytes)
                }
                Product::Segment { listed, .. } if listed.gap => continue,
                Product::Segment { rendition, listed, bytes, .. } => {
                    (rendition, LiveFile::Segment(listed.msn), bytes)
                }
                Product::Dropped(..) | Product::Epoch(..) | Product::Picture(_) => continue,
            };
            let before = self.files.insert((*rendition, file.to_string()), bytes.clone());
            assert_eq!(before, None, "{file} of {rendition} was made twice");
        }
        self.seen.extend(products);
        for (rendition, list) in self.packager.lists() {
            let text = String::from_utf8(list.text(Variant::Full).to_vec()).unwrap();
            let gap = |before: &str| before.starts_with("#EXT-X-GAP");
            let lines: Vec<&str> = text.lines().collect();
            let named = lines.iter().enumerate().filter(|(at, line)| {
                let missing =
                    line.contains("GAP=YES") || (*at > 1 && gap(lines[at - 2]) | gap(lines[at - 1]));
                !missing && !line.contains("PRELOAD-HINT")
            });
            let named = named.map(|(_, line)| *line);
            for file in named.filter_map(|line| line.rsplit_once(&format!("{rendition}/"))) {
                let file = file.1.split('"').next().unwrap();
                assert!(self.files.contains_key(&(rendition, file.to_owned())), "{file} in\n{text}");
                let fetched = list.fetch(file.parse().unwrap(), self.now, self.now);
                assert!(matches!(fetched, Fetch::Ready), "{file}: {fetched:?}");
            }
        }
    }

    /// What another process left can be fetched from this one.
    pub(super) fn adopt(&mut self, other: Self) {
        self.files = other.files;
        self.seen = other.seen;
    }

    pub(super) fn text(&mut self, rendition: RenditionName) -> String {
        let lists = self.packager.lists();
        let list = &lists.iter().find(|(name, _)| *name == rendition).unwrap().1;
        String::from_utf8(list.text(Variant::Full).to_vec()).unwrap()
    }

    pub(super) fn finishes(&mut self) {
        let products = self.packager.finish(self.now).unwrap();
        self.store(products);
        self.packager.end(self.now).unwrap();
        self.store(Vec::new());
    }

    /// The samples of a rendition's segments in order, as the numbers that were sent.
    pub(super) fn samples(&self, rendition: RenditionName) -> Vec<u64> {
        let segments = self.seen.iter().filter_map(|product| match product {
            Product::Segment { rendition: of, bytes, .. } if *of == rendition => Some(bytes),
            _ => None,
        });
        let boxes = segments.flat_map(|bytes| Atoms::new(bytes, 0).map(Result::unwrap));
        let media = boxes.filter(|atom| atom.is("mdat")).flat_map(|atom| atom.body.to_vec());
        let media: Vec<u8> = media.collect();
        media.chunks(8).map(|number| u64::from_be_bytes(number.try_into().unwrap())).collect()
    }
}

pub(super) fn count(text: &str, tag: &str) -> usize {
    text.lines().filter(|line| line.strip_prefix(tag).is_some_and(|rest| !rest.starts_with('-'))).count()
}

#[test]
fn a_broadcast_is_listed_as_it_comes_and_every_sample_is_there_once() {
    let mut studio = Studio::new();
    studio.sends(5_000, 21);
    let text = studio.text(RenditionName::Source);
    assert_eq!(count(&text, "#EXT-X-TARGETDURATION:6"), 1);
    assert_eq!(count(&text, "#EXT-X-PART-INF:PART-TARGET=0.2"), 1);
    assert_eq!(count(&text, "#EXTINF:4"), 5, "{text}");
    assert_eq!(count(&studio.text(RenditionName::Audio), "#EXTINF"), 5);
    assert!(text.contains("#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z"), "{text}");
    let multivariant = studio.packager.multivariant("b1").unwrap();
    assert!(
        multivariant.contains("FRAME-RATE=25") && multivariant.contains("b1/source.m3u8"),
        "{multivariant}"
    );
    studio.finishes();
    for rendition in [RenditionName::Source, RenditionName::Audio] {
        assert_eq!(count(&studio.text(rendition), "#EXT-X-ENDLIST"), 1);
        let samples = studio.samples(rendition);
        assert_eq!(samples, (0..samples.len() as u64).collect::<Vec<_>>());
    }
    assert_eq!(
        (studio.samples(RenditionName::Source).len(), studio.samples(RenditionName::Audio).len()),
        (21 * 25, 21 * 48_000 / 1_024)
    );
}

#[test]
fn segments_are_their_parts_one_behind_the_other() {
    let mut studio = Studio::new();
    studio.sends(0, 12);
    studio.finishes();
    for rendition in [RenditionName::Source, RenditionName::Audio] {
        for msn in 0..3 {
            let part = |part: u32| studio.files.get(&(rendition, LiveFile::Part(msn, part).to_string()));
            let parts: Vec<u8> = (0..).map_while(part).flat_map(|bytes| bytes.to_vec()).collect();
            assert_eq!(studio.files[&(rendition, LiveFile::Segment(msn).to_string())], parts);
        }
    }
}

#[test]
fn an_encoder_that_comes_back_goes_on_behind_a_discontinuity() {
    let mut studio = Studio::new();
    studio.sends(1_000_000, 7);
    let products = studio.packager.reconnect(studio.now).unwrap();
    studio.store(products);
    studio.now = studio.now.plus(3_000_000);
    studio.sends(20, 9);
    studio.finishes();
    for rendition in [RenditionName::Source, RenditionName::Audio] {
        let text = studio.text(rendition);
        assert_eq!(count(&text, "#EXT-X-DISCONTINUITY"), 1, "{text}");
        assert_eq!(count(&text, "#EXT-X-MAP"), 2, "{text}");
        assert!(text.contains("#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:30"), "{text}");
    }
    assert_eq!(studio.samples(RenditionName::Source).len(), 16 * 25);
    let epoch = |product: &Product| if let Product::Epoch(why, _) = product { Some(*why) } else { None };
    let epochs: Vec<_> = studio.seen.iter().filter_map(epoch).collect();
    assert_eq!(epochs, [NewEpoch::Start, NewEpoch::Reconnect]);
}

#[test]
fn another_picture_size_gets_a_header_of_its_own() {
    let mut studio = Studio::new();
    studio.sends(0, 5);
    let other = VideoConfig { width: 64, ..fixture() };
    let products = studio.packager.describe_video(other, studio.now).unwrap();
    studio.store(products);
    studio.sends(5_000, 5);
    studio.finishes();
    let text = studio.text(RenditionName::Source);
    assert!(text.contains("source/init-0.mp4") && text.contains("source/init-1.mp4"), "{text}");
    assert_eq!(count(&text, "#EXT-X-DISCONTINUITY"), 1, "{text}");
    assert_eq!(count(&studio.text(RenditionName::Audio), "#EXT-X-DISCONTINUITY"), 1);
}

#[test]
fn sound_alone_leads() {
    let mut studio = Studio::new();
    studio.packager = Packager::new(Packaging::default());
    let products = studio.packager.describe_audio(audio(), studio.now).unwrap();
    assert!(products.is_empty());
    studio.sends(0, 13);
    studio.finishes();
    assert_eq!(studio.samples(RenditionName::Audio).len(), 13 * 48_000 / 1_024);
    assert!(!studio.packager.multivariant("b").unwrap().contains("RESOLUTION"));
}
