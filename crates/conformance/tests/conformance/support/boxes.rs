//! A writer of minimal CMAF boxes.

use super::spec::{Fragment, Header, Kind, Sample, Segment, Track};

/// What a written segment looks like from outside.
pub struct Written {
    pub bytes: Vec<u8>,
    pub ticks: u64,
    pub fragments: Vec<WrittenFragment>,
}

pub struct WrittenFragment {
    /// Offset of the `moof`.
    pub at: usize,
    /// Offset after the first sample.
    pub first_end: usize,
    pub ticks: u64,
    pub sync: bool,
}

fn boxed(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body: Vec<u8> = parts.concat();
    let mut out = u32::try_from(body.len() + 8).unwrap().to_be_bytes().to_vec();
    out.extend(kind);
    out.extend(body);
    out
}

fn full(kind: &[u8; 4], version: u8, flags: u32, parts: &[&[u8]]) -> Vec<u8> {
    let head = (u32::from(version) << 24 | flags).to_be_bytes();
    boxed(kind, &[&head, &parts.concat()])
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn brands(kind: &[u8; 4], list: &[[u8; 4]]) -> Vec<u8> {
    boxed(kind, &[&list[0], &words(&[0]), &list.concat()])
}

pub fn header(track: &Track) -> Vec<u8> {
    let header = &track.header;
    let mut movie = full(b"mvhd", 0, 0, &[&words(&[0, 0, 1000, 0]), &[0; 80]]);
    for id in 1..=header.tracks {
        movie.extend(trak(track, id));
    }
    if header.extends {
        let trexs: Vec<u8> =
            (1..=header.tracks).flat_map(|id| full(b"trex", 0, 0, &[&words(&[id, 1, 0, 0, 0])])).collect();
        movie.extend(boxed(b"mvex", &[&trexs]));
    }
    [brands(b"ftyp", &header.brands), boxed(b"moov", &[&movie])].concat()
}

fn trak(track: &Track, id: u32) -> Vec<u8> {
    let video = matches!(track.kind, Kind::Video { .. });
    let handler = if video { b"vide" } else { b"soun" };
    let mdhd = full(b"mdhd", 0, 0, &[&words(&[0, 0, track.timescale, 0, 0])]);
    let hdlr = full(b"hdlr", 0, 0, &[&words(&[0]), handler, &[0; 13]]);
    let minf = boxed(b"minf", &[&sample_table(track)]);
    let mdia = boxed(b"mdia", &[&mdhd, &hdlr, &minf]);
    let tkhd = full(b"tkhd", 0, 7, &[&words(&[0, 0, id]), &[0; 68]]);
    let edts = track.header.edit.map_or_else(Vec::new, |time| {
        let entry = [words(&[0]), words(&[u32::try_from(time).unwrap(), 0x0001_0000])].concat();
        boxed(b"edts", &[&full(b"elst", 0, 0, &[&words(&[1]), &entry])])
    });
    boxed(b"trak", &[&tkhd, &edts, &mdia])
}

fn sample_table(track: &Track) -> Vec<u8> {
    let entry = match track.kind {
        Kind::Video { width, height } => visual_entry(&track.header, width, height),
        Kind::Audio { channels, .. } => audio_entry(channels),
    };
    let count = track.header.time_to_sample;
    let stts = full(b"stts", 0, 0, &[&words(&[count]), &words(&[1, 1]).repeat(count as usize)]);
    let stsc = full(b"stsc", 0, 0, &[&words(&[0])]);
    let stsz = full(b"stsz", 0, 0, &[&words(&[0, 0])]);
    let stco = full(b"stco", 0, 0, &[&words(&[0])]);
    boxed(b"stbl", &[&full(b"stsd", 0, 0, &[&words(&[1]), &entry]), &stts, &stsc, &stsz, &stco])
}

fn visual_entry(header: &Header, width: u16, height: u16) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let avcc = boxed(b"avcC", &[&[1, 0x64, 0, header.level, 0xFF, 0xE0, 0]]);
    let transfer = header.transfer.to_be_bytes();
    let colr = boxed(b"colr", &[b"nclx", &[0, 1], &transfer, &[0, 1, 0]]);
    let pasp = boxed(b"pasp", &[&words(&[1, 1])]);
    boxed(&header.entry, &[&[0; 7], &[1], &[0; 16], &size, &[0; 50], &avcc, &colr, &pasp])
}

fn audio_entry(channels: u8) -> Vec<u8> {
    // AAC-LC at 48 kHz.
    let specific = [5, 2, 0x11, 0x80 | channels << 3];
    let config = [&[4, 17, 0x40, 0x15][..], &[0; 11], &specific].concat();
    let stream = [&[3, 22, 0, 1, 0][..], &config].concat();
    let esds = full(b"esds", 0, 0, &[&stream]);
    boxed(
        b"mp4a",
        &[&[0; 7], &[1], &[0; 8], &[0, channels], &[0, 16], &[0; 4], &words(&[48_000 << 16]), &esds],
    )
}

/// Writes a segment whose first sample is decoded at `time`.
pub fn segment(spec: &Segment, mut time: u64, number: &mut u32) -> Written {
    let mut written = Written { bytes: brands(b"styp", &spec.brands), ticks: 0, fragments: Vec::new() };
    for fragment in &spec.fragments {
        let at = written.bytes.len();
        let ticks = fragment.samples.iter().map(|sample| u64::from(sample.ticks)).sum();
        let moof = moof(fragment, time, *number);
        let first_end = at + moof.len() + 8 + fragment.samples[0].bytes as usize;
        written.bytes.extend(moof);
        if fragment.data {
            let size: u32 = fragment.samples.iter().map(|sample| sample.bytes).sum();
            let mut samples = vec![0x5A; size as usize];
            if fragment.parameter_set {
                samples.splice(..5, [0, 0, 0, 1, 0x67]);
            }
            written.bytes.extend(boxed(b"mdat", &[&samples]));
        }
        let sync = fragment.samples[0].sync;
        written.fragments.push(WrittenFragment { at, first_end, ticks, sync });
        written.ticks += ticks;
        time += ticks;
        *number += 1;
    }
    written
}

fn moof(fragment: &Fragment, time: u64, number: u32) -> Vec<u8> {
    // The size does not depend on the data offset, so it is measured with any.
    let size = moof_with(fragment, time, number, 0).len();
    let offset = i32::try_from(size).unwrap() + 8 + fragment.data_shift;
    moof_with(fragment, time, number, offset)
}

fn moof_with(fragment: &Fragment, time: u64, number: u32, offset: i32) -> Vec<u8> {
    let flags = if fragment.base_is_moof { 0x02_0000 } else { 0 };
    let tfhd = full(b"tfhd", 0, flags, &[&words(&[fragment.track_id])]);
    let time = time.checked_add_signed(fragment.decode_shift).unwrap();
    let tfdt = match fragment.decode {
        None => Vec::new(),
        Some(0) => full(b"tfdt", 0, 0, &[&words(&[u32::try_from(time).unwrap()])]),
        Some(version) => full(b"tfdt", version, 0, &[&time.to_be_bytes()]),
    };
    let trafs: Vec<u8> = (0..fragment.track_fragments)
        .flat_map(|index| {
            let samples = if index == 0 { &fragment.samples[..] } else { &[] };
            boxed(b"traf", &[&tfhd, &tfdt, &trun(fragment, samples, offset)])
        })
        .collect();
    boxed(b"moof", &[&full(b"mfhd", 0, 0, &[&words(&[number])]), &trafs])
}

fn trun(fragment: &Fragment, samples: &[Sample], offset: i32) -> Vec<u8> {
    let flags = if fragment.composition { 0xF01 } else { 0x701 };
    let mut body = words(&[u32::try_from(samples.len()).unwrap()]);
    body.extend(offset.to_be_bytes());
    for sample in samples {
        let flags = if sample.sync { 0x0200_0000 } else { 0x0101_0000 };
        body.extend(words(&[sample.ticks, sample.bytes, flags]));
        if fragment.composition {
            body.extend(words(&[0]));
        }
    }
    full(b"trun", fragment.run_version, flags, &[&body])
}
