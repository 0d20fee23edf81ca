//! What the table of routes promises.

use std::{collections::BTreeSet, fmt::Write as _};

use axum::http::{Request, StatusCode, header};
use base::{Role, TenantId};
use identity::Scope;
use serde_json::Value;
use testkit::both_dbs;

use super::{
    super::{
        live, media, openapi, routes,
        table::{Access, Row},
    },
    ground::Ground,
};

const ROLES: [Role; 4] = [Role::Viewer, Role::Creator, Role::Admin, Role::Owner];
/// An identifier that nothing has.
const NOBODY: &str = "00000000000000000000000000";

fn rows() -> Vec<Row> {
    routes().and(media::routes()).and(live::routes()).rows()
}

/// The routes that members of a tenant use, and what they need.
fn guarded() -> impl Iterator<Item = (Row, Role, Option<Scope>)> {
    rows().into_iter().filter_map(|row| match row.access {
        Access::Role(role, scope) => Some((row, role, scope)),
        Access::Public | Access::Token => None,
    })
}

/// A request to a route, well enough formed to get past what looks at headers and bodies.
fn request(row: &Row, path: &str) -> (axum::http::request::Builder, &'static str) {
    let request = Request::builder().method(row.method.clone()).uri(path);
    if row.path.starts_with("/files") {
        let request = request.header("tus-resumable", "1.0.0").header("upload-length", "10");
        let request = request.header("upload-offset", "0");
        return (request.header(header::CONTENT_TYPE, "application/offset+octet-stream"), "");
    }
    let body = if row.path.ends_with("/password") { r#"{"password":"a long enough one"}"# } else { "{}" };
    (request.header(header::CONTENT_TYPE, "application/json"), body)
}

fn nowhere(row: &Row) -> String {
    row.path.replace("{id}", NOBODY).replace("{*path}", &format!("{NOBODY}/hls.m3u8"))
}

/// A declaration in the words of the page and of the API's document.
fn words(access: Access) -> (&'static str, &'static str) {
    match access {
        Access::Public => ("public", ""),
        Access::Token => ("token", ""),
        Access::Role(role, scope) => (role.as_str(), scope.map_or("", Scope::as_str)),
    }
}

fn table() -> String {
    let mut text = "# Routes\n\n\
        Who may use each route of the origin, as declared in code (`origin/src/http/table.rs` checks it before the \
        handler runs).\nA test keeps this page in step and proves every line over a real router and database.\n\n\
        *Public* is for anybody. *Token* is for whoever shows a secret made for just this (a playback token, an \
        edge's\ncredential, the metrics token, a set-up link), which the handler verifies; public and unlisted \
        films and channels need none. The rest\nis for members of a tenant from the named role on, and reaches only their own \
        tenant: another's objects are 404. A key\nthat is narrowed to scopes needs the scope, too. What no route \
        answers is the page, which is public.\n\n\
        | method | path | access | scope | viewer | creator | admin | owner |\n|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for row in rows() {
        let (access, scope) = words(row.access);
        let may = |role: Role| match row.access {
            Access::Public | Access::Token => "",
            Access::Role(least, _) if role >= least => "yes",
            Access::Role(..) => "403",
        };
        let _ = write!(text, "| {} | `{}` | {access} | {scope} |", row.method, row.path);
        for role in ROLES {
            let _ = write!(text, " {} |", may(role));
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_routes_are_written_down() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ROUTES.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let table = table();
    assert!(written == table, "docs/ROUTES.md is not in step; after a review it has to say:\n{table}");
}

/// An operation in a line: method, path, access and scope.
fn line(method: &str, path: &str, access: &str, scope: &str) -> String {
    format!("{} {path} {access} {scope}", method.to_ascii_lowercase()).trim_end().to_owned()
}

/// The operations of the API's document.
fn documented() -> BTreeSet<String> {
    let document: Value = serde_json::from_str(openapi::TEXT).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods").iter();
        methods.map(move |(method, operation)| {
            let word = |name: &str| operation[name].as_str().unwrap_or_default();
            line(method, path, word("x-access"), word("x-scope"))
        })
    });
    operations.collect()
}

#[test]
fn the_apis_document_has_every_route_and_no_other() {
    let rows = rows().into_iter().filter(|row| row.path.starts_with("/api/v1/"));
    let declared: BTreeSet<_> = rows
        .map(|row| {
            let (access, scope) = words(row.access);
            line(row.method.as_str(), row.path, access, scope)
        })
        .collect();
    let documented = documented();
    let missing: Vec<_> = declared.difference(&documented).collect();
    let wrong: Vec<_> = documented.difference(&declared).collect();
    assert!(missing.is_empty(), "openapi.json lacks {missing:#?} and has {wrong:#?}, which is not declared");
    assert!(wrong.is_empty(), "openapi.json has {wrong:#?}, which is not declared");
}

#[test]
fn what_strangers_may_use_is_reviewed() {
    let open = rows().into_iter().filter(|row| !matches!(row.access, Access::Role(..)));
    let open: Vec<_> = open.map(|row| format!("{:?} {} {}", row.access, row.method, row.path)).collect();
    insta::assert_snapshot!(open.join("\n"), @r"
    Public GET /.well-known/jwks.json
    Token GET /api/v1/live/{id}
    Token POST /api/v1/live/{id}/beacon
    Public GET /api/v1/openapi.json
    Token POST /api/v1/plays
    Public DELETE /api/v1/plays/{id}
    Public POST /api/v1/plays/{id}/heartbeat
    Public DELETE /api/v1/session
    Public POST /api/v1/session
    Token GET /api/v1/setup
    Token POST /api/v1/setup
    Public GET /api/v1/version
    Token GET /api/v1/watch/{id}
    Public OPTIONS /files
    Public OPTIONS /files/{id}
    Public GET /health
    Public GET /health/live
    Public GET /health/ready
    Public GET /health/{service}
    Token GET /live/{*path}
    Token GET /media/{*path}
    Token GET /metrics
    ");
}

both_dbs!(a_stranger_is_told_to_sign_in, |db| async move {
    let ground = Ground::new(db).await;
    for row in rows() {
        let (request, body) = request(&row, &nowhere(&row));
        let status = ground.send(request, body).await.status;
        match row.access {
            Access::Role(..) => assert_eq!(status, StatusCode::UNAUTHORIZED, "{row:?}"),
            Access::Token => assert!(status.is_client_error(), "{row:?}: {status}"),
            Access::Public => assert_ne!(status, StatusCode::UNAUTHORIZED, "{row:?}"),
        }
    }
});

both_dbs!(a_role_below_is_refused_and_the_role_itself_is_not, |db| async move {
    let ground = Ground::new(db).await;
    let mut keys = Vec::new();
    for role in ROLES {
        ground.user(role.as_str(), role).await;
        keys.push((role, ground.key(&ground.home, role, &[]).await));
    }
    for (row, least, _) in guarded() {
        for (role, key) in keys.iter().filter(|(role, _)| *role < least) {
            let (request, body) = request(&row, &nowhere(&row));
            let answer = ground.send(request.header("authorization", format!("Bearer {key}")), body).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{role}: {row:?}");
        }
        let cookie = ground.signed_in(least.as_str()).await;
        let (request, body) = request(&row, &nowhere(&row));
        let request = request.header(header::COOKIE, &cookie).header("sec-fetch-site", "same-origin");
        let status = ground.send(request, body).await.status;
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
        assert!(!refused && !status.is_server_error(), "{least}: {row:?}: {status}");
    }
});

both_dbs!(a_narrowed_key_reaches_no_further_than_its_scopes, |db| async move {
    let ground = Ground::new(db).await;
    for scope in Scope::ALL {
        let key = ground.key(&ground.home, Role::Owner, &[scope]).await;
        for (row, _, needed) in guarded() {
            let (request, body) = request(&row, &nowhere(&row));
            let answer = ground.send(request.header("authorization", format!("Bearer {key}")), body).await;
            let scoped_out = needed.is_some_and(|needed| needed != scope);
            let why = answer.body["detail"].as_str().unwrap_or_default();
            // An answer to HEAD has no words.
            let told = why.contains("the scope") || row.method == "HEAD";
            let refused = answer.status == StatusCode::FORBIDDEN && told;
            assert_eq!(refused, scoped_out, "{scope}: {row:?}: {} {why}", answer.status);
        }
    }
});

/// The address of an object that `owner` has, at a route that names one.
async fn object(ground: &Ground, row: &Row, owner: &TenantId) -> Option<String> {
    let (before, after) = row.path.split_once("{id}")?;
    let id = match before {
        "/api/v1/assets/" => ground.upload(owner).await.0,
        "/files/" => ground.upload(owner).await.1,
        "/api/v1/webhooks/" => ground.webhook(owner).await,
        "/api/v1/channels/" => {
            let made = ground.channel(owner, &serde_json::json!({"name": "studio"})).await;
            made["channel"].as_str().expect("an identifier").to_owned()
        }
        "/api/v1/users/" => {
            let name = format!("user-{}", ground.origin.ambient.id::<base::UserId>());
            ground.user(&name, Role::Viewer).await.id.to_string()
        }
        "/api/v1/keys/" => {
            let key = ground.key(owner, Role::Viewer, &[]).await;
            key.trim_start_matches("nx_")[..26].to_owned()
        }
        _ => panic!("{row:?} names an object that this test does not know how to make"),
    };
    Some(format!("{before}{id}{after}"))
}

both_dbs!(another_tenants_objects_do_not_exist, |db| async move {
    let ground = Ground::new(db).await;
    let elsewhere = ground.origin.identity.create_tenant("Elsewhere").await.expect("made");
    let keys = [
        (ground.key(&elsewhere, Role::Owner, &[]).await, true),
        (ground.key(&ground.home, Role::Owner, &[]).await, false),
    ];
    let mut tried = 0;
    for (row, _, _) in guarded() {
        for (key, foreign) in &keys {
            let Some(path) = object(&ground, &row, &ground.home).await else { continue };
            let (request, body) = request(&row, &path);
            let answer = ground.send(request.header("authorization", format!("Bearer {key}")), body).await;
            // The tenant's own owner finds it, so that it is the tenant that hides it.
            let absent = answer.status == StatusCode::NOT_FOUND;
            assert_eq!(absent, *foreign, "{row:?}: {} {}", answer.status, answer.body);
            tried += 1;
        }
    }
    assert!(tried >= 20, "{tried} routes name objects");
});
