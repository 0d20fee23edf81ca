//! The text of a list (draft-pantos-hls-rfc8216bis-22 section 4.4). Writing to a String cannot fail.

use std::{collections::VecDeque, fmt::Write as _, sync::Arc};

use super::{LiveFile, Moment, Open, Parameters, Part, Report, Segment};
use crate::hls::{HEADER, seconds};

/// EXT-X-MAP in a list that is not of I-frames (section 8). The low-latency tags ask for no more.
const VERSION: u8 = 6;
/// EXT-X-SKIP (section 8). No list has an EXT-X-DATERANGE to skip, which would ask for 10.
const SKIP_VERSION: u8 = 9;

/// The text of the first whole segments, which are listed without parts.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// Begins with `removed` bytes that are no longer listed.
    text: String,
    removed: usize,
    lengths: VecDeque<usize>,
    shared: Option<Arc<str>>,
}

impl Settled {
    /// How many segments.
    pub(super) fn count(&self) -> usize {
        self.lengths.len()
    }

    /// All of it; made anew when it changes.
    pub(super) fn text(&mut self) -> Arc<str> {
        let listed = self.text.get(self.removed..).unwrap_or_default();
        Arc::clone(self.shared.get_or_insert_with(|| Arc::from(listed)))
    }

    pub(super) fn push(&mut self, block: &str) {
        self.lengths.push_back(block.len());
        self.text.push_str(block);
        self.shared = None;
    }

    /// Removes the first segment.
    pub(super) fn pop(&mut self) {
        self.removed += self.lengths.pop_front().unwrap_or(0);
        if self.removed > self.text.len() / 2 {
            self.text.drain(..self.removed);
            self.removed = 0;
        }
        self.shared = None;
    }

    /// Where the text begins that follows the first `segments`, in bytes.
    pub(super) fn offset(&self, segments: usize) -> usize {
        self.lengths.iter().take(segments).sum()
    }
}

/// What differs between the beginnings of a list's variants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) msn: u64,
    pub(super) discontinuity_sequence: u64,
    /// The header of the first segment where its own text does not say it.
    pub(super) map: Option<u32>,
}

/// The tags before the first segment of a whole list.
pub(super) fn head(parameters: &Parameters, head: Head) -> String {
    let mut text = opening(parameters, head, VERSION);
    if let Some(init) = head.map {
        map(&mut text, &parameters.name, init);
    }
    text
}

/// The tags of a delta update that skips so many segments, up to the first that it lists. What applies to
/// skipped segments is skipped with them, EXT-X-MAP too.
pub(super) fn skipping_head(
    parameters: &Parameters,
    head: Head,
    skipped: usize,
    date_ranges: bool,
) -> String {
    let mut text = opening(parameters, head, SKIP_VERSION);
    let removed = if date_ranges { ",RECENTLY-REMOVED-DATERANGES=\"\"" } else { "" };
    let _ = writeln!(text, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}{removed}");
    text
}

/// EXT-X-DISCONTINUITY-SEQUENCE is there from the start: a list may raise it later but not add it (section
/// 6.2.1).
fn opening(parameters: &Parameters, head: Head, version: u8) -> String {
    let control = &parameters.control;
    let mut text = format!(
        "{HEADER}#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:{}\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES",
        parameters.target_seconds
    );
    if let Some(us) = control.can_skip_until_us {
        let _ = write!(text, ",CAN-SKIP-UNTIL={}", seconds(us));
    }
    let (hold_back, part_hold_back) = (seconds(control.hold_back_us), seconds(control.part_hold_back_us));
    let part_target = seconds(parameters.part_target.us());
    let _ = write!(
        text,
        ",HOLD-BACK={hold_back},PART-HOLD-BACK={part_hold_back}\n#EXT-X-PART-INF:PART-TARGET={part_target}\n\
         #EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-DISCONTINUITY-SEQUENCE:{}\n",
        head.msn, head.discontinuity_sequence
    );
    text
}

fn map(text: &mut String, name: &str, init: u32) {
    let _ = writeln!(text, "#EXT-X-MAP:URI=\"{name}/{}\"", LiveFile::Init(init));
}

/// A whole segment of the rendition `name`, with the parts it shows.
pub(super) fn segment(name: &str, segment: &Segment, with_map: bool) -> String {
    let mut text = beginning(name, segment, with_map);
    if segment.gap {
        text.push_str("#EXT-X-GAP\n");
    }
    let (duration, file) = (seconds(segment.us), LiveFile::Segment(segment.msn));
    let _ = write!(text, "#EXTINF:{duration},\n{name}/{file}\n");
    text
}

/// The parts of the segment that grows; nothing before the first.
pub(super) fn growing(name: &str, open: &Open, with_map: bool) -> String {
    if open.parts.is_empty() {
        return String::new();
    }
    beginning(name, &open.as_segment(Moment::default()), with_map)
}

/// What stands before a segment's EXTINF. EXT-X-PROGRAM-DATE-TIME is on every segment, so that none needs it
/// when the head of the list goes.
fn beginning(name: &str, segment: &Segment, with_map: bool) -> String {
    let mut text = "#EXT-X-DISCONTINUITY\n".repeat(segment.discontinuities as usize);
    if with_map {
        map(&mut text, name, segment.init);
    }
    let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", segment.date);
    for (index, listed) in (0..).zip(&segment.parts) {
        part(&mut text, name, LiveFile::Part(segment.msn, index), listed, segment.gap);
    }
    text
}

fn part(text: &mut String, name: &str, file: LiveFile, part: &Part, gap: bool) {
    let _ = write!(text, "#EXT-X-PART:DURATION={},URI=\"{name}/{file}\"", seconds(part.us));
    if part.independent {
        text.push_str(",INDEPENDENT=YES");
    }
    text.push_str(if gap { ",GAP=YES\n" } else { "\n" });
}

/// What comes next (section 4.4.5.3): the part, and its header when the list does not have it yet.
pub(super) fn hints(name: &str, open: &Open, with_map: bool) -> String {
    let mut text = String::new();
    if with_map && open.parts.is_empty() {
        let init = LiveFile::Init(open.run.init);
        let _ = writeln!(text, "#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"{name}/{init}\"");
    }
    let next = LiveFile::Part(open.msn, u32::try_from(open.parts.len()).unwrap_or(u32::MAX));
    let _ = writeln!(text, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{name}/{next}\"");
    text
}

/// How far the other renditions are (section 4.4.5.4); their lists lie beside this one.
pub(super) fn reports(others: &[Report]) -> String {
    let mut text = String::new();
    for Report { name, last_msn, last_part } in others {
        let _ = write!(text, "#EXT-X-RENDITION-REPORT:URI=\"{name}.m3u8\",LAST-MSN={last_msn}");
        if let Some(part) = last_part {
            let _ = write!(text, ",LAST-PART={part}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_text_gains_at_its_tail_and_loses_its_head() {
        let mut settled = Settled::default();
        ["a\n", "bb\n", "c\n"].into_iter().for_each(|block| settled.push(block));
        assert_eq!((settled.count(), settled.offset(2), &*settled.text()), (3, 5, "a\nbb\nc\n"));
        settled.pop();
        assert_eq!((settled.count(), settled.offset(1), &*settled.text()), (2, 3, "bb\nc\n"));
        (0..3).for_each(|_| settled.pop());
        assert_eq!((settled.count(), &*settled.text()), (0, ""));
        for _ in 0..1_000 {
            settled.push("some\n");
            settled.pop();
        }
        assert!(settled.text.len() <= 10);
    }
}
