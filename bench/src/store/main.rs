//! How much of the database's own speed the store keeps: durable transactions of three inserts
//! through `Store::write`, beside the same inserts by the bare driver in the same run.
//!
//! ```text
//! cargo run --release -p vinculo-bench --bin store -- [--postgres URL] [--dir FOLDER]
//! ```
//!
//! With `--postgres` every run uses a schema-less database of its own on that server, dropped at
//! the end. `--dir` chooses the disk; it must not be one of memory.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod bare_postgres;
mod bare_sqlite;
mod rows;
mod table;
mod through;

use anyhow::{Context as _, Result};
use clap::Parser;
use std::path::PathBuf;
use table::{Figure, Table};
use vinculo_bench::reading::{Output, Reading, Run};
use vinculo_store::{Target, migrate};

/// Callers at once.
const CALLERS: [usize; 4] = [1, 8, 32, 128];

#[derive(Parser)]
struct Arguments {
    /// A PostgreSQL server: a URL or a `key=value` list; the user may create databases.
    #[arg(long)]
    postgres: Option<String>,
    /// Folder on the disk to measure; the default is the system's for temporary files.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Transactions of one row of the table.
    #[arg(long, default_value_t = 40_000)]
    transactions: usize,
    /// Times the figure of SQLite is read
    #[arg(long, default_value_t = 1)]
    runs: usize,
    #[command(flatten)]
    output: Output,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut runs = Vec::new();
    for _ in 0..arguments.runs {
        let table = sqlite(&arguments)?;
        table.print();
        let (ours, bare) = table.last().context("an empty table")?;
        runs.push(Run::beside(ours, bare));
    }
    arguments.output.tell(&Reading::new("store", runs)?)?;
    if let Some(server) = &arguments.postgres {
        postgres(&arguments, server)?.print();
    }
    Ok(())
}

fn sqlite(arguments: &Arguments) -> Result<Table> {
    let place = match &arguments.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let mut table = Table::new("SQLite, WAL, synchronous=FULL");
    let fresh = |name: &str| -> Result<Target> {
        let target = Target::Sqlite { dir: place.path().join(name) };
        migrate(&target)?;
        Ok(target)
    };
    for group in [1, 32] {
        let target = fresh(&format!("bare-{group}"))?;
        let figure = bare_sqlite::run(&target, group, arguments.transactions)?;
        table.ceiling(format!("bare rusqlite, {group} a commit"), figure);
    }
    for callers in CALLERS {
        let target = fresh(&format!("store-{callers}"))?;
        let figure = through::run(&target, callers, arguments.transactions)?;
        // One caller alone can share its commit with nobody.
        table.ours(format!("store, {callers} callers"), figure, usize::from(callers > 1));
    }
    Ok(table)
}

fn postgres(arguments: &Arguments, server: &str) -> Result<Table> {
    let transactions = arguments.transactions / 2;
    let mut table = Table::new("PostgreSQL");
    for connections in [1, 16] {
        for shape in [bare_postgres::Shape::Five, bare_postgres::Shape::One] {
            let database = bare_postgres::Database::create(server)?;
            let figure = bare_postgres::run(&database, shape, connections, transactions)?;
            table.ceiling(format!("bare, {connections} connections, {shape}"), figure);
        }
    }
    for callers in CALLERS {
        let database = bare_postgres::Database::create(server)?;
        let figure: Figure = through::run(&database.target(), callers, transactions)?;
        table.ours(format!("store, {callers} callers"), figure, if callers > 1 { 2 } else { 0 });
    }
    Ok(table)
}
