//! What a child lives on: answers to its reads, or a stream's access units.

use pipeline_wire::{FromChild, ToChild};
use tokio::time::Instant;

use crate::SourceError;
use crate::feeder::Feeder;
use crate::units::Units;

/// Where the next message to a child comes from.
pub(crate) enum Supply {
    /// It reads a source.
    Reads(Feeder),
    /// It is fed with a live stream.
    Units(Units),
}

impl Supply {
    /// Notes the child's read.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(crate) fn request(&mut self, offset: u64, len: u32) -> Result<(), &'static str> {
        match self {
            Self::Reads(feeder) => feeder.request(offset, len),
            Self::Units(_) => Err("a read by a graph without a source"),
        }
    }

    /// Whether the child waits for an answer.
    pub(crate) fn owes(&self) -> bool {
        match self {
            Self::Reads(feeder) => feeder.owes(),
            Self::Units(_) => false,
        }
    }

    /// The child said something that is no read.
    pub(crate) fn heard(&mut self, frame: &FromChild) {
        if let Self::Units(units) = self
            && !matches!(frame, FromChild::LiveStats(_))
        {
            units.progress(!matches!(frame, FromChild::Ready(_)), Instant::now());
        }
    }

    /// Waits for the next message to the child. Cancel-safe: all state is in `self`. Units can only be added between
    /// calls, so a call that finds none never ends.
    pub(crate) async fn answer(&mut self) -> ToChild {
        match self {
            Self::Reads(feeder) => feeder.answer().await,
            Self::Units(units) => match units.next() {
                Some(message) => message,
                None => std::future::pending().await,
            },
        }
    }

    /// Why the child did not get what it asked for, if that happened.
    pub(crate) fn take_fault(&mut self) -> Option<SourceError> {
        match self {
            Self::Reads(feeder) => feeder.take_fault(),
            Self::Units(_) => None,
        }
    }
}
