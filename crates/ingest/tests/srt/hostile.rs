//! Peers that mean harm.

use std::time::Duration;

use ingest::{End, Fault, Limits};
use settings::Secret;
use tokio::{io::AsyncWriteExt, net::UdpSocket};

use crate::{
    encoders::ffmpeg,
    rig::{CHANNEL, PASSPHRASE, Rig, end, ended, start},
};

const FILM: &str = "testsrc2=size=160x90:rate=30:duration=30";
const H264: [&str; 8] = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "30"];

/// Sends bytes as they are, by ffmpeg's own SRT.
async fn send_raw(rig: &Rig, bytes: &[u8]) -> tokio::process::Child {
    let address = format!("{}&pkt_size=1316", rig.url(CHANNEL, PASSPHRASE));
    let copy =
        ["-v", "error", "-f", "data", "-i", "pipe:0", "-map", "0", "-c", "copy", "-f", "data", &address];
    let mut command = tokio::process::Command::new("ffmpeg");
    command.args(copy).stdin(std::process::Stdio::piped()).kill_on_drop(true);
    let mut sender = command.spawn().expect("ffmpeg starts");
    let mut input = sender.stdin.take().expect("an input");
    let bytes = bytes.to_vec();
    rig.tasks.spawn("garbage", async move {
        let mut sent = Ok(());
        while sent.is_ok() {
            sent = input.write_all(&bytes).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    sender
}

#[tokio::test]
async fn garbage_behind_a_valid_handshake_ends_the_stream() {
    let mut rig = Rig::start(Limits::default());
    let garbage: Vec<u8> = (0_u32..13_160).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let _sender = send_raw(&rig, &garbage).await;
    let end = end(&mut rig.request().await.admit()).await;
    assert!(matches!(end, End::Broken(Fault::NotTransportStream(_))), "{end:?}");
}

#[tokio::test]
async fn packets_that_announce_nothing_are_silence() {
    let mut rig = Rig::start(Limits { idle: Duration::from_secs(2), ..Limits::default() });
    let null = [&[0x47, 0x1F, 0xFF, 0x10][..], &[0xFF; 184]].concat().repeat(7);
    let _sender = send_raw(&rig, &null).await;
    assert_eq!(end(&mut rig.request().await.admit()).await, End::Stalled(Duration::from_secs(2)));
}

#[tokio::test]
async fn an_answer_that_does_not_come_holds_nobody_up() {
    let (mut rig, mut questions) = Rig::asking(Limits::default());
    let address = rig.url(CHANNEL, PASSPHRASE);
    let encoder = || start("ffmpeg", &ffmpeg(&address, &[FILM], &H264));
    let first = encoder();
    let late = questions.recv().await.expect("a question");
    assert!(!ended(first).await.0);
    assert!(!ended(encoder()).await.0, "while an answer is owed, nobody else is asked about");
    assert!(questions.try_recv().is_err());
    late.answer(Some(Secret::new(PASSPHRASE)));
    let _third = encoder();
    let media = rig.request().await.admit();
    assert!(questions.try_recv().is_err(), "the late answer serves the next attempt");
    drop(media);
}

#[tokio::test]
async fn attempts_of_one_address_have_their_limit_and_publishers_go_on() {
    let (mut rig, mut questions) = Rig::asking(Limits::default());
    let asked = rig.tasks.spawn("answers", async move {
        let mut asked = 0;
        while let Some(question) = questions.recv().await {
            asked += usize::from(question.channel != CHANNEL);
            let passphrase = (question.channel == CHANNEL).then(|| Secret::new(PASSPHRASE));
            question.answer(passphrase);
        }
        asked
    });
    let _encoder = start("ffmpeg", &ffmpeg(&rig.url(CHANNEL, PASSPHRASE), &[FILM], &H264));
    let mut media = rig.request().await.admit();
    let unknown = rig.url("unknown", PASSPHRASE);
    let flood: Vec<_> =
        (0..24).map(|_| start("ffmpeg", &ffmpeg(&unknown, &["color=size=16x16"], &H264))).collect();
    for attempt in flood {
        assert!(!ended(attempt).await.0);
    }
    let mut pictures = 0;
    while pictures < 30 {
        pictures += usize::from(matches!(media.next().await, Some(ingest::Event::Video(_))));
    }
    drop(media);
    rig.tasks.shutdown(crate::rig::PATIENCE).await.expect("the listener ends");
    assert!(asked.await.expect("a count") < 24, "the rest was refused without a question");
}

#[tokio::test]
async fn datagrams_that_are_no_srt_hold_nobody_up() {
    let mut rig = Rig::start(Limits::default());
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    for at in 0_u32..20_000 {
        let bytes: Vec<u8> = (0..at % 1_400).map(|byte| (byte.wrapping_mul(at) >> 3) as u8).collect();
        socket.send_to(&bytes, rig.address).await.expect("sent");
    }
    let _encoder = start("ffmpeg", &ffmpeg(&rig.url(CHANNEL, PASSPHRASE), &[FILM], &H264));
    let mut media = rig.request().await.admit();
    while !matches!(media.next().await, Some(ingest::Event::Video(_))) {}
}
