//! The files of a presentation, as a server would have them.

use std::collections::BTreeMap;

use conformance::{Check, Delivery, Failure, Options, Report};

use super::{
    boxes, mpd,
    playlists::{self, Made},
    spec::{Spec, Track},
};

/// Where the presentation lives.
pub const BASE: &str = "https://origin.test/film/";

#[derive(Clone)]
pub struct Site {
    pub files: BTreeMap<String, File>,
}

#[derive(Clone)]
pub struct File {
    pub bytes: Vec<u8>,
    pub delivery: Delivery,
}

impl Site {
    pub fn of(spec: &Spec) -> Self {
        let mut site = Self { files: BTreeMap::new() };
        let video: Vec<Made<'_>> = spec.video.iter().map(made).collect();
        let audio: Vec<Made<'_>> = spec.audio.iter().map(made).collect();
        for made in video.iter().chain(&audio) {
            let name = &made.track.name;
            let kind =
                if video.iter().any(|video| video.track.name == *name) { "video/mp4" } else { "audio/mp4" };
            site.put(&format!("{name}/init.mp4"), boxes::header(made.track), kind);
            site.put_text(&format!("{name}/index.m3u8"), made.media(spec));
            for (index, segment) in made.segments.iter().enumerate() {
                site.put(&format!("{name}/{index}.m4s"), segment.bytes.clone(), kind);
            }
        }
        for made in &video {
            site.put_text(&format!("{}/iframes.m3u8", made.track.name), made.i_frames(spec));
        }
        site.put_text("hls.m3u8", playlists::multivariant(&video, &audio));
        site.put("dash.mpd", mpd::mpd(&video, &audio).into_bytes(), "application/dash+xml");
        site
    }

    pub fn put(&mut self, path: &str, bytes: Vec<u8>, content_type: &str) {
        let delivery = Delivery { content_type: Some(content_type.to_owned()), ..Delivery::default() };
        self.files.insert(path.to_owned(), File { bytes, delivery });
    }

    pub fn put_text(&mut self, path: &str, text: String) {
        self.put(path, text.into_bytes(), "application/vnd.apple.mpegurl");
        self.file(path).delivery.content_encoding = Some("gzip".to_owned());
    }

    pub fn file(&mut self, path: &str) -> &mut File {
        self.files.get_mut(path).unwrap_or_else(|| panic!("no file {path}"))
    }

    pub fn text(&self, path: &str) -> &str {
        std::str::from_utf8(&self.files[path].bytes).unwrap()
    }

    /// Replaces the first `from` in a text file; there must be one.
    pub fn replace(&mut self, path: &str, from: &str, to: &str) {
        let text = self.text(path);
        assert!(text.contains(from), "{path} has no `{from}`:\n{text}");
        self.file(path).bytes = text.replacen(from, to, 1).into_bytes();
    }

    /// Changes the first line of a text file that holds `holding`.
    pub fn edit_line(&mut self, path: &str, holding: &str, edit: impl Fn(&str) -> String) {
        let line = self.text(path).lines().find(|line| line.contains(holding));
        let line = line.unwrap_or_else(|| panic!("{path} has no `{holding}`")).to_owned();
        self.replace(path, &line, &edit(&line));
    }

    /// Checks the presentation from `entry`, as it is.
    pub fn check(&self, entry: &str, options: Options) -> Report {
        self.run(Check::new(&format!("{BASE}{entry}")).unwrap().with(options))
    }

    /// Answers a check from the files.
    pub fn run(&self, mut check: Check) -> Report {
        while let Some(fetch) = check.next_fetch() {
            let file = fetch.uri().strip_prefix(BASE).and_then(|path| self.files.get(path));
            match file {
                None => check.fail(&fetch, Failure::Unreadable("404 Not Found".to_owned())),
                Some(File { bytes, delivery }) => {
                    let all = 0..bytes.len() as u64;
                    let range = fetch.range().unwrap_or(all);
                    let end = usize::try_from(range.end).unwrap().min(bytes.len());
                    let start = usize::try_from(range.start).unwrap().min(end);
                    check.feed(&fetch, &bytes[start..end], Some(delivery));
                }
            }
        }
        assert!(check.is_done());
        check.finish()
    }
}

fn made(track: &Track) -> Made<'_> {
    let (mut time, mut number) = (0, 1);
    let segments = track.segments.iter().map(|segment| {
        let written = boxes::segment(segment, time, &mut number);
        time += written.ticks;
        written
    });
    Made { track, segments: segments.collect() }
}
