//! Which steps were struck how often.

use std::{collections::BTreeMap, fmt};

/// A step on a film's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Patch,
    Probe,
    Chunk,
    Audio,
    Images,
    Publish,
}

/// What happens to the process that is at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// `kill -9`, and started again.
    Killed,
    /// Stopped until its lease was over, and woken.
    Stopped,
}

pub const STEPS: [Step; 6] =
    [Step::Patch, Step::Probe, Step::Chunk, Step::Audio, Step::Images, Step::Publish];
/// Strikes of a round.
const STRIKES: u64 = 4;
/// Rounds in which every pair has its turn.
pub const ROUNDS_FOR_ALL: u64 = 2 * STEPS.len() as u64 / STRIKES;

impl Step {
    /// The kind of its job; none for a request.
    pub fn kind(self) -> Option<&'static str> {
        match self {
            Self::Patch => None,
            Self::Probe => Some("probe"),
            Self::Chunk => Some("chunk"),
            Self::Audio => Some("audio"),
            Self::Images => Some("images"),
            Self::Publish => Some("publish"),
        }
    }
}

/// What a round strikes: four of the twelve pairs, the next round the next four.
pub fn strikes(round: u64) -> impl Iterator<Item = (Step, How)> {
    (round * STRIKES..(round + 1) * STRIKES).map(|turn| {
        // A step's second turn is six turns later, the other way.
        let turn = usize::try_from(turn % 12).expect("below twelve");
        let how = if (turn / 6 + turn) % 2 == 0 { How::Killed } else { How::Stopped };
        (STEPS[turn % 6], how)
    })
}

/// Strikes that hit their step at work.
#[derive(Default)]
pub struct Tally(BTreeMap<(Step, How), u32>);

impl Tally {
    pub fn count(&mut self, step: Step, how: How) {
        *self.0.entry((step, how)).or_default() += 1;
    }

    fn of(&self, step: Step, how: How) -> u32 {
        self.0.get(&(step, how)).copied().unwrap_or(0)
    }

    /// # Panics
    /// When a pair was never struck.
    pub fn check(&self) {
        for step in STEPS {
            for how in [How::Killed, How::Stopped] {
                assert!(self.of(step, how) > 0, "{step:?} was never {how:?}");
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| step | killed | stopped past its lease |\n| --- | --- | --- |")?;
        for step in STEPS {
            let name = step.kind().unwrap_or("PATCH");
            writeln!(f, "| {name} | {} | {} |", self.of(step, How::Killed), self.of(step, How::Stopped))?;
        }
        Ok(())
    }
}
