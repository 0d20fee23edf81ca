//! One chunk of a film: decoded once, put on the grid, encoded for every rung.

use std::ops::Range;

use gstreamer as gst;
use gstreamer_video::VideoInfo;
use pipeline_wire::VideoSpec;

use crate::colour;
use crate::decode::{Decoded, Decoder, FormatOf, Wanted};
use crate::encode;
use crate::failure::{GraphError, Result};
use crate::fragments::{Fragments, Reached};
use crate::graph::Graph;
use crate::grid::{Filler, Slots};
use crate::ladder::{Ladder, Picture, Span};
use crate::link::Link;
use crate::repeatable;

/// How far before the chunk decoding starts, so that the first pictures after a seek, which may refer to
/// others that were skipped, fall outside it.
const LEAD_NS: u64 = 1_000_000_000;
/// Time between two words to the parent.
const PROGRESS_EVERY: gst::ClockTime = gst::ClockTime::from_mseconds(200);

/// Encodes the chunk; fragments go out over `link` as they are finished.
///
/// # Errors
/// When the source does not decode, an encoder fails, or the parent goes away.
pub fn run(spec: &VideoSpec, link: &Link) -> Result<()> {
    repeatable::zero_new_memory();
    let slots = checked(spec)?;
    let mut decoder = Decoder::new(&spec.source, spec.grid.clock, Wanted::pictures(spec.colour)?, link)?;
    start(&mut decoder, slots, spec.slot_first)?;
    let first = decoder.next()?.ok_or_else(|| GraphError::damaged("no picture of this part decodes"))?;
    let mut encoders = Encoders::start(spec, slots, &first.caps, link)?;
    encoders.take(first)?;
    while !encoders.filler.is_full() {
        match decoder.next()? {
            Some(decoded) => encoders.take(decoded)?,
            None => encoders.drain()?,
        }
    }
    drop(decoder);
    encoders.finish()
}

fn checked(spec: &VideoSpec) -> Result<Slots> {
    let slots = Slots::new(spec.grid).map_err(GraphError::internal)?;
    let gop = u64::from(spec.gop_frames);
    if gop == 0 || spec.slot_count == 0 || spec.rungs.is_empty() || !spec.slot_first.is_multiple_of(gop) {
        return Err(GraphError::internal("the spec has no rungs, no slots, or does not start on a GOP"));
    }
    Ok(slots)
}

/// Starts decoding so that a picture at or before the first slot is seen: [`LEAD_NS`] before it, and further
/// back as long as the first picture found there is already past it.
fn start(decoder: &mut Decoder, slots: Slots, slot_first: u64) -> Result<()> {
    let mut lead = LEAD_NS;
    while lead < slots.start_ns(slot_first) {
        let target = slots.source_ns(slot_first).saturating_sub_unsigned(lead);
        let found = decoder.cue(target)?;
        if found.is_some_and(|time| slots.slot_of(time) <= i64::try_from(slot_first).unwrap_or(i64::MAX)) {
            break;
        }
        lead = lead.saturating_mul(4);
    }
    if lead >= slots.start_ns(slot_first) && slot_first > 0 {
        decoder.cue(slots.source_ns(0))?;
    }
    decoder.play()
}

/// The encoding side, fed picture by picture.
struct Encoders<'a> {
    spec: &'a VideoSpec,
    graph: Graph,
    ladder: Ladder,
    slots: Slots,
    filler: Filler<Picture>,
    formats: FormatOf,
    tracks: Vec<Reached>,
    link: Link,
    told: gst::ClockTime,
    shown: u64,
}

impl<'a> Encoders<'a> {
    fn start(spec: &'a VideoSpec, slots: Slots, caps: &gst::Caps, link: &Link) -> Result<Self> {
        let graph = Graph::new("encode", link)?;
        let colour = colour::of_output(&VideoInfo::from_caps(caps)?);
        let (mut rungs, mut tracks) = (Vec::new(), Vec::new());
        for rung in &spec.rungs {
            let fragments = Fragments::new(link, rung.track, encode::timeline(spec));
            tracks.push(fragments.reached());
            rungs.push(encode::add_rung(&graph, spec, rung, &colour, fragments)?);
        }
        graph.set_state(gst::State::Playing)?;
        let range = spec.slot_first..spec.slot_first + spec.slot_count;
        Ok(Self {
            spec,
            graph,
            ladder: Ladder::new(rungs),
            slots,
            filler: Filler::new(slots, range),
            formats: FormatOf::default(),
            tracks,
            link: link.clone(),
            told: gst::get_timestamp(),
            shown: 0,
        })
    }

    fn take(&mut self, decoded: Decoded) -> Result<()> {
        let now = gst::get_timestamp();
        if now.saturating_sub(self.told) >= PROGRESS_EVERY {
            self.told = now;
            self.link.progress(self.shown, self.spec.slot_count)?;
        }
        self.graph.check()?;
        let info = self.formats.get(&decoded.caps)?;
        let picture = Picture { buffer: decoded.buffer, info };
        let decided = self.filler.push(decoded.time_ns, picture);
        self.show(decided)
    }

    /// The source has ended: its last picture fills what is left.
    fn drain(&mut self) -> Result<()> {
        let decided = self.filler.finish();
        self.show(decided)
    }

    fn show(&mut self, decided: Option<(Range<u64>, Picture)>) -> Result<()> {
        let Some((range, picture)) = decided else { return Ok(()) };
        self.shown += range.end - range.start;
        let slots = self.slots;
        self.ladder.show(picture, range.map(|slot| span(slots, slot)), &self.graph)
    }

    fn finish(self) -> Result<()> {
        self.ladder.end()?;
        self.graph.wait_end()?;
        let end = self.spec.slot_first + self.spec.slot_count;
        self.tracks.iter().try_for_each(|reached| Fragments::complete(reached, end))?;
        Ok(self.link.progress(self.spec.slot_count, self.spec.slot_count)?)
    }
}

fn span(slots: Slots, slot: u64) -> Span {
    let ns = gst::ClockTime::from_nseconds;
    Span { start: ns(slots.start_ns(slot)), lasts: ns(slots.duration_ns(slot)) }
}
