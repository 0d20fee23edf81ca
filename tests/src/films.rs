//! Films for the scenarios, made by the product itself and kept for the run.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::binary;

/// Where films are kept between tests: beside the binary, so that another build makes its own.
///
/// # Panics
/// When the folder cannot be made.
#[must_use]
pub fn fixtures() -> PathBuf {
    let folder =
        binary().parent().map(|folder| folder.join("fixtures")).expect("the binary lies in a folder");
    std::fs::create_dir_all(&folder).expect("the folder of films");
    folder
}

fn run(program: &Path, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {arguments:?} failed: {said}", program.display());
}

/// A film with barcodes, flash and beep: `seconds` long, of `size` such as `640x360` and `rate` such as `25`.
/// Made once a run; other flags of `nexus film` may follow.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn clip(seconds: u32, size: &str, rate: &str, flags: &[&str]) -> PathBuf {
    let name = format!("{seconds}s-{size}-{}{}.mp4", rate.replace('/', "_"), flags.concat());
    let film = fixtures().join(name);
    if !film.exists() {
        let scratch = tempfile::tempdir_in(fixtures()).expect("a temporary folder");
        let (made, data) = (scratch.path().join("film.mp4"), scratch.path().join("data"));
        let (made_text, data_text) = (made.to_string_lossy(), data.to_string_lossy());
        let seconds = seconds.to_string();
        let arguments =
            ["film", &made_text, "--seconds", &seconds, "--size", size, "--rate", rate, "--data", &data_text];
        run(&binary(), &[&arguments, flags].concat());
        // Another test may have been faster: its film stays, for nobody may find other bytes there later.
        if let Err(error) = std::fs::hard_link(made, &film) {
            assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists, "the film is kept");
        }
    }
    film
}
