//! The edge's start, its media routes, and the phases of a request.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::any,
};
use base::Ambient;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use httpkit::{Problem, RequestId, cors, encoding};
use lifecycle::Tasks;
use subtle::ConstantTimeEq;
use telemetry::Health;

use crate::{
    EdgeError, EdgeOptions, Upstream,
    answer::{Asked, from_flow, from_stored, passed},
    cache::{Access, Flow, Key, Look, Means, Settled, Stored, Ticket, Turn},
    cache_status::CacheStatus,
    error::FillError,
    lifetime,
    options::Credential,
    shelf::Shelf,
    target::{Kind, Target, TargetError},
    token::Gate,
};

struct Inner {
    gate: Arc<Gate>,
    media: Shelf,
    live: Shelf,
    credential: Option<HeaderValue>,
    ambient: Ambient,
}

/// A running edge.
#[derive(Clone)]
pub struct Edge(Arc<Inner>);

impl Edge {
    /// Starts an edge. Keys that are to be fetched are fetched in the background; an upstream that is away is
    /// no error, it is reported as degraded health and tried again. The process's metrics recorder is to be
    /// installed before.
    ///
    /// # Errors
    /// [`EdgeError`].
    pub fn new(options: EdgeOptions, upstream: Upstream, tasks: &Tasks) -> Result<Self, EdgeError> {
        let gate = Arc::new(Gate::new(&options.keys, &upstream, options.upstream_timeout)?);
        let credential = options.credential.as_ref().map(Credential::to_header).transpose()?;
        let (ambient, tasks) = (options.ambient.clone(), tasks.clone());
        let means = Means { upstream, credential: credential.clone(), ambient, tasks: tasks.clone() };
        gate.keep_fresh(&options.keys, &tasks);
        Ok(Self(Arc::new(Inner {
            gate,
            media: Shelf::of_media(&options, means.clone()),
            live: Shelf::of_live(&options, means),
            credential,
            ambient: options.ambient,
        })))
    }

    pub(crate) fn report_to(&self, health: Health) {
        self.0.gate.report_to(health);
    }

    /// Forgets what is stored of a media path and below it, such as `/media/{asset}` or `/live/{channel}`, for all
    /// viewers.
    pub fn purge(&self, path: &str) {
        self.0.purge(path);
    }

    /// The routes `/media/…` and `/live/…`, and both behind `/p/{token}`, without a fallback: to be merged with a
    /// listener's other routes. `DELETE` of a media path purges it and all below, for who shows the credential that the
    /// edge shares with its upstream; for everybody else the method does not exist.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/media/{*path}", any(serve))
            .route("/p/{token}/media/{*path}", any(serve))
            .route("/live/{*path}", any(serve))
            .route("/p/{token}/live/{*path}", any(serve))
            .with_state(self.clone())
    }
}

async fn serve(State(Edge(edge)): State<Edge>, request: Request) -> Response {
    let (request, _body) = request.into_parts();
    let mut response = match request.method {
        Method::OPTIONS => return cors::preflight(),
        Method::GET | Method::HEAD => edge.serve(&request).await.unwrap_or_else(IntoResponse::into_response),
        Method::DELETE if edge.is_upstream(&request.headers) => {
            edge.purge(request.uri.path());
            return StatusCode::NO_CONTENT.into_response();
        }
        _ => method_not_allowed().into_response(),
    };
    cors::allow(response.headers_mut());
    response
}

fn method_not_allowed() -> Problem {
    Problem::method_not_allowed().header(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"))
}

/// How a request came to a fill.
#[derive(Clone, Copy)]
struct Came {
    collapsed: bool,
    stale: bool,
}

impl Inner {
    /// Whether a request shows the credential, which only the upstream shares.
    fn is_upstream(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(httpkit::EDGE_CREDENTIAL).map(HeaderValue::as_bytes).unwrap_or_default();
        self.credential.as_ref().is_some_and(|own| bool::from(own.as_bytes().ct_eq(given)))
    }

    fn purge(&self, path: &str) {
        metrics::counter!("nexus_edge_purges_total").increment(1);
        self.media.table.purge(path);
        self.live.table.purge(path);
    }

    async fn serve(&self, request: &Parts) -> Result<Response, Problem> {
        let target = Target::parse(request.uri.path()).map_err(TargetError::problem)?;
        let Some(token) = target.token else { return self.answer(request, &target, Access::Public).await };
        let expires_s = self.gate.admit(token, &target, self.ambient.now()).await?;
        let mut response = self.answer(request, &target, Access::Verified).await?;
        lifetime::cap(response.headers_mut(), lifetime::left(expires_s, self.ambient.now()));
        Ok(response)
    }

    async fn answer(
        &self,
        request: &Parts,
        target: &Target<'_>,
        access: Access,
    ) -> Result<Response, Problem> {
        let directives = target.directives(request.uri.query()).map_err(TargetError::problem)?;
        let coding =
            if target.is_text() { encoding::preferred(&request.headers) } else { encoding::Coding::Identity };
        let key = Key { path: target.path.into(), directives: directives.into(), coding, access };
        let shelf = match target.kind {
            Kind::Media => &self.media,
            Kind::Live => &self.live,
        };
        Call { shelf, ambient: &self.ambient, request, key }.answer().await
    }
}

/// One request that may be answered, on its way through the cache.
struct Call<'a> {
    shelf: &'a Shelf,
    ambient: &'a Ambient,
    request: &'a Parts,
    key: Key,
}

impl<'a> Call<'a> {
    fn asked(&self) -> Asked<'a> {
        Asked { method: &self.request.method, headers: &self.request.headers }
    }

    fn id(&self) -> Option<&'a RequestId> {
        self.request.extensions.get()
    }

    fn start(&self, ticket: Option<Ticket>) {
        ticket.into_iter().for_each(|ticket| self.shelf.filler.start(ticket, self.id().cloned()));
    }

    async fn answer(&self) -> Result<Response, Problem> {
        match self.shelf.table.look(&self.key, self.ambient.now()) {
            Look::Fresh(stored) => Ok(self.hit(&stored)),
            Look::WhileRevalidating(stored, ticket) => {
                self.start(ticket);
                Ok(self.hit(&stored))
            }
            Look::Fill { flow, ticket, stale } => {
                let came = Came { collapsed: ticket.is_none(), stale };
                // Before it may be refused: others may already wait for the fill that it was to start.
                self.start(ticket);
                let _waiter =
                    self.shelf.wait(&self.request.extensions).map_err(|error| self.failed(&error))?;
                self.follow(&flow, came).await
            }
            Look::Full => Err(self.failed(&FillError::Busy)),
        }
    }

    fn hit(&self, stored: &Stored) -> Response {
        self.shelf.meters.hits.increment(1);
        let now = self.ambient.now();
        let status = CacheStatus::Hit { ttl_s: stored.policy.ttl_s(now) };
        from_stored(self.asked(), stored, stored.policy.age(now), status)
    }

    fn failed(&self, error: &FillError) -> Problem {
        self.shelf.meters.failed.increment(1);
        let value = HeaderValue::from_str(&CacheStatus::Failed { detail: error.detail() }.to_string());
        let problem = error.problem();
        match value {
            Ok(value) => problem.header(http::HeaderName::from_static("cache-status"), value),
            Err(_) => problem,
        }
    }

    /// Answers with what becomes of a fill.
    async fn follow(&self, flow: &Arc<Flow>, came: Came) -> Result<Response, Problem> {
        let Came { collapsed, stale } = came;
        let meters = &self.shelf.meters;
        if collapsed { &meters.collapsed } else { &meters.misses }.increment(1);
        match flow.turn().await {
            Turn::Flowing { head, policy, stored } => {
                let status = CacheStatus::Filled { stale, collapsed, stored, status: head.status };
                Ok(from_flow(self.asked(), flow, &head, policy.age(self.ambient.now()), status))
            }
            Turn::Settled(stored, how) => Ok(self.settled(&stored, how, came)),
            Turn::Passed(status) => self.take_or_ask(flow, status).await,
            Turn::Failed(error) => Err(self.failed(&error)),
            Turn::Waiting => Err(self.failed(&FillError::Abandoned)),
        }
    }

    fn settled(&self, stored: &Stored, how: Settled, came: Came) -> Response {
        let now = self.ambient.now();
        let (collapsed, ttl_s) = (came.collapsed, stored.policy.ttl_s(now));
        let status = match how {
            Settled::Revalidated => CacheStatus::Revalidated { collapsed },
            Settled::StaleOnError => CacheStatus::StaleOnError { collapsed, ttl_s },
        };
        from_stored(self.asked(), stored, stored.policy.age(now), status)
    }

    /// The answer is for one requester: the first gets it, the others ask for themselves. But an upstream
    /// that fails is not asked again by everyone who waited.
    async fn take_or_ask(&self, flow: &Flow, status: StatusCode) -> Result<Response, Problem> {
        let response = match flow.take_passed() {
            Some(response) => response,
            None if status == StatusCode::SERVICE_UNAVAILABLE => {
                return Err(self.failed(&FillError::Unavailable));
            }
            None if status.is_server_error() => {
                return Err(self.failed(&FillError::Upstream(format!("status {status}"))));
            }
            None => {
                let passed = self.shelf.filler.pass(&self.key, self.id()).await;
                passed.map_err(|error| self.failed(&error))?
            }
        };
        let status = CacheStatus::Passed { status: response.status() };
        Ok(passed(self.asked(), response, self.ambient.now(), status))
    }
}
