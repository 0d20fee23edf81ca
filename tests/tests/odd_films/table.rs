//! The table: what each odd film is to become, what became of it, and the sentence about it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tests::{Client, Server, ServerOptions};

use super::{
    colour::{self, BARS, BRIGHT_BARS, Rgb},
    judge::{self, Pictures, Seen},
};

/// Sound and picture may be this far apart, in milliseconds.
const OFFSET_MS_MAX: f64 = 20.0;
/// The mean difference of the bars (CIEDE2000).
const DIFFERENCE_MAX: f64 = 1.5;
/// Films in work at a time.
const AT_ONCE: usize = 3;

/// What the bars are to look like.
#[derive(Clone, Copy)]
pub enum Bars {
    /// As the master paints them.
    Kept,
    /// [`BRIGHT_BARS`], toned down from a screen of this many nits.
    Toned(f64),
    /// Nothing is said about them.
    Unjudged,
}

impl Bars {
    fn meant(self) -> Option<[Rgb; 8]> {
        match self {
            Self::Kept => Some(BARS),
            Self::Toned(peak) => Some(BRIGHT_BARS.map(|bar| colour::toned(bar, peak))),
            Self::Unjudged => None,
        }
    }
}

type Make = Arc<dyn Fn(&Path) -> PathBuf + Send + Sync>;
type Look = Arc<dyn Fn(&Seen) -> Result<(), String> + Send + Sync>;

/// A film and what is to become of it.
#[derive(Clone)]
pub struct Row {
    name: &'static str,
    rule: &'static str,
    make: Make,
    refused: Option<&'static str>,
    size: Option<(usize, usize)>,
    frames: Vec<u32>,
    bars: Bars,
    beats: bool,
    /// Whether sound and picture are to be as far apart as they are in the film itself.
    as_source: bool,
    /// Name, language and whether it is the default, of each audio rendition.
    audio: Vec<(&'static str, &'static str, bool)>,
    look: Option<Look>,
}

/// A row with the expectations of a plain film: 320x180, 55 frames, every one once, bars kept, sound in time.
pub fn row(name: &'static str, make: impl Fn(&Path) -> PathBuf + Send + Sync + 'static) -> Row {
    Row {
        name,
        rule: "",
        make: Arc::new(make),
        refused: None,
        size: Some((320, 180)),
        frames: (0..55).collect(),
        bars: Bars::Kept,
        beats: true,
        as_source: false,
        audio: vec![("Audio", "und", true)],
        look: None,
    }
}

impl Row {
    pub fn rule(self, rule: &'static str) -> Self {
        Self { rule, ..self }
    }

    pub fn refused(self, words: &'static str) -> Self {
        Self { refused: Some(words), ..self }
    }

    pub fn size(self, width: usize, height: usize) -> Self {
        Self { size: Some((width, height)), ..self }
    }

    pub fn frames(self, frames: impl IntoIterator<Item = u32>) -> Self {
        Self { frames: frames.into_iter().collect(), ..self }
    }

    pub fn bars(self, bars: Bars) -> Self {
        Self { bars, ..self }
    }

    pub fn silent(self) -> Self {
        Self { beats: false, audio: Vec::new(), ..self }
    }

    pub fn without_pictures(self) -> Self {
        Self { size: None, frames: Vec::new(), beats: false, audio: Vec::new(), ..self }
    }

    pub fn audio(self, audio: &[(&'static str, &'static str, bool)]) -> Self {
        Self { audio: audio.to_vec(), ..self }
    }

    /// Sound and picture are apart in the film itself, and stay so.
    pub fn apart_as_source(self) -> Self {
        Self { as_source: true, ..self }
    }

    pub fn look(self, look: impl Fn(&Seen) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self { look: Some(Arc::new(look)), ..self }
    }
}

/// A line of the table.
struct Line {
    name: &'static str,
    rule: &'static str,
    cells: [String; 5],
    faults: Vec<String>,
}

impl Line {
    fn markdown(&self) -> String {
        let verdict = if self.faults.is_empty() { "as meant" } else { "WRONG" };
        let cells = self.cells.join(" | ");
        format!("| {} | {cells} | {verdict} | {} |\n", self.name, self.rule)
    }

    /// What the test says about it, if anything.
    fn complaint(&self) -> Option<String> {
        (!self.faults.is_empty()).then(|| format!("{}: {}", self.name, self.faults.join("; ")))
    }
}

const HEAD: &str = "| film | rungs, rate | frames | A/V offset, first and last | colours | tracks | verdict | rule |\n\
                    |---|---|---|---|---|---|---|---|\n";

/// Makes every film of `rows` out of one server and holds what comes out against what is meant.
pub async fn hold(name: &str, title: &str, rows: Vec<Row>) {
    let server =
        Server::with(ServerOptions::all(&["transcode.heights=180", "transcode.chunk_seconds=6"])).await;
    let (client, viewer) = (server.client(), server.stranger());
    let lines: Vec<Line> = stream::iter(chosen(rows))
        .map(|row| line(row, client.clone(), viewer.clone()))
        .buffered(AT_ONCE)
        .collect()
        .await;
    let table: String = lines.iter().map(Line::markdown).collect();
    let table = format!("## {title}\n\n{HEAD}{table}");
    println!("{table}");
    keep(name, &table);
    let faults: Vec<String> = lines.iter().filter_map(Line::complaint).collect();
    assert!(
        faults.is_empty(),
        "{} films are not as meant:\n{}\n{}",
        faults.len(),
        faults.join("\n"),
        server.log()
    );
}

/// `ODD_FILMS=part of a name` looks at those films alone.
#[expect(clippy::disallowed_methods, reason = "the tests' own setting, not the server's")]
fn chosen(rows: Vec<Row>) -> Vec<Row> {
    let Ok(wanted) = std::env::var("ODD_FILMS") else { return rows };
    rows.into_iter().filter(|row| row.name.contains(&wanted)).collect()
}

/// `ODD_FILMS_TABLE=folder` keeps the table there for `scripts/odd-films.sh`.
#[expect(clippy::disallowed_methods, reason = "the tests' own setting, not the server's")]
fn keep(name: &str, table: &str) {
    if let Some(folder) = std::env::var_os("ODD_FILMS_TABLE") {
        std::fs::write(PathBuf::from(folder).join(format!("{name}.md")), table).expect("the table is kept");
    }
}

async fn line(row: Row, client: Client, viewer: Client) -> Line {
    let folder = tempfile::tempdir().expect("a folder");
    let (make, place) = (row.make.clone(), folder.path().to_owned());
    let film = tokio::task::spawn_blocking(move || make(&place)).await.expect("the film is made");
    let uploaded = client.upload(&film, &[]).await;
    let asset = client.settled(uploaded["asset"].as_str().unwrap_or_default()).await;
    let (name, rule) = (row.name, row.rule);
    let mut line = Line { name, rule, cells: Default::default(), faults: Vec::new() };
    if asset["state"] == "failed" {
        refused(&row, &asset, &mut line);
        return line;
    }
    if let Some(words) = row.refused {
        line.faults.push(format!("it was to be refused with {words:?}"));
    }
    match judge::look(&viewer, &asset, folder.path()).await {
        Ok(seen) => compare(&row, &seen, &film, &mut line),
        Err(error) => line.faults.push(format!("{error:#}")),
    }
    line
}

fn refused(row: &Row, asset: &Value, line: &mut Line) {
    let reason = asset["reason"].as_str().unwrap_or_default();
    line.cells[0] = format!("refused: “{reason}”");
    match row.refused {
        Some(words) if reason.contains(words) => {}
        _ => line.faults.push(format!("it failed: {reason}")),
    }
}

fn compare(row: &Row, seen: &Seen, film: &Path, line: &mut Line) {
    match (&seen.pictures, row.size) {
        (Some(pictures), Some(size)) => {
            line.cells[0] = format!("{} at {}", pictures.rungs.join(", "), pictures.rate);
            compare_pictures(row, pictures, size, line);
        }
        (None, None) => line.cells[0] = "no pictures".into(),
        (seen, meant) => {
            line.faults.push(format!("pictures of {meant:?} were meant, {} came", seen.is_some()));
        }
    }
    if row.beats {
        compare_beats(row, seen, film, line);
    }
    let tracks = |all: &[judge::Rendition]| -> Vec<(String, String, bool)> {
        all.iter().map(|one| (one.name.clone(), one.language.clone(), one.default)).collect()
    };
    let audio = tracks(&seen.audio);
    let meant = |all: &[(&str, &str, bool)]| -> Vec<(String, String, bool)> {
        all.iter().map(|(name, language, default)| ((*name).into(), (*language).into(), *default)).collect()
    };
    if audio != meant(&row.audio) {
        line.faults.push(format!("the tracks are {audio:?}"));
    }
    line.cells[4] = words(&seen.audio);
    if let Some(Err(fault)) = row.look.as_ref().map(|look| look(seen)) {
        line.faults.push(fault);
    }
}

fn words(all: &[judge::Rendition]) -> String {
    let one = |one: &judge::Rendition| {
        let mark = if one.default { ", default" } else { "" };
        format!("{} ({}, {} ch{mark})", one.name, one.language, one.channels)
    };
    all.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn compare_pictures(row: &Row, pictures: &Pictures, size: (usize, usize), line: &mut Line) {
    if pictures.size != size {
        line.faults.push(format!("the picture is {:?}, not {size:?}", pictures.size));
    }
    let meant: Vec<Option<u32>> = row.frames.iter().copied().map(Some).collect();
    let right = meant.iter().zip(&pictures.numbers).filter(|(a, b)| a == b).count();
    line.cells[1] = format!("{right} of {}", meant.len());
    if pictures.numbers != meant {
        line.faults.push(format!("frames {:?}", pictures.numbers));
    }
    let Some(bars) = row.bars.meant() else { return };
    let each: Vec<f64> =
        bars.iter().zip(&pictures.bars).map(|(meant, seen)| colour::difference(*meant, *seen)).collect();
    let mean = each.iter().sum::<f64>() / each.len() as f64;
    let worst = each.iter().copied().fold(0.0, f64::max);
    line.cells[3] = format!("ΔE {mean:.2}, worst {worst:.2}; {}", pictures.colour);
    if mean.is_nan() || mean > DIFFERENCE_MAX {
        line.faults.push(format!("colours differ by {each:.1?}: {:.2?} for {bars:.2?}", pictures.bars));
    }
}

fn compare_beats(row: &Row, seen: &Seen, film: &Path, line: &mut Line) {
    let flashes = seen.pictures.as_ref().map(|pictures| &*pictures.flashes).unwrap_or_default();
    match judge::offsets(flashes, &seen.beeps) {
        Ok([first, last]) => {
            line.cells[2] = format!("{first:+.1} ms, {last:+.1} ms");
            let meant =
                if row.as_source { judge::offsets_of(film).expect("a film that is read") } else { [0.0; 2] };
            let far = |seen: f64, meant: f64| (seen - meant).abs() > OFFSET_MS_MAX;
            if far(first, meant[0]) || far(last, meant[1]) {
                line.faults.push(format!("flashes at {flashes:?}, beeps at {:?}", seen.beeps));
            }
        }
        Err(error) => line.faults.push(format!("{error}: flashes at {flashes:?}, beeps at {:?}", seen.beeps)),
    }
}
