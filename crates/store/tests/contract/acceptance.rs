use crate::contributions::line;
use crate::fixture::{NOW, index, person, read, workspaces, wrapped, write};
use crate::imports::{
    batches, identity, judge, loading, people_with_links, state, stored, touched, with_line,
};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    ImportId, ImportState, LinkId, Origin, PlanillaIdentity, Result, StoredContribution, SubjectId,
    Tx,
};

on_both_databases! {
    a_numbered_planilla_is_known_from_earlier_files_only,
    of_files_with_one_number_the_one_received_first_counts,
    files_with_one_number_that_end_at_once_are_one_planilla,
    a_draft_gives_way_to_the_settled_planilla_of_its_place,
    a_paid_planilla_without_number_comes_before_a_newer_draft,
    links_of_people_in_drafts_that_were_settled_are_touched,
    links_are_touched_when_an_earlier_file_takes_the_number,
    what_older_planillas_settle_is_stored_later,
    what_older_planillas_were_not_paid_are_drafts,
}

/// A planilla with a number, which settles a place.
fn settling(number: u64, slot: u64) -> PlanillaIdentity {
    PlanillaIdentity { slot: Some(index(slot)), ..identity(Some(number), None) }
}

async fn accept(db: &TestDatabase, id: ImportId) {
    write(db, move |tx| tx.accept_import(id, NOW + 5)).await;
}

/// How many lines of the person count, and how many stand in drafts that were settled.
async fn counted(db: &TestDatabase, subject: SubjectId) -> (usize, usize) {
    let lines = read(db, move |tx| tx.contributions(subject)).await;
    let (replaced, counted): (Vec<StoredContribution>, Vec<_>) =
        lines.into_iter().partition(|line| line.replaced);
    (counted.len(), replaced.len())
}

async fn a_numbered_planilla_is_known_from_earlier_files_only(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let has = |workspace, number, before| {
        move |tx: &mut Tx<'_>| tx.has_planilla(workspace, &identity(number, None), before)
    };
    let (first, second) = write(&db, move |tx| {
        let known = identity(Some(5), None);
        Ok((loading(tx, here, 1, &known)?, loading(tx, here, 2, &known)?))
    })
    .await;
    assert!(!read(&db, has(here, Some(5), second)).await, "none is accepted yet");
    accept(&db, first).await;
    assert!(read(&db, has(here, Some(5), second)).await);
    for (workspace, number, before) in [
        (here, Some(6), second),
        (there, Some(5), second),
        (here, None, second),
        (here, Some(5), first),
    ] {
        assert!(!read(&db, has(workspace, number, before)).await);
    }
    let other_payer = PlanillaIdentity { payer: index(71), ..identity(Some(5), None) };
    assert!(!read(&db, move |tx| tx.has_planilla(here, &other_payer, second)).await);
}

async fn of_files_with_one_number_the_one_received_first_counts(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let (subject, [first, second, third], others) = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let elsewhere = person(tx, there, 50)?.id;
        let known = identity(Some(5), None);
        let another = PlanillaIdentity { payer: index(71), ..known.clone() };
        let mut file = |n, identity| -> Result<ImportId> {
            let id = with_line(tx, here, subject, n, identity)?;
            tx.progress_import(id, 0, 1)?;
            Ok(id)
        };
        let files = [file(1, &known)?, file(2, &known)?, file(3, &known)?];
        let others = [file(4, &identity(Some(6), None))?, file(5, &another)?];
        Ok((subject, files, [others[0], others[1], with_line(tx, there, elsewhere, 6, &known)?]))
    })
    .await;
    for id in others {
        accept(&db, id).await;
    }
    accept(&db, second).await;
    accept(&db, third).await;
    assert_eq!(state(&db, second).await, ImportState::Accepted, "the first has not ended yet");
    assert_eq!(state(&db, third).await, ImportState::Repeated);
    assert_eq!(counted(&db, subject).await, (3, 0));
    for _ in 0..2 {
        accept(&db, first).await;
        assert_eq!(state(&db, first).await, ImportState::Accepted);
        let import = stored(&db, second).await;
        assert_eq!((import.state, import.loaded), (ImportState::Repeated, 0));
    }
    assert_eq!(counted(&db, subject).await, (3, 0));
    for id in others {
        assert_eq!(state(&db, id).await, ImportState::Accepted);
    }
    assert_eq!(write(&db, move |tx| tx.drop_replaced_lines(others[0], 9)).await, 0);
    // Those of the third are taken away by its own work as well.
    assert_eq!(write(&db, move |tx| tx.drop_uncounted_lines(third, 9)).await, 1);
    assert_eq!(write(&db, move |tx| tx.drop_replaced_lines(first, 9)).await, 1);
    assert_eq!(batches(&db), [first, others[0], others[1], others[2]].map(|id| id.to_string()));
    accept(&db, second).await;
    assert_eq!(state(&db, second).await, ImportState::Repeated, "it does not come back");
}

async fn files_with_one_number_that_end_at_once_are_one_planilla(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let all = write(&db, move |tx| {
        let known = identity(Some(5), None);
        (1..=8).map(|n| loading(tx, here, n, &known)).collect::<Result<Vec<_>>>()
    })
    .await;
    let mut workers = tokio::task::JoinSet::new();
    for &id in all.iter().rev() {
        let store = db.store.clone();
        workers.spawn(async move { store.write(move |tx| tx.accept_import(id, NOW + 5)).await });
    }
    for done in workers.join_all().await {
        done.expect("not accepted");
    }
    assert_eq!(state(&db, all[0]).await, ImportState::Accepted);
    for &id in &all[1..] {
        assert_eq!(state(&db, id).await, ImportState::Repeated);
    }
}

async fn a_draft_gives_way_to_the_settled_planilla_of_its_place(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let (subject, draft, settled) = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let draft = with_line(tx, here, subject, 1, &identity(None, Some(80)))?;
        tx.insert_contributions(&[line(here, subject, Origin::Answer, draft.0, 1)])?;
        tx.accept_import(draft, NOW)?;
        // Another place, and the same one elsewhere.
        for (n, workspace, slot) in [(2, here, 81), (3, there, 80)] {
            let id = loading(tx, workspace, n, &settling(n, slot))?;
            tx.accept_import(id, NOW)?;
        }
        Ok((subject, draft, loading(tx, here, 4, &settling(4, 80))?))
    })
    .await;
    let known = move |tx: &mut Tx<'_>| tx.has_planilla_lines(here, &index(50));
    assert_eq!(counted(&db, subject).await, (2, 0), "it is not accepted yet");
    assert!(read(&db, known).await);
    accept(&db, settled).await;
    assert_eq!(counted(&db, subject).await, (1, 1), "the answer has no place");
    assert!(!read(&db, known).await);
    assert_eq!(state(&db, draft).await, ImportState::Accepted);

    // An earlier file of the number says that it settles another month.
    raw::run(&db, &format!("update imports set state = 'repeated' where id = {settled}"));
    assert_eq!(counted(&db, subject).await, (2, 0));
    assert!(read(&db, known).await);

    // A draft that comes later has no better place.
    accept(&db, write(&db, move |tx| loading(tx, here, 5, &settling(5, 82))).await).await;
    let late =
        write(&db, move |tx| with_line(tx, here, subject, 6, &identity(None, Some(82)))).await;
    accept(&db, late).await;
    assert_eq!(state(&db, late).await, ImportState::Accepted);
    assert_eq!(counted(&db, subject).await, (2, 1));
}

async fn a_paid_planilla_without_number_comes_before_a_newer_draft(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let draft = identity(None, Some(80));
    let paid = PlanillaIdentity { paid: true, ..draft.clone() };
    for paid_is_older in [true, false] {
        let identities = if paid_is_older { [&paid, &draft] } else { [&draft, &paid] };
        for order in [[0, 1], [1, 0]] {
            let [older, newer] = identities.map(Clone::clone);
            let files = write(&db, move |tx| {
                Ok([loading(tx, here, 1, &older)?, loading(tx, here, 2, &newer)?])
            })
            .await;
            for place in order {
                accept(&db, files[place]).await;
            }
            let expected = [ImportState::Accepted, ImportState::Superseded];
            let [of_paid, of_draft] = if paid_is_older { [0, 1] } else { [1, 0] };
            let found = [state(&db, files[of_paid]).await, state(&db, files[of_draft]).await];
            assert_eq!(found, expected, "{paid_is_older} {order:?}");
            raw::run(&db, "delete from imports");
        }
    }
}

/// The links that an import touches.
async fn found(db: &TestDatabase, id: ImportId) -> Vec<LinkId> {
    let import = stored(db, id).await;
    let pages = read(db, move |tx| touched(tx, &import)).await;
    pages.concat().into_iter().map(|(link, _)| link).collect()
}

fn links(people: &[(SubjectId, [LinkId; 2])]) -> Vec<LinkId> {
    people.iter().flat_map(|(_, links)| *links).collect()
}

async fn links_of_people_in_drafts_that_were_settled_are_touched(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let people = people_with_links(&db, here).await;
    let subjects: Vec<_> = people.iter().map(|(subject, _)| *subject).collect();
    let settled = write(&db, move |tx| {
        for (n, subject, slot) in [(1, subjects[0], 80), (2, subjects[1], 81)] {
            let draft = with_line(tx, here, subject, n, &identity(None, Some(slot)))?;
            tx.accept_import(draft, NOW)?;
        }
        let settled = with_line(tx, here, subjects[2], 3, &settling(3, 80))?;
        tx.accept_import(settled, NOW)?;
        Ok(settled)
    })
    .await;
    assert_eq!(found(&db, settled).await, links(&[people[0], people[2]]));
    assert_eq!(write(&db, move |tx| tx.drop_replaced_lines(settled, 9)).await, 0);
}

/// It may be of another month: a draft of the month of the later file counts again.
async fn links_are_touched_when_an_earlier_file_takes_the_number(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let people = people_with_links(&db, here).await;
    let subjects: Vec<_> = people.iter().map(|(subject, _)| *subject).collect();
    let first = write(&db, move |tx| {
        let draft = with_line(tx, here, subjects[0], 1, &identity(None, Some(81)))?;
        tx.accept_import(draft, NOW)?;
        let first = loading(tx, here, 2, &settling(5, 80))?;
        let second = with_line(tx, here, subjects[1], 3, &settling(5, 81))?;
        tx.accept_import(second, NOW)?;
        tx.accept_import(first, NOW)?;
        Ok(first)
    })
    .await;
    assert_eq!(counted(&db, people[0].0).await, (1, 0));
    assert_eq!(found(&db, first).await, links(&people[..2]));
    write(&db, move |tx| tx.drop_replaced_lines(first, 9)).await;
    assert_eq!(found(&db, first).await, links(&people[..1]));
}

async fn what_older_planillas_settle_is_stored_later(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (subject, [older, alone, nobody, new]) = write(&db, move |tx| {
        let (gone, subject) = (person(tx, here, 51)?.id, person(tx, here, 50)?.id);
        let draft = with_line(tx, here, subject, 1, &identity(None, Some(80)))?;
        tx.accept_import(draft, NOW)?;
        let older = loading(tx, here, 2, &identity(Some(2), None))?;
        tx.insert_contributions(&[
            line(here, gone, Origin::Planilla, older.0, 1),
            line(here, subject, Origin::Planilla, older.0, 2),
        ])?;
        let alone = loading(tx, here, 3, &identity(Some(3), None))?;
        let nobody = loading(tx, here, 4, &identity(Some(4), None))?;
        let new = with_line(tx, here, subject, 5, &settling(5, 90))?;
        for id in [older, alone, nobody, new] {
            tx.accept_import(id, NOW)?;
        }
        let refused = loading(tx, here, 6, &identity(Some(6), None))?;
        judge(tx, refused, ImportState::Refused, None)?;
        Ok((subject, [older, alone, nobody, new]))
    })
    .await;
    let gone =
        format!("delete from data_keys where owner_kind = 'subject' and owner_id <> {subject}");
    raw::run(&db, &gone);
    let unplaced_after =
        async |after, limit| read(&db, move |tx| tx.unplaced_imports(after, limit)).await;
    let unplaced = async |limit| unplaced_after(ImportId(0), limit).await;
    assert_eq!(unplaced(9).await, [(older, here), (alone, here), (nobody, here)]);
    assert_eq!(unplaced(1).await, [(older, here)]);
    assert_eq!(unplaced_after(older, 1).await, [(alone, here)]);
    let line = read(&db, move |tx| tx.unplaced_line(older)).await.expect("no line");
    assert_eq!((line.subject, line.line), (subject, 2));
    assert_eq!(line.sealed, crate::fixture::sealed(2));
    assert!(line.key == wrapped(50));
    assert!(read(&db, move |tx| tx.unplaced_line(nobody)).await.is_none());

    let place = |id, slot: Option<u64>| {
        move |tx: &mut Tx<'_>| tx.place_import(id, slot.map(index).as_ref())
    };
    assert!(write(&db, place(older, Some(80))).await, "a draft stands there");
    assert!(!write(&db, place(alone, Some(82))).await);
    assert!(!write(&db, place(nobody, None)).await);
    assert!(unplaced(9).await.is_empty());
    assert_eq!(counted(&db, subject).await, (2, 1));
    write(&db, place(new, Some(83))).await;
    let settled =
        format!("select count(*) from imports where id = {new} and slot_index is not null");
    assert_eq!(raw::rows(&db, &settled), ["1"]);
}

/// They had numbers and were not paid.
async fn what_older_planillas_were_not_paid_are_drafts(db: TestDatabase) {
    use ImportState::{Accepted, Superseded};
    let (here, _) = workspaces(&db).await;
    let [alone, before, draft, after, paid, late, settled] = write(&db, move |tx| {
        let unpaid = |n| PlanillaIdentity { paid: false, ..identity(Some(n), None) };
        let paid = PlanillaIdentity { paid: true, ..identity(None, Some(82)) };
        let all = [
            loading(tx, here, 1, &unpaid(1))?,
            loading(tx, here, 2, &unpaid(2))?,
            loading(tx, here, 3, &identity(None, Some(81)))?,
            loading(tx, here, 4, &unpaid(4))?,
            loading(tx, here, 5, &paid)?,
            loading(tx, here, 6, &unpaid(6))?,
            loading(tx, here, 7, &settling(7, 83))?,
        ];
        all.iter().try_for_each(|id| tx.accept_import(*id, NOW))?;
        Ok(all)
    })
    .await;
    let states = async |of: [ImportId; 3]| {
        [state(&db, of[0]).await, state(&db, of[1]).await, state(&db, of[2]).await]
    };
    let make = async |id, slot| {
        let counts = write(&db, move |tx| tx.make_draft(id, &index(slot))).await;
        // As when two workers do it.
        assert_eq!(write(&db, move |tx| tx.make_draft(id, &index(slot))).await, None);
        counts
    };
    assert_eq!(make(alone, 80).await, Some(alone));
    assert_eq!(make(before, 81).await, Some(draft));
    assert_eq!(states([alone, before, draft]).await, [Accepted, Superseded, Accepted]);
    assert_eq!(make(after, 81).await, Some(after));
    assert_eq!(states([before, draft, after]).await, [Superseded, Superseded, Accepted]);
    assert_eq!(make(late, 82).await, Some(paid));
    assert_eq!(states([after, paid, late]).await, [Accepted, Accepted, Superseded]);
    assert_eq!(make(settled, 84).await, None, "it has its place");
    assert!(read(&db, |tx| tx.unplaced_imports(ImportId(0), 9)).await.is_empty());
    let drafts = "select id from imports where draft_index is not null and number_index is null \
         order by id";
    let made = [alone, before, draft, after, paid, late];
    assert_eq!(raw::rows(&db, drafts), made.map(|id| id.to_string()));
}
