//! CMAF headers: `ftyp` and `moov` (ISO/IEC 23000-19 7.3.1).

use super::{
    Brands,
    boxes::{self, Cut, Found, FourCc},
    brands,
    fields::Fields,
    sample_entry::{self, SampleEntry},
};
use crate::{Fault, finding::Faults};

/// A CMAF header.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// Bytes of it.
    pub bytes: u64,
    /// `ftyp`.
    pub brands: Option<Brands>,
    /// Offset of `moov`.
    pub movie: Option<u64>,
    /// `trak` boxes, in order.
    pub tracks: Vec<Track>,
    /// Offset of `mvex`.
    pub extends: Option<u64>,
    /// `trex` boxes, in order.
    pub defaults: Vec<TrackDefaults>,
}

/// A `trak` box.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// Offset of the box.
    pub at: u64,
    /// Track id; 0 when it could not be read.
    pub id: u32,
    /// `vide`, `soun`, `text`, `subt` …
    pub handler: FourCc,
    /// Ticks per second; at least 1.
    pub timescale: Option<u32>,
    /// `elst`.
    pub edits: Option<EditList>,
    /// Sample entries.
    pub entries: Vec<SampleEntry>,
    /// The first sample table (`stts`, `stsc`, `stsz`, `stco`, `co64`) that counts samples or chunks, with
    /// its offset: a header has none.
    pub filled_table: Option<(FourCc, u64)>,
}

/// An `elst` box.
#[derive(Clone, Debug, PartialEq)]
pub struct EditList {
    /// Offset of the box.
    pub at: u64,
    /// Its entries.
    pub edits: Vec<Edit>,
}

/// One edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Where in the media it begins, in media ticks; -1 is empty.
    pub media_time: i64,
    /// Speed as 16.16 fixed point.
    pub rate: u32,
}

/// A `trex` box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackDefaults {
    /// The track it is of.
    pub track_id: u32,
    /// Ticks per sample.
    pub duration: u32,
    /// Bytes per sample.
    pub size: u32,
    /// Sample flags.
    pub flags: u32,
}

impl Header {
    /// Reads a header whose first byte is `base` bytes into its file.
    #[must_use]
    pub fn read(bytes: &[u8], base: u64) -> (Self, Vec<Fault>) {
        let mut faults = Faults::default();
        let mut header = Self { bytes: bytes.len() as u64, ..Self::default() };
        for found in boxes::list(bytes, base, Cut::Fault, &mut faults) {
            match &found.kind.0 {
                b"ftyp" => header.brands = Some(brands(&found)),
                b"moov" if header.movie.is_some() => faults.byte(found.at, "a second moov"),
                b"moov" => header.read_movie(&found, &mut faults),
                b"moof" | b"mdat" => {
                    faults.byte(found.at, format!("a header holds no media, but here is {}", found.kind));
                }
                _ => {}
            }
        }
        if header.movie.is_none() {
            faults.byte(base, "the header has no moov");
        }
        (header, faults.all().collect())
    }

    fn read_movie(&mut self, movie: &Found<'_>, faults: &mut Faults) {
        self.movie = Some(movie.at);
        for child in movie.children(0, faults) {
            match &child.kind.0 {
                b"trak" => self.tracks.push(track(&child, faults)),
                b"mvex" => {
                    self.extends = Some(child.at);
                    let trexs = child.children(0, faults);
                    self.defaults.extend(trexs.iter().filter_map(|trex| track_defaults(trex, faults)));
                }
                _ => {}
            }
        }
    }

    /// The track, when there is exactly one or the first of several is meant.
    #[must_use]
    pub fn track(&self) -> Option<&Track> {
        self.tracks.first()
    }

    /// The defaults of a track.
    #[must_use]
    pub fn defaults_of(&self, track_id: u32) -> Option<&TrackDefaults> {
        self.defaults.iter().find(|defaults| defaults.track_id == track_id)
    }

    /// RFC 6381 strings of all sample entries; `None` when one is of an unknown format.
    #[must_use]
    pub fn codecs(&self) -> Option<Vec<&str>> {
        let entries = self.tracks.iter().flat_map(|track| &track.entries);
        entries.map(|entry| entry.codec.as_deref()).collect()
    }
}

impl Track {
    /// Whether it carries pictures.
    #[must_use]
    pub fn is_video(&self) -> bool {
        self.handler.0 == *b"vide"
    }

    /// Picture properties of the first sample entry.
    #[must_use]
    pub fn video(&self) -> Option<sample_entry::Video> {
        self.entries.first()?.video
    }
}

/// A box that ends inside one of its fields.
fn short(found: &Found<'_>, faults: &mut Faults) {
    faults.byte(found.at, format!("the box {} is too short", found.kind));
}

fn track_defaults(trex: &Found<'_>, faults: &mut Faults) -> Option<TrackDefaults> {
    if !trex.is(b"trex") {
        return None;
    }
    let read = || {
        let mut fields = Fields::new(trex.body);
        fields.full_box()?;
        let track_id = fields.u32()?;
        fields.skip(4)?;
        Some(TrackDefaults { track_id, duration: fields.u32()?, size: fields.u32()?, flags: fields.u32()? })
    };
    let defaults = read();
    if defaults.is_none() {
        short(trex, faults);
    }
    defaults
}

fn track(found: &Found<'_>, faults: &mut Faults) -> Track {
    let mut track = Track {
        at: found.at,
        id: 0,
        handler: FourCc(*b"    "),
        timescale: None,
        edits: None,
        entries: Vec::new(),
        filled_table: None,
    };
    let children = found.children(0, faults);
    for child in &children {
        match &child.kind.0 {
            b"tkhd" => track.id = track_id(child, faults),
            b"edts" => {
                let lists = child.children(0, faults);
                track.edits = lists.iter().find(|list| list.is(b"elst")).map(|list| edit_list(list, faults));
            }
            b"mdia" => read_media(&mut track, child, faults),
            _ => {}
        }
    }
    track
}

fn track_id(tkhd: &Found<'_>, faults: &mut Faults) -> u32 {
    let read = || {
        let mut fields = Fields::new(tkhd.body);
        let (version, _) = fields.full_box()?;
        fields.skip(if version == 1 { 16 } else { 8 })?;
        fields.u32()
    };
    read().unwrap_or_else(|| {
        short(tkhd, faults);
        0
    })
}

fn edit_list(elst: &Found<'_>, faults: &mut Faults) -> EditList {
    let mut fields = Fields::new(elst.body);
    let mut edits = Vec::new();
    let mut read = || {
        let (version, _) = fields.full_box()?;
        // The count is not trusted: entries end with the box.
        for _ in 0..fields.u32()? {
            let media_time = if version == 1 {
                fields.skip(8)?;
                fields.i64()?
            } else {
                fields.skip(4)?;
                i64::from(fields.i32()?)
            };
            edits.push(Edit { media_time, rate: fields.u32()? });
        }
        Some(())
    };
    if read().is_none() {
        short(elst, faults);
    }
    EditList { at: elst.at, edits }
}

fn read_media(track: &mut Track, media: &Found<'_>, faults: &mut Faults) {
    let children = media.children(0, faults);
    // The handler decides how sample entries are read, so it comes first wherever it stands.
    for child in &children {
        match &child.kind.0 {
            b"hdlr" => track.handler = handler(child, faults),
            b"mdhd" => track.timescale = timescale(child, faults),
            _ => {}
        }
    }
    for information in children.iter().filter(|child| child.is(b"minf")) {
        for table in information.children(0, faults).iter().filter(|child| child.is(b"stbl")) {
            read_sample_table(track, table, faults);
        }
    }
}

fn handler(hdlr: &Found<'_>, faults: &mut Faults) -> FourCc {
    let mut fields = Fields::new(hdlr.body);
    let kind = fields.skip(8).and_then(|()| fields.four_cc());
    kind.map_or_else(
        || {
            short(hdlr, faults);
            FourCc(*b"    ")
        },
        FourCc,
    )
}

fn timescale(mdhd: &Found<'_>, faults: &mut Faults) -> Option<u32> {
    let mut fields = Fields::new(mdhd.body);
    let read = |fields: &mut Fields<'_>| {
        let (version, _) = fields.full_box()?;
        fields.skip(if version == 1 { 16 } else { 8 })?;
        fields.u32()
    };
    match read(&mut fields) {
        None => {
            short(mdhd, faults);
            None
        }
        Some(0) => {
            faults.byte(mdhd.at, "mdhd has a timescale of 0");
            None
        }
        timescale => timescale,
    }
}

fn read_sample_table(track: &mut Track, table: &Found<'_>, faults: &mut Faults) {
    for child in table.children(0, faults) {
        match &child.kind.0 {
            b"stsd" => {
                let entries = child.children(8, faults);
                let handler = track.handler;
                track.entries.extend(entries.iter().map(|entry| sample_entry::read(entry, handler, faults)));
            }
            b"stts" | b"stsc" | b"stsz" | b"stco" | b"co64" if track.filled_table.is_none() => {
                let count = table_count(&child);
                track.filled_table = count.filter(|count| *count > 0).map(|_| (child.kind, child.at));
            }
            _ => {}
        }
    }
}

fn table_count(table: &Found<'_>) -> Option<u32> {
    let mut fields = Fields::new(table.body);
    fields.full_box()?;
    if table.is(b"stsz") {
        fields.skip(4)?;
    }
    fields.u32()
}
