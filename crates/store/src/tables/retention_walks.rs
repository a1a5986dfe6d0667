//! What is old is found without what stays. Seen on SQLite, whose machine counts its steps; PostgreSQL is looked
//! at by the contract.

use std::time::Duration;

use super::{RetentionRule, WorkspaceId};
use crate::engine::sqlite::{Connection, data_file, vault_file};
use crate::support::{TestDatabase, retained};
use crate::tx::{Driver, Mode};
use crate::{Dialect, Result, Target, Tx};

/// Steps of the machine: fewer than five for each of the five thousand rows that stay.
const FEW: u64 = 20_000;

#[test]
fn what_is_old_is_found_without_what_stays() {
    let db = TestDatabase::sqlite();
    let Target::Sqlite { dir } = &db.target else { panic!("another database") };
    let filling = rusqlite::Connection::open(vault_file(dir)).expect("not opened");
    let data = data_file(dir);
    filling.execute("attach ?1 as data", [data.to_str()]).expect("not attached");
    filling.execute_batch(&retained(Dialect::Sqlite)).expect("not filled");
    drop(filling);

    let mut connection = Connection::open(dir, Duration::from_secs(5)).expect("not opened");
    let steps = connection.count_steps().expect("not counted");
    let mut tx = Tx::new(Driver::Sqlite(&mut connection), Mode::Write);
    let mut guilty = Vec::new();
    let here = WorkspaceId(1);
    for &rule in RetentionRule::ALL {
        let place = (rule != RetentionRule::AuditEntries).then_some(here);
        let mut look = |what: &str, expected: u64, call: &dyn Fn(&mut Tx<'_>) -> Result<u64>| {
            let before = steps.load(std::sync::atomic::Ordering::Relaxed);
            assert_eq!(call(&mut tx).expect("not run"), expected, "{rule:?}: {what}");
            let taken = steps.load(std::sync::atomic::Ordering::Relaxed) - before;
            if taken > FEW {
                guilty.push(format!("{rule:?}: {what} takes {taken} steps"));
            }
        };
        let has = |tx: &mut Tx<'_>| tx.has_old(rule, place, 10_000).map(u64::from);
        look("a look", 1, &has);
        // A report of the audit log goes through all of it.
        if rule != RetentionRule::AuditEntries {
            look("a report", 10, &|tx| Ok(tx.old(rule, place, 10_000)?.rows.unsigned_abs()));
        }
        look("a removal", 10, &|tx| tx.remove_old(rule, place, 10_000, 20, 1));
        look("a look for nothing", 0, &has);
        if rule == RetentionRule::Loads {
            look("a look for what is unmarked", 0, &|tx| tx.mark_loads(here, 100));
        }
    }
    assert!(guilty.is_empty(), "{guilty:#?}");
}
