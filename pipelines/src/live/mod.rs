//! A live stream for all rungs: access units in, access units out, while it runs.
//!
//! ```text
//! link ─ intake ┬► decoder ─► pictures: scale in cascade ┬► x264 ─► outlet ─► link
//!               │                                        └► x264 ─► outlet ─► link
//!               └► decoder ─► sound: place, resample ─────► AAC ──► outlet ─► link
//! ```
//!
//! A thread each for intake, pictures, sound and the counters; every queue between them is a few units long, so a
//! graph that cannot keep up stops reading, and the parent decides what to leave out. Whatever fails anywhere ends
//! all of it. Damaged units are no failure: what does not decode is counted.

mod clock;
mod intake;
mod keys;
mod outlet;
mod pictures;
mod roll;
mod session;
mod sound;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use pipeline_wire::{LiveSpec, LiveVideoSpec};

use crate::failure::{GraphError, Result};
use crate::link::Link;

use intake::Intake;
use session::{Session, panicked};

/// The most pictures that an encoder may look ahead.
const LOOKAHEAD_MAX: u32 = 60;

/// Encodes the stream until its end.
///
/// # Errors
/// When the spec asks for what cannot be, an element fails, or the parent goes away.
pub fn run(spec: &LiveSpec, link: &Link) -> Result<()> {
    checked(spec)?;
    let session = Session::new(spec, link);
    let pictures = spec.video.as_ref().map(|video| pictures::Decoder::start(video, &session)).transpose()?;
    let sound = spec.audio.as_ref().map(|audio| sound::Decoder::start(audio, &session)).transpose()?;
    let (pictures, video_in) = pictures.unzip();
    let (sound, audio_in) = sound.unzip();
    let intake = Intake {
        session: &session,
        video: video_in.zip(pictures.as_ref().map(pictures::Decoder::graph)),
        audio: audio_in.zip(sound.as_ref().map(sound::Decoder::graph)),
    };
    let shared = &session;
    std::thread::scope(|scope| {
        let (stop, stopped) = channel();
        let reports = start(scope, "report", shared, move || shared.report(&stopped));
        let works = [
            start(scope, "intake", shared, move || intake.run()),
            pictures.as_ref().zip(spec.video.as_ref()).and_then(|(decoder, spec)| {
                start(scope, "pictures", shared, move || decoder.run(spec, shared))
            }),
            sound
                .as_ref()
                .zip(spec.audio.as_ref())
                .and_then(|(decoder, spec)| start(scope, "sound", shared, move || decoder.run(spec, shared))),
        ];
        works.into_iter().flatten().for_each(|work| join(work, shared));
        drop::<Sender<()>>(stop);
        reports.into_iter().for_each(|reports| join(reports, shared));
    });
    session.check()?;
    session.tell_stats()
}

/// Starts a thread whose failure ends the session.
fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    session: &'scope Session,
    work: impl FnOnce() -> Result<()> + Send + 'scope,
) -> Option<ScopedJoinHandle<'scope, ()>> {
    let judged = move || session.judge(work());
    let started = Builder::new().name(name.to_owned()).spawn_scoped(scope, judged);
    started.map_err(|error| session.judge(Err(GraphError::internal(error)))).ok()
}

fn join(work: ScopedJoinHandle<'_, ()>, session: &Session) {
    session.judge(work.join().or_else(panicked));
}

fn checked(spec: &LiveSpec) -> Result<()> {
    let refused = |what: &str| Err(GraphError::internal(format!("the spec asks for {what}")));
    let rungs = spec.video.iter().flat_map(|video| &video.rungs);
    let tracks = rungs.map(|rung| rung.track).chain(spec.audio.iter().map(|audio| audio.track));
    let mut seen = HashSet::new();
    if !tracks.into_iter().all(|track| seen.insert(track)) {
        return refused("two tracks of one number");
    }
    if seen.is_empty() {
        return refused("nothing");
    }
    spec.video.as_ref().map_or(Ok(()), checked_video)
}

fn checked_video(video: &LiveVideoSpec) -> Result<()> {
    let refused = |what: &str| Err(GraphError::internal(format!("the spec asks for {what}")));
    let odd = |side: u32| side == 0 || !side.is_multiple_of(2);
    if video.rungs.is_empty() {
        return refused("pictures without rungs");
    }
    if video.rungs.iter().any(|rung| odd(rung.width) || odd(rung.height)) {
        return refused("a rung with an odd side");
    }
    if video.frame_ticks == 0 || video.lookahead_frames > LOOKAHEAD_MAX {
        return refused("pictures that do not last, or too many looked ahead");
    }
    Ok(())
}
