//! The HTTP client: pooled connections, http and https, every wait and every body bounded.

use std::{
    error::Error,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use tokio::sync::Notify;

pub use crate::error::ClientError;
use crate::{
    TlsError,
    body::{BodyTooLong, causes, is_idle_timeout, limit_body, limit_idle},
    outbound::{NotPublic, Reach, Resolver},
    tls,
};

/// The waits and the name of a client.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// To establish a TCP connection.
    pub connect_timeout: Duration,
    /// From the last byte of the request to the end of the answer's headers; connecting counts too.
    pub response_timeout: Duration,
    /// Longest silence within an answer's body.
    pub body_idle: Duration,
    /// How long an unused connection is kept.
    pub pool_idle: Duration,
    /// Unused connections kept per host.
    pub pool_max: usize,
    /// The value of `User-Agent`.
    pub user_agent: &'static str,
    /// Where it may connect to.
    pub reach: Reach,
}

impl Default for ClientOptions {
    /// 5 s to connect, 30 s for headers, 30 s of silence; up to 256 idle connections a host for 60 s.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(30),
            body_idle: Duration::from_secs(30),
            pool_idle: Duration::from_secs(60),
            pool_max: 256,
            user_agent: concat!("nexus/", env!("CARGO_PKG_VERSION")),
            reach: Reach::Anywhere,
        }
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub bytes: Bytes,
}

/// An HTTP/1.1 client. Clones share its connections.
#[derive(Clone)]
pub struct Client {
    inner: legacy::Client<HttpsConnector<HttpConnector<Resolver>>, Body>,
    options: Arc<ClientOptions>,
}

fn connector(options: &ClientOptions, tls: ClientConfig) -> HttpsConnector<HttpConnector<Resolver>> {
    let mut tcp = HttpConnector::new_with_resolver(Resolver(options.reach.clone()));
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(options.connect_timeout));
    HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp)
}

/// Mozilla's roots, and `more`.
fn trusting(more: Vec<CertificateDer<'static>>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let library = |error: rustls::Error| TlsError::Library(error.to_string());
    more.into_iter().try_for_each(|cert| roots.add(cert)).map_err(library)?;
    let builder = ClientConfig::builder_with_provider(tls::provider());
    let builder = builder.with_safe_default_protocol_versions().map_err(library)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Tells that a request's body is still being sent.
struct Sending {
    body: Body,
    progress: Arc<Notify>,
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.progress.notify_one();
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map_or_else(String::new, ToString::to_string)
}

fn send_error(error: &legacy::Error, authority: String) -> ClientError {
    if let Some(refused) = causes(error).find_map(<dyn Error>::downcast_ref::<NotPublic>) {
        return ClientError::NotPublic(refused.clone());
    }
    let reason = innermost(error);
    if error.is_connect() { ClientError::Connect { authority, reason } } else { ClientError::Broken(reason) }
}

/// Scheme http or https, and an authority.
fn check_target(uri: &Uri) -> Result<String, ClientError> {
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority().filter(|_| known);
    authority.map(ToString::to_string).ok_or_else(|| ClientError::Url(uri.to_string()))
}

impl Client {
    /// A client with the given bounds; https is verified against Mozilla's roots.
    #[must_use]
    pub fn new(options: ClientOptions) -> Self {
        let config = trusting(Vec::new()).expect("ring offers what TLS 1.2 and 1.3 need");
        Self::with(options, config)
    }

    /// As [`Client::new`]; https is also verified against the certificates in the PEM file `ca`, as `setting`
    /// named it.
    ///
    /// # Errors
    /// [`TlsError`] when the file holds no certificates.
    pub fn trusting(options: ClientOptions, setting: &'static str, ca: &Path) -> Result<Self, TlsError> {
        Ok(Self::with(options, trusting(tls::certificates(setting, ca)?)?))
    }

    fn with(options: ClientOptions, tls: ClientConfig) -> Self {
        let inner = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(options.pool_idle)
            .pool_max_idle_per_host(options.pool_max)
            .build(connector(&options, tls));
        Self { inner, options: Arc::new(options) }
    }

    /// Sends a request and returns the answer once its headers are there. The answer's body fails when it
    /// stays silent for [`ClientOptions::body_idle`]; a body being sent may take as long as it likes while it
    /// moves. Statuses of any kind are answers, not errors.
    ///
    /// # Errors
    /// [`ClientError`], none of whose variants means that the request was not performed, except `Url`,
    /// `NotPublic` and `Connect`.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Body>, ClientError> {
        let authority = check_target(request.uri())?;
        self.options.reach.check(request.uri()).map_err(ClientError::NotPublic)?;
        let progress = Arc::new(Notify::new());
        let request = self.prepared(request, &progress);
        let answered = self.within_timeout(self.inner.request(request), &progress).await?;
        let response = answered.map_err(|error| send_error(&error, authority))?;
        Ok(response.map(|body| limit_idle(Body::new(body), self.options.body_idle)))
    }

    fn prepared(&self, mut request: Request<Body>, progress: &Arc<Notify>) -> Request<Body> {
        let agent = HeaderValue::from_static(self.options.user_agent);
        request.headers_mut().entry(header::USER_AGENT).or_insert(agent);
        if http_body::Body::is_end_stream(request.body()) {
            return request;
        }
        request.map(|body| Body::new(Sending { body, progress: Arc::clone(progress) }))
    }

    /// The time allowed begins anew whenever the request's body moves.
    async fn within_timeout<T>(
        &self,
        answer: impl Future<Output = T>,
        progress: &Notify,
    ) -> Result<T, ClientError> {
        tokio::pin!(answer);
        loop {
            tokio::select! {
                biased;
                answered = answer.as_mut() => return Ok(answered),
                () = progress.notified() => {}
                () = tokio::time::sleep(self.options.response_timeout) => {
                    return Err(ClientError::TimedOut(self.options.response_timeout));
                }
            }
        }
    }

    /// Fetches a whole answer of at most `limit` bytes.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_bytes(&self, uri: &Uri, limit: u64) -> Result<Fetched, ClientError> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = uri.clone();
        let (parts, body) = self.send(request).await?.into_parts();
        let bytes = collect(body, limit).await?;
        Ok(Fetched { status: parts.status, headers: parts.headers, bytes })
    }
}

/// Reads a whole body of at most `limit` bytes.
///
/// # Errors
/// [`ClientError::TooLong`], [`ClientError::Body`].
pub async fn collect(body: Body, limit: u64) -> Result<Bytes, ClientError> {
    let collected = limit_body(body, limit).collect().await;
    collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if causes(&error).any(<dyn Error>::is::<BodyTooLong>) {
            ClientError::TooLong(limit)
        } else {
            body_failure(&error)
        }
    })
}

/// Why an answer's body failed.
#[must_use]
pub fn body_failure(error: &axum::Error) -> ClientError {
    let stalled = is_idle_timeout(error);
    ClientError::Body(if stalled { "it stalled".to_owned() } else { innermost(error) })
}
