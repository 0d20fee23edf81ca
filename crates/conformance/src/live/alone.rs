//! What one list must be by itself.

use super::{
    ledger::Ledger,
    list::{List, Listed},
    rules::Of,
};

/// Where a rule of lists finds: the list's address and where findings go.
pub(super) struct Page<'a> {
    pub url: &'a str,
    pub ledger: &'a mut Ledger,
}

impl Page<'_> {
    pub fn line(&mut self, of: Of, line: u32, message: impl Into<String>) {
        self.ledger.line(of, self.url, line, message);
    }

    pub fn whole(&mut self, of: Of, message: impl Into<String>) {
        self.ledger.whole(of, self.url, message);
    }
}

/// Dates are written in milliseconds, durations in microseconds: what two dates may differ by from the durations
/// between them, in microseconds.
pub(super) const ROUNDING_US: u64 = 2_000;

/// Judges a list that nothing is known of but itself.
pub(super) fn judge(list: &List, page: &mut Page<'_>) {
    versions(list, page);
    control(list, page);
    parts(list, page);
    hints(list, page);
    dates(list, page);
    if list.target_us.is_none() && list.skip.is_none() {
        page.whole(Of::Syntax, "the list has no EXT-X-TARGETDURATION");
    }
    if let Some(line) = list.has_type.filter(|_| list.msn > 0) {
        page.line(Of::NoType, line, "the list has lost segments, and has an EXT-X-PLAYLIST-TYPE");
    }
    for report in &list.reports {
        let parts = list.part_target_us.is_some();
        if report.uri.is_none() || report.msn.is_none() || (parts && report.part.is_none()) {
            page.line(Of::ReportWhole, report.line, "the report lacks URI, LAST-MSN or LAST-PART");
        }
    }
    for line in &list.bad_defines {
        page.line(Of::Define, *line, "EXT-X-DEFINE has none or several of NAME, IMPORT and QUERYPARAM");
    }
}

fn versions(list: &List, page: &mut Page<'_>) {
    let stated = list.version.unwrap_or(1);
    let mapped = list.segments.iter().chain(&list.open).any(|segment| segment.map.is_some());
    let needs = match list.skip {
        Some(_) => (9, "EXT-X-SKIP"),
        None if mapped && !list.i_frames => (6, "EXT-X-MAP"),
        None => (3, "EXTINF with a fraction"),
    };
    if stated < needs.0 {
        page.whole(Of::Version, format!("EXT-X-VERSION is {stated}, but {} needs {}", needs.1, needs.0));
    }
}

fn control(list: &List, page: &mut Page<'_>) {
    let Some(target_us) = list.target_us else { return };
    let low_latency = list.part_target_us.is_some();
    let Some(control) = &list.control else {
        if low_latency {
            page.whole(Of::Block, "a list with parts has no EXT-X-SERVER-CONTROL");
        }
        return;
    };
    if !control.block && list.i_frames {
        page.line(Of::BlockFrames, control.line, "an I-frame list without CAN-BLOCK-RELOAD=YES");
    } else if !control.block && low_latency {
        page.line(Of::Block, control.line, "a list with parts without CAN-BLOCK-RELOAD=YES");
    }
    if let Some(us) = control.hold_back_us.filter(|us| *us < target_us * 3) {
        page.line(Of::HoldBack, control.line, format!("HOLD-BACK is {us} us, the target {target_us} us"));
    }
    if let Some(us) = control.skip_until_us.filter(|us| *us < target_us * 6) {
        page.line(Of::CanSkip, control.line, format!("CAN-SKIP-UNTIL is {us} us, the target {target_us} us"));
    }
    if control.skip_dates && control.skip_until_us.is_none() {
        page.line(Of::CanSkipDates, control.line, "CAN-SKIP-DATERANGES without CAN-SKIP-UNTIL");
    }
    let Some(part_us) = list.part_target_us else { return };
    let message =
        format!("PART-HOLD-BACK is {:?} us, the part target {part_us} us", control.part_hold_back_us);
    match control.part_hold_back_us {
        Some(us) if us >= part_us * 3 => {}
        Some(us) if us >= part_us * 2 => page.line(Of::PartHoldBackAdvised, control.line, message),
        _ => page.line(Of::PartHoldBack, control.line, message),
    }
}

fn parts(list: &List, page: &mut Page<'_>) {
    let all = || list.segments.iter().chain(&list.open);
    if list.part_target_us.is_none() && all().any(|segment| !segment.parts.is_empty()) {
        page.whole(Of::PartInf, "the list has parts and no EXT-X-PART-INF");
    }
    let target_us = list.target_us.unwrap_or(u64::MAX);
    for segment in &list.segments {
        if segment.us.saturating_add(500_000) / 1_000_000 > target_us / 1_000_000 {
            let message = format!("EXTINF is {} us, the target duration {target_us} us", segment.us);
            page.line(Of::Extinf, segment.line, message);
        }
        whole(segment, page);
    }
    for segment in all() {
        if let Some(line) = segment.late_tag {
            page.line(Of::PartTags, line, "a tag of the whole segment stands behind its first part");
        }
        lengths(segment, list, page);
    }
    near(list, target_us, page);
}

/// What a whole segment and its parts say of each other.
fn whole(segment: &Listed, page: &mut Page<'_>) {
    if segment.parts.is_empty() {
        return;
    }
    let sum: u64 = segment.parts.iter().map(|part| part.us).sum();
    if sum.abs_diff(segment.us) > ROUNDING_US + segment.parts.len() as u64 {
        let message = format!("EXTINF is {} us, its parts last {sum} us", segment.us);
        page.line(Of::PartSum, segment.line, message);
    }
    if segment.parts.iter().any(|part| part.gap != segment.gap) {
        page.line(Of::GapParts, segment.line, "the segment and its parts do not agree that they are a gap");
    }
}

fn lengths(segment: &Listed, list: &List, page: &mut Page<'_>) {
    let Some(target_us) = list.part_target_us else { return };
    for (index, part) in segment.parts.iter().enumerate() {
        if part.us > target_us {
            let message = format!("the part lasts {} us, the part target is {target_us} us", part.us);
            page.line(Of::PartLong, part.line, message);
        }
        let next = segment.parts.get(index + 1);
        let excused = part.independent || part.gap || next.is_none_or(|next| next.gap);
        if !excused && part.us.saturating_mul(100) < target_us.saturating_mul(85) {
            let message = format!("the part lasts {} us, less than 85 % of {target_us} us", part.us);
            page.line(Of::PartShort, part.line, message);
        }
    }
}

/// Segments from the end of the list: each that lies further away than three target durations shows no parts.
fn near(list: &List, target_us: u64, page: &mut Page<'_>) {
    let open: u64 = list.open.iter().flat_map(|open| &open.parts).map(|part| part.us).sum();
    let mut behind_us = open;
    for segment in list.segments.iter().rev() {
        if behind_us > target_us.saturating_mul(3) && !segment.parts.is_empty() {
            page.line(
                Of::PartsNear,
                segment.line,
                format!("parts of a segment {behind_us} us before the end"),
            );
            return;
        }
        behind_us = behind_us.saturating_add(segment.us);
    }
}

fn hints(list: &List, page: &mut Page<'_>) {
    for (index, hint) in list.hints.iter().enumerate() {
        if list.hints[..index].iter().any(|before| before.kind == hint.kind) {
            page.line(Of::HintOne, hint.line, format!("a second hint of TYPE {}", hint.kind));
        }
        if list.ended {
            page.line(Of::HintEnded, hint.line, "a hint in an ended list");
        }
    }
    let hinted = list.hints.iter().any(|hint| hint.kind == "PART");
    if list.part_target_us.is_some() && !list.ended && !list.i_frames && !hinted {
        page.whole(Of::HintPart, "no EXT-X-PRELOAD-HINT of TYPE PART");
    }
}

fn dates(list: &List, page: &mut Page<'_>) {
    let all: Vec<&Listed> = list.segments.iter().chain(&list.open).collect();
    if all.iter().all(|segment| segment.date_us.is_none()) {
        return;
    }
    for segment in &all {
        if segment.discontinuities > 0 && segment.date_us.is_none() {
            let message = "a discontinuity without EXT-X-PROGRAM-DATE-TIME behind it";
            page.line(Of::DateDiscontinuity, segment.line, message);
        }
    }
    for pair in all.windows(2) {
        let (Some(first), Some(second)) = (pair[0].date_us, pair[1].date_us) else { continue };
        let wanted = first.saturating_add_unsigned(pair[0].us);
        if pair[1].discontinuities == 0 && second.abs_diff(wanted) > ROUNDING_US {
            let message =
                format!("the date is {} us away from the one before and its EXTINF", second - wanted);
            page.line(Of::DateLine, pair[1].line, message);
        }
    }
}
