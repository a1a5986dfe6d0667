use crate::audit::entry;
use crate::fixture::{
    ALL, NOW, SECOND, add_endpoint, add_link, emit_at, event_id, new_event, person, read, refused,
    sealed, uuid, workspaces, wrapped, write,
};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use std::pin::pin;
use vinculo_store::{
    AuditFilter, DeliveryState, Error, EventFilter, NewEndpoint, NewEvent, PageRequest, Queue,
    Recipients, Target, TimeSpan, Tx,
};

on_both_databases! {
    every_endpoint_of_the_workspace_gets_a_delivery,
    a_disabled_endpoint_gets_none,
    a_webhook_id_is_used_once_per_person,
    an_event_is_written_with_what_was_noted_before_it,
    deliveries_are_announced_after_the_commit_only,
    an_endpoint_gets_the_types_it_wants,
    an_event_can_be_for_one_endpoint_or_nobody,
    events_are_listed_and_filtered,
    deliveries_of_events_are_counted_by_state,
}

const DELIVERIES: &str = "select e.id, d.workspace_id, d.subject_id, d.event_id, d.state, \
     d.due_at, d.leased, d.attempt, d.created_at, d.finished_at \
     from deliveries d join webhook_endpoints e on e.id = d.endpoint_id order by e.id";

async fn every_endpoint_of_the_workspace_gets_a_delivery(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let subject = write(&db, move |tx| person(tx, here, 50)).await.id;
    write(&db, move |tx| add_endpoint(tx, there, 99)).await;
    write(&db, move |tx| emit_at(tx, here, subject, 80, NOW)).await;
    assert!(raw::rows(&db, DELIVERIES).is_empty());
    for endpoints in [1, 3] {
        write(&db, move |tx| {
            let have = tx.endpoints(here, ALL)?.rows.len();
            (have..endpoints).try_for_each(|n| add_endpoint(tx, here, 90 + n as u64).map(|_| ()))
        })
        .await;
        raw::run(&db, "delete from deliveries");
        let n = 80 + endpoints as u64;
        let event = write(&db, move |tx| emit_at(tx, here, subject, n, NOW + SECOND)).await;
        let at = NOW + SECOND;
        let expected: Vec<_> = write(&db, move |tx| tx.endpoints(here, ALL))
            .await
            .rows
            .iter()
            .rev()
            .map(|it| format!("{}|{here}|{subject}|{event}|pending|{at}|0|0|{at}|", it.id))
            .collect();
        assert_eq!(expected.len(), endpoints);
        assert_eq!(raw::rows(&db, DELIVERIES), expected);
    }
    let events = raw::rows(&db, "select workspace_id, webhook_code from events");
    assert_eq!(events, vec![format!("{here}|historical_update"); 3]);
}

async fn a_disabled_endpoint_gets_none(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (subject, open) = write(&db, move |tx| {
        add_endpoint(tx, here, 90)?;
        Ok((person(tx, here, 50)?.id, add_endpoint(tx, here, 91)?))
    })
    .await;
    raw::run(
        &db,
        "update webhook_endpoints set disabled_at = 1 where id = (select min(id) from webhook_endpoints)",
    );
    write(&db, move |tx| emit_at(tx, here, subject, 80, NOW)).await;
    assert_eq!(raw::rows(&db, "select endpoint_id from deliveries"), [open.to_string()]);
}

async fn a_webhook_id_is_used_once_per_person(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let subject = write(&db, move |tx| person(tx, here, 50)).await.id;
    write(&db, move |tx| emit_at(tx, here, subject, 80, NOW)).await;
    let again = move |tx: &mut Tx<'_>| tx.emit(&new_event(here, Some(subject), 80, &sealed(80)));
    let error = refused(&db, again).await;
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    let error = refused(&db, move |tx| again(tx).and_then(|()| event_id(tx, here, 80))).await;
    assert!(matches!(error, Error::Conflict(_)), "{error}");
}

async fn an_event_is_written_with_what_was_noted_before_it(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let subject = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        add_endpoint(tx, here, 90)?;
        Ok(subject)
    });
    let subject = subject.await;
    let (mut told, mut noted) = (Vec::new(), Vec::new());
    for (n, looks, to) in [
        (80, true, Recipients::Everybody),
        (81, false, Recipients::Everybody),
        (82, true, Recipients::Nobody),
        (83, false, Recipients::Nobody),
    ] {
        let take_in = move |tx: &mut Tx<'_>| {
            if looks {
                assert!(tx.endpoint(here, uuid(90))?.is_some());
            }
            tx.audit(&[entry(Some(here), n)])?;
            let body = sealed(n);
            tx.emit(&NewEvent { to, ..new_event(here, Some(subject), n, &body) })
        };
        write(&db, take_in).await;
        told.push((uuid(n), Some(subject), NOW));
        noted.push(format!("{:?}", entry(Some(here), n)));
        // The id is used: neither of the two is written.
        assert!(matches!(refused(&db, take_in).await, Error::Conflict(_)));
        let events = read(&db, move |tx| tx.events(here, &EventFilter::default(), ALL)).await.rows;
        let events = events.iter().rev().map(|it| (it.webhook_id, it.subject, it.created_at));
        assert_eq!(events.collect::<Vec<_>>(), told);
        let all = AuditFilter::default();
        let entries = read(&db, move |tx| tx.audit_entries(here, &all, ALL)).await.rows;
        let entries = entries.iter().rev().map(|it| format!("{:?}", it.entry));
        assert_eq!(entries.collect::<Vec<_>>(), noted);
    }
    assert_eq!(raw::rows(&db, "select count(*) from deliveries"), ["2"]);
}

async fn deliveries_are_announced_after_the_commit_only(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let subject = write(&db, move |tx| person(tx, here, 50)).await.id;
    let mut wakes = db.store.wakes();
    write(&db, move |tx| emit_at(tx, here, subject, 80, NOW)).await;
    let woken = is_ready(pin!(wakes.changed(Queue::Deliveries)).as_mut());
    // PostgreSQL has not answered yet when it is decided who is woken.
    let may_be = matches!(db.target, Target::Postgres { .. });
    assert!(!woken || may_be, "woken without a delivery");
    let mut told = pin!(wakes.changed(Queue::Deliveries));
    write(&db, move |tx| add_endpoint(tx, here, 90)).await;
    let undone: Result<(), Error> = db
        .store
        .write(move |tx| {
            emit_at(tx, here, subject, 81, NOW)?;
            emit_at(tx, here, subject, 81, NOW).map(|_| ())
        })
        .await;
    assert!(undone.is_err());
    assert!(!is_ready(told.as_mut()), "woken by what was undone");
    write(&db, move |tx| emit_at(tx, here, subject, 82, NOW)).await;
    told.await;
    assert_eq!(raw::rows(&db, "select count(*) from deliveries"), ["1"]);
}

async fn an_endpoint_gets_the_types_it_wants(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let some = write(&db, move |tx| {
        add_endpoint(tx, here, 90)?;
        let types = ["OWNERS", "LINK"].map(str::to_owned);
        tx.insert_endpoint(&NewEndpoint {
            uuid: uuid(91),
            workspace: here,
            created_at: NOW,
            types: Some(&types),
            sealed: &sealed(91),
        })
    })
    .await;
    for (n, webhook_type) in [(80, "EMPLOYMENTS"), (81, "OWNERS"), (82, "LINK"), (83, "NERS")] {
        write(&db, move |tx| {
            let subject = person(tx, here, 50)?.id;
            let body = sealed(n);
            let event = new_event(here, Some(subject), n, &body);
            tx.emit(&NewEvent { webhook_type, ..event })
        })
        .await;
    }
    let sql = format!(
        "select v.webhook_type from deliveries d join events v on v.id = d.event_id \
         where d.endpoint_id = {some} order by v.id"
    );
    assert_eq!(raw::rows(&db, &sql), ["OWNERS", "LINK"]);
    assert_eq!(raw::rows(&db, "select count(*) from deliveries"), ["6"]);
}

async fn an_event_can_be_for_one_endpoint_or_nobody(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let (one, foreign) = write(&db, move |tx| {
        add_endpoint(tx, here, 90)?;
        Ok((add_endpoint(tx, here, 91)?, add_endpoint(tx, there, 92)?))
    })
    .await;
    for (n, to) in
        [(80, Recipients::Nobody), (81, Recipients::Only(one)), (82, Recipients::Only(foreign))]
    {
        write(&db, move |tx| tx.emit(&NewEvent { to, ..new_event(here, None, n, &sealed(n)) }))
            .await;
    }
    let made = raw::rows(&db, "select endpoint_id, subject_id, workspace_id from deliveries");
    assert_eq!(made, [format!("{one}|0|{here}")]);
    let due = write(&db, |tx| tx.claim_deliveries(NOW, NOW + SECOND, 9, 9, 1)).await;
    assert!(due[0].subject.is_none() && due[0].key.is_none());
}

async fn events_are_listed_and_filtered(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        let (subject, foreign) = (person(tx, here, 50)?.id, person(tx, there, 51)?.id);
        let link = add_link(tx, here, subject, 60)?;
        emit_at(tx, there, foreign, 70, NOW)?;
        for n in 0..3 {
            let body = sealed(80 + n);
            let event = new_event(here, Some(subject), 80 + n, &body);
            let at = NOW + n as i64;
            tx.emit(&NewEvent { link: (n > 0).then_some(link), created_at: at, ..event })?;
        }
        let body = sealed(83);
        let event = new_event(here, None, 83, &body);
        tx.emit(&NewEvent { webhook_type: "TEST", created_at: NOW + 3, ..event })
    })
    .await;
    let db = &db;
    let listed = |filter: EventFilter, page| async move {
        let found = read(db, move |tx| tx.events(here, &filter, page)).await;
        (found.count, found.rows.iter().map(|it| it.webhook_id).collect::<Vec<_>>())
    };
    let page = PageRequest { limit: 2, offset: 1 };
    assert_eq!(listed(EventFilter::default(), ALL).await, (4, [83, 82, 81, 80].map(uuid).to_vec()));
    assert_eq!(listed(EventFilter::default(), page).await, (4, [82, 81].map(uuid).to_vec()));
    let span = TimeSpan { from: Some(NOW + 1), before: Some(NOW + 2) };
    raw::run(
        db,
        "insert into deliveries (workspace_id, subject_id, event_id, endpoint_id, state, due_at, created_at) \
         select workspace_id, subject_id, id, 1, 'failed', 1, 1 from events where created_at = (select \
         min(created_at) from events); \
         insert into deliveries (workspace_id, subject_id, event_id, endpoint_id, state, due_at, created_at) \
         select workspace_id, subject_id, id, 1, 'pending', 1, 1 from events where id = (select max(id) - 1 \
         from events)",
    );
    let of = |states: &[DeliveryState]| EventFilter {
        with_delivery: Some(states.to_vec()),
        ..EventFilter::default()
    };
    for (filter, expected) in [
        (EventFilter { id: Some(uuid(80)), ..EventFilter::default() }, vec![80]),
        (EventFilter { id: Some(uuid(70)), ..EventFilter::default() }, vec![]),
        (EventFilter { links: Some(vec![uuid(60)]), ..EventFilter::default() }, vec![82, 81]),
        (EventFilter { types: Some(vec!["TEST".into()]), ..EventFilter::default() }, vec![83]),
        (EventFilter { created: span, ..EventFilter::default() }, vec![81]),
        (of(&[DeliveryState::Failed]), vec![80]),
        (of(&[DeliveryState::Pending, DeliveryState::Failed]), vec![82, 80]),
        (of(&[DeliveryState::Cancelled]), vec![]),
    ] {
        let expected: Vec<_> = expected.into_iter().map(uuid).collect();
        assert_eq!(listed(filter, ALL).await, (expected.len() as i64, expected));
    }
    let all = read(db, move |tx| tx.events(here, &EventFilter::default(), ALL)).await.rows;
    assert_eq!((all[0].subject, all[0].link, all[0].key.is_none()), (None, None, true));
    assert_eq!((all[1].link, all[1].body.clone()), (Some(uuid(60)), sealed(82)));
    assert!(all[1].key == Some(wrapped(50)) && all[3].link.is_none());
}

async fn deliveries_of_events_are_counted_by_state(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let events = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        add_endpoint(tx, here, 90)?;
        add_endpoint(tx, here, 91)?;
        Ok([emit_at(tx, here, subject, 80, NOW)?, emit_at(tx, here, subject, 81, NOW)?])
    })
    .await;
    raw::run(
        &db,
        "update deliveries set state = 'failed' where id = (select min(id) from deliveries)",
    );
    let mut states = read(&db, move |tx| tx.delivery_states(here, &events)).await;
    states.sort_unstable_by_key(|(event, state, _)| (event.0, state.as_str()));
    use DeliveryState::{Failed, Pending};
    let expected = [(events[0], Failed, 1), (events[0], Pending, 1), (events[1], Pending, 2)];
    assert_eq!(states, expected);
    assert!(read(&db, move |tx| tx.delivery_states(there, &events)).await.is_empty());
}

/// Whether the future ends without waiting.
fn is_ready(future: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    future.poll(&mut context).is_ready()
}
