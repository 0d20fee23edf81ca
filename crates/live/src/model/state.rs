//! The states of a channel and the steps between them.

use base::text_enum;

text_enum! {
    /// Where a channel is, as it is published.
    State {
        /// Nobody has published to it yet.
        Idle = "idle",
        /// A publisher was let in; nothing of it can be watched yet.
        Connecting = "connecting",
        /// It is on air.
        Live = "live",
        /// Its publisher or its holder is away; the broadcast waits for them.
        Recovering = "recovering",
        /// The last broadcast is over.
        Ended = "ended",
    }
}

/// What happens to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A publisher was let in: the first of a broadcast, or again within one.
    Admitted,
    /// Its media can be watched.
    Flowing,
    /// The publisher or the holder went away without ending the broadcast.
    Lost,
    /// The broadcast is over.
    Over,
}

impl Step {
    /// What a channel does in this step: completes "a channel that is … cannot …".
    const fn words(self) -> &'static str {
        match self {
            Self::Admitted => "take a publisher",
            Self::Flowing => "go on air",
            Self::Lost => "lose its publisher",
            Self::Over => "end its broadcast",
        }
    }
}

/// A step that the state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a channel that is {state} cannot {step}")]
pub struct IllegalStep {
    /// The state.
    pub state: State,
    /// The step, in words.
    pub step: &'static str,
}

impl State {
    /// Takes a step. A channel that is live takes no other publisher before it has lost the one it has; one that
    /// recovers stays so until media flow again.
    ///
    /// # Errors
    /// [`IllegalStep`] when the state does not allow it.
    pub const fn after(self, step: Step) -> Result<Self, IllegalStep> {
        match (self, step) {
            (Self::Idle | Self::Ended | Self::Connecting, Step::Admitted)
            | (Self::Connecting, Step::Lost) => Ok(Self::Connecting),
            (Self::Connecting | Self::Recovering, Step::Flowing) => Ok(Self::Live),
            (Self::Live | Self::Recovering, Step::Lost) | (Self::Recovering, Step::Admitted) => {
                Ok(Self::Recovering)
            }
            (Self::Connecting | Self::Live | Self::Recovering, Step::Over) => Ok(Self::Ended),
            (state, step) => Err(IllegalStep { state, step: step.words() }),
        }
    }

    /// Whether a broadcast is open.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Connecting | Self::Live | Self::Recovering)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATES: [State; 5] = [State::Idle, State::Connecting, State::Live, State::Recovering, State::Ended];
    const STEPS: [Step; 4] = [Step::Admitted, Step::Flowing, Step::Lost, Step::Over];

    /// The drawing of docs: which state may follow which.
    fn may_follow(from: State, to: State) -> bool {
        use State as S;
        match from {
            S::Idle | S::Ended => matches!(to, S::Connecting),
            S::Connecting => matches!(to, S::Connecting | S::Live | S::Ended),
            S::Live => matches!(to, S::Recovering | S::Ended),
            S::Recovering => matches!(to, S::Recovering | S::Live | S::Ended),
        }
    }

    proptest! {
        #[test]
        fn every_walk_keeps_to_the_drawing(walk in proptest::collection::vec(0usize..4, 0..60)) {
            let mut state = State::Idle;
            for step in walk.into_iter().map(|step| STEPS[step]) {
                match state.after(step) {
                    Ok(next) => {
                        prop_assert!(may_follow(state, next), "{state} to {next}");
                        prop_assert!(next != State::Idle, "nothing leads back to a channel nobody has used");
                        state = next;
                    }
                    Err(illegal) => prop_assert_eq!(illegal.state, state),
                }
            }
        }
    }

    #[test]
    fn the_way_of_a_broadcast_with_a_reconnection() {
        let steps = [
            (Step::Admitted, State::Connecting),
            (Step::Flowing, State::Live),
            (Step::Lost, State::Recovering),
            (Step::Admitted, State::Recovering),
            (Step::Flowing, State::Live),
            (Step::Over, State::Ended),
            (Step::Admitted, State::Connecting),
        ];
        let mut state = State::Idle;
        for (step, expected) in steps {
            state = state.after(step).expect("a legal step");
            assert_eq!(state, expected, "{step:?}");
        }
    }

    #[test]
    fn what_is_open_can_end_and_nothing_else_can() {
        for state in STATES {
            assert_eq!(state.after(Step::Over).is_ok(), state.is_open(), "{state}");
            assert_eq!(state.as_str().parse::<State>(), Ok(state));
        }
    }

    #[test]
    fn an_illegal_step_says_so() {
        let error = State::Live.after(Step::Admitted).expect_err("somebody publishes");
        assert_eq!(error.to_string(), "a channel that is live cannot take a publisher");
    }
}
