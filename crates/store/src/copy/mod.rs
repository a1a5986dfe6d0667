//! An installation copied row by row into another database, of either kind.
//!
//! Rows go in the order of their key, a page in a transaction, so that what is there already is
//! always a beginning of the table: whoever comes after a kill goes on behind the last key. Until
//! every table was compared, a table of its own keeps everybody else from opening the target.

mod catalog;
mod cell;
mod digest;

use crate::error::{Error, Result};
use crate::found;
use crate::migrate::migrate;
use crate::store::{Options, Store};
use crate::target::Target;
use crate::tx::{Dialect, Tx};
use catalog::{Table, in_order_of_parents};
use digest::Digest;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) use cell::Cell;

/// Rows that a transaction takes.
const PAGE: usize = 2000;
/// What a migration puts a row into that is nobody's.
const SEEDED: [&str; 2] = ["index_keys", "oldest_program"];
/// The table that says of a database that it is half a copy, and of what.
pub(crate) const UNFINISHED: &str = "unfinished_copy";

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyProgress {
    /// What is being done.
    pub phase: CopyPhase,
    /// Rows done in this phase; in the first one, those an earlier run had copied too.
    pub rows: u64,
    /// Rows that the source has.
    pub of: u64,
}

/// What a copy does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyPhase {
    /// Rows go over.
    Copying,
    /// Both sides are read and compared.
    Comparing,
}

/// A table that is the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// The sum of the SHA-256 of its rows, the same on every engine and in any order.
    pub sha256: [u8; 32],
}

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Every table, in the order in which they were copied.
    pub tables: Vec<CopiedTable>,
    /// Rows that an earlier, unfinished run had left.
    pub found: u64,
}

/// Copies the installation at `from`, wrapped keys included, into the database at `to`, which must be
/// empty or the unfinished copy of the same installation, and is migrated only then. Nobody else
/// may have either open. At the end every table is read again on both sides and compared. Blocks
/// for as long as it takes; `told` is called after every page.
///
/// # Errors
/// [`Error::Backup`] when both are one database, `to` holds something else, or a table differs in
/// the end; [`Error::Migration`] when `from` has not this program's schema;
/// [`Error::Unavailable`] when one of them is in use or cannot be reached.
pub fn copy(from: &Target, to: &Target, told: &mut dyn FnMut(CopyProgress)) -> Result<Copied> {
    if from == to {
        return Err(refused("source and target are the same database"));
    }
    let alone = Options { exclusive: true, postgres_lanes: 1, read_lanes: 1, ..Options::default() };
    let source = Store::open(from, &alone)?;
    let copied = admit(to).and_then(|()| migrate(to)).and_then(|_| {
        let target = Store::open_unfinished(to, &alone)?;
        let copied = Copy { source: source.clone(), target: target.clone() }.run(told);
        target.close_blocking();
        copied
    });
    source.close_blocking();
    copied
}

/// Refuses a target that is another installation, before anything of it is changed.
fn admit(to: &Target) -> Result<()> {
    found::occupied(to)?.map_or(Ok(()), |table| Err(not_empty(table)))
}

fn not_empty(table: &str) -> Error {
    refused(format!("the target is not empty: {table} has rows"))
}

fn refused(why: impl Into<String>) -> Error {
    Error::Backup(why.into())
}

/// Both sides, open for nobody else.
struct Copy {
    source: Store,
    target: Store,
}

/// A table on both sides, with the same columns in the same order.
struct Pair {
    from: Arc<Table>,
    to: Arc<Table>,
}

impl Copy {
    fn run(&self, told: &mut dyn FnMut(CopyProgress)) -> Result<Copied> {
        let keepers = self.keepers()?;
        let pairs = self.pairs()?;
        self.begin(&pairs)?;
        let (mut of, mut found) = (0, 0);
        for pair in &pairs {
            of += count(&self.source, &pair.from)?;
            found += count(&self.target, &pair.to)?;
        }
        let mut rows = found;
        for pair in &pairs {
            self.copy_rows(pair, &mut |more| {
                rows += more;
                told(CopyProgress { phase: CopyPhase::Copying, rows, of });
            })?;
            self.is_still_alone(&keepers)?;
        }
        self.analyze(&pairs)?;
        let tables = self.compare(&pairs, of, told)?;
        self.is_still_alone(&keepers)?;
        self.target.write_blocking(|tx| tx.execute(&format!("drop table {UNFINISHED}"), &[]))?;
        Ok(Copied { tables, found })
    }

    /// Who keeps everybody else away from source and target.
    fn keepers(&self) -> Result<[Option<String>; 2]> {
        let keeper = |store: &Store| store.read_blocking(catalog::keeper);
        Ok([keeper(&self.source)?, keeper(&self.target)?])
    }

    /// Fails when one of them is another one by now, which the listener of the store has made after the first was
    /// cut off: in between anybody could come and write.
    fn is_still_alone(&self, keepers: &[Option<String>; 2]) -> Result<()> {
        let now = self.keepers()?;
        let sides = ["source", "target"].into_iter().zip(keepers.iter().zip(&now));
        let mut lost = sides.filter(|(_, (then, now))| then != now || now.is_none());
        lost.next().map_or(Ok(()), |(side, _)| {
            Err(refused(format!(
                "the connection that kept everybody else from the {side} was lost, and somebody may have written \
                 there: stop every server and run the same command again"
            )))
        })
    }

    /// The tables that the migrations make, each after those its rows refer to. Both sides have this program's
    /// schema, so that whatever else stands in one of them is not vinculo's.
    fn pairs(&self) -> Result<Vec<Pair>> {
        let own = Arc::new(catalog::own()?);
        let targets = all_of(&self.target, "target", &own)?;
        let sources = all_of(&self.source, "source", &own)?;
        let pairs = in_order_of_parents(targets)?.into_iter().map(|to| {
            let from = sources.iter().find(|from| from.name == to.name).cloned();
            let from = from.ok_or_else(|| missing("source", &to.name))?;
            let to = to.with_columns_of(&from)?;
            Ok(Pair { from: Arc::new(from), to: Arc::new(to) })
        });
        pairs.collect()
    }

    /// Marks an empty target as a copy of this source, or sees that it is one that was begun.
    fn begin(&self, pairs: &[Pair]) -> Result<()> {
        let keys = pairs.iter().find(|pair| pair.from.name == "root_keys");
        let keys = keys.ok_or_else(|| refused("the source has no keys"))?;
        let source = digest(&self.source, &keys.from, &mut |_| {})?;
        if source.rows == 0 {
            return Err(refused("the source is no installation yet: it has no key"));
        }
        let source = source.sum();
        let tables: Vec<Arc<Table>> = pairs.iter().map(|pair| pair.to.clone()).collect();
        self.target.write_blocking(move |tx| {
            if catalog::is_unfinished(tx)? {
                let sql = format!("select source from {UNFINISHED}");
                return match tx.query_one(&sql, &[], |row| row.bytes(0))? == source {
                    true => Ok(()),
                    false => Err(refused("the target is half a copy of another installation")),
                };
            }
            for table in tables.iter().filter(|table| !SEEDED.contains(&&*table.name)) {
                if !table.page(tx, &[], None, 1)?.is_empty() {
                    return Err(not_empty(&table.name));
                }
            }
            let bytes = match tx.dialect() {
                Dialect::Sqlite => "data.unfinished_copy (source blob not null) strict",
                Dialect::Postgres => "public.unfinished_copy (source bytea not null)",
            };
            tx.execute(&format!("create table {bytes}"), &[])?;
            let insert = format!("insert into {UNFINISHED} (source) values ($1)");
            tx.execute(&insert, &[(&source).into()])?;
            SEEDED
                .iter()
                .try_for_each(|table| tx.execute(&format!("delete from {table}"), &[]).map(|_| ()))
        })
    }

    /// Copies what the target does not have yet of a table, and where its ids go on.
    fn copy_rows(&self, pair: &Pair, copied: &mut dyn FnMut(u64)) -> Result<()> {
        let (table, key) = (pair.to.clone(), pair.from.key.clone());
        let mut after = self.target.read_blocking(move |tx| table.last(tx, &key))?;
        loop {
            let (table, last) = (pair.from.clone(), after.take());
            let page = self.source.read_blocking(move |tx| {
                let key = table.key.clone();
                table.page(tx, &key, last.as_deref(), PAGE)
            })?;
            let Some(row) = page.last() else { break };
            after = Some(pair.from.key_of(row));
            let (table, rows) = (pair.to.clone(), page.len());
            self.target.write_blocking(move |tx| table.insert(tx, &page))?;
            copied(rows as u64);
            if rows < PAGE {
                break;
            }
        }
        let table = pair.from.clone();
        if let Some(id) = self.source.read_blocking(move |tx| table.last_id(tx))? {
            let table = pair.to.clone();
            self.target.write_blocking(move |tx| table.set_last_id(tx, id))?;
        }
        Ok(())
    }

    /// Has the target look at what it was given, or it would plan for empty tables until it does so by itself.
    fn analyze(&self, pairs: &[Pair]) -> Result<()> {
        let names: Vec<String> = pairs.iter().map(|pair| pair.to.name.clone()).collect();
        self.target.read_blocking(move |tx| names.iter().try_for_each(|name| tx.analyze(name)))
    }

    /// Reads every table on both sides, at the same time.
    fn compare(
        &self,
        pairs: &[Pair],
        of: u64,
        told: &mut dyn FnMut(CopyProgress),
    ) -> Result<Vec<CopiedTable>> {
        let (mut tables, mut differing, mut rows) = (Vec::new(), Vec::new(), 0);
        for pair in pairs {
            let (theirs, ours) = std::thread::scope(|scope| {
                let theirs = scope.spawn(|| digest(&self.target, &pair.to, &mut |_| {}));
                let ours = digest(&self.source, &pair.from, &mut |more| {
                    rows += more;
                    told(CopyProgress { phase: CopyPhase::Comparing, rows, of });
                });
                (theirs.join().unwrap_or(Err(Error::Panicked)), ours)
            });
            let (theirs, ours) = (theirs?, ours?);
            let (from, to) = (pair.from.clone(), pair.to.clone());
            let ids = self.source.read_blocking(move |tx| from.last_id(tx))?;
            let same_ids = ids == self.target.read_blocking(move |tx| to.last_id(tx))?;
            let name = pair.from.name.clone();
            if ours == theirs && same_ids {
                tables.push(CopiedTable { name, rows: ours.rows, sha256: ours.sum() });
            } else {
                differing.push(name);
            }
        }
        if differing.is_empty() {
            return Ok(tables);
        }
        let names = differing.join(", ");
        Err(refused(format!(
            "{names}: not as in the source, which has changed since this copy was begun; \
             empty the target and copy again"
        )))
    }
}

/// Every one of these tables, as it is on one side.
fn all_of(store: &Store, side: &str, own: &Arc<BTreeSet<String>>) -> Result<Vec<Table>> {
    let names = Arc::clone(own);
    let found = store.read_blocking(move |tx| catalog::tables(tx, &names))?;
    let lacking = own.iter().find(|name| found.iter().all(|table| table.name != **name));
    lacking.map_or(Ok(found), |name| Err(missing(side, name)))
}

fn missing(side: &str, table: &str) -> Error {
    refused(format!("the {side} has no table {table}"))
}

fn count(store: &Store, table: &Arc<Table>) -> Result<u64> {
    let table = table.clone();
    store.read_blocking(move |tx| table.count(tx))
}

/// All rows of a table, in the order of its own key.
fn digest(store: &Store, table: &Arc<Table>, read: &mut dyn FnMut(u64)) -> Result<Digest> {
    let (mut digest, mut after) = (Digest::default(), None);
    loop {
        let (own, last) = (table.clone(), after.take());
        let page: Vec<Vec<Cell>> = store.read_blocking(move |tx: &mut Tx<'_>| {
            let key = own.key.clone();
            own.page(tx, &key, last.as_deref(), PAGE)
        })?;
        page.iter().for_each(|row| digest.add(row));
        read(page.len() as u64);
        match page.last() {
            Some(row) if page.len() == PAGE => after = Some(table.key_of(row)),
            _ => return Ok(digest),
        }
    }
}
