//! Encoders of others that publish to a channel: real processes, which end with the value that holds them.

use std::{
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::{PATIENCE, live::Channel};

/// Lines of an encoder's log that are kept for a failing test to show.
const LOG_LINES_MAX: usize = 100;

/// The pictures an encoder sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pictures {
    /// As the source has them: costs next to nothing.
    Copied,
    /// Encoded anew.
    Encoded {
        /// ffmpeg's name of the encoder, such as `libx264`.
        codec: &'static str,
        /// Frames from one key picture to the next.
        gop_frames: u32,
        /// B-pictures in a row.
        b_frames: u32,
    },
    /// None.
    Left,
}

/// The sound an encoder sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// As the source has it.
    Copied,
    /// AAC of so many samples a second.
    Encoded(u32),
    /// None.
    Left,
}

/// What an encoder sends, and where.
#[derive(Clone, Debug)]
pub struct Publishing {
    /// The film that is read at the speed it plays at; its barcodes survive copying.
    pub source: PathBuf,
    /// Begin the film again at its end, for ever.
    pub repeated: bool,
    /// Its pictures.
    pub pictures: Pictures,
    /// Its sound.
    pub sound: Sound,
    /// More of ffmpeg's output options.
    pub flags: Vec<String>,
    /// `rtmp://…/KEY` or `srt://…`; the container follows from it.
    pub url: String,
}

impl Publishing {
    /// Source and sound as they are, once, to a server that shows its address and key apart.
    #[must_use]
    pub fn copied(source: PathBuf, server: &str, key: &str) -> Self {
        Self {
            source,
            repeated: false,
            pictures: Pictures::Copied,
            sound: Sound::Copied,
            flags: Vec::new(),
            url: format!("{server}/{key}"),
        }
    }

    fn container(&self) -> &'static str {
        if self.url.starts_with("srt://") { "mpegts" } else { "flv" }
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = words("-hide_banner -nostdin -loglevel verbose -re");
        if self.repeated {
            arguments.extend(words("-stream_loop -1"));
        }
        arguments.extend(["-i".to_owned(), self.source.display().to_string()]);
        arguments.extend(match &self.pictures {
            Pictures::Copied => words("-map 0:v:0 -c:v copy"),
            Pictures::Left => Vec::new(),
            Pictures::Encoded { codec, gop_frames, b_frames } => words(&format!(
                "-map 0:v:0 -c:v {codec} -preset ultrafast -threads 1 -pix_fmt yuv420p -b:v 800k \
                 -g {gop_frames} -keyint_min {gop_frames} -sc_threshold 0 -bf {b_frames}"
            )),
        });
        arguments.extend(match self.sound {
            Sound::Copied => words("-map 0:a:0 -c:a copy"),
            Sound::Encoded(rate) => words(&format!("-map 0:a:0 -c:a aac -b:a 96k -ar {rate}")),
            Sound::Left => Vec::new(),
        });
        arguments.extend(self.flags.iter().cloned());
        arguments.extend(["-f".to_owned(), self.container().to_owned(), self.url.clone()]);
        arguments
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A running encoder.
pub struct Encoder {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Encoder {
    /// ffmpeg, sending.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn ffmpeg(publishing: &Publishing) -> Self {
        let mut command = Command::new("ffmpeg");
        command.args(publishing.arguments());
        Self::start(command)
    }

    /// ffmpeg, sending moving pictures and a tone for as long as it lives: 320×180 at 25 a second with a key frame every
    /// two seconds, and stereo sound.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn publish(channel: &Channel) -> Self {
        let mut command = Command::new("ffmpeg");
        command.args(words("-v error -nostdin -re -f lavfi -i testsrc2=size=320x180:rate=25"));
        command.args(words("-re -f lavfi -i sine=frequency=440:sample_rate=48000 -ac 2"));
        command.args(words("-c:v libx264 -preset ultrafast -tune zerolatency -g 50 -pix_fmt yuv420p"));
        command.args(words("-c:a aac -f flv")).arg(format!("{}/{}", channel.rtmp, channel.key));
        Self::start(command)
    }

    /// GStreamer's `gst-launch-1.0` with a pipeline of its own.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn gst_launch(pipeline: &[&str]) -> Self {
        let mut command = Command::new("gst-launch-1.0");
        command.arg("-e").args(pipeline);
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the encoder starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let stderr = child.stderr.take().expect("piped");
        let kept = Arc::clone(&log);
        #[expect(clippy::disallowed_methods, reason = "ends with the encoder's own log")]
        drop(tokio::spawn(async move {
            // Progress ends in a carriage return alone.
            let mut lines = BufReader::new(stderr).split(b'\n');
            while let Ok(Some(line)) = lines.next_segment().await {
                let mut kept = kept.lock().expect("no panic while a line is kept");
                if kept.len() == LOG_LINES_MAX {
                    kept.remove(0);
                }
                kept.push(String::from_utf8_lossy(&line).into_owned());
            }
        }));
        Self { child, log }
    }

    /// What it said last.
    ///
    /// # Panics
    /// When the reader of its log did.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().expect("no panic while a line is kept").join("\n")
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.id().unwrap_or_else(|| panic!("the encoder has ended:\n{}", self.log()));
        let pid = Pid::from_raw(id.cast_signed()).expect("a process id");
        kill_process(pid, signal).expect("the encoder runs");
    }

    /// Stops it in its tracks, connection and all, as a frozen machine does.
    ///
    /// # Panics
    /// When it has ended.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    ///
    /// # Panics
    /// When it has ended.
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// Kills it at once: the connection ends without a word.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("killed");
    }

    /// Asks it to end its stream, and waits.
    ///
    /// # Panics
    /// When it has ended already, or does not end.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::INT);
        self.ended().await
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended.unwrap_or_else(|_| panic!("the encoder does not end:\n{}", self.log())).expect("it ends")
    }
}
