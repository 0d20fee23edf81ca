//! What the media is, measured: bit rates as RFC 8216bis section 4.4.6.2 defines them, durations and frame
//! rates from the samples.

use crate::presentation::{MediaList, Presentation, Track, TrackSegment};

/// Longest run of segments tried from each start: far more than any real list needs, and a bound on hostile
/// ones with segments of no length.
const RUN_MAX: usize = 256;

/// Bit rates of one media playlist, in bits per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rates {
    /// Largest bit rate of any contiguous run of 0.5 to 1.5 target durations.
    pub peak: f64,
    /// All bits over all time.
    pub average: f64,
}

/// Measures a playlist; `None` when the size of a segment is not known or there is nothing to measure.
pub(crate) fn rates(shown: &Presentation, list: &MediaList) -> Option<Rates> {
    let target = list.playlist.target.filter(|_| !list.track.cut)?.value;
    let sizes: Option<Vec<(f64, f64)>> = list
        .track
        .segments
        .iter()
        .map(|segment| {
            let ranged = segment.place.range.map(|(start, end)| end - start);
            let bytes = shown.segment(segment).map(|read| read.bytes).or(ranged)?;
            Some((segment.duration, real(bytes) * 8.0))
        })
        .collect();
    measure(&sizes?, real(target))
}

/// Seconds that the samples of a segment last; `None` when it was not read or has no known timescale.
pub(crate) fn seconds(shown: &Presentation, listed: &TrackSegment) -> Option<f64> {
    let segment = shown.segment(listed).filter(|segment| !segment.fragments.is_empty())?;
    Some(real(segment.ticks()) / f64::from(shown.timescale(listed)?))
}

/// Seconds of a frame of a segment; of the longest, when fragments differ.
///
/// Averaged over each fragment: sample durations are distances of *decode* times, which an encoder may space
/// unevenly where frames are reordered; what viewers see is one frame after another.
pub(crate) fn longest_sample(shown: &Presentation, listed: &TrackSegment) -> Option<f64> {
    let timescale = f64::from(shown.timescale(listed)?);
    let fragments = shown.segment(listed)?.fragments.iter().filter_map(|fragment| fragment.track.as_ref());
    let frames = fragments.filter(|fragment| fragment.samples > 0);
    frames.map(|fragment| real(fragment.ticks) / f64::from(fragment.samples) / timescale).reduce(f64::max)
}

/// A frame rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FrameRate {
    /// Frames per second; the highest, when it varies.
    pub rate: f64,
    /// How far a stated rate may be away.
    pub tolerance: f64,
}

/// The frame rate of a track, from the segments that were read.
pub(crate) fn frame_rate(shown: &Presentation, track: &Track) -> Option<FrameRate> {
    let (mut seconds_read, mut frames, mut shortest, mut longest) = (0.0, 0.0, f64::MAX, 0.0_f64);
    let mut tick = 0.0_f64;
    for listed in &track.segments {
        let Some(timescale) = shown.timescale(listed).map(f64::from) else { continue };
        let fragments = shown.segment(listed).map_or(&[][..], |segment| &segment.fragments);
        for fragment in fragments.iter().filter_map(|fragment| fragment.track.as_ref()) {
            if fragment.samples == 0 {
                continue;
            }
            let frame = real(fragment.ticks) / f64::from(fragment.samples) / timescale;
            seconds_read += real(fragment.ticks) / timescale;
            frames += f64::from(fragment.samples);
            shortest = shortest.min(frame);
            longest = longest.max(frame);
            tick = tick.max(1.0 / timescale);
        }
    }
    if frames == 0.0 || seconds_read <= 0.0 {
        return None;
    }
    // Equal frames in a coarse timescale differ by a tick; anything more is a varying rate.
    if longest - shortest <= tick * 1.01 {
        let rate = frames / seconds_read;
        return Some(FrameRate { rate, tolerance: 0.01 + rate * tick / seconds_read });
    }
    let rate = 1.0 / shortest;
    Some(FrameRate { rate, tolerance: rate * 0.01 })
}

/// A count as a real number.
#[expect(clippy::cast_precision_loss, reason = "53 bits hold every real size, duration and bit rate")]
pub(crate) const fn real(count: u64) -> f64 {
    count as f64
}

/// `segments` are seconds and bits.
fn measure(segments: &[(f64, f64)], target: f64) -> Option<Rates> {
    let (time, sum) = segments.iter().fold((0.0, 0.0), |(t, b), (dt, db)| (t + dt, b + db));
    if time <= 0.0 {
        return None;
    }
    let average = sum / time;
    let peaks = (0..segments.len()).filter_map(|start| peak_from(&segments[start..], target));
    // A film shorter than half a target duration has no such run; its average is all there is.
    let peak = peaks.fold(None, |best: Option<f64>, peak| Some(best.map_or(peak, |best| best.max(peak))));
    Some(Rates { peak: peak.unwrap_or(average), average })
}

fn peak_from(segments: &[(f64, f64)], target: f64) -> Option<f64> {
    let (mut time, mut sum, mut peak) = (0.0, 0.0, None);
    for (dt, db) in segments.iter().take(RUN_MAX) {
        time += dt;
        sum += db;
        if time > target * 1.5 {
            break;
        }
        if time >= target * 0.5 && time > 0.0 {
            let rate = sum / time;
            peak = Some(peak.map_or(rate, |best: f64| best.max(rate)));
        }
    }
    peak
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(segments: &[(f64, f64)], target: u64) -> (f64, f64) {
        let rates = measure(segments, real(target)).unwrap();
        (rates.peak, rates.average)
    }

    #[test]
    fn the_peak_is_taken_over_half_to_one_and_a_half_targets() {
        assert_eq!(rates(&[(6.0, 600.0), (6.0, 1200.0), (6.0, 600.0)], 6), (200.0, 2400.0 / 18.0));
        // The short last segment is too short alone, and counts with its neighbour.
        assert_eq!(rates(&[(6.0, 600.0), (2.0, 1000.0)], 6), (200.0, 200.0));
        assert_eq!(rates(&[(2.0, 200.0), (2.0, 800.0), (2.0, 200.0)], 5), (250.0, 200.0));
        assert_eq!(rates(&[(1.0, 100.0)], 6), (100.0, 100.0));
    }

    #[test]
    fn nothing_is_measured_over_no_time() {
        assert_eq!(measure(&[], 6.0), None);
        assert_eq!(measure(&[(0.0, 5.0); 1000], 6.0), None);
    }
}
