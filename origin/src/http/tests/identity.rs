//! Set-up, sign-in, people and keys as a browser and a script meet them.

use std::time::Duration;

use axum::http::{Request, StatusCode, header};
use base::Role;
use identity::{NAME_TRIES_MAX, NAME_WINDOW, SetupOffer};
use serde_json::{Value, json};
use testkit::both_dbs;

use super::ground::{Ground, PASSWORD};

const SIGN_IN: &str = "/api/v1/session";

async fn link(ground: &Ground) -> String {
    match ground.origin.identity.offer_setup("here").await.expect("a database") {
        SetupOffer::Link { secret, .. } => secret.expose().to_owned(),
        other => panic!("no link but {other:?}"),
    }
}

fn credentials(name: &str, password: &str) -> Value {
    json!({"name": name, "password": password})
}

both_dbs!(the_first_owner_is_made_by_the_link_and_only_once, |db| async move {
    let ground = Ground::new(db).await;
    let secret = link(&ground).await;
    let check = format!("/api/v1/setup?secret={secret}");
    assert_eq!(ground.browse("GET", &check, "", &Value::Null).await.status, StatusCode::NO_CONTENT);
    let wanted = json!({"secret": secret, "tenant": " Studio ", "name": "Ada@Home", "password": PASSWORD});

    let short = json!({"secret": secret, "tenant": "Studio", "name": "ada", "password": "short"});
    let refused = ground.browse("POST", "/api/v1/setup", "", &short).await;
    assert_eq!(
        (refused.status, &refused.body["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("password"))
    );

    let made = ground.browse("POST", "/api/v1/setup", "", &wanted).await;
    assert_eq!(made.status, StatusCode::NO_CONTENT, "{}", made.body);
    let me = ground.browse("GET", "/api/v1/me", &made.cookie(), &Value::Null).await.body;
    assert_eq!(
        (&me["name"], &me["role"], &me["tenant"]["name"]),
        (&json!("ada@home"), &json!("owner"), &json!("Studio"))
    );

    for replayed in [
        ground.browse("POST", "/api/v1/setup", "", &wanted).await,
        ground.browse("GET", &check, "", &Value::Null).await,
    ] {
        assert_eq!(replayed.status, StatusCode::GONE);
    }
    assert_eq!(ground.actions().await, ["set-up"]);
});

both_dbs!(an_old_or_replaced_link_is_gone, |db| async move {
    let ground = Ground::new(db).await;
    let (first, second) = (link(&ground).await, link(&ground).await);
    let check = async |secret: &str| {
        ground.browse("GET", &format!("/api/v1/setup?secret={secret}"), "", &Value::Null).await.status
    };
    assert_eq!([check(&first).await, check(&second).await], [StatusCode::GONE, StatusCode::NO_CONTENT]);
    ground.clock.advance(identity::SETUP_LIFETIME);
    assert_eq!(check(&second).await, StatusCode::GONE);
    for nonsense in ["", "nu_", "x", &"a".repeat(5000)] {
        assert_eq!(check(nonsense).await, StatusCode::GONE);
    }
});

both_dbs!(a_password_opens_a_session_and_a_wrong_one_does_not, |db| async move {
    let ground = Ground::new(db).await;
    ground.user("ada", Role::Creator).await;
    for (name, password) in
        [("ada", "not the right one"), ("nobody", PASSWORD), ("ada", ""), ("a b", PASSWORD)]
    {
        let answer = ground.browse("POST", SIGN_IN, "", &credentials(name, password)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
    }
    let answer = ground.browse("POST", SIGN_IN, "", &credentials("ADA", PASSWORD)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let set = answer.headers[header::SET_COOKIE].to_str().expect("text");
    assert!(set.contains("; HttpOnly; SameSite=Strict;") && !set.contains("Secure"), "{set}");
    let cookie = answer.cookie();
    let me = ground.browse("GET", "/api/v1/me", &cookie, &Value::Null).await.body;
    assert_eq!((&me["name"], &me["role"], &me["scopes"]), (&json!("ada"), &json!("creator"), &Value::Null));
    assert_eq!(ground.browse("DELETE", SIGN_IN, &cookie, &Value::Null).await.status, StatusCode::NO_CONTENT);
    let after = ground.browse("GET", "/api/v1/me", &cookie, &Value::Null).await.status;
    assert_eq!(after, StatusCode::UNAUTHORIZED);
    assert_eq!(ground.actions().await, ["sign-in", "sign-in-refused", "sign-in-refused", "user-created"]);
});

both_dbs!(what_does_not_fit_is_refused_in_words, |db| async move {
    let ground = Ground::new(db).await;
    let cookie = {
        ground.user("boss", Role::Admin).await;
        ground.signed_in("boss").await
    };
    let huge = "x".repeat(200_000);
    for (body, status) in [
        (json!({"name": "ada", "password": huge}), 401),
        (json!({"name": huge, "password": PASSWORD}), 401),
        (json!({"name": 7, "password": PASSWORD}), 422),
        (json!({"name": "ada"}), 422),
        (json!({"name": "ada", "password": PASSWORD, "key": "nx_"}), 422),
        (json!({"nom": "ada"}), 422),
        (json!([]), 422),
        (json!({"key": "nx_wrong"}), 401),
    ] {
        assert_eq!(
            ground.browse("POST", SIGN_IN, "", &body).await.status,
            status,
            "{:.80}",
            body.to_string()
        );
    }
    for (body, status) in [
        (json!({"name": "a b", "role": "viewer", "password": PASSWORD}), 422),
        (json!({"name": huge, "role": "viewer", "password": PASSWORD}), 422),
        (json!({"name": "eve", "role": "viewer", "password": huge}), 422),
        (json!({"name": "eve", "role": "emperor", "password": PASSWORD}), 422),
        (json!({"name": "eve", "role": "owner", "password": PASSWORD}), 403),
        (json!({"name": "boss", "role": "viewer", "password": PASSWORD}), 409),
        (json!({"name": "eve", "role": "viewer", "password": PASSWORD, "tenant": "other"}), 422),
    ] {
        let answer = ground.browse("POST", "/api/v1/users", &cookie, &body).await;
        assert_eq!(answer.status, status, "{:.80}: {}", body.to_string(), answer.body);
    }
    for (body, status) in [
        (json!({"name": "", "role": "viewer"}), 422),
        (json!({"name": "k", "role": "owner"}), 403),
        (json!({"name": "k", "role": "viewer", "scopes": []}), 422),
        (json!({"name": "k", "role": "viewer", "scopes": ["everything"]}), 422),
        (json!({"name": "k", "role": "viewer", "expires_in_seconds": 1}), 422),
        (json!({"name": "k", "role": "viewer", "expires_in_seconds": -1}), 422),
    ] {
        let answer = ground.browse("POST", "/api/v1/keys", &cookie, &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
});

both_dbs!(a_flood_of_tries_is_told_when_to_come_again, |db| async move {
    let ground = Ground::new(db).await;
    ground.user("ada", Role::Viewer).await;
    for name in ["ada", "nobody"] {
        for _ in 0..NAME_TRIES_MAX {
            let answer = ground.browse("POST", SIGN_IN, "", &credentials(name, "not the right one")).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
        }
        ground.clock.advance(Duration::from_secs(60));
        let answer = ground.browse("POST", SIGN_IN, "", &credentials(name, PASSWORD)).await;
        assert_eq!(
            answer.status,
            StatusCode::TOO_MANY_REQUESTS,
            "{name}: the right password is not looked at"
        );
        let wait = NAME_WINDOW.as_secs() - 60;
        assert_eq!(answer.headers[header::RETRY_AFTER], wait.to_string(), "{name}");
        assert_eq!(answer.body["type"], "urn:nexus:problem:too-many-requests");
    }
    ground.clock.advance(NAME_WINDOW);
    let answer = ground.browse("POST", SIGN_IN, "", &credentials("ada", PASSWORD)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
});

both_dbs!(other_sites_cannot_use_the_cookie, |db| async move {
    let ground = Ground::new(db).await;
    ground.user("boss", Role::Admin).await;
    let cookie = ground.signed_in("boss").await;
    let body = json!({"name": "eve", "role": "admin", "password": PASSWORD}).to_string();
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil.test"),
        ("x-nothing", ""),
    ] {
        for (method, path) in
            [("POST", "/api/v1/users"), ("DELETE", "/api/v1/me/sessions"), ("DELETE", SIGN_IN)]
        {
            let request = Request::builder().method(method).uri(path).header(header::COOKIE, &cookie);
            let request = request.header(name, value).header(header::CONTENT_TYPE, "application/json");
            assert_eq!(
                ground.send(request, &body).await.status,
                StatusCode::FORBIDDEN,
                "{method} {path}: {name}: {value}"
            );
        }
    }
    assert_eq!(ground.browse("GET", "/api/v1/me", &cookie, &Value::Null).await.status, StatusCode::OK);
});

both_dbs!(a_disabled_person_is_out_at_once_and_the_last_owner_stays, |db| async move {
    let ground = Ground::new(db).await;
    let owner = ground.user("owner", Role::Owner).await;
    let ada = ground.user("ada", Role::Creator).await;
    let (boss, cookie) = (ground.signed_in("owner").await, ground.signed_in("ada").await);
    let path = |id: &base::UserId| format!("/api/v1/users/{id}");
    let change = async |id, body: Value| ground.browse("PATCH", &path(id), &boss, &body).await;

    let disabled = change(&ada.id, json!({"disabled": true})).await;
    assert_eq!(disabled.status, StatusCode::OK);
    assert!(disabled.body["disabled_ms"].is_i64(), "{}", disabled.body);
    assert_eq!(
        ground.browse("GET", "/api/v1/me", &cookie, &Value::Null).await.status,
        StatusCode::UNAUTHORIZED
    );
    let sign_in = ground.browse("POST", SIGN_IN, "", &credentials("ada", PASSWORD)).await;
    assert_eq!(sign_in.status, StatusCode::UNAUTHORIZED);

    for body in [json!({"disabled": true}), json!({"role": "admin"})] {
        assert_eq!(change(&owner.id, body).await.status, StatusCode::CONFLICT);
    }
    let promoted = change(&ada.id, json!({"disabled": false, "role": "owner"})).await;
    assert_eq!((promoted.status, &promoted.body["role"]), (StatusCode::OK, &json!("owner")));
    assert_eq!(change(&owner.id, json!({"role": "viewer"})).await.status, StatusCode::OK);
    assert_eq!(
        change(&owner.id, json!({"role": "owner"})).await.status,
        StatusCode::FORBIDDEN,
        "no longer one"
    );
});

both_dbs!(a_new_password_ends_the_other_sessions, |db| async move {
    let ground = Ground::new(db).await;
    ground.user("ada", Role::Creator).await;
    let (here, there) = (ground.signed_in("ada").await, ground.signed_in("ada").await);
    let change = async |current: &str, password: &str| {
        let body = json!({"current": current, "password": password});
        ground.browse("PUT", "/api/v1/me/password", &here, &body).await
    };
    let wrong = change("not the right one", "quite another one").await;
    assert_eq!((wrong.status, &wrong.body["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("current")));
    assert_eq!(change(PASSWORD, "quite another one").await.status, StatusCode::NO_CONTENT);
    let me = async |cookie: &str| ground.browse("GET", "/api/v1/me", cookie, &Value::Null).await.status;
    assert_eq!([me(&here).await, me(&there).await], [StatusCode::OK, StatusCode::UNAUTHORIZED]);

    let out = ground.browse("DELETE", "/api/v1/me/sessions", &here, &Value::Null).await;
    assert_eq!((out.status, out.cookie()), (StatusCode::NO_CONTENT, "nexus_session=".to_owned()));
    assert_eq!(me(&here).await, StatusCode::UNAUTHORIZED);
});

both_dbs!(keys_are_made_listed_and_revoked_and_deletions_recorded, |db| async move {
    let ground = Ground::new(db).await;
    ground.user("boss", Role::Admin).await;
    let cookie = ground.signed_in("boss").await;
    let wanted = json!({"name": "suite", "role": "creator", "scopes": ["upload", "manage"], "expires_in_seconds": 3600});
    let made = ground.browse("POST", "/api/v1/keys", &cookie, &wanted).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let (id, key) = (made.body["id"].as_str().expect("an id"), made.body["key"].as_str().expect("a key"));
    let as_key = |method: &str, path: &str| {
        Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"))
    };
    let me = ground.send(as_key("GET", "/api/v1/me"), "").await.body;
    assert_eq!((&me["name"], &me["scopes"]), (&json!("suite"), &json!(["upload", "manage"])));

    let (asset, _) = ground.upload(&ground.home).await;
    ground.clock.advance(Duration::from_secs(1));
    let deleted = ground.send(as_key("DELETE", &format!("/api/v1/assets/{asset}")), "").await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.body);
    let log = ground.browse("GET", "/api/v1/audit?limit=1", &cookie, &Value::Null).await.body;
    let entry = &log["items"][0];
    assert_eq!(entry["action"], "asset-deleted");
    assert_eq!(
        (&entry["subject"], &entry["actor"]),
        (&json!(format!("asset:{asset}")), &json!(format!("key:{id}")))
    );
    assert_eq!(entry["address"], "203.0.113.7");
    let next = log["next"].as_str().expect("more");
    let older =
        ground.browse("GET", &format!("/api/v1/audit?limit=1&after={next}"), &cookie, &Value::Null).await;
    assert_ne!(older.body["items"][0]["id"], entry["id"]);

    let revoke = format!("/api/v1/keys/{id}");
    assert_eq!(ground.browse("DELETE", &revoke, &cookie, &Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ground.send(as_key("GET", "/api/v1/me"), "").await.status, StatusCode::UNAUTHORIZED);
    let keys = ground.browse("GET", "/api/v1/keys", &cookie, &Value::Null).await.body;
    let listed = keys["items"].as_array().expect("a list").iter().find(|listed| listed["id"] == id);
    assert!(listed.is_some_and(|key| key["revoked_ms"].is_i64() && key.get("key").is_none()), "{keys}");
});
