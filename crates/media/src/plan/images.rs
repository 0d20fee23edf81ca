//! Poster and thumbnails.

use super::{ImagesPlan, picture::Size};

const POSTER_BOX: (u32, u32) = (720, 1_280);
const THUMB_BOX: (u32, u32) = (90, 160);
const THUMBS_MAX: u64 = 200;
const INTERVAL_SECONDS_MIN: u64 = 2;
/// What encoders leave between key frames unless told otherwise (250 frames at 25 a second): at this distance each
/// thumbnail has a key frame of its own, and nothing but key frames is decoded.
const INTERVAL_SECONDS: u64 = 10;
/// A film too short for that many at [`INTERVAL_SECONDS`] has them closer together.
const THUMBS_WANTED: u64 = 6;
const SPRITE_COLUMNS: u32 = 10;
const SPRITE_ROWS: u32 = 10;
const SECOND_NS: u64 = 1_000_000_000;
/// A tenth into the film lies behind most black openings; about half a minute is as far as anybody looks.
const POSTER_NS_MAX: u64 = 30 * SECOND_NS;

/// The first thumbnail that lies far enough into the film to stand for it: its picture is decoded anyway.
const fn poster_thumb(duration_ns: u64, interval_ns: u64) -> u64 {
    let wanted = duration_ns / 10;
    let wanted = if wanted < POSTER_NS_MAX { wanted } else { POSTER_NS_MAX };
    wanted.div_ceil(interval_ns)
}

/// The pictures about a film shown at `size`.
pub(super) fn plan(size: Size, duration_ns: u64, reasons: &mut Vec<String>) -> ImagesPlan {
    let wanted =
        duration_ns.div_ceil(THUMBS_WANTED * SECOND_NS).clamp(INTERVAL_SECONDS_MIN, INTERVAL_SECONDS);
    let interval_seconds = duration_ns.div_ceil(THUMBS_MAX * SECOND_NS).max(wanted);
    let thumb_interval_ns = interval_seconds * SECOND_NS;
    let thumbs = duration_ns.div_ceil(thumb_interval_ns).clamp(1, THUMBS_MAX);
    let thumb_count = u32::try_from(thumbs).unwrap_or(1);
    let sprite_columns = SPRITE_COLUMNS.min(thumb_count);
    let (poster, thumb) = (size.fitted(POSTER_BOX.0, POSTER_BOX.1), size.fitted(THUMB_BOX.0, THUMB_BOX.1));
    let poster_ns =
        poster_thumb(duration_ns, thumb_interval_ns).min(u64::from(thumb_count) - 1) * thumb_interval_ns;
    reasons.push(format!(
        "The poster is taken at {:.1} seconds; {thumb_count} thumbnails, one every {interval_seconds} seconds.",
        poster_ns as f64 / 1e9
    ));
    ImagesPlan {
        poster_ns,
        poster_width: poster.width,
        poster_height: poster.height,
        thumb_interval_ns,
        thumb_count,
        thumb_width: thumb.width,
        thumb_height: thumb.height,
        sprite_columns,
        sprite_rows: SPRITE_ROWS.min(thumb_count.div_ceil(sprite_columns)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn planned(seconds: u64) -> ImagesPlan {
        plan(Size { width: 1_920, height: 1_080 }, seconds * SECOND_NS, &mut Vec::new())
    }

    #[test]
    fn short_and_long_films() {
        let short = planned(5);
        assert_eq!((short.thumb_count, short.sprite_columns, short.sprite_rows), (3, 3, 1));
        assert_eq!((short.poster_width, short.poster_height, short.poster_ns), (1_280, 720, 2 * SECOND_NS));
        assert_eq!((short.thumb_width, short.thumb_height, short.sprite_count()), (160, 90, 1));
        let minute = planned(60);
        assert_eq!((minute.thumb_interval_ns, minute.thumb_count), (10 * SECOND_NS, 6));
        let long = planned(7_200);
        assert_eq!((long.thumb_interval_ns, long.thumb_count), (36 * SECOND_NS, 200));
        assert_eq!((long.poster_ns, long.sprite_count()), (36 * SECOND_NS, 2));
    }

    proptest! {
        #[test]
        fn every_thumbnail_lies_inside_the_film(duration_ns in 1u64..1 << 60) {
            let images = plan(Size { width: 640, height: 360 }, duration_ns, &mut Vec::new());
            let last = u64::from(images.thumb_count - 1) * images.thumb_interval_ns;
            prop_assert!(last < duration_ns && images.poster_ns < duration_ns);
            prop_assert!(images.thumb_count <= 200 && images.thumb_interval_ns >= 2 * SECOND_NS);
            prop_assert!(images.sprite_count() * images.sprite_columns * images.sprite_rows >= images.thumb_count);
        }
    }
}
