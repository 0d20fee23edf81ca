//! What is in a source, and whether it can be used.

use gstreamer as gst;
use pipeline_wire::{AudioStream, FailureKind, MediaClock, ProbeReport, ProbeSpec, VideoStream, WideColour};

use crate::cadence;
use crate::colour;
use crate::completeness;
use crate::failure::{GraphError, Result};
use crate::link::Link;
use crate::opening::{self, Opening};
use crate::packets::{self, Packets, Shape, StreamLog};
use crate::source::Reader;
use crate::streams;

/// Reads every packet, decodes the first pictures, and reports.
///
/// # Errors
/// A typed failure when the source cannot be used.
pub fn run(spec: &ProbeSpec, link: &Link) -> Result<ProbeReport> {
    if spec.source.bytes == 0 {
        return Err(GraphError::empty());
    }
    completeness::check(&mut Reader::new(link.clone(), spec.source.bytes))?;
    let mut packets = packets::read(spec, link)?;
    link.progress(packets.logs.iter().map(|log| log.packets).sum(), 0)?;
    report(spec, link, &mut packets)
}

fn report(spec: &ProbeSpec, link: &Link, packets: &mut Packets) -> Result<ProbeReport> {
    let mut notes = Vec::new();
    let clock = packets.clock;
    let video = match take_video(packets)? {
        Some(mut log) => {
            check_shapes(&log)?;
            let opening = opening::of_video(&spec.source, link, clock)?;
            if log.untimed > 0 {
                log.starts = opening::times_of_video(&spec.source, link, clock, spec.duration_max_ns)?;
                log.span = None;
            }
            Some(video_stream(&log, &opening, clock)?)
        }
        None => None,
    };
    let audio = audio_streams(packets, &mut notes);
    if video.is_none() {
        let first = audio.first().ok_or_else(|| nothing_usable(packets))?;
        opening::of_audio(&spec.source, link, clock, first.index)?;
    }
    let lengths =
        audio.iter().map(|a| a.end_ns - a.first_ns).chain(video.iter().map(|v| v.end_ns - v.first_ns));
    let duration_ns = lengths.max().unwrap_or(0).max(0).cast_unsigned();
    let (container, title) = (packets.container.clone(), packets.title.take());
    Ok(ProbeReport { container, duration_ns, video, audio, title, notes })
}

/// Takes out the stream that is shown: the one every decoding graph picks, unless it is a still picture.
fn take_video(packets: &mut Packets) -> Result<Option<StreamLog>> {
    let is_video = |log: &StreamLog| log.codec().starts_with("video/") && log.packets > 0;
    let is_film = |log: &StreamLog| log.codec().starts_with("image/") && log.is_moving();
    let logs = &mut packets.logs;
    let Some(at) = logs.iter().position(is_video).or_else(|| logs.iter().position(is_film)) else {
        return Ok(None);
    };
    let log = logs.remove(at);
    match &log.caps {
        Some(caps) if streams::is_decodable(caps) => Ok(Some(log)),
        _ => Err(GraphError::unsupported(log.codec())),
    }
}

fn video_stream(log: &StreamLog, opening: &Opening, clock: MediaClock) -> Result<VideoStream> {
    // Pictures before the first decodable one (an open GOP's leading pictures) are never shown.
    let cadence = cadence::of(&log.starts, opening.first_ns)
        .ok_or_else(|| GraphError::damaged("no picture at or after the first decoded one"))?;
    let (nominal_num, nominal_den) = nominal_rate(log);
    let (fps_num, fps_den) = cadence.rate(nominal_num, nominal_den);
    let info = &opening.info;
    Ok(VideoStream {
        codec: log.codec(),
        width: info.width(),
        height: info.height(),
        par_num: info.par().numer().max(1).cast_unsigned(),
        par_den: info.par().denom().max(1).cast_unsigned(),
        fps_num,
        fps_den,
        frames: cadence.frames,
        first_ns: cadence::beginning(&log.starts, opening.first_ns, (fps_num, fps_den)),
        end_ns: log
            .span
            .map_or(i64::MIN, |(_, end)| end)
            .max(cadence.last_ns.saturating_add(cadence.delta_median_ns.cast_signed())),
        delta_min_ns: cadence.delta_min_ns,
        delta_median_ns: cadence.delta_median_ns,
        delta_max_ns: cadence.delta_max_ns,
        clock,
        rotation: log.rotation,
        interlaced: opening.interlaced || log.interlaced,
        bit_depth: info.format_info().depth().first().map_or(8, |depth| *depth as u8),
        colour: colour_of(log, opening)?,
        bytes: log.bytes,
    })
}

/// Refuses a film whose pictures change their shape on the way: stretched, they would all be wrong from there.
fn check_shapes(log: &StreamLog) -> Result<()> {
    let Some((time_ns, first, other)) = log.misfit() else { return Ok(()) };
    let start = log.starts.iter().min().copied().unwrap_or(0);
    let seconds = time_ns.saturating_sub(start) as f64 / 1e9;
    let words = |shape: Shape| format!("{}x{}", shape.width, shape.height);
    let (from, to) = (words(first), words(other));
    let reason = format!(
        "The picture changes its shape at {seconds:.1} s, from {from} to {to}. Cut the film there, or make it one shape."
    );
    Err(GraphError::new(FailureKind::Unsupported, reason, format!("{first:?} to {other:?}")))
}

fn colour_of(log: &StreamLog, opening: &Opening) -> Result<Option<WideColour>> {
    let colour = colour::beyond(&opening.info, log.caps.as_ref());
    if colour.is_some() && (opening.interlaced || log.interlaced) {
        let reason = "Interlaced pictures with wide colours or a high dynamic range are not supported.";
        return Err(GraphError::new(
            FailureKind::Unsupported,
            reason,
            opening.info.colorimetry().to_string(),
        ));
    }
    Ok(colour)
}

fn nominal_rate(log: &StreamLog) -> (u32, u32) {
    let rate = log.caps.as_ref().and_then(|caps| caps.structure(0)?.get::<gst::Fraction>("framerate").ok());
    match rate {
        Some(rate) if rate.numer() > 0 && rate.denom() > 0 => {
            (rate.numer().cast_unsigned(), rate.denom().cast_unsigned())
        }
        _ => (0, 1),
    }
}

/// Every audio stream that has sound and a decoder; the others are noted.
fn audio_streams(packets: &Packets, notes: &mut Vec<String>) -> Vec<AudioStream> {
    let mut found = Vec::new();
    for (index, log) in (0..).zip(packets.logs.iter().filter(|log| log.is_audio())) {
        match audio_stream(log, index, packets.clock) {
            Some(stream) => found.push(stream),
            None => notes.push(left_out(index, log)),
        }
    }
    found
}

fn left_out(index: u32, log: &StreamLog) -> String {
    let why = if log.packets > 0 {
        format!("its format ({}) is not supported", log.codec())
    } else {
        "it is empty".into()
    };
    format!("Audio track {} is left out: {why}.", index + 1)
}

fn audio_stream(log: &StreamLog, index: u32, clock: MediaClock) -> Option<AudioStream> {
    let caps = log.caps.as_ref().filter(|caps| streams::is_decodable(caps))?;
    let structure = caps.structure(0)?;
    let (first_ns, end_ns) = log.span?;
    let number = |field| structure.get::<i32>(field).ok().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    Some(AudioStream {
        index,
        codec: structure.name().to_string(),
        sample_rate: number("rate"),
        channels: log.channels,
        language: log.language.clone(),
        title: log.title.clone(),
        default: log.default,
        first_ns,
        end_ns,
        clock,
    })
}

fn nothing_usable(packets: &Packets) -> GraphError {
    let logs = &packets.logs;
    match logs.iter().find(|log| log.is_audio() && log.packets > 0) {
        Some(log) => GraphError::unsupported(log.codec()),
        None if packets.container.starts_with("image/") => GraphError::picture(&packets.container),
        None if logs.iter().any(|log| log.is_audio() || log.is_video()) => {
            GraphError::damaged(format!("{}: no packets", packets.container))
        }
        None => {
            let codecs: Vec<String> = logs.iter().map(StreamLog::codec).collect();
            GraphError::no_streams(format!("{}: {codecs:?}", packets.container))
        }
    }
}
