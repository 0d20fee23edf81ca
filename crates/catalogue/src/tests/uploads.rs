//! Uploads: one asset and one probe, however often and by how many it is finished.

use super::*;

fn probe_jobs(n: u64) -> Vec<(String, u64)> {
    vec![("probe".to_owned(), n)]
}

both_dbs!(an_upload_begins_with_its_asset, |db| async move {
    let ground = Ground::new(db).await;
    let new = NewUpload {
        title: Some(" Chosen ".to_owned()),
        metadata: "filename ZmlsbQ==".to_owned(),
        visibility: Visibility::Private,
        ..ground.new_upload("dir/film.mov", 77)
    };
    let (upload, asset) = ground.create(new.clone()).await.expect("begun");
    assert_eq!((asset.title.as_str(), asset.visibility), ("Chosen", Visibility::Private));
    assert_eq!((asset.state, asset.version, asset.playing), (State::Uploading, 1, None));
    assert_eq!((&asset.source.upload, asset.source.bytes, asset.source.received), (&upload.id, 77, 0));
    assert_eq!((upload.length, upload.offset, upload.expires), (Some(77), 0, new.expires));
    assert_eq!(upload.metadata, new.metadata);
    assert_eq!(ground.catalogue.upload(&ground.creator, &upload.id).await.expect("open"), upload);
    assert_eq!(ground.asset(&asset.id).await, asset);
    assert_eq!(ground.events(&asset.id).await, [events::CREATED]);
    assert!(ground.live_jobs().await.is_empty());
});

both_dbs!(what_an_upload_brings_is_checked, |db| async move {
    let ground = Ground::new(db).await;
    let begin = async |new: NewUpload| ground.create(new).await;
    let plain = || ground.new_upload("a.mov", 1);
    let wrong = [
        NewUpload { title: Some(String::new()), ..plain() },
        NewUpload { metadata: "\0".to_owned(), ..plain() },
        NewUpload { length: Some(u64::MAX), ..plain() },
    ];
    for new in wrong {
        let refused = begin(new).await;
        assert!(matches!(refused, Err(CatalogueError::Invalid { .. })), "{refused:?}");
    }
    let (_, asset) = begin(ground.new_upload("x\0y\n.mov", 1)).await.expect("odd names do no harm");
    assert_eq!((asset.title.as_str(), asset.source.name.as_str()), ("xy", "xy.mov"));
    let (_, asset) = begin(ground.new_upload("", 1)).await.expect("no name does no harm");
    assert_eq!(asset.title, "Untitled");

    let viewer = Principal { role: Role::Viewer, ..ground.creator.clone() };
    let refused = ground.create_as(&viewer, plain()).await;
    assert!(matches!(refused, Err(CatalogueError::Forbidden { needs: Role::Creator })), "{refused:?}");
});

both_dbs!(an_upload_is_its_tenants, |db| async move {
    let ground = Ground::new(db).await;
    let (upload, _) = ground.begin_upload(1).await;
    let refused = ground.catalogue.upload(&ground.stranger(), &upload.id).await;
    assert!(matches!(refused, Err(CatalogueError::NotFound)), "{refused:?}");
    let viewer = Principal { role: Role::Viewer, ..ground.creator.clone() };
    let refused = ground.catalogue.upload(&viewer, &upload.id).await;
    assert!(matches!(refused, Err(CatalogueError::Forbidden { needs: Role::Creator })), "{refused:?}");
});

both_dbs!(finishing_twice_makes_one_probe, |db| async move {
    let ground = Ground::new(db).await;
    let (upload, asset) = ground.begin_upload(10).await;
    ground.clock.advance(Duration::from_secs(5));
    let first = ground.catalogue.complete_source(&upload, 10).await.expect("complete");
    assert_eq!((first.id.clone(), first.state, first.source.received), (asset.id.clone(), State::Queued, 10));
    assert_eq!(first.updated, ground.ambient.now());
    let again = ground.catalogue.complete_source(&upload, 10).await.expect("complete again");
    assert_eq!(again, first);
    assert_eq!(ground.live_jobs().await, probe_jobs(1));
    assert_eq!(ground.events(&asset.id).await, [events::CREATED, events::UPDATED]);
    let known = ground.catalogue.upload(&ground.creator, &upload.id).await.expect("finished");
    assert_eq!((known.offset, known.finished), (10, Some(ground.ambient.now())));

    ground.probe(&music()).await;
    let late = ground.catalogue.complete_source(&upload, 10).await.expect("complete much later");
    assert_eq!(late.state, State::Transcoding);
    assert_eq!(ground.live_jobs().await, [("audio".to_owned(), 1)]);
});

both_dbs!(finishing_from_all_sides_makes_one_probe, |db| async move {
    let ground = Ground::new(db).await;
    let (upload, asset) = ground.begin_upload(10).await;
    ground.open_connections(8).await;
    let finished = join_all((0..8).map(|_| ground.catalogue.complete_source(&upload, 10))).await;
    for one in finished {
        let one = one.expect("everybody is answered");
        assert_eq!((one.id, one.state), (asset.id.clone(), State::Queued));
    }
    assert_eq!(ground.live_jobs().await, probe_jobs(1));
    assert_eq!(ground.events(&asset.id).await, [events::CREATED, events::UPDATED]);
});

both_dbs!(an_incomplete_upload_is_not_finished, |db| async move {
    let ground = Ground::new(db).await;
    let (upload, asset) = ground.begin_upload(10).await;
    let refused = ground.catalogue.complete_source(&upload, 9).await;
    assert!(
        matches!(refused, Err(CatalogueError::Incomplete { received: 9, length: Some(10) })),
        "{refused:?}"
    );
    assert_eq!(ground.asset(&asset.id).await.state, State::Uploading);
    assert!(ground.live_jobs().await.is_empty());
});

both_dbs!(an_empty_file_is_a_file, |db| async move {
    let ground = Ground::new(db).await;
    let (upload, _) = ground.begin_upload(0).await;
    assert_eq!(ground.catalogue.complete_source(&upload, 0).await.expect("complete").state, State::Queued);
});

both_dbs!(a_terminated_upload_takes_its_asset_along, |db| async move {
    let ground = Ground::new(db).await;
    let (upload, asset) = ground.begin_upload(10).await;
    ground.catalogue.terminate_upload(&upload).await.expect("terminated");
    for gone in [
        ground.catalogue.upload(&ground.creator, &upload.id).await.map(drop),
        ground.catalogue.asset(&ground.creator, &asset.id).await.map(drop),
        ground.catalogue.complete_source(&upload, 10).await.map(drop),
        ground.catalogue.terminate_upload(&upload).await,
    ] {
        assert!(matches!(gone, Err(CatalogueError::NotFound)), "{gone:?}");
    }
    assert_eq!(ground.live_jobs().await, [("sweep".to_owned(), 1)]);
    assert_eq!(ground.events(&asset.id).await, [events::CREATED, events::DELETED]);
    let inventory = ground.catalogue.inventory(&asset.id).await.expect("read").expect("rows until the purge");
    assert!(inventory.deleted && inventory.abandoned);
    assert_eq!(inventory.upload, upload.id);
});

both_dbs!(a_finished_upload_is_not_terminated, |db| async move {
    let ground = Ground::new(db).await;
    let (upload, asset) = ground.begin_upload(10).await;
    ground.catalogue.complete_source(&upload, 10).await.expect("complete");
    let refused = ground.catalogue.terminate_upload(&upload).await;
    assert!(matches!(refused, Err(CatalogueError::Illegal(_))), "{refused:?}");
    assert_eq!(ground.asset(&asset.id).await.state, State::Queued);
});

both_dbs!(expired_uploads_are_given_up_once, |db| async move {
    let ground = Ground::new(db).await;
    let (kept, _) = ground.begin_upload(10).await;
    let (lost, asset) = ground.begin_upload(10).await;
    let (done, _) = ground.begin_upload(10).await;
    ground.catalogue.complete_source(&done, 10).await.expect("complete");
    let (written, _) = ground.begin_upload(10).await;
    ground.clock.set(lost.expires);
    let mut lease = ground.catalogue.begin_write(&written, &ground.ambient.id(), None).await.expect("taken");
    let longer = lost.expires + Duration::from_secs(1);
    ground.write(&kept, 1, longer).await;

    let expired = ground.catalogue.expired_uploads(10).await.expect("a list");
    assert_eq!(expired.iter().map(|upload| &upload.id).collect::<Vec<_>>(), [&lost.id]);
    assert!(!ground.catalogue.expire_upload(&kept).await.expect("asked"), "more of it came");
    assert!(ground.catalogue.renew_write(&mut lease, true).await.expect("asked"));
    assert!(!ground.catalogue.expire_upload(&written).await.expect("asked"), "more of it comes");
    ground.open_connections(2).await;
    let twice = join_all((0..2).map(|_| ground.catalogue.expire_upload(&lost))).await;
    let twice: Vec<_> = twice.into_iter().map(|done| done.expect("asked")).collect();
    assert_eq!(twice.iter().filter(|done| **done).count(), 1, "{twice:?}");

    let failed = ground.asset(&asset.id).await;
    assert_eq!(failed.state, State::Failed);
    assert!(failed.reason.expect("a reason").contains("not finished in time"));
    let gone = ground.catalogue.upload(&ground.creator, &lost.id).await;
    assert!(matches!(gone, Err(CatalogueError::NotFound)), "{gone:?}");
    let refused = ground.catalogue.complete_source(&lost, 10).await;
    assert!(matches!(refused, Err(CatalogueError::NotFound)), "{refused:?}");
    let refused = ground.catalogue.retry_asset(&ground.creator, &asset.id).await;
    assert!(matches!(refused, Err(CatalogueError::NoSource)), "{refused:?}");
    assert!(ground.catalogue.expired_uploads(10).await.expect("a list").is_empty());
    ground.clock.advance(WRITE_LEASE);
    let expired = ground.catalogue.expired_uploads(10).await.expect("a list");
    assert_eq!(expired.iter().map(|upload| &upload.id).collect::<Vec<_>>(), [&written.id, &kept.id]);
    assert_eq!(ground.events(&asset.id).await, [events::CREATED, events::FAILED]);
    let inventory = ground.catalogue.inventory(&asset.id).await.expect("read").expect("an asset");
    assert!(inventory.abandoned && !inventory.deleted);
});

both_dbs!(an_upload_past_its_time_is_gone_before_the_sweep_comes, |db| async move {
    let ground = Ground::new(db).await;
    let (upload, _) = ground.begin_upload(10).await;
    ground.clock.set(upload.expires);
    let gone = ground.catalogue.upload(&ground.creator, &upload.id).await;
    assert!(matches!(gone, Err(CatalogueError::NotFound)), "{gone:?}");
});

both_dbs!(uploads_left_one_step_before_the_end_are_found, |db| async move {
    let ground = Ground::new(db).await;
    let (stranded, _) = ground.begin_upload(10).await;
    let (open, _) = ground.begin_upload(10).await;
    let (done, _) = ground.begin_upload(10).await;
    for (upload, offset) in [(&stranded, 10), (&open, 9), (&done, 10)] {
        ground.write(upload, offset, upload.expires).await;
    }
    ground.catalogue.complete_source(&done, 10).await.expect("complete");
    let found = ground.catalogue.stranded_uploads(10).await.expect("a list");
    assert_eq!(found.iter().map(|upload| &upload.id).collect::<Vec<_>>(), [&stranded.id]);
    ground.catalogue.complete_source(&found[0], 10).await.expect("complete");
    assert!(ground.catalogue.stranded_uploads(10).await.expect("a list").is_empty());
});

both_dbs!(a_length_may_be_said_once_and_later, |db| async move {
    let ground = Ground::new(db).await;
    let new = NewUpload { length: None, ..ground.new_upload("film.mov", 0) };
    let (mut upload, asset) = ground.create(new).await.expect("begun");
    assert_eq!((upload.length, asset.source.bytes), (None, 0));
    ground.write(&upload, 7, upload.expires).await;
    assert_eq!(ground.asset(&asset.id).await.source.bytes, 7, "what came so far");
    let all = (PageRequest::new(None, None), AssetFilter::default());
    let listed = ground.catalogue.assets(&ground.creator, &all.0, &all.1).await.expect("a page");
    assert_eq!(listed.items, [ground.asset(&asset.id).await]);
    let refused = ground.catalogue.complete_source(&upload, 7).await;
    assert!(matches!(refused, Err(CatalogueError::Incomplete { received: 7, length: None })), "{refused:?}");
    assert!(ground.catalogue.stranded_uploads(10).await.expect("a list").is_empty());
    let less = ground.catalogue.set_upload_length(&mut upload, 6).await;
    assert!(matches!(less, Err(CatalogueError::Invalid { field: "length", .. })), "{less:?}");
    for _ in 0..2 {
        ground.catalogue.set_upload_length(&mut upload, 9).await.expect("said");
    }
    let other = ground.catalogue.set_upload_length(&mut upload, 10).await;
    assert!(matches!(other, Err(CatalogueError::Invalid { field: "length", .. })), "{other:?}");
    assert_eq!(ground.catalogue.upload(&ground.creator, &upload.id).await.expect("open").length, Some(9));
    ground.catalogue.complete_source(&upload, 9).await.expect("complete");
});
