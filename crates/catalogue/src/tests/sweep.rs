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

both_dbs!(an_old_version_goes_a_while_after_the_new_one_is_published, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.ready(&film(1)).await;
    let id = &asset.id;
    ground.catalogue.reencode_asset(&ground.creator, id).await.expect("queued");
    ground.probe(&film(1)).await;
    let making = inventory(&ground, id).await;
    assert_eq!(making.settled.iter().map(|v| v.version).collect::<Vec<_>>(), [1]);
    assert!(!making.settled[0].keep.is_empty());
    purge(&ground, id).await;
    assert_eq!(ground.catalogue.parts(id, 1).await.expect("read").len(), 3, "it plays");
    ground.make_all().await;
    ground.publish(Vec::new()).await;
    let kept = async || {
        let inventory = inventory(&ground, id).await;
        inventory.settled.iter().map(|v| (v.version, v.keep.len())).collect::<Vec<_>>()
    };
    assert_eq!(kept().await, [(1, 13), (2, 13)]);
    purge(&ground, id).await;
    assert_eq!(ground.catalogue.parts(id, 1).await.expect("read").len(), 3, "somebody may be watching it");
    ground.clock.advance(VERSION_GRACE);
    assert_eq!(kept().await, [(1, 0), (2, 13)]);
    assert!(ground.claim(&["sweep"]).await.is_some());
    purge(&ground, id).await;
    assert!(ground.catalogue.parts(id, 1).await.expect("read").is_empty());
    assert_eq!(ground.catalogue.parts(id, 2).await.expect("read").len(), 3);
    assert_eq!(ground.catalogue.images_attempt(id, 1).await.expect("read"), None);
    assert_eq!(ground.asset(id).await.playing, Some(2));
});

both_dbs!(an_inventory_keeps_what_rows_name_and_what_is_in_the_making, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.ready(&film(1)).await;
    let (id, upload) = (&asset.id, &asset.source.upload);
    ground.catalogue.reencode_asset(&ground.creator, id).await.expect("queued");
    let kept = inventory(&ground, id).await;
    for (key, expected) in [
        ("v1/video-720/00000.a1.m4s", true),
        ("v1/video-720/00000.a2.m4s", false),
        ("v1/video-360/00009.a1.m4s", false),
        ("v2/video-720/00000.a7.m4s", true),
        ("v12/video-720/00000.a1.m4s", true),
    ] {
        assert_eq!(kept.keeps(&format!("assets/{id}/{key}")), expected, "{key}");
    }
    assert!(kept.keeps(&format!("sources/{id}/{upload}")));
    assert!(!kept.keeps(&format!("sources/{id}/{id}")));
    ground.catalogue.delete_asset(&ground.creator, id).await.expect("deleted");
    let gone = inventory(&ground, id).await;
    assert!(!gone.keeps(&format!("sources/{id}/{upload}")));
    assert!(!gone.keeps(&format!("assets/{id}/v1/video-720/00000.a1.m4s")));
});

both_dbs!(what_assets_take_is_told_to_administrators, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.ready(&film(2)).await;
    let mut tx = ground.db.write().await.expect("begins");
    ground.catalogue.note_images(&mut tx, &asset.id, 1, 5_000).await.expect("noted");
    tx.commit().await.expect("commits");
    let refused = ground.catalogue.disk(&ground.creator, 10).await;
    assert!(matches!(refused, Err(CatalogueError::Forbidden { .. })), "{refused:?}");
    let admin = Principal { role: Role::Admin, ..ground.creator.clone() };
    // Two rungs of two chunks, and one track of sound: segments of 1,001 bytes, headers of 700.
    let media = (2 * 2 + 1) * 2 * 1_001 + 3 * 700 + 5_000;
    let expected = DiskUse { asset: asset.id, title: asset.title, source: 10, media };
    assert_eq!(ground.catalogue.disk(&admin, 10).await.expect("read"), [expected]);
    assert_eq!(ground.catalogue.disk(&ground.stranger(), 10).await.expect("read"), []);
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
