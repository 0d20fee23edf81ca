//! The thumbnail list: WebVTT whose cues point into the sprites.

use std::fmt::Write as _;

use crate::{ImagesPlan, object::sprite_file};

/// The text of `thumbs.vtt`: a cue per thumbnail, from its time to the next one's (the last to
/// `duration_ns`), each naming its sprite and rectangle by a media fragment (`#xywh`). URIs are relative.
#[must_use]
pub fn thumbs_vtt(images: &ImagesPlan, duration_ns: u64) -> String {
    let mut text = String::from("WEBVTT\n");
    for index in 0..images.thumb_count {
        let start = u64::from(index).saturating_mul(images.thumb_interval_ns);
        let end = if index + 1 == images.thumb_count {
            duration_ns.max(start)
        } else {
            start.saturating_add(images.thumb_interval_ns)
        };
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{} --> {}\n{}\n", stamp(start), stamp(end), place(images, index));
    }
    text
}

fn place(images: &ImagesPlan, index: u32) -> String {
    let columns = images.sprite_columns.max(1);
    let tiles = columns.saturating_mul(images.sprite_rows.max(1));
    let (sprite, tile) = (index / tiles, index % tiles);
    let (width, height) = (images.thumb_width, images.thumb_height);
    let (x, y) = (tile % columns * width, tile / columns * height);
    format!("{}#xywh={x},{y},{width},{height}", sprite_file(sprite))
}

/// `HH:MM:SS.mmm` (WebVTT section 4.1).
fn stamp(ns: u64) -> String {
    let ms = ns / 1_000_000;
    let (seconds, minutes, hours) = (ms / 1_000, ms / 60_000, ms / 3_600_000);
    format!("{hours:02}:{:02}:{:02}.{:03}", minutes % 60, seconds % 60, ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(thumb_count: u32) -> ImagesPlan {
        ImagesPlan {
            poster_ns: 0,
            poster_width: 640,
            poster_height: 360,
            thumb_interval_ns: 2_000_000_000,
            thumb_count,
            thumb_width: 160,
            thumb_height: 90,
            sprite_columns: 2,
            sprite_rows: 2,
        }
    }

    #[test]
    fn cues_follow_rows_and_sprites() {
        let text = thumbs_vtt(&images(5), 9_500_000_000);
        insta::assert_snapshot!(text, @"
        WEBVTT

        00:00:00.000 --> 00:00:02.000
        sprite-000.jpg#xywh=0,0,160,90

        00:00:02.000 --> 00:00:04.000
        sprite-000.jpg#xywh=160,0,160,90

        00:00:04.000 --> 00:00:06.000
        sprite-000.jpg#xywh=0,90,160,90

        00:00:06.000 --> 00:00:08.000
        sprite-000.jpg#xywh=160,90,160,90

        00:00:08.000 --> 00:00:09.500
        sprite-001.jpg#xywh=0,0,160,90
        ");
    }

    #[test]
    fn hours_are_written() {
        assert_eq!(stamp(3_661_001_999_999), "01:01:01.001");
    }
}
