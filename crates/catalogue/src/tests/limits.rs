//! Limits of tenants: nothing takes more than there is, and what ends gives back.

use super::*;

impl Ground {
    /// A service whose tenants may have so many bytes.
    async fn limited(db: Db, bytes_max: u64) -> Self {
        let ground = Self::new(db).await;
        let limits = Limits { bytes_max, size_max: 60 };
        Self { catalogue: ground.catalogue.clone().with_limits(limits), ..ground }
    }

    async fn used(&self) -> u64 {
        self.catalogue.limits(&self.creator).await.expect("known").1
    }

    /// An upload whose length is said later.
    async fn open_ended(&self) -> Upload {
        let new = NewUpload { length: None, ..self.new_upload("film.mov", 0) };
        self.create(new).await.expect("begun").0
    }
}

fn over<T: std::fmt::Debug>(refused: Result<T>) -> (u64, u64) {
    match refused {
        Err(CatalogueError::OverQuota { used, limit }) => (used, limit),
        other => panic!("not refused: {other:?}"),
    }
}

both_dbs!(promised_bytes_count_like_stored_ones, |db| async move {
    let ground = Ground::limited(db, 100).await;
    assert_eq!(ground.used().await, 0);
    let (kept, _) = ground.begin_upload(60).await;
    assert_eq!(ground.used().await, 60);
    assert_eq!(over(ground.create(ground.new_upload("b.mov", 41)).await), (60, 100));
    let large = ground.create(ground.new_upload("b.mov", 61)).await;
    assert!(matches!(large, Err(CatalogueError::TooLarge { limit: 60 })), "{large:?}");
    ground.write(&kept, 60, kept.expires).await;
    ground.catalogue.complete_source(&kept, 60).await.expect("complete");
    assert_eq!(ground.used().await, 60);
    ground.begin_upload(40).await;
    assert_eq!(over(ground.create(ground.new_upload("b.mov", 1)).await), (100, 100));
    ground.create(ground.new_upload("empty", 0)).await.expect("nothing fits always");
    let (stranger, new) = (ground.stranger(), ground.new_upload("a.mov", 60));
    ground.create_as(&stranger, new).await.expect("another tenant has room of its own");
});

both_dbs!(whatever_ends_gives_its_bytes_back, |db| async move {
    let ground = Ground::limited(db, 100).await;
    let (terminated, _) = ground.begin_upload(50).await;
    ground.catalogue.terminate_upload(&terminated).await.expect("terminated");
    assert_eq!(ground.used().await, 0);
    let (done, asset) = ground.begin_upload(50).await;
    ground.catalogue.complete_source(&done, 50).await.expect("complete");
    let claim = ground.claim(&["probe"]).await.expect("a probe");
    ground.give_up(&claim, "no film").await.expect("given up");
    assert_eq!(ground.used().await, 50, "a failed asset keeps its source");
    ground.catalogue.delete_asset(&ground.creator, &asset.id).await.expect("deleted");
    assert_eq!(ground.used().await, 0);
    let (expired, _) = ground.begin_upload(50).await;
    ground.clock.set(expired.expires);
    assert!(ground.catalogue.expire_upload(&expired).await.expect("asked"));
    assert_eq!(ground.used().await, 0);
    let partial =
        ground.catalogue.create_partial(&ground.creator, "partial", ground.new_upload("", 50)).await;
    let partial = partial.expect("begun");
    assert_eq!(ground.used().await, 50);
    ground.catalogue.forget_partial(&partial.id).await.expect("forgotten");
    assert_eq!(ground.used().await, 0);
});

both_dbs!(of_many_one_takes_the_last_bytes, |db| async move {
    let ground = Ground::limited(db, 100).await;
    ground.open_connections(8).await;
    let begun = join_all((0..8).map(|_| ground.create(ground.new_upload("a.mov", 40)))).await;
    let (fit, refused): (Vec<_>, Vec<_>) = begun.into_iter().partition(Result::is_ok);
    assert_eq!((fit.len(), refused.len()), (2, 6));
    refused.into_iter().for_each(|refused| assert_eq!(over(refused), (80, 100)));
    assert_eq!(ground.used().await, 80);
});

both_dbs!(parts_count_once_when_they_become_one, |db| async move {
    let ground = Ground::limited(db, 100).await;
    let mut parts = Vec::new();
    for _ in 0..2 {
        let part =
            ground.catalogue.create_partial(&ground.creator, "partial", ground.new_upload("", 30)).await;
        let part = part.expect("begun");
        ground.write(&part, 30, part.expires).await;
        ground.catalogue.complete_partial(&part).await.expect("complete");
        parts.push(part.id);
    }
    ground.begin_upload(40).await;
    let new = NewUpload { length: None, ..ground.new_upload("whole.mov", 0) };
    let whole = ground.catalogue.create_final(&ground.creator, "final;x", &parts, new).await;
    assert_eq!(whole.expect("it needs no more room").length, Some(60));
    assert_eq!(ground.used().await, 100);
});

both_dbs!(what_has_no_length_counts_for_what_it_may_come_to, |db| async move {
    let ground = Ground::limited(db, 100).await;
    ground.begin_upload(50).await;
    let (mut upload, other) = (ground.open_ended().await, ground.open_ended().await);
    let begin =
        async |upload: &Upload, end| ground.catalogue.begin_write(upload, &ground.ambient.id(), end).await;
    let lease = begin(&upload, Some(20)).await.expect("begun");
    assert_eq!((lease.end, ground.used().await), (20, 70));
    assert_eq!(over(begin(&other, Some(31)).await), (70, 100));
    let rest = begin(&other, None).await.expect("begun");
    assert_eq!((rest.end, ground.used().await), (30, 100));
    ground.catalogue.end_write(&upload, lease, 5, upload.expires).await.expect("ended");
    assert_eq!(ground.used().await, 85, "what did not come is free again");
    // The other one's process dies.
    ground.clock.advance(WRITE_LEASE);
    ground.catalogue.revoke_promises().await.expect("revoked");
    assert_eq!(ground.used().await, 55);
    let mut rest = rest;
    assert!(!ground.catalogue.renew_write(&mut rest, true).await.expect("asked"), "it may send nothing more");
    assert_eq!(over(ground.catalogue.set_upload_length(&mut upload, 51).await), (55, 100));
    let large = ground.catalogue.set_upload_length(&mut upload, 61).await;
    assert!(matches!(large, Err(CatalogueError::TooLarge { limit: 60 })), "{large:?}");
    ground.catalogue.set_upload_length(&mut upload, 50).await.expect("said");
    assert_eq!(ground.used().await, 100);
});

both_dbs!(a_tenant_may_have_limits_of_its_own, |db| async move {
    let ground = Ground::limited(db, 100).await;
    let tenant = &ground.creator.tenant;
    assert_eq!(ground.catalogue.own_limits(tenant).await.expect("known"), OwnLimits::default());
    let own = OwnLimits { bytes_max: Some(10), size_max: None };
    for own in [OwnLimits { bytes_max: Some(1), size_max: Some(2) }, own] {
        ground.catalogue.set_own_limits(tenant, own).await.expect("set");
        assert_eq!(ground.catalogue.own_limits(tenant).await.expect("known"), own);
    }
    let (limits, _) = ground.catalogue.limits(&ground.creator).await.expect("known");
    assert_eq!(limits, Limits { bytes_max: 10, size_max: 60 });
    assert_eq!(over(ground.create(ground.new_upload("a.mov", 11)).await), (0, 10));
    let none = OwnLimits { bytes_max: Some(0), size_max: Some(0) };
    ground.catalogue.set_own_limits(tenant, none).await.expect("set");
    ground.begin_upload(1_000).await;
    let huge = OwnLimits { bytes_max: Some(u64::MAX), size_max: None };
    let refused = ground.catalogue.set_own_limits(tenant, huge).await;
    assert!(matches!(refused, Err(CatalogueError::Invalid { field: "bytes_max", .. })), "{refused:?}");
});
