//! Everything a graph may need, loaded while files can still be opened; and nothing else.
//!
//! The lists are the child's whole vocabulary. After loading, every other element and type finder leaves the
//! in-memory registry, so an uploaded file can only reach code that is named here: no playlists that fetch
//! URLs, no scripts, no module players.

use std::collections::HashSet;

use gstreamer as gst;
use gstreamer::prelude::*;
use pipeline_wire::GraphSpec;

use crate::failure::Result;

/// Plumbing of every graph.
const CORE: &[&str] = &[
    "appsink",
    "appsrc",
    "bin",
    "capsfilter",
    "clocksync",
    "concat",
    "decodebin3",
    "fakesink",
    "identity",
    "input-selector",
    "multiqueue",
    "parsebin",
    "pipeline",
    "queue",
    "queue2",
    "streamsynchronizer",
    "tee",
    "typefind",
];

/// Containers and elementary streams.
const DEMUX: &[&str] = &[
    "aacparse",
    "ac3parse",
    "aiffparse",
    "amrparse",
    "apedemux",
    "asfdemux",
    "auparse",
    "av1parse",
    "avidemux",
    "dcaparse",
    "diracparse",
    "dvdemux",
    "flacparse",
    "flvdemux",
    "h263parse",
    "h264parse",
    "h265parse",
    "icydemux",
    "id3demux",
    "ivfparse",
    "jpegparse",
    "matroskademux",
    "mpeg4videoparse",
    "mpegaudioparse",
    "mpegpsdemux",
    "mpegvideoparse",
    "mxfdemux",
    "oggdemux",
    "opusparse",
    "pngparse",
    "qtdemux",
    "tsdemux",
    "vc1parse",
    "vp9parse",
    "wavpackparse",
    "wavparse",
    "y4mdec",
];

const DECODE_VIDEO: &[&str] = &[
    "av1dec",
    "avdec_dnxhd",
    "avdec_dvvideo",
    "avdec_ffv1",
    "avdec_ffvhuff",
    "avdec_flv",
    "avdec_h263",
    "avdec_h264",
    "avdec_h265",
    "avdec_huffyuv",
    "avdec_mjpeg",
    "avdec_mpeg1video",
    "avdec_mpeg2video",
    "avdec_mpeg4",
    "avdec_msmpeg4",
    "avdec_msmpeg4v1",
    "avdec_msmpeg4v2",
    "avdec_prores",
    "avdec_utvideo",
    "avdec_vc1",
    "avdec_vp6",
    "avdec_vp6f",
    "avdec_wmv1",
    "avdec_wmv2",
    "avdec_wmv3",
    "dav1ddec",
    "jpegdec",
    "mpeg2dec",
    "pngdec",
    "theoradec",
    "vp8dec",
    "vp9dec",
];

const DECODE_AUDIO: &[&str] = &[
    "a52dec",
    "adpcmdec",
    "alawdec",
    "amrnbdec",
    "amrwbdec",
    "avdec_aac",
    "avdec_aac_latm",
    "avdec_ac3",
    "avdec_adpcm_ima_qt",
    "avdec_adpcm_ima_wav",
    "avdec_adpcm_ms",
    "avdec_alac",
    "avdec_amrnb",
    "avdec_amrwb",
    "avdec_ape",
    "avdec_dca",
    "avdec_eac3",
    "avdec_mp2float",
    "avdec_mp3",
    "avdec_truehd",
    "avdec_wmapro",
    "avdec_wmav1",
    "avdec_wmav2",
    "dtsdec",
    "flacdec",
    "mpg123audiodec",
    "mulawdec",
    "opusdec",
    "speexdec",
    "vorbisdec",
    "wavpackdec",
];

/// What live streams come in; nothing finds types or takes containers apart there.
const DECODE_LIVE: &[&str] = &["avdec_aac", "avdec_h264", "avdec_h265"];

const PICTURE: &[&str] =
    &["deinterlace", "videobox", "videoconvert", "videoconvertscale", "videocrop", "videoflip", "videoscale"];

const SOUND: &[&str] = &["audiobuffersplit", "audioconvert", "audiorate", "audioresample"];

const ENCODE_VIDEO: &[&str] = &["h264parse", "x264enc"];
const ENCODE_AUDIO: &[&str] = &["aacparse", "avenc_aac"];
const ENCODE_IMAGE: &[&str] = &["jpegenc"];

/// Loads what `spec` may need and forgets everything else. To be called once, on the only thread, before the
/// door closes. An element that is not installed is left out; a graph that cannot do without it says so.
///
/// # Errors
/// When GStreamer does not start.
pub fn preload(spec: &GraphSpec) -> Result<()> {
    gst::init()?;
    gstfmp4::plugin_register_static()?;
    let wanted: HashSet<&str> = lists(spec).into_iter().flatten().copied().collect();
    let mut kept: HashSet<&str> = wanted.into_iter().filter(|name| load(name)).collect();
    kept.extend(known(spec));
    let finders = load_type_finders();
    forget_others(&kept, finders.as_deref());
    Ok(())
}

/// Scans the installed plug-ins and writes the registry file named by the environment, if it is not fresh.
///
/// # Errors
/// When GStreamer does not start.
pub fn warm_registry() -> Result<()> {
    Ok(gst::init()?)
}

fn lists(spec: &GraphSpec) -> Vec<&'static [&'static str]> {
    match spec {
        GraphSpec::Probe(_) => vec![CORE, DEMUX, DECODE_VIDEO, DECODE_AUDIO, PICTURE],
        GraphSpec::Video(_) => vec![CORE, DEMUX, DECODE_VIDEO, PICTURE, ENCODE_VIDEO],
        GraphSpec::Audio(_) => vec![CORE, DEMUX, DECODE_AUDIO, SOUND, ENCODE_AUDIO],
        GraphSpec::Images(_) => vec![CORE, DEMUX, DECODE_VIDEO, PICTURE, ENCODE_IMAGE],
        GraphSpec::TestFilm(_) | GraphSpec::TestStream(_) => {
            vec![CORE, PICTURE, SOUND, ENCODE_VIDEO, ENCODE_AUDIO]
        }
        GraphSpec::Live(_) => vec![CORE, DECODE_LIVE, PICTURE, SOUND, ENCODE_VIDEO, ENCODE_AUDIO],
        GraphSpec::DoorCheck => vec![CORE],
    }
}

/// Decoders of streams that the graph leaves alone. They are not loaded and cannot be once the door is closed; but
/// decodebin3 gives a whole file up when nothing in the registry decodes one of its streams.
fn known(spec: &GraphSpec) -> &'static [&'static str] {
    match spec {
        GraphSpec::Video(_) | GraphSpec::Images(_) => DECODE_AUDIO,
        GraphSpec::Audio(_) => DECODE_VIDEO,
        GraphSpec::Probe(_)
        | GraphSpec::TestFilm(_)
        | GraphSpec::TestStream(_)
        | GraphSpec::Live(_)
        | GraphSpec::DoorCheck => &[],
    }
}

fn load(name: &str) -> bool {
    gst::ElementFactory::find(name).is_some_and(|factory| factory.load().is_ok())
}

/// Loads the plug-in that holds the type finders and returns its name.
fn load_type_finders() -> Option<String> {
    const PLUGIN: &str = "typefindfunctions";
    gst::Plugin::load_by_name(PLUGIN).ok().map(|plugin| plugin.plugin_name().to_string())
}

/// Plug-ins linked into this binary.
const STATIC: &[&str] = &["fmp4", "staticelements"];

fn forget_others(kept: &HashSet<&str>, finders: Option<&str>) {
    let registry = gst::Registry::get();
    for plugin in registry.plugins() {
        let name = plugin.plugin_name();
        if STATIC.contains(&name.as_str()) || finders == Some(name.as_str()) {
            continue;
        }
        let features = registry.features_by_plugin(&name);
        let (keep, forget): (Vec<_>, Vec<_>) =
            features.iter().partition(|feature| kept.contains(feature.name().as_str()));
        if keep.is_empty() {
            registry.remove_plugin(&plugin);
        } else {
            forget.into_iter().for_each(|feature| registry.remove_feature(feature));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_wire::{ProbeSpec, SourceSpec};

    #[test]
    fn names_are_sorted_and_single() {
        for list in [CORE, DEMUX, DECODE_VIDEO, DECODE_AUDIO, DECODE_LIVE, PICTURE, SOUND] {
            assert!(list.is_sorted_by(|a, b| a < b), "{list:?}");
        }
    }

    #[test]
    fn a_probe_has_its_vocabulary_and_no_more() {
        let source = SourceSpec { bytes: 0 };
        let spec = GraphSpec::Probe(ProbeSpec { source, duration_max_ns: 0, dimension_max: 0 });
        preload(&spec).expect("preload");
        for present in ["qtdemux", "matroskademux", "tsdemux", "avdec_h264", "vp9dec", "decodebin3"] {
            assert!(gst::ElementFactory::find(present).is_some(), "{present}");
        }
        for absent in ["filesrc", "souphttpsrc", "hlsdemux", "avdemux_nut", "rsvgdec", "x264enc", "udpsrc"] {
            assert!(gst::ElementFactory::find(absent).is_none(), "{absent}");
        }
    }
}
