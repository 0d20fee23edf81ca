//! Violations in lists.

use conformance::live::Exchange;

use super::{Plant, edits::*, plant, with};
use crate::live_watch::session::{LIST, answer};

const TARGET: &str = "#EXT-X-TARGETDURATION:2\n";
/// A date range of long ago, which maps to nothing that is listed.
const RANGE: &str = "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"1990-01-01T00:00:00Z\"";

/// Adds a line to the head of the last plain list.
fn add(all: &mut [Exchange], line: &str) {
    edit(plain(all), |text| add_after(text, "#EXT-X-SERVER-CONTROL", line));
}

fn control(all: &mut [Exchange], from: &str, to: &str) {
    replace(all, is_list, from, to);
}

pub fn plants() -> Vec<Plant> {
    [alone(), of_parts(), over_time(), ranges()].into_iter().flatten().collect()
}

fn alone() -> Vec<Plant> {
    vec![
        plant("LIVE-SYNTAX", |all| add(all, "#\u{1}")),
        plant("LIVE-VERSION", |all| edit(plain(all), |text| text.replace("VERSION:6", "VERSION:5"))),
        plant("LIVE-NO-TYPE", |all| add(all, "#EXT-X-PLAYLIST-TYPE:EVENT")),
        with("LIVE-EXTINF", &["LIVE-PARTS-NEAR", "LIVE-SEGMENT-DUE"], |all| {
            replace(all, is_list, TARGET, "#EXT-X-TARGETDURATION:1\n");
        }),
        plant("LIVE-PARTS-NEAR", |all| {
            let parts = |text: &str| -> Option<String> {
                let lines =
                    text.lines().filter(|line| line.contains("URI=\"source/9.") && line.contains("X-PART:"));
                let lines: Vec<&str> = lines.collect();
                (text.contains("\nsource/9.m4s") && !lines.is_empty()).then(|| lines.join("\n") + "\n")
            };
            let parts = all.iter().filter(|it| is_of(it, "source")).find_map(|it| parts(&text(it))).unwrap();
            edit(plain(all), |text| {
                let at = text.find("\nsource/9.m4s").unwrap();
                let at = text[..at].rfind("#EXTINF").unwrap();
                format!("{}{parts}{}", &text[..at], &text[at..])
            });
        }),
        plant("LIVE-WINDOW", |all| edit(plain(all), short)),
        plant("LIVE-BLOCK", |all| control(all, "CAN-BLOCK-RELOAD=YES,", "")),
        with("LIVE-BLOCK-I-FRAMES", &["LIVE-SAME-CONTROL"], |all| {
            let list = last(all, is_ended).clone();
            let body = text(&list).replace("CAN-BLOCK-RELOAD=YES,", "");
            let body = add_after(&body, "#EXT-X-VERSION", "#EXT-X-I-FRAMES-ONLY");
            let url = "http://host/live/c/b/iframes.m3u8";
            let at = list.finished_us + 9_000_000;
            all.push(answer(url, at, at, LIST, "public, max-age=1", body.into_bytes()));
        }),
        plant("LIVE-HOLD-BACK", |all| control(all, ",HOLD-BACK=6.000000,", ",HOLD-BACK=5.000000,")),
        plant("LIVE-PART-HOLD-BACK", |all| rewrite(all, is_list, |text| hold(text, ""))),
        plant("LIVE-PART-HOLD-BACK-ADVISED", |all| {
            rewrite(all, is_list, |text| hold(text, ",PART-HOLD-BACK=0.5"));
        }),
    ]
}

fn of_parts() -> Vec<Plant> {
    vec![
        plant("LIVE-CAN-SKIP", |all| control(all, "CAN-SKIP-UNTIL=12.000000", "CAN-SKIP-UNTIL=11.000000")),
        with("LIVE-CAN-SKIP-DATERANGES", &["LIVE-SKIP-ASKED"], |all| {
            control(all, "CAN-SKIP-UNTIL=12.000000", "CAN-SKIP-DATERANGES=YES");
        }),
        plant("LIVE-PART-INF", |all| {
            edit(plain(all), |text| without(text, |line| line.starts_with("#EXT-X-PART-INF")));
        }),
        plant("LIVE-PART-LONG", |all| {
            replace(all, |it| is_of(it, "source"), "PART-TARGET=0.200000\n", "PART-TARGET=0.170000\n");
        }),
        plant("LIVE-PART-SHORT", |all| {
            let from = "PART-TARGET=0.200000\n";
            replace(all, |it| is_of(it, "source"), from, "PART-TARGET=0.240000\n");
            control(all, "PART-HOLD-BACK=0.64", "PART-HOLD-BACK=0.74");
        }),
        plant("LIVE-PART-TAGS", |all| {
            edit(plain(all), |text| add_after(text, "#EXT-X-PART:", "#EXT-X-KEY:METHOD=NONE"));
        }),
        plant("LIVE-GAP-PARTS", |all| {
            replace(all, |it| is_of(it, "source"), "\nsource/7.m4s", "\n#EXT-X-GAP\nsource/7.m4s");
        }),
        plant("LIVE-HINT-ONE", |all| {
            let hint = "#EXT-X-PRELOAD-HINT";
            edit(plain(all), |text| {
                let line = text.lines().find(|line| line.starts_with(hint)).unwrap();
                add_after(text, hint, line)
            });
        }),
        plant("LIVE-HINT-PART", |all| {
            edit(plain(all), |text| without(text, |line| line.starts_with("#EXT-X-PRELOAD-HINT")));
        }),
        plant("LIVE-HINT-ENDED", |all| {
            let hint = "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"source/99.0.m4s\"";
            edit(last(all, is_ended), |text| add_after(text, "#EXT-X-RENDITION-REPORT", hint));
        }),
        plant("LIVE-DEFINE", |all| add(all, "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\",IMPORT=\"c\"")),
    ]
}

/// A list with the last two segments alone.
fn short(text: &str) -> String {
    let number =
        |tag: &str| -> u64 { text.lines().find_map(|line| line.strip_prefix(tag)).unwrap().parse().unwrap() };
    let (msn, dsn) = (number("#EXT-X-MEDIA-SEQUENCE:"), number("#EXT-X-DISCONTINUITY-SEQUENCE:"));
    let blocks: Vec<&str> = text.split_inclusive(".m4s\n").collect();
    let gone = blocks.len() - 1 - 2;
    let head_end = text.find("#EXT-X-MEDIA-SEQUENCE").unwrap();
    let jumped: usize =
        blocks[..gone].iter().map(|block| block.matches("#EXT-X-DISCONTINUITY\n").count()).sum();
    let (msn, dsn) = (msn + gone as u64, dsn + jumped as u64);
    let head = format!("#EXT-X-MEDIA-SEQUENCE:{msn}\n#EXT-X-DISCONTINUITY-SEQUENCE:{dsn}\n");
    format!("{}{head}#EXT-X-MAP:URI=\"source/init-1.mp4\"\n{}", &text[..head_end], blocks[gone..].concat())
}

/// The list with another PART-HOLD-BACK.
fn hold(text: &str, with: &str) -> String {
    let at = text.find(",PART-HOLD-BACK=").unwrap();
    let end = at + text[at..].find('\n').unwrap();
    format!("{}{with}{}", &text[..at], &text[end..])
}

fn over_time() -> Vec<Plant> {
    vec![
        with("LIVE-TD-CONSTANT", &["LIVE-EXTINF", "LIVE-PARTS-NEAR"], |all| {
            edit(plain(all), |text| text.replace(TARGET, "#EXT-X-TARGETDURATION:1\n"));
        }),
        plant("LIVE-PART-TARGET-CONSTANT", |all| {
            edit(plain(all), |text| text.replace("PART-TARGET=0.200000\n", "PART-TARGET=0.201000\n"));
        }),
        plant("LIVE-MSN-GROWS", |all| edit(plain(all), |text| numbered(text, "#EXT-X-MEDIA-SEQUENCE:", "0"))),
        plant("LIVE-DSN-GROWS", |all| {
            edit(plain(all), |text| numbered(text, "#EXT-X-DISCONTINUITY-SEQUENCE:", "0"));
        }),
        plant("LIVE-DSN-COUNTS", |all| {
            edit(plain(all), |text| numbered(text, "#EXT-X-DISCONTINUITY-SEQUENCE:", "2"));
        }),
        plant("LIVE-EDGE-GROWS", |all| {
            let plains: Vec<usize> = (0..all.len()).filter(|at| is_plain(&all[*at])).collect();
            let body = all[plains[2]].body.clone();
            crate::live_watch::session::fill(&mut all[plains[5]], body);
        }),
        plant("LIVE-APPEND-ONLY", |all| {
            edit(plain(all), |text| text.replace("\nsource/11.m4s", "\nsource/11.m4s?again"));
        }),
        plant("LIVE-ENDED-FINAL", |all| {
            edit(last(all, is_ended), |text| {
                let uri = text.lines().rfind(|line| line.starts_with("source/")).unwrap();
                let at = text.find(&format!("\n{uri}")).unwrap();
                let cut = text[..at].rfind("#EXT-X-PROGRAM-DATE-TIME").unwrap();
                format!("{}{}", &text[..cut], &text[at + 2 + uri.len()..])
            });
        }),
        with("LIVE-SEGMENT-DUE", &["LIVE-PART-DUE"], |all| stall(all, 5_200_000)),
        plant("LIVE-HINT-NEXT", |all| {
            let blocked = |it: &Exchange| is_blocked(it) && text(it).contains(".4.m4s\"\n#EXT-X-RENDITION");
            edit(last(all, blocked), |text| {
                let hint = text.lines().find(|line| line.starts_with("#EXT-X-PRELOAD-HINT")).unwrap();
                text.replace(hint, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"source/999.4.m4s\"")
            });
        }),
    ]
}

fn numbered(text: &str, tag: &str, value: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(tag)).unwrap();
    text.replace(&format!("{line}\n"), &format!("{tag}{value}\n"))
}

fn ranges() -> Vec<Plant> {
    vec![
        plant("LIVE-DATERANGE-PDT", |all| {
            let date = |line: &str| line.starts_with("#EXT-X-PROGRAM-DATE-TIME");
            rewrite(all, is_list, |text| without(text, date));
            add(all, RANGE);
        }),
        plant("LIVE-DATERANGE-UNIQUE", |all| add(all, &format!("{RANGE},CLASS=\"x\"\n{RANGE},CLASS=\"y\""))),
        plant("LIVE-DATERANGE-STABLE", |all| {
            let plains: Vec<usize> = (0..all.len()).filter(|at| is_plain(&all[*at])).collect();
            for (at, class) in [(plains[3], "x"), (plains[4], "y")] {
                let line = format!("{RANGE},CLASS=\"{class}\"");
                edit(&mut all[at], |text| add_after(text, "#EXT-X-SERVER-CONTROL", &line));
            }
        }),
        plant("LIVE-DATERANGE-SAME", |all| {
            rewrite(all, is_ended, |text| add_after(text, "#EXT-X-SERVER-CONTROL", RANGE));
        }),
        plant("LIVE-DATERANGE-KEPT", |all| {
            add(all, "#EXT-X-DATERANGE:ID=\"k\",START-DATE=\"2090-01-01T00:00:00Z\"");
        }),
        plant("LIVE-DATERANGE-SCTE35", |all| add(all, &format!("{RANGE},SCTE35-OUT=7"))),
        plant("LIVE-INTERSTITIAL-ASSET", |all| {
            add(all, &format!("{RANGE},CLASS=\"com.apple.hls.interstitial\""));
        }),
        plant("LIVE-INTERSTITIAL-VALUES", |all| {
            let ad = "CLASS=\"com.apple.hls.interstitial\",X-ASSET-URI=\"https://ad\",X-SNAP=\"NEVER\"";
            add(all, &format!("{RANGE},{ad}"));
        }),
        plant("LIVE-STEERING", |all| steer(all, "#EXT-X-CONTENT-STEERING:PATHWAY-ID=\"a\"")),
        plant("LIVE-STEERING-MANIFEST", |all| {
            steer(all, "#EXT-X-CONTENT-STEERING:SERVER-URI=\"/steer.json\"");
            let at = all[0].finished_us + 1;
            let body = b"{\"VERSION\":1}".to_vec();
            all.push(answer("http://host/steer.json", at, at, "application/json", "max-age=1", body));
        }),
    ]
}

fn steer(all: &mut [Exchange], line: &str) {
    let multivariant = last(all, |exchange| exchange.url.ends_with("hls.m3u8"));
    edit(multivariant, |text| add_after(text, "#EXTM3U", line));
}
