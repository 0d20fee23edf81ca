//! Peers that mean harm: each has its outcome.

use ingest::{AmfError, End, Fault, Limits};

use crate::{
    amf::{null, number, text},
    client::{AUDIO, CHUNK_SIZE, COMMAND, Client, DATA, VIDEO, message},
    rig::{Rig, end},
};

/// What the asker hears when an admitted publisher sends `bytes`.
async fn fault(bytes: &[u8]) -> Fault {
    let mut rig = Rig::start(Limits::default()).await;
    let (mut client, mut media) = rig.publishing().await;
    client.send(bytes).await;
    let end = end(&mut media).await;
    assert!(client.said().await.contains("NetStream.Failed"));
    match end {
        End::Broken(fault) => fault,
        other => panic!("{other} is no fault"),
    }
}

fn command(values: &[Vec<u8>]) -> Vec<u8> {
    message(COMMAND, 0, 1, &values.concat())
}

#[tokio::test]
async fn chunk_size_bombs_end_the_stream() {
    for size in [0, 0x8000_0000, u32::MAX] {
        assert_eq!(fault(&message(CHUNK_SIZE, 0, 0, &size.to_be_bytes())).await, Fault::ChunkSize(size));
    }
    assert_eq!(fault(&message(CHUNK_SIZE, 0, 0, &[1, 0])).await, Fault::Control(CHUNK_SIZE));
}

#[tokio::test]
async fn amf_bombs_end_the_stream() {
    let array = |count: u32| [&[0x0A][..], &count.to_be_bytes()].concat();
    let claims = command(&[text("boom"), number(0.0), array(u32::MAX)]);
    assert_eq!(fault(&claims).await, Fault::Amf(AmfError::Truncated));
    let deep = command(&[text("boom"), number(0.0), array(1).repeat(10_000)]);
    assert_eq!(fault(&deep).await, Fault::Amf(AmfError::TooDeep(8)));
    let wide = command(&[text("boom"), number(0.0), null().repeat(60_000)]);
    assert_eq!(fault(&wide).await, Fault::Amf(AmfError::TooMany(1_024)));
    let metadata = message(DATA, 0, 1, &[text("onMetaData"), array(u32::MAX)].concat());
    assert_eq!(fault(&metadata).await, Fault::Amf(AmfError::Truncated));
}

#[tokio::test]
async fn messages_beyond_their_limit_end_the_stream_before_they_come() {
    let long = |kind: u8| [&[10 + kind, 0, 0, 0, 0xFF, 0xFF, 0xFF, kind][..], &[1, 0, 0, 0]].concat();
    let length = 0x00FF_FFFF;
    for (kind, max) in [(VIDEO, 8 << 20), (AUDIO, 8 << 20), (COMMAND, 64 << 10), (DATA, 64 << 10)] {
        assert_eq!(fault(&long(kind)).await, Fault::MessageTooLong { kind, length, max });
    }
}

#[tokio::test]
async fn garbage_ends_the_stream() {
    assert_eq!(fault(&[0xC0 | 50; 64]).await, Fault::NothingToContinue(50));
    let half = &message(VIDEO, 0, 1, &[0; 70_000])[..60_012];
    assert_eq!(fault(&[half, half].concat()).await, Fault::Interrupted(19));
    let many: Vec<u8> = (0..40).flat_map(|id| [0, id, 0, 0, 0, 0, 0, 1, 99, 0, 0, 0, 0, 7]).collect();
    assert_eq!(fault(&many).await, Fault::ChunkStreams(32));
    assert_eq!(fault(&message(22, 0, 1, &[0; 20])).await, Fault::MessageType(22));
}

#[tokio::test]
async fn commands_out_of_order_end_the_stream() {
    let again = command(&[text("publish"), number(7.0), null(), text("other"), text("live")]);
    assert!(matches!(fault(&again).await, Fault::Order(_)));
    assert!(matches!(fault(&command(&[text("connect"), number(1.0)])).await, Fault::Order(_)));
    assert_eq!(
        fault(&command(&[text("play"), number(7.0), null(), text("key")])).await,
        Fault::NotAPublisher
    );
    let streams = command(&[text("createStream"), number(7.0), null()]).repeat(8);
    assert_eq!(fault(&streams).await, Fault::MessageStreams(8));
    assert_eq!(fault(&command(&[number(1.0)])).await, Fault::Amf(AmfError::Missing("transaction")));
}

#[tokio::test]
async fn garbage_after_the_handshake_asks_nobody() {
    let mut rig = Rig::start(Limits::default()).await;
    let bodies = [
        vec![0xFF; 4_096],
        message(VIDEO, 0, 1, &[0x17; 100]),
        message(COMMAND, 0, 0, &[0x0A, 0xFF, 0xFF, 0xFF, 0xFF]),
        message(CHUNK_SIZE, 0, 0, &[0; 4]),
        command(&[text("publish"), number(5.0), null(), text("key")]),
    ];
    for body in bodies {
        let mut client = Client::connect(rig.address).await;
        client.handshake().await;
        client.send(&body).await;
        client.said().await;
    }
    assert!(rig.requests.try_recv().is_err());
}

#[tokio::test]
async fn other_protocols_are_closed_at_their_first_byte() {
    let mut rig = Rig::start(Limits::default()).await;
    for hello in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0, 5], &[6; 2_000]] {
        let mut client = Client::connect(rig.address).await;
        client.send(hello).await;
        assert_eq!(client.said().await, "");
    }
    assert!(rig.requests.try_recv().is_err());
}

#[tokio::test]
async fn an_acknowledgement_window_of_nothing_divides_nothing() {
    let mut rig = Rig::start(Limits::default()).await;
    let (mut client, mut media) = rig.publishing().await;
    client.send(&message(5, 0, 0, &[0; 4])).await;
    client.video(40, true, &[0x65; 100]).await;
    assert!(matches!(crate::rig::next(&mut media).await, ingest::Event::Video(_)));
}
