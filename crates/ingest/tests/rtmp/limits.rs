//! Bounds of time, place and memory.

use std::time::Duration;

use ingest::{End, Event, Limits, Reason, Refusal};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    client::{AVC, Client, VIDEO, message, picture},
    rig::{Rig, all, end},
};

#[tokio::test]
async fn half_open_connections_are_closed_in_time() {
    let limits = Limits { greeting: Duration::from_secs(1), ..Limits::default() };
    let rig = Rig::start(limits).await;
    let mut silent = Client::connect(rig.address).await;
    let mut half = Client::connect(rig.address).await;
    half.send(&[3; 100]).await;
    let mut shaken = Client::connect(rig.address).await;
    shaken.handshake().await;
    shaken.open_app("live").await;
    assert_eq!(silent.said().await, "");
    assert_eq!(half.said().await, "");
    assert!(shaken.said().await.contains("no stream was published in time"));
}

#[tokio::test]
async fn an_address_has_its_connections_and_gets_them_back() {
    let limits = Limits { connections_per_address_max: 2, ..Limits::default() };
    let mut rig = Rig::start(limits).await;
    let (_first, media) = rig.publishing().await;
    let second = rig.publishing().await;
    assert_eq!(Client::connect(rig.address).await.said().await, "");
    drop(second);
    let freed = async {
        loop {
            let mut stream = Client::connect(rig.address).await.stream;
            let hello = [3; 1_537];
            if stream.write_all(&hello).await.is_ok() && stream.read_u8().await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), freed).await.expect("a place comes free");
    drop(media);
}

#[tokio::test]
async fn a_slow_asker_slows_the_encoder_down_and_loses_nothing() {
    let limits = Limits { queue_events_max: 8, queue_bytes_max: 1 << 20, ..Limits::default() };
    let mut rig = Rig::start(limits).await;
    let (mut client, mut media) = rig.publishing().await;
    let sent = message(VIDEO, 40, 1, &picture(true, &[0x65; 250_000]));
    let mut whole = 0;
    while let Ok(written) = timeout(Duration::from_millis(500), client.stream.write_all(&sent)).await {
        written.expect("the connection stands");
        whole += 1;
        assert!(whole < 200, "50 MB were taken from the socket while nobody listened");
    }
    let sender = rig.tasks.spawn("rest", async move { (client.stream.shutdown().await.is_ok(), client) });
    let events = all(&mut media).await;
    let pictures = events.iter().filter(|event| matches!(event, Event::Video(_))).count();
    assert_eq!(pictures, whole, "whole messages come, however long they waited");
    assert!(matches!(events.last(), Some(Event::Ended(End::Lost(_)))));
    drop(sender.await);
}

#[tokio::test]
async fn waiting_for_the_asker_is_not_silence() {
    let idle = Duration::from_millis(700);
    let mut rig = Rig::start(Limits { queue_events_max: 1, idle, ..Limits::default() }).await;
    let (mut client, mut media) = rig.publishing().await;
    for timestamp in 0..4 {
        client.video(timestamp, true, &[0x65]).await;
    }
    tokio::time::sleep(2 * idle).await;
    client.video(9, true, &[0x65]).await;
    let events = all(&mut media).await;
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Video(_))).count(), 5);
    assert_eq!(events.last(), Some(&Event::Ended(End::Stalled(idle))));
}

#[tokio::test]
async fn a_stream_can_be_ended_while_its_queue_is_full() {
    let mut rig = Rig::start(Limits { queue_events_max: 1, ..Limits::default() }).await;
    let (mut client, mut media) = rig.publishing().await;
    for timestamp in 0..4 {
        client.video(timestamp, true, &[0x65]).await;
    }
    let refusal = Refusal::new(Reason::Denied, "kicked");
    media.stop(refusal.clone());
    assert_eq!(end(&mut media).await, End::Stopped(refusal));
    assert!(client.said().await.contains("kicked"));
}

#[tokio::test]
async fn a_picture_larger_than_the_queue_passes_alone() {
    let mut rig = Rig::start(Limits { queue_bytes_max: 1_000, ..Limits::default() }).await;
    let (mut client, mut media) = rig.publishing().await;
    client.message(VIDEO, 0, 1, &AVC).await;
    client.video(40, true, &[0x65; 100_000]).await;
    let Event::Video(unit) = crate::rig::next(&mut media).await else { panic!("a picture") };
    assert_eq!(unit.data.len(), 100_004);
}
