//! MPEG transport streams (ITU-T H.222.0 | ISO/IEC 13818-1), sans-IO: bytes in, events out, no clock and no socket.
//!
//! Of the first program that is announced, the first stream of H.264 or HEVC and the first of AAC in ADTS are taken;
//! others are passed over. A PES packet of pictures holds one access unit, as encoders send them. What is damaged is
//! left out and named, from the gap to the next PES packet; so is sound before the pictures that the program announces
//! have a configuration.
//!
//! Memory is bounded by one PES packet for each of the two streams, one section for each of two tables, and the events
//! of the bytes that were given last.

mod adts;
mod audio;
mod kinds;
mod packet;
mod pes;
mod psi;
mod video;

use std::collections::VecDeque;

use self::{
    audio::Audio,
    kinds::Chosen,
    packet::{Continuity, Cutter, Follows, PACKET_BYTES, Packet},
    psi::{Elementary, Sections},
    video::Video,
};
use crate::{Dropped, End, Event, Fault, Track};

/// Bytes without a packet after which what comes is no transport stream.
const ASTRAY_MAX: usize = 64 << 10;
/// Bytes within which a program must be announced, which encoders do ten times a second.
const UNANNOUNCED_MAX: usize = 8 << 20;
const ASSOCIATION_PID: u16 = 0;

/// Reads one transport stream.
pub struct Demux {
    cutter: Cutter,
    tables: Tables,
    clock: Clock,
    video: Option<Video>,
    audio: Option<Audio>,
    events: VecDeque<Event>,
    unit_bytes_max: usize,
    /// Until a program is announced.
    unannounced: Option<usize>,
}

/// The two tables and what they say.
#[derive(Default)]
struct Tables {
    association: (Continuity, Sections),
    map: Option<(u16, Continuity, Sections)>,
    streams: Vec<Elementary>,
}

impl Demux {
    /// One that has read nothing. `unit_bytes_max` bounds a PES packet, in bytes.
    #[must_use]
    pub fn new(unit_bytes_max: usize) -> Self {
        Self {
            cutter: Cutter::default(),
            tables: Tables::default(),
            clock: Clock::default(),
            video: None,
            audio: None,
            events: VecDeque::new(),
            unit_bytes_max,
            unannounced: Some(0),
        }
    }

    /// Takes bytes, cut anywhere.
    ///
    /// # Errors
    /// [`End::Broken`] for what is no transport stream or announces nothing in a long while, [`End::Unsupported`] for
    /// media of a kind that is not taken. Events that came before still come out.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), End> {
        let mut cutter = std::mem::take(&mut self.cutter);
        let astray = cutter.cut(bytes, |packet| self.packet(packet))?;
        self.cutter = cutter;
        if astray > ASTRAY_MAX {
            return Err(Fault::NotTransportStream(astray).into());
        }
        if let Some(count) = &mut self.unannounced {
            *count += bytes.len();
            if *count > UNANNOUNCED_MAX {
                return Err(Fault::NoProgram(*count).into());
            }
        }
        Ok(())
    }

    /// The next thing that the bytes so far said.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Nothing more comes, and what came last is whole.
    pub fn finish(&mut self) {
        if let Some(video) = &mut self.video {
            video.finish(&mut self.clock, &mut self.events);
        }
    }

    fn packet(&mut self, bytes: &[u8; PACKET_BYTES]) -> Result<(), End> {
        let Some(packet) = Packet::read(bytes) else { return Ok(()) };
        if self.tables.take(&packet) {
            return self.choose();
        }
        let (clock, events) = (&mut self.clock, &mut self.events);
        match (&mut self.video, &mut self.audio) {
            (Some(video), _) if video.pid == packet.pid => video.packet(&packet, clock, events),
            (video, Some(audio)) if audio.pid == packet.pid => {
                let before = events.len();
                audio.packet(&packet, clock, events)?;
                if video.as_ref().is_some_and(|video| !video.is_described()) {
                    events.iter_mut().skip(before).for_each(leave_out_sound);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Follows a map that says something new.
    fn choose(&mut self) -> Result<(), End> {
        let Chosen { video, audio } = kinds::choose(&self.tables.streams)?;
        if video.is_some() || audio.is_some() {
            self.unannounced = None;
        }
        let bytes_max = self.unit_bytes_max;
        let same = |track: &Video| video == Some((track.pid, track.codec()));
        if !self.video.as_ref().is_some_and(same) {
            self.video = video.map(|(pid, codec)| Video::new(pid, codec, bytes_max));
        }
        if self.audio.as_ref().map(|track| track.pid) != audio {
            self.audio = audio.map(|pid| Audio::new(pid, bytes_max));
        }
        Ok(())
    }
}

/// An asker learns by configurations what a stream has; who joins a stream in its middle sends sound first.
fn leave_out_sound(event: &mut Event) {
    if let Event::Audio(_) = event {
        *event = Event::Dropped(Dropped::BeforeConfig(Track::Audio));
    }
}

impl Tables {
    /// Takes a packet of a table; whether the program has other streams now.
    fn take(&mut self, packet: &Packet<'_>) -> bool {
        if packet.pid == ASSOCIATION_PID {
            let (continuity, sections) = &mut self.association;
            let mut named = None;
            sectioned(packet, continuity, sections, |section| {
                named = psi::program_association(section).or(named);
            });
            let held = self.map.as_ref().map(|(pid, ..)| *pid);
            if let Some(pid) = named.filter(|pid| held != Some(*pid)) {
                self.map = Some((pid, Continuity::default(), Sections::default()));
            }
            return false;
        }
        let Some((_, continuity, sections)) = self.map.as_mut().filter(|(pid, ..)| *pid == packet.pid) else {
            return false;
        };
        let mut said = None;
        sectioned(packet, continuity, sections, |section| said = psi::program_map(section).or(said.take()));
        let new = said.filter(|streams| *streams != self.streams);
        let is_new = new.is_some();
        self.streams = new.unwrap_or_else(|| std::mem::take(&mut self.streams));
        is_new
    }
}

fn sectioned(
    packet: &Packet<'_>,
    continuity: &mut Continuity,
    sections: &mut Sections,
    take: impl FnMut(&[u8]),
) {
    let Some(payload) = packet.payload else { return };
    match continuity.next(packet.count, packet.discontinuity) {
        Follows::Again => return,
        Follows::Gap => sections.lost(),
        Follows::Next => {}
    }
    sections.push(packet.begins, payload, take);
}

/// The payload of a packet of a stream; a gap before it is told first.
fn payload<'a>(
    packet: &Packet<'a>,
    continuity: &mut Continuity,
    track: Track,
    events: &mut VecDeque<Event>,
    lost: impl FnOnce(),
) -> Option<&'a [u8]> {
    let payload = packet.payload?;
    match continuity.next(packet.count, packet.discontinuity) {
        Follows::Again => return None,
        Follows::Gap => {
            lost();
            metrics::counter!("nexus_ingest_ts_gaps_total", "track" => track.name()).increment(1);
            events.push_back(Event::Dropped(Dropped::Lost(track)));
        }
        Follows::Next => {}
    }
    Some(payload)
}

/// Times of 33 bits in 90,000ths of a second, continued where they wrap (§2.4.3.6).
#[derive(Default)]
struct Clock {
    /// Nothing before the first time.
    last: Option<i64>,
}

impl Clock {
    const WRAP: i64 = 1 << 33;

    /// The time nearest to the last decoding time that has these 33 bits.
    fn unrolled(&self, time: u64) -> i64 {
        let time = i64::try_from(time).unwrap_or(0) % Self::WRAP;
        let Some(last) = self.last else { return time };
        let ahead = (time - last).rem_euclid(Self::WRAP);
        last + if ahead >= Self::WRAP / 2 { ahead - Self::WRAP } else { ahead }
    }

    /// Decoding and presentation, in microseconds.
    fn place(&mut self, pts: u64, dts: Option<u64>) -> (i64, i64) {
        let decoded = self.unrolled(dts.unwrap_or(pts));
        self.last = Some(decoded);
        (micros(decoded), micros(self.unrolled(pts)))
    }
}

/// From 90,000ths of a second.
const fn micros(ticks: i64) -> i64 {
    (ticks * 100).div_euclid(9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_clock_goes_on_and_a_backward_one_goes_back() {
        let mut clock = Clock::default();
        let wrap = 1_u64 << 33;
        let times = [wrap - 9, 9, 0, 90_000].map(|time| clock.place(time, None).0);
        let near = micros((1 << 33) - 9);
        assert_eq!(times, [near, near + 200, near + 100, near + 1_000_100]);
        assert_eq!(clock.place(90_000 + 3_003, Some(90_000)), (near + 1_000_100, near + 1_033_467));
    }

    #[test]
    fn counts_say_what_is_missing() {
        let mut continuity = Continuity::default();
        let mut next = |count, discontinuity| continuity.next(count, discontinuity);
        assert_eq!([next(14, false), next(15, false), next(0, false)], [Follows::Next; 3]);
        assert_eq!([next(0, false), next(0, false)], [Follows::Again, Follows::Gap]);
        assert_eq!(
            [next(3, false), next(9, true), next(10, false)],
            [Follows::Gap, Follows::Next, Follows::Next]
        );
    }

    #[test]
    fn packets_are_found_wherever_bytes_are_cut() {
        let packet = |fill: u8| [&[0x47, 0, 1, 0x10][..], &[fill; 184]].concat();
        let stream = [&[0x47, 1, 2][..], &[9; 200], &packet(1), &packet(2), &packet(3), &[0x47]].concat();
        for size in [1, 7, 187, 188, 189, 1_000] {
            let (mut cutter, mut found) = (Cutter::default(), Vec::new());
            for piece in stream.chunks(size) {
                let cut: Result<usize, ()> = cutter.cut(piece, |packet| {
                    found.push(packet[4]);
                    Ok(())
                });
                assert!(cut.is_ok_and(|astray| astray < 600));
            }
            assert_eq!(found[found.len() - 2..], [2, 3], "pieces of {size}");
        }
    }
}
