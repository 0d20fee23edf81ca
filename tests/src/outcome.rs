//! What came of a film, to compare one run with another.

use std::collections::BTreeMap;

use crate::{Client, digest, hls};

/// What must not depend on what happened: SHA-256 of the source and of everything a viewer can fetch.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    source: String,
    media: BTreeMap<String, String>,
}

impl Outcome {
    /// What came of an asset, which is waited for: as an owner is told, and as a viewer gets it.
    ///
    /// # Panics
    /// When it fails.
    pub async fn of(owner: &Client, viewer: &Client, asset: &str) -> Self {
        let shown = owner.settled(asset).await;
        assert_eq!(shown["state"], "ready", "{shown}");
        let source = shown["source"]["sha256"].as_str().expect("a digest").to_owned();
        let (mut media, mut lists) = (BTreeMap::new(), vec!["hls.m3u8".to_owned()]);
        while let Some(list) = lists.pop() {
            let text = viewer.get(&format!("/media/{asset}/{list}")).await.text();
            for name in hls::named(&list, &text) {
                if name.ends_with(".m3u8") {
                    lists.push(name);
                } else {
                    media.insert(name.clone(), fetched(viewer, asset, &name).await);
                }
            }
        }
        for image in ["v1/images/poster.jpg", "v1/images/thumbs.vtt", "v1/images/sprite-000.jpg"] {
            media.insert(image.to_owned(), fetched(viewer, asset, image).await);
        }
        Self { source, media }
    }

    /// SHA-256 of the source.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// SHA-256 of all that a viewer can fetch but the lists, by its path below the asset.
    #[must_use]
    pub fn media(&self) -> &BTreeMap<String, String> {
        &self.media
    }
}

async fn fetched(viewer: &Client, asset: &str, name: &str) -> String {
    let answer = viewer.get(&format!("/media/{asset}/{name}")).await;
    assert_eq!(answer.status, 200, "{asset}/{name}");
    digest(&answer.body)
}
