//! Channels over the API.

use axum::http::{Request, StatusCode, header};
use base::Role;
use live::{Protocol, Publisher};
use serde_json::{Value, json};
use testkit::both_dbs;

use super::ground::{Answer, Ground};

const MEDIA: [&str; 6] = ["rtmp", "srt", "whip", "hls", "dash", "whep"];

/// A caller with a key.
struct Caller<'a> {
    ground: &'a Ground,
    key: String,
}

impl<'a> Caller<'a> {
    async fn of(ground: &'a Ground, role: Role) -> Self {
        Self { ground, key: ground.key(&ground.home, role, &[]).await }
    }

    async fn stranger(ground: &'a Ground) -> Self {
        let elsewhere = ground.origin.identity.create_tenant("Elsewhere").await.expect("made");
        Self { ground, key: ground.key(&elsewhere, Role::Owner, &[]).await }
    }

    async fn call(&self, method: &str, path: &str, once: Option<&str>, body: &Value) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {}", self.key));
        let mut request = request.header(header::CONTENT_TYPE, "application/json");
        if let Some(once) = once {
            request = request.header("idempotency-key", once);
        }
        self.ground.send(request, &body.to_string()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None, &Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, None, &body).await
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} of {value}"))
}

/// Whether a stream key opens something.
async fn opens(ground: &Ground, key: &str) -> bool {
    ground.origin.live.authenticate(key).await.expect("a database").is_some()
}

both_dbs!(a_channel_is_made_shown_changed_and_deleted, |db| async move {
    let ground = Ground::new(db).await;
    let creator = Caller::of(&ground, Role::Creator).await;
    let made = creator.post("/api/v1/channels", json!({"name": " Studio "})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let path = format!("/api/v1/channels/{}", text(&made.body, "channel"));
    assert_eq!(made.headers[header::LOCATION], path.as_str());
    assert_eq!(made.headers[header::CACHE_CONTROL], "no-store");
    assert!(opens(&ground, text(&made.body, "key")).await);
    assert!((10..=79).contains(&text(&made.body, "passphrase").len()));
    assert!(MEDIA.iter().all(|name| made.body[name].is_null()), "{}", made.body);
    let shown = creator.get(&path).await.body;
    assert!(shown.get("key").is_none() && shown.get("passphrase").is_none(), "shown once: {shown}");
    let chosen =
        [&shown["name"], &shown["visibility"], &shown["state"], &shown["rungs"], &shown["dvr_seconds"]];
    assert_eq!(chosen, [&json!("Studio"), &json!("unlisted"), &json!("idle"), &Value::Null, &json!(7200)]);
    assert_eq!((&shown["recording"], &shown["admission_url"]), (&json!(true), &Value::Null));

    let change = json!({"name": "Stage", "rungs": [360, 720.0], "dvr_seconds": null, "recording": false,
        "visibility": "public", "admission_url": "https://gate.example/ask"});
    let changed = creator.call("PATCH", &path, None, &change).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    assert_eq!((&changed.body["rungs"], &changed.body["dvr_seconds"]), (&json!([720, 360]), &Value::Null));
    let changed = creator.call("PATCH", &path, None, &json!({"rungs": null, "admission_url": null})).await;
    assert_eq!((&changed.body["rungs"], &changed.body["admission_url"]), (&Value::Null, &Value::Null));
    assert_eq!((text(&changed.body, "name"), text(&changed.body, "visibility")), ("Stage", "public"));

    assert_eq!(creator.call("DELETE", &path, None, &Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(creator.get(&path).await.status, StatusCode::NOT_FOUND);
    assert!(!opens(&ground, text(&made.body, "key")).await);
    assert!(ground.actions().await.contains(&"channel-deleted".to_owned()));
});

both_dbs!(what_does_not_fit_is_named, |db| async move {
    let ground = Ground::new(db).await;
    let creator = Caller::of(&ground, Role::Creator).await;
    for (field, new) in [
        ("name", json!({"name": ""})),
        ("visibility", json!({"name": "x", "visibility": "secret"})),
        ("rungs", json!({"name": "x", "rungs": [361]})),
        ("dvr_seconds", json!({"name": "x", "dvr_seconds": 604_801})),
        ("admission_url", json!({"name": "x", "admission_url": "http://gate.example/"})),
        ("admission_url", json!({"name": "x", "admission_url": "https://127.0.0.1/"})),
    ] {
        let refused = creator.post("/api/v1/channels", new).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
        assert_eq!(text(&refused.body, "field"), field);
    }
    for unfit in [json!({}), json!({"name": "x", "key": "mine"}), json!({"name": "x", "rungs": [1.5]})] {
        let refused = creator.post("/api/v1/channels", unfit).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    }
    assert_eq!(creator.get("/api/v1/channels").await.body["items"], json!([]));
});

both_dbs!(a_key_is_rotated_and_the_one_before_opens_nothing, |db| async move {
    let ground = Ground::new(db).await;
    let creator = Caller::of(&ground, Role::Creator).await;
    let made = creator.post("/api/v1/channels", json!({"name": "studio"})).await.body;
    let path = format!("/api/v1/channels/{}", text(&made, "channel"));
    let fresh = creator.post(&format!("{path}/key"), json!({})).await;
    assert_eq!((fresh.status, text(&fresh.body, "channel")), (StatusCode::OK, text(&made, "channel")));
    assert_ne!(text(&fresh.body, "key"), text(&made, "key"));
    assert_ne!(text(&fresh.body, "passphrase"), text(&made, "passphrase"));
    assert!(!opens(&ground, text(&made, "key")).await && opens(&ground, text(&fresh.body, "key")).await);
    assert!(ground.actions().await.contains(&"stream-key-rotated".to_owned()));
});

both_dbs!(the_same_creation_twice_makes_one_channel, |db| async move {
    let ground = Ground::new(db).await;
    let creator = Caller::of(&ground, Role::Creator).await;
    let new = json!({"name": "studio", "dvr_seconds": null});
    let first = creator.call("POST", "/api/v1/channels", Some("one"), &new).await;
    let again = creator.call("POST", "/api/v1/channels", Some("one"), &new).await;
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(first.body["channel"], again.body["channel"]);
    assert!(
        again.body["key"].is_null() && again.body["passphrase"].is_null(),
        "kept nowhere: {}",
        again.body
    );
    assert!(opens(&ground, text(&first.body, "key")).await);
    let another = creator.call("POST", "/api/v1/channels", Some("one"), &json!({"name": "studio"})).await;
    assert_eq!(another.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", another.body);
    let listed = creator.get("/api/v1/channels").await.body;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
});

both_dbs!(members_see_what_their_role_may_and_strangers_nothing, |db| async move {
    let ground = Ground::new(db).await;
    let (creator, viewer) =
        (Caller::of(&ground, Role::Creator).await, Caller::of(&ground, Role::Viewer).await);
    let stranger = Caller::stranger(&ground).await;
    let mut paths = Vec::new();
    for visibility in ["public", "unlisted", "private"] {
        let new =
            json!({"name": visibility, "visibility": visibility, "admission_url": "https://gate.example/"});
        let made = creator.post("/api/v1/channels", new).await.body;
        paths.push(format!("/api/v1/channels/{}", text(&made, "channel")));
    }
    for (index, path) in paths.iter().enumerate() {
        let sees = if index == 0 { StatusCode::OK } else { StatusCode::NOT_FOUND };
        for path in [path.clone(), format!("{path}/state")] {
            assert_eq!(creator.get(&path).await.status, StatusCode::OK);
            assert_eq!(viewer.get(&path).await.status, sees, "{path}");
            assert_eq!(stranger.get(&path).await.status, StatusCode::NOT_FOUND);
        }
        assert_eq!(viewer.post(&format!("{path}/key"), json!({})).await.status, StatusCode::FORBIDDEN);
        assert_eq!(stranger.post(&format!("{path}/key"), json!({})).await.status, StatusCode::NOT_FOUND);
    }
    let shown = viewer.get(&paths[0]).await.body;
    assert!(shown["admission_url"].is_null(), "{shown}");
    let listed = viewer.get("/api/v1/channels").await.body;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    let page = creator.get("/api/v1/channels?limit=2").await;
    let next = format!("/api/v1/channels?limit=2&after={}", text(&page.body, "next"));
    assert_eq!(creator.get(&next).await.body["items"].as_array().map(Vec::len), Some(1));
});

both_dbs!(the_state_tells_of_the_broadcast_and_who_is_on_air_can_be_kicked, |db| async move {
    let ground = Ground::new(db).await;
    let creator = Caller::of(&ground, Role::Creator).await;
    let made = creator.post("/api/v1/channels", json!({"name": "studio"})).await.body;
    let path = format!("/api/v1/channels/{}", text(&made, "channel"));
    let state = async || creator.get(&format!("{path}/state")).await.body;
    assert_eq!((&state().await["state"], &state().await["broadcast"]), (&json!("idle"), &Value::Null));
    let nobody = creator.post(&format!("{path}/kick"), json!({})).await;
    assert_eq!(nobody.status, StatusCode::CONFLICT, "{}", nobody.body);

    let live = &ground.origin.live;
    let admission = live.authenticate(text(&made, "key")).await.expect("a database").expect("a good key");
    let publisher = Publisher { protocol: Protocol::Rtmp, encoder: "OBS".to_owned() };
    let begun = live.begin(&admission, &ground.origin.worker, &publisher).await.expect("begun");
    live.flowing(&begun.lease).await.expect("flows");
    let on_air = state().await;
    assert_eq!(on_air["state"], "live");
    let broadcast = &on_air["broadcast"];
    assert_eq!((text(broadcast, "protocol"), text(broadcast, "encoder")), ("rtmp", "OBS"));
    assert!(broadcast["live_ms"].is_i64() && broadcast["ended_ms"].is_null(), "{on_air}");

    let kicked = creator.post(&format!("{path}/kick"), json!({})).await;
    assert_eq!((kicked.status, &kicked.body["state"]), (StatusCode::OK, &json!("ended")));
    let over = state().await;
    assert_eq!((text(&over["broadcast"], "reason"), &over["broadcast"]["detail"]), ("kicked", &Value::Null));
});

both_dbs!(more_channels_than_are_allowed_are_refused_with_the_limit, |db| async move {
    let ground = Ground::new(db).await;
    let creator = Caller::of(&ground, Role::Creator).await;
    let own = live::OwnLimits { channels_max: Some(1), ..live::OwnLimits::default() };
    ground.origin.live.set_own_limits(&ground.home, own).await.expect("set");
    assert_eq!(creator.post("/api/v1/channels", json!({"name": "one"})).await.status, StatusCode::CREATED);
    let refused = creator.post("/api/v1/channels", json!({"name": "two"})).await;
    assert_eq!((refused.status, &refused.body["limit"]), (StatusCode::CONFLICT, &json!(1)));
    assert_eq!(text(&refused.body, "type"), "urn:nexus:problem:too-many-channels");
});
