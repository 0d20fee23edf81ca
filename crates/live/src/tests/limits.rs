//! How much a tenant may send.

use super::*;

fn limited(live: &Live, channels_max: u32, streams_max: u32) -> Live {
    live.clone().with_limits(Limits { channels_max, streams_max, bitrate_max_kbps: 6_000 })
}

both_dbs!(no_more_channels_are_made_than_are_allowed, |db| async move {
    let mut ground = Ground::new(db);
    ground.live = limited(&ground.live, 2, 0);
    let first = ground.create("one").await.channel.id;
    ground.create("two").await;
    let third = ground.try_create(&ground.creator, Choices::named("three")).await;
    assert!(matches!(third, Err(LiveError::TooManyChannels { limit: 2 })), "{third:?}");
    let stranger = principal(ground.ambient.id(), Role::Owner);
    ground.try_create(&stranger, Choices::named("elsewhere")).await.expect("another tenant's");
    ground.live.delete(&ground.creator, &first).await.expect("deleted");
    ground.create("three").await;
    let own = OwnLimits { channels_max: Some(3), ..OwnLimits::default() };
    ground.live.set_own_limits(&ground.creator.tenant, own).await.expect("set");
    assert_eq!(ground.live.own_limits(&ground.creator.tenant).await.expect("read"), own);
    ground.create("four").await;
    let (limits, used) = ground.live.limits(&ground.creator).await.expect("read");
    assert_eq!(limits, Limits { channels_max: 3, streams_max: 0, bitrate_max_kbps: 6_000 });
    assert_eq!(used, Used { channels: 3, streams: 0 });
});

both_dbs!(of_many_made_at_once_no_more_than_are_allowed, |db| async move {
    let mut ground = Ground::new(db);
    ground.live = limited(&ground.live, 3, 0);
    drop(join_all((0..8).map(|_| ground.db.read())).await);
    let made = join_all((0..8).map(|_| ground.try_create(&ground.creator, Choices::named("x")))).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 3, "{made:?}");
});

both_dbs!(no_more_streams_are_open_at_once_than_are_allowed, |db| async move {
    let mut ground = Ground::new(db);
    ground.live = limited(&ground.live, 0, 1);
    let worker = ground.worker();
    let (first, begun) = ground.on_air(&worker).await;
    let second = ground.create("second").await;
    let admission = ground.admission(&second.key).await;
    let refused = ground.live.begin(&admission, &worker, &obs()).await;
    assert!(matches!(refused, Err(LiveError::TooManyStreams { limit: 1 })), "{refused:?}");
    assert_eq!(ground.state(&second.channel.id).await.0, State::Idle);
    // The one that is open may be taken over all the same.
    ground.live.let_go(&begun.lease).await.expect("let go");
    let again = ground.admission(&first.key).await;
    let begun = ground.live.begin(&again, &worker, &obs()).await.expect("taken");
    assert!(begun.limits.check_bitrate(6_001).is_err());
    ground.live.end(&begun.lease, EndReason::Stopped, "").await.expect("ended");
    ground.live.begin(&admission, &worker, &obs()).await.expect("there is room");
});
