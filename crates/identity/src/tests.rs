//! Behaviour on both engines.

use std::time::Duration;

use base::{Ambient, ApiKeyId, PageRequest, Role, TenantId, Timestamp};
use db::Db;
use futures_util::future::join_all;
use testkit::{FakeClock, both_dbs, both_empty_dbs};

use super::{
    model::{KEY_PREFIX, Presented, SecretHash},
    store::session::{Holder, SessionToAdd},
    *,
};

mod migration;
mod people;
mod records;
mod set_up;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn service(db: Db) -> (Identity, FakeClock) {
    let (ambient, clock) = testkit::ambient();
    (Identity::new(db, ambient), clock)
}

/// Whoever has the command line.
async fn operator(identity: &Identity) -> Caller {
    Caller::operator(identity.home_tenant().await.expect("a tenant"))
}

fn wish(role: Role, name: &str) -> KeyWish {
    KeyWish { name: name.to_owned(), role, scopes: Scopes::whole(), lifetime: None }
}

async fn owner(identity: &Identity) -> NewKey {
    let operator = operator(identity).await;
    identity.create_key(&operator, wish(Role::Owner, "owner")).await.expect("made")
}

async fn all_keys(identity: &Identity, tenant: &TenantId) -> Vec<KeyInfo> {
    identity.list_keys(tenant, &PageRequest::new(None, None)).await.expect("keys").items
}

async fn opens_session(identity: &Identity, token: &SessionToken) -> bool {
    identity.authenticate_session(token.secret.expose()).await.expect("a database").is_some()
}

async fn sign_in(identity: &Identity, key: &NewKey) -> SessionToken {
    identity.sign_in_key(key.secret.expose(), None).await.expect("a database").expect("a good key")
}

both_dbs!(statements_prepare, |db| async move {
    use store::{attempt, audit, key, person, session, setup, tenant};
    for all in [attempt::ALL, audit::ALL, key::ALL, person::ALL, session::ALL, setup::ALL, tenant::ALL] {
        db.prepare(all).await.expect("every statement is accepted");
    }
});

both_dbs!(a_key_opens_its_tenant_and_nothing_else_does, |db| async move {
    let (identity, _) = service(db);
    let (first, second) = (owner(&identity).await, owner_of_another_kind(&identity).await);
    let text = first.secret.expose();
    let caller = identity.authenticate_key(text).await.expect("a database").expect("its own key");
    let principal = caller.principal;
    assert_eq!(principal.subject, format!("key:{}", first.id));
    assert_eq!((principal.role, principal.tenant), (Role::Owner, first.tenant.clone()));

    let swapped = format!("{}{}", &text[..30], &second.secret.expose()[30..]);
    let unknown = text.replace(first.id.as_str(), &"0".repeat(26));
    let token = sign_in(&identity, &first).await;
    for wrong in ["", "nx_", "nx__", &text[..72], &swapped, &unknown, token.secret.expose()] {
        assert!(identity.authenticate_key(wrong).await.expect("a database").is_none(), "{wrong:?}");
        assert!(identity.sign_in_key(wrong, None).await.expect("a database").is_none(), "{wrong:?}");
    }
});

async fn owner_of_another_kind(identity: &Identity) -> NewKey {
    let operator = operator(identity).await;
    identity.create_key(&operator, wish(Role::Viewer, "second")).await.expect("made")
}

both_dbs!(a_revoked_key_opens_nothing_from_then_on, |db| async move {
    let (identity, clock) = service(db.clone());
    let key = owner(&identity).await;
    let other = owner_of_another_kind(&identity).await;
    let (token, kept) = (sign_in(&identity, &key).await, sign_in(&identity, &other).await);

    let stranger = Caller::operator(identity.ambient.id());
    let operator = operator(&identity).await;
    let refused = identity.revoke_key(&stranger, &key.id).await;
    assert!(matches!(refused, Err(IdentityError::NotFound("key"))), "{refused:?}");
    assert!(opens_session(&identity, &token).await);

    identity.revoke_key(&operator, &key.id).await.expect("revoked");
    assert!(identity.authenticate_key(key.secret.expose()).await.expect("a database").is_none());
    assert!(identity.sign_in_key(key.secret.expose(), None).await.expect("a database").is_none());
    assert!(!opens_session(&identity, &token).await);
    assert!(opens_session(&identity, &kept).await, "another key's session goes on");

    clock.advance(DAY);
    identity.revoke_key(&operator, &key.id).await.expect("again");
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
    assert!(store::key::revoke(&mut tx, &key.tenant, &key.id, testkit::START).await.expect("revoked"));
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
    let principals = [principal, by_key].map(|caller| caller.expect("opens").principal);
    assert_eq!(principals[0], principals[1], "a session acts as its key");
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
    for _ in 1..SESSIONS_MAX {
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
    assert!(store::key::revoke(&mut revoking, &key.tenant, &key.id, testkit::START).await.expect("revoked"));
    let mut sign_in = std::pin::pin!(identity.sign_in_key(key.secret.expose(), None));
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
        let holder = Holder::Key(key.id.clone());
        let session = SessionToAdd { id: &id, holder: &holder, hash, expires: testkit::START };
        store::session::add(&mut tx, session, testkit::START).await.expect("added");
    }
    tx.commit().await.expect("commits");
    clock.advance(DAY);
    assert_eq!(identity.sweep_sessions().await.expect("a database"), u64::from(SWEEP_BATCH) + 1);
});

both_dbs!(keys_are_listed_page_by_page, |db| async move {
    let (identity, clock) = service(db);
    let operator = operator(&identity).await;
    let tenant = operator.principal.tenant.clone();
    let mut made = Vec::new();
    for name in ["a", "b", "c"] {
        clock.advance(Duration::from_secs(1));
        made.push(identity.create_key(&operator, wish(Role::Creator, name)).await.expect("made").id);
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
    let operator = operator(&identity).await;
    let nameless = identity.create_key(&operator, wish(Role::Viewer, "")).await;
    assert!(matches!(nameless, Err(IdentityError::Invalid { field: "name", .. })), "{nameless:?}");
    let stranger = Caller::operator(identity.ambient.id());
    let homeless = identity.create_key(&stranger, wish(Role::Viewer, "x")).await;
    assert!(matches!(homeless, Err(IdentityError::Db(db::DbError::ForeignKey))), "{homeless:?}");
});

both_dbs!(only_the_hash_of_a_secret_is_stored, |db| async move {
    let (identity, _) = service(db.clone());
    let key = owner(&identity).await;
    let mut tx = db.read().await.expect("begins");
    let stored = store::key::find(&mut tx, &key.id).await.expect("a row").expect("the key");
    let presented = Presented::<ApiKeyId>::read(KEY_PREFIX, key.secret.expose()).expect("own text");
    assert_eq!(stored.hash.len(), 32);
    assert!(presented.hash.matches(&stored.hash));
    assert_eq!(stored.info.created, Timestamp(testkit::START.0));
});

both_dbs!(nobody_hands_out_more_than_they_have, |db| async move {
    let (identity, _) = service(db);
    let operator = operator(&identity).await;
    let admin = KeyWish {
        scopes: Scopes::only([Scope::Manage, Scope::Read]).expect("some"),
        ..wish(Role::Admin, "admin")
    };
    let admin = identity.create_key(&operator, admin).await.expect("made");
    let owner = owner(&identity).await;
    let caller = identity.authenticate_key(admin.secret.expose()).await.expect("a database").expect("opens");
    let read = KeyWish { scopes: Scopes::only([Scope::Read]).expect("one"), ..wish(Role::Viewer, "read") };
    let read = identity.create_key(&caller, read).await.expect("within reach");
    let upload = KeyWish { scopes: Scopes::only([Scope::Upload]).expect("one"), ..wish(Role::Viewer, "up") };
    for beyond in [wish(Role::Owner, "more"), wish(Role::Viewer, "unscoped"), upload] {
        let refused = identity.create_key(&caller, beyond).await.map(|key| key.id);
        assert!(matches!(refused, Err(IdentityError::Forbidden(_))), "{refused:?}");
    }
    let refused = identity.revoke_key(&caller, &owner.id).await;
    assert!(matches!(refused, Err(IdentityError::Forbidden(_))), "{refused:?}");
    identity.revoke_key(&caller, &read.id).await.expect("its own kind");
});

both_dbs!(a_key_with_an_end_opens_nothing_after_it, |db| async move {
    let (identity, clock) = service(db);
    let operator = operator(&identity).await;
    let short = KeyWish { lifetime: Some(DAY), ..wish(Role::Viewer, "short") };
    let key = identity.create_key(&operator, short).await.expect("made");
    clock.advance(DAY - Duration::from_secs(5));
    let token = sign_in(&identity, &key).await;
    assert_eq!(token.expires, testkit::START + DAY, "a session does not outlive its key");
    clock.advance(Duration::from_secs(5));
    assert!(identity.authenticate_key(key.secret.expose()).await.expect("a database").is_none());
    assert!(identity.sign_in_key(key.secret.expose(), None).await.expect("a database").is_none());
    assert!(!opens_session(&identity, &token).await);
});

both_dbs!(tenants_are_made_and_listed, |db| async move {
    let (identity, clock) = service(db);
    let home = identity.home_tenant().await.expect("made");
    clock.advance(DAY);
    let studio = identity.create_tenant("Studio").await.expect("made");
    let first = identity.list_tenants(&PageRequest::new(Some(1), None)).await.expect("a page");
    assert_eq!(first.items[0], Tenant { id: home.clone(), name: "Home".to_owned(), created: testkit::START });
    let second = identity.list_tenants(&PageRequest::new(Some(1), first.next)).await.expect("a page");
    assert_eq!((&second.items[0].id, second.next), (&studio, None));
    assert_eq!(identity.home_tenant().await.expect("the same"), home);
    assert!(matches!(identity.create_tenant("").await, Err(IdentityError::Invalid { field: "name", .. })));
    let stranger: TenantId = identity.ambient.id();
    assert!(matches!(identity.tenant_name(&stranger).await, Err(IdentityError::NotFound("tenant"))));
});
