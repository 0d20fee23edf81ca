//! CMAF headers.

use super::{
    atom::{Atom, Atoms, one},
    codec,
};
use crate::{CmafError, InitInfo, SampleDefaults, SampleFormat};

/// Reads a CMAF header (ISO/IEC 23000-19 section 7.3.1): `ftyp`, then `moov` with one track and its `trex`.
///
/// # Errors
/// [`CmafError`] naming the box and its offset when anything needed is absent, repeated or cut off.
pub fn read_init(bytes: &[u8]) -> Result<InitInfo, CmafError> {
    let atoms = Atoms::new(bytes, 0);
    let ftyp = one(atoms.clone(), "ftyp")?.ok_or(CmafError::Missing { name: "ftyp", offset: 0 })?;
    if ftyp.offset != 0 {
        return Err(ftyp.invalid("an ftyp that is not the first box"));
    }
    let moov = one(atoms, "moov")?.ok_or(CmafError::Missing { name: "moov", offset: 0 })?;
    let trak = moov.child("trak")?;
    let mdia = trak.child("mdia")?;
    let track_id = track_id(&trak.child("tkhd")?)?;
    let timescale = timescale(&mdia.child("mdhd")?)?;
    let entry = sample_entry(&mdia)?;
    let (codec, format) = codec::describe(&entry)?;
    check_handler(&mdia, format)?;
    let defaults = defaults(&moov.child("mvex")?, track_id)?;
    let bytes = bytes.len() as u64;
    Ok(InitInfo { track_id, timescale, codec, bytes, format, defaults })
}

fn track_id(tkhd: &Atom<'_>) -> Result<u32, CmafError> {
    let mut fields = tkhd.fields("tkhd");
    let (version, _) = fields.full_box()?;
    fields.take(if version == 0 { 8 } else { 16 })?;
    match fields.u32()? {
        0 => Err(tkhd.invalid("a track without an id")),
        id => Ok(id),
    }
}

pub(super) fn timescale(mdhd: &Atom<'_>) -> Result<u32, CmafError> {
    let mut fields = mdhd.fields("mdhd");
    let (version, _) = fields.full_box()?;
    fields.take(if version == 0 { 8 } else { 16 })?;
    match fields.u32()? {
        0 => Err(mdhd.invalid("a timescale of zero")),
        timescale => Ok(timescale),
    }
}

pub(super) fn sample_entry<'a>(mdia: &Atom<'a>) -> Result<Atom<'a>, CmafError> {
    let stsd = mdia.child("minf")?.child("stbl")?.child("stsd")?;
    let mut fields = stsd.fields("stsd");
    fields.full_box()?;
    if fields.u32()? != 1 {
        return Err(stsd.invalid("a number of sample entries other than one"));
    }
    let mut entries = Atoms::new(fields.rest(), fields.offset());
    entries.next().unwrap_or(Err(CmafError::Missing { name: "sample entry", offset: stsd.offset }))
}

fn check_handler(mdia: &Atom<'_>, format: SampleFormat) -> Result<(), CmafError> {
    let hdlr = mdia.child("hdlr")?;
    let mut fields = hdlr.fields("hdlr");
    fields.full_box()?;
    fields.u32()?;
    let expected: &[u8] = match format {
        SampleFormat::Video { .. } => b"vide",
        SampleFormat::Audio { .. } => b"soun",
        SampleFormat::Text => b"text",
    };
    if fields.take(4)? == expected { Ok(()) } else { Err(hdlr.invalid("a handler of another medium")) }
}

fn defaults(mvex: &Atom<'_>, track_id: u32) -> Result<SampleDefaults, CmafError> {
    let trex = mvex.child("trex")?;
    let mut fields = trex.fields("trex");
    fields.full_box()?;
    if fields.u32()? != track_id {
        return Err(trex.invalid("a trex of another track"));
    }
    fields.u32()?;
    Ok(SampleDefaults { duration: fields.u32()?, size: fields.u32()?, flags: fields.u32()? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VIDEO: &[u8] = include_bytes!("../../tests/fixtures/video-init.mp4");
    const AUDIO: &[u8] = include_bytes!("../../tests/fixtures/audio-init.mp4");

    #[test]
    fn an_h264_header() {
        let init = read_init(VIDEO).unwrap();
        assert_eq!((init.track_id, init.timescale, init.bytes), (1, 30_000, VIDEO.len() as u64));
        assert_eq!(init.codec, "avc1.640014");
        assert_eq!(init.format, SampleFormat::Video { width: 96, height: 54 });
    }

    #[test]
    fn an_aac_header() {
        let init = read_init(AUDIO).unwrap();
        assert_eq!((init.timescale, &*init.codec), (48_000, "mp4a.40.2"));
        assert_eq!(init.format, SampleFormat::Audio { sample_rate: 48_000, channels: 2 });
    }

    #[test]
    fn what_is_absent_or_repeated_is_named() {
        let missing = |name, offset| Err(CmafError::Missing { name, offset });
        assert_eq!(read_init(b""), missing("ftyp", 0));
        assert_eq!(read_init(&VIDEO[..28]), missing("moov", 0));
        let without_trex = [VIDEO, &VIDEO[28..]].concat();
        assert_eq!(read_init(&without_trex), Err(CmafError::Duplicate { name: "moov", offset: 769 }));
        let mut other_codec = VIDEO.to_vec();
        other_codec[457..461].copy_from_slice(b"vp09");
        let unknown = CmafError::UnknownCodec { name: "vp09".to_owned(), offset: 453 };
        assert_eq!(read_init(&other_codec), Err(unknown));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = read_init(&bytes);
        }

        #[test]
        fn no_damage_panics(cut in 0..VIDEO.len(), at in 0..VIDEO.len(), byte: u8, audio: bool) {
            let mut damaged = if audio { AUDIO.to_vec() } else { VIDEO.to_vec() };
            if let Some(place) = damaged.get_mut(at) {
                *place = byte;
            }
            let _ = read_init(&damaged);
            damaged.truncate(cut);
            let _ = read_init(&damaged);
        }

        #[test]
        fn every_cut_is_an_error(cut in 0..VIDEO.len()) {
            prop_assert!(read_init(&VIDEO[..cut]).is_err());
        }
    }
}
