use crate::fixture::{
    ALL, NOW, SECOND, add_endpoint, emit_at, event_id, new_event, person, read, refused, sealed,
    uuid, workspaces, write,
};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    DisabledReason, EndpointId, Error, Failing, NewEndpoint, NewEvent, PageRequest, Queue,
    Recipients, ReplayPlace,
};

on_both_databases! {
    a_workspace_sees_its_endpoints_newest_first,
    a_public_id_exists_once,
    an_endpoint_is_found_and_held_by_its_workspace_alone,
    what_is_changed_stays,
    a_disabled_endpoint_is_owed_nothing,
    what_ends_an_endpoint_leaves_most_of_what_waits_to_others,
    failures_count_from_the_first,
    a_try_says_nothing_of_an_endpoint_that_was_changed_or_disabled,
    what_is_not_wanted_any_more_is_cancelled,
    a_deleted_endpoint_leaves_its_deliveries,
    what_is_stranded_is_cancelled,
}

const STATES: &str = "select endpoint_id, state, leased, finished_at from deliveries order by id";

async fn a_workspace_sees_its_endpoints_newest_first(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let ids = write(&db, move |tx| {
        Ok([add_endpoint(tx, here, 91)?, add_endpoint(tx, there, 92)?, add_endpoint(tx, here, 90)?])
    })
    .await;
    let shown = read(&db, move |tx| tx.endpoints(here, ALL)).await;
    assert_eq!(shown.count, 2);
    let shown: Vec<_> =
        shown.rows.iter().map(|it| (it.id, it.uuid, it.created_at, &it.sealed)).collect();
    let expected = [(ids[2], uuid(90), NOW, &sealed(90)), (ids[0], uuid(91), NOW, &sealed(91))];
    assert_eq!(shown, expected);
    let second = PageRequest { limit: 1, offset: 1 };
    let page = read(&db, move |tx| tx.endpoints(here, second)).await;
    assert_eq!((page.count, page.rows[0].id), (2, ids[0]));
    assert_eq!(read(&db, move |tx| tx.endpoints(there, ALL)).await.count, 1);
}

async fn a_public_id_exists_once(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| add_endpoint(tx, here, 90)).await;
    let error = refused(&db, move |tx| add_endpoint(tx, there, 90)).await;
    assert!(matches!(error, Error::Conflict(_)), "{error}");
}

async fn an_endpoint_is_found_and_held_by_its_workspace_alone(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let id = write(&db, move |tx| add_endpoint(tx, here, 90)).await;
    let found = read(&db, move |tx| tx.endpoint(here, uuid(90))).await.expect("not found");
    assert_eq!(
        (found.id, found.types, found.disabled, found.failing_since),
        (id, None, None, None)
    );
    let held = write(&db, move |tx| tx.hold_endpoint(here, uuid(90))).await;
    assert_eq!(held.expect("not held").sealed, sealed(90));
    assert!(read(&db, move |tx| tx.endpoint(there, uuid(90))).await.is_none());
    assert!(write(&db, move |tx| tx.hold_endpoint(there, uuid(90))).await.is_none());
}

async fn what_is_changed_stays(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let types = ["LINK", "OWNERS"].map(str::to_owned);
    let first = types.clone();
    let id = write(&db, move |tx| {
        tx.insert_endpoint(&NewEndpoint {
            uuid: uuid(90),
            workspace: here,
            created_at: NOW,
            types: Some(&first),
            sealed: &sealed(90),
        })
    })
    .await;
    let found = read(&db, move |tx| tx.endpoint(here, uuid(90))).await.expect("not found");
    assert_eq!(found.types.as_deref(), Some(types.as_slice()));
    write(&db, move |tx| tx.change_endpoint(id, Some(&[]), &sealed(7))).await;
    let found = read(&db, move |tx| tx.endpoint(here, uuid(90))).await.expect("not found");
    assert_eq!((found.types, found.sealed), (Some(vec![]), sealed(7)));
    write(&db, move |tx| tx.change_endpoint(id, None, &sealed(8))).await;
    let found = read(&db, move |tx| tx.endpoint(here, uuid(90))).await.expect("not found");
    assert_eq!(found.types, None);
}

async fn a_disabled_endpoint_is_owed_nothing(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let [off, on] = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let endpoints = [add_endpoint(tx, here, 90)?, add_endpoint(tx, here, 91)?];
        emit_at(tx, here, subject, 80, NOW)?;
        tx.claim_deliveries(NOW, NOW + SECOND, 1, 9, 1)?;
        Ok(endpoints)
    })
    .await;
    let disable = |reason, at| write(&db, move |tx| tx.disable_endpoint(off, reason, at));
    assert!(disable(DisabledReason::Gone, NOW + 1).await);
    assert!(!disable(DisabledReason::Manual, NOW + 2).await);
    let expected = [format!("{off}|cancelled|0|{}", NOW + 1), format!("{on}|pending|0|")];
    assert_eq!(raw::rows(&db, STATES), expected);
    let found = read(&db, move |tx| tx.endpoint(here, uuid(90))).await.expect("not found");
    assert_eq!(found.disabled, Some((NOW + 1, DisabledReason::Gone)));
    let lost = || read(&db, move |tx| tx.lost_endpoints(here));
    assert_eq!(lost().await, 1);
    write(&db, move |tx| tx.disable_endpoint(on, DisabledReason::Manual, NOW + 3)).await;
    assert_eq!(lost().await, 1, "somebody wanted it");
    raw::run(
        &db,
        &format!(
            "update deliveries set state = 'pending', finished_at = null where endpoint_id = {on}"
        ),
    );
    write(&db, move |tx| tx.enable_endpoint(on, NOW + 4)).await;
    write(&db, move |tx| tx.enable_endpoint(off, NOW + 4)).await;
    let found = read(&db, move |tx| tx.endpoint(here, uuid(90))).await.expect("not found");
    assert_eq!((found.disabled, found.failing_since), (None, None));
    let expected = [expected[0].clone(), format!("{on}|cancelled|0|{}", NOW + 4)];
    assert_eq!(raw::rows(&db, STATES), expected, "nothing comes back by itself");
    write(&db, move |tx| tx.enable_endpoint(on, NOW + 5)).await;
    assert_eq!(read(&db, |tx| tx.stranded_endpoints()).await, []);
}

/// The deliveries of an endpoint in each state.
fn states_of(db: &TestDatabase, id: EndpointId) -> Vec<String> {
    let sql = "select state, count(*) from deliveries where endpoint_id =";
    raw::rows(db, &format!("{sql} {id} group by state order by state"))
}

async fn what_ends_an_endpoint_leaves_most_of_what_waits_to_others(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (event, [off, gone, on]) = write(&db, move |tx| {
        tx.emit(&new_event(here, None, 80, &sealed(80)))?;
        let event = event_id(tx, here, 80)?;
        let mut add = |n| add_endpoint(tx, here, n);
        Ok((event, [add(90)?, add(91)?, add(92)?]))
    })
    .await;
    for endpoint in [off, gone, on] {
        raw::run(
            &db,
            &format!(
                "with recursive n(n) as (select 1 union all select n + 1 from n where n < 600) \
                 insert into deliveries (workspace_id, subject_id, event_id, endpoint_id, state, \
                 due_at, created_at) select {here}, 0, {event}, {endpoint}, 'pending', 600 - n, 0 from n"
            ),
        );
    }
    write(&db, move |tx| {
        tx.disable_endpoint(off, DisabledReason::Gone, NOW)?;
        tx.delete_endpoint(gone, NOW)
    })
    .await;
    for endpoint in [off, gone] {
        assert_eq!(states_of(&db, endpoint), ["cancelled|500", "pending|100"]);
    }
    let taken = write(&db, |tx| tx.claim_deliveries(NOW, NOW + SECOND, 9, 9, 1)).await;
    assert!(taken.len() == 9 && taken.iter().all(|it| it.endpoint == on), "nothing is sent");
    assert_eq!(read(&db, |tx| tx.stranded_endpoints()).await, [off, gone]);
    let cancel =
        |id, limit| write(&db, move |tx| tx.cancel_stranded_deliveries(id, limit, NOW + 1));
    assert_eq!((cancel(gone, 60).await, cancel(gone, 60).await), (60, 40));
    assert_eq!(cancel(off, 60).await, 60);
    assert_eq!(cancel(on, 60).await, 0, "it is sent to");
    write(&db, move |tx| tx.enable_endpoint(off, NOW + 2)).await;
    assert_eq!(states_of(&db, off), ["cancelled|600"]);
    assert_eq!(states_of(&db, on), ["pending|600"]);
    assert_eq!(read(&db, |tx| tx.stranded_endpoints()).await, []);
}

async fn failures_count_from_the_first(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let id = write(&db, move |tx| add_endpoint(tx, here, 90)).await;
    let failed =
        |at| write(&db, move |tx| tx.endpoint_failed(id, &sealed(90), at, 10 * SECOND, None));
    let since = |since, again_since| Some(Failing { since, again_since });
    for at in [NOW, NOW + 5] {
        assert_eq!(failed(at).await, since(NOW, NOW));
    }
    write(&db, move |tx| tx.endpoint_works(id, &sealed(90), NOW)).await;
    assert_eq!(failed(NOW + 9).await, since(NOW + 9, NOW + 9));
    // A quiet time begins anew what lasts since then, and no less than that.
    let [still, quiet] = [NOW + 8 + 10 * SECOND, NOW + 8 + 20 * SECOND];
    assert_eq!(failed(still).await, since(NOW + 9, NOW + 9));
    assert_eq!(failed(quiet).await, since(NOW + 9, quiet));
    let found = read(&db, move |tx| tx.endpoint(here, uuid(90))).await.expect("not found");
    assert_eq!(found.failing_since, Some(NOW + 9));
    write(&db, move |tx| tx.delete_endpoint(id, NOW)).await;
    assert_eq!(failed(NOW).await, None);
}

async fn a_try_says_nothing_of_an_endpoint_that_was_changed_or_disabled(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let id = write(&db, move |tx| add_endpoint(tx, here, 90)).await;
    let since =
        || read(&db, move |tx| Ok(tx.endpoint(here, uuid(90))?.and_then(|it| it.failing_since)));
    let failed =
        |to, at| write(&db, move |tx| tx.endpoint_failed(id, &sealed(to), at, SECOND, None));
    assert!(failed(90, NOW).await.is_some());
    write(&db, move |tx| tx.change_endpoint(id, None, &sealed(91))).await;
    write(&db, move |tx| tx.endpoint_works(id, &sealed(90), NOW)).await;
    assert_eq!(since().await, Some(NOW), "it worked where it was");
    assert_eq!(failed(90, NOW + 1).await, None);
    write(&db, move |tx| tx.endpoint_works(id, &sealed(91), NOW)).await;
    assert_eq!(failed(90, NOW + 2).await, None);
    assert_eq!(since().await, None, "it failed where it was");
    assert!(failed(91, NOW + 3).await.is_some());
    write(&db, move |tx| tx.disable_endpoint(id, DisabledReason::Gone, NOW)).await;
    assert_eq!(failed(91, NOW + 4).await, None);
    write(&db, move |tx| tx.endpoint_works(id, &sealed(91), NOW)).await;
    assert_eq!(since().await, Some(NOW + 3), "kept for who enables it");
    write(&db, move |tx| tx.enable_endpoint(id, NOW + 5)).await;
    assert_eq!(since().await, None);
    assert!(failed(91, NOW + 6).await.is_some());
    write(&db, move |tx| tx.enable_endpoint(id, NOW + 7)).await;
    assert_eq!(since().await, Some(NOW + 6), "it was enabled");
}

async fn what_is_not_wanted_any_more_is_cancelled(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let [id, other] = write(&db, move |tx| {
        let ids = [add_endpoint(tx, here, 90)?, add_endpoint(tx, here, 91)?];
        for (n, kind, to) in [
            (1, "LINK", Recipients::Everybody),
            (2, "OWNERS", Recipients::Everybody),
            (3, "TEST", Recipients::Only(ids[0])),
        ] {
            let body = sealed(n);
            let event = new_event(here, None, n, &body);
            tx.emit(&NewEvent { webhook_type: kind, to, ..event })?;
        }
        tx.narrow_endpoint(ids[0], NOW)?;
        Ok(ids)
    })
    .await;
    let step = |after, limit| read(&db, move |tx| tx.unwanted_deliveries(id, after, limit));
    assert!(step(ReplayPlace::default(), 9).await.found.is_empty(), "all types are wanted");
    let pending = |id| format!("{id}|pending|0|");
    let mut all = [pending(id), pending(other), pending(id), pending(other), pending(id)];
    assert_eq!(raw::rows(&db, STATES), all, "all types are wanted");
    write(&db, move |tx| {
        tx.change_endpoint(id, Some(&["LINK".to_owned()]), &sealed(90))?;
        tx.narrow_endpoint(id, NOW + 1)
    })
    .await;
    // Whoever takes something meanwhile is told.
    let due = write(&db, |tx| tx.claim_deliveries(NOW + 9, NOW + 10, 9, 9, 1)).await;
    let of = due.iter().filter(|due| due.endpoint == id);
    assert_eq!(of.map(|due| due.is_unwanted).collect::<Vec<_>>(), [false, true, false]);
    write(&db, |tx| tx.void_leases(NOW + 9)).await;

    // Found step by step, and cancelled by whoever looks again.
    let (mut place, mut found, mut steps) = (Some(ReplayPlace::default()), vec![], 0);
    while let Some(after) = place {
        let page = step(after, 1).await;
        found.extend(page.found);
        (place, steps) = (page.next, steps + 1);
    }
    assert_eq!((found.len(), steps), (1, 4), "{found:?}");
    let every: Vec<_> = due.iter().map(|due| due.claim.id).collect();
    for cancelled in [1, 0] {
        let ids = every.clone();
        let done = write(&db, move |tx| tx.cancel_unwanted_deliveries(&ids, NOW + 1)).await;
        assert_eq!(done, cancelled);
    }
    assert_eq!(write(&db, |tx| tx.cancel_unwanted_deliveries(&[], NOW)).await, 0);
    all[2] = format!("{id}|cancelled|0|{}", NOW + 1);
    assert_eq!(raw::rows(&db, STATES), all);
    let noted = async |only| read(&db, move |tx| tx.narrowed_endpoints(only)).await;
    assert_eq!(noted(None).await, [(id, NOW + 1)]);
    assert!(noted(Some(other)).await.is_empty());
    write(&db, move |tx| tx.forget_narrowed(id, NOW)).await;
    assert_eq!(noted(Some(id)).await, [(id, NOW + 1)], "it is of another time");
    write(&db, move |tx| tx.forget_narrowed(id, NOW + 1)).await;
    assert!(noted(None).await.is_empty());
    assert!(step(ReplayPlace::default(), 9).await.found.is_empty());
}

async fn a_deleted_endpoint_leaves_its_deliveries(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let id = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let id = add_endpoint(tx, here, 90)?;
        emit_at(tx, here, subject, 80, NOW)?;
        tx.delete_endpoint(id, NOW + 1)?;
        Ok(id)
    })
    .await;
    assert!(read(&db, move |tx| tx.endpoint(here, uuid(90))).await.is_none());
    assert_eq!(raw::rows(&db, STATES), [format!("{id}|cancelled|0|{}", NOW + 1)]);
}

async fn what_is_stranded_is_cancelled(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let [gone, off, on] = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let endpoints =
            [add_endpoint(tx, here, 90)?, add_endpoint(tx, here, 91)?, add_endpoint(tx, here, 92)?];
        emit_at(tx, here, subject, 80, NOW)?;
        Ok(endpoints)
    })
    .await;
    raw::run(&db, &format!("delete from webhook_endpoints where id = {gone}"));
    raw::run(&db, &format!("update webhook_endpoints set disabled_at = 1 where id = {off}"));
    for id in read(&db, |tx| tx.stranded_endpoints()).await {
        write(&db, move |tx| tx.cancel_stranded_deliveries(id, 9, NOW + 1)).await;
    }
    let cancelled = |id| format!("{id}|cancelled|0|{}", NOW + 1);
    assert_eq!(
        raw::rows(&db, STATES),
        [cancelled(gone), cancelled(off), format!("{on}|pending|0|")]
    );
    assert_eq!(read(&db, |tx| tx.next_due(Queue::Deliveries)).await, Some(NOW));
}
