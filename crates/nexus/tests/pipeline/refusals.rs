//! Files that cannot become a film, and what their creators are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use pipeline_wire::{FailureKind, GraphSpec, ProbeSpec, SourceSpec};
use sandbox::{SandboxError, Source, SourceError};

use crate::clips::{clip, made};
use crate::rig::Rig;

async fn assert_refused(name: &str, data: impl Into<Bytes>, kind: FailureKind, words: &str) {
    let (found, reason) = Rig::new().await.refusal(&data.into()).await;
    assert_eq!(found, kind, "{name}: {reason}");
    assert!(reason.contains(words), "{name}: {reason}");
}

#[tokio::test]
async fn an_empty_file() {
    assert_refused("empty", Bytes::new(), FailureKind::Unreadable, "empty").await;
}

#[tokio::test]
async fn files_whose_end_is_missing() {
    let mp4 = "-c:v libx264 -c:a aac";
    for (name, arguments) in [
        ("moov-last.mp4", mp4.to_owned()),
        ("moov-first.mp4", format!("{mp4} -movflags +faststart")),
        ("fragmented.mp4", format!("{mp4} -movflags frag_keyframe+empty_moov")),
        ("whole.mkv", mp4.to_owned()),
        ("whole.avi", "-c:v mpeg4 -c:a libmp3lame".to_owned()),
    ] {
        let whole = clip(name, &arguments);
        assert_refused(name, whole.slice(..whole.len() * 2 / 3), FailureKind::Unreadable, "incomplete").await;
    }
}

#[tokio::test]
async fn things_that_are_no_media() {
    let text = "A letter to the editor, renamed to film.mp4. ".repeat(500);
    assert_refused("text", text, FailureKind::Unreadable, "not an audio or video file").await;
    let noise: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    assert_refused("noise", noise, FailureKind::Unreadable, "not an audio or video file").await;
}

/// A playlist names other places; the child has nothing that would fetch them.
#[tokio::test]
async fn a_playlist_is_no_film() {
    let list = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:1/a.ts\n#EXT-X-ENDLIST\n";
    let (kind, reason) = Rig::new().await.refusal(&Bytes::from_static(list.as_bytes())).await;
    assert!(matches!(kind, FailureKind::Unreadable | FailureKind::NoStreams), "{kind:?} {reason}");
}

#[tokio::test]
async fn a_picture_is_no_film() {
    let jpeg = made("still.jpg", "-f lavfi -i testsrc=s=300x300:r=25:d=1 -frames:v 1");
    assert_refused("jpeg", jpeg, FailureKind::NoStreams, "picture").await;
    let png = made("still.png", "-f lavfi -i testsrc=s=300x300:r=25:d=1 -frames:v 1");
    assert_refused("png", png, FailureKind::NoStreams, "picture").await;
}

/// `ftyp` and a `moov` with nothing but its header.
#[tokio::test]
async fn a_film_without_tracks() {
    let mut header = vec![0; 100];
    header[12..16].copy_from_slice(&1000u32.to_be_bytes());
    let movie = boxed(b"moov", &boxed(b"mvhd", &header));
    let file = [boxed(b"ftyp", b"isom\0\0\0\0isom"), movie].concat();
    assert_refused("no tracks", file, FailureKind::NoStreams, "no audio and no video").await;
}

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let len = u32::try_from(content.len() + 8).expect("small");
    [&len.to_be_bytes(), &kind[..], content].concat()
}

#[tokio::test]
async fn an_encrypted_film() {
    let arguments = "-c:v libx264 -c:a aac -encryption_scheme cenc-aes-ctr \
        -encryption_key 76a6c65c5ea762046bd749a2e632ccbb -encryption_kid a7e61c373e219033c21091fa607bf3b8";
    assert_refused("cenc", clip("encrypted.mp4", arguments), FailureKind::Encrypted, "encrypted").await;
}

#[tokio::test]
async fn a_picture_too_wide() {
    let wide = "-f lavfi -i color=s=16384x64:d=0.3:r=10 -c:v libx264 -preset ultrafast";
    assert_refused("h264", made("wide.mp4", wide), FailureKind::TooLarge, "8192 pixels").await;
    let wide = "-f lavfi -i color=s=9000x64:d=0.3:r=10 -c:v ffv1";
    assert_refused("ffv1", made("wide.mkv", wide), FailureKind::TooLarge, "8192 pixels").await;
}

/// Two gigabytes of silence behind a WAV header that leaves its length open.
struct Endless {
    header: Bytes,
    read: Arc<AtomicU64>,
}

impl Source for Endless {
    async fn read_at(&self, offset: u64, len: u32) -> Result<Bytes, SourceError> {
        self.read.fetch_add(len.into(), Ordering::Relaxed);
        let mut bytes = vec![128; len as usize];
        if let Some(header) = usize::try_from(offset).ok().and_then(|from| self.header.get(from..)) {
            let shared = header.len().min(bytes.len());
            bytes[..shared].copy_from_slice(&header[..shared]);
        }
        Ok(bytes.into())
    }
}

#[tokio::test]
async fn a_film_without_end_is_left_at_the_limit() {
    let rate = 8000u32;
    let format = [&[1, 0, 1, 0], &rate.to_le_bytes()[..], &rate.to_le_bytes()[..], &[1, 0, 8, 0]].concat();
    let header =
        [&b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0"[..], &format, &b"data\xff\xff\xff\xff"[..]].concat();
    let read = Arc::new(AtomicU64::new(0));
    let source = SourceSpec { bytes: 1 << 31 };
    let spec = GraphSpec::Probe(ProbeSpec { source, duration_max_ns: 600_000_000_000, dimension_max: 8192 });
    let endless = Endless { header: header.into(), read: read.clone() };
    let refused = Rig::new().await.run(&spec, endless).await;
    match refused {
        Err(SandboxError::Refused(failure)) => {
            assert_eq!(failure.kind, FailureKind::TooLarge, "{failure:?}");
            assert!(failure.reason.contains("longer than"), "{}", failure.reason);
        }
        other => panic!("{other:?}"),
    }
    let read = read.load(Ordering::Relaxed);
    assert!(read < 64 << 20, "ten minutes are 4.8 MB; {read} bytes were read");
}

#[tokio::test]
async fn a_store_that_fails_is_not_the_file_s_fault() {
    struct Broken;
    impl Source for Broken {
        async fn read_at(&self, _offset: u64, _len: u32) -> Result<Bytes, SourceError> {
            Err(SourceError::Away("the store is away".into()))
        }
    }
    let error = Rig::new().await.run(&crate::rig::probe_spec(1000), Broken).await.expect_err("no bytes");
    let away = SourceError::Away("the store is away".into());
    assert!(matches!(&error, SandboxError::Source(why) if *why == away), "{error}");
    assert!(!error.is_final());
}
