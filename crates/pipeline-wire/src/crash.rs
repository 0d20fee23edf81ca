//! The one line a crashing child still writes to its log.
//!
//! `nexus-crash signal=11 element=avdec_h264-0 thread=multiqueue0:src`, written by a signal handler; `element`
//! is missing when the thread was in none, and values hold no spaces.

/// How the line starts.
pub const CRASH_PREFIX: &str = "nexus-crash";

/// A child's note on its own crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashNote {
    /// The signal.
    pub signal: i32,
    /// The element at work on the thread that crashed.
    pub element: Option<String>,
    /// The thread's name.
    pub thread: String,
}

impl CrashNote {
    /// Reads the line; `None` for any other line.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let fields = line.strip_prefix(CRASH_PREFIX)?;
        let field = |name: &str| {
            fields.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
        };
        let signal = field("signal")?.parse().ok()?;
        Some(Self { signal, element: field("element"), thread: field("thread").unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_parse_and_other_lines_do_not() {
        let note = CrashNote::parse("nexus-crash signal=11 element=avdec_h264-0 thread=q:src");
        let expected = CrashNote { signal: 11, element: Some("avdec_h264-0".into()), thread: "q:src".into() };
        assert_eq!(note, Some(expected));
        let bare = CrashNote { signal: 6, element: None, thread: "main".into() };
        assert_eq!(CrashNote::parse("nexus-crash signal=6 thread=main"), Some(bare));
        assert_eq!(CrashNote::parse("nexus-crash"), None);
        assert_eq!(CrashNote::parse("something else signal=11"), None);
    }
}
