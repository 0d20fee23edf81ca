//! Clips made by Debian's ffmpeg, kept between runs.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;

/// Six seconds of moving picture at 30000/1001 and a tone.
const INPUT: &str = "-f lavfi -i testsrc2=s=320x180:r=30000/1001:d=6 -f lavfi -i sine=f=440:d=6";
/// Pictures in such a clip.
pub const FRAMES: u64 = 180;

/// The clip that `arguments` make of the usual input; its extension chooses the container.
pub fn clip(name: &str, arguments: &str) -> Bytes {
    made(name, &format!("{INPUT} {arguments}"))
}

/// The file that ffmpeg makes of `arguments`.
pub fn made(name: &str, arguments: &str) -> Bytes {
    std::fs::read(path_of(name, arguments)).expect("clip").into()
}

/// Where that file is; made when it is not there yet.
pub fn path_of(name: &str, arguments: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clips");
    std::fs::create_dir_all(&folder).expect("folder");
    let mut hash = DefaultHasher::new();
    arguments.hash(&mut hash);
    let path = folder.join(format!("{:016x}-{name}", hash.finish()));
    if !path.exists() {
        // Tests run side by side; only whole files get the final name.
        let draft = folder.join(format!("{}-{name}", std::process::id()));
        ffmpeg(arguments, &draft);
        std::fs::rename(&draft, &path).expect("rename");
    }
    path
}

fn ffmpeg(arguments: &str, to: &Path) {
    let status = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
        .args(arguments.split_whitespace())
        .arg(to)
        .status()
        .expect("ffmpeg is installed");
    assert!(status.success(), "ffmpeg {arguments}");
}
