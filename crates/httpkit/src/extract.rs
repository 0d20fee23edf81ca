//! Extractors whose rejections are problems.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use base::{Page, PageRequest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header, request::Parts};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::error::Category;

use crate::{
    Problem,
    body::{body_problem, limit_body},
};

/// The largest JSON body taken, in bytes.
pub const JSON_BYTES_MAX: u64 = 256 << 10;

/// How long a JSON body may take to arrive, however steadily.
const JSON_TIME_MAX: Duration = Duration::from_secs(60);

/// A JSON body: as an extractor, of an object, 400 for bad syntax, 408 slow, 413 above [`JSON_BYTES_MAX`], 415 for
/// another type, 422 for another shape; as an answer `application/json` and `no-store`.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str) else { return false };
    let essence = value.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn json_problem(error: &serde_json::Error) -> Problem {
    let detail = format!("the JSON body does not fit: {error}");
    match error.classify() {
        Category::Data => Problem::unprocessable(detail),
        Category::Syntax | Category::Eof | Category::Io => Problem::bad_request(detail),
    }
}

async fn whole(body: Body, bytes_max: u64) -> Result<Bytes, Problem> {
    let collected = tokio::time::timeout(JSON_TIME_MAX, limit_body(body, bytes_max).collect()).await;
    let collected = collected.map_err(|_| Problem::request_timeout("the body took too long"))?;
    collected.map(http_body_util::Collected::to_bytes).map_err(|error| body_problem(&error))
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::unsupported_media_type("application/json is taken here"));
        }
        let bytes = whole(request.into_body(), JSON_BYTES_MAX).await?;
        let value = serde_json::from_slice(&bytes).map_err(|error| json_problem(&error))?;
        // serde takes an array's items for the fields of a struct, in their order, which no API promises.
        match bytes.trim_ascii_start().first() {
            Some(b'{') => Ok(Self(value)),
            _ => Err(Problem::unprocessable("the JSON body does not fit: an object is expected")),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        let answer = axum::Json(self.0).into_response();
        if answer.status() == StatusCode::OK {
            return (no_store, answer).into_response();
        }
        tracing::error!("an answer could not be written as JSON");
        Problem::internal().into_response()
    }
}

/// Parameters of the path; 404 when they do not parse, because then nothing can be there.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(_)) => {
                Err(Problem::not_found("nothing has such a name"))
            }
            Err(error) => {
                tracing::error!(%error, "a route and its handler disagree about path parameters");
                Err(Problem::internal())
            }
        }
    }
}

/// Parameters of the query; 400 when they do not parse.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let parsed = axum::extract::Query::try_from_uri(&parts.uri);
        parsed
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|error| Problem::bad_request(format!("the query does not fit: {}", error.body_text())))
    }
}

/// A page request from `limit` (1 to [`PageRequest::LIMIT_MAX`]) and `after` (what the page before said as
/// `next`); 400 for anything else.
#[derive(Clone, Debug)]
pub struct Paging(pub PageRequest);

#[derive(Deserialize)]
struct PagingQuery {
    limit: Option<u32>,
    after: Option<String>,
}

/// What a cursor that is shown begins with: the form it has, so that another may come.
const CURSOR_FORM: &str = "c";

fn shown_cursor(place: &str) -> String {
    format!("{CURSOR_FORM}{}", URL_SAFE_NO_PAD.encode(place))
}

fn read_cursor(shown: &str) -> Result<String, Problem> {
    let decoded = shown.strip_prefix(CURSOR_FORM).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let place = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let wrong = || Problem::bad_request("after is no cursor of this list: send what a page said as next");
    place.filter(|place| !place.chars().any(char::is_control)).ok_or_else(wrong)
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(query) = Query::<PagingQuery>::from_request_parts(parts, state).await?;
        if query.limit.is_some_and(|limit| !(1..=PageRequest::LIMIT_MAX).contains(&limit)) {
            let range = format!("limit must be 1 to {}", PageRequest::LIMIT_MAX);
            return Err(Problem::bad_request(range));
        }
        let after =
            query.after.filter(|cursor| !cursor.is_empty()).as_deref().map(read_cursor).transpose()?;
        Ok(Self(PageRequest::new(query.limit, after)))
    }
}

/// A page of a list as an answer: `items`, `next` (absent on the last page) and a `Link` to the next page
/// (RFC 8288, relation `next`) made from the request's own target.
#[derive(Clone, Debug)]
pub struct Listing<T>(pub Page<T>, pub Uri);

/// The target of the next page, relative to the server.
fn next_page(uri: &Uri, cursor: &str) -> String {
    let pairs = uri.query().unwrap_or_default().split('&');
    let kept = pairs.filter(|pair| !pair.is_empty() && pair.split('=').next() != Some("after"));
    let query: Vec<_> = kept.map(str::to_owned).chain([format!("after={cursor}")]).collect();
    format!("{}?{}", uri.path(), query.join("&"))
}

impl<T: Serialize> IntoResponse for Listing<T> {
    fn into_response(self) -> Response {
        let Self(page, uri) = self;
        let next = page.next.as_deref().map(shown_cursor);
        let link = next.as_deref().map(|cursor| format!("<{}>; rel=\"next\"", next_page(&uri, cursor)));
        let mut answer = Json(Page { items: page.items, next }).into_response();
        if let Some(Ok(link)) = link.map(HeaderValue::try_from) {
            answer.headers_mut().insert(header::LINK, link);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing};
    use futures_util::{StreamExt, stream};
    use tower::ServiceExt;

    use super::*;

    #[derive(Deserialize, Serialize)]
    struct Named {
        name: String,
    }

    fn router() -> Router {
        Router::new()
            .route("/echo", routing::post(async |Json(named): Json<Named>| Json(named)))
            .route("/number/{n}", routing::get(async |Path(n): Path<u32>| n.to_string()))
            .route("/page", routing::get(async |Paging(page): Paging| format!("{page:?}")))
    }

    async fn send(request: Request<Body>) -> (StatusCode, String) {
        let response = router().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        (parts.status, String::from_utf8(bytes.to_vec()).expect("text"))
    }

    async fn post(media_type: &str, body: impl Into<Body>) -> (StatusCode, String) {
        let request = Request::post("/echo").header(header::CONTENT_TYPE, media_type).body(body.into());
        send(request.expect("a request")).await
    }

    async fn get(uri: &str) -> (StatusCode, String) {
        send(Request::get(uri).body(Body::empty()).expect("a request")).await
    }

    #[tokio::test]
    async fn json_is_judged_by_type_syntax_shape_and_size() {
        assert_eq!(post("application/json; charset=utf-8", r#"{"name":"a"}"#).await.0, StatusCode::OK);
        assert_eq!(post("application/merge-patch+json", r#"{"name":"a"}"#).await.0, StatusCode::OK);
        assert_eq!(post("text/plain", r#"{"name":"a"}"#).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(post("application/json", r#"{"name":"#).await.0, StatusCode::BAD_REQUEST);
        let (status, body) = post("application/json", r#"{"name":7}"#).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(post("application/json", r#" ["a"]"#).await.0, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(body.contains("expected a string") && body.contains("urn:nexus:problem:unprocessable"));
        let large = format!(r#"{{"name":"{}"}}"#, "a".repeat(300 << 10));
        assert_eq!(post("application/json", large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
        let deep = "[".repeat(100_000);
        assert_eq!(post("application/json", deep).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_given_up() {
        let trickle = stream::repeat(" ").then(async |piece| {
            tokio::time::sleep(Duration::from_secs(10)).await;
            Ok::<_, std::io::Error>(piece)
        });
        let (status, _) = post("application/json", Body::from_stream(trickle)).await;
        assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn a_path_that_does_not_parse_is_not_found() {
        assert_eq!(get("/number/7").await, (StatusCode::OK, "7".to_owned()));
        for path in ["/number/x", "/number/-1", "/number/%ff"] {
            let (status, body) = get(path).await;
            assert!(body.contains("urn:nexus:problem:"), "{path}: {body}");
            assert!(status.is_client_error(), "{path}: {status}");
        }
    }

    #[tokio::test]
    async fn a_listing_links_to_the_next_page_and_the_last_to_none() {
        let uri: Uri = "/things?q=a%20b&after=cOld&limit=2".parse().expect("a uri");
        let page = |next: Option<&str>| Page { items: vec![1, 2], next: next.map(str::to_owned) };
        let response = Listing(page(Some("x")), uri.clone()).into_response();
        let cursor = shown_cursor("x");
        let link = format!("</things?q=a%20b&limit=2&after={cursor}>; rel=\"next\"");
        assert_eq!(response.headers()[header::LINK], link.as_str());
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body, serde_json::json!({"items": [1, 2], "next": cursor}));
        assert_eq!(read_cursor(&cursor).expect("ours"), "x");
        assert!(!Listing(page(None), uri).into_response().headers().contains_key(header::LINK));
    }

    #[tokio::test]
    async fn paging_is_bounded() {
        let cursor = shown_cursor("x");
        let (_, page) = get(&format!("/page?limit=200&after={cursor}")).await;
        assert!(page.contains("limit: 200, after: Some(\"x\")"), "{page}");
        assert!(get("/page?after=").await.1.contains("limit: 50, after: None"));
        let control = format!("after={}", shown_cursor("a\0"));
        for query in [
            "limit=0",
            "limit=201",
            "limit=-1",
            "limit=ten",
            "limit=99999999999",
            "after=x",
            "after=c_-%00",
            "after=cQ",
            &control,
        ] {
            assert_eq!(get(&format!("/page?{query}")).await.0, StatusCode::BAD_REQUEST, "{query}");
        }
    }
}
