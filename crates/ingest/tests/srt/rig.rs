//! A port with its asker's ends in the test's hands.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use ingest::{
    AccessUnit, AudioConfig, Dropped, End, Event, Limits, Link, Media, PublishRequest, VideoConfig,
    srt::{Listener, Question, serve},
};
use lifecycle::Tasks;
use settings::Secret;
use tokio::{
    process::{Child, Command},
    sync::mpsc,
    time::timeout,
};

pub const PATIENCE: Duration = Duration::from_secs(60);
pub const CHANNEL: &str = "ch_01";
pub const PASSPHRASE: &str = "0123456789abcdefghijklmnopqrstuv";

pub struct Rig {
    pub address: SocketAddr,
    pub requests: mpsc::Receiver<PublishRequest>,
    pub tasks: Tasks,
}

impl Rig {
    /// One that knows [`CHANNEL`] and its [`PASSPHRASE`].
    pub fn start(limits: Limits) -> Self {
        let (rig, mut questions) = Self::asking(limits);
        rig.tasks.spawn("answers", async move {
            while let Some(question) = questions.recv().await {
                let passphrase = (question.channel == CHANNEL).then(|| Secret::new(PASSPHRASE));
                question.answer(passphrase);
            }
        });
        rig
    }

    /// One whose questions the test answers.
    pub fn asking(limits: Limits) -> (Self, mpsc::Receiver<Question>) {
        let (asked, questions) = mpsc::channel(4);
        let listener = Listener::open(([127, 0, 0, 1], 0).into(), limits, asked).expect("a free port");
        let address = listener.local_addr();
        let (sender, requests) = mpsc::channel(8);
        let tasks = Tasks::new();
        let running = tasks.clone();
        tasks.spawn("listener", async move { serve(listener, sender, &running).await });
        (Self { address, requests, tasks }, questions)
    }

    /// For an encoder that waits with its end until what it sent has arrived.
    pub fn url(&self, stream_id: &str, passphrase: &str) -> String {
        format!("srt://{}?streamid={stream_id}&passphrase={passphrase}&linger=10", self.address)
    }

    pub async fn request(&mut self) -> PublishRequest {
        timeout(PATIENCE, self.requests.recv()).await.expect("somebody publishes").expect("the listener runs")
    }
}

/// Everything up to and with the end.
pub async fn all(media: &mut Media) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = timeout(PATIENCE, media.next()).await.expect("an event in time") {
        events.push(event);
    }
    events
}

/// The last event's end.
pub async fn end(media: &mut Media) -> End {
    match all(media).await.pop() {
        Some(Event::Ended(end)) => end,
        other => panic!("{other:?} is no end"),
    }
}

pub fn start(program: &str, args: &[&str]) -> Child {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().unwrap_or_else(|error| panic!("{program} does not start: {error}"))
}

/// Whether an encoder ended well, and what it said.
pub async fn ended(encoder: Child) -> (bool, String) {
    let output = timeout(PATIENCE, encoder.wait_with_output()).await.expect("the encoder ends");
    let output = output.expect("a status");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// What a stream came to.
#[derive(Debug, Default)]
pub struct Published {
    pub pictures: Vec<VideoConfig>,
    pub sounds: Vec<AudioConfig>,
    pub video: Vec<AccessUnit>,
    pub audio: Vec<AccessUnit>,
    pub dropped: Vec<Dropped>,
    pub links: Vec<Link>,
    pub end: Option<End>,
}

impl Published {
    pub fn of(events: Vec<Event>) -> Self {
        let mut out = Self::default();
        for event in events {
            match event {
                Event::Metadata(metadata) => panic!("{metadata:?} in MPEG-TS"),
                Event::VideoConfig(config) => out.pictures.push(config),
                Event::AudioConfig(config) => out.sounds.push(config),
                Event::Video(unit) => out.video.push(unit),
                Event::Audio(unit) => out.audio.push(unit),
                Event::Dropped(dropped) => out.dropped.push(dropped),
                Event::Link(link) => out.links.push(link),
                Event::Ended(end) => out.end = Some(end),
            }
        }
        out
    }
}
