//! The one form in which headers and fragments are stored, whatever the muxer's mood.
//!
//! Composition times are the encoder's business: it spaces decode times so that no picture is shown before it
//! is decoded and the first is shown at its fragment's `tfdt`. So nothing needs an edit list, which some
//! players ignore, or a negative composition offset, which delays pictures in others.

use bytes::Bytes;

use super::{
    atom::{Atom, Atoms, one},
    codec, run, sps,
};
use crate::{CmafError, InitInfo, SampleFormat};

/// Version, flags and entry count of an `stsd`.
const SAMPLE_TABLE_BYTES: usize = 8;

/// A CMAF header in normal form, equal for every chunk of a track: creation and modification times of zero
/// (in `mvhd`, `tkhd`, `mdhd`), its major brand among the compatible ones (ISO/IEC 14496-12 section 4.3.1) and a
/// complete `avcC`.
///
/// # Errors
/// [`CmafError`] when a box that is needed is absent, repeated or cut off.
pub fn normalise_init(bytes: &[u8]) -> Result<Bytes, CmafError> {
    let atoms = Atoms::new(bytes, 0);
    let ftyp = one(atoms.clone(), "ftyp")?.ok_or(CmafError::Missing { name: "ftyp", offset: 0 })?;
    one(atoms.clone(), "moov")?.ok_or(CmafError::Missing { name: "moov", offset: 0 })?;
    if ftyp.offset != 0 {
        return Err(ftyp.invalid("an ftyp that is not the first box"));
    }
    let mut out = Vec::with_capacity(bytes.len() + 64);
    for atom in atoms {
        let atom = atom?;
        match &atom.kind {
            b"ftyp" => out.extend(brands(&atom)?),
            b"moov" => out.extend(normal(&atom)?),
            _ => out.extend_from_slice(atom.whole),
        }
    }
    Ok(out.into())
}

/// A box of the header, with everything below it, in normal form.
fn normal(atom: &Atom<'_>) -> Result<Vec<u8>, CmafError> {
    match &atom.kind {
        b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" => nested(atom, 0),
        b"stsd" => nested(atom, SAMPLE_TABLE_BYTES),
        b"avc1" | b"avc3" => nested(atom, codec::VISUAL_ENTRY_BYTES),
        b"mvhd" | b"mdhd" | b"tkhd" => undated(atom),
        b"avcC" => rebuilt(atom, &complete(atom)?),
        _ => Ok(atom.whole.to_vec()),
    }
}

/// A box of `fixed` bytes of fields and other boxes behind them.
fn nested(container: &Atom<'_>, fixed: usize) -> Result<Vec<u8>, CmafError> {
    let mut fields = container.fields("the fields of a box");
    let mut body = fields.take(fixed)?.to_vec();
    for atom in Atoms::new(fields.rest(), fields.offset()) {
        body.extend(normal(&atom?)?);
    }
    rebuilt(container, &body)
}

/// An `avcC` with the chroma format and bit depths that profiles above Main must state (ISO/IEC 14496-15
/// section 5.3.3.1.2) and that some muxers leave out.
fn complete(avcc: &Atom<'_>) -> Result<Vec<u8>, CmafError> {
    let mut fields = avcc.fields("avcC");
    fields.u8()?;
    let profile = fields.u8()?;
    fields.take(3)?;
    for count_mask in [0x1f, 0xff] {
        for _ in 0..fields.u8()? & count_mask {
            let len = usize::from(fields.u16()?);
            fields.take(len)?;
        }
    }
    let mut body = avcc.body.to_vec();
    let incomplete = matches!(profile, 100 | 110 | 122 | 144) && fields.rest().is_empty();
    if let Some(sequence) = sps::first(avcc)?.filter(|_| incomplete) {
        let no_extensions = 0;
        body.extend([
            0xfc | sequence.chroma_format,
            0xf8 | sequence.luma_bits_minus8,
            0xf8 | sequence.chroma_bits_minus8,
            no_extensions,
        ]);
    }
    Ok(body)
}

fn undated(atom: &Atom<'_>) -> Result<Vec<u8>, CmafError> {
    let mut fields = atom.fields("creation and modification time");
    let (version, _) = fields.full_box()?;
    let dates = if version == 0 { 8 } else { 16 };
    fields.take(dates)?;
    let mut body = atom.body.to_vec();
    body[4..4 + dates].fill(0);
    rebuilt(atom, &body)
}

fn brands(ftyp: &Atom<'_>) -> Result<Vec<u8>, CmafError> {
    let mut fields = ftyp.fields("ftyp");
    let major = fields.take(4)?;
    let minor_version = fields.take(4)?;
    let mut list = vec![major];
    list.extend(fields.rest().chunks(4).filter(|brand| *brand != major));
    rebuilt(ftyp, &[major, minor_version, &list.concat()].concat())
}

/// A box of this type around `body`; `None` from 4 GiB on.
pub(crate) fn boxed(kind: [u8; 4], body: &[u8]) -> Option<Vec<u8>> {
    let size = u32::try_from(body.len()).ok()?.checked_add(8)?;
    Some([&size.to_be_bytes(), &kind[..], body].concat())
}

fn rebuilt(atom: &Atom<'_>, body: &[u8]) -> Result<Vec<u8>, CmafError> {
    boxed(atom.kind, body).ok_or(atom.invalid("a box of more than 4 GiB"))
}

/// Fragments in normal form, so that every fragment of a track has one shape however late it is: no `styp`, a
/// `tfdt` of 64 bits and, for video, a `trun` of version 1. `init` is read from the normal header.
///
/// # Errors
/// [`CmafError`] when a `moof` is not as CMAF has it.
pub fn normalise_fragment(bytes: &[u8], init: &InitInfo) -> Result<Vec<u8>, CmafError> {
    let mut out = Vec::with_capacity(bytes.len() + 1_024);
    for atom in Atoms::new(bytes, 0) {
        let atom = atom?;
        match &atom.kind {
            b"styp" => {}
            b"moof" => out.extend(normal_moof(&atom, init)?),
            _ => out.extend_from_slice(atom.whole),
        }
    }
    Ok(out)
}

fn normal_moof(moof: &Atom<'_>, init: &InitInfo) -> Result<Vec<u8>, CmafError> {
    let video = matches!(init.format, SampleFormat::Video { .. });
    // Data offsets count from the start of the moof, so its own growth has to be known first.
    let measured = built_moof(moof, video, 0)?;
    let growth = i64::try_from(measured.len()).ok().zip(i64::try_from(moof.whole.len()).ok());
    let growth = growth.ok_or(moof.invalid("a box of more than 4 GiB"))?;
    built_moof(moof, video, growth.0 - growth.1)
}

/// The `moof` or `traf` with its parts in normal form.
fn built_moof(container: &Atom<'_>, video: bool, growth: i64) -> Result<Vec<u8>, CmafError> {
    let mut body = Vec::with_capacity(container.body.len() + 1_024);
    for atom in container.children() {
        let atom = atom?;
        match &atom.kind {
            b"traf" => body.extend(built_moof(&atom, video, growth)?),
            b"tfdt" => body.extend(wide_time(&atom)?),
            b"trun" => body.extend(run::normal(&atom, video, growth)?),
            _ => body.extend_from_slice(atom.whole),
        }
    }
    rebuilt(container, &body)
}

/// The `tfdt` in version 1.
fn wide_time(tfdt: &Atom<'_>) -> Result<Vec<u8>, CmafError> {
    let mut fields = tfdt.fields("tfdt");
    let (version, flags) = fields.full_box()?;
    let time = match version {
        0 => u64::from(fields.u32()?),
        1 => fields.u64()?,
        _ => return Err(tfdt.invalid("a tfdt of an unknown version")),
    };
    rebuilt(tfdt, &[&(1 << 24 | flags).to_be_bytes()[..], &time.to_be_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cmaf::{read_init, read_segment};

    const VIDEO: &[u8] = include_bytes!("../../tests/fixtures/video-init.mp4");
    const AUDIO: &[u8] = include_bytes!("../../tests/fixtures/audio-init.mp4");
    const GOP: &[u8] = include_bytes!("../../tests/fixtures/video-1.m4s");
    const SOUND: &[u8] = include_bytes!("../../tests/fixtures/audio-1.m4s");
    /// Where the `trun` lies in a normal fragment: behind moof 8, mfhd 16, traf 8, tfhd 24 and tfdt 20 bytes.
    const RUN: usize = 76;

    fn normal_header(bytes: &[u8]) -> InitInfo {
        read_init(&normalise_init(bytes).unwrap()).unwrap()
    }

    #[test]
    fn headers_lose_their_dates_and_say_their_own_brand() {
        let date = [0xe7, 0x27, 0xe0];
        for header in [VIDEO, AUDIO] {
            let normal = normalise_init(header).unwrap();
            assert_eq!(header.windows(3).filter(|bytes| *bytes == date).count(), 6);
            assert_eq!(normal.windows(3).filter(|bytes| *bytes == date).count(), 0);
            assert_eq!(normalise_init(&normal).unwrap(), normal);
        }
        assert_eq!(&normalise_init(VIDEO).unwrap()[..28], b"\0\0\0\x20ftypcmf2\0\0\0\0cmf2iso6cmfc");
        assert_eq!(&normalise_init(AUDIO).unwrap()[..32], b"\0\0\0\x20ftypcmf2\0\0\0\0cmf2iso6cmfccaac");
    }

    #[test]
    fn a_high_profile_states_its_chroma_format_and_depths() {
        let normal = normalise_init(VIDEO).unwrap();
        let name = normal.windows(4).position(|bytes| bytes == b"avcC").unwrap();
        let size = u32::from_be_bytes(*normal[name - 4..].first_chunk().unwrap());
        let end = name - 4 + usize::try_from(size).unwrap();
        assert_eq!((size, &normal[end - 4..end]), (55, &[0xfd, 0xf8, 0xf8, 0][..]));
    }

    #[test]
    fn fragments_get_wide_times_and_keep_their_samples() {
        for (header, fragment, run_version) in [(VIDEO, GOP, 1), (AUDIO, SOUND, 0)] {
            let init = normal_header(header);
            let normal = normalise_fragment(fragment, &init).unwrap();
            assert_eq!(normal.len(), fragment.len() - 28 + 4);
            assert_eq!((&normal[60..64], normal[64], normal[RUN + 8]), (&b"tfdt"[..], 1, run_version));
            let (before, after) = (read_segment(fragment, &init, 0), read_segment(&normal, &init, 0));
            let (before, after) = (before.unwrap(), after.unwrap());
            assert_eq!((before.start, before.ticks), (after.start, after.ticks));
            let samples = |bytes: &[u8], end: u64| bytes[usize::try_from(end).unwrap()..].to_vec();
            let (was, is) = (before.fragments[0], after.fragments[0]);
            assert_eq!(samples(fragment, was.first_sample_end), samples(&normal, is.first_sample_end));
            assert_eq!(normalise_fragment(&normal, &init).unwrap(), normal);
        }
    }

    #[test]
    fn a_run_of_version_0_becomes_1_unless_its_offsets_need_all_bits() {
        let init = normal_header(VIDEO);
        let mut unsigned = GOP.to_vec();
        unsigned[108] = 0;
        assert_eq!(normalise_fragment(&unsigned, &init).unwrap()[RUN + 8], 0);
        for entry in unsigned[124..604].chunks_exact_mut(8) {
            entry[4] = 0;
        }
        assert_eq!(normalise_fragment(&unsigned, &init).unwrap()[RUN + 8], 1);
    }

    proptest! {
        #[test]
        fn no_damage_panics(at in 0usize..600, byte: u8, cut in 0..GOP.len()) {
            let init = normal_header(VIDEO);
            for source in [VIDEO, GOP] {
                let mut damaged = source.to_vec();
                damaged[at] = byte;
                for bytes in [&damaged[..], &damaged[..cut.min(source.len())]] {
                    let _ = normalise_init(bytes);
                    let _ = normalise_fragment(bytes, &init);
                }
            }
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = normalise_init(&bytes);
            let _ = normalise_fragment(&bytes, &normal_header(VIDEO));
        }
    }
}
