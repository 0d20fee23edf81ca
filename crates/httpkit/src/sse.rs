//! Server-sent events (HTML standard §9.2) over bounded queues.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response,
    sse::{KeepAlive, Sse},
};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderName, HeaderValue};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use axum::response::sse::Event;

/// Answers with a stream of events, a comment line after each `keep_alive` of silence, until the stream or
/// the process's soft stage ends it; browsers then reconnect.
pub fn respond<S>(events: S, keep_alive: Duration, stop: CancellationToken) -> Response
where
    S: Stream<Item = Event> + Send + 'static,
{
    let events = events.take_until(stop.cancelled_owned()).map(Ok::<_, Infallible>);
    let unbuffered = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(keep_alive));
    ([unbuffered], sse).into_response()
}

/// The queue of one listener is full or the listener has gone.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the listener does not keep up or has gone")]
pub struct Overflow;

/// The sending end of [`queue`]. Once it has overflowed it stays closed.
#[derive(Debug)]
pub struct Sender(Option<mpsc::Sender<Event>>);

impl Sender {
    /// Queues an event without waiting.
    ///
    /// # Errors
    /// [`Overflow`] when the listener is too slow, which also ends its stream so that it reconnects and
    /// learns the present state, or when it has gone.
    pub fn send(&mut self, event: Event) -> Result<(), Overflow> {
        let sent = self.0.as_ref().is_some_and(|queue| queue.try_send(event).is_ok());
        if sent {
            return Ok(());
        }
        if self.0.take().is_some_and(|queue| !queue.is_closed()) {
            metrics::counter!("nexus_http_sse_overflows_total").increment(1);
        }
        Err(Overflow)
    }
}

/// A queue of `capacity` events (at least 1) for one listener.
pub fn queue(capacity: usize) -> (Sender, impl Stream<Item = Event> + Send + 'static) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    let events = stream::unfold(receiver, async |mut receiver: mpsc::Receiver<Event>| {
        receiver.recv().await.map(|event| (event, receiver))
    });
    (Sender(Some(sender)), events)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn text(response: Response) -> String {
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[tokio::test]
    async fn a_full_queue_ends_after_what_it_holds() {
        let (mut sender, events) = queue(2);
        let event = |name| Event::default().event(name).data("{}");
        assert_eq!(sender.send(event("a")), Ok(()));
        assert_eq!(sender.send(event("b")), Ok(()));
        assert_eq!(sender.send(event("c")), Err(Overflow));
        let response = respond(events, Duration::from_secs(15), CancellationToken::new());
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(text(response).await, "event: a\ndata: {}\n\nevent: b\ndata: {}\n\n");
        assert_eq!(sender.send(event("d")), Err(Overflow));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_kept_alive_and_shutdown_ends_the_stream() {
        let stop = CancellationToken::new();
        let response = respond(stream::pending(), Duration::from_secs(15), stop.clone());
        let reader = async { text(response).await };
        let ender = async {
            tokio::time::sleep(Duration::from_secs(31)).await;
            stop.cancel();
        };
        let (read, ()) = tokio::join!(reader, ender);
        assert_eq!(read, ":\n\n:\n\n");
    }
}
