//! Strikes processes at the steps a round asks for.

use std::time::Duration;

use rustix::process::Signal;
use tests::{PATIENCE, SplitMix, Upload};
use tokio::time::{Instant, sleep};

use super::{
    cluster::{AtWork, Cluster, LEASE, Process},
    films::Films,
    tally::{How, Tally, strikes},
};

/// Films on their way at once while strikes go on.
const IN_WORK: usize = 2;
/// What a signal takes to be felt, and a statement that was on its way to be done.
const FELT: Duration = Duration::from_millis(40);
/// Times a step may end before it is struck.
const MISSES_MAX: u32 = 60;

pub struct Disturber<'a> {
    cluster: &'a mut Cluster,
    films: &'a Films,
    tally: &'a mut Tally,
    random: SplitMix,
    seed: u64,
    /// Uploads, with the film of each.
    uploads: Vec<(Upload, usize)>,
}

impl<'a> Disturber<'a> {
    pub fn new(cluster: &'a mut Cluster, films: &'a Films, seed: u64, tally: &'a mut Tally) -> Self {
        Self { cluster, films, tally, random: SplitMix::new(seed), seed, uploads: Vec::new() }
    }

    /// Strikes what this round is to strike; the assets that were uploaded meanwhile, with the film of each.
    pub async fn round(mut self, round: u64) -> Vec<(String, usize)> {
        for (step, how) in strikes(round) {
            let struck = match step.kind() {
                Some(kind) => self.strike_job(kind, how).await,
                None => self.strike_upload(how).await,
            };
            println!("{step:?} at {struck:?} was {how:?}");
            self.tally.count(step, how);
        }
        let mut made = Vec::new();
        for (upload, film) in self.uploads {
            made.push((upload.end().await, film));
        }
        made
    }

    /// Sends the next film through one of the origins, and waits until its upload is open; its title.
    async fn send(&mut self, origin: usize) -> String {
        let number = self.uploads.len();
        let title = format!("{}-{number}", self.seed);
        let film = number % self.films.count();
        let upload = self.cluster.upload(origin, &self.films.copy(film, &title));
        self.uploads.push((upload, film));
        let deadline = Instant::now() + PATIENCE;
        while !self.cluster.is_known(&title).await {
            assert!(Instant::now() < deadline, "the upload of {title} was not begun");
            sleep(Duration::from_millis(4)).await;
        }
        title
    }

    /// Sees to it that there is something to strike.
    async fn keep_busy(&mut self) {
        let sending = self.uploads.iter_mut().filter_map(|(upload, _)| (!upload.is_over()).then_some(()));
        if sending.count().max(self.cluster.in_work().await) < IN_WORK {
            let origin = self.uploads.len() % 2;
            self.send(origin).await;
        }
    }

    async fn strike_job(&mut self, kind: &str, how: How) -> Process {
        let deadline = Instant::now() + PATIENCE;
        for _ in 0..MISSES_MAX {
            let job = self.next_at_work(kind, deadline).await;
            if self.disturb(&job, how).await {
                return job.by;
            }
        }
        panic!("{kind} always ended before it was {how:?}");
    }

    async fn next_at_work(&mut self, kind: &str, deadline: Instant) -> AtWork {
        loop {
            assert!(Instant::now() < deadline, "{kind} was not at work");
            self.keep_busy().await;
            for _ in 0..50 {
                if let Some(job) = self.cluster.at_work(kind).await {
                    return job;
                }
                sleep(Duration::from_millis(4)).await;
            }
        }
    }

    async fn strike_upload(&mut self, how: How) -> Process {
        for _ in 0..MISSES_MAX {
            let index = usize::try_from(self.random.below(2)).expect("below two");
            let origin = Process::Origin(index);
            let title = self.send(index).await;
            sleep(Duration::from_millis(self.random.below(300))).await;
            self.halt(origin, how).await;
            let hit = self.cluster.is_arriving(&title).await;
            self.wait_out(None, how, hit).await;
            self.go_on(origin, how).await;
            if hit {
                return origin;
            }
        }
        panic!("the file always was there before its origin was {how:?}");
    }

    /// Whether the process was at the job when it was struck, and so did not end it.
    async fn disturb(&mut self, job: &AtWork, how: How) -> bool {
        self.halt(job.by, how).await;
        let hit = self.cluster.is_held(job).await;
        self.wait_out(Some(job), how, hit).await;
        self.go_on(job.by, how).await;
        hit
    }

    async fn halt(&mut self, process: Process, how: How) {
        match how {
            How::Killed => self.cluster.process(process).kill().await,
            How::Stopped => self.cluster.process(process).signal(Signal::STOP),
        }
        sleep(FELT).await;
    }

    /// A stop lasts until the lease is over and, if somebody is free for it, the job is somebody else's. A killed
    /// process comes back at once, or so late that others have its jobs.
    async fn wait_out(&mut self, job: Option<&AtWork>, how: How, hit: bool) {
        if !hit || how == How::Killed && self.random.below(2) == 0 {
            return;
        }
        sleep(LEASE + Duration::from_millis(500)).await;
        let patience = Instant::now() + LEASE * 2;
        while let Some(job) = job {
            if Instant::now() > patience || !self.cluster.is_held(job).await {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn go_on(&mut self, process: Process, how: How) {
        match how {
            How::Killed => self.cluster.process(process).restart().await,
            How::Stopped => self.cluster.process(process).signal(Signal::CONT),
        }
    }
}
