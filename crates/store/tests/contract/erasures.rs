use crate::consents::add_consent;
use crate::contributions::line;
use crate::fixture::{
    NOW, SECOND, add_endpoint, add_link, add_load, emit_at, index, person, read, sealed, uuid,
    workspaces, wrapped, write,
};
use crate::imports::{identity, loading};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    AttemptRecord, DeliveryState, Erased, Erasure, ImportId, Job, NewErasure, NewKeptAnswer,
    NewObject, NewPayer, NewSourceCall, Origin, Purpose, Resource, Result, SubjectId, Target, Tx,
    Unopened, WorkspaceId,
};

on_both_databases! {
    nothing_of_an_erased_person_is_left,
    who_is_not_known_is_not_erased,
    what_is_left_without_a_key_is_finished,
    who_has_neither_key_nor_receipt_is_counted,
    a_person_who_comes_back_after_a_restore_begins_anew,
    an_erased_person_is_told_apart_until_admitted,
}

/// What is known about person `n`: something in every table that can hold it.
fn fill(tx: &mut Tx<'_>, workspace: WorkspaceId, n: u64) -> Result<SubjectId> {
    let subject = person(tx, workspace, n)?.id;
    let link = add_link(tx, workspace, subject, 10 * n)?;
    let resources = [Resource::Employments, Resource::Owners];
    let load = add_load(tx, workspace, subject, link, &resources)?;
    tx.enqueue(Job::SyncLink(load), NOW, NOW)?;
    for resource in resources {
        let object = NewObject {
            uuid: uuid(100 * n),
            workspace,
            subject,
            link,
            object: index(7),
            created_at: NOW,
            collected_at: NOW,
            sealed: sealed(1),
        };
        tx.put_objects(resource, link, &[object])?;
    }
    tx.insert_contributions(&[
        line(workspace, subject, Origin::Answer, 1, 1),
        line(workspace, subject, Origin::Planilla, 1, 1),
    ])?;
    for (call, subject) in [(1, Some(subject)), (2, None)] {
        let (document, payload) = (index(n), sealed(3));
        tx.insert_source_call(&NewSourceCall {
            uuid: uuid(1000 * n + call),
            workspace,
            subject,
            document: &document,
            source: "ach",
            purpose: Purpose::Check,
            outcome: "resolved",
            reason: None,
            http_status: Some(200),
            raw_code: None,
            duration_us: 1,
            billed: "yes",
            cost: 0,
            kind: vinculo_store::CallKind::Individual,
            payload: subject.is_some().then_some(&payload),
            created_at: NOW,
            consent: Some(uuid(n)),
        })?;
    }
    add_consent(tx, workspace, subject, n)?;
    tx.put_payer(&NewPayer {
        workspace,
        payer: &index(900 + n),
        subject,
        import: ImportId(1),
        updated_at: NOW,
        sealed: &sealed(4),
    })?;
    tx.keep_answer(
        &NewKeptAnswer {
            workspace,
            key: &index(800 + n),
            request: &index(801),
            subject: Some(subject),
            link: None,
            status: 201,
            body: &sealed(5),
            created_at: NOW,
        },
        0,
    )?;
    for event in [1, 2] {
        emit_at(tx, workspace, subject, 10_000 * n + event, NOW)?;
    }
    Ok(subject)
}

/// One webhook of the first event was tried.
fn try_one(tx: &mut Tx<'_>) -> Result<()> {
    let claimed = tx.claim_deliveries(NOW, NOW + SECOND, 1, 1, 1)?;
    let delivered = tx.record_attempt(
        &AttemptRecord {
            claim: claimed[0].claim,
            started_at: NOW,
            duration_us: 1,
            status: Some(200),
            failure: None,
            excerpt: Some(&sealed(6)),
            state: DeliveryState::Delivered,
            due_at: NOW,
        },
        NOW,
    )?;
    assert!(delivered);
    Ok(())
}

/// Every table with this column, the keys' too.
fn tables_with(db: &TestDatabase, column: &str) -> Vec<String> {
    let sql = match &db.target {
        Target::Sqlite { .. } => format!(
            "select m.name from (select name from data.sqlite_master where type = 'table' \
             union all select name from main.sqlite_master where type = 'table') m \
             where exists (select 1 from pragma_table_info(m.name) c where c.name = '{column}') \
             order by m.name"
        ),
        Target::Postgres { .. } => format!(
            "select table_name from information_schema.columns \
             where table_schema in ('public', 'vault') and column_name = '{column}' \
             order by table_name"
        ),
    };
    raw::rows(db, &sql)
}

/// Rows about a subject in every table that can have some.
fn rows_about(db: &TestDatabase, subject: SubjectId) -> Vec<(String, i64)> {
    let tables = tables_with(db, "subject_id");
    assert!(tables.len() >= 11, "{tables:?}");
    let mut all: Vec<(String, String)> = tables
        .into_iter()
        .map(|table| (table.clone(), format!("{table} where subject_id = {}", subject.0)))
        .collect();
    all.push(("subjects".to_owned(), format!("subjects where id = {}", subject.0)));
    let key = format!("data_keys where owner_kind = 'subject' and owner_id = {}", subject.0);
    all.push(("data_keys".to_owned(), key));
    all.into_iter()
        .map(|(table, clause)| {
            let count = raw::rows(db, &format!("select count(*) from {clause}"));
            (table, count[0].parse().expect("a number"))
        })
        .collect()
}

async fn nothing_of_an_erased_person_is_left(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let subjects = write(&db, move |tx| {
        add_endpoint(tx, here, 5)?;
        let subjects = [fill(tx, here, 50)?, fill(tx, here, 51)?, fill(tx, there, 50)?];
        try_one(tx)?;
        Ok(subjects)
    })
    .await;
    let [erased, neighbour, elsewhere] = subjects;
    for (table, count) in rows_about(&db, erased) {
        assert!(count > 0, "{table}: nothing to be erased, so that nothing would be noticed");
    }
    let others = [rows_about(&db, neighbour), rows_about(&db, elsewhere)];

    let done = write(&db, move |tx| tx.erase_person(here, &index(50))).await;
    let expected =
        Erased { links: 1, objects: 2, contributions: 2, source_calls: 2, deliveries: 1 };
    assert_eq!(done, Some(expected));
    for (table, count) in rows_about(&db, erased) {
        assert_eq!(count, 0, "{table}");
    }
    assert_eq!([rows_about(&db, neighbour), rows_about(&db, elsewhere)], others);
    // What was asked and billed is still counted, for nobody.
    let asked = raw::rows(&db, "select count(*) from source_calls where billed = 'yes'");
    assert_eq!(asked, ["6"]);
    assert_eq!(read(&db, move |tx| tx.count_source_calls(here, &index(50))).await, 0);
    assert_eq!(read(&db, move |tx| tx.count_source_calls(there, &index(50))).await, 2);
    let payloads =
        "select count(*) from source_calls where subject_id is null and sealed_payload is not null";
    assert_eq!(raw::rows(&db, payloads), ["0"]);
    let consents = "select count(*) from source_calls where consent is null";
    assert_eq!(raw::rows(&db, consents), ["2"], "nor does a consent lead to the person");
    assert_eq!(read(&db, |tx| tx.pending_work()).await, 2 + 2, "jobs and deliveries of others");

    let again = write(&db, move |tx| tx.erase_person(here, &index(50))).await;
    assert_eq!(again, None);
}

/// Lets somebody be erased while a transaction of an import that has begun by `begin` goes on with `then`: what is
/// left of lines. On PostgreSQL: on SQLite one comes after the other anyway.
async fn lines_after_an_erasure_beside(
    begin: fn(&mut Tx<'_>, ImportId) -> Result<()>,
    then: fn(&mut Tx<'_>, WorkspaceId, ImportId) -> Result<u64>,
) -> Vec<String> {
    let db = TestDatabase::postgres();
    let (here, _) = workspaces(&db).await;
    let import = write(&db, move |tx| {
        person(tx, here, 50)?;
        let import = loading(tx, here, 1, &identity(Some(1), None))?;
        tx.enqueue(Job::ImportFile(import), NOW, NOW)?;
        Ok(import)
    })
    .await;
    let (begun, begins) = tokio::sync::oneshot::channel();
    let (go_on, goes_on) = std::sync::mpsc::channel::<()>();
    let store = db.store.clone();
    let work = move |tx: &mut Tx<'_>| {
        begin(tx, import)?;
        assert_eq!(tx.erased_people(here, [index(9)])?, [false]);
        begun.send(()).expect("nobody listens");
        goes_on.recv().expect("the test has ended");
        then(tx, here, import)
    };
    let working = tokio::spawn(async move { store.write(work).await });
    begins.await.expect("not begun");
    let store = db.store.clone();
    let erase = move |tx: &mut Tx<'_>| {
        let erased = tx.erase_person(here, &index(50))?.unwrap_or_default();
        let (uuid, person, erased_at) = (uuid(8), &index(9), NOW);
        tx.insert_erasure(&NewErasure { uuid, workspace: here, person, erased, erased_at })
    };
    let erasing = tokio::spawn(async move { store.write(erase).await });
    let waits = "select pid from pg_stat_activity where datname = current_database() \
         and wait_event_type = 'Lock'";
    while !erasing.is_finished() && raw::rows(&db, waits).is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    go_on.send(()).expect("the work has ended");
    working.await.expect("it panicked").expect("not written");
    erasing.await.expect("it panicked").expect("not erased");
    raw::rows(&db, "select count(*) from subjects union all select count(*) from contributions")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_are_being_stored_do_not_outlive_an_erasure() {
    let store = |tx: &mut Tx<'_>, here: WorkspaceId, import: ImportId| -> Result<u64> {
        let subject = tx.subject(here, &index(50))?.map_or(SubjectId(1), |subject| subject.id);
        tx.insert_contributions(&[line(here, subject, Origin::Planilla, import.0, 1)])
    };
    let begin = |tx: &mut Tx<'_>, import: ImportId| -> Result<()> {
        assert!(tx.progress_import(import, 0, 1)?);
        Ok(())
    };
    assert_eq!(lines_after_an_erasure_beside(begin, store).await, ["0", "0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_becomes_known_by_an_import_does_not_outlive_an_erasure() {
    let make = |tx: &mut Tx<'_>, here: WorkspaceId, _: ImportId| -> Result<u64> {
        Ok(tx.ensure_subjects(here, &[(index(50), wrapped(1))], NOW)?.len() as u64)
    };
    let begin = |tx: &mut Tx<'_>, import: ImportId| tx.hold_import(import);
    assert_eq!(lines_after_an_erasure_beside(begin, make).await, ["0", "0"]);
}

async fn who_is_not_known_is_not_erased(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    assert_eq!(write(&db, move |tx| tx.erase_person(here, &index(50))).await, None);
    // Somebody who was asked about and refused is known by that question alone.
    write(&db, move |tx| {
        fill(tx, here, 51)?;
        tx.erase_person(here, &index(52))
    })
    .await;
    raw::run(&db, "delete from subjects");
    let erased = write(&db, move |tx| tx.erase_person(here, &index(51))).await;
    assert_eq!(erased, Some(Erased { source_calls: 2, ..Erased::default() }));
}

async fn what_is_left_without_a_key_is_finished(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let subjects = write(&db, move |tx| {
        [50, 51, 52].into_iter().map(|n| fill(tx, here, n)).collect::<Result<Vec<_>>>()
    })
    .await;
    let (gone, stays) = (&subjects[..2], subjects[2]);
    let keys = "delete from data_keys where owner_kind = 'subject' and owner_id in";
    raw::run(&db, &format!("{keys} ({}, {})", gone[0].0, gone[1].0));
    let before = rows_about(&db, stays);
    for expected in [1, 1, 0] {
        assert_eq!(write(&db, |tx| tx.finish_erasures(1)).await, expected);
    }
    for subject in gone {
        assert!(rows_about(&db, *subject).iter().all(|(_, count)| *count == 0));
    }
    assert_eq!(rows_about(&db, stays), before);
}

async fn who_has_neither_key_nor_receipt_is_counted(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let unopened = || read(&db, |tx| tx.unopened());
    let youngest = || read(&db, |tx| tx.youngest_is_unopened());
    assert!(!youngest().await, "there is nobody");
    let people = |people| Unopened { people, workspaces: 0 };
    let subjects = write(&db, move |tx| {
        [50, 51, 52].into_iter().map(|n| Ok(person(tx, here, n)?.id)).collect::<Result<Vec<_>>>()
    })
    .await;
    let receipt = |workspace, n, at| {
        write(&db, move |tx| {
            tx.insert_erasure(&NewErasure {
                uuid: uuid(n),
                workspace,
                person: &index(n),
                erased: Erased::default(),
                erased_at: at,
            })
        })
    };
    // An earlier erasure explains nobody, nor does one of another workspace.
    receipt(here, 70, NOW - 1).await;
    receipt(there, 71, NOW + 1).await;
    assert_eq!(unopened().await, people(0));
    let lose = |subject: SubjectId| {
        let key = "data_keys where owner_kind = 'subject' and owner_id";
        raw::run(&db, &format!("delete from {key} = {}", subject.0));
    };
    lose(subjects[0]);
    assert_eq!(unopened().await, people(1));
    receipt(here, 72, NOW).await;
    assert_eq!(unopened().await, people(0));
    lose(subjects[1]);
    assert_eq!(unopened().await, people(1), "a receipt is of one person");
    // The receipt of an older person is left for that one, when another explains the younger.
    let id = subjects[0].0;
    raw::run(&db, &format!("update subjects set created_at = {} where id = {id}", NOW - 5));
    assert_eq!(unopened().await, people(0), "the earlier erasure may be the older person's");
    assert!(!youngest().await, "the youngest has a key");
    lose(subjects[2]);
    assert!(!youngest().await, "the youngest may have been erased");
    let id = subjects[2].0;
    raw::run(&db, &format!("update subjects set created_at = {} where id = {id}", NOW + 1));
    assert!(youngest().await, "who came after every erasure was not erased");
    receipt(here, 73, NOW + 1).await;
    assert!(!youngest().await);
    let of_one = format!("data_keys where owner_kind = 'workspace' and owner_id = {}", there.0);
    raw::run(&db, &format!("delete from {of_one}"));
    assert_eq!(unopened().await, Unopened { people: 0, workspaces: 1 });
}

async fn a_person_who_comes_back_after_a_restore_begins_anew(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let old = write(&db, move |tx| fill(tx, here, 50)).await;
    raw::run(&db, "delete from data_keys where owner_kind = 'subject'");
    let new = write(&db, move |tx| tx.ensure_subject(here, &index(50), &wrapped(9), NOW)).await;
    assert!(new.key == wrapped(9));
    assert_ne!(new.id, old, "what the old key sealed is not taken for the new one's");
    assert!(rows_about(&db, old).iter().all(|(_, count)| *count == 0));
}

async fn an_erased_person_is_told_apart_until_admitted(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let asked = |workspace| {
        read(&db, move |tx| tx.erased_people(workspace, [index(1), index(2), index(3)]))
    };
    assert_eq!(asked(here).await, [false; 3]);
    assert_eq!(read(&db, move |tx| tx.erasure(here, &index(2))).await, None);
    let erased = Erased { links: 1, objects: 2, contributions: 3, source_calls: 4, deliveries: 5 };
    let record = |n, at| {
        write(&db, move |tx| {
            tx.insert_erasure(&NewErasure {
                uuid: uuid(n),
                workspace: here,
                person: &index(2),
                erased,
                erased_at: at,
            })
        })
    };
    record(70, NOW).await;
    assert_eq!(asked(here).await, [false, true, false]);
    assert_eq!(asked(there).await, [false; 3]);
    let receipt = Erasure { uuid: uuid(70), erased, erased_at: NOW, admitted_at: None };
    assert_eq!(read(&db, move |tx| tx.erasure(here, &index(2))).await, Some(receipt.clone()));
    assert_eq!(read(&db, move |tx| tx.erasure(there, &index(2))).await, None);

    let admit = |workspace, at| write(&db, move |tx| tx.admit_person(workspace, &index(2), at));
    assert!(!admit(there, NOW + 1).await);
    assert!(admit(here, NOW + 2).await);
    assert!(!admit(here, NOW + 3).await, "once is enough");
    assert_eq!(asked(here).await, [false; 3]);
    let admitted = Erasure { admitted_at: Some(NOW + 2), ..receipt };
    assert_eq!(read(&db, move |tx| tx.erasure(here, &index(2))).await, Some(admitted));

    record(71, NOW + 4).await;
    assert_eq!(asked(here).await, [false, true, false], "erased a second time");
    let newest = read(&db, move |tx| tx.erasure(here, &index(2))).await.expect("a receipt");
    assert_eq!((newest.uuid, newest.admitted_at), (uuid(71), None));
}
