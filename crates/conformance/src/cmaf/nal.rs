//! NAL units of H.264 samples (ISO/IEC 14496-15 section 5.3.4, ITU-T H.264 table 7-1).

/// Where the first sequence or picture parameter set of a sample is, if it has one. Each NAL unit stands behind its
/// length of `length_bytes` bytes; ends at the first that is not whole.
pub(super) fn parameter_set(sample: &[u8], length_bytes: usize) -> Option<usize> {
    const SEQUENCE: u8 = 7;
    const PICTURE: u8 = 8;
    let mut at = 0;
    loop {
        let length = sample.get(at..at + length_bytes)?;
        let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let unit = sample.get(at + length_bytes..)?.get(..length)?;
        if unit.first().is_some_and(|head| matches!(head & 0x1F, SEQUENCE | PICTURE)) {
            return Some(at);
        }
        at += length_bytes + length;
    }
}

#[cfg(test)]
mod tests {
    use super::parameter_set;

    #[test]
    fn sets_are_found_among_other_units() {
        let sample = [0, 0, 0, 2, 6, 9, 0, 0, 0, 1, 0x67, 0, 0, 0, 1, 0x65];
        assert_eq!(parameter_set(&sample, 4), Some(6));
        assert_eq!(parameter_set(&sample[11..], 4), None);
        assert_eq!(parameter_set(&[2, 0x65, 8, 1, 0x68], 1), Some(3));
    }

    #[test]
    fn what_is_cut_off_is_not_read() {
        for cut in 0..9 {
            assert_eq!(parameter_set(&[0, 0, 0, 9, 0x67, 1, 2, 3, 4][..cut], 4), None);
        }
        assert_eq!(parameter_set(&[0; 100], 4), None);
    }
}
