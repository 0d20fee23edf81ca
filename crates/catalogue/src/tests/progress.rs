//! Progress: from rows, from the board, and as events.

use super::*;

fn percents(progress: &Progress) -> (u8, Vec<u8>) {
    (progress.percent, progress.tracks.iter().map(|track| track.percent).collect())
}

both_dbs!(progress_counts_finished_and_running_chunks, |db| async move {
    let ground = Ground::new(db).await;
    let queued = ground.queued().await;
    let progress = async || {
        let progress = ground.catalogue.progress(&queued.id, 1).await.expect("read");
        percents(&progress)
    };
    assert_eq!(progress().await, (0, vec![]), "nothing is planned");
    ground.probe(&film(2)).await;
    assert_eq!(progress().await, (0, vec![0, 0, 0]));
    let chunks = ground.claims(&["chunk"]).await;
    ground.make(&chunks[0]).await;
    assert_eq!(progress().await, (33, vec![50, 50, 0]), "from the rows");

    let asset = ground.catalogue.asset_in_work(&queued.id, 1).await.expect("in work");
    let reporter = ground.catalogue.reporter(&asset).await.expect("a reporter");
    let mut heard = ground.catalogue.bus.subscribe(&asset.tenant);
    reporter.report(TrackName::Video(720), 1, 150, 300);
    assert_eq!(progress().await, (41, vec![75, 50, 0]), "and the board");
    reporter.report(TrackName::Video(360), 1, 300, 300);
    let event = heard.next().await.expect("an event");
    assert_eq!((event.kind.as_str(), event.seq), (events::PROGRESS, None));
    assert_eq!(event.subject, asset.id.as_str());
    let told: Progress = serde_json::from_value(event.payload.clone()).expect("progress");
    assert_eq!(percents(&told), (41, vec![75, 50, 0]));
    assert_eq!(told.tracks[0].name, TrackName::Video(720));

    let other_process = Ground::new(ground.db.clone()).await.catalogue;
    let seen = other_process.progress(&queued.id, 1).await.expect("read");
    assert_eq!(percents(&seen), (33, vec![50, 50, 0]), "whole chunks");
    ground.catalogue.delete_asset(&ground.creator, &queued.id).await.expect("deleted");
    let gone = ground.catalogue.progress(&queued.id, 1).await;
    assert!(matches!(gone, Err(CatalogueError::NotFound)), "{gone:?}");
});
