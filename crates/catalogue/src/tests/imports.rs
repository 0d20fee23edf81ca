//! Imports: begun once, gone on with under their mark, ended with their job.

use super::*;

const URL: &str = "https://films.example/a.mov?secret=1";

impl Ground {
    async fn import(&self, size_max: u64) -> Upload {
        let new = self.new_upload("a.mov", 77);
        let limits = Limits { bytes_max: 0, size_max };
        let catalogue = self.catalogue.clone().with_limits(limits);
        let mut tx = catalogue.transaction().await.expect("begins");
        let upload = catalogue.create_import(&mut tx, &self.creator, URL, new).await.expect("begun");
        tx.commit().await.expect("committed");
        upload
    }

    async fn restart(&self, upload: &mut Upload, length: Option<u64>, mark: Option<&str>) -> Result<()> {
        let lease = self.catalogue.begin_write(upload, &self.ambient.id(), Some(0)).await?;
        let mark = mark.map(str::to_owned);
        let restarted = self.catalogue.restart_import(upload, &lease, length, mark).await;
        self.catalogue.end_write(upload, lease, 0, upload.expires).await?;
        restarted
    }
}

fn asset_of(upload: &Upload) -> AssetId {
    upload.asset.clone().expect("an asset")
}

both_dbs!(an_import_begins_with_its_asset_and_its_job, |db| async move {
    let ground = Ground::new(db).await;
    let upload = ground.import(0).await;
    assert_eq!((upload.length, upload.is_import()), (None, true), "its length is not known yet");
    assert!(!format!("{upload:?}").contains("secret"), "an address may hold secrets");
    let asset = ground.asset(&asset_of(&upload)).await;
    assert_eq!((asset.state, asset.title.as_str()), (State::Uploading, "a"));
    assert_eq!(ground.live_jobs().await, [(IMPORT.to_owned(), 1)]);
    let claim = ground.claim(&[IMPORT]).await.expect("a job");
    assert_eq!(
        claim.payload::<Import>().expect("ours"),
        Import { asset: asset.id.clone(), spent_seconds: 0 }
    );
    assert_eq!(ground.catalogue.import(&asset.id).await.expect("to be fetched"), upload);
    let (plain, _) = ground.begin_upload(5).await;
    let refused = ground.catalogue.import(&asset_of(&plain)).await;
    assert!(refused.is_err_and(|error| error.is_moot()), "clients send it");
});

both_dbs!(nothing_is_begun_that_cannot_be_fetched, |db| async move {
    let ground = Ground::new(db).await;
    let begin = async |catalogue: &Catalogue, principal: &Principal, url: &str| {
        let mut tx = catalogue.transaction().await.expect("begins");
        catalogue.create_import(&mut tx, principal, url, ground.new_upload("a.mov", 1)).await
    };
    let viewer = Principal { role: Role::Viewer, ..ground.creator.clone() };
    assert!(matches!(begin(&ground.catalogue, &viewer, URL).await, Err(CatalogueError::Forbidden { .. })));
    let long = format!("https://films.example/{}", "x".repeat(URL_BYTES_MAX));
    let refused = begin(&ground.catalogue, &ground.creator, &long).await;
    assert!(matches!(refused, Err(CatalogueError::Invalid { field: "url", .. })));
    ground.begin_upload(10).await;
    let full = ground.catalogue.clone().with_limits(Limits { bytes_max: 10, size_max: 0 });
    let refused = begin(&full, &ground.creator, URL).await;
    assert!(matches!(refused, Err(CatalogueError::OverQuota { used: 10, limit: 10 })), "{refused:?}");
});

both_dbs!(what_is_fetched_begins_anew_under_its_lease_alone, |db| async move {
    let ground = Ground::new(db).await;
    let mut upload = ground.import(0).await;
    ground.restart(&mut upload, Some(10), Some("\"a\"")).await.expect("begun anew");
    ground.write(&upload, 4, upload.expires).await;
    let known = ground.catalogue.import(&asset_of(&upload)).await.expect("open");
    let mark = known.fetch.as_ref().and_then(|fetch| fetch.mark.clone());
    assert_eq!((known.length, known.offset, mark.as_deref()), (Some(10), 4, Some("\"a\"")));
    // Another file by now, longer and then of a length that nobody knows.
    ground.restart(&mut upload, Some(20), Some("\"b\"")).await.expect("begun anew");
    ground.restart(&mut upload, None, None).await.expect("begun anew");
    let known = ground.catalogue.import(&asset_of(&upload)).await.expect("open");
    assert_eq!((known.length, known.offset, known.fetch), (None, 0, upload.fetch.clone()));
    // Somebody who was overtaken.
    let late = ground.catalogue.begin_write(&upload, &ground.ambient.id(), Some(0)).await.expect("free");
    ground.clock.advance(WRITE_LEASE);
    let now = ground.catalogue.begin_write(&upload, &ground.ambient.id(), Some(0)).await.expect("free again");
    let refused = ground.catalogue.restart_import(&mut upload.clone(), &late, Some(1), None).await;
    assert!(matches!(refused, Err(CatalogueError::Busy { .. })), "{refused:?}");
    ground.catalogue.restart_import(&mut upload, &now, Some(30), None).await.expect("its lease holds");
    assert_eq!(upload.length, Some(30));
});

both_dbs!(what_is_fetched_counts_towards_the_limits, |db| async move {
    let mut ground = Ground::new(db).await;
    ground.catalogue = ground.catalogue.with_limits(Limits { bytes_max: 100, size_max: 60 });
    let mut upload = ground.import(0).await;
    let refused = ground.restart(&mut upload, Some(61), None).await;
    assert!(matches!(refused, Err(CatalogueError::TooLarge { limit: 60 })), "{refused:?}");
    ground.begin_upload(50).await;
    let refused = ground.restart(&mut upload, Some(51), None).await;
    assert!(matches!(refused, Err(CatalogueError::OverQuota { used: 50, limit: 100 })), "{refused:?}");
    ground.restart(&mut upload, Some(50), None).await.expect("it fits");
    assert_eq!(ground.catalogue.limits(&ground.creator).await.expect("limits").1, 100);
});

both_dbs!(an_import_ends_with_its_job, |db| async move {
    let ground = Ground::new(db).await;
    let mut upload = ground.import(0).await;
    ground.restart(&mut upload, Some(10), None).await.expect("begun");
    let claim = ground.claim(&[IMPORT]).await.expect("a job");
    let mut tx = ground.catalogue.transaction().await.expect("begins");
    let early = ground.catalogue.complete_import(&mut tx, &upload, 9).await;
    assert!(matches!(early, Err(CatalogueError::Incomplete { received: 9, .. })), "{early:?}");
    ground.catalogue.complete_import(&mut tx, &upload, 10).await.expect("complete");
    drop(ground.queue.complete(tx, &claim).await.expect("ended"));
    let asset = ground.asset(&asset_of(&upload)).await;
    assert_eq!((asset.state, asset.source.received), (State::Queued, 10));
    assert_eq!(ground.live_jobs().await, [("probe".to_owned(), 1)]);
    let known = ground.catalogue.upload(&ground.creator, &upload.id).await.expect("known");
    assert_eq!(known.fetch, None, "the address is forgotten");
    assert!(ground.catalogue.import(&asset.id).await.is_err_and(|error| error.is_moot()));
});

both_dbs!(an_import_that_lost_its_job_records_nothing, |db| async move {
    let ground = Ground::new(db).await;
    let mut upload = ground.import(0).await;
    ground.restart(&mut upload, Some(10), None).await.expect("begun");
    let claim = ground.claim(&[IMPORT]).await.expect("a job");
    ground.queue.release(&claim).await.expect("given back");
    let mut tx = ground.catalogue.transaction().await.expect("begins");
    ground.catalogue.complete_import(&mut tx, &upload, 10).await.expect("complete");
    assert!(matches!(ground.queue.complete(tx, &claim).await, Err(::jobs::JobsError::LeaseLost)));
    assert_eq!(ground.asset(&asset_of(&upload)).await.state, State::Uploading);
});

both_dbs!(an_import_is_cancelled_fails_and_is_deleted, |db| async move {
    let ground = Ground::new(db).await;
    let (c, creator) = (&ground.catalogue, &ground.creator);
    let cancelled = asset_of(&ground.import(0).await);
    let claim = ground.claim(&[IMPORT]).await.expect("a job");
    let asset = c.cancel_asset(creator, &cancelled).await.expect("cancelled");
    assert_eq!((asset.state, asset.reason.as_deref()), (State::Failed, Some("It was cancelled.")));
    assert!(!ground.queue.holds(&claim).await.expect("asked"), "its worker drops it");
    assert!(c.import(&cancelled).await.is_err_and(|error| error.is_moot()));
    assert!(matches!(c.retry_asset(creator, &cancelled).await, Err(CatalogueError::NoSource)));

    let failed = asset_of(&ground.import(0).await);
    let claim = ground.claim(&[IMPORT]).await.expect("a job");
    let mut tx = c.transaction().await.expect("begins");
    c.fail_import(&mut tx, &failed, "films.example answered 404\0.").await.expect("recorded");
    drop(ground.queue.fail(tx, &claim, "404").await.expect("ended"));
    let asset = ground.asset(&failed).await;
    assert_eq!((asset.state, asset.reason.as_deref()), (State::Failed, Some("films.example answered 404.")));
    let mut tx = c.transaction().await.expect("begins");
    c.fail_import(&mut tx, &failed, "again").await.expect("nobody waits for it");
    drop(tx);

    let deleted = asset_of(&ground.import(0).await);
    c.delete_asset(creator, &deleted).await.expect("deleted");
    assert!(ground.claim(&[IMPORT]).await.is_none(), "its job went with it");
});

both_dbs!(an_upload_of_ones_own_name_is_begun_once, |db| async move {
    let ground = Ground::new(db).await;
    let (c, creator) = (&ground.catalogue, &ground.creator);
    let id: base::UploadId = ground.ambient.id();
    let begin = async |length| c.create_upload_once(creator, &id, ground.new_upload("a.mov", length)).await;
    let (first, again) = (begin(10).await.expect("begun"), begin(99).await.expect("known"));
    assert_eq!((first.id.clone(), first.length), (id.clone(), Some(10)));
    assert_eq!(again, first, "as it was begun");
    ground.write(&first, 10, first.expires).await;
    c.complete_source(&first, 10).await.expect("complete");
    assert!(begin(10).await.expect("known").finished.is_some());
    c.delete_asset(creator, first.asset.as_ref().expect("an asset")).await.expect("deleted");
    assert_eq!(begin(10).await.expect("still known").asset, first.asset, "until it is swept");
    let stranger = ground.stranger();
    let other = c.create_upload_once(&stranger, &id, ground.new_upload("a.mov", 10)).await;
    assert!(other.is_err(), "an identifier is one upload's");
});
