//! What may be removed, and when.

use super::*;

async fn purge(ground: &Ground, id: &AssetId) {
    let mut tx = ground.db.write().await.expect("begins");
    ground.catalogue.purge(&mut tx, id).await.expect("purged");
    tx.commit().await.expect("commits");
}

async fn inventory(ground: &Ground, id: &AssetId) -> Inventory {
    ground.catalogue.inventory(id).await.expect("read").expect("rows")
}

both_dbs!(what_plays_is_kept, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.ready(&film(1)).await;
    let (id, inventory) = (&asset.id, inventory(&ground, &asset.id).await);
    assert!(!inventory.deleted && !inventory.abandoned);
    let [settled] = &inventory.settled[..] else { panic!("{inventory:?}") };
    let mut expected: Vec<_> = ["video-720", "video-360", "audio-0"]
        .iter()
        .flat_map(|track| {
            ["init.a1.mp4", "00000.a1.m4s", "00001.a1.m4s"].map(|file| format!("{track}/{file}"))
        })
        .chain(
            ["poster.a1.jpg", "thumbs.a1.vtt", "sprite-000.a1.jpg", "sprite-001.a1.jpg"]
                .map(|f| format!("images/{f}")),
        )
        .map(|path| format!("assets/{id}/v1/{path}"))
        .collect();
    expected.sort();
    assert_eq!((settled.version, settled.keep.iter().cloned().collect::<Vec<_>>()), (1, expected));

    purge(&ground, id).await;
    assert_eq!(ground.asset(id).await, asset, "there was nothing to purge");
    assert_eq!(ground.catalogue.parts(id, 1).await.expect("read").len(), 3);
});

both_dbs!(an_old_version_goes_when_the_new_one_is_published, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.ready(&film(1)).await;
    let id = &asset.id;
    ground.catalogue.requeue_asset(&ground.creator, id).await.expect("requeued");
    ground.probe(&film(1)).await;
    let making = inventory(&ground, id).await;
    assert_eq!(making.settled.iter().map(|v| v.version).collect::<Vec<_>>(), [1]);
    assert!(!making.settled[0].keep.is_empty());
    purge(&ground, id).await;
    assert_eq!(ground.catalogue.parts(id, 1).await.expect("read").len(), 3, "it plays");
    ground.make_all().await;
    ground.publish(Vec::new()).await;
    let after = inventory(&ground, id).await;
    let kept: Vec<_> = after.settled.iter().map(|v| (v.version, v.keep.len())).collect();
    assert_eq!(kept, [(1, 0), (2, 13)]);
    purge(&ground, id).await;
    assert!(ground.catalogue.parts(id, 1).await.expect("read").is_empty());
    assert_eq!(ground.catalogue.parts(id, 2).await.expect("read").len(), 3);
    assert_eq!(ground.catalogue.images_attempt(id, 1).await.expect("read"), None);
    assert_eq!(ground.asset(id).await.playing, Some(2));
});

both_dbs!(a_failed_version_keeps_nothing_but_its_story, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.planned(&film(2)).await;
    let chunks = ground.claims(&["chunk"]).await;
    ground.make(&chunks[0]).await;
    ground.give_up(&chunks[1], "The picture is damaged.").await.expect("given up");
    let inventory = inventory(&ground, &asset.id).await;
    assert_eq!(inventory.settled, [SettledVersion { version: 1, keep: std::collections::BTreeSet::new() }]);
    purge(&ground, &asset.id).await;
    assert!(ground.catalogue.parts(&asset.id, 1).await.expect("read").is_empty());
    let failed = ground.asset(&asset.id).await;
    assert_eq!((failed.state, failed.plan), (State::Failed, Some(film(2))));
});

both_dbs!(a_deleted_assets_rows_go_last, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.ready(&film(1)).await;
    ground.catalogue.delete_asset(&ground.creator, &asset.id).await.expect("deleted");
    let claim = ground.claim(&["sweep"]).await.expect("at once: nobody works on it");
    assert_eq!(read(&claim), Work::Sweep { asset: asset.id.clone() });
    let inventory = inventory(&ground, &asset.id).await;
    assert!(inventory.deleted && !inventory.abandoned);
    assert!(inventory.settled.iter().all(|version| version.keep.is_empty()));
    purge(&ground, &asset.id).await;
    assert_eq!(ground.catalogue.inventory(&asset.id).await.expect("read"), None);
    assert!(ground.catalogue.parts(&asset.id, 1).await.expect("read").is_empty());
    purge(&ground, &asset.id).await;
});
