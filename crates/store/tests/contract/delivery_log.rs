use crate::fixture::{
    ALL, NOW, SECOND, add_endpoint, add_link, emit_at, new_event, person, read, sealed, uuid,
    workspaces, wrapped, write,
};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    AttemptRecord, Delivery, DeliveryFilter, DeliveryState, EventFilter, NewEvent, PageRequest,
    TimeSpan, WorkspaceId,
};

on_both_databases! {
    deliveries_are_listed_newest_event_first,
    deliveries_are_filtered,
    every_try_is_told_in_order,
}

/// Two events to two endpoints, 90 and 91; the first about link 59, the second about link 60.
async fn scene(db: &TestDatabase) -> (WorkspaceId, WorkspaceId) {
    let (here, there) = workspaces(db).await;
    write(db, move |tx| {
        let (subject, foreign) = (person(tx, here, 50)?.id, person(tx, there, 51)?.id);
        add_endpoint(tx, here, 90)?;
        add_endpoint(tx, here, 91)?;
        add_endpoint(tx, there, 92)?;
        emit_at(tx, there, foreign, 70, NOW)?;
        emit_at(tx, here, subject, 80, NOW)?;
        let (_other, link) = (add_link(tx, here, subject, 59)?, add_link(tx, here, subject, 60)?);
        let body = sealed(81);
        let event = new_event(here, Some(subject), 81, &body);
        let webhook_type = "OWNERS";
        tx.emit(&NewEvent { webhook_type, link: Some(link), created_at: NOW + 1, ..event })
    })
    .await;
    (here, there)
}

async fn listed(db: &TestDatabase, here: WorkspaceId, filter: DeliveryFilter) -> Vec<Delivery> {
    let found = read(db, move |tx| tx.deliveries(here, &filter, ALL)).await;
    assert_eq!(found.count, found.rows.len() as i64);
    found.rows
}

async fn deliveries_are_listed_newest_event_first(db: TestDatabase) {
    let (here, there) = scene(&db).await;
    raw::run(
        &db,
        "update webhook_endpoints set disabled_at = 1 where id = (select min(id) from webhook_endpoints)",
    );
    let all = listed(&db, here, DeliveryFilter::default()).await;
    let shown: Vec<_> =
        all.iter().map(|it| (it.webhook_id, it.endpoint, it.can_be_sent, it.link)).collect();
    let (on, off) = (Some(uuid(91)), Some(uuid(90)));
    let expected = [
        (uuid(81), on, true, Some(uuid(60))),
        (uuid(81), off, false, Some(uuid(60))),
        (uuid(80), on, true, Some(uuid(59))),
        (uuid(80), off, false, Some(uuid(59))),
    ];
    assert_eq!(shown, expected);
    let first = &all[0];
    assert_eq!(
        (first.webhook_type.as_str(), first.webhook_code.as_str()),
        ("OWNERS", "historical_update")
    );
    assert_eq!(
        (first.state, first.due_at, first.finished_at),
        (DeliveryState::Pending, NOW + 1, None)
    );
    assert!(first.tried == 0 && first.key == Some(wrapped(50)));
    let page = PageRequest { limit: 1, offset: 2 };
    let page = read(&db, move |tx| tx.deliveries(here, &DeliveryFilter::default(), page)).await;
    assert_eq!((page.count, page.rows[0].id), (4, all[2].id));
    assert_eq!(listed(&db, there, DeliveryFilter::default()).await.len(), 1);
    raw::run(&db, "delete from webhook_endpoints");
    let all = listed(&db, here, DeliveryFilter::default()).await;
    assert!(all.iter().all(|it| it.endpoint.is_none() && !it.can_be_sent));
}

async fn deliveries_are_filtered(db: TestDatabase) {
    let (here, there) = scene(&db).await;
    let all = listed(&db, here, DeliveryFilter::default()).await;
    raw::run(
        &db,
        &format!(
            "update deliveries set state = 'failed', finished_at = {NOW} where id = {}",
            all[3].id
        ),
    );
    let of = |events| DeliveryFilter { events, ..DeliveryFilter::default() };
    let span = TimeSpan { from: Some(NOW + 1), before: None };
    let any = DeliveryFilter::default;
    let cases = [
        (DeliveryFilter { id: Some(all[1].id), ..any() }, vec![1]),
        (DeliveryFilter { endpoints: Some(vec![uuid(91)]), ..any() }, vec![0, 2]),
        (DeliveryFilter { endpoints: Some(vec![uuid(92)]), ..any() }, vec![]),
        (DeliveryFilter { states: Some(vec![DeliveryState::Failed]), ..any() }, vec![3]),
        (DeliveryFilter { finished_since: Some(NOW), ..any() }, vec![3]),
        (DeliveryFilter { finished_since: Some(NOW + 1), ..any() }, vec![]),
        (of(EventFilter { id: Some(uuid(80)), ..EventFilter::default() }), vec![2, 3]),
        (of(EventFilter { links: Some(vec![uuid(60)]), ..EventFilter::default() }), vec![0, 1]),
        (
            of(EventFilter { types: Some(vec!["OWNERS".into()]), ..EventFilter::default() }),
            vec![0, 1],
        ),
        (of(EventFilter { created: span, ..EventFilter::default() }), vec![0, 1]),
    ];
    for (filter, places) in cases {
        let shown = listed(&db, here, filter.clone()).await;
        let shown: Vec<_> = shown.iter().map(|it| it.id).collect();
        let expected: Vec<_> = places.iter().map(|place: &usize| all[*place].id).collect();
        assert_eq!(shown, expected, "{filter:?}");
        let id = filter.id.is_some();
        let foreign = listed(&db, there, filter).await;
        assert!(!id || foreign.is_empty(), "another workspace's delivery");
    }
}

async fn every_try_is_told_in_order(db: TestDatabase) {
    let (here, there) = scene(&db).await;
    for (round, status) in [(0, Some(503)), (1, None)] {
        write(&db, move |tx| {
            let now = NOW + 10 * SECOND * (round + 1);
            for due in tx.claim_deliveries(now, now + SECOND, 9, 9, 1)? {
                let excerpt = sealed(7);
                let record = AttemptRecord {
                    claim: due.claim,
                    started_at: now,
                    duration_us: 12,
                    status,
                    failure: status.is_none().then_some("timeout"),
                    excerpt: status.map(|_| &excerpt),
                    state: DeliveryState::Pending,
                    due_at: now,
                };
                tx.record_attempt(&record, now)?;
            }
            Ok(())
        })
        .await;
    }
    let delivery = listed(&db, here, DeliveryFilter::default()).await.remove(0);
    assert_eq!(delivery.tried, 2);
    let tries = read(&db, move |tx| tx.attempts(delivery.id)).await;
    let shown: Vec<_> = tries
        .iter()
        .map(|it| (it.number, it.started_at, it.duration_us, it.status, it.failure.as_deref()))
        .collect();
    let at = |round| NOW + 10 * SECOND * round;
    assert_eq!(shown, [(1, at(1), 12, Some(503), None), (2, at(2), 12, None, Some("timeout"))]);
    assert_eq!(tries[0].excerpt, Some(sealed(7)));
    assert!(tries[1].excerpt.is_none());
    let all = listed(&db, here, DeliveryFilter::default()).await;
    let ids: Vec<_> = all.iter().take(2).map(|it| it.id).collect();
    let wanted = ids.clone();
    let mut last = read(&db, move |tx| tx.last_attempts(here, &wanted)).await;
    last.sort_by_key(|(of, _)| std::cmp::Reverse(of.0));
    let shown: Vec<_> = last.iter().map(|(of, it)| (*of, it.number, it.status)).collect();
    assert_eq!(shown, [(ids[0], 2, None), (ids[1], 2, None)]);
    assert!(read(&db, move |tx| tx.last_attempts(there, &ids)).await.is_empty());
    assert!(read(&db, move |tx| tx.last_attempts(here, &[])).await.is_empty());
}
