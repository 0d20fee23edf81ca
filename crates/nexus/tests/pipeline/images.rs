//! Posters and sprites.

use std::io::Write;
use std::process::{Command, Stdio};

use bytes::Bytes;
use pipeline_wire::{FromChild, GraphSpec, Grid, ImageKind, ImagesSpec, SourceSpec};

use crate::clips::made;
use crate::rig::Rig;

const TILE: (u32, u32) = (64, 36);
const COLUMNS: u32 = 4;

/// Ten seconds, each one shade of grey: second `s` is luma 30 + 20 s.
fn stairs(name: &str, arguments: &str) -> Bytes {
    made(
        name,
        &format!("-f lavfi -i color=s=320x180:r=25:d=10,geq=lum=30+20*floor(T):cb=128:cr=128 {arguments}"),
    )
}

struct Made {
    poster: Vec<u8>,
    sprites: Vec<Vec<u8>>,
}

/// Thumbnails of every second, from its middle where the film can be cut there.
async fn images(data: &Bytes, thumb_count: u32) -> Made {
    let rig = Rig::new().await;
    let video = rig.probe(data).await.expect("a film").video.expect("a picture");
    let spec = GraphSpec::Images(ImagesSpec {
        source: SourceSpec { bytes: data.len() as u64 },
        grid: Grid { fps_num: 25, fps_den: 1, origin_ns: video.first_ns, clock: video.clock },
        colour: None,
        poster_ns: 3_000_000_000,
        poster_width: 160,
        poster_height: 90,
        thumb_interval_ns: 1_000_000_000,
        thumb_count,
        thumb_width: TILE.0,
        thumb_height: TILE.1,
        sprite_columns: COLUMNS,
        sprite_rows: 2,
    });
    let (mut poster, mut sprites) = (Vec::new(), Vec::new());
    for frame in rig.run(&spec, data.clone()).await.expect("images") {
        match frame {
            FromChild::Image { kind: ImageKind::Poster, index: 0, bytes } => poster.push(bytes),
            FromChild::Image { kind: ImageKind::Sprite, index, bytes } => {
                assert_eq!(index as usize, sprites.len(), "sprites come in order");
                sprites.push(luma(&bytes));
            }
            FromChild::Progress { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(poster.len(), 1);
    Made { poster: luma(&poster[0]), sprites }
}

/// The picture in a JPEG, full range; its luma comes first.
fn luma(jpeg: &[u8]) -> Vec<u8> {
    let mut ffmpeg = Command::new("ffmpeg")
        .args("-loglevel error -f mjpeg -i pipe:0 -f rawvideo -pix_fmt yuvj420p pipe:1".split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg");
    ffmpeg.stdin.take().expect("piped").write_all(jpeg).expect("written");
    ffmpeg.wait_with_output().expect("decoded").stdout
}

/// The grey in the middle of each thumbnail.
fn greys(made: &Made, count: u32) -> Vec<u8> {
    let (width, tiles) = ((TILE.0 * COLUMNS) as usize, COLUMNS * 2);
    (0..count)
        .map(|index| {
            let (sheet, tile) = (&made.sprites[(index / tiles) as usize], index % tiles);
            let x = (tile % COLUMNS * TILE.0 + TILE.0 / 2) as usize;
            let y = (tile / COLUMNS * TILE.1 + TILE.1 / 2) as usize;
            sheet[y * width + x]
        })
        .collect()
}

/// What limited-range luma of second `s` is in full range.
fn expected(second: u32) -> u8 {
    let limited = f64::from(30 + 20 * second.min(9));
    ((limited - 16.0) * 255.0 / 219.0).round() as u8
}

fn assert_stairs(name: &str, made: &Made, count: u32) {
    for (second, grey) in (0..).zip(greys(made, count)) {
        let expected = expected(second);
        assert!(grey.abs_diff(expected) <= 4, "{name}: thumbnail {second} is {grey}, not {expected}");
    }
    let poster = made.poster[160 * 45 + 80];
    assert!(poster.abs_diff(expected(3)) <= 4, "{name}: the poster is {poster}");
}

#[tokio::test]
async fn every_thumbnail_shows_its_time() {
    for (name, arguments) in [
        ("short-groups.mp4", "-c:v libx264 -g 25 -x264-params scenecut=0"),
        ("one-group.mp4", "-c:v libx264 -g 1000 -x264-params scenecut=0"),
        ("one-group.mkv", "-c:v libx264 -g 1000 -x264-params scenecut=0"),
        ("groups.webm", "-c:v libvpx -cpu-used 8 -g 50"),
        ("groups.ts", "-c:v libx264 -g 25 -x264-params scenecut=0"),
        ("old.mpg", "-c:v mpeg2video -b:v 2M"),
        // Each of its pictures stands alone, and it has no index.
        ("raw.mjpeg.avi", "-c:v mjpeg"),
    ] {
        let made = images(&stairs(name, arguments), 10).await;
        assert_eq!(made.sprites.len(), 2, "{name}");
        let row = (TILE.0 * COLUMNS * TILE.1 * 3 / 2) as usize;
        assert_eq!(made.sprites[0].len(), row * 2, "{name}");
        assert_eq!(made.sprites[1].len(), row, "{name}: one row is enough");
        assert_stairs(name, &made, 10);
    }
}

/// A plan may ask for more than there is.
#[tokio::test]
async fn past_the_end_the_last_picture_stays() {
    let film = stairs("short-groups.mp4", "-c:v libx264 -g 25 -x264-params scenecut=0");
    let made = images(&film, 13).await;
    assert_stairs("past the end", &made, 13);
}
