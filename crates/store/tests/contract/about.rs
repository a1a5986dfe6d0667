use crate::fixture::{
    NOW, SECOND, add_endpoint, add_link, add_load, emit_at, index, person, read, sealed, uuid,
    workspaces, write,
};
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    AttemptRecord, CallKind, DeliveryAbout, DeliveryState, EventAbout, ImportId, LoadAbout,
    LoadState, NewPayer, NewSourceCall, Purpose, Resource, Trigger,
};

on_both_databases! {
    everything_about_a_person_is_found_and_nothing_about_others,
}

async fn everything_about_a_person_is_found_and_nothing_about_others(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let (subjects, endpoint) = write(&db, move |tx| {
        let endpoint = add_endpoint(tx, here, 5)?;
        let mut subjects = Vec::new();
        for (workspace, n) in [(here, 50), (here, 51), (there, 50)] {
            let subject = person(tx, workspace, n)?.id;
            let link = add_link(tx, workspace, subject, 10 * n + subject.0.unsigned_abs())?;
            let load = add_load(tx, workspace, subject, link, &[Resource::Owners])?;
            tx.finish_load(load, LoadState::Failed, Some("fault"), NOW + SECOND)?;
            tx.insert_source_call(&NewSourceCall {
                uuid: uuid(1000 * n + subject.0.unsigned_abs()),
                workspace,
                subject: Some(subject),
                document: &index(n),
                source: "ach",
                purpose: Purpose::Check,
                outcome: "fault",
                reason: Some("garbled"),
                http_status: Some(200),
                raw_code: None,
                duration_us: 1,
                billed: "yes",
                payload: None,
                created_at: NOW,
                consent: None,
                kind: CallKind::Individual,
                cost: 0,
            })?;
            tx.put_payer(&NewPayer {
                workspace,
                payer: &index(900 + n),
                subject,
                import: ImportId(1),
                updated_at: NOW,
                sealed: &sealed(subject.0.unsigned_abs()),
            })?;
            emit_at(tx, workspace, subject, 10_000 + subject.0.unsigned_abs(), NOW)?;
            subjects.push(subject);
        }
        let due = tx.claim_deliveries(NOW, NOW + SECOND, 1, 1, 1)?;
        tx.record_attempt(
            &AttemptRecord {
                claim: due[0].claim,
                started_at: NOW + SECOND,
                duration_us: 1,
                status: Some(200),
                failure: None,
                excerpt: None,
                state: DeliveryState::Delivered,
                due_at: NOW,
            },
            NOW,
        )?;
        Ok((subjects, endpoint))
    })
    .await;
    let (subject, n) = (subjects[0], subjects[0].0.unsigned_abs());
    let links = read(&db, move |tx| tx.links_of(subject)).await;
    assert_eq!(links.iter().map(|link| link.uuid).collect::<Vec<_>>(), [uuid(500 + n)]);
    let loads = read(&db, move |tx| tx.loads_about(subject)).await;
    let load = LoadAbout {
        link: uuid(500 + n),
        trigger: Trigger::Creation,
        resources: vec![Resource::Owners],
        request_id: uuid(70),
        state: LoadState::Failed,
        failure: Some("fault".to_owned()),
        created_at: NOW,
        finished_at: Some(NOW + SECOND),
    };
    assert_eq!(loads, [load]);
    let events = read(&db, move |tx| tx.events_about(subject)).await;
    let [EventAbout { id, webhook_id, .. }] = events[..] else { panic!("{events:?}") };
    assert_eq!(webhook_id, uuid(10_000 + n));
    let delivery = DeliveryAbout {
        event: id,
        endpoint: Some(uuid(5)),
        state: DeliveryState::Delivered,
        attempts: 1,
        last_attempt_at: Some(NOW + SECOND),
    };
    let found = read(&db, move |tx| tx.deliveries_about(subject)).await;
    assert_eq!(found, std::slice::from_ref(&delivery));
    write(&db, move |tx| tx.delete_endpoint(endpoint, NOW)).await;
    let of_nobody = DeliveryAbout { endpoint: None, ..delivery };
    assert_eq!(read(&db, move |tx| tx.deliveries_about(subject)).await, [of_nobody]);
    assert_eq!(read(&db, move |tx| tx.payer_record_of(subject)).await, Some(sealed(n)));
}
