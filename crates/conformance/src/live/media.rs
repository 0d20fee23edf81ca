//! Headers, parts and segments against what lists say of them.

use std::collections::BTreeMap;

use super::{
    alone::{Page, ROUNDING_US},
    group::joined,
    known::{Rendition, Segment as Known},
    rules::Of,
};
use crate::{
    Fault,
    cmaf::{Fragment, Header, Segment},
};

/// Bodies that wait for their list or header.
const PENDING_MAX: usize = 500;
/// Segments whose parts' bytes are kept for comparison.
const SEGMENTS_KEPT: u64 = 8;

/// What an address of media stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Header,
    Part(u64, u64),
    Segment(u64),
}

/// The media of one rendition.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// By address.
    headers: BTreeMap<String, Header>,
    pending: Vec<(String, Kind, Vec<u8>)>,
    parts: BTreeMap<(u64, u64), Vec<u8>>,
    segments: BTreeMap<u64, Vec<u8>>,
    part_times: BTreeMap<(u64, u64), Span>,
    segment_times: BTreeMap<u64, Span>,
    /// The date of timestamp 0 in microseconds, by discontinuity sequence number.
    pub origins: BTreeMap<u64, i64>,
}

/// First decode time and the one after the last, in ticks.
type Span = (u64, u64);

impl Files {
    /// Takes a body; it is judged as soon as its list and header are known.
    pub fn take(&mut self, url: &str, kind: Kind, body: Vec<u8>, page: &mut Page<'_>) {
        if kind == Kind::Header {
            let (header, faults) = Header::read(&body, 0);
            report(&faults, page);
            self.headers.insert(url.to_owned(), header);
        } else {
            if self.pending.len() >= PENDING_MAX {
                self.pending.remove(0);
            }
            self.pending.push((url.to_owned(), kind, body));
        }
    }

    /// Judges what can be judged by now.
    pub fn settle(&mut self, known: &Rendition, page: &mut Page<'_>) {
        let mut waiting = Vec::new();
        for (url, kind, body) in std::mem::take(&mut self.pending) {
            let msn = match kind {
                Kind::Header => continue,
                Kind::Part(msn, _) | Kind::Segment(msn) => msn,
            };
            let Some(segment) = known.segments.get(&msn).filter(|segment| is_told(segment, kind)) else {
                waiting.push((url, kind, body));
                continue;
            };
            let mapped = segment.listed.map.as_deref().and_then(|map| joined(&known.url, map));
            let Some(header) = mapped.and_then(|map| self.headers.get(&map)).cloned() else {
                waiting.push((url, kind, body));
                continue;
            };
            let mut page = Page { url: &url, ledger: &mut *page.ledger };
            self.judge(kind, body, segment, &header, &mut page);
        }
        self.pending = waiting;
        if let Some(last) = known.last() {
            let keep = last.edge.0.saturating_sub(SEGMENTS_KEPT);
            self.parts.retain(|place, _| place.0 >= keep);
            self.segments.retain(|msn, _| *msn >= keep);
        }
    }

    fn judge(&mut self, kind: Kind, body: Vec<u8>, known: &Known, header: &Header, page: &mut Page<'_>) {
        let (segment, faults) = Segment::read(&body, 0, Some(header));
        report(&faults, page);
        let Some(track) = header.track() else { return };
        let timescale = i128::from(track.timescale.unwrap_or(1));
        let us = |ticks: i128| i64::try_from(ticks * 1_000_000 / timescale).unwrap_or(i64::MAX);
        let first = segment.fragments.first().and_then(|fragment| fragment.track.as_ref());
        if let Some(first) = first.filter(|first| first.track_id != track.id) {
            let message = format!("track {} behind a header of track {}", first.track_id, track.id);
            page.whole(Of::MapChange, message);
        }
        let begins = matches!(kind, Kind::Segment(_) | Kind::Part(_, 0));
        let shown =
            first.and_then(|first| Some(i128::from(first.decode?.time) + i128::from(first.earliest?)));
        let edit = track.edits.as_ref().and_then(|list| list.edits.first());
        let edit = edit.map_or(0, |edit| edit.media_time.max(0));
        if let (true, Some(date), Some(shown), Some(dsn)) = (begins, known.listed.date_us, shown, known.dsn) {
            self.dated(dsn, date.saturating_sub(us(shown - i128::from(edit))), page);
        }
        let length = us(i128::from(segment.ticks()));
        match kind {
            Kind::Header => {}
            Kind::Part(msn, part) => {
                self.part((msn, part), &segment, length, known, page);
                self.parts.insert((msn, part), body);
                self.concatenated(msn, known, page);
            }
            Kind::Segment(msn) => {
                self.segment(msn, &segment, length, known, page);
                self.segments.insert(msn, body);
                self.concatenated(msn, known, page);
            }
        }
    }

    fn part(&mut self, place: (u64, u64), read: &Segment, us: i64, known: &Known, page: &mut Page<'_>) {
        let listed = usize::try_from(place.1).ok().and_then(|part| known.listed.parts.get(part));
        if let Some(listed) = listed {
            of_length(Of::PartMedia, listed.us, us, page);
            let sync =
                |fragment: &Fragment| fragment.track.as_ref().is_some_and(|track| track.sync.is_some());
            let opens = read.fragments.iter().any(sync);
            if opens != listed.independent {
                let message = format!("INDEPENDENT is {}, the part says {opens}", listed.independent);
                page.whole(Of::Independent, message);
            }
        }
        if let Some(span) = span(read) {
            self.part_goes_on(place, span, page);
        }
    }

    fn segment(&mut self, msn: u64, read: &Segment, us: i64, known: &Known, page: &mut Page<'_>) {
        of_length(Of::SegmentMedia, known.listed.us, us, page);
        if let Some(span) = span(read) {
            self.segment_goes_on(msn, span, known, page);
        }
    }

    fn dated(&mut self, dsn: u64, origin: i64, page: &mut Page<'_>) {
        let before = *self.origins.entry(dsn).or_insert(origin);
        if before.abs_diff(origin) > ROUNDING_US {
            let message = format!("date and timestamp are {} us further apart than before", origin - before);
            page.whole(Of::DateMedia, message);
        }
    }

    /// A part begins where the one before it in its segment ends.
    fn part_goes_on(&mut self, place: (u64, u64), span: Span, page: &mut Page<'_>) {
        self.part_times.insert(place, span);
        let before = self.part_times.range(..place).next_back();
        let follows = |at: &(u64, u64)| at.0 == place.0 && at.1 + 1 == place.1;
        if let Some((at, before)) = before.filter(|(at, _)| follows(at))
            && before.1 != span.0
        {
            let message = format!("part {at:?} ends at {}, part {place:?} begins at {}", before.1, span.0);
            page.whole(Of::Tfdt, message);
        }
        while self.part_times.len() > 4_096 {
            self.part_times.pop_first();
        }
    }

    /// A segment begins where the one before it ends.
    fn segment_goes_on(&mut self, msn: u64, span: Span, known: &Known, page: &mut Page<'_>) {
        self.segment_times.insert(msn, span);
        let before = msn.checked_sub(1).and_then(|msn| self.segment_times.get(&msn));
        if let Some(before) = before.filter(|_| known.listed.discontinuities == 0)
            && before.1 != span.0
        {
            let message = format!("the segment before ends at {}, this one begins at {}", before.1, span.0);
            page.whole(Of::Tfdt, message);
        }
        while self.segment_times.len() > 4_096 {
            self.segment_times.pop_first();
        }
    }

    fn concatenated(&self, msn: u64, known: &Known, page: &mut Page<'_>) {
        let Some(whole) = self.segments.get(&msn).filter(|_| !known.listed.uri.is_empty()) else { return };
        let count = known.listed.parts.len() as u64;
        let parts: Vec<&Vec<u8>> = (0..count).filter_map(|part| self.parts.get(&(msn, part))).collect();
        if count == 0 || parts.len() as u64 != count {
            return;
        }
        // The last parts of a segment may never have been listed, where the list ended without them.
        let length = if known.parts_whole { whole.len() } else { parts.iter().map(|part| part.len()).sum() };
        if whole.get(..length).is_none_or(|whole| parts.into_iter().flatten().ne(whole)) {
            page.whole(Of::Concatenated, format!("segment {msn} is not its {count} parts"));
        }
    }
}

/// Whether lists have said what there is to say of it.
fn is_told(known: &Known, kind: Kind) -> bool {
    let part = matches!(kind, Kind::Part(_, part) if part < known.listed.parts.len() as u64);
    part || !known.listed.uri.is_empty()
}

fn span(read: &Segment) -> Option<Span> {
    read.start().map(|start| (start, start.saturating_add(read.ticks())))
}

fn of_length(of: Of, listed_us: u64, media_us: i64, page: &mut Page<'_>) {
    let listed = i64::try_from(listed_us).unwrap_or(i64::MAX);
    if listed.abs_diff(media_us) > ROUNDING_US {
        page.whole(of, format!("the list says {listed} us, the samples last {media_us} us"));
    }
}

fn report(faults: &[Fault], page: &mut Page<'_>) {
    for fault in faults {
        page.ledger.find(Of::Boxes, page.url, fault.at, fault.message.clone());
    }
}
