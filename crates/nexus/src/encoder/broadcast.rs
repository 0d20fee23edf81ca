//! A child that makes access units, and a connection that they are published on.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base::Ambient;
use bytes::{Buf, Bytes};
use ingest::{
    AccessUnit, AudioConfig, Event, Metadata, VideoCodec, VideoConfig,
    rtmp::{Publisher, Saying, Target},
};
use pipeline_wire::{FromChild, Medium, TestStreamSpec, Unit};
use sandbox::{NoSource, Running, Sandbox};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The longest wait for a server: to connect, to be let in, to take what is sent.
const PATIENCE: Duration = Duration::from_secs(10);
const PIECE: usize = 16 << 10;
/// Units of one track that may wait for the other's configuration.
const WAITING_MAX: usize = 300;
const VIDEO: u8 = Medium::Video.track();
/// What the child's sound is: AAC-LC.
const AAC_LC: u8 = 2;
const SAMPLE_RATE: u32 = 48_000;
const STEREO: u8 = 2;

/// A stream that a server has let in.
pub struct Broadcast {
    wire: Wire,
    child: Running,
    /// Tracks whose configuration is still to come, and units that wait for it.
    undescribed: u8,
    waiting: Vec<Event>,
    pictures: u64,
    sounds: u64,
}

impl Broadcast {
    /// Connects to `address` (host and port), asks for `target`, and starts a child.
    ///
    /// # Errors
    /// When the server is not there, refuses, or speaks something else; when the child does not start.
    pub async fn open(
        sandbox: &Sandbox,
        spec: &TestStreamSpec,
        address: &str,
        target: Target,
        ambient: &Ambient,
    ) -> Result<Self> {
        let mut wire = Wire::open(address, Publisher::new(target, &ambient.bytes())).await?;
        wire.say(&Event::Metadata(metadata(spec))).await?;
        let child = sandbox.start(&pipeline_wire::GraphSpec::TestStream(spec.clone()), NoSource).await?;
        let undescribed = 1 + u8::from(spec.audio);
        Ok(Self { wire, child, undescribed, waiting: Vec::new(), pictures: 0, sounds: 0 })
    }

    /// Sends what the child makes until it ends; `told` hears how many pictures there were.
    ///
    /// # Errors
    /// When the server ends the stream or goes away, or the child fails.
    pub async fn send(&mut self, told: impl Fn(u64)) -> Result<()> {
        loop {
            tokio::select! {
                made = self.child.next() => match made? {
                    Some(FromChild::Config { track, bytes }) => self.describe(config(track, bytes)?).await?,
                    Some(FromChild::Unit { track, unit }) => {
                        self.pass_on(track, unit).await?;
                        told(self.pictures);
                    }
                    Some(_) => {}
                    None => return Ok(()),
                },
                heard = self.wire.hear() => {
                    heard?;
                    self.wire.flush().await?;
                }
            }
        }
    }

    /// Says what units will be like. All tracks are described before the first unit, as encoders do: a track that
    /// came later would be another stream to the server.
    async fn describe(&mut self, config: Event) -> Result<()> {
        self.wire.say(&config).await?;
        self.undescribed = self.undescribed.saturating_sub(1);
        if self.undescribed == 0 {
            for unit in std::mem::take(&mut self.waiting) {
                self.wire.say(&unit).await?;
            }
        }
        Ok(())
    }

    async fn pass_on(&mut self, track: u8, unit: Unit) -> Result<()> {
        let count = if track == VIDEO { &mut self.pictures } else { &mut self.sounds };
        *count += 1;
        if self.undescribed == 0 {
            return self.wire.say(&event(track, unit)).await;
        }
        ensure!(self.waiting.len() < WAITING_MAX, "one of the encoders does not begin");
        self.waiting.push(event(track, unit));
        Ok(())
    }

    /// Tells the server that the stream is over. A server that is gone misses nothing.
    pub async fn close(&mut self) {
        self.wire.publisher.close();
        let parting = async {
            self.wire.flush().await?;
            while !self.wire.socket.read_buf(self.wire.publisher.input()).await.is_ok_and(|read| read == 0) {
                if self.wire.publisher.step().is_err() {
                    break;
                }
            }
            self.wire.socket.shutdown().await.map_err(anyhow::Error::from)
        };
        if let Ok(Err(error)) = timeout(PATIENCE, parting).await {
            tracing::debug!("the encoder's connection did not end well: {error:#}");
        }
    }

    /// Pictures sent.
    pub const fn pictures(&self) -> u64 {
        self.pictures
    }

    /// Frames of sound sent.
    pub const fn sounds(&self) -> u64 {
        self.sounds
    }
}

struct Wire {
    socket: TcpStream,
    publisher: Publisher,
    /// What is being sent.
    outbox: Bytes,
}

impl Wire {
    /// Connects and publishes.
    async fn open(address: &str, publisher: Publisher) -> Result<Self> {
        let connecting = timeout(PATIENCE, TcpStream::connect(address)).await;
        let socket = connecting.with_context(|| format!("connecting to {address} took too long"))?;
        let socket = socket.with_context(|| format!("connecting to {address}"))?;
        socket.set_nodelay(true)?;
        let mut wire = Self { socket, publisher, outbox: Bytes::new() };
        let admitted = timeout(PATIENCE, wire.publish()).await;
        admitted.with_context(|| format!("{address} does not answer as an RTMP server does"))??;
        Ok(wire)
    }

    async fn publish(&mut self) -> Result<()> {
        loop {
            self.flush().await?;
            let read = self.socket.read_buf(self.publisher.input()).await?;
            ensure!(read > 0, "the server closed the connection before it took the stream");
            if self.publisher.step()? == Saying::Started {
                return self.flush().await;
            }
        }
    }

    async fn say(&mut self, event: &Event) -> Result<()> {
        self.publisher.send(event);
        self.flush().await
    }

    /// Reads once. Dropping the future loses nothing.
    async fn hear(&mut self) -> Result<()> {
        self.publisher.input().reserve(PIECE);
        if self.socket.read_buf(self.publisher.input()).await? == 0 {
            bail!("the server closed the connection");
        }
        self.publisher.step()?;
        Ok(())
    }

    /// Sends what there is to send. Dropping the future loses nothing.
    async fn flush(&mut self) -> Result<()> {
        loop {
            if !self.outbox.has_remaining() {
                self.outbox = self.publisher.take_output();
            }
            if !self.outbox.has_remaining() {
                return Ok(());
            }
            let sending = timeout(PATIENCE, self.socket.write_buf(&mut self.outbox)).await;
            sending.context("the server takes nothing any more")??;
        }
    }
}

fn metadata(spec: &TestStreamSpec) -> Metadata {
    Metadata {
        encoder: Some(concat!("nexus ", env!("CARGO_PKG_VERSION")).into()),
        width: Some(spec.width),
        height: Some(spec.height),
        frame_rate: Some(f64::from(spec.fps_num) / f64::from(spec.fps_den)),
        video_kbps: Some(spec.maxrate_kbps.into()),
        audio_kbps: None,
        sample_rate: spec.audio.then_some(SAMPLE_RATE),
    }
}

fn config(track: u8, record: Bytes) -> Result<Event> {
    if track != VIDEO {
        let (object_type, sample_rate, channel_configuration) = (AAC_LC, SAMPLE_RATE, STEREO);
        return Ok(Event::AudioConfig(AudioConfig {
            object_type,
            sample_rate,
            channel_configuration,
            record,
        }));
    }
    // AVCDecoderConfigurationRecord, lengthSizeMinusOne (ISO/IEC 14496-15 §5.3.3.1.2).
    let length = record.get(4).context("the encoder's configuration is too short")? & 3;
    Ok(Event::VideoConfig(VideoConfig { codec: VideoCodec::H264, nal_length_bytes: length + 1, record }))
}

fn event(track: u8, unit: Unit) -> Event {
    let Unit { dts, pts, key, bytes } = unit;
    let unit = AccessUnit { dts_us: dts, pts_us: pts, key, data: bytes };
    if track == VIDEO { Event::Video(unit) } else { Event::Audio(unit) }
}
