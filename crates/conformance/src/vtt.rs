//! WebVTT (W3C, section 4), as far as a player stumbles over it: the encoding and the times of cues.

use crate::{At, Fault, finding::Faults};

/// What is wrong with the cues of a file that begins as WebVTT does.
#[must_use]
pub fn faults(bytes: &[u8]) -> Vec<Fault> {
    let mut faults = Faults::default();
    match std::str::from_utf8(bytes) {
        Ok(text) => cues(text, &mut faults),
        Err(_) => faults.add(At::Whole, "the file is not UTF-8"),
    }
    faults.all().collect()
}

fn cues(text: &str, faults: &mut Faults) {
    // A line with the arrow is one of a cue's times wherever it stands.
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| line.contains("-->")) {
        match times(line) {
            None => faults.line(number, format!("`{line}` does not give the times of a cue")),
            Some((start, end)) if end <= start => faults.line(number, "a cue ends before it has begun"),
            Some(_) => {}
        }
    }
}

/// Start and end of a cue in milliseconds (section 4.1, "cue timings"); settings may follow.
fn times(line: &str) -> Option<(u64, u64)> {
    let (start, rest) = line.split_once("-->")?;
    let parted = start.ends_with([' ', '\t']) && rest.starts_with([' ', '\t']);
    let end = rest.split_whitespace().next()?;
    parted.then_some((timestamp(start.trim())?, timestamp(end)?))
}

/// `[hh:]mm:ss.ttt`, with two digits or more for hours.
fn timestamp(text: &str) -> Option<u64> {
    let (clock, fraction) = text.split_once('.')?;
    let parts: Vec<&str> = clock.split(':').collect();
    let (hours, minutes, seconds) = match &*parts {
        [minutes, seconds] => ("00", *minutes, *seconds),
        [hours, minutes, seconds] => (*hours, *minutes, *seconds),
        _ => return None,
    };
    let number = |digits: &str| {
        let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
        plain.then(|| digits.parse::<u32>().ok()).flatten().map(u64::from)
    };
    let sixty = |digits: &str| number(digits).filter(|value| digits.len() == 2 && *value < 60);
    let hours = number(hours).filter(|_| hours.len() >= 2)?;
    let thousandths = number(fraction).filter(|_| fraction.len() == 3)?;
    Some(((hours * 60 + sixty(minutes)?) * 60 + sixty(seconds)?) * 1_000 + thousandths)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str) -> Vec<At> {
        faults(text.as_bytes()).into_iter().map(|fault| fault.at).collect()
    }

    #[test]
    fn cues_with_times_in_order_are_fine() {
        let text =
            "WEBVTT\n\n00:01.000 --> 00:02.500 line:0\nHello\n\n100:00:00.000 -->\t100:00:01.000\nLate\n";
        assert_eq!(lines(text), []);
    }

    #[test]
    fn broken_times_are_found_where_they_stand() {
        for times in [
            "00:01 --> 00:02.000",
            "00:01.000-->00:02.000",
            "00:01.000 --> 00:01.000",
            "00:02.000 --> 00:01.000",
            "0:00:01.000 --> 00:02.000",
            "00:61.000 --> 01:02.000",
            "00:01,000 --> 00:02,000",
            "one --> two",
            "00:01.000 -->",
        ] {
            assert_eq!(lines(&format!("WEBVTT\n\n{times}\nHello\n")), [At::Line(3)], "{times}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_found() {
        let found: Vec<At> = faults(b"WEBVTT\n\xff\n").into_iter().map(|fault| fault.at).collect();
        assert_eq!(found, [At::Whole]);
    }

    proptest! {
        #[test]
        fn no_line_breaks_it(line in "[0-9:. \\-><]{0,40}") {
            let _ = faults(format!("WEBVTT\n\n{line}\n").as_bytes());
        }
    }
}
