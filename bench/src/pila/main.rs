//! What planillas cost: bytes a second to check and to decode them, beside pandas and polars
//! reading ten or all of their columns, and lines a second to import them into SQLite.
//!
//! ```text
//! bench/pila-peers/set-up
//! cargo build --release
//! cargo run --release -p vinculo-bench --bin pila -- [--lines N] [--dir FOLDER]
//! ```
//!
//! The planillas are those of two months of a made-up country. Reading is on one thread and told
//! per second of the processor, because a machine in use gives a process less than its wall shows.
//! `--dir` chooses the disk; it must not be one of memory.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod clock;
mod files;
mod import;
mod read;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Parser;

use clock::Took;
use files::Planillas;

/// The figures to reach: MB of the check per second of a core, and times the speed of pandas.
const CHECK_MB: f64 = 400.0;
const TIMES_PANDAS: f64 = 50.0;

/// The figures to reach: imported lines a second, of new people and of people already known.
const NEW_LINES: f64 = 30_000.0;
const KNOWN_LINES: f64 = 100_000.0;

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
    reading(&first, folder.path())?;
    if !arguments.read_only {
        let second = Planillas::write(&country, 1, folder.path())?;
        importing(&first, &second, &folder.path().join("data"))?;
    }
    println!("\nload {}", load()?);
    Ok(())
}

fn reading(planillas: &Planillas, folder: &Path) -> Result<()> {
    let heads = ["MB/s core", "MB/s wall", "lines/s core", "ratio", "target"];
    let [core, wall, lines, ratio, target] = heads;
    println!("{:<44} {core:>10} {wall:>10} {lines:>13} {ratio:>7} {target:>10}", "reading");
    let row = |name: &str, took: Took, ratio: Option<f64>, target: &str| {
        let seconds = took.processor.as_secs_f64();
        let rate = |seconds: f64| megabytes(planillas) / seconds;
        let lines = planillas.lines as f64 / seconds;
        let ratio = ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let (core, wall) = (rate(seconds), rate(took.clock.as_secs_f64()));
        println!("{name:<44} {core:>10.1} {wall:>10.1} {lines:>13.0} {ratio:>7} {target:>10}");
    };
    let in_memory = read::check_in_memory(planillas)?;
    let share = megabytes(planillas) / in_memory.processor.as_secs_f64() / CHECK_MB;
    row("check, bytes in memory", in_memory, Some(share), &format!("{CHECK_MB} MB/s"));
    let checked = read::check(planillas)?;
    row("check, from the file", checked, None, "");
    let (found, decoded) = read::contributions(planillas)?;
    ensure!(found.records == planillas.lines, "lines were lost");
    row("check + every contribution, from the file", decoded, None, "");
    for (name, columns) in
        [("pandas", "ten"), ("pandas", "all"), ("polars", "ten"), ("polars", "all")]
    {
        let Some(peer) = read::peer(name, columns, planillas, folder)? else {
            println!("{name:<44} not installed: run bench/pila-peers/set-up");
            continue;
        };
        ensure!(peer.found == found, "{name} read something else: {:?}", peer.found);
        row(&format!("{}, {columns} columns", peer.name), peer.took, None, "");
        let target = if name == "pandas" { format!("{TIMES_PANDAS} x") } else { String::new() };
        let times = |ours: Took| peer.took.processor.as_secs_f64() / ours.processor.as_secs_f64();
        println!("{:<80} {:>7.1} {target:>10}", "    check beside it", times(checked));
        println!("{:<80} {:>7.1}", "    check + every contribution beside it", times(decoded));
    }
    Ok(())
}

fn importing(first: &Planillas, second: &Planillas, data: &Path) -> Result<()> {
    let heads = ["lines/s", "seconds", "CPU s", "peak MiB", "ratio", "target"];
    let [rate, seconds, processor, peak, ratio, target] = heads;
    println!(
        "\n{:<33} {rate:>10} {seconds:>10} {processor:>10} {peak:>13} {ratio:>7} {target:>10}",
        "vinculo pila import, SQLite"
    );
    let months =
        [("people not known yet", first, NEW_LINES), ("a month later", second, KNOWN_LINES)];
    for (name, planillas, target) in months {
        let import = import::run(planillas, data)?;
        let seconds = import.took.as_secs_f64();
        let rate = planillas.lines as f64 / seconds;
        let (peak, ratio) = (import.peak_kib as f64 / 1024.0, rate / target);
        let processor = import.processor.as_secs_f64();
        println!(
            "{name:<33} {rate:>10.0} {seconds:>10.1} {processor:>10.1} {peak:>13.1} {ratio:>7.2} \
             {target:>10.0}"
        );
    }
    Ok(())
}

fn megabytes(planillas: &Planillas) -> f64 {
    planillas.bytes as f64 / 1_000_000.0
}

/// How busy the machine is: processes waiting for a processor in the last minute.
fn load() -> Result<String> {
    let averages = fs::read_to_string("/proc/loadavg")?;
    Ok(averages.split_whitespace().next().unwrap_or_default().to_owned())
}
