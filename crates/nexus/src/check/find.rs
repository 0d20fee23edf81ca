//! From what was named on the command line to the entries of a presentation.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use url::Url;

/// Where a check begins.
pub(super) struct Target {
    /// Absolute URIs of multivariant playlists and MPDs, or of media playlists where there are none.
    pub entries: Vec<String>,
    /// The folder that local files may be read from.
    pub root: Option<PathBuf>,
}

/// Enough of a playlist to tell its kind.
const KIND_BYTES: usize = 256 * 1024;

/// Finds the entries that `text` means.
pub(super) async fn target(text: &str) -> Result<Target> {
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(Target { entries: vec![text.to_owned()], root: None });
    }
    let path = match Url::parse(text) {
        Ok(url) if url.scheme() == "file" => {
            url.to_file_path().map_err(|()| anyhow::anyhow!("{text} names no local file"))?
        }
        Ok(url) if text.contains("://") => bail!("{}: only http, https and files can be read", url.scheme()),
        _ => PathBuf::from(text),
    };
    let path = tokio::fs::canonicalize(&path).await.with_context(|| path.display().to_string())?;
    if tokio::fs::metadata(&path).await?.is_dir() {
        return folder(path).await;
    }
    let root = path.parent().map(Path::to_owned);
    Ok(Target { entries: vec![uri(&path)?], root })
}

/// The entries of a folder: multivariant playlists and MPDs, or else all media playlists.
async fn folder(root: PathBuf) -> Result<Target> {
    let (mut entries, mut lists) = (Vec::new(), Vec::new());
    let mut files = tokio::fs::read_dir(&root).await.with_context(|| root.display().to_string())?;
    while let Some(file) = files.next_entry().await? {
        let path = file.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("mpd") => entries.push(uri(&path)?),
            Some("m3u8" | "m3u") if is_multivariant(&path).await? => entries.push(uri(&path)?),
            Some("m3u8" | "m3u") => lists.push(uri(&path)?),
            _ => {}
        }
    }
    if entries.is_empty() {
        entries = lists;
    }
    if entries.is_empty() {
        bail!("{} holds no playlist and no MPD", root.display());
    }
    entries.sort();
    Ok(Target { entries, root: Some(root) })
}

async fn is_multivariant(path: &Path) -> Result<bool> {
    use tokio::io::AsyncReadExt;
    let file = tokio::fs::File::open(path).await.with_context(|| path.display().to_string())?;
    let mut text = Vec::new();
    file.take(KIND_BYTES as u64).read_to_end(&mut text).await?;
    Ok(text.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"#EXT-X-STREAM-INF")))
}

fn uri(path: &Path) -> Result<String> {
    let url =
        Url::from_file_path(path).map_err(|()| anyhow::anyhow!("{} is not absolute", path.display()))?;
    Ok(url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn names(files: &[(&str, &str)]) -> Result<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let target = target(folder.path().to_str().unwrap()).await?;
        Ok(target.entries.iter().map(|uri| uri.rsplit('/').next().unwrap().to_owned()).collect())
    }

    #[tokio::test]
    async fn a_folder_begins_at_its_multivariant_playlists_and_mpds() {
        let multivariant = ("b.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nx\n");
        let list = ("c.m3u8", "#EXTM3U\n#EXTINF:1,\nx\n");
        assert_eq!(names(&[list, multivariant, ("a.mpd", "")]).await.unwrap(), ["a.mpd", "b.m3u8"]);
        assert_eq!(names(&[list]).await.unwrap(), ["c.m3u8"]);
        assert!(names(&[("film.mp4", "")]).await.unwrap_err().to_string().contains("no playlist"));
    }

    #[tokio::test]
    async fn other_schemes_are_refused() {
        assert!(target("ftp://host/a.m3u8").await.is_err());
        assert_eq!(target("http://host/a.m3u8").await.unwrap().entries, ["http://host/a.m3u8"]);
    }
}
