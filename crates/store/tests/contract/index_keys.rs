use crate::fixture::{NOW, index, person, read, refused, workspaces, write};
use crate::raw;
use crate::source_calls::call;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{Error, IndexColumn, IndexVersion, Options, Result, Store, Tx, WorkspaceId};
use vinculo_vault::BlindIndex;

on_both_databases! {
    values_are_rotated_once_and_counted,
    a_row_of_no_workspace_is_no_value_to_guess,
    who_is_alone_shares_with_nobody,
}

/// The next of [`index`]`(n)` is `index(n + 10_000)`.
fn next(_: WorkspaceId, old: &BlindIndex) -> Option<BlindIndex> {
    let number: [u8; 8] = old.as_bytes()[..8].try_into().ok()?;
    Some(index(u64::from_be_bytes(number) + 10_000))
}

fn rotate(tx: &mut Tx<'_>, column: IndexColumn) -> Result<u64> {
    let mut all = 0;
    while let Some(rotated) = tx.rotate_indexes(column, next)? {
        all += rotated;
    }
    Ok(all)
}

async fn version(db: &TestDatabase) -> IndexVersion {
    read(db, |tx| tx.index_version()).await
}

async fn values_are_rotated_once_and_counted(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        for (workspace, n) in [(here, 1), (here, 2), (there, 1)] {
            person(tx, workspace, n)?;
        }
        tx.insert_source_call(&call(here, &index(7), 1))?;
        tx.insert_source_call(&call(here, &index(8), 2))?;
        tx.erase_person(here, &index(7)).map(|_| ())
    })
    .await;
    assert_eq!(version(&db).await, IndexVersion { version: 1, rotating: false });
    write(&db, |tx| tx.begin_index_rotation()).await;
    assert_eq!(version(&db).await, IndexVersion { version: 1, rotating: true });
    assert_eq!(write(&db, |tx| rotate(tx, IndexColumn::Subjects)).await, 3);

    // Begun again it goes on, and what is done stays as it is.
    let error = refused(&db, |tx| tx.finish_index_rotation()).await;
    assert!(matches!(&error, Error::Corrupt { .. }), "{error}");
    write(&db, |tx| tx.begin_index_rotation()).await;
    let mut rotated = Vec::new();
    for &column in IndexColumn::ALL {
        rotated.push(write(&db, move |tx| rotate(tx, column)).await);
    }
    assert_eq!(rotated[..2], [0, 1], "an erased document has no value");
    let counts = write(&db, |tx| tx.finish_index_rotation()).await;
    assert_eq!(counts[..2], [(IndexColumn::Subjects, 3), (IndexColumn::SourceCalls, 1)]);
    assert_eq!(counts.len(), IndexColumn::ALL.len());
    assert_eq!(version(&db).await, IndexVersion { version: 2, rotating: false });
    assert!(read(&db, move |tx| tx.subject(here, &index(10_001))).await.is_some());
    assert!(read(&db, move |tx| tx.subject(here, &index(1))).await.is_none());
    assert_eq!(read(&db, move |tx| tx.count_source_calls(here, &index(10_008))).await, 1);
}

async fn a_row_of_no_workspace_is_no_value_to_guess(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    write(&db, move |tx| person(tx, here, 1).map(|_| ())).await;
    write(&db, |tx| tx.begin_index_rotation()).await;
    let error = refused(&db, |tx| tx.rotate_indexes(IndexColumn::Subjects, |_, _| None)).await;
    assert!(error.to_string().contains("workspace"), "{error}");
    let position = raw::rows(&db, "select max(position), max(rotated) from index_rotation");
    assert_eq!((position, NOW > 0), (vec!["0|0".to_owned()], true));
}

async fn who_is_alone_shares_with_nobody(db: TestDatabase) {
    let alone = Options { exclusive: true, postgres_lanes: 1, ..Options::default() };
    let shared = Options { exclusive: false, ..alone.clone() };
    let open = |options: &Options| Store::open(&db.target, options);
    let second = open(&shared).expect("two may share");
    for _ in 0..2 {
        assert!(matches!(open(&alone), Err(Error::Unavailable(_))), "others are there");
    }
    second.close().await;
    db.store.clone().close().await;
    // PostgreSQL notices a little later that a connection has ended.
    let store = loop {
        if let Ok(store) = open(&alone) {
            break store;
        }
        tokio::task::yield_now().await;
    };
    assert!(matches!(open(&shared), Err(Error::Unavailable(_))), "somebody is alone");
    store.compact_blocking().expect("not compacted");
    store.close().await;
}

/// A process whose listening connection was lost goes on with the others, and is not passed over meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_makes_nobody_else_alone() {
    let db = TestDatabase::postgres();
    read(&db, |tx| tx.check_schema()).await;
    let ended = raw::rows(
        &db,
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() \
         and query ilike 'listen %'",
    );
    assert_eq!(ended, ["t"]);
    let alone = Options { exclusive: true, postgres_lanes: 1, ..Options::default() };
    assert!(
        matches!(Store::open(&db.target, &alone), Err(Error::Unavailable(_))),
        "others are there"
    );
}

/// A new column of look-up values is rotated with the others, or stands here and says why not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_column_of_look_up_values_is_forgotten() {
    let db = TestDatabase::postgres();
    let columns = "select table_name || '.' || column_name from information_schema.columns \
         where table_schema in ('public', 'vault') and column_name like '%\\_index' order by 1";
    let on_keys_of_their_own = [
        "cohort_rows.person_index",
        "consent_receipts.person_index",
        "erasures.person_index",
        "idempotency_keys.key_index",
        "idempotency_keys.request_index",
        "users.email_index",
    ];
    let mut rotated: Vec<_> = IndexColumn::ALL
        .iter()
        .filter_map(|column| column.as_str().split(' ').next())
        .chain(on_keys_of_their_own)
        .collect();
    rotated.sort_unstable();
    rotated.dedup();
    assert_eq!(raw::rows(&db, columns), rotated);
}
