//! Encoders of others over RTMP: what they send comes out as parts of the right length, and whatever they do to their
//! connection has a stated outcome.

use std::time::Duration;

use serde_json::json;
use testkit::barcode;
use tests::{
    Client, Encoder, Pictures, Publishing, Server, ServerOptions, Sound, clip, eventually,
    live::{Channel, List},
};

/// Of the fixtures' key pictures, in seconds; two of them make a segment.
const KEY_SECONDS: f64 = 2.0;
/// Lists state times to the microsecond.
const ROUNDING: f64 = 0.000_002;

async fn server() -> (Server, Client) {
    let server = Server::with(ServerOptions::all(&["live.streams_max=0"])).await;
    let client = server.client();
    (server, client)
}

/// The smallest whole number of frames that lasts 200 ms, in seconds.
fn part_target(frame: f64) -> f64 {
    (0.2 / frame - 1e-9).ceil() * frame
}

/// Holds a list's parts against its target: none longer, none much shorter but the last of a segment
/// (draft-pantos-hls-rfc8216bis-22 §4.4.4.9) and one before a segment that begins anew.
fn judge_parts(what: &str, list: &List, frame: f64) {
    let target = part_target(frame);
    assert!((list.part_target - target).abs() < ROUNDING, "{what}: {} for {target}", list.part_target);
    let mut judged = 0;
    for segment in &list.segments {
        let (last, before) =
            segment.parts.split_last().map_or((None, &[][..]), |(last, all)| (Some(last), all));
        for part in before {
            assert!(part.seconds >= 0.85 * target, "{what}: {} s in segment {}", part.seconds, segment.msn);
        }
        for part in before.iter().chain(last) {
            assert!(
                part.seconds <= target + ROUNDING,
                "{what}: {} s in segment {}",
                part.seconds,
                segment.msn
            );
            let frames = part.seconds / frame;
            assert!((frames - frames.round()).abs() < 0.01, "{what}: a part of {frames} frames");
            judged += 1;
        }
    }
    assert!(judged > 10, "{what}: {judged} parts are listed");
}

/// Waits until a list has so many whole segments.
async fn segments(client: &Client, url: &str, count: usize) -> List {
    eventually(&format!("{count} segments of {url}"), async || {
        let list = List::fetch(client, url).await;
        (list.segments.iter().filter(|segment| segment.seconds.is_some()).count() >= count).then_some(list)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_as_long_as_frames_allow() {
    let rates = [
        ("24000/1001", 1001.0 / 24_000.0),
        ("25", 0.04),
        ("30000/1001", 1001.0 / 30_000.0),
        ("50", 0.02),
        ("60000/1001", 1001.0 / 60_000.0),
    ];
    let films = rates.map(|(rate, frame)| (rate, frame, clip(14, "320x180", rate, &[])));
    let (_server, client) = server().await;
    let mut under_way = Vec::new();
    for (rate, frame, film) in &films {
        for samples in [44_100, 48_000] {
            let channel = Channel::create(&client, &format!("{rate} {samples}"), &json!({})).await;
            let sound = if samples == 48_000 { Sound::Copied } else { Sound::Encoded(samples) };
            let publishing =
                Publishing { sound, ..Publishing::copied(film.clone(), &channel.rtmp, &channel.key) };
            under_way.push((rate, frame, samples, channel, Encoder::ffmpeg(&publishing)));
        }
    }
    for (rate, frame, samples, channel, encoder) in &under_way {
        let what = format!("{rate} frames and {samples} samples a second");
        let renditions = channel.renditions(&client).await;
        let source = segments(&client, &renditions["source"], 2).await;
        judge_parts(&what, &source, **frame);
        for segment in source.segments.iter().filter_map(|segment| segment.seconds) {
            assert!(
                segment <= source.target && segment > KEY_SECONDS,
                "{what}: {segment} s\n{}",
                encoder.log()
            );
        }
        let audio = segments(&client, &renditions["audio"], 2).await;
        judge_parts(&format!("{what}, sound"), &audio, 1024.0 / f64::from(*samples));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_publish_reads_why() {
    let film = clip(14, "320x180", "25", &[]);
    let (server, client) = server().await;
    let channel = Channel::create(&client, "studio", &json!({})).await;
    let wrong = format!("nl_{}_{}", channel.id, "A".repeat(32));
    let mut stranger = Encoder::ffmpeg(&Publishing::copied(film.clone(), &channel.rtmp, &wrong));
    assert!(!stranger.ended().await.success());
    assert!(stranger.log().contains("This stream key opens no channel."), "{}", stranger.log());
    assert!(server.log().contains("its stream key opens no channel") && !server.log().contains(&wrong));
    assert_eq!(channel.state(&client).await.0, "idle");

    let publishing = Publishing::copied(film, &channel.rtmp, &channel.key);
    let mut first = Encoder::ffmpeg(&publishing);
    let broadcast = channel.until(&client, "live").await;
    let mut second = Encoder::ffmpeg(&publishing);
    assert!(!second.ended().await.success());
    assert!(second.log().contains("Somebody else publishes to this channel."), "{}", second.log());
    assert_eq!(channel.state(&client).await, ("live".to_owned(), broadcast.clone()));
    first.stop().await;
    assert_eq!(channel.until(&client, "ended").await, broadcast);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_that_freezes_may_come_back() {
    let (_server, client) = server().await;
    let channel = Channel::create(&client, "studio", &json!({})).await;
    let source = clip(14, "320x180", "25", &[]);
    let publishing = Publishing { repeated: true, ..Publishing::copied(source, &channel.rtmp, &channel.key) };
    let mut frozen = Encoder::ffmpeg(&publishing);
    let broadcast = channel.until(&client, "live").await;
    frozen.pause();
    assert_eq!(channel.until(&client, "recovering").await, broadcast);
    frozen.kill().await;
    let _thawed = Encoder::ffmpeg(&publishing);
    assert_eq!(channel.until(&client, "live").await, broadcast, "one broadcast");
    let renditions = channel.renditions(&client).await;
    let list = segments(&client, &renditions["source"], 2).await;
    assert!(list.segments.iter().any(|segment| segment.discontinuity), "{list:?}");
}

/// Numbers of a file's pictures, which follow each other without a gap.
fn unbroken(file: &std::path::Path) -> std::ops::RangeInclusive<u32> {
    let numbers = barcode::frame_numbers(file).expect("barcodes");
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{}: {numbers:?}", file.display());
    numbers[0]..=numbers[numbers.len() - 1]
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_sent_is_lost_over_a_killed_encoder() {
    let (seconds, fps) = (14, 25);
    let (_server, client) = server().await;
    let channel = Channel::create(&client, "studio", &json!({})).await;
    let publishing =
        Publishing::copied(clip(seconds, "320x180", &fps.to_string(), &[]), &channel.rtmp, &channel.key);
    let mut first = Encoder::ffmpeg(&publishing);
    let broadcast = channel.until(&client, "live").await;
    let url = channel.renditions(&client).await["source"].clone();
    let before = segments(&client, &url, 1).await;
    first.kill().await;
    channel.until(&client, "recovering").await;
    let mut second = Encoder::ffmpeg(&publishing);
    assert_eq!(channel.until(&client, "live").await, broadcast, "one broadcast");
    assert!(second.ended().await.success(), "{}", second.log());
    assert_eq!(channel.until(&client, "ended").await, broadcast);

    let list = eventually("the end of the list", async || {
        Some(List::fetch(&client, &url).await).filter(|list| list.ended)
    })
    .await;
    assert!(list.msn >= before.msn && list.discontinuity_sequence >= before.discontinuity_sequence);
    assert_eq!(list.segments.iter().filter(|segment| segment.discontinuity).count(), 1, "{list:?}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stretches = list.download(&client, &url, folder.path()).await;
    let [killed, whole] = &stretches[..] else { panic!("{} stretches: {list:?}", stretches.len()) };
    let sent = unbroken(killed);
    assert!(*sent.start() == 0 && *sent.end() >= 4 * fps, "{sent:?}");
    assert_eq!(unbroken(whole), 0..=seconds * fps - 1, "all that the second one sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_track_alone_and_reordered_pictures_play() {
    let film = clip(14, "320x180", "25", &[]);
    let (_server, client) = server().await;
    let mut under_way = Vec::new();
    let encoded = Pictures::Encoded { codec: "libx264", gop_frames: 50, b_frames: 2 };
    for (name, pictures, sound, streams) in [
        ("sound", Pictures::Left, Sound::Copied, "audio"),
        ("pictures", Pictures::Copied, Sound::Left, "video"),
        ("reordered", encoded, Sound::Copied, "audio video"),
    ] {
        let channel = Channel::create(&client, name, &json!({})).await;
        let all = Publishing::copied(film.clone(), &channel.rtmp, &channel.key);
        let encoder = Encoder::ffmpeg(&Publishing { pictures, sound, ..all });
        under_way.push((name, streams, channel, encoder));
    }
    for (name, streams, channel, encoder) in &under_way {
        for url in channel.renditions(&client).await.values() {
            segments(&client, url, 1).await;
        }
        assert_eq!(played(&channel.hls).await, *streams, "{name}: {}", encoder.log());
    }
}

/// What ffmpeg finds in three seconds of a stream as an old player reads it, without a complaint: kinds of tracks.
async fn played(hls: &str) -> String {
    let mut reader = tokio::process::Command::new("ffmpeg");
    reader.args(["-v", "error", "-nostdin", "-i", hls, "-t", "3", "-f", "framecrc", "-"]).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(60), reader.output()).await;
    let output = output.expect("ffmpeg ends").expect("ffmpeg starts");
    let (crcs, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.trim().is_empty(), "{hls}: {said}");
    let kinds = crcs.lines().filter_map(|line| line.strip_prefix("#media_type ")?.split_once(": "));
    let mut kinds: Vec<&str> = kinds.map(|(_, kind)| kind).collect();
    kinds.sort_unstable();
    kinds.join(" ")
}
