//! A writer of HLS playlists.

use std::fmt::Write;

use super::{
    boxes::Written,
    spec::{Kind, Spec, Track},
};

/// A track and what was written of it.
pub struct Made<'a> {
    pub track: &'a Track,
    pub segments: Vec<Written>,
}

impl Made<'_> {
    pub fn seconds(&self, ticks: u64) -> f64 {
        ticks as f64 / f64::from(self.track.timescale)
    }

    /// Peak and average bits per second. No two segments fit into 1.5 target durations, or if they do, their
    /// common rate is no peak: the largest single one is.
    pub fn rates(&self) -> (f64, f64) {
        let rates = self.segments.iter().map(|s| s.bytes.len() as f64 * 8.0 / self.seconds(s.ticks));
        let bits: f64 = self.segments.iter().map(|s| s.bytes.len() as f64 * 8.0).sum();
        let ticks = self.segments.iter().map(|s| s.ticks).sum();
        (rates.fold(0.0, f64::max), bits / self.seconds(ticks))
    }

    pub fn codec(&self) -> String {
        let header = &self.track.header;
        match self.track.kind {
            Kind::Video { .. } => {
                format!("{}.6400{:02X}", std::str::from_utf8(&header.entry).unwrap(), header.level)
            }
            Kind::Audio { .. } => "mp4a.40.2".to_owned(),
        }
    }

    fn frame_rate(&self) -> f64 {
        let samples = self.track.segments.iter().flat_map(|s| &s.fragments).flat_map(|f| &f.samples).count();
        let ticks = self.segments.iter().map(|s| s.ticks).sum();
        samples as f64 / self.seconds(ticks)
    }

    pub fn media(&self, spec: &Spec) -> String {
        let mut text = head(spec, "");
        for (index, segment) in self.segments.iter().enumerate() {
            let duration = self.seconds(segment.ticks);
            writeln!(text, "#EXTINF:{duration:.5},\n{index}.m4s").unwrap();
        }
        text + "#EXT-X-ENDLIST\n"
    }

    pub fn i_frames(&self, spec: &Spec) -> String {
        let mut text = head(spec, "#EXT-X-I-FRAMES-ONLY\n");
        for (index, segment) in self.segments.iter().enumerate() {
            for fragment in segment.fragments.iter().filter(|fragment| fragment.sync) {
                let (duration, at) = (self.seconds(fragment.ticks), fragment.at);
                let length = fragment.first_end - at;
                writeln!(text, "#EXTINF:{duration:.5},\n#EXT-X-BYTERANGE:{length}@{at}\n{index}.m4s")
                    .unwrap();
            }
        }
        text + "#EXT-X-ENDLIST\n"
    }
}

fn head(spec: &Spec, more: &str) -> String {
    format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{}\n#EXT-X-PLAYLIST-TYPE:VOD\n{more}#EXT-X-MAP:URI=\"init.mp4\"\n",
        spec.target
    )
}

pub fn multivariant(video: &[Made<'_>], audio: &[Made<'_>]) -> String {
    let mut text = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n".to_owned();
    for made in audio {
        let Kind::Audio { channels, language, default } = made.track.kind else { unreachable!() };
        let default = if default { "YES" } else { "NO" };
        writeln!(
            text,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"{language}\",LANGUAGE=\"{language}\",DEFAULT={default},\
             AUTOSELECT=YES,CHANNELS=\"{channels}\",URI=\"{}/index.m3u8\"",
            made.track.name
        )
        .unwrap();
    }
    let loudest =
        audio.iter().map(Made::rates).fold((0.0, 0.0), |(p, a): (f64, f64), (q, b)| (p.max(q), a.max(b)));
    for made in video {
        let Kind::Video { width, height } = made.track.kind else { unreachable!() };
        let (peak, average) = made.rates();
        writeln!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={:.0},AVERAGE-BANDWIDTH={:.0},CODECS=\"{},mp4a.40.2\",RESOLUTION={width}x{height},\
             FRAME-RATE={:.3},AUDIO=\"audio\"\n{}/index.m3u8",
            peak + loudest.0,
            average + loudest.1,
            made.codec(),
            made.frame_rate(),
            made.track.name
        )
        .unwrap();
    }
    for made in video {
        let Kind::Video { width, height } = made.track.kind else { unreachable!() };
        writeln!(
            text,
            "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100000,CODECS=\"{}\",RESOLUTION={width}x{height},URI=\"{}/iframes.m3u8\"",
            made.codec(),
            made.track.name
        )
        .unwrap();
    }
    text
}
