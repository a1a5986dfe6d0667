use crate::fixture::{
    ALL, NOW, SECOND, add_endpoint, add_link, emit_at, event_id, index, new_event, person, read,
    sealed, uuid, workspaces, write,
};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use std::sync::mpsc;
use vinculo_store::{
    AttemptRecord, Delivery, DeliveryFilter, DeliveryId, DeliveryState, DisabledReason, EndpointId,
    Error, EventFilter, NewEvent, Recipients, ReplayPlace, RetentionRule, TimeSpan, Tx,
    WorkspaceId,
};

on_both_databases! {
    a_replayed_delivery_begins_its_schedule_anew,
    what_is_being_sent_or_cannot_be_sent_is_not_replayed,
    a_search_goes_on_where_the_last_step_ended,
    what_changed_since_it_was_found_is_left,
    missed_events_are_delivered_once,
    what_tells_of_a_deleted_link_is_not_sent_again,
}

const ROWS: &str = "select state, due_at, leased, attempt, finished_at, earlier_tries \
     from deliveries order by id";

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

/// Every delivery that a search finds which looks at so many rows in a step, and the number of its steps.
async fn search(
    db: &TestDatabase,
    here: WorkspaceId,
    filter: &DeliveryFilter,
    limit: i64,
    now: i64,
) -> (Vec<DeliveryId>, usize) {
    let (mut all, mut place, mut steps) = (Vec::new(), Some(ReplayPlace::default()), 0);
    while let Some(at) = place {
        let of = filter.clone();
        let look = move |tx: &mut Tx<'_>| tx.deliveries_to_replay(here, &of, at, limit, now);
        let mut page = read(db, look).await;
        page.found.sort_unstable();
        all.extend(page.found);
        (place, steps) = (page.next, steps + 1);
    }
    (all, steps)
}

/// Replays everything; answers how many.
async fn replay(db: &TestDatabase, here: WorkspaceId, now: i64) -> u64 {
    let all = DeliveryFilter::default();
    let (ids, _) = search(db, here, &all, 9, now).await;
    write(db, move |tx| tx.replay_deliveries(here, &all, &ids, now)).await
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
    assert_eq!(replay(&db, here, NOW + 9).await, 1);
    let rows = raw::rows(&db, ROWS);
    assert_eq!(rows[0], format!("pending|{}|0|2||1", NOW + 9));
    assert_eq!(rows[1], format!("failed|{NOW}|0|1|{NOW}|0"), "another workspace's");
    let due = write(&db, |tx| tx.claim_deliveries(NOW + 9, NOW + SECOND, 9, 9, 1)).await;
    assert_eq!((due[0].claim.attempt, due[0].tried, due[0].webhook_id), (3, 0, uuid(80)));

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
    replay(&db, here, NOW + 20).await;
    let due = write(&db, |tx| tx.claim_deliveries(NOW + 20, NOW + 30, 9, 9, 1)).await;
    assert!(ended(due[0].claim, DeliveryState::Failed, 500, NOW + 21).await);
    assert_eq!(shown(&told().await), [(DeliveryState::Failed, Some(NOW + 20), arrived)]);
}

async fn what_is_being_sent_or_cannot_be_sent_is_not_replayed(db: TestDatabase) {
    let (here, endpoint) = scene(&db, 1).await;
    write(&db, |tx| tx.claim_deliveries(NOW, NOW + SECOND, 9, 9, 1)).await;
    assert_eq!(replay(&db, here, NOW + 1).await, 0, "being sent");
    assert_eq!(replay(&db, here, NOW + SECOND).await, 1, "its worker died");
    write(&db, move |tx| tx.disable_endpoint(endpoint, DisabledReason::Gone, NOW)).await;
    assert_eq!(replay(&db, here, NOW + SECOND).await, 0, "disabled");
    write(&db, move |tx| tx.delete_endpoint(endpoint, NOW)).await;
    assert_eq!(replay(&db, here, NOW + SECOND).await, 0, "deleted");
}

async fn a_search_goes_on_where_the_last_step_ended(db: TestDatabase) {
    let (here, _) = scene(&db, 5).await;
    let ids: Vec<i64> = raw::rows(&db, "select id from deliveries order by id")
        .iter()
        .map(|id| id.parse().expect("a number"))
        .collect();
    // The last is the other workspace's.
    let own: Vec<_> = ids[..5].iter().copied().map(DeliveryId).collect();
    let all = DeliveryFilter::default();
    assert_eq!(search(&db, here, &all, 2, NOW + 9).await, (own.clone(), 3));
    assert_eq!(search(&db, here, &all, 5, NOW + 9).await, (own.clone(), 2));
    assert_eq!(search(&db, here, &all, 2, NOW + 2).await, (own[..3].to_vec(), 2), "no later ones");
    let later = EventFilter {
        created: TimeSpan { from: Some(NOW + 1), before: Some(NOW + 4) },
        ..EventFilter::default()
    };
    let later = DeliveryFilter { events: later, ..DeliveryFilter::default() };
    assert_eq!(search(&db, here, &later, 2, NOW + 9).await, (own[1..4].to_vec(), 2));

    // Of what did not arrive the others are not looked at.
    let sql = "update deliveries set finished_at = due_at, state = case \
         when due_at % 2 = 0 then 'failed' else 'cancelled' end where due_at <> ";
    raw::run(&db, &format!("{sql} {}", NOW + 1));
    let of = |states: &[DeliveryState]| DeliveryFilter {
        states: Some(states.to_vec()),
        ..DeliveryFilter::default()
    };
    let ended = of(&[DeliveryState::Failed, DeliveryState::Cancelled]);
    let lost = [own[0], own[2], own[3], own[4]].to_vec();
    assert_eq!(search(&db, here, &ended, 2, NOW + 9).await, (lost.clone(), 3));
    let failed = of(&[DeliveryState::Failed]);
    assert_eq!(
        search(&db, here, &failed, 3, NOW + 9).await,
        ([own[0], own[2], own[4]].to_vec(), 2)
    );
    let since = DeliveryFilter { finished_since: Some(NOW + 3), ..ended.clone() };
    assert_eq!(search(&db, here, &since, 9, NOW + 9).await, (own[3..].to_vec(), 1));
    let one = EventFilter { id: Some(uuid(83)), ..EventFilter::default() };
    let one = DeliveryFilter { events: one, ..ended };
    assert_eq!(search(&db, here, &one, 1, NOW + 9).await, (vec![own[3]], 1), "it is led to");
}

async fn what_changed_since_it_was_found_is_left(db: TestDatabase) {
    let (here, _) = scene(&db, 3).await;
    raw::run(&db, "update deliveries set state = 'failed', finished_at = due_at");
    let failed =
        DeliveryFilter { states: Some(vec![DeliveryState::Failed]), ..DeliveryFilter::default() };
    let (ids, _) = search(&db, here, &failed, 9, NOW + 9).await;
    raw::run(&db, &format!("update deliveries set state = 'delivered' where id = {}", ids[1]));
    let again = |now| {
        let (of, ids) = (failed.clone(), ids.clone());
        write(&db, move |tx| tx.replay_deliveries(here, &of, &ids, now))
    };
    assert_eq!(again(NOW + 9).await, 2);
    assert_eq!(again(NOW + 10).await, 0, "they wait");
    let states = "select state from deliveries order by id";
    assert_eq!(raw::rows(&db, states), ["pending", "delivered", "pending", "failed"]);
    raw::run(&db, &format!("update deliveries set state = 'failed' where id = {}", ids[0]));
    for (since, found) in [(NOW + 9, 0), (NOW + 10, 1)] {
        let of = DeliveryFilter { not_replayed_since: Some(since), ..failed.clone() };
        assert_eq!(search(&db, here, &of, 9, NOW + 20).await.0.len(), found);
    }
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
    let (found, _) = search(&db, here, &DeliveryFilter::default(), 9, NOW + 9).await;
    assert_eq!(replay(&db, here, NOW + 9).await, 1);
    let one = DeliveryFilter { id: Some(found[0]), ..DeliveryFilter::default() };
    let rows = read(&db, move |tx| Ok(tx.deliveries(here, &one, ALL)?.rows)).await;
    assert_eq!((found.len(), rows[0].webhook_id), (1, uuid(89)));
    let missed = deliver(&db, (here, late), &EventFilter::default(), 9).await;
    assert_eq!(missed, 1, "that it was deleted");
}

/// Delivers what an endpoint missed, looking at so many events in a step; answers how many.
async fn deliver(
    db: &TestDatabase,
    (here, to): (WorkspaceId, EndpointId),
    filter: &EventFilter,
    limit: i64,
) -> u64 {
    let (mut count, mut place) = (0, Some(ReplayPlace::default()));
    while let Some(at) = place {
        let of = filter.clone();
        let page = read(db, move |tx| tx.missed_events(here, to, &of, at, limit)).await;
        place = page.next;
        let act = move |tx: &mut Tx<'_>| tx.deliver_missed(here, to, &page.found, NOW + 9);
        count += write(db, act).await;
    }
    count
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
    let missed = async |created| {
        deliver(&db, (here, late), &EventFilter { created, ..EventFilter::default() }, 1).await
    };
    let all = EventFilter::default();
    let found =
        read(&db, move |tx| tx.missed_events(here, late, &all, ReplayPlace::default(), 9)).await;
    assert_eq!((found.found.len(), found.next), (3, None), "no test");
    let span = TimeSpan { from: Some(NOW + 1), before: Some(NOW + 2) };
    assert_eq!(missed(span).await, 1);
    assert_eq!(missed(TimeSpan::default()).await, 2, "none twice");
    assert_eq!(missed(TimeSpan::default()).await, 0);
    let act = move |tx: &mut Tx<'_>| tx.deliver_missed(here, late, &found.found, NOW + 9);
    assert_eq!(write(&db, act).await, 0, "they are on their way since they were found");
    let sql = format!(
        "select v.webhook_type, d.state, d.due_at, d.created_at, d.replayed_at from deliveries d \
         join events v on v.id = d.event_id where d.endpoint_id = {late}"
    );
    let at = NOW + 9;
    assert_eq!(raw::rows(&db, &sql), vec![format!("EMPLOYMENTS|pending|{at}|{at}|{at}"); 3]);
}

/// SQLite has one writer, so that this can be seen on PostgreSQL only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_goes_while_it_is_sent_again_leaves_no_delivery_behind() {
    for erase in [false, true] {
        let db = TestDatabase::postgres();
        let (here, _) = workspaces(&db).await;
        let (endpoint, event) = write(&db, move |tx| {
            let subject = person(tx, here, 50)?.id;
            add_link(tx, here, subject, 60)?;
            let body = sealed(80);
            let event = new_event(here, Some(subject), 80, &body);
            tx.emit(&NewEvent { to: Recipients::Nobody, ..event })?;
            Ok((add_endpoint(tx, here, 90)?, event_id(tx, here, 80)?))
        })
        .await;
        let (made, is_made) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let store = db.store.clone();
        let again = tokio::spawn(async move {
            let again = move |tx: &mut Tx<'_>| {
                let count = tx.deliver_missed(here, endpoint, &[event], NOW)?;
                made.send(()).expect("nobody waits");
                may_go_on.recv().expect("nobody lets it go on");
                Ok::<_, Error>(count)
            };
            store.write(again).await
        });
        is_made.recv().expect("never made");
        let store = db.store.clone();
        let goes = tokio::spawn(async move {
            let goes = move |tx: &mut Tx<'_>| {
                if erase {
                    return Ok(u64::from(tx.erase_person(here, &index(50))?.is_some()));
                }
                tx.remove_old(RetentionRule::Events, Some(here), NOW + SECOND, 9, NOW)
            };
            store.write(goes).await
        });
        while !goes.is_finished() && !raw::somebody_waits(&db) {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        go_on.send(()).expect("the replay is gone");
        assert_eq!(again.await.expect("the replay panicked").expect("not written"), 1);
        assert_eq!(goes.await.expect("the removal panicked").expect("not written"), 1);
        let left = ["events", "deliveries"]
            .map(|table| raw::rows(&db, &format!("select count(*) from {table}")).remove(0));
        assert_eq!(left, ["0", "0"], "erased: {erase}");
    }
}
