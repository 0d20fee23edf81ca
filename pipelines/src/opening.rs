//! The first decoded pictures or sounds of a source, by the decoder that every graph uses.

use gstreamer as gst;
use gstreamer_video::prelude::VideoBufferExt;
use gstreamer_video::{VideoBufferFlags, VideoInfo, VideoInterlaceMode};
use pipeline_wire::{MediaClock, SourceSpec};

use crate::decode::{Decoded, Decoder, Wanted};
use crate::failure::{GraphError, Result};
use crate::link::Link;
use crate::packets::PACKETS_MAX;
use crate::streams;

/// Pictures decoded to tell interlaced from progressive.
const PICTURES: u64 = 8;
/// Pictures between two signs of life.
const ALIVE_EVERY: usize = 25;

/// What the first pictures are like.
#[derive(Debug)]
pub struct Opening {
    /// Time of the first picture, in nanoseconds on the source's clock.
    pub first_ns: i64,
    /// Format of the decoded picture.
    pub info: VideoInfo,
    /// Whether one of them is interlaced.
    pub interlaced: bool,
}

/// Decodes the first pictures of the stream that is shown, as they are.
///
/// # Errors
/// When nothing decodes.
pub fn of_video(source: &SourceSpec, link: &Link, clock: MediaClock) -> Result<Opening> {
    let mut decoder = pictures(source, link, clock)?;
    let first = decoder.next()?.ok_or_else(|| GraphError::damaged("no picture decodes"))?;
    let info = VideoInfo::from_caps(&first.caps)?;
    let mut interlaced = is_interlaced(&info, &first);
    for decoded in 1..PICTURES {
        // A picture near the size limit takes seconds.
        link.progress(decoded, PICTURES)?;
        let Some(picture) = decoder.next()? else { break };
        interlaced |= is_interlaced(&info, &picture);
    }
    Ok(Opening { first_ns: first.time_ns, info, interlaced })
}

/// Decodes the whole film for the times of its pictures, in nanoseconds on its clock: for containers that do not
/// tell.
///
/// # Errors
/// When it stops decoding, or goes on for more than `length_max_ns`.
pub fn times_of_video(
    source: &SourceSpec,
    link: &Link,
    clock: MediaClock,
    length_max_ns: u64,
) -> Result<Vec<i64>> {
    let mut decoder = pictures(source, link, clock)?;
    let mut times = Vec::new();
    while let Some(picture) = decoder.next()? {
        times.push(picture.time_ns);
        let length = picture.time_ns.abs_diff(times[0]);
        if length > length_max_ns || times.len() > PACKETS_MAX {
            return Err(GraphError::too_long(length_max_ns));
        }
        if times.len().is_multiple_of(ALIVE_EVERY) {
            link.progress(times.len() as u64, 0)?;
        }
    }
    Ok(times)
}

/// A running decoder of the stream that is shown.
fn pictures(source: &SourceSpec, link: &Link, clock: MediaClock) -> Result<Decoder> {
    let wanted = Wanted {
        choose: |all, _| streams::video_of(all),
        index: 0,
        filters: Vec::new(),
        caps: gst::Caps::new_empty_simple("video/x-raw"),
        recolour: None,
    };
    let decoder = Decoder::new(source, clock, wanted, link)?;
    decoder.play()?;
    Ok(decoder)
}

/// Decodes the first piece of an audio stream, to know that it can be.
///
/// # Errors
/// When nothing decodes.
pub fn of_audio(source: &SourceSpec, link: &Link, clock: MediaClock, index: u32) -> Result<()> {
    let wanted = Wanted {
        choose: streams::audio_of,
        index,
        filters: Vec::new(),
        caps: gst::Caps::new_empty_simple("audio/x-raw"),
        recolour: None,
    };
    let mut decoder = Decoder::new(source, clock, wanted, link)?;
    decoder.play()?;
    decoder.next()?.map(|_| ()).ok_or_else(|| GraphError::damaged("no sound decodes"))
}

fn is_interlaced(info: &VideoInfo, picture: &Decoded) -> bool {
    match info.interlace_mode() {
        VideoInterlaceMode::Progressive => false,
        VideoInterlaceMode::Mixed => picture.buffer.video_flags().contains(VideoBufferFlags::INTERLACED),
        _ => true,
    }
}
