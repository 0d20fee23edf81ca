//! Purging: by whom, what of, and against fills that are under way.

use crate::support::*;
use axum::body::Body;
use http::{Method, StatusCode};

const LONG: &str = "public, max-age=31536000, immutable";
const FILM: &str = "/media/film/v1/video-720/00000.m4s";
const OTHER: &str = "/media/films/v1/video-720/00000.m4s";
const PROOF: &[(&str, &str)] = &[("nexus-edge", CREDENTIAL)];

async fn purge(site: &Site, path: &str, headers: &[(&str, &str)]) -> StatusCode {
    site.open(Method::DELETE, path, headers).await.status()
}

#[tokio::test]
async fn what_is_purged_is_asked_for_again_with_and_without_token() {
    let origin = Origin::new(async |_| answer(LONG, "bytes"));
    let site = site(&origin).await;
    let guarded = format!("/p/{}{FILM}", token("film", 100));
    for path in [FILM, OTHER, &guarded] {
        site.get(path).await;
        assert!(site.get(path).await.did().contains("; hit"), "{path}");
    }
    origin.now(async |_| status(404, answer("public, max-age=1", "gone")));
    assert_eq!(purge(&site, "/media/film", PROOF).await, StatusCode::NO_CONTENT);
    assert_eq!(site.get(FILM).await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.get(&guarded).await.status, StatusCode::NOT_FOUND);
    assert!(site.get(OTHER).await.did().contains("; hit"), "another asset whose name begins alike");
    assert_eq!(
        purge(&site, "/media/", PROOF).await,
        StatusCode::NOT_FOUND,
        "no route: a listener purges assets"
    );
}

#[tokio::test]
async fn only_who_shares_the_credential_purges() {
    let origin = Origin::new(async |_| answer(LONG, "bytes"));
    let site = site(&origin).await;
    site.get(FILM).await;
    for headers in
        [&[][..], &[("nexus-edge", "")], &[("nexus-edge", "guessed")], &[("authorization", CREDENTIAL)]]
    {
        assert_eq!(purge(&site, FILM, headers).await, StatusCode::METHOD_NOT_ALLOWED, "{headers:?}");
    }
    assert!(site.get(FILM).await.did().contains("; hit"));
    let clock = ManualClock::new();
    let bare = edge::EdgeOptions { credential: None, ..options(&clock) };
    let open = site_of(&origin, clock, bare).await;
    assert_eq!(purge(&open, FILM, &[("nexus-edge", "")]).await, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_fill_under_way_serves_who_waits_and_is_not_kept() {
    let latch = Latch::default();
    let held = latch.clone();
    let origin = Origin::new(move |_| {
        let body = Body::from_stream(halves(pattern(1000), pattern(1000), &held));
        async move { answer(LONG, body) }
    });
    let site = site(&origin).await;
    let follow = async {
        let (_, body) = site.open(Method::GET, FILM, &[]).await.into_parts();
        assert_eq!(purge(&site, "/media/film", PROOF).await, StatusCode::NO_CONTENT);
        latch.open();
        httpkit::client::collect(body, 1 << 20).await.expect("the whole body")
    };
    assert_eq!(follow.await.len(), 2000);
    origin.now(async |_| status(404, answer("public, max-age=1", "gone")));
    assert_eq!(site.get(FILM).await.status, StatusCode::NOT_FOUND);
}
