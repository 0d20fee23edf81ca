//! SegmentTimeline and constant-duration templates, unrolled (ISO/IEC 23009-1 5.3.9.6).

use super::{Span, Template};

/// One segment of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrolled {
    /// The line that yields it.
    pub line: u32,
    /// Where it begins on the media timeline, in ticks; `None` without a timeline.
    pub t: Option<u64>,
    /// How long it is, in ticks.
    pub d: u64,
}

/// Unrolls a timeline up to one more than `max` segments.
pub(super) fn of_spans(spans: &[Span], timescale: u64, period: Option<f64>, max: usize) -> Vec<Unrolled> {
    let mut unrolled = Vec::new();
    let mut at = 0;
    for (index, span) in spans.iter().enumerate() {
        at = span.t.unwrap_or(at);
        let repeats = match u64::try_from(span.r) {
            Ok(repeats) => repeats,
            Err(_) => {
                let next = spans.get(index + 1).and_then(|next| next.t);
                let end = next.or_else(|| period.map(|seconds| ticks(seconds, timescale)));
                repeats_until(at, span.d, end)
            }
        };
        for _ in 0..=repeats {
            if unrolled.len() > max {
                return unrolled;
            }
            unrolled.push(Unrolled { line: span.line, t: Some(at), d: span.d });
            at = at.saturating_add(span.d);
        }
    }
    unrolled
}

/// How often a segment of `d` repeats from `at` until `end`.
fn repeats_until(at: u64, d: u64, end: Option<u64>) -> u64 {
    let Some(end) = end else { return 0 };
    if d == 0 { 0 } else { end.saturating_sub(at).div_ceil(d).saturating_sub(1) }
}

/// Segments of one duration fill the period; without its length there is nothing to count.
pub(super) fn of_duration(template: &Template<'_>, period: Option<f64>, max: usize) -> Vec<Unrolled> {
    let (Some(d), Some(period)) = (template.duration, period) else { return Vec::new() };
    let total = ticks(period, template.timescale);
    let count = if d == 0 { 0 } else { total.div_ceil(d) };
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(max.saturating_add(1));
    vec![Unrolled { line: template.line, t: None, d }; count]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and seconds come from a parser that gives none below zero"
)]
fn ticks(seconds: f64, timescale: u64) -> u64 {
    (seconds * crate::measure::real(timescale)).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dash::SegmentTemplate;

    /// Segments of a constant duration, at most one more than four.
    fn constant(template: SegmentTemplate, period: Option<f64>) -> usize {
        let level = Some(template);
        of_duration(&Template::joined([&level, &None, &None]).unwrap(), period, 4).len()
    }

    const fn span(t: Option<u64>, d: u64, r: i64) -> Span {
        Span { line: 3, t, d, r }
    }

    fn starts(spans: &[Span], period: Option<f64>, max: usize) -> Vec<u64> {
        of_spans(spans, 10, period, max).iter().filter_map(|segment| segment.t).collect()
    }

    #[test]
    fn spans_repeat() {
        assert_eq!(starts(&[span(Some(5), 30, 2), span(None, 10, 0)], None, 100), [5, 35, 65, 95]);
        assert_eq!(starts(&[span(None, 30, -1)], Some(9.5), 100), [0, 30, 60, 90]);
        assert_eq!(starts(&[span(None, 30, -1), span(Some(60), 5, 0)], None, 100), [0, 30, 60]);
        assert_eq!(starts(&[span(None, 30, -1)], None, 100), [0]);
    }

    #[test]
    fn unrolling_is_bounded() {
        assert_eq!(starts(&[span(None, 1, i64::MAX)], None, 4).len(), 5);
        assert_eq!(starts(&[span(None, 0, -1)], Some(9.0), 4).len(), 1);
        let template =
            SegmentTemplate { duration: Some(1), timescale: Some(1000), ..SegmentTemplate::default() };
        assert_eq!(constant(template, Some(1e300)), 5);
    }

    #[test]
    fn constant_durations_fill_the_period() {
        let template = SegmentTemplate { duration: Some(4), ..SegmentTemplate::default() };
        assert_eq!(constant(template.clone(), Some(9.0)), 3);
        assert_eq!(constant(template, None), 0);
    }
}
