use crate::fixture::{
    ALL, NOW, SECOND, add_endpoint, add_link, emit_at, new_event, person, read, sealed, uuid,
    workspaces, write,
};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    AttemptRecord, Delivery, DeliveryFilter, DeliveryId, DeliveryState, EndpointId, EventFilter,
    EventId, NewEvent, Recipients, TimeSpan, WorkspaceId,
};

on_both_databases! {
    a_replayed_delivery_begins_its_schedule_anew,
    what_is_being_sent_or_cannot_be_sent_is_not_replayed,
    replays_go_on_where_the_last_batch_ended,
    missed_events_are_delivered_once,
    what_tells_of_a_deleted_link_is_not_sent_again,
}

const ROWS: &str = "select state, due_at, leased, attempt, finished_at, earlier_tries \
     from deliveries order by id";
const FIRST: DeliveryId = DeliveryId(0);

/// Endpoint 90 and events 80, 81, ….
async fn scene(db: &TestDatabase, events: u64) -> (WorkspaceId, EndpointId) {
    let (here, there) = workspaces(db).await;
    write(db, move |tx| {
        let (subject, foreign) = (person(tx, here, 50)?.id, person(tx, there, 51)?.id);
        let endpoint = add_endpoint(tx, here, 90)?;
        // Events of the fixture are about the first link.
        add_link(tx, here, subject, 60)?;
        for n in 0..events {
            emit_at(tx, here, subject, 80 + n, NOW + n as i64)?;
        }
        add_endpoint(tx, there, 91)?;
        emit_at(tx, there, foreign, 70, NOW)?;
        Ok((here, endpoint))
    })
    .await
}

async fn replay(
    db: &TestDatabase,
    here: WorkspaceId,
    after: DeliveryId,
    limit: i64,
    now: i64,
) -> Vec<DeliveryId> {
    write(db, move |tx| tx.replay_deliveries(here, &DeliveryFilter::default(), after, limit, now))
        .await
}

async fn a_replayed_delivery_begins_its_schedule_anew(db: TestDatabase) {
    let (here, _) = scene(&db, 1).await;
    write(&db, |tx| {
        for due in tx.claim_deliveries(NOW, NOW + SECOND, 9, 9, 1)? {
            let record = AttemptRecord {
                claim: due.claim,
                started_at: NOW,
                duration_us: 1,
                status: Some(500),
                failure: None,
                excerpt: None,
                state: DeliveryState::Failed,
                due_at: NOW,
            };
            tx.record_attempt(&record, NOW)?;
        }
        Ok(())
    })
    .await;
    assert_eq!(replay(&db, here, FIRST, 9, NOW + 9).await.len(), 1);
    let rows = raw::rows(&db, ROWS);
    assert_eq!(rows[0], format!("pending|{}|0|1||1", NOW + 9));
    assert_eq!(rows[1], format!("failed|{NOW}|0|1|{NOW}|0"), "another workspace's");
    let due = write(&db, |tx| tx.claim_deliveries(NOW + 9, NOW + SECOND, 9, 9, 1)).await;
    assert_eq!((due[0].claim.attempt, due[0].tried, due[0].webhook_id), (2, 0, uuid(80)));

    // What arrived once is not forgotten.
    let told = || read(&db, move |tx| tx.deliveries(here, &DeliveryFilter::default(), ALL));
    let shown = |page: &vinculo_store::Page<Delivery>| {
        page.rows.iter().map(|it| (it.state, it.replayed_at, it.delivered_at)).collect::<Vec<_>>()
    };
    assert_eq!(shown(&told().await), [(DeliveryState::Pending, Some(NOW + 9), None)]);
    let ended = |claim, state, status, at| {
        let record = AttemptRecord {
            claim,
            started_at: at,
            duration_us: 1,
            status: Some(status),
            failure: None,
            excerpt: None,
            state,
            due_at: at,
        };
        write(&db, move |tx| tx.record_attempt(&record, at))
    };
    assert!(ended(due[0].claim, DeliveryState::Delivered, 204, NOW + 10).await);
    let arrived = Some(NOW + 10);
    assert_eq!(shown(&told().await), [(DeliveryState::Delivered, Some(NOW + 9), arrived)]);
    replay(&db, here, FIRST, 9, NOW + 20).await;
    let due = write(&db, |tx| tx.claim_deliveries(NOW + 20, NOW + 30, 9, 9, 1)).await;
    assert!(ended(due[0].claim, DeliveryState::Failed, 500, NOW + 21).await);
    assert_eq!(shown(&told().await), [(DeliveryState::Failed, Some(NOW + 20), arrived)]);
}

async fn what_is_being_sent_or_cannot_be_sent_is_not_replayed(db: TestDatabase) {
    let (here, endpoint) = scene(&db, 1).await;
    write(&db, |tx| tx.claim_deliveries(NOW, NOW + SECOND, 9, 9, 1)).await;
    assert!(replay(&db, here, FIRST, 9, NOW + 1).await.is_empty(), "being sent");
    assert_eq!(replay(&db, here, FIRST, 9, NOW + SECOND).await.len(), 1, "its worker died");
    write(&db, move |tx| tx.disable_endpoint(endpoint, vinculo_store::DisabledReason::Gone, NOW))
        .await;
    assert!(replay(&db, here, FIRST, 9, NOW + SECOND).await.is_empty(), "disabled");
    write(&db, move |tx| tx.delete_endpoint(endpoint, NOW)).await;
    assert!(replay(&db, here, FIRST, 9, NOW + SECOND).await.is_empty(), "deleted");
}

async fn replays_go_on_where_the_last_batch_ended(db: TestDatabase) {
    let (here, _) = scene(&db, 5).await;
    let first = replay(&db, here, FIRST, 3, NOW + 9).await;
    let second = replay(&db, here, first[2], 3, NOW + 9).await;
    assert_eq!((first.len(), second.len()), (3, 2));
    assert!(first.is_sorted() && second.is_sorted() && first[2] < second[0]);
    assert!(replay(&db, here, second[1], 3, NOW + 9).await.is_empty());
}

async fn what_tells_of_a_deleted_link_is_not_sent_again(db: TestDatabase) {
    let (here, _) = scene(&db, 1).await;
    let (ends, late) = write(&db, move |tx| {
        let link = tx.link(here, uuid(60))?.expect("a link");
        let body = sealed(89);
        let event = new_event(here, Some(link.subject), 89, &body);
        tx.emit(&NewEvent { link: Some(link.id), webhook_code: "link_deleted", ..event })?;
        tx.delete_link(link.id, link.subject, NOW + 1)?;
        let found = tx.deliveries(here, &DeliveryFilter::default(), ALL)?;
        let ends = found.rows.iter().map(|it| (it.webhook_id, it.is_of_the_past));
        Ok((ends.collect::<Vec<_>>(), add_endpoint(tx, here, 92)?))
    })
    .await;
    assert_eq!(ends, [(uuid(89), false), (uuid(80), true)]);
    let replayed = replay(&db, here, FIRST, 9, NOW + 9).await;
    let one = DeliveryFilter { id: Some(replayed[0]), ..DeliveryFilter::default() };
    let rows = read(&db, move |tx| Ok(tx.deliveries(here, &one, ALL)?.rows)).await;
    assert_eq!((replayed.len(), rows[0].webhook_id), (1, uuid(89)));
    let all = EventFilter::default();
    let missed =
        write(&db, move |tx| tx.deliver_missed(here, late, &all, EventId(0), 9, NOW + 9)).await;
    assert_eq!(missed.len(), 1, "that it was deleted");
}

async fn missed_events_are_delivered_once(db: TestDatabase) {
    let (here, first) = scene(&db, 3).await;
    let late = write(&db, move |tx| {
        let body = sealed(88);
        tx.emit(&NewEvent {
            webhook_type: "TEST",
            to: Recipients::Only(first),
            ..new_event(here, None, 88, &body)
        })?;
        add_endpoint(tx, here, 92)
    })
    .await;
    let missed = |created, after, limit| {
        let filter = EventFilter { created, ..EventFilter::default() };
        write(&db, move |tx| tx.deliver_missed(here, late, &filter, after, limit, NOW + 9))
    };
    let span = TimeSpan { from: Some(NOW + 1), before: None };
    assert_eq!(missed(span, EventId(0), 1).await.len(), 1);
    assert_eq!(missed(TimeSpan::default(), EventId(0), 9).await.len(), 2, "no test, none twice");
    assert!(missed(TimeSpan::default(), EventId(0), 9).await.is_empty());
    let sql = format!(
        "select v.webhook_type, d.state, d.due_at, d.created_at, d.replayed_at from deliveries d \
         join events v on v.id = d.event_id where d.endpoint_id = {late}"
    );
    let at = NOW + 9;
    assert_eq!(raw::rows(&db, &sql), vec![format!("EMPLOYMENTS|pending|{at}|{at}|{at}"); 3]);
}
