use crate::cohorts::{add_cohort, ended};
use crate::fixture::{NOW, SECOND, index, read, workspaces, write};
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    CohortId, CohortRowState, LeftRow, NewSourceJob, Result, SourceJobId, SourceJobSight, Tx,
    WorkspaceId,
};

on_both_databases! {
    a_job_asks_about_its_rows_until_they_leave_it,
    a_job_is_seen_until_it_ends,
    rows_that_leave_a_job_are_asked_about_as_it_says,
    what_jobs_may_cost_is_reserved,
}

pub(crate) fn begin(
    tx: &mut Tx<'_>,
    (workspace, cohort): (WorkspaceId, CohortId),
    lines: &[i64],
    at: i64,
) -> Result<SourceJobId> {
    let job = NewSourceJob {
        workspace,
        cohort,
        source: "ach",
        reserved: 300 * lines.len() as i64,
        months_ahead: 2,
        submitted_at: at,
        due_at: at + SECOND,
    };
    Ok(tx.begin_source_job(&job, lines)?.0)
}

/// A cohort about people 2, 3 and 4, in lines with their numbers.
async fn begun(db: &TestDatabase) -> (WorkspaceId, WorkspaceId, CohortId) {
    let (here, there) = workspaces(db).await;
    let rows: Vec<_> = (2..5_i64).map(|line| (line, Some(line.unsigned_abs()))).collect();
    (here, there, write(db, move |tx| add_cohort(tx, here, 1, &rows)).await)
}

async fn due(db: &TestDatabase, cohort: CohortId) -> Vec<(i64, i64, bool)> {
    let rows = read(db, move |tx| tx.due_cohort_rows(cohort, NOW + SECOND, 9)).await;
    rows.iter().map(|row| (row.line, row.submissions, row.alone)).collect()
}

async fn a_job_asks_about_its_rows_until_they_leave_it(db: TestDatabase) {
    let (here, there, cohort) = begun(&db).await;
    let job = write(&db, move |tx| {
        tx.end_cohort_row((cohort, 4), &ended(CohortRowState::Invalid), NOW)?;
        begin(tx, (here, cohort), &[2, 3, 4], NOW)
    })
    .await;
    // A row is in one job at a time.
    let other = write(&db, move |tx| begin(tx, (here, cohort), &[3], NOW + 1)).await;
    let none = write(&db, move |tx| {
        let job = NewSourceJob {
            workspace: here,
            cohort,
            source: "ach",
            reserved: 0,
            months_ahead: 0,
            submitted_at: NOW,
            due_at: NOW,
        };
        Ok::<_, vinculo_store::Error>(tx.begin_source_job(&job, &[2, 3, 4, 9])?.1)
    });
    assert_eq!(none.await, Vec::<i64>::new(), "they are in the first, or do not wait");
    let rows = read(&db, move |tx| tx.source_job_rows(job)).await;
    let lines: Vec<_> = rows.iter().map(|row| (row.line, row.submissions)).collect();
    assert_eq!(lines, [(2, 1), (3, 1)]);
    assert!(read(&db, move |tx| tx.source_job_rows(other)).await.is_empty());
    assert!(due(&db, cohort).await.is_empty(), "they are not due without it");
    for (workspace, person, is_in) in
        [(here, 2, true), (here, 4, false), (here, 9, false), (there, 2, false)]
    {
        let found = read(&db, move |tx| tx.is_in_source_job(workspace, &index(person))).await;
        assert_eq!(found, is_in, "{person}");
    }
    // A job without rows ends when its workspace's are looked at.
    let open = write(&db, move |tx| tx.open_source_jobs(here, NOW)).await;
    assert_eq!(open.iter().map(|job| job.id).collect::<Vec<_>>(), [job]);
    assert!(write(&db, move |tx| tx.open_source_jobs(there, NOW)).await.is_empty());
    write(&db, move |tx| tx.postpone_cohort_row((cohort, 2), NOW, 1)).await;
    assert_eq!(due(&db, cohort).await, [(2, 1, false)]);
    write(&db, move |tx| tx.end_cohort_row((cohort, 3), &ended(CohortRowState::Failed), NOW)).await;
    assert!(write(&db, move |tx| tx.open_source_jobs(here, NOW)).await.is_empty());
}

async fn a_job_is_seen_until_it_ends(db: TestDatabase) {
    let (here, _, cohort) = begun(&db).await;
    let (first, second) = write(&db, move |tx| {
        let first = begin(tx, (here, cohort), &[2], NOW)?;
        Ok::<_, vinculo_store::Error>((first, begin(tx, (here, cohort), &[3, 4], NOW + 1)?))
    })
    .await;
    let sight = |looks, finished, due_at| SourceJobSight {
        looks,
        finished,
        expires_at: finished.then_some(NOW + 9 * SECOND),
        due_at,
    };
    let named = async |name: &'static str| {
        let seen = sight(0, false, NOW + 5 * SECOND);
        write(&db, move |tx| tx.name_source_job(first, name, seen)).await
    };
    assert!(named("A-1").await);
    assert!(!named("A-2").await, "it has a name");
    let open = write(&db, move |tx| tx.open_source_jobs(here, NOW)).await;
    assert_eq!(
        open.iter().map(|job| job.id).collect::<Vec<_>>(),
        [second, first],
        "as they are due"
    );
    assert_eq!((open[0].reference.as_deref(), open[1].reference.as_deref()), (None, Some("A-1")));
    assert_eq!((open[0].reserved, open[0].months_ahead, open[0].looks), (600, 2, 0));
    assert_eq!(
        (open[1].source.as_str(), open[1].submitted_at, open[1].cohort),
        ("ach", NOW, cohort)
    );

    write(&db, move |tx| tx.see_source_job(first, sight(3, true, NOW))).await;
    let open = write(&db, move |tx| tx.open_source_jobs(here, NOW)).await;
    assert_eq!((open[0].id, open[0].looks, open[0].finished), (first, 3, true));
    assert_eq!((open[0].expires_at, open[0].due_at), (Some(NOW + 9 * SECOND), NOW));

    // It ends once no row waits for it, and is not looked at any more.
    write(&db, move |tx| tx.settle_source_job(first, 300, NOW)).await;
    assert_eq!(write(&db, move |tx| tx.open_source_jobs(here, NOW)).await.len(), 2);
    write(&db, move |tx| {
        tx.leave_source_job((cohort, 2), LeftRow::Again, NOW)?;
        tx.settle_source_job(first, 0, NOW)?;
        tx.see_source_job(first, sight(4, true, NOW))
    })
    .await;
    let open = write(&db, move |tx| tx.open_source_jobs(here, NOW)).await;
    assert_eq!(open.iter().map(|job| job.id).collect::<Vec<_>>(), [second]);
    assert!(!named("A-3").await, "nobody waits for it");
}

async fn rows_that_leave_a_job_are_asked_about_as_it_says(db: TestDatabase) {
    let (here, _, cohort) = begun(&db).await;
    write(&db, move |tx| {
        begin(tx, (here, cohort), &[2, 3, 4], NOW)?;
        tx.leave_source_job((cohort, 2), LeftRow::Again, NOW)?;
        tx.leave_source_job((cohort, 3), LeftRow::Alone, NOW)?;
        tx.leave_source_job((cohort, 4), LeftRow::Unasked, NOW + 2 * SECOND)
    })
    .await;
    assert_eq!(due(&db, cohort).await, [(2, 1, false), (3, 1, true)]);
    write(&db, move |tx| {
        begin(tx, (here, cohort), &[2], NOW)?;
        tx.ask_alone(cohort)
    })
    .await;
    let rows = read(&db, move |tx| tx.due_cohort_rows(cohort, NOW + 2 * SECOND, 9)).await;
    let rows: Vec<_> = rows.iter().map(|row| (row.line, row.submissions, row.alone)).collect();
    assert_eq!(rows, [(3, 1, true), (4, 0, true)], "those that are in no job");
}

async fn what_jobs_may_cost_is_reserved(db: TestDatabase) {
    let (here, _, cohort) = begun(&db).await;
    let (old, new) = write(&db, move |tx| {
        let old = begin(tx, (here, cohort), &[2], NOW)?;
        Ok::<_, vinculo_store::Error>((old, begin(tx, (here, cohort), &[3, 4], NOW + SECOND)?))
    })
    .await;
    let reserved = async |from: i64, source: &'static str| {
        read(&db, move |tx| tx.source_reserved(source, from)).await
    };
    assert_eq!((reserved(NOW, "ach").await, reserved(NOW, "agil_data").await), (900, 0));
    assert_eq!(reserved(NOW + SECOND, "ach").await, 900, "as long as it goes on");
    write(&db, move |tx| {
        tx.leave_source_job((cohort, 2), LeftRow::Again, NOW)?;
        tx.settle_source_job(old, 100, NOW)?;
        tx.settle_source_job(new, 400, NOW)
    })
    .await;
    assert_eq!(reserved(NOW, "ach").await, 500);
    assert_eq!(reserved(NOW + SECOND, "ach").await, 400, "of another month");
}
