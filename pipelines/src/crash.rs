//! Names the element that was at work when the process crashes.
//!
//! A tracer notes, for every thread, which element its data is in; a signal handler writes that note to the log
//! as one line ([`pipeline_wire::CrashNote`]) and lets the signal take its course.

use std::cell::Cell;
use std::ffi::c_int;
use std::mem::MaybeUninit;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer::subclass::prelude::*;
use pipeline_wire::CRASH_PREFIX;

/// Bytes kept of an element's name.
const NAME_MAX: usize = 48;

/// A name without a heap, readable from a signal handler.
#[derive(Clone, Copy)]
struct Name {
    bytes: [u8; NAME_MAX],
    len: usize,
}

impl Name {
    const NONE: Self = Self { bytes: [0; NAME_MAX], len: 0 };

    fn of(text: &str) -> Self {
        let mut name = Self::NONE;
        for (to, from) in name.bytes.iter_mut().zip(text.bytes()) {
            *to = if from.is_ascii_graphic() { from } else { b'_' };
            name.len += 1;
        }
        name
    }
}

thread_local! {
    static AT: Cell<Name> = const { Cell::new(Name::NONE) };
}

/// Starts noting elements and catches the signals of a crash. To be called once, after GStreamer is up.
pub fn watch() {
    let tracer: Tracer = glib::Object::new();
    // The hooks hold it by pointer for the rest of the process.
    std::mem::forget(tracer);
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT, libc::SIGTRAP]
        .into_iter()
        .for_each(catch);
}

#[expect(unsafe_code, reason = "signal handlers have no safe form")]
fn catch(signal: c_int) {
    // SAFETY: all-zero is a valid sigaction, and the handler calls only async-signal-safe functions.
    unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = note as extern "C" fn(c_int) as usize;
        action.sa_flags = libc::SA_RESETHAND | libc::SA_ONSTACK;
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
    }
}

/// Writes the note and dies of the same signal, whose default action is back in place.
#[expect(unsafe_code, reason = "calls that are safe in a signal handler are C's")]
extern "C" fn note(signal: c_int) {
    let mut thread = [0u8; 16];
    // SAFETY: PR_GET_NAME writes at most 16 bytes, zero-terminated.
    unsafe { libc::prctl(libc::PR_GET_NAME, thread.as_mut_ptr()) };
    let line = line(signal, AT.try_with(Cell::get).unwrap_or(Name::NONE), &thread);
    // SAFETY: the pointer and length are those of a live array; raise is async-signal-safe.
    unsafe {
        libc::write(libc::STDERR_FILENO, line.bytes.as_ptr().cast(), line.len);
        libc::raise(signal);
    }
}

struct Line {
    bytes: [u8; 160],
    len: usize,
}

impl Line {
    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.len < self.bytes.len() {
                self.bytes[self.len] = *byte;
                self.len += 1;
            }
        }
    }
}

fn line(signal: c_int, element: Name, thread: &[u8; 16]) -> Line {
    let mut line = Line { bytes: [0; 160], len: 0 };
    let tens = b'0' + (signal / 10 % 10) as u8;
    let ones = b'0' + (signal % 10) as u8;
    line.push(CRASH_PREFIX.as_bytes());
    line.push(b" signal=");
    line.push(&[tens, ones]);
    if element.len > 0 {
        line.push(b" element=");
        line.push(&element.bytes[..element.len]);
    }
    line.push(b" thread=");
    for byte in thread.iter().take_while(|byte| **byte != 0) {
        line.push(&[if byte.is_ascii_graphic() { *byte } else { b'_' }]);
    }
    line.push(b"\n");
    line
}

glib::wrapper! {
    /// Notes where each thread's data is.
    pub struct Tracer(ObjectSubclass<imp::Tracer>) @extends gst::Tracer, gst::Object;
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct Tracer;

    #[glib::object_subclass]
    impl ObjectSubclass for Tracer {
        const NAME: &'static str = "NexusElementTracer";
        type Type = super::Tracer;
        type ParentType = gst::Tracer;
    }

    impl ObjectImpl for Tracer {
        fn constructed(&self) {
            self.parent_constructed();
            self.register_hook(TracerHook::PadPushPre);
            self.register_hook(TracerHook::PadPushPost);
            self.register_hook(TracerHook::PadPullRangePre);
            self.register_hook(TracerHook::PadPullRangePost);
        }
    }

    impl GstObjectImpl for Tracer {}

    impl TracerImpl for Tracer {
        fn pad_push_pre(&self, _ts: u64, pad: &gst::Pad, _buffer: &gst::Buffer) {
            enter(pad.peer());
        }

        fn pad_push_post(&self, _ts: u64, pad: &gst::Pad, _result: Result<gst::FlowSuccess, gst::FlowError>) {
            enter(Some(pad.clone()));
        }

        fn pad_pull_range_pre(&self, _ts: u64, pad: &gst::Pad, _offset: u64, _size: u32) {
            enter(pad.peer());
        }

        fn pad_pull_range_post(
            &self,
            _ts: u64,
            pad: &gst::Pad,
            _result: Result<&gst::Buffer, gst::FlowError>,
        ) {
            enter(Some(pad.clone()));
        }
    }

    /// Pads inside ghost pads have no element; the note stays as it was.
    fn enter(pad: Option<gst::Pad>) {
        if let Some(element) = pad.and_then(|pad| pad.parent_element()) {
            AT.with(|at| at.set(Name::of(&element.name())));
        }
    }
}

#[cfg(test)]
mod tests {
    use pipeline_wire::CrashNote;

    use super::*;

    #[test]
    fn the_line_parses() {
        let line = line(11, Name::of("avdec h264-0"), b"multiqueue0:src\0");
        let text = std::str::from_utf8(&line.bytes[..line.len]).expect("ascii");
        let note = CrashNote::parse(text.trim_end()).expect("a note");
        let expected =
            CrashNote { signal: 11, element: Some("avdec_h264-0".into()), thread: "multiqueue0:src".into() };
        assert_eq!(note, expected);
    }

    #[test]
    fn long_names_are_cut() {
        let line = line(6, Name::of(&"x".repeat(500)), &[b'y'; 16]);
        assert!(line.len <= line.bytes.len());
    }

    #[test]
    fn the_thread_knows_its_element() {
        gst::init().expect("gstreamer");
        std::mem::forget(glib::Object::new::<Tracer>());
        let source = gst::Pad::builder(gst::PadDirection::Src).name("src").build();
        let identity = gst::ElementFactory::make("fakesink").name("the-sink").build().expect("fakesink");
        let sink = identity.static_pad("sink").expect("pad");
        source.set_active(true).expect("active");
        sink.set_active(true).expect("active");
        source.link(&sink).expect("link");
        assert!(source.push(gst::Buffer::new()).is_err(), "no stream was started");
        let at = AT.with(Cell::get);
        assert_eq!(&at.bytes[..at.len], b"the-sink");
    }
}
