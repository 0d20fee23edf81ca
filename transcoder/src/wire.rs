//! The same facts in the words of `pipeline-wire` and of `media`, which must not know each other.

use media::{
    AudioFacts, AudioPlan, ChunkPlan, ImagesPlan, Plan, Rung, SourceClock, SourceFacts, TextFacts,
    VideoFacts, VideoPlan, captions::Cue,
};
use pipeline_wire::{
    AudioSpec, AudioStream, Grid, ImagesSpec, MediaClock, ProbeReport, RungSpec, SourceSpec, TextStream,
    VideoSpec, VideoStream,
};

const fn clock(clock: MediaClock) -> SourceClock {
    match clock {
        MediaClock::StreamTime => SourceClock::StreamTime,
        MediaClock::Raw => SourceClock::Raw,
    }
}

const fn wire_clock(clock: SourceClock) -> MediaClock {
    match clock {
        SourceClock::StreamTime => MediaClock::StreamTime,
        SourceClock::Raw => MediaClock::Raw,
    }
}

const fn colour(colour: pipeline_wire::WideColour) -> media::WideColour {
    use {media::WideTransfer as Planned, pipeline_wire::WideTransfer as Probed};
    let transfer = match colour.transfer {
        Probed::Gamma => Planned::Gamma,
        Probed::Pq => Planned::Pq,
        Probed::Hlg => Planned::Hlg,
    };
    media::WideColour { transfer, peak_nits: colour.peak_nits }
}

const fn wire_colour(colour: media::WideColour) -> pipeline_wire::WideColour {
    use {media::WideTransfer as Planned, pipeline_wire::WideTransfer as Wanted};
    let transfer = match colour.transfer {
        Planned::Gamma => Wanted::Gamma,
        Planned::Pq => Wanted::Pq,
        Planned::Hlg => Wanted::Hlg,
    };
    pipeline_wire::WideColour { transfer, peak_nits: colour.peak_nits }
}

/// A probe's report as facts to plan from.
pub(crate) fn facts(report: ProbeReport) -> SourceFacts {
    SourceFacts {
        container: report.container,
        duration_ns: report.duration_ns,
        video: report.video.map(video_facts),
        audio: report.audio.into_iter().map(audio_facts).collect(),
        text: report.text.into_iter().map(text_facts).collect(),
        title: report.title,
        notes: report.notes,
    }
}

fn video_facts(stream: VideoStream) -> VideoFacts {
    VideoFacts {
        codec: stream.codec,
        width: stream.width,
        height: stream.height,
        par_num: stream.par_num,
        par_den: stream.par_den,
        fps_num: stream.fps_num,
        fps_den: stream.fps_den,
        frames: stream.frames,
        first_ns: stream.first_ns,
        end_ns: stream.end_ns,
        delta_min_ns: stream.delta_min_ns,
        delta_median_ns: stream.delta_median_ns,
        delta_max_ns: stream.delta_max_ns,
        clock: clock(stream.clock),
        rotation: stream.rotation,
        interlaced: stream.interlaced,
        bit_depth: stream.bit_depth,
        colour: stream.colour.map(colour),
        bytes: stream.bytes,
    }
}

fn text_facts(stream: TextStream) -> TextFacts {
    let cue = |cue: pipeline_wire::Cue| Cue { start_ns: cue.start_ns, end_ns: cue.end_ns, text: cue.text };
    TextFacts {
        language: stream.language,
        title: stream.title,
        default: stream.default,
        cues: stream.cues.into_iter().map(cue).collect(),
    }
}

fn audio_facts(stream: AudioStream) -> AudioFacts {
    AudioFacts {
        index: stream.index,
        codec: stream.codec,
        sample_rate: stream.sample_rate,
        channels: stream.channels,
        language: stream.language,
        title: stream.title,
        default: stream.default,
        first_ns: stream.first_ns,
        end_ns: stream.end_ns,
        clock: clock(stream.clock),
    }
}

fn grid(plan: &Plan, video: &VideoPlan) -> Grid {
    Grid {
        fps_num: video.fps.num(),
        fps_den: video.fps.den(),
        origin_ns: plan.origin_ns,
        clock: wire_clock(plan.clock),
    }
}

fn rung(rung: &Rung, track: u8) -> RungSpec {
    RungSpec {
        track,
        width: rung.width,
        height: rung.height,
        crf: rung.crf,
        maxrate_kbps: rung.maxrate_kbps,
        bufsize_kbit: rung.bufsize_kbit,
        preset: rung.preset.clone(),
        level_idc: rung.level_idc,
    }
}

/// The graph of one chunk; rungs are numbered in plan order.
pub(crate) fn video_spec(
    source: SourceSpec,
    plan: &Plan,
    video: &VideoPlan,
    chunk: &ChunkPlan,
    last: bool,
) -> VideoSpec {
    VideoSpec {
        source,
        grid: grid(plan, video),
        slot_first: chunk.first,
        slot_count: chunk.count,
        colour: video.colour.map(wire_colour),
        last,
        gop_frames: video.gop_frames,
        rungs: (0..).zip(&video.rungs).map(|(track, of)| rung(of, track)).collect(),
    }
}

/// The graph of one audio rendition.
pub(crate) fn audio_spec(source: SourceSpec, plan: &Plan, audio: &AudioPlan) -> AudioSpec {
    AudioSpec {
        source,
        stream: audio.stream,
        track: 0,
        origin_ns: plan.origin_ns,
        clock: wire_clock(plan.clock),
        samples: audio.samples,
        sample_rate: audio.sample_rate,
        channels: audio.channels,
        bitrate: audio.bitrate,
        segment_num: plan.segment.num(),
        segment_den: plan.segment.den(),
    }
}

/// The graph of poster and thumbnails.
pub(crate) fn images_spec(
    source: SourceSpec,
    plan: &Plan,
    video: &VideoPlan,
    images: &ImagesPlan,
) -> ImagesSpec {
    ImagesSpec {
        source,
        grid: grid(plan, video),
        colour: video.colour.map(wire_colour),
        poster_ns: images.poster_ns,
        poster_width: images.poster_width,
        poster_height: images.poster_height,
        thumb_interval_ns: images.thumb_interval_ns,
        thumb_count: images.thumb_count,
        thumb_width: images.thumb_width,
        thumb_height: images.thumb_height,
        sprite_columns: images.sprite_columns,
        sprite_rows: images.sprite_rows,
    }
}
