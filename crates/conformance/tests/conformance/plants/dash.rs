//! MPDs.

use super::plant::{Plant, Where::Line, in_mpd};

const MPD: &str = "dash.mpd";

pub fn plants() -> Vec<Plant> {
    vec![
        in_mpd("DASH-DURATION", Line("<MPD"), |site| {
            site.edit_line(MPD, "mediaPresentationDuration", |line| {
                line.replace("mediaPresentationDuration", "maxSegmentDuration")
            });
        }),
        in_mpd("DASH-REQUIRED", Line("<MPD"), |site| site.replace(MPD, "minBufferTime=\"PT3S\"", "")),
        in_mpd("DASH-IDS", Line("id=\"audio-0\""), |site| {
            site.replace(MPD, "id=\"audio-1\"", "id=\"audio-0\"");
        }),
        in_mpd("DASH-ALIGNMENT", Line("contentType=\"video\""), |site| {
            site.replace(MPD, "segmentAlignment=\"true\"", "");
        }),
        in_mpd("DASH-SAP", Line("id=\"video-720\""), |site| site.replace(MPD, "startWithSAP=\"1\"", "")),
        in_mpd("DASH-CODECS", Line("avc1.640028"), |site| site.replace(MPD, "avc1.64001F", "avc1.640028")),
        in_mpd("DASH-TIMELINE", Line("t=\"38399\""), |site| {
            site.replace(MPD, "t=\"38400\" d=\"38400\"", "t=\"38399\" d=\"38401\"");
        }),
        in_mpd("DASH-TIMELINE-TRUE", Line("d=\"38800\""), |site| {
            site.replace(MPD, "t=\"76800\" d=\"38400\"", "t=\"76800\" d=\"38800\"");
        }),
        in_mpd("DASH-SPAN", Line("<MPD"), |site| site.replace(MPD, "Duration=\"PT9.0", "Duration=\"PT19.0")),
    ]
}
