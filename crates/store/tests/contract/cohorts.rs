use crate::fixture::{
    ALL, NOW, SECOND, add_link, add_load, index, person, read, sealed, uuid, workspaces, write,
};
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    CohortCounts, CohortId, CohortResult, CohortRowState, CohortState, CohortWork, Erased, LoadId,
    LoadState, NewCohort, NewCohortRow, NewErasure, Resource, Result, RowEnd, Tx, WorkspaceId,
};

on_both_databases! {
    a_cohort_is_there_once_all_of_it_is,
    a_cohort_is_seen_by_its_workspace_only,
    rows_are_worked_on_from_the_longest_due,
    a_row_ends_once,
    rows_end_with_their_loads,
    what_is_cancelled_begins_nothing_more,
    a_cohort_ends_once_with_its_last_row,
    rows_of_an_erased_person_end,
    rows_of_people_erased_since_a_backup_end,
}

/// Cohort `n` with rows in these lines, about these people.
fn received(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    n: u64,
    rows: &[(i64, Option<u64>)],
) -> Result<CohortId> {
    let cohort = tx.insert_cohort(&NewCohort {
        uuid: uuid(n),
        workspace,
        quiet: n.is_multiple_of(2),
        defaults: "{}",
        created_at: NOW + n as i64,
    })?;
    let row = |&(line, person): &(i64, Option<u64>)| NewCohortRow {
        line,
        person: person.map(index),
        sealed: sealed(line.unsigned_abs()),
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    tx.insert_cohort_rows((workspace, cohort), &rows, NOW)?;
    Ok(cohort)
}

/// As [`received`], and its work has begun.
pub(crate) fn add_cohort(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    n: u64,
    rows: &[(i64, Option<u64>)],
) -> Result<CohortId> {
    let cohort = received(tx, workspace, n, rows)?;
    tx.begin_cohort(cohort)?;
    Ok(cohort)
}

/// A row that ended without a link.
pub(crate) fn ended(state: CohortRowState) -> RowEnd<'static> {
    RowEnd { state, link: None, code: Some("login_error"), field: Some("document") }
}

/// Begins work on one workspace's cohort `n`.
async fn begun(db: &TestDatabase, n: u64, lines: std::ops::Range<i64>) -> (WorkspaceId, CohortId) {
    let (here, _) = workspaces(db).await;
    let rows: Vec<_> = lines.map(|line| (line, Some(line.unsigned_abs()))).collect();
    (here, write(db, move |tx| add_cohort(tx, here, n, &rows)).await)
}

/// A load of a new link, for a row.
fn load(tx: &mut Tx<'_>, workspace: WorkspaceId, n: u64) -> Result<LoadId> {
    let subject = person(tx, workspace, n)?.id;
    let link = add_link(tx, workspace, subject, n)?;
    add_load(tx, workspace, subject, link, &[Resource::Owners])
}

async fn states(db: &TestDatabase, cohort: CohortId) -> Vec<CohortRowState> {
    let results = read(db, move |tx| tx.cohort_results(cohort, 0, 100)).await;
    results.iter().map(|result| result.state).collect()
}

async fn a_cohort_is_there_once_all_of_it_is(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let rows = [(2, None), (3, None)];
    let [first, second] =
        write(&db, move |tx| Ok([received(tx, here, 1, &rows)?, received(tx, here, 2, &rows)?]))
            .await;
    assert_eq!(read(&db, move |tx| tx.cohort(here, uuid(1))).await, None);
    assert_eq!(read(&db, move |tx| tx.cohorts(here, ALL)).await.count, 0);
    assert!(read(&db, move |tx| tx.open_cohorts(here)).await.is_empty());
    assert_eq!(read(&db, |tx| tx.stranded_cohorts(NOW + 2)).await, [first]);

    write(&db, move |tx| tx.begin_cohort(second)).await;
    for cohort in [first, second] {
        write(&db, move |tx| tx.drop_cohort(cohort)).await;
    }
    assert!(states(&db, first).await.is_empty());
    let cohort = read(&db, move |tx| tx.cohort(here, uuid(2))).await.expect("it was begun");
    assert_eq!((cohort.id, cohort.state, cohort.quiet), (second, CohortState::Running, true));
    assert_eq!(cohort.counts, CohortCounts { total: 2, ..CohortCounts::default() });
    assert_eq!((cohort.defaults.as_str(), cohort.created_at), ("{}", NOW + 2));
    assert_eq!(read(&db, move |tx| tx.open_cohorts(here)).await, [cohort]);
}

async fn a_cohort_is_seen_by_its_workspace_only(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        add_cohort(tx, here, 1, &[(2, None)])?;
        add_cohort(tx, here, 3, &[(2, None)])?;
        add_cohort(tx, there, 5, &[(2, None)])
    })
    .await;
    assert!(read(&db, move |tx| tx.cohort(there, uuid(1))).await.is_none());
    let page = read(&db, move |tx| tx.cohorts(here, ALL)).await;
    let found: Vec<_> = page.rows.iter().map(|cohort| cohort.uuid).collect();
    assert_eq!((page.count, found), (2, vec![uuid(3), uuid(1)]), "newest first");
    let open = read(&db, move |tx| tx.open_cohorts(here)).await;
    let open: Vec<_> = open.iter().map(|cohort| cohort.uuid).collect();
    assert_eq!(open, [uuid(1), uuid(3)], "oldest first");
}

async fn rows_are_worked_on_from_the_longest_due(db: TestDatabase) {
    let (_, cohort) = begun(&db, 1, 2..6).await;
    write(&db, move |tx| tx.postpone_cohort_row((cohort, 2), NOW + SECOND, 1)).await;
    let due = async |now, limit| {
        let rows = read(&db, move |tx| tx.due_cohort_rows(cohort, now, limit)).await;
        rows.iter().map(|row| (row.line, row.tries)).collect::<Vec<_>>()
    };
    assert_eq!(due(NOW, 2).await, [(3, 0), (4, 0)]);
    assert_eq!(due(NOW + SECOND, 9).await, [(3, 0), (4, 0), (5, 0), (2, 1)]);
    assert!(due(NOW - 1, 9).await.is_empty());
    let rows = read(&db, move |tx| tx.due_cohort_rows(cohort, NOW, 1)).await;
    assert_eq!(rows[0].sealed, sealed(3));
    let work = write(&db, move |tx| tx.settle_cohort(cohort, NOW)).await;
    assert_eq!(work, CohortWork { loading: 0, due_at: Some(NOW) });
}

async fn a_row_ends_once(db: TestDatabase) {
    let (here, cohort) = begun(&db, 1, 2..4).await;
    for (expected, state) in [(true, CohortRowState::Invalid), (false, CohortRowState::NoData)] {
        let end = move |tx: &mut Tx<'_>| tx.end_cohort_row((cohort, 2), &ended(state), NOW);
        assert_eq!(write(&db, end).await, expected, "{state}");
        let made = move |tx: &mut Tx<'_>| {
            let load = load(tx, here, 1 + u64::from(expected))?;
            tx.load_cohort_row((cohort, 3), uuid(7), load, true)
        };
        assert_eq!(write(&db, made).await, expected, "{state}");
    }
    let results = read(&db, move |tx| tx.cohort_results(cohort, 0, 1)).await;
    let invalid = CohortResult {
        line: 2,
        state: CohortRowState::Invalid,
        link: None,
        code: Some("login_error".to_owned()),
        field: Some("document".to_owned()),
    };
    assert_eq!(results, [invalid]);
    let results = read(&db, move |tx| tx.cohort_results(cohort, 2, 9)).await;
    assert_eq!((results.len(), results[0].link), (1, Some(uuid(7))), "those after the line");
    assert!(read(&db, move |tx| tx.due_cohort_rows(cohort, NOW, 9)).await.is_empty());
}

async fn rows_end_with_their_loads(db: TestDatabase) {
    let (here, cohort) = begun(&db, 1, 2..7).await;
    write(&db, move |tx| {
        for line in 2..7 {
            let load = load(tx, here, line)?;
            let line = line as i64;
            tx.load_cohort_row((cohort, line), uuid(7), load, line != 3)?;
            match line {
                2 | 3 => tx.finish_load(load, LoadState::Done, None, NOW)?,
                4 => tx.finish_load(load, LoadState::Failed, Some("down"), NOW)?,
                _ => true,
            };
        }
        let gone = tx.link(here, uuid(5))?.expect("a link");
        tx.delete_link(gone.id, gone.subject, NOW)?;
        Ok(())
    })
    .await;
    let work = write(&db, move |tx| tx.settle_cohort(cohort, NOW + 1)).await;
    assert_eq!(work, CohortWork { loading: 1, due_at: None });
    let results = read(&db, move |tx| tx.cohort_results(cohort, 0, 9)).await;
    let results: Vec<_> = results.iter().map(|it| (it.state, it.code.as_deref())).collect();
    use CohortRowState::{Failed, Loading, NoData, Ok as Filled};
    let failed = (Failed, Some("link_deleted"));
    let expected =
        [(Filled, None), (NoData, None), (Failed, Some("down")), failed, (Loading, None)];
    assert_eq!(results, expected);
    let counts = read(&db, move |tx| tx.open_cohorts(here)).await[0].counts;
    let expected =
        CohortCounts { total: 5, ok: 1, no_data: 1, failed: 2, ..CohortCounts::default() };
    assert_eq!(counts, expected);
}

async fn what_is_cancelled_begins_nothing_more(db: TestDatabase) {
    let (here, cohort) = begun(&db, 1, 2..5).await;
    let load = write(&db, move |tx| {
        let load = load(tx, here, 2)?;
        tx.load_cohort_row((cohort, 2), uuid(7), load, true)?;
        Ok(load)
    })
    .await;
    assert!(write(&db, move |tx| tx.cancel_cohort(cohort, NOW)).await);
    assert!(!write(&db, move |tx| tx.cancel_cohort(cohort, NOW)).await, "it was already");
    let late = move |tx: &mut Tx<'_>| tx.load_cohort_row((cohort, 3), uuid(8), load, true);
    assert!(!write(&db, late).await);
    assert!(write(&db, move |tx| tx.finish_cohort(cohort, NOW)).await.is_none(), "one is loading");
    write(&db, move |tx| {
        tx.finish_load(load, LoadState::Done, None, NOW)?;
        tx.settle_cohort(cohort, NOW)
    })
    .await;
    let finished = write(&db, move |tx| tx.finish_cohort(cohort, NOW + 1)).await.expect("the end");
    assert_eq!((finished.state, finished.finished_at), (CohortState::Cancelled, Some(NOW + 1)));
    let counts = CohortCounts { total: 3, ok: 1, cancelled: 2, ..CohortCounts::default() };
    assert_eq!(finished.counts, counts);
}

async fn a_cohort_ends_once_with_its_last_row(db: TestDatabase) {
    let (here, cohort) = begun(&db, 1, 2..3).await;
    assert!(write(&db, move |tx| tx.finish_cohort(cohort, NOW)).await.is_none());
    write(&db, move |tx| tx.end_cohort_row((cohort, 2), &ended(CohortRowState::NoData), NOW)).await;
    let finished = write(&db, move |tx| tx.finish_cohort(cohort, NOW)).await.expect("the end");
    assert_eq!(finished.state, CohortState::Finished);
    assert!(write(&db, move |tx| tx.finish_cohort(cohort, NOW)).await.is_none(), "told once");
    assert!(!write(&db, move |tx| tx.cancel_cohort(cohort, NOW)).await);
    assert!(read(&db, move |tx| tx.open_cohorts(here)).await.is_empty());
}

async fn rows_of_an_erased_person_end(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let [cohort, foreign] = write(&db, move |tx| {
        let rows = [(2, Some(1)), (3, Some(2)), (4, Some(1)), (5, None)];
        Ok([add_cohort(tx, here, 1, &rows)?, add_cohort(tx, there, 2, &rows)?])
    })
    .await;
    let about = || read(&db, move |tx| tx.cohort_rows_about(here, &index(1)));
    let lines: Vec<_> = about().await.iter().map(|(_, line, _)| *line).collect();
    assert_eq!(lines, [2, 4]);
    assert_eq!(write(&db, move |tx| tx.erase_cohort_rows(here, &index(1), NOW)).await, 2);
    assert_eq!(about().await, []);
    assert_eq!(write(&db, move |tx| tx.erase_cohort_rows(here, &index(1), NOW)).await, 0);
    use CohortRowState::{Invalid, Waiting};
    assert_eq!(states(&db, cohort).await, [Invalid, Waiting, Invalid, Waiting]);
    assert_eq!(states(&db, foreign).await, [Waiting; 4]);
    let results = read(&db, move |tx| tx.cohort_results(cohort, 0, 1)).await;
    assert_eq!(results[0].code.as_deref(), Some("erased"));
}

async fn rows_of_people_erased_since_a_backup_end(db: TestDatabase) {
    let (here, cohort) = begun(&db, 1, 2..5).await;
    write(&db, move |tx| {
        for (n, at) in [(2, NOW + SECOND), (3, NOW - SECOND)] {
            tx.insert_erasure(&NewErasure {
                uuid: uuid(n),
                workspace: here,
                person: &index(n),
                erased: Erased::default(),
                erased_at: at,
            })?;
        }
        tx.finish_erasures(9)
    })
    .await;
    use CohortRowState::{Invalid, Waiting};
    assert_eq!(states(&db, cohort).await, [Invalid, Waiting, Waiting], "3 came back on purpose");
}
