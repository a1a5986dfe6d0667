use crate::fixture::{
    ALL, NOW, SECOND, add_link, person, read, refused, sealed, spread, uuid, workspaces, write,
};
use crate::support::{TestDatabase, on_both_databases};
use uuid::Uuid;
use vinculo_store::{
    ActorKind, AuditAction, AuditBlock, AuditEntry, AuditFilter, AuditHead, Error, NewAuditEntry,
    OpenEntries, SubjectId, TimeSpan, WorkspaceId,
};

on_both_databases! {
    an_entry_comes_back_as_it_was_added,
    a_list_shows_what_its_filters_leave,
    a_walk_meets_every_entry_once,
    an_entry_is_chained_once,
    a_filled_block_is_told_as_it_is_stored,
    blocks_make_a_chain,
    a_block_that_is_gone_is_missed,
    old_blocks_are_dropped_whole,
}

pub(crate) fn entry(workspace: Option<WorkspaceId>, n: u64) -> NewAuditEntry {
    NewAuditEntry {
        writer: uuid(1),
        workspace,
        created_at: NOW + n as i64,
        action: AuditAction::EmploymentsRead,
        actor: ActorKind::Key,
        actor_id: Some(uuid(30 + n)),
        person: Some(SubjectId(50 + n as i64)),
        link: Some(uuid(60 + n)),
        object: Some(uuid(70 + n)),
        objects: 3,
        request_id: Some(uuid(80 + n)),
        sealed: Some(sealed(n)),
    }
}

pub(crate) fn block(chain: u64, sequence: i64) -> AuditBlock {
    let n = 100 * chain + sequence.unsigned_abs();
    AuditBlock {
        chain: uuid(chain),
        sequence,
        created_at: NOW + sequence,
        entries: 2,
        digest: spread(n),
        previous: if sequence == 0 { [0; 32] } else { spread(n - 1 + 50_000) },
        anchors: vec![7; 3],
        hash: spread(n + 50_000),
        seal: spread(n + 90_000),
    }
}

fn ids(entries: &[AuditEntry]) -> Vec<Uuid> {
    entries.iter().filter_map(|found| found.entry.object).collect()
}

async fn add(db: &TestDatabase, entries: Vec<NewAuditEntry>) {
    write(db, move |tx| tx.audit(&entries)).await;
}

async fn an_entry_comes_back_as_it_was_added(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let bare = NewAuditEntry {
        workspace: None,
        actor_id: None,
        person: None,
        link: None,
        object: None,
        request_id: None,
        sealed: None,
        ..entry(None, 2)
    };
    add(&db, vec![entry(Some(here), 1)]).await;
    add(&db, vec![bare.clone(), entry(Some(here), 3)]).await;
    let all = AuditFilter::default();
    let found = read(&db, move |tx| tx.audit_entries_after(None, &all, 0, 10)).await;
    let shown: Vec<_> = found.iter().map(|found| format!("{:?}", found.entry)).collect();
    let added =
        [entry(Some(here), 1), bare, entry(Some(here), 3)].map(|added| format!("{added:?}"));
    assert_eq!(shown, added);
    assert!(found.iter().all(|found| found.block.is_none()));
    let undone = db.store.write(move |tx| {
        tx.audit(&[entry(Some(here), 4)])?;
        Err::<(), _>(Error::Corrupt { table: "links", what: "made up".to_owned() })
    });
    assert!(undone.await.is_err());
    assert_eq!(read(&db, |tx| tx.open_audit_entries()).await, (3, Some(NOW + 1)));
}

async fn a_list_shows_what_its_filters_leave(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let created = NewAuditEntry {
        action: AuditAction::LinkCreated,
        actor: ActorKind::Widget,
        ..entry(Some(here), 2)
    };
    add(&db, vec![entry(Some(here), 1), created, entry(Some(here), 3), entry(Some(there), 4)])
        .await;
    let all = AuditFilter::default();
    let only = |filter: AuditFilter, expected: &[u64]| {
        (filter, expected.iter().map(|n| uuid(70 + n)).collect::<Vec<_>>())
    };
    for (filter, expected) in [
        only(all.clone(), &[3, 2, 1]),
        only(AuditFilter { actors: Some(vec![ActorKind::Widget]), ..all.clone() }, &[2]),
        only(AuditFilter { actor_ids: Some(vec![uuid(31), uuid(33)]), ..all.clone() }, &[3, 1]),
        only(AuditFilter { actions: Some(vec![AuditAction::LinkCreated]), ..all.clone() }, &[2]),
        only(AuditFilter { links: Some(vec![uuid(61), uuid(64)]), ..all.clone() }, &[1]),
        only(AuditFilter { person: Some(SubjectId(53)), ..all.clone() }, &[3]),
        only(
            AuditFilter {
                created: TimeSpan { from: Some(NOW + 2), before: Some(NOW + 3) },
                ..all.clone()
            },
            &[2],
        ),
    ] {
        let shown = format!("{filter:?}");
        let page = read(&db, move |tx| tx.audit_entries(here, &filter, ALL)).await;
        assert_eq!((page.count, ids(&page.rows)), (expected.len() as i64, expected), "{shown}");
    }
    let links = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let links = [add_link(tx, here, subject, 60)?, add_link(tx, here, subject, 61)?];
        tx.link_uuids(links).map(|found| links.map(|link| found[&link]))
    });
    assert_eq!(links.await, [uuid(60), uuid(61)]);
}

async fn a_walk_meets_every_entry_once(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let entries = (0..9).map(|n| entry(Some(if n == 4 { there } else { here }), n)).collect();
    add(&db, entries).await;
    let (mut after, mut met) = (0, Vec::new());
    loop {
        let all = AuditFilter::default();
        let slice = read(&db, move |tx| tx.audit_entries_after(Some(here), &all, after, 3)).await;
        let Some(last) = slice.last() else { break };
        after = last.id;
        met.extend(ids(&slice));
    }
    let expected: Vec<_> = (0..9).filter(|n| *n != 4).map(|n| uuid(70 + n)).collect();
    assert_eq!(met, expected);
}

async fn an_entry_is_chained_once(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let other = |n| NewAuditEntry { writer: uuid(2), ..entry(Some(here), n) };
    add(&db, vec![entry(Some(here), 1), other(2), entry(Some(here), 3), entry(Some(here), 4)])
        .await;
    let take = async |open, chain, block| {
        let taken = write(&db, move |tx| tx.chain_entries(open, uuid(chain), block, 2)).await;
        let held = read(&db, move |tx| tx.entries_of_block(uuid(chain), block)).await;
        assert_eq!(taken, held.len() as u64);
        assert!(held.iter().all(|found| found.block == Some((uuid(chain), block))));
        ids(&held)
    };
    assert_eq!(take(OpenEntries::Of(uuid(1)), 1, 0).await, [uuid(71), uuid(73)]);
    assert_eq!(take(OpenEntries::Of(uuid(1)), 1, 1).await, [uuid(74)]);
    assert_eq!(take(OpenEntries::Of(uuid(1)), 1, 2).await, Vec::<Uuid>::new());
    assert_eq!(take(OpenEntries::Before(NOW + 2), 1, 2).await, Vec::<Uuid>::new());
    assert_eq!(read(&db, |tx| tx.open_audit_entries()).await, (1, Some(NOW + 2)));
    assert_eq!(take(OpenEntries::Before(NOW + 3), 1, 2).await, [uuid(72)]);
    assert_eq!(read(&db, |tx| tx.open_audit_entries()).await, (0, None));
}

/// Who makes a block hashes what it is told of: that must be what everybody reads later.
async fn a_filled_block_is_told_as_it_is_stored(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let bare = |n| NewAuditEntry {
        actor_id: None,
        person: None,
        link: None,
        object: None,
        request_id: None,
        sealed: None,
        ..entry(None, n)
    };
    let of_another = |n| NewAuditEntry { writer: uuid(2), ..entry(Some(here), n) };
    let fill = async |block, new: Vec<NewAuditEntry>| {
        let (waited, told) = write(&db, move |tx| {
            tx.fill_audit_block((uuid(1), block), new, OpenEntries::Of(uuid(1)), 2)
        })
        .await;
        let held = read(&db, move |tx| tx.entries_of_block(uuid(1), block)).await;
        assert_eq!(format!("{told:?}"), format!("{held:?}"), "block {block}");
        (waited, told.iter().map(|entry| entry.entry.created_at - NOW).collect::<Vec<_>>())
    };
    assert_eq!(fill(0, vec![]).await, (0, vec![]));
    assert_eq!(fill(0, vec![entry(Some(here), 1), bare(2), bare(3)]).await, (0, vec![1, 2, 3]));
    add(&db, (4..8).map(|n| entry(Some(here), n)).chain([of_another(8)]).collect()).await;
    assert_eq!(fill(1, vec![]).await, (2, vec![4, 5]));
    assert_eq!(fill(2, vec![entry(Some(here), 9), bare(10)]).await, (2, vec![6, 7, 9, 10]));
    // The ids of what is gone are not given again, nor those of what was never committed.
    crate::raw::run(&db, "delete from audit_entries where block = 2");
    let undone = db.store.write(move |tx| {
        tx.fill_audit_block((uuid(1), 3), vec![bare(11)], OpenEntries::Of(uuid(1)), 2)?;
        Err::<(), _>(Error::Corrupt { table: "links", what: "made up".to_owned() })
    });
    assert!(undone.await.is_err());
    assert_eq!(fill(3, vec![bare(12), bare(13)]).await, (0, vec![12, 13]));
}

async fn blocks_make_a_chain(db: TestDatabase) {
    assert_eq!(read(&db, |tx| tx.audit_head(uuid(1))).await, None);
    for (chain, sequence) in [(1, 0), (1, 1), (2, 0), (1, 2)] {
        write(&db, move |tx| tx.insert_audit_block(&block(chain, sequence))).await;
    }
    let head = |chain, sequence| {
        let AuditBlock { chain, sequence, hash, .. } = block(chain, sequence);
        AuditHead { chain, sequence, hash, first: 0, base: [0; 32] }
    };
    assert_eq!(read(&db, |tx| tx.audit_head(uuid(1))).await, Some(head(1, 2)));
    assert_eq!(read(&db, |tx| tx.audit_heads(9)).await, [head(1, 2), head(2, 0)]);
    assert_eq!(read(&db, |tx| tx.audit_heads(1)).await, [head(1, 2)]);
    let blocks = read(&db, |tx| tx.audit_blocks(uuid(1), 1, 9)).await;
    assert_eq!(blocks, [block(1, 1), block(1, 2)]);
    assert_eq!(read(&db, |tx| tx.audit_blocks(uuid(1), 0, 1)).await, [block(1, 0)]);
    let twice = refused(&db, |tx| tx.insert_audit_block(&block(1, 2))).await;
    assert!(matches!(twice, Error::Conflict(_)), "{twice}");
}

async fn a_block_that_is_gone_is_missed(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    add(&db, vec![entry(Some(here), 1), entry(Some(here), 2)]).await;
    write(&db, |tx| tx.insert_audit_block(&block(1, 0))).await;
    write(&db, |tx| tx.chain_entries(OpenEntries::Of(uuid(1)), uuid(1), 0, 1)).await;
    assert_eq!(read(&db, |tx| tx.missing_audit_block()).await, None);
    write(&db, |tx| tx.chain_entries(OpenEntries::Of(uuid(1)), uuid(1), 4, 1)).await;
    assert_eq!(read(&db, |tx| tx.missing_audit_block()).await, Some((uuid(1), 4)));
    crate::raw::run(&db, "delete from audit_entries; delete from audit_heads");
    assert_eq!(read(&db, |tx| tx.missing_audit_block()).await, Some((uuid(1), 0)));
}

async fn old_blocks_are_dropped_whole(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    for sequence in 0_i64..4 {
        let n = sequence.unsigned_abs();
        add(&db, vec![entry(Some(here), n), entry(Some(here), 10 + n)]).await;
        write(&db, move |tx| {
            tx.chain_entries(OpenEntries::Of(uuid(1)), uuid(1), sequence, 9)?;
            tx.insert_audit_block(&block(1, sequence))
        })
        .await;
    }
    assert_eq!(write(&db, |tx| tx.drop_audit_blocks(uuid(1), NOW, 9)).await, 0);
    assert_eq!(write(&db, |tx| tx.drop_audit_blocks(uuid(2), NOW + 9, 9)).await, 0);
    // So many blocks as have three entries, which is one; then one, however few are wanted.
    assert_eq!(write(&db, |tx| tx.drop_audit_blocks(uuid(1), NOW + 2, 3)).await, 2);
    assert_eq!(write(&db, |tx| tx.drop_audit_blocks(uuid(1), NOW + 2, 1)).await, 2);
    assert_eq!(write(&db, |tx| tx.drop_audit_blocks(uuid(1), NOW + 2, 9)).await, 0);
    let head = read(&db, |tx| tx.audit_head(uuid(1))).await.expect("no end");
    assert_eq!((head.first, head.base, head.sequence), (2, block(1, 1).hash, 3));
    let left = read(&db, |tx| tx.audit_blocks(uuid(1), 0, 9)).await;
    assert_eq!(left, [block(1, 2), block(1, 3)]);
    assert_eq!(read(&db, |tx| tx.missing_audit_block()).await, None);
    assert_eq!(write(&db, |tx| tx.drop_audit_blocks(uuid(1), NOW + SECOND, 9)).await, 2);
    assert_eq!(
        read(&db, |tx| tx.audit_blocks(uuid(1), 0, 9)).await,
        [block(1, 3)],
        "the last stays"
    );
}
