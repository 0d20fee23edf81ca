//! What is kept of broadcasts, and by whom.

use std::num::NonZeroU32;

use media::{
    FrameRate, SampleFormat, TrackRole,
    live::{
        About, RecordedHeader, RecordedPart, RecordedSegment, RenditionName,
        window::{Dvr as Reach, Moment, Parameters, PartTarget, ServerControl},
    },
};

use super::*;

pub(super) const SOURCE: RenditionName = RenditionName::Source;

pub(super) fn about(codec: &str) -> About {
    let part_target = PartTarget::of(6, NonZeroU32::new(30).expect("a scale"));
    let parameters = Parameters {
        name: "source".to_owned(),
        target_seconds: 6,
        part_target,
        control: ServerControl::least(6, [part_target]),
        dvr: Reach::Event,
    };
    let role = TrackRole::Video { fps: FrameRate::new(30, 1).expect("a rate") };
    About {
        codec: codec.to_owned(),
        format: SampleFormat::Video { width: 640, height: 360 },
        role,
        parameters,
    }
}

pub(super) fn segment(msn: u64, term: u32) -> RecordedSegment {
    RecordedSegment {
        rendition: SOURCE,
        msn,
        term,
        init: 0,
        init_term: 1,
        date: Moment(1_795_348_800_000_000),
        us: 2_000_000,
        timescale: NonZeroU32::new(30_000).expect("a scale"),
        start: msn * 60_000,
        ticks: 60_000,
        discontinuities: u32::from(msn == 2),
        gap: false,
        parts: vec![RecordedPart { us: 2_000_000, independent: true, bytes: 700 }],
        bytes: 700,
        listed: Moment(1_795_348_802_000_000),
    }
}

pub(super) fn recorded(segments: Vec<RecordedSegment>) -> Recorded {
    let headers = vec![RecordedHeader { rendition: SOURCE, number: 0, term: 1, bytes: 600 }];
    Recorded { headers, segments }
}

both_dbs!(what_is_kept_comes_back_in_order_and_once, |db| async move {
    let ground = Ground::new(db);
    let (_, begun) = ground.on_air(&ground.worker()).await;
    let (live, lease, id) = (&ground.live, &begun.lease, &begun.broadcast.id);
    live.keep_renditions(lease, &[(SOURCE, about("avc1.640014"))]).await.expect("noted");
    live.keep_renditions(lease, &[(SOURCE, about("avc1.64001f"))]).await.expect("noted");
    assert_eq!(live.renditions(id).await.expect("rows"), [(SOURCE, about("avc1.64001f"))]);
    for some in [vec![segment(1, 1), segment(0, 1)], vec![segment(2, 1)]] {
        live.keep_segments(lease, &recorded(some)).await.expect("noted");
    }
    let other = RecordedSegment { bytes: 9, ..segment(1, 2) };
    live.keep_segments(lease, &recorded(vec![other])).await.expect("the first one counts");
    assert_eq!(live.segments(id).await.expect("rows"), [segment(0, 1), segment(1, 1), segment(2, 1)]);
    assert_eq!(live.headers(id).await.expect("rows"), recorded(vec![]).headers);
    assert_eq!(live.segments_before(id, SOURCE, 2, 1).await.expect("rows"), [segment(0, 1)]);
    assert_eq!(live.drop_segments_before(lease, SOURCE, 2).await.expect("dropped"), 2);
    assert_eq!(live.segments(id).await.expect("rows"), [segment(2, 1)]);
    assert_eq!(live.dropped_discontinuities(id, SOURCE).await.expect("a row"), 0);
    assert_eq!(live.drop_segments_before(lease, SOURCE, 3).await.expect("dropped"), 1);
    live.keep_renditions(lease, &[(SOURCE, about("avc1.640014"))]).await.expect("noted");
    assert_eq!(live.dropped_discontinuities(id, SOURCE).await.expect("a row"), 1);
    assert_eq!(live.broadcast(id).await.expect("a row").map(|it| it.id), Some(id.clone()));
});

both_dbs!(who_woke_after_its_lease_keeps_nothing, |db| async move {
    let ground = Ground::new(db);
    let (made, begun) = ground.on_air(&ground.worker()).await;
    let (live, old, id) = (&ground.live, &begun.lease, &begun.broadcast.id);
    let some = recorded(vec![segment(0, 1)]);
    let superseded = |result: Result<()>| assert!(matches!(result, Err(LiveError::Superseded)), "{result:?}");
    superseded(live.keep_left_behind(id, 1, &[], &some).await);
    live.let_go(old).await.expect("let go");
    superseded(live.keep_segments(old, &some).await);
    superseded(live.keep_renditions(old, &[(SOURCE, about("avc1.640014"))]).await);
    assert!(matches!(live.drop_segments_before(old, SOURCE, 9).await, Err(LiveError::Superseded)));
    assert_eq!(live.segments(id).await.expect("rows"), []);
    live.keep_left_behind(id, 1, &[], &some).await.expect("nobody has it");
    let admission = ground.admission(&made.key).await;
    let next = live.begin(&admission, &ground.worker(), &obs()).await.expect("taken");
    superseded(live.keep_left_behind(id, 1, &[], &recorded(vec![segment(1, 1)])).await);
    live.keep_segments(&next.lease, &recorded(vec![segment(1, 2)])).await.expect("noted");
    live.end(&next.lease, EndReason::Stopped, "").await.expect("ended");
    superseded(live.keep_left_behind(id, 1, &[], &recorded(vec![segment(2, 1)])).await);
    live.keep_left_behind(id, 2, &[], &recorded(vec![segment(2, 2)])).await.expect("it is over");
    let terms: Vec<u32> = live.segments(id).await.expect("rows").iter().map(|it| it.term).collect();
    assert_eq!(terms, [1, 2, 2]);
});

both_dbs!(what_nobody_keeps_is_found, |db| async move {
    let ground = Ground::new(db);
    let live = &ground.live;
    let mut ids = Vec::new();
    for recording in [false, true] {
        let choices = Choices { recording, ..Choices::named("studio") };
        let made = ground.try_create(&ground.creator, choices).await.expect("made");
        let admission = ground.admission(&made.key).await;
        let begun = live.begin(&admission, &ground.worker(), &obs()).await.expect("begun");
        live.keep_renditions(&begun.lease, &[(SOURCE, about("avc1.640014"))]).await.expect("noted");
        live.keep_segments(&begun.lease, &recorded(vec![segment(0, 1)])).await.expect("noted");
        live.end(&begun.lease, EndReason::Stopped, "").await.expect("ended");
        ids.push((made.channel.id, begun.broadcast.id));
    }
    assert_eq!(live.outlived().await.expect("rows"), []);
    ground.clock.advance(REWOUND_AFTERWARDS + Duration::from_secs(1));
    assert_eq!(live.outlived().await.expect("rows"), [ids[0].1.clone()]);
    live.forget_record(&ids[0].1).await.expect("forgotten");
    assert_eq!(live.outlived().await.expect("rows"), []);
    live.delete(&ground.creator, &ids[1].0).await.expect("deleted");
    assert_eq!(live.outlived().await.expect("rows"), [ids[1].1.clone()]);
    let mut tx = ground.db.write().await.expect("begins");
    live.hand_over(&mut tx, &ids[1].1).await.expect("given");
    tx.commit().await.expect("commits");
    assert_eq!(live.outlived().await.expect("rows"), []);
    assert_eq!(live.segments(&ids[1].1).await.expect("rows"), []);
});
