//! Where objects come from: the origin in this process, or a server over HTTP.

use std::{fmt, time::Duration};

use axum::{Router, body::Body};
use http::{HeaderMap, Request, Response, Uri};
use httpkit::{client::Client, limit_idle};
use tower::ServiceExt;

use crate::error::{EdgeError, FillError};

/// Where objects come from.
#[derive(Clone)]
pub struct Upstream(Kind);

#[derive(Clone)]
enum Kind {
    InProcess(Router),
    Http { base: String, client: Box<Client> },
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::InProcess(_) => f.write_str("Upstream(in process)"),
            Kind::Http { base, .. } => write!(f, "Upstream({base})"),
        }
    }
}

impl Upstream {
    /// The media routes of an origin in the same process.
    #[must_use]
    pub fn in_process(media: Router) -> Self {
        Self(Kind::InProcess(media))
    }

    /// A server; `base` is what its paths are put after, such as `http://origin:8080`.
    ///
    /// # Errors
    /// [`EdgeError::Upstream`].
    pub fn http(base: &str, client: Client) -> Result<Self, EdgeError> {
        let trimmed = base.trim_end_matches('/');
        let uri: Uri = trimmed.parse().map_err(|_| EdgeError::Upstream(base.to_owned()))?;
        let usable = matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some()
            && uri.query().is_none();
        if usable {
            Ok(Self(Kind::Http { base: trimmed.to_owned(), client: Box::new(client) }))
        } else {
            Err(EdgeError::Upstream(base.to_owned()))
        }
    }

    fn request(target: &str, headers: HeaderMap) -> Result<Request<Body>, FillError> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() =
            target.parse().map_err(|_| FillError::Upstream(format!("bad target {target}")))?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Fetches `path`; waits at most `timeout` for the headers and for each piece of the body.
    pub(crate) async fn get(
        &self,
        path: &str,
        headers: HeaderMap,
        timeout: Duration,
    ) -> Result<Response<Body>, FillError> {
        let answered = tokio::time::timeout(timeout, self.send(path, headers)).await;
        let response = answered.map_err(|_| FillError::TimedOut(timeout))??;
        Ok(response.map(|body| limit_idle(body, timeout)))
    }

    async fn send(&self, path: &str, headers: HeaderMap) -> Result<Response<Body>, FillError> {
        match &self.0 {
            Kind::InProcess(router) => {
                let Ok(response) = router.clone().oneshot(Self::request(path, headers)?).await;
                Ok(response)
            }
            Kind::Http { base, client } => {
                let request = Self::request(&format!("{base}{path}"), headers)?;
                client.send(request).await.map_err(FillError::from)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use httpkit::client::ClientOptions;

    use super::*;

    #[test]
    fn only_bases_of_urls_are_upstreams() {
        let http = |base| Upstream::http(base, Client::new(ClientOptions::default()));
        for base in ["http://origin:8080", "https://origin.example/base/", "http://[::1]:80"] {
            assert!(http(base).is_ok(), "{base}");
        }
        for base in
            ["", "origin:8080", "ftp://origin", "http://", "/media", "http://origin?x=1", "http://a b"]
        {
            assert!(matches!(http(base), Err(EdgeError::Upstream(_))), "{base}");
        }
    }
}
