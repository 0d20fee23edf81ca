//! Text renditions. They are small and the probe has read them already, so they are made with the plan.

use catalogue::Part;
use media::{Object, Plan, TextFacts, TextPlan, TrackInfo, TrackName, captions::Captions};

use crate::{Attempt, Transcoder, error::Trouble};

/// Stores the objects of every text rendition of `plan`; the parts to be stored once the plan is.
pub(crate) async fn write(
    transcoder: &Transcoder,
    attempt: &Attempt<'_>,
    plan: &Plan,
    text: &[TextFacts],
) -> Result<Vec<Part>, Trouble> {
    let mut parts = Vec::with_capacity(plan.text.len());
    for rendition in &plan.text {
        let TrackName::Text(number) = rendition.name else {
            return Err(Trouble::Internal("a text rendition that is no text"));
        };
        let facts = text.get(number as usize).ok_or(Trouble::Internal("a text rendition of nothing"))?;
        let captions = Captions::new(&facts.cues, plan.origin_ns, plan.duration_ns);
        parts.push(write_one(transcoder, attempt, plan, rendition, &captions).await?);
    }
    Ok(parts)
}

async fn write_one(
    transcoder: &Transcoder,
    attempt: &Attempt<'_>,
    plan: &Plan,
    rendition: &TextPlan,
    captions: &Captions,
) -> Result<Part, Trouble> {
    let (version, track) = (attempt.version, rendition.name);
    let whole = captions.whole();
    let info = Some(TrackInfo::text(rendition, whole.len() as u64));
    transcoder.put(&attempt.key(Object::Captions { version, track })?, whole).await?;
    let mut segments = Vec::new();
    for segment in captions.segments(plan.segment) {
        let key = attempt.key(Object::Segment { version, track, seq: segment.info.seq })?;
        transcoder.put(&key, segment.bytes).await?;
        segments.push(segment.info);
    }
    Ok(Part { track, chunk: 0, attempt: attempt.claim.attempt, info, segments, run: None })
}
