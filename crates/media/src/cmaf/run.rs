//! Runs of samples (`trun`, ISO/IEC 14496-12 section 8.8.8) in normal form.

use super::{atom::Atom, fragment::trun, normalise::boxed};
use crate::CmafError;

/// A `trun`, taken apart.
struct Run<'a> {
    version: u8,
    flags: u32,
    samples: u32,
    data_offset: Option<u32>,
    first_flags: Option<u32>,
    /// An entry per sample; no bytes at all where entries have no fields.
    entries: &'a [u8],
}

impl<'a> Run<'a> {
    fn read(atom: &Atom<'a>) -> Result<Self, CmafError> {
        let mut fields = atom.fields("trun");
        let (version, flags) = fields.full_box()?;
        let samples = fields.u32()?;
        let data_offset = if flags & trun::DATA_OFFSET != 0 { Some(fields.u32()?) } else { None };
        let first_flags = if flags & trun::FIRST_SAMPLE_FLAGS != 0 { Some(fields.u32()?) } else { None };
        let len = u64::from(samples) * stride(flags) as u64;
        let len = usize::try_from(len).map_err(|_| atom.invalid("a run of more bytes than memory has"))?;
        let entries = fields.take(len)?;
        Ok(Self { version, flags, samples, data_offset, first_flags, entries })
    }

    /// Composition offsets, in sample order; none where the run states none.
    fn offsets(&self) -> impl Iterator<Item = i64> {
        let stated = self.flags & trun::COMPOSITION_OFFSET != 0;
        let (stride, version) = (stride(self.flags), self.version);
        let entries = if stated { self.entries } else { &[] };
        entries.chunks_exact(stride.max(4)).filter_map(move |entry| {
            let offset = *entry.last_chunk()?;
            let signed = i64::from(i32::from_be_bytes(offset));
            Some(if version == 0 { i64::from(u32::from_be_bytes(offset)) } else { signed })
        })
    }
}

/// Bytes of an entry. The composition offset is its last field.
const fn stride(flags: u32) -> usize {
    4 * (flags & trun::PER_SAMPLE).count_ones() as usize
}

/// The run as it is stored, of version 1 for `video`; `growth` is by how much its `moof` grows, and its data
/// with it moves.
pub(super) fn normal(atom: &Atom<'_>, video: bool, growth: i64) -> Result<Vec<u8>, CmafError> {
    let run = Run::read(atom)?;
    let signed = run.offsets().all(|offset| i32::try_from(offset).is_ok());
    let version = if video && signed { 1 } else { run.version };
    let mut body = (u32::from(version) << 24 | run.flags).to_be_bytes().to_vec();
    body.extend(run.samples.to_be_bytes());
    if let Some(offset) = run.data_offset {
        let moved = i32::try_from(i64::from(offset) + growth).ok().filter(|moved| *moved >= 0);
        body.extend(moved.ok_or(atom.invalid("a data offset beyond 31 bits"))?.to_be_bytes());
    }
    body.extend(run.first_flags.into_iter().flat_map(u32::to_be_bytes));
    body.extend_from_slice(run.entries);
    boxed(*b"trun", &body).ok_or(atom.invalid("a box of more than 4 GiB"))
}
