use crate::fixture::{
    NOW, SECOND, add_endpoint, add_import, add_link, add_load, emit_at, new_link, person, read,
    sealed, uuid, workspaces, write,
};
use crate::raw;
use crate::source_jobs::begin;
use crate::support::{TestDatabase, on_both_databases};
use std::collections::BTreeSet;
use std::sync::mpsc;
use vinculo_store::{
    ClaimedJob, DisabledReason, Due, ImportId, Job, LoadId, Micros, NewLink, Queue, Resource,
    Trigger, Tx, WorkspaceId,
};

on_both_databases! {
    a_job_is_taken_once_and_finished,
    what_waits_already_is_not_added_again,
    what_waits_comes_forward_and_what_is_worked_on_does_not,
    the_longest_due_are_taken_first_and_others_left,
    received_files_are_a_queue_of_their_own,
    files_at_work_take_no_turn_from_jobs,
    what_waits_behind_many_files_is_found,
    a_received_file_is_for_those_who_see_its_spool,
    what_a_later_version_left_is_not_taken,
    a_lease_that_ended_is_taken_over_and_its_holder_refused,
    a_job_given_back_comes_again_when_it_said,
    only_what_is_held_is_prolonged,
    a_new_runner_voids_all_leases,
    what_waits_too_long_is_due,
    claimers_at_once_never_share_a_job,
    the_next_due_time_is_known,
    work_is_counted_until_it_is_done,
    a_job_is_of_the_workspace_of_what_it_is_about,
    workspaces_take_turns,
    the_first_jobs_of_workspaces_can_be_taken_alone,
    a_crowded_workspace_has_many_jobs_that_wait,
    a_job_is_announced,
}

const LEASE: Micros = 6 * SECOND;

/// Everything of a row that methods may change.
const ROWS: &str =
    "select target_id, due_at, leased, attempt, failure from jobs order by target_id";

fn claim(tx: &mut Tx<'_>, now: Micros, limit: i64) -> vinculo_store::Result<Vec<ClaimedJob>> {
    let mut claimed = tx.claim_jobs(now, now + LEASE, limit)?;
    claimed.sort_by_key(|it| it.id);
    Ok(claimed)
}

fn claim_file(tx: &mut Tx<'_>, now: Micros) -> vinculo_store::Result<Option<ClaimedJob>> {
    Ok(tx.claim_files(now, now + LEASE, 1, None)?.pop())
}

fn loads(claimed: &[ClaimedJob]) -> Vec<i64> {
    claimed
        .iter()
        .map(|it| match it.job {
            Job::SyncLink(LoadId(n)) => n,
            Job::ImportFile(_) | Job::WorkCohorts(_) => panic!("another kind of job"),
        })
        .collect()
}

async fn add(db: &TestDatabase, due: &'static [(i64, Micros)]) {
    let all = move |tx: &mut Tx<'_>| {
        due.iter().try_for_each(|(n, at)| tx.enqueue(Job::SyncLink(LoadId(*n)), NOW + at, NOW))
    };
    write(db, all).await;
}

/// Jobs of two workspaces, due in the order of their numbers: those of the second come last.
async fn two_workspaces(db: &TestDatabase, first: i64, second: i64) -> [WorkspaceId; 2] {
    let (here, there) = workspaces(db).await;
    let all = move |tx: &mut Tx<'_>| {
        (0..first + second).try_for_each(|n| tx.enqueue(Job::SyncLink(LoadId(n)), NOW + n, NOW))
    };
    write(db, all).await;
    raw::run(db, &format!("update jobs set workspace_id = {there} where target_id >= {first}"));
    raw::run(db, &format!("update jobs set workspace_id = {here} where target_id < {first}"));
    [here, there]
}

async fn a_job_is_of_the_workspace_of_what_it_is_about(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        let subject = person(tx, there, 50)?.id;
        let link = add_link(tx, there, subject, 60)?;
        let load = add_load(tx, there, subject, link, &[Resource::Owners])?;
        tx.enqueue(Job::SyncLink(load), NOW, NOW)?;
        tx.enqueue(Job::WorkCohorts(here), NOW, NOW)?;
        let import = add_import(tx, there, 70, None)?;
        tx.enqueue(Job::ImportFile(import), NOW, NOW)?;
        // What it was about is gone.
        tx.enqueue(Job::SyncLink(LoadId(999)), NOW + 1, NOW)
    })
    .await;
    let rows = raw::rows(&db, "select kind, workspace_id from jobs order by kind, due_at");
    let expected = [
        format!("import_file|{there}"),
        format!("sync_link|{there}"),
        "sync_link|0".to_owned(),
        format!("work_cohorts|{here}"),
    ];
    assert_eq!(rows, expected);
    assert_eq!(write(&db, |tx| claim(tx, NOW + 1, 9)).await.len(), 3, "all of them have a turn");
    assert!(write(&db, |tx| claim_file(tx, NOW + 1)).await.is_some());
}

async fn workspaces_take_turns(db: TestDatabase) {
    two_workspaces(&db, 500, 3).await;
    let take = async |limit| loads(&write(&db, move |tx| claim(tx, NOW + 999, limit)).await);
    assert_eq!(take(1).await, [0], "the longest due");
    assert_eq!(take(1).await, [500], "nothing of the second is at work yet");
    assert_eq!(take(3).await, [1, 2, 501]);
    assert_eq!(take(1).await, [502], "three are at work of the first, two of the second");
    assert_eq!(take(300).await, (3..303).collect::<Vec<_>>(), "nobody else is there");
    let done = write(&db, |tx| claim(tx, NOW + 999, 1)).await[0];
    assert!(write(&db, move |tx| tx.finish_job(&done)).await);
    // Leases that have ended are no work, and due again.
    let ended = NOW + 999 + LEASE;
    assert_eq!(loads(&write(&db, move |tx| claim(tx, ended, 4)).await), [304, 305, 500, 501]);
}

async fn the_first_jobs_of_workspaces_can_be_taken_alone(db: TestDatabase) {
    two_workspaces(&db, 5, 5).await;
    let first = |tx: &mut Tx<'_>| tx.claim_first_jobs(NOW + 99, NOW + 99 + LEASE, 9);
    let mut firsts = loads(&write(&db, first).await);
    firsts.sort_unstable();
    assert_eq!(firsts, [0, 5]);
    assert!(write(&db, first).await.is_empty(), "one of each is at work");
    raw::run(&db, "update jobs set leased = 0 where target_id = 5");
    assert_eq!(loads(&write(&db, first).await), [6]);
}

async fn a_crowded_workspace_has_many_jobs_that_wait(db: TestDatabase) {
    let [here, there] = two_workspaces(&db, 4, 3).await;
    let room = |now, most| read(&db, move |tx| tx.workspaces_to_refresh(now, most));
    assert!(room(NOW + 6, 3).await.is_empty(), "no link is due");
    write(&db, move |tx| {
        for (n, workspace) in [(50, here), (51, there)] {
            let subject = person(tx, workspace, n)?.id;
            let due = Due { refresh: Some((NOW - 1, Trigger::Schedule)), ..Due::default() };
            tx.insert_link(&NewLink { due, ..new_link(workspace, subject, n, &sealed(n)) })?;
        }
        Ok(())
    })
    .await;
    assert_eq!(room(NOW + 6, 3).await, [(here, 0), (there, 0)]);
    assert_eq!(room(NOW + 6, 4).await, [(here, 0), (there, 1)]);
    assert_eq!(room(NOW + 5, 3).await, [(here, 0), (there, 1)], "not all of the second is due");
    assert_eq!(room(NOW - 1, 1).await, [(here, 1), (there, 1)]);
    assert!(room(NOW - 2, 1).await.is_empty());
    for (workspace, most, expected) in [(here, 4, true), (here, 5, false), (there, 3, true)] {
        let is_crowded = read(&db, move |tx| tx.is_crowded(workspace, NOW + 6, most)).await;
        assert_eq!(is_crowded, expected, "{workspace} {most}");
    }
    assert!(!read(&db, move |tx| tx.is_crowded(there, NOW + 5, 3)).await);
    raw::run(&db, "update jobs set kind = 'import_file' where target_id = 6");
    let files = room(NOW + 6, 3).await;
    assert_eq!(files, [(here, 0), (there, 1)], "a file that waits keeps no link from another");
    assert!(!read(&db, move |tx| tx.is_crowded(there, NOW + 6, 3)).await);
    write(&db, |tx| claim(tx, NOW + 6, 2)).await;
    let taken = room(NOW + 6, 4).await;
    assert_eq!(taken, [(here, 1), (there, 3)], "what is at work does not wait");
}

async fn what_a_later_version_left_is_not_taken(db: TestDatabase) {
    add(&db, &[(1, 0), (2, 1)]).await;
    raw::run(&db, "update jobs set kind = 'of_a_later_version' where target_id = 1");
    let claimed = write(&db, |tx| claim(tx, NOW + 9, 5)).await;
    assert_eq!(loads(&claimed), [2]);
    assert!(write(&db, |tx| claim_file(tx, NOW + 9)).await.is_none());
    assert_eq!(read(&db, |tx| tx.next_due(Queue::Jobs)).await, Some(NOW + 9 + LEASE));
    assert_eq!(raw::rows(&db, ROWS)[0], format!("1|{NOW}|0|0|"));
}

async fn a_job_is_taken_once_and_finished(db: TestDatabase) {
    write(&db, |tx| tx.enqueue(Job::WorkCohorts(WorkspaceId(7)), NOW, NOW)).await;
    let claimed = write(&db, |tx| claim(tx, NOW, 5)).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].job, claimed[0].attempt), (Job::WorkCohorts(WorkspaceId(7)), 1));
    assert!(write(&db, |tx| claim(tx, NOW, 5)).await.is_empty());
    let job = claimed[0];
    assert!(write(&db, move |tx| tx.finish_job(&job)).await);
    assert!(!write(&db, move |tx| tx.finish_job(&job)).await);
    assert!(raw::rows(&db, ROWS).is_empty());
}

async fn what_waits_already_is_not_added_again(db: TestDatabase) {
    add(&db, &[(1, 0)]).await;
    add(&db, &[(1, 9), (2, 5)]).await;
    // The same number of another kind is another job.
    write(&db, |tx| tx.enqueue(Job::ImportFile(ImportId(1)), NOW, NOW)).await;
    let jobs = raw::rows(&db, "select kind, target_id, due_at from jobs order by kind, target_id");
    let expected = [
        format!("import_file|1|{NOW}"),
        format!("sync_link|1|{NOW}"),
        format!("sync_link|2|{}", NOW + 5),
    ];
    assert_eq!(jobs, expected);
}

async fn what_waits_comes_forward_and_what_is_worked_on_does_not(db: TestDatabase) {
    add(&db, &[(1, 0), (2, 50), (3, 50)]).await;
    let taken = write(&db, |tx| claim(tx, NOW, 5)).await;
    assert_eq!(loads(&taken), [1]);
    add(&db, &[(1, -9), (2, 9), (3, 60)]).await;
    let jobs = raw::rows(&db, "select target_id, leased, due_at from jobs order by target_id");
    let expected =
        [format!("1|1|{}", NOW + LEASE), format!("2|0|{}", NOW + 9), format!("3|0|{}", NOW + 50)];
    assert_eq!(jobs, expected);
    // Whoever holds it still ends it.
    let taken = taken[0];
    assert!(write(&db, move |tx| tx.finish_job(&taken)).await);
}

async fn the_longest_due_are_taken_first_and_others_left(db: TestDatabase) {
    add(&db, &[(1, 30), (2, 10), (3, 20), (4, 10), (5, 101)]).await;
    let first = write(&db, |tx| claim(tx, NOW + 100, 2)).await;
    assert_eq!(loads(&first), [2, 4]);
    let one = write(&db, |tx| claim(tx, NOW + 100, 1)).await;
    assert_eq!(loads(&one), [3]);
    let rest = write(&db, |tx| claim(tx, NOW + 100, 10)).await;
    assert_eq!(loads(&rest), [1]);
    assert!(write(&db, |tx| claim(tx, NOW + 100, 10)).await.is_empty(), "5 is not due yet");
    let on_time = write(&db, |tx| claim(tx, NOW + 101, 10)).await;
    assert_eq!(loads(&on_time), [5]);
}

async fn received_files_are_a_queue_of_their_own(db: TestDatabase) {
    add(&db, &[(1, 60), (2, 30)]).await;
    write(&db, |tx| {
        tx.enqueue(Job::ImportFile(ImportId(1)), NOW + 20, NOW)?;
        tx.enqueue(Job::ImportFile(ImportId(2)), NOW + 10, NOW)?;
        tx.enqueue(Job::ImportFile(ImportId(3)), NOW + 99, NOW)
    })
    .await;
    let next = || read(&db, |tx| Ok((tx.next_due(Queue::Jobs)?, tx.next_due(Queue::Files)?)));
    assert_eq!(next().await, (Some(NOW + 30), Some(NOW + 10)));
    assert_eq!(loads(&write(&db, |tx| claim(tx, NOW + 50, 9)).await), [2]);
    let take = |limit| move |tx: &mut Tx<'_>| tx.claim_files(NOW + 50, NOW + LEASE, limit, None);
    let first = write(&db, take(1)).await;
    assert_eq!(first.iter().map(|it| it.job).collect::<Vec<_>>(), [Job::ImportFile(ImportId(2))]);
    let second = write(&db, take(9)).await;
    assert_eq!(second.iter().map(|it| it.job).collect::<Vec<_>>(), [Job::ImportFile(ImportId(1))]);
    assert!(write(&db, take(9)).await.is_empty());
    assert_eq!(next().await, (Some(NOW + 60), Some(NOW + 99)));
}

/// One workspace has jobs at work, the other files: who is first of the ones says nothing of the others.
async fn files_at_work_take_no_turn_from_jobs(db: TestDatabase) {
    two_workspaces(&db, 2, 2).await;
    raw::run(&db, "update jobs set kind = 'import_file' where target_id in (1, 2)");
    raw::run(
        &db,
        "update jobs set leased = 1, due_at = due_at + 9000000 where target_id in (0, 2)",
    );
    // Of the first a job is at work, 0, and a file waits, 1; of the second a file, 2, and a job, 3.
    let first = |tx: &mut Tx<'_>| tx.claim_first_jobs(NOW + 99, NOW + 99 + LEASE, 9);
    assert_eq!(loads(&write(&db, first).await), [3], "beside a file");
    let file = write(&db, |tx| claim_file(tx, NOW + 99)).await.expect("a file");
    assert_eq!(file.job, Job::ImportFile(ImportId(1)), "beside a job");
    // Among themselves files have turns: the longest due is of the workspace that has one at work.
    for n in 4..=5 {
        write(&db, move |tx| tx.enqueue(Job::ImportFile(ImportId(n)), NOW + n, NOW)).await;
    }
    raw::run(
        &db,
        "update jobs set workspace_id = (select workspace_id from jobs \
         where target_id = 1) where target_id = 4",
    );
    raw::run(
        &db,
        "update jobs set workspace_id = (select max(id) from workspaces) + 7 \
         where target_id = 5",
    );
    let file = write(&db, |tx| claim_file(tx, NOW + 99)).await.expect("a file");
    assert_eq!(file.job, Job::ImportFile(ImportId(5)));
}

/// However many files of a workspace wait, and for however long, one claim of jobs finds what came behind them.
async fn what_waits_behind_many_files_is_found(db: TestDatabase) {
    write(&db, |tx| {
        (1..=300).try_for_each(|n| tx.enqueue(Job::ImportFile(ImportId(n)), NOW + n, NOW))?;
        tx.enqueue(Job::SyncLink(LoadId(7)), NOW + 400, NOW)
    })
    .await;
    assert_eq!(loads(&write(&db, |tx| claim(tx, NOW + 500, 1)).await), [7]);
    assert_eq!(write(&db, |tx| tx.claim_files(NOW + 500, NOW + LEASE, 2, None)).await.len(), 2);
    let waiting = raw::rows(&db, "select count(*) from jobs where leased = 0 and attempt = 0");
    assert_eq!(waiting, ["298"]);
}

async fn a_received_file_is_for_those_who_see_its_spool(db: TestDatabase) {
    let (here, there) = (uuid(901), uuid(902));
    let (workspace, _) = workspaces(&db).await;
    write(&db, move |tx| {
        for (n, spool) in [(1, Some(there)), (2, Some(there)), (3, Some(here)), (4, None)] {
            let import = add_import(tx, workspace, n, spool)?;
            tx.enqueue(Job::ImportFile(import), NOW + n as Micros, NOW)?;
        }
        tx.enqueue(Job::SyncLink(LoadId(9)), NOW + 9, NOW)
    })
    .await;
    let next = |spool| read(&db, move |tx| tx.next_file_in_reach(spool));
    assert_eq!([next(Some(here)).await, next(None).await], [Some(NOW + 3), Some(NOW + 1)]);
    let take = async |limit, spool| {
        let due = NOW + 50;
        let files = move |tx: &mut Tx<'_>| tx.claim_files(due, due + LEASE, limit, spool);
        let mut taken = write(&db, files).await;
        taken.sort_by_key(|it| it.id);
        taken.iter().map(|it| it.job).collect::<Vec<_>>()
    };
    let import = |n| Job::ImportFile(ImportId(n));
    assert_eq!(take(9, Some(here)).await, [import(3), import(4)]);
    assert_eq!(take(1, Some(there)).await, [import(1)]);
    assert_eq!(take(9, None).await, [import(2)], "who sees all spools takes all");
    assert_eq!(loads(&write(&db, |tx| claim(tx, NOW + 50, 9)).await), [9]);
    let spools = raw::rows(&db, "select count(distinct spool_id), count(spool_id) from jobs");
    assert_eq!(spools, ["2|3"]);
    let open = read(&db, |tx| tx.open_imports()).await;
    let spools: Vec<_> = open.iter().map(|import| import.spool).collect();
    assert_eq!(spools, [Some(there), Some(there), Some(here), None]);
}

async fn a_lease_that_ended_is_taken_over_and_its_holder_refused(db: TestDatabase) {
    add(&db, &[(1, 0)]).await;
    let first = write(&db, |tx| claim(tx, NOW, 5)).await[0];
    assert!(write(&db, |tx| claim(tx, NOW + LEASE - 1, 5)).await.is_empty());
    let second = write(&db, |tx| claim(tx, NOW + LEASE, 5)).await[0];
    assert_eq!((second.id, second.job, second.attempt), (first.id, first.job, 2));

    let before = raw::rows(&db, ROWS);
    assert!(!write(&db, move |tx| tx.finish_job(&first)).await);
    assert!(!write(&db, move |tx| tx.reschedule_job(&first, NOW, "late")).await);
    write(&db, move |tx| tx.extend_jobs(&[first], NOW + 99 * LEASE)).await;
    assert_eq!(raw::rows(&db, ROWS), before);
    assert!(write(&db, move |tx| tx.finish_job(&second)).await);
}

async fn a_job_given_back_comes_again_when_it_said(db: TestDatabase) {
    add(&db, &[(1, 0)]).await;
    let job = write(&db, |tx| claim(tx, NOW, 5)).await[0];
    assert!(write(&db, move |tx| tx.reschedule_job(&job, NOW + 40, "source down: ñ")).await);
    assert_eq!(raw::rows(&db, ROWS), [format!("1|{}|0|1|source down: ñ", NOW + 40)]);
    assert!(write(&db, |tx| claim(tx, NOW + 39, 5)).await.is_empty());
    assert_eq!(write(&db, |tx| claim(tx, NOW + 40, 5)).await[0].attempt, 2);
    let gone = ClaimedJob { id: vinculo_store::JobId(job.id.0 + 1), ..job };
    assert!(!write(&db, move |tx| tx.reschedule_job(&gone, NOW, "gone")).await);
}

async fn only_what_is_held_is_prolonged(db: TestDatabase) {
    add(&db, &[(1, 0), (2, 0), (3, 0)]).await;
    let held = write(&db, |tx| claim(tx, NOW, 5)).await;
    let (given_back, stale, kept) = (held[0], held[1], held[2]);
    write(&db, move |tx| tx.reschedule_job(&given_back, NOW + 1, "later")).await;
    let stale = ClaimedJob { attempt: stale.attempt - 1, ..stale };
    write(&db, move |tx| tx.extend_jobs(&[given_back, stale, kept], NOW + 2 * LEASE)).await;
    write(&db, move |tx| tx.extend_jobs(&[], NOW)).await;
    let due = raw::rows(&db, "select due_at from jobs order by target_id");
    assert_eq!(due, [NOW + 1, NOW + LEASE, NOW + 2 * LEASE].map(|at| at.to_string()));
}

async fn a_new_runner_voids_all_leases(db: TestDatabase) {
    add(&db, &[(1, 0), (2, 50)]).await;
    let held = write(&db, |tx| claim(tx, NOW, 5)).await[0];
    let (delivered, pending) = write(&db, |tx| {
        let organization = tx.insert_organization(crate::fixture::uuid(1), "default", NOW)?;
        let key = crate::fixture::wrapped(1);
        let environment = vinculo_store::Environment::Sandbox;
        let here =
            tx.insert_workspace(crate::fixture::uuid(2), organization, environment, &key, NOW)?;
        let subject = person(tx, here, 50)?.id;
        add_endpoint(tx, here, 90)?;
        emit_at(tx, here, subject, 80, NOW)?;
        emit_at(tx, here, subject, 81, NOW)?;
        emit_at(tx, here, subject, 82, NOW + 70)?;
        let due = tx.claim_deliveries(NOW, NOW + LEASE, 5, 8, 1)?;
        Ok((due[0].claim, due[1].claim))
    })
    .await;
    // What is no longer pending has no lease, whatever the flag says.
    let ended = format!("update deliveries set state = 'delivered' where id = {}", delivered.id);
    raw::run(&db, &ended);

    write(&db, |tx| tx.void_leases(NOW + 10)).await;

    let jobs = [format!("1|{}|0|1|", NOW + 10), format!("2|{}|0|0|", NOW + 50)];
    assert_eq!(raw::rows(&db, ROWS), jobs);
    let deliveries = "select state, due_at, leased, attempt from deliveries order by id";
    let expected = [
        format!("delivered|{}|1|1", NOW + LEASE),
        format!("pending|{}|0|1", NOW + 10),
        format!("pending|{}|0|0", NOW + 70),
    ];
    assert_eq!(raw::rows(&db, deliveries), expected);
    let again = write(&db, |tx| claim(tx, NOW + 10, 5)).await;
    assert_eq!((again[0].id, again[0].attempt), (held.id, 2));
    let again = write(&db, |tx| tx.claim_deliveries(NOW + 10, NOW + LEASE, 5, 8, 1)).await;
    assert_eq!((again[0].claim.id, again[0].claim.attempt), (pending.id, 2));
    assert_eq!(again.len(), 1);
}

async fn what_waits_too_long_is_due(db: TestDatabase) {
    const LONGEST: Micros = 60 * SECOND;
    const REFRESH: Micros = 90 * SECOND;
    // Two leases, and two that wait: of each, one a moment too long.
    let waits =
        [(1, LEASE, 1), (2, LEASE + 1, 1), (3, LONGEST, 0), (4, LONGEST + 1, 0), (5, -1, 0)];
    let (here, _) = workspaces(&db).await;
    write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        add_endpoint(tx, here, 90)?;
        for n in 1..=5 {
            tx.enqueue(Job::SyncLink(LoadId(n)), NOW, NOW)?;
            emit_at(tx, here, subject, 80 + n.unsigned_abs(), NOW)?;
        }
        let cohort = crate::cohorts::add_cohort(tx, here, 9, &[(3, None), (4, None)])?;
        tx.postpone_cohort_row((cohort, 3), NOW + LONGEST, 0)?;
        tx.postpone_cohort_row((cohort, 4), NOW + LONGEST + 1, 0)?;
        begin(tx, (here, cohort), &[3], NOW + LONGEST - SECOND)?;
        begin(tx, (here, cohort), &[4], NOW + LONGEST - SECOND + 1)?;
        for (n, at) in [(1, REFRESH - 1), (2, REFRESH + 1)] {
            let link = add_link(tx, here, subject, n)?;
            tx.set_refresh(link, Some((NOW + at, Trigger::Schedule)))?;
        }
        Ok(())
    })
    .await;
    for (id, wait, leased) in waits {
        let changes = format!("set due_at = {}, leased = {leased} where", NOW + wait);
        raw::run(&db, &format!("update jobs {changes} target_id = {id}"));
        raw::run(&db, &format!("update deliveries {changes} id = {id}"));
    }

    raw::run(&db, &format!("update webhook_endpoints set held_until = {}", NOW + LONGEST + 1));
    let end = |tx: &mut Tx<'_>| tx.end_waits(NOW, NOW + LEASE, NOW + LONGEST, NOW + REFRESH);
    write(&db, end).await;

    let due = |sql: &str| -> Vec<Micros> {
        raw::rows(&db, sql).iter().map(|at| at.parse::<Micros>().expect("a moment") - NOW).collect()
    };
    for table in ["jobs", "deliveries"] {
        let due = due(&format!("select due_at from {table} order by id"));
        assert_eq!(due, [LEASE, LEASE, LONGEST, 0, -1], "{table}");
    }
    assert_eq!(due("select due_at from cohort_rows order by line"), [LONGEST, 0]);
    assert_eq!(due("select due_at from source_jobs order by id"), [LONGEST, 0]);
    assert_eq!(due("select refresh_at from links order by id"), [REFRESH - 1, REFRESH]);
    assert_eq!(due("select held_until from webhook_endpoints"), [0]);
}

async fn claimers_at_once_never_share_a_job(db: TestDatabase) {
    const JOBS: i64 = 60;
    write(&db, |tx| (0..JOBS).try_for_each(|n| tx.enqueue(Job::SyncLink(LoadId(n)), NOW, NOW)))
        .await;
    let mut claimers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let store = db.store.clone();
        claimers.spawn(async move {
            let mut taken = Vec::new();
            loop {
                let claimed = store.lease_once(|tx| claim(tx, NOW, 3)).await.expect("not taken");
                assert!(claimed.len() <= 3, "more than asked for");
                if claimed.is_empty() {
                    return taken;
                }
                taken.extend(loads(&claimed));
            }
        });
    }
    let taken = claimers.join_all().await.concat();
    assert_eq!(taken.len(), JOBS as usize, "taken twice or not at all");
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), (0..JOBS).collect());
    assert_eq!(raw::rows(&db, "select distinct attempt from jobs"), ["1"]);
}

async fn the_next_due_time_is_known(db: TestDatabase) {
    assert_eq!(read(&db, |tx| tx.next_due(Queue::Jobs)).await, None);
    add(&db, &[(1, 50), (2, 40)]).await;
    assert_eq!(read(&db, |tx| tx.next_due(Queue::Jobs)).await, Some(NOW + 40));
    assert_eq!(read(&db, |tx| tx.next_due(Queue::Deliveries)).await, None);
    // The end of a lease counts too: that is when somebody must look again.
    write(&db, |tx| claim(tx, NOW + 50, 5)).await;
    assert_eq!(read(&db, |tx| tx.next_due(Queue::Jobs)).await, Some(NOW + 50 + LEASE));

    let (here, there) = workspaces(&db).await;
    let subject = write(&db, move |tx| {
        add_endpoint(tx, here, 90)?;
        add_endpoint(tx, here, 91)?;
        add_endpoint(tx, there, 92)?;
        Ok(person(tx, here, 50)?.id)
    })
    .await;
    write(&db, move |tx| emit_at(tx, here, subject, 80, NOW + 7)).await;
    write(&db, move |tx| emit_at(tx, here, subject, 81, NOW + 3)).await;
    assert_eq!(read(&db, |tx| tx.next_due(Queue::Deliveries)).await, Some(NOW + 3));
    raw::run(&db, &format!("update deliveries set state = 'delivered' where due_at = {}", NOW + 3));
    assert_eq!(read(&db, |tx| tx.next_due(Queue::Deliveries)).await, Some(NOW + 7));
}

async fn work_is_counted_until_it_is_done(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    assert_eq!(read(&db, |tx| tx.pending_work()).await, 0);
    add(&db, &[(1, 0), (2, 1_000_000)]).await;
    write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        add_endpoint(tx, here, 90)?;
        emit_at(tx, here, subject, 80, NOW).map(|_| ())
    })
    .await;
    assert_eq!(read(&db, |tx| tx.pending_work()).await, 3);
    let held = write(&db, |tx| claim(tx, NOW, 5)).await[0];
    assert_eq!(read(&db, |tx| tx.pending_work()).await, 3, "held is not done");
    write(&db, move |tx| tx.finish_job(&held)).await;
    raw::run(&db, "update deliveries set state = 'failed'");
    assert_eq!(read(&db, |tx| tx.pending_work()).await, 1);
}

async fn a_job_is_announced(db: TestDatabase) {
    let mut wakes = db.store.wakes();
    add(&db, &[(1, 0)]).await;
    wakes.changed(Queue::Jobs).await;
    assert_eq!(write(&db, |tx| claim(tx, NOW, 5)).await.len(), 1);
    write(&db, |tx| tx.enqueue(Job::ImportFile(ImportId(1)), NOW, NOW)).await;
    wakes.changed(Queue::Files).await;
    // There may be more than are taken.
    assert!(write(&db, |tx| claim_file(tx, NOW)).await.is_some());
    wakes.changed(Queue::Files).await;
}

/// A claim that was not committed yet hides its rows from others without making them wait. SQLite
/// has one writer, so that this can be seen on PostgreSQL only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_in_flight_share_the_work_without_waiting() {
    let db = TestDatabase::postgres();
    add(&db, &[(1, 1), (2, 2), (3, 3)]).await;
    let (taken, is_taken) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let store = db.store.clone();
    let first = tokio::spawn(async move {
        let slow = move |tx: &mut Tx<'_>| {
            let claimed = claim(tx, NOW + 9, 2)?;
            taken.send(()).expect("nobody waits");
            may_go_on.recv().expect("nobody lets it go on");
            Ok::<_, vinculo_store::Error>(claimed)
        };
        store.write(slow).await
    });
    is_taken.recv().expect("never taken");
    let second = write(&db, |tx| claim(tx, NOW + 9, 2)).await;
    go_on.send(()).expect("the first is gone");
    let first = first.await.expect("the first panicked").expect("not taken");
    assert_eq!((loads(&first), loads(&second)), (vec![1, 2], vec![3]));
}

/// A heartbeat passes over a row that somebody is changing: it waits for nobody, so that nobody waits
/// for it in a circle. SQLite has one writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_waits_for_nobody() {
    let db = TestDatabase::postgres();
    add(&db, &[(1, 0), (2, 0)]).await;
    let jobs = write(&db, |tx| claim(tx, NOW, 5)).await;
    let (here, _) = workspaces(&db).await;
    let (endpoint, sent) = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let endpoint = add_endpoint(tx, here, 90)?;
        emit_at(tx, here, subject, 80, NOW)?;
        emit_at(tx, here, subject, 81, NOW)?;
        Ok((endpoint, tx.claim_deliveries(NOW, NOW + LEASE, 5, 8, 1)?))
    })
    .await;
    let claims: Vec<_> = sent.iter().map(|due| due.claim).collect();
    let (changed, is_changed) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let (store, job) = (db.store.clone(), jobs[0]);
    let other = tokio::spawn(async move {
        let slow = move |tx: &mut Tx<'_>| {
            tx.finish_job(&job)?;
            tx.disable_endpoint(endpoint, DisabledReason::Gone, NOW)?;
            changed.send(()).expect("nobody waits");
            may_go_on.recv().expect("nobody lets it go on");
            Ok::<_, vinculo_store::Error>(())
        };
        store.write(slow).await
    });
    is_changed.recv().expect("never changed");
    let held = jobs.clone();
    write(&db, move |tx| {
        tx.extend_jobs(&held, NOW + 9 * LEASE)?;
        tx.extend_deliveries(&claims, NOW + 9 * LEASE)?;
        tx.release_deliveries(&claims, NOW)
    })
    .await;
    go_on.send(()).expect("the other is gone");
    other.await.expect("the other panicked").expect("not changed");
    let due = raw::rows(&db, "select target_id, due_at from jobs");
    assert_eq!(due, [format!("2|{}", NOW + 9 * LEASE)]);
    let states = raw::rows(&db, "select distinct state, leased, due_at from deliveries");
    assert_eq!(states, [format!("cancelled|0|{}", NOW + LEASE)]);
}
