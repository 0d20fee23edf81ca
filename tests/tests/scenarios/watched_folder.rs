//! A folder whose files are taken in: once each, however slowly they grow and however often the server dies.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::symlink,
    path::Path,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tests::{Client, Server, ServerOptions, clip, digest, eventually};

fn film() -> Vec<u8> {
    fs::read(clip(4, "320x180", "25", &["--silent"])).expect("the film")
}

/// The film with room behind it that no player looks at (ISO/IEC 14496-12 §8.1.2), so that it takes a while to take in.
fn large(bytes: usize) -> Vec<u8> {
    let mut film = film();
    let length = u64::try_from(bytes).expect("a length");
    film.extend([&[0, 0, 0, 1][..], b"free", &(length + 16).to_be_bytes()].concat());
    film.resize(film.len() + bytes, 7);
    film
}

async fn server(folder: &TempDir, more: &[&str]) -> Server {
    let watched = format!("watch.folder={}", folder.path().display());
    let settings = [&watched, "watch.settle_seconds=1", "transcode.lease_seconds=3"];
    Server::with(ServerOptions::all(&[&settings, more].concat())).await
}

async fn appears(path: &Path) {
    eventually(&format!("{} to be there", path.display()), async || path.exists().then_some(())).await;
}

async fn assets(client: &Client) -> Vec<Value> {
    client.get("/api/v1/assets").await.json()["items"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_taken_once_it_stands() {
    let (folder, film) = (tempfile::tempdir().expect("a folder"), film());
    let server = server(&folder, &[]).await;
    let client = server.client();
    let path = folder.path().join("My holiday.mp4");
    let mut growing = OpenOptions::new().create(true).append(true).open(&path).expect("opened");
    for piece in film.chunks(film.len() / 8 + 1) {
        growing.write_all(piece).expect("written");
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(path.exists() && assets(&client).await.is_empty(), "it still grows");
    }
    drop(growing);
    appears(&folder.path().join("done/My holiday.mp4")).await;
    assert!(!path.exists());
    let found = assets(&client).await;
    assert_eq!((found.len(), &found[0]["title"]), (1, &"My holiday".into()), "{found:?}");
    let asset = client.settled(found[0]["id"].as_str().expect("an id")).await;
    assert_eq!(
        (&asset["state"], &asset["source"]["sha256"]),
        (&"ready".into(), &digest(&film).into()),
        "{asset}"
    );
    assert_eq!(asset["visibility"], "unlisted");
    let metrics = client.get("/metrics").await.text();
    assert!(metrics.contains("nexus_watch_files_total{end=\"done\"} 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_lies_beside_its_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder, &["upload.size_max_bytes=100"]).await;
    let elsewhere = folder.path().with_extension("elsewhere");
    fs::write(&elsewhere, film()).expect("written");
    symlink(&elsewhere, folder.path().join("link.mp4")).expect("made");
    fs::write(folder.path().join("large.mp4"), film()).expect("written");
    fs::write(folder.path().join("empty.mp4"), b"").expect("written");
    fs::write(folder.path().join("unfinished.mp4.part"), b"x").expect("written");
    for (name, words) in [
        ("link.mp4", "symbolic link"),
        ("large.mp4", "at most 100 bytes may be uploaded"),
        ("empty.mp4", "empty"),
    ] {
        let failed = folder.path().join("failed");
        appears(&failed.join(name)).await;
        let reason = fs::read_to_string(failed.join(format!("{name}.reason.txt"))).expect("a reason");
        assert!(reason.contains(words), "{name}: {reason}");
    }
    assert!(folder.path().join("unfinished.mp4.part").exists(), "it is still being written");
    assert!(elsewhere.exists());
    fs::remove_file(elsewhere).expect("removed");
    assert!(assets(&server.client()).await.is_empty(), "nothing came of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_takes_every_file_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let film = large(160 << 20);
    let expected = digest(&film);
    let mut server = server(&folder, &[]).await;
    let rounds = 4;
    for round in 0..rounds {
        fs::write(folder.path().join(format!("film {round}.mp4")), &film).expect("written");
        eventually("it to be taken", async || {
            let taking = fs::read_dir(folder.path().join("taking")).ok()?;
            (taking.count() > 0).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(round * 60)).await;
        server.kill().await;
        server.restart().await;
    }
    for round in 0..rounds {
        appears(&folder.path().join(format!("done/film {round}.mp4"))).await;
    }
    let client = server.client();
    let found = assets(&client).await;
    let mut titles: Vec<_> = found.iter().map(|asset| asset["title"].as_str().expect("a title")).collect();
    titles.sort_unstable();
    assert_eq!(titles, ["film 0", "film 1", "film 2", "film 3"], "each once");
    for asset in &found {
        let asset = client.settled(asset["id"].as_str().expect("an id")).await;
        assert_eq!(
            (&asset["state"], &asset["source"]["sha256"]),
            (&"ready".into(), &expected.as_str().into())
        );
    }
    assert_eq!(fs::read_dir(folder.path().join("taking")).expect("the folder").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_watches_a_folder_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = server(&folder, &[]).await;
    let second = server(&folder, &[]).await;
    let becomes = async |server: &Server, active: u8| {
        let line = format!("nexus_watch_active {active}");
        let said = async || server.client().get("/metrics").await.text().contains(&line).then_some(());
        eventually(&line, said).await;
    };
    becomes(&first, 1).await;
    becomes(&second, 0).await;
    first.kill().await;
    becomes(&second, 1).await;
    fs::write(folder.path().join("a.mp4"), film()).expect("written");
    appears(&folder.path().join("done/a.mp4")).await;
    assert_eq!(assets(&second.client()).await.len(), 1);
}
