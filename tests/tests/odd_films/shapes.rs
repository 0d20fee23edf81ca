//! Sizes, pixel shapes, rotations.

use std::path::{Path, PathBuf};

use testkit::{barcode, ffmpeg};

use super::{
    master::{Master, bt709},
    table::{Row, row},
    x264,
};

const AAC: &str = "-c:a aac";

/// A master of this size, encoded with H.264 behind `filter`.
fn h264(
    size: (usize, usize),
    name: &'static str,
    filter: &str,
    format: &str,
) -> impl Fn(&Path) -> PathBuf + use<> {
    let filter = if filter.is_empty() { bt709(format) } else { format!("{},{filter}", bt709(format)) };
    move |folder| {
        Master { size, ..Master::default() }.encode(folder, name, &format!("-vf {filter} {} {AAC}", x264()))
    }
}

/// A film that is stored by `filter` and says how it is to be turned to be shown upright; `degrees` as FFmpeg 5 takes
/// them, which is against the clock.
fn turned(
    size: (usize, usize),
    filter: &'static str,
    degrees: &'static str,
) -> impl Fn(&Path) -> PathBuf + use<> {
    move |folder| {
        let lying = h264(size, "lying.mp4", filter, "yuv420p")(folder);
        let film = folder.join("turned.mp4");
        let flag = format!("rotate={degrees}");
        ffmpeg::convert(&[], &lying, &["-c", "copy", "-metadata:s:v", &flag], &film).expect("a flag");
        // FFmpeg turns what it decodes as the file says: upright, or the row is wrong and not the product.
        assert_eq!(barcode::frame_numbers(&film).expect("upright").len(), 55);
        film
    }
}

pub fn rows() -> Vec<Row> {
    let odd = "Sides are rounded to the nearest even number.";
    vec![
        row("odd width and height, 4:4:4", h264((321, 181), "odd.mp4", "", "yuv444p")).rule(odd),
        row("odd width and height, VP9", |folder| {
            let filter = bt709("yuv444p");
            let codec = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 2M -c:a libopus";
            let master = Master { size: (321, 181), ..Master::default() };
            master.encode(folder, "odd.webm", &format!("-vf {filter},format=yuv420p {codec}"))
        })
        .rule(odd),
        row("smaller than every rung", h264((144, 82), "small.mp4", "", "yuv420p"))
            .size(144, 82)
            .rule("One rung of its own size."),
        row("portrait", h264((180, 320), "portrait.mp4", "", "yuv420p")).size(180, 320),
        row("turned by 90 degrees", turned((180, 320), "transpose=cclock", "270")).size(180, 320),
        row("turned by 180 degrees", turned((320, 180), "hflip,vflip", "180")),
        row("turned by 270 degrees", turned((180, 320), "transpose=clock", "90")).size(180, 320),
        row("wide pixels, 4:3", h264((320, 180), "wide.mp4", "scale=240:180,setsar=4/3", "yuv420p"))
            .rule("Pixels become square; the height is kept."),
        row("narrow pixels, 8:9", h264((320, 180), "narrow.mkv", "scale=360:180,setsar=8/9", "yuv420p"))
            .rule("Pixels become square; the height is kept."),
        row(
            "wide pixels, turned by 90 degrees",
            turned((180, 320), "transpose=cclock,scale=240:180,setsar=4/3", "270"),
        )
        .size(180, 320),
    ]
}
