//! The harness of the black-box scenarios: real servers as child processes on free ports, driven from outside.
//!
//! Every process and folder a test makes ends with the value that holds it.

mod client;
mod disk;
mod encoder;
mod films;
pub mod hls;
pub mod live;
mod outcome;
mod proxy;
mod random;
mod server;
mod stack;
mod upload;
mod viewer;

pub use client::{Answer, Client};
pub use disk::Disk;
pub use encoder::{Encoder, Pictures, Publishing, Sound};
pub use films::{clip, fixtures};
pub use outcome::Outcome;
pub use proxy::{Line, StoreFault, StoreProxy};
pub use random::SplitMix;
pub use server::{Server, ServerOptions, binary, children_of};

pub use upload::Upload;
pub use viewer::{Viewing, watch};

use std::{env, str::FromStr, time::Duration};

use sha2::{Digest, Sha256};

/// The longest any scenario waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// What an environment variable asks a scenario for, or else what is usual.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "how long to run, and what on, is said from outside")]
pub fn asked<T: FromStr>(variable: &str, usual: T) -> T {
    env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// SHA-256, in lower-case hexadecimal.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Asks `question` until it answers, within [`PATIENCE`].
///
/// # Panics
/// When the answer does not come in time; `what` says for what was waited.
pub async fn eventually<T>(what: &str, mut question: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(answer) = question().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer,
        Err(_) => panic!("waited too long for {what}"),
    }
}
