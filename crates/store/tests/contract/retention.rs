use crate::audit::{block, entry};
use crate::cohorts::{add_cohort, ended};
use crate::connect_sessions::begin;
use crate::contributions::line;
use crate::fixture::{
    NOW, SECOND, add_endpoint, add_link, add_load, emit_at, index, person, read, sealed, spread,
    uuid, workspaces, write,
};
use crate::imports::{identity, loading};
use crate::kept_answers::keep;
use crate::raw;
use crate::source_calls::call;
use crate::support::{TestDatabase, on_both_databases};
use std::collections::BTreeMap;
use vinculo_store::{
    AttemptRecord, CohortRowState, DeliveryState, ImportState, LoadId, LoadState, Micros,
    NewContribution, NewImport, NewSourceCall, Old, OpenEntries, Origin, PlanillaIdentity,
    Resource, Result, RetentionRule, RetentionTotal, Tx, UsedToken, Verdict, WorkspaceId,
};

on_both_databases! {
    every_rule_removes_what_is_old_oldest_first,
    an_event_that_is_waited_for_stays,
    the_newest_load_that_was_kept_stays,
    loads_of_an_earlier_program_are_marked,
    a_load_that_ends_after_a_newer_one_goes,
    two_who_remove_count_each_row_once,
    planillas_without_lines_are_not_the_end,
}

/// Row `n` of what a rule is about, as old as `NOW + n`.
fn seed(tx: &mut Tx<'_>, rule: RetentionRule, workspace: WorkspaceId, n: u64) -> Result<()> {
    let at = NOW + n as Micros;
    // Two workspaces have no id in common.
    let n = n + 100 * workspace.0.unsigned_abs();
    let subject = person(tx, workspace, n)?.id;
    match rule {
        RetentionRule::SourceAnswers => {
            let document = index(n);
            let payload = sealed(n);
            tx.insert_source_call(&NewSourceCall {
                payload: Some(&payload),
                created_at: at,
                ..call(workspace, &document, n)
            })?;
        }
        RetentionRule::DeliveryAnswers => {
            let endpoint = add_endpoint(tx, workspace, n)?;
            emit_at(tx, workspace, subject, n, at)?;
            for due in tx.claim_deliveries(at, at + SECOND, 100, 100, 1)? {
                tx.record_attempt(
                    &AttemptRecord {
                        claim: due.claim,
                        started_at: at,
                        duration_us: 1,
                        status: Some(200),
                        failure: None,
                        excerpt: Some(&sealed(n)),
                        state: DeliveryState::Delivered,
                        due_at: at,
                    },
                    at,
                )?;
            }
            // One try for each event is easier to count.
            tx.delete_endpoint(endpoint, at)?;
        }
        RetentionRule::Events => {
            emit_at(tx, workspace, subject, n, at)?;
        }
        RetentionRule::ImportReports => {
            let (name, report) = (sealed(n), sealed(n + 1));
            let import = NewImport {
                uuid: uuid(n),
                workspace,
                sha256: &spread(n),
                bytes: 1,
                name: &name,
                allowed: "",
                spool: None,
                created_at: NOW,
            };
            let (id, _) = tx.receive_import(&import)?;
            let verdict = Verdict {
                kind: None,
                state: ImportState::Refused,
                lines: 1,
                errors: 1,
                warnings: 0,
                identity: None,
                report: &report,
            };
            tx.judge_import(id, &verdict, at)?;
        }
        RetentionRule::Loads => {
            let link = add_link(tx, workspace, subject, n)?;
            let load = add_load(tx, workspace, subject, link, &[Resource::Owners])?;
            tx.finish_load(load, LoadState::Failed, Some("down"), at)?;
        }
        RetentionRule::CohortRows => {
            let cohort = add_cohort(tx, workspace, n, &[(2, None)])?;
            tx.end_cohort_row((cohort, 2), &ended(CohortRowState::Invalid), at)?;
            tx.finish_cohort(cohort, at)?;
        }
        RetentionRule::Lines => {
            let month = PlanillaIdentity { period: at, ..identity(Some(n), None) };
            let import = loading(tx, workspace, n + 50, &month)?;
            let told = line(workspace, subject, Origin::Planilla, import.0, 1);
            tx.insert_contributions(&[NewContribution { period: at, ..told }])?;
            tx.accept_import(import, NOW)?;
        }
        RetentionRule::KeptAnswers => {
            keep(tx, workspace, (n, n), None, (at, 0))?;
        }
        RetentionRule::UsedTokens => {
            tx.use_widget_token(&UsedToken { workspace, jti: uuid(n), expires_at: at })?;
        }
        RetentionRule::ConnectSessions => begin(tx, workspace, n, at)?,
        RetentionRule::AuditEntries => {
            let sequence = at - NOW;
            tx.audit(&[entry(Some(workspace), sequence.unsigned_abs())])?;
            tx.chain_entries(OpenEntries::Of(uuid(1)), uuid(1), sequence, 9)?;
            let entries = 1;
            tx.insert_audit_block(&vinculo_store::AuditBlock { entries, ..block(1, sequence) })?;
        }
    }
    Ok(())
}

async fn every_rule_removes_what_is_old_oldest_first(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let mut removed = BTreeMap::new();
    for &rule in RetentionRule::ALL {
        let of_installation = rule == RetentionRule::AuditEntries;
        let place = (!of_installation).then_some(here);
        write(&db, move |tx| {
            for n in 0..5 {
                seed(tx, rule, here, n)?;
                if !of_installation {
                    seed(tx, rule, there, n)?;
                }
            }
            Ok(())
        })
        .await;
        let old = async |place, before| {
            let old = read(&db, move |tx| tx.old(rule, place, before)).await;
            let any = read(&db, move |tx| tx.has_old(rule, place, before)).await;
            assert_eq!(any, old.rows > 0, "{rule:?}");
            old
        };
        assert_eq!(old(place, NOW).await, Old { bytes: None, ..Old::default() }, "{rule:?}");
        let found = old(place, NOW + 3).await;
        assert_eq!((found.rows, found.oldest, found.newest), (3, Some(NOW), Some(NOW + 2)));
        let unsealed = [RetentionRule::Loads, RetentionRule::CohortRows, RetentionRule::UsedTokens]
            .contains(&rule);
        assert_eq!(found.bytes, (!unsealed).then_some(3 * 49), "{rule:?}");

        let remove = async |limit, run| {
            write(&db, move |tx| tx.remove_old(rule, place, NOW + 3, limit, run)).await
        };
        assert_eq!(remove(2, NOW + 10).await, 2, "{rule:?}");
        assert_eq!(old(place, NOW + 3).await.oldest, Some(NOW + 2), "{rule:?}: the oldest first");
        assert_eq!((remove(2, NOW + 10).await, remove(2, NOW + 10).await), (1, 0), "{rule:?}");
        assert!(old(place, NOW + 9).await.rows > 0, "{rule:?}: the younger stay");
        if !of_installation {
            assert_eq!(old(Some(there), NOW + 3).await.rows, 3, "{rule:?}: those of others stay");
        }
        let totals = read(&db, move |tx| tx.retention_totals(place)).await;
        let total = RetentionTotal { rule, removed: 3, last_removed: 3, last_removed_at: NOW + 10 };
        assert_eq!(totals.into_iter().find(|total| total.rule == rule), Some(total));
        // Another run counts anew.
        let next = write(&db, move |tx| tx.remove_old(rule, place, NOW + 4, 9, NOW + 20)).await;
        let totals = read(&db, move |tx| tx.retention_totals(place)).await;
        let total =
            RetentionTotal { removed: 4, last_removed: 1, last_removed_at: NOW + 20, ..total };
        assert_eq!((next, totals.into_iter().find(|total| total.rule == rule)), (1, Some(total)));
        removed.insert(rule, next);
        // Tries belong to events, which are a rule of their own.
        raw::run(&db, "delete from attempts; delete from deliveries; delete from events");
    }
    assert_eq!(removed.len(), RetentionRule::ALL.len());
    assert_eq!(read(&db, |tx| tx.missing_audit_block()).await, None);
}

async fn an_event_that_is_waited_for_stays(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    write(&db, move |tx| {
        add_endpoint(tx, here, 5)?;
        for n in 0..3 {
            seed(tx, RetentionRule::Events, here, n)?;
        }
        let due = tx.claim_deliveries(NOW, NOW + SECOND, 1, 1, 1)?;
        let claim = due.first().expect("nothing is due").claim;
        let done = AttemptRecord {
            claim,
            started_at: NOW,
            duration_us: 1,
            status: Some(200),
            failure: None,
            excerpt: None,
            state: DeliveryState::Delivered,
            due_at: NOW,
        };
        tx.record_attempt(&done, NOW)
    })
    .await;
    let remove = move |tx: &mut Tx<'_>| {
        tx.remove_old(RetentionRule::Events, Some(here), NOW + SECOND, 9, NOW)
    };
    assert_eq!(write(&db, remove).await, 1);
    for (table, left) in [("events", 2), ("deliveries", 2), ("attempts", 0)] {
        let count = raw::rows(&db, &format!("select count(*) from {table}"));
        assert_eq!(count, [left.to_string()], "{table}");
    }
}

async fn the_newest_load_that_was_kept_stays(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let link = write(&db, move |tx| {
        let subject = person(tx, here, 1)?.id;
        let link = add_link(tx, here, subject, 1)?;
        for resource in [Resource::Owners, Resource::Owners, Resource::Employments] {
            let load = add_load(tx, here, subject, link, &[resource])?;
            tx.finish_load(load, LoadState::Done, None, NOW)?;
        }
        add_load(tx, here, subject, link, &[Resource::Owners])?;
        Ok(link)
    })
    .await;
    let before = read(&db, move |tx| tx.loaded_resources(link)).await;
    let remove = move |tx: &mut Tx<'_>| {
        tx.remove_old(RetentionRule::Loads, Some(here), NOW + SECOND, 9, NOW)
    };
    assert_eq!((write(&db, remove).await, write(&db, remove).await), (1, 0));
    assert_eq!(raw::rows(&db, "select id from loads order by id"), ["2", "3", "4"]);
    assert_eq!(read(&db, move |tx| tx.loaded_resources(link)).await, before);
}

/// Ends a load as programs did that marked nothing.
fn end_as_before(db: &TestDatabase, load: LoadId) {
    let ended = format!("state = 'done', finished_at = {NOW}");
    raw::run(db, &format!("update loads set {ended} where id = {}", load.0));
}

async fn loads_of_an_earlier_program_are_marked(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let add = async |n| {
        let added = move |tx: &mut Tx<'_>| {
            let subject = person(tx, here, n)?.id;
            let link = match tx.link(here, uuid(n))? {
                Some(link) => link.id,
                None => add_link(tx, here, subject, n)?,
            };
            add_load(tx, here, subject, link, &[Resource::Owners])
        };
        write(&db, added).await
    };
    let report = async || {
        let old = move |tx: &mut Tx<'_>| tx.old(RetentionRule::Loads, Some(here), NOW + 1);
        let old = read(&db, old).await;
        (old.rows, old.oldest, old.newest)
    };
    let remove = async || {
        while write(&db, move |tx| tx.mark_loads(here, 2)).await > 0 {}
        let remove =
            move |tx: &mut Tx<'_>| tx.remove_old(RetentionRule::Loads, Some(here), NOW + 1, 9, NOW);
        write(&db, remove).await
    };
    let left = || raw::rows(&db, "select link_id, id, may_go from loads order by id");

    // Of one link three, of another one, of a third one that waits.
    let first = [add(1).await, add(1).await, add(1).await];
    let (second, waiting) = (add(2).await, add(3).await);
    first.iter().chain([&second]).for_each(|&load| end_as_before(&db, load));
    assert_eq!(report().await, (2, Some(NOW), Some(NOW)), "told before anything is marked");
    assert_eq!(remove().await, 2);
    assert_eq!((report().await, remove().await), ((0, None, None), 0));
    assert_eq!(left(), ["1|3|0", "2|4|0", "3|5|"]);

    // One that is marked to stay gets a newer one, of an earlier program and of this one.
    end_as_before(&db, add(1).await);
    let newer = add(2).await;
    write(&db, move |tx| tx.finish_load(newer, LoadState::Done, None, NOW)).await;
    assert_eq!(remove().await, 2);
    // This one follows one that nobody has marked.
    end_as_before(&db, waiting);
    let newer = add(3).await;
    write(&db, move |tx| tx.finish_load(newer, LoadState::Done, None, NOW)).await;
    assert_eq!((report().await.0, remove().await), (1, 1));
    assert_eq!(left(), ["1|6|0", "2|7|0", "3|8|0"]);
}

async fn a_load_that_ends_after_a_newer_one_goes(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let both = write(&db, move |tx| {
        let subject = person(tx, here, 1)?.id;
        let link = add_link(tx, here, subject, 1)?;
        let mut add = || add_load(tx, here, subject, link, &[Resource::Owners]);
        Ok([add()?, add()?])
    });
    for load in both.await.into_iter().rev() {
        write(&db, move |tx| tx.finish_load(load, LoadState::Done, None, NOW)).await;
    }
    assert_eq!(raw::rows(&db, "select id, may_go from loads order by id"), ["1|1", "2|0"]);
}

async fn two_who_remove_count_each_row_once(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let rule = RetentionRule::Events;
    write(&db, move |tx| (0..64).try_for_each(|n| seed(tx, rule, here, n))).await;
    let mut removers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = db.store.clone();
        removers.spawn(async move {
            let mut removed = 0;
            while store.read(move |tx| tx.has_old(rule, Some(here), NOW + SECOND)).await? {
                let work =
                    move |tx: &mut Tx<'_>| tx.remove_old(rule, Some(here), NOW + SECOND, 5, NOW);
                removed += store.write(work).await?;
            }
            Ok::<_, vinculo_store::Error>(removed)
        });
    }
    let removed: Result<Vec<u64>> = removers.join_all().await.into_iter().collect();
    assert_eq!(removed.expect("somebody was refused").iter().sum::<u64>(), 64);
    let totals = read(&db, move |tx| tx.retention_totals(Some(here))).await;
    assert_eq!(totals.first().map(|total| (total.removed, total.last_removed)), Some((64, 64)));
}

async fn planillas_without_lines_are_not_the_end(db: TestDatabase) {
    /// As many are looked at in one go.
    const ERASED: u64 = 100;
    let (here, _) = workspaces(&db).await;
    write(&db, move |tx| {
        (0..=ERASED).try_for_each(|n| seed(tx, RetentionRule::Lines, here, 1000 * n))
    })
    .await;
    let last = NOW + 1000 * ERASED as Micros;
    raw::run(&db, &format!("delete from contributions where period < {last}"));
    let remove =
        move |tx: &mut Tx<'_>| tx.remove_old(RetentionRule::Lines, Some(here), last + 1, 9, NOW);
    assert_eq!((write(&db, remove).await, write(&db, remove).await), (1, 0));
    let left = read(&db, move |tx| tx.has_old(RetentionRule::Lines, Some(here), last + 1)).await;
    assert!(!left, "each is looked at once");
}
