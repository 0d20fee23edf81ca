//! What a measurement comes to.

use std::fmt;

use serde_json::{Value, json};
use url::Url;

/// One part that came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When its last byte came, in microseconds since 1970.
    pub received_us: i64,
    /// When it says that its first sample reached the server.
    pub produced_us: Option<i64>,
    /// The date that the list gives it.
    pub date_us: Option<i64>,
}

/// Figures of one rendition.
#[derive(Debug, Default)]
pub struct Figures {
    /// PART-TARGET, in microseconds.
    part_target_us: i64,
    /// Parts that left the list before they were seen there.
    pub missed: u64,
    pub(super) arrivals: Vec<Arrival>,
}

/// How numbers lie, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    p50: f64,
    p95: f64,
    max: f64,
}

impl Figures {
    /// Of a list with this PART-TARGET in microseconds, before any part came.
    pub fn of(part_target_us: i64) -> Self {
        Self { part_target_us, ..Self::default() }
    }

    /// Adds a part.
    pub fn add(&mut self, arrival: Arrival) {
        self.arrivals.push(arrival);
    }

    /// Whether nothing came.
    pub const fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }

    /// Whether some part states when it was produced; else lateness is held against dates.
    fn stated(&self) -> bool {
        self.arrivals.iter().any(|arrival| arrival.produced_us.is_some())
    }

    /// When each part came, and how late, in milliseconds.
    fn lateness(&self) -> Vec<(f64, f64)> {
        let stated = self.stated();
        let since = |arrival: &Arrival| if stated { arrival.produced_us } else { arrival.date_us };
        self.against(|arrival| since(arrival).map(|since| arrival.received_us - since))
    }

    /// When each part came, and how much later than its date its first sample reached the server, in milliseconds.
    fn deviation(&self) -> Vec<(f64, f64)> {
        self.against(|arrival| Some(arrival.produced_us? - arrival.date_us?))
    }

    fn against(&self, late_us: impl Fn(&Arrival) -> Option<i64>) -> Vec<(f64, f64)> {
        let first_us = self.arrivals.first().map_or(0, |first| first.received_us);
        let point = |arrival: &Arrival| {
            let late = late_us(arrival)?;
            Some(((arrival.received_us - first_us) as f64 / 1e3, late as f64 / 1e3))
        };
        self.arrivals.iter().filter_map(point).collect()
    }

    /// One rendition's part of the document.
    pub fn json(&self, name: &str, url: &Url) -> Value {
        let late = self.lateness();
        let spread = Spread::of(&late).map(|late| json!({"p50": late.p50, "p95": late.p95, "max": late.max}));
        json!({
            "name": name,
            "url": url.as_str(),
            "parts": self.arrivals.len(),
            "parts_missed": self.missed,
            "part_target_ms": self.part_target_us / 1_000,
            "since": if self.stated() { "prft" } else { "program-date-time" },
            "late_ms": spread,
            "drift_ms_per_minute": slope(&late).map(per_minute),
            "encoder_clock_ppm": slope(&self.deviation()).map(encoder_ppm),
        })
    }
}

/// Milliseconds a minute, to the hundredth.
fn per_minute(slope: f64) -> f64 {
    (slope * 60_000.0 * 100.0).round() / 100.0
}

/// By how many parts in a million the encoder's clock is fast. Dates follow the encoder's clock, so samples that come
/// ever earlier than their dates say come from a fast one.
fn encoder_ppm(slope: f64) -> f64 {
    (-slope * 1e6).round()
}

impl Spread {
    fn of(points: &[(f64, f64)]) -> Option<Self> {
        let mut sorted: Vec<f64> = points.iter().map(|(_, late)| *late).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let index = ((sorted.len() as f64 * share) as usize).min(sorted.len() - 1);
            (sorted[index] * 10.0).round() / 10.0
        };
        (!sorted.is_empty()).then(|| Self { p50: at(0.5), p95: at(0.95), max: at(1.0) })
    }
}

/// The slope of the line that fits the points best; nothing where there are too few to tell.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let mean = |value: fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let over: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let under: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    (points.len() >= 3 && under > 0.0).then(|| over / under)
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let late = self.lateness();
        write!(f, "{} parts of {} ms", self.arrivals.len(), self.part_target_us / 1_000)?;
        match Spread::of(&late) {
            Some(Spread { p50, p95, max }) => {
                let since = if self.stated() { "" } else { " after their dates" };
                write!(f, ", late{since} by {p50} ms (p95 {p95}, max {max})")?;
            }
            None => write!(f, ", which say no time at all")?,
        }
        if let Some(drift) = slope(&late).map(per_minute) {
            write!(f, ", drift {drift:+} ms/min")?;
        }
        if let Some(ppm) = slope(&self.deviation()).map(encoder_ppm) {
            write!(f, ", encoder's clock {ppm:+} ppm")?;
        }
        if self.missed > 0 {
            write!(f, ", {} missed", self.missed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts of 200 ms that come 250 ms late, of an encoder whose clock is fast by `ppm`.
    fn measured(ppm: i64, stated: bool) -> Figures {
        let mut figures = Figures::of(200_000);
        for index in 0..3_000 {
            let produced_us = 1_000_000_000 + index * 200_000;
            // A fast clock says that more time has passed.
            let date_us = Some(produced_us + index * 200_000 * ppm / 1_000_000);
            let received_us = produced_us + 250_000;
            figures.add(Arrival { received_us, produced_us: stated.then_some(produced_us), date_us });
        }
        figures
    }

    #[test]
    fn an_encoders_clock_shows_apart_from_lateness() {
        let shown = measured(200, true).to_string();
        assert_eq!(
            shown,
            "3000 parts of 200 ms, late by 250 ms (p95 250, max 250), drift +0 ms/min, encoder's clock +200 ppm"
        );
        let slow = measured(-200, true).json("a", &"http://h/a.m3u8".parse().expect("a URL"));
        assert_eq!((&slow["encoder_clock_ppm"], &slow["late_ms"]["p95"]), (&json!(-200.0), &json!(250.0)));
    }

    #[test]
    fn without_statements_dates_have_to_do() {
        let figures = measured(200, false).json("a", &"http://h/a.m3u8".parse().expect("a URL"));
        assert_eq!(figures["since"], "program-date-time");
        assert_eq!(
            (&figures["drift_ms_per_minute"], &figures["encoder_clock_ppm"]),
            (&json!(-12.0), &Value::Null)
        );
    }

    #[test]
    fn too_few_parts_have_no_drift() {
        let mut figures = Figures::default();
        assert!(figures.is_empty() && figures.to_string().contains("no time"));
        figures.add(Arrival { received_us: 5, produced_us: Some(2), date_us: None });
        assert!(!figures.to_string().contains("drift"));
    }
}
