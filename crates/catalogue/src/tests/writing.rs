//! Writing to uploads: one at a time, and never for long by somebody who is gone.

use base::Timestamp;

use super::*;

/// What the row says is left to wait, for whoever may not write.
fn wait(refused: Result<WriteLease>) -> Duration {
    match refused {
        Err(CatalogueError::Busy { wait }) => wait,
        other => panic!("not refused: {other:?}"),
    }
}

both_dbs!(one_writes_at_a_time, |db| async move {
    let ground = Ground::new(db).await;
    let (upload, _) = ground.begin_upload(10).await;
    let begin = async || ground.catalogue.begin_write(&upload, &ground.ambient.id(), None).await;
    let lease = begin().await.expect("nobody writes");
    assert_eq!(wait(begin().await), WRITE_LEASE);
    ground.clock.advance(WRITE_LEASE - Duration::from_secs(1));
    assert_eq!(wait(begin().await), Duration::from_secs(1));
    ground.catalogue.end_write(&upload, lease, 4, upload.expires).await.expect("given back");
    let again = begin().await.expect("free again");
    ground.catalogue.end_write(&upload, again, 10, upload.expires).await.expect("given back");
    ground.catalogue.complete_source(&upload, 10).await.expect("complete");
    assert_eq!(wait(begin().await), Duration::ZERO, "a finished upload takes nothing");
});

both_dbs!(of_many_that_begin_at_once_one_writes, |db| async move {
    let ground = Ground::new(db).await;
    let (upload, _) = ground.begin_upload(10).await;
    ground.open_connections(8).await;
    for round in 0..5 {
        let begun = join_all(
            (0..8).map(|_| async { ground.catalogue.begin_write(&upload, &ground.ambient.id(), None).await }),
        );
        let (held, refused): (Vec<_>, Vec<_>) = begun.await.into_iter().partition(Result::is_ok);
        assert_eq!((held.len(), refused.len()), (1, 7), "round {round}");
        assert!(refused.into_iter().all(|refused| wait(refused) <= WRITE_LEASE));
        // Given back and taken over by turns.
        for lease in held.into_iter().flatten() {
            if round % 2 == 0 {
                ground.catalogue.end_write(&upload, lease, round, upload.expires).await.expect("ended");
            } else {
                ground.clock.advance(WRITE_LEASE);
            }
        }
    }
});

both_dbs!(a_lease_by_a_clock_that_was_ahead_keeps_nobody_out, |db| async move {
    let ground = Ground::new(db).await;
    let (upload, _) = ground.begin_upload(10).await;
    let begin = async || ground.catalogue.begin_write(&upload, &ground.ambient.id(), None).await;
    let now = ground.ambient.now();
    ground.clock.set(now + WRITE_LEASE);
    let lease = begin().await.expect("nobody writes");
    ground.clock.set(now);
    assert_eq!(wait(begin().await), WRITE_LEASE, "clocks may differ by as long as a lease lasts");
    ground.catalogue.end_write(&upload, lease, 0, upload.expires).await.expect("given back");
    ground.clock.set(now + Duration::from_secs(3600));
    let mut ahead = begin().await.expect("free again");
    ground.clock.set(now);
    begin().await.expect("taken over at once");
    assert!(!ground.catalogue.renew_write(&mut ahead, true).await.expect("asked"), "and lost");
});

both_dbs!(whoever_was_overtaken_changes_nothing, |db| async move {
    let ground = Ground::new(db).await;
    let (upload, _) = ground.begin_upload(10).await;
    let mut stopped = ground.catalogue.begin_write(&upload, &ground.ambient.id(), None).await.expect("begun");
    ground.clock.advance(WRITE_LEASE);
    assert!(ground.catalogue.renew_write(&mut stopped, true).await.expect("asked"), "nobody was faster");
    ground.clock.advance(WRITE_LEASE);
    let next = ground.catalogue.begin_write(&upload, &ground.ambient.id(), None).await.expect("taken over");
    assert!(!ground.catalogue.renew_write(&mut stopped, true).await.expect("asked"));
    ground.catalogue.end_write(&upload, stopped, 9, upload.expires).await.expect("nothing happens");
    assert_eq!(ground.catalogue.upload(&ground.creator, &upload.id).await.expect("open").offset, 0);
    let refused = ground.catalogue.begin_write(&upload, &ground.ambient.id(), None).await;
    assert_eq!(wait(refused), WRITE_LEASE, "the next one has it still");
    ground.catalogue.end_write(&upload, next, 5, upload.expires).await.expect("given back");
    assert_eq!(ground.catalogue.upload(&ground.creator, &upload.id).await.expect("open").offset, 5);
});

both_dbs!(a_silent_writer_keeps_its_lease_no_longer_than_it_was, |db| async move {
    let ground = Ground::new(db).await;
    let (upload, _) = ground.begin_upload(10).await;
    let mut lease = ground.catalogue.begin_write(&upload, &ground.ambient.id(), None).await.expect("begun");
    ground.clock.advance(WRITE_LEASE / 2);
    assert!(ground.catalogue.renew_write(&mut lease, false).await.expect("asked"));
    ground.clock.advance(WRITE_LEASE / 2);
    ground.catalogue.begin_write(&upload, &ground.ambient.id(), None).await.expect("its time is over");
});

both_dbs!(a_dead_process_writes_nothing, |db| async move {
    let ground = Ground::new(db).await;
    let ((one, _), (two, _)) = (ground.begin_upload(10).await, ground.begin_upload(10).await);
    let (dead, alive): (WorkerId, WorkerId) = (ground.ambient.id(), ground.ambient.id());
    ground.catalogue.begin_write(&one, &dead, None).await.expect("begun");
    ground.catalogue.begin_write(&two, &alive, None).await.expect("begun");
    assert_eq!(ground.catalogue.release_writer(&dead).await.expect("released"), 1);
    ground.catalogue.begin_write(&one, &alive, None).await.expect("free at once");
    assert_eq!(wait(ground.catalogue.begin_write(&two, &alive, None).await), WRITE_LEASE);
});

both_dbs!(the_end_of_writing_is_told, |db| async move {
    let ground = Ground::new(db).await;
    let (upload, asset) = ground.begin_upload(100).await;
    let mut heard = ground.catalogue.bus.subscribe(&upload.tenant);
    let later: Timestamp = upload.expires + Duration::from_secs(60);
    for offset in [40, 100] {
        ground.write(&upload, offset, later).await;
        let known = ground.catalogue.upload(&ground.creator, &upload.id).await.expect("open");
        assert_eq!((known.offset, known.expires), (offset, later));
        let event = heard.next().await.expect("an event");
        let progress: events::UploadProgress =
            serde_json::from_value(event.payload.clone()).expect("progress");
        assert_eq!((event.kind.as_str(), event.seq), (events::UPLOAD_PROGRESS, None));
        assert_eq!((progress.offset, progress.length, &progress.asset), (offset, 100, &asset.id));
    }
    assert_eq!(ground.asset(&asset.id).await.source.received, 100);
    let lease = ground.catalogue.begin_write(&upload, &ground.ambient.id(), None).await.expect("begun");
    let refused = ground.catalogue.end_write(&upload, lease, 101, later).await;
    assert!(matches!(refused, Err(CatalogueError::Invalid { field: "offset", .. })), "{refused:?}");
});
