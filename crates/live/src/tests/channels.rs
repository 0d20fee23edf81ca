//! Channels as requests meet them.

use super::*;

both_dbs!(a_channel_reads_back_as_it_was_made, |db| async move {
    let ground = Ground::new(db);
    let plain = ground.create("Studio").await.channel;
    assert_eq!((plain.state, plain.choices.recording), (State::Idle, true));
    assert_eq!(plain.choices, Choices::named("Studio"));
    let choices = Choices {
        name: "  Höhle  ".to_owned(),
        visibility: Visibility::Public,
        ladder: Ladder::Rungs(vec![360, 720]),
        dvr: Dvr::WholeEvent,
        recording: false,
        admission_url: Some("https://gate.example/ask".to_owned()),
    };
    let made = ground.try_create(&ground.creator, choices).await.expect("made").channel;
    let shown = ground.live.channel(&ground.creator, &made.id).await.expect("found");
    assert_eq!(shown, made);
    assert_eq!(
        (shown.choices.name.as_str(), &shown.choices.ladder),
        ("Höhle", &Ladder::Rungs(vec![720, 360]))
    );
    let alone = Choices { ladder: Ladder::Rungs(Vec::new()), dvr: Dvr::Window(0), ..Choices::named("alone") };
    let made = ground.try_create(&ground.creator, alone).await.expect("made").channel;
    assert_eq!(ground.live.channel_public(&made.id).await.expect("found"), made);
});

both_dbs!(what_does_not_fit_is_refused_and_nothing_is_made, |db| async move {
    let ground = Ground::new(db);
    let bad = Choices { admission_url: Some("http://gate.example/".to_owned()), ..Choices::named("x") };
    let refused = ground.try_create(&ground.creator, bad).await;
    assert!(matches!(refused, Err(LiveError::Invalid { field: "admission_url", .. })), "{refused:?}");
    let viewer = principal(ground.creator.tenant.clone(), Role::Viewer);
    let refused = ground.try_create(&viewer, Choices::named("x")).await;
    assert!(matches!(refused, Err(LiveError::Forbidden { needs: Role::Creator })), "{refused:?}");
    let page = PageRequest::new(None, None);
    assert!(ground.live.channels(&ground.creator, &page).await.expect("a page").items.is_empty());
});

both_dbs!(a_patch_changes_what_it_names, |db| async move {
    let ground = Ground::new(db);
    let made = ground.create("Studio").await;
    ground.clock.advance(Duration::from_secs(5));
    let patch = ChannelPatch {
        name: Some("Stage".to_owned()),
        dvr: Some(Dvr::Window(60)),
        admission_url: Some(Some("https://gate.example/".to_owned())),
        ..ChannelPatch::default()
    };
    let changed = ground.live.update(&ground.creator, &made.channel.id, patch).await.expect("changed");
    assert_eq!(changed, ground.live.channel(&ground.creator, &made.channel.id).await.expect("found"));
    assert_eq!((changed.choices.name.as_str(), changed.choices.dvr), ("Stage", Dvr::Window(60)));
    assert!(changed.updated > changed.created && changed.keyed == changed.created);
    let wrong = ChannelPatch { name: Some(String::new()), ..ChannelPatch::default() };
    let refused = ground.live.update(&ground.creator, &made.channel.id, wrong).await;
    assert!(matches!(refused, Err(LiveError::Invalid { field: "name", .. })), "{refused:?}");
    assert!(ground.live.authenticate(made.key.expose()).await.expect("a database").is_some());
});

both_dbs!(lists_are_cut_into_pages_newest_first, |db| async move {
    let ground = Ground::new(db);
    let mut made = Vec::new();
    for number in 0..5 {
        ground.clock.advance(Duration::from_millis(2));
        made.push(ground.create(&format!("channel {number}")).await.channel.id);
    }
    made.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest::new(Some(2), after);
        let page = ground.live.channels(&ground.creator, &request).await.expect("a page");
        seen.extend(page.items.into_iter().map(|channel| channel.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
    let wrong = PageRequest::new(None, Some("nonsense".to_owned()));
    let refused = ground.live.channels(&ground.creator, &wrong).await;
    assert!(matches!(refused, Err(LiveError::Invalid { field: "after", .. })), "{refused:?}");
});

both_dbs!(viewers_see_what_is_public_and_strangers_nothing, |db| async move {
    let ground = Ground::new(db);
    let hidden = ground.create("hidden").await.channel.id;
    let public = Choices { visibility: Visibility::Public, ..Choices::named("public") };
    let public = ground.try_create(&ground.creator, public).await.expect("made").channel.id;
    let viewer = principal(ground.creator.tenant.clone(), Role::Viewer);
    let stranger = principal(ground.ambient.id(), Role::Owner);
    let page = PageRequest::new(None, None);
    let names = async |who: &Principal| -> Vec<String> {
        let page = ground.live.channels(who, &page).await.expect("a page");
        page.items.into_iter().map(|channel| channel.choices.name).collect()
    };
    assert_eq!(names(&ground.creator).await.len(), 2);
    assert_eq!(names(&viewer).await, ["public"]);
    assert!(names(&stranger).await.is_empty());
    assert!(ground.live.channel(&viewer, &public).await.is_ok());
    for (who, id) in [(&viewer, &hidden), (&stranger, &public), (&stranger, &hidden)] {
        assert!(matches!(ground.live.channel(who, id).await, Err(LiveError::NotFound)));
        assert!(matches!(ground.live.state(who, id).await, Err(LiveError::NotFound)));
    }
    for refused in [
        ground.live.update(&stranger, &public, ChannelPatch::default()).await.map(drop),
        ground.live.delete(&stranger, &public).await.map(drop),
        ground.live.kick(&stranger, &public).await.map(drop),
        ground.live.rotate_key(&stranger, &public).await.map(drop),
    ] {
        assert!(matches!(refused, Err(LiveError::NotFound)), "{refused:?}");
    }
    let refused = ground.live.delete(&viewer, &public).await;
    assert!(matches!(refused, Err(LiveError::Forbidden { .. })), "{refused:?}");
});

both_dbs!(a_deleted_channel_is_gone_and_its_broadcast_over, |db| async move {
    let ground = Ground::new(db);
    let (made, mut begun) = ground.on_air(&ground.worker()).await;
    let id = &made.channel.id;
    assert_eq!(ground.live.delete(&ground.creator, id).await.expect("deleted").id, *id);
    assert!(matches!(ground.live.channel(&ground.creator, id).await, Err(LiveError::NotFound)));
    assert!(matches!(ground.live.delete(&ground.creator, id).await, Err(LiveError::NotFound)));
    assert!(ground.live.authenticate(made.key.expose()).await.expect("a database").is_none());
    assert!(!ground.live.renew(&mut begun.lease).await.expect("a database"));
    let refused = ground.live.end(&begun.lease, EndReason::Stopped, "").await;
    assert!(matches!(refused, Err(LiveError::Superseded)), "{refused:?}");
    let told = ground.events(id).await;
    assert_eq!(told[told.len() - 2..], ["ended", "live.ended channel-deleted"], "{told:?}");
});
