//! Broadcasts: one at a time, one holder at a time, and nothing done by a holder that is one no more.

use super::*;

both_dbs!(a_broadcast_from_its_beginning_to_its_end, |db| async move {
    let ground = Ground::new(db);
    let made = ground.create("studio").await;
    let id = &made.channel.id;
    let admission = ground.admission(&made.key).await;
    let begun = ground.live.begin(&admission, &ground.worker(), &obs()).await.expect("begun");
    assert_eq!((begun.lease.term, begun.resumed, begun.channel.state), (1, false, State::Connecting));
    assert_eq!(ground.state(id).await.0, State::Connecting);
    ground.clock.advance(Duration::from_secs(2));
    ground.live.flowing(&begun.lease).await.expect("flows");
    let live = ground.ambient.now();
    ground.clock.advance(Duration::from_secs(60));
    ground.live.publisher_lost(&begun.lease).await.expect("lost");
    assert_eq!(ground.state(id).await.0, State::Recovering);
    ground.live.publisher_back(&begun.lease, &admission, &srt()).await.expect("back");
    assert_eq!(ground.state(id).await.0, State::Recovering, "until media flow");
    ground.live.flowing(&begun.lease).await.expect("flows again");
    let mut tx = ground.db.write().await.expect("begins");
    let asset = ground.ambient.id();
    ground.live.record(&mut tx, &begun.lease, &asset).await.expect("noted");
    tx.commit().await.expect("commits");
    ground.live.end(&begun.lease, EndReason::Stopped, "as the encoder said\0").await.expect("ended");
    let (state, broadcast) = ground.state(id).await;
    let broadcast = broadcast.expect("a broadcast");
    let end = End {
        at: ground.ambient.now(),
        reason: EndReason::Stopped,
        detail: "as the encoder said".to_owned(),
    };
    assert_eq!((state, &broadcast.ended, &broadcast.asset), (State::Ended, &Some(end), &Some(asset)));
    assert_eq!((broadcast.live, broadcast.protocol), (Some(live), Protocol::Srt));
    assert_eq!((broadcast.encoder.as_str(), broadcast.term), ("ffmpeg", 1));
    let told = ["connecting", "live", "live.started", "recovering", "live", "ended", "live.ended stopped"];
    assert_eq!(ground.events(id).await, told);
});

both_dbs!(what_was_never_on_air_is_not_announced_as_over, |db| async move {
    let ground = Ground::new(db);
    let made = ground.create("studio").await;
    let admission = ground.admission(&made.key).await;
    let begun = ground.live.begin(&admission, &ground.worker(), &obs()).await.expect("begun");
    ground.live.end(&begun.lease, EndReason::BadMedia, "no key frame in 20 s").await.expect("ended");
    assert_eq!(ground.events(&made.channel.id).await, ["connecting", "ended"]);
    let (_, broadcast) = ground.state(&made.channel.id).await;
    let end = broadcast.and_then(|broadcast| broadcast.ended).expect("an end");
    assert_eq!((end.reason, end.detail.as_str()), (EndReason::BadMedia, "no key frame in 20 s"));
});

both_dbs!(a_second_publisher_is_refused_while_the_first_lives, |db| async move {
    let ground = Ground::new(db);
    let (made, mut begun) = ground.on_air(&ground.worker()).await;
    let admission = ground.admission(&made.key).await;
    let elsewhere = ground.elsewhere();
    let other = ground.worker();
    for _ in 0..30 {
        assert_eq!(wait(elsewhere.begin(&admission, &other, &obs()).await), LEASE);
        ground.clock.advance(RENEW_EVERY);
        assert!(ground.live.renew(&mut begun.lease).await.expect("a database"));
    }
    ground.live.end(&begun.lease, EndReason::Stopped, "").await.expect("ended");
    let next = elsewhere.begin(&admission, &other, &obs()).await.expect("free");
    assert!(!next.resumed && next.broadcast.id != begun.broadcast.id);
});

both_dbs!(of_many_that_begin_at_once_one_holds_it, |db| async move {
    let ground = Ground::new(db);
    let made = ground.create("studio").await;
    let admission = ground.admission(&made.key).await;
    drop(join_all((0..8).map(|_| ground.db.read())).await);
    for round in 0..5 {
        let processes: Vec<_> = (0..8).map(|_| (ground.elsewhere(), ground.worker())).collect();
        let publisher = obs();
        let begun =
            join_all(processes.iter().map(|(live, worker)| live.begin(&admission, worker, &publisher))).await;
        let (held, refused): (Vec<_>, Vec<_>) = begun.into_iter().partition(Result::is_ok);
        assert_eq!((held.len(), refused.len()), (1, 7), "round {round}");
        refused.into_iter().for_each(|refused| assert_eq!(wait(refused), LEASE));
        for begun in held {
            let lease = begun.expect("held").lease;
            ground.live.end(&lease, EndReason::Stopped, "").await.expect("ended");
        }
    }
});

both_dbs!(a_broadcast_is_taken_over_once_its_holder_is_silent_for_the_lease, |db| async move {
    let ground = Ground::new(db);
    let (made, mut begun) = ground.on_air(&ground.worker()).await;
    let admission = ground.admission(&made.key).await;
    let (elsewhere, other) = (ground.elsewhere(), ground.worker());
    ground.clock.advance(LEASE + LEASE);
    // A process that has just begun to watch knows nothing of before, and a clock that is set proves nothing.
    assert_eq!(wait(elsewhere.begin(&admission, &other, &obs()).await), LEASE);
    ground.clock.advance(LEASE - Duration::from_secs(1));
    assert_eq!(wait(elsewhere.begin(&admission, &other, &obs()).await), Duration::from_secs(1));
    assert!(!begun.lease.lasts(ground.ambient.monotonic()), "its holder has stopped by now");
    ground.clock.set(ground.ambient.now() - Duration::from_secs(60));
    ground.clock.advance(Duration::from_secs(1));
    let taken = elsewhere.begin(&admission, &other, &srt()).await.expect("taken over");
    assert_eq!((taken.lease.term, taken.resumed), (2, true));
    assert_eq!(taken.broadcast.id, begun.broadcast.id);
    assert_eq!(ground.state(&made.channel.id).await.0, State::Recovering);
    // The one before wakes: nothing that it does counts.
    assert!(!ground.live.renew(&mut begun.lease).await.expect("a database"));
    for refused in [
        ground.live.flowing(&begun.lease).await,
        ground.live.publisher_lost(&begun.lease).await,
        ground.live.publisher_back(&begun.lease, &admission, &obs()).await,
        ground.live.let_go(&begun.lease).await,
        ground.live.end(&begun.lease, EndReason::Stopped, "").await,
    ] {
        assert!(matches!(refused, Err(LiveError::Superseded)), "{refused:?}");
    }
    let mut tx = ground.db.write().await.expect("begins");
    let refused = ground.live.record(&mut tx, &begun.lease, &ground.ambient.id()).await;
    assert!(matches!(refused, Err(LiveError::Superseded)), "{refused:?}");
    drop(tx);
    elsewhere.flowing(&taken.lease).await.expect("flows");
    let told = ["connecting", "live", "live.started", "recovering", "live"];
    assert_eq!(ground.events(&made.channel.id).await, told, "one broadcast, started once");
});

both_dbs!(a_holder_that_lets_go_is_followed_at_once, |db| async move {
    let ground = Ground::new(db);
    let (made, begun) = ground.on_air(&ground.worker()).await;
    let admission = ground.admission(&made.key).await;
    ground.live.let_go(&begun.lease).await.expect("let go");
    assert_eq!(ground.state(&made.channel.id).await.0, State::Recovering);
    let taken = ground.elsewhere().begin(&admission, &ground.worker(), &obs()).await.expect("taken");
    assert_eq!((taken.lease.term, taken.resumed), (2, true));
    assert!(taken.broadcast.live.is_some());
});

both_dbs!(what_was_left_too_long_ago_ends_and_another_begins, |db| async move {
    let ground = Ground::new(db);
    let dead = ground.worker();
    let (made, begun) = ground.on_air(&dead).await;
    let left = ground.ambient.now();
    ground.clock.advance(Duration::from_secs(3600));
    assert_eq!(ground.live.release_holder(&dead).await.expect("released"), 1);
    let admission = ground.admission(&made.key).await;
    let next = ground.live.begin(&admission, &ground.worker(), &obs()).await.expect("begun");
    assert!(!next.resumed && next.broadcast.id != begun.broadcast.id);
    let told = ground.events(&made.channel.id).await;
    let end = ["recovering", "ended", "live.ended lost", "connecting"];
    assert_eq!(told[told.len() - 4..], end, "{told:?}");
    let mut tx = ground.db.read().await.expect("begins");
    let open = store::broadcast::open(&mut tx, &made.channel.id).await.expect("read").expect("one");
    assert_eq!(open.broadcast.id, next.broadcast.id);
    assert!(left < open.broadcast.started);
});

both_dbs!(a_holder_knows_by_its_own_clock_when_to_stop, |db| async move {
    let ground = Ground::new(db);
    let (_, mut begun) = ground.on_air(&ground.worker()).await;
    let lasts = |lease: &Lease| lease.lasts(ground.ambient.monotonic());
    ground.clock.advance(LEASE - Duration::from_millis(1));
    assert!(lasts(&begun.lease));
    assert!(ground.live.renew(&mut begun.lease).await.expect("a database"));
    ground.clock.advance(LEASE - Duration::from_millis(1));
    assert!(lasts(&begun.lease));
    ground.clock.advance(Duration::from_millis(1));
    assert!(!lasts(&begun.lease));
});

both_dbs!(who_is_kicked_is_out_and_may_come_again, |db| async move {
    let ground = Ground::new(db);
    let (made, mut begun) = ground.on_air(&ground.worker()).await;
    let id = &made.channel.id;
    assert_eq!(ground.live.kick(&ground.creator, id).await.expect("kicked").state, State::Ended);
    assert!(!ground.live.renew(&mut begun.lease).await.expect("a database"));
    assert!(!begun.lease.lasts(ground.ambient.monotonic()));
    let refused = ground.live.kick(&ground.creator, id).await;
    assert!(matches!(refused, Err(LiveError::NotOnAir)), "{refused:?}");
    let admission = ground.admission(&made.key).await;
    assert!(ground.live.begin(&admission, &ground.worker(), &obs()).await.is_ok());
});

both_dbs!(a_publisher_cannot_slip_into_what_is_not_its_own, |db| async move {
    let ground = Ground::new(db);
    let (made, begun) = ground.on_air(&ground.worker()).await;
    let own = ground.admission(&made.key).await;
    let refused = ground.live.publisher_back(&begun.lease, &own, &obs()).await;
    assert!(matches!(refused, Err(LiveError::Illegal(_))), "the first one is there: {refused:?}");
    let other = ground.create("other").await;
    let foreign = ground.admission(&other.key).await;
    let refused = ground.live.publisher_back(&begun.lease, &foreign, &obs()).await;
    assert!(matches!(refused, Err(LiveError::Revoked)), "{refused:?}");
    ground.live.publisher_lost(&begun.lease).await.expect("lost");
    ground.live.publisher_back(&begun.lease, &own, &obs()).await.expect("back");
});

both_dbs!(what_a_channel_sent_is_listed_newest_first, |db| async move {
    let ground = Ground::new(db);
    let made = ground.create("studio").await;
    let id = &made.channel.id;
    let mut begun = Vec::new();
    for _ in 0..5 {
        ground.clock.advance(Duration::from_millis(2));
        let admission = ground.admission(&made.key).await;
        let held = ground.live.begin(&admission, &ground.worker(), &obs()).await.expect("begun");
        ground.live.end(&held.lease, EndReason::Stopped, "").await.expect("ended");
        begun.push(held.lease.broadcast);
    }
    begun.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest::new(Some(2), after);
        let page = ground.live.broadcasts(&ground.creator, id, &request).await.expect("a page");
        seen.extend(page.items.into_iter().map(|broadcast| broadcast.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, begun);
    let page = PageRequest::new(None, None);
    let other = ground.create("other").await.channel.id;
    assert!(ground.live.broadcasts(&ground.creator, &other, &page).await.expect("a page").items.is_empty());
    let stranger = principal(ground.ambient.id(), Role::Owner);
    let refused = ground.live.broadcasts(&stranger, id, &page).await;
    assert!(matches!(refused, Err(LiveError::NotFound)), "{refused:?}");
    let wrong = PageRequest::new(None, Some("nonsense".to_owned()));
    let refused = ground.live.broadcasts(&ground.creator, id, &wrong).await;
    assert!(matches!(refused, Err(LiveError::Invalid { field: "after", .. })), "{refused:?}");
    let (_, latest) = ground.live.state_public(id).await.expect("anybody's");
    assert_eq!(latest.map(|broadcast| broadcast.id).as_ref(), begun.first());
});
