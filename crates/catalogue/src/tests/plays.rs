//! Plays and viewers, on a clock of their own.

use super::*;

async fn audience(ground: &Ground, id: &AssetId) -> Audience {
    ground.catalogue.audiences(&[id]).await.expect("read").get(id.as_str()).copied().unwrap_or_default()
}

fn of(plays: u64, viewers: u64) -> Audience {
    Audience { plays, viewers }
}

both_dbs!(a_play_counts_once_and_only_when_it_lasts, |db| async move {
    let ground = Ground::new(db).await;
    let (asset, other) = (ground.ready(&music()).await.id, ground.ready(&music()).await.id);
    let catalogue = &ground.catalogue;
    let play = catalogue.begin_play(&asset).await.expect("begun");
    let short = catalogue.begin_play(&asset).await.expect("begun");
    assert_eq!(audience(&ground, &asset).await, of(0, 2));
    ground.clock.advance(PLAY_COUNTED_AFTER - Duration::from_secs(1));
    assert!(!catalogue.end_play(&short).await.expect("ended"), "too short");
    assert!(!catalogue.keep_play(&play).await.expect("kept"));
    assert_eq!(audience(&ground, &asset).await, of(0, 1));
    ground.clock.advance(Duration::from_secs(1));
    assert!(catalogue.keep_play(&play).await.expect("kept"));
    for _ in 0..3 {
        ground.clock.advance(PLAY_HEARTBEAT);
        assert!(!catalogue.keep_play(&play).await.expect("kept"));
    }
    assert_eq!(audience(&ground, &asset).await, of(1, 1));
    assert!(!catalogue.end_play(&play).await.expect("ended"));
    assert_eq!(audience(&ground, &asset).await, of(1, 0));
    assert!(is_gone(&catalogue.keep_play(&play).await) && is_gone(&catalogue.end_play(&play).await));
    let whole = catalogue.begin_play(&asset).await.expect("begun");
    ground.clock.advance(PLAY_LEASE - Duration::from_secs(1));
    assert!(catalogue.end_play(&whole).await.expect("ended"), "counted at its end");
    assert_eq!((audience(&ground, &asset).await, audience(&ground, &other).await), (of(2, 0), of(0, 0)));
});

fn is_gone<T>(result: &Result<T>) -> bool {
    matches!(result, Err(CatalogueError::NotFound))
}

both_dbs!(a_viewer_who_says_nothing_is_gone_and_so_is_the_row, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.ready(&music()).await.id;
    let catalogue = &ground.catalogue;
    let (silent, loud) = (catalogue.begin_play(&asset).await, catalogue.begin_play(&asset).await);
    let (silent, loud) = (silent.expect("begun"), loud.expect("begun"));
    ground.clock.advance(PLAY_LEASE - Duration::from_secs(1));
    catalogue.keep_play(&loud).await.expect("kept");
    assert_eq!(audience(&ground, &asset).await, of(1, 2));
    ground.clock.advance(Duration::from_secs(1));
    assert_eq!(audience(&ground, &asset).await, of(1, 1));
    assert!(is_gone(&catalogue.keep_play(&silent).await), "it begins another");
    assert_eq!(catalogue.sweep_plays().await.expect("swept"), 1);
    ground.clock.advance(PLAY_LEASE);
    assert_eq!(catalogue.sweep_plays().await.expect("swept"), 0);
});

both_dbs!(only_what_plays_is_played_and_nothing_hinders_its_end, |db| async move {
    let ground = Ground::new(db).await;
    let catalogue = &ground.catalogue;
    assert!(is_gone(&catalogue.begin_play(&ground.ambient.id()).await));
    assert!(is_gone(&catalogue.begin_play(&ground.begin_upload(1).await.1.id).await));
    assert!(is_gone(&catalogue.keep_play(&ground.ambient.id()).await));
    let asset = ground.ready(&music()).await.id;
    let play = catalogue.begin_play(&asset).await.expect("begun");
    ground.clock.advance(PLAY_COUNTED_AFTER);
    catalogue.keep_play(&play).await.expect("kept");
    catalogue.delete_asset(&ground.creator, &asset).await.expect("deleted");
    assert!(is_gone(&catalogue.begin_play(&asset).await));
    let mut tx = ground.db.write().await.expect("begins");
    catalogue.purge(&mut tx, &asset).await.expect("purged");
    tx.commit().await.expect("commits");
    assert_eq!(audience(&ground, &asset).await, of(0, 0));
});

both_dbs!(plays_that_begin_and_go_on_side_by_side_are_all_counted, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.ready(&music()).await.id;
    let catalogue = &ground.catalogue;
    ground.open_connections(6).await;
    let begun = join_all((0..12).map(|_| catalogue.begin_play(&asset))).await;
    let begun: Vec<_> = begun.into_iter().map(|play| play.expect("begun")).collect();
    ground.clock.advance(PLAY_COUNTED_AFTER);
    let twice = begun.iter().chain(&begun).map(|play| catalogue.keep_play(play));
    let counted =
        join_all(twice).await.into_iter().filter(|counted| *counted.as_ref().expect("kept")).count();
    assert_eq!((counted, audience(&ground, &asset).await), (12, of(12, 12)));
});
