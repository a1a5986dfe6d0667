use crate::fixture::{
    NOW, SECOND, add_link, add_load, new_link, person, read, sealed, uuid, workspaces, write,
};
use crate::links::{filled_link, known_person, left};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    AccessMode, Due, DueFor, DueLink, Job, Link, LinkId, LinkSettings, LinkStatus, LoadState,
    NewLink, Resource, Result, SubjectId, Trigger, Tx, WorkspaceId,
};

on_both_databases! {
    retrievals_change_the_state_of_a_link,
    an_invalid_link_is_not_refreshed,
    a_restored_link_is_as_good_as_new,
    settings_are_written_together,
    forgotten_credentials_leave_an_invalid_link,
    erased_data_leaves_the_link,
    links_are_found_when_they_are_due,
    links_that_are_due_are_looked_at_in_steps,
    what_nobody_acts_on_is_told,
    a_link_of_a_person_is_known,
}

const DUE: Due = Due {
    refresh: Some((NOW + 7, Trigger::Refresh)),
    expires_at: Some(NOW + 8),
    stale_at: Some(NOW + 9),
};

async fn link(db: &TestDatabase) -> (WorkspaceId, SubjectId, LinkId) {
    let (here, _) = workspaces(db).await;
    write(db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let id =
            tx.insert_link(&NewLink { due: DUE, ..new_link(here, subject, 60, &sealed(1)) })?;
        Ok((here, subject, id))
    })
    .await
}

async fn seen(db: &TestDatabase, id: LinkId) -> Link {
    read(db, move |tx| tx.link_by_id(id)).await.expect("no link")
}

async fn retrievals_change_the_state_of_a_link(db: TestDatabase) {
    let (_, _, id) = link(&db).await;
    for failures in 1..=3 {
        assert_eq!(write(&db, move |tx| tx.count_failure(id)).await, failures);
    }
    assert_eq!(seen(&db, id).await.failures, 3);
    assert!(write(&db, move |tx| tx.invalidate_link(id)).await);
    write(&db, move |tx| tx.mark_filled(id, NOW + 5, Some(NOW + 50))).await;
    let link = seen(&db, id).await;
    assert_eq!((link.status, link.failures), (LinkStatus::Invalid, 0), "only a check restores it");
    assert_eq!((link.last_accessed_at, link.due.stale_at), (Some(NOW + 5), Some(NOW + 50)));
    let unknown = LinkId(id.0 + 1);
    assert_eq!(write(&db, move |tx| tx.count_failure(unknown)).await, 0);
}

async fn an_invalid_link_is_not_refreshed(db: TestDatabase) {
    let (_, _, id) = link(&db).await;
    assert!(write(&db, move |tx| tx.invalidate_link(id)).await);
    let link = seen(&db, id).await;
    assert_eq!((link.status, link.due), (LinkStatus::Invalid, Due { refresh: None, ..DUE }));
    assert!(!write(&db, move |tx| tx.invalidate_link(id)).await, "it was invalid already");
    let refresh = Some((NOW + 70, Trigger::Schedule));
    write(&db, move |tx| tx.set_refresh(id, refresh)).await;
    assert_eq!(seen(&db, id).await.due, Due { refresh, ..DUE });
    write(&db, move |tx| tx.set_refresh(id, None)).await;
    assert_eq!(seen(&db, id).await.due, Due { refresh: None, ..DUE });
}

async fn a_restored_link_is_as_good_as_new(db: TestDatabase) {
    let (_, _, id) = link(&db).await;
    write(&db, move |tx| {
        tx.count_failure(id)?;
        tx.invalidate_link(id)?;
        tx.restore_link(id, &sealed(2), NOW + 3, &DUE)
    })
    .await;
    let link = seen(&db, id).await;
    assert_eq!((link.status, link.failures), (LinkStatus::Valid, 0));
    assert_eq!((link.last_accessed_at, link.due), (Some(NOW + 3), DUE));
    assert_eq!(link.sealed, sealed(2));
}

async fn settings_are_written_together(db: TestDatabase) {
    let (here, _, id) = link(&db).await;
    let other = write(&db, move |tx| {
        let eva = person(tx, here, 51)?.id;
        add_link(tx, here, eva, 61)
    })
    .await;
    let before = seen(&db, other).await;
    let settings = LinkSettings {
        access_mode: AccessMode::Recurrent,
        refresh_rate: Some("6h".to_owned()),
        credentials_storage: "store".to_owned(),
        stale_in: Some("90d".to_owned()),
        fetch_resources: vec![Resource::Owners],
        due: Due { expires_at: None, ..DUE },
    };
    let written = settings.clone();
    write(&db, move |tx| tx.set_link_settings(id, &written)).await;
    let link = seen(&db, id).await;
    let stored = LinkSettings {
        access_mode: link.access_mode,
        refresh_rate: link.refresh_rate,
        credentials_storage: link.credentials_storage,
        stale_in: link.stale_in,
        fetch_resources: link.fetch_resources,
        due: link.due,
    };
    assert_eq!(stored, settings);
    assert_eq!(seen(&db, other).await.access_mode, before.access_mode);
}

async fn forgotten_credentials_leave_an_invalid_link(db: TestDatabase) {
    let (_, _, id) = link(&db).await;
    write(&db, move |tx| tx.forget_credentials(id, &sealed(2))).await;
    let link = seen(&db, id).await;
    assert_eq!((link.status, link.sealed), (LinkStatus::Invalid, sealed(2)));
    assert_eq!(link.due, Due { refresh: None, expires_at: None, ..DUE });
}

async fn erased_data_leaves_the_link(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (subject, first, (second, waiting)) = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        known_person(tx, here, subject, 80)?;
        let (first, done) = filled_link(tx, here, subject, 60)?;
        tx.finish_load(done, LoadState::Done, None, NOW)?;
        tx.mark_filled(first, NOW, Some(NOW + 9))?;
        let (second, waiting) = filled_link(tx, here, subject, 61)?;
        Ok((subject, first, (second, waiting)))
    })
    .await;
    let erase = async |id| write(&db, move |tx| tx.erase_link_data(id, subject)).await;
    erase(first).await;
    // Links, employments, owners, loads, lines and answers: another link needs what operators said.
    assert_eq!(left(&db, subject), ["2|1|1|1|1|1|1|1|1|0"]);
    assert!(read(&db, move |tx| tx.loaded_resources(first)).await.is_empty());
    assert_eq!(seen(&db, first).await.due.stale_at, None);
    // One that holds nothing and waits for nothing does not.
    write(&db, move |tx| {
        tx.finish_load(waiting, LoadState::Failed, None, NOW)?;
        // Nor does one whose caller waits, or waited when a process died.
        add_load(tx, here, subject, first, &[Resource::Owners])
    })
    .await;
    erase(second).await;
    assert_eq!(left(&db, subject), ["2|0|0|1|1|0|0|1|1|0"]);
}

/// Three links, each due for something else.
fn due_links(tx: &mut Tx<'_>, here: WorkspaceId) -> Result<[LinkId; 3]> {
    let subject = person(tx, here, 50)?.id;
    let mut add =
        |n, due| tx.insert_link(&NewLink { due, ..new_link(here, subject, n, &sealed(n)) });
    let refresh = Some((NOW + 1, Trigger::Schedule));
    Ok([
        add(1, Due { refresh, ..Due::default() })?,
        add(2, Due { expires_at: Some(NOW + 2), ..Due::default() })?,
        add(3, Due { stale_at: Some(NOW + 3), ..Due::default() })?,
    ])
}

async fn links_are_found_when_they_are_due(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    assert_eq!(read(&db, |tx| tx.next_due_link()).await, None);
    let [first, second, third] = write(&db, move |tx| due_links(tx, here)).await;
    assert_eq!(read(&db, |tx| tx.next_due_link()).await, Some(NOW + 1));
    let due = |what, now, after, limit| read(&db, move |tx| tx.due_links(what, now, after, limit));
    let found = |at, id| vec![DueLink { at: NOW + at, id }];
    for (what, expected) in [
        (DueFor::Refresh(here), found(1, first)),
        (DueFor::Expiry, found(2, second)),
        (DueFor::Staleness, found(3, third)),
    ] {
        let [DueLink { at, .. }] = expected[..] else { panic!("one of each") };
        assert_eq!(due(what, at - 1, DueLink::FIRST, 9).await, []);
        assert_eq!(due(what, at, DueLink::FIRST, 9).await, expected);
        assert_eq!(due(what, at + 1, expected[0], 9).await, []);
    }
    assert_eq!(due(DueFor::Refresh(there), NOW + 9, DueLink::FIRST, 9).await, []);
    write(&db, move |tx| tx.invalidate_link(first)).await;
    assert_eq!(read(&db, |tx| tx.next_due_link()).await, Some(NOW + 2));
}

async fn what_nobody_acts_on_is_told(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let told = async |now| {
        let told = read(&db, move |tx| tx.overdue_links(now)).await;
        told.iter()
            .map(|it| (it.kind, it.due, it.oldest_due.map(|at| at - NOW)))
            .collect::<Vec<_>>()
    };
    let [refresh, _, _] = write(&db, move |tx| due_links(tx, here)).await;
    raw::run(&db, &format!("update subjects set withhold_at = {}", NOW + 4));
    let kinds = ["refresh", "expiry", "staleness", "withholding"];
    assert_eq!(told(NOW).await, kinds.map(|kind| (kind, 0, None)));
    let all: Vec<_> = kinds.into_iter().zip(1..).map(|(kind, at)| (kind, 1, Some(at))).collect();
    assert_eq!(told(NOW + 9).await, all);

    // Refreshes of the workspace wait for a load of it, while that waits or somebody is at it.
    write(&db, move |tx| {
        let link = tx.link_by_id(refresh)?.expect("the link is not there");
        let load = add_load(tx, here, link.subject, refresh, &[Resource::Owners])?;
        tx.enqueue(Job::SyncLink(load), NOW, NOW)
    })
    .await;
    let refreshes = async |now| told(now).await.swap_remove(0);
    assert_eq!(refreshes(NOW + 9).await, ("refresh", 1, None));
    let job = write(&db, |tx| tx.claim_jobs(NOW, NOW + SECOND, 1)).await[0];
    assert_eq!(refreshes(NOW + 9).await, ("refresh", 1, None));
    write(&db, move |tx| tx.reschedule_job(&job, NOW + 2 * SECOND, "a source is away")).await;
    assert_eq!(refreshes(NOW + 9).await, ("refresh", 1, Some(1)));
}

async fn links_that_are_due_are_looked_at_in_steps(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let due = [3, 1, 1, 2].map(|after| Some((NOW + after, Trigger::Schedule)));
    let ids = write(&db, move |tx| {
        let [subject, foreign] = [person(tx, here, 50)?.id, person(tx, there, 51)?.id];
        let mut add = |workspace, subject, n, refresh| {
            let due = Due { refresh, ..Due::default() };
            tx.insert_link(&NewLink { due, ..new_link(workspace, subject, n, &sealed(n)) })
        };
        add(there, foreign, 9, due[1])?;
        (1..).zip(due).map(|(n, due)| add(here, subject, n, due)).collect::<Result<Vec<_>>>()
    })
    .await;
    let (mut seen, mut after) = (Vec::new(), DueLink::FIRST);
    loop {
        let look = move |tx: &mut Tx<'_>| tx.due_links(DueFor::Refresh(here), NOW + 3, after, 1);
        let Some(&last) = read(&db, look).await.last() else { break };
        seen.push(last.id);
        after = last;
    }
    assert_eq!(seen, [ids[1], ids[2], ids[3], ids[0]]);
}

async fn a_link_of_a_person_is_known(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let (subject, link) = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        Ok((subject, add_link(tx, here, subject, 60)?))
    })
    .await;
    let has = async |workspace, subject, institution: &'static str| {
        read(&db, move |tx| tx.has_link(workspace, subject, institution)).await
    };
    assert!(has(here, subject, "pila_co_employment").await);
    assert!(!has(here, subject, "other").await);
    assert!(!has(there, subject, "pila_co_employment").await);
    assert!(!has(here, SubjectId(subject.0 + 1), "pila_co_employment").await);
    assert_eq!(seen(&db, link).await.uuid, uuid(60));
}
