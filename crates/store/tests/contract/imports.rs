use crate::contributions::line;
use crate::fixture::{
    NOW, add_link, add_load, index, person, read, sealed, spread, uuid, workspaces, write,
};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    Import, ImportId, ImportKind, ImportState, Job, LinkId, LoadState, NewImport, NewPayer,
    OpenImport, Origin, PageRequest, PlanillaIdentity, Resource, Result, SubjectId, Tx, Verdict,
    WorkspaceId,
};

on_both_databases! {
    a_received_import_waits,
    an_import_is_seen_by_its_workspace_only,
    pages_are_newest_first,
    a_spooled_file_is_needed_until_the_work_is_done,
    the_same_file_is_one_import_while_it_counts,
    files_received_at_once_are_one_import,
    the_verdict_is_kept,
    an_ended_import_is_not_judged_again,
    progress_moves_from_where_it_was,
    a_newer_draft_replaces_the_older,
    an_older_draft_that_ends_later_never_counts,
    lines_stay_while_what_took_their_place_is_worked_on,
    many_lines_go_some_at_a_time,
    work_on_a_replaced_draft_leaves_its_lines_to_the_newer,
    a_repeated_planilla_leaves_no_lines,
    an_import_whose_file_was_lost_leaves_no_lines,
    only_a_loading_import_is_accepted,
    the_newest_record_of_a_payer_stays,
    links_of_people_in_a_planilla_are_touched,
    links_of_people_whom_a_newer_draft_leaves_out_are_touched,
    links_of_people_paid_by_a_payer_are_touched,
    imports_whose_files_are_lost_are_refused,
}

const REPORT: u64 = 77;

/// What makes a test's planilla: its number, or the draft it is.
pub(crate) fn identity(number: Option<u64>, draft: Option<u64>) -> PlanillaIdentity {
    PlanillaIdentity {
        payer: index(70),
        number: number.map(index),
        slot: None,
        draft: draft.map(index),
        paid: number.is_some(),
        period: 202_601,
        planilla_type: Some("E".to_owned()),
    }
}

pub(crate) fn receive(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: u64,
    file: u64,
) -> Result<(ImportId, bool)> {
    tx.receive_import(&NewImport {
        uuid: uuid(id),
        workspace,
        sha256: &spread(file),
        bytes: 359,
        name: &sealed(id),
        allowed: "one,two",
        spool: None,
        created_at: NOW,
    })
}

pub(crate) fn judge(
    tx: &mut Tx<'_>,
    id: ImportId,
    state: ImportState,
    identity: Option<&PlanillaIdentity>,
) -> Result<()> {
    let report = sealed(REPORT);
    let kind = Some(ImportKind::Planilla);
    let verdict =
        Verdict { kind, state, lines: 12, errors: 0, warnings: 3, identity, report: &report };
    tx.judge_import(id, &verdict, NOW + 1)
}

/// An import that was checked and is being stored.
pub(crate) fn loading(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    n: u64,
    identity: &PlanillaIdentity,
) -> Result<ImportId> {
    let (id, _) = receive(tx, workspace, n, n)?;
    judge(tx, id, ImportState::Loading, Some(identity))?;
    Ok(id)
}

pub(crate) async fn stored(db: &TestDatabase, id: ImportId) -> Import {
    read(db, move |tx| tx.import(id)).await.expect("no import")
}

pub(crate) async fn state(db: &TestDatabase, id: ImportId) -> ImportState {
    stored(db, id).await.state
}

async fn a_received_import_waits(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (id, new) = write(&db, move |tx| receive(tx, here, 1, 1)).await;
    assert!(new);
    let import = stored(&db, id).await;
    assert_eq!((import.id, import.uuid, import.workspace), (id, uuid(1), here));
    assert_eq!((import.state, import.kind), (ImportState::Waiting, None));
    assert_eq!((import.lines, import.loaded, import.errors, import.warnings), (0, 0, 0, 0));
    assert_eq!((import.payer, import.report), (None, None));
    assert_eq!((import.name, import.created_at), (sealed(1), NOW));
    assert_eq!(import.allowed, "one,two");
    assert!(read(&db, move |tx| tx.import(ImportId(id.0 + 1))).await.is_none());
    assert_eq!(raw::rows(&db, "select bytes, created_at from imports"), [format!("359|{NOW}")]);
}

async fn an_import_is_seen_by_its_workspace_only(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let (id, _) = write(&db, move |tx| receive(tx, here, 1, 1)).await;
    let find = |workspace, n| move |tx: &mut Tx<'_>| tx.import_by_uuid(workspace, uuid(n));
    let found = read(&db, find(here, 1)).await.expect("not found");
    assert_eq!((found.id, found.workspace, found.name), (id, here, sealed(1)));
    assert!(read(&db, find(here, 2)).await.is_none());
    assert!(read(&db, find(there, 1)).await.is_none());
}

async fn pages_are_newest_first(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        for (n, at) in [(1, 5), (2, 7), (3, 7), (4, 6), (5, 7)] {
            tx.receive_import(&NewImport {
                uuid: uuid(n),
                workspace: here,
                sha256: &spread(n),
                bytes: 359,
                name: &sealed(n),
                allowed: "",
                spool: None,
                created_at: NOW + at,
            })?;
        }
        receive(tx, there, 9, 1)
    })
    .await;
    for (limit, offset, expected) in [
        (100, 0, vec![5, 3, 2, 4, 1]),
        (2, 0, vec![5, 3]),
        (2, 4, vec![1]),
        (2, 6, vec![]),
        (0, 0, vec![]),
    ] {
        let slice = PageRequest { limit, offset };
        let page = read(&db, move |tx| tx.imports(here, slice)).await;
        let shown: Vec<_> = page.rows.iter().map(|it| it.uuid.as_u128()).collect();
        assert_eq!((page.count, shown), (5, expected), "{limit} from {offset}");
    }
    let slice = PageRequest { limit: 10, offset: 0 };
    assert_eq!(read(&db, move |tx| tx.imports(there, slice)).await.count, 1);
}

async fn a_spooled_file_is_needed_until_the_work_is_done(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (id, _) = write(&db, move |tx| receive(tx, here, 1, 1)).await;
    let needed =
        async || read(&db, |tx| Ok((tx.needs_spool(uuid(1))?, tx.needs_spool(uuid(2))?))).await;
    assert_eq!(needed().await, (true, false));
    write(&db, move |tx| tx.enqueue(Job::ImportFile(id), NOW, NOW)).await;
    write(&db, move |tx| judge(tx, id, ImportState::Loading, None)).await;
    write(&db, move |tx| tx.accept_import(id, NOW)).await;
    assert_eq!(needed().await, (true, false), "its people are still to be projected");
    let claimed = write(&db, move |tx| tx.claim_files(NOW, NOW + 1, 1, None)).await;
    write(&db, move |tx| tx.finish_job(&claimed[0])).await;
    assert_eq!(needed().await, (false, false));
}

async fn the_same_file_is_one_import_while_it_counts(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let (first, _) = write(&db, move |tx| receive(tx, here, 1, 1)).await;
    for (public, state) in (2..).zip(ImportState::ALL) {
        raw::run(&db, &format!("update imports set state = '{state}' where id = {first}"));
        let (id, new) = write(&db, move |tx| receive(tx, here, public, 1)).await;
        let open = ["waiting", "loading", "accepted"].contains(&state.as_str());
        assert_eq!((id == first, new), (open, !open), "{state}");
        raw::run(&db, &format!("delete from imports where id <> {first}"));
    }
    raw::run(&db, "update imports set state = 'accepted'");
    assert!(write(&db, move |tx| receive(tx, here, 100, 2)).await.1, "another file");
    assert!(write(&db, move |tx| receive(tx, there, 101, 1)).await.1, "another workspace");
}

async fn files_received_at_once_are_one_import(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..8 {
        let store = db.store.clone();
        callers.spawn(async move { store.write(move |tx| receive(tx, here, caller, 1)).await });
    }
    let answers: Vec<_> =
        callers.join_all().await.into_iter().map(|it| it.expect("not received")).collect();
    assert!(answers.iter().all(|(id, _)| *id == answers[0].0));
    assert_eq!(answers.iter().filter(|(_, new)| *new).count(), 1);
}

async fn the_verdict_is_kept(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (id, _) = write(&db, move |tx| receive(tx, here, 1, 1)).await;
    let known = identity(Some(5), None);
    write(&db, move |tx| judge(tx, id, ImportState::Loading, Some(&known))).await;
    let import = stored(&db, id).await;
    assert_eq!((import.state, import.kind), (ImportState::Loading, Some(ImportKind::Planilla)));
    assert_eq!((import.lines, import.loaded, import.errors, import.warnings), (12, 0, 0, 3));
    assert_eq!((import.payer, import.report), (Some(index(70)), Some(sealed(REPORT))));
    let rest = "select period, planilla_type, finished_at from imports";
    assert_eq!(raw::rows(&db, rest), ["202601|E|"]);

    let (refused, _) = write(&db, move |tx| receive(tx, here, 2, 2)).await;
    write(&db, move |tx| {
        let report = sealed(78);
        let state = ImportState::Refused;
        let (kind, identity) = (None, None);
        let verdict =
            Verdict { kind, state, lines: 2, errors: 1, warnings: 0, identity, report: &report };
        tx.judge_import(refused, &verdict, NOW + 2)
    })
    .await;
    let import = stored(&db, refused).await;
    assert_eq!((import.state, import.kind, import.errors), (ImportState::Refused, None, 1));
    assert_eq!(import.payer, None);
    let ended = format!("select finished_at from imports where id = {refused}");
    assert_eq!(raw::rows(&db, &ended), [(NOW + 2).to_string()]);
}

/// A worker that lost its lease comes late with what it found.
async fn an_ended_import_is_not_judged_again(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let known = identity(Some(5), None);
    let id = write(&db, move |tx| {
        let id = loading(tx, here, 1, &known)?;
        tx.accept_import(id, NOW + 5)?;
        Ok(id)
    })
    .await;
    for late in [ImportState::Loading, ImportState::Repeated, ImportState::Refused] {
        write(&db, move |tx| judge(tx, id, late, None)).await;
        let import = stored(&db, id).await;
        assert_eq!(
            (import.state, import.payer),
            (ImportState::Accepted, Some(index(70))),
            "{late}"
        );
    }
}

async fn progress_moves_from_where_it_was(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (id, _) = write(&db, move |tx| receive(tx, here, 1, 1)).await;
    let progress = move |from, to| move |tx: &mut Tx<'_>| tx.progress_import(id, from, to);
    assert!(!write(&db, progress(0, 5)).await, "not checked yet");
    write(&db, move |tx| judge(tx, id, ImportState::Loading, None)).await;
    assert!(write(&db, progress(0, 5)).await);
    assert!(!write(&db, progress(0, 5)).await, "another worker was first");
    assert!(write(&db, progress(5, 12)).await);
    assert_eq!(stored(&db, id).await.loaded, 12);
    write(&db, move |tx| tx.accept_import(id, NOW)).await;
    assert!(!write(&db, progress(12, 13)).await, "ended");
    assert_eq!(stored(&db, id).await.loaded, 12);
}

/// Stores an import with one line of the person.
pub(crate) fn with_line(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    subject: SubjectId,
    n: u64,
    identity: &PlanillaIdentity,
) -> Result<ImportId> {
    let id = loading(tx, workspace, n, identity)?;
    tx.insert_contributions(&[line(workspace, subject, Origin::Planilla, id.0, 1)])?;
    Ok(id)
}

pub(crate) fn batches(db: &TestDatabase) -> Vec<String> {
    raw::rows(db, "select batch_id from contributions order by batch_id")
}

async fn a_newer_draft_replaces_the_older(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let (subject, all) = write(&db, move |tx| {
        let (subject, other) = (person(tx, here, 50)?.id, person(tx, there, 50)?.id);
        let (draft, another) = (identity(None, Some(5)), identity(None, Some(6)));
        let numbered = identity(Some(9), None);
        let all = [
            with_line(tx, here, subject, 1, &draft)?,
            with_line(tx, here, subject, 2, &another)?,
            with_line(tx, here, subject, 3, &numbered)?,
            with_line(tx, there, other, 4, &draft)?,
        ];
        all.iter().try_for_each(|id| tx.accept_import(*id, NOW))?;
        Ok((subject, all))
    })
    .await;
    let newer =
        write(&db, move |tx| with_line(tx, here, subject, 5, &identity(None, Some(5)))).await;
    assert_eq!(batches(&db).len(), 5, "the older counts until the newer does");
    assert_eq!(state(&db, all[0]).await, ImportState::Accepted);

    for _ in 0..2 {
        write(&db, move |tx| tx.accept_import(newer, NOW + 9)).await;
        assert_eq!(state(&db, all[0]).await, ImportState::Superseded);
        assert_eq!(state(&db, newer).await, ImportState::Accepted, "accepted twice");
    }
    assert_eq!(batches(&db).len(), 5, "the older's lines tell whom it named");
    let counted = read(&db, move |tx| tx.contributions(subject)).await;
    assert!(counted.iter().all(|line| line.batch != all[0].0), "but count no more");
    assert_eq!(write(&db, move |tx| tx.drop_replaced_lines(all[1], 9)).await, 0);
    assert_eq!(write(&db, move |tx| tx.drop_replaced_lines(newer, 9)).await, 1);
    assert_eq!(write(&db, move |tx| tx.drop_replaced_lines(newer, 9)).await, 0);
    assert_eq!(batches(&db), [all[1], all[2], all[3], newer].map(|id| id.to_string()));
    for id in &all[1..] {
        assert_eq!(state(&db, *id).await, ImportState::Accepted);
    }
    // Whoever still works on the older one cannot bring it back.
    let older = all[0];
    write(&db, move |tx| tx.accept_import(older, NOW + 9)).await;
    assert_eq!(state(&db, older).await, ImportState::Superseded);
    assert_eq!(state(&db, newer).await, ImportState::Accepted);
}

async fn an_older_draft_that_ends_later_never_counts(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let [older, newer] = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let draft = identity(None, Some(5));
        Ok([with_line(tx, here, subject, 1, &draft)?, with_line(tx, here, subject, 2, &draft)?])
    })
    .await;
    write(&db, move |tx| tx.accept_import(newer, NOW)).await;
    write(&db, move |tx| tx.accept_import(older, NOW + 1)).await;
    assert_eq!(state(&db, older).await, ImportState::Superseded);
    assert_eq!(state(&db, newer).await, ImportState::Accepted);
    assert_eq!(write(&db, move |tx| tx.drop_uncounted_lines(newer, 9)).await, 0, "it counts");
    assert_eq!(write(&db, move |tx| tx.drop_uncounted_lines(older, 9)).await, 1);
    assert_eq!(batches(&db), [newer.to_string()]);
}

async fn lines_stay_while_what_took_their_place_is_worked_on(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let [draft, repeated, refused, elsewhere] = write(&db, move |tx| {
        let (subject, other) = (person(tx, here, 50)?.id, person(tx, there, 50)?.id);
        let place = identity(None, Some(5));
        let number = identity(Some(9), None);
        let first = loading(tx, here, 1, &number)?;
        let lines = [
            with_line(tx, here, subject, 2, &place)?,
            with_line(tx, here, subject, 3, &number)?,
            with_line(tx, here, subject, 4, &identity(None, Some(5)))?,
            with_line(tx, there, other, 5, &place)?,
        ];
        let newest = [loading(tx, here, 6, &place)?, loading(tx, there, 7, &place)?];
        judge(tx, lines[2], ImportState::Refused, Some(&place))?;
        for id in [lines[0], lines[1], lines[3], first, newest[0], newest[1]] {
            tx.accept_import(id, NOW)?;
        }
        for id in [first, newest[0]] {
            tx.enqueue(Job::ImportFile(id), NOW, NOW)?;
        }
        Ok(lines)
    })
    .await;
    let unneeded = async || read(&db, |tx| tx.uncounted_imports(ImportId(0), 9)).await;
    assert_eq!(unneeded().await, [refused, elsewhere]);
    assert_eq!(read(&db, move |tx| tx.uncounted_imports(refused, 9)).await, [elsewhere]);
    assert_eq!(read(&db, |tx| tx.uncounted_imports(ImportId(0), 1)).await, [refused]);
    for id in [draft, repeated] {
        assert_eq!(write(&db, move |tx| tx.drop_uncounted_lines(id, 9)).await, 0);
    }
    let claimed = write(&db, move |tx| tx.claim_files(NOW, NOW + 1, 9, None)).await;
    assert_eq!(claimed.len(), 2);
    write(&db, move |tx| claimed.iter().try_for_each(|job| tx.finish_job(job).map(|_| ()))).await;
    assert_eq!(unneeded().await, [draft, repeated, refused, elsewhere]);
    for id in [draft, repeated, refused, elsewhere] {
        assert_eq!(write(&db, move |tx| tx.drop_uncounted_lines(id, 9)).await, 1);
    }
    assert!(unneeded().await.is_empty());
}

async fn many_lines_go_some_at_a_time(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let [older, newer] = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let draft = identity(None, Some(5));
        let (oldest, older) = (loading(tx, here, 1, &draft)?, loading(tx, here, 2, &draft)?);
        let newer = loading(tx, here, 3, &draft)?;
        for (id, lines) in [(oldest, 2), (older, 5), (newer, 1)] {
            let lines = (1..=lines).map(|n| line(here, subject, Origin::Planilla, id.0, n));
            tx.insert_contributions(&lines.collect::<Vec<_>>())?;
            tx.accept_import(id, NOW)?;
        }
        Ok([older, newer])
    })
    .await;
    for gone in [3, 3, 1, 0] {
        assert_eq!(write(&db, move |tx| tx.drop_replaced_lines(newer, 3)).await, gone);
    }
    assert_eq!(batches(&db), [newer.to_string()]);
    raw::run(&db, &format!("update contributions set batch_id = {older}"));
    assert_eq!(write(&db, move |tx| tx.drop_uncounted_lines(older, 0)).await, 0);
    assert_eq!(write(&db, move |tx| tx.drop_uncounted_lines(older, 1)).await, 1);
}

async fn work_on_a_replaced_draft_leaves_its_lines_to_the_newer(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let [older, newer] = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let draft = identity(None, Some(5));
        Ok([with_line(tx, here, subject, 1, &draft)?, with_line(tx, here, subject, 2, &draft)?])
    })
    .await;
    write(&db, move |tx| tx.accept_import(older, NOW)).await;
    write(&db, move |tx| tx.accept_import(newer, NOW)).await;
    assert_eq!(write(&db, move |tx| tx.drop_replaced_lines(older, 9)).await, 0);
    assert_eq!(write(&db, move |tx| tx.drop_replaced_lines(newer, 9)).await, 1);
}

async fn a_repeated_planilla_leaves_no_lines(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let [kept, repeated] = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let number = identity(Some(9), None);
        let kept = with_line(tx, here, subject, 1, &number)?;
        tx.accept_import(kept, NOW)?;
        let repeated = with_line(tx, here, subject, 2, &number)?;
        judge(tx, repeated, ImportState::Repeated, Some(&number))?;
        Ok([kept, repeated])
    })
    .await;
    assert_eq!(write(&db, move |tx| tx.drop_uncounted_lines(kept, 9)).await, 0);
    assert_eq!(write(&db, move |tx| tx.drop_uncounted_lines(repeated, 9)).await, 1);
    assert_eq!(batches(&db), [kept.to_string()]);
}

async fn an_import_whose_file_was_lost_leaves_no_lines(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let lost = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let lost = with_line(tx, here, subject, 1, &identity(Some(9), None))?;
        assert_eq!(tx.drop_uncounted_lines(lost, 9)?, 0, "it may go on");
        judge(tx, lost, ImportState::Refused, None)?;
        Ok(lost)
    })
    .await;
    assert_eq!(write(&db, move |tx| tx.drop_uncounted_lines(lost, 9)).await, 1);
}

async fn only_a_loading_import_is_accepted(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (id, _) = write(&db, move |tx| receive(tx, here, 1, 1)).await;
    for before in ImportState::ALL.iter().copied() {
        raw::run(&db, &format!("update imports set state = '{before}'"));
        write(&db, move |tx| tx.accept_import(id, NOW)).await;
        let loading = before == ImportState::Loading;
        let expected = if loading { ImportState::Accepted } else { before };
        assert_eq!(state(&db, id).await, expected);
    }
}

async fn the_newest_record_of_a_payer_stays(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        let (payer, subject) = (index(70), person(tx, here, 50)?.id);
        let other = person(tx, here, 51)?.id;
        let mut put = |workspace, subject, import, n| {
            tx.put_payer(&NewPayer {
                workspace,
                payer: &payer,
                subject,
                import: ImportId(import),
                updated_at: NOW + import,
                sealed: &sealed(n),
            })
        };
        put(here, subject, 1, 1)?;
        put(there, subject, 2, 2)?;
        put(here, other, 3, 3)?;
        // A record received before it whose work ends later.
        put(here, subject, 2, 4)?;
        tx.insert_contributions(&[line(here, subject, Origin::Answer, 1, 1)])?;
        let found = tx.payer_profiles(here, subject)?;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].0, &found[0].1), (other, &sealed(3)));
        Ok(())
    })
    .await;
    let rows = "select workspace_id, import_id, updated_at from payers order by workspace_id";
    let expected = [format!("{here}|3|{}", NOW + 3), format!("{there}|2|{}", NOW + 2)];
    assert_eq!(raw::rows(&db, rows), expected);
}

/// Three people with two links each, whose first has loaded owners, and both resources twice.
pub(crate) async fn people_with_links(
    db: &TestDatabase,
    here: WorkspaceId,
) -> Vec<(SubjectId, [LinkId; 2])> {
    write(db, move |tx| {
        (0..3)
            .map(|n| {
                let subject = person(tx, here, 50 + n)?.id;
                let links = [
                    add_link(tx, here, subject, 60 + 2 * n)?,
                    add_link(tx, here, subject, 61 + 2 * n)?,
                ];
                let both = [Resource::Employments, Resource::Owners];
                for resources in [&both[1..], &both, &both] {
                    let load = add_load(tx, here, subject, links[0], resources)?;
                    tx.finish_load(load, LoadState::Done, None, NOW)?;
                }
                let failed = add_load(tx, here, subject, links[1], &both)?;
                tx.finish_load(failed, LoadState::Failed, None, NOW)?;
                add_load(tx, here, subject, links[1], &both)?;
                Ok((subject, links))
            })
            .collect()
    })
    .await
}

/// Links, each with what was loaded for it.
pub(crate) type Links = Vec<(LinkId, Vec<Resource>)>;

/// Every page of two, until an empty one.
pub(crate) fn touched(tx: &mut Tx<'_>, import: &Import) -> Result<Vec<Links>> {
    let (mut pages, mut after) = (Vec::new(), LinkId(0));
    loop {
        let page = tx.links_touched_by(import, after, 2)?;
        let Some((last, _)) = page.last() else { return Ok(pages) };
        after = *last;
        pages.push(page);
    }
}

fn both() -> Vec<Resource> {
    vec![Resource::Employments, Resource::Owners]
}

async fn links_of_people_in_a_planilla_are_touched(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let people = people_with_links(&db, here).await;
    let subjects: Vec<_> = people.iter().map(|(subject, _)| *subject).collect();
    let id = write(&db, move |tx| {
        let id = loading(tx, here, 1, &identity(Some(5), None))?;
        let (one, three) = (subjects[0], subjects[2]);
        let planilla = |subject, n| line(here, subject, Origin::Planilla, id.0, n);
        let answer = line(here, subjects[1], Origin::Answer, id.0, 1);
        tx.insert_contributions(&[planilla(one, 1), planilla(one, 2), planilla(three, 3), answer])?;
        Ok(id)
    })
    .await;
    let import = stored(&db, id).await;
    let foreign = Import { workspace: there, ..import.clone() };
    let pages = read(&db, move |tx| touched(tx, &import)).await;
    let (one, three) = (people[0].1, people[2].1);
    let expected = vec![
        vec![(one[0], both()), (one[1], vec![])],
        vec![(three[0], both()), (three[1], vec![])],
    ];
    assert_eq!(pages, expected);
    assert!(read(&db, move |tx| touched(tx, &foreign)).await.is_empty());
}

async fn links_of_people_whom_a_newer_draft_leaves_out_are_touched(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let people = people_with_links(&db, here).await;
    let subjects: Vec<_> = people.iter().map(|(subject, _)| *subject).collect();
    let newer = write(&db, move |tx| {
        let draft = identity(None, Some(5));
        let older = with_line(tx, here, subjects[0], 1, &draft)?;
        tx.accept_import(older, NOW)?;
        with_line(tx, here, subjects[1], 2, &identity(None, Some(6)))?;
        let newer = with_line(tx, here, subjects[2], 3, &draft)?;
        tx.accept_import(newer, NOW)?;
        Ok(newer)
    })
    .await;
    let import = stored(&db, newer).await;
    let links = |people: &[(SubjectId, [LinkId; 2])]| {
        people.iter().flat_map(|(_, links)| *links).collect::<Vec<_>>()
    };
    let found = async |import: Import| {
        let pages = read(&db, move |tx| touched(tx, &import)).await;
        pages.concat().into_iter().map(|(link, _)| link).collect::<Vec<_>>()
    };
    assert_eq!(found(import.clone()).await, links(&[people[0], people[2]]));
    write(&db, move |tx| tx.drop_replaced_lines(newer, 9)).await;
    assert_eq!(found(import).await, links(&people[2..]));
}

async fn links_of_people_paid_by_a_payer_are_touched(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let people = people_with_links(&db, here).await;
    let subjects: Vec<_> = people.iter().map(|(subject, _)| *subject).collect();
    let id = write(&db, move |tx| {
        let (id, _) = receive(tx, here, 1, 1)?;
        let known = identity(None, None);
        let report = sealed(REPORT);
        let verdict = Verdict {
            kind: Some(ImportKind::PayerRecord),
            state: ImportState::Loading,
            lines: 1,
            errors: 0,
            warnings: 0,
            identity: Some(&known),
            report: &report,
        };
        tx.judge_import(id, &verdict, NOW)?;
        let mut lines = [
            line(here, subjects[1], Origin::Answer, 9, 1),
            line(here, subjects[2], Origin::Answer, 9, 2),
        ];
        lines[1].payer = index(71);
        tx.insert_contributions(&lines)?;
        with_line(tx, here, subjects[0], 2, &identity(Some(5), None))?;
        let another = PlanillaIdentity { payer: index(71), ..identity(Some(6), None) };
        with_line(tx, here, subjects[2], 3, &another)?;
        Ok(id)
    })
    .await;
    let import = stored(&db, id).await;
    let pages = read(&db, move |tx| touched(tx, &import)).await;
    let of = |(_, links): (SubjectId, [LinkId; 2])| vec![(links[0], both()), (links[1], vec![])];
    assert_eq!(pages, [of(people[0]), of(people[1])]);
}

async fn imports_whose_files_are_lost_are_refused(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let [waiting, loading_one, accepted] = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let (waiting, _) = receive(tx, here, 1, 1)?;
        let ids = [
            waiting,
            loading(tx, here, 2, &identity(Some(2), None))?,
            loading(tx, here, 3, &identity(Some(3), None))?,
        ];
        for id in ids {
            tx.enqueue(Job::ImportFile(id), NOW, NOW)?;
            tx.insert_contributions(&[line(here, subject, Origin::Planilla, id.0, 1)])?;
        }
        tx.progress_import(ids[1], 0, 1)?;
        tx.accept_import(ids[2], NOW)?;
        Ok(ids)
    })
    .await;
    let open = read(&db, |tx| tx.open_imports()).await;
    let open_one =
        |id, n, spool| OpenImport { id, uuid: uuid(n), spool, due_at: Some(NOW), is_taken: false };
    assert_eq!(open, [open_one(waiting, 1, None), open_one(loading_one, 2, None)]);
    for (id, lost) in [(waiting, true), (loading_one, true), (accepted, false)] {
        let refuse = move |tx: &mut Tx<'_>| tx.refuse_lost_import(id, NOW + 9);
        assert_eq!(write(&db, refuse).await, lost);
        assert!(!write(&db, refuse).await, "once");
        let gone = write(&db, move |tx| tx.drop_uncounted_lines(id, 9)).await;
        assert_eq!(gone, u64::from(lost));
    }
    for id in [waiting, loading_one] {
        let import = stored(&db, id).await;
        assert_eq!((import.state, import.loaded), (ImportState::Refused, 0));
    }
    assert_eq!(state(&db, accepted).await, ImportState::Accepted);
    for (table, column) in [("contributions", "batch_id"), ("jobs", "target_id")] {
        let left = raw::rows(&db, &format!("select {column} from {table}"));
        assert_eq!(left, [accepted.0.to_string()], "{table}");
    }
    // The file may be handed in again.
    assert!(write(&db, move |tx| receive(tx, here, 9, 1)).await.1);
}
