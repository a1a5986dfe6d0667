use crate::fixture::{NOW, add_link, add_load, index, person, read, uuid, workspaces, write};
use crate::raw;
use crate::source_calls::call;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    Job, LinkId, Load, LoadCourse, LoadId, LoadState, NewLoad, NewSourceCall, Purpose, Resource,
    SourceCallId, SubjectId, Trigger, Tx, WorkspaceId,
};

on_both_databases! {
    a_load_is_stored_whole,
    a_load_remembers_its_question,
    a_load_ends_once,
    what_was_loaded_is_known,
    loads_running_at_once_end_once,
    an_unknown_load_is_none,
    the_last_refresh_is_known,
    what_waits_is_known,
    requests_that_nobody_is_at_end,
    how_loads_went_is_known,
    how_long_creations_took_is_known,
}

async fn link(db: &TestDatabase) -> (WorkspaceId, SubjectId, LinkId) {
    let (here, _) = workspaces(db).await;
    write(db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        Ok((here, subject, add_link(tx, here, subject, 60)?))
    })
    .await
}

async fn what_was_loaded_is_known(db: TestDatabase) {
    let (workspace, subject, link) = link(&db).await;
    let loaded = async || read(&db, move |tx| tx.loaded_resources(link)).await;
    for (resources, state, save_data, known) in [
        (vec![Resource::Owners], LoadState::Failed, true, vec![]),
        (vec![Resource::Owners], LoadState::Done, false, vec![]),
        (vec![Resource::Owners], LoadState::Done, true, vec![Resource::Owners]),
        (Resource::ALL.to_vec(), LoadState::Done, true, Resource::ALL.to_vec()),
    ] {
        write(&db, move |tx| {
            let id = tx.insert_load(&NewLoad {
                workspace,
                subject,
                link,
                trigger: Trigger::Creation,
                resources: &resources,
                request_id: uuid(70),
                window: None,
                save_data,
                quiet: false,
                source_call: None,
                created_at: NOW,
            })?;
            tx.finish_load(id, state, None, NOW)
        })
        .await;
        assert_eq!(loaded().await, known);
    }
}

async fn a_load_is_stored_whole(db: TestDatabase) {
    let (workspace, subject, link) = link(&db).await;
    for trigger in Trigger::ALL.iter().copied() {
        let resources = vec![Resource::Owners, Resource::Employments];
        let wanted = resources.clone();
        let id = write(&db, move |tx| {
            tx.insert_load(&NewLoad {
                workspace,
                subject,
                link,
                trigger,
                resources: &wanted,
                request_id: uuid(70),
                window: Some(("2025-01-01", "2025-12-31")),
                save_data: false,
                quiet: false,
                source_call: Some(SourceCallId(5)),
                created_at: NOW,
            })
        })
        .await;
        let expected = Load {
            id,
            workspace,
            subject,
            link,
            trigger,
            resources,
            request_id: uuid(70),
            window: Some(("2025-01-01".to_owned(), "2025-12-31".to_owned())),
            save_data: false,
            state: LoadState::Waiting,
            quiet: false,
            source_call: Some(SourceCallId(5)),
            created_at: NOW,
        };
        assert_eq!(read(&db, move |tx| tx.load(id)).await, Some(expected));
    }
}

async fn a_load_remembers_its_question(db: TestDatabase) {
    let (workspace, subject, link) = link(&db).await;
    let id = write(&db, move |tx| add_load(tx, workspace, subject, link, &[])).await;
    let load = read(&db, move |tx| tx.load(id)).await.expect("no load");
    assert_eq!((load.source_call, load.resources), (None, vec![]));
    write(&db, move |tx| tx.set_load_call(id, SourceCallId(9))).await;
    let load = read(&db, move |tx| tx.load(id)).await.expect("no load");
    assert_eq!(load.source_call, Some(SourceCallId(9)));
}

async fn a_load_ends_once(db: TestDatabase) {
    let (workspace, subject, link) = link(&db).await;
    let add = move |tx: &mut vinculo_store::Tx<'_>| add_load(tx, workspace, subject, link, &[]);
    let (done, failed) = (write(&db, add).await, write(&db, add).await);
    assert!(write(&db, move |tx| tx.finish_load(done, LoadState::Done, None, NOW + 1)).await);
    let why = Some("given up: ñ");
    assert!(write(&db, move |tx| tx.finish_load(failed, LoadState::Failed, why, NOW + 2)).await);
    let rows = "select state, failure, finished_at from loads order by id";
    let ended = [format!("done||{}", NOW + 1), format!("failed|given up: ñ|{}", NOW + 2)];
    assert_eq!(raw::rows(&db, rows), ended);
    for state in LoadState::ALL.iter().copied() {
        assert!(!write(&db, move |tx| tx.finish_load(done, state, why, NOW + 3)).await, "{state}");
    }
    assert_eq!(raw::rows(&db, rows), ended);
    let load = read(&db, move |tx| tx.load(failed)).await.expect("no load");
    assert_eq!(load.state, LoadState::Failed);
}

async fn loads_running_at_once_end_once(db: TestDatabase) {
    let (workspace, subject, link) = link(&db).await;
    let id = write(&db, move |tx| add_load(tx, workspace, subject, link, &[])).await;
    let mut runs = tokio::task::JoinSet::new();
    for n in 0..8 {
        let store = db.store.clone();
        runs.spawn(async move {
            store.write(move |tx| tx.finish_load(id, LoadState::Done, None, NOW + n)).await
        });
    }
    let ends = runs.join_all().await.into_iter().map(|end| end.expect("not written"));
    assert_eq!(ends.filter(|ended| *ended).count(), 1);
}

async fn an_unknown_load_is_none(db: TestDatabase) {
    assert_eq!(read(&db, |tx| tx.load(LoadId(1))).await, None);
    assert!(!write(&db, |tx| tx.finish_load(LoadId(1), LoadState::Done, None, NOW)).await);
}

/// A load of a link with this trigger, made at this moment.
async fn load_at(
    db: &TestDatabase,
    (workspace, subject, link): (WorkspaceId, SubjectId, LinkId),
    trigger: Trigger,
    created_at: i64,
) -> LoadId {
    write(db, move |tx| {
        tx.insert_load(&NewLoad {
            workspace,
            subject,
            link,
            trigger,
            resources: &[],
            request_id: uuid(70),
            window: None,
            save_data: true,
            quiet: false,
            source_call: None,
            created_at,
        })
    })
    .await
}

async fn the_last_refresh_is_known(db: TestDatabase) {
    let here @ (_, _, link) = link(&db).await;
    let last = async || read(&db, move |tx| tx.last_refresh(link)).await;
    load_at(&db, here, Trigger::Creation, NOW).await;
    assert_eq!(last().await, None);
    load_at(&db, here, Trigger::Refresh, NOW + 2).await;
    load_at(&db, here, Trigger::Refresh, NOW + 1).await;
    load_at(&db, here, Trigger::Schedule, NOW + 3).await;
    assert_eq!(last().await, Some(NOW + 2));
    // A load with the answer to a check follows an update.
    for (purpose, created_at, known) in
        [(Purpose::Check, NOW + 4, NOW + 2), (Purpose::Load, NOW + 5, NOW + 5)]
    {
        let load = load_at(&db, here, Trigger::Refresh, created_at).await;
        write(&db, move |tx| {
            let number = if purpose == Purpose::Check { 80 } else { 81 };
            let document = index(50);
            let call = NewSourceCall { purpose, ..call(here.0, &document, number) };
            let call = tx.insert_source_call(&call)?;
            tx.set_load_call(load, call)
        })
        .await;
        assert_eq!(last().await, Some(known));
    }
    assert_eq!(read(&db, move |tx| tx.last_refresh(LinkId(link.0 + 1))).await, None);
}

async fn what_waits_is_known(db: TestDatabase) {
    let here @ (_, subject, link) = link(&db).await;
    let waits = async |trigger| read(&db, move |tx| tx.has_waiting_load(link, trigger)).await;
    let open = async |since| read(&db, move |tx| tx.has_open_request(subject, since)).await;
    let scheduled = load_at(&db, here, Trigger::Schedule, NOW).await;
    assert!(waits(Trigger::Schedule).await && !waits(Trigger::Request).await);
    assert!(!open(0).await, "a load on schedule is no request");
    write(&db, move |tx| tx.finish_load(scheduled, LoadState::Failed, None, NOW)).await;
    assert!(!waits(Trigger::Schedule).await);

    let request = load_at(&db, here, Trigger::Request, NOW + 5).await;
    assert!(open(NOW + 5).await && !open(NOW + 6).await);
    let other = SubjectId(subject.0 + 1);
    assert!(!read(&db, move |tx| tx.has_open_request(other, 0)).await);
    write(&db, move |tx| tx.finish_load(request, LoadState::Done, None, NOW)).await;
    assert!(!open(0).await);
}

async fn requests_that_nobody_is_at_end(db: TestDatabase) {
    let here @ (workspace, subject, link) = link(&db).await;
    let other = write(&db, move |tx| {
        let subject = person(tx, workspace, 51)?.id;
        Ok((workspace, subject, add_link(tx, workspace, subject, 61)?))
    })
    .await;
    let lost = load_at(&db, here, Trigger::Request, NOW).await;
    let young = load_at(&db, here, Trigger::Request, NOW + 5).await;
    let at_work = load_at(&db, here, Trigger::Request, NOW).await;
    write(&db, move |tx| tx.enqueue(Job::SyncLink(at_work), NOW, NOW)).await;
    load_at(&db, here, Trigger::Refresh, NOW).await;
    load_at(&db, other, Trigger::Request, NOW).await;
    let end = move |tx: &mut Tx<'_>| tx.end_lost_requests(subject, NOW + 5, NOW + 9);
    assert_eq!(write(&db, end).await, 1);
    let ended =
        "select id, state, failure, finished_at, may_go from loads where state <> 'waiting'";
    assert_eq!(raw::rows(&db, ended), [format!("{lost}|failed|internal|{}|1", NOW + 9)]);
    assert_eq!(write(&db, end).await, 0);
    assert!(read(&db, move |tx| tx.has_waiting_load(link, Trigger::Request)).await);
    assert!(write(&db, move |tx| tx.finish_load(young, LoadState::Done, None, NOW)).await);
}

async fn how_loads_went_is_known(db: TestDatabase) {
    let here @ (_, _, link) = link(&db).await;
    let created = load_at(&db, here, Trigger::Creation, NOW).await;
    write(&db, move |tx| tx.finish_load(created, LoadState::Failed, Some("x"), NOW + 7)).await;
    load_at(&db, here, Trigger::Refresh, NOW + 9).await;
    let course = |trigger, state, failure: Option<&str>, created_at, finished_at| LoadCourse {
        trigger,
        state,
        failure: failure.map(str::to_owned),
        created_at,
        finished_at,
    };
    let all = [
        course(Trigger::Refresh, LoadState::Waiting, None, NOW + 9, None),
        course(Trigger::Creation, LoadState::Failed, Some("x"), NOW, Some(NOW + 7)),
    ];
    assert_eq!(read(&db, move |tx| tx.load_courses(link, 9)).await, all);
    assert_eq!(read(&db, move |tx| tx.load_courses(link, 1)).await, all[..1]);
    let other = LinkId(link.0 + 1);
    assert!(read(&db, move |tx| tx.load_courses(other, 9)).await.is_empty());
}

async fn how_long_creations_took_is_known(db: TestDatabase) {
    let here @ (workspace, _, _) = link(&db).await;
    for (trigger, state, took) in [
        (Trigger::Creation, LoadState::Done, 5),
        (Trigger::Creation, LoadState::Done, 9),
        (Trigger::Creation, LoadState::Failed, 11),
        (Trigger::Refresh, LoadState::Done, 13),
    ] {
        let load = load_at(&db, here, trigger, NOW).await;
        write(&db, move |tx| tx.finish_load(load, state, None, NOW + took)).await;
    }
    load_at(&db, here, Trigger::Creation, NOW).await;
    let times = async |workspace, since, limit| {
        read(&db, move |tx| tx.creation_times(workspace, since, limit)).await
    };
    assert_eq!(times(workspace, NOW, 9).await, [9, 5], "the last one first");
    assert_eq!(times(workspace, NOW, 1).await, [9]);
    assert_eq!(times(workspace, NOW + 6, 9).await, [9]);
    assert!(times(WorkspaceId(workspace.0 + 1), NOW, 9).await.is_empty());
}
