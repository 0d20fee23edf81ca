//! xs:duration as MPDs use it.

/// Seconds of `PnDTnHnMn.nS`. Years and months have no fixed length and are refused.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let text = text.trim().strip_prefix('P')?;
    let (days, time) = text.split_once('T').unwrap_or((text, ""));
    if days.is_empty() && time.is_empty() {
        return None;
    }
    let (days, rest) = field(days, 'D')?;
    let (hours, time) = field(time, 'H')?;
    let (minutes, time) = field(time, 'M')?;
    let (seconds, time) = field(time, 'S')?;
    let whole = rest.is_empty() && time.is_empty();
    whole.then_some(days * 86_400.0 + hours * 3600.0 + minutes * 60.0 + seconds)
}

/// The number before `unit` and what follows; 0 when the unit is not there.
fn field(text: &str, unit: char) -> Option<(f64, &str)> {
    let Some((number, rest)) = text.split_once(unit) else { return Some((0.0, text)) };
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value: f64 = if plain { number.parse().ok()? } else { return None };
    value.is_finite().then_some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_are_seconds() {
        assert_eq!(seconds("PT9.003S"), Some(9.003));
        assert_eq!(seconds("P1DT1H1M1S"), Some(90_061.0));
        assert_eq!(seconds("PT2H"), Some(7200.0));
        for bad in ["", "9", "P", "PT", "PT9", "PT-9S", "P1Y", "P1M", "PT1S2M", "PTxS", "PT1e3S"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
