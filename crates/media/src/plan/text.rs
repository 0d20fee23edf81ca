//! Text renditions.

use super::{TextPlan, language};
use crate::{TextFacts, TrackName};

/// More renditions than this are noise in a menu.
const RENDITIONS_MAX: usize = 32;

/// A rendition of each text stream that says something.
pub(super) fn renditions(text: &[TextFacts], reasons: &mut Vec<String>) -> Vec<TextPlan> {
    let spoken: Vec<(u32, &TextFacts)> =
        (0u32..).zip(text).filter(|(_, facts)| !facts.cues.is_empty()).collect();
    let kept = &spoken[..spoken.len().min(RENDITIONS_MAX)];
    let tags: Vec<String> = kept.iter().map(|(_, facts)| language::tag(facts.language.as_deref())).collect();
    let named = kept.iter().zip(&tags).map(|((_, facts), tag)| (facts.title.as_deref(), &**tag));
    let labels = language::labels(named, "Subtitles");
    // Where the container calls several tracks its default, the first of them is.
    let default = kept.iter().find(|(_, facts)| facts.default).map(|(number, _)| *number);
    let plans = kept.iter().zip(tags).zip(labels);
    let made: Vec<TextPlan> = plans
        .map(|(((number, _), language), label)| TextPlan {
            name: TrackName::Text(*number),
            language,
            label,
            default: default == Some(*number),
        })
        .collect();
    if !made.is_empty() {
        let names: Vec<&str> = made.iter().map(|text| &*text.label).collect();
        reasons.push(format!("Text becomes WebVTT: {}.", names.join(", ")));
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captions::Cue;

    #[test]
    fn what_says_nothing_is_no_rendition() {
        let cue = Cue { start_ns: 0, end_ns: 1, text: "Hello".to_owned() };
        let facts = |language: Option<&str>, default, cues| TextFacts {
            language: language.map(str::to_owned),
            title: None,
            default,
            cues,
        };
        let text = [
            facts(None, true, vec![]),
            facts(Some("eng"), false, vec![cue.clone()]),
            facts(Some("ger"), true, vec![cue]),
        ];
        let mut reasons = Vec::new();
        let made = renditions(&text, &mut reasons);
        let told: Vec<_> =
            made.iter().map(|text| (text.name, &*text.language, &*text.label, text.default)).collect();
        assert_eq!(
            told,
            [(TrackName::Text(1), "en", "English", false), (TrackName::Text(2), "de", "German", true)]
        );
        assert_eq!(reasons, ["Text becomes WebVTT: English, German."]);
    }
}
