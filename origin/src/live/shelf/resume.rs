//! Broadcasts that go on: what is on disk and in rows becomes windows again.

use std::collections::{BTreeMap, HashMap};

use ::live::Recorded;
use media::live::{
    About, RecordedHeader, RecordedSegment, RenditionName,
    package::Kept,
    window::{Moment, Open, SEGMENTS_MAX, Saved, Segment},
};

use super::{Item, Line, Shelf, ShelfError, blocking};

/// Length of the gaps that stand for what a holder on another machine may have listed: shorter than its segments, so
/// that no number of theirs is used again.
const GAP_US: u64 = 2_000_000;
/// Gaps at most.
const GAPS_MAX: u64 = 900;

/// A segment whose journal ends with a part, as a whole one; `None` without parts.
pub(super) fn close(
    lines: &[Line],
    (rendition, term, msn): (RenditionName, u32, u64),
    now: Moment,
) -> Option<RecordedSegment> {
    let mut first = None;
    let (mut parts, mut lengths) = (Vec::new(), Vec::new());
    for line in lines {
        let Line::Part { run, init_term, discontinuities, start_us, listed, bytes } = line else { break };
        first.get_or_insert((*run, *init_term, *discontinuities, *start_us));
        parts.push(*listed);
        lengths.push(*bytes);
    }
    let (run, init_term, discontinuities, start_us) = first?;
    let listed = Segment {
        msn,
        init: run.init,
        date: run.epoch.plus(start_us),
        us: parts.iter().map(|part| part.us).sum(),
        gap: false,
        discontinuities,
        listed: now,
        part_count: u32::try_from(parts.len()).unwrap_or(u32::MAX),
        parts,
    };
    Some(RecordedSegment::of(rendition, &listed, &run, (term, init_term), &lengths))
}

/// What an earlier holder left on this disk.
#[derive(Debug, Default)]
struct Left {
    about: Vec<(RenditionName, About)>,
    recorded: Recorded,
}

impl Shelf {
    /// The renditions of a broadcast that another holder began; those of which a segment is known. The stage has all
    /// that can be fetched, and what is not in the store yet is put there.
    ///
    /// # Errors
    /// [`ShelfError::Disk`], [`ShelfError::Live`].
    pub(in super::super) async fn resume(&mut self) -> Result<Vec<Kept>, ShelfError> {
        let origin = self.origin.clone();
        let looking = origin.shelves().looking.lock().await;
        let here = self.left_here().await?;
        let (live, id) = (&origin.live, &self.lease.broadcast);
        let stored = Recorded { headers: live.headers(id).await?, segments: live.segments(id).await? };
        let mut about: HashMap<_, _> = live.renditions(id).await?.into_iter().collect();
        drop(looking);
        let on_this_disk = here.is_some();
        let left = here.unwrap_or_default();
        about.extend(left.about);
        if !about.is_empty() {
            self.deposits.describe(about.clone().into_iter().collect());
        }
        let next = self.resume_headers(stored.headers, left.recorded.headers);
        let mut kept = Vec::new();
        for (name, about) in about {
            let of = |from: &[RecordedSegment]| {
                from.iter().filter(|segment| segment.rendition == name).cloned().collect::<Vec<_>>()
            };
            let (stored, here) = (of(&stored.segments), of(&left.recorded.segments));
            let segments = self.resume_segments(stored, here, on_this_disk);
            let dropped = self.origin.live.dropped_discontinuities(&self.lease.broadcast, name).await?;
            if let Some(saved) = saved(segments, dropped) {
                let init_next = next.get(&name).copied().unwrap_or(0);
                kept.push(Kept { name, parameters: about.parameters, saved, init_next });
            }
        }
        kept.sort_by_key(|kept| kept.name);
        Ok(kept)
    }

    /// What the last holder left on this disk; `None` when it was on another machine.
    async fn left_here(&self) -> Result<Option<Left>, ShelfError> {
        let (disk, term) = (self.disk.clone(), self.lease.term.saturating_sub(1));
        let now = Moment(self.origin.ambient.now().micros());
        let left = blocking(move || {
            if !disk.terms()?.contains(&term) {
                return Ok(None);
            }
            let recorded = Recorded { headers: disk.headers(term)?, segments: disk.segments(term, now)? };
            Ok(Some(Left { about: disk.described()?, recorded }))
        });
        Ok(left.await?)
    }

    /// Indexes headers; the number of each rendition's next.
    fn resume_headers(
        &self,
        stored: Vec<RecordedHeader>,
        here: Vec<RecordedHeader>,
    ) -> HashMap<RenditionName, u32> {
        let mut next = HashMap::new();
        for header in &here {
            if !stored.iter().any(|it| (it.rendition, it.number) == (header.rendition, header.number)) {
                self.deposits.push(Item::Header(header.clone()));
            }
        }
        for header in stored.into_iter().chain(here) {
            let after: &mut u32 = next.entry(header.rendition).or_default();
            *after = (*after).max(header.number + 1);
            self.stage.index_header(header);
        }
        next
    }

    /// Indexes the segments of a rendition, numbered without holes.
    fn resume_segments(
        &mut self,
        stored: Vec<RecordedSegment>,
        here: Vec<RecordedSegment>,
        on_this_disk: bool,
    ) -> Vec<(RecordedSegment, bool)> {
        let rows: BTreeMap<u64, u32> = stored.iter().map(|row| (row.msn, row.term)).collect();
        let mut found: BTreeMap<u64, (RecordedSegment, bool)> =
            stored.into_iter().map(|segment| (segment.msn, (segment, false))).collect();
        for segment in here {
            // Of two for one number the row counts.
            let row = rows.get(&segment.msn);
            if row.is_none_or(|term| *term == segment.term) {
                if row.is_none() {
                    self.deposits.push(Item::Segment(segment.clone()));
                }
                found.insert(segment.msn, (segment, true));
            }
        }
        let now = Moment(self.origin.ambient.now().micros());
        let until = if on_this_disk { None } else { Some(now) };
        let whole = without_holes(found.into_values(), until, self.lease.term);
        for (segment, local) in &whole {
            if segment.gap && !rows.contains_key(&segment.msn) {
                self.deposits.push(Item::Segment(segment.clone()));
            }
            self.stage.index_segment(segment.clone(), *local);
            if rows.contains_key(&segment.msn) {
                self.stage.stored(segment.rendition, segment.msn);
            }
        }
        if let Some((last, _)) = whole.last() {
            let lane = self.lanes.entry(last.rendition).or_default();
            lane.run = Some(last.run());
        }
        whole
    }
}

/// Fills the holes between numbers with gaps; and from the last one until `until`, when what came after it is lost.
fn without_holes(
    found: impl Iterator<Item = (RecordedSegment, bool)>,
    until: Option<Moment>,
    term: u32,
) -> Vec<(RecordedSegment, bool)> {
    let mut whole: Vec<(RecordedSegment, bool)> = Vec::new();
    for (segment, local) in found {
        if let Some((last, _)) = whole.last().cloned() {
            let count = segment.msn - last.msn - 1;
            let us = segment.date.since(last.date.plus(last.us));
            whole.extend(gaps(&last, count, us / count.max(1), term));
        }
        whole.push((segment, local));
    }
    if let (Some((last, _)), Some(until)) = (whole.last().cloned(), until) {
        let us = until.since(last.date.plus(last.us)).max(1);
        whole.extend(gaps(&last, us.div_ceil(GAP_US).min(GAPS_MAX), GAP_US, term));
    }
    whole
}

fn gaps(
    last: &RecordedSegment,
    count: u64,
    us: u64,
    term: u32,
) -> impl Iterator<Item = (RecordedSegment, bool)> + use<> {
    let (last, us) = (last.clone(), us.max(1));
    let ticks = us * u64::from(last.timescale.get()) / 1_000_000;
    (0..count).map(move |at| {
        let gap = RecordedSegment {
            msn: last.msn + 1 + at,
            term,
            date: last.date.plus(last.us + at * us),
            us,
            start: last.start + last.ticks + at * ticks,
            ticks,
            discontinuities: 0,
            gap: true,
            parts: Vec::new(),
            bytes: 0,
            ..last.clone()
        };
        (gap, false)
    })
}

/// A window of segments, the last [`SEGMENTS_MAX`]; `dropped` discontinuities lie before the first. `None` of none.
fn saved(mut segments: Vec<(RecordedSegment, bool)>, dropped: u64) -> Option<Saved> {
    let before = segments.len().saturating_sub(SEGMENTS_MAX);
    let older: u64 = segments.drain(..before).map(|(segment, _)| u64::from(segment.discontinuities)).sum();
    let (last, _) = segments.last()?;
    let (at, run) = (last.start + last.ticks, last.run());
    let open =
        Open { msn: last.msn + 1, run, start: at, at, gap: false, discontinuities: 0, parts: Vec::new() };
    let listed: Vec<Segment> = segments.iter().map(|(segment, local)| segment.listed(*local)).collect();
    Some(Saved {
        longest_us: listed.iter().map(|segment| segment.us).sum(),
        segments: listed,
        open,
        discontinuity_sequence: dropped + older,
        fading: Vec::new(),
        ended: false,
    })
}
