//! A scripted origin, an edge in front of it, and a clock that stands still until told otherwise. Both
//! servers are real listeners on 127.0.0.1.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::{self, Next},
    response::Response,
};
use base::{Ambient, Clock, Entropy, Timestamp};
use bytes::Bytes;
use edge::{Credential, Edge, EdgeOptions, Keys, Upstream};
use futures_util::{Stream, future::BoxFuture, stream};
use http::{HeaderMap, Method, StatusCode, header, request::Parts};
use httpkit::{
    Guard, Limits,
    client::{Client, ClientError, ClientOptions, collect},
    fallbacks, guard, serve,
};
use lifecycle::Tasks;
use playback_token::{Claims, Signer};
use settings::Secret;
use tokio::{net::TcpListener, sync::Notify};

pub const CREDENTIAL: &str = "the-two-share-this";
/// Where the clock stands at the beginning of every test, in seconds.
pub const START_S: i64 = 1_000_000;

#[derive(Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START_S * 1_000_000)))
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).expect("short"), Ordering::SeqCst);
    }

    pub fn ambient(&self) -> Ambient {
        Ambient::new(Arc::new(self.clone()), Arc::new(Counting(AtomicUsize::new(1))))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

struct Counting(AtomicUsize);

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        out.iter_mut().zip(next.iter().cycle()).for_each(|(slot, byte)| *slot = *byte);
    }
}

type Script = Arc<dyn Fn(Parts) -> BoxFuture<'static, Response> + Send + Sync>;

/// An origin that answers by a script and remembers what it was asked.
#[derive(Clone)]
pub struct Origin {
    script: Arc<Mutex<Script>>,
    seen: Arc<Mutex<Vec<Parts>>>,
}

impl Origin {
    pub fn new<F>(script: impl Fn(Parts) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let origin =
            Self { script: Arc::new(Mutex::new(Arc::new(|_| unreachable!()))), seen: Arc::default() };
        origin.now(script);
        origin
    }

    /// Answers by another script from now on.
    pub fn now<F>(&self, script: impl Fn(Parts) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Response> + Send + 'static,
    {
        *self.script.lock().expect("unpoisoned") = Arc::new(move |parts| Box::pin(script(parts)));
    }

    pub fn count(&self) -> usize {
        self.seen.lock().expect("unpoisoned").len()
    }

    pub fn seen(&self) -> Vec<Parts> {
        self.seen.lock().expect("unpoisoned").clone()
    }

    pub fn last(&self) -> Parts {
        self.seen().pop().expect("a request")
    }

    pub fn router(&self) -> Router {
        let origin = self.clone();
        Router::new().fallback(async move |request: Request| {
            let (parts, _) = request.into_parts();
            origin.seen.lock().expect("unpoisoned").push(parts.clone());
            let script = Arc::clone(&origin.script.lock().expect("unpoisoned"));
            script(parts).await
        })
    }
}

/// A server on a free port.
pub async fn listen(router: Router, tasks: &Tasks) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let own = tasks.clone();
    tasks.spawn("listener", async move { serve(listener, router, Limits::default(), &own).await });
    address
}

/// An edge and how to reach it.
pub struct Site {
    pub address: SocketAddr,
    pub clock: ManualClock,
    pub tasks: Tasks,
    pub client: Client,
    /// Requests that have entered the edge.
    pub entered: Arc<AtomicUsize>,
}

pub fn signer() -> Signer {
    Signer::generate([9; 32])
}

pub fn options(clock: &ManualClock) -> EdgeOptions {
    EdgeOptions {
        cache_bytes_max: 64 << 20,
        live_bytes_max: 16 << 20,
        object_bytes_max: 16 << 20,
        upstream_timeout: Duration::from_secs(20),
        upstream_requests_max: 64,
        keys: Keys::Fixed(signer().jwks()),
        credential: Some(Credential::new(Secret::new(CREDENTIAL))),
        ambient: clock.ambient(),
    }
}

pub async fn site_with(upstream: Upstream, clock: ManualClock, options: EdgeOptions) -> Site {
    let tasks = Tasks::new();
    let edge = Edge::new(options, upstream, &tasks).expect("an edge");
    site_around(fallbacks(edge.router()), clock, tasks).await
}

/// A listener with these routes, which are an edge's.
pub async fn site_around(router: Router, clock: ManualClock, tasks: Tasks) -> Site {
    let entered = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&entered);
    let count = move |request: Request, next: Next| {
        counter.fetch_add(1, Ordering::SeqCst);
        next.run(request)
    };
    let router = router.layer(middleware::from_fn(count));
    let router = guard(router, Guard::new(clock.ambient()));
    let address = listen(router, &tasks).await;
    let client = Client::new(ClientOptions { pool_max: 1000, ..ClientOptions::default() });
    Site { address, clock, tasks, client, entered }
}

pub fn http_upstream(address: SocketAddr) -> Upstream {
    let client = Client::new(ClientOptions::default());
    Upstream::http(&format!("http://{address}"), client).expect("an upstream")
}

/// An edge in front of a scripted origin over HTTP.
pub async fn site(origin: &Origin) -> Site {
    let clock = ManualClock::new();
    let options = options(&clock);
    site_of(origin, clock, options).await
}

pub async fn site_of(origin: &Origin, clock: ManualClock, options: EdgeOptions) -> Site {
    let upstream = http_upstream(listen(origin.router(), &Tasks::new()).await);
    site_with(upstream, clock, options).await
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub fn did(&self) -> &str {
        self.header("cache-status")
    }
}

impl Site {
    async fn try_open(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<http::Response<Body>, ClientError> {
        let mut request =
            http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        self.client.send(request).await
    }

    pub async fn open(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> http::Response<Body> {
        self.try_open(method, path, headers).await.expect("an answer")
    }

    /// The answer, or why it did not arrive whole.
    pub async fn try_get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, ClientError> {
        let (parts, body) = self.try_open(Method::GET, path, headers).await?.into_parts();
        let body = collect(body, 1 << 30).await?;
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.try_get(path, headers).await.expect("a whole body")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub async fn wait_entered(&self, count: usize) {
        while self.entered.load(Ordering::SeqCst) < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// A token for an asset, lasting this much longer than the clock's beginning.
pub fn token(asset: &str, lasts_s: i64) -> String {
    let claims =
        Claims { asset: asset.to_owned(), audience: "tenant".to_owned(), expires_s: START_S + lasts_s };
    signer().mint(&claims).expect("minted")
}

/// Bytes that differ at every position, by a linear congruence.
pub fn pattern(length: usize) -> Bytes {
    let mut state = 1u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

pub fn answer(cache_control: &str, body: impl Into<Body>) -> Response {
    let builder = Response::builder().header(header::CACHE_CONTROL, cache_control);
    builder.body(body.into()).expect("a response")
}

pub fn with(mut response: Response, name: &'static str, value: &str) -> Response {
    response.headers_mut().append(name, value.parse().expect("a header"));
    response
}

pub fn status(status: u16, mut response: Response) -> Response {
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}

/// A gate that is opened once, for any number of waiters.
#[derive(Clone, Default)]
pub struct Latch(Arc<(Notify, std::sync::atomic::AtomicBool)>);

impl Latch {
    pub fn open(&self) {
        self.0.1.store(true, Ordering::SeqCst);
        self.0.0.notify_waiters();
    }

    pub async fn wait(&self) {
        let opened = self.0.0.notified();
        if !self.0.1.load(Ordering::SeqCst) {
            opened.await;
        }
    }
}

/// `first`, then, once the latch is open, `second`.
pub fn halves(
    first: Bytes,
    second: Bytes,
    latch: &Latch,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + use<> {
    let latch = latch.clone();
    stream::unfold(0, move |step| {
        let (first, second, latch) = (first.clone(), second.clone(), latch.clone());
        async move {
            match step {
                0 => Some((Ok(first), 1)),
                1 => {
                    latch.wait().await;
                    Some((Ok(second), 2))
                }
                _ => None,
            }
        }
    })
}
