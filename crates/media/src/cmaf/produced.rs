//! When a fragment was produced (ISO/IEC 14496-12 section 8.16.5).

use super::atom::Atoms;

/// Seconds from 1900, where NTP begins (RFC 5905 section 6), to 1970.
const NTP_EPOCH: i64 = 2_208_988_800;
/// Seconds of one NTP era.
const ERA: i64 = 1 << 32;
/// Half an era after 1970: what reads as longer ago belongs to the next one.
const ERA_TURNS: i64 = ERA - NTP_EPOCH;

/// The time that the first `prft` box of a segment or part states, in microseconds since 1970; `None` when there is none
/// that can be read. Era 0 ends in 2036; what would lie before 1970 is of era 1.
#[must_use]
pub fn produced_us(bytes: &[u8]) -> Option<i64> {
    let atom = Atoms::new(bytes, 0).map_while(Result::ok).find(|atom| &atom.kind == b"prft")?;
    let mut fields = atom.fields("prft");
    fields.full_box().ok()?;
    fields.u32().ok()?;
    let (seconds, fraction) = (i64::from(fields.u32().ok()?), u64::from(fields.u32().ok()?));
    let seconds = if seconds < NTP_EPOCH { seconds + ERA_TURNS } else { seconds - NTP_EPOCH };
    let us = i64::try_from((fraction * 1_000_000 + (1 << 31)) >> 32).ok()?;
    Some(seconds * 1_000_000 + us)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn boxed(ntp: u64) -> Vec<u8> {
        let parts: [&[u8]; 6] =
            [&32_u32.to_be_bytes(), b"prft", &[1, 0, 0, 24], &[0, 0, 0, 1], &ntp.to_be_bytes(), &[0; 8]];
        [&[0, 0, 0, 8][..], &b"styp"[..], &parts.concat()].concat()
    }

    #[test]
    fn the_time_is_that_of_the_box() {
        assert_eq!(produced_us(&boxed(2_208_988_801 << 32 | 1 << 31)), Some(1_500_000));
        assert_eq!(produced_us(&boxed(0)), Some((ERA - NTP_EPOCH) * 1_000_000), "7 February 2036");
        assert_eq!(produced_us(b"\0\0\0\x08styp\0\0\0\x08moof"), None);
        assert_eq!(produced_us(&boxed(0)[..20]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let _ = produced_us(&bytes);
            let _ = produced_us(&[&boxed(7)[..], &bytes].concat());
        }
    }
}
