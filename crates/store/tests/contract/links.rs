use crate::fixture::{
    ALL, NOW, SECOND, add_endpoint, add_link, add_load, emit_at, index, new_event, new_link,
    person, read, sealed, uuid, workspaces, wrapped, write,
};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    AccessMode, Due, Job, Link, LinkFilter, LinkId, LinkStatus, LoadId, NewContribution, NewEvent,
    NewLink, NewObject, NewSourceCall, Origin, PageRequest, Purpose, Resource, Result, SubjectId,
    TimeSpan, Trigger, Tx, WorkspaceId,
};

on_both_databases! {
    a_link_is_stored_whole,
    a_link_is_seen_by_its_workspace_only,
    pages_are_newest_first,
    links_are_those_of_a_person,
    every_filter_narrows,
    a_deleted_link_takes_its_own_and_leaves_the_rest,
    of_a_deleted_link_only_its_deletion_is_still_sent,
    the_last_link_of_a_person_takes_the_operators_answers,
}

const DUE: Due = Due {
    refresh: Some((NOW + 7, Trigger::Schedule)),
    expires_at: Some(NOW + 8),
    stale_at: Some(NOW + 9),
};

async fn a_link_is_stored_whole(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (subject, id) = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let id = tx.insert_link(&NewLink {
            access_mode: AccessMode::Recurrent,
            refresh_rate: Some("7d"),
            last_accessed_at: Some(NOW - 1),
            institution_user_id: "seudónimo",
            credentials_storage: "30d",
            stale_in: Some("90d"),
            fetch_resources: &[Resource::Owners, Resource::Employments],
            external_index: Some(&index(9)),
            due: DUE,
            consent: Some(uuid(9)),
            ..new_link(here, subject, 60, &sealed(60))
        })?;
        Ok((subject, id))
    })
    .await;
    for link in [
        read(&db, move |tx| tx.link(here, uuid(60))).await.expect("not found"),
        read(&db, move |tx| tx.link_by_id(id)).await.expect("not found"),
    ] {
        assert_eq!(
            (link.id, link.uuid, link.workspace, link.subject),
            (id, uuid(60), here, subject)
        );
        assert_eq!((link.access_mode, link.status), (AccessMode::Recurrent, LinkStatus::Valid));
        assert_eq!(link.institution, "pila_co_employment");
        assert_eq!(
            (link.refresh_rate.as_deref(), link.stale_in.as_deref()),
            (Some("7d"), Some("90d"))
        );
        assert_eq!((link.created_by, link.created_at), (uuid(1), NOW));
        assert_eq!(link.last_accessed_at, Some(NOW - 1));
        assert_eq!(link.institution_user_id, "seudónimo");
        assert_eq!(link.credentials_storage, "30d");
        assert_eq!(link.fetch_resources, [Resource::Owners, Resource::Employments]);
        assert_eq!((link.due, link.failures), (DUE, 0));
        assert_eq!(link.consent, Some(uuid(9)));
        assert_eq!(link.sealed, sealed(60));
        assert!(link.key == wrapped(50));
    }
}

async fn a_link_is_seen_by_its_workspace_only(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let id = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        add_link(tx, here, subject, 60)
    })
    .await;
    assert!(read(&db, move |tx| tx.link(there, uuid(60))).await.is_none());
    assert!(read(&db, move |tx| tx.link(here, uuid(61))).await.is_none());
    assert!(read(&db, move |tx| tx.link_by_id(LinkId(id.0 + 1))).await.is_none());
    let filter = LinkFilter { ids: Some(vec![uuid(60)]), ..LinkFilter::default() };
    let page = read(&db, move |tx| tx.links(there, &filter, ALL)).await;
    assert_eq!((page.count, page.rows.len()), (0, 0));
}

fn uuids(links: &[Link]) -> Vec<u128> {
    links.iter().map(|link| link.uuid.as_u128()).collect()
}

async fn pages_are_newest_first(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        let (subject, other) = (person(tx, here, 50)?.id, person(tx, there, 50)?.id);
        for (n, at) in [(1, 5), (2, 7), (3, 7), (4, 6), (5, 7)] {
            let made = new_link(here, subject, n, &sealed(n)).created_at + at;
            tx.insert_link(&NewLink {
                created_at: made,
                ..new_link(here, subject, n, &sealed(n))
            })?;
        }
        add_link(tx, there, other, 9)
    })
    .await;
    let page = async |limit, offset| {
        let slice = PageRequest { limit, offset };
        read(&db, move |tx| tx.links(here, &LinkFilter::default(), slice)).await
    };
    for (limit, offset, expected) in [
        (100, 0, vec![5, 3, 2, 4, 1]),
        (5, 0, vec![5, 3, 2, 4, 1]),
        (2, 0, vec![5, 3]),
        (2, 2, vec![2, 4]),
        (2, 4, vec![1]),
        (2, 6, vec![]),
        (0, 0, vec![]),
    ] {
        let page = page(limit, offset).await;
        assert_eq!((page.count, uuids(&page.rows)), (5, expected), "{limit} from {offset}");
    }
}

async fn links_are_those_of_a_person(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let subject = write(&db, move |tx| {
        let (subject, other) = (person(tx, here, 50)?.id, person(tx, here, 51)?.id);
        for (n, subject) in [(1, subject), (2, other), (3, subject)] {
            add_link(tx, here, subject, n)?;
        }
        Ok(subject)
    })
    .await;
    assert_eq!(uuids(&read(&db, move |tx| tx.links_of(subject)).await), [3, 1]);
}

async fn every_filter_narrows(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let body = sealed(1);
        let plain = |n| new_link(here, subject, n, &body);
        add_link(tx, here, subject, 1)?;
        tx.insert_link(&NewLink { institution: "other", ..plain(2) })?;
        let recurrent = AccessMode::Recurrent;
        tx.insert_link(&NewLink { access_mode: recurrent, refresh_rate: Some("7d"), ..plain(3) })?;
        let invalid = add_link(tx, here, subject, 4)?;
        tx.invalidate_link(invalid)?;
        tx.insert_link(&NewLink { institution_user_id: "else", ..plain(5) })?;
        tx.insert_link(&NewLink { external_index: Some(&index(9)), ..plain(6) })?;
        tx.insert_link(&NewLink { created_by: uuid(8), created_at: NOW + 10, ..plain(7) })
    })
    .await;
    for (filter, expected) in filters() {
        let foreign = filter.clone();
        let shown = format!("{filter:?}");
        let page = read(&db, move |tx| tx.links(here, &filter, ALL)).await;
        assert_eq!(uuids(&page.rows), expected, "{shown}");
        assert_eq!(page.count, expected.len() as i64, "{shown}");
        let page = read(&db, move |tx| tx.links(there, &foreign, ALL)).await;
        assert_eq!((page.count, page.rows.len()), (0, 0), "{shown}");
    }
}

/// Filters, and which of the seven links above they show.
fn filters() -> Vec<(LinkFilter, Vec<u128>)> {
    let all = LinkFilter::default;
    let ids = |ids: &[u64]| Some(ids.iter().copied().map(uuid).collect::<Vec<_>>());
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    let span = |from, before| TimeSpan { from, before };
    vec![
        (all(), vec![7, 6, 5, 4, 3, 2, 1]),
        (LinkFilter { ids: ids(&[1, 3, 99]), ..all() }, vec![3, 1]),
        (LinkFilter { ids: ids(&[]), ..all() }, vec![]),
        (LinkFilter { institutions: words(&["other", "none"]), ..all() }, vec![2]),
        (LinkFilter { institutions: words(&[]), ..all() }, vec![]),
        (LinkFilter { access_mode: Some(AccessMode::Recurrent), ..all() }, vec![3]),
        (LinkFilter { statuses: Some(vec![LinkStatus::Invalid]), ..all() }, vec![4]),
        (LinkFilter { statuses: Some(vec![LinkStatus::Unconfirmed]), ..all() }, vec![]),
        (LinkFilter { statuses: Some(vec![]), ..all() }, vec![]),
        (LinkFilter { refresh_rate: Some(Some("7d".to_owned())), ..all() }, vec![3]),
        (LinkFilter { refresh_rate: Some(Some("30d".to_owned())), ..all() }, vec![]),
        (LinkFilter { refresh_rate: Some(None), ..all() }, vec![7, 6, 5, 4, 2, 1]),
        (LinkFilter { institution_user_ids: words(&["else"]), ..all() }, vec![5]),
        (LinkFilter { institution_user_ids: words(&[]), ..all() }, vec![]),
        (LinkFilter { external_ids: Some(vec![index(9), index(8)]), ..all() }, vec![6]),
        (LinkFilter { external_ids: Some(vec![]), ..all() }, vec![]),
        (LinkFilter { not_created_by: vec![uuid(1), uuid(2)], ..all() }, vec![7]),
        (LinkFilter { not_created_by: vec![uuid(8)], ids: ids(&[1, 7]), ..all() }, vec![1]),
        (LinkFilter { created: span(Some(NOW + 10), None), ..all() }, vec![7]),
        (LinkFilter { created: span(None, Some(NOW)), ..all() }, vec![]),
        (LinkFilter { created: span(Some(NOW + 11), None), ..all() }, vec![]),
        (
            LinkFilter { created: span(Some(NOW), Some(NOW + 10)), ids: ids(&[2, 7]), ..all() },
            vec![2],
        ),
        (LinkFilter { ids: ids(&[3, 6]), external_ids: Some(vec![index(9)]), ..all() }, vec![6]),
    ]
}

/// A link with an object of each kind, a load and its job.
pub(crate) fn filled_link(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    subject: SubjectId,
    n: u64,
) -> Result<(LinkId, LoadId)> {
    let link = add_link(tx, workspace, subject, n)?;
    for resource in Resource::ALL.iter().copied() {
        let object = NewObject {
            uuid: uuid(n),
            workspace,
            subject,
            link,
            object: index(n),
            created_at: NOW,
            collected_at: NOW,
            sealed: sealed(n),
        };
        tx.put_objects(resource, link, &[object])?;
    }
    let load = add_load(tx, workspace, subject, link, &[Resource::Owners])?;
    tx.enqueue(Job::SyncLink(load), NOW, NOW)?;
    Ok((link, load))
}

/// A line of each origin, a call with its answer, and an event on its way.
pub(crate) fn known_person(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    subject: SubjectId,
    n: u64,
) -> Result<()> {
    let line = |origin| NewContribution {
        workspace,
        subject,
        origin,
        batch: 1,
        line: 1,
        payer: index(70),
        period: 202_601,
        planilla_type: Some("E".to_owned()),
        sealed: sealed(1),
    };
    tx.insert_contributions(&[line(Origin::Planilla), line(Origin::Answer)])?;
    tx.insert_source_call(&NewSourceCall {
        uuid: uuid(n),
        workspace,
        subject: Some(subject),
        document: &index(50),
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
        payload: Some(&sealed(2)),
        created_at: NOW,
        consent: None,
    })?;
    emit_at(tx, workspace, subject, n, NOW)?;
    Ok(())
}

/// What is left of each kind for a person.
pub(crate) fn left(db: &TestDatabase, subject: SubjectId) -> Vec<String> {
    let count = |what: &str| format!("(select count(*) from {what} and subject_id = {subject})");
    let counts = [
        "links where 1 = 1",
        "employments where 1 = 1",
        "owners where 1 = 1",
        "loads where 1 = 1",
        "contributions where origin = 'planilla'",
        "contributions where origin = 'ach'",
        "source_calls where sealed_payload is not null",
        "source_calls where 1 = 1",
        "events where 1 = 1",
        "deliveries where state = 'pending'",
    ];
    raw::rows(db, &format!("select {}", counts.map(count).join(", ")))
}

async fn a_deleted_link_takes_its_own_and_leaves_the_rest(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (ana, eva, link, kept) = write(&db, move |tx| {
        add_endpoint(tx, here, 90)?;
        let (ana, eva) = (person(tx, here, 50)?.id, person(tx, here, 51)?.id);
        known_person(tx, here, ana, 80)?;
        known_person(tx, here, eva, 81)?;
        let (link, _) = filled_link(tx, here, ana, 60)?;
        let (_, kept) = filled_link(tx, here, ana, 61)?;
        filled_link(tx, here, eva, 62)?;
        // The same number, but another kind of job.
        tx.enqueue(Job::ImportFile(vinculo_store::ImportId(1)), NOW, NOW)?;
        Ok((ana, eva, link, kept))
    })
    .await;
    let untouched = left(&db, eva);
    write(&db, move |tx| tx.delete_link(link, ana, NOW + 1)).await;
    assert_eq!(left(&db, ana), ["1|1|1|1|1|1|1|1|1|0"], "her other link needs all but the event");
    assert_eq!(left(&db, eva), untouched);
    assert!(read(&db, move |tx| tx.link_by_id(link)).await.is_none());
    assert!(read(&db, move |tx| tx.load(kept)).await.is_some());
    let jobs = raw::rows(&db, "select kind from jobs order by kind");
    assert_eq!(jobs, ["import_file", "sync_link", "sync_link"]);
}

async fn of_a_deleted_link_only_its_deletion_is_still_sent(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (subject, link) = write(&db, move |tx| {
        add_endpoint(tx, here, 90)?;
        let subject = person(tx, here, 50)?.id;
        let [link, other] = [add_link(tx, here, subject, 60)?, add_link(tx, here, subject, 61)?];
        for (n, of, code) in [
            (1, link, "historical_update"),
            (2, link, "historical_update"),
            (3, link, "link_deleted"),
            (4, other, "historical_update"),
        ] {
            let body = sealed(n);
            let event = new_event(here, Some(subject), n, &body);
            tx.emit(&NewEvent { link: Some(of), webhook_code: code, ..event })?;
        }
        tx.claim_deliveries(NOW, NOW + SECOND, 1, 9, 1)?;
        Ok((subject, link))
    })
    .await;
    write(&db, move |tx| tx.delete_link(link, subject, NOW + 1)).await;
    let states = raw::rows(&db, "select state, leased, finished_at from deliveries order by id");
    let cancelled = format!("cancelled|0|{}", NOW + 1);
    assert_eq!(states, [&cancelled, &cancelled, "pending|0|", "pending|0|"]);
}

async fn the_last_link_of_a_person_takes_the_operators_answers(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (subject, link) = write(&db, move |tx| {
        add_endpoint(tx, here, 90)?;
        let subject = person(tx, here, 50)?.id;
        known_person(tx, here, subject, 80)?;
        Ok((subject, filled_link(tx, here, subject, 60)?.0))
    })
    .await;
    write(&db, move |tx| tx.delete_link(link, subject, NOW + 1)).await;
    let expected = "0|0|0|0|1|0|0|1|1|0";
    assert_eq!(left(&db, subject), [expected]);
    assert!(raw::rows(&db, "select kind from jobs").is_empty());
    assert!(read(&db, move |tx| tx.subject(here, &index(50))).await.is_some());
    write(&db, move |tx| tx.delete_link(link, subject, NOW + 1)).await;
    assert_eq!(left(&db, subject), [expected], "deleting twice changes nothing");
}
