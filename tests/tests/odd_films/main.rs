//! Films that are odd in one way each, made by ffmpeg, uploaded to a real server, and held against what they are
//! meant to become. docs/ODD_FILMS.md is what these tables said when `scripts/odd-films.sh` ran last.

mod colour;
mod colours;
mod containers;
mod judge;
mod master;
mod shapes;
mod sound;
mod table;
mod time;

/// H.264 nearly without loss, as fast as it gets.
const fn x264() -> &'static str {
    "-c:v libx264 -preset ultrafast -crf 8 -g 25"
}

#[tokio::test(flavor = "multi_thread")]
async fn shapes() {
    table::hold("shapes", "Sizes, pixel shapes, rotations", shapes::rows()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn colours() {
    table::hold("colours", "Pixel formats and colours", colours::rows()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time() {
    table::hold("time", "Rates, fields, edits, offsets", time::rows()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sound() {
    table::hold("sound", "Sound", sound::rows()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn containers() {
    table::hold("containers", "Containers and changes", containers::rows()).await;
}
