//! What every request passes, once, outermost: size checks, admission, request id, client address, body
//! time-outs, a span, panic containment, metrics and the access log.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use base::Ambient;
use futures_util::FutureExt;
use http::HeaderMap;
use lifecycle::CancellationToken;
use metrics::{Counter, Gauge, Histogram};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tracing::{Instrument, error, info_span};

use crate::{
    Problem,
    access::{self, Entry, Logged, LoggedPath, RequestId, X_REQUEST_ID},
    address::{ClientAddr, TrustedProxies},
    body::{limit_end, limit_idle},
};

/// The bounds and seams of [`guard`].
#[derive(Clone, Debug)]
pub struct Guard {
    /// Entropy for request ids.
    pub ambient: Ambient,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: TrustedProxies,
    /// Requests being handled at once, from the end of their headers to the beginning of their answers; more
    /// are refused with 503.
    pub requests_max: usize,
    /// Bytes of all header fields together; more are refused with 431.
    pub header_bytes_max: usize,
    /// Bytes of the request target; more are refused with 414.
    pub uri_bytes_max: usize,
    /// How long a request body may send nothing; then it fails and the answer is 408.
    pub body_idle: Duration,
    /// Cancelled when the process is told to end.
    pub stop: CancellationToken,
    /// How long request bodies may go on after that; then they fail and the answer is 503.
    pub body_grace: Duration,
}

impl Guard {
    /// The usual bounds: 4,096 requests, 32 KiB of headers, 8 KiB of target, 30 s of silence, and bodies that end with their connections.
    #[must_use]
    pub fn new(ambient: Ambient) -> Self {
        Self {
            ambient,
            trusted_proxies: TrustedProxies::default(),
            requests_max: 4_096,
            header_bytes_max: 32 << 10,
            uri_bytes_max: 8 << 10,
            body_idle: Duration::from_secs(30),
            stop: CancellationToken::new(),
            body_grace: Duration::MAX,
        }
    }
}

struct Meters {
    by_class: [Counter; 6],
    refused_busy: Counter,
    panics: Counter,
    in_flight: Gauge,
    seconds: Histogram,
}

impl Meters {
    fn register() -> Self {
        let class = |class: &'static str| metrics::counter!("nexus_http_responses_total", "class" => class);
        Self {
            by_class: ["other", "1xx", "2xx", "3xx", "4xx", "5xx"].map(class),
            refused_busy: metrics::counter!("nexus_http_refused_busy_total"),
            panics: metrics::counter!("nexus_http_panics_total"),
            in_flight: metrics::gauge!("nexus_http_requests_in_flight"),
            seconds: metrics::histogram!("nexus_http_first_byte_seconds"),
        }
    }

    fn count(&self, response: &Response) {
        let class = usize::from(response.status().as_u16() / 100);
        self.by_class.get(class).unwrap_or(&self.by_class[0]).increment(1);
    }
}

/// A request's place among those that are handled at once, found in its extensions.
#[derive(Clone, Debug)]
pub struct Place(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Place {
    fn new(slot: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(Mutex::new(Some(slot))))
    }

    /// Gives the place back before the answer: for a request that does nothing but wait, which its handler bounds
    /// in another way.
    pub fn leave(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

struct Watch {
    guard: Guard,
    slots: Arc<Semaphore>,
    meters: Meters,
}

/// Dresses a router with everything a public listener owes its callers. Applied once, outermost, after the
/// process's metrics recorder is installed.
///
/// Handlers below find [`RequestId`], [`Place`] and, behind [`crate::serve`], [`ClientAddr`] and [`crate::Scheme`] in
/// the request's extensions.
pub fn guard(router: Router, guard: Guard) -> Router {
    let slots = Arc::new(Semaphore::new(guard.requests_max));
    let watch = Arc::new(Watch { guard, slots, meters: Meters::register() });
    router.layer(middleware::from_fn_with_state(watch, pass))
}

async fn pass(State(watch): State<Arc<Watch>>, mut request: Request, next: Next) -> Response {
    let begun = lifecycle::monotonic();
    let id = watch.identify(&mut request);
    let entry = access::enabled().then(|| entry_of(&request, &id, begun));
    let mut response = watch.admit(request, next, &id).await;
    watch.meters.count(&response);
    watch.meters.seconds.record(lifecycle::monotonic().duration_since(begun));
    response.headers_mut().insert(X_REQUEST_ID, id.to_header());
    match entry {
        Some(entry) => log_end(response, entry),
        None => response,
    }
}

fn entry_of(request: &Request, id: &RequestId, begun: std::time::Instant) -> Entry {
    Entry {
        method: request.method().clone(),
        path: LoggedPath(request.uri()).to_string(),
        id: id.clone(),
        client: request.extensions().get::<ClientAddr>().copied(),
        agent: access::agent_of(request.headers()),
        status: http::StatusCode::OK,
        begun,
    }
}

fn log_end(response: Response, mut entry: Entry) -> Response {
    entry.status = response.status();
    response.map(|body| Logged::wrap(body, entry))
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

impl Watch {
    fn identify(&self, request: &mut Request) -> RequestId {
        let id = RequestId::of(request.headers(), &self.guard.ambient);
        let headers = std::mem::take(request.headers_mut());
        self.guard.trusted_proxies.identify(&headers, request.extensions_mut());
        *request.headers_mut() = headers;
        request.extensions_mut().insert(id.clone());
        id
    }

    fn check_size(&self, request: &Request) -> Result<(), Problem> {
        let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        if target > self.guard.uri_bytes_max {
            return Err(Problem::uri_too_long(self.guard.uri_bytes_max));
        }
        if header_bytes(request.headers()) > self.guard.header_bytes_max {
            return Err(Problem::headers_too_large(self.guard.header_bytes_max));
        }
        Ok(())
    }

    async fn admit(&self, mut request: Request, next: Next, id: &RequestId) -> Response {
        if let Err(problem) = self.check_size(&request) {
            return problem.into_response();
        }
        match Arc::clone(&self.slots).try_acquire_owned() {
            Ok(slot) => {
                let place = Place::new(slot);
                request.extensions_mut().insert(place.clone());
                let response = self.run(request, next, id).await;
                place.leave();
                response
            }
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {
                self.meters.refused_busy.increment(1);
                Problem::unavailable("too many requests at once", Duration::from_secs(1)).into_response()
            }
        }
    }

    async fn run(&self, request: Request, next: Next, id: &RequestId) -> Response {
        let span = info_span!("request", id = id.as_str(), method = %request.method(), path = %LoggedPath(request.uri()));
        let request = request.map(|body| self.bound(body));
        let _running = Running::begin(&self.meters.in_flight);
        let handled = AssertUnwindSafe(next.run(request).instrument(span.clone())).catch_unwind().await;
        handled.unwrap_or_else(|panic| span.in_scope(|| self.contain(panic.as_ref())))
    }

    fn bound(&self, body: Body) -> Body {
        if http_body::Body::is_end_stream(&body) {
            return body;
        }
        limit_end(limit_idle(body, self.guard.body_idle), self.guard.stop.clone(), self.guard.body_grace)
    }

    fn contain(&self, panic: &(dyn Any + Send)) -> Response {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        error!(panic = text.unwrap_or("(no text)"), "a handler panicked");
        self.meters.panics.increment(1);
        Problem::internal().into_response()
    }
}

/// Counts a request as running until dropped, also when its caller goes away.
struct Running<'a>(&'a Gauge);

impl<'a> Running<'a> {
    fn begin(gauge: &'a Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Unknown routes answer 404 and unknown methods 405 (with `Allow`), as problems. For a router without a
/// fallback of its own; call it after the routes are there.
pub fn fallbacks(router: Router) -> Router {
    let not_found = async || Problem::not_found("there is nothing under this path");
    method_not_allowed(router.fallback(not_found))
}

/// Unknown methods answer 405 (with `Allow`) as a problem; call it after the routes are there.
pub fn method_not_allowed(router: Router) -> Router {
    router.method_not_allowed_fallback(async || Problem::method_not_allowed())
}
