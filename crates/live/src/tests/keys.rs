//! What opens a channel, and what does not.

use super::*;

both_dbs!(a_key_opens_its_channel_and_nothing_else_does, |db| async move {
    let ground = Ground::new(db);
    let (one, other) = (ground.create("one").await, ground.create("other").await);
    let text = one.key.expose();
    assert_eq!(ground.admission(&one.key).await.channel, one.channel);
    let swapped = format!("{}{}", &text[..30], &other.key.expose()[30..]);
    let unknown = text.replace(one.channel.id.as_str(), &"0".repeat(26));
    let passphrase = one.passphrase.expose();
    for wrong in ["", "nl_", "nl__", one.channel.id.as_str(), &text[..61], &swapped, &unknown, passphrase] {
        assert!(ground.live.authenticate(wrong).await.expect("a database").is_none(), "{wrong:?}");
    }
});

both_dbs!(a_passphrase_is_the_same_in_every_process_with_the_master_key, |db| async move {
    let ground = Ground::new(db);
    let made = ground.create("studio").await;
    let (passphrase, admission) =
        ground.elsewhere().srt(&made.channel.id).await.expect("a database").expect("a channel");
    assert_eq!(passphrase.expose(), made.passphrase.expose());
    assert!(ground.live.begin(&admission, &ground.worker(), &srt()).await.is_ok());
    let nobody: ChannelId = ground.ambient.id();
    assert!(ground.live.srt(&nobody).await.expect("a database").is_none());
    let outbox = Outbox::new(ground.db.clone(), ground.ambient.clone());
    let keyless =
        Live::new(ground.db.clone(), outbox, ground.ambient.clone(), MasterKey::new(&[8; 32]), false);
    assert!(keyless.srt(&made.channel.id).await.expect("a database").is_none(), "not its master key");
    assert!(keyless.authenticate(made.key.expose()).await.expect("a database").is_some());
});

both_dbs!(a_rotated_key_opens_nothing_from_then_on, |db| async move {
    let ground = Ground::new(db);
    let (made, mut begun) = ground.on_air(&ground.worker()).await;
    let id = &made.channel.id;
    let shown = ground.admission(&made.key).await;
    ground.clock.advance(Duration::from_secs(1));
    let fresh = ground.live.rotate_key(&ground.creator, id).await.expect("rotated");
    assert_ne!(fresh.key.expose(), made.key.expose());
    assert_ne!(fresh.passphrase.expose(), made.passphrase.expose());
    assert!(fresh.channel.keyed > made.channel.keyed);
    assert_eq!(fresh.channel, ground.live.channel(&ground.creator, id).await.expect("found"));
    assert!(ground.live.authenticate(made.key.expose()).await.expect("a database").is_none());
    let (passphrase, _) = ground.live.srt(id).await.expect("a database").expect("a channel");
    assert_eq!(passphrase.expose(), fresh.passphrase.expose());
    // Who showed the old one a moment ago does not get in with it, and who was in is out.
    let refused = ground.live.begin(&shown, &ground.worker(), &obs()).await;
    assert!(matches!(refused, Err(LiveError::Revoked)), "{refused:?}");
    assert!(!ground.live.renew(&mut begun.lease).await.expect("a database"));
    let (state, broadcast) = ground.state(id).await;
    let reason = broadcast.and_then(|broadcast| broadcast.ended).map(|end| end.reason);
    assert_eq!((state, reason), (State::Ended, Some(EndReason::KeyRotated)));
    let admission = ground.admission(&fresh.key).await;
    assert!(!ground.live.begin(&admission, &ground.worker(), &obs()).await.expect("the new one").resumed);
});

both_dbs!(no_secret_is_in_the_database_in_clear, |db| async move {
    let ground = Ground::new(db);
    let made = ground.create("studio").await;
    let mut tx = ground.db.read().await.expect("begins");
    let stored = store::channel::find(&mut tx, &made.channel.id).await.expect("read").expect("a row");
    let shown = format!("{stored:?} {made:?} {:?}", String::from_utf8_lossy(&stored.secrets.key_hash));
    assert!(!shown.contains(&made.key.expose()[30..]), "{shown}");
    assert!(!shown.contains(made.passphrase.expose()), "{shown}");
});
