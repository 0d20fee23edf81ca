//! `nexussrc`: a seekable byte source that reads ranges over the wire and needs no path.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer::subclass::prelude::*;
use gstreamer_base::BaseSrc;
use gstreamer_base::prelude::*;
use gstreamer_base::subclass::prelude::*;

use crate::link::{Link, LinkError};
use crate::movie_length;

/// Bytes fetched at once; ranges start at its multiples.
pub const BLOCK_BYTES: u32 = 256 << 10;
/// Blocks kept. Files that store audio and video far apart read in a few places at once.
const BLOCKS_MAX: usize = 16;
/// Bytes per buffer when an element is pushed to instead of pulling.
const PUSH_BYTES: u32 = 64 << 10;

/// The bytes behind a [`Link`], a few blocks of them kept.
pub struct Reader {
    link: Link,
    bytes: u64,
    /// Most recently used last.
    blocks: VecDeque<(u64, Bytes)>,
    /// Bytes that read as zero.
    blank: Range<u64>,
}

impl Reader {
    /// A reader of a source of `bytes` bytes.
    #[must_use]
    pub fn new(link: Link, bytes: u64) -> Self {
        Self { link, bytes, blocks: VecDeque::with_capacity(BLOCKS_MAX), blank: 0..0 }
    }

    /// Length of the source in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Fills `out` from `offset` and returns how many bytes there were; fewer than asked only at the end.
    ///
    /// # Errors
    /// When a range cannot be read, or the source is shorter than its stated length.
    pub fn read(&mut self, offset: u64, out: &mut [u8]) -> Result<usize, LinkError> {
        let mut filled = 0;
        while filled < out.len() {
            let at = offset.saturating_add(filled as u64);
            if at >= self.bytes {
                break;
            }
            let block = self.block(at / u64::from(BLOCK_BYTES))?;
            let inside = (at % u64::from(BLOCK_BYTES)) as usize;
            let piece = &block[inside..block.len().min(inside + out.len() - filled)];
            out[filled..filled + piece.len()].copy_from_slice(piece);
            filled += piece.len();
        }
        let inside = |at: u64| usize::try_from(at.saturating_sub(offset)).unwrap_or(usize::MAX).min(filled);
        out[inside(self.blank.start)..inside(self.blank.end)].fill(0);
        Ok(filled)
    }

    fn block(&mut self, index: u64) -> Result<Bytes, LinkError> {
        let block = match self.blocks.iter().position(|(have, _)| *have == index) {
            Some(place) => self.blocks.remove(place).map(|(_, block)| block).unwrap_or_default(),
            None => self.fetch(index)?,
        };
        if self.blocks.len() == BLOCKS_MAX {
            self.blocks.pop_front();
        }
        self.blocks.push_back((index, block.clone()));
        Ok(block)
    }

    fn fetch(&self, index: u64) -> Result<Bytes, LinkError> {
        let offset = index * u64::from(BLOCK_BYTES);
        let want = (self.bytes - offset).min(u64::from(BLOCK_BYTES)) as u32;
        let block = self.link.read_at(offset, want)?;
        if block.len() == want as usize {
            Ok(block)
        } else {
            Err(LinkError::Read(format!("{} of {want} bytes at {offset}", block.len())))
        }
    }
}

/// Makes a source element over `bytes` bytes behind `link`: bytes format, seekable, with a size; works in
/// pull and in push mode. The length that the header of an mp4 states reads as zero (see `movie_length.rs`). A failed read is a `RESOURCE/READ` error of an element named `source`.
#[must_use]
pub fn source_element(link: &Link, bytes: u64) -> gst::Element {
    let source: NexusSrc = glib::Object::builder().property("name", ELEMENT_NAME).build();
    let mut reader = Reader::new(link.clone(), bytes);
    reader.blank = movie_length::place(&mut reader).unwrap_or(0..0);
    *source.imp().reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(reader);
    source.set_blocksize(PUSH_BYTES);
    source.upcast()
}

/// Name of the element [`source_element`] makes; failure reports know it by this.
pub const ELEMENT_NAME: &str = "source";

glib::wrapper! {
    /// The element behind [`source_element`].
    pub struct NexusSrc(ObjectSubclass<imp::NexusSrc>) @extends BaseSrc, gst::Element, gst::Object;
}

mod imp {
    use std::sync::LazyLock;

    use super::*;

    #[derive(Default)]
    pub struct NexusSrc {
        pub(super) reader: Mutex<Option<Reader>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for NexusSrc {
        const NAME: &'static str = "NexusSrc";
        type Type = super::NexusSrc;
        type ParentType = BaseSrc;
    }

    impl ObjectImpl for NexusSrc {
        fn constructed(&self) {
            self.parent_constructed();
            self.obj().set_format(gst::Format::Bytes);
        }
    }

    impl GstObjectImpl for NexusSrc {}

    impl ElementImpl for NexusSrc {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                gst::subclass::ElementMetadata::new(
                    "Range source",
                    "Source",
                    "Reads byte ranges over the pipeline wire",
                    "Nexus",
                )
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
                let any = gst::Caps::new_any();
                gst::PadTemplate::new("src", gst::PadDirection::Src, gst::PadPresence::Always, &any)
                    .into_iter()
                    .collect()
            });
            &TEMPLATES
        }
    }

    impl BaseSrcImpl for NexusSrc {
        fn is_seekable(&self) -> bool {
            true
        }

        fn size(&self) -> Option<u64> {
            self.reader.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Reader::bytes)
        }

        /// Stream ids derive from the URI; without one they are random and differ from element to element.
        fn query(&self, query: &mut gst::QueryRef) -> bool {
            if let gst::QueryViewMut::Uri(query) = query.view_mut() {
                query.set_uri(Some("nexus:source"));
                return true;
            }
            BaseSrcImplExt::parent_query(self, query)
        }

        fn fill(
            &self,
            offset: u64,
            length: u32,
            buffer: &mut gst::BufferRef,
        ) -> Result<gst::FlowSuccess, gst::FlowError> {
            let filled = {
                let mut map = buffer.map_writable().map_err(|_| gst::FlowError::Error)?;
                let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
                let reader = reader.as_mut().ok_or(gst::FlowError::NotNegotiated)?;
                let room = map.len().min(length as usize);
                reader.read(offset, &mut map[..room])
            };
            match filled {
                Ok(0) => Err(gst::FlowError::Eos),
                Ok(filled) => {
                    buffer.set_size(filled);
                    // tsdemux reckons positions from these.
                    buffer.set_offset(offset);
                    buffer.set_offset_end(offset + filled as u64);
                    Ok(gst::FlowSuccess::Ok)
                }
                Err(error) => {
                    gst::element_imp_error!(self, gst::ResourceError::Read, ("{error}"));
                    Err(gst::FlowError::Error)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Parent;

    fn pattern(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_range_reads_what_is_there(reads in prop::collection::vec((0u64..1_200_000, 0usize..600_000), 1..12)) {
            let data = pattern(1_000_000);
            let (link, _parent) = Parent::start(data.clone());
            let mut reader = Reader::new(link, data.len() as u64);
            for (offset, len) in reads {
                let mut out = vec![0; len];
                let filled = reader.read(offset, &mut out).expect("readable");
                let from = (offset as usize).min(data.len());
                let upto = from.saturating_add(len).min(data.len());
                prop_assert_eq!(&out[..filled], &data[from..upto]);
            }
        }
    }

    #[test]
    fn blocks_are_kept_and_bounded() {
        let (link, parent) = Parent::start(pattern(BLOCK_BYTES as usize * (BLOCKS_MAX + 4)));
        let mut reader = Reader::new(link, u64::from(BLOCK_BYTES) * (BLOCKS_MAX as u64 + 4));
        let mut out = [0; 16];
        for _ in 0..3 {
            reader.read(0, &mut out).expect("readable");
        }
        assert_eq!(parent.reads(), 1);
        for block in 0..BLOCKS_MAX as u64 + 4 {
            reader.read(block * u64::from(BLOCK_BYTES), &mut out).expect("readable");
        }
        assert_eq!(reader.blocks.len(), BLOCKS_MAX);
    }

    #[test]
    fn a_source_shorter_than_stated_is_an_error() {
        let (link, _parent) = Parent::start(pattern(10));
        let mut reader = Reader::new(link, 20);
        assert!(matches!(reader.read(0, &mut [0; 20]), Err(LinkError::Read(_))));
    }

    #[test]
    fn the_element_pushes_and_seeks() {
        gst::init().expect("gstreamer");
        let data = pattern(700_001);
        let (link, _parent) = Parent::start(data.clone());
        let pipeline = gst::Pipeline::new();
        let source = source_element(&link, data.len() as u64);
        let sink = gstreamer_app::AppSink::builder().sync(false).build();
        pipeline.add_many([&source, sink.upcast_ref()]).expect("add");
        source.link(&sink).expect("link");
        pipeline.set_state(gst::State::Playing).expect("playing");
        let pull = || {
            let mut all = Vec::new();
            while let Ok(sample) = sink.pull_sample() {
                all.extend_from_slice(&sample.buffer().expect("buffer").map_readable().expect("map"));
            }
            all
        };
        assert!(pull() == data);
        pipeline
            .seek(
                1.0,
                gst::SeekFlags::FLUSH,
                gst::SeekType::Set,
                gst::format::Bytes::from_u64(500_000),
                gst::SeekType::None,
                gst::format::Bytes::from_u64(0),
            )
            .expect("seek");
        assert!(pull() == data[500_000..]);
        pipeline.set_state(gst::State::Null).expect("null");
    }
}
