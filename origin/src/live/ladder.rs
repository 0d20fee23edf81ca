//! The lower rungs of a broadcast: a sandboxed child that is given the source's pictures and gives back encoded ones.

use std::{collections::VecDeque, future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use media::{
    LadderPolicy, Rung, TrackName,
    live::{
        RenditionName,
        config::{VideoCodec, VideoConfig},
        retime::{Sample, Timebase},
    },
    live_rungs,
};
use pipeline_wire::{KeyRule, LiveCodec, LiveSpec, LiveVideoSpec, Medium, RungSpec, Unit};
use sandbox::{Live, LiveOptions, LiveOutput, Sandbox, SandboxError};
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

/// Pictures since the last key picture that are kept for another child, and their bytes: four seconds at 60 a second.
const HELD_MAX: usize = 240;
const HELD_BYTES_MAX: usize = 16 << 20;
/// How long a child that failed is waited with: first, and at most.
const AGAIN_MIN: Duration = Duration::from_millis(50);
const AGAIN_MAX: Duration = Duration::from_secs(10);
/// A child that lived this long failed by chance.
const SOUND_AFTER: Duration = Duration::from_secs(30);

/// What lower rungs are made with.
#[derive(Clone, Debug)]
pub struct Encoding {
    /// Starts children.
    pub sandbox: Arc<Sandbox>,
    /// The rungs that there are, and how they are encoded.
    pub policy: LadderPolicy,
}

/// What a child gave.
pub(super) enum Encoded {
    /// A rung is described.
    Config { rung: usize, config: VideoConfig },
    /// The next picture of a rung.
    Picture { rung: usize, shown: i64, key: bool, data: Bytes },
}

type Starting = Pin<Box<dyn Future<Output = Result<Live, SandboxError>> + Send>>;

enum Child {
    /// There is nothing to encode.
    None,
    /// One is started at this moment.
    Due(Instant),
    Starting(Starting),
    Running {
        child: Live,
        since: Instant,
    },
    /// It gives what it still has.
    Draining(Live),
}

/// The child of a broadcast, whichever it is at the moment.
pub(super) struct Ladder {
    encoding: Option<Encoding>,
    policy: LadderPolicy,
    spec: Option<LiveSpec>,
    child: Child,
    failures: u32,
    /// Pictures since the last key picture.
    held: VecDeque<Unit>,
    held_bytes: usize,
}

impl Ladder {
    /// Rungs by a channel's own choice, or by the settings.
    pub(super) fn new(encoding: Option<Encoding>, choice: &::live::Ladder) -> Self {
        let mut policy = encoding.as_ref().map(|encoding| encoding.policy.clone()).unwrap_or_default();
        if let ::live::Ladder::Rungs(heights) = choice {
            policy.heights.clone_from(heights);
        }
        if encoding.is_none() {
            policy.heights.clear();
        }
        let (spec, held) = (None, VecDeque::new());
        Self { encoding, policy, spec, child: Child::None, failures: 0, held, held_bytes: 0 }
    }

    /// The rungs below a source.
    pub(super) fn names(&self, video: &VideoConfig) -> Vec<RenditionName> {
        let any_rate = media::FrameRate::new(30, 1);
        let rungs = any_rate.map(|fps| live_rungs(video.shown_size(), fps, &self.policy)).unwrap_or_default();
        rungs.iter().filter_map(name).collect()
    }

    /// Pictures follow that are described like this: they get a child of their own. `names` are the rungs that the
    /// broadcast began with.
    pub(super) fn begin(
        &mut self,
        base: Option<Timebase>,
        video: Option<&VideoConfig>,
        names: &[RenditionName],
    ) {
        self.forget();
        (self.child, self.spec, self.failures) = (Child::None, None, 0);
        let (Some(base), Some(video), false) = (base, video, names.is_empty()) else { return };
        self.spec = spec(base, video, names, &self.policy);
        if self.spec.is_some() {
            self.child = Child::Due(Instant::now());
        }
    }

    /// The source's next picture.
    pub(super) fn push(&mut self, sample: &Sample) {
        if matches!(self.child, Child::None | Child::Draining(_)) {
            return;
        }
        let unit =
            Unit { dts: sample.decode, pts: sample.shown, key: sample.key, bytes: sample.data.clone() };
        if sample.key {
            self.forget();
        }
        // What does not fit is of no use without its beginning.
        if self.held.len() >= HELD_MAX || self.held_bytes + unit.bytes.len() > HELD_BYTES_MAX {
            self.forget();
        } else if sample.key || !self.held.is_empty() {
            self.held_bytes += unit.bytes.len();
            self.held.push_back(unit.clone());
        }
        if let Child::Running { child, .. } = &mut self.child
            && !child.push(Medium::Video, unit)
        {
            metrics::counter!("nexus_live_ladder_dropped_total").increment(1);
        }
    }

    fn forget(&mut self) {
        self.held.clear();
        self.held_bytes = 0;
    }

    /// No more pictures come for now: what the child still has comes out of it.
    pub(super) fn drain(&mut self) {
        self.forget();
        self.child = match std::mem::replace(&mut self.child, Child::None) {
            Child::Running { mut child, .. } => {
                child.end_input();
                Child::Draining(child)
            }
            Child::Draining(child) => Child::Draining(child),
            _ => Child::None,
        };
    }

    /// Whether there should be a child and is none.
    pub(super) const fn is_away(&self) -> bool {
        matches!(self.child, Child::Due(_) | Child::Starting(_))
    }

    /// What a child that gets no more pictures still gives; `None` when it has ended. Cancel-safe.
    pub(super) async fn last(&mut self) -> Option<Encoded> {
        while let Child::Draining(child) = &mut self.child {
            match child.next().await {
                Ok(Some(output)) => {
                    if let Some(encoded) = encoded(output) {
                        return Some(encoded);
                    }
                }
                // What it could not give is missing at the end of a rung, nowhere else.
                Ok(None) | Err(_) => self.child = Child::None,
            }
        }
        None
    }

    /// What the child gives next; starts another one when it failed. Cancel-safe.
    pub(super) async fn next(&mut self) -> Encoded {
        loop {
            match &mut self.child {
                Child::None => std::future::pending().await,
                Child::Due(at) => {
                    sleep_until(*at).await;
                    self.child = self.start();
                }
                Child::Starting(starting) => {
                    let started = starting.await;
                    self.started(started);
                }
                Child::Running { child, .. } => match child.next().await {
                    Ok(Some(output)) => {
                        if let Some(encoded) = encoded(output) {
                            return encoded;
                        }
                    }
                    Ok(None) => self.child = Child::None,
                    Err(error) => self.failed(&error),
                },
                Child::Draining(_) => {
                    if let Some(encoded) = self.last().await {
                        return encoded;
                    }
                }
            }
        }
    }

    fn start(&self) -> Child {
        let (Some(encoding), Some(spec)) = (self.encoding.clone(), self.spec.clone()) else {
            return Child::None;
        };
        Child::Starting(Box::pin(
            async move { encoding.sandbox.start_live(&spec, LiveOptions::default()).await },
        ))
    }

    fn started(&mut self, started: Result<Live, SandboxError>) {
        match started {
            Ok(mut child) => {
                info!(pid = child.id(), "an encoder of lower rungs has begun");
                for unit in &self.held {
                    child.push(Medium::Video, unit.clone());
                }
                self.child = Child::Running { child, since: Instant::now() };
            }
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&mut self, error: &SandboxError) {
        metrics::counter!("nexus_live_ladder_failures_total").increment(1);
        if let Child::Running { since, .. } = &self.child
            && since.elapsed() >= SOUND_AFTER
        {
            self.failures = 0;
        }
        let wait = AGAIN_MIN.saturating_mul(1 << self.failures.min(16)).min(AGAIN_MAX);
        warn!("the encoder of lower rungs failed, another follows in {wait:?}: {error}");
        self.failures = self.failures.saturating_add(1);
        self.child = Child::Due(Instant::now() + wait);
    }
}

fn name(rung: &Rung) -> Option<RenditionName> {
    match rung.name {
        TrackName::Video(short) => Some(RenditionName::Rung(short)),
        _ => None,
    }
}

/// What a child does for rungs of these names; `None` when no level holds them.
fn spec(
    base: Timebase,
    video: &VideoConfig,
    names: &[RenditionName],
    policy: &LadderPolicy,
) -> Option<LiveSpec> {
    // A source that became smaller keeps its rungs: what is listed stays.
    let policy = LadderPolicy { heights: heights(names), ..policy.clone() };
    let (width, height) = video.shown_size();
    let largest = policy.heights.iter().max().copied().unwrap_or(0) + 1;
    let short = width.min(height).max(1);
    let grown = |side: u32| if short < largest { side.saturating_mul(largest).div_ceil(short) } else { side };
    let rungs = live_rungs((grown(width), grown(height)), base.frame_rate()?, &policy);
    let codec = match video.codec {
        VideoCodec::H264 => LiveCodec::H264,
        VideoCodec::Hevc => LiveCodec::Hevc,
    };
    let rungs: Vec<RungSpec> = (0u8..).zip(&rungs).map(|(track, rung)| rung_spec(track, rung)).collect();
    (rungs.len() == names.len()).then(|| LiveSpec {
        video: Some(LiveVideoSpec {
            codec,
            config: video.record.to_vec(),
            timescale: base.timescale,
            frame_ticks: base.frame(),
            keys: KeyRule::AsSource,
            lookahead_frames: 0,
            rungs,
        }),
        audio: None,
    })
}

fn heights(names: &[RenditionName]) -> Vec<u32> {
    let height =
        |name: &RenditionName| if let RenditionName::Rung(height) = name { Some(*height) } else { None };
    names.iter().filter_map(height).collect()
}

fn rung_spec(track: u8, rung: &Rung) -> RungSpec {
    RungSpec {
        track,
        width: rung.width,
        height: rung.height,
        crf: rung.crf,
        maxrate_kbps: rung.maxrate_kbps,
        bufsize_kbit: rung.bufsize_kbit,
        preset: rung.preset.clone(),
        level_idc: rung.level_idc,
    }
}

fn encoded(output: LiveOutput) -> Option<Encoded> {
    match output {
        LiveOutput::Config { track, bytes } => match VideoConfig::from_avc_record(&bytes) {
            Ok(config) => Some(Encoded::Config { rung: track.into(), config }),
            Err(error) => {
                warn!("the encoder of lower rungs described pictures that nobody can read: {error}");
                None
            }
        },
        LiveOutput::Unit { track, unit } => {
            Some(Encoded::Picture { rung: track.into(), shown: unit.pts, key: unit.key, data: unit.bytes })
        }
        LiveOutput::Stats(_) | LiveOutput::Event(_) => None,
    }
}
