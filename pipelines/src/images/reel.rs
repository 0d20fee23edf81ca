//! A decoder that is asked for pictures at growing times.

use crate::decode::{Decoded, Decoder};
use crate::failure::{GraphError, Result};
use crate::link::Link;

/// Pictures decoded on the way to a wanted one between two signs of life.
const ALIVE_EVERY: u64 = 25;

/// Where the decoder stands.
pub struct Reel<'a> {
    decoder: Decoder,
    link: &'a Link,
    /// Decoding further than this for one picture costs more than decoding everything once.
    reach_ns: i64,
    /// A picture whose time is this near to a wanted one is the picture of that time: containers round.
    slack_ns: i64,
    /// Whether seeks pay.
    seeks: bool,
    /// The last picture decoded.
    held: Decoded,
    /// How many were decoded.
    decoded: u64,
}

impl<'a> Reel<'a> {
    /// A reel for pictures about `interval_ns` apart, each within `slack_ns` of its time; `decoder` has just started.
    ///
    /// # Errors
    /// When no picture decodes.
    pub fn new(mut decoder: Decoder, interval_ns: u64, slack_ns: u64, link: &'a Link) -> Result<Self> {
        let held = decoder.next()?.ok_or_else(|| GraphError::damaged("no picture decodes"))?;
        let reach_ns = i64::try_from(interval_ns.saturating_mul(2)).unwrap_or(i64::MAX);
        let slack_ns = i64::try_from(slack_ns).unwrap_or(i64::MAX);
        Ok(Self { decoder, link, reach_ns, slack_ns, seeks: true, held, decoded: 1 })
    }

    /// The picture at `time_ns` on the source's clock: the key frame before it if that is a new one, else the
    /// first picture at or after it; past the end, the last one. Times never go back.
    ///
    /// # Errors
    /// What an element reported.
    pub fn at(&mut self, time_ns: i64) -> Result<&Decoded> {
        let shown = self.held.time_ns;
        let (from, to) = (time_ns.saturating_sub(self.slack_ns), time_ns.saturating_add(self.slack_ns));
        let shows = shown >= from || (self.seeks && self.jump(shown, to)?);
        if !shows {
            self.run_to(from)?;
        }
        Ok(&self.held)
    }

    /// Seeks; true when that gave a picture to show.
    fn jump(&mut self, shown: i64, time_ns: i64) -> Result<bool> {
        self.seeks = self.decoder.seek(time_ns)?;
        if !self.seeks {
            return Ok(false);
        }
        let Some(landed) = self.next()? else { return Ok(true) };
        if landed.time_ns > shown {
            self.held = landed;
            return Ok(true);
        }
        // The key frame that is shown already, or one before it: the wanted picture is in the middle of its group.
        self.seeks = time_ns.saturating_sub(landed.time_ns) <= self.reach_ns;
        Ok(false)
    }

    /// Decodes up to the first picture at or after `time_ns`.
    fn run_to(&mut self, time_ns: i64) -> Result<()> {
        while self.held.time_ns < time_ns {
            match self.next()? {
                Some(picture) if picture.time_ns >= self.held.time_ns => self.held = picture,
                // Behind a seek: what was seen before comes again.
                Some(_) => {}
                None => break,
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Decoded>> {
        self.decoded += 1;
        if self.decoded.is_multiple_of(ALIVE_EVERY) {
            self.link.progress(self.decoded, 0)?;
        }
        self.decoder.next()
    }
}
