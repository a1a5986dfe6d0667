//! Instructions and allocations of what is done most, against limits that are checked in:
//! `cargo build -p vinculo-cli && cargo run -p vinculo-bench --bin instructions`.
//!
//! The `vinculo` built beside this program runs under callgrind, which counts instructions and calls
//! of the allocator; load, receiver and operator are other processes and are not counted. Each path
//! is run twice, the second time with more operations: the difference is theirs alone, without start
//! and stop. No clock is read, so other work on the machine changes next to nothing.
//!
//! Ends with 1 when a count exceeds its limit in `instructions.tsv` by more than its tolerance.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod callgrind;
mod limits;
mod planilla;
mod served;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use callgrind::Counted;
use limits::Limit;
use served::Served;

/// Counts instructions and allocations.
#[derive(Parser)]
struct Arguments {
    /// Times to count everything
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// Limits to hold [default: bench/instructions.tsv]
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// Keep what callgrind writes in this folder, for callgrind_annotate
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Paths to count; all of the limits when none is named
    paths: Vec<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.tsv");
    let limits = limits::read(arguments.limits.as_deref().unwrap_or(&beside))?;
    let unknown = |path: &&String| !limits.iter().any(|limit| limit.path == **path);
    if let Some(unknown) = arguments.paths.iter().find(unknown) {
        anyhow::bail!("the limits have no path {unknown:?}");
    }
    let temporary = tempfile::tempdir()?;
    let folder = arguments.keep.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(folder)?;
    println!("{:<10} {:>16} {:>14}", "path", "instructions", "allocations");
    let mut exceeded = 0;
    for limit in &limits {
        if !(arguments.paths.is_empty() || arguments.paths.contains(&limit.path)) {
            continue;
        }
        for _ in 0..arguments.runs {
            let counted = count(limit, folder).await?;
            println!("{:<10} {:>16} {:>14}", limit.path, counted.instructions, counted.allocations);
            for complaint in limit.complaints(counted) {
                exceeded += usize::from(complaint.exceeded);
                println!("{}", complaint.text);
            }
        }
    }
    Ok(ExitCode::from(u8::from(exceeded > 0)))
}

/// What one operation of a path costs; callgrind writes into the folder.
async fn count(limit: &Limit, folder: &Path) -> anyhow::Result<Counted> {
    // Operations of the first and of the second run: so many that the starts of two servers, which
    // differ a little, do not tell.
    let (path, [few, many]) = match limit.path.as_str() {
        "planilla" => return planilla::thousand_lines(folder),
        "read" => (Served::Read, [50, 1050]),
        "link" => (Served::Link, [10, 50]),
        "delivery" => (Served::Delivery, [20, 420]),
        other => anyhow::bail!("{other:?} of the limits is not a path"),
    };
    let into = |operations| folder.join(format!("{}-{operations}.callgrind", limit.path));
    let short = path.count(few, &into(few)).await?;
    let long = path.count(many, &into(many)).await?;
    long.less(short).each(u64::from(many - few))
}
