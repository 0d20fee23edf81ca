//! What the probe reports of good files.

use bytes::Bytes;
use pipeline_wire::{MediaClock, ProbeReport, VideoStream};

use crate::clips::{FRAMES, clip, made, path_of};
use crate::rig::Rig;

/// Six seconds of 30000/1001, in nanoseconds.
const LENGTH_NS: i64 = 180 * 1001 * 1_000_000_000 / 30000;

async fn probe(data: &Bytes) -> ProbeReport {
    Rig::new().await.probe(data).await.expect("a report")
}

async fn video(data: &Bytes) -> VideoStream {
    probe(data).await.video.expect("a picture")
}

/// Every container and codec: all pictures counted, the length right to a time base's rounding.
#[tokio::test]
async fn all_pictures_of_usual_files_are_counted() {
    let clips = [
        ("a.mp4", "-c:v libx264 -c:a aac", "video/x-h264"),
        ("fragmented.mp4", "-c:v libx264 -c:a aac -movflags frag_keyframe+empty_moov", "video/x-h264"),
        ("open-gop.ts", "-c:v libx264 -bf 3 -x264-params open-gop=1 -c:a aac", "video/x-h264"),
        ("mpeg2.ts", "-c:v mpeg2video -c:a mp2", "video/mpeg"),
        ("open-gop.mkv", "-c:v libx264 -bf 3 -x264-params open-gop=1 -c:a aac", "video/x-h264"),
        (
            "ten-bit.mkv",
            "-c:v libx265 -x265-params log-level=0 -pix_fmt yuv420p10le -c:a ac3",
            "video/x-h265",
        ),
        ("vp9.webm", "-c:v libvpx-vp9 -cpu-used 8 -c:a libopus", "video/x-vp9"),
        ("vp8.webm", "-c:v libvpx -cpu-used 8 -c:a libvorbis", "video/x-vp8"),
        ("h264.avi", "-c:v libx264 -c:a libmp3lame", "video/x-h264"),
        ("xvid.avi", "-c:v mpeg4 -bf 2 -c:a libmp3lame", "video/mpeg"),
        ("jpegs.mov", "-c:v mjpeg -c:a pcm_s16le", "image/jpeg"),
        ("prores.mov", "-c:v prores_ks -c:a pcm_s16le", "video/x-prores"),
        ("h264.flv", "-c:v libx264 -ar 44100 -c:a aac", "video/x-h264"),
        ("old.wmv", "-c:v wmv2 -c:a wmav2", "video/x-wmv"),
        ("theora.ogv", "-c:v libtheora -c:a libvorbis", "video/x-theora"),
        ("program.mpg", "-c:v mpeg2video -c:a mp2", "video/mpeg"),
    ];
    let rig = Rig::new().await;
    for (name, arguments, codec) in clips {
        let report = rig.probe(&clip(name, arguments)).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        let video = report.video.unwrap_or_else(|| panic!("{name}: no picture"));
        assert_eq!((video.frames, video.codec.as_str()), (FRAMES, codec), "{name}");
        assert_eq!((video.width, video.height), (320, 180), "{name}");
        let off = (video.end_ns - video.first_ns - LENGTH_NS).abs();
        // Some AVI and MPEG files leave the last picture's time to the decoder, which guesses.
        assert!(off <= 34_000_000, "{name}: the length is off by {off} ns");
        assert_eq!(report.audio.len(), 1, "{name}");
        assert!(report.notes.is_empty(), "{name}: {:?}", report.notes);
    }
}

#[tokio::test]
async fn a_stream_without_duration_is_measured() {
    let path = path_of("piped.webm", "-f lavfi -i testsrc2=s=320x180:r=25:d=4 -c:v libvpx -cpu-used 8");
    let piped = std::process::Command::new("sh")
        .args(["-c", "exec ffmpeg -loglevel error -i \"$0\" -c copy -f webm pipe:1"])
        .arg(path)
        .output()
        .expect("ffmpeg");
    assert!(piped.status.success());
    let report = probe(&piped.stdout.into()).await;
    assert_eq!(report.duration_ns, 4_000_000_000);
    assert_eq!(report.video.expect("a picture").frames, 100);
}

#[tokio::test]
async fn the_first_picture_is_the_first_decodable_one() {
    let whole = path_of(
        "long-gop.ts",
        "-f lavfi -i testsrc2=s=320x180:r=25:d=6 -c:v libx264 -g 50 -bf 2 -x264-params open-gop=1:scenecut=0",
    );
    let whole = std::fs::read(whole).expect("clip");
    // From the middle of the first group on: its pictures need one that is gone.
    let cut: Bytes = whole[whole.len() / 6 / 188 * 188..].to_vec().into();
    let (all, rest) = (video(&whole.into()).await, video(&cut).await);
    assert_eq!(all.frames, 150);
    assert!((98..=103).contains(&rest.frames), "from about the second group on: {}", rest.frames);
    let counted = (rest.end_ns - rest.first_ns) / 40_000_000;
    assert_eq!(rest.frames, counted.cast_unsigned(), "first, end and count agree");
}

#[tokio::test]
async fn edit_lists_are_read_on_stream_time() {
    let source = path_of("plain.mkv", "-f lavfi -i testsrc2=s=320x180:r=25:d=6 -c:v libx264 -g 50");
    let data = made("cut.mp4", &format!("-ss 1.3 -i {} -c copy", source.display()));
    let video = video(&data).await;
    assert_eq!((video.clock, video.first_ns), (MediaClock::StreamTime, 0));
    // 4.7 seconds at 25 a second; the first picture is cut by the edit.
    assert!((117..=119).contains(&video.frames), "{}", video.frames);
}

#[tokio::test]
async fn a_constant_rate_is_named_and_a_variable_one_is_not() {
    let constant = video(&clip("a.mp4", "-c:v libx264 -c:a aac")).await;
    assert_eq!((constant.fps_num, constant.fps_den), (30000, 1001));
    let uneven = "-vf settb=1/90000,setpts=N*3003+mod(N\\,3)*900 -vsync passthrough -enc_time_base 1/90000 -c:v libx264";
    let variable = video(&clip("uneven.mkv", uneven)).await;
    assert_eq!(variable.fps_num, 0);
    assert!(variable.delta_max_ns > variable.delta_median_ns, "{variable:?}");
}

#[tokio::test]
async fn rotation_interlacing_and_depth_are_seen() {
    let plain = path_of("a.mp4", "-f lavfi -i testsrc2=s=320x180:r=25:d=2 -c:v libx264");
    let turned = made("turned.mp4", &format!("-i {} -c copy -metadata:s:v rotate=90", plain.display()));
    let turned = video(&turned).await;
    assert!(matches!(turned.rotation, 90 | 270), "{}", turned.rotation);
    let weaved = "-c:v libx264 -flags +ilme+ildct -x264-params interlaced=1:tff=1";
    let old = "-c:v mpeg2video -flags +ilme+ildct -b:v 4M -c:a mp2";
    assert!(video(&clip("weaved.mp4", weaved)).await.interlaced);
    assert!(video(&clip("weaved.mpg", old)).await.interlaced);
    let deep = "-c:v libx265 -x265-params log-level=0 -pix_fmt yuv420p10le -c:a ac3";
    let deep = video(&clip("ten-bit.mkv", deep)).await;
    assert_eq!((deep.bit_depth, deep.interlaced, deep.rotation), (10, false, 0));
}

#[tokio::test]
async fn sound_streams_keep_their_order_and_language() {
    let arguments = "-f lavfi -i sine=f=880:d=6 -map 0 -map 1 -map 2 -c:v libx264 -c:a:0 aac -c:a:1 ac3 \
        -ar 48000 -metadata:s:a:0 language=deu -metadata:s:a:1 language=eng -metadata title=Film";
    let report = probe(&clip("two-languages.mp4", arguments)).await;
    let streams: Vec<_> =
        report.audio.iter().map(|a| (a.index, a.codec.as_str(), a.language.as_deref())).collect();
    assert_eq!(streams, [(0, "audio/mpeg", Some("de")), (1, "audio/x-ac3", Some("en"))]);
    assert!(report.audio.iter().all(|a| (a.sample_rate, a.channels) == (48000, 1)));
    assert_eq!(report.title.as_deref(), Some("Film"));
}

/// Cover art is no film.
#[tokio::test]
async fn music_is_audio_only() {
    let cover = path_of("cover.jpg", "-f lavfi -i testsrc=s=300x300:r=25:d=1 -frames:v 1");
    let song = "-f lavfi -i sine=d=3 -i";
    let (mp3, m4a) = (
        format!("{song} {} -map 0 -map 1 -c:a libmp3lame -c:v copy -id3v2_version 3", cover.display()),
        format!("{song} {} -map 0 -map 1 -c:a aac -c:v copy -disposition:v attached_pic", cover.display()),
    );
    let rig = Rig::new().await;
    for (name, arguments) in [
        ("art.mp3", mp3.as_str()),
        ("art.m4a", m4a.as_str()),
        ("a.flac", "-f lavfi -i sine=d=3"),
        ("a.wav", "-f lavfi -i sine=d=3"),
        ("a.opus", "-f lavfi -i sine=d=3"),
        ("a.ogg", "-f lavfi -i sine=d=3"),
        ("a.aac", "-f lavfi -i sine=d=3"),
        ("a.aiff", "-f lavfi -i sine=d=3"),
    ] {
        let report = rig.probe(&made(name, arguments)).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(report.video.is_none(), "{name}");
        assert_eq!(report.audio.len(), 1, "{name}");
        let seconds = report.duration_ns as f64 / 1e9;
        assert!((2.95..3.1).contains(&seconds), "{name}: {seconds} s");
    }
}
