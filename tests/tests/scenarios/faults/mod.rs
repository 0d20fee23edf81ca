//! The store, the database, the disk and the clock fail while films are uploaded, made and watched. Work pauses,
//! nobody gets a wrong byte, nothing that was acknowledged is lost, and all goes on by itself when the fault ends.
//!
//! `NEXUS_TEST_FAULT_SECONDS` says how long each fault lasts; `NEXUS_TEST_FAULTS_TABLE` names a file to which the
//! rows of docs/FAULTS.md are added.

mod ground;
mod looks;
mod row;

use std::{io::Write, time::Duration};

use ground::{Fault, Ground};
use row::Row;
use tests::{StoreFault, asked};

/// How long a fault lasts unless it is said.
const SHORT: u64 = 4;
/// The clock's library, of Debian's package libfaketime.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

fn length() -> Duration {
    Duration::from_secs(asked("NEXUS_TEST_FAULT_SECONDS", SHORT))
}

fn tell(row: &Row) {
    println!("{row}");
    let table: String = asked("NEXUS_TEST_FAULTS_TABLE", String::new());
    if table.is_empty() {
        return;
    }
    let file = std::fs::OpenOptions::new().create(true).append(true).open(table);
    writeln!(file.expect("the table"), "{row}").expect("written");
}

async fn suffer(ground: &mut Ground, fault: Fault, length: Duration) {
    let row = ground.suffer(fault, length).await;
    tell(&row);
    row.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses_or_is_slow_is_waited_for() {
    let mut ground = Ground::apart().await;
    for fault in [StoreFault::Unavailable, StoreFault::Slow(Duration::from_secs(2))] {
        suffer(&mut ground, Fault::Store(fault), length()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_brings_half_is_not_believed() {
    let mut ground = Ground::apart().await;
    for fault in [StoreFault::Short, StoreFault::Broken] {
        suffer(&mut ground, Fault::Store(fault), length()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_brings_or_takes_wrong_bytes_is_not_believed() {
    let mut ground = Ground::apart().await;
    for fault in [StoreFault::Wrong, StoreFault::WrongIn] {
        suffer(&mut ground, Fault::Store(fault), length()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_cut_off_is_waited_for() {
    let mut ground = Ground::apart().await;
    suffer(&mut ground, Fault::Database, length()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_a_byte_left_is_waited_for() {
    let mut ground = Ground::on_disk().await;
    suffer(&mut ground, Fault::Disk, length()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_by_an_hour_loses_nothing() {
    let mut ground = Ground::with_clock(FAKETIME).await;
    for jump in ["+1h", "-1h"] {
        suffer(&mut ground, Fault::Clock(jump), length()).await;
    }
    ground.tokens_end_by_the_clock().await;
}
