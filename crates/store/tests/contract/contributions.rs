use crate::fixture::{
    NOW, add_import, index, person, read, refused, sealed, uuid, workspaces, wrapped, write,
};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    Batch, Error, ImportId, NewContribution, NewPayer, NewSourceCall, Origin, StoredContribution,
    SubjectId, Tx, WorkspaceId,
};

on_both_databases! {
    lines_come_back_as_stored,
    no_lines_are_fine,
    a_line_is_stored_once,
    planilla_lines_count_once_accepted,
    the_newest_answer_of_a_source_stands,
    answers_of_one_source_leave_those_of_another,
    batches_say_where_lines_came_from,
    payers_are_found_by_the_lines_of_a_person,
}

pub(crate) fn line(
    workspace: WorkspaceId,
    subject: SubjectId,
    origin: Origin,
    batch: i64,
    line: i64,
) -> NewContribution {
    NewContribution {
        workspace,
        subject,
        origin,
        batch,
        line,
        payer: index(70),
        period: 202_601,
        planilla_type: None,
        sealed: sealed(line.unsigned_abs()),
    }
}

fn places(lines: &[StoredContribution]) -> Vec<(Origin, i64, i64)> {
    lines.iter().map(|line| (line.origin, line.batch, line.line)).collect()
}

async fn lines_come_back_as_stored(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (subject, other) = write(&db, move |tx| {
        let (subject, other) = (person(tx, here, 50)?.id, person(tx, here, 51)?.id);
        let ach = |subject, batch, n| line(here, subject, Origin::Answer, batch, n);
        let typed = NewContribution { planilla_type: Some("E".to_owned()), ..ach(subject, 2, 1) };
        let lines = [typed, ach(subject, 1, 2), ach(subject, 1, 1), ach(other, 1, 9)];
        assert_eq!(tx.insert_contributions(&lines)?, 4);
        Ok((subject, other))
    })
    .await;
    let lines = read(&db, move |tx| tx.contributions(subject)).await;
    assert_eq!(
        places(&lines),
        [(Origin::Answer, 1, 1), (Origin::Answer, 1, 2), (Origin::Answer, 2, 1)]
    );
    assert_eq!(lines[1].sealed, sealed(2));
    assert_eq!(read(&db, move |tx| tx.contributions(other)).await.len(), 1);
    let typed = "select period, planilla_type from contributions where batch_id = 2";
    assert_eq!(raw::rows(&db, typed), ["202601|E"]);
}

async fn no_lines_are_fine(db: TestDatabase) {
    assert_eq!(write(&db, |tx| tx.insert_contributions(&[])).await, 0);
}

async fn a_line_is_stored_once(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let subject = write(&db, move |tx| person(tx, here, 50)).await.id;
    let add = move |origin, numbers: &'static [i64]| {
        move |tx: &mut Tx<'_>| {
            let lines: Vec<_> =
                numbers.iter().map(|n| line(here, subject, origin, 1, *n)).collect();
            tx.insert_contributions(&lines)
        }
    };
    write(&db, add(Origin::Answer, &[1])).await;
    let error = refused(&db, add(Origin::Answer, &[2, 1])).await;
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    write(&db, add(Origin::Planilla, &[1])).await;
    assert_eq!(raw::rows(&db, "select count(*) from contributions"), ["2"]);
}

async fn planilla_lines_count_once_accepted(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let (subject, batch) = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        // The same person elsewhere, without lines.
        person(tx, there, 50)?;
        let batch = add_import(tx, here, 1, None)?.0;
        let planilla = line(here, subject, Origin::Planilla, batch, 1);
        tx.insert_contributions(&[planilla, line(here, subject, Origin::Answer, batch, 7)])?;
        Ok((subject, batch))
    })
    .await;
    let has = move |workspace| move |tx: &mut Tx<'_>| tx.has_planilla_lines(workspace, &index(50));
    for state in vinculo_store::ImportState::ALL {
        raw::run(&db, &format!("update imports set state = '{state}'"));
        let counts = *state == vinculo_store::ImportState::Accepted;
        let lines = read(&db, move |tx| tx.contributions(subject)).await;
        let ach = (Origin::Answer, batch, 7);
        let expected = if counts { vec![ach, (Origin::Planilla, batch, 1)] } else { vec![ach] };
        assert_eq!(places(&lines), expected, "{state}");
        assert_eq!(read(&db, has(here)).await, counts, "{state}");
        assert!(!read(&db, has(there)).await, "{state}");
    }
    raw::run(&db, "update imports set state = 'accepted'");
    assert!(!read(&db, move |tx| tx.has_planilla_lines(here, &index(51))).await);
    // An operator's answer is no planilla, even when its number is that of an accepted import.
    raw::run(&db, "delete from contributions where origin = 'planilla'");
    assert!(!read(&db, has(here)).await);
}

async fn the_newest_answer_of_a_source_stands(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (subject, other) = write(&db, move |tx| {
        let (subject, other) = (person(tx, here, 50)?.id, person(tx, here, 51)?.id);
        let all = [
            line(here, subject, Origin::Answer, 1, 1),
            line(here, subject, Origin::Answer, 2, 1),
            line(here, subject, Origin::Planilla, 1, 1),
            line(here, other, Origin::Answer, 1, 1),
        ];
        tx.insert_contributions(&all)?;
        Ok((subject, other))
    })
    .await;
    assert_eq!(write(&db, move |tx| tx.drop_contributions(subject, Origin::Answer, None)).await, 2);
    assert_eq!(write(&db, move |tx| tx.drop_contributions(subject, Origin::Answer, None)).await, 0);
    let left = "select subject_id, origin from contributions order by subject_id";
    assert_eq!(raw::rows(&db, left), [format!("{subject}|planilla"), format!("{other}|ach")]);
}

async fn answers_of_one_source_leave_those_of_another(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let subject = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let document = index(50);
        for (n, source) in [(1, "ach"), (2, "mareigua"), (3, "ach")] {
            let batch = tx.insert_source_call(&NewSourceCall {
                subject: Some(subject),
                source,
                ..crate::source_calls::call(here, &document, n)
            })?;
            tx.insert_contributions(&[line(here, subject, Origin::Answer, batch.0, 1)])?;
        }
        tx.insert_contributions(&[line(here, subject, Origin::Planilla, 1, 1)])?;
        Ok(subject)
    })
    .await;
    let drop = move |source| {
        move |tx: &mut Tx<'_>| tx.drop_contributions(subject, Origin::Answer, Some(source))
    };
    assert_eq!(write(&db, drop("agil_data")).await, 0);
    assert_eq!(write(&db, drop("ach")).await, 2);
    assert_eq!(write(&db, drop("mareigua")).await, 1);
    assert_eq!(raw::rows(&db, "select origin from contributions"), ["planilla"]);
}

async fn batches_say_where_lines_came_from(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let (first, second, call) = write(&db, move |tx| {
        let (first, second) = (add_import(tx, here, 1, None)?.0, add_import(tx, here, 2, None)?.0);
        let document = index(50);
        let call = tx.insert_source_call(&crate::source_calls::call(here, &document, 30))?.0;
        Ok((first, second, call))
    })
    .await;
    let of = move |workspace, origin, ids: Vec<i64>| {
        move |tx: &mut Tx<'_>| tx.batches(workspace, origin, &ids)
    };
    let file = |id, n| Batch { id, uuid: uuid(n), source: None, at: NOW };
    let both = read(&db, of(here, Origin::Planilla, vec![second, first, 999])).await;
    assert_eq!(both, [file(first, 1), file(second, 2)]);
    assert_eq!(read(&db, of(here, Origin::Planilla, vec![second])).await, [file(second, 2)]);
    let answer = Batch { id: call, uuid: uuid(30), source: Some("ach".to_owned()), at: NOW };
    assert_eq!(read(&db, of(here, Origin::Answer, vec![call])).await, [answer]);
    for origin in [Origin::Planilla, Origin::Answer] {
        assert!(read(&db, of(here, origin, vec![])).await.is_empty());
        assert!(read(&db, of(there, origin, vec![first, second, call])).await.is_empty());
    }
}

async fn payers_are_found_by_the_lines_of_a_person(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let (worker, boss) = write(&db, move |tx| {
        let (worker, boss) = (person(tx, here, 50)?.id, person(tx, here, 52)?.id);
        let lines = [1, 2].map(|n| line(here, worker, Origin::Answer, 1, n));
        tx.insert_contributions(&lines)?;
        for (workspace, payer, n) in [(here, 70, 1), (here, 71, 2), (there, 70, 3)] {
            tx.put_payer(&NewPayer {
                workspace,
                payer: &index(payer),
                subject: boss,
                import: ImportId(1),
                updated_at: NOW,
                sealed: &sealed(n),
            })?;
        }
        Ok((worker, boss))
    })
    .await;
    let found = read(&db, move |tx| tx.payer_profiles(here, worker)).await;
    let [(owner, record, key)] = found.as_slice() else { panic!("{} payers", found.len()) };
    assert_eq!((*owner, record), (boss, &sealed(1)));
    assert!(*key == wrapped(52), "the record opens with the payer's own key");
    assert!(read(&db, move |tx| tx.payer_profiles(here, boss)).await.is_empty());
    let foreign = read(&db, move |tx| tx.payer_profiles(there, worker)).await;
    assert!(foreign.iter().all(|(_, record, _)| *record == sealed(3)), "not of this workspace");
}
