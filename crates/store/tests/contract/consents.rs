use crate::fixture::{
    ALL, NOW, add_link, index, new_link, person, read, refused, sealed, spread, uuid, workspaces,
    wrapped, write,
};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    ActorKind, Allowed, AuditAction, Consent, ConsentFilter, ConsentMethod, ConsentReceipt,
    ConsentStatus, ConsentTerms, Error, NewAuditEntry, NewConsent, NewLink, PageRequest, Resource,
    Result, SubjectId, TimeSpan, Tx, WorkspaceId,
};

on_both_databases! {
    a_consent_is_stored_whole,
    a_consent_is_taken_back_once,
    filters_of_consents_narrow,
    what_a_person_has_allowed_is_told,
    receipts_are_kept_in_their_order,
    a_place_in_the_chain_is_taken_once,
    a_consent_without_its_receipts_is_found,
    a_consent_without_its_person_is_found,
    what_the_audit_log_tells_beyond_the_receipts_is_found,
    what_is_to_be_withheld_is_due,
}

fn terms() -> ConsentTerms {
    ConsentTerms {
        resources: vec![Resource::Owners, Resource::Employments],
        source: "pila_co_employment".to_owned(),
        method: ConsentMethod::Upload,
        text_version: "2026-03".to_owned(),
        language: "es-CO".to_owned(),
        granted_at: NOW - 5,
        expires_at: Some(NOW + 100),
    }
}

fn insert(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    subject: SubjectId,
    n: u64,
    terms: &ConsentTerms,
) -> Result<()> {
    tx.insert_consent(&NewConsent {
        uuid: uuid(n),
        workspace,
        subject,
        terms,
        created_at: NOW + i64::try_from(n).unwrap_or_default(),
        sealed: &sealed(n),
    })
}

/// Consent `n` of a person.
pub(crate) fn add_consent(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    subject: SubjectId,
    n: u64,
) -> Result<()> {
    insert(tx, workspace, subject, n, &terms())
}

/// Receipt `number`, about person `n` and consent `n`.
fn receipt(number: i64, n: u64) -> ConsentReceipt {
    ConsentReceipt {
        number,
        person: index(n),
        consent: Some(uuid(n)),
        body: format!("{{\"n\":{n},\"ñ\":\"\"}}"),
        previous: spread(n + 1),
        hash: spread(n),
        seal: (number > 1).then(|| spread(n + 2)),
    }
}

fn uuids(consents: &[Consent]) -> Vec<u128> {
    consents.iter().map(|consent| consent.uuid.as_u128()).collect()
}

async fn a_consent_is_stored_whole(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let subject = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        add_consent(tx, here, subject, 7)?;
        Ok(subject)
    })
    .await;
    let by_person = read(&db, move |tx| tx.consents_of(subject)).await;
    let by_id = read(&db, move |tx| tx.consent(here, uuid(7))).await.expect("not found");
    for consent in by_person.into_iter().chain([by_id]) {
        assert_eq!((consent.uuid, consent.subject, &consent.terms), (uuid(7), subject, &terms()));
        assert_eq!((consent.revoked_at, consent.created_at), (None, NOW + 7));
        assert_eq!(consent.workspace, here);
        assert_eq!((&consent.sealed, &consent.sealed_revocation), (&sealed(7), &None));
        assert!(consent.key == wrapped(50));
        assert_eq!(consent.status(NOW + 99), ConsentStatus::Valid);
        assert_eq!(consent.status(NOW + 100), ConsentStatus::Expired);
    }
    assert!(read(&db, move |tx| tx.consent(there, uuid(7))).await.is_none());
    assert!(read(&db, move |tx| tx.consent(here, uuid(8))).await.is_none());
}

async fn a_consent_is_taken_back_once(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        add_consent(tx, here, subject, 7)?;
        add_consent(tx, here, subject, 8)
    })
    .await;
    let revoke = |workspace, at, n| {
        write(&db, move |tx| tx.revoke_consent(workspace, uuid(7), at, &sealed(n)))
    };
    assert!(!revoke(there, NOW, 1).await);
    assert!(revoke(here, NOW + 1, 2).await);
    assert!(!revoke(here, NOW + 2, 3).await);
    let consent = read(&db, move |tx| tx.consent(here, uuid(7))).await.expect("not found");
    assert_eq!(consent.revoked_at, Some(NOW + 1));
    assert_eq!(consent.sealed_revocation, Some(sealed(2)));
    assert_eq!(consent.status(NOW), ConsentStatus::Revoked);
    let other = read(&db, move |tx| tx.consent(here, uuid(8))).await.expect("not found");
    assert_eq!(other.revoked_at, None);
}

async fn filters_of_consents_narrow(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        let endless = ConsentTerms { expires_at: None, ..terms() };
        let (one, two) = (person(tx, here, 50)?.id, person(tx, here, 51)?.id);
        let foreign = person(tx, there, 50)?.id;
        add_consent(tx, here, one, 1)?;
        insert(tx, here, one, 2, &endless)?;
        insert(tx, here, two, 3, &endless)?;
        add_consent(tx, there, foreign, 4)?;
        tx.revoke_consent(here, uuid(3), NOW, &sealed(1))?;
        add_link(tx, here, one, 60)?;
        let (external_index, body) = (index(9), sealed(1));
        let link = new_link(here, two, 61, &body);
        tx.insert_link(&NewLink { external_index: Some(&external_index), ..link })
    })
    .await;
    let found = async |filter: ConsentFilter| {
        let page = read(&db, move |tx| tx.consents(here, &filter, ALL)).await;
        assert_eq!(page.count, page.rows.len() as i64);
        uuids(&page.rows)
    };
    let all = ConsentFilter::default;
    assert_eq!(found(all()).await, [3, 2, 1]);
    for (status, now, expected) in [
        (ConsentStatus::Valid, NOW, vec![2, 1]),
        (ConsentStatus::Valid, NOW + 100, vec![2]),
        (ConsentStatus::Expired, NOW + 100, vec![1]),
        (ConsentStatus::Expired, NOW + 99, vec![]),
        (ConsentStatus::Revoked, NOW, vec![3]),
    ] {
        let filter = ConsentFilter { status: Some((status, now)), ..all() };
        assert_eq!(found(filter).await, expected, "{status}");
    }
    let ids = Some(vec![uuid(1), uuid(3), uuid(4)]);
    assert_eq!(found(ConsentFilter { ids, ..all() }).await, [3, 1]);
    let links = |n| Some(vec![uuid(n)]);
    assert_eq!(found(ConsentFilter { links: links(60), ..all() }).await, [2, 1]);
    assert_eq!(found(ConsentFilter { links: links(62), ..all() }).await, [0_u128; 0]);
    let external_ids = Some(vec![index(9)]);
    assert_eq!(found(ConsentFilter { external_ids, ..all() }).await, [3]);
    let created = TimeSpan { from: Some(NOW + 2), before: Some(NOW + 3) };
    assert_eq!(found(ConsentFilter { created, ..all() }).await, [2]);
    let second = PageRequest { limit: 1, offset: 1 };
    let page = read(&db, move |tx| tx.consents(here, &ConsentFilter::default(), second)).await;
    assert_eq!((page.count, uuids(&page.rows)), (3, vec![2]));
}

async fn what_a_person_has_allowed_is_told(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let subject = write(&db, move |tx| {
        let (subject, other) = (person(tx, here, 50)?.id, person(tx, here, 51)?.id);
        add_consent(tx, here, subject, 1)?;
        add_consent(tx, here, other, 2)?;
        let one = ConsentTerms { resources: vec![Resource::Owners], expires_at: None, ..terms() };
        insert(tx, here, subject, 3, &one)?;
        tx.revoke_consent(here, uuid(1), NOW + 9, &sealed(1))?;
        Ok(subject)
    })
    .await;
    let first = Allowed {
        consent: uuid(1),
        resources: terms().resources,
        granted_at: NOW - 5,
        expires_at: Some(NOW + 100),
        revoked_at: Some(NOW + 9),
        created_at: NOW + 1,
    };
    let last = Allowed {
        consent: uuid(3),
        resources: vec![Resource::Owners],
        granted_at: NOW - 5,
        expires_at: None,
        revoked_at: None,
        created_at: NOW + 3,
    };
    assert_eq!(read(&db, move |tx| tx.allowed_by(subject)).await, [last, first]);
}

async fn receipts_are_kept_in_their_order(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    assert_eq!(read(&db, move |tx| tx.last_consent_receipt(here)).await, None);
    let erased = ConsentReceipt { consent: None, ..receipt(4, 50) };
    let stored = erased.clone();
    write(&db, move |tx| {
        for receipt in [receipt(1, 50), receipt(2, 51), receipt(3, 50), stored] {
            tx.insert_consent_receipt(here, &receipt)?;
        }
        tx.insert_consent_receipt(there, &receipt(1, 50))
    })
    .await;
    assert_eq!(read(&db, move |tx| tx.last_consent_receipt(here)).await, Some(erased.clone()));
    let after = |n, limit| read(&db, move |tx| tx.consent_receipts_after(here, n, limit));
    assert_eq!(after(0, 2).await, [receipt(1, 50), receipt(2, 51)]);
    assert_eq!(after(2, 5).await, [receipt(3, 50), erased.clone()]);
    assert_eq!(after(4, 5).await, []);
    let about = read(&db, move |tx| tx.consent_receipts_about(here, &index(50))).await;
    assert_eq!(about, [receipt(1, 50), receipt(3, 50), erased]);
    let of = read(&db, move |tx| tx.receipts_of_consents(here, &[uuid(50), uuid(9)])).await;
    assert_eq!(of, [receipt(1, 50), receipt(3, 50)]);
}

async fn a_place_in_the_chain_is_taken_once(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    write(&db, move |tx| tx.insert_consent_receipt(here, &receipt(1, 50))).await;
    let error = refused(&db, move |tx| tx.insert_consent_receipt(here, &receipt(1, 51))).await;
    assert!(matches!(error, Error::Conflict(_)), "{error}");
}

async fn a_consent_without_its_receipts_is_found(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let lacking = |workspace| read(&db, move |tx| tx.consent_without_receipt(workspace));
    write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        add_consent(tx, here, subject, 7)
    })
    .await;
    assert_eq!(lacking(here).await, Some(uuid(7)));
    assert_eq!(lacking(there).await, None);
    write(&db, move |tx| tx.insert_consent_receipt(here, &receipt(1, 7))).await;
    assert_eq!(lacking(here).await, None);
    write(&db, move |tx| tx.revoke_consent(here, uuid(7), NOW, &sealed(1))).await;
    assert_eq!(lacking(here).await, Some(uuid(7)));
    write(&db, move |tx| tx.insert_consent_receipt(here, &receipt(2, 7))).await;
    assert_eq!(lacking(here).await, None);
}

async fn a_consent_without_its_person_is_found(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        add_consent(tx, here, subject, 7)
    })
    .await;
    let lacking = |workspace| read(&db, move |tx| tx.consent_without_person(workspace));
    assert_eq!(lacking(here).await, None);
    raw::run(&db, "delete from subjects");
    assert_eq!((lacking(here).await, lacking(there).await), (Some(uuid(7)), None));
}

async fn what_the_audit_log_tells_beyond_the_receipts_is_found(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let noted = move |action, object| NewAuditEntry {
        writer: uuid(1),
        workspace: Some(here),
        created_at: NOW,
        action,
        actor: ActorKind::System,
        actor_id: None,
        person: None,
        link: None,
        object,
        objects: 1,
        request_id: None,
        sealed: None,
    };
    let note = |action, object| write(&db, move |tx| tx.audit(&[noted(action, object)]));
    let append =
        |number| write(&db, move |tx| tx.insert_consent_receipt(here, &receipt(number, 7)));
    let beyond = |workspace| read(&db, move |tx| tx.audited_without_receipt(workspace));
    note(AuditAction::ConsentRevoked, None).await;
    note(AuditAction::ConsentsRead, Some(uuid(9))).await;
    assert_eq!(beyond(here).await, None);
    note(AuditAction::ConsentRecorded, Some(uuid(7))).await;
    assert_eq!((beyond(here).await, beyond(there).await), (Some(uuid(7)), None));
    append(1).await;
    assert_eq!(beyond(here).await, None);
    note(AuditAction::ConsentRevoked, Some(uuid(7))).await;
    assert_eq!(beyond(here).await, Some(uuid(7)));
    append(2).await;
    assert_eq!(beyond(here).await, None);
}

async fn what_is_to_be_withheld_is_due(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let [one, two] = write(&db, move |tx| {
        let (one, two) = (person(tx, here, 50)?.id, person(tx, here, 51)?.id);
        add_consent(tx, here, one, 1)?;
        add_consent(tx, here, two, 2)?;
        tx.revoke_consent(here, uuid(2), NOW, &sealed(1))?;
        Ok([one, two])
    })
    .await;
    assert_eq!(read(&db, move |tx| tx.people_who_revoked(here)).await, [two]);
    assert_eq!(read(&db, move |tx| tx.people_who_revoked(there)).await, []);
    let due = |now, limit| read(&db, move |tx| tx.due_to_withhold(now, limit));
    assert_eq!(due(NOW + 9, 9).await, []);
    write(&db, move |tx| {
        tx.withhold_at(one, Some(NOW + 9))?;
        tx.withhold_at(two, Some(NOW + 8))
    })
    .await;
    assert_eq!(read(&db, |tx| tx.next_due_link()).await, Some(NOW + 8));
    assert_eq!((due(NOW + 8, 9).await, due(NOW + 9, 9).await), (vec![two], vec![two, one]));
    assert_eq!(due(NOW + 9, 1).await, [two]);
    write(&db, move |tx| tx.withhold_at(two, None)).await;
    assert_eq!(due(NOW + 9, 9).await, [one]);
}
