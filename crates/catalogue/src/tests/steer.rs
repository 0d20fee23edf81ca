//! Cancelling, trying again, encoding again.

use super::*;

fn is_illegal<T>(result: &Result<T>) -> bool {
    matches!(result, Err(CatalogueError::Illegal(_)))
}

both_dbs!(a_cancelled_film_fails_with_words_and_its_work_ends, |db| async move {
    let ground = Ground::new(db).await;
    let (c, creator) = (&ground.catalogue, &ground.creator);
    let asset = ground.planned(&film(2)).await;
    let running = ground.claim(&["chunk"]).await.expect("a chunk");
    let cancelled = c.cancel_asset(creator, &asset.id).await.expect("cancelled");
    assert_eq!((cancelled.state, cancelled.reason.as_deref()), (State::Failed, Some("It was cancelled.")));
    assert_eq!(ground.live_jobs().await, [("sweep".to_owned(), 1)]);
    assert!(!ground.queue.holds(&running).await.expect("asked"));
    let late = ground.queue.complete(ground.db.write().await.expect("begins"), &running).await;
    assert!(matches!(late, Err(::jobs::JobsError::LeaseLost)), "{late:?}");
    assert_eq!(ground.events(&asset.id).await.last().map(String::as_str), Some(events::FAILED));
    assert!(is_illegal(&c.cancel_asset(creator, &asset.id).await), "once");
    assert!(is_illegal(&c.reencode_asset(creator, &asset.id).await), "it is not ready");

    let again = c.retry_asset(creator, &asset.id).await.expect("queued");
    assert_eq!((again.state, again.reason, again.version), (State::Queued, None, 2));
    ground.probe(&film(2)).await;
    ground.make_all().await;
    assert_eq!(ground.publish(Vec::new()).await, Gate::Passed);
    assert!(is_illegal(&c.retry_asset(creator, &asset.id).await), "it has not failed");
});

both_dbs!(a_film_is_cancelled_at_every_step_of_its_making, |db| async move {
    let ground = Ground::new(db).await;
    let (c, creator) = (&ground.catalogue, &ground.creator);
    let (_, uploading) = ground.begin_upload(10).await;
    assert!(is_illegal(&c.cancel_asset(creator, &uploading.id).await), "its upload is deleted instead");

    let queued = ground.queued().await;
    c.cancel_asset(creator, &queued.id).await.expect("cancelled");
    assert!(ground.claim(&["probe"]).await.is_none());

    let probing = ground.queued().await;
    let probe = ground.claim(&["probe"]).await.expect("a probe");
    c.start_probe(&probing.id, 1).await.expect("started");
    c.cancel_asset(creator, &probing.id).await.expect("cancelled");
    assert!(!ground.queue.holds(&probe).await.expect("asked"));

    let made = ground.planned(&film(1)).await;
    ground.make_all().await;
    c.cancel_asset(creator, &made.id).await.expect("cancelled");
    assert!(ground.claim(&["publish"]).await.is_none());
    assert_eq!(ground.asset(&made.id).await.playing, None, "it had played while it was made");
});

both_dbs!(encoding_again_keeps_the_old_version_playing, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.ready(&film(1)).await;
    let (c, id) = (&ground.catalogue, &asset.id);
    let again = c.reencode_asset(&ground.creator, id).await.expect("queued");
    assert_eq!((again.state, again.version, again.playing), (State::Queued, 2, Some(1)));
    assert_eq!(again.plan, asset.plan, "what is shown is what plays");
    assert!(is_illegal(&c.reencode_asset(&ground.creator, id).await));
    assert!(c.playback_version(id, 2).await.expect("read").is_none(), "nobody plays it yet");

    ground.probe(&music()).await;
    let making = c.asset_in_work(id, 2).await.expect("in work");
    assert_eq!(making.plan, Some(music()), "workers see the version they make");
    assert_eq!(ground.asset(id).await.plan, asset.plan);
    ground.make_all().await;
    assert_eq!(ground.asset(id).await.playing, Some(1));
    assert_eq!(ground.publish(Vec::new()).await, Gate::Passed);
    let published = ground.asset(id).await;
    assert_eq!((published.state, published.playing), (State::Ready, Some(2)));
    assert_eq!(published.plan, Some(music()));

    let old = c.playback_version(id, 1).await.expect("read").expect("who began with it goes on");
    assert_eq!((old.version, old.ended, old.tracks.len()), (1, true, 3));
    assert_eq!(c.playback_version(id, 2).await.expect("read").expect("plays").tracks.len(), 1);
    ground.clock.advance(VERSION_GRACE);
    assert!(c.playback_version(id, 1).await.expect("read").is_none());
});

both_dbs!(a_failed_or_cancelled_new_version_leaves_the_old_one_playing, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.ready(&film(1)).await;
    let (c, id) = (&ground.catalogue, &asset.id);
    c.reencode_asset(&ground.creator, id).await.expect("queued");
    c.cancel_asset(&ground.creator, id).await.expect("cancelled");
    c.retry_asset(&ground.creator, id).await.expect("queued");
    ground.probe(&film(1)).await;
    let chunk = ground.claim(&["chunk"]).await.expect("a chunk");
    ground.give_up(&chunk, "The picture is damaged.").await.expect("given up");
    let failed = ground.asset(id).await;
    assert_eq!((failed.state, failed.version, failed.playing), (State::Failed, 3, Some(1)));
    let playback = c.playback(id).await.expect("read").expect("plays");
    assert_eq!((playback.version, playback.ended, playback.tracks.len()), (1, true, 3));
    let kept: Vec<_> = c.inventory(id).await.expect("read").expect("rows").settled;
    assert_eq!(kept.iter().map(|v| (v.version, v.keep.len())).collect::<Vec<_>>(), [(1, 13), (2, 0), (3, 0)]);
});
