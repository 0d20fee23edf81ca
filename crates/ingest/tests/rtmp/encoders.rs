//! Encoders of others as they are: Debian's ffmpeg, FFmpeg 9 and GStreamer.

use std::{net::SocketAddr, path::PathBuf, process::Stdio};

use ingest::{AccessUnit, Announcement, AudioConfig, End, Event, Limits, Metadata, VideoCodec, VideoConfig};
use tokio::process::{Child, Command};

use crate::{
    rig::{PATIENCE, Rig, all},
    tls::acceptor,
};

const FILM: &str = "testsrc2=size=320x180:rate=30:duration=4";
const TONE: &str = "sine=frequency=440:sample_rate=48000:duration=4";

/// What an encoder's stream came to.
struct Published {
    announcement: Announcement,
    metadata: Vec<Metadata>,
    pictures: Vec<VideoConfig>,
    sounds: Vec<AudioConfig>,
    video: Vec<AccessUnit>,
    audio: Vec<AccessUnit>,
    end: End,
}

fn start(program: &str, args: &[&str]) -> Child {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().unwrap_or_else(|error| panic!("{program} does not start: {error}"))
}

/// FFmpeg 9, which `scripts/install.sh test` brings.
fn ffmpeg_9() -> String {
    let libraries = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/.venv/lib");
    let binaries = std::fs::read_dir(&libraries)
        .unwrap_or_else(|error| panic!("{}: {error}: run scripts/install.sh test", libraries.display()))
        .filter_map(|python| Some(python.ok()?.path().join("site-packages/imageio_ffmpeg/binaries")))
        .find_map(|folder| std::fs::read_dir(folder).ok())
        .expect("imageio-ffmpeg is installed");
    let mut paths = binaries.filter_map(|file| file.ok()?.path().into_os_string().into_string().ok());
    paths.find(|path| path.contains("ffmpeg-linux")).expect("the program is there")
}

fn ffmpeg<'a>(address: &'a str, inputs: &[&'a str], coding: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["-v", "error"];
    inputs.iter().for_each(|input| args.extend(["-f", "lavfi", "-i", input]));
    args.extend_from_slice(coding);
    args.extend(["-f", "flv", address]);
    args
}

const H264: [&str; 10] =
    ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "30"];
const AAC: [&str; 6] = ["-c:a", "aac", "-b:a", "96k", "-ac", "2"];

async fn published(rig: &mut Rig, mut encoder: Child) -> Published {
    let request = rig.request().await;
    let announcement = request.announcement.clone();
    let mut media = request.admit();
    let mut out = Published {
        announcement,
        metadata: vec![],
        pictures: vec![],
        sounds: vec![],
        video: vec![],
        audio: vec![],
        end: End::Lost(None),
    };
    for event in all(&mut media).await {
        match event {
            Event::Metadata(metadata) => out.metadata.push(metadata),
            Event::VideoConfig(config) => out.pictures.push(config),
            Event::AudioConfig(config) => out.sounds.push(config),
            Event::Video(unit) => out.video.push(unit),
            Event::Audio(unit) => out.audio.push(unit),
            Event::Dropped(dropped) => panic!("an encoder's {dropped} was dropped"),
            Event::Link(link) => panic!("{link:?} over RTMP"),
            Event::Ended(end) => out.end = end,
        }
    }
    let ended = tokio::time::timeout(PATIENCE, encoder.wait()).await.expect("the encoder ends");
    assert!(ended.expect("a status").success());
    out
}

fn rtmp(address: SocketAddr, key: &str) -> String {
    format!("rtmp://{address}/live/{key}")
}

fn grows_strictly(units: &[AccessUnit]) -> bool {
    units.windows(2).all(|pair| pair[0].dts_us < pair[1].dts_us)
}

/// The types of the NAL units of a picture, with the bits of their codec.
fn nal_types(unit: &AccessUnit, codec: VideoCodec) -> Vec<u8> {
    let (mut rest, mut types) = (&unit.data[..], Vec::new());
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (nal, next) = after.split_at(u32::from_be_bytes(*length) as usize);
        types.push(match codec {
            VideoCodec::H264 => nal[0] & 0x1F,
            VideoCodec::Hevc => nal[0] >> 1 & 0x3F,
        });
        rest = next;
    }
    types
}

/// Whether exactly the marked pictures may be decoded first (ISO/IEC 14496-10 table 7-1, 23008-2 table 7-1).
fn marks_fit(units: &[AccessUnit], codec: VideoCodec) -> bool {
    let first = |nal: &u8| match codec {
        VideoCodec::H264 => *nal == 5,
        VideoCodec::Hevc => (16..=21).contains(nal),
    };
    units.iter().all(|unit| nal_types(unit, codec).iter().any(first) == unit.key)
}

/// Four seconds at 30 frames and 48 kHz with a key frame each second.
fn four_seconds(published: &Published, codec: VideoCodec) {
    let [picture] = &published.pictures[..] else { panic!("{:?}", published.pictures) };
    assert_eq!((picture.codec, picture.nal_length_bytes, picture.record[0]), (codec, 4, 1));
    assert_eq!(published.video.len(), 120);
    assert!(grows_strictly(&published.video));
    assert!(marks_fit(&published.video, codec));
    let keys = published.video.iter().enumerate().filter(|(_, unit)| unit.key).map(|(index, _)| index);
    assert_eq!(keys.collect::<Vec<_>>(), [0, 30, 60, 90]);
    assert!(published.video.iter().all(|unit| unit.pts_us >= unit.dts_us));
    let mut shown: Vec<_> = published.video.iter().map(|unit| unit.pts_us).collect();
    shown.sort_unstable();
    let steps = shown.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(steps.clone().all(|step| step == 33_000 || step == 34_000), "{:?}", steps.collect::<Vec<_>>());
}

fn sound_of_four_seconds(published: &Published) {
    let [sound] = &published.sounds[..] else { panic!("{:?}", published.sounds) };
    assert_eq!((sound.object_type, sound.sample_rate, sound.channel_configuration), (2, 48_000, 2));
    assert_eq!(&sound.record[..2], [0x11, 0x90]);
    assert!((188..=190).contains(&published.audio.len()), "{}", published.audio.len());
    assert!(grows_strictly(&published.audio));
    assert!(published.audio.iter().all(|unit| unit.key && unit.pts_us == unit.dts_us));
}

#[tokio::test]
async fn debians_ffmpeg_publishes_h264_and_aac() {
    let mut rig = Rig::start(Limits::default()).await;
    let address = rtmp(rig.address, "K-1");
    let coding = [&H264[..], &AAC].concat();
    let published = published(&mut rig, start("ffmpeg", &ffmpeg(&address, &[FILM, TONE], &coding))).await;
    assert_eq!((published.announcement.app.as_str(), published.announcement.key.expose()), ("live", "K-1"));
    assert!(published.announcement.encoder.contains("Lavf"));
    let [metadata] = &published.metadata[..] else { panic!("{:?}", published.metadata) };
    assert_eq!((metadata.width, metadata.height, metadata.frame_rate), (Some(320), Some(180), Some(30.0)));
    assert_eq!(metadata.sample_rate, Some(48_000));
    four_seconds(&published, VideoCodec::H264);
    assert!(published.video.iter().any(|unit| unit.pts_us > unit.dts_us), "B-frames keep their order");
    sound_of_four_seconds(&published);
    assert_eq!(published.end, End::Closed);
}

#[tokio::test]
async fn ffmpeg_9_publishes_hevc_by_enhanced_rtmp() {
    let mut rig = Rig::start(Limits::default()).await;
    let address = rtmp(rig.address, "K-1");
    let hevc = ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "30"];
    let options = ["-x265-params", "keyint=30:min-keyint=30:scenecut=0:bframes=2:open-gop=0:log-level=error"];
    let coding = [&hevc[..], &options, &AAC].concat();
    let published = published(&mut rig, start(&ffmpeg_9(), &ffmpeg(&address, &[FILM, TONE], &coding))).await;
    four_seconds(&published, VideoCodec::Hevc);
    sound_of_four_seconds(&published);
    assert_eq!(published.end, End::Closed);
}

#[tokio::test]
async fn timestamps_go_on_where_three_bytes_do_not_suffice() {
    let mut rig = Rig::start(Limits::default()).await;
    let address = rtmp(rig.address, "K-1");
    let late = ["-output_ts_offset", "16775.2"];
    let coding = [&H264[..], &AAC, &late].concat();
    let published = published(&mut rig, start("ffmpeg", &ffmpeg(&address, &[FILM, TONE], &coding))).await;
    four_seconds(&published, VideoCodec::H264);
    sound_of_four_seconds(&published);
    let most = 0x00FF_FFFF * 1_000;
    let (first, last) = (&published.video[0], &published.video[119]);
    assert!(first.dts_us < most && last.dts_us > most, "{first:?} to {last:?}");
}

#[tokio::test]
async fn one_track_alone_is_enough() {
    let mut rig = Rig::start(Limits::default()).await;
    let address = rtmp(rig.address, "K-1");
    let video = published(&mut rig, start("ffmpeg", &ffmpeg(&address, &[FILM], &H264))).await;
    four_seconds(&video, VideoCodec::H264);
    assert!(video.sounds.is_empty() && video.audio.is_empty());
    let audio = published(&mut rig, start(&ffmpeg_9(), &ffmpeg(&address, &[TONE], &AAC))).await;
    sound_of_four_seconds(&audio);
    assert!(audio.pictures.is_empty() && audio.video.is_empty());
}

#[tokio::test]
async fn ffmpeg_publishes_by_tls() {
    let mut rig = Rig::start_with(Limits::default(), Some(acceptor().0)).await;
    let address = format!("rtmps://{}/live/K-1", rig.address);
    let coding = [&H264[..], &AAC].concat();
    let published = published(&mut rig, start("ffmpeg", &ffmpeg(&address, &[FILM, TONE], &coding))).await;
    four_seconds(&published, VideoCodec::H264);
    sound_of_four_seconds(&published);
}

/// GStreamer with one of its two sinks, in a clean end.
async fn gstreamer(sink: &str, location: fn(SocketAddr) -> String) -> Published {
    let mut rig = Rig::start(Limits::default()).await;
    let location = location(rig.address);
    let pipeline = "videotestsrc num-buffers=120 ! video/x-raw,width=320,height=180,framerate=30/1 \
        ! x264enc speed-preset=ultrafast key-int-max=30 bframes=0 ! h264parse ! mux. \
        audiotestsrc num-buffers=188 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 \
        ! avenc_aac ! aacparse ! mux. flvmux name=mux streamable=true !";
    let mut args = vec!["-q"];
    args.extend(pipeline.split_whitespace());
    args.extend([sink, &location]);
    let published = published(&mut rig, start("gst-launch-1.0", &args)).await;
    let said = &published.announcement;
    assert_eq!((said.app.as_str(), said.key.expose()), ("live", "K-1"));
    four_seconds(&published, VideoCodec::H264);
    sound_of_four_seconds(&published);
    published
}

#[tokio::test]
async fn gstreamer_publishes_h264_and_aac() {
    let published = gstreamer("rtmp2sink", |address| format!("location={}", rtmp(address, "K-1"))).await;
    assert_eq!(published.end, End::Closed);
}

#[tokio::test]
async fn librtmp_publishes_which_obs_is_made_of() {
    let published =
        gstreamer("rtmpsink", |address| format!("location={} live=1", rtmp(address, "K-1"))).await;
    assert_eq!(published.end, End::Closed);
}

#[tokio::test]
async fn encoders_fail_when_they_are_refused_and_show_why() {
    let mut rig = Rig::start(Limits::default()).await;
    let address = rtmp(rig.address, "wrong");
    let encoder = start("ffmpeg", &ffmpeg(&address, &[FILM], &H264));
    rig.request().await.refuse(ingest::Refusal::new(ingest::Reason::Denied, "no channel has this key"));
    let output = tokio::time::timeout(PATIENCE, encoder.wait_with_output()).await.expect("ffmpeg ends");
    let output = output.expect("a status");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("no channel has this key"), "{said}");
}

#[tokio::test]
async fn encoders_that_send_what_is_not_taken_are_stopped_and_told() {
    let mut rig = Rig::start(Limits::default()).await;
    let address = rtmp(rig.address, "K-1");
    let av1 = ["-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "lp=1"];
    let cases: [(&str, &str, &[&str], &str); 3] = [
        ("ffmpeg", TONE, &["-c:a", "libmp3lame", "-ar", "44100"], "MP3"),
        (&ffmpeg_9(), TONE, &["-c:a", "libopus"], "Opus"),
        (&ffmpeg_9(), FILM, &av1, "AV1"),
    ];
    for (program, input, coding, name) in cases {
        let paced = [&["-re"], &ffmpeg(&address, &[input], coding)[..]].concat();
        let encoder = start(program, &paced);
        let mut media = rig.request().await.admit();
        let Some(Event::Ended(end)) = all(&mut media).await.pop() else { panic!("an end") };
        assert!(end.to_string().contains(name), "{end}");
        let output = tokio::time::timeout(PATIENCE, encoder.wait_with_output()).await.expect("ffmpeg ends");
        let output = output.expect("a status");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(&end.to_string()), "{said}");
    }
}
