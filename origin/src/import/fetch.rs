//! Asking a server for a file, from its beginning or for what is missing, through the redirects it sends.

use axum::{
    body::Body,
    http::{Request, Uri, header},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use httpkit::{
    ClientError,
    client::{Client, body_failure},
};
use url::Url;

use super::{
    answer::{Answer, Asked},
    rules::Rules,
    trouble::Trouble,
};

/// Redirects that are followed.
const REDIRECTS_MAX: usize = 5;

/// An answer that is none of the address's own any more, and its bytes.
pub(super) struct Opened {
    pub(super) answer: Answer,
    pub(super) body: Body,
}

impl Opened {
    pub(super) fn bytes(self) -> impl Stream<Item = Result<Bytes, ClientError>> + Send + Unpin {
        self.body.into_data_stream().map(|piece| piece.map_err(|error| body_failure(&error)))
    }
}

/// Asks, and follows redirects; each address is held against the rules before anything is sent to it.
pub(super) async fn open(
    client: &Client,
    rules: &Rules,
    url: &str,
    asked: &Asked,
) -> Result<Opened, Trouble> {
    let (mut url, mut uri) = rules.read(url)?;
    for _ in 0..=REDIRECTS_MAX {
        let response = client.send(request(uri, asked)?).await?;
        let answer = asked.read(response.status(), response.headers());
        let Answer::Moved(place) = answer else {
            return Ok(Opened { answer, body: response.into_body() });
        };
        (url, uri) = next(rules, &url, &place)?;
    }
    Err(Trouble::Redirects(REDIRECTS_MAX))
}

fn next(rules: &Rules, from: &Url, place: &str) -> Result<(Url, Uri), Trouble> {
    let url = from.join(place).map_err(|_| Trouble::Useless("a redirect to nowhere"))?;
    Ok(rules.check(url)?)
}

fn request(uri: Uri, asked: &Asked) -> Result<Request<Body>, Trouble> {
    let mut request = Request::get(uri)
        .header(header::ACCEPT, "*/*")
        // Its bytes are wanted as they are, and ranges count them.
        .header(header::ACCEPT_ENCODING, "identity");
    if let (1.., Some(mark)) = (asked.at, &asked.mark) {
        request =
            request.header(header::RANGE, format!("bytes={}-", asked.at)).header(header::IF_RANGE, mark);
    }
    request.body(Body::empty()).map_err(|_| Trouble::Useless("what makes no request"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_asked_for_only_under_its_mark() {
        let headers = |at, mark: Option<&str>| {
            let asked = Asked { at, length: None, mark: mark.map(str::to_owned) };
            request(Uri::from_static("https://a.example/"), &asked).expect("a request").headers().clone()
        };
        assert!(!headers(0, Some("\"a\"")).contains_key(header::RANGE));
        assert!(!headers(5, None).contains_key(header::RANGE));
        let rest = headers(5, Some("\"a\""));
        assert_eq!(
            (&rest[header::RANGE], &rest[header::IF_RANGE]),
            (&"bytes=5-".parse().expect("a value"), &"\"a\"".parse().expect("a value"))
        );
    }

    #[test]
    fn a_redirect_is_held_against_the_rules() {
        let settings = settings::Import { allow: vec!["a.example".into()], ..settings::Import::default() };
        let rules = Rules::new(&settings).expect("rules");
        let from = Url::parse("https://a.example/x/y").expect("a URL");
        let to = |place: &str| next(&rules, &from, place).map(|(url, _)| url.to_string());
        assert_eq!(to("../z").ok().as_deref(), Some("https://a.example/z"));
        assert_eq!(to("//a.example/z").ok().as_deref(), Some("https://a.example/z"));
        for place in [
            "http://a.example/",
            "https://b.example/",
            "https://127.0.0.1/",
            "//[::1]/",
            "file:///etc/passwd",
        ] {
            assert!(matches!(to(place), Err(Trouble::Refused(_))), "{place}");
        }
    }
}
