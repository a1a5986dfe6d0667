//! How large PostgreSQL takes its tables to be. It plans by that, and keeps a plan until it has looked anew: one
//! made while a table had few rows reads all of it, and its own looks come up to a minute after a first load began.

use crate::{Dialect, Result, Tx};

/// The tables that hold people and their lines.
const FILLED: [&str; 3] = ["subjects", "data_keys", "contributions"];

/// Those of some tables that have ten times as many pages as when they were last looked at, or so many while
/// nobody did.
const GROWN: &str = "select cast(relname as text) from pg_class where oid in ($oids) \
     and pg_relation_size(oid) >= 10 * greatest(relpages, 1) * cast(current_setting('block_size') as bigint) \
     order by relname";

impl Tx<'_> {
    /// Has PostgreSQL look at the tables that an import fills, those that have grown tenfold since it last did; then
    /// every connection plans anew what it asks of them. The names of these tables. For a
    /// [`read`](crate::Store::read), where each look commits itself. Waits for nobody: a table that somebody else
    /// is looking at is passed over. A role that does not own a table cannot have it looked at, and is not told so.
    ///
    /// Nothing on SQLite, which plans by the indexes there are.
    ///
    /// # Errors
    /// When the database fails.
    pub fn analyze_grown(&mut self) -> Result<Vec<String>> {
        if self.dialect() == Dialect::Sqlite {
            return Ok(Vec::new());
        }
        let oids = FILLED.map(|table| format!("to_regclass('{table}')")).join(", ");
        let grown = self.query(&GROWN.replace("$oids", &oids), &[], |row| row.text(0))?;
        grown.iter().try_for_each(|table| self.analyze(table))?;
        Ok(grown)
    }

    /// Has PostgreSQL look at one table, unless somebody else is; nothing on SQLite.
    pub(crate) fn analyze(&mut self, table: &str) -> Result<()> {
        match self.dialect() {
            Dialect::Sqlite => Ok(()),
            Dialect::Postgres => {
                self.execute(&format!("analyze (skip_locked) \"{table}\""), &[]).map(|_| ())
            }
        }
    }
}
