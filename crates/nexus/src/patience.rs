//! How long a command goes on asking a server that does not answer or cannot do its work.

use std::{error::Error, fmt, time::Duration};

use anyhow::{Result, anyhow};
use http::StatusCode;
use httpkit::client::ClientError;

/// Fruitless requests in a row before the command gives up: with the pauses between them, after five minutes.
pub const TRIES_MAX: u32 = 20;
/// Longest pause between tries.
const PAUSE_MAX: Duration = Duration::from_secs(20);

/// A server that answered that it cannot do its work now.
#[derive(Debug)]
struct Away(String);

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Away {}

/// A refusal in `words`; one of the server's own making is worth another try.
pub fn refused(status: StatusCode, words: String) -> anyhow::Error {
    if status.is_server_error() { Away(words).into() } else { anyhow!(words) }
}

pub fn pause(tries: u32) -> Duration {
    PAUSE_MAX.min(Duration::from_millis(250 << tries.min(10)))
}

/// Whether the server is away: it said so, or there was no answer.
fn is_away(error: &anyhow::Error) -> bool {
    error.is::<Away>() || error.is::<ClientError>()
}

/// An Idempotency-Key for what is asked for now, and perhaps again.
pub fn idempotency_key() -> String {
    format!("{:032x}", u128::from_be_bytes(lifecycle::system().bytes()))
}

/// Asks again, with pauses, while the server is away. What must not be done twice carries an [`idempotency_key`].
pub async fn at_last<T, F: Future<Output = Result<T>>>(ask: impl Fn() -> F) -> Result<T> {
    for tries in 1..TRIES_MAX {
        match ask().await {
            Err(error) if is_away(&error) => tokio::time::sleep(pause(tries)).await,
            answered => return answered,
        }
    }
    ask().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_is_away_is_asked_again() {
        assert!(is_away(&refused(StatusCode::SERVICE_UNAVAILABLE, "away".into())));
        assert!(is_away(&ClientError::Broken("reset".into()).into()));
        assert!(!is_away(&refused(StatusCode::FORBIDDEN, "no".into())));
    }

    #[test]
    fn pauses_grow_to_their_limit() {
        assert_eq!(pause(1), Duration::from_millis(500));
        assert_eq!(pause(99), PAUSE_MAX);
    }

    #[test]
    fn it_goes_on_for_longer_than_a_server_takes_to_come_back() {
        let whole: Duration = (1..TRIES_MAX).map(pause).sum();
        assert!((240..=600).contains(&whole.as_secs()), "{whole:?}");
    }
}
