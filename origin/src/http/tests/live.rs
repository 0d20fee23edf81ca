//! What is on air, as requests meet it.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use base::{ChannelId, Role, Visibility};
use db::Db;
use serde_json::json;
use testkit::both_dbs;
use tower::ServiceExt;

use super::ground::Ground;
use crate::live::Studio;

/// Frames of a part: the fewest that last 200 ms.
const PART: u64 = 10;
/// Frames of more than a segment of four seconds.
const SEGMENT: u64 = 200;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    fn control(&self) -> (u16, &str) {
        (self.status.as_u16(), self.header(header::CACHE_CONTROL))
    }
}

/// A channel on air, and those who watch it.
struct Channel {
    ground: Ground,
    id: ChannelId,
    studio: Studio,
}

impl Channel {
    async fn on_air(db: Db, visibility: Visibility) -> Self {
        let ground = Ground::new(db).await;
        let new = json!({"name": "studio", "visibility": visibility.as_str()});
        let made = ground.channel(&ground.home, &new).await;
        let id: ChannelId = made["channel"].as_str().expect("an identifier").parse().expect("one");
        let mut studio = Studio::open(&ground.origin, id.clone(), visibility);
        studio.sends(SEGMENT + 3 * PART);
        Self { ground, id, studio }
    }

    /// A path below the broadcast.
    fn path(&self, rest: &str) -> String {
        format!("/live/{}/{}/{rest}", self.id, self.studio.stage.broadcast)
    }

    async fn ask(&self, method: Method, path: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("a request");
        let (parts, body) =
            self.ground.router.clone().oneshot(request).await.expect("infallible").into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 24).await.expect("a body");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).await
    }

    /// The segment that grows and the part that it gets next, as the list hints it.
    async fn next(&self) -> (u64, u64) {
        let list = self.get(&self.path("audio.m3u8")).await.text;
        let hint =
            list.lines().find(|line| line.starts_with("#EXT-X-PRELOAD-HINT:TYPE=PART")).expect("a hint");
        let name = hint.split_once("URI=\"audio/").expect("a file").1;
        let (msn, rest) = name.split_once('.').expect("a part");
        (
            msn.parse().expect("a number"),
            rest.split('.').next().and_then(|part| part.parse().ok()).expect("one"),
        )
    }
}

both_dbs!(lists_and_files_say_how_long_they_may_be_kept, |db| async move {
    let channel = Channel::on_air(db, Visibility::Unlisted).await;
    let (msn, part) = channel.next().await;
    let multivariant = format!("/live/{}/hls.m3u8", channel.id);
    let list = channel.path("audio.m3u8");
    let short = "public, max-age=1, stale-if-error=6";
    for (path, control) in [
        (multivariant, (200, short)),
        (list.clone(), (200, short)),
        (format!("{list}?_HLS_skip=YES"), (200, short)),
        (format!("{list}?_HLS_msn=0&_HLS_part=0"), (200, "public, max-age=6, stale-if-error=6")),
        (list.clone(), (200, short)),
        (format!("{list}?_HLS_msn={}", msn + 3), (400, "public, max-age=1")),
        (format!("{list}?_HLS_part=1"), (400, "public, max-age=1")),
        (format!("{list}?x={}", "x".repeat(5_000)), (400, "public, max-age=1")),
        (channel.path("source.m3u8"), (404, "public, max-age=1")),
        (channel.path("audio/init-0.mp4"), (200, "public, max-age=31536000, immutable")),
        (channel.path("audio/0.m4s"), (200, "public, max-age=31536000, immutable")),
        (channel.path(&format!("audio/{msn}.0.m4s")), (200, "public, max-age=31536000, immutable")),
        (channel.path(&format!("audio/{msn}.{}.m4s", part + 1)), (404, "no-cache")),
        (channel.path("audio/0.99.m4s"), (404, "public, max-age=1")),
    ] {
        let (got, head) = (channel.get(&path).await, channel.ask(Method::HEAD, &path).await);
        assert_eq!((got.control(), head.control()), (control, control), "{path}");
        let length = head.header(header::CONTENT_LENGTH);
        assert!(head.text.is_empty() && !got.text.is_empty(), "{path}");
        assert_eq!(length, got.header(header::CONTENT_LENGTH), "{path}");
    }
});

both_dbs!(sound_is_sound_and_lists_are_packed, |db| async move {
    let channel = Channel::on_air(db, Visibility::Unlisted).await;
    let kind = channel.get(&channel.path("audio/0.m4s")).await;
    assert_eq!(kind.header(header::CONTENT_TYPE), "audio/mp4");
    let multivariant = format!("/live/{}/hls.m3u8", channel.id);
    for path in [multivariant, channel.path("audio.m3u8")] {
        let request = Request::get(&path).header(header::ACCEPT_ENCODING, "gzip").body(Body::empty());
        let answer = channel.ground.router.clone().oneshot(request.expect("a request")).await;
        let answer = answer.expect("infallible");
        assert_eq!(answer.headers()[header::VARY], "accept-encoding", "{path}");
        let packed = answer.headers().contains_key(header::CONTENT_ENCODING);
        assert!(packed || !path.ends_with("audio.m3u8"), "{path}");
    }
});

both_dbs!(a_list_and_a_part_are_held_until_they_are_there, |db| async move {
    let mut channel = Channel::on_air(db, Visibility::Public).await;
    let (msn, part) = channel.next().await;
    let list = channel.path(&format!("audio.m3u8?_HLS_msn={msn}&_HLS_part={part}"));
    let hinted = channel.path(&format!("audio/{msn}.{part}.m4s"));
    let router = channel.ground.router.clone();
    let waiting = [list, hinted].map(|path| {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        channel.ground.origin.tasks.spawn("viewer", router.clone().oneshot(request))
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(waiting.iter().all(|waiting| !waiting.is_finished()), "they are held");
    channel.studio.sends(2 * PART);
    for waiting in waiting {
        assert_eq!(waiting.await.expect("it ends").expect("infallible").status(), StatusCode::OK);
    }
});

both_dbs!(who_waits_three_target_durations_in_vain_is_told_when_to_try_again, |db| async move {
    let mut channel = Channel::on_air(db, Visibility::Public).await;
    let (msn, part) = channel.next().await;
    let later = channel.path(&format!("audio.m3u8?_HLS_msn={msn}&_HLS_part={}", part + 5));
    let request = Request::get(later).body(Body::empty()).expect("a request");
    let router = channel.ground.router.clone();
    let waiting = channel.ground.origin.tasks.spawn("viewer", router.oneshot(request));
    tokio::time::sleep(Duration::from_millis(100)).await;
    channel.ground.clock.advance(Duration::from_secs(18));
    channel.studio.sends(2 * PART);
    let answer = waiting.await.expect("it ends").expect("infallible");
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()[header::RETRY_AFTER], "1");
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
});

both_dbs!(who_may_watch_changes_while_it_is_on_air, |db| async move {
    let channel = Channel::on_air(db, Visibility::Public).await;
    let paths =
        [format!("/live/{}/hls.m3u8", channel.id), channel.path("audio.m3u8"), channel.path("audio/0.m4s")];
    let key = channel.ground.key(&channel.ground.home, Role::Creator, &[]).await;
    for (visibility, status) in [("private", 404), ("unlisted", 200)] {
        let change = Request::patch(format!("/api/v1/channels/{}", channel.id))
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .header(header::CONTENT_TYPE, "application/json");
        let changed = channel.ground.send(change, &json!({"visibility": visibility}).to_string()).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
        for path in &paths {
            assert_eq!(channel.get(path).await.status.as_u16(), status, "{visibility}: {path}");
        }
    }
});

both_dbs!(lists_are_packed_once, |db| async move {
    let channel = Channel::on_air(db, Visibility::Public).await;
    let pack = |text| httpkit::Encoded::new("text/plain", "no-cache", text);
    let first = channel.studio.stage.multivariant(pack).expect("complete");
    let again = channel.studio.stage.multivariant(|_| panic!("it is packed already")).expect("complete");
    assert!(Arc::ptr_eq(&first, &again));
});
