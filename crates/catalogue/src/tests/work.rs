//! What workers write: once, in order, and only while they hold the job.

use ::jobs::JobsError;

use super::*;

fn finding(severity: Severity) -> Finding {
    Finding {
        rule: "HLS-X".to_owned(),
        clause: "4.1".to_owned(),
        severity,
        place: "video-720/index.m3u8, line 3".to_owned(),
        message: "wrong\0".to_owned(),
    }
}

both_dbs!(a_plan_queues_every_piece, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.planned(&film(3)).await;
    assert_eq!((asset.state, asset.playing), (State::Transcoding, None));
    assert_eq!(asset.plan, Some(film(3)));
    assert_eq!((asset.duration_us, asset.source.sha256.as_deref()), (Some(36_000_000), Some("ab12")));
    let claims = ground.claims(&Work::KINDS).await;
    let pieces: Vec<_> = claims.iter().map(|claim| piece_of(claim).2).collect();
    assert_eq!(pieces[0], Piece::Audio(0), "nothing plays without it");
    assert_eq!(pieces[4], Piece::Images, "everything plays without them");
    let mut chunks = pieces[1..4].to_vec();
    chunks.sort();
    assert_eq!(chunks, [Piece::Chunk(0), Piece::Chunk(1), Piece::Chunk(2)]);
    assert!(claims.iter().all(|claim| claim.subject == asset.id.as_str()));
    let heard = ground.events(&asset.id).await;
    assert_eq!(heard, [&[events::CREATED][..], &[events::UPDATED; 3]].concat());
});

both_dbs!(a_plan_of_nothing_is_refused, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.queued().await;
    let nothing = Plan { audio: Vec::new(), ..music() };
    let mut tx = ground.db.write().await.expect("begins");
    let refused = ground.catalogue.store_plan(&mut tx, &asset.id, 1, &nothing, "ab").await;
    assert!(matches!(refused, Err(CatalogueError::Invalid { field: "plan", .. })), "{refused:?}");
});

both_dbs!(what_hostile_files_are_called_is_stored_without_nul, |db| async move {
    let ground = Ground::new(db).await;
    let mut plan = music();
    plan.audio[0].label = "a\0b".to_owned();
    plan.reasons = vec!["\0".to_owned()];
    let stored = ground.planned(&plan).await.plan.expect("planned");
    assert_eq!((stored.audio[0].label.as_str(), stored.reasons[0].as_str()), ("a\u{fffd}b", "\u{fffd}"));
});

both_dbs!(the_piece_that_finishes_last_queues_one_publish, |db| async move {
    let ground = Ground::new(db).await;
    ground.planned(&film(5)).await;
    let claims = ground.claims(&["chunk", "audio", "images"]).await;
    assert_eq!(claims.len(), 7);
    ground.open_connections(7).await;
    let mut left: Vec<_> = join_all(claims.iter().map(|claim| ground.make(claim))).await;
    left.sort_by_key(|remaining| match remaining {
        Remaining::Pieces(n) => *n,
        Remaining::Publish => 0,
    });
    let expected: Vec<_> = [Remaining::Publish].into_iter().chain((1..7).map(Remaining::Pieces)).collect();
    assert_eq!(left, expected, "each counted what was left after the one before");
    assert_eq!(ground.live_jobs().await, [("publish".to_owned(), 1)]);
});

both_dbs!(the_last_two_pieces_may_overlap, |db| async move {
    let ground = Ground::new(db).await;
    ground.planned(&film(1)).await;
    let claims = ground.claims(&["chunk", "audio", "images"]).await;
    ground.make(&claims[0]).await;
    let (parts, others) = (ground.parts_of(&claims[1]).await, ground.parts_of(&claims[2]).await);
    let mut first = ground.db.write().await.expect("begins");
    let remaining = ground.write_piece(&mut first, &claims[1], &parts).await.expect("finished");
    assert_eq!(remaining, Remaining::Pieces(1));
    let second = async {
        let mut tx = ground.db.write().await.expect("begins");
        let remaining = ground.write_piece(&mut tx, &claims[2], &others).await.expect("finished");
        drop(ground.queue.complete(tx, &claims[2]).await.expect("completed"));
        remaining
    };
    let mut second = std::pin::pin!(second);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut second).await;
    assert!(early.is_err(), "it waits for the first");
    drop(ground.queue.complete(first, &claims[1]).await.expect("completed"));
    let second = second.await;
    assert_eq!(second, Remaining::Publish);
    assert_eq!(ground.live_jobs().await, [("publish".to_owned(), 1)]);
});

both_dbs!(a_piece_that_is_undone_leaves_no_trace, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.planned(&film(1)).await;
    let claims = ground.claims(&["chunk", "audio", "images"]).await;
    ground.make(&claims[0]).await;
    ground.make(&claims[2]).await;
    let parts = ground.parts_of(&claims[1]).await;
    let mut undone = ground.db.write().await.expect("begins");
    let remaining = ground.write_piece(&mut undone, &claims[1], &parts).await.expect("finished");
    assert_eq!(remaining, Remaining::Publish);
    drop(undone);
    assert_eq!(ground.asset(&asset.id).await.playing, None);
    assert_eq!(ground.live_jobs().await, [("chunk".to_owned(), 1)], "no publish");
    assert_eq!(ground.make(&claims[1]).await, Remaining::Publish);
});

both_dbs!(who_has_lost_the_lease_changes_nothing, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.planned(&film(1)).await;
    let slow = ground.claim(&["chunk"]).await.expect("a chunk");
    ground.clock.advance(LEASE);
    let fast = ground.claim(&["chunk"]).await.expect("the same chunk");
    assert_eq!((slow.id.clone(), slow.attempt, fast.attempt), (fast.id.clone(), 1, 2));

    let parts = ground.parts_of(&slow).await;
    let mut late = ground.db.write().await.expect("begins");
    ground.write_piece(&mut late, &slow, &parts).await.expect("written, but not yet committed");
    let settled = ground.queue.complete(late, &slow).await;
    assert!(matches!(settled, Err(JobsError::LeaseLost)), "{settled:?}");
    assert!(ground.catalogue.parts(&asset.id, 1).await.expect("read").is_empty());

    ground.make(&fast).await;
    let mut later = ground.db.write().await.expect("begins");
    let refused =
        ground.catalogue.store_part(&mut later, &asset.id, 1, &part(TrackName::Video(720), 0, 1)).await;
    let taken = matches!(refused, Err(CatalogueError::PartTaken { track: TrackName::Video(720), chunk: 0 }));
    assert!(taken, "{refused:?}");
    drop(later);
    let parts = ground.catalogue.parts(&asset.id, 1).await.expect("read");
    assert_eq!(parts, [part(TrackName::Video(720), 0, 2), part(TrackName::Video(360), 0, 2)]);
});

both_dbs!(parts_are_checked, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.planned(&film(2)).await;
    let tall = TrackName::Video(720);
    let good = part(tall, 1, 1);
    let wrong = [
        Part { segments: Vec::new(), ..good.clone() },
        Part { segments: vec![good.segments[0].clone(); 2], ..good.clone() },
        Part { info: Some(info(tall)), ..good.clone() },
        Part { info: None, ..part(tall, 0, 1) },
        Part { info: Some(info(TrackName::Video(360))), ..part(tall, 0, 1) },
    ];
    for part in &wrong {
        let mut tx = ground.db.write().await.expect("begins");
        let refused = ground.catalogue.store_part(&mut tx, &asset.id, 1, part).await;
        assert!(matches!(refused, Err(CatalogueError::Invalid { .. })), "{refused:?}");
    }
    let mut tx = ground.db.write().await.expect("begins");
    let unplanned = part(TrackName::Video(1080), 1, 1);
    let refused = ground.catalogue.store_part(&mut tx, &asset.id, 1, &unplanned).await;
    assert!(matches!(refused, Err(CatalogueError::Db(db::DbError::ForeignKey))), "{refused:?}");
});

both_dbs!(a_piece_is_finished_once_and_with_all_its_parts, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.planned(&film(2)).await;
    let finish = async |tx: &mut Tx, piece| ground.catalogue.finish_work(tx, &asset.id, 1, piece, 1).await;
    let mut tx = ground.db.write().await.expect("begins");
    let tall = part(TrackName::Video(720), 0, 1);
    ground.catalogue.store_part(&mut tx, &asset.id, 1, &tall).await.expect("stored");
    for piece in [Piece::Chunk(0), Piece::Chunk(1), Piece::Audio(0)] {
        let refused = finish(&mut tx, piece).await;
        assert!(matches!(refused, Err(CatalogueError::PartMissing { .. })), "{refused:?}");
    }
    assert_eq!(finish(&mut tx, Piece::Images).await.expect("finished"), Remaining::Pieces(3));
    for piece in [Piece::Images, Piece::Audio(7)] {
        let refused = finish(&mut tx, piece).await;
        assert!(matches!(refused, Err(CatalogueError::PartMissing { .. })), "{refused:?}");
    }
});

both_dbs!(a_version_is_published_when_it_is_whole, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.planned(&film(1)).await;
    let mut tx = ground.db.write().await.expect("begins");
    let early = ground.catalogue.publish(&mut tx, &asset.id, 1, Vec::new()).await;
    assert!(matches!(early, Err(CatalogueError::Unfinished { remaining: 3 })), "{early:?}");
    drop(tx);
    ground.make_all().await;
    assert_eq!(ground.publish(vec![finding(Severity::Should)]).await, Gate::Passed);
    let ready = ground.asset(&asset.id).await;
    assert_eq!((ready.state, ready.playing, ready.reason), (State::Ready, Some(1), None));
    let stored = Finding { message: "wrong\u{fffd}".to_owned(), ..finding(Severity::Should) };
    assert_eq!(ready.findings, [stored]);
    assert_eq!(ground.events(&asset.id).await.last().map(String::as_str), Some(events::READY));
    assert_eq!(ground.live_jobs().await, [("sweep".to_owned(), 1)]);

    let mut tx = ground.db.write().await.expect("begins");
    let again = ground.catalogue.publish(&mut tx, &asset.id, 1, Vec::new()).await;
    assert!(again.expect_err("final").is_moot());
});

both_dbs!(the_gate_refuses_what_must_be_otherwise, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.planned(&film(1)).await;
    ground.make_all().await;
    assert_eq!(ground.asset(&asset.id).await.playing, Some(1), "it played while it was made");
    assert_eq!(ground.publish(vec![finding(Severity::Must)]).await, Gate::Refused);
    let failed = ground.asset(&asset.id).await;
    assert_eq!((failed.state, failed.playing, failed.findings.len()), (State::Failed, None, 1));
    assert!(failed.reason.expect("a reason").contains("HLS-X"));
    assert!(ground.catalogue.playback(&asset.id).await.expect("read").is_none());
    assert_eq!(ground.events(&asset.id).await.last().map(String::as_str), Some(events::FAILED));
});

both_dbs!(a_given_up_piece_fails_the_asset_and_ends_its_work, |db| async move {
    let ground = Ground::new(db).await;
    let bystander = ground.planned(&film(1)).await;
    let parked = ground.claims(&Work::KINDS).await.len() as u64;
    let asset = ground.planned(&film(3)).await;
    let chunks = ground.claims(&["chunk"]).await;
    assert!(ground.give_up(&chunks[0], "The picture is damaged at 0:12.").await.expect("given up"));

    let failed = ground.asset(&asset.id).await;
    assert_eq!(failed.state, State::Failed);
    assert_eq!(failed.reason.as_deref(), Some("The picture is damaged at 0:12."));
    assert_eq!(ground.events(&asset.id).await.last().map(String::as_str), Some(events::FAILED));
    let live: u64 = ground.live_jobs().await.iter().map(|(_, n)| n).sum();
    assert_eq!(live, parked + 1, "one sweep, and another asset's work");
    let dead = ground.queue.dead(&ground.creator.tenant, 10).await.expect("a list");
    assert_eq!(dead.iter().map(|job| &job.id).collect::<Vec<_>>(), [&chunks[0].id]);

    let refused = ground.give_up(&chunks[1], "also").await;
    assert!(matches!(refused, Err(CatalogueError::Jobs(JobsError::LeaseLost))), "{refused:?}");
    let moot = ground.catalogue.asset_in_work(&asset.id, 1).await.expect_err("nobody waits for it");
    assert!(moot.is_moot());
    assert_eq!(ground.asset(&bystander.id).await.state, State::Transcoding);
});

both_dbs!(pieces_given_up_together_fail_the_asset_once, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.planned(&film(6)).await;
    let claims = ground.claims(&["chunk", "audio", "images"]).await;
    ground.open_connections(8).await;
    let ends = join_all(claims.iter().map(|claim| ground.give_up(claim, "broken"))).await;
    let first = ends.iter().filter(|end| matches!(end, Ok(true))).count();
    let rest =
        ends.iter().filter(|end| matches!(end, Err(CatalogueError::Jobs(JobsError::LeaseLost)))).count();
    assert_eq!((first, rest), (1, claims.len() - 1), "{ends:?}");
    let failures = ground.events(&asset.id).await.into_iter().filter(|kind| kind == events::FAILED).count();
    assert_eq!(failures, 1);
    assert_eq!(ground.live_jobs().await, [("sweep".to_owned(), 1)]);
});

both_dbs!(a_probe_that_is_given_up_fails_the_asset, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.queued().await;
    let claim = ground.claim(&["probe"]).await.expect("a probe");
    let probing = ground.catalogue.start_probe(&asset.id, 1).await.expect("started");
    assert_eq!(probing.state, State::Probing);
    ground.catalogue.start_probe(&asset.id, 1).await.expect("started again, after a lost attempt");
    let long = format!("\0{}", "x".repeat(2 * REASON_CHARS_MAX));
    assert!(ground.give_up(&claim, &long).await.expect("given up"));
    let reason = ground.asset(&asset.id).await.reason.expect("a reason");
    assert_eq!(reason, "x".repeat(REASON_CHARS_MAX));
});

both_dbs!(a_sweep_that_is_given_up_fails_nobody, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.ready(&music()).await;
    ground.clock.advance(LEASE * 2);
    let claim = ground.claim(&["sweep"]).await.expect("a sweep");
    assert!(!ground.give_up(&claim, "the store is away").await.expect("given up"));
    assert_eq!(ground.asset(&asset.id).await.state, State::Ready);
});

both_dbs!(work_for_an_older_version_is_moot, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.planned(&film(1)).await;
    let claim = ground.claim(&["chunk"]).await.expect("a chunk");
    let audio = ground.claim(&["audio"]).await.expect("an audio");
    ground.give_up(&claim, "broken").await.expect("given up");
    ground.catalogue.retry_asset(&ground.creator, &asset.id).await.expect("requeued");

    let moot = |error: CatalogueError| error.is_moot();
    assert!(moot(ground.catalogue.asset_in_work(&asset.id, 1).await.expect_err("superseded")));
    assert!(moot(ground.catalogue.start_probe(&asset.id, 1).await.expect_err("superseded")));
    let mut tx = ground.db.write().await.expect("begins");
    let part = part(TrackName::Audio(0), 0, audio.attempt);
    assert!(moot(ground.catalogue.store_part(&mut tx, &asset.id, 1, &part).await.expect_err("superseded")));
    assert!(moot(ground.catalogue.publish(&mut tx, &asset.id, 1, Vec::new()).await.expect_err("superseded")));
    assert!(moot(
        ground.catalogue.store_plan(&mut tx, &asset.id, 1, &music(), "").await.expect_err("superseded")
    ));
    assert!(!ground.catalogue.fail(&mut tx, &audio, "late").await.expect("nobody to fail"));
    drop(tx);
    let again = ground.asset(&asset.id).await;
    assert_eq!((again.state, again.version, again.reason), (State::Queued, 2, None));
    let probe = ground.claim(&["probe"]).await.expect("a probe of the new version");
    assert_eq!(read(&probe), Work::Probe { asset: asset.id, version: 2 });
});
