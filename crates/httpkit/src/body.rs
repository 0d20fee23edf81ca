//! Bounds on request bodies: idle time between pieces, size, and the end of the process.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use lifecycle::CancellationToken;
use tokio::time::{Instant, Sleep, sleep};

use crate::Problem;

/// When to try again what the end of the process cut short.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A body stalled: no piece arrived within the allowed time.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("no bytes arrived for {} s", .0.as_secs_f32())]
pub struct Stalled(pub Duration);

/// A body holds more bytes than are taken.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("longer than {0} bytes")]
pub struct BodyTooLong(pub u64);

/// A body was still arriving when the process had to end.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the server is going down")]
pub struct GoingDown;

/// A body that fails with [`BodyTooLong`] after `bytes_max` bytes.
struct SizeLimit {
    inner: Body,
    bytes_max: u64,
    left: u64,
}

impl SizeLimit {
    fn count(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, axum::Error> {
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        self.left =
            self.left.checked_sub(bytes).ok_or_else(|| axum::Error::new(BodyTooLong(self.bytes_max)))?;
        Ok(frame)
    }
}

impl http_body::Body for SizeLimit {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        polled.map(|frame| frame.map(|frame| frame.and_then(|frame| self.count(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A body that fails with [`Stalled`] when no frame arrives for `idle`.
struct IdleLimit {
    inner: Body,
    idle: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl IdleLimit {
    /// The timer is made at the first wait and only re-armed afterwards.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let idle = self.idle;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(idle)));
        if !self.waiting {
            timer.as_mut().reset(Instant::now() + idle);
            self.waiting = true;
        }
        timer.as_mut().poll(cx)
    }
}

impl http_body::Body for IdleLimit {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            self.waiting = false;
            return Poll::Ready(frame);
        }
        let idle = self.idle;
        self.poll_timer(cx).map(|()| {
            metrics::counter!("nexus_http_bodies_stalled_total").increment(1);
            Some(Err(axum::Error::new(Stalled(idle))))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A body that fails with [`GoingDown`] once `end` comes, whatever else there is to read.
struct EndLimit {
    inner: Body,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl http_body::Body for EndLimit {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.end.as_mut().poll(cx).is_ready() {
            metrics::counter!("nexus_http_bodies_ended_total").increment(1);
            self.end = Box::pin(std::future::pending());
            self.inner = Body::empty();
            return Poll::Ready(Some(Err(axum::Error::new(GoingDown))));
        }
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The same body, failing with [`GoingDown`] when it is still arriving `grace` after `stop`.
pub(crate) fn limit_end(body: Body, stop: CancellationToken, grace: Duration) -> Body {
    let end = Box::pin(async move {
        stop.cancelled().await;
        sleep(grace).await;
    });
    Body::new(EndLimit { inner: body, end })
}

/// The same body, failing when no bytes arrive for `idle`.
pub fn limit_idle(body: Body, idle: Duration) -> Body {
    Body::new(IdleLimit { inner: body, idle, timer: None, waiting: false })
}

/// The same body, failing with [`BodyTooLong`] once more than `bytes_max` bytes have arrived.
pub fn limit_body(body: Body, bytes_max: u64) -> Body {
    Body::new(SizeLimit { inner: body, bytes_max, left: bytes_max })
}

/// An error and what caused it, outermost first.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(<dyn Error>::downcast_ref)
}

/// Whether a body failed because it stalled.
#[must_use]
pub fn is_idle_timeout(error: &(dyn Error + 'static)) -> bool {
    cause::<Stalled>(error).is_some()
}

/// The answer to a request whose body failed: 503 ended by us, 408 stalled, 413 too long, 400 broken off.
#[must_use]
pub fn body_problem(error: &(dyn Error + 'static)) -> Problem {
    if cause::<GoingDown>(error).is_some() {
        return Problem::unavailable("the server is going down; what arrived is kept", RETRY_AFTER);
    }
    match (cause::<Stalled>(error), cause::<BodyTooLong>(error)) {
        (Some(_), _) => Problem::request_timeout("the body stalled"),
        (None, Some(&BodyTooLong(limit))) => Problem::payload_too_large(limit),
        (None, None) => Problem::bad_request("the body ended early or is not well framed"),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};
    use http::StatusCode;
    use http_body_util::BodyExt;

    use super::*;

    fn body_of(pieces: Vec<(u64, &'static str)>) -> Body {
        Body::from_stream(stream::iter(pieces).then(|(delay_s, piece)| async move {
            sleep(Duration::from_secs(delay_s)).await;
            Ok::<_, std::io::Error>(piece)
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_but_steady_body_passes_and_a_stalled_one_fails() {
        let steady = limit_idle(body_of(vec![(9, "a"), (9, "b"), (9, "c")]), Duration::from_secs(10));
        assert_eq!(steady.collect().await.expect("whole").to_bytes(), "abc");
        let stalled = limit_idle(body_of(vec![(9, "a"), (11, "b")]), Duration::from_secs(10));
        let error = stalled.collect().await.expect_err("stalls");
        assert!(is_idle_timeout(&error));
        assert_eq!(body_problem(&error).status(), StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn a_body_longer_than_its_limit_fails() {
        let fits = limit_body(Body::from("12345"), 5).collect().await;
        assert_eq!(fits.expect("fits").to_bytes(), "12345");
        let error = limit_body(Body::from("123456"), 5).collect().await.expect_err("too long");
        assert_eq!(body_problem(&error).status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_still_arriving_after_the_grace_is_ended_by_us() {
        let (stop, minute) = (CancellationToken::new(), Duration::from_secs(60));
        let pieces = || body_of((0..20).map(|_| (9, "a")).collect());
        stop.cancel();
        let short = limit_end(body_of(vec![(9, "a"), (9, "b")]), stop.clone(), minute).collect().await;
        assert_eq!(short.expect("whole in time").to_bytes(), "ab");
        let begun = Instant::now();
        let error = limit_end(pieces(), stop, minute).collect().await.expect_err("ended");
        assert_eq!(begun.elapsed(), minute);
        assert_eq!(body_problem(&error).status(), StatusCode::SERVICE_UNAVAILABLE);
        let whole = limit_end(pieces(), CancellationToken::new(), minute).collect().await;
        assert_eq!(whole.expect("nobody stops").to_bytes().len(), 20);
    }

    #[tokio::test]
    async fn a_broken_body_is_the_callers_fault() {
        let broken = Body::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("reset"))]));
        let error = broken.collect().await.expect_err("broken");
        assert_eq!(body_problem(&error).status(), StatusCode::BAD_REQUEST);
    }
}
