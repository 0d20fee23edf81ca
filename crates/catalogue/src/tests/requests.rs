//! What requests see and change.

use super::*;

fn is_not_found<T>(result: &Result<T>) -> bool {
    matches!(result, Err(CatalogueError::NotFound))
}

both_dbs!(an_asset_of_another_tenant_is_not_found, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.ready(&film(1)).await;
    let (stranger, c, id) = (ground.stranger(), &ground.catalogue, &asset.id);
    assert!(is_not_found(&c.asset(&stranger, id).await));
    assert!(is_not_found(&c.update_asset(&stranger, id, AssetPatch::default(), None).await));
    assert!(is_not_found(&c.delete_asset(&stranger, id).await));
    assert!(is_not_found(&c.cancel_asset(&stranger, id).await));
    assert!(is_not_found(&c.retry_asset(&stranger, id).await));
    assert!(is_not_found(&c.reencode_asset(&stranger, id).await));
    assert!(ground.ids(&stranger, 10, "").await.is_empty());
    assert_eq!(ground.asset(id).await, asset, "and nothing has happened to it");
    assert_eq!(c.asset_public(id).await.expect("viewers have no tenant"), asset);
    assert!(is_not_found(&c.asset_public(&ground.ambient.id()).await));
});

both_dbs!(viewers_change_nothing, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.ready(&music()).await;
    let viewer = Principal { role: Role::Viewer, ..ground.creator.clone() };
    let (c, id) = (&ground.catalogue, &asset.id);
    for refused in [
        c.update_asset(&viewer, id, AssetPatch::default(), None).await.map(drop),
        c.delete_asset(&viewer, id).await,
        c.cancel_asset(&viewer, id).await.map(drop),
        c.retry_asset(&viewer, id).await.map(drop),
        c.reencode_asset(&viewer, id).await.map(drop),
    ] {
        assert!(matches!(refused, Err(CatalogueError::Forbidden { .. })), "{refused:?}");
    }
    assert_eq!(c.asset(&viewer, id).await.expect("viewers see"), asset);
});

both_dbs!(a_patch_changes_what_it_names, |db| async move {
    let ground = Ground::new(db).await;
    let (_, asset) = ground.begin_upload(1).await;
    ground.clock.advance(Duration::from_secs(1));
    let patch = |title: Option<&str>, visibility| AssetPatch { title: title.map(str::to_owned), visibility };
    let update = async |patch| ground.catalogue.update_asset(&ground.creator, &asset.id, patch, None).await;

    let renamed = update(patch(Some(" Ärger "), None)).await.expect("renamed");
    let expected = Asset { title: "Ärger".to_owned(), updated: ground.ambient.now(), ..asset.clone() };
    assert_eq!(renamed, expected);
    let shown = update(patch(None, Some(Visibility::Public))).await.expect("shown");
    assert!(
        shown.updated > renamed.updated,
        "each change is told from the one before, whatever the clock says"
    );
    assert_eq!(shown, Asset { visibility: Visibility::Public, updated: shown.updated, ..expected });
    assert_eq!(ground.asset(&asset.id).await, shown);
    let found = ground.ids(&ground.creator, 10, "äRG").await;
    assert_eq!(found, std::slice::from_ref(&asset.id), "searched by its new title");
    assert!(ground.ids(&ground.creator, 10, "film").await.is_empty());

    let refused = update(patch(Some("a\nb"), None)).await;
    assert!(matches!(refused, Err(CatalogueError::Invalid { field: "title", .. })), "{refused:?}");
    assert_eq!(ground.events(&asset.id).await, [events::CREATED, events::UPDATED, events::UPDATED]);
});

both_dbs!(assets_come_newest_first_page_by_page, |db| async move {
    let ground = Ground::new(db).await;
    let mut newest_first = Vec::new();
    for _ in 0..5 {
        ground.clock.advance(Duration::from_secs(1));
        newest_first.insert(0, ground.begin_upload(1).await.1.id);
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let request = PageRequest::new(Some(2), after);
        let page = ground
            .catalogue
            .assets(&ground.creator, &request, &AssetFilter::default())
            .await
            .expect("a page");
        assert!(page.items.len() <= 2);
        seen.extend(page.items.into_iter().map(|asset| asset.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, newest_first);
    let exactly = PageRequest::new(Some(5), None);
    let page =
        ground.catalogue.assets(&ground.creator, &exactly, &AssetFilter::default()).await.expect("a page");
    assert_eq!((page.items.len(), page.next), (5, None));
    let odd = PageRequest::new(None, Some("%".to_owned()));
    let refused = ground.catalogue.assets(&ground.creator, &odd, &AssetFilter::default()).await;
    assert!(matches!(refused, Err(CatalogueError::Invalid { field: "after", .. })), "{refused:?}");
});

both_dbs!(a_search_is_of_any_case_and_takes_wildcards_as_they_are, |db| async move {
    let ground = Ground::new(db).await;
    let mut ids = std::collections::HashMap::new();
    for title in ["100% Ünïcode", "100 percent", "under_score", "underscore", "bang! [x]", "back\\slash"] {
        let new = NewUpload { title: Some(title.to_owned()), ..ground.new_upload("x", 1) };
        let (_, asset) = ground.create(new).await.expect("begun");
        ids.insert(title, asset.id);
    }
    for (query, titles) in [
        ("100%", &["100% Ünïcode"][..]),
        ("ÜNÏ", &["100% Ünïcode"]),
        ("r_s", &["under_score"]),
        ("UNDER", &["under_score", "underscore"]),
        ("!", &["bang! [x]"]),
        ("\\", &["back\\slash"]),
        ("[x]", &["bang! [x]"]),
        ("nothing", &[]),
    ] {
        let mut expected: Vec<_> = titles.iter().map(|title| ids[title].clone()).collect();
        let mut found = ground.ids(&ground.creator, 10, query).await;
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{query:?}");
    }
    assert_eq!(ground.ids(&ground.creator, 10, " ").await.len(), 6);
});

both_dbs!(a_change_can_expect_what_it_changes, |db| async move {
    let ground = Ground::new(db).await;
    let (_, asset) = ground.begin_upload(1).await;
    let rename = async |title: &str, expected: &[Timestamp]| {
        let patch = AssetPatch { title: Some(title.to_owned()), visibility: None };
        ground.catalogue.update_asset(&ground.creator, &asset.id, patch, Some(expected)).await
    };
    let one = rename("one", &[Timestamp(7), asset.updated]).await.expect("as expected");
    let late = rename("two", &[asset.updated]).await;
    assert!(matches!(late, Err(CatalogueError::Changed)), "{late:?}");
    assert_eq!(ground.asset(&asset.id).await, one);
    assert!(matches!(rename("three", &[]).await, Err(CatalogueError::Changed)));
});

both_dbs!(a_list_holds_what_its_filter_asks_for, |db| async move {
    let ground = Ground::new(db).await;
    let day = Duration::from_secs(24 * 3600);
    let ready = ground.ready(&music()).await.id;
    ground.clock.advance(day);
    let uploading = ground.begin_upload(1).await.1.id;
    ground.clock.advance(day);
    let private = ground.begin_upload(1).await.1.id;
    let patch = AssetPatch { title: None, visibility: Some(Visibility::Private) };
    ground.catalogue.update_asset(&ground.creator, &private, patch, None).await.expect("patched");
    let all = AssetFilter::default();
    let state = |state| AssetFilter { state: Some(state), ..all.clone() };
    let visibility = |visibility| AssetFilter { visibility: Some(visibility), ..all.clone() };
    let from = |days| Some(testkit::START + day * days);
    for (filter, expected) in [
        (all.clone(), vec![&private, &uploading, &ready]),
        (state(State::Ready), vec![&ready]),
        (state(State::Uploading), vec![&private, &uploading]),
        (state(State::Failed), vec![]),
        (visibility(Visibility::Private), vec![&private]),
        (visibility(Visibility::Unlisted), vec![&uploading, &ready]),
        (AssetFilter { visibility: Some(Visibility::Private), ..state(State::Uploading) }, vec![&private]),
        (AssetFilter { visibility: Some(Visibility::Private), ..state(State::Ready) }, vec![]),
        (AssetFilter { created_from: from(1), ..all.clone() }, vec![&private, &uploading]),
        (AssetFilter { created_before: from(1), ..all.clone() }, vec![&ready]),
        (AssetFilter { created_from: from(1), created_before: from(2), ..all.clone() }, vec![&uploading]),
        (AssetFilter { created_from: from(1), ..state(State::Ready) }, vec![]),
        (
            AssetFilter { created_before: from(2), ..visibility(Visibility::Unlisted) },
            vec![&uploading, &ready],
        ),
        (AssetFilter { title: Some("FIL".to_owned()), ..state(State::Ready) }, vec![&ready]),
        (AssetFilter { title: Some("x".to_owned()), ..all.clone() }, vec![]),
        (
            AssetFilter {
                created_from: Some(Timestamp(i64::MIN)),
                created_before: Some(Timestamp(i64::MAX)),
                ..all.clone()
            },
            vec![&private, &uploading, &ready],
        ),
    ] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = PageRequest::new(Some(1), after);
            let page = ground.catalogue.assets(&ground.creator, &page, &filter).await.expect("a page");
            seen.extend(page.items.into_iter().map(|asset| asset.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    }
});

both_dbs!(a_deleted_asset_is_gone_for_everybody_and_its_work_with_it, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.planned(&film(2)).await;
    let running = ground.claim(&["chunk"]).await.expect("a chunk");
    ground.catalogue.delete_asset(&ground.creator, &asset.id).await.expect("deleted");

    assert!(is_not_found(&ground.catalogue.asset(&ground.creator, &asset.id).await));
    assert!(is_not_found(&ground.catalogue.asset_public(&asset.id).await));
    assert!(is_not_found(&ground.catalogue.delete_asset(&ground.creator, &asset.id).await));
    assert!(ground.ids(&ground.creator, 10, "").await.is_empty());
    assert_eq!(ground.events(&asset.id).await.last().map(String::as_str), Some(events::DELETED));
    assert_eq!(ground.live_jobs().await, [("sweep".to_owned(), 1)]);

    let mut tx = ground.db.write().await.expect("begins");
    let late = ground.catalogue.finish_work(&mut tx, &asset.id, 1, Piece::Images, 1).await;
    assert!(late.expect_err("nobody wants it").is_moot());
    let settled = ground.queue.complete(tx, &running).await;
    assert!(matches!(settled, Err(::jobs::JobsError::LeaseLost)), "{settled:?}");

    assert!(ground.claim(&["sweep"]).await.is_none(), "workers may still be writing");
    ground.clock.advance(LEASE * 2);
    assert!(ground.claim(&["sweep"]).await.is_some());
});

both_dbs!(deleting_and_finishing_do_not_block_each_other, |db| async move {
    let ground = Ground::new(db).await;
    for _ in 0..5 {
        let asset = ground.planned(&film(3)).await;
        let claims = ground.claims(&["chunk", "audio", "images"]).await;
        let parts = join_all(claims.iter().map(|claim| ground.parts_of(claim))).await;
        let make = async |(claim, parts): (&Claim, &Vec<Part>)| {
            let mut tx = ground.db.write().await?;
            ground.write_piece(&mut tx, claim, parts).await?;
            ground.queue.complete(tx, claim).await.map(drop).map_err(CatalogueError::from)
        };
        ground.open_connections(6).await;
        let (made, deleted) = tokio::join!(
            join_all(claims.iter().zip(&parts).map(make)),
            ground.catalogue.delete_asset(&ground.creator, &asset.id)
        );
        deleted.expect("deleted");
        for made in made {
            let lost = |error: &CatalogueError| error.is_moot() || matches!(error, CatalogueError::Jobs(_));
            assert!(made.as_ref().err().is_none_or(lost), "{made:?}");
        }
        assert!(is_not_found(&ground.catalogue.asset(&ground.creator, &asset.id).await));
    }
    assert_eq!(ground.live_jobs().await, [("sweep".to_owned(), 5)]);
});
