//! A row of the table of faults.

use std::{fmt, time::Duration};

use tests::StoreFault;

use super::{ground::Fault, looks::Seen};

pub struct Row {
    pub fault: Fault,
    pub length: Duration,
    pub looks: Seen,
    /// Files of the films that came out other than without a fault.
    pub wrong: usize,
    /// How often the fault was met.
    pub met: Option<u64>,
    /// From the end of the fault until every answer was right.
    pub answered: Duration,
    /// From the end of the fault until all films were made and fetched.
    pub made: Duration,
}

impl Row {
    /// # Panics
    /// When somebody got a wrong byte, a film came out wrong, or the fault was not met.
    pub fn check(&self) {
        let wrong: u32 = self.looks.iter().map(|looks| looks.wrong).sum();
        assert_eq!((wrong, self.wrong), (0, 0), "{self}");
        assert_ne!(self.met, Some(0), "{self}");
    }
}

fn words(fault: Fault) -> String {
    match fault {
        Fault::Store(StoreFault::Unavailable) => "store answers 503 to everything".to_owned(),
        Fault::Store(StoreFault::Slow(pause)) => {
            format!("store takes {} s before each answer", pause.as_secs())
        }
        Fault::Store(StoreFault::Short) => "store brings half of each object and says it is all".to_owned(),
        Fault::Store(StoreFault::Broken) => "store breaks off in the middle of each object".to_owned(),
        Fault::Store(StoreFault::Wrong) => "one wrong bit in each object that is read".to_owned(),
        Fault::Store(StoreFault::WrongIn) => {
            "one wrong bit in each object on its way to the store".to_owned()
        }
        Fault::Database => "database cut: connections end, no new ones".to_owned(),
        Fault::Disk => "disk full to the last byte (rows, objects and uploads)".to_owned(),
        Fault::Clock(jump) => format!("clock {jump}, and back"),
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [edge, origin, api] = &self.looks;
        let lost = if self.wrong == 0 { "nothing".to_owned() } else { format!("{} files WRONG", self.wrong) };
        let met = self.met.map_or("–".to_owned(), |met| met.to_string());
        write!(
            f,
            "| {} | {} s | {met} | {edge} | {origin} | {api} | {lost} | {:.1} s | {:.1} s |",
            words(self.fault),
            self.length.as_secs(),
            self.answered.as_secs_f64(),
            self.made.as_secs_f64()
        )
    }
}
