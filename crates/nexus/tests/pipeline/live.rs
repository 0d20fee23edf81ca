//! Live children: fed with what an encoder sends, stopped, killed, and fed too fast.

use std::collections::BTreeMap;
use std::time::Duration;

use pipeline_wire::{
    KeyRule, LiveAudioSpec, LiveCodec, LiveSpec, LiveStats, LiveVideoSpec, Medium, RungSpec, Unit,
};
use rustix::process::{Pid, Signal, kill_process};
use sandbox::{Ending, Live, LiveOptions, LiveOutput, SandboxError};
use tokio::time::Instant;

use crate::clips::{FRAMES, clip};
use crate::flv::Flv;
use crate::rig::Rig;

const AUDIO: u8 = 7;
const ENCODED: &str = "-pix_fmt yuv420p -c:v libx264 -g 30 -keyint_min 30 -bf 2 -c:a aac -ar 48000 -ac 2";

/// A stream on its exact grid.
struct Stream {
    spec: LiveSpec,
    units: Vec<(Medium, Unit)>,
}

impl Stream {
    fn new() -> Self {
        let flv = Flv::read(&clip("live.flv", ENCODED));
        let rung = |track, width, height| RungSpec {
            track,
            width,
            height,
            crf: 28.0,
            maxrate_kbps: 500,
            bufsize_kbit: 500,
            preset: "veryfast".into(),
            level_idc: 30,
        };
        let video = LiveVideoSpec {
            codec: LiveCodec::H264,
            config: flv.video_config,
            timescale: 30_000,
            frame_ticks: 1001,
            keys: KeyRule::AsSource,
            lookahead_frames: 0,
            rungs: vec![rung(0, 256, 144), rung(1, 192, 108)],
        };
        let audio = LiveAudioSpec {
            config: flv.audio_config,
            timescale: 48_000,
            track: AUDIO,
            sample_rate: 48_000,
            channels: 2,
            bitrate: 96_000,
        };
        let slot = |time: i64| (time * 30_000 + 500_500).div_euclid(1_001_000) * 1001;
        let mut sounds = (0..).map(|place| place * 1024);
        let units = flv.units.into_iter().map(|(medium, unit)| match medium {
            Medium::Video => (medium, Unit { dts: slot(unit.dts), pts: slot(unit.pts), ..unit }),
            Medium::Audio => {
                let pts = sounds.next().unwrap_or_default();
                (medium, Unit { dts: pts, pts, ..unit })
            }
        });
        Self { units: units.collect(), spec: LiveSpec { video: Some(video), audio: Some(audio) } }
    }

    /// Presentation times of pictures, in order.
    fn times(&self) -> Vec<i64> {
        let pictures = self.units.iter().filter(|(medium, _)| *medium == Medium::Video);
        let mut times: Vec<i64> = pictures.map(|(_, unit)| unit.pts).collect();
        times.sort_unstable();
        times
    }
}

/// Feeds `units` one each `pace` until the child ends or, when `until` says so of an output, earlier.
async fn fed(
    child: &mut Live,
    units: &mut dyn Iterator<Item = (Medium, Unit)>,
    pace: Duration,
    until: impl Fn(&LiveOutput) -> bool,
) -> Result<Vec<LiveOutput>, SandboxError> {
    let mut outputs = Vec::new();
    let mut ticks = tokio::time::interval(pace);
    loop {
        tokio::select! {
            output = child.next() => match output? {
                Some(output) => {
                    let ends = until(&output);
                    outputs.push(output);
                    if ends {
                        return Ok(outputs);
                    }
                }
                None => return Ok(outputs),
            },
            _ = ticks.tick() => match units.next() {
                Some((medium, unit)) => {
                    child.push(medium, unit);
                }
                None => child.end_input(),
            },
        }
    }
}

fn by_track(outputs: &[LiveOutput]) -> BTreeMap<u8, Vec<Unit>> {
    let mut tracks: BTreeMap<u8, Vec<Unit>> = BTreeMap::new();
    for output in outputs {
        match output {
            LiveOutput::Config { track, .. } => {
                tracks.entry(*track).or_default();
            }
            LiveOutput::Unit { track, unit } => {
                tracks.get_mut(track).expect("a configuration comes first").push(unit.clone());
            }
            _ => {}
        }
    }
    tracks
}

fn last_stats(outputs: &[LiveOutput]) -> &LiveStats {
    let mut stats = outputs.iter().rev();
    stats
        .find_map(|output| if let LiveOutput::Stats(stats) = output { Some(stats) } else { None })
        .expect("stats")
}

fn times(units: &[Unit]) -> Vec<i64> {
    units.iter().map(|unit| unit.pts).collect()
}

/// Nothing is dropped however slow the machine is.
fn patient() -> LiveOptions {
    LiveOptions {
        pictures_max: 10_000,
        sounds_max: 10_000,
        stall: Duration::from_secs(30),
        ..LiveOptions::default()
    }
}

fn signal(child: &Live, signal: Signal) {
    let id = i32::try_from(child.id().expect("running")).expect("a pid");
    kill_process(Pid::from_raw(id).expect("not zero"), signal).expect("signalled");
}

const fn is_picture(output: &LiveOutput) -> bool {
    matches!(output, LiveOutput::Unit { track: 0, .. })
}

#[tokio::test]
async fn a_stream_comes_out_on_its_own_grid_behind_the_door() {
    let (rig, stream) = (Rig::new().await, Stream::new());
    let mut child = rig.sandbox.start_live(&stream.spec, patient()).await.expect("start");
    let mut units = stream.units.iter().cloned();
    let outputs = fed(&mut child, &mut units, Duration::from_millis(3), |_| false).await.expect("a good end");
    assert!(child.door().is_some_and(|door| door.seccomp));
    let tracks = by_track(&outputs);
    for rung in [0, 1] {
        assert_eq!(times(&tracks[&rung]), stream.times());
        let keys = tracks[&rung].iter().filter(|unit| unit.key).count();
        assert_eq!(keys as u64, FRAMES / 30);
    }
    let sounds = times(&tracks[&AUDIO]);
    assert!(sounds.windows(2).all(|pair| pair[1] - pair[0] == 1024), "{sounds:?}");
    assert!((275..290).contains(&sounds.len()), "{}", sounds.len());
    let stats = last_stats(&outputs);
    assert_eq!((stats.pictures, stats.pictures_lost), (FRAMES, 0), "{stats:?}");
    assert_eq!(child.dropped(), sandbox::Dropped::default());
    assert!(child.next().await.expect("over").is_none());
}

#[tokio::test]
async fn a_killed_child_is_reported_at_once() {
    let (rig, stream) = (Rig::new().await, Stream::new());
    let mut child = rig.sandbox.start_live(&stream.spec, LiveOptions::default()).await.expect("start");
    let mut units = stream.units.iter().cloned();
    let pace = Duration::from_millis(10);
    fed(&mut child, &mut units, pace, is_picture).await.expect("a picture");
    signal(&child, Signal::KILL);
    let since = Instant::now();
    let error = fed(&mut child, &mut units, pace, |_| false).await.expect_err("killed");
    assert!(
        matches!(error, SandboxError::OutOfMemory { ending: Ending::Signal(libc::SIGKILL), .. }),
        "{error}"
    );
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    assert!(child.next().await.expect("over").is_none());
    assert!(child.id().is_none());
}

#[tokio::test]
async fn a_hung_child_is_ended_within_two_seconds_while_input_flows() {
    let (rig, stream) = (Rig::new().await, Stream::new());
    let mut child = rig.sandbox.start_live(&stream.spec, LiveOptions::default()).await.expect("start");
    let mut units = stream.units.iter().cloned();
    let pace = Duration::from_millis(15);
    fed(&mut child, &mut units, pace, is_picture).await.expect("a picture");
    signal(&child, Signal::STOP);
    let since = Instant::now();
    let error = fed(&mut child, &mut units, pace, |_| false).await.expect_err("stopped");
    assert!(matches!(error, SandboxError::Stalled(_)), "{error}");
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_child_that_has_nothing_to_do_is_left_alone() {
    let (rig, stream) = (Rig::new().await, Stream::new());
    let options = LiveOptions { stall: Duration::from_secs(1), ..patient() };
    let mut child = rig.sandbox.start_live(&stream.spec, options).await.expect("start");
    for (medium, unit) in &stream.units[..120] {
        child.push(*medium, unit.clone());
    }
    let pause = async { while child.next().await.expect("alive").is_some() {} };
    assert!(tokio::time::timeout(Duration::from_secs(4), pause).await.is_err(), "it waits for more");
    let mut later = stream.units[120..].iter().cloned();
    let outputs = fed(&mut child, &mut later, Duration::from_millis(3), |_| false).await.expect("a good end");
    assert_eq!(last_stats(&outputs).pictures, FRAMES);
}

#[tokio::test]
async fn what_a_child_cannot_take_goes_by_whole_groups() {
    let (rig, stream) = (Rig::new().await, Stream::new());
    let options = LiveOptions { pictures_max: 45, ..patient() };
    let mut child = rig.sandbox.start_live(&stream.spec, options).await.expect("start");
    for (medium, unit) in &stream.units {
        child.push(*medium, unit.clone());
    }
    let dropped = child.dropped();
    assert_eq!((dropped.pictures, dropped.groups, dropped.sounds), (150, 5, 0));
    let outputs = fed(&mut child, &mut std::iter::empty(), Duration::from_secs(1), |_| false)
        .await
        .expect("a good end");
    for rung in [0, 1] {
        let units = &by_track(&outputs)[&rung];
        assert_eq!(times(units), stream.times()[150..]);
        assert!(units[0].key);
    }
}
