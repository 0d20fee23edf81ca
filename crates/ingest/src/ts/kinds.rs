//! Which streams of a program are taken (ITU-T H.222.0 table 2-34, and registrations with SMPTE-RA).

use super::psi::Elementary;
use crate::{Track, Unsupported, VideoCodec};

/// The streams that are taken, by their identifiers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) video: Option<(u16, VideoCodec)>,
    pub(super) audio: Option<u16>,
}

/// What a stream is.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Video(VideoCodec),
    Adts,
    /// Pictures or sound of a kind that is not taken.
    Foreign(Track, &'static str),
    /// Subtitles, marks, data.
    Other,
}

fn kind(stream: &Elementary) -> Kind {
    match (stream.kind, stream.format.as_ref()) {
        (0x1B, _) => Kind::Video(VideoCodec::H264),
        (0x24, _) => Kind::Video(VideoCodec::Hevc),
        (0x0F, _) => Kind::Adts,
        (0x01 | 0x02, _) => Kind::Foreign(Track::Video, "MPEG-2 video"),
        (0x10, _) => Kind::Foreign(Track::Video, "MPEG-4 part 2 video"),
        (0x21, _) => Kind::Foreign(Track::Video, "JPEG 2000"),
        (0x33, _) => Kind::Foreign(Track::Video, "VVC"),
        (0xD1, _) => Kind::Foreign(Track::Video, "Dirac"),
        (0xEA, _) => Kind::Foreign(Track::Video, "VC-1"),
        (0x03 | 0x04, _) => Kind::Foreign(Track::Audio, "MPEG audio (MP2 or MP3)"),
        (0x11, _) => Kind::Foreign(Track::Audio, "AAC in LATM"),
        (0x81, _) | (0x06, Some(b"AC-3")) => Kind::Foreign(Track::Audio, "AC-3"),
        (0x84 | 0x87, _) | (0x06, Some(b"EAC3")) => Kind::Foreign(Track::Audio, "E-AC-3"),
        (0x06, Some(b"AV01")) => Kind::Foreign(Track::Video, "AV1"),
        (0x06, Some(b"VP09")) => Kind::Foreign(Track::Video, "VP9"),
        (0x06, Some(b"Opus")) => Kind::Foreign(Track::Audio, "Opus"),
        (0x06, Some(b"BSSD")) => Kind::Foreign(Track::Audio, "PCM (SMPTE 302M)"),
        _ => Kind::Other,
    }
}

/// The first of each track that is taken.
///
/// # Errors
/// [`Unsupported`] when a track has streams, and none of a kind that is taken.
pub(super) fn choose(streams: &[Elementary]) -> Result<Chosen, Unsupported> {
    let mut chosen = Chosen { video: None, audio: None };
    let mut foreign = Vec::new();
    for stream in streams {
        match kind(stream) {
            Kind::Video(codec) => chosen.video = chosen.video.or(Some((stream.pid, codec))),
            Kind::Adts => chosen.audio = chosen.audio.or(Some(stream.pid)),
            Kind::Foreign(track, what) => foreign.push((track, what)),
            Kind::Other => {}
        }
    }
    let missing = |track: Track| match track {
        Track::Video => chosen.video.is_none(),
        Track::Audio => chosen.audio.is_none(),
    };
    match foreign.into_iter().find(|(track, _)| missing(*track)) {
        None => Ok(chosen),
        Some((Track::Video, what)) => Err(Unsupported { what: what.to_owned(), instead: "H.264 or HEVC" }),
        Some((Track::Audio, what)) => Err(Unsupported { what: what.to_owned(), instead: "AAC in ADTS" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(pid: u16, kind: u8, format: Option<&[u8; 4]>) -> Elementary {
        Elementary { pid, kind, format: format.copied() }
    }

    #[test]
    fn the_first_of_each_is_taken_and_the_rest_passed_over() {
        let subtitles = stream(9, 0x06, None);
        let streams = [
            subtitles,
            stream(1, 0x24, None),
            stream(2, 0x1B, None),
            stream(3, 0x0F, None),
            stream(4, 0x03, None),
        ];
        let chosen = Chosen { video: Some((1, VideoCodec::Hevc)), audio: Some(3) };
        assert_eq!(choose(&streams), Ok(chosen));
        assert_eq!(choose(&[]), Ok(Chosen { video: None, audio: None }));
    }

    #[test]
    fn kinds_that_are_not_taken_are_named() {
        let named = |kind, format| {
            let streams = [stream(1, 0x1B, None), stream(2, kind, format)];
            choose(&streams).err().map(|error| error.to_string())
        };
        for (kind, format, name) in
            [(0x11, None, "LATM"), (0x04, None, "MP3"), (0x06, Some(b"Opus"), "Opus"), (0x81, None, "AC-3")]
        {
            assert!(named(kind, format).is_some_and(|error| error.contains(name)), "{name}");
        }
        assert_eq!(named(0x02, None), None, "there are pictures that are taken");
    }
}
