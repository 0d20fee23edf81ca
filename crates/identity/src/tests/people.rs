//! People: names, passwords, roles, and how often a password may be tried.

use std::net::IpAddr;

use base::UserId;

use super::*;

const PASSWORD: &str = "correct horse battery";
const ADDRESS: &str = "203.0.113.7";

fn address() -> Option<IpAddr> {
    Some(ADDRESS.parse().expect("an address"))
}

async fn add(identity: &Identity, name: &str, role: Role) -> User {
    let new = NewUser { name: name.to_owned(), role, password: PASSWORD.to_owned() };
    identity.create_user(&operator(identity).await, new).await.expect("added")
}

async fn try_in(identity: &Identity, name: &str, password: &str) -> Result<Option<SessionToken>> {
    identity.sign_in_password(name, password.to_owned(), address()).await
}

async fn enter(identity: &Identity, name: &str) -> SessionToken {
    try_in(identity, name, PASSWORD).await.expect("no fault").expect("the right password")
}

async fn caller(identity: &Identity, token: &SessionToken) -> Caller {
    identity.authenticate_session(token.secret.expose()).await.expect("a database").expect("open")
}

both_dbs!(a_person_signs_in_and_acts_as_themselves, |db| async move {
    let (identity, clock) = service(db);
    let ada = add(&identity, "Ada@Home.Example", Role::Creator).await;
    clock.advance(DAY);
    let token = enter(&identity, "ada@HOME.example").await;
    let ada_now = caller(&identity, &token).await;
    assert_eq!(ada_now.principal.subject, format!("user:{}", ada.id));
    assert_eq!((ada_now.name.as_str(), ada_now.principal.role), ("ada@home.example", Role::Creator));
    let listed = identity.list_users(&ada.tenant, &PageRequest::new(None, None)).await.expect("people").items;
    assert_eq!(listed, [User { last_sign_in: Some(testkit::START + DAY), ..ada.clone() }]);
    assert_eq!(identity.user_named(&ada.tenant, " ADA@home.example").await.expect("known").id, ada.id);
    let stranger: TenantId = identity.ambient.id();
    let hidden = identity.user_named(&stranger, "ada@home.example").await;
    assert!(matches!(hidden, Err(IdentityError::NotFound("user"))), "{hidden:?}");
});

both_dbs!(a_name_belongs_to_one_person, |db| async move {
    let (identity, _) = service(db);
    add(&identity, "ada", Role::Viewer).await;
    let elsewhere = identity.create_tenant("Elsewhere").await.expect("made");
    for caller in [operator(&identity).await, Caller::operator(elsewhere)] {
        let new = NewUser { name: "ADA".to_owned(), role: Role::Viewer, password: PASSWORD.to_owned() };
        let refused = identity.create_user(&caller, new).await;
        assert!(matches!(refused, Err(IdentityError::NameTaken)), "{refused:?}");
    }
});

both_dbs!(tries_of_a_name_are_counted_across_processes_and_forgotten_by_success, |db| async move {
    let (identity, clock) = service(db.clone());
    let other = Identity::new(db, identity.ambient.clone());
    add(&identity, "ada", Role::Viewer).await;
    for round in 0..2 {
        for _ in 1..NAME_TRIES_MAX {
            assert!(try_in(&identity, "ada", "wrong").await.expect("counted").is_none(), "{round}");
        }
        enter(&other, "ada").await;
    }
    let tries =
        (0..NAME_TRIES_MAX + 5).map(|n| try_in(if n % 2 == 0 { &identity } else { &other }, "ada", "wrong"));
    let throttled = join_all(tries).await.into_iter().filter(
        |done| matches!(done, Err(IdentityError::Throttled { retry_after }) if *retry_after == NAME_WINDOW),
    );
    assert_eq!(throttled.count(), 5, "many at once count like many in a row");
    let right = try_in(&other, "ada", PASSWORD).await;
    assert!(matches!(right, Err(IdentityError::Throttled { .. })), "{right:?}");
    clock.advance(NAME_WINDOW);
    enter(&identity, "ada").await;
});

both_dbs!(tries_from_an_address_are_counted_whatever_the_name, |db| async move {
    let (identity, clock) = service(db);
    add(&identity, "ada", Role::Viewer).await;
    for number in 0..ADDRESS_TRIES_MAX {
        assert!(try_in(&identity, &format!("guess-{number}"), "wrong").await.expect("counted").is_none());
    }
    let refused = try_in(&identity, "ada", PASSWORD).await;
    assert!(matches!(refused, Err(IdentityError::Throttled { .. })), "{refused:?}");
    let from_home = Some("198.51.100.2".parse().expect("an address"));
    let elsewhere = identity.sign_in_password("ada", PASSWORD.to_owned(), from_home).await;
    assert!(elsewhere.expect("no fault").is_some(), "another address is not concerned");
    clock.advance(ADDRESS_WINDOW);
    enter(&identity, "ada").await;
    identity.sweep().await.expect("swept");
});

both_dbs!(the_last_owner_stays_an_owner_however_many_try_at_once, |db| async move {
    let (identity, _) = service(db);
    let operator = operator(&identity).await;
    let (first, second) =
        (add(&identity, "one", Role::Owner).await, add(&identity, "two", Role::Owner).await);
    let demote = UserChange { role: Some(Role::Viewer), disabled: None };
    let disable = UserChange { role: None, disabled: Some(true) };
    let changes = [(&first.id, demote), (&second.id, disable)]
        .map(|(id, change)| identity.change_user(&operator, id, change));
    let refused =
        join_all(changes).await.into_iter().filter(|done| matches!(done, Err(IdentityError::LastOwner)));
    assert_eq!(refused.count(), 1);
    let people =
        identity.list_users(&first.tenant, &PageRequest::new(None, None)).await.expect("people").items;
    let owners = people.iter().filter(|user| user.role == Role::Owner && user.disabled.is_none());
    assert_eq!(owners.count(), 1);
});

both_dbs!(a_person_is_changed_only_by_somebody_of_at_least_their_role_and_tenant, |db| async move {
    let (identity, _) = service(db);
    let owner = add(&identity, "owner", Role::Owner).await;
    add(&identity, "admin", Role::Admin).await;
    let admin = caller(&identity, &enter(&identity, "admin").await).await;
    let demote = UserChange { role: Some(Role::Viewer), disabled: None };
    let promote = UserChange { role: Some(Role::Owner), disabled: None };
    let own = admin.user.clone().expect("a person");
    let forbidden = [
        identity.change_user(&admin, &owner.id, demote).await.map(drop),
        identity.change_user(&admin, &own, promote).await.map(drop),
        identity.reset_password(&admin, &owner.id, PASSWORD.to_owned()).await,
    ];
    for refused in forbidden {
        assert!(matches!(refused, Err(IdentityError::Forbidden(_))), "{refused:?}");
    }
    let stranger = Caller::operator(identity.create_tenant("Elsewhere").await.expect("made"));
    let nobody: UserId = identity.ambient.id();
    for (caller, id) in [(&stranger, &owner.id), (&operator(&identity).await, &nobody)] {
        let refused = identity.change_user(caller, id, demote).await;
        assert!(matches!(refused, Err(IdentityError::NotFound("user"))), "{refused:?}");
        let refused = identity.reset_password(caller, id, PASSWORD.to_owned()).await;
        assert!(matches!(refused, Err(IdentityError::NotFound("user"))), "{refused:?}");
    }
});

both_dbs!(another_password_ends_sessions, |db| async move {
    let (identity, _) = service(db);
    let ada = add(&identity, "ada", Role::Viewer).await;
    let (here, there) = (enter(&identity, "ada").await, enter(&identity, "ada").await);
    let me = caller(&identity, &here).await;
    let change = |current: &str, new: &str| identity.change_password(&me, current.to_owned(), new.to_owned());
    let wrong = change("not the right one", "quite another one").await;
    assert!(matches!(wrong, Err(IdentityError::Invalid { field: "current", .. })), "{wrong:?}");
    let short = change(PASSWORD, "short").await;
    assert!(matches!(short, Err(IdentityError::Invalid { field: "password", .. })), "{short:?}");
    change(PASSWORD, "quite another one").await.expect("changed");
    assert!(opens_session(&identity, &here).await && !opens_session(&identity, &there).await);
    assert!(try_in(&identity, "ada", PASSWORD).await.expect("no fault").is_none());

    identity.reset_password(&operator(&identity).await, &ada.id, PASSWORD.to_owned()).await.expect("reset");
    assert!(!opens_session(&identity, &here).await);
    let again = enter(&identity, "ada").await;
    identity.sign_out_everywhere(&caller(&identity, &again).await).await.expect("ended");
    assert!(!opens_session(&identity, &again).await);
    let key = owner(&identity).await;
    let key = identity.authenticate_key(key.secret.expose()).await.expect("a database").expect("opens");
    let refused = identity.change_password(&key, PASSWORD.to_owned(), "quite another one".to_owned()).await;
    assert!(matches!(refused, Err(IdentityError::Forbidden(_))), "{refused:?}");
});

both_dbs!(a_disabled_person_has_no_session_even_if_its_row_survives, |db| async move {
    let (identity, _) = service(db.clone());
    let ada = add(&identity, "ada", Role::Viewer).await;
    let token = enter(&identity, "ada").await;
    let mut tx = db.write().await.expect("begins");
    let since = Some(testkit::START);
    store::person::set_disabled(&mut tx, &ada.tenant, &ada.id, since).await.expect("written");
    tx.commit().await.expect("commits");
    assert!(!opens_session(&identity, &token).await);
    assert!(try_in(&identity, "ada", PASSWORD).await.expect("no fault").is_none());
});

both_dbs!(a_sign_in_waits_for_what_happens_to_its_person, |db| async move {
    let (identity, _) = service(db.clone());
    let ada = add(&identity, "ada", Role::Viewer).await;
    let mut tx = db.read().await.expect("begins");
    let stored = store::person::find(&mut tx, &ada.id).await.expect("a row").expect("ada");
    drop(tx);
    let mut tx = db.write().await.expect("begins");
    store::person::set_disabled(&mut tx, &ada.tenant, &ada.id, Some(testkit::START)).await.expect("written");
    tx.commit().await.expect("commits");
    let mut tx = db.write().await.expect("begins");
    // What a sign-in that verified the password just before the change finds.
    assert!(
        !store::person::note_sign_in(&mut tx, &ada.id, &stored.password, testkit::START)
            .await
            .expect("asked")
    );
});

both_dbs!(a_person_has_a_bounded_number_of_sessions, |db| async move {
    let (identity, _) = service(db.clone());
    let ada = add(&identity, "ada", Role::Viewer).await;
    let mut tx = db.write().await.expect("begins");
    for _ in 0..SESSIONS_MAX + 3 {
        identity.begin_session(&mut tx, &Holder::Person(ada.id.clone()), None).await.expect("begun");
    }
    let ended = store::session::end_all(&mut tx, &Holder::Person(ada.id), None).await.expect("ended");
    assert_eq!(ended, u64::from(SESSIONS_MAX));
});
