//! The poster and the thumbnail sprites.
//!
//! One decoder visits all wanted times in order, by seeks where the container can and by plain decoding where
//! it cannot. Every picture is scaled straight into its place on a sheet; a full sheet becomes one JPEG.

mod reel;
mod sheet;

use gstreamer_video::VideoColorimetry;
use pipeline_wire::{FromChild, ImageKind, ImagesSpec};

use crate::colour;
use crate::decode::{Decoded, Decoder, FormatOf, Wanted};
use crate::failure::{GraphError, Result};
use crate::grid::Slots;
use crate::link::Link;
use reel::Reel;
use sheet::Sheet;

/// What is wanted at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shot {
    Poster,
    Thumb(u32),
}

/// Makes every picture the spec asks for and sends it.
///
/// # Errors
/// When nothing decodes or an element fails.
pub fn run(spec: &ImagesSpec, link: &Link) -> Result<()> {
    let decoder = Decoder::new(&spec.source, spec.grid.clock, Wanted::pictures(spec.colour)?, link)?;
    decoder.play()?;
    let slack = Slots::new(spec.grid).map_err(GraphError::internal)?.duration_ns(0) / 2;
    let mut reel = Reel::new(decoder, spec.thumb_interval_ns, slack, link)?;
    let mut album = Album::new(spec, link);
    let shots = shots(spec);
    for (done, (time_ns, shot)) in (1..).zip(&shots) {
        let picture = reel.at(spec.grid.origin_ns.saturating_add_unsigned(*time_ns))?;
        album.take(*shot, picture)?;
        link.progress(done, shots.len() as u64)?;
    }
    album.finish()
}

/// Everything that is wanted, in order of output time.
fn shots(spec: &ImagesSpec) -> Vec<(u64, Shot)> {
    let thumbs = (0..spec.thumb_count)
        .map(|index| (u64::from(index).saturating_mul(spec.thumb_interval_ns), Shot::Thumb(index)));
    let mut shots: Vec<_> = thumbs.chain([(spec.poster_ns, Shot::Poster)]).collect();
    shots.sort_by_key(|(time_ns, _)| *time_ns);
    shots
}

/// Takes pictures and sends sheets.
struct Album<'a> {
    spec: &'a ImagesSpec,
    link: &'a Link,
    formats: FormatOf,
    sprite: Option<(u32, Sheet)>,
}

impl<'a> Album<'a> {
    fn new(spec: &'a ImagesSpec, link: &'a Link) -> Self {
        Self { spec, link, formats: FormatOf::default(), sprite: None }
    }

    fn take(&mut self, shot: Shot, picture: &Decoded) -> Result<()> {
        let format = self.formats.get(&picture.caps)?;
        let colour = colour::of_output(&format);
        match shot {
            Shot::Poster => {
                let mut sheet =
                    Sheet::new((self.spec.poster_width, self.spec.poster_height), (1, 1), &colour)?;
                sheet.place(0, &picture.buffer, &format)?;
                self.send(ImageKind::Poster, 0, &sheet)
            }
            Shot::Thumb(index) => {
                let tile = self.turn_to(index, &colour)?;
                match &mut self.sprite {
                    Some((_, sheet)) => sheet.place(tile, &picture.buffer, &format),
                    None => Ok(()),
                }
            }
        }
    }

    /// Opens the sheet that holds thumbnail `index`, sends the one before, and returns the tile's number.
    fn turn_to(&mut self, index: u32, colour: &VideoColorimetry) -> Result<u32> {
        let tiles = (self.spec.sprite_columns * self.spec.sprite_rows).max(1);
        let (number, tile) = (index / tiles, index % tiles);
        if self.sprite.as_ref().is_none_or(|(open, _)| *open != number) {
            self.finish()?;
            let left = self.spec.thumb_count - number * tiles;
            let rows = left.min(tiles).div_ceil(self.spec.sprite_columns.max(1));
            let size = (self.spec.thumb_width, self.spec.thumb_height);
            self.sprite = Some((number, Sheet::new(size, (self.spec.sprite_columns, rows), colour)?));
        }
        Ok(tile)
    }

    /// Sends the open sheet.
    fn finish(&mut self) -> Result<()> {
        match self.sprite.take() {
            Some((number, sheet)) => self.send(ImageKind::Sprite, number, &sheet),
            None => Ok(()),
        }
    }

    fn send(&self, kind: ImageKind, index: u32, sheet: &Sheet) -> Result<()> {
        let bytes = sheet.jpeg(self.link)?;
        Ok(self.link.send(&FromChild::Image { kind, index, bytes })?)
    }
}

#[cfg(test)]
mod tests {
    use pipeline_wire::{Grid, MediaClock, SourceSpec};

    use super::*;

    #[test]
    fn shots_are_in_order_and_complete() {
        let grid = Grid { fps_num: 25, fps_den: 1, origin_ns: 0, clock: MediaClock::Raw };
        let spec = ImagesSpec {
            source: SourceSpec { bytes: 0 },
            grid,
            colour: None,
            poster_ns: 25,
            poster_width: 2,
            poster_height: 2,
            thumb_interval_ns: 10,
            thumb_count: 4,
            thumb_width: 2,
            thumb_height: 2,
            sprite_columns: 2,
            sprite_rows: 2,
        };
        let expected = [
            (0, Shot::Thumb(0)),
            (10, Shot::Thumb(1)),
            (20, Shot::Thumb(2)),
            (25, Shot::Poster),
            (30, Shot::Thumb(3)),
        ];
        assert_eq!(shots(&spec), expected);
    }
}
