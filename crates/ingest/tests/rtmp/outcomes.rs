//! How streams begin and end, as asker and encoder see it.

use std::time::Duration;

use ingest::{AccessUnit, Dropped, End, Event, Limits, Metadata, Protocol, Reason, Refusal, Track};

use crate::{
    amf::{null, number, object, text},
    client::{AUDIO, Client, DATA, VIDEO},
    rig::{Rig, all, end, next},
};

fn unit(event: Event) -> AccessUnit {
    match event {
        Event::Video(unit) | Event::Audio(unit) => unit,
        other => panic!("{other:?} is no access unit"),
    }
}

#[tokio::test]
async fn a_request_says_who_asks_for_what() {
    let mut rig = Rig::start(Limits::default()).await;
    let client = Client::asking(rig.address, "K-1?x=y").await;
    let request = rig.request().await;
    assert_eq!(request.peer, client.stream.local_addr().expect("an address"));
    assert_eq!(request.protocol, Protocol::Rtmp);
    let said = &request.announcement;
    assert_eq!((said.app.as_str(), said.key.expose(), said.parameters.expose()), ("live", "K-1", "x=y"));
    assert_eq!(said.encoder, "FMLE/3.0 (compatible; test)");
    assert!(!format!("{request:?}").contains("K-1"));
}

#[tokio::test]
async fn a_wrong_key_and_a_second_publisher_are_told_so() {
    let mut rig = Rig::start(Limits::default()).await;
    let cases = [
        (Reason::Denied, "no channel has this key", "NetStream.Publish.Denied"),
        (Reason::Busy, "another encoder publishes already", "NetStream.Publish.BadName"),
        (Reason::Unavailable, "too many streams", "NetStream.Failed"),
    ];
    for (reason, line, code) in cases {
        let mut client = Client::asking(rig.address, "wrong").await;
        rig.request().await.refuse(Refusal::new(reason, line));
        let said = client.said().await;
        assert!(said.contains(code) && said.contains(line), "{said}");
        assert!(!said.contains("NetStream.Publish.Start"));
    }
}

#[tokio::test]
async fn media_is_read_only_after_the_decision() {
    let mut rig = Rig::start(Limits::default()).await;
    let mut client = Client::asking(rig.address, "key").await;
    client.message(AUDIO, 0, 1, &[0x2F, 0]).await;
    let request = rig.request().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut media = request.admit();
    assert!(matches!(end(&mut media).await, End::Unsupported(_)));
    assert!(client.said().await.contains("NetStream.Publish.Start"));
}

#[tokio::test]
async fn nobody_who_decides_is_a_refusal() {
    let limits = Limits { decision: Duration::from_millis(100), ..Limits::default() };
    let mut rig = Rig::start(limits).await;
    let mut client = Client::asking(rig.address, "key").await;
    let late = rig.request().await;
    assert!(client.said().await.contains("NetStream.Failed"));
    assert_eq!(all(&mut late.admit()).await, [Event::Ended(End::Lost(None))]);
    let mut client = Client::asking(rig.address, "key").await;
    drop(rig.request().await);
    assert!(client.said().await.contains("NetStream.Failed"));
    rig.requests.close();
    assert!(Client::asking(rig.address, "key").await.said().await.contains("NetStream.Failed"));
}

#[tokio::test]
async fn a_stream_without_a_key_is_refused_without_asking() {
    let mut rig = Rig::start(Limits::default()).await;
    let mut client = Client::connect(rig.address).await;
    client.handshake().await;
    client.open_app("").await;
    client.command(1, &[text("publish"), number(5.0), null(), text(""), text("live")]).await;
    assert!(client.said().await.contains("there is no stream key"));
    assert!(rig.requests.try_recv().is_err());
}

#[tokio::test]
async fn metadata_is_a_hint() {
    let mut rig = Rig::start(Limits::default()).await;
    let (mut client, mut media) = rig.publishing().await;
    let properties = object(&[("encoder", text("test 1")), ("framerate", number(25.0))]);
    client.message(DATA, 0, 1, &[text("@setDataFrame"), text("onMetaData"), properties].concat()).await;
    let expected =
        Metadata { encoder: Some("test 1".to_owned()), frame_rate: Some(25.0), ..Metadata::default() };
    assert_eq!(next(&mut media).await, Event::Metadata(expected));
}

#[tokio::test]
async fn timestamps_that_run_backwards_or_wrap_are_passed_on() {
    let mut rig = Rig::start(Limits::default()).await;
    let (mut client, mut media) = rig.publishing().await;
    for timestamp in [1_000, 40, 0x00FF_FFFE] {
        client.video(timestamp, timestamp == 40, &[0x65]).await;
    }
    let mut times = Vec::new();
    for _ in 0..3 {
        let unit = unit(next(&mut media).await);
        times.push((unit.dts_us, unit.pts_us, unit.key));
    }
    let last = 0x00FF_FFFE * 1_000;
    assert_eq!(times, [(1_000_000, 1_000_000, false), (40_000, 40_000, true), (last, last, false)]);
}

#[tokio::test]
async fn a_clean_end_a_lost_connection_and_silence_differ() {
    let mut rig = Rig::start(Limits::default()).await;
    for word in ["FCUnpublish", "deleteStream", "closeStream"] {
        let (mut client, mut media) = rig.publishing().await;
        client.command(1, &[text(word), number(6.0), null(), number(1.0)]).await;
        assert_eq!(end(&mut media).await, End::Closed);
        assert!(client.said().await.contains("NetStream.Unpublish.Success"));
    }
    let (client, mut media) = rig.publishing().await;
    drop(client);
    assert!(matches!(end(&mut media).await, End::Lost(_)));
    let idle = Duration::from_secs(1);
    let mut rig = Rig::start(Limits { idle, ..Limits::default() }).await;
    let (mut client, mut media) = rig.publishing().await;
    assert_eq!(end(&mut media).await, End::Stalled(idle));
    assert!(client.said().await.contains("the encoder sent nothing"));
}

#[tokio::test]
async fn talk_without_media_is_silence() {
    let limits = Limits { idle: Duration::from_secs(1), ..Limits::default() };
    let mut rig = Rig::start(limits).await;
    let (mut client, mut media) = rig.publishing().await;
    let ping = crate::client::message(4, 0, 0, &[0, 6, 1, 2, 3, 4]);
    let talking = rig.tasks.spawn("pings", async move {
        while tokio::io::AsyncWriteExt::write_all(&mut client.stream, &ping).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(matches!(end(&mut media).await, End::Stalled(_)));
    talking.await.expect("the server closes");
}

#[tokio::test]
async fn the_asker_may_end_a_stream_with_a_line_or_by_leaving() {
    let mut rig = Rig::start(Limits::default()).await;
    let (mut client, mut media) = rig.publishing().await;
    let refusal = Refusal::new(Reason::Denied, "the key was changed");
    media.stop(refusal.clone());
    assert_eq!(end(&mut media).await, End::Stopped(refusal));
    let said = client.said().await;
    assert!(said.contains("NetStream.Publish.Denied") && said.contains("the key was changed"), "{said}");
    let (mut client, media) = rig.publishing().await;
    drop(media);
    assert!(client.said().await.contains("takes this stream no longer"));
}

#[tokio::test]
async fn media_that_is_not_taken_is_named_to_encoder_and_asker() {
    let mut rig = Rig::start(Limits::default()).await;
    let bodies: [(u8, &[u8], &str); 3] =
        [(AUDIO, &[0x2F, 0], "MP3"), (VIDEO, b"\x90av01", "AV1"), (VIDEO, &[0x14, 0], "VP6")];
    for (kind, body, name) in bodies {
        let (mut client, mut media) = rig.publishing().await;
        client.message(kind, 0, 1, body).await;
        let end = end(&mut media).await;
        assert!(matches!(end, End::Unsupported(_)) && end.to_string().contains(name), "{end}");
        assert!(client.said().await.contains(&end.to_string()));
    }
}

#[tokio::test]
async fn a_broken_picture_is_dropped_and_the_stream_goes_on() {
    let mut rig = Rig::start(Limits::default()).await;
    let (mut client, mut media) = rig.publishing().await;
    client.message(VIDEO, 0, 1, &[0x17, 1, 0, 0, 0, 0, 0, 0, 9, 0x65]).await;
    client.video(40, true, &[0x65, 1, 2]).await;
    assert_eq!(next(&mut media).await, Event::Dropped(Dropped::Malformed(Track::Video)));
    assert_eq!(&unit(next(&mut media).await).data[..], [0, 0, 0, 3, 0x65, 1, 2]);
}

#[tokio::test]
async fn a_server_that_goes_down_lets_streams_end_and_takes_no_more() {
    let mut rig = Rig::start(Limits::default()).await;
    let (mut client, mut media) = rig.publishing().await;
    let mut idle = Client::connect(rig.address).await;
    idle.handshake().await;
    rig.tasks.stop();
    idle.said().await;
    client.video(40, true, &[0x65]).await;
    unit(next(&mut media).await);
    assert!(tokio::net::TcpStream::connect(rig.address).await.is_err());
    drop(media);
    rig.tasks.shutdown(crate::rig::PATIENCE).await.expect("the listener ends");
}
