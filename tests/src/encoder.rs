//! ffmpeg as an encoder that publishes to a channel.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use crate::{Client, PATIENCE};

/// A channel as the API made it.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its JSON, with the secrets that are shown once.
    pub made: Value,
}

impl Channel {
    /// Makes a channel with this visibility.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn create(owner: &Client, visibility: &str) -> Self {
        let new = json!({"name": "studio", "visibility": visibility}).to_string();
        let json = [("content-type", "application/json")];
        let made = owner.send(http::Method::POST, "/api/v1/channels", &json, new).await;
        assert_eq!(made.status, 201, "{made:?}");
        Self { made: made.json() }
    }

    /// A text of its JSON.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.made[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.made))
    }

    /// The path of its address for viewers, with the token of private ones.
    #[must_use]
    pub fn hls(&self) -> &str {
        let url = self.text("hls");
        let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
        path.unwrap_or(url)
    }

    /// The path of its address without any token.
    #[must_use]
    pub fn bare(&self) -> String {
        format!("/live/{}/hls.m3u8", self.text("channel"))
    }

    /// Waits until it is in this state.
    pub async fn reaches(&self, owner: &Client, state: &str) {
        let path = format!("/api/v1/channels/{}/state", self.text("channel"));
        crate::eventually(&format!("the channel to be {state}"), async || {
            (owner.get(&path).await.json()["state"] == state).then_some(())
        })
        .await;
    }
}

/// ffmpeg, sending moving pictures and a tone in real time over RTMP.
pub struct Encoder(Child);

impl Encoder {
    /// Begins to publish: 320×180 at 25 a second with a key frame every two seconds, and stereo sound.
    ///
    /// # Panics
    /// When ffmpeg does not start.
    #[must_use]
    pub fn publish(channel: &Channel) -> Self {
        let to = format!("{}/{}", channel.text("rtmp"), channel.text("key"));
        let mut command = Command::new("ffmpeg");
        command.args([
            "-v",
            "error",
            "-nostdin",
            "-re",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x180:rate=25",
        ]);
        command.args(["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-ac", "2"]);
        command.args(["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "50"]);
        command.args(["-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "flv", &to]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        Self(command.spawn().expect("ffmpeg starts"))
    }

    /// Ends the broadcast as people do.
    ///
    /// # Panics
    /// When ffmpeg does not end.
    pub async fn stop(mut self) {
        let pid = Pid::from_raw(self.0.id().expect("ffmpeg runs").cast_signed()).expect("a process id");
        kill_process(pid, Signal::INT).expect("ffmpeg runs");
        timeout(PATIENCE, self.0.wait()).await.expect("it ends in time").expect("it ends");
    }
}
