//! Between a connection and the asker: the request, the answer, and the bounded queue of events.

use std::{fmt, net::SocketAddr, sync::Arc};

use settings::Secret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::{End, Event, Protocol, Reason, Refusal};

/// What a publisher says before it sends media. Everything in it is the peer's word.
#[derive(Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The path before the key, such as `live`; may be empty. Who fills in a key twice has it here too, so it is not
    /// for logs. Over SRT the channel that the stream ID names.
    pub app: String,
    /// The stream key: the last segment of the path, 1 to 256 bytes. Over SRT the passphrase that the publisher has
    /// proven to know, as the answer to [`crate::srt::Question`] had it.
    pub key: Secret,
    /// What followed a question mark; may be empty, over SRT always.
    pub parameters: Secret,
    /// The address that the encoder connected to, at most 1,024 characters; may hold a key. Empty over SRT.
    pub tc_url: Secret,
    /// The encoder's name (`flashVer`; over SRT the user that the stream ID names), printable, at most 1,024
    /// characters.
    pub encoder: String,
}

impl fmt::Debug for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcement").field("encoder", &self.encoder).finish_non_exhaustive()
    }
}

/// A publisher that waits for a decision. Dropping it refuses.
#[derive(Debug)]
pub struct PublishRequest {
    /// Who connected.
    pub peer: SocketAddr,
    /// How.
    pub protocol: Protocol,
    /// What is asked.
    pub announcement: Announcement,
    pub(crate) room: Room,
    pub(crate) answer: oneshot::Sender<Decision>,
}

impl PublishRequest {
    /// Takes the stream. If the publisher has left meanwhile, the first event is the last.
    #[must_use]
    pub fn admit(self) -> Media {
        let (sender, events) = mpsc::channel(self.room.units.max(1));
        let (stop, stopped) = oneshot::channel();
        let bytes_max = u32::try_from(self.room.bytes).unwrap_or(u32::MAX).max(1);
        let bytes = Arc::new(Semaphore::new(bytes_max as usize));
        // A publisher that is gone drops the feed, and the queue ends.
        let feed = Feed { queue: Queue { sender, bytes, bytes_max }, stopped: Stopped(stopped) };
        drop(self.answer.send(Decision::Admit(feed)));
        Media { events, stop: Some(stop), over: false }
    }

    /// Refuses the stream; the publisher is told and the connection closed.
    pub fn refuse(self, refusal: Refusal) {
        drop(self.answer.send(Decision::Refuse(refusal)));
    }
}

/// How much may wait in a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) units: usize,
    pub(crate) bytes: usize,
}

#[derive(Debug)]
pub(crate) enum Decision {
    Admit(Feed),
    Refuse(Refusal),
}

#[derive(Debug)]
struct Queued {
    event: Event,
    _bytes: OwnedSemaphorePermit,
}

/// The events of an admitted publisher. Dropping it ends the stream.
#[derive(Debug)]
pub struct Media {
    events: mpsc::Receiver<Queued>,
    stop: Option<oneshot::Sender<Refusal>>,
    over: bool,
}

impl Media {
    /// The next event; nothing after [`Event::Ended`]. Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<Event> {
        if self.over {
            return None;
        }
        let queued = self.events.recv().await;
        let event = queued.map_or(Event::Ended(End::Lost(None)), |queued| queued.event);
        self.over = matches!(event, Event::Ended(_));
        Some(event)
    }

    /// Ends the stream and tells the encoder why. Events that wait still come, then [`End::Stopped`].
    pub fn stop(&mut self, refusal: Refusal) {
        if let Some(stop) = self.stop.take() {
            drop(stop.send(refusal));
        }
    }
}

/// The connection's end of an admission.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) queue: Queue,
    pub(crate) stopped: Stopped,
}

/// What waits for the asker.
#[derive(Debug)]
pub(crate) struct Queue {
    sender: mpsc::Sender<Queued>,
    bytes: Arc<Semaphore>,
    bytes_max: u32,
}

impl Queue {
    /// Waits for room. An event that is larger than the whole room takes all of it.
    ///
    /// Returns false when nobody listens any more.
    pub(crate) async fn send(&self, event: Event) -> bool {
        let bytes = u32::try_from(event.bytes()).unwrap_or(u32::MAX).min(self.bytes_max);
        if self.sender.capacity() == 0 || self.bytes.available_permits() < bytes as usize {
            metrics::counter!("nexus_ingest_queue_full_total").increment(1);
        }
        let room = tokio::select! {
            room = Arc::clone(&self.bytes).acquire_many_owned(bytes) => room,
            () = self.sender.closed() => return false,
        };
        let Ok(permit) = room else { return false };
        self.sender.send(Queued { event, _bytes: permit }).await.is_ok()
    }
}

/// The asker's wish to end a stream.
#[derive(Debug)]
pub(crate) struct Stopped(oneshot::Receiver<Refusal>);

impl Stopped {
    /// Ends when the asker ends the stream; not to be called again after that.
    pub(crate) async fn wait(&mut self) -> Refusal {
        let dropped = || Refusal::new(Reason::Unavailable, "the server takes this stream no longer");
        (&mut self.0).await.unwrap_or_else(|_| dropped())
    }
}
