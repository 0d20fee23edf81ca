//! Encoders of others as they are: Debian's ffmpeg, FFmpeg 9 where it has SRT, and GStreamer.

use ingest::{AccessUnit, Dropped, End, Limits, Protocol, Track, VideoCodec};

use crate::rig::{CHANNEL, PASSPHRASE, Published, Rig, all, ended, start};

const FILM: &str = "testsrc2=size=320x180:rate=30:duration=4";
const TONE: &str = "sine=frequency=440:sample_rate=48000:duration=4";
const H264: [&str; 10] =
    ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "30"];
const HEVC: [&str; 10] = [
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-pix_fmt",
    "yuv420p",
    "-g",
    "30",
    "-x265-params",
    "keyint=30:min-keyint=30:scenecut=0:bframes=2:open-gop=0:log-level=error",
];
const AAC: [&str; 6] = ["-c:a", "aac", "-b:a", "96k", "-ac", "2"];

/// ffmpeg's arguments, at the pace of a live source.
pub fn ffmpeg<'a>(address: &'a str, inputs: &[&'a str], coding: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["-v", "error"];
    inputs.iter().for_each(|input| args.extend(["-re", "-f", "lavfi", "-i", input]));
    args.extend_from_slice(coding);
    args.extend(["-f", "mpegts", address]);
    args
}

async fn published(rig: &mut Rig, program: &str, args: &[&str]) -> Published {
    let encoder = start(program, args);
    let request = rig.request().await;
    assert_eq!(request.protocol, Protocol::Srt);
    let said = &request.announcement;
    assert_eq!((said.app.as_str(), said.key.expose()), (CHANNEL, PASSPHRASE));
    let published = Published::of(all(&mut request.admit()).await);
    let (well, said) = ended(encoder).await;
    assert!(well, "{said}");
    let early = |dropped: &Dropped| *dropped == Dropped::BeforeConfig(Track::Audio);
    assert!(published.dropped.iter().all(early), "{:?}", published.dropped);
    assert_eq!(published.end, Some(End::Closed));
    published
}

fn keys(units: &[AccessUnit]) -> Vec<usize> {
    units.iter().enumerate().filter(|(_, unit)| unit.key).map(|(index, _)| index).collect()
}

/// Four seconds at 30 frames with a key frame each second, of whose end up to `lost_max` pictures may be missing.
fn four_seconds(published: &Published, codec: VideoCodec, lost_max: usize) {
    let [picture] = &published.pictures[..] else { panic!("{:?}", published.pictures) };
    assert_eq!((picture.codec, picture.nal_length_bytes, picture.record[0]), (codec, 4, 1));
    let video = &published.video;
    assert!((120 - lost_max..=120).contains(&video.len()), "{} pictures", video.len());
    assert_eq!(keys(video), (0..video.len()).step_by(30).collect::<Vec<_>>());
    assert!(video.windows(2).all(|pair| pair[0].dts_us < pair[1].dts_us));
    assert!(video.iter().all(|unit| unit.pts_us >= unit.dts_us));
    let mut shown: Vec<_> = video[..90].iter().map(|unit| unit.pts_us).collect();
    shown.sort_unstable();
    let steps = shown.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(steps.clone().all(|step| (33_300..=33_400).contains(&step)), "{:?}", steps.collect::<Vec<_>>());
}

fn sound_of_four_seconds(published: &Published, lost_max: usize) {
    let [sound] = &published.sounds[..] else { panic!("{:?}", published.sounds) };
    assert_eq!((sound.object_type, sound.sample_rate, sound.channel_configuration), (2, 48_000, 2));
    assert_eq!(&sound.record[..], [0x11, 0x90]);
    let audio = &published.audio;
    assert!((188 - lost_max..=189).contains(&audio.len()), "{} frames", audio.len());
    let step = |pair: &[AccessUnit]| (21_300..=21_400).contains(&(pair[1].dts_us - pair[0].dts_us));
    assert!(audio.windows(2).all(step));
    assert!(audio.iter().all(|unit| unit.key && unit.pts_us == unit.dts_us));
}

#[tokio::test]
async fn debians_ffmpeg_publishes_h264_and_aac() {
    let mut rig = Rig::start(Limits::default());
    let address = rig.url(CHANNEL, PASSPHRASE);
    let coding = [&H264[..], &AAC].concat();
    let published = published(&mut rig, "ffmpeg", &ffmpeg(&address, &[FILM, TONE], &coding)).await;
    four_seconds(&published, VideoCodec::H264, 0);
    assert!(published.video.iter().any(|unit| unit.pts_us > unit.dts_us), "B-frames keep their order");
    sound_of_four_seconds(&published, 0);
    let last = published.links.last().expect("the connection is measured each second");
    assert!(last.received > 100 && last.dropped == 0, "{last:?}");
}

#[tokio::test]
async fn debians_ffmpeg_publishes_hevc() {
    let mut rig = Rig::start(Limits::default());
    let address = rig.url(CHANNEL, PASSPHRASE);
    let coding = [&HEVC[..], &AAC].concat();
    let published = published(&mut rig, "ffmpeg", &ffmpeg(&address, &[FILM, TONE], &coding)).await;
    four_seconds(&published, VideoCodec::Hevc, 0);
    sound_of_four_seconds(&published, 0);
}

#[tokio::test]
async fn the_standard_form_of_stream_ids_is_taken_with_strong_keys() {
    let mut rig = Rig::start(Limits::default());
    let stream_id = format!("#!::r={CHANNEL},m=publish,u=me");
    let address = format!("{}&pbkeylen=32", rig.url(&stream_id, PASSPHRASE));
    let published = published(&mut rig, "ffmpeg", &ffmpeg(&address, &[FILM], &H264)).await;
    four_seconds(&published, VideoCodec::H264, 0);
    assert!(published.sounds.is_empty() && published.audio.is_empty());
}

#[tokio::test]
async fn sound_alone_is_enough() {
    let mut rig = Rig::start(Limits::default());
    let address = rig.url(CHANNEL, PASSPHRASE);
    let published = published(&mut rig, "ffmpeg", &ffmpeg(&address, &[TONE], &AAC)).await;
    sound_of_four_seconds(&published, 0);
    assert!(published.pictures.is_empty() && published.video.is_empty());
}

#[tokio::test]
async fn times_go_on_where_33_bits_wrap() {
    let mut rig = Rig::start(Limits::default());
    let address = rig.url(CHANNEL, PASSPHRASE);
    // 2^33 / 90,000 is 95,443.7 s; ffmpeg's muxer adds 1.4.
    let coding = [&H264[..], &AAC, &["-output_ts_offset", "95440.5"]].concat();
    let published = published(&mut rig, "ffmpeg", &ffmpeg(&address, &[FILM, TONE], &coding)).await;
    four_seconds(&published, VideoCodec::H264, 0);
    sound_of_four_seconds(&published, 0);
}

#[tokio::test]
async fn gstreamer_publishes_h264_and_aac() {
    let mut rig = Rig::start(Limits::default());
    let pipeline = "videotestsrc num-buffers=120 is-live=true ! video/x-raw,width=320,height=180,framerate=30/1 \
        ! x264enc speed-preset=ultrafast key-int-max=30 bframes=0 tune=zerolatency ! h264parse ! mux. \
        audiotestsrc num-buffers=188 samplesperbuffer=1024 is-live=true ! audio/x-raw,rate=48000,channels=2 \
        ! avenc_aac ! aacparse ! mux. mpegtsmux name=mux alignment=7 ! srtsink";
    let uri = format!("uri=srt://{}", rig.address);
    let (stream_id, passphrase) = (format!("streamid={CHANNEL}"), format!("passphrase={PASSPHRASE}"));
    let mut args = vec!["-q"];
    args.extend(pipeline.split_whitespace());
    args.extend([uri.as_str(), &stream_id, &passphrase, "pbkeylen=16"]);
    let published = published(&mut rig, "gst-launch-1.0", &args).await;
    // It does not linger: what is under way when it closes is lost.
    four_seconds(&published, VideoCodec::H264, 30);
    sound_of_four_seconds(&published, 47);
}
