//! What clients see: viewers of a film that is ready, at the edge and at the origin, and a creator at the API.

use std::{collections::BTreeMap, fmt, time::Duration};

use axum::body::Body;
use http::Method;
use tests::{Client, Outcome, PATIENCE, digest};
use tokio::time::{Instant, sleep, timeout};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Answers by what they are.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    right: u32,
    /// Statuses that refuse.
    refused: BTreeMap<u16, u32>,
    /// No answer, or one that broke off.
    broken: u32,
    /// A whole answer with other bytes than there should be.
    pub wrong: u32,
}

/// Looks of one kind each: at the edge, at the origin, at the API.
pub type Seen = [Looks; 3];

pub struct Looker {
    viewers: [Client; 2],
    owner: Client,
    /// Addresses, and the digests of what is there.
    media: Vec<(String, String)>,
}

impl Looker {
    pub fn new(viewers: &[Client; 2], owner: &Client, asset: &str, whole: &Outcome) -> Self {
        let media = whole.media().iter().map(|(name, sum)| (format!("/media/{asset}/{name}"), sum.clone()));
        Self { viewers: viewers.clone(), owner: owner.clone(), media: media.collect() }
    }

    pub fn viewer(&self) -> &Client {
        &self.viewers[0]
    }

    async fn look(&self, turn: usize, seen: &mut Seen) {
        let (path, sum) = &self.media[turn % self.media.len()];
        let [edge, origin, api] = seen;
        let [at_edge, at_origin] = &self.viewers;
        let whole = |body: &[u8]| digest(body) == *sum;
        let json = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).is_ok();
        tokio::join!(
            edge.add(at_edge, path, whole),
            origin.add(at_origin, path, whole),
            api.add(&self.owner, "/api/v1/assets", json)
        );
    }

    pub async fn look_for(&self, length: Duration) -> Seen {
        let (until, mut seen, mut turn) = (Instant::now() + length, Seen::default(), 0);
        while Instant::now() < until {
            self.look(turn, &mut seen).await;
            turn += 1;
            sleep(PAUSE).await;
        }
        seen
    }

    /// Looks until each file and the API are right in a row; when that began.
    ///
    /// # Panics
    /// When it does not come to that.
    pub async fn all_is_right(&self) -> Instant {
        let begins = async {
            loop {
                let (began, mut seen) = (Instant::now(), Seen::default());
                for turn in 0..self.media.len() {
                    self.look(turn, &mut seen).await;
                }
                if seen.iter().all(|looks| looks.right as usize == self.media.len()) {
                    return began;
                }
                sleep(PAUSE).await;
            }
        };
        timeout(PATIENCE, begins).await.expect("everything is right again")
    }
}

impl Looks {
    async fn add(&mut self, client: &Client, path: &str, is_right: impl Fn(&[u8]) -> bool) {
        match client.try_send(Method::GET, path, &[], Body::empty()).await {
            Err(_) => self.broken += 1,
            Ok(answer) if answer.status != 200 => {
                *self.refused.entry(answer.status.as_u16()).or_default() += 1;
            }
            Ok(answer) if is_right(&answer.body) => self.right += 1,
            Ok(_) => self.wrong += 1,
        }
    }
}

impl fmt::Display for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} right", self.right)?;
        for (status, count) in &self.refused {
            write!(f, ", {count} × {status}")?;
        }
        if self.broken > 0 {
            write!(f, ", {} broken off", self.broken)?;
        }
        if self.wrong > 0 {
            write!(f, ", {} WRONG", self.wrong)?;
        }
        Ok(())
    }
}
