//! How streams begin and end, as asker and encoder see it.

use std::time::Duration;

use ingest::{End, Event, Limits, Reason, Refusal};
use tokio::process::Child;

use crate::{
    encoders::ffmpeg,
    rig::{CHANNEL, PASSPHRASE, Published, Rig, all, end, ended, start},
};

const FILM: &str = "testsrc2=size=160x90:rate=30:duration=30";
const TONE: &str = "sine=frequency=440:sample_rate=48000:duration=30";
const H264: [&str; 8] = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "30"];

fn film(rig: &Rig, stream_id: &str, passphrase: &str) -> Child {
    start("ffmpeg", &ffmpeg(&rig.url(stream_id, passphrase), &[FILM], &H264))
}

#[tokio::test]
async fn who_does_not_know_the_passphrase_is_refused_by_the_handshake() {
    let mut rig = Rig::start(Limits::default());
    let wrong = rig.url(CHANNEL, "another passphrase");
    let without = format!("srt://{}?streamid={CHANNEL}", rig.address);
    let unknown = rig.url("ch_02", PASSPHRASE);
    let unnamed = format!("srt://{}?passphrase={PASSPHRASE}", rig.address);
    let plays = rig.url(&format!("#!::r={CHANNEL},m=request"), PASSPHRASE);
    let own = "Application-defined rejection reason";
    let cases = [
        (wrong, "Incorrect passphrase"),
        (without, "Password required"),
        (unknown, own),
        (unnamed, own),
        (plays, own),
    ];
    for (address, why) in cases {
        let (well, said) = ended(start("ffmpeg", &ffmpeg(&address, &[FILM], &H264))).await;
        assert!(!well && said.contains(why), "{address}: {said}");
    }
    assert!(rig.requests.try_recv().is_err());
}

#[tokio::test]
async fn a_publisher_that_is_refused_sees_the_connection_closed() {
    let mut rig = Rig::start(Limits::default());
    let encoder = film(&rig, CHANNEL, PASSPHRASE);
    rig.request().await.refuse(Refusal::new(Reason::Busy, "another encoder publishes already"));
    assert!(!ended(encoder).await.0);
}

#[tokio::test]
async fn a_refused_second_publisher_leaves_the_first_one_alone() {
    let mut rig = Rig::start(Limits::default());
    let (_first, mut media) = (film(&rig, CHANNEL, PASSPHRASE), rig.request().await.admit());
    let second = film(&rig, CHANNEL, PASSPHRASE);
    rig.request().await.refuse(Refusal::new(Reason::Busy, "another encoder publishes already"));
    assert!(!ended(second).await.0);
    let mut pictures = 0;
    while pictures < 60 {
        pictures += usize::from(matches!(media.next().await, Some(Event::Video(_))));
    }
}

#[tokio::test]
async fn the_asker_may_end_a_stream() {
    let mut rig = Rig::start(Limits::default());
    let encoder = film(&rig, CHANNEL, PASSPHRASE);
    let mut media = rig.request().await.admit();
    while !matches!(media.next().await, Some(Event::Video(_))) {}
    let refusal = Refusal::new(Reason::Denied, "the key was changed");
    media.stop(refusal.clone());
    assert_eq!(end(&mut media).await, End::Stopped(refusal));
    assert!(!ended(encoder).await.0);
}

#[tokio::test]
async fn an_encoder_that_is_killed_is_lost_and_one_that_is_stopped_stalls() {
    let limits = Limits { idle: Duration::from_secs(2), ..Limits::default() };
    let mut rig = Rig::start(limits);
    let mut encoder = film(&rig, CHANNEL, PASSPHRASE);
    let mut media = rig.request().await.admit();
    while !matches!(media.next().await, Some(Event::Video(_))) {}
    encoder.start_kill().expect("it runs");
    assert_eq!(end(&mut media).await, End::Stalled(Duration::from_secs(2)));
    let mut rig = Rig::start(Limits { idle: Duration::from_secs(30), ..Limits::default() });
    let mut encoder = film(&rig, CHANNEL, PASSPHRASE);
    let mut media = rig.request().await.admit();
    while !matches!(media.next().await, Some(Event::Video(_))) {}
    encoder.start_kill().expect("it runs");
    assert_eq!(end(&mut media).await, End::Lost(Some(std::io::ErrorKind::TimedOut)));
}

#[tokio::test]
async fn media_that_is_not_taken_is_named() {
    let mut rig = Rig::start(Limits::default());
    let address = rig.url(CHANNEL, PASSPHRASE);
    let cases: [(&[&str], &str); 3] = [
        (&["-c:a", "mp2"], "MPEG audio"),
        (&["-c:a", "aac", "-mpegts_flags", "+latm"], "LATM"),
        (&["-c:a", "ac3"], "AC-3"),
    ];
    for (coding, name) in cases {
        let encoder = start("ffmpeg", &ffmpeg(&address, &[TONE], coding));
        let end = end(&mut rig.request().await.admit()).await;
        assert!(matches!(end, End::Unsupported(_)) && end.to_string().contains(name), "{end}");
        assert!(!ended(encoder).await.0);
    }
}

#[tokio::test]
async fn a_slow_asker_loses_packets_and_is_told() {
    let limits = Limits { queue_events_max: 2, ..Limits::default() };
    let mut rig = Rig::start(limits);
    let encoder = film(&rig, CHANNEL, PASSPHRASE);
    let mut media = rig.request().await.admit();
    tokio::time::sleep(Duration::from_secs(3)).await;
    drop(encoder);
    let published = Published::of(all(&mut media).await);
    assert!(published.video.len() > 60, "what waited still comes: {}", published.video.len());
}

#[tokio::test]
async fn a_server_that_goes_down_lets_streams_end_and_takes_no_more() {
    let mut rig = Rig::start(Limits::default());
    let _encoder = film(&rig, CHANNEL, PASSPHRASE);
    let mut media = rig.request().await.admit();
    while !matches!(media.next().await, Some(Event::Video(_))) {}
    rig.tasks.stop();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!ended(film(&rig, CHANNEL, PASSPHRASE)).await.0);
    while !matches!(media.next().await, Some(Event::Video(_))) {}
    drop(media);
    rig.tasks.shutdown(crate::rig::PATIENCE).await.expect("the listener ends");
}
