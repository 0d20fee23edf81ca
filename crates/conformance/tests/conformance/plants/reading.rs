//! Reading and delivery.

use conformance::{Limits, Options};

use super::plant::{
    LIMITS, Plant,
    Where::{Byte, Line, Whole},
    by_options, in_files, in_mpd,
};

pub fn plants() -> Vec<Plant> {
    vec![
        in_files("READ-FETCH", "audio-0/index.m3u8", Line("1.m4s"), |site| {
            site.files.remove("audio-0/1.m4s");
        }),
        by_options("READ-LIMIT", "video-720/0.m4s", Whole, |site| {
            let largest = site.files["video-720/0.m4s"].bytes.len() as u64;
            let limits = Limits { resource_bytes: largest - 1, ..LIMITS };
            Options { limits, ..Options::default() }
        }),
        in_files("HLS-SYNTAX", "hls.m3u8", Line("video-360/iframes"), |site| {
            site.replace(
                "hls.m3u8",
                ",URI=\"video-360/iframes",
                ",RESOLUTION=640x360,URI=\"video-360/iframes",
            );
        }),
        in_files(
            "CMAF-SYNTAX",
            "audio-0/2.m4s",
            Byte(|site| site.files["audio-0/2.m4s"].bytes.len() as u64 - 3),
            |site| site.file("audio-0/2.m4s").bytes.extend(b"abc"),
        ),
        in_files("READ-VTT", "text-0/captions.vtt", Line("-->"), |site| {
            let subtitles = "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",NAME=\"en\",LANGUAGE=\"en\",\
                             URI=\"text-0/index.m3u8\"\n#EXT-X-STREAM-INF";
            site.replace("hls.m3u8", "#EXT-X-STREAM-INF", subtitles);
            let list = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n\
                        #EXTINF:6,\ncaptions.vtt\n#EXT-X-ENDLIST\n";
            site.put_text("text-0/index.m3u8", list.to_owned());
            let file = b"WEBVTT\n\n00:02.000 --> 00:01.000\nHello\n";
            site.put("text-0/captions.vtt", file.to_vec(), "text/vtt");
        }),
        in_mpd("DASH-SYNTAX", Line("bandwidth=\"many\""), |site| {
            site.edit_line("dash.mpd", "id=\"audio-0\"", |line| {
                line.replace("bandwidth=\"", "bandwidth=\"many\" maxPlayoutRate=\"")
            });
        }),
        in_files("HTTP-TYPE", "audio-0/1.m4s", Whole, |site| {
            site.file("audio-0/1.m4s").delivery.content_type = Some("application/octet-stream".to_owned());
        }),
        in_files("HTTP-GZIP", "audio-0/index.m3u8", Whole, |site| {
            site.file("audio-0/index.m3u8").delivery.content_encoding = None;
        }),
        in_files("HTTP-REDIRECT", "audio-0/init.mp4", Whole, |site| {
            site.file("audio-0/init.mp4").delivery.redirected = true;
        }),
    ]
}
