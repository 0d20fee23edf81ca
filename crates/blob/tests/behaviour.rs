//! One behaviour suite, run over every back end.

use std::io;

use blob::{BlobError, Keep, Key, Store};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

fn key(text: &str) -> Key {
    Key::new(text).expect("a key")
}

fn body(
    pieces: &[&'static [u8]],
) -> impl futures_util::Stream<Item = Result<Bytes, io::Error>> + Send + Unpin {
    stream::iter(pieces.iter().map(|piece| Ok(Bytes::from_static(piece))).collect::<Vec<_>>())
}

async fn objects_never_change(store: Store) {
    let name = key("a/b");
    store.put(&name, Bytes::from_static(b"one")).await.expect("stored");
    store.put(&name, Bytes::from_static(b"one")).await.expect("the same again");
    let other = store.put(&name, Bytes::from_static(b"two")).await;
    assert!(matches!(other, Err(BlobError::Conflict(_))));
    assert_eq!(store.get_range(&name, 0, 9).await.expect("read"), "one");
    assert_eq!(store.get_range(&name, 1, 1).await.expect("read"), "n");
    assert_eq!(store.get_range(&name, 7, 1).await.expect("read"), "");
    assert_eq!(store.head(&name).await.expect("asked").map(|meta| meta.bytes), Some(3));
}

async fn what_is_gone_is_not_found(store: Store) {
    let name = key("a/b");
    store.put(&name, Bytes::from_static(b"one")).await.expect("stored");
    store.delete(&name).await.expect("deleted");
    store.delete(&name).await.expect("deleting again");
    assert_eq!(store.head(&name).await.expect("asked"), None);
    assert!(matches!(store.get_range(&name, 0, 1).await, Err(BlobError::NotFound(_))));
    assert!(matches!(store.stream(&name, 0..1).await.err(), Some(BlobError::NotFound(_))));
    assert_eq!(store.head(&key("a")).await.expect("a folder is no object"), None);
}

async fn a_stream_yields_its_range(store: Store) {
    let name = key("big");
    let bytes: Vec<u8> = (0..1_000_003u32).map(|at| (at % 251) as u8).collect();
    store.put(&name, bytes.clone().into()).await.expect("stored");
    let pieces: Vec<Bytes> =
        store.stream(&name, 5..900_000).await.expect("found").try_collect().await.expect("read");
    assert_eq!(pieces.concat(), bytes[5..900_000]);
    let past: Result<Vec<Bytes>, _> =
        store.stream(&name, 0..2_000_000).await.expect("found").try_collect().await;
    assert!(past.is_err(), "a short stream never looks complete");
}

async fn lists_are_ordered_and_paged(store: Store) {
    for name in ["x/b/2", "x/a", "x/b/1", "xy", "y"] {
        store.put(&key(name), Bytes::from_static(b"-")).await.expect("stored");
    }
    let names = |keys: Vec<Key>| keys.iter().map(Key::to_string).collect::<Vec<_>>();
    assert_eq!(names(store.list("x", None, 9).await.expect("listed")), ["x/a", "x/b/1", "x/b/2", "xy"]);
    assert_eq!(names(store.list("x/b/", None, 9).await.expect("listed")), ["x/b/1", "x/b/2"]);
    let page = store.list("x/", Some(&key("x/a")), 1).await.expect("listed");
    assert_eq!(names(page), ["x/b/1"]);
    assert!(store.list("nothing/here", None, 9).await.expect("listed").is_empty());
}

async fn a_stage_grows_and_becomes_an_object(store: Store) {
    let (stage, name) = (key("up/1"), key("sources/1"));
    assert_eq!(store.stage_len(&stage).await.expect("asked"), None);
    store.stage_begin(&stage, &key("sources/1")).await.expect("begun");
    store.stage_begin(&stage, &key("sources/1")).await.expect("beginning again");
    assert_eq!(store.stage_append(&stage, 0, body(&[b"ab", b"c"]), 9, Keep::Arrived).await.expect("kept"), 3);
    let wrong = store.stage_append(&stage, 1, body(&[b"x"]), 9, Keep::Arrived).await;
    assert!(matches!(wrong, Err(BlobError::OffsetMismatch { len: 3 })));
    let long = store.stage_append(&stage, 3, body(&[b"xxxx", b"yyyy"]), 5, Keep::Arrived).await;
    assert!(matches!(long, Err(BlobError::TooLong { limit: 5 })));
    assert_eq!(store.stage_len(&stage).await.expect("asked"), Some(3));
    assert_eq!(store.stage_finish(&stage, &name).await.expect("finished"), 3);
    assert_eq!(store.stage_finish(&stage, &name).await.expect("finishing again"), 3);
    assert_eq!(store.get_range(&name, 0, 9).await.expect("read"), "abc");
    assert_eq!(store.stage_len(&stage).await.expect("asked"), None);
    assert!(matches!(store.stage_finish(&stage, &key("other")).await, Err(BlobError::NotFound(_))));
}

async fn a_broken_body_keeps_what_arrived(store: Store) {
    let stage = key("up/2");
    store.stage_begin(&stage, &key("sources/1")).await.expect("begun");
    let cut = stream::iter([Ok(Bytes::from_static(b"half")), Err(io::Error::other("gone"))]);
    let broken = store.stage_append(&stage, 0, cut, 99, Keep::Arrived).await;
    assert!(matches!(broken, Err(BlobError::BodyBroken { len: 4, .. })));
    assert_eq!(store.stage_append(&stage, 4, body(&[b"rest"]), 99, Keep::Arrived).await.expect("resumed"), 8);
}

async fn a_body_that_counts_as_a_whole_leaves_nothing_of_a_part(store: Store) {
    let stage = key("up/4");
    store.stage_begin(&stage, &key("sources/1")).await.expect("begun");
    assert_eq!(store.stage_append(&stage, 0, body(&[b"ab"]), 99, Keep::Whole).await.expect("kept"), 2);
    let cut = stream::iter([Ok(Bytes::from_static(b"half")), Err(io::Error::other("wrong checksum"))]);
    let broken = store.stage_append(&stage, 2, cut, 99, Keep::Whole).await;
    assert!(matches!(broken, Err(BlobError::BodyBroken { len: 2, .. })));
    assert_eq!(store.stage_len(&stage).await.expect("asked"), Some(2));
    assert_eq!(store.stage_append(&stage, 2, body(&[b"cd"]), 99, Keep::Whole).await.expect("kept"), 4);
}

async fn one_writer_at_a_time(store: Store) {
    let stage = key("up/3");
    store.stage_begin(&stage, &key("sources/1")).await.expect("begun");
    let (feed, fed) = hand_fed::pair();
    let slow = store.stage_append(&stage, 0, fed, 99, Keep::Arrived);
    let fast = async {
        feed.send(b"1").await;
        let second = store.stage_append(&stage, 0, body(&[b"2"]), 99, Keep::Arrived).await;
        assert!(matches!(second, Err(BlobError::Busy)));
        store.stage_abort(&key("up/none"), &key("sources/none")).await.expect("dropping none");
        drop(feed);
    };
    let (len, ()) = tokio::join!(slow, fast);
    assert_eq!(len.expect("kept"), 1);
    assert_eq!(store.stage_append(&stage, 1, body(&[b"2"]), 99, Keep::Arrived).await.expect("free again"), 2);
}

/// More than two parts of a multipart upload, in pieces that fit no part.
async fn a_long_stage_is_what_was_sent(store: Store) {
    let (stage, name) = (key("up/5"), key("sources/1"));
    let all: Bytes = (0..20_000_003u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    store.stage_begin(&stage, &name).await.expect("begun");
    let mut at = 0;
    for end in [6_000_000, 6_000_001, 19_000_000, all.len()] {
        let pieces: Vec<_> =
            all.slice(at..end).chunks(300_007).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let len = store.stage_append(&stage, at as u64, stream::iter(pieces), u64::MAX, Keep::Arrived).await;
        assert_eq!(len.expect("kept"), end as u64);
        at = end;
    }
    let over = store.stage_append(&stage, at as u64, body(&[b"more"]), 3, Keep::Arrived).await;
    assert!(matches!(over, Err(BlobError::TooLong { limit: 3 })));
    let cut = stream::iter([Ok(all.slice(..9_000_000)), Err(io::Error::other("wrong checksum"))]);
    let broken = store.stage_append(&stage, at as u64, cut, u64::MAX, Keep::Whole).await;
    assert!(matches!(broken, Err(BlobError::BodyBroken { len: 20_000_003, .. })));
    assert_eq!(store.stage_finish(&stage, &name).await.expect("finished"), 20_000_003);
    let stored: Vec<Bytes> =
        store.stream(&name, 0..20_000_003).await.expect("found").try_collect().await.expect("read");
    assert!(stored.concat() == all, "the object is what was sent");
    let checked = store.checked(&name).await.expect("found");
    assert_eq!(checked.bytes(), 20_000_003);
    let stored: Vec<Bytes> =
        checked.stream().await.expect("found").try_collect().await.expect("all of it is right");
    assert!(stored.concat() == all);
    for (from, len) in [(0, 1 << 20), (300_000, 900_000), (19_900_000, 1 << 20)] {
        let read = checked.read_at(from, len).await.expect("right");
        let from = usize::try_from(from).expect("small");
        assert!(read == all[from..all.len().min(from + usize::try_from(len).expect("small"))]);
    }
}

async fn a_dropped_stage_is_gone(store: Store) {
    let (stage, name) = (key("up/6"), key("sources/1"));
    store.stage_begin(&stage, &name).await.expect("begun");
    store.stage_append(&stage, 0, body(&[b"ab"]), 9, Keep::Arrived).await.expect("kept");
    store.stage_abort(&stage, &name).await.expect("dropped");
    store.stage_abort(&stage, &name).await.expect("dropping again");
    assert_eq!(store.stage_len(&stage).await.expect("asked"), None);
    let late = store.stage_append(&stage, 2, body(&[b"c"]), 9, Keep::Arrived).await;
    assert!(matches!(late, Err(BlobError::NotFound(_))));
    assert_eq!(store.head(&name).await.expect("asked"), None);
}

async fn an_empty_stage_becomes_an_empty_object(store: Store) {
    let (stage, name) = (key("up/7"), key("sources/1"));
    store.stage_begin(&stage, &name).await.expect("begun");
    assert_eq!(store.stage_finish(&stage, &name).await.expect("finished"), 0);
    assert_eq!(store.head(&name).await.expect("asked").map(|meta| meta.bytes), Some(0));
}

/// Long and short parts in every order that matters to a multipart copy.
async fn a_concatenation_is_its_parts_in_order(store: Store) {
    let pattern = |seed: u32, len: u32| -> Bytes {
        (0..len).map(|at| (at.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    };
    let lengths = [3, 7_000_000, 0, 11, 5 << 20, 1_000_000, 9_000_000, 17];
    let mut keys = Vec::new();
    let mut expected = Vec::new();
    for (number, len) in (0..).zip(lengths) {
        let (name, bytes) = (key(&format!("parts/{number}")), pattern(number, len));
        store.put(&name, bytes.clone()).await.expect("stored");
        expected.extend_from_slice(&bytes);
        keys.push(name);
    }
    for (name, count) in [("whole/8", 8), ("whole/1", 1), ("whole/3", 3)] {
        let len: u64 = lengths[..count].iter().map(|len| u64::from(*len)).sum();
        for _ in 0..2 {
            assert_eq!(store.concat(&keys[..count], &key(name)).await.expect("made"), len, "{name}");
        }
        let pieces: Vec<Bytes> =
            store.stream(&key(name), 0..len).await.expect("found").try_collect().await.expect("read");
        assert!(pieces.concat() == expected[..pieces.concat().len()], "{name} is not its parts");
        assert_eq!(pieces.concat().len() as u64, len, "{name}");
    }
    let other = store.concat(&keys[..2], &key("whole/1")).await;
    assert!(matches!(other, Err(BlobError::Conflict(_))), "{other:?}");
    let gone = store.concat(&[key("parts/none")], &key("whole/none")).await;
    assert!(matches!(gone, Err(BlobError::NotFound(_))), "{gone:?}");
    assert_eq!(store.concat(&[keys[2].clone()], &key("whole/0")).await.expect("made"), 0);
    assert_eq!(store.head(&key("whole/0")).await.expect("asked").map(|meta| meta.bytes), Some(0));
    assert_eq!(store.get_range(&keys[0], 0, 9).await.expect("the parts stay"), expected[..3]);
}

/// A hand-fed body.
mod hand_fed {
    use super::*;
    pub struct Feed(pub tokio::sync::mpsc::Sender<Bytes>);
    impl Feed {
        pub async fn send(&self, piece: &'static [u8]) {
            self.0.send(Bytes::from_static(piece)).await.expect("the writer listens");
            // Until the writer has taken the piece, it may not have begun.
            while self.0.capacity() < self.0.max_capacity() {
                tokio::task::yield_now().await;
            }
        }
    }
    pub fn pair() -> (Feed, impl futures_util::Stream<Item = Result<Bytes, io::Error>> + Send + Unpin) {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let pieces = stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|piece| (Ok(piece), receiver))
        });
        (Feed(sender), pieces.boxed())
    }
}

macro_rules! every_backend {
    ($($behaviour:ident),* $(,)?) => {
        mod folder {
            $(#[tokio::test] async fn $behaviour() {
                let root = tempfile::tempdir().expect("temp dir");
                let store = blob::Store::folder(root.path(), lifecycle::system()).await.expect("opened");
                super::$behaviour(store).await;
                let left = std::fs::read_dir(root.path().join("tmp")).expect("listed").count();
                assert_eq!(left, 0, "no temporary file is left");
            })*
        }
        mod memory {
            $(#[tokio::test] async fn $behaviour() { super::$behaviour(blob::Store::memory()).await; })*
        }
        mod s3 {
            $(#[tokio::test] async fn $behaviour() {
                let place = testkit::TestBucket::create().await.expect("an S3 server");
                super::$behaviour(place.open().await.expect("opened")).await;
            })*
        }
    };
}

every_backend!(
    objects_never_change,
    what_is_gone_is_not_found,
    a_stream_yields_its_range,
    lists_are_ordered_and_paged,
    a_stage_grows_and_becomes_an_object,
    a_broken_body_keeps_what_arrived,
    a_body_that_counts_as_a_whole_leaves_nothing_of_a_part,
    one_writer_at_a_time,
    a_long_stage_is_what_was_sent,
    a_dropped_stage_is_gone,
    an_empty_stage_becomes_an_empty_object,
    a_concatenation_is_its_parts_in_order,
);
