//! Pixel formats, matrices, ranges, high dynamic range.

use std::path::{Path, PathBuf};

use super::{
    master::{Master, Paint, bt709, yuv},
    table::{self, Bars, Row},
    x264,
};

const BT709: (&str, &str, &str) = ("709", "709", "709");
const BT601: (&str, &str, &str) = ("170m", "170m", "601");
const BT2020: (&str, &str, &str) = ("2020_ncl", "2020", "2020_10");
const PQ: (&str, &str, &str) = ("2020_ncl", "2020", "smpte2084");
const HLG: (&str, &str, &str) = ("2020_ncl", "2020", "arib-std-b67");

const TONED: &str =
    "EETF of BT.2390 on the largest of R, G and B, white at 203 nits; see decisions/colours.md.";

fn row(name: &'static str, make: impl Fn(&Path) -> PathBuf + Send + Sync + 'static) -> Row {
    table::row(name, make).silent().frames(0..12)
}

/// A dozen pictures without sound.
fn short(paint: Paint) -> Master {
    Master { frames: 12, channels: 0, paint, ..Master::default() }
}

fn film(name: &'static str, paint: Paint, arguments: String) -> impl Fn(&Path) -> PathBuf + use<> {
    move |folder| short(paint).encode(folder, name, &arguments)
}

/// H.264 of `colours` that says so in its bitstream.
fn tagged(
    name: &'static str,
    colours: (&str, &str, &str),
    range: &str,
    format: &str,
) -> impl Fn(&Path) -> PathBuf + use<> {
    let said = match colours.0 {
        "170m" => "-colorspace smpte170m -color_primaries smpte170m -color_trc smpte170m",
        "709" => "-colorspace bt709 -color_primaries bt709 -color_trc bt709",
        _ => "-colorspace bt2020nc -color_primaries bt2020 -color_trc bt2020-10",
    };
    let (filter, short_range) = (yuv(colours, range, format), if range == "full" { "pc" } else { "tv" });
    let paint = if colours.0 == "2020_ncl" { Paint::Wide } else { Paint::Plain };
    film(name, paint, format!("-vf {filter} {} {said} -color_range {short_range}", x264()))
}

/// HEVC with a high dynamic range.
fn hevc(name: &'static str, paint: Paint, more: &str) -> impl Fn(&Path) -> PathBuf + use<> {
    let (colours, transfer) = if paint == Paint::Pq { (PQ, "smpte2084") } else { (HLG, "arib-std-b67") };
    let filter = yuv(colours, "limited", "yuv420p10le");
    let said = format!("colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:range=limited{more}");
    let codec = "-c:v libx265 -preset ultrafast -crf 8 -tag:v hvc1";
    film(name, paint, format!("-vf {filter} {codec} -x265-params log-level=none:{said}"))
}

fn formats() -> Vec<Row> {
    let deep = "Rounded to 8 bits with a dither.";
    let of = |name, file, format| row(name, tagged(file, BT709, "limited", format));
    let prores = |format, profile| format!("-vf {} -c:v prores_ks -profile:v {profile}", bt709(format));
    vec![
        of("4:2:0, 10 bits", "ten.mp4", "yuv420p10le").rule(deep),
        of("4:2:2, 8 bits", "wide.mp4", "yuv422p"),
        of("4:2:2, 10 bits", "wide-ten.mkv", "yuv422p10le").rule(deep),
        of("4:4:4, 8 bits", "full.mp4", "yuv444p"),
        of("4:4:4, 10 bits", "full-ten.mkv", "yuv444p10le").rule(deep),
        row("ProRes 4:2:2, 10 bits", film("422.mov", Paint::Plain, prores("yuv422p10le", "2"))).rule(deep),
        row("ProRes 4:4:4, 10 bits", film("4444.mov", Paint::Plain, prores("yuv444p10le", "4"))).rule(deep),
        row(
            "RGB",
            film("rgb.mkv", Paint::Plain, "-vf format=gbrp -c:v libx264rgb -preset ultrafast -crf 8".into()),
        )
        .rule("Becomes BT.709."),
        row("lossless RGB, FFV1", film("ffv1.mkv", Paint::Plain, "-vf format=bgr0 -c:v ffv1".into()))
            .rule("Becomes BT.709."),
    ]
}

fn matrices() -> Vec<Row> {
    let untagged = ",setparams=color_primaries=unknown:color_trc=unknown:colorspace=unknown";
    let sd = format!("-vf {}{untagged} {}", yuv(BT601, "limited", "yuv420p"), x264());
    let hd = format!("-vf {}{untagged} {}", bt709("yuv420p"), x264());
    let jpeg = format!("-vf {} -c:v mjpeg -q:v 2", yuv(BT601, "full", "yuvj420p"));
    vec![
        row("BT.601", tagged("601.mp4", BT601, "limited", "yuv420p")).rule("Kept, and said."),
        row("BT.709 in standard definition", tagged("709.mp4", BT709, "limited", "yuv420p"))
            .rule("Kept, and said."),
        row("nothing said, standard definition", film("sd.mkv", Paint::Plain, sd))
            .rule("Up to 576 lines it is BT.601."),
        row("nothing said, high definition", move |folder| {
            let master = Master { size: (1280, 720), frames: 6, ..short(Paint::Plain) };
            master.encode(folder, "hd.mkv", &hd)
        })
        .frames(0..6)
        .rule("Above 576 lines it is BT.709."),
        row("full range, BT.709", tagged("full709.mkv", BT709, "full", "yuv420p")).rule("Becomes limited."),
        row("full range, BT.601", tagged("full601.mkv", BT601, "full", "yuv420p"))
            .rule("Becomes limited BT.709."),
        row("full range, MP4", tagged("full709.mp4", BT709, "full", "yuv420p")).rule("Becomes limited."),
        row("full range, Motion JPEG", film("jpeg.avi", Paint::Plain, jpeg)).rule("Becomes limited BT.709."),
        row("BT.2020, 10 bits", tagged("2020.mp4", BT2020, "limited", "yuv420p10le"))
            .rule("Colours are converted in linear light."),
    ]
}

fn bright() -> Vec<Row> {
    let screen = "master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,1)";
    let levels = format!(":{screen}:max-cll=1000,400:hdr10=1");
    let dimmer = format!(":{}:hdr10=1", screen.replace("10000000", "6000000"));
    let vp9 = format!(
        "-vf {} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 4M -colorspace bt2020nc -color_primaries bt2020 \
         -color_trc smpte2084 -color_range tv",
        yuv(PQ, "limited", "yuv420p10le")
    );
    let toned = |name, make: Box<dyn Fn(&Path) -> PathBuf + Send + Sync>, peak| {
        row(name, make).bars(Bars::Toned(peak)).rule(TONED)
    };
    vec![
        toned("HDR10, levels said", Box::new(hevc("hdr10.mp4", Paint::Pq, &levels)), 1_000.0),
        toned("HDR10, screen of 600 nits", Box::new(hevc("dimmer.mkv", Paint::Pq, &dimmer)), 600.0),
        toned("PQ, nothing said, VP9", Box::new(film("pq.webm", Paint::Pq, vp9)), 1_000.0),
        toned("HLG", Box::new(hevc("hlg.mp4", Paint::Hlg, "")), 1_000.0),
    ]
}

pub fn rows() -> Vec<Row> {
    [formats(), matrices(), bright()].into_iter().flatten().collect()
}
