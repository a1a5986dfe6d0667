//! What planillas cost: bytes a second to check them, by the crate and by the program on one processor and on
//! all of them, beside those who only count their lines and beside pandas and polars reading ten or all of their
//! columns; and lines a second to import them into SQLite and PostgreSQL, beside the bare inserts of their rows.
//!
//! ```text
//! bench/pila-peers/set-up
//! cargo build --release
//! cargo run --release -p vinculo-bench --bin pila -- [--lines N] [--dir FOLDER]
//! ```
//!
//! The planillas are those of two months of a made-up country. The crate is told per second of the processor,
//! because a machine in use gives a process less than its wall shows; the program is told by the clock.
//! `--dir` chooses the disk; it must not be one of memory.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod bare;
mod clock;
mod files;
mod program;
mod read;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;

use bare::{Bare, Mark};
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

/// The crate itself on bytes, then the program: on one processor, and on all of them.
fn reading(arguments: &Arguments, planillas: &Planillas, folder: &Path) -> Result<()> {
    let rate = |took: Duration| planillas.lines as f64 / took.as_secs_f64();
    let per_second = |took: Duration| megabytes(planillas) / took.as_secs_f64();
    let [mut in_memory, mut on_one, mut bytes_on_one, mut on_all] = [const { Vec::new() }; 4];
    for _ in 0..arguments.runs {
        let [checked, counted] = read::check_in_memory(planillas)?.map(|took| took.processor);
        in_memory.push(Run::beside(per_second(checked), per_second(counted)));
        let (ran, others) = beside_others(|| program::check_on_one(planillas))?;
        let counted = program::count_lines_on_one(planillas)?;
        on_one.push(Run::of(rate(ran.took)).others(others));
        let run = Run::beside(per_second(ran.took), per_second(counted.took));
        bytes_on_one.push(run.others(others));
        let (ran, others) = beside_others(|| program::check(planillas))?;
        on_all.push(Run::of(rate(ran.took)).others(others));
    }
    arguments.output.tell(&Reading::new("check", in_memory)?)?;
    arguments.output.tell(&Reading::new("check-core", bytes_on_one)?)?;
    arguments.output.tell(&Reading::new("check-cores", on_all.clone())?)?;
    let (found, decoded) = read::contributions(planillas)?;
    ensure!(found.records == planillas.lines, "lines were lost");
    println!("check + every contribution, from the file: {:.0} lines/s\n", rate(decoded.processor));
    for (name, columns) in
        [("pandas", "ten"), ("pandas", "all"), ("polars", "ten"), ("polars", "all")]
    {
        let (mut one, mut all) = (Vec::new(), Vec::new());
        for (on_one, on_all) in on_one.iter().zip(&on_all) {
            let Some(peer) = read::peer(name, columns, planillas, folder)? else { break };
            ensure!(peer.found == found, "{name} read something else: {:?}", peer.found);
            println!("{}, {columns} columns: {:.0} lines/s", peer.name, rate(peer.clock));
            one.push(Run { peer: Some(rate(peer.clock)), ..*on_one });
            all.push(Run { peer: Some(rate(peer.clock)), ..*on_all });
        }
        if one.is_empty() {
            println!("{name} is not installed: run bench/pila-peers/set-up");
            continue;
        }
        arguments.output.tell(&Reading::new(&format!("check-core-{name}-{columns}"), one)?)?;
        arguments.output.tell(&Reading::new(&format!("check-cores-{name}-{columns}"), all)?)?;
    }
    Ok(())
}

/// Runs the program: percent of the processors that others took meanwhile.
fn beside_others(run: impl FnOnce() -> Result<Ran>) -> Result<(Ran, f64)> {
    let before = Processors::now(Duration::ZERO)?;
    let ran = run()?;
    let others = Processors::now(ran.processor)?.others_since(before);
    Ok((ran, others))
}

/// Into SQLite and into PostgreSQL, both months each time into a database of their own.
fn importing(arguments: &Arguments, months: [&Planillas; 2], folder: &Path) -> Result<()> {
    let [mut new, mut known, mut memory] = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..arguments.runs {
        let (data, mut peak) = (tempfile::tempdir_in(folder)?, 0);
        let bare_data = tempfile::tempdir_in(folder)?;
        let (bare, mut mark) = (Bare::new(bare_data.path())?, Mark::default());
        for (planillas, runs) in months.into_iter().zip([&mut new, &mut known]) {
            let (import, others) = beside_others(|| program::import(planillas, data.path(), None))?;
            let ours = rate(planillas, &import).others(others);
            peak = peak.max(import.peak_kib);
            let before = std::mem::replace(&mut mark, Mark::of(data.path())?);
            let (lines, took) = bare.write(data.path(), before, mark)?;
            ensure!(lines as u64 == planillas.lines, "{lines} lines are stored");
            runs.push(Run { peer: Some(lines as f64 / took.as_secs_f64()), ..ours });
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
