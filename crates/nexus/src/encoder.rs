//! `nexus encoder`: a synthetic encoder that publishes to a channel, here or on any server that takes RTMP.

mod broadcast;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use ingest::rtmp::Target;
use pipeline_wire::TestStreamSpec;
use sandbox::{Options, Sandbox};
use settings::{Secret, Settings};
use url::Url;

pub use broadcast::Broadcast;

use crate::film;

/// RTMP's own port.
const PORT: u16 = 1935;
/// Seconds from one key picture to the next.
const KEY_SECONDS: u32 = 2;
const MAXRATE_KBPS: u32 = 2_000;

/// What the command line says.
#[derive(Args, Debug)]
#[command(
    after_help = "Sends a moving picture whose barcode says each frame's number and the time at which it was due, and every \
second a flash with a beep: H.264 and AAC, nothing looked ahead, a key picture every two seconds.\n\nExamples:\n  \
nexus encoder --server rtmp://127.0.0.1:1935/live --stream-key \"$STREAM_KEY\"\n  \
nexus encoder --server rtmp://video.example/live --stream-key \"$STREAM_KEY\" --size 1280x720 --rate 60 --seconds 30\n\
The stream key is what `nexus channel create` and `nexus channel rotate-key` print."
)]
pub struct EncoderArgs {
    /// Where encoders connect to, as the channel shows it (`rtmp`).
    #[arg(long, default_value = "rtmp://127.0.0.1:1935/live", value_name = "URL")]
    server: String,
    /// The channel's stream key.
    #[arg(long, visible_alias = "key", env = "NEXUS_STREAM_KEY", hide_env_values = true)]
    stream_key: String,
    /// Width and height in pixels, even.
    #[arg(long, default_value = "640x360")]
    size: String,
    /// Frames per second, such as 25 or 30000/1001.
    #[arg(long, visible_alias = "fps", default_value = "30")]
    rate: String,
    /// Stop after so many seconds; goes on until it is interrupted when not given.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: Option<u32>,
    /// Leave the sound away.
    #[arg(long)]
    silent: bool,
    /// Words to draw into the picture.
    #[arg(long, default_value = "Nexus")]
    title: String,
}

impl EncoderArgs {
    fn spec(&self) -> Result<TestStreamSpec> {
        let ((width, height), (fps_num, fps_den)) = (film::size(&self.size)?, film::rate(&self.rate)?);
        let frames = u64::from(self.seconds.unwrap_or(0)) * u64::from(fps_num) / u64::from(fps_den);
        Ok(TestStreamSpec {
            frames: self.seconds.map_or(0, |_| frames.max(1)),
            audio: !self.silent,
            title: self.title.clone(),
            ..stream((width, height), (fps_num, fps_den))
        })
    }
}

/// A stream without an end, of a size in pixels and a rate of pictures (numerator and denominator) a second.
fn stream((width, height): (u32, u32), (fps_num, fps_den): (u32, u32)) -> TestStreamSpec {
    TestStreamSpec {
        width,
        height,
        fps_num,
        fps_den,
        frames: 0,
        gop_frames: (KEY_SECONDS * fps_num).div_ceil(fps_den).max(1),
        maxrate_kbps: MAXRATE_KBPS,
        audio: true,
        title: String::new(),
    }
}

/// The stream of the demonstration channel.
pub fn demonstration() -> TestStreamSpec {
    TestStreamSpec { title: "Nexus live".into(), ..stream((640, 360), (30, 1)) }
}

/// Where `server` is, as host and port, and what to ask it for.
///
/// # Errors
/// When it is no RTMP address.
pub fn target(server: &str, key: Secret) -> Result<(String, Target)> {
    let expected =
        || format!("--server {server:?}: an address such as rtmp://127.0.0.1:1935/live is expected");
    let url = Url::parse(server).with_context(expected)?;
    if url.scheme() == "rtmps" {
        bail!("--server {server:?}: this encoder speaks RTMP without TLS; use the server's rtmp:// address");
    }
    let host = url.host_str().filter(|_| url.scheme() == "rtmp").with_context(expected)?;
    let address = format!("{host}:{}", url.port().unwrap_or(PORT));
    let app = url.path().trim_matches('/').to_owned();
    Ok((address, Target { app, tc_url: server.trim_end_matches('/').to_owned(), key }))
}

/// Sends until the end that was asked for, or Ctrl-C.
///
/// # Errors
/// When the command line cannot be followed, the server cannot be reached or refuses, or the child fails.
pub async fn run(args: &EncoderArgs, settings: &Settings) -> Result<ExitCode> {
    let spec = args.spec()?;
    let (address, target) = target(&args.server, Secret::new(args.stream_key.clone()))?;
    crate::stores::data_folder(settings)?;
    let registry = std::path::absolute(settings.data.join("gst-registry.bin"))?;
    let sandbox = Sandbox::new(Options::new(&settings.transcode, registry))?;
    sandbox.warm_registry().await?;
    let bar = progress(spec.frames);
    let mut broadcast = Broadcast::open(&sandbox, &spec, &address, target, &lifecycle::system()).await?;
    bar.println(format!("publishing to {}", args.server));
    let sent = tokio::select! {
        sent = broadcast.send(|frames| bar.set_position(frames)) => sent,
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    bar.finish_and_clear();
    broadcast.close().await;
    sent?;
    println!("sent {} pictures and {} frames of sound", broadcast.pictures(), broadcast.sounds());
    Ok(ExitCode::SUCCESS)
}

fn progress(frames: u64) -> ProgressBar {
    let (bar, template) = if frames == 0 {
        (ProgressBar::new_spinner(), "{msg:12!} {pos} pictures, {elapsed}")
    } else {
        (ProgressBar::new(frames), "{msg:12!} {bar:32} {pos}/{len} pictures {eta}")
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message("sending")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cut_as_encoders_do() {
        let cut = |server: &str| {
            target(server, Secret::new("K")).map(|(at, target)| (at, target.app, target.tc_url))
        };
        let whole = |at: &str, app: &str, url: &str| Some((at.to_owned(), app.to_owned(), url.to_owned()));
        assert_eq!(cut("rtmp://h:1936/live").ok(), whole("h:1936", "live", "rtmp://h:1936/live"));
        assert_eq!(cut("rtmp://h/live/").ok(), whole("h:1935", "live", "rtmp://h/live"));
        assert_eq!(cut("rtmp://[::1]/a/b").ok(), whole("[::1]:1935", "a/b", "rtmp://[::1]/a/b"));
        for wrong in ["http://h/live", "h:1935", "rtmps://h/live", "rtmp://"] {
            assert!(cut(wrong).expect_err(wrong).to_string().contains("--server"), "{wrong}");
        }
    }

    #[test]
    fn key_pictures_come_every_two_seconds() {
        assert_eq!(stream((640, 360), (30, 1)).gop_frames, 60);
        assert_eq!(stream((640, 360), (30_000, 1001)).gop_frames, 60);
        assert_eq!(stream((640, 360), (1, 4)).gop_frames, 1);
    }
}
