//! Broadcasts that become assets.

use base::AssetId;

use super::{
    record::{SOURCE, about, recorded, segment},
    *,
};

/// A broadcast on air with two segments.
async fn kept(ground: &Ground) -> (Revealed, Begun) {
    let (made, begun) = ground.on_air(&ground.worker()).await;
    let live = &ground.live;
    live.keep_renditions(&begun.lease, &[(SOURCE, about("avc1.640014"))]).await.expect("noted");
    let two = recorded(vec![segment(0, 1), segment(1, 1)]);
    live.keep_segments(&begun.lease, &two).await.expect("noted");
    (made, begun)
}

async fn to_record(ground: &Ground, begun: &Begun) -> ToRecord {
    ground.live.to_record(&begun.broadcast.id).await.expect("read").expect("it is to be recorded")
}

/// Notes a recording of a broadcast that is over.
async fn give(ground: &Ground, of: &ToRecord) -> Result<AssetId> {
    let asset: AssetId = ground.ambient.id();
    let mut tx = ground.db.write().await.expect("begins");
    ground.live.recorded(&mut tx, of, &asset).await?;
    tx.commit().await.expect("commits");
    Ok(asset)
}

both_dbs!(a_broadcast_ends_together_with_its_recording, |db| async move {
    let ground = Ground::new(db);
    let (_, begun) = kept(&ground).await;
    let (live, id) = (&ground.live, &begun.broadcast.id);
    let of = to_record(&ground, &begun).await;
    assert_eq!((of.segments.len(), of.headers.len(), of.renditions.len()), (2, 1, 1));
    let asset: AssetId = ground.ambient.id();
    let mut tx = ground.db.write().await.expect("begins");
    let end = (EndReason::Stopped, "");
    live.end_recorded(&mut tx, &begun.lease, end, (&of, &asset)).await.expect("ended");
    tx.commit().await.expect("commits");
    let ended = live.broadcast(id).await.expect("read").expect("a row");
    assert_eq!((ended.asset, ended.ended.map(|end| end.reason)), (Some(asset), Some(EndReason::Stopped)));
    assert_eq!(live.segments(id).await.expect("rows"), [], "they are the asset's");
    assert!(live.to_record(id).await.expect("read").is_none(), "it is recorded");
    live.keep_left_behind(id, 1, &[], &recorded(vec![segment(2, 1)]))
        .await
        .expect("too late, and said to nobody");
    assert_eq!(live.segments(id).await.expect("rows"), [], "nothing is put beside what was given away");
});

both_dbs!(what_came_meanwhile_is_not_lost, |db| async move {
    let ground = Ground::new(db);
    let (_, begun) = kept(&ground).await;
    let (live, id) = (&ground.live, &begun.broadcast.id);
    let early = to_record(&ground, &begun).await;
    assert!(matches!(give(&ground, &early).await, Err(LiveError::Superseded)), "it is on air");
    live.end(&begun.lease, EndReason::Kicked, "").await.expect("ended");
    live.keep_left_behind(id, 1, &[], &recorded(vec![segment(2, 1)])).await.expect("noted");
    assert!(matches!(give(&ground, &early).await, Err(LiveError::Superseded)), "there is more by now");
    let whole = to_record(&ground, &begun).await;
    let asset = give(&ground, &whole).await.expect("recorded");
    assert_eq!(live.broadcast(id).await.expect("read").and_then(|row| row.asset), Some(asset));
    assert!(matches!(give(&ground, &whole).await, Err(LiveError::Superseded)), "once");
});

both_dbs!(what_is_owed_is_found_after_a_while, |db| async move {
    let ground = Ground::new(db);
    let (_, begun) = kept(&ground).await;
    let (live, id) = (&ground.live, begun.broadcast.id.clone());
    live.end(&begun.lease, EndReason::Lost, "").await.expect("ended");
    assert_eq!(live.unrecorded().await.expect("rows"), []);
    ground.clock.advance(RECORDED_AFTERWARDS + Duration::from_secs(1));
    assert_eq!(live.unrecorded().await.expect("rows"), [id]);
    give(&ground, &to_record(&ground, &begun).await).await.expect("recorded");
    assert_eq!(live.unrecorded().await.expect("rows"), []);
});
