//! A listener with its asker's end in the test's hands.

use std::{net::SocketAddr, time::Duration};

use ingest::{Event, Limits, Media, PublishRequest, serve};
use lifecycle::Tasks;
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use tokio_rustls::TlsAcceptor;

use crate::client::{AAC, AUDIO, AVC, Client, VIDEO};

pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Rig {
    pub address: SocketAddr,
    pub requests: mpsc::Receiver<PublishRequest>,
    pub tasks: Tasks,
}

impl Rig {
    pub async fn start(limits: Limits) -> Self {
        Self::start_with(limits, None).await
    }

    pub async fn start_with(limits: Limits, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sender, requests) = mpsc::channel(8);
        let tasks = Tasks::new();
        let running = tasks.clone();
        tasks.spawn("listener", async move {
            serve(listener, tls, limits, sender, lifecycle::system(), &running).await
        });
        Self { address, requests, tasks }
    }

    pub async fn request(&mut self) -> PublishRequest {
        timeout(PATIENCE, self.requests.recv()).await.expect("somebody publishes").expect("the listener runs")
    }

    /// A client of ours that is admitted and has sent both configurations, which have been taken.
    pub async fn publishing(&mut self) -> (Client<tokio::net::TcpStream>, Media) {
        let mut client = Client::asking(self.address, "key").await;
        let mut media = self.request().await.admit();
        client.message(VIDEO, 0, 1, &AVC).await;
        client.message(AUDIO, 0, 1, &AAC).await;
        assert!(matches!(next(&mut media).await, Event::VideoConfig(_)));
        assert!(matches!(next(&mut media).await, Event::AudioConfig(_)));
        (client, media)
    }
}

pub async fn next(media: &mut Media) -> Event {
    timeout(PATIENCE, media.next()).await.expect("an event in time").expect("not over")
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
pub async fn end(media: &mut Media) -> ingest::End {
    match all(media).await.pop() {
        Some(Event::Ended(end)) => end,
        other => panic!("{other:?} is no end"),
    }
}
