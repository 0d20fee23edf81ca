//! CMAF headers (ISO/IEC 23000-19 section 7.3.1).

use bytes::Bytes;

use super::{TRACK_ID, boxed, full, words};
use crate::live::config::{AudioConfig, Colour, VideoCodec, VideoConfig};

/// Major brand first (ISO/IEC 14496-12 section 4.3), as films have them.
const VIDEO_BRANDS: &[u8] = b"cmf2iso6cmfc";
const AUDIO_BRANDS: &[u8] = b"cmf2iso6cmfccaac";
/// `und` (ISO 639-2) in 15 bits.
const LANGUAGE: [u8; 4] = [0x55, 0xc4, 0, 0];
/// A matrix that changes nothing (ISO/IEC 14496-12 section 8.2.2).
const UNITY: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];
/// 72 dots per inch.
const RESOLUTION: u32 = 0x0048_0000;

/// The header of pictures with `timescale` ticks per second.
#[must_use]
pub fn video_header(config: &VideoConfig, timescale: u32) -> Bytes {
    let (width, height) = config.shown_size();
    let media = full(b"vmhd", 0, 1, &[&[0; 8]]);
    let track =
        Track { timescale, handler: b"vide", name: b"VideoHandler\0", volume: 0, size: (width, height) };
    track.header(VIDEO_BRANDS, &media, &video_entry(config))
}

/// The header of sound; its timescale is [`AudioConfig::sample_rate`].
#[must_use]
pub fn audio_header(config: &AudioConfig) -> Bytes {
    let media = full(b"smhd", 0, 0, &[&[0; 4]]);
    let timescale = config.sample_rate;
    let track =
        Track { timescale, handler: b"soun", name: b"SoundHandler\0", volume: 0x0100_0000, size: (0, 0) };
    track.header(AUDIO_BRANDS, &media, &audio_entry(config))
}

struct Track {
    timescale: u32,
    handler: &'static [u8; 4],
    name: &'static [u8],
    /// 8.8 fixed point in the upper half.
    volume: u32,
    size: (u32, u32),
}

impl Track {
    fn header(&self, brands: &[u8], media: &[u8], entry: &[u8]) -> Bytes {
        let minor_version = [0; 4];
        let ftyp = boxed(b"ftyp", &[&brands[..4], &minor_version, brands]);
        // Creation and modification times of zero: equal configurations give equal headers.
        let (rate, volume) = (0x0001_0000, 0x0100_0000);
        let movie =
            [words(&[0, 0, self.timescale, 0, rate, volume, 0, 0]), words(&UNITY), words(&[0; 6])].concat();
        let mvhd = full(b"mvhd", 0, 0, &[&movie, &words(&[TRACK_ID + 1])]);
        let trex = full(b"trex", 0, 0, &[&words(&[TRACK_ID, 1, 0, 0, 0])]);
        let moov = boxed(b"moov", &[&mvhd, &self.trak(media, entry), &boxed(b"mvex", &[&trex])]);
        [ftyp, moov].concat().into()
    }

    fn trak(&self, media: &[u8], entry: &[u8]) -> Vec<u8> {
        let enabled_in_movie_and_preview = 7;
        let fixed = |side: u32| side.min(0xffff) << 16;
        let (width, height) = (fixed(self.size.0), fixed(self.size.1));
        let fields =
            [words(&[0, 0, TRACK_ID, 0, 0, 0, 0, 0, self.volume]), words(&UNITY), words(&[width, height])];
        let tkhd = full(b"tkhd", 0, enabled_in_movie_and_preview, &[&fields.concat()]);
        let mdhd = full(b"mdhd", 0, 0, &[&words(&[0, 0, self.timescale, 0]), &LANGUAGE]);
        let hdlr = full(b"hdlr", 0, 0, &[&[0; 4], self.handler, &[0; 12], self.name]);
        let here = full(b"url ", 0, 1, &[]);
        let dinf = boxed(b"dinf", &[&full(b"dref", 0, 0, &[&words(&[1]), &here])]);
        let minf = boxed(b"minf", &[media, &dinf, &sample_table(entry)]);
        boxed(b"trak", &[&tkhd, &boxed(b"mdia", &[&mdhd, &hdlr, &minf])])
    }
}

/// Tables of no samples: those of fragments are in no table.
fn sample_table(entry: &[u8]) -> Vec<u8> {
    let stsd = full(b"stsd", 0, 0, &[&words(&[1]), entry]);
    let [stts, stsc, stco] = [b"stts", b"stsc", b"stco"].map(|kind| full(kind, 0, 0, &[&words(&[0])]));
    boxed(b"stbl", &[&stsd, &stts, &stsc, &full(b"stsz", 0, 0, &[&words(&[0, 0])]), &stco])
}

/// A VisualSampleEntry (ISO/IEC 14496-12 section 12.1.3).
fn video_entry(config: &VideoConfig) -> Vec<u8> {
    let (kind, record) = match config.codec {
        VideoCodec::H264 => (b"avc1", b"avcC"),
        VideoCodec::Hevc => (b"hvc1", b"hvcC"),
    };
    let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX).to_be_bytes();
    let (reference, frame_count, depth, no_table) = ([0, 1], [0, 1], [0, 24], [0xff, 0xff]);
    let (across, down) = config.sample_aspect;
    boxed(
        kind,
        &[
            &[0; 6],
            &reference,
            &[0; 16],
            &side(config.width),
            &side(config.height),
            &words(&[RESOLUTION, RESOLUTION, 0]),
            &frame_count,
            &[0; 32],
            &depth,
            &no_table,
            &boxed(record, &[&config.record]),
            &boxed(b"pasp", &[&words(&[across.into(), down.into()])]),
            &config.colour.map_or_else(Vec::new, colour),
        ],
    )
}

fn colour(colour: Colour) -> Vec<u8> {
    let Colour { primaries, transfer, matrix, full_range } = colour;
    boxed(b"colr", &[b"nclx", &[0, primaries, 0, transfer, 0, matrix, u8::from(full_range) << 7]])
}

/// An AudioSampleEntry (ISO/IEC 14496-12 section 12.2.3).
fn audio_entry(config: &AudioConfig) -> Vec<u8> {
    let channels = u16::try_from(config.channels).unwrap_or(2).to_be_bytes();
    let (reference, bits_per_sample) = ([0, 1], [0, 16]);
    // 16.16 fixed point, which higher rates do not fit.
    let rate = u16::try_from(config.sample_rate).map_or(0, |rate| u32::from(rate) << 16);
    let esds = full(b"esds", 0, 0, &[&stream_descriptor(&config.record)]);
    boxed(
        b"mp4a",
        &[&[0; 6], &reference, &[0; 8], &channels, &bits_per_sample, &[0; 4], &words(&[rate]), &esds],
    )
}

/// An ES_Descriptor (ISO/IEC 14496-1 section 7.2.6.5) of MPEG-4 audio.
fn stream_descriptor(record: &[u8]) -> Vec<u8> {
    let (mpeg4_audio, audio_stream) = (0x40, 0x15);
    let specific = descriptor(5, record);
    let unknown_buffer_and_rates = [0; 11];
    let decoder =
        descriptor(4, &[&[mpeg4_audio, audio_stream][..], &unknown_buffer_and_rates, &specific].concat());
    let file_format = descriptor(6, &[2]);
    let no_id_no_flags = [0; 3];
    descriptor(3, &[&no_id_no_flags[..], &decoder, &file_format].concat())
}

/// Bodies of less than 128 bytes: configurations have at most 96.
fn descriptor(tag: u8, body: &[u8]) -> Vec<u8> {
    let len = u8::try_from(body.len()).unwrap_or(0x7f) & 0x7f;
    [&[tag, len][..], body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        SampleFormat,
        cmaf::{normalise_init, read_init},
        live::config::tests::{fixture, hevc_fixture},
    };

    #[test]
    fn headers_are_in_normal_form_and_say_what_the_configurations_say() {
        let video = video_header(&fixture(), 30_000);
        let init = read_init(&video).unwrap();
        assert_eq!((init.timescale, &*init.codec), (30_000, "avc1.640014"));
        assert_eq!(init.format, SampleFormat::Video { width: 96, height: 54 });
        assert_eq!(normalise_init(&video).unwrap(), video);
        let hevc = video_header(&hevc_fixture(), 25);
        assert_eq!(read_init(&hevc).unwrap().codec, hevc_fixture().codecs);
        for (record, codec, sample_rate) in
            [(&[0x11, 0x90][..], "mp4a.40.2", 48_000), (&[0x2b, 0x92, 0x08, 0x00], "mp4a.40.5", 44_100)]
        {
            let config = AudioConfig::from_record(&Bytes::copy_from_slice(record)).unwrap();
            let audio = audio_header(&config);
            let init = read_init(&audio).unwrap();
            assert_eq!((init.timescale, &*init.codec), (sample_rate, codec));
            assert_eq!(normalise_init(&audio).unwrap(), audio);
        }
    }
}
