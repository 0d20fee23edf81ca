//! The set-up link.

use super::*;

const PASSWORD: &str = "correct horse battery";

fn setup() -> Setup {
    Setup { tenant: "Studio".to_owned(), name: "ada".to_owned(), password: PASSWORD.to_owned() }
}

async fn link(identity: &Identity, maker: &str) -> Option<Secret> {
    match identity.offer_setup(maker).await.expect("a database") {
        SetupOffer::Link { secret, .. } => Some(secret),
        SetupOffer::Elsewhere | SetupOffer::Done => None,
    }
}

async fn works(identity: &Identity, secret: &Secret) -> bool {
    match identity.check_setup(secret.expose()).await {
        Ok(()) => true,
        Err(IdentityError::SetupClosed) => false,
        Err(error) => panic!("{error}"),
    }
}

both_empty_dbs!(of_processes_that_start_together_one_prints_the_link, |database| async move {
    database.migrate().await.expect("migrations apply");
    let start = async |seed: u64| {
        let clock = std::sync::Arc::new(FakeClock::at(testkit::START));
        let entropy = std::sync::Arc::new(testkit::SeededEntropy::new(seed));
        let identity = Identity::new(database.open().await.expect("opens"), Ambient::new(clock, entropy));
        let offered = link(&identity, &format!("machine-{seed}")).await;
        (identity, offered)
    };
    let started = join_all((0..6).map(start)).await;
    let links: Vec<_> = started.iter().filter_map(|(_, link)| link.as_ref()).collect();
    let [link] = links[..] else { panic!("{} links were printed", links.len()) };
    let mut homes = Vec::new();
    for (identity, _) in &started {
        assert!(works(identity, link).await, "every process takes the link");
        homes.push(identity.home_tenant().await.expect("a tenant"));
    }
    homes.dedup();
    assert_eq!(homes.len(), 1);
    let uses = started.iter().map(|(identity, _)| identity.set_up(link.expose(), setup(), None));
    let used = join_all(uses).await;
    assert_eq!(used.iter().filter(|used| used.is_ok()).count(), 1, "{used:?}");
    assert!(used.iter().all(|used| matches!(used, Ok(_) | Err(IdentityError::SetupClosed))), "{used:?}");
});

both_dbs!(a_link_makes_one_owner_and_signs_them_in, |db| async move {
    let (identity, _) = service(db);
    let secret = link(&identity, "here").await.expect("a link");
    for (field, bad) in [
        ("tenant", Setup { tenant: String::new(), ..setup() }),
        ("name", Setup { name: "a b".to_owned(), ..setup() }),
        ("password", Setup { password: "short".to_owned(), ..setup() }),
    ] {
        let refused = identity.set_up(secret.expose(), bad, None).await;
        assert!(matches!(refused, Err(IdentityError::Invalid { field: f, .. }) if f == field), "{refused:?}");
    }
    let token = identity.set_up(secret.expose(), setup(), None).await.expect("set up");
    let caller = identity.authenticate_session(token.secret.expose()).await.expect("a database");
    let caller = caller.expect("signed in");
    assert_eq!((caller.name.as_str(), caller.principal.role), ("ada", Role::Owner));
    assert_eq!(caller.principal.tenant, identity.home_tenant().await.expect("a tenant"));
    assert_eq!(identity.tenant_name(&caller.principal.tenant).await.expect("named"), "Studio");
    let replayed = identity.set_up(secret.expose(), setup(), None).await;
    assert!(matches!(replayed, Err(IdentityError::SetupClosed)), "{replayed:?}");
    assert!(link(&identity, "here").await.is_none(), "there is an owner");
});

both_dbs!(the_next_start_prints_a_fresh_link_while_there_is_no_owner, |db| async move {
    let (identity, clock) = service(db);
    let first = link(&identity, "here").await.expect("a link");
    let second = link(&identity, "here").await.expect("a fresh one");
    assert!(!works(&identity, &first).await && works(&identity, &second).await);
    assert!(link(&identity, "there").await.is_none(), "one that starts beside it prints none");
    clock.advance(Duration::from_secs(10 * 60));
    assert!(link(&identity, "there").await.is_some(), "one that starts later does");
    assert!(!works(&identity, &second).await);
    let last = link(&identity, "there").await.expect("a link");
    clock.advance(SETUP_LIFETIME);
    assert!(!works(&identity, &last).await);
    let late = identity.set_up(last.expose(), setup(), None).await;
    assert!(matches!(late, Err(IdentityError::SetupClosed)), "{late:?}");
});

both_dbs!(an_owner_made_at_the_command_line_closes_the_link, |db| async move {
    let (identity, _) = service(db);
    let secret = link(&identity, "here").await.expect("a link");
    let operator = operator(&identity).await;
    let new = |name: &str, role| NewUser { name: name.to_owned(), role, password: PASSWORD.to_owned() };
    identity.create_user(&operator, new("bob", Role::Admin)).await.expect("added");
    assert!(works(&identity, &secret).await, "an administrator is no owner");
    identity.create_user(&operator, new("ada", Role::Owner)).await.expect("added");
    assert!(!works(&identity, &secret).await);
});
