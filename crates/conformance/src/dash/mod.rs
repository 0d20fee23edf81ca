//! DASH MPDs, read with the line of every element (ISO/IEC 23009-1).

mod duration;
mod read;
mod template;
mod timeline;

pub use read::read;
pub use timeline::Unrolled;

/// An MPD.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mpd {
    /// Line of the MPD element; 0 when there is none.
    pub line: u32,
    /// `@type`; static when absent.
    pub dynamic: bool,
    /// `@profiles`.
    pub profiles: Option<String>,
    /// `@minBufferTime`, seconds.
    pub min_buffer_time: Option<f64>,
    /// `@mediaPresentationDuration`, seconds.
    pub duration: Option<f64>,
    /// First BaseURL.
    pub base_url: Option<String>,
    /// Periods, in order.
    pub periods: Vec<Period>,
}

/// A Period.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Period {
    /// Line of the element.
    pub line: u32,
    /// `@duration`, seconds.
    pub duration: Option<f64>,
    /// First BaseURL.
    pub base_url: Option<String>,
    /// Addressing for all sets.
    pub template: Option<SegmentTemplate>,
    /// Sets, in order.
    pub sets: Vec<AdaptationSet>,
}

/// An AdaptationSet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AdaptationSet {
    /// Line of the element.
    pub line: u32,
    /// `@segmentAlignment`.
    pub segment_alignment: Option<String>,
    /// `@startWithSAP`.
    pub start_with_sap: Option<String>,
    /// `@codecs`.
    pub codecs: Option<String>,
    /// First BaseURL.
    pub base_url: Option<String>,
    /// Addressing for all representations.
    pub template: Option<SegmentTemplate>,
    /// Representations, in order.
    pub representations: Vec<Representation>,
}

/// A Representation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Representation {
    /// Line of the element.
    pub line: u32,
    /// `@id`.
    pub id: Option<String>,
    /// `@bandwidth`, bits per second.
    pub bandwidth: Option<u64>,
    /// `@codecs`.
    pub codecs: Option<String>,
    /// `@startWithSAP`.
    pub start_with_sap: Option<String>,
    /// First BaseURL.
    pub base_url: Option<String>,
    /// Addressing of its own.
    pub template: Option<SegmentTemplate>,
    /// Whether it is addressed by SegmentBase or SegmentList, which this reader does not follow.
    pub other_addressing: bool,
}

/// A SegmentTemplate; what is absent is inherited.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SegmentTemplate {
    /// Line of the element.
    pub line: u32,
    /// `@timescale`.
    pub timescale: Option<u64>,
    /// `@initialization`.
    pub initialization: Option<String>,
    /// `@media`.
    pub media: Option<String>,
    /// `@startNumber`.
    pub start_number: Option<u64>,
    /// `@duration`, ticks.
    pub duration: Option<u64>,
    /// SegmentTimeline.
    pub timeline: Option<Vec<Span>>,
}

/// An `S` of a SegmentTimeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Line of the element.
    pub line: u32,
    /// `@t`, ticks.
    pub t: Option<u64>,
    /// `@d`, ticks.
    pub d: u64,
    /// `@r`; -1 repeats to the next `S` or the end of the period.
    pub r: i64,
}

/// The SegmentTemplate in force for a Representation.
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    /// Ticks per second, at least 1.
    pub timescale: u64,
    line: u32,
    initialization: Option<&'a str>,
    media: Option<&'a str>,
    start_number: u64,
    duration: Option<u64>,
    timeline: Option<&'a [Span]>,
}

impl<'a> Template<'a> {
    /// Joins the templates of a Representation, its set and its period, innermost first: what one leaves out
    /// is taken from the next. `None` when there is none at all.
    #[must_use]
    pub fn joined(levels: [&'a Option<SegmentTemplate>; 3]) -> Option<Self> {
        let levels: Vec<&SegmentTemplate> = levels.into_iter().filter_map(Option::as_ref).collect();
        let find =
            |number: fn(&SegmentTemplate) -> Option<u64>| levels.iter().find_map(|level| number(level));
        Some(Self {
            line: levels.first()?.line,
            timescale: find(|level| level.timescale).unwrap_or(1).max(1),
            initialization: levels.iter().find_map(|level| level.initialization.as_deref()),
            media: levels.iter().find_map(|level| level.media.as_deref()),
            start_number: find(|level| level.start_number).unwrap_or(1),
            duration: find(|level| level.duration),
            timeline: levels.iter().find_map(|level| level.timeline.as_deref()),
        })
    }

    /// The header's URI reference for a Representation.
    #[must_use]
    pub fn header(&self, representation: &Representation) -> Option<String> {
        let fill = template::Fill { representation, number: None, time: None };
        Some(fill.expand(self.initialization?))
    }

    /// The segments of a period that lasts `period` seconds, at most `max` of them; true when there would be
    /// more.
    #[must_use]
    pub fn segments(&self, period: Option<f64>, max: usize) -> (Vec<Unrolled>, bool) {
        let mut spans = match (self.media, self.timeline) {
            (None, _) => Vec::new(),
            (Some(_), Some(timeline)) => timeline::of_spans(timeline, self.timescale, period, max),
            (Some(_), None) => timeline::of_duration(self, period, max),
        };
        let more = spans.len() > max;
        spans.truncate(max);
        (spans, more)
    }

    /// The URI reference of the segment with this index.
    #[must_use]
    pub fn segment(&self, representation: &Representation, index: usize, segment: &Unrolled) -> String {
        let number = self.start_number.saturating_add(index as u64);
        let fill = template::Fill { representation, number: Some(number), time: segment.t };
        fill.expand(self.media.unwrap_or_default())
    }
}
