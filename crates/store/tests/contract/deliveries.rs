use crate::fixture::{
    ALL, NOW, SECOND, add_endpoint, add_link, emit_at, person, refused, sealed, uuid, workspaces,
    wrapped, write,
};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use vinculo_store::{
    AttemptRecord, ClaimedDelivery, DeliveryFilter, DeliveryId, DeliveryState, DisabledReason,
    DueDelivery, EndpointId, Error, Micros, Options, Queue, ReplayPlace, Result, Store, SubjectId,
    Tx, WorkspaceId,
};

on_both_databases! {
    a_claim_brings_all_that_a_try_needs,
    a_try_is_recorded_with_what_becomes_of_the_delivery,
    a_try_without_an_answer_is_recorded_too,
    a_try_that_delivered_clears_its_endpoint,
    a_try_is_recorded_once,
    a_lease_that_ended_is_taken_over_and_its_holder_refused,
    a_claim_that_the_database_lost_proves_nothing_once_another_took_its_place,
    an_endpoint_that_is_left_in_peace_is_passed_over,
    what_arrives_ends_the_peace_of_its_endpoint,
    a_try_that_ends_after_its_delivery_is_recorded,
    workspaces_that_hold_many_take_no_more_first_ones,
    only_what_is_held_is_prolonged,
    what_is_given_back_is_taken_at_once,
    a_replay_begins_anew_whatever_comes_of_a_try_under_way,
    what_is_put_off_uses_up_no_try,
    the_longest_due_of_an_endpoint_go_first,
    endpoints_take_turns,
    an_endpoint_has_no_more_in_flight_than_allowed,
    an_endpoint_of_which_fewer_are_held_goes_first,
    an_endpoint_that_fails_has_one_in_flight,
    what_is_not_due_or_has_ended_is_left,
    a_delivery_of_an_erased_person_comes_without_a_key,
    claimers_at_once_never_share_a_delivery,
    a_disabled_endpoint_is_passed_over,
    what_comes_later_than_its_time_is_taken_soon,
    no_lease_is_overlooked_that_ends_sooner_than_others,
    only_a_first_try_says_since_when_it_waits,
    what_has_no_event_is_removed_once_it_was_taken,
}

const LEASE: Micros = 6 * SECOND;
const CAP: i64 = 8;

const ROWS: &str = "select state, due_at, leased, attempt, finished_at from deliveries order by id";
const ATTEMPTS: &str = "select workspace_id, subject_id, delivery_id, number, started_at, \
     duration_us, status, failure, length(sealed_excerpt) from attempts order by id";

fn claim(tx: &mut Tx<'_>, now: Micros, limit: i64) -> Result<Vec<DueDelivery>> {
    tx.claim_deliveries(now, now + LEASE, limit, CAP, 1)
}

fn ids(due: &[DueDelivery]) -> Vec<DeliveryId> {
    due.iter().map(|it| it.claim.id).collect()
}

/// How many of each endpoint.
fn tally(due: &[DueDelivery]) -> BTreeMap<EndpointId, usize> {
    due.iter().fold(BTreeMap::new(), |mut tally, it| {
        *tally.entry(it.endpoint).or_default() += 1;
        tally
    })
}

fn record(claim: ClaimedDelivery, state: DeliveryState, due_at: Micros) -> AttemptRecord<'static> {
    AttemptRecord {
        claim,
        started_at: NOW + 5,
        duration_us: 1234,
        status: Some(204),
        failure: None,
        excerpt: None,
        state,
        due_at,
    }
}

/// One person and the endpoints of her workspace, which gets an event per time of `due`.
struct Scene {
    here: WorkspaceId,
    subject: SubjectId,
    endpoints: Vec<EndpointId>,
}

async fn scene(db: &TestDatabase, endpoints: u64, due: &'static [Micros]) -> Scene {
    let (here, _) = workspaces(db).await;
    let (subject, endpoints) = write(db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        // Events of the fixture are about the first link.
        add_link(tx, here, subject, 60)?;
        let endpoints: Result<_> = (0..endpoints).map(|n| add_endpoint(tx, here, 90 + n)).collect();
        for (at, n) in due.iter().zip(1000..) {
            emit_at(tx, here, subject, n, NOW + at)?;
        }
        Ok((subject, endpoints?))
    })
    .await;
    Scene { here, subject, endpoints }
}

/// Adds deliveries to one endpoint, which need no event until they are claimed: the first there is.
fn backlog(db: &TestDatabase, scene: &Scene, endpoint: EndpointId, due: &[Micros]) {
    let values: Vec<String> = due
        .iter()
        .map(|at| {
            let Scene { here, subject, .. } = scene;
            let at = NOW + at;
            format!(
                "({here}, {subject}, (select min(id) from events), {endpoint}, 'pending', {at}, {at})"
            )
        })
        .collect();
    let into = "insert into deliveries \
         (workspace_id, subject_id, event_id, endpoint_id, state, due_at, created_at) values";
    raw::run(db, &format!("{into} {}", values.join(", ")));
}

/// Drops what [`scene`] made due, so that a backlog stands alone.
fn no_deliveries(db: &TestDatabase) {
    raw::run(db, "delete from deliveries");
}

async fn a_claim_brings_all_that_a_try_needs(db: TestDatabase) {
    let scene = scene(&db, 1, &[0]).await;
    let due = write(&db, |tx| claim(tx, NOW, 5)).await;
    let [due] = due.as_slice() else { panic!("{} deliveries", due.len()) };
    assert_eq!(due.claim.attempt, 1);
    assert_eq!((due.workspace, due.subject), (scene.here, Some(scene.subject)));
    assert_eq!(due.tried, 0);
    assert_eq!((due.webhook_id, due.body.clone()), (uuid(1000), sealed(1000)));
    assert!(due.key == Some(wrapped(50)));
    assert_eq!((due.endpoint, due.endpoint_uuid), (scene.endpoints[0], uuid(90)));
    assert_eq!(due.address, sealed(90));
    assert_eq!(raw::rows(&db, ROWS), [format!("pending|{}|1|1|", NOW + LEASE)]);
    assert!(write(&db, |tx| claim(tx, NOW, 5)).await.is_empty());
}

async fn a_try_is_recorded_with_what_becomes_of_the_delivery(db: TestDatabase) {
    let scene = scene(&db, 1, &[0]).await;
    let first = write(&db, |tx| claim(tx, NOW, 5)).await[0].claim;
    let again = NOW + 60 * SECOND;
    let kept = write(&db, move |tx| {
        let excerpt = sealed(1);
        let status = Some(503);
        let tried = record(first, DeliveryState::Pending, again);
        tx.record_attempt(&AttemptRecord { status, excerpt: Some(&excerpt), ..tried }, NOW + 9)
    });
    assert!(kept.await);
    assert_eq!(raw::rows(&db, ROWS), [format!("pending|{again}|0|1|")]);
    assert!(write(&db, move |tx| claim(tx, again - 1, 5)).await.is_empty());

    let second = write(&db, move |tx| claim(tx, again, 5)).await[0].claim;
    assert_eq!(second, ClaimedDelivery { id: first.id, attempt: 2 });
    let ended = move |tx: &mut Tx<'_>| {
        tx.record_attempt(&record(second, DeliveryState::Delivered, again), again + 1)
    };
    assert!(write(&db, ended).await);
    assert_eq!(raw::rows(&db, ROWS), [format!("delivered|{again}|0|2|{}", again + 1)]);
    assert!(!write(&db, ended).await, "a delivery that ended is not tried");

    let Scene { here, subject, .. } = scene;
    let (id, started) = (first.id, NOW + 5);
    let expected = [
        format!("{here}|{subject}|{id}|1|{started}|1234|503||49"),
        format!("{here}|{subject}|{id}|2|{started}|1234|204||"),
    ];
    assert_eq!(raw::rows(&db, ATTEMPTS), expected);
}

async fn a_try_without_an_answer_is_recorded_too(db: TestDatabase) {
    scene(&db, 1, &[0, 0]).await;
    let held = write(&db, |tx| claim(tx, NOW, 5)).await;
    for (due, state) in held.iter().zip([DeliveryState::Failed, DeliveryState::Cancelled]) {
        let tried = record(due.claim, state, NOW);
        let tried = AttemptRecord { status: None, failure: Some("timeout"), ..tried };
        assert!(write(&db, move |tx| tx.record_attempt(&tried, NOW + 9)).await);
    }
    let ended = ["failed", "cancelled"].map(|state| format!("{state}|{NOW}|0|1|{}", NOW + 9));
    assert_eq!(raw::rows(&db, ROWS), ended);
    assert_eq!(raw::rows(&db, "select status, failure from attempts"), ["|timeout", "|timeout"]);
    assert!(write(&db, |tx| claim(tx, NOW + LEASE, 5)).await.is_empty());
}

async fn a_try_that_delivered_clears_its_endpoint(db: TestDatabase) {
    scene(&db, 2, &[0]).await;
    let held = write(&db, |tx| claim(tx, NOW, 5)).await;
    let [due, other] = held.as_slice() else { panic!("{} deliveries", held.len()) };
    for DueDelivery { endpoint, address, .. } in held.clone() {
        write(&db, move |tx| tx.endpoint_failed(endpoint, &address, NOW, 1, None)).await;
    }
    let failing = "select count(*) from webhook_endpoints where failing_since is not null";
    assert_eq!(raw::rows(&db, failing), ["2"]);
    let (tried, endpoint) = (record(due.claim, DeliveryState::Delivered, NOW + 2), due.endpoint);
    let (sent_to, address) = (due.address.clone(), due.address.clone());
    let delivered = move |tx: &mut Tx<'_>| tx.record_delivered(&tried, endpoint, &sent_to, NOW + 9);
    let kept: Result<bool> = db.store.write_once(delivered.clone()).await;
    assert!(kept.expect("not written"));
    assert_eq!(raw::rows(&db, failing), ["1"]);
    let ended = "select state, leased, finished_at from deliveries order by id";
    assert_eq!(raw::rows(&db, ended)[0], format!("delivered|0|{}", NOW + 9));
    assert_eq!(raw::rows(&db, "select number, status from attempts"), ["1|204"]);
    // Whoever lost its lease has heard from the endpoint all the same.
    write(&db, move |tx| tx.endpoint_failed(endpoint, &address, NOW, 1, None)).await;
    assert!(!write(&db, delivered).await);
    assert_eq!(raw::rows(&db, failing), ["1"]);
    assert_eq!(raw::rows(&db, "select count(*) from attempts"), ["1"]);

    // Where it went is not where the other is now.
    let (tried, endpoint) = (record(other.claim, DeliveryState::Delivered, NOW), other.endpoint);
    let elsewhere = move |tx: &mut Tx<'_>| tx.record_delivered(&tried, endpoint, &sealed(89), NOW);
    assert!(write(&db, elsewhere).await);
    assert_eq!(raw::rows(&db, failing), ["1"]);
}

async fn a_try_is_recorded_once(db: TestDatabase) {
    scene(&db, 1, &[0]).await;
    let held = write(&db, |tx| claim(tx, NOW, 5)).await[0].claim;
    let tried = record(held, DeliveryState::Pending, NOW + 1);
    let again = record(held, DeliveryState::Delivered, NOW + 1);
    assert!(write(&db, move |tx| tx.record_attempt(&tried, NOW)).await);
    let error = refused(&db, move |tx| tx.record_attempt(&again, NOW)).await;
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    assert_eq!(raw::rows(&db, ROWS), [format!("pending|{}|0|1|", NOW + 1)]);
}

async fn a_lease_that_ended_is_taken_over_and_its_holder_refused(db: TestDatabase) {
    scene(&db, 1, &[0]).await;
    let first = write(&db, |tx| claim(tx, NOW, 5)).await[0].claim;
    assert!(write(&db, |tx| claim(tx, NOW + LEASE - 1, 5)).await.is_empty());
    let second = write(&db, |tx| claim(tx, NOW + LEASE, 5)).await[0].claim;
    assert_eq!(second, ClaimedDelivery { id: first.id, attempt: 2 });

    let before = raw::rows(&db, ROWS);
    for state in DeliveryState::ALL {
        let late = move |tx: &mut Tx<'_>| tx.record_attempt(&record(first, *state, NOW), NOW);
        assert!(!write(&db, late).await, "{state}");
    }
    write(&db, move |tx| tx.extend_deliveries(&[first], NOW + 99 * LEASE)).await;
    assert_eq!(raw::rows(&db, ROWS), before);
    assert!(raw::rows(&db, ATTEMPTS).is_empty());
    let kept = record(second, DeliveryState::Delivered, NOW);
    assert!(write(&db, move |tx| tx.record_attempt(&kept, NOW)).await);
}

async fn a_claim_that_the_database_lost_proves_nothing_once_another_took_its_place(
    db: TestDatabase,
) {
    scene(&db, 1, &[0]).await;
    let before = raw::rows(&db, ROWS);
    let first = write(&db, |tx| tx.claim_deliveries(NOW, NOW + LEASE, 5, CAP, 70)).await[0].claim;
    // As PostgreSQL comes back when it fails before the claim is on disk; the holder is at work still.
    raw::run(&db, &format!("update deliveries set leased = 0, due_at = {NOW}, attempt = 0"));
    assert_eq!(raw::rows(&db, ROWS), before);
    let alone = write(&db, move |tx| tx.is_taken_over(first)).await;
    assert!(alone, "what is not on disk proves nothing");
    let second = write(&db, |tx| tx.claim_deliveries(NOW, NOW + LEASE, 5, CAP, 7)).await[0].claim;
    assert_ne!(first, second);

    let failed = record(first, DeliveryState::Failed, NOW);
    assert!(!write(&db, move |tx| tx.record_attempt(&failed, NOW + 1)).await);
    let over = move |tx: &mut Tx<'_>| Ok([tx.is_taken_over(first)?, tx.is_taken_over(second)?]);
    assert_eq!(write(&db, over).await, [true, false]);
    write(&db, move |tx| tx.release_deliveries(&[first], NOW)).await;
    let arrived = record(second, DeliveryState::Delivered, NOW);
    assert!(write(&db, move |tx| tx.record_attempt(&arrived, NOW + 2)).await);
    assert_eq!(raw::rows(&db, ROWS), [format!("delivered|{NOW}|0|7|{}", NOW + 2)]);
    assert_eq!(raw::rows(&db, "select number, status from attempts"), ["7|204"]);
}

async fn an_endpoint_that_is_left_in_peace_is_passed_over(db: TestDatabase) {
    let scene = scene(&db, 2, &[0, 1, 2]).await;
    let [busy, other] = scene.endpoints[..] else { panic!("no endpoints") };
    let until = NOW + 60 * SECOND;
    let hold =
        move |until| move |tx: &mut Tx<'_>| tx.endpoint_failed(busy, &sealed(90), NOW, 1, until);
    for until in [Some(until), Some(NOW + SECOND), None] {
        write(&db, hold(until)).await;
    }
    let kept = "select held_until from webhook_endpoints order by id";
    assert_eq!(raw::rows(&db, kept), [until.to_string(), String::new()], "the longest wait");
    let first =
        move |now| move |tx: &mut Tx<'_>| tx.claim_first_deliveries(now, now + LEASE, 9, 9, 1);
    assert_eq!(tally(&write(&db, first(until - 1)).await), BTreeMap::from([(other, 1)]));
    let rest = write(&db, move |tx| claim(tx, NOW + 2, 9)).await;
    assert_eq!(tally(&rest), BTreeMap::from([(other, 2)]));
    for claim in rest.iter().map(|due| due.claim) {
        let done = record(claim, DeliveryState::Delivered, NOW);
        write(&db, move |tx| tx.record_attempt(&done, NOW)).await;
    }
    raw::run(&db, &format!("delete from deliveries where endpoint_id = {other}"));
    assert_eq!(write(&db, |tx| tx.next_due(Queue::Deliveries)).await, Some(until));
    let shown =
        write(&db, move |tx| tx.deliveries(scene.here, &DeliveryFilter::default(), ALL)).await;
    assert!(shown.rows.iter().all(|row| row.due_at == until), "nor tried before");

    // Then one goes first.
    let one = write(&db, move |tx| claim(tx, until, 9)).await;
    assert_eq!(one.len(), 1);
    assert!(write(&db, move |tx| claim(tx, until, 9)).await.is_empty());
    assert_eq!(write(&db, |tx| tx.next_due(Queue::Deliveries)).await, Some(until));
    write(&db, move |tx| tx.enable_endpoint(busy, until)).await;
    assert!(write(&db, move |tx| claim(tx, until, 9)).await.is_empty(), "it was enabled");
}

async fn what_arrives_ends_the_peace_of_its_endpoint(db: TestDatabase) {
    scene(&db, 1, &[0, 0, 0, 0]).await;
    let held = write(&db, |tx| claim(tx, NOW, 2)).await;
    let until = NOW + 60 * SECOND;
    let (endpoint, sent_to) = (held[0].endpoint, held[0].address.clone());
    let failed = move |tx: &mut Tx<'_>| tx.endpoint_failed(endpoint, &sent_to, NOW, 1, Some(until));
    write(&db, failed).await;
    let peace = "select held_until, failing_since from webhook_endpoints";
    let arrives = async |due: DueDelivery, started_at| {
        let tried =
            AttemptRecord { started_at, ..record(due.claim, DeliveryState::Delivered, NOW) };
        let arrived = move |tx: &mut Tx<'_>| {
            tx.record_delivered(&tried, due.endpoint, &due.address, started_at)
        };
        let kept: Result<bool> = db.store.write_once(arrived).await;
        assert!(kept.expect("not written"));
        raw::rows(&db, peace)
    };
    let [early, also_early] = held.try_into().expect("not two");
    assert_eq!(arrives(early, NOW).await, [format!("{until}|")], "it began before");
    assert_eq!(arrives(also_early, until - 1).await, [format!("{until}|")]);
    let one = write(&db, move |tx| claim(tx, until, 9)).await;
    let [one] = one.try_into().expect("more than one");
    assert_eq!(arrives(one, until).await, ["|"]);
    assert_eq!(write(&db, move |tx| claim(tx, until, 9)).await.len(), 1);
}

async fn a_try_that_ends_after_its_delivery_is_recorded(db: TestDatabase) {
    let scene = scene(&db, 1, &[0, 0, 0]).await;
    let endpoint = scene.endpoints[0];
    let held = write(&db, |tx| claim(tx, NOW, 5)).await;
    let [taken, failed, again] = [0, 1, 2].map(|n: usize| held[n].claim);
    write(&db, move |tx| {
        tx.disable_endpoint(endpoint, DisabledReason::Gone, NOW + 1)?;
        tx.enable_endpoint(endpoint, NOW + 1)?;
        let last = DeliveryFilter { id: Some(again.id), ..DeliveryFilter::default() };
        tx.replay_deliveries(scene.here, &last, &[again.id], NOW + 1)
    })
    .await;
    let second = write(&db, |tx| claim(tx, NOW + 1, 5)).await;
    assert_eq!(second[0].claim, ClaimedDelivery { id: again.id, attempt: 3 });
    let ends = [
        (taken, DeliveryState::Delivered, true),
        (failed, DeliveryState::Failed, false),
        (again, DeliveryState::Delivered, false),
    ];
    let delivered = record(taken, DeliveryState::Delivered, NOW);
    let late = move |tx: &mut Tx<'_>| tx.record_delivered(&delivered, endpoint, &sealed(90), NOW);
    assert!(!write(&db, late).await, "that is left to the record of a try");
    for (claim, state, decides) in ends {
        let end = move |tx: &mut Tx<'_>| tx.record_attempt(&record(claim, state, NOW), NOW + 2);
        assert_eq!(write(&db, end).await, decides, "{state}");
    }
    let states =
        raw::rows(&db, "select state, finished_at, earlier_tries from deliveries order by id");
    let [done, over] = [NOW + 2, NOW + 1];
    let expected =
        [format!("delivered|{done}|0"), format!("cancelled|{over}|1"), "pending||0".into()];
    assert_eq!(states, expected);
    let numbers = raw::rows(&db, "select number from attempts order by id");
    assert_eq!(numbers, ["1", "1"], "whoever lost it to another records nothing");
    let later = NOW + 1 + LEASE;
    let third = write(&db, move |tx| claim(tx, later, 5)).await;
    assert_eq!((third[0].claim.attempt, third[0].tried), (4, 0), "the schedule is as long as ever");
}

async fn workspaces_that_hold_many_take_no_more_first_ones(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let mine = write(&db, move |tx| {
        for n in 0..4 {
            add_endpoint(tx, here, 90 + n)?;
        }
        let mine = add_endpoint(tx, there, 95)?;
        let (subject, foreign) = (person(tx, here, 50)?.id, person(tx, there, 51)?.id);
        emit_at(tx, here, subject, 80, NOW)?;
        emit_at(tx, there, foreign, 70, NOW + 1)?;
        emit_at(tx, there, foreign, 71, NOW + 2)?;
        Ok(mine)
    })
    .await;
    let first =
        |now, limit| write(&db, move |tx| tx.claim_first_deliveries(now, now + LEASE, limit, 2, 1));
    assert_eq!(first(NOW, 2).await.len(), 2, "the longest due");
    let taken = first(NOW + 9, 9).await;
    assert_eq!(tally(&taken), BTreeMap::from([(mine, 1)]), "one of each endpoint, and not of here");
    assert!(first(NOW + 9, 9).await.is_empty());
    let taken = first(NOW + LEASE, 9).await;
    assert_eq!(taken.len(), 4, "leases that ended are not held");
}

async fn only_what_is_held_is_prolonged(db: TestDatabase) {
    scene(&db, 1, &[0, 0, 0, 0]).await;
    let held = write(&db, |tx| claim(tx, NOW, 5)).await;
    let [given_back, ended, stale, kept] = [0, 1, 2, 3].map(|n| held[n].claim);
    let later = record(given_back, DeliveryState::Pending, NOW + 1);
    write(&db, move |tx| tx.record_attempt(&later, NOW)).await;
    let done = record(ended, DeliveryState::Delivered, NOW + 2);
    write(&db, move |tx| tx.record_attempt(&done, NOW)).await;
    let stale = ClaimedDelivery { attempt: stale.attempt - 1, ..stale };
    let all = [given_back, ended, stale, kept];
    write(&db, move |tx| tx.extend_deliveries(&all, NOW + 2 * LEASE)).await;
    write(&db, move |tx| tx.extend_deliveries(&[], NOW)).await;
    let due = raw::rows(&db, "select due_at from deliveries order by id");
    let expected = [NOW + 1, NOW + 2, NOW + LEASE, NOW + 2 * LEASE];
    assert_eq!(due, expected.map(|at| at.to_string()));
}

async fn what_is_given_back_is_taken_at_once(db: TestDatabase) {
    scene(&db, 1, &[0, 0]).await;
    let held = write(&db, |tx| claim(tx, NOW, 5)).await;
    let (given_back, kept) = (held[0].claim, held[1].claim);
    let stale = ClaimedDelivery { attempt: kept.attempt - 1, ..kept };
    write(&db, move |tx| tx.release_deliveries(&[given_back, stale], NOW + 1)).await;
    let again = write(&db, |tx| claim(tx, NOW + 1, 5)).await;
    assert_eq!(ids(&again), [given_back.id]);
    assert_eq!((again[0].claim.attempt, again[0].tried), (2, 0), "no try is used up");
}

async fn a_replay_begins_anew_whatever_comes_of_a_try_under_way(db: TestDatabase) {
    let scene = scene(&db, 1, &[0, 0, 0]).await;
    let endpoint = scene.endpoints[0];
    let held = write(&db, |tx| claim(tx, NOW, 5)).await;
    write(&db, move |tx| {
        tx.disable_endpoint(endpoint, DisabledReason::Manual, NOW + 1)?;
        tx.enable_endpoint(endpoint, NOW + 1)?;
        let all = DeliveryFilter::default();
        let found =
            tx.deliveries_to_replay(scene.here, &all, ReplayPlace::default(), 9, NOW + 2)?;
        tx.replay_deliveries(scene.here, &all, &found.found, NOW + 2)
    })
    .await;
    // Nobody has taken them yet.
    let ends = [DeliveryState::Failed, DeliveryState::Pending, DeliveryState::Delivered];
    for (due, state) in held.iter().zip(ends) {
        let claim = due.claim;
        let end =
            move |tx: &mut Tx<'_>| tx.record_attempt(&record(claim, state, NOW + 99), NOW + 3);
        assert!(!write(&db, end).await, "{state}");
        assert!(write(&db, move |tx| tx.is_taken_over(claim)).await);
    }
    let expected = format!("pending|{}|0|2|", NOW + 2);
    assert_eq!(raw::rows(&db, ROWS), vec![expected; 3]);
}

async fn what_is_put_off_uses_up_no_try(db: TestDatabase) {
    scene(&db, 1, &[0, 0]).await;
    let held = write(&db, |tx| claim(tx, NOW, 5)).await;
    let (put_off, kept) = (held[0].claim, held[1].claim);
    assert_eq!(held[0].waits_since, NOW);
    let stale = ClaimedDelivery { attempt: kept.attempt - 1, ..kept };
    write(&db, move |tx| tx.put_off_delivery(put_off, NOW + 9)).await;
    write(&db, move |tx| tx.put_off_delivery(stale, NOW + 9)).await;
    assert!(write(&db, |tx| claim(tx, NOW + 8, 5)).await.is_empty());
    let again = write(&db, |tx| claim(tx, NOW + 9, 5)).await;
    assert_eq!(ids(&again), [put_off.id]);
    assert_eq!((again[0].claim.attempt, again[0].tried), (2, 0), "no try is used up");
}

async fn the_longest_due_of_an_endpoint_go_first(db: TestDatabase) {
    scene(&db, 1, &[30, 10, 20, 10]).await;
    let all: Vec<i64> = raw::rows(&db, "select id from deliveries order by id")
        .iter()
        .map(|id| id.parse().expect("no number"))
        .collect();
    let first = write(&db, |tx| claim(tx, NOW + 40, 2)).await;
    assert_eq!(ids(&first), [DeliveryId(all[1]), DeliveryId(all[3])]);
    let second = write(&db, |tx| claim(tx, NOW + 40, 1)).await;
    assert_eq!(ids(&second), [DeliveryId(all[2])]);
    let third = write(&db, |tx| claim(tx, NOW + 40, 9)).await;
    assert_eq!(ids(&third), [DeliveryId(all[0])]);
}

async fn endpoints_take_turns(db: TestDatabase) {
    let scene = scene(&db, 4, &[0]).await;
    no_deliveries(&db);
    let [crowded, others @ ..] = scene.endpoints.as_slice() else { panic!("no endpoints") };
    backlog(&db, &scene, *crowded, &(0..100).collect::<Vec<_>>());
    for other in others {
        backlog(&db, &scene, *other, &[500]);
    }
    let due = write(&db, |tx| claim(tx, NOW + SECOND, CAP)).await;
    assert_eq!(due.len(), 8);
    let tally = tally(&due);
    assert!(others.iter().all(|other| tally[other] == 1), "{tally:?}");
    assert_eq!(tally[crowded], 5);

    // With less room than endpoints, each has one and nobody two.
    write(&db, |tx| tx.void_leases(NOW)).await;
    let due = write(&db, |tx| claim(tx, NOW + SECOND, 4)).await;
    assert_eq!(self::tally(&due).len(), 4);
}

async fn an_endpoint_has_no_more_in_flight_than_allowed(db: TestDatabase) {
    let scene = scene(&db, 2, &[0]).await;
    no_deliveries(&db);
    let (busy, calm) = (scene.endpoints[0], scene.endpoints[1]);
    backlog(&db, &scene, busy, &[0; 30]);
    let three = write(&db, |tx| tx.claim_deliveries(NOW, NOW + LEASE, 3, CAP, 1)).await;
    assert_eq!(three.len(), 3);
    let five = write(&db, |tx| claim(tx, NOW + 1, 64)).await;
    assert_eq!(five.len(), 5, "three are held already");
    assert!(write(&db, |tx| claim(tx, NOW + 2, 64)).await.is_empty());
    backlog(&db, &scene, calm, &[0]);
    let other = write(&db, |tx| claim(tx, NOW + 2, 64)).await;
    assert_eq!(tally(&other), BTreeMap::from([(calm, 1)]));

    // One that ends makes room for one; those whose lease ended are not held.
    let done = record(three[0].claim, DeliveryState::Delivered, NOW);
    write(&db, move |tx| tx.record_attempt(&done, NOW + 3)).await;
    let next = write(&db, |tx| claim(tx, NOW + 3, 64)).await;
    assert_eq!(next.len(), 1);
    assert!(!ids(&three).contains(&next[0].claim.id) && !ids(&five).contains(&next[0].claim.id));
    let over = write(&db, |tx| claim(tx, NOW + LEASE, 64)).await;
    assert_eq!(over.len(), 2, "six are held until later");
    assert!(over.iter().all(|it| it.claim.attempt == 1), "never tried ones were due before");
    let lower = write(&db, |tx| tx.claim_deliveries(NOW + LEASE, NOW + 9 * LEASE, 64, 2, 1)).await;
    assert!(lower.is_empty(), "a smaller allowance counts what is held");
}

async fn an_endpoint_of_which_fewer_are_held_goes_first(db: TestDatabase) {
    let scene = scene(&db, 2, &[0]).await;
    no_deliveries(&db);
    let (busy, calm) = (scene.endpoints[0], scene.endpoints[1]);
    backlog(&db, &scene, busy, &[0; 30]);
    assert_eq!(write(&db, |tx| claim(tx, NOW, 3)).await.len(), 3);
    backlog(&db, &scene, calm, &[5, 6, 7, 8]);
    let next = write(&db, |tx| claim(tx, NOW + 9, 3)).await;
    assert_eq!(tally(&next), BTreeMap::from([(calm, 3)]));
    let next = write(&db, |tx| claim(tx, NOW + 9, 2)).await;
    assert_eq!(tally(&next), BTreeMap::from([(calm, 1), (busy, 1)]));
}

async fn an_endpoint_that_fails_has_one_in_flight(db: TestDatabase) {
    let scene = scene(&db, 2, &[0, 0, 0]).await;
    let [fails, works] = scene.endpoints[..] else { panic!("no endpoints") };
    let failed =
        |at| write(&db, move |tx| tx.endpoint_failed(fails, &sealed(90), at, SECOND, None));
    assert!(failed(NOW).await.is_some());
    let taken = write(&db, |tx| claim(tx, NOW, 9)).await;
    assert_eq!(tally(&taken), BTreeMap::from([(fails, 1), (works, 3)]));
    assert!(write(&db, |tx| claim(tx, NOW + 1, 9)).await.is_empty());

    // Of those that do so for long, and did so just now, none is taken beside the others.
    let [long, just] = [10 * SECOND, 60 * SECOND];
    let steady = async |now| {
        write(&db, |tx| tx.void_leases(NOW)).await;
        let since = [now - long, now - just];
        let take = move |tx: &mut Tx<'_>| tx.claim_steady_deliveries(now, now + LEASE, 9, since, 1);
        tally(&write(&db, take).await).into_keys().collect::<Vec<_>>()
    };
    assert_eq!(steady(NOW + long - 1).await, [fails, works], "it began just now");
    assert_eq!(steady(NOW + long).await, [works]);
    assert!(failed(NOW + long).await.is_some());
    assert_eq!(steady(NOW + long + just - 1).await, [works]);
    assert_eq!(steady(NOW + long + just).await, [fails, works], "it may have been mended");
    write(&db, move |tx| tx.endpoint_works(fails, &sealed(90), NOW)).await;
    write(&db, |tx| tx.void_leases(NOW)).await;
    let taken = write(&db, |tx| claim(tx, NOW + 99 * SECOND, 9)).await;
    assert_eq!(tally(&taken), BTreeMap::from([(fails, 3), (works, 3)]));
}

async fn what_is_not_due_or_has_ended_is_left(db: TestDatabase) {
    scene(&db, 1, &[0, 0, 0, 1]).await;
    let states = ["delivered", "failed", "cancelled"];
    for (id, state) in raw::rows(&db, "select id from deliveries order by id").iter().zip(states) {
        raw::run(&db, &format!("update deliveries set state = '{state}' where id = {id}"));
    }
    assert!(write(&db, |tx| claim(tx, NOW, 9)).await.is_empty());
    assert_eq!(write(&db, |tx| claim(tx, NOW + 1, 9)).await.len(), 1);
}

async fn a_delivery_of_an_erased_person_comes_without_a_key(db: TestDatabase) {
    scene(&db, 1, &[0]).await;
    raw::run(&db, "delete from data_keys where owner_kind = 'subject'");
    let due = write(&db, |tx| claim(tx, NOW, 9)).await;
    assert_eq!(due.len(), 1);
    assert!(due[0].key.is_none());
}

async fn a_disabled_endpoint_is_passed_over(db: TestDatabase) {
    let scene = scene(&db, 2, &[0]).await;
    let (off, on) = (scene.endpoints[0], scene.endpoints[1]);
    raw::run(&db, &format!("update webhook_endpoints set disabled_at = 1 where id = {off}"));
    assert_eq!(tally(&write(&db, |tx| claim(tx, NOW, 9)).await), BTreeMap::from([(on, 1)]));
    let waits = write(&db, |tx| tx.next_due(Queue::Deliveries)).await;
    assert_eq!(waits, Some(NOW + LEASE), "the held one alone");
}

async fn what_comes_later_than_its_time_is_taken_soon(db: TestDatabase) {
    let scene = scene(&db, 1, &[0]).await;
    assert_eq!(write(&db, |tx| claim(tx, NOW, 9)).await.len(), 1);
    no_deliveries(&db);
    backlog(&db, &scene, scene.endpoints[0], &[-5 * SECOND]);
    let late = write(&db, |tx| claim(tx, NOW + SECOND / 4, 9)).await;
    assert_eq!(late.len(), 1, "of a transaction that took five seconds");
    // The clock is set back by an hour.
    const BEFORE: Micros = NOW - 3600 * SECOND;
    backlog(&db, &scene, scene.endpoints[0], &[-3600 * SECOND]);
    assert_eq!(write(&db, |tx| claim(tx, BEFORE, 9)).await.len(), 1);
}

/// Claims on PostgreSQL look no further back than at the leases that the last look at everything knew of.
async fn no_lease_is_overlooked_that_ends_sooner_than_others(db: TestDatabase) {
    let scene = scene(&db, 1, &[0]).await;
    no_deliveries(&db);
    backlog(&db, &scene, scene.endpoints[0], &[0; 9]);
    let take = |now, until| write(&db, move |tx| tx.claim_deliveries(now, until, 9, 3, 1));
    assert_eq!(take(NOW, NOW + LEASE).await.len(), 3);
    write(&db, |tx| tx.void_leases(NOW)).await;
    for n in 0..3 {
        // Each of them ends sooner than those before it.
        let until = NOW + (3 - n) * SECOND;
        let one = write(&db, move |tx| tx.claim_deliveries(NOW + n, until, 1, 3, 1)).await;
        assert_eq!(one.len(), 1);
    }
    assert!(take(NOW + 3, NOW + LEASE).await.is_empty(), "three are in flight");
    assert!(take(NOW + SECOND - 1, NOW + 2 * LEASE).await.is_empty(), "they still are");
    assert_eq!(take(NOW + SECOND, NOW + 2 * LEASE).await.len(), 1);
}

async fn only_a_first_try_says_since_when_it_waits(db: TestDatabase) {
    scene(&db, 1, &[0]).await;
    let first = write(&db, |tx| claim(tx, NOW + 3, 5)).await[0].clone();
    assert_eq!(first.first_due, Some(NOW));
    let again = NOW + 10;
    let failed = record(first.claim, DeliveryState::Pending, again);
    assert!(write(&db, move |tx| tx.record_attempt(&failed, again)).await);
    let second = write(&db, move |tx| claim(tx, again, 5)).await[0].clone();
    assert_eq!((second.tried, second.first_due), (1, None));
    let failed = record(second.claim, DeliveryState::Failed, again);
    write(&db, move |tx| {
        tx.record_attempt(&failed, again)?;
        let all = DeliveryFilter::default();
        tx.replay_deliveries(WorkspaceId(1), &all, &[failed.claim.id], again)
    })
    .await;
    let replayed = write(&db, move |tx| claim(tx, again, 5)).await[0].clone();
    assert_eq!((replayed.tried, replayed.first_due), (0, None), "it was made long ago");
}

/// A database that was restored, or an earlier program, may have left some.
async fn what_has_no_event_is_removed_once_it_was_taken(db: TestDatabase) {
    let scene = scene(&db, 1, &[0, 1]).await;
    raw::run(&db, "delete from events where id in (select min(id) from events)");
    let remove = || write(&db, |tx| tx.remove_orphaned_deliveries());
    assert_eq!(remove().await, 0, "it waits for its turn");
    assert!(write(&db, |tx| tx.claim_deliveries(NOW + 9, NOW + LEASE, 1, CAP, 1)).await.is_empty());
    assert_eq!(remove().await, 1);
    let due = write(&db, |tx| tx.claim_deliveries(NOW + 9, NOW + LEASE, 1, CAP, 1)).await;
    assert_eq!(tally(&due), BTreeMap::from([(scene.endpoints[0], 1)]));
    assert_eq!(remove().await, 0, "this one has its event");
    assert_eq!(raw::rows(&db, "select count(*) from deliveries"), ["1"]);
}

/// Pages that claims look at where twenty thousand deliveries waited, were held or not, and have arrived since: of a
/// new process's first claim, of another's, and of twenty in a row. Seen on PostgreSQL, which counts pages.
async fn pages_of_claims(leased: i64, due: &str, with_next: bool) -> [i64; 3] {
    let db = TestDatabase::postgres();
    let scene = scene(&db, 1, &[0]).await;
    no_deliveries(&db);
    raw::run(&db, "alter table deliveries set (autovacuum_enabled = off)");
    let (Scene { here, subject, .. }, endpoint) = (&scene, scene.endpoints[0]);
    raw::run(
        &db,
        &format!(
            "insert into deliveries (workspace_id, subject_id, event_id, endpoint_id, state, \
             leased, due_at, created_at) select {here}, {subject}, 1, {endpoint}, 'pending', \
             {leased}, {due}, n from generate_series(1, 20000) n"
        ),
    );
    raw::run(&db, "update deliveries set state = 'delivered'");
    db.store.clone().close().await;
    let pages = async |claims: i64| {
        let before = pages_of_what_waits(&db).await;
        let store = Store::open(&db.target, &Options::default()).expect("does not open");
        for n in 0..claims {
            let claim = move |tx: &mut Tx<'_>| {
                if with_next {
                    tx.next_due(Queue::Deliveries)?;
                }
                claim(tx, NOW + n, 64)
            };
            store.write(claim).await.expect("not taken");
        }
        store.close().await;
        pages_of_what_waits(&db).await - before
    };
    [pages(1).await, pages(1).await, pages(20).await]
}

/// What was delivered stays in the indexes of what waits and of what is held until the next vacuum.
#[tokio::test]
async fn claims_do_not_walk_over_what_was_delivered() {
    let held_for_two_seconds = format!("{NOW} + 100 * n");
    for (what, [once, one, many]) in [
        ("waited", pages_of_claims(0, "n", true).await),
        ("were held", pages_of_claims(1, &held_for_two_seconds, false).await),
    ] {
        assert!(once > 50 && one > 50, "{once} and {one} pages: nothing was there that {what}");
        // A walk over either index is of a hundred pages.
        assert!(many - one < 20 * 20, "{many} pages of what {what} for 20 claims, {one} for one");
    }
}

/// Pages of the indexes of what waits and of what is held that were looked at so far, once every connection has
/// reported.
async fn pages_of_what_waits(db: &TestDatabase) -> i64 {
    raw::until_alone(db).await;
    let sql = "select cast(sum(idx_blks_hit + idx_blks_read) as bigint) \
         from pg_statio_user_indexes where indexrelname in ('deliveries_due', 'deliveries_held')";
    raw::rows(db, sql)[0].parse().expect("a number")
}

async fn claimers_at_once_never_share_a_delivery(db: TestDatabase) {
    let scene = scene(&db, 3, &[0]).await;
    no_deliveries(&db);
    for endpoint in &scene.endpoints {
        backlog(&db, &scene, *endpoint, &[0; 20]);
    }
    let mut claimers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let store = db.store.clone();
        claimers.spawn(async move {
            let mut taken = Vec::new();
            loop {
                let claimed =
                    store.write(|tx| tx.claim_deliveries(NOW, NOW + LEASE, 4, 30, 1)).await;
                let claimed = claimed.expect("not taken");
                assert!(claimed.len() <= 4, "more than asked for");
                if claimed.is_empty() {
                    return taken;
                }
                taken.extend(ids(&claimed));
            }
        });
    }
    let taken = claimers.join_all().await.concat();
    assert_eq!(taken.len(), taken.iter().collect::<BTreeSet<_>>().len(), "taken twice");
    // Whoever saw only rows that others were taking went away with nothing.
    let rest = write(&db, |tx| tx.claim_deliveries(NOW, NOW + LEASE, 60, 30, 1)).await;
    assert_eq!(taken.len() + rest.len(), 60);
    assert_eq!(raw::rows(&db, "select distinct attempt from deliveries"), ["1"]);
}

/// SQLite has one writer, so that this can be seen on PostgreSQL only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_in_flight_share_the_work_and_keep_to_the_allowance() {
    let db = TestDatabase::postgres();
    let scene = scene(&db, 2, &[0]).await;
    no_deliveries(&db);
    for endpoint in &scene.endpoints {
        backlog(&db, &scene, *endpoint, &(0..30).collect::<Vec<_>>());
    }
    let (taken, is_taken) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let store = db.store.clone();
    let first = tokio::spawn(async move {
        let slow = move |tx: &mut Tx<'_>| {
            let claimed = claim(tx, NOW + 100, 6)?;
            taken.send(()).expect("nobody waits");
            may_go_on.recv().expect("nobody lets it go on");
            Ok::<_, Error>(claimed)
        };
        store.write(slow).await
    });
    is_taken.recv().expect("never taken");
    let second = write(&db, |tx| claim(tx, NOW + 100, 6)).await;
    let third = write(&db, |tx| claim(tx, NOW + 100, 64)).await;
    go_on.send(()).expect("the first is gone");
    let first = first.await.expect("the first panicked").expect("not taken");
    let sizes = [first.len(), second.len(), third.len()];
    assert_eq!(sizes, [6, 6, 4], "what is left of twice eight");
    let all = [first, second, third].concat();
    assert_eq!(ids(&all).iter().collect::<BTreeSet<_>>().len(), 16, "taken twice");
    assert!(tally(&all).values().all(|count| *count == 8));
    assert!(write(&db, |tx| claim(tx, NOW + 100, 64)).await.is_empty());
    let held = write(&db, |tx| tx.next_due(Queue::Deliveries)).await;
    assert_eq!(held, Some(NOW + 8), "the first that nobody holds");
}
