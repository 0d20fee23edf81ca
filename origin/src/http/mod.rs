//! Routes. A domain meets HTTP in one file here.

mod assets;
mod audit;
mod auth;
mod channels;
mod error;
mod followers;
mod health;
mod idempotent;
mod imports;
mod jobs;
mod keys;
mod limits;
mod link;
mod live;
mod me;
mod media;
mod number;
mod onair;
mod openapi;
mod pace;
mod page;
mod plays;
mod pulse;
mod session;
mod setup;
mod stream;
mod table;
mod users;
mod view;
mod watch;
mod webhooks;

use axum::Router;

pub(crate) use auth::Member;
pub(crate) use error::problem;
pub(crate) use followers::Followers;
pub(crate) use idempotent::{Key, Once};
pub(crate) use pace::Pace;
pub(crate) use table::{Access, Routes, UPLOAD};

use crate::{Origin, upload};

/// The listener's routes: API, uploads, health and the page.
pub fn router(origin: &Origin) -> Router {
    httpkit::security::page(page::behind(routes().into_router(origin)))
}

fn routes() -> Routes {
    Routes::new()
        .and(setup::routes())
        .and(session::routes())
        .and(me::routes())
        .and(users::routes())
        .and(keys::routes())
        .and(audit::routes())
        .and(assets::routes())
        .and(imports::routes())
        .and(channels::routes())
        .and(pulse::routes())
        .and(onair::routes())
        .and(jobs::routes())
        .and(limits::routes())
        .and(stream::routes())
        .and(webhooks::routes())
        .and(plays::routes())
        .and(openapi::routes())
        .and(watch::routes())
        .and(health::routes())
        .and(upload::routes())
}

/// The media routes, and those of broadcasts that are on air in this process, for whoever caches in front, or for
/// the listener itself.
pub fn media_router(origin: &Origin) -> Router {
    let routes = media::routes().and(self::live::routes());
    httpkit::cors::media(httpkit::method_not_allowed(routes.into_router(origin)))
}

#[cfg(test)]
mod tests;
