use crate::fixture::{NOW, index, read, workspaces, wrapped, write};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{Target, WorkspaceId};

on_both_databases! {
    what_has_grown_tenfold_is_looked_at,
    a_look_waits_for_nobody,
}

/// More than ten pages of people and of keys.
const MANY: u64 = 2000;

/// So many people more.
async fn people(db: &TestDatabase, workspace: WorkspaceId, from: u64, many: u64) {
    let offered: Vec<_> = (from..from + many).map(|n| (index(n), wrapped(n))).collect();
    write(db, move |tx| tx.ensure_subjects(workspace, &offered, NOW)).await;
}

/// Nobody else looks at the tables.
fn left_alone(db: &TestDatabase) {
    if let Target::Postgres { .. } = db.target {
        for table in ["subjects", "data_keys", "contributions"] {
            raw::run(db, &format!("alter table {table} set (autovacuum_enabled = off)"));
        }
    }
}

/// How many people the planner believes in.
fn believed(db: &TestDatabase) -> String {
    raw::rows(db, "select cast(reltuples as bigint) from pg_class where relname = 'subjects'")
        .remove(0)
}

async fn what_has_grown_tenfold_is_looked_at(db: TestDatabase) {
    left_alone(&db);
    let (workspace, _) = workspaces(&db).await;
    let looked = async || read(&db, |tx| tx.analyze_grown()).await;
    assert_eq!(looked().await, [""; 0], "nobody is there");
    people(&db, workspace, 0, MANY).await;
    let Target::Postgres { .. } = db.target else { return assert_eq!(looked().await, [""; 0]) };
    assert_eq!(believed(&db), "-1");
    assert_eq!(looked().await, ["data_keys", "subjects"]);
    assert_eq!(believed(&db), MANY.to_string());
    // Five times as many are not worth it.
    people(&db, workspace, MANY, 4 * MANY).await;
    assert_eq!(looked().await, [""; 0]);
    people(&db, workspace, 5 * MANY, 6 * MANY).await;
    assert_eq!(looked().await, ["data_keys", "subjects"]);
    assert_eq!(believed(&db), (11 * MANY).to_string());
}

async fn a_look_waits_for_nobody(db: TestDatabase) {
    let Target::Postgres { url } = &db.target else { return };
    left_alone(&db);
    let (workspace, _) = workspaces(&db).await;
    people(&db, workspace, 0, MANY).await;
    let mut other = raw::apart(|| {
        let mut other = raw::connect(url);
        let lock = "begin; lock table subjects in share update exclusive mode";
        other.batch_execute(lock).expect("not locked");
        other
    });
    read(&db, |tx| tx.analyze_grown()).await;
    assert_eq!(believed(&db), "-1", "somebody else has it");
    raw::apart(|| other.batch_execute("rollback").expect("not given back"));
    read(&db, |tx| tx.analyze_grown()).await;
    assert_eq!(believed(&db), MANY.to_string());
    raw::apart(move || drop(other));
}
