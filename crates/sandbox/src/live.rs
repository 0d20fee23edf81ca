//! A child that encodes a live stream: fed as the stream comes, never waited for.

use std::time::Duration;

use bytes::Bytes;
use pipeline_wire::{DoorReport, FromChild, GraphSpec, LiveEvent, LiveSpec, LiveStats, Medium, Unit};
use tokio::time::Instant;

use crate::supply::Supply;
use crate::units::{Dropped, Units};
use crate::{Running, Sandbox, SandboxError};

/// How a live child is fed and watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveOptions {
    /// Pictures that may wait for a slow child.
    pub pictures_max: usize,
    /// Units of sound that may wait for it.
    pub sounds_max: usize,
    /// Bytes of both that may.
    pub bytes_max: usize,
    /// How long a child may take from its first unit to its first sign of work.
    pub start: Duration,
    /// How long it may show none later, while units flow in.
    pub stall: Duration,
}

impl Default for LiveOptions {
    /// Two seconds at 60 pictures a second and at most 16 MiB, which is two seconds at 64 Mbit/s; five seconds of
    /// sound; a child that hangs is gone within two seconds.
    fn default() -> Self {
        Self {
            pictures_max: 120,
            sounds_max: 240,
            bytes_max: 16 << 20,
            start: Duration::from_secs(10),
            stall: Duration::from_millis(1500),
        }
    }
}

/// What a live child says.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveOutput {
    /// The codec configuration of a track: before its first unit, and again where it changes.
    Config {
        /// The rung's or audio track's index.
        track: u8,
        /// `avcC` or AudioSpecificConfig.
        bytes: Bytes,
    },
    /// The next encoded access unit of a track, in decoding order.
    Unit {
        /// The rung's or audio track's index.
        track: u8,
        /// The access unit.
        unit: Unit,
    },
    /// Counters, once a second.
    Stats(LiveStats),
    /// Something it noticed.
    Event(LiveEvent),
}

/// A live child at work. Dropping it kills the process.
///
/// To be driven by one task: it takes turns between what arrives, which it hands to [`Live::push`], and
/// [`Live::next`], which may be dropped at any time.
#[derive(Debug)]
pub struct Live(Running);

impl Sandbox {
    /// Starts a child on a live stream.
    ///
    /// # Errors
    /// As [`Sandbox::start`].
    pub async fn start_live(&self, spec: &LiveSpec, options: LiveOptions) -> Result<Live, SandboxError> {
        let supply = Supply::Units(Units::new(options));
        self.start_with(&GraphSpec::Live(spec.clone()), supply).await.map(Live)
    }
}

impl Live {
    /// The child's process id while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.0.id()
    }

    /// What holds the child in; known once it has closed its door.
    #[must_use]
    pub fn door(&self) -> Option<&DoorReport> {
        self.0.door()
    }

    /// Queues the next access unit, in decoding order within its medium; it is sent by [`Live::next`]. False when it,
    /// or older ones to make room for it, were dropped: [`Live::dropped`] counts them. Pictures before the first key
    /// picture are.
    pub fn push(&mut self, medium: Medium, unit: Unit) -> bool {
        let now = Instant::now();
        self.units().is_some_and(|units| units.push(medium, unit, now))
    }

    /// Says that later units of `medium` follow `config`: `avcC`, `hvcC` or AudioSpecificConfig. The next picture must
    /// be a key picture.
    pub fn reconfigure(&mut self, medium: Medium, config: Bytes) {
        if let Some(units) = self.units() {
            units.reconfigure(medium, config);
        }
    }

    /// Says that the stream is over; [`Live::next`] yields what is still to come, then `None`.
    pub fn end_input(&mut self) {
        let now = Instant::now();
        if let Some(units) = self.units() {
            units.end(now);
        }
    }

    /// Units that wait for the child.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue().map_or(0, Units::waiting)
    }

    /// What was dropped so far because the child was too slow, or of no use to it.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.queue().map_or_else(Dropped::default, Units::dropped)
    }

    /// Feeds the child and waits for its next result; `None` after a good end, when the process is gone too.
    /// Cancel-safe: a dropped call loses nothing.
    ///
    /// # Errors
    /// How the child ended instead: it crashed, was killed, said no, or showed no sign of work for
    /// [`LiveOptions::stall`] while units flowed ([`SandboxError::Stalled`]). It is dead by then; further calls return
    /// `None`.
    pub async fn next(&mut self) -> Result<Option<LiveOutput>, SandboxError> {
        while let Some(frame) = self.0.next().await? {
            return Ok(Some(match frame {
                FromChild::Config { track, bytes } => LiveOutput::Config { track, bytes },
                FromChild::Unit { track, unit } => LiveOutput::Unit { track, unit },
                FromChild::LiveStats(stats) => LiveOutput::Stats(stats),
                FromChild::LiveEvent(event) => LiveOutput::Event(event),
                _ => continue,
            }));
        }
        Ok(None)
    }

    fn units(&mut self) -> Option<&mut Units> {
        match self.0.supply_mut() {
            Supply::Units(units) => Some(units),
            Supply::Reads(_) => None,
        }
    }

    fn queue(&self) -> Option<&Units> {
        match self.0.supply() {
            Supply::Units(units) => Some(units),
            Supply::Reads(_) => None,
        }
    }
}
