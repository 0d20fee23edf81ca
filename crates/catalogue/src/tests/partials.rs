//! Uploads in parts.

use base::UploadId;

use super::*;

const BYTES_MAX: u64 = 1_000;

impl Ground {
    async fn partial(&self, length: u64) -> Upload {
        let new = self.new_upload("", length);
        self.catalogue.create_partial(&self.creator, "partial", new).await.expect("begun")
    }

    /// A partial upload all of whose bytes came.
    async fn finished_partial(&self, length: u64) -> Upload {
        let upload = self.partial(length).await;
        self.write(&upload, length, upload.expires).await;
        self.catalogue.complete_partial(&upload).await.expect("complete");
        upload
    }

    async fn join(&self, parts: &[&Upload]) -> Result<Upload> {
        let parts: Vec<UploadId> = parts.iter().map(|part| part.id.clone()).collect();
        let new = NewUpload { length: None, ..self.new_upload("film.mov", 0) };
        let limits = Limits { bytes_max: 0, size_max: BYTES_MAX };
        let catalogue = self.catalogue.clone().with_limits(limits);
        catalogue.create_final(&self.creator, "final;x", &parts, new).await
    }
}

fn unusable(refused: Result<Upload>) -> (UploadId, bool) {
    match refused {
        Err(CatalogueError::PartUnusable { part, unknown, .. }) => (part, unknown),
        other => panic!("not refused: {other:?}"),
    }
}

both_dbs!(a_final_upload_has_the_bytes_of_its_parts, |db| async move {
    let ground = Ground::new(db).await;
    let (one, two) = (ground.finished_partial(3).await, ground.finished_partial(4).await);
    assert!(ground.ids(&ground.creator, 9, "").await.is_empty(), "partial uploads are no assets");
    let whole = ground.join(&[&two, &one]).await.expect("begun");
    assert_eq!((whole.length, whole.offset, whole.is_final()), (Some(7), 7, true));
    assert_eq!(ground.catalogue.upload(&ground.creator, &whole.id).await.expect("open"), whole);
    assert_eq!(ground.catalogue.stranded_uploads(9).await.expect("a list"), std::slice::from_ref(&whole));
    let asset = ground.catalogue.complete_source(&whole, 7).await.expect("complete");
    assert_eq!((asset.state, asset.source.bytes, &asset.source.upload), (State::Queued, 7, &whole.id));
    for part in [&one, &two] {
        ground.catalogue.forget_partial(&part.id).await.expect("forgotten");
        let gone = ground.catalogue.upload(&ground.creator, &part.id).await;
        assert!(matches!(gone, Err(CatalogueError::NotFound)), "{gone:?}");
    }
});

both_dbs!(what_is_no_finished_part_of_ours_is_refused, |db| async move {
    let ground = Ground::new(db).await;
    let (done, open) = (ground.finished_partial(3).await, ground.partial(4).await);
    assert_eq!(unusable(ground.join(&[&done, &open]).await), (open.id.clone(), false));
    let (file, _) = ground.begin_upload(5).await;
    assert_eq!(unusable(ground.join(&[&done, &file]).await), (file.id.clone(), true));
    let new = NewUpload { length: None, ..ground.new_upload("film.mov", 0) };
    let foreign = ground
        .catalogue
        .create_final(&ground.stranger(), "final;x", std::slice::from_ref(&done.id), new)
        .await;
    assert_eq!(unusable(foreign), (done.id.clone(), true));
    let large = ground.finished_partial(BYTES_MAX).await;
    let refused = ground.join(&[&done, &large]).await;
    assert!(matches!(refused, Err(CatalogueError::TooLarge { limit: BYTES_MAX })), "{refused:?}");
    ground.join(&[&done]).await.expect("a refusal takes nothing");
    assert_eq!(unusable(ground.join(&[&done]).await), (done.id.clone(), false));
    let used = ground.catalogue.give_up_partial(&done).await;
    assert!(matches!(used, Err(CatalogueError::PartUnusable { unknown: false, .. })), "{used:?}");
});

both_dbs!(of_many_that_want_the_same_parts_one_gets_them, |db| async move {
    let ground = Ground::new(db).await;
    let (one, two) = (ground.finished_partial(3).await, ground.finished_partial(4).await);
    ground.open_connections(6).await;
    let joined =
        join_all((0..6).map(|turn| {
            let (ground, one, two) = (&ground, &one, &two);
            async move {
                if turn % 2 == 0 { ground.join(&[one, two]).await } else { ground.join(&[two, one]).await }
            }
        }));
    let (won, lost): (Vec<_>, Vec<_>) = joined.await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 5));
    lost.into_iter().for_each(|refused| drop(unusable(refused)));
    assert_eq!(ground.ids(&ground.creator, 9, "").await.len(), 1, "a refused one leaves no asset");
});

both_dbs!(partial_uploads_expire_finished_or_not, |db| async move {
    let ground = Ground::new(db).await;
    let (open, done) = (ground.partial(3).await, ground.finished_partial(4).await);
    let (given_up, used) = (ground.partial(5).await, ground.finished_partial(6).await);
    ground.catalogue.give_up_partial(&given_up).await.expect("given up");
    let gone = ground.catalogue.upload(&ground.creator, &given_up.id).await;
    assert!(matches!(gone, Err(CatalogueError::NotFound)), "{gone:?}");
    let expired = async || {
        let expired = ground.catalogue.expired_partials(9).await.expect("a list");
        expired.into_iter().map(|upload| upload.id).collect::<Vec<_>>()
    };
    assert_eq!(expired().await, std::slice::from_ref(&given_up.id));
    ground.clock.advance(Duration::from_secs(3599));
    ground.join(&[&used]).await.expect("in time");
    ground.clock.advance(Duration::from_secs(2));
    let (mut over, mut expected) = (expired().await, [&open, &done, &given_up].map(|part| part.id.clone()));
    over.sort();
    expected.sort();
    assert_eq!(over, expected, "a part in use outlives its time");
    assert_eq!(unusable(ground.join(&[&done]).await), (done.id.clone(), true));
});
