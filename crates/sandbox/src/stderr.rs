//! The end of a child's log.

use std::collections::VecDeque;

use pipeline_wire::CrashNote;

/// Lines kept for a crash report.
const LINES_MAX: usize = 30;
/// Bytes kept of a line.
const LINE_MAX: usize = 400;
/// Lines of one child that reach our own log; the rest is only kept as the tail.
const LOGGED_MAX: u32 = 200;

/// A bounded tail of lines.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    lines: VecDeque<String>,
    line: Vec<u8>,
    logged: u32,
    crash: Option<CrashNote>,
}

impl Tail {
    /// Takes the next bytes of the log.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => self.finish_line(),
                other if self.line.len() < LINE_MAX => self.line.push(*other),
                _ => {}
            }
        }
    }

    fn finish_line(&mut self) {
        if self.line.is_empty() {
            return;
        }
        let line: String = String::from_utf8_lossy(&self.line).chars().filter(|c| !c.is_control()).collect();
        self.line.clear();
        if self.logged < LOGGED_MAX {
            self.logged += 1;
            tracing::debug!(line, "pipeline child says");
        }
        if let Some(note) = CrashNote::parse(&line) {
            self.crash = Some(note);
        }
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The last lines, oldest first; to be called at the end.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        self.finish_line();
        self.lines.iter().cloned().collect()
    }

    /// What the child said about its own crash.
    pub(crate) fn crash(&self) -> Option<&CrashNote> {
        self.crash.as_ref()
    }

    /// Whether a line tells of memory that could not be had.
    pub(crate) fn tells_of_memory(&self) -> bool {
        const WORDS: [&str; 4] =
            ["failed to allocate", "memory allocation of", "Cannot allocate memory", "out of memory"];
        self.lines.iter().any(|line| WORDS.iter().any(|words| line.contains(words)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_bounded_in_lines_and_bytes() {
        let mut tail = Tail::default();
        for n in 0..1000 {
            tail.push(format!("{n} {}\n", "x".repeat(5000)).as_bytes());
        }
        tail.push(b"unfinished");
        let lines = tail.lines();
        assert_eq!(lines.len(), LINES_MAX);
        assert!(lines.iter().all(|line| line.len() <= LINE_MAX));
        assert_eq!(lines.last().map(String::as_str), Some("unfinished"));
    }

    #[test]
    fn memory_and_crashes_are_recognised() {
        let mut tail = Tail::default();
        tail.push(b"GLib-ERROR **: ../glib/gmem.c:136: failed to allocate 99 bytes\n");
        assert!(tail.tells_of_memory());
        assert!(tail.crash().is_none());
        tail.push(b"nexus-crash signal=11 element=avdec_h264-0 thread=multiqueue0:src\n");
        assert_eq!(tail.crash().and_then(|note| note.element.as_deref()), Some("avdec_h264-0"));
    }
}
