//! Text that people type or files bring: titles, file names, reasons, searches.

use crate::{CatalogueError, Result};

/// The longest title and the longest search, in characters.
pub const TITLE_CHARS_MAX: usize = 200;
/// The longest file name that is kept, in characters.
pub const NAME_CHARS_MAX: usize = 255;
/// The longest `Upload-Metadata` that is kept, in bytes.
pub const METADATA_BYTES_MAX: usize = 4096;
/// The longest reason of a failure that is kept, in characters.
pub const REASON_CHARS_MAX: usize = 500;

/// What a film is called when nothing better is known.
const UNTITLED: &str = "Untitled";
/// What makes the next character of a pattern stand for itself; the statements name it in `escape '!'`.
const ESCAPE: char = '!';

/// Checks a title that somebody chose: 1 to [`TITLE_CHARS_MAX`] characters within surrounding spaces, which
/// are dropped, none of them a control character.
pub(crate) fn check_title(title: &str) -> Result<String> {
    let title = title.trim();
    let fits = (1..=TITLE_CHARS_MAX).contains(&title.chars().count());
    if fits && !title.chars().any(char::is_control) {
        return Ok(title.to_owned());
    }
    let problem = format!("1 to {TITLE_CHARS_MAX} characters without control characters are expected");
    Err(CatalogueError::Invalid { field: "title", problem })
}

/// The title a file's name suggests: the name without folders and extension.
pub(crate) fn title_from_name(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| if stem.is_empty() { file } else { stem });
    let title = printable(stem, TITLE_CHARS_MAX);
    if title.is_empty() { UNTITLED.to_owned() } else { title }
}

/// `text` as one line: control characters dropped, cut to `chars_max` characters, surrounding spaces dropped.
pub(crate) fn printable(text: &str, chars_max: usize) -> String {
    let kept: String = text.chars().filter(|c| !c.is_control()).take(chars_max).collect();
    kept.trim().to_owned()
}

/// Checks an `Upload-Metadata` value, which is kept to be echoed and not read here.
pub(crate) fn check_metadata(metadata: &str) -> Result<()> {
    if metadata.len() <= METADATA_BYTES_MAX && !metadata.chars().any(char::is_control) {
        return Ok(());
    }
    let problem = format!("at most {METADATA_BYTES_MAX} bytes without control characters are expected");
    Err(CatalogueError::Invalid { field: "metadata", problem })
}

/// What titles are compared by: lower case in any script. Composed and decomposed accents stay different.
pub(crate) fn folded(title: &str) -> String {
    title.to_lowercase()
}

/// The LIKE pattern for folded titles that contain `query`, whose own wildcards stand for themselves.
pub(crate) fn search_pattern(query: &str) -> Result<String> {
    if query.chars().count() > TITLE_CHARS_MAX || query.chars().any(char::is_control) {
        let problem = format!("at most {TITLE_CHARS_MAX} characters without control characters are expected");
        return Err(CatalogueError::Invalid { field: "q", problem });
    }
    let mut pattern = String::from("%");
    for c in folded(query.trim()).chars() {
        if matches!(c, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(c);
    }
    pattern.push('%');
    Ok(pattern)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn titles_come_from_names() {
        for (name, title) in [
            ("film.mov", "film"),
            ("C:\\Users\\me\\My film.v2.mp4", "My film.v2"),
            ("/home/me/ a.mkv", "a"),
            (".hidden", ".hidden"),
            ("no extension", "no extension"),
            ("a\0b\n.mp4", "ab"),
            ("", "Untitled"),
            ("dir/", "Untitled"),
            (" .mp4", "Untitled"),
        ] {
            assert_eq!(title_from_name(name), title, "{name:?}");
        }
    }

    #[test]
    fn chosen_titles_are_checked() {
        assert_eq!(check_title("  Ünïcode ").expect("fine"), "Ünïcode");
        assert!(check_title(&"é".repeat(TITLE_CHARS_MAX)).is_ok());
        for bad in ["", "   ", "a\0b", "a\nb", &"x".repeat(TITLE_CHARS_MAX + 1)] {
            assert!(check_title(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn wildcards_of_a_search_stand_for_themselves() {
        assert_eq!(search_pattern("100%_A!").expect("fine"), "%100!%!_a!!%");
        assert_eq!(search_pattern("").expect("fine"), "%%");
        assert!(search_pattern(&"x".repeat(TITLE_CHARS_MAX + 1)).is_err());
    }

    #[test]
    fn metadata_is_bounded() {
        assert!(check_metadata("filename ZmlsbS5tb3Y=,is_confidential").is_ok());
        assert!(check_metadata(&"x".repeat(METADATA_BYTES_MAX + 1)).is_err());
        assert!(check_metadata("a\0").is_err());
    }

    proptest! {
        #[test]
        fn any_name_makes_a_title_that_may_be_chosen(name in ".{0,400}") {
            let title = title_from_name(&name);
            prop_assert_eq!(check_title(&title).expect("valid"), title);
        }
    }
}
