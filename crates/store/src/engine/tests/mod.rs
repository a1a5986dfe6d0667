//! What the engine promises, on both databases.

mod bulk;
mod failures;
mod groups;
mod promises;
mod schema;
mod silence;
mod turns;
mod values;
mod wakes;

use crate::support::TestDatabase;
use crate::{Dialect, Error, Result, Store, Tx};

/// One table for the engine's own tests. SQLite would create it in the file of the keys, which
/// comes first in its search, so that one is named.
pub(super) async fn with_notes(db: &TestDatabase) {
    let sql = |dialect| match dialect {
        Dialect::Sqlite => {
            "create table data.notes (id integer primary key, body text not null unique, \
             number integer, raw blob, flag integer, tag blob) strict"
        }
        Dialect::Postgres => {
            "create table notes (id bigint primary key, body text not null unique, \
             number bigint, raw bytea, flag boolean, tag uuid)"
        }
    };
    let made: Result<u64> = db.store.write(move |tx| tx.execute(sql(tx.dialect()), &[])).await;
    made.expect("no table");
}

pub(super) fn note(tx: &mut Tx<'_>, id: i64, body: &str) -> Result<u64> {
    tx.execute("insert into notes (id, body) values ($1, $2)", &[id.into(), body.into()])
}

/// The same with the next statement or the commit.
pub(super) fn note_later(tx: &mut Tx<'_>, id: i64, body: &str) -> Result<()> {
    tx.execute_later("insert into notes (id, body) values ($1, $2)", &[id.into(), body.into()])
}

pub(super) async fn bodies(store: &Store) -> Vec<String> {
    let read = |tx: &mut Tx<'_>| tx.query("select body from notes order by id", &[], |r| r.text(0));
    store.read(read).await.expect("notes are not readable")
}

/// An error of an application, which takes in the store's.
#[derive(Debug)]
pub(super) enum AppError {
    Refused,
    Store,
}

impl From<Error> for AppError {
    fn from(_: Error) -> Self {
        Self::Store
    }
}
