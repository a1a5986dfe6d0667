//! The rows that an import left, written once more by rusqlite alone: one thread, the same tables, a transaction
//! for as many lines as one of an import has. Nothing is parsed, sealed or looked up.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Statement, params_from_iter};
use vinculo_store::{Target, migrate};

use crate::clock::now;

/// Lines of a transaction.
const BLOCK: usize = 2_000;
/// Of the columns of a line, the one that says whom it is about.
const SUBJECT: usize = 1;

/// A table into which an import puts rows.
struct Table {
    name: &'static str,
    /// Which of its rows are of imports.
    of: &'static str,
    /// What becomes larger from import to import.
    grows: &'static str,
    order: &'static str,
}

/// Lines, people, and the keys of people.
const TABLES: [Table; 3] = [
    Table {
        name: "data.contributions",
        of: "origin = 'planilla'",
        grows: "batch_id",
        order: "batch_id, line",
    },
    Table { name: "data.subjects", of: "true", grows: "id", order: "id" },
    Table {
        name: "main.data_keys",
        of: "owner_kind = 'subject'",
        grows: "owner_id",
        order: "owner_id",
    },
];

type Row = Vec<Value>;

/// How far the tables were filled at some moment.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mark([i64; TABLES.len()]);

/// A database that nobody else fills.
pub(crate) struct Bare(Connection);

impl Mark {
    /// Now, in the folder of an import that has ended.
    pub(crate) fn of(folder: &Path) -> Result<Self> {
        let files = opened(folder, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut mark = Self::default();
        for (Table { name, of, grows, .. }, last) in TABLES.iter().zip(&mut mark.0) {
            let most = format!("select coalesce(max({grows}), 0) from {name} where {of}");
            *last = files.query_row(&most, [], |row| row.get(0))?;
        }
        Ok(mark)
    }

    /// The rows that came to each table since then.
    fn until(self, end: Self, folder: &Path) -> Result<[Vec<Row>; TABLES.len()]> {
        let files = opened(folder, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut added = [const { Vec::new() }; TABLES.len()];
        for (number, Table { name, of, grows, order }) in TABLES.iter().enumerate() {
            let mut rows = files.prepare(&format!(
                "select * from {name} where {of} and {grows} > ? and {grows} <= ? order by {order}"
            ))?;
            let columns = rows.column_count();
            let rows = rows.query_map([self.0[number], end.0[number]], |row| {
                (0..columns).map(|column| row.get(column)).collect()
            })?;
            added[number] = rows.collect::<Result<_, _>>()?;
        }
        Ok(added)
    }
}

impl Bare {
    /// Makes it in an empty folder.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        migrate(&Target::Sqlite { dir: folder.to_owned() })?;
        let files = opened(folder, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // As the store has them, but that nobody asks whether what is referred to is there.
        files.execute_batch(
            "pragma main.journal_mode = wal; pragma data.journal_mode = wal;
             pragma main.synchronous = full; pragma data.synchronous = normal;
             pragma foreign_keys = off; pragma temp_store = memory;
             pragma main.cache_size = -2048; pragma data.cache_size = -16384;
             pragma wal_autocheckpoint = 4000",
        )?;
        Ok(Self(files))
    }

    /// Writes what an import into `folder` added between two moments: how many lines, and how long it took
    /// until the logs were in the tables.
    pub(crate) fn write(
        &self,
        folder: &Path,
        from: Mark,
        until: Mark,
    ) -> Result<(usize, Duration)> {
        let [lines, people, keys] = from.until(until, folder)?;
        ensure!(people.len() == keys.len(), "a person without a key");
        let mut people = people.iter().zip(&keys).peekable();
        let started = now();
        let [mut line, mut person, mut key] = self.inserts()?;
        for block in lines.chunks(BLOCK) {
            self.0.execute_batch("begin immediate")?;
            let newest = block.iter().filter_map(|line| integer(&line[SUBJECT])).max();
            while let Some((one, of)) = people.next_if(|(one, _)| integer(&one[0]) <= newest) {
                person.execute(params_from_iter(one))?;
                key.execute(params_from_iter(of))?;
            }
            for one in block {
                line.execute(params_from_iter(one))?;
            }
            self.0.execute_batch("commit")?;
        }
        for part in ["main", "data"] {
            let checkpoint = format!("pragma {part}.wal_checkpoint(truncate)");
            self.0.query_row(&checkpoint, [], |_| Ok(()))?;
        }
        Ok((lines.len(), started.elapsed()))
    }
    /// A statement for a row of each table.
    fn inserts(&self) -> Result<[Statement<'_>; TABLES.len()]> {
        let insert = |Table { name, .. }: &Table| {
            let columns = self.0.prepare(&format!("select * from {name}"))?.column_count();
            let places = vec!["?"; columns].join(", ");
            self.0.prepare(&format!("insert into {name} values ({places})"))
        };
        Ok([insert(&TABLES[0])?, insert(&TABLES[1])?, insert(&TABLES[2])?])
    }
}

/// The keys of a folder, with its data beside them.
fn opened(folder: &Path, flags: OpenFlags) -> Result<Connection> {
    let files = Connection::open_with_flags(folder.join("vault.db"), flags)?;
    let data = folder.join("vinculo.db");
    files.execute("attach ? as data", [data.to_str().context("a path that is no text")?])?;
    Ok(files)
}

fn integer(value: &Value) -> Option<i64> {
    if let Value::Integer(number) = value { Some(*number) } else { None }
}
