//! What the tables are like, asked of the database itself: one that a later migration adds is copied
//! without a word here.

use crate::engine::postgres::IN_USE;
use crate::error::Result;
use crate::migrate::{HISTORY, of_files, run};
use crate::tx::{Dialect, Tx};
use crate::value::Value;

use super::cell::{Cell, Kind};
use super::{UNFINISHED, refused};
use rusqlite::Connection;
use std::collections::BTreeSet;

/// A table on one side.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    columns: Vec<(String, Kind)>,
    /// The columns of its primary key, in its order.
    pub(super) key: Vec<String>,
    /// The tables that its rows refer to.
    parents: Vec<String>,
}

/// The tables that the migrations make, of data and keys: the same on both engines.
pub(super) fn own() -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for migrations in of_files() {
        let mut made = Connection::open_in_memory()?;
        run(migrations, HISTORY, &mut made)?;
        let own = "select name from sqlite_schema where type = 'table' \
             and name not like 'sqlite%' and name not like 'refinery%'";
        let mut statement = made.prepare(own)?;
        for name in statement.query_map([], |row| row.get(0))? {
            names.insert(name?);
        }
    }
    Ok(names)
}

/// Those of the tables `own` that are there, by name. What else there is, of an extension for one, is not ours.
pub(super) fn tables(tx: &mut Tx<'_>, own: &BTreeSet<String>) -> Result<Vec<Table>> {
    let sql = match tx.dialect() {
        Dialect::Sqlite => {
            "select name from (select name, type from main.sqlite_schema union all \
             select name, type from data.sqlite_schema) s \
             where type = 'table' and name not like 'sqlite%' order by name"
        }
        Dialect::Postgres => {
            "select cast(c.relname as text) from pg_class c \
             join pg_namespace n on n.oid = c.relnamespace \
             where n.nspname in ('public', 'vault') and c.relkind in ('r', 'p') \
             and not c.relispartition order by 1"
        }
    };
    let names = tx.query(sql, &[], |row| row.text(0))?;
    let own = names.iter().filter(|name| own.contains(*name));
    own.map(|name| table(tx, name)).collect()
}

/// Whether the database is half a copy.
pub(super) fn is_unfinished(tx: &mut Tx<'_>) -> Result<bool> {
    let sql = match tx.dialect() {
        Dialect::Sqlite => "select count(*) from data.sqlite_schema where name = $1",
        Dialect::Postgres => {
            "select count(*) from pg_class where oid = to_regclass('public.' || cast($1 as text))"
        }
    };
    tx.query_one(sql, &[UNFINISHED.into()], |row| Ok(row.int(0)? > 0))
}

/// Which session of PostgreSQL keeps everybody else from the database, `None` when none does; of an embedded
/// database it is the process.
pub(super) fn keeper(tx: &mut Tx<'_>) -> Result<Option<String>> {
    if tx.dialect() == Dialect::Sqlite {
        return Ok(Some("this process".to_owned()));
    }
    let (high, low) = (IN_USE >> 32, IN_USE & 0xffff_ffff);
    let sql = format!(
        "select cast(l.pid as text) || ' since ' || cast(a.backend_start as text) from pg_locks l \
         join pg_stat_activity a on a.pid = l.pid where l.locktype = 'advisory' and l.granted \
         and l.mode = 'ExclusiveLock' and cast(l.classid as bigint) = {high} \
         and cast(l.objid as bigint) = {low} and l.objsubid = 1 \
         and l.database = (select oid from pg_database where datname = current_database())"
    );
    tx.query_opt(&sql, &[], |row| row.text(0))
}

/// The table of this name.
pub(super) fn table(tx: &mut Tx<'_>, name: &str) -> Result<Table> {
    let (columns, key, parents) = match tx.dialect() {
        Dialect::Sqlite => (
            "select name, type from pragma_table_info($1) order by cid",
            "select name from pragma_table_info($1) where pk > 0 order by pk",
            "select \"table\" from pragma_foreign_key_list($1)",
        ),
        Dialect::Postgres => (
            "select cast(attname as text), format_type(atttypid, null) from pg_attribute \
             where attrelid = cast(cast($1 as text) as regclass) and attnum > 0 \
             and not attisdropped order by attnum",
            "select cast(a.attname as text) from pg_index i join pg_attribute a \
             on a.attrelid = i.indrelid and a.attnum = any (i.indkey) \
             where i.indrelid = cast(cast($1 as text) as regclass) and i.indisprimary \
             order by array_position(cast(i.indkey as int2[]), a.attnum)",
            "select cast(cast(confrelid as regclass) as text) from pg_constraint \
             where contype = 'f' and conrelid = cast(cast($1 as text) as regclass)",
        ),
    };
    let named = [Value::Text(name)];
    let columns = tx.query(columns, &named, |row| Ok((row.text(0)?, row.text(1)?)))?;
    let columns = columns.into_iter().map(|(column, kind)| Ok((column, Kind::named(&kind)?)));
    let columns: Vec<_> = columns.collect::<Result<_>>()?;
    let key = tx.query(key, &named, |row| row.text(0))?;
    let parents = tx.query(parents, &named, |row| row.text(0))?;
    if key.is_empty() {
        return Err(refused(format!("table {name} has no primary key to be copied by")));
    }
    Ok(Table { name: name.to_owned(), columns, key, parents })
}

/// The tables, each after those its rows refer to.
pub(super) fn in_order_of_parents(mut tables: Vec<Table>) -> Result<Vec<Table>> {
    let mut ordered: Vec<Table> = Vec::new();
    while !tables.is_empty() {
        let known = |name: &String| ordered.iter().any(|table| table.name == *name);
        let ready = tables.iter().position(|table| table.parents.iter().all(known));
        let ready = ready.ok_or_else(|| refused("tables refer to each other in a circle"))?;
        ordered.push(tables.remove(ready));
    }
    Ok(ordered)
}

impl Table {
    /// The same table with its columns in the order of another one's.
    pub(super) fn with_columns_of(self, other: &Self) -> Result<Self> {
        let mut columns = Vec::with_capacity(other.columns.len());
        for (name, _) in &other.columns {
            let own = self.columns.iter().find(|(own, _)| own == name);
            let missing = || refused(format!("table {} has no column {name}", self.name));
            columns.push(own.cloned().ok_or_else(missing)?);
        }
        if columns.len() != self.columns.len() {
            return Err(refused(format!("table {} has a column that is not copied", self.name)));
        }
        Ok(Self { columns, ..self })
    }

    /// The key of one of its rows.
    pub(super) fn key_of(&self, row: &[Cell]) -> Vec<Cell> {
        let place = |key: &String| self.columns.iter().position(|(name, _)| name == key);
        self.key.iter().filter_map(place).map(|place| row[place].clone()).collect()
    }

    /// Up to `limit` rows in the order of `key`, behind the row whose key is `after`.
    pub(super) fn page(
        &self,
        tx: &mut Tx<'_>,
        key: &[String],
        after: Option<&[Cell]>,
        limit: usize,
    ) -> Result<Vec<Vec<Cell>>> {
        let mut sql = format!("select {} from {}", self.all_columns(), quoted(&self.name));
        let mut params = Vec::new();
        if let Some(after) = after {
            for (name, cell) in key.iter().zip(after) {
                params.push(cell.value(self.kind(name)?)?);
            }
            let places: Vec<String> = (1..=key.len()).map(|n| format!("${n}")).collect();
            sql += &format!(" where ({}) > ({})", list(key), places.join(", "));
        }
        if !key.is_empty() {
            sql += &format!(" order by {}", list(key));
        }
        sql += &format!(" limit {limit}");
        let width = self.columns.len();
        tx.query(&sql, &params, |row| (0..width).map(|column| row.any(column)).collect())
    }

    /// The last key there is, in the order of `key`.
    pub(super) fn last(&self, tx: &mut Tx<'_>, key: &[String]) -> Result<Option<Vec<Cell>>> {
        let backwards: Vec<String> = key.iter().map(|it| format!("{} desc", quoted(it))).collect();
        let (columns, order) = (list(key), backwards.join(", "));
        let name = quoted(&self.name);
        let sql = format!("select {columns} from {name} order by {order} limit 1");
        tx.query_opt(&sql, &[], |row| (0..key.len()).map(|column| row.any(column)).collect())
    }

    pub(super) fn count(&self, tx: &mut Tx<'_>) -> Result<u64> {
        let sql = format!("select count(*) from {}", quoted(&self.name));
        tx.query_one(&sql, &[], |row| Ok(row.int(0)?.unsigned_abs()))
    }

    pub(super) fn insert(&self, tx: &mut Tx<'_>, rows: &[Vec<Cell>]) -> Result<u64> {
        let mut values = Vec::with_capacity(rows.len());
        for row in rows {
            let cells = row.iter().zip(&self.columns).map(|(cell, (_, kind))| cell.value(*kind));
            values.push(cells.collect::<Result<Vec<_>>>()?);
        }
        let columns: Vec<String> = self.columns.iter().map(|(name, _)| quoted(name)).collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        tx.bulk_insert(&quoted(&self.name), &columns, &values)
    }

    /// The last id that the database gave to a row of it, which may be gone; `None` where it gives
    /// none or has given none: SQLite remembers a statement that put nothing into it as 0.
    pub(super) fn last_id(&self, tx: &mut Tx<'_>) -> Result<Option<i64>> {
        match tx.dialect() {
            Dialect::Sqlite => tx.query_opt(
                "select seq from (select name, seq from main.sqlite_sequence union all \
                 select name, seq from data.sqlite_sequence) s where name = $1 and seq > 0",
                &[(&self.name).into()],
                |row| row.int(0),
            ),
            Dialect::Postgres => {
                let Some(sequence) = self.sequence(tx)? else { return Ok(None) };
                let sql = format!("select last_value from {sequence} where is_called");
                tx.query_opt(&sql, &[], |row| row.int(0))
            }
        }
    }

    /// Has the database give ids that come after this one: an id is never used twice.
    pub(super) fn set_last_id(&self, tx: &mut Tx<'_>, id: i64) -> Result<()> {
        if tx.dialect() == Dialect::Postgres {
            let Some(sequence) = self.sequence(tx)? else {
                return Err(refused(format!("table {} gives no ids", self.name)));
            };
            let sql = format!("select setval('{}', $1)", sequence.replace('\'', "''"));
            return tx.query_one(&sql, &[id.into()], |_| Ok(()));
        }
        let own = "select 1 from main.sqlite_schema where type = 'table' and name = $1";
        let own = tx.query_opt(own, &[(&self.name).into()], |_| Ok(()))?;
        let part = if own.is_some() { "main" } else { "data" };
        let params = [Value::from(&self.name), id.into()];
        let set = format!("update {part}.sqlite_sequence set seq = $2 where name = $1");
        if tx.execute(&set, &params)? == 0 {
            // No row of it was ever inserted here.
            let insert = format!("insert into {part}.sqlite_sequence (name, seq) values ($1, $2)");
            tx.execute(&insert, &params)?;
        }
        Ok(())
    }

    /// Where PostgreSQL takes its ids from, as it is written in a statement.
    fn sequence(&self, tx: &mut Tx<'_>) -> Result<Option<String>> {
        if !self.columns.iter().any(|(name, _)| name == "id") {
            return Ok(None);
        }
        let sql = "select pg_get_serial_sequence(cast($1 as text), 'id')";
        tx.query_one(sql, &[(&self.name).into()], |row| row.opt_text(0))
    }

    fn kind(&self, column: &str) -> Result<Kind> {
        let found = self.columns.iter().find(|(name, _)| name == column);
        let missing = || refused(format!("table {} has no column {column}", self.name));
        found.map(|(_, kind)| *kind).ok_or_else(missing)
    }

    fn all_columns(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        list(&names)
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

/// A name that may be a word of SQL, such as `trigger`.
fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
