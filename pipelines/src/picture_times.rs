//! Times of MPEG-1 and MPEG-2 pictures that share a packet with others.
//!
//! A program stream gives one time to a PES packet (ISO/IEC 13818-1 §2.4.3.7), however many pictures begin in it; what
//! a decoder makes up for the others is wrong where pictures are reordered. Their place in their group is known
//! (`temporal_reference`, ISO/IEC 13818-2 §6.3.9).

use std::sync::{Mutex, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;

/// Bytes of an access unit in which its picture header is looked for: sequence headers with both matrices and user
/// data come before it.
const HEAD_BYTES: usize = 4096;
const GROUP: u8 = 0xb8;
const PICTURE: u8 = 0x00;

/// What the headers of an access unit say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Picture {
    /// Whether a group of pictures begins with it.
    first_of_group: bool,
    /// Its place in the display order of the group, 0 to 1023.
    place: u64,
}

/// Where a group lies in time.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    /// When the picture in place zero is shown, in nanoseconds; may be before zero.
    origin: Option<i64>,
    /// The furthest place so far.
    last: u64,
}

/// Gives times to pictures that come out of `element` without, if it is a parser of these formats.
pub fn complete(element: &gst::Element) {
    let is_parser = element.factory().is_some_and(|factory| factory.name() == "mpegvideoparse");
    let Some(pad) = element.static_pad("src").filter(|_| is_parser) else { return };
    let group = Mutex::new(Group::default());
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let mut group = group.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => time(&mut group, buffer),
            // Behind a seek nothing follows from what was before.
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Segment => {
                *group = Group::default();
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

fn time(group: &mut Group, buffer: &mut gst::Buffer) {
    let Some(lasts) = buffer.duration().map(gst::ClockTime::nseconds) else { return };
    let picture = match buffer.map_readable() {
        Ok(bytes) => picture_of(&bytes[..bytes.len().min(HEAD_BYTES)]),
        Err(_) => None,
    };
    let Some(picture) = picture else { return };
    let known = buffer.pts().map(gst::ClockTime::nseconds);
    let placed = group.place(picture, known, lasts);
    if let (None, Some(placed)) = (known, placed) {
        buffer.make_mut().set_pts(gst::ClockTime::from_nseconds(placed));
    }
}

impl Group {
    /// When a picture is shown that lasts this long: its own time if it has one, else what its place says.
    fn place(&mut self, picture: Picture, known: Option<u64>, lasts: u64) -> Option<u64> {
        let length = |places: u64| i64::try_from(places.saturating_mul(lasts)).unwrap_or(i64::MAX);
        if picture.first_of_group {
            let next = length(self.last + 1);
            *self = Self { origin: self.origin.map(|origin| origin.saturating_add(next)), last: 0 };
        }
        let offset = length(picture.place);
        self.last = self.last.max(picture.place);
        if let Some(time) = known {
            self.origin = Some(i64::try_from(time).unwrap_or(i64::MAX).saturating_sub(offset));
        }
        u64::try_from(self.origin?.saturating_add(offset)).ok()
    }
}

/// The first picture in `bytes`.
fn picture_of(bytes: &[u8]) -> Option<Picture> {
    let mut first_of_group = false;
    for (at, code) in bytes.windows(4).enumerate().filter(|(_, code)| code.starts_with(&[0, 0, 1])) {
        match code[3] {
            GROUP => first_of_group = true,
            PICTURE => {
                let [high, low] = bytes.get(at + 4..at + 6)? else { return None };
                let place = u64::from(*high) << 2 | u64::from(*low >> 6);
                return Some(Picture { first_of_group, place });
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME: u64 = 40;

    fn shown(group: &mut Group, pictures: &[(bool, u64, Option<u64>)]) -> Vec<Option<u64>> {
        let place = |&(first_of_group, place, known): &(bool, u64, Option<u64>)| {
            group.place(Picture { first_of_group, place }, known, FRAME)
        };
        pictures.iter().map(place).collect()
    }

    #[test]
    fn pictures_without_a_time_are_placed_by_their_group() {
        let coded = [(true, 0, Some(540)), (false, 3, Some(660)), (false, 1, None), (false, 2, None)];
        let mut group = Group::default();
        assert_eq!(shown(&mut group, &coded), [Some(540), Some(660), Some(580), Some(620)]);
        let next = [(true, 2, None), (false, 0, None), (false, 1, Some(740))];
        assert_eq!(shown(&mut group, &next), [Some(780), Some(700), Some(740)]);
    }

    #[test]
    fn nothing_is_made_up_before_a_first_time() {
        let mut group = Group::default();
        assert_eq!(shown(&mut group, &[(true, 0, None), (false, 1, Some(50))]), [None, Some(50)]);
        assert_eq!(
            shown(&mut group, &[(false, 3, Some(10)), (false, 1, None)]),
            [Some(10), None],
            "before zero"
        );
    }

    #[test]
    fn headers_are_found_before_the_picture() {
        let unit =
            [&[0, 0, 1, 0xb3, 1, 2, 3][..], &[0, 0, 1, 0xb8, 9, 9], &[0, 0, 1, 0, 0x01, 0x40, 7]].concat();
        assert_eq!(picture_of(&unit), Some(Picture { first_of_group: true, place: 5 }));
        assert_eq!(picture_of(&unit[13..]), Some(Picture { first_of_group: false, place: 5 }));
        assert_eq!(picture_of(&unit[..18]), None, "cut off");
    }

    proptest! {
        #[test]
        fn no_bytes_and_no_times_break_it(bytes: Vec<u8>, pictures: Vec<(bool, u16, Option<u64>)>, lasts: u64) {
            picture_of(&bytes);
            let mut group = Group::default();
            for (first_of_group, place, known) in pictures {
                group.place(Picture { first_of_group, place: u64::from(place) }, known, lasts);
            }
        }
    }
}
