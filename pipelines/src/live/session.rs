//! What all threads of a live graph share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gstreamer as gst;
use pipeline_wire::{FromChild, LiveSpec, LiveStats, TrackCount};

use crate::failure::{GraphError, Result};
use crate::graph::{Fault, Graph};
use crate::link::Link;

use super::roll::Roll;

/// Time between two words to the parent, where there is something to say.
const WORD_EVERY: Duration = Duration::from_millis(200);
/// Counters go out with every so many words.
const WORDS_PER_STATS: u32 = 5;

/// A live graph's common ground; clones share it.
#[derive(Clone)]
pub struct Session {
    /// To the parent.
    pub link: Link,
    /// What ends all of it.
    pub fault: Fault,
    /// What happened so far.
    pub counts: Arc<Counts>,
    roll: Arc<Mutex<Roll>>,
}

impl Session {
    /// A session of `spec`.
    #[must_use]
    pub fn new(spec: &LiveSpec, link: &Link) -> Self {
        let counts = Arc::new(Counts::new(spec));
        Self { link: link.clone(), fault: Fault::default(), counts, roll: Arc::default() }
    }

    /// The pictures on their way.
    pub fn roll(&self) -> MutexGuard<'_, Roll> {
        self.roll.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A graph that ends with all others.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn graph(&self, name: &str) -> Result<Graph> {
        Graph::sharing(name, &self.link, self.fault.clone())
    }

    /// What ended the session, if anything did.
    ///
    /// # Errors
    /// That.
    pub fn check(&self) -> Result<()> {
        self.fault.get().map_or(Ok(()), Err)
    }

    /// Ends the session if `work` failed.
    pub fn judge(&self, work: Result<()>) {
        if let Err(error) = work {
            self.fault.set(error);
        }
    }

    /// Tells the parent about progress and counters until `stopped` is hung up on.
    ///
    /// # Errors
    /// When the parent is gone.
    pub fn report(&self, stopped: &Receiver<()>) -> Result<()> {
        let (mut told, mut words) = (0, 0);
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(WORD_EVERY) {
            let taken = self.counts.taken();
            if taken != told {
                told = taken;
                self.link.progress(taken, 0)?;
            }
            words += 1;
            if words == WORDS_PER_STATS {
                words = 0;
                self.tell_stats()?;
            }
        }
        Ok(())
    }

    /// Sends the counters.
    ///
    /// # Errors
    /// When the parent is gone.
    pub fn tell_stats(&self) -> Result<()> {
        Ok(self.link.send(&FromChild::LiveStats(self.counts.stats()))?)
    }
}

/// Counters, each counted up by one thread and read by another.
#[derive(Debug, Default)]
pub struct Counts {
    /// As [`LiveStats::video_taken`].
    pub video_taken: Count,
    /// As [`LiveStats::pictures`].
    pub pictures: Count,
    /// As [`LiveStats::pictures_lost`].
    pub pictures_lost: Count,
    /// As [`LiveStats::pictures_damaged`].
    pub pictures_damaged: Count,
    /// As [`LiveStats::audio_taken`].
    pub audio_taken: Count,
    /// As [`LiveStats::silence_samples`].
    pub silence: Count,
    lateness_us: AtomicU64,
    tracks: Vec<(u8, Count, Count)>,
}

/// One counter.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Counts `more`.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counts {
    fn new(spec: &LiveSpec) -> Self {
        let rungs = spec.video.iter().flat_map(|video| video.rungs.iter().map(|rung| rung.track));
        let tracks = rungs.chain(spec.audio.iter().map(|audio| audio.track));
        Self {
            tracks: tracks.map(|track| (track, Count::default(), Count::default())).collect(),
            ..Self::default()
        }
    }

    /// Units that were given to decoders.
    fn taken(&self) -> u64 {
        self.video_taken.get() + self.audio_taken.get()
    }

    /// A unit of `bytes` bytes was sent.
    pub fn sent(&self, track: u8, bytes: usize) {
        if let Some((_, units, all)) = self.tracks.iter().find(|(of, _, _)| *of == track) {
            units.add(1);
            all.add(bytes as u64);
        }
    }

    /// A picture left the last encoder so long after its unit was taken.
    pub fn late(&self, by: gst::ClockTime) {
        self.lateness_us.fetch_max(by.useconds(), Ordering::Relaxed);
    }

    fn stats(&self) -> LiveStats {
        let count = |(track, units, bytes): &(u8, Count, Count)| TrackCount {
            track: *track,
            units: units.get(),
            bytes: bytes.get(),
        };
        LiveStats {
            video_taken: self.video_taken.get(),
            pictures: self.pictures.get(),
            pictures_lost: self.pictures_lost.get(),
            pictures_damaged: self.pictures_damaged.get(),
            audio_taken: self.audio_taken.get(),
            silence_samples: self.silence.get(),
            lateness_us: self.lateness_us.swap(0, Ordering::Relaxed),
            encoded: self.tracks.iter().map(count).collect(),
        }
    }
}

/// What a thread that panicked leaves behind.
///
/// # Errors
/// Always.
pub fn panicked<E>(_: E) -> Result<()> {
    Err(GraphError::internal("a thread of the live graph panicked"))
}
