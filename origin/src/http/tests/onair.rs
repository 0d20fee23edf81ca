//! Viewers of a channel, and what its creator is told of it.

use axum::http::{Request, StatusCode, header};
use base::Role;
use live::{Begun, Protocol, Publisher};
use serde_json::{Value, json};
use testkit::both_dbs;

use super::ground::{Answer, Ground};

const VIEWER: &str = "a-viewer-that-drew-this";

/// A channel of this visibility, made by its creator.
async fn channel(ground: &Ground, visibility: &str) -> Value {
    ground.channel(&ground.home, &json!({"name": "studio", "visibility": visibility})).await
}

async fn begin(ground: &Ground, made: &Value) -> Begun {
    let (live, key) = (&ground.origin.live, made["key"].as_str().expect("a key"));
    let admission = live.authenticate(key).await.expect("a database").expect("a good key");
    let publisher = Publisher { protocol: Protocol::Rtmp, encoder: "OBS".to_owned() };
    let begun = live.begin(&admission, &ground.origin.worker, &publisher).await.expect("begun");
    live.flowing(&begun.lease).await.expect("flows");
    begun
}

async fn get(ground: &Ground, path: &str) -> Answer {
    ground.send(Request::builder().uri(path), "").await
}

async fn say(ground: &Ground, id: &str, said: &Value) -> Answer {
    let request = Request::builder().method("POST").uri(format!("/api/v1/live/{id}/beacon"));
    ground.send(request.header(header::CONTENT_TYPE, "application/json"), &said.to_string()).await
}

async fn pulse(ground: &Ground, id: &str) -> Value {
    let key = ground.key(&ground.home, Role::Creator, &[]).await;
    let request = Request::builder().uri(format!("/api/v1/channels/{id}/pulse"));
    let answer = ground.send(request.header("authorization", format!("Bearer {key}")), "").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body
}

both_dbs!(anybody_may_look_at_a_channel_that_is_not_private, |db| async move {
    let ground = Ground::new(db).await;
    for visibility in ["public", "unlisted"] {
        let made = channel(&ground, visibility).await;
        let id = made["channel"].as_str().expect("an id");
        let path = format!("/api/v1/live/{id}");
        let idle = get(&ground, &path).await;
        assert_eq!(
            (idle.status, &idle.body["state"], &idle.body["hls"]),
            (StatusCode::OK, &json!("idle"), &Value::Null)
        );
        assert_eq!(idle.headers[header::CACHE_CONTROL], "private, no-store");
        let begun = begin(&ground, &made).await;
        let live = get(&ground, &path).await.body;
        assert_eq!(
            (&live["state"], &live["broadcast"]),
            (&json!("live"), &json!(begun.lease.broadcast.as_str()))
        );
        assert!(live["live_ms"].is_i64() && live["ended_ms"].is_null(), "{live}");
        ground.origin.live.end(&begun.lease, live::EndReason::Stopped, "").await.expect("ended");
        let ended = get(&ground, &path).await.body;
        assert_eq!((&ended["state"], &ended["reason"]), (&json!("ended"), &json!("stopped")));
    }
});

both_dbs!(a_private_channel_is_there_for_a_token_and_for_its_tenant, |db| async move {
    let ground = Ground::new(db).await;
    let made = channel(&ground, "private").await;
    let id = made["channel"].as_str().expect("an id");
    let path = format!("/api/v1/live/{id}");
    drop(begin(&ground, &made).await);
    assert_eq!(get(&ground, &path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(&ground, &format!("{path}?token=x")).await.status, StatusCode::NOT_FOUND);
    let key = ground.key(&ground.home, Role::Viewer, &[]).await;
    let request = Request::builder().uri(&path).header("authorization", format!("Bearer {key}"));
    assert_eq!(ground.send(request, "").await.status, StatusCode::OK);
    let now = ground.origin.ambient.now().seconds();
    let claims = playback_token::Claims {
        asset: id.to_owned(),
        audience: ground.home.to_string(),
        expires_s: now + 60,
    };
    let token = ground.origin.signer.mint(&claims).expect("a token");
    assert_eq!(get(&ground, &format!("{path}?token={token}")).await.status, StatusCode::OK);
    let said = json!({"viewer": VIEWER});
    assert_eq!(say(&ground, id, &said).await.status, StatusCode::NOT_FOUND);
    let said = json!({"viewer": VIEWER, "token": token});
    assert_eq!(say(&ground, id, &said).await.status, StatusCode::NO_CONTENT);
    assert_eq!(pulse(&ground, id).await["viewers"], 1);
});

both_dbs!(players_that_say_so_are_counted_while_a_channel_is_on_air, |db| async move {
    let ground = Ground::new(db).await;
    let made = channel(&ground, "public").await;
    let id = made["channel"].as_str().expect("an id");
    let said =
        json!({"viewer": VIEWER, "latency_ms": 1_200.0, "behind_ms": 900, "drift_ms_per_minute": -0.4});
    assert_eq!(say(&ground, id, &said).await.status, StatusCode::NOT_FOUND, "nothing is on air");
    drop(begin(&ground, &made).await);
    for _ in 0..2 {
        assert_eq!(say(&ground, id, &said).await.status, StatusCode::NO_CONTENT);
    }
    let told = pulse(&ground, id).await;
    assert_eq!((&told["viewers"], &told["latency_p50_ms"]), (&json!(1), &json!(1_200)));
    assert_eq!((&told["here"], &told["source"]), (&json!(false), &Value::Null), "held elsewhere");
    assert_eq!(told["state"], "live");
    ground.clock.advance(std::time::Duration::from_secs(25));
    assert_eq!(pulse(&ground, id).await["viewers"], 0);
    for unfit in [
        json!({}),
        json!({"viewer": "short"}),
        json!({"viewer": VIEWER, "latency_ms": -1}),
        json!({"viewer": "ö".repeat(10)}),
    ] {
        assert_eq!(say(&ground, id, &unfit).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{unfit}");
    }
    let key = ground.key(&ground.home, Role::Owner, &[]).await;
    let request = Request::builder().uri("/metrics").header("authorization", format!("Bearer {key}"));
    assert_eq!(ground.send(request, "").await.status, StatusCode::OK);
});

both_dbs!(what_a_channel_sent_is_a_list_for_its_tenant, |db| async move {
    let ground = Ground::new(db).await;
    let made = channel(&ground, "public").await;
    let id = made["channel"].as_str().expect("an id");
    for reason in [live::EndReason::Stopped, live::EndReason::Lost] {
        ground.clock.advance(std::time::Duration::from_millis(5));
        let begun = begin(&ground, &made).await;
        ground.origin.live.end(&begun.lease, reason, "the encoder ended the stream").await.expect("ended");
    }
    let key = ground.key(&ground.home, Role::Viewer, &[]).await;
    let request = Request::builder().uri(format!("/api/v1/channels/{id}/broadcasts?limit=1"));
    let page = ground.send(request.header("authorization", format!("Bearer {key}")), "").await.body;
    assert_eq!(
        (&page["items"][0]["reason"], page["items"].as_array().map(Vec::len)),
        (&json!("lost"), Some(1))
    );
    assert!(page["next"].is_string(), "{page}");
});
