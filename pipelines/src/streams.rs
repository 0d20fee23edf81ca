//! Which streams of a container are used; every graph decides alike.

use gstreamer as gst;
use gstreamer::prelude::*;

/// The stream to show: the first video stream that is not a still picture, else the first of all (a film of
/// JPEG frames looks the same as cover art until its packets are counted).
#[must_use]
pub fn video_of(collection: &gst::StreamCollection) -> Option<gst::Stream> {
    let videos: Vec<gst::Stream> = of_type(collection, gst::StreamType::VIDEO).collect();
    videos.iter().find(|stream| !is_still(stream)).or(videos.first()).cloned()
}

/// The audio stream at `index`, counted from zero among all audio streams in container order.
#[must_use]
pub fn audio_of(collection: &gst::StreamCollection, index: u32) -> Option<gst::Stream> {
    of_type(collection, gst::StreamType::AUDIO).nth(index as usize)
}

/// Streams whose type contains `wanted`, in container order.
pub fn of_type(
    collection: &gst::StreamCollection,
    wanted: gst::StreamType,
) -> impl Iterator<Item = gst::Stream> {
    collection.iter().filter(move |stream| stream.stream_type().contains(wanted))
}

fn is_still(stream: &gst::Stream) -> bool {
    stream.caps().and_then(|caps| caps.structure(0).map(|s| s.name().starts_with("image/"))).unwrap_or(false)
}

/// Makes `decodebin3` use only the stream that `choose` picks from each collection.
pub fn select_only(
    decodebin: &gst::Element,
    choose: impl Fn(&gst::StreamCollection) -> Option<gst::Stream> + Send + Sync + 'static,
) {
    decodebin.connect("select-stream", false, move |values| {
        let collection = values[1].get::<gst::StreamCollection>().ok()?;
        let stream = values[2].get::<gst::Stream>().ok()?;
        let chosen = choose(&collection).is_some_and(|chosen| chosen.stream_id() == stream.stream_id());
        Some(i32::from(chosen).to_value())
    });
}

/// Whether something here decodes `caps` (raw caps need no decoder).
#[must_use]
pub fn is_decodable(caps: &gst::Caps) -> bool {
    let raw = |name: &str| name == "video/x-raw" || name == "audio/x-raw";
    if caps.structure(0).is_some_and(|structure| raw(structure.name())) {
        return true;
    }
    gst::ElementFactory::factories_with_type(gst::ElementFactoryType::DECODER, gst::Rank::MARGINAL)
        .iter()
        .any(|factory| factory.can_sink_any_caps(caps))
}

/// Clockwise rotation for display in degrees, from an `image-orientation` tag; mirrored pictures count as
/// their rotation.
#[must_use]
pub fn rotation_of(tags: &gst::TagListRef) -> Option<u16> {
    let orientation = tags.get::<gst::tags::ImageOrientation>()?;
    orientation.get().rsplit('-').next()?.parse().ok().filter(|angle| matches!(angle, 0 | 90 | 180 | 270))
}
