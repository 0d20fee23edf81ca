//! A disk that fills: uploads are refused and jobs wait, and both go on when there is room again.

use std::{path::Path, time::Duration};

use http::Method;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;
use tests::{Answer, Client, Server, ServerOptions, clip, eventually};

const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const DISK_BYTES: u64 = 96 << 20;
const FLOOR_BYTES: u64 = 32 << 20;

/// A file system of its own, of [`DISK_BYTES`].
struct Disk(TempDir);

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = std::ffi::CString::new(format!("size={DISK_BYTES}")).expect("no NUL");
        mount("tmpfs", folder.path(), "tmpfs", MountFlags::empty(), options.as_c_str())
            .expect("a disk of its own, which root may mount");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Leaves less than the floor free.
    fn fill(&self) {
        let ballast = vec![1; usize::try_from(DISK_BYTES - FLOOR_BYTES).expect("small")];
        std::fs::write(self.path().join("ballast"), ballast).expect("it fits");
    }

    fn relieve(&self) {
        std::fs::remove_file(self.path().join("ballast")).expect("it was there");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The server that used it may still be ending.
        let _ = unmount(self.path(), UnmountFlags::DETACH);
    }
}

async fn create(client: &Client, length: &str) -> Answer {
    client.send(Method::POST, "/files", &[TUS, ("upload-length", length)], "").await
}

async fn patch(client: &Client, url: &str, body: Vec<u8>) -> Answer {
    let headers = [TUS, ("content-type", "application/offset+octet-stream"), ("upload-offset", "0")];
    client.send(Method::PATCH, url, &headers, body).await
}

async fn becomes(client: &Client, name: &str, state: &str) {
    let reported = async || (component(client, name).await == state).then_some(());
    eventually(&format!("{name} to be {state}"), reported).await;
}

async fn component(client: &Client, name: &str) -> String {
    let report = client.get("/health").await.json();
    let parts = report["components"].as_array().cloned().unwrap_or_default();
    let part = parts.into_iter().find(|part| part["name"] == name).unwrap_or_default();
    part["state"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_waits_and_goes_on() {
    let disk = Disk::new();
    let folder = format!("store.folder={}", disk.path().join("store").display());
    let floor = format!("upload.free_floor_bytes={FLOOR_BYTES}");
    // Objects go to the disk, whatever the other tests of the run use.
    let server = Server::with(ServerOptions::all(&["store.url=", &folder, &floor])).await;
    let client = server.client();
    let film = std::fs::read(clip(14, "640x360", "25", &[])).expect("the film");
    let (whole, open) = (create(&client, &film.len().to_string()).await, create(&client, "5").await);
    assert_eq!(whole.status.as_u16(), 201);
    becomes(&client, "store", "ok").await;

    assert_eq!(patch(&client, whole.header("location"), film).await.status, 204);
    disk.fill();
    let refused = create(&client, "5").await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (507, "insufficient-storage"));
    assert!(refused.json()["detail"].as_str().is_some_and(|words| words.contains("no room")));
    let refused = patch(&client, open.header("location"), b"hello".to_vec()).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (507, "insufficient-storage"));
    becomes(&client, "jobs", "degraded").await;
    becomes(&client, "store", "degraded").await;
    let metrics = client.get("/metrics").await.text();
    assert!(metrics.contains("nexus_jobs_paused_full_total"), "{metrics}");
    assert!(metrics.contains("nexus_uploads_refused_full_total"), "{metrics}");
    // What ran goes on to its end; then nothing is begun.
    eventually("what ran to end", async || server.children().is_empty().then_some(())).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(server.children().is_empty(), "nothing is begun");
    assert_ne!(client.asset(whole.header("nexus-asset")).await["state"], "ready");

    disk.relieve();
    assert_eq!(patch(&client, open.header("location"), b"hello".to_vec()).await.status, 204);
    assert_eq!(client.settled(whole.header("nexus-asset")).await["state"], "ready");
    becomes(&client, "store", "ok").await;
    becomes(&client, "jobs", "ok").await;
}
