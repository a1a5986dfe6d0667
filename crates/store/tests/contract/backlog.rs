use crate::fixture::{
    NOW, SECOND, add_endpoint, add_import, emit_at, person, read, sealed, uuid, workspaces, write,
};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    Backlog, DisabledReason, EndpointCounts, Error, FailingJobs, ImportId, Job, LoadId, Options,
    OverdueJobs, ReadOnly, RetentionRule, Schema, Store, Target,
};

on_both_databases! {
    what_waits_is_counted_by_kind,
    what_waits_for_a_receiver_is_not_told_as_due,
    files_that_wait_for_those_before_them_are_not_told_as_due,
    jobs_that_do_not_end_are_found,
    the_failure_told_is_of_the_job_that_was_tried_most,
    deliveries_that_nobody_takes_are_found,
    endpoints_are_counted_by_how_they_do,
    what_went_is_summed_over_workspaces,
    another_version_of_the_schema_is_noticed,
    a_server_has_a_clock,
    a_server_says_how_it_is_set_up,
    who_takes_no_writes_says_why,
}

async fn what_waits_is_counted_by_kind(db: TestDatabase) {
    let (workspace, foreign) = workspaces(&db).await;
    write(&db, move |tx| {
        for (n, due) in [(1, NOW - SECOND), (2, NOW - 5 * SECOND), (3, NOW + SECOND)] {
            tx.enqueue(Job::SyncLink(LoadId(n)), due, NOW)?;
        }
        tx.enqueue(Job::WorkCohorts(workspace), NOW, NOW)?;
        let subject = person(tx, workspace, 5)?.id;
        let silent = add_endpoint(tx, workspace, 20)?;
        add_endpoint(tx, foreign, 21)?;
        add_endpoint(tx, workspace, 22)?;
        emit_at(tx, workspace, subject, 30, NOW - 9 * SECOND)?;
        emit_at(tx, workspace, subject, 31, NOW + SECOND)?;
        tx.disable_endpoint(silent, DisabledReason::Manual, NOW)
    })
    .await;
    let backlog = |kind, due, later, oldest_due| Backlog { kind, due, later, oldest_due };
    let found = read(&db, |tx| tx.backlog(NOW)).await;
    let expected = [
        backlog("sync_link", 2, 1, Some(NOW - 5 * SECOND)),
        backlog("import_file", 0, 0, None),
        backlog("work_cohorts", 1, 0, Some(NOW)),
        backlog("delivery", 1, 1, Some(NOW - 9 * SECOND)),
    ];
    assert_eq!(found, expected);
    // What is held is not due.
    write(&db, |tx| tx.claim_jobs(NOW, NOW + SECOND, 1)).await;
    let found = read(&db, |tx| tx.backlog(NOW)).await;
    assert_eq!(found[0], backlog("sync_link", 1, 2, Some(NOW - SECOND)));
}

async fn what_waits_for_a_receiver_is_not_told_as_due(db: TestDatabase) {
    let (workspace, foreign) = workspaces(&db).await;
    write(&db, move |tx| {
        for (n, workspace, due) in [(1, workspace, 9), (2, foreign, 5)] {
            let subject = person(tx, workspace, n)?.id;
            add_endpoint(tx, workspace, n + 20)?;
            for event in [30, 40, 50] {
                emit_at(tx, workspace, subject, n + event, NOW - due * SECOND)?;
            }
        }
        Ok(())
    })
    .await;
    let told = async |now| {
        let all = read(&db, move |tx| tx.backlog(now)).await;
        let told = all.iter().find(|it| it.kind == "delivery").expect("deliveries");
        (told.due, told.oldest_due.map(|at| (NOW - at) / SECOND))
    };
    let claim = async |per_endpoint| {
        write(&db, move |tx| tx.claim_deliveries(NOW, NOW + SECOND, per_endpoint, 1, 1)).await
    };
    assert_eq!(told(NOW).await, (6, Some(9)));
    // Of the first endpoint one is on its way, and the others wait for their turn there.
    assert_eq!(claim(1).await.len(), 1);
    assert_eq!(told(NOW).await, (5, Some(5)));
    assert_eq!(claim(1).await.len(), 1);
    assert_eq!(told(NOW).await, (4, None));
    // Who held them is gone.
    assert_eq!(told(NOW + 2 * SECOND).await, (6, Some(9)));
}

async fn files_that_wait_for_those_before_them_are_not_told_as_due(db: TestDatabase) {
    let (workspace, _) = workspaces(&db).await;
    let spools = [Some(uuid(901)), Some(uuid(902)), None];
    write(&db, move |tx| {
        for n in 0..6 {
            let import = add_import(tx, workspace, n, spools[n as usize % 3])?;
            tx.enqueue(Job::ImportFile(import), NOW - (10 - n as i64) * SECOND, NOW)?;
        }
        Ok(())
    })
    .await;
    let told = async |now| {
        let told = read(&db, move |tx| tx.backlog(now)).await.swap_remove(1);
        (told.due, told.later, told.oldest_due.map(|at| (NOW - at) / SECOND))
    };
    let late = async |now| {
        let late = read(&db, move |tx| tx.overdue_jobs(now, NOW)).await;
        late.iter().map(|it| (it.unattended, it.behind, it.held)).collect::<Vec<_>>()
    };
    let mut seen = vec![(told(NOW).await, late(NOW).await)];
    for spool in spools {
        // The first of this spool. Whoever knows of no spool takes any: the one that is left.
        let taken = write(&db, move |tx| tx.claim_files(NOW, NOW + SECOND, 1, spool)).await[0].job;
        assert!(matches!(taken, Job::ImportFile(ImportId(1..=3))), "{taken:?}");
        seen.push((told(NOW).await, late(NOW).await));
    }
    let expected = [
        ((6, 0, Some(10)), vec![(6, 0, 0)]),
        ((5, 1, Some(9)), vec![(4, 1, 1)]),
        ((4, 2, Some(8)), vec![(2, 2, 2)]),
        ((3, 3, None), vec![(0, 3, 3)]),
    ];
    assert_eq!(seen, expected);
    // Who held them is gone.
    let gone = NOW + 2 * SECOND;
    assert_eq!(
        (told(gone).await.0, told(gone).await.2, late(gone).await),
        (6, Some(7), vec![(3, 0, 0)])
    );
}

async fn jobs_that_do_not_end_are_found(db: TestDatabase) {
    write(&db, |tx| {
        tx.enqueue(Job::SyncLink(LoadId(1)), NOW, NOW)?;
        let claimed = tx.claim_jobs(NOW, NOW + SECOND, 1)?;
        tx.reschedule_job(&claimed[0], NOW + 60 * SECOND, "retry_later timeout")?;
        tx.enqueue(Job::SyncLink(LoadId(2)), NOW, NOW)?;
        tx.enqueue(Job::SyncLink(LoadId(3)), NOW - 90 * SECOND, NOW)
    })
    .await;
    let failing = FailingJobs {
        kind: "sync_link".to_owned(),
        jobs: 1,
        tried: 1,
        failure: Some("retry_later timeout".to_owned()),
    };
    assert_eq!(read(&db, |tx| tx.failing_jobs(1)).await, [failing]);
    assert_eq!(read(&db, |tx| tx.failing_jobs(2)).await, []);
    let overdue = OverdueJobs { kind: "sync_link".to_owned(), unattended: 1, behind: 0, held: 0 };
    assert_eq!(read(&db, |tx| tx.overdue_jobs(NOW, NOW - 60 * SECOND)).await, [overdue]);
    assert_eq!(read(&db, |tx| tx.overdue_jobs(NOW, NOW - 90 * SECOND)).await, []);
}

async fn the_failure_told_is_of_the_job_that_was_tried_most(db: TestDatabase) {
    write(&db, |tx| {
        for load in [1, 2] {
            tx.enqueue(Job::SyncLink(LoadId(load)), NOW, NOW)?;
        }
        let claimed = tx.claim_jobs(NOW, NOW + SECOND, 2)?;
        tx.reschedule_job(&claimed[0], NOW, "a source is down")?;
        tx.reschedule_job(&claimed[1], NOW + SECOND, "zeal")?;
        let again = tx.claim_jobs(NOW, NOW + SECOND, 1)?;
        tx.reschedule_job(&again[0], NOW + SECOND, "a source is down")
    })
    .await;
    let expected = FailingJobs {
        kind: "sync_link".to_owned(),
        jobs: 2,
        tried: 2,
        failure: Some("a source is down".to_owned()),
    };
    assert_eq!(read(&db, |tx| tx.failing_jobs(1)).await, [expected]);
}

async fn deliveries_that_nobody_takes_are_found(db: TestDatabase) {
    let (workspace, foreign) = workspaces(&db).await;
    let late = async |before| read(&db, move |tx| tx.overdue_deliveries(NOW, before)).await;
    write(&db, move |tx| {
        for (n, workspace) in [(1, workspace), (2, foreign)] {
            let subject = person(tx, workspace, n)?.id;
            add_endpoint(tx, workspace, n + 20)?;
            emit_at(tx, workspace, subject, n + 30, NOW - 9 * SECOND)?;
            emit_at(tx, workspace, subject, n + 40, NOW - 8 * SECOND)?;
        }
        Ok(())
    })
    .await;
    assert_eq!((late(NOW - 9 * SECOND).await, late(NOW).await), (0, 4), "of all workspaces");
    // Somebody is at those of an endpoint of which one is held, until the lease ends.
    write(&db, |tx| tx.claim_deliveries(NOW - 8 * SECOND, NOW + SECOND, 1, 1, 1)).await;
    assert_eq!(late(NOW).await, 2);
    raw::run(&db, "update deliveries set due_at = due_at - 8000000 where leased = 1");
    assert_eq!(late(NOW).await, 4);
    // One is left in peace, the other is sent nothing.
    let held = format!("update webhook_endpoints set held_until = {NOW} where id = 1");
    raw::run(&db, &held);
    assert_eq!((late(NOW).await, late(NOW + 1).await), (2, 4));
    raw::run(&db, "update webhook_endpoints set disabled_at = 1 where id = 2");
    assert_eq!(late(NOW).await, 0);
}

async fn endpoints_are_counted_by_how_they_do(db: TestDatabase) {
    let (workspace, foreign) = workspaces(&db).await;
    assert_eq!(read(&db, |tx| tx.endpoint_counts()).await, EndpointCounts::default());
    write(&db, move |tx| {
        for n in 20..26 {
            let endpoint = add_endpoint(tx, if n % 2 == 0 { workspace } else { foreign }, n)?;
            if n > 22 {
                tx.endpoint_failed(endpoint, &sealed(n), NOW, 1, None)?;
            }
            if n == 25 {
                tx.disable_endpoint(endpoint, DisabledReason::Failing, NOW)?;
            }
        }
        Ok(())
    })
    .await;
    let counts = EndpointCounts { working: 3, failing: 2, disabled: 1 };
    assert_eq!(read(&db, |tx| tx.endpoint_counts()).await, counts);
}

async fn what_went_is_summed_over_workspaces(db: TestDatabase) {
    let (workspace, foreign) = workspaces(&db).await;
    write(&db, move |tx| {
        for (n, workspace) in [(1, workspace), (2, workspace), (3, foreign)] {
            let subject = person(tx, workspace, n)?.id;
            emit_at(tx, workspace, subject, n, NOW)?;
        }
        for (run, workspace) in [(NOW + 2, foreign), (NOW + 1, workspace)] {
            tx.remove_old(RetentionRule::Events, Some(workspace), NOW + 1, 100, run)?;
        }
        Ok(())
    })
    .await;
    let sums = read(&db, |tx| tx.retention_sums()).await;
    assert_eq!(sums, [(RetentionRule::Events, 3, NOW + 2)]);
}

async fn another_version_of_the_schema_is_noticed(db: TestDatabase) {
    assert_eq!(read(&db, |tx| tx.check_schema()).await, Schema::Own);
    let (data, vault) = match db.target {
        Target::Sqlite { .. } => ("data.refinery_schema_history", "main.refinery_schema_history"),
        Target::Postgres { .. } => {
            ("public.refinery_schema_history", "vault.refinery_vault_history")
        }
    };
    for (table, place) in [(vault, "the keys"), (data, "the data")] {
        let add = format!("insert into {table} (version, name) values (900, 'later')");
        raw::run(&db, &add);
        assert_eq!(read(&db, |tx| tx.check_schema()).await, Schema::Newer(900), "{place}");
        // As a migration says after which this program would do harm.
        raw::run(&db, "update oldest_program set version = 900");
        let found = db.store.read(|tx| tx.check_schema()).await;
        let Err(Error::Migration(why)) = found else { panic!("{found:?}") };
        assert_eq!(why, format!("{place} has version 900, made by a newer program; use that one"));
        raw::run(&db, "update oldest_program set version = 0");
        raw::run(&db, &format!("delete from {table} where version = 900"));
    }
    raw::run(&db, &format!("delete from {data} where version > 1"));
    let found = db.store.read(|tx| tx.check_schema()).await;
    let Err(Error::Migration(why)) = found else { panic!("{found:?}") };
    assert_eq!(why, "the data has the older version 1; migrate first");
    raw::run(&db, &format!("insert into {vault} (version, name) values (900, 'later')"));
    let found = db.store.read(|tx| tx.check_schema()).await;
    let Err(Error::Migration(why)) = found else { panic!("{found:?}") };
    assert_eq!(why, "the data has the older version 1; migrate first");
}

async fn a_server_has_a_clock(db: TestDatabase) {
    let first = read(&db, |tx| tx.database_time()).await;
    let second = read(&db, |tx| tx.database_time()).await;
    match db.target {
        Target::Sqlite { .. } => assert_eq!((first, second), (None, None)),
        Target::Postgres { .. } => assert!(first >= Some(NOW) && second >= first),
    }
}

async fn a_server_says_how_it_is_set_up(db: TestDatabase) {
    let found = read(&db, |tx| tx.database_server()).await;
    let Target::Postgres { .. } = db.target else { return assert_eq!(found, None) };
    let found = found.expect("a server");
    let setting = |name: &str| raw::rows(&db, &format!("select current_setting('{name}')"));
    let whole = setting("fsync") == ["on"] && setting("full_page_writes") == ["on"];
    assert_eq!(found.survives_crashes, whole);
    assert_eq!(found.waits_for_disk, setting("synchronous_commit") != ["off"]);
    assert!(found.connections > 0 && found.connections < found.most_connections, "{found:?}");
    let version = format!("{}.{} ", found.version / 10_000, found.version % 10_000);
    let told = setting("server_version").remove(0) + " ";
    assert!(told.starts_with(&version), "{version} is {told}");
}

async fn who_takes_no_writes_says_why(db: TestDatabase) {
    assert_eq!(read(&db, |tx| tx.read_only()).await, None);
    let Target::Postgres { .. } = db.target else { return };
    let name = raw::rows(&db, "select current_database()").remove(0);
    raw::run(&db, &format!("alter database {name} set default_transaction_read_only = on"));
    let store = Store::open(&db.target, &Options { postgres_lanes: 1, ..Options::default() });
    let store = store.expect("it opens");
    let found = store.read(|tx| tx.read_only()).await.expect("not read");
    assert_eq!(found, Some(ReadOnly::Setting));
    let written = |store: Store| async move { store.write(|tx| tx.begin_index_rotation()).await };
    let refused = written(store.clone()).await.expect_err("written");
    assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
    // The connection was given up, and the next one finds a database that takes writes.
    let mend = format!("alter database {name} set default_transaction_read_only = off");
    raw::run(&db, &format!("begin read write; {mend}; commit"));
    written(store.clone()).await.expect("not written");
    store.close().await;
}
