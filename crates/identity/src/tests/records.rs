//! The audit log.

use super::*;

async fn entries(
    identity: &Identity,
    tenant: &TenantId,
    limit: Option<u32>,
    after: Option<String>,
) -> Page<AuditEntry> {
    identity.audit(tenant, &PageRequest::new(limit, after)).await.expect("a page")
}

both_dbs!(what_is_done_is_recorded_and_read_newest_first, |db| async move {
    let (identity, clock) = service(db);
    let operator = operator(&identity).await;
    let home = operator.principal.tenant.clone();
    let key = owner(&identity).await;
    let address = Some("2001:db8::1".parse().expect("an address"));
    for subject in ["asset:1", "asset:2"] {
        clock.advance(Duration::from_secs(1));
        let caller = operator.clone().at(address);
        let title = "A film".to_owned();
        identity.record(&caller, Action::AssetDeleted, subject.to_owned(), title).await.expect("recorded");
    }
    clock.advance(Duration::from_secs(1));
    identity.revoke_key(&operator, &key.id).await.expect("revoked");
    identity.revoke_key(&operator, &key.id).await.expect("nothing happens");
    let first = entries(&identity, &home, Some(2), None).await;
    let subjects = |page: &Page<AuditEntry>| {
        page.items.iter().map(|entry| format!("{} {}", entry.action, entry.subject)).collect::<Vec<_>>()
    };
    assert_eq!(subjects(&first), [format!("key-revoked key:{}", key.id), "asset-deleted asset:2".to_owned()]);
    let second = entries(&identity, &home, Some(2), first.next).await;
    assert_eq!(
        subjects(&second),
        ["asset-deleted asset:1".to_owned(), format!("key-created key:{}", key.id)]
    );
    assert_eq!(second.next, None);
    let entry = &second.items[0];
    assert_eq!((entry.actor.as_str(), entry.address.as_deref()), ("command-line", Some("2001:db8::1")));
    assert_eq!((entry.detail.as_str(), entry.at), ("A film", testkit::START + Duration::from_secs(1)));
    let elsewhere = identity.create_tenant("Elsewhere").await.expect("made");
    assert!(entries(&identity, &elsewhere, None, None).await.items.is_empty());
});

both_dbs!(records_that_are_old_or_too_many_go, |db| async move {
    let (identity, clock) = service(db);
    let operator = operator(&identity).await;
    let home = operator.principal.tenant.clone();
    let elsewhere = Caller::operator(identity.create_tenant("Elsewhere").await.expect("made"));
    let record = async |caller: &Caller, subject: &str| {
        clock.advance(Duration::from_secs(1));
        identity
            .record(caller, Action::AssetDeleted, subject.to_owned(), String::new())
            .await
            .expect("recorded");
    };
    record(&operator, "old").await;
    clock.advance(AUDIT_LIFETIME);
    record(&elsewhere, "other").await;
    for subject in ["1", "2", "3", "4"] {
        record(&operator, subject).await;
    }
    assert_eq!(identity.sweep().await.expect("swept"), 1);
    assert_eq!(identity.sweep_audit_to(3).await.expect("swept"), 1);
    let left = entries(&identity, &home, None, None).await.items;
    assert_eq!(left.iter().map(|entry| entry.subject.as_str()).collect::<Vec<_>>(), ["4", "3", "2"]);
    assert_eq!(entries(&identity, &elsewhere.principal.tenant, None, None).await.items.len(), 1);
});
