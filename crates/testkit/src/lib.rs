//! Development engines, fake clock, clip readers.

mod clock;
mod engines;
mod keeper;
mod postgres;
mod seaweed;

pub use clock::{FakeClock, START, SeededEntropy, ambient, seeded_ambient};
pub use db::{Db, Engine};
pub use engines::{TestDatabase, TestRows, on_database, on_test_database};
pub use postgres::{PostgresServer, URL_VARIABLE};
pub use seaweed::{ENDPOINT_VARIABLE, SeaweedServer, TestBucket};

pub mod barcode;
pub mod ffmpeg;
