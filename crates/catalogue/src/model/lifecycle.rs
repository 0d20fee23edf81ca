//! The states of an asset and the steps between them.

use base::text_enum;

text_enum! {
    /// Where an asset is on its way from a file to a film.
    State {
        /// Its bytes are arriving.
        Uploading = "uploading",
        /// Its bytes are complete; a worker will look at them.
        Queued = "queued",
        /// A worker finds out what they are.
        Probing = "probing",
        /// Its tracks are being made. It may play already ([`Lifecycle::playing`]).
        Transcoding = "transcoding",
        /// Everything is made and checked.
        Ready = "ready",
        /// Nothing more will be made of it unless it is asked for again.
        Failed = "failed",
        /// It exists only until its objects are gone.
        Deleted = "deleted",
    }
}

/// What happens to an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The last byte is durable.
    SourceComplete,
    /// A worker starts to probe, again after an earlier attempt was lost.
    ProbeStarted,
    /// It is decided what will be made.
    Planned,
    /// Every track has its beginning.
    Playable,
    /// Everything is made and has passed the gate.
    Published,
    /// It cannot be made, for this reason.
    Failed(String),
    /// It is to be made again, as a new version.
    Requeued,
    /// Its owner does not want it any more.
    Deleted,
}

impl Step {
    /// What an asset does in this step: completes "an asset that is … cannot …".
    const fn words(&self) -> &'static str {
        match self {
            Self::SourceComplete => "complete its upload",
            Self::ProbeStarted => "be probed",
            Self::Planned => "be planned",
            Self::Playable => "become playable",
            Self::Published => "be published",
            Self::Failed(_) => "fail",
            Self::Requeued => "be made again",
            Self::Deleted => "be deleted",
        }
    }
}

/// A step that the state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an asset that is {state} cannot {step}")]
pub struct IllegalStep {
    /// The state.
    pub state: State,
    /// The step, in words.
    pub step: &'static str,
}

/// What changes as an asset is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    /// Where it is.
    pub state: State,
    /// Why it failed, in words a creator understands; only while it is failed.
    pub reason: Option<String>,
    /// The version that is being made, or was made last; from 1.
    pub version: u32,
    /// The version viewers get; `None` while nothing can be played.
    pub playing: Option<u32>,
}

impl Lifecycle {
    /// An asset whose upload begins.
    #[must_use]
    pub const fn begin() -> Self {
        Self { state: State::Uploading, reason: None, version: 1, playing: None }
    }

    /// The recording of a broadcast that is over: everything is made and can be watched, and the gate comes next.
    #[must_use]
    pub const fn recorded() -> Self {
        Self { state: State::Transcoding, reason: None, version: 1, playing: Some(1) }
    }

    /// Takes a step. A version is published, fails or is deleted once; only [`Step::Requeued`] leads on from
    /// there, to a new version, while the old one goes on playing.
    ///
    /// # Errors
    /// [`IllegalStep`] when the state does not allow it.
    pub fn after(&self, step: Step) -> Result<Self, IllegalStep> {
        use State as S;
        let to = |state| Self { state, reason: None, ..self.clone() };
        match (self.state, step) {
            (S::Uploading, Step::SourceComplete) => Ok(to(S::Queued)),
            (S::Queued | S::Probing, Step::ProbeStarted) => Ok(to(S::Probing)),
            (S::Probing, Step::Planned) => Ok(to(S::Transcoding)),
            (S::Transcoding, Step::Playable) => {
                Ok(Self { playing: self.playing.or(Some(self.version)), ..self.clone() })
            }
            (S::Transcoding, Step::Published) => Ok(Self { playing: Some(self.version), ..to(S::Ready) }),
            (S::Uploading | S::Queued | S::Probing | S::Transcoding, Step::Failed(reason)) => Ok(Self {
                reason: Some(reason),
                playing: self.playing.filter(|playing| *playing != self.version),
                ..to(S::Failed)
            }),
            (S::Ready | S::Failed, Step::Requeued) => {
                Ok(Self { version: self.version.saturating_add(1), ..to(S::Queued) })
            }
            (
                S::Uploading | S::Queued | S::Probing | S::Transcoding | S::Ready | S::Failed,
                Step::Deleted,
            ) => Ok(Self { playing: None, ..to(S::Deleted) }),
            (state, step) => Err(IllegalStep { state, step: step.words() }),
        }
    }

    /// Whether nothing more becomes of this version.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        matches!(self.state, State::Ready | State::Failed | State::Deleted)
    }

    /// Whether workers may be busy with this version.
    #[must_use]
    pub const fn is_in_work(&self) -> bool {
        matches!(self.state, State::Queued | State::Probing | State::Transcoding)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn steps() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::SourceComplete),
            Just(Step::ProbeStarted),
            Just(Step::Planned),
            Just(Step::Playable),
            Just(Step::Published),
            Just(Step::Failed("broken".to_owned())),
            Just(Step::Requeued),
            Just(Step::Deleted),
        ]
    }

    /// The drawing of docs: which state may follow which.
    fn may_follow(from: State, to: State) -> bool {
        use State as S;
        match from {
            S::Uploading => matches!(to, S::Queued | S::Failed | S::Deleted),
            S::Queued => matches!(to, S::Probing | S::Failed | S::Deleted),
            S::Probing => matches!(to, S::Probing | S::Transcoding | S::Failed | S::Deleted),
            S::Transcoding => matches!(to, S::Transcoding | S::Ready | S::Failed | S::Deleted),
            S::Ready | S::Failed => matches!(to, S::Queued | S::Deleted),
            S::Deleted => false,
        }
    }

    fn check_invariants(life: &Lifecycle) -> Result<(), TestCaseError> {
        prop_assert_eq!(life.reason.is_some(), life.state == State::Failed);
        prop_assert!(life.playing.is_none_or(|playing| (1..=life.version).contains(&playing)));
        if life.state == State::Ready {
            prop_assert_eq!(life.playing, Some(life.version));
        }
        if matches!(life.state, State::Failed | State::Queued | State::Probing) {
            prop_assert_ne!(life.playing, Some(life.version));
        }
        if matches!(life.state, State::Deleted | State::Uploading) {
            prop_assert_eq!(life.playing, None);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn every_walk_keeps_to_the_drawing(walk in proptest::collection::vec(steps(), 0..40)) {
            let mut life = Lifecycle::begin();
            for step in walk {
                let requeued = step == Step::Requeued;
                match life.after(step) {
                    Ok(next) => {
                        prop_assert!(may_follow(life.state, next.state), "{life:?} to {next:?}");
                        prop_assert_eq!(next.version, life.version + u32::from(requeued));
                        check_invariants(&next)?;
                        life = next;
                    }
                    Err(illegal) => prop_assert_eq!(illegal.state, life.state),
                }
            }
        }

        #[test]
        fn what_is_final_stays(step in steps(), end in prop_oneof![Just(State::Ready), Just(State::Failed)]) {
            let life = Lifecycle { state: end, reason: None, version: 3, playing: Some(2) };
            let allowed = matches!(step, Step::Requeued | Step::Deleted);
            prop_assert_eq!(life.after(step).is_ok(), allowed);
        }

        #[test]
        fn nothing_brings_back_what_is_deleted(step in steps()) {
            let life = Lifecycle { state: State::Deleted, ..Lifecycle::begin() };
            prop_assert!(life.after(step).is_err());
        }
    }

    fn walk(steps: impl IntoIterator<Item = Step>) -> Lifecycle {
        steps.into_iter().fold(Lifecycle::begin(), |life, step| life.after(step).expect("a legal step"))
    }

    #[test]
    fn the_way_to_ready() {
        let life = walk([
            Step::SourceComplete,
            Step::ProbeStarted,
            Step::ProbeStarted,
            Step::Planned,
            Step::Playable,
            Step::Published,
        ]);
        assert_eq!(life, Lifecycle { state: State::Ready, reason: None, version: 1, playing: Some(1) });
    }

    #[test]
    fn an_old_version_plays_until_the_new_one_is_published() {
        let begun = walk([Step::SourceComplete, Step::ProbeStarted, Step::Planned, Step::Published]);
        let again = [Step::Requeued, Step::ProbeStarted, Step::Planned, Step::Playable];
        let again = again.into_iter().fold(begun, |life, step| life.after(step).expect("a legal step"));
        assert_eq!((again.version, again.playing), (2, Some(1)));
        assert_eq!(again.after(Step::Failed("x".to_owned())).expect("legal").playing, Some(1));
        assert_eq!(again.after(Step::Published).expect("legal").playing, Some(2));
    }

    #[test]
    fn a_failure_stops_what_was_playing_early() {
        let life = walk([Step::SourceComplete, Step::ProbeStarted, Step::Planned, Step::Playable]);
        assert_eq!(life.playing, Some(1));
        assert_eq!(life.after(Step::Failed("x".to_owned())).expect("legal").playing, None);
    }

    #[test]
    fn an_illegal_step_says_so() {
        let error = Lifecycle::begin().after(Step::Published).expect_err("nothing to publish");
        assert_eq!(error.to_string(), "an asset that is uploading cannot be published");
    }
}
