//! The board: what is known of running chunks, in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base::{AssetId, Timestamp};
use media::{Plan, TrackName};

use super::{Progress, TrackProgress};

/// How many assets stand on the board; one more takes the place of the one longest unheard of.
const ASSETS_MAX: usize = 256;
/// The least time between two events about an asset.
const TELL_INTERVAL: Duration = Duration::from_millis(500);

/// `done` of `total` in per cent, 0 to 100; all of nothing is done.
pub(super) fn percent(done: u64, total: u64) -> u8 {
    let percent = (u128::from(done) * 100).checked_div(u128::from(total)).unwrap_or(100);
    u8::try_from(percent.min(100)).unwrap_or(100)
}

#[derive(Clone, Debug)]
struct Chunk {
    /// Its share of the track, in slots of the output grid.
    slots: u64,
    percent: u8,
}

/// The chunks of each track of a version.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tracks(Vec<(TrackName, Vec<Chunk>)>);

impl Tracks {
    /// The tracks of a plan, with nothing made.
    pub(super) fn of(plan: &Plan) -> Self {
        let video = plan.chunks().iter().map(|chunk| Chunk { slots: chunk.count, percent: 0 });
        let video: Vec<_> = video.collect();
        let audio = vec![Chunk { slots: 1, percent: 0 }];
        let chunks = |name: TrackName| if name.is_video() { video.clone() } else { audio.clone() };
        Self(plan.track_names().map(|name| (name, chunks(name))).collect())
    }

    /// Notes how far a chunk is; chunks that are not planned are passed over.
    pub(super) fn set(&mut self, track: TrackName, chunk: u32, percent: u8) {
        let chunks = self.0.iter_mut().find(|(name, _)| *name == track).map(|(_, chunks)| chunks);
        if let Some(chunk) = chunks.and_then(|chunks| chunks.get_mut(chunk as usize)) {
            chunk.percent = percent;
        }
    }

    pub(super) fn progress(&self, asset: &AssetId) -> Progress {
        let track = |(name, chunks): &(TrackName, Vec<Chunk>)| TrackProgress {
            name: *name,
            percent: track_percent(chunks),
        };
        let tracks: Vec<_> = self.0.iter().map(track).collect();
        let sum = tracks.iter().map(|track| u64::from(track.percent)).sum();
        let percent = if tracks.is_empty() { 0 } else { percent(sum, 100 * tracks.len() as u64) };
        Progress { asset: asset.clone(), percent, tracks }
    }
}

fn track_percent(chunks: &[Chunk]) -> u8 {
    let all: u64 = chunks.iter().map(|chunk| chunk.slots).sum();
    let made: u128 = chunks.iter().map(|chunk| u128::from(chunk.slots) * u128::from(chunk.percent)).sum();
    percent(u64::try_from(made / 100).unwrap_or(all), all)
}

#[derive(Debug)]
struct Entry {
    version: u32,
    tracks: Tracks,
    /// When something was last reported.
    heard: Timestamp,
    /// When subscribers were last told.
    told: Option<Timestamp>,
}

/// The board. Clones are the same board.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProgressBoard(Arc<Mutex<HashMap<AssetId, Entry>>>);

impl ProgressBoard {
    fn entries(&self) -> MutexGuard<'_, HashMap<AssetId, Entry>> {
        // Every change is a single assignment, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a version on the board, in place of another of the same asset.
    pub(crate) fn place(&self, asset: &AssetId, version: u32, tracks: Tracks, now: Timestamp) {
        let mut entries = self.entries();
        if entries.len() >= ASSETS_MAX && !entries.contains_key(asset) {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.heard).map(|(id, _)| id.clone());
            oldest.iter().for_each(|id| drop(entries.remove(id)));
            metrics::counter!("nexus_progress_evicted_total").increment(1);
        }
        entries.insert(asset.clone(), Entry { version, tracks, heard: now, told: None });
    }

    pub(crate) fn read(&self, asset: &AssetId, version: u32) -> Option<Tracks> {
        let entries = self.entries();
        entries.get(asset).filter(|entry| entry.version == version).map(|entry| entry.tracks.clone())
    }

    /// Notes how far a chunk is; all tracks when it is time to tell, and whenever a chunk is complete.
    pub(crate) fn report(
        &self,
        asset: &AssetId,
        version: u32,
        (track, chunk): (TrackName, u32),
        percent: u8,
        now: Timestamp,
    ) -> Option<Tracks> {
        let mut entries = self.entries();
        let entry = entries.get_mut(asset).filter(|entry| entry.version == version)?;
        entry.tracks.set(track, chunk, percent);
        entry.heard = now;
        let due = entry.told.is_none_or(|told| now.since(told) >= TELL_INTERVAL);
        if !due && percent < 100 {
            return None;
        }
        entry.told = Some(now);
        Some(entry.tracks.clone())
    }

    pub(crate) fn forget(&self, asset: &AssetId) {
        self.entries().remove(asset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> AssetId {
        AssetId::from((Timestamp(0), [n; 10]))
    }

    fn tracks(chunks: &[u64]) -> Tracks {
        let chunks = chunks.iter().map(|slots| Chunk { slots: *slots, percent: 0 }).collect();
        Tracks(vec![
            (TrackName::Video(720), chunks),
            (TrackName::Audio(0), vec![Chunk { slots: 1, percent: 0 }]),
        ])
    }

    fn percents(tracks: &Tracks) -> (u8, Vec<u8>) {
        let progress = tracks.progress(&id(0));
        (progress.percent, progress.tracks.iter().map(|track| track.percent).collect())
    }

    #[test]
    fn chunks_count_by_their_length() {
        let mut tracks = tracks(&[300, 100]);
        tracks.set(TrackName::Video(720), 0, 100);
        assert_eq!(percents(&tracks), (37, vec![75, 0]));
        tracks.set(TrackName::Video(720), 1, 50);
        tracks.set(TrackName::Audio(0), 0, 100);
        assert_eq!(percents(&tracks), (93, vec![87, 100]));
    }

    #[test]
    fn chunks_nobody_planned_change_nothing() {
        let mut tracks = tracks(&[1]);
        tracks.set(TrackName::Video(720), 1, 100);
        tracks.set(TrackName::Video(360), 0, 100);
        assert_eq!(percents(&tracks), (0, vec![0, 0]));
        assert_eq!(percents(&Tracks::default()), (0, vec![]));
    }

    #[test]
    fn percents_stay_in_range() {
        assert_eq!([percent(0, 0), percent(1, 3), percent(3, 3), percent(9, 3)], [100, 33, 100, 100]);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
    }

    #[test]
    fn subscribers_are_told_twice_a_second_and_of_every_end() {
        let board = ProgressBoard::default();
        board.place(&id(1), 1, tracks(&[1]), Timestamp(0));
        let told = |percent, ms: i64| {
            let now = Timestamp(ms * 1_000);
            board.report(&id(1), 1, (TrackName::Video(720), 0), percent, now).is_some()
        };
        assert_eq!([told(1, 0), told(2, 400), told(3, 500), told(4, 999)], [true, false, true, false]);
        assert!(told(100, 999));
        assert!(board.report(&id(1), 2, (TrackName::Video(720), 0), 1, Timestamp(9)).is_none());
    }

    #[test]
    fn a_full_board_loses_who_was_longest_silent() {
        let board = ProgressBoard::default();
        for n in 0..=255 {
            board.place(&id(n), 1, tracks(&[1]), Timestamp(i64::from(n)));
        }
        board.report(&id(0), 1, (TrackName::Audio(0), 0), 1, Timestamp(999));
        let newest = AssetId::from((Timestamp(0), [9, 9, 9, 9, 9, 9, 9, 9, 9, 8]));
        board.place(&newest, 1, tracks(&[1]), Timestamp(1_000));
        assert_eq!(board.entries().len(), ASSETS_MAX);
        assert!(board.read(&id(1), 1).is_none() && board.read(&id(0), 1).is_some());
    }
}
