//! The small films that mutants are made of, one of each container.

use std::{path::Path, process::Command};

use bytes::Bytes;
use tests::fixtures;

use super::sites::Container;

/// Film, container, and what ffmpeg makes it with.
const KINDS: [(&str, Container, &str); 11] = [
    ("small.mp4", Container::Boxes, "-c:v libx264 -c:a aac -movflags +faststart"),
    (
        "fragments.mp4",
        Container::Boxes,
        "-c:v libx264 -g 6 -c:a aac -movflags +frag_keyframe+empty_moov+default_base_moof",
    ),
    ("small.mov", Container::Boxes, "-c:v libx264 -c:a pcm_s16le"),
    ("small.mkv", Container::Ebml, "-c:v libx264 -c:a aac"),
    ("small.webm", Container::Ebml, "-c:v libvpx -b:v 60k -c:a libopus"),
    ("small.ts", Container::Packets, "-c:v libx264 -c:a aac"),
    ("small.avi", Container::Riff, "-c:v mpeg4 -c:a libmp3lame"),
    ("small.ogg", Container::Ogg, "-c:v libtheora -c:a libvorbis"),
    ("small.flac", Container::Flac, "-vn -c:a flac"),
    ("small.mp3", Container::Mp3, "-vn -c:a libmp3lame"),
    ("small.wav", Container::Riff, "-vn -c:a pcm_s16le"),
];

pub struct Film {
    pub name: &'static str,
    pub container: Container,
    pub bytes: Bytes,
}

pub struct Films(pub Vec<Film>);

impl Films {
    pub fn make() -> Self {
        let folder = fixtures().join("mutants");
        std::fs::create_dir_all(&folder).expect("a folder");
        let film = |(name, container, how): (&'static str, Container, &str)| {
            let file = folder.join(name);
            if !file.exists() {
                make(&file, how);
            }
            Film { name, container, bytes: std::fs::read(file).expect("the film").into() }
        };
        Self(KINDS.map(film).into())
    }
}

fn make(file: &Path, how: &str) {
    let scratch = tempfile::tempdir_in(fixtures()).expect("a temporary folder");
    let made = scratch.path().join(file.file_name().expect("a name"));
    let picture = "-y -v error -f lavfi -i testsrc2=s=128x72:r=12:d=1 -f lavfi -i sine=d=1";
    // What a film is made of must not depend on the cores of the machine.
    let arguments = picture.split(' ').chain(how.split(' ')).chain(["-threads", "1", "-bitexact"]);
    let status = Command::new("ffmpeg").args(arguments).arg(&made).status().expect("ffmpeg runs");
    assert!(status.success(), "{}", file.display());
    std::fs::rename(made, file).expect("the film is kept");
}
