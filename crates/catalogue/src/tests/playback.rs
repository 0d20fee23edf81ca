//! What viewers are served from.

use super::*;

const TALL: TrackName = TrackName::Video(720);
const SMALL: TrackName = TrackName::Video(360);
const SOUND: TrackName = TrackName::Audio(0);
const TEXT: TrackName = TrackName::Text(0);

fn lengths(playback: &Playback) -> Vec<(TrackName, usize)> {
    playback.tracks.iter().map(|track| (track.info.name, track.segments.len())).collect()
}

async fn make_chunk(ground: &Ground, wanted: Piece) {
    let claims = ground.claims(&["chunk", "audio", "images"]).await;
    let wanted = claims.iter().find(|claim| piece_of(claim).2 == wanted).expect("a claim");
    ground.make(wanted).await;
    for other in claims.iter().filter(|claim| claim.id != wanted.id) {
        ground.queue.release(other).await.expect("given back");
    }
}

both_dbs!(a_film_plays_from_its_first_chunk_and_grows_without_gaps, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.planned(&film(3)).await;
    let playback = async || ground.catalogue.playback(&asset.id).await.expect("read");
    make_chunk(&ground, Piece::Chunk(0)).await;
    assert!(playback().await.is_none(), "its sound is missing");
    make_chunk(&ground, Piece::Audio(0)).await;
    let playing = playback().await.expect("playable");
    assert_eq!((playing.version, playing.ended), (1, false));
    assert_eq!(lengths(&playing), [(TALL, 2), (SMALL, 2), (SOUND, 2)], "in playlist order");
    assert_eq!(ground.asset(&asset.id).await.playing, Some(1));
    let heard = [&[events::CREATED][..], &[events::UPDATED; 4]].concat();
    assert_eq!(ground.events(&asset.id).await, heard, "queued, probing, transcoding, playable");

    make_chunk(&ground, Piece::Chunk(2)).await;
    assert_eq!(lengths(&playback().await.expect("playable")), [(TALL, 2), (SMALL, 2), (SOUND, 2)]);
    make_chunk(&ground, Piece::Chunk(1)).await;
    let playing = playback().await.expect("playable");
    assert_eq!(lengths(&playing), [(TALL, 6), (SMALL, 6), (SOUND, 2)]);
    let seqs: Vec<_> = playing.tracks[0].segments.iter().map(|segment| segment.seq).collect();
    assert_eq!(seqs, [0, 1, 2, 3, 4, 5]);
    assert_eq!(playing.tracks[0].info, info(TALL));

    make_chunk(&ground, Piece::Images).await;
    assert!(!playback().await.expect("playable").ended, "the gate is not passed");
    assert_eq!(ground.events(&asset.id).await, heard, "chunks are no news");
    ground.publish(Vec::new()).await;
    let playing = playback().await.expect("playable");
    assert!(playing.ended);
    assert_eq!(playing.asset.plan, Some(film(3)));
});

both_dbs!(one_track_is_read_alone, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.ready(&film(2)).await;
    let track =
        async |name| ground.catalogue.playback_track(&asset.id, name).await.expect("read").expect("plays");
    assert_eq!(lengths(&track(SMALL).await), [(SMALL, 4)]);
    assert_eq!(lengths(&track(SOUND).await), [(SOUND, 2)]);
    assert!(track(TrackName::Video(1080)).await.tracks.is_empty());
    let nothing: AssetId = ground.ambient.id();
    assert!(ground.catalogue.playback(&nothing).await.expect("read").is_none());
});

both_dbs!(text_is_made_with_the_plan_and_plays_with_the_rest, |db| async move {
    let ground = Ground::new(db).await;
    let text =
        TextPlan { name: TEXT, language: "en".to_owned(), label: "English".to_owned(), default: false };
    let asset = ground.planned(&Plan { text: vec![text], ..film(1) }).await;
    let mut tx = ground.db.write().await.expect("begins");
    ground.catalogue.store_part(&mut tx, &asset.id, 1, &part(TEXT, 0, 1)).await.expect("stored");
    tx.commit().await.expect("committed");
    assert_eq!(
        ground.live_jobs().await,
        [("audio", 1), ("chunk", 1), ("images", 1)].map(|(k, n)| (k.into(), n))
    );
    ground.make_all().await;
    assert_eq!(ground.publish(Vec::new()).await, Gate::Passed);
    let playing = ground.catalogue.playback(&asset.id).await.expect("read").expect("playable");
    assert_eq!(lengths(&playing), [(TALL, 2), (SMALL, 2), (SOUND, 2), (TEXT, 2)]);
    assert_eq!(playing.tracks[3].info, info(TEXT));
    let init = ground.catalogue.init_attempt(&asset.id, 1, TEXT).await.expect("read");
    assert_eq!(init.map(|winner| winner.attempt), Some(1));
    let last = ground.catalogue.segment_attempt(&asset.id, 1, TEXT, 1).await.expect("read");
    assert_eq!(last.map(|winner| winner.attempt), Some(1));
});

both_dbs!(objects_are_the_winning_attempts, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.planned(&film(2)).await;
    let first = ground.claims(&["chunk", "audio", "images"]).await;
    let images = first.iter().find(|claim| claim.kind == "images").expect("images");
    ground.clock.advance(LEASE);
    ground.queue.heartbeat(images, LEASE).await.expect("still held");
    let second = ground.claims(&["chunk"]).await;
    assert_eq!((first.len(), second.len()), (4, 2));
    for claim in &second {
        assert_eq!(claim.attempt, 2);
        ground.make(claim).await;
    }
    ground.make(images).await;

    let (c, id) = (&ground.catalogue, &asset.id);
    let winner = |attempt| Winner {
        attempt,
        visibility: Visibility::Unlisted,
        tenant: ground.creator.tenant.clone(),
        live: None,
    };
    for seq in 0..4 {
        assert_eq!(c.segment_attempt(id, 1, TALL, seq).await.expect("read"), Some(winner(2)), "{seq}");
    }
    assert_eq!(c.init_attempt(id, 1, TALL).await.expect("read"), Some(winner(2)));
    assert_eq!(c.images_attempt(id, 1).await.expect("read"), Some(winner(1)));
    for (track, version, seq) in [(TALL, 1, 4), (TALL, 2, 0), (SOUND, 1, 0), (TrackName::Video(1), 1, 0)] {
        assert_eq!(c.segment_attempt(id, version, track, seq).await.expect("read"), None);
    }
    assert_eq!(c.init_attempt(id, 1, SOUND).await.expect("read"), None);
    assert_eq!(c.images_attempt(id, 2).await.expect("read"), None);
    assert_eq!(ground.asset(id).await.images_attempt, Some(1));

    c.delete_asset(&ground.creator, id).await.expect("deleted");
    assert_eq!(c.segment_attempt(id, 1, TALL, 0).await.expect("read"), None);
    assert_eq!(c.init_attempt(id, 1, TALL).await.expect("read"), None);
    assert_eq!(c.images_attempt(id, 1).await.expect("read"), None);
});

both_dbs!(a_gap_hides_what_comes_after_it, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.planned(&film(3)).await;
    make_chunk(&ground, Piece::Chunk(2)).await;
    assert_eq!(ground.catalogue.segment_attempt(&asset.id, 1, TALL, 0).await.expect("read"), None);
    assert!(ground.catalogue.segment_attempt(&asset.id, 1, TALL, 5).await.expect("read").is_some());
    make_chunk(&ground, Piece::Chunk(0)).await;
    assert_eq!(ground.catalogue.segment_attempt(&asset.id, 1, TALL, 2).await.expect("read"), None);
    let parts = ground.catalogue.parts(&asset.id, 1).await.expect("read");
    let chunks: Vec<_> = parts.iter().map(|part| (part.track, part.chunk)).collect();
    assert_eq!(chunks, [(TALL, 0), (TALL, 2), (SMALL, 0), (SMALL, 2)]);
    let shown: Vec<_> =
        crate::playback::timelines(parts).into_iter().map(|track| track.segments.len()).collect();
    assert_eq!(shown, [2, 2]);
});

both_dbs!(sound_alone_plays, |db| async move {
    let ground = Ground::new(db).await;
    let asset = ground.ready(&music()).await;
    let playing = ground.catalogue.playback(&asset.id).await.expect("read").expect("plays");
    assert_eq!(lengths(&playing), [(SOUND, 2)]);
    assert_eq!((asset.duration_us, asset.images_attempt), (Some(10_000_000), None));
});
