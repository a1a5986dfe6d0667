//! What planillas cost: bytes a second to check and to decode them, on one processor and by the program
//! on all of them, beside pandas and polars reading ten or all of their columns, and lines a second to
//! import them into SQLite and PostgreSQL.
//!
//! ```text
//! bench/pila-peers/set-up
//! cargo build --release
//! cargo run --release -p vinculo-bench --bin pila -- [--lines N] [--dir FOLDER]
//! ```
//!
//! The planillas are those of two months of a made-up country. Reading is on one thread and told
//! per second of the processor, because a machine in use gives a process less than its wall shows; the
//! program, which shares the files out among the processors, is told by the clock.
//! `--dir` chooses the disk; it must not be one of memory.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod clock;
mod files;
mod program;
mod read;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;

use files::Planillas;
use program::Ran;
use vinculo_bench::machine::Processors;
use vinculo_bench::postgres::Postgres;
use vinculo_bench::reading::{Output, Reading, Run};

/// Measures planillas.
#[derive(Parser)]
struct Arguments {
    /// Lines of a month, about
    #[arg(long, default_value_t = 500_000)]
    lines: u32,
    /// Folder on the disk to measure; the default is the system's for temporary files
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Leave the import out
    #[arg(long)]
    read_only: bool,
    /// Times each figure is read
    #[arg(long, default_value_t = 3)]
    runs: usize,
    #[command(flatten)]
    output: Output,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let folder = match &arguments.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let country = files::country(arguments.lines)?;
    let (first, took) = clock::time(|| Planillas::write(&country, 0, folder.path()))?;
    println!(
        "{} people, {} lines, {:.0} MB in {} files, written in {:.1} s; load {}\n",
        country.people(),
        first.lines,
        megabytes(&first),
        first.paths.len(),
        took.clock.as_secs_f64(),
        load()?,
    );
    reading(&arguments, &first, folder.path())?;
    if !arguments.read_only {
        let second = Planillas::write(&country, 1, folder.path())?;
        importing(&arguments, [&first, &second], folder.path())?;
    }
    println!("load {}", load()?);
    Ok(())
}

fn reading(arguments: &Arguments, planillas: &Planillas, folder: &Path) -> Result<()> {
    let rate = |took: Duration| planillas.lines as f64 / took.as_secs_f64();
    let (mut in_memory, mut checked, mut by_program) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..arguments.runs {
        let seconds = read::check_in_memory(planillas)?.processor.as_secs_f64();
        in_memory.push(Run::of(megabytes(planillas) / seconds));
        checked.push(rate(read::check(planillas)?.processor));
        let before = Processors::now(Duration::ZERO)?;
        let ran = program::check(planillas)?;
        let others = Processors::now(ran.processor)?.others_since(before);
        by_program.push(Run::of(rate(ran.took)).others(others));
    }
    arguments.output.tell(&Reading::new("check", in_memory)?)?;
    arguments.output.tell(&Reading::new("check-cores", by_program.clone())?)?;
    let (found, decoded) = read::contributions(planillas)?;
    ensure!(found.records == planillas.lines, "lines were lost");
    println!("check + every contribution, from the file: {:.0} lines/s\n", rate(decoded.processor));
    for (name, columns) in
        [("pandas", "ten"), ("pandas", "all"), ("polars", "ten"), ("polars", "all")]
    {
        let (mut one, mut all) = (Vec::new(), Vec::new());
        for (ours, by_program) in checked.iter().zip(&by_program) {
            let Some(peer) = read::peer(name, columns, planillas, folder)? else { break };
            ensure!(peer.found == found, "{name} read something else: {:?}", peer.found);
            println!("{}, {columns} columns: {:.0} lines/s", peer.name, rate(peer.took.processor));
            one.push(Run::beside(*ours, rate(peer.took.processor)));
            all.push(Run { peer: Some(rate(peer.took.clock)), ..*by_program });
        }
        if one.is_empty() {
            println!("{name} is not installed: run bench/pila-peers/set-up");
            continue;
        }
        arguments.output.tell(&Reading::new(&format!("check-{name}-{columns}"), one)?)?;
        arguments.output.tell(&Reading::new(&format!("check-cores-{name}-{columns}"), all)?)?;
    }
    Ok(())
}

/// Into SQLite and into PostgreSQL, both months each time into a database of their own.
fn importing(arguments: &Arguments, months: [&Planillas; 2], folder: &Path) -> Result<()> {
    let [mut new, mut known, mut memory] = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..arguments.runs {
        let (data, mut peak) = (tempfile::tempdir_in(folder)?, 0);
        for (planillas, runs) in months.into_iter().zip([&mut new, &mut known]) {
            let before = Processors::now(Duration::ZERO)?;
            let import = program::import(planillas, data.path(), None)?;
            let others = Processors::now(import.processor)?.others_since(before);
            runs.push(rate(planillas, &import).others(others));
            peak = peak.max(import.peak_kib);
        }
        memory.push(Run::of(peak as f64 / 1024.0));
    }
    arguments.output.tell(&Reading::new("import-new", new)?)?;
    arguments.output.tell(&Reading::new("import-known", known)?)?;
    arguments.output.tell(&Reading::new("import-memory", memory)?)?;
    let [mut new, mut known] = [Vec::new(), Vec::new()];
    let mut postgres = Postgres::start()?;
    for _ in 0..arguments.runs {
        let (data, url) = (tempfile::tempdir_in(folder)?, postgres.database()?);
        for (planillas, runs) in months.into_iter().zip([&mut new, &mut known]) {
            runs.push(rate(planillas, &program::import(planillas, data.path(), Some(&url))?));
        }
    }
    arguments.output.tell(&Reading::new("import-new-postgres", new)?)?;
    arguments.output.tell(&Reading::new("import-known-postgres", known)?)
}

fn rate(planillas: &Planillas, import: &Ran) -> Run {
    let lines = planillas.lines as f64;
    println!("{:.1} µs of processor a line", import.processor.as_secs_f64() * 1e6 / lines);
    Run::of(lines / import.took.as_secs_f64())
}

fn megabytes(planillas: &Planillas) -> f64 {
    planillas.bytes as f64 / 1_000_000.0
}

/// How busy the machine is: processes waiting for a processor in the last minute.
fn load() -> Result<String> {
    let averages = fs::read_to_string("/proc/loadavg")?;
    Ok(averages.split_whitespace().next().unwrap_or_default().to_owned())
}
