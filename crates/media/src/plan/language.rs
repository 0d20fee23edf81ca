//! Languages of tracks: tags that players understand, and names for people.

/// ISO 639-1 codes, the ISO 639-2 codes that mean the same (both of them where there are two), English names.
const KNOWN: [(&str, [&str; 2], &str); 44] = [
    ("af", ["afr", ""], "Afrikaans"),
    ("ar", ["ara", ""], "Arabic"),
    ("bg", ["bul", ""], "Bulgarian"),
    ("bn", ["ben", ""], "Bengali"),
    ("ca", ["cat", ""], "Catalan"),
    ("cs", ["ces", "cze"], "Czech"),
    ("cy", ["cym", "wel"], "Welsh"),
    ("da", ["dan", ""], "Danish"),
    ("de", ["deu", "ger"], "German"),
    ("el", ["ell", "gre"], "Greek"),
    ("en", ["eng", ""], "English"),
    ("es", ["spa", ""], "Spanish"),
    ("et", ["est", ""], "Estonian"),
    ("fa", ["fas", "per"], "Persian"),
    ("fi", ["fin", ""], "Finnish"),
    ("fr", ["fra", "fre"], "French"),
    ("ga", ["gle", ""], "Irish"),
    ("he", ["heb", ""], "Hebrew"),
    ("hi", ["hin", ""], "Hindi"),
    ("hr", ["hrv", ""], "Croatian"),
    ("hu", ["hun", ""], "Hungarian"),
    ("id", ["ind", ""], "Indonesian"),
    ("is", ["isl", "ice"], "Icelandic"),
    ("it", ["ita", ""], "Italian"),
    ("ja", ["jpn", ""], "Japanese"),
    ("ko", ["kor", ""], "Korean"),
    ("lt", ["lit", ""], "Lithuanian"),
    ("lv", ["lav", ""], "Latvian"),
    ("ms", ["msa", "may"], "Malay"),
    ("nl", ["nld", "dut"], "Dutch"),
    ("no", ["nor", "nob"], "Norwegian"),
    ("pl", ["pol", ""], "Polish"),
    ("pt", ["por", ""], "Portuguese"),
    ("ro", ["ron", "rum"], "Romanian"),
    ("ru", ["rus", ""], "Russian"),
    ("sk", ["slk", "slo"], "Slovak"),
    ("sl", ["slv", ""], "Slovenian"),
    ("sv", ["swe", ""], "Swedish"),
    ("ta", ["tam", ""], "Tamil"),
    ("th", ["tha", ""], "Thai"),
    ("tr", ["tur", ""], "Turkish"),
    ("uk", ["ukr", ""], "Ukrainian"),
    ("vi", ["vie", ""], "Vietnamese"),
    ("zh", ["zho", "chi"], "Chinese"),
];

/// The longest name of a track, in characters.
const NAME_MAX: usize = 80;

/// The tag as BCP 47 (RFC 5646 sections 2.1 and 2.2.1: by shape, the shortest code of a language); `und` when it has
/// no such shape.
pub(super) fn tag(told: Option<&str>) -> String {
    let Some(told) = told else { return "und".to_owned() };
    let mut parts = told.split('-');
    let primary = parts.next().unwrap_or_default();
    let alphabetic = primary.bytes().all(|byte| byte.is_ascii_alphabetic());
    let subtag =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if (2..=3).contains(&primary.len()) && alphabetic && told.len() <= 35 && parts.all(subtag) {
        let (head, tail) = told.split_at(primary.len());
        return format!("{}{tail}", shortest(&head.to_ascii_lowercase()));
    }
    "und".to_owned()
}

fn shortest(code: &str) -> &str {
    KNOWN.iter().find(|(_, long, _)| long.contains(&code)).map_or(code, |(short, ..)| short)
}

/// The English name of the language of a tag.
fn name_of(tag: &str) -> Option<&'static str> {
    let primary = tag.split('-').next()?;
    KNOWN.iter().find(|(short, ..)| *short == primary).map(|(.., name)| *name)
}

/// Names for people, one for each track, no two alike: what the file calls it, else its language, else `fallback` with
/// its number.
pub(super) fn labels<'a>(
    tracks: impl Iterator<Item = (Option<&'a str>, &'a str)>,
    fallback: &str,
) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    for (number, (title, tag)) in (1..).zip(tracks) {
        let title = title.map(|title| title.trim().chars().take(NAME_MAX).collect::<String>());
        let numbered = || format!("{fallback} {number}");
        let named = title.filter(|title| !title.is_empty()).or_else(|| name_of(tag).map(str::to_owned));
        let name = named.unwrap_or_else(numbered);
        let again = (2u32..).map(|count| format!("{name} {count}"));
        let free = std::iter::once(name.clone()).chain(again).find(|name| !taken.contains(name));
        taken.push(free.unwrap_or(name));
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_language_tags_are_undetermined() {
        let tags = ["de", "zh-Hant", "english", "x\"y", "e", "en-", "\u{e9}n", "ger", "FRA-ca", "tlh"];
        let read = tags.map(|told| tag(Some(told)));
        assert_eq!(read, ["de", "zh-Hant", "und", "und", "und", "und", "und", "de", "fr-ca", "tlh"]);
    }

    #[test]
    fn every_track_has_a_name_of_its_own() {
        let tracks = [
            (Some("Main"), "en"),
            (None, "en"),
            (None, "en-GB"),
            (Some("Main"), "und"),
            (None, "und"),
            (Some(" "), "tlh"),
        ];
        let made = labels(tracks.into_iter(), "Audio");
        assert_eq!(made, ["Main", "English", "English 2", "Main 2", "Audio 5", "Audio 6"]);
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(KNOWN.is_sorted_by(|a, b| a.0 < b.0));
    }
}
