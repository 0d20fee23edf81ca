//! Recordings: assets whose objects are a broadcast's.

use base::BroadcastId;
use media::{
    LivePlace, TrackRun,
    live::{LiveObject, RenditionName, recording::RecordedTrack, window::Moment},
};

use super::*;

const SOURCE: TrackName = TrackName::Video(720);

fn run(first_seq: u32, header: u32, term: u32, first_msn: u64) -> TrackRun {
    TrackRun {
        first_seq,
        header,
        init: info(SOURCE).init,
        date: Moment(1_795_348_800_000_000),
        discontinuities: u32::from(first_seq > 0),
        gap: false,
        independent: true,
        place: LivePlace { rendition: RenditionName::Source, term, init_term: term, first_msn },
    }
}

fn segments(first: u32, count: u32, start: u64) -> Vec<SegmentInfo> {
    let segment = |seq: u32| SegmentInfo {
        seq,
        start: start + u64::from(seq - first) * 4,
        ticks: 4,
        bytes: 1_000,
        fragments: Vec::new(),
    };
    (first..first + count).map(segment).collect()
}

/// Two runs: three segments of the first holder, then two of its successor, with a segment missing between.
fn recording(ground: &Ground, broadcast: &BroadcastId) -> NewRecording {
    let gap = TrackRun { gap: true, ..run(3, 0, 1, 13) };
    let runs = vec![
        (run(0, 0, 1, 10), segments(0, 3, 100)),
        (gap, segments(3, 1, 112)),
        (run(4, 1, 2, 14), segments(4, 2, 7)),
    ];
    NewRecording {
        broadcast: broadcast.clone(),
        tenant: ground.creator.tenant.clone(),
        title: "Evening show".to_owned(),
        visibility: Visibility::Unlisted,
        target_seconds: 6,
        tracks: vec![RecordedTrack { info: info(SOURCE), runs }],
    }
}

async fn record(ground: &Ground, new: NewRecording) -> AssetId {
    let mut tx = ground.db.write().await.expect("begins");
    let id = ground.catalogue.create_recording(&mut tx, new).await.expect("recorded");
    tx.commit().await.expect("commits");
    id
}

both_dbs!(a_recording_plays_at_once_and_is_ready_behind_the_gate, |db| async move {
    let ground = Ground::new(db).await;
    let broadcast: BroadcastId = ground.ambient.id();
    let id = record(&ground, recording(&ground, &broadcast)).await;
    let asset = ground.asset(&id).await;
    assert_eq!(
        (asset.state, asset.playing, asset.duration_us),
        (State::Transcoding, Some(1), Some(24_000_000))
    );
    assert_eq!((asset.broadcast.as_ref(), asset.runs), (Some(&broadcast), Some(3)));
    let playing = ground.catalogue.playback(&id).await.expect("read").expect("playable");
    assert_eq!((playing.tracks[0].segments.len(), playing.tracks[0].runs.len()), (6, 3));

    assert_eq!(ground.publish(Vec::new()).await, Gate::Passed);
    let asset = ground.asset(&id).await;
    assert_eq!((asset.state, asset.has_dash()), (State::Ready, false));
    let refused = ground.catalogue.reencode_asset(&ground.creator, &id).await;
    assert!(matches!(refused, Err(CatalogueError::NoSource)), "{refused:?}");
});

both_dbs!(its_objects_are_the_broadcasts, |db| async move {
    let ground = Ground::new(db).await;
    let broadcast: BroadcastId = ground.ambient.id();
    let id = record(&ground, recording(&ground, &broadcast)).await;
    let c = &ground.catalogue;
    let (rendition, version) = (RenditionName::Source, 1);
    for (seq, term, msn) in [(0, 1, 10), (2, 1, 12), (4, 2, 14), (5, 2, 15)] {
        let winner = c.segment_attempt(&id, 1, SOURCE, seq).await.expect("read").expect("a segment");
        assert_eq!(winner.live, Some((broadcast.clone(), LiveObject::Segment { rendition, term, msn })));
        let key = winner.key(&id, media::Object::Segment { version, track: SOURCE, seq });
        assert_eq!(key, Some(format!("live/{broadcast}/source/{term}-{msn}.m4s")));
    }
    for seq in [3, 6] {
        assert_eq!(c.segment_attempt(&id, 1, SOURCE, seq).await.expect("read"), None, "{seq}");
    }
    let header = c.run_init(&id, 1, SOURCE, 1).await.expect("read").expect("a header");
    assert_eq!(header.live, Some((broadcast, LiveObject::Header { rendition, term: 2, number: 1 })));
    assert_eq!(c.run_init(&id, 1, SOURCE, 2).await.expect("read"), None);
    assert_eq!(c.init_attempt(&id, 1, SOURCE).await.expect("read"), None, "it has no header of its own");
});

both_dbs!(a_broadcast_is_recorded_once, |db| async move {
    let ground = Ground::new(db).await;
    let broadcast: BroadcastId = ground.ambient.id();
    let first = record(&ground, recording(&ground, &broadcast)).await;
    assert_eq!(record(&ground, recording(&ground, &broadcast)).await, first);
    assert_eq!(ground.catalogue.recording_of(&broadcast).await.expect("read"), Some(first));
    let none = NewRecording { tracks: Vec::new(), ..recording(&ground, &ground.ambient.id()) };
    let mut tx = ground.db.write().await.expect("begins");
    let refused = ground.catalogue.create_recording(&mut tx, none).await;
    assert!(matches!(refused, Err(CatalogueError::Invalid { field: "tracks", .. })), "{refused:?}");
});

both_dbs!(the_broadcasts_objects_go_with_the_asset_and_not_before, |db| async move {
    let ground = Ground::new(db).await;
    let broadcast: BroadcastId = ground.ambient.id();
    let id = record(&ground, recording(&ground, &broadcast)).await;
    ground.publish(Vec::new()).await;
    let live = format!("live/{broadcast}/");
    let kept = ground.catalogue.inventory(&id).await.expect("read").expect("rows");
    assert!(kept.swept().iter().all(|prefix| !prefix.starts_with("live/")), "{kept:?}");

    ground.catalogue.delete_asset(&ground.creator, &id).await.expect("deleted");
    let gone = ground.catalogue.inventory(&id).await.expect("read").expect("rows");
    assert!(gone.swept().contains(&live) && !gone.keeps(&format!("{live}source/1-10.m4s")), "{gone:?}");
    let mut tx = ground.db.write().await.expect("begins");
    ground.catalogue.purge(&mut tx, &id).await.expect("purged");
    tx.commit().await.expect("commits");
    assert_eq!(ground.catalogue.recording_of(&broadcast).await.expect("read"), None);
});
