//! Two processes on one bucket: whoever was overtaken spoils nothing.

use std::io;

use blob::{BlobError, Keep, Key, Store};
use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt, TryStreamExt, stream};
use testkit::TestBucket;
use tokio::sync::mpsc;

/// A part of a multipart upload and a bit.
const MORE_THAN_A_PART: usize = (8 << 20) + 4711;

struct Pair {
    stopped: Store,
    next: Store,
    stage: Key,
    object: Key,
    _place: TestBucket,
}

impl Pair {
    async fn begin() -> Self {
        let place = TestBucket::create().await.expect("an S3 server");
        let (stopped, next) = (place.open().await.expect("opened"), place.open().await.expect("opened"));
        let key = |text: &str| Key::new(text).expect("a key");
        let (stage, object) = (key("up/1"), key("sources/1"));
        stopped.stage_begin(&stage, &object).await.expect("begun");
        Self { stopped, next, stage, object, _place: place }
    }

    async fn object(&self, bytes: u64) -> Bytes {
        let pieces: Vec<Bytes> =
            self.next.stream(&self.object, 0..bytes).await.expect("there").try_collect().await.expect("read");
        pieces.concat().into()
    }
}

fn filled(byte: u8, len: usize) -> Bytes {
    vec![byte; len].into()
}

fn whole(bytes: Bytes) -> impl Stream<Item = Result<Bytes, io::Error>> + Send + Unpin {
    stream::iter([Ok(bytes)])
}

/// A body that stands still after its first piece until it is fed again.
fn fed() -> (mpsc::Sender<Bytes>, impl Stream<Item = Result<Bytes, io::Error>> + Send + Unpin) {
    let (sender, receiver) = mpsc::channel(1);
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (Ok(piece), receiver))
    });
    (sender, pieces.boxed())
}

/// Polls a writer until it has made `len` bytes durable.
async fn until_stands(
    pair: &Pair,
    mut writer: impl Future<Output = Result<u64, BlobError>> + Unpin,
    len: u64,
) {
    loop {
        assert!((&mut writer).now_or_never().is_none(), "it ended too early");
        if pair.next.stage_len(&pair.stage).await.expect("asked") == Some(len) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_writer_that_wakes_after_it_was_overtaken_spoils_nothing() {
    let pair = Pair::begin().await;
    let (feed, body) = fed();
    let mut stopped = Box::pin(pair.stopped.stage_append(&pair.stage, 0, body, u64::MAX, Keep::Arrived));
    feed.send(filled(b'a', MORE_THAN_A_PART)).await.expect("it listens");
    let part = 8 << 20;
    until_stands(&pair, &mut stopped, part).await;
    // What it gathered beyond the part was never acknowledged.
    let rest = filled(b'b', 9 << 20);
    let len = pair.next.stage_append(&pair.stage, part, whole(rest.clone()), u64::MAX, Keep::Arrived).await;
    let len = len.expect("taken over");
    assert_eq!(len, part + rest.len() as u64);
    feed.send(filled(b'a', MORE_THAN_A_PART)).await.expect("it listens");
    drop(feed);
    let late = stopped.await;
    assert!(matches!(late, Err(BlobError::Busy)), "{late:?}");
    assert_eq!(pair.next.stage_len(&pair.stage).await.expect("asked"), Some(len));
    assert_eq!(pair.next.stage_finish(&pair.stage, &pair.object).await.expect("finished"), len);
    let expected = [filled(b'a', 8 << 20), rest].concat();
    assert!(pair.object(len).await == expected, "the object is what the next one wrote");
}

#[tokio::test]
async fn nor_does_one_whose_body_counts_only_as_a_whole() {
    let pair = Pair::begin().await;
    let (feed, body) = fed();
    let mut stopped = Box::pin(pair.stopped.stage_append(&pair.stage, 0, body, u64::MAX, Keep::Whole));
    feed.send(filled(b'a', 2 * MORE_THAN_A_PART)).await.expect("it listens");
    for _ in 0..200 {
        assert!((&mut stopped).now_or_never().is_none(), "it waits for more");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(pair.next.stage_len(&pair.stage).await.expect("asked"), Some(0));
    let all = filled(b'b', 20 << 20);
    let len = pair.next.stage_append(&pair.stage, 0, whole(all.clone()), u64::MAX, Keep::Whole).await;
    let len = len.expect("taken over");
    drop(feed);
    let late = stopped.await;
    assert!(matches!(late, Err(BlobError::Busy)), "{late:?}");
    assert_eq!(pair.next.stage_finish(&pair.stage, &pair.object).await.expect("finished"), len);
    assert!(pair.object(len).await == all);
}

#[tokio::test]
async fn a_writer_that_vanished_is_followed_by_another() {
    let pair = Pair::begin().await;
    let (feed, body) = fed();
    let mut vanished = Box::pin(pair.stopped.stage_append(&pair.stage, 0, body, u64::MAX, Keep::Arrived));
    feed.send(filled(b'a', MORE_THAN_A_PART)).await.expect("it listens");
    until_stands(&pair, &mut vanished, 8 << 20).await;
    drop(vanished);
    let rest = whole(Bytes::from_static(b"end"));
    let len = pair.next.stage_append(&pair.stage, 8 << 20, rest, 3, Keep::Arrived).await.expect("taken over");
    assert_eq!(pair.next.stage_finish(&pair.stage, &pair.object).await.expect("finished"), len);
    assert_eq!(pair.next.get_range(&pair.object, (8 << 20) - 1, 9).await.expect("read"), "aend");
}
