//! The films of the scenario, and what must come of them.

use std::path::PathBuf;

use tempfile::TempDir;
use testkit::barcode;
use tests::{Client, Outcome, clip, digest, hls};

use super::cluster::Cluster;

/// Length in seconds, size, frames a second, frames.
const FILMS: [(u32, &str, &str, u32); 3] =
    [(3, "320x180", "25", 75), (4, "384x216", "30000/1001", 119), (8, "320x180", "24", 192)];
/// Bytes behind a film's own, so that its upload takes long enough to be struck.
const PADDING_BYTES: u32 = 12 << 20;

pub struct Films {
    folder: TempDir,
    files: Vec<PathBuf>,
}

impl Films {
    pub fn make() -> Self {
        let folder = TempDir::with_prefix("nexus-films-").expect("a temporary folder");
        let made = |(index, (seconds, size, rate, _)): (usize, &(u32, &str, &str, u32))| {
            let file = folder.path().join(format!("film-{index}.mp4"));
            let mut bytes = std::fs::read(clip(*seconds, size, rate, &[])).expect("the film");
            // A box that every reader skips (ISO/IEC 14496-12, 8.1.2).
            bytes.extend_from_slice(&PADDING_BYTES.to_be_bytes());
            bytes.extend_from_slice(b"free");
            bytes.resize(bytes.len() + PADDING_BYTES as usize - 8, 0);
            std::fs::write(&file, bytes).expect("written");
            file
        };
        let files = FILMS.iter().enumerate().map(made).collect();
        Self { folder, files }
    }

    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// A copy under a name of its own: the uploader knows a file by its path.
    pub fn copy(&self, film: usize, name: &str) -> PathBuf {
        let copy = self.folder.path().join(format!("{name}.mp4"));
        std::fs::copy(&self.files[film], &copy).expect("copied");
        copy
    }

    /// What comes of each film when nothing is disturbed: the right frames, and the file's own digest.
    pub async fn undisturbed(&self, cluster: &mut Cluster) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let uploads: Vec<_> = (0..self.count())
            .map(|film| cluster.upload(film % 2, &self.copy(film, &format!("first-{film}"))))
            .collect();
        for (film, upload) in uploads.into_iter().enumerate() {
            let asset = upload.end().await;
            let outcome = outcome(cluster, &asset).await;
            assert_eq!(outcome.source(), digest(&std::fs::read(&self.files[film]).expect("the film")));
            check_frames(&cluster.viewer(), &asset, FILMS[film].3).await;
            outcomes.push(outcome);
        }
        cluster.ends_quietly(self.count()).await;
        outcomes
    }
}

/// Waits until an asset is ready, and fetches all of it through the edge.
///
/// # Panics
/// When it fails.
pub async fn outcome(cluster: &Cluster, asset: &str) -> Outcome {
    Outcome::of(&cluster.client(0), &cluster.viewer(), asset).await
}

/// Every frame of the largest rung once, in order. What is equal to this to the byte has them too.
async fn check_frames(viewer: &Client, asset: &str, frames: u32) {
    let multivariant = viewer.get(&format!("/media/{asset}/hls.m3u8")).await.text();
    let rungs = hls::named("hls.m3u8", &multivariant);
    let rung = rungs.iter().find(|name| name.contains("/video-")).expect("a rung");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("video.mp4");
    hls::download(viewer, &format!("/media/{asset}/{rung}"), &file).await;
    let numbers = barcode::frame_numbers(&file).expect("every frame can be read");
    assert_eq!(numbers, (0..frames).collect::<Vec<_>>());
}
