//! The table of routes: who may use each, declared where the route is made and checked before its handler runs.
//!
//! A route without a declaration cannot be written, and a handler learns who calls only from the check.
//! What the table holds is written down in docs/ROUTES.md.

use std::collections::BTreeMap;

use axum::{
    Router,
    extract::{Request, State},
    handler::Handler,
    http::{HeaderName, HeaderValue, Method},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, on},
};
use base::Role;
use httpkit::Problem;
use identity::Scope;

use super::{auth, error::problem};
use crate::Origin;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody.
    Public,
    /// Whoever shows a secret made for just this: a playback token, an edge's credential, the metrics token, a
    /// set-up link. The handler verifies it, and what it guards does not exist without it.
    Token,
    /// A member of a tenant with at least this role; a key that is narrowed needs the scope.
    Role(Role, Option<Scope>),
}

/// Members of any role, whatever their key is narrowed to: for what concerns the caller alone.
pub(crate) const MEMBER: Access = Access::Role(Role::Viewer, None);
/// Members who look.
pub(crate) const READ: Access = Access::Role(Role::Viewer, Some(Scope::Read));
/// Members who bring in files.
pub(crate) const UPLOAD: Access = Access::Role(Role::Creator, Some(Scope::Upload));
/// Members who change what is there.
pub(crate) const EDIT: Access = Access::Role(Role::Creator, Some(Scope::Manage));
/// Members who look after people, keys and records.
pub(crate) const ADMIN: Access = Access::Role(Role::Admin, Some(Scope::Manage));

/// A line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the tests that hold the table to its word"))]
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
}

struct Route {
    row: Row,
    handler: MethodRouter<Origin>,
    header: Option<(HeaderName, HeaderValue)>,
}

/// Routes with their declarations; a domain's file makes some, [`super::router`] joins them.
#[derive(Default)]
pub(crate) struct Routes(Vec<Route>);

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident = $method:ident;)*) => {$(
        $(#[$doc])*
        pub(crate) fn $name<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
        where
            H: Handler<T, Origin>,
            T: 'static,
        {
            let row = Row { method: Method::$method, path, access };
            self.add(row, on(MethodFilter::$method, handler))
        }
    )*};
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    methods! {
        /// OPTIONS.
        options = OPTIONS;
        /// HEAD, where GET does not answer it.
        head = HEAD;
        /// GET, and HEAD with it.
        get = GET;
        /// POST.
        post = POST;
        /// PUT.
        put = PUT;
        /// PATCH.
        patch = PATCH;
        /// DELETE.
        delete = DELETE;
    }

    fn add(mut self, row: Row, handler: MethodRouter<Origin>) -> Self {
        self.0.push(Route { row, handler, header: None });
        self
    }

    /// Every answer of these routes carries a header, refusals too.
    pub(crate) fn answering_with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        for route in &mut self.0 {
            route.header = Some((name.clone(), value.clone()));
        }
        self
    }

    /// These routes and those.
    pub(crate) fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// The lines of the table, by path and method.
    #[cfg(test)]
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<_> = self.0.iter().map(|route| route.row.clone()).collect();
        rows.sort_by(|a, b| (a.path, a.method.as_str()).cmp(&(b.path, b.method.as_str())));
        rows
    }

    /// A router that checks each declaration before the handler runs.
    pub(crate) fn into_router(self, origin: &Origin) -> Router {
        let mut by_path: BTreeMap<&'static str, MethodRouter<Origin>> = BTreeMap::new();
        for Route { row, handler, header } in self.0 {
            let gate = Gate { origin: origin.clone(), access: row.access, header };
            // A layer of the route: a method that is not there is 405, not 401.
            let guarded = handler.route_layer(middleware::from_fn_with_state(gate, pass));
            let known = by_path.remove(row.path).unwrap_or_default();
            by_path.insert(row.path, known.merge(guarded));
        }
        let add = |router: Router<Origin>, (path, methods)| router.route(path, methods);
        by_path.into_iter().fold(Router::new(), add).with_state(origin.clone())
    }
}

/// What stands before one route.
#[derive(Clone)]
struct Gate {
    origin: Origin,
    access: Access,
    header: Option<(HeaderName, HeaderValue)>,
}

async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let mut response = match admit(&gate, request).await {
        Ok(request) => next.run(request).await,
        Err(refused) => refused.into_response(),
    };
    if let Some((name, value)) = gate.header {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Lets a request through whose caller the route is declared for, with the caller attached.
async fn admit(gate: &Gate, request: Request) -> Result<Request, Problem> {
    let Access::Role(role, scope) = gate.access else { return Ok(request) };
    let (mut parts, body) = request.into_parts();
    let found = auth::caller(&gate.origin, &parts.method, &parts.headers).await?;
    let caller = found.ok_or_else(|| Problem::unauthorized("sign in or send an API key"))?;
    caller.require(role, scope).map_err(problem)?;
    let address = auth::address(&parts.extensions);
    parts.extensions.insert(caller.at(address));
    Ok(Request::from_parts(parts, body))
}
