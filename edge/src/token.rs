//! Playback tokens: verified with public keys alone, verdicts kept, keys refreshed from the upstream.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use axum::body::Body;
use base::Timestamp;
use http::{HeaderMap, Response, StatusCode, header};
use httpkit::{Problem, client::collect};
use lifecycle::Tasks;
use playback_token::{Claims, Jwks, TokenError, Verifier, jwks::BYTES_MAX};
use telemetry::{Health, Role, State};
use tokio::{sync::Mutex as AsyncMutex, time::Instant};
use tracing::warn;

use crate::{error::FillError, target::Target, upstream::Upstream};

/// Verdicts kept; all viewers of an asset or channel and expiry bucket share a token, so few are in use at once.
const VERDICTS_MAX: usize = 4096;
/// Shortest time between two fetches of the keys, however many unknown keys are shown.
const REFRESH_PAUSE: Duration = Duration::from_secs(5);
const JWKS_PATH: &str = "/.well-known/jwks.json";
const COMPONENT: &str = "edge-keys";

/// Where the public keys come from.
#[derive(Clone, Debug)]
pub enum Keys {
    /// Given.
    Fixed(Jwks),
    /// `/.well-known/jwks.json` of the upstream, fetched anew after this long.
    Fetched {
        /// Time between fetches.
        every: Duration,
    },
}

/// The upstream as the place of the keys.
struct Source {
    upstream: Upstream,
    timeout: Duration,
    last: AsyncMutex<Option<Instant>>,
    told: Mutex<Told>,
}

/// How the keys fare, and who wants to know.
struct Told {
    state: State,
    health: Health,
}

/// Decides which requests carry a valid token.
pub(crate) struct Gate {
    verifier: RwLock<Option<Arc<Verifier>>>,
    verdicts: Mutex<HashMap<Box<str>, Claims>>,
    source: Option<Source>,
}

fn refusal(error: &TokenError) -> Problem {
    metrics::counter!("nexus_edge_tokens_refused_total").increment(1);
    let (slug, title) = match error {
        TokenError::Expired => ("token-expired", "The playback token has expired"),
        _ => ("token-refused", "The playback token is not valid here"),
    };
    Problem::new(StatusCode::FORBIDDEN, slug, title).detail(error.to_string())
}

impl Gate {
    pub(crate) fn new(keys: &Keys, upstream: &Upstream, timeout: Duration) -> Result<Self, TokenError> {
        let (verifier, source) = match keys {
            Keys::Fixed(jwks) => (Some(Arc::new(Verifier::new(jwks)?)), None),
            Keys::Fetched { .. } => (None, Some(Source::new(upstream.clone(), timeout))),
        };
        Ok(Self { verifier: RwLock::new(verifier), verdicts: Mutex::new(HashMap::new()), source })
    }

    /// When the token in front of a path ends, which is after `now`; in seconds since 1970.
    pub(crate) async fn admit(
        &self,
        token: &str,
        target: &Target<'_>,
        now: Timestamp,
    ) -> Result<i64, Problem> {
        let judged = self.judge(token, target.subject, now);
        let judged = match (judged, &self.source) {
            (None | Some(Err(TokenError::UnknownKey)), Some(source)) => {
                self.refresh(source).await;
                self.judge(token, target.subject, now)
            }
            (judged, _) => judged,
        };
        let missing = || Problem::unavailable("the token keys are not known yet", Duration::from_secs(1));
        judged.ok_or_else(missing)?.map_err(|error| refusal(&error))
    }

    /// When the token ends; `None` while no keys are known.
    fn judge(&self, token: &str, subject: &str, now: Timestamp) -> Option<Result<i64, TokenError>> {
        let known = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned();
        if let Some(claims) = known {
            return Some(claims.check(now.seconds(), subject).map(|()| claims.expires_s));
        }
        let verifier = self.verifier.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        let verified = verifier.verify(token, now.seconds(), subject);
        Some(verified.inspect(|claims| self.remember(token, claims)).map(|claims| claims.expires_s))
    }

    fn remember(&self, token: &str, claims: &Claims) {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        if verdicts.len() >= VERDICTS_MAX {
            metrics::counter!("nexus_edge_token_verdicts_dropped_total").increment(verdicts.len() as u64);
            verdicts.clear();
        }
        verdicts.insert(token.into(), claims.clone());
    }

    /// Fetches the keys unless that was done just now; those who come meanwhile wait for the same fetch.
    async fn refresh(&self, source: &Source) {
        let mut last = source.last.lock().await;
        if last.is_some_and(|at| at.elapsed() < REFRESH_PAUSE) {
            return;
        }
        match source.fetch().await {
            Ok(verifier) => {
                source.tell(State::Ok);
                self.replace(verifier);
            }
            Err(reason) => {
                warn!(reason, "the token keys cannot be fetched: {reason}");
                metrics::counter!("nexus_edge_key_fetches_failed_total").increment(1);
                source.tell(State::Degraded(reason));
            }
        }
        *last = Some(Instant::now());
    }

    /// Verdicts of keys that are gone go with them.
    fn replace(&self, verifier: Verifier) {
        *self.verifier.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(verifier));
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Says how the keys fare, now and whenever it changes; given keys always fare well.
    pub(crate) fn report_to(&self, health: Health) {
        match &self.source {
            None => {
                health.report(COMPONENT, State::Ok);
            }
            Some(source) => source.report_to(health),
        }
    }

    /// Fetches the keys at once and then again and again, if they are to be fetched at all.
    pub(crate) fn keep_fresh(self: &Arc<Self>, keys: &Keys, tasks: &Tasks) {
        let &Keys::Fetched { every } = keys else { return };
        let (gate, soft) = (Arc::clone(self), tasks.soft());
        tasks.spawn("edge-keys", async move {
            while let Some(source) = &gate.source {
                gate.refresh(source).await;
                tokio::select! {
                    () = soft.cancelled() => return,
                    () = tokio::time::sleep(every) => {}
                }
            }
        });
    }
}

impl Source {
    fn new(upstream: Upstream, timeout: Duration) -> Self {
        let state = State::Degraded("the token keys have not been fetched yet".to_owned());
        let told = Mutex::new(Told { state, health: Health::new(Role::Edge) });
        Self { upstream, timeout, last: AsyncMutex::new(None), told }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, state: State) {
        let mut told = self.told();
        told.state = state.clone();
        told.health.report(COMPONENT, state);
    }

    fn report_to(&self, health: Health) {
        let mut told = self.told();
        health.report(COMPONENT, told.state.clone());
        told.health = health;
    }

    async fn fetch(&self) -> Result<Verifier, String> {
        let headers =
            HeaderMap::from_iter([(header::ACCEPT, http::HeaderValue::from_static("application/json"))]);
        let fetched = self.upstream.get(JWKS_PATH, headers, self.timeout).await;
        let response = fetched.map_err(|error: FillError| error.to_string())?;
        read_keys(response).await
    }
}

async fn read_keys(response: Response<Body>) -> Result<Verifier, String> {
    if response.status() != StatusCode::OK {
        return Err(format!("the upstream answers {} to {JWKS_PATH}", response.status()));
    }
    let json = collect(response.into_body(), BYTES_MAX as u64).await.map_err(|error| error.to_string())?;
    let keys = Jwks::parse(&json).map_err(|error| error.to_string())?;
    Verifier::new(&keys).map_err(|error| error.to_string())
}
