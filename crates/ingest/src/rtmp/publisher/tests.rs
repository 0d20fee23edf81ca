//! A publisher against a session, byte for byte.

use proptest::prelude::*;

use super::*;
use crate::{
    AccessUnit, AudioConfig, Reason, Refusal, VideoConfig,
    rtmp::{Session, Step},
};

struct Talkers {
    publisher: Publisher,
    session: Session,
}

impl Talkers {
    fn new() -> Self {
        let target = Target {
            app: "live".into(),
            tc_url: "rtmp://video.example/live".into(),
            key: Secret::new("K-1"),
        };
        Self { publisher: Publisher::new(target, &[7; RANDOM]), session: Session::new([9; RANDOM], 8 << 20) }
    }

    /// Passes bytes on until both wait; what the session told, and what the publisher heard last.
    fn pass(&mut self) -> (Vec<Step>, Result<Saying, PublishError>) {
        let (mut steps, mut heard) = (Vec::new(), Ok(Saying::Wait));
        loop {
            let up = self.publisher.take_output();
            self.session.input().extend_from_slice(&up);
            loop {
                match self.session.step() {
                    Step::Wait => break,
                    step => {
                        let ends = matches!(step, Step::Publish(_) | Step::Over(_));
                        steps.push(step);
                        if ends {
                            break;
                        }
                    }
                }
            }
            let down = self.session.take_output();
            self.publisher.input().extend_from_slice(&down);
            match self.publisher.step() {
                Ok(Saying::Wait) => {}
                other => heard = other,
            }
            if up.is_empty() && down.is_empty() {
                return (steps, heard);
            }
        }
    }

    fn publishing() -> Self {
        let mut talkers = Self::new();
        let (steps, _) = talkers.pass();
        let [Step::Publish(said)] = &steps[..] else { panic!("{steps:?}") };
        assert_eq!((said.app.as_str(), said.key.expose()), ("live", "K-1"));
        talkers.session.admit();
        assert_eq!(talkers.pass().1, Ok(Saying::Started));
        talkers
    }

    fn told(&mut self, events: &[Event]) -> Vec<Step> {
        events.iter().for_each(|event| self.publisher.send(event));
        self.pass().0
    }
}

fn configurations() -> [Event; 2] {
    let record = Bytes::from_static(&[1, 100, 0, 31, 255, 225, 0, 1, 0x67, 1, 0, 1, 0x68]);
    let video = VideoConfig { codec: VideoCodec::H264, nal_length_bytes: 4, record };
    let record = Bytes::from_static(&[0x11, 0x90]);
    let audio = AudioConfig { object_type: 2, sample_rate: 48_000, channel_configuration: 2, record };
    [Event::VideoConfig(video), Event::AudioConfig(audio)]
}

fn heard(events: &[Event]) -> Vec<Step> {
    events.iter().cloned().map(Step::Event).collect()
}

#[test]
fn a_refusal_comes_with_its_line() {
    let mut talkers = Talkers::new();
    assert_eq!(talkers.pass().1, Ok(Saying::Wait));
    talkers.session.stop(&Refusal::new(Reason::Denied, "No such key."));
    let (code, text) =
        ("NetStream.Publish.Denied".into(), "the server ended the stream: No such key.".into());
    assert_eq!(talkers.pass().1, Err(PublishError::Refused { code, text }));
}

#[test]
fn what_is_no_rtmp_is_named() {
    let mut talkers = Talkers::new();
    talkers.publisher.input().extend_from_slice(b"HTTP/1.1 400 Bad Request");
    assert_eq!(talkers.publisher.step(), Err(PublishError::Broken(Fault::NotRtmp(b'H'))));
}

#[test]
fn metadata_arrive_as_they_were_said() {
    let metadata = Event::Metadata(Metadata {
        encoder: Some("nexus".into()),
        width: Some(640),
        frame_rate: Some(29.97),
        ..Metadata::default()
    });
    assert_eq!(Talkers::publishing().told(std::slice::from_ref(&metadata)), heard(&[metadata]));
}

#[test]
fn the_end_is_a_clean_one() {
    let mut talkers = Talkers::publishing();
    talkers.publisher.close();
    assert_eq!(talkers.pass().0, [Step::Over(crate::End::Closed)]);
}

proptest! {
    #[test]
    fn units_arrive_as_they_were_sent(
        sizes in prop::collection::vec(1_usize..20_000, 1..8),
        start_ms in 0_i64..1 << 31,
        composition_ms in 0_i64..5_000,
        key: bool,
    ) {
        let mut talkers = Talkers::publishing();
        let configurations = configurations();
        prop_assert_eq!(talkers.told(&configurations), heard(&configurations));
        let units: Vec<Event> = sizes.iter().zip(0_i64..).map(|(size, index)| {
            let dts_us = (start_ms + index * 33) * 1000;
            let length = u32::try_from(*size).expect("fits").to_be_bytes();
            let data = Bytes::from([&length[..], &vec![0x65; *size]].concat());
            Event::Video(AccessUnit { dts_us, pts_us: dts_us + composition_ms * 1000, key, data })
        }).collect();
        prop_assert_eq!(talkers.told(&units), heard(&units));
        let dts_us = start_ms * 1_000;
        let unit = AccessUnit { dts_us, pts_us: dts_us, key: true, data: Bytes::from_static(b"raw") };
        let sound = [Event::Audio(unit)];
        prop_assert_eq!(talkers.told(&sound), heard(&sound));
    }

    #[test]
    fn any_answer_is_survived(answer in prop::collection::vec(any::<u8>(), 0..4_000)) {
        let mut publisher = Talkers::new().publisher;
        publisher.input().put_u8(VERSION);
        publisher.input().put_slice(&[0; 2 * PACKET]);
        publisher.input().put_slice(&answer);
        let _ = publisher.step();
    }
}
