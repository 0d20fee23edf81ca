//! Lower rungs, gaps, and another process that goes on.

use super::{
    tests::{Studio, count},
    *,
};
use crate::live::window::{Open, Saved};

const RUNG: RenditionName = RenditionName::Rung(180);
const START: Moment = Moment(1_700_000_000_000_000);

fn studio() -> Studio {
    let mut packager = Packager::new(Packaging::default());
    packager.plan_rungs(vec![RUNG]);
    Studio::with(packager, START)
}

fn lines(text: &str, tags: &[&str]) -> Vec<String> {
    text.lines().filter(|line| tags.iter().any(|tag| line.starts_with(tag))).map(str::to_owned).collect()
}

#[test]
fn a_rung_is_cut_where_the_source_is() {
    let mut studio = studio();
    studio.sends(0, 21);
    studio.finishes();
    let timed = ["#EXTINF", "#EXT-X-PROGRAM-DATE-TIME"];
    let (source, rung) = (studio.text(RenditionName::Source), studio.text(RUNG));
    assert_eq!(lines(&source, &timed), lines(&rung, &timed));
    assert_eq!(studio.samples(RUNG), studio.samples(RenditionName::Source));
    let master = studio.packager.multivariant("b").unwrap();
    assert!(master.contains("b/source.m3u8") && master.contains("b/video-180.m3u8"), "{master}");
}

#[test]
fn a_rung_whose_encoder_is_late_holds_nobody_up() {
    let mut studio = studio();
    studio.encodes = false;
    studio.sends(0, 5);
    assert!(!studio.packager.rungs_have_begun());
    let master = studio.packager.multivariant("b").unwrap();
    assert!(!master.contains("video-180"), "{master}");
    studio.encodes = true;
    studio.sends(5_000, 8);
    assert!(studio.packager.rungs_have_begun());
}

#[test]
fn an_encoder_that_is_away_leaves_a_gap_and_goes_on_behind_it() {
    let mut studio = studio();
    studio.sends(0, 8);
    studio.encodes = false;
    for second in 8..13 {
        studio.sends(second * 1_000, 1);
        let gaps = studio.packager.idle(false, studio.now).unwrap();
        studio.store(gaps);
    }
    let text = studio.text(RUNG);
    assert!(text.contains("GAP=YES"), "{text}");
    assert!(!studio.text(RenditionName::Source).contains("GAP"));
    studio.encodes = true;
    // The key frame at the fourteenth second is the first that can be shown again.
    studio.sends(13_000, 1);
    studio.sends(14_000, 8);
    studio.finishes();
    let (source, rung) = (studio.text(RenditionName::Source), studio.text(RUNG));
    assert_eq!(count(&rung, "#EXT-X-DISCONTINUITY"), 0, "{rung}");
    let end = |text: &str| lines(text, &["#EXT-X-PROGRAM-DATE-TIME"]).pop();
    assert_eq!(end(&source), end(&rung));
    assert!(count(&rung, "#EXT-X-GAP") > 0, "{rung}");
}

#[test]
fn while_the_publisher_is_away_lists_grow_by_gaps() {
    let mut studio = studio();
    studio.sends(0, 8);
    for _ in 0..50 {
        studio.now = studio.now.plus(200_000);
        let gaps = studio.packager.idle(true, studio.now).unwrap();
        studio.store(gaps);
    }
    let back = studio.packager.reconnect(studio.now).unwrap();
    studio.store(back);
    studio.sends(70_000, 8);
    studio.finishes();
    for name in [RenditionName::Source, RenditionName::Audio, RUNG] {
        let text = studio.text(name);
        assert_eq!(count(&text, "#EXT-X-DISCONTINUITY"), 1, "{text}");
        assert!(count(&text, "#EXT-X-GAP") > 0, "{text}");
    }
    assert_eq!(studio.samples(RenditionName::Source).len(), 16 * 25);
}

/// What a process that knows the ended segments can tell another.
fn kept(studio: &Studio, name: RenditionName, parameters: crate::live::window::Parameters) -> Kept {
    let ended = studio.seen.iter().filter_map(|product| match product {
        Product::Segment { rendition, listed, run, .. } if *rendition == name => Some((listed.clone(), *run)),
        _ => None,
    });
    let ended: Vec<_> = ended.collect();
    let (last, run) = ended.last().cloned().unwrap();
    let timescale = u64::from(run.timescale.get());
    let at = last.date.plus(last.us).since(run.epoch) * timescale / 1_000_000;
    let open =
        Open { msn: last.msn + 1, run, start: at, at, gap: false, discontinuities: 0, parts: Vec::new() };
    let segments = ended.into_iter().map(|(segment, _)| segment).collect();
    let saved =
        Saved { segments, open, discontinuity_sequence: 0, fading: Vec::new(), longest_us: 0, ended: false };
    Kept { name, parameters, saved, init_next: 1 }
}

#[test]
fn another_process_goes_on_with_the_numbers() {
    let mut before = studio();
    before.sends(0, 9);
    before.finishes();
    let names = [RenditionName::Source, RenditionName::Audio, RUNG];
    let parameters: Vec<_> = before.packager.parameters();
    let kept = names.map(|name| {
        let of = parameters.iter().find(|parameters| parameters.name == name.to_string()).unwrap();
        kept(&before, name, of.clone())
    });
    let mut packager = Packager::resume(Packaging::default(), kept.to_vec());
    packager.plan_rungs(vec![RUNG]);
    let mut after = Studio::with(packager, before.now.plus(5_000_000));
    after.adopt(before);
    after.sends(0, 9);
    after.finishes();
    for name in names {
        let text = after.text(name);
        assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:0"), "{text}");
        assert_eq!(count(&text, "#EXT-X-DISCONTINUITY"), 1, "{text}");
        assert_eq!(count(&text, "#EXT-X-MAP"), 2, "{text}");
        assert_eq!(count(&text, "#EXTINF"), 6, "{text}");
    }
}
