//! The multivariant playlist.

use super::plant::{
    Plant,
    Where::{Line, Whole},
    in_files, in_media,
};
use crate::support::{Kind, Site};

const VARIANT: &str = "RESOLUTION=640x360,FRAME-RATE";
const ENGLISH: &str = "NAME=\"en\"";
const GERMAN: &str = "NAME=\"de\"";

/// Changes the line of a variant or rendition.
fn edit(site: &mut Site, holding: &str, from: &str, to: &str) {
    site.edit_line("hls.m3u8", holding, |line| {
        assert!(line.contains(from), "`{from}` is not in {line}");
        line.replace(from, to)
    });
}

/// Multiplies a numeric attribute of the small variant.
fn scale(site: &mut Site, attribute: &str, by: f64) {
    site.edit_line("hls.m3u8", VARIANT, |line| {
        let parts = line.split_inclusive([',', ':']).map(|part| {
            match part.strip_prefix(attribute).and_then(|rest| rest.strip_suffix(',')) {
                Some(value) => format!("{attribute}{:.0},", value.parse::<f64>().unwrap() * by),
                None => part.to_owned(),
            }
        });
        parts.collect()
    });
}

/// Removes an unquoted attribute of the small variant.
fn remove(site: &mut Site, attribute: &str) {
    site.edit_line("hls.m3u8", VARIANT, |line| {
        let start = line.find(attribute).unwrap();
        let end = start + line[start..].find(',').unwrap() + 1;
        format!("{}{}", &line[..start], &line[end..])
    });
}

pub fn plants() -> Vec<Plant> {
    let mut plants = of_variants();
    plants.extend(of_renditions());
    plants
}

fn of_variants() -> Vec<Plant> {
    const FILE: &str = "hls.m3u8";
    const AT: super::plant::Where = Line("AUDIO=\"audio\"");
    vec![
        in_files("HLS-MV-CODECS", FILE, AT, |site| {
            edit(site, VARIANT, "CODECS=\"avc1.64001F,mp4a.40.2\",", "");
        }),
        in_files("HLS-MV-CODECS-TRUE", FILE, Line(VARIANT), |site| {
            edit(site, VARIANT, "avc1.64001F", "avc1.640028");
        }),
        in_files("HLS-MV-RESOLUTION", FILE, AT, |site| edit(site, VARIANT, "RESOLUTION=640x360,", "")),
        in_files("HLS-MV-RESOLUTION-TRUE", FILE, Line("642x360"), |site| {
            edit(site, VARIANT, "640x360", "642x360");
        }),
        in_files("HLS-MV-FRAME-RATE", FILE, AT, |site| remove(site, "FRAME-RATE=")),
        in_files("HLS-MV-FRAME-RATE-TRUE", FILE, Line(VARIANT), |site| {
            edit(site, VARIANT, "=25.000", "=24.975");
        }),
        in_files("HLS-MV-AVERAGE-BANDWIDTH", FILE, Line(VARIANT), |site| remove(site, "AVERAGE-BANDWIDTH=")),
        in_files("HLS-MV-PEAK", FILE, Line(VARIANT), |site| scale(site, "BANDWIDTH=", 1.15)),
        in_files("HLS-MV-AVERAGE", FILE, Line(VARIANT), |site| scale(site, "AVERAGE-BANDWIDTH=", 0.85)),
        in_media("HLS-MV-PEAK-TO-AVERAGE", FILE, Line("RESOLUTION=1280x720,FRAME"), |spec| {
            for fragment in &mut spec.video[0].segments[1].fragments {
                fragment.samples.iter_mut().for_each(|sample| sample.bytes *= 10);
            }
        }),
        in_files("HLS-MV-INDEPENDENT", FILE, Whole, |site| {
            site.replace("hls.m3u8", "#EXT-X-INDEPENDENT-SEGMENTS\n", "");
        }),
        in_media("HLS-MV-RATES", FILE, Whole, |spec| spec.video.truncate(1)),
        in_files("HLS-MV-IFRAMES", FILE, Whole, |site| {
            site.edit_line("hls.m3u8", "URI=\"video-720/iframes", |_| String::new());
            site.edit_line("hls.m3u8", "URI=\"video-360/iframes", |_| String::new());
        }),
        in_media("HLS-MV-VIDEO-RANGE", FILE, Line(VARIANT), |spec| spec.video[1].header.transfer = 16),
        in_media("HLS-MV-ASPECT", FILE, Line("480x360,FRAME-RATE"), |spec| {
            spec.video[1].kind = Kind::Video { width: 480, height: 360 };
        }),
        in_files("HLS-IF-FRAME-RATE", FILE, Line("URI=\"video-360/iframes"), |site| {
            edit(site, "URI=\"video-360/iframes", "BANDWIDTH", "FRAME-RATE=25.000,BANDWIDTH");
        }),
    ]
}

fn of_renditions() -> Vec<Plant> {
    const FILE: &str = "hls.m3u8";
    vec![
        in_files("HLS-RN-NAME", FILE, Line("audio-1"), |site| edit(site, GERMAN, "NAME=\"de\"", ENGLISH)),
        in_files("HLS-RN-DEFAULT", FILE, Line(GERMAN), |site| {
            edit(site, GERMAN, "DEFAULT=NO", "DEFAULT=YES");
        }),
        in_files("HLS-RN-AUTOSELECT", FILE, Line(ENGLISH), |site| {
            edit(site, ENGLISH, "SELECT=YES", "SELECT=NO");
        }),
        in_files("HLS-RN-GROUP", FILE, Line(VARIANT), |site| {
            edit(site, VARIANT, "AUDIO=\"audio\"", "AUDIO=\"audio\",SUBTITLES=\"text\"");
        }),
        in_files("HLS-RN-URI", FILE, Line("SUBTITLES"), |site| {
            let line = "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",NAME=\"en\",LANGUAGE=\"en\"\n#EXT-X-STREAM-INF";
            site.replace("hls.m3u8", "#EXT-X-STREAM-INF", line);
        }),
        in_files("HLS-RN-CHANNELS", FILE, Line(GERMAN), |site| edit(site, GERMAN, ",CHANNELS=\"2\"", "")),
        in_files("HLS-RN-CHANNELS-TRUE", FILE, Line(GERMAN), |site| {
            edit(site, GERMAN, ",CHANNELS=\"2\"", ",CHANNELS=\"6\"");
        }),
        in_files("HLS-RN-LANGUAGE", FILE, Line(GERMAN), |site| edit(site, GERMAN, ",LANGUAGE=\"de\"", "")),
    ]
}
