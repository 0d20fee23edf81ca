//! Routes. A domain meets HTTP in one file here.

mod assets;
mod auth;
mod error;
mod health;
mod limits;
mod link;
mod media;
mod page;
mod session;
mod stream;
mod view;
mod watch;

use axum::Router;

pub(crate) use auth::Creator;
pub(crate) use error::problem;

use crate::{Origin, upload};

/// The listener's routes: API, uploads, health and the page.
pub fn router(origin: &Origin) -> Router {
    let routes = Router::new()
        .merge(session::routes())
        .merge(assets::routes())
        .merge(limits::routes())
        .merge(stream::routes())
        .merge(watch::routes())
        .merge(health::routes())
        .merge(upload::routes());
    httpkit::security::page(page::behind(routes.with_state(origin.clone())))
}

/// The media routes, for whoever caches in front, or for the listener itself.
pub fn media_router(origin: &Origin) -> Router {
    httpkit::cors::media(httpkit::method_not_allowed(media::routes().with_state(origin.clone())))
}
