//! HLS as a simple client reads it.

use std::path::Path;

use crate::Client;

/// A playlist's lines that are addresses, joined to the playlist's own.
#[must_use]
pub fn addresses(playlist_url: &str, text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| join(playlist_url, line)).collect()
}

/// A relative address joined to that of the playlist it stands in.
#[must_use]
pub fn join(playlist_url: &str, uri: &str) -> String {
    playlist_url.rsplit_once('/').map_or_else(|| uri.to_owned(), |(folder, _)| format!("{folder}/{uri}"))
}

/// A quoted attribute of a tag.
#[must_use]
pub fn attribute(line: &str, name: &str) -> Option<String> {
    let rest = line.split_once(&format!("{name}=\""))?.1;
    rest.split_once('"').map(|(value, _)| value.to_owned())
}

/// Init and segments of a media playlist in one file.
///
/// # Panics
/// When the playlist has no header, or the file cannot be written.
pub async fn download(client: &Client, playlist_url: &str, to: &Path) {
    let playlist = client.get(playlist_url).await.text();
    let map = playlist.lines().find(|line| line.starts_with("#EXT-X-MAP")).expect("a header");
    let header = join(playlist_url, &attribute(map, "URI").expect("a URI"));
    let mut bytes = client.get(&header).await.body.to_vec();
    for url in addresses(playlist_url, &playlist) {
        bytes.extend_from_slice(&client.get(&url).await.body);
    }
    std::fs::write(to, bytes).expect("written");
}

/// Everything a playlist names, by its path below the asset.
#[must_use]
pub fn named(list: &str, text: &str) -> Vec<String> {
    let name =
        |line: &str| if line.starts_with('#') { attribute(line, "URI") } else { Some(line.to_owned()) };
    let names = text.lines().filter(|line| !line.is_empty()).filter_map(name);
    names.map(|name| join(list, &name)).collect()
}
