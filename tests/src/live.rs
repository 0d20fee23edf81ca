//! Live channels as a simple client meets them.

use std::{collections::BTreeMap, path::Path};

use http::Method;
use serde_json::{Value, json};

use crate::{Client, eventually, hls};

/// A channel with its stream key.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its identifier.
    pub id: String,
    /// Where encoders connect to over RTMP.
    pub rtmp: String,
    /// Its stream key.
    pub key: String,
    /// Its multivariant playlist.
    pub hls: String,
}

impl Channel {
    /// Makes a public channel; `more` are other fields of the request.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn create(client: &Client, name: &str, more: &Value) -> Self {
        let mut wanted = json!({"name": name, "visibility": "public", "rungs": [], "recording": false});
        for (field, value) in more.as_object().into_iter().flatten() {
            wanted[field] = value.clone();
        }
        let json = [("content-type", "application/json")];
        let made = client.send(Method::POST, "/api/v1/channels", &json, wanted.to_string()).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let made = made.json();
        let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
        let id = made["id"].as_str().or(made["channel"].as_str()).unwrap_or_default().to_owned();
        Self { id, rtmp: text("rtmp"), key: text("key"), hls: text("hls") }
    }

    /// The path of its address for viewers, with the token of private ones.
    #[must_use]
    pub fn path(&self) -> &str {
        let path = self.hls.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
        path.unwrap_or(&self.hls)
    }

    /// The path of its address without any token.
    #[must_use]
    pub fn bare(&self) -> String {
        format!("/live/{}/hls.m3u8", self.id)
    }

    /// What the server says about it: its state in words, and the broadcast that is open or was last.
    ///
    /// # Panics
    /// When it does not exist.
    pub async fn state(&self, client: &Client) -> (String, String) {
        let said = client.get(&format!("/api/v1/channels/{}/state", self.id)).await.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&said["state"]), text(&said["broadcast"]["id"]))
    }

    /// Waits until it is in a state, and gives its broadcast.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn until(&self, client: &Client, state: &str) -> String {
        let what = format!("channel {} to be {state}", self.id);
        eventually(&what, async || {
            let (now, broadcast) = self.state(client).await;
            (now == state).then_some(broadcast)
        })
        .await
    }

    /// The addresses of its media playlists by name, such as `source` and `audio`, once there are any.
    ///
    /// # Panics
    /// When none come.
    pub async fn renditions(&self, client: &Client) -> BTreeMap<String, String> {
        let what = format!("renditions of channel {}", self.id);
        eventually(&what, async || {
            let answer = client.get(&self.hls).await;
            (answer.status == 200)
                .then(|| renditions(&self.hls, &answer.text()))
                .filter(|all| !all.is_empty())
        })
        .await
    }
}

/// The media playlists of a multivariant one, by the last segment of their path without its ending.
fn renditions(url: &str, text: &str) -> BTreeMap<String, String> {
    let uris = text.lines().filter_map(|line| {
        if line.starts_with('#') { hls::attribute(line, "URI") } else { Some(line.to_owned()) }
    });
    let named = uris.filter_map(|uri| {
        let name = uri.rsplit('/').next()?.strip_suffix(".m3u8")?.to_owned();
        Some((name, hls::join(url, &uri)))
    });
    named.collect()
}

/// A part as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// In seconds.
    pub seconds: f64,
    /// Whether decoding may begin here.
    pub independent: bool,
    /// Its address, as the list has it.
    pub uri: String,
}

/// A segment as it is listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segment {
    /// Its media sequence number.
    pub msn: u64,
    /// Whether a discontinuity stands before it.
    pub discontinuity: bool,
    /// Its header, as the list has it.
    pub map: String,
    /// EXT-X-PROGRAM-DATE-TIME, as the list has it.
    pub date: String,
    /// As far as they are listed.
    pub parts: Vec<Part>,
    /// In seconds; nothing while it grows.
    pub seconds: Option<f64>,
    /// Its address, as the list has it; empty while it grows.
    pub uri: String,
}

/// A media playlist of a live channel (draft-pantos-hls-rfc8216bis-22), as far as scenarios look at it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// PART-TARGET in seconds; 0 without parts.
    pub part_target: f64,
    /// EXT-X-TARGETDURATION in seconds.
    pub target: f64,
    /// The first segment's number.
    pub msn: u64,
    /// EXT-X-DISCONTINUITY-SEQUENCE.
    pub discontinuity_sequence: u64,
    /// In order; the last may be growing.
    pub segments: Vec<Segment>,
    /// Whether the broadcast is over.
    pub ended: bool,
}

impl List {
    /// Fetches and reads one.
    ///
    /// # Panics
    /// When there is none.
    pub async fn fetch(client: &Client, url: &str) -> Self {
        let answer = client.get(url).await;
        assert_eq!(answer.status, 200, "{url}: {}", answer.text());
        Self::read(&answer.text())
    }

    /// Reads one.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut list = Self::default();
        let mut open = Segment::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            match tag {
                "#EXT-X-TARGETDURATION" => list.target = number(value),
                "#EXT-X-PART-INF" => list.part_target = plain(value, "PART-TARGET").map_or(0.0, number),
                "#EXT-X-MEDIA-SEQUENCE" => (list.msn, open.msn) = (whole(value), whole(value)),
                "#EXT-X-DISCONTINUITY-SEQUENCE" => list.discontinuity_sequence = whole(value),
                "#EXT-X-ENDLIST" => list.ended = true,
                "#EXT-X-DISCONTINUITY" => open.discontinuity = true,
                "#EXT-X-MAP" => open.map = hls::attribute(line, "URI").unwrap_or_default(),
                "#EXT-X-PROGRAM-DATE-TIME" => value.clone_into(&mut open.date),
                "#EXT-X-PART" => open.parts.push(part(line)),
                "#EXTINF" => open.seconds = Some(number(value.trim_end_matches(','))),
                _ if !line.starts_with('#') => {
                    line.clone_into(&mut open.uri);
                    let next = Segment { msn: open.msn + 1, map: open.map.clone(), ..Segment::default() };
                    list.segments.push(std::mem::replace(&mut open, next));
                }
                _ => {}
            }
        }
        if !open.parts.is_empty() {
            list.segments.push(open);
        }
        list
    }

    /// Writes the whole segments to files of their own, one for each stretch that shares a header, in order: what
    /// went out, as any decoder reads it.
    ///
    /// # Panics
    /// When something that is listed is not there.
    pub async fn download(&self, client: &Client, url: &str, folder: &Path) -> Vec<std::path::PathBuf> {
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        for segment in self.segments.iter().filter(|segment| !segment.uri.is_empty()) {
            if files.last().is_none_or(|(map, _)| *map != segment.map || segment.discontinuity) {
                let header = got(client, &hls::join(url, &segment.map)).await;
                files.push((segment.map.clone(), header));
            }
            let bytes = got(client, &hls::join(url, &segment.uri)).await;
            files.last_mut().expect("pushed above").1.extend_from_slice(&bytes);
        }
        let write = |(index, (_, bytes)): (usize, (String, Vec<u8>))| {
            let file = folder.join(format!("stretch-{index}.mp4"));
            std::fs::write(&file, bytes).expect("written");
            file
        };
        files.into_iter().enumerate().map(write).collect()
    }
}

async fn got(client: &Client, url: &str) -> Vec<u8> {
    let answer = client.get(url).await;
    assert_eq!(answer.status, 200, "{url} is listed");
    answer.body.to_vec()
}

fn part(line: &str) -> Part {
    Part {
        seconds: plain(line, "DURATION").map_or(0.0, number),
        independent: line.contains("INDEPENDENT=YES"),
        uri: hls::attribute(line, "URI").unwrap_or_default(),
    }
}

/// An attribute without quotes.
fn plain<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("{name}="))?;
    rest.split(',').next()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}

fn whole(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("no whole number: {text}"))
}
