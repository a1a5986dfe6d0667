//! `vinculo db …`

use std::process::ExitCode;

use anstream::println;
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use vinculo_server::hex;
use vinculo_store::{Copied, CopyPhase, Target, copy};

use crate::args::{CopyDatabase, Db};
use crate::print::{DIM, GOOD};

/// What was copied.
#[derive(Serialize)]
struct Told {
    rows: u64,
    /// Rows that an interrupted copy had left.
    found: u64,
    tables: Vec<ToldTable>,
}

#[derive(Serialize)]
struct ToldTable {
    table: String,
    rows: u64,
    sha256: String,
}

/// Runs the command.
pub(crate) fn run(command: &Db) -> anyhow::Result<ExitCode> {
    let Db::Copy(options) = command;
    copy_database(options)
}

/// Copies one database into another. Needs no master key: nothing is opened.
fn copy_database(options: &CopyDatabase) -> anyhow::Result<ExitCode> {
    let ends = [("--from", &options.ends.copy_from), ("--to", &options.ends.copy_to)];
    let [from, to] = ends.map(|(name, url)| {
        let url = url.as_deref().with_context(|| format!("{name} is missing"))?;
        Target::from_url(url).context(name)
    });
    let (from, to) = (from?, to?);
    let bar = if options.json { ProgressBar::hidden() } else { ProgressBar::new(0) };
    bar.set_style(ProgressStyle::with_template("{msg} {bar:30} {pos} of {len} rows")?);
    let copied = copy(&from, &to, &mut |progress| {
        bar.set_length(progress.of);
        bar.set_position(progress.rows);
        bar.set_message(match progress.phase {
            CopyPhase::Copying => "copying",
            CopyPhase::Comparing => "comparing",
        });
    });
    bar.finish_and_clear();
    let told = tell(copied?);
    if options.json {
        println!("{}", serde_json::to_string(&told)?);
        return Ok(ExitCode::SUCCESS);
    }
    for table in &told.tables {
        println!("{:>12} {} {DIM}{}{DIM:#}", table.rows, table.table, table.sha256);
    }
    println!("{GOOD}{} rows, the same on both sides{GOOD:#}", told.rows);
    if told.found > 0 {
        println!("{} of them were there from an interrupted copy", told.found);
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(copied: Copied) -> Told {
    let rows = copied.tables.iter().map(|table| table.rows).sum();
    let tables = copied.tables.into_iter().map(|table| ToldTable {
        table: table.name,
        rows: table.rows,
        sha256: hex(&table.sha256),
    });
    Told { rows, found: copied.found, tables: tables.collect() }
}
