//! What is noticed, ended and forgotten without anybody asking.

use super::*;

both_dbs!(a_dead_process_is_followed_at_once_when_that_is_certain, |db| async move {
    let ground = Ground::new(db);
    let (dead, alive) = (ground.worker(), ground.worker());
    let (one, mut lost) = ground.on_air(&dead).await;
    let (other, mut kept) = ground.on_air(&alive).await;
    assert_eq!(ground.live.release_holder(&dead).await.expect("released"), 1);
    assert_eq!(ground.state(&one.channel.id).await.0, State::Recovering);
    assert_eq!(ground.state(&other.channel.id).await.0, State::Live);
    assert!(!ground.live.renew(&mut lost.lease).await.expect("a database"));
    assert!(ground.live.renew(&mut kept.lease).await.expect("a database"));
    let admission = ground.admission(&one.key).await;
    assert!(ground.live.begin(&admission, &alive, &obs()).await.expect("taken").resumed);
});

both_dbs!(a_silent_holder_is_noticed_and_its_broadcast_waits_and_ends, |db| async move {
    let ground = Ground::new(db);
    let (made, begun) = ground.on_air(&ground.worker()).await;
    let (id, heard) = (&made.channel.id, ground.ambient.now());
    let elsewhere = ground.elsewhere();
    assert_eq!(elsewhere.patrol().await.expect("looked"), 1);
    ground.clock.advance(LEASE - Duration::from_secs(1));
    elsewhere.patrol().await.expect("looked");
    assert_eq!(ground.state(id).await.0, State::Live);
    ground.clock.advance(Duration::from_secs(1));
    elsewhere.patrol().await.expect("looked");
    assert_eq!(ground.state(id).await.0, State::Recovering);
    // From the first look that finds it without a holder.
    assert_eq!(elsewhere.patrol().await.expect("looked"), 1);
    ground.clock.advance(GRACE - Duration::from_secs(1));
    elsewhere.patrol().await.expect("looked");
    assert_eq!(ground.state(id).await.0, State::Recovering);
    ground.clock.advance(Duration::from_secs(1));
    elsewhere.patrol().await.expect("looked");
    let (state, broadcast) = ground.state(id).await;
    let broadcast = broadcast.expect("a broadcast");
    let end = End { at: heard, reason: EndReason::Lost, detail: String::new() };
    assert_eq!((state, &broadcast.id, broadcast.ended), (State::Ended, &begun.broadcast.id, Some(end)));
    assert_eq!(elsewhere.patrol().await.expect("looked"), 0);
    let told = ["connecting", "live", "live.started", "recovering", "ended", "live.ended lost"];
    assert_eq!(ground.events(id).await, told);
});

both_dbs!(who_renews_is_left_alone_and_who_takes_up_is_too, |db| async move {
    let ground = Ground::new(db);
    let (made, mut begun) = ground.on_air(&ground.worker()).await;
    let elsewhere = ground.elsewhere();
    for _ in 0..20 {
        elsewhere.patrol().await.expect("looked");
        ground.clock.advance(LEASE - Duration::from_secs(1));
        assert!(ground.live.renew(&mut begun.lease).await.expect("a database"));
    }
    ground.live.let_go(&begun.lease).await.expect("let go");
    elsewhere.patrol().await.expect("looked");
    ground.clock.advance(GRACE - Duration::from_secs(1));
    let admission = ground.admission(&made.key).await;
    let taken = ground.live.begin(&admission, &ground.worker(), &obs()).await.expect("taken");
    ground.clock.advance(Duration::from_secs(2));
    elsewhere.patrol().await.expect("looked");
    ground.live.flowing(&taken.lease).await.expect("still held");
});

both_dbs!(old_broadcasts_are_forgotten_and_fruitless_ones_sooner, |db| async move {
    let ground = Ground::new(db);
    let (_, watched) = ground.on_air(&ground.worker()).await;
    ground.live.end(&watched.lease, EndReason::Stopped, "").await.expect("ended");
    let made = ground.create("never").await;
    let admission = ground.admission(&made.key).await;
    let fruitless = ground.live.begin(&admission, &ground.worker(), &obs()).await.expect("begun");
    ground.live.end(&fruitless.lease, EndReason::BadMedia, "").await.expect("ended");
    ground.on_air(&ground.worker()).await;
    for (passes, swept) in [(FRUITLESS_KEPT, 0), (Duration::from_secs(1), 1), (BROADCASTS_KEPT, 1)] {
        ground.clock.advance(passes);
        assert_eq!(ground.live.sweep().await.expect("swept"), swept, "after {passes:?}");
    }
    assert_eq!(ground.live.patrol().await.expect("looked"), 1, "what is open stays");
});
