//! Behaviour on both engines.

use std::time::Duration;

use base::{Ambient, PageRequest, Timestamp};
use db::Db;
use futures_util::future::join_all;
use testkit::{FakeClock, both_dbs, both_empty_dbs};

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn service(db: Db) -> (Identity, FakeClock) {
    let (ambient, clock) = testkit::ambient();
    (Identity::new(db, ambient), clock)
}

async fn owner(identity: &Identity) -> NewKey {
    identity.ensure_owner().await.expect("a database").expect("the first start")
}

async fn all_keys(identity: &Identity, tenant: &TenantId) -> Vec<KeyInfo> {
    identity.list_keys(tenant, &PageRequest::new(None, None)).await.expect("keys").items
}

async fn opens_session(identity: &Identity, token: &SessionToken) -> bool {
    identity.authenticate_session(token.secret.expose()).await.expect("a database").is_some()
}

async fn sign_in(identity: &Identity, key: &NewKey) -> SessionToken {
    identity.sign_in(key.secret.expose()).await.expect("a database").expect("a good key")
}

both_dbs!(statements_prepare, |db| async move {
    db.prepare(store::ALL).await.expect("every statement is accepted");
});

both_empty_dbs!(processes_that_start_together_make_one_owner, |database| async move {
    database.migrate().await.expect("migrations apply");
    let start = async |seed: u64| {
        let clock = std::sync::Arc::new(FakeClock::at(testkit::START));
        let entropy = std::sync::Arc::new(testkit::SeededEntropy::new(seed));
        let identity = Identity::new(database.open().await.expect("opens"), Ambient::new(clock, entropy));
        let made = identity.ensure_owner().await.expect("a database");
        (identity, made)
    };
    let started = join_all((0..6).map(start)).await;
    let made: Vec<_> = started.iter().filter_map(|(_, made)| made.as_ref()).collect();
    let [owner] = made[..] else { panic!("{} owners were made", made.len()) };
    for (identity, _) in &started {
        let principal = identity.authenticate_key(owner.secret.expose()).await.expect("a database");
        let principal = principal.expect("every process knows the owner");
        assert_eq!((principal.role, &principal.tenant), (Role::Owner, &owner.tenant));
        assert_eq!(identity.home_tenant().await.expect("a database"), owner.tenant);
    }
    assert_eq!(all_keys(&started[0].0, &owner.tenant).await.len(), 1);
});

both_dbs!(the_owner_joins_a_tenant_made_at_the_command_line, |db| async move {
    let (identity, _) = service(db);
    let tenant = identity.home_tenant().await.expect("made");
    identity.create_key(&tenant, Role::Creator, "cli").await.expect("made");
    assert_eq!(owner(&identity).await.tenant, tenant);
    assert!(identity.ensure_owner().await.expect("a database").is_none());
});

both_dbs!(a_key_opens_its_tenant_and_nothing_else_does, |db| async move {
    let (identity, _) = service(db);
    let (first, second) = (owner(&identity).await, owner_of_another_kind(&identity).await);
    let text = first.secret.expose();
    let principal = identity.authenticate_key(text).await.expect("a database").expect("its own key");
    assert_eq!(principal.subject, format!("key:{}", first.id));
    assert_eq!((principal.role, principal.tenant), (Role::Owner, first.tenant.clone()));

    let swapped = format!("{}{}", &text[..30], &second.secret.expose()[30..]);
    let unknown = text.replace(first.id.as_str(), &"0".repeat(26));
    let token = sign_in(&identity, &first).await;
    for wrong in ["", "nx_", "nx__", &text[..72], &swapped, &unknown, token.secret.expose()] {
        assert!(identity.authenticate_key(wrong).await.expect("a database").is_none(), "{wrong:?}");
        assert!(identity.sign_in(wrong).await.expect("a database").is_none(), "{wrong:?}");
    }
});

async fn owner_of_another_kind(identity: &Identity) -> NewKey {
    let tenant = identity.home_tenant().await.expect("a tenant");
    identity.create_key(&tenant, Role::Viewer, "second").await.expect("made")
}

both_dbs!(a_revoked_key_opens_nothing_from_then_on, |db| async move {
    let (identity, clock) = service(db.clone());
    let key = owner(&identity).await;
    let other = owner_of_another_kind(&identity).await;
    let (token, kept) = (sign_in(&identity, &key).await, sign_in(&identity, &other).await);

    let stranger: TenantId = identity.ambient.id();
    let refused = identity.revoke_key(&stranger, &key.id).await;
    assert!(matches!(refused, Err(IdentityError::NotFound)), "{refused:?}");
    assert!(opens_session(&identity, &token).await);

    identity.revoke_key(&key.tenant, &key.id).await.expect("revoked");
    assert!(identity.authenticate_key(key.secret.expose()).await.expect("a database").is_none());
    assert!(identity.sign_in(key.secret.expose()).await.expect("a database").is_none());
    assert!(!opens_session(&identity, &token).await);
    assert!(opens_session(&identity, &kept).await, "another key's session goes on");

    clock.advance(DAY);
    identity.revoke_key(&key.tenant, &key.id).await.expect("again");
    let keys = all_keys(&identity, &key.tenant).await;
    let revoked = keys.into_iter().filter(|info| info.revoked.is_some()).map(|info| (info.id, info.revoked));
    let first = Some(testkit::START);
    assert_eq!(revoked.collect::<Vec<_>>(), [(key.id, first)], "the first revocation counts");
});

both_dbs!(a_session_of_a_revoked_key_is_refused_even_if_its_row_survives, |db| async move {
    let (identity, _) = service(db.clone());
    let key = owner(&identity).await;
    let token = sign_in(&identity, &key).await;
    let mut tx = db.write().await.expect("begins");
    assert!(store::revoke_key(&mut tx, &key.tenant, &key.id, testkit::START).await.expect("revoked"));
    tx.commit().await.expect("commits");
    assert!(!opens_session(&identity, &token).await);
});

both_dbs!(a_use_is_noted_once_a_minute, |db| async move {
    let (identity, clock) = service(db);
    let key = owner(&identity).await;
    let noted = async |after_seconds| {
        clock.set(testkit::START + Duration::from_secs(after_seconds));
        identity.authenticate_key(key.secret.expose()).await.expect("a database").expect("opens");
        let last_used = all_keys(&identity, &key.tenant).await[0].last_used.expect("noted");
        last_used.since(testkit::START).as_secs()
    };
    assert_eq!(all_keys(&identity, &key.tenant).await[0].last_used, None);
    assert_eq!([noted(1).await, noted(30).await, noted(60).await, noted(61).await], [1, 1, 1, 61]);
});

both_dbs!(uses_at_the_same_moment_are_all_answered, |db| async move {
    let (identity, _) = service(db);
    let key = owner(&identity).await;
    let uses = (0..12).map(|_| identity.authenticate_key(key.secret.expose()));
    for used in join_all(uses).await {
        assert!(used.expect("a database").is_some());
    }
});

both_dbs!(a_session_lasts_thirty_days_however_much_it_is_used, |db| async move {
    let (identity, clock) = service(db);
    let key = owner(&identity).await;
    let token = sign_in(&identity, &key).await;
    assert_eq!(token.expires, testkit::START + SESSION_LIFETIME);
    clock.advance(SESSION_LIFETIME - Duration::from_micros(1));
    let principal = identity.authenticate_session(token.secret.expose()).await.expect("a database");
    let by_key = identity.authenticate_key(key.secret.expose()).await.expect("a database");
    assert!(principal.is_some());
    assert_eq!(principal, by_key, "a session acts as its key");
    clock.advance(Duration::from_micros(1));
    assert!(!opens_session(&identity, &token).await);
});

both_dbs!(signing_out_ends_one_session, |db| async move {
    let (identity, _) = service(db);
    let key = owner(&identity).await;
    let (first, second) = (sign_in(&identity, &key).await, sign_in(&identity, &key).await);
    let forged = format!("{}{}", &first.secret.expose()[..30], &second.secret.expose()[30..]);
    for nothing in ["", key.secret.expose(), &forged] {
        identity.sign_out(nothing).await.expect("nothing happens");
    }
    assert!(opens_session(&identity, &first).await);
    identity.sign_out(first.secret.expose()).await.expect("signed out");
    assert!(!opens_session(&identity, &first).await);
    assert!(opens_session(&identity, &second).await);
});

both_dbs!(a_key_has_a_bounded_number_of_sessions, |db| async move {
    let (identity, clock) = service(db);
    let key = owner(&identity).await;
    let other = sign_in(&identity, &owner_of_another_kind(&identity).await).await;
    let mut tokens = Vec::new();
    for _ in 1..SESSIONS_PER_KEY_MAX {
        tokens.push(sign_in(&identity, &key).await);
        clock.advance(Duration::from_secs(1));
    }
    tokens.extend(join_all((0..6).map(|_| sign_in(&identity, &key))).await);
    let mut open = Vec::new();
    for token in &tokens {
        open.push(opens_session(&identity, token).await);
    }
    let oldest_make_room: Vec<_> = (0..tokens.len()).map(|n| n >= 5).collect();
    assert_eq!(open, oldest_make_room);
    assert!(opens_session(&identity, &other).await, "another key's session goes on");
});

both_dbs!(a_sign_in_waits_for_what_happens_to_its_key, |db| async move {
    let (identity, _) = service(db.clone());
    let key = owner(&identity).await;
    let mut revoking = db.write().await.expect("begins");
    assert!(store::revoke_key(&mut revoking, &key.tenant, &key.id, testkit::START).await.expect("revoked"));
    let mut sign_in = std::pin::pin!(identity.sign_in(key.secret.expose()));
    let early = tokio::time::timeout(Duration::from_millis(200), &mut sign_in).await;
    assert!(early.is_err(), "the revocation is under way");
    revoking.commit().await.expect("commits");
    assert!(sign_in.await.expect("a database").is_none());
});

both_dbs!(the_sweep_takes_what_has_expired, |db| async move {
    let (identity, clock) = service(db);
    let key = owner(&identity).await;
    sign_in(&identity, &key).await;
    clock.advance(DAY);
    let younger = sign_in(&identity, &key).await;
    clock.advance(SESSION_LIFETIME - DAY);
    assert_eq!(identity.sweep_sessions().await.expect("a database"), 1);
    assert_eq!(identity.sweep_sessions().await.expect("a database"), 0);
    assert!(opens_session(&identity, &younger).await);
});

both_dbs!(a_large_sweep_goes_batch_by_batch, |db| async move {
    let (identity, clock) = service(db.clone());
    let key = owner(&identity).await;
    let mut tx = db.write().await.expect("begins");
    for _ in 0..=SWEEP_BATCH {
        let (id, hash) = (identity.ambient.id(), SecretHash::of(&identity.ambient.bytes()));
        let session = SessionToAdd { id: &id, key: &key.id, hash, expires: testkit::START };
        store::add_session(&mut tx, session, testkit::START).await.expect("added");
    }
    tx.commit().await.expect("commits");
    clock.advance(DAY);
    assert_eq!(identity.sweep_sessions().await.expect("a database"), u64::from(SWEEP_BATCH) + 1);
});

both_dbs!(keys_are_listed_page_by_page, |db| async move {
    let (identity, clock) = service(db);
    let tenant = identity.home_tenant().await.expect("made");
    let mut made = Vec::new();
    for name in ["a", "b", "c"] {
        clock.advance(Duration::from_secs(1));
        made.push(identity.create_key(&tenant, Role::Creator, name).await.expect("made").id);
    }
    let page =
        async |after| identity.list_keys(&tenant, &PageRequest::new(Some(2), after)).await.expect("a page");
    let first = page(None).await;
    assert_eq!(first.items.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(first.next.as_deref(), Some(made[1].as_str()));
    let second = page(first.next).await;
    assert_eq!((second.items[0].id.clone(), second.items[0].role), (made[2].clone(), Role::Creator));
    assert_eq!((second.items.len(), second.next), (1, None));

    let stranger: TenantId = identity.ambient.id();
    assert!(all_keys(&identity, &stranger).await.is_empty());
});

both_dbs!(keys_need_a_name_and_a_tenant, |db| async move {
    let (identity, _) = service(db);
    let tenant = identity.home_tenant().await.expect("made");
    let nameless = identity.create_key(&tenant, Role::Viewer, "").await;
    assert!(matches!(nameless, Err(IdentityError::Invalid { field: "name", .. })), "{nameless:?}");
    let stranger: TenantId = identity.ambient.id();
    let homeless = identity.create_key(&stranger, Role::Viewer, "x").await;
    assert!(matches!(homeless, Err(IdentityError::Db(db::DbError::ForeignKey))), "{homeless:?}");
});

both_dbs!(only_the_hash_of_a_secret_is_stored, |db| async move {
    let (identity, _) = service(db.clone());
    let key = owner(&identity).await;
    let mut tx = db.read().await.expect("begins");
    let stored = store::key(&mut tx, &key.id).await.expect("a row").expect("the key");
    let presented = Presented::<ApiKeyId>::read(KEY_PREFIX, key.secret.expose()).expect("own text");
    assert_eq!(stored.hash.len(), 32);
    assert!(presented.hash.matches(&stored.hash));
    assert_eq!(stored.info.created, Timestamp(testkit::START.0));
});
