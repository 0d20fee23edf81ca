//! An independent reader agrees with ours on what a playlist says.

use m3u8_rs::{MasterPlaylist, MediaPlaylist, Playlist};

use crate::support::{BASE, Site, Spec};

fn read(site: &Site, path: &str) -> Playlist {
    m3u8_rs::parse_playlist(&site.files[path].bytes).unwrap().1
}

fn media(site: &Site, path: &str) -> MediaPlaylist {
    let Playlist::MediaPlaylist(list) = read(site, path) else { panic!("{path} is no media playlist") };
    list
}

fn multivariant(site: &Site) -> MasterPlaylist {
    let Playlist::MasterPlaylist(list) = read(site, "hls.m3u8") else { panic!("no multivariant playlist") };
    list
}

#[test]
fn m3u8_rs_finds_the_resources_that_the_walk_asked_for() {
    let site = Site::of(&Spec::default());
    let list = multivariant(&site);
    let variants = list.variants.iter().map(|variant| variant.uri.clone());
    let renditions = list.alternatives.iter().filter_map(|rendition| rendition.uri.clone());
    let mut wanted: Vec<String> = variants.chain(renditions).collect();
    let media: Vec<String> = wanted
        .iter()
        .flat_map(|path| {
            let (folder, _) = path.split_once('/').unwrap();
            let map = media(&site, path).segments[0].map.as_ref().unwrap().uri.clone();
            let segments = media(&site, path).segments.into_iter().map(|segment| segment.uri);
            segments.chain([map]).map(move |name| format!("{folder}/{name}")).collect::<Vec<_>>()
        })
        .collect();
    wanted.extend(media);
    wanted.push("hls.m3u8".to_owned());
    wanted.sort();
    wanted.dedup();

    let mut check = conformance::Check::new(&format!("{BASE}hls.m3u8")).unwrap();
    let mut asked = Vec::new();
    while let Some(fetch) = check.next_fetch() {
        let path = fetch.uri().strip_prefix(BASE).unwrap().to_owned();
        check.feed(&fetch, &site.files[&path].bytes, None);
        asked.push(path);
    }
    asked.sort();
    assert_eq!(asked, wanted);
}
