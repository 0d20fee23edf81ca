//! Bringing an object from the upstream, once for everyone who waits for it. A fill is a task of its own: no
//! client's leaving ends it, and no client's slowness holds it up.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use base::Ambient;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use httpkit::{RequestId, is_idle_timeout};
use lifecycle::Tasks;
use metrics::Counter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::warn;

use super::{
    flow::{Settled, Turn},
    freshness::{Policy, Times},
    head::Head,
    key::{Access, Key},
    store::Stored,
    table::Ticket,
};
use crate::{error::FillError, upstream::Upstream};

/// Objects up to this size are joined into one piece once they are whole.
const COMPACT_BYTES_MAX: usize = 4 << 20;
/// What was held for a crowd is given out once it is whole up to this size, so that each of them is woken once.
const AT_ONCE_BYTES_MAX: u64 = 256 << 10;
/// Memory set aside at a time for an answer of unknown length.
const PROMISE_BYTES: u64 = 256 << 10;

struct Meters {
    requests: Counter,
    bytes: Counter,
    retries: Counter,
    stored: Counter,
    shared: Counter,
    revalidated: Counter,
    stale_on_error: Counter,
    passed: Counter,
    failed: Counter,
}

impl Meters {
    fn register(kind: &'static str) -> Self {
        let fills = |result: &'static str| metrics::counter!("nexus_edge_fills_total", "kind" => kind, "result" => result);
        Self {
            requests: metrics::counter!("nexus_edge_upstream_requests_total", "kind" => kind),
            bytes: metrics::counter!("nexus_edge_upstream_bytes_total", "kind" => kind),
            retries: metrics::counter!("nexus_edge_upstream_retries_total", "kind" => kind),
            stored: fills("stored"),
            shared: fills("shared"),
            revalidated: fills("revalidated"),
            stale_on_error: fills("stale-on-error"),
            passed: fills("passed"),
            failed: fills("failed"),
        }
    }
}

/// The bounds of fills.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FillLimits {
    /// Bytes of the largest object that is cached.
    pub object_bytes_max: u64,
    /// Requests to the upstream at once.
    pub requests_max: usize,
    /// To wait for a turn, for headers, and between pieces of a body.
    pub timeout: Duration,
    /// The upstream may hold a request until there is something to say, a time in which the answer does not age:
    /// it is as old as its Date says.
    pub held: bool,
}

/// What fills of all kinds share.
#[derive(Clone)]
pub(crate) struct Means {
    pub upstream: Upstream,
    pub credential: Option<HeaderValue>,
    pub ambient: Ambient,
    pub tasks: Tasks,
}

/// Makes requests to the upstream.
pub(crate) struct Filler {
    means: Means,
    slots: Arc<Semaphore>,
    limits: FillLimits,
    meters: Meters,
}

/// An answer of the upstream, holding its place among the requests at once until its body is done.
struct Fetched {
    response: Response<Body>,
    slot: OwnedSemaphorePermit,
    times: Times,
}

/// A body that gives its place back at its end.
struct Held {
    body: Body,
    _slot: OwnedSemaphorePermit,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Fetched {
    fn passed(self) -> Response<Body> {
        let slot = self.slot;
        self.response.map(|body| Body::new(Held { body, _slot: slot }))
    }

    /// The length announced, where it is.
    fn length(&self) -> Option<u64> {
        let announced = self.response.headers().get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|value| value.to_str().ok()?.parse().ok());
        announced.or_else(|| http_body::Body::size_hint(self.response.body()).exact())
    }
}

fn body_error(error: &axum::Error, limit: Duration) -> FillError {
    if is_idle_timeout(error) { FillError::TimedOut(limit) } else { FillError::Broken(error.to_string()) }
}

impl Filler {
    /// Brings media of a kind, by which its metrics are known.
    pub(crate) fn new(kind: &'static str, means: Means, limits: FillLimits) -> Self {
        let slots = Arc::new(Semaphore::new(limits.requests_max));
        Self { means, slots, limits, meters: Meters::register(kind) }
    }

    /// Starts the fill of a ticket.
    pub(crate) fn start(self: &Arc<Self>, ticket: Ticket, id: Option<RequestId>) {
        let filler = Arc::clone(self);
        self.means.tasks.spawn("edge-fill", async move {
            let hard = filler.means.tasks.hard();
            tokio::select! {
                () = filler.fill(ticket, id.as_ref()) => {}
                () = hard.cancelled() => {}
            }
        });
    }

    /// An answer for one requester, past the cache.
    pub(crate) async fn pass(&self, key: &Key, id: Option<&RequestId>) -> Result<Response<Body>, FillError> {
        self.fetch(key, None, id).await.map(Fetched::passed)
    }

    /// What the upstream is told: nothing of the client's request but its id, so that no header outside the
    /// key can shape what is stored. The credential goes along only where a token was verified.
    fn request_headers(&self, key: &Key, stale: Option<&Head>, id: Option<&RequestId>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(key.coding.as_str()));
        headers.insert(header::VIA, HeaderValue::from_static("1.1 nexus-edge"));
        headers.extend(id.map(|id| (httpkit::X_REQUEST_ID, id.to_header())));
        if key.access == Access::Verified {
            headers.extend(self.means.credential.clone().map(|value| (httpkit::EDGE_CREDENTIAL, value)));
        }
        if let Some(stale) = stale {
            stale.ask_if_current(&mut headers);
        }
        headers
    }

    async fn slot(&self) -> Result<OwnedSemaphorePermit, FillError> {
        let slot = Arc::clone(&self.slots).acquire_owned();
        match tokio::time::timeout(self.limits.timeout, slot).await {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) | Err(_) => Err(FillError::Busy),
        }
    }

    /// One request, once more if the connection broke before there was an answer: an idle connection may end
    /// in the moment it is taken from the pool, and a GET may be repeated (RFC 9110 §9.2.2).
    async fn fetch(
        &self,
        key: &Key,
        stale: Option<&Head>,
        id: Option<&RequestId>,
    ) -> Result<Fetched, FillError> {
        let slot = self.slot().await?;
        let requested = self.means.ambient.now();
        let response = match self.send(key, stale, id).await {
            Err(FillError::Broken(_)) => {
                self.meters.retries.increment(1);
                self.send(key, stale, id).await
            }
            sent => sent,
        }?;
        let received = self.means.ambient.now();
        let times = Times { requested: if self.limits.held { received } else { requested }, received };
        Ok(Fetched { response, slot, times })
    }

    async fn send(
        &self,
        key: &Key,
        stale: Option<&Head>,
        id: Option<&RequestId>,
    ) -> Result<Response<Body>, FillError> {
        self.meters.requests.increment(1);
        let headers = self.request_headers(key, stale, id);
        self.means.upstream.get(&key.target(), headers, self.limits.timeout).await
    }

    async fn fill(&self, ticket: Ticket, id: Option<&RequestId>) {
        let stale = ticket.replaces().map(|stored| Arc::clone(&stored.head));
        match self.fetch(ticket.key(), stale.as_deref(), id).await {
            Err(error) => self.fail(ticket, error),
            Ok(fetched) if fetched.response.status() == StatusCode::NOT_MODIFIED => {
                self.confirm(ticket, fetched, id).await;
            }
            Ok(fetched) => self.receive(ticket, fetched).await,
        }
    }

    /// Falls back on a stale answer where that is allowed.
    fn fail(&self, ticket: Ticket, error: FillError) {
        warn!(path = %ticket.key().path, %error, "a fill failed: {error}");
        let now = self.means.ambient.now();
        match ticket.replaces().filter(|stored| stored.policy.usable_on_error(now)).cloned() {
            Some(stored) => {
                self.meters.stale_on_error.increment(1);
                let standing_in = Stored {
                    head: Arc::clone(&stored.head),
                    policy: stored.policy.standing_in(),
                    chunks: stored.chunks.clone(),
                };
                ticket.settle(Arc::new(standing_in), Settled::StaleOnError);
            }
            None => {
                self.meters.failed.increment(1);
                ticket.fail(error);
            }
        }
    }

    /// A 304: renews what is stored, or asks again without conditions if it is about something else.
    async fn confirm(&self, ticket: Ticket, fetched: Fetched, id: Option<&RequestId>) {
        let Fetched { response, slot, times } = fetched;
        drop(slot);
        let renewed =
            ticket.replaces().and_then(|stored| renew(stored, ticket.key(), response.headers(), times));
        if let Some(stored) = renewed {
            self.meters.revalidated.increment(1);
            return ticket.settle(Arc::new(stored), Settled::Revalidated);
        }
        match self.fetch(ticket.key(), None, id).await {
            Ok(fetched) if fetched.response.status() == StatusCode::NOT_MODIFIED => {
                self.fail(ticket, FillError::Upstream("304 to a request without conditions".to_owned()));
            }
            Ok(fetched) => self.receive(ticket, fetched).await,
            Err(error) => self.fail(ticket, error),
        }
    }

    async fn receive(&self, mut ticket: Ticket, fetched: Fetched) {
        let status = fetched.response.status();
        let fallback = ticket.replaces().filter(|_| status.is_server_error());
        if fallback.is_some_and(|stored| stored.policy.usable_on_error(self.means.ambient.now())) {
            return self.fail(ticket, FillError::Upstream(format!("status {status}")));
        }
        let length = fetched.length();
        let policy = Policy::of(ticket.key().coding, status, fetched.response.headers(), fetched.times);
        let fits = length.unwrap_or(0) <= self.limits.object_bytes_max && ticket.promise(length.unwrap_or(0));
        let Some(policy) = policy.filter(|_| fits) else {
            self.meters.passed.increment(1);
            return ticket.pass(fetched.passed());
        };
        let (parts, body) = fetched.response.into_parts();
        let head = Arc::new(Head::of(parts, length, fetched.times.received));
        let keep = policy.is_worth_storing(head.can_be_validated());
        let mut turn = Some(Turn::Flowing { head: Arc::clone(&head), policy, stored: keep });
        let at_once = self.limits.held && length.is_some_and(|length| length <= AT_ONCE_BYTES_MAX);
        if let Some(turn) = turn.take_if(|_| !at_once) {
            ticket.begin(turn);
        }
        match self.pour(&mut ticket, body, length).await {
            Ok(last) => {
                let meter = if keep { &self.meters.stored } else { &self.meters.shared };
                meter.increment(1);
                let stored = keep.then(|| Arc::new(whole(&ticket, last.clone(), head, policy)));
                ticket.complete(last, stored, turn);
            }
            Err(error) => {
                warn!(path = %ticket.key().path, %error, "a fill broke off: {error}");
                self.meters.failed.increment(1);
                ticket.fail(error);
            }
        }
    }

    /// Appends the body's pieces to the flow but for the last, which readers get once the answer is stored: who
    /// has read all of an answer finds it there.
    async fn pour(
        &self,
        ticket: &mut Ticket,
        mut body: Body,
        length: Option<u64>,
    ) -> Result<Bytes, FillError> {
        let mut last = Bytes::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| body_error(&error, self.limits.timeout))?;
            let Ok(piece) = frame.into_data() else { continue };
            self.meters.bytes.increment(piece.len() as u64);
            ticket.push(std::mem::take(&mut last));
            self.make_room(ticket, piece.len() as u64, length)?;
            let got = ticket.flow().bytes() + piece.len() as u64;
            if length == Some(got) { last = piece } else { ticket.push(piece) }
        }
        let got = ticket.flow().bytes() + last.len() as u64;
        match length {
            Some(announced) if announced != got => Err(FillError::WrongLength { announced, got }),
            _ => Ok(last),
        }
    }

    /// Memory for one more piece: set aside at the beginning where the length is known, else as it comes.
    fn make_room(&self, ticket: &mut Ticket, piece: u64, length: Option<u64>) -> Result<(), FillError> {
        let needed = ticket.flow().bytes() + piece;
        if let Some(announced) = length {
            let fits = needed <= announced;
            return if fits { Ok(()) } else { Err(FillError::WrongLength { announced, got: needed }) };
        }
        let missing = needed.saturating_sub(ticket.promised_bytes());
        let fits = needed <= self.limits.object_bytes_max
            && (missing == 0 || ticket.promise(missing.max(PROMISE_BYTES)));
        if fits { Ok(()) } else { Err(FillError::Endless) }
    }
}

/// All of an answer whose last piece is not in the flow yet.
fn whole(ticket: &Ticket, last: Bytes, head: Arc<Head>, policy: Policy) -> Stored {
    let mut chunks = ticket.flow().chunks();
    chunks.push(last);
    let chunks = chunks.compact(COMPACT_BYTES_MAX);
    let length = Some(chunks.length());
    let head = if head.length == length { head } else { Arc::new(Head { length, ..(*head).clone() }) };
    Stored { head, policy, chunks }
}

/// What is stored, with the headers and the freshness a 304 gives it; `None` when the 304 is about another
/// representation or says that the answer may no longer be stored.
fn renew(stored: &Stored, key: &Key, not_modified: &HeaderMap, times: Times) -> Option<Stored> {
    if !stored.head.is_meant_by(not_modified) {
        return None;
    }
    let mut head = stored.head.updated(not_modified.clone());
    if !not_modified.contains_key(header::DATE) {
        // In place of the one before, from which Age would go on counting.
        if let Ok(now) = HeaderValue::from_str(&httpkit::date::format(times.received.seconds())) {
            head.headers.insert(header::DATE, now);
        }
    }
    let mut judged = head.headers.clone();
    judged.extend(not_modified.get(header::AGE).map(|age| (header::AGE, age.clone())));
    let policy = Policy::of(key.coding, head.status, &judged, times)?;
    Some(Stored { head: Arc::new(head), policy, chunks: stored.chunks.clone() })
}
