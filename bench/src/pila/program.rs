//! `vinculo pila check` and `import`: the program built beside this one.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::clock::now;
use crate::files::Planillas;

/// What a run of the program took.
pub(crate) struct Ran {
    pub(crate) took: Duration,
    /// Time on processors.
    pub(crate) processor: Duration,
    /// Peak resident memory of the process, KiB.
    pub(crate) peak_kib: u64,
}

/// Checks these files in one command.
pub(crate) fn check(planillas: &Planillas) -> Result<Ran> {
    run(Command::new(program()?).args(["pila", "check"]), planillas)
}

/// The same on one processor.
pub(crate) fn check_on_one(planillas: &Planillas) -> Result<Ran> {
    let mut check = on_one(program()?)?;
    run(check.args(["pila", "check"]), planillas)
}

/// `wc -l` of these files on one processor: what reading them and finding their lines takes.
pub(crate) fn count_lines_on_one(planillas: &Planillas) -> Result<Ran> {
    run(on_one("wc")?.arg("-l"), planillas)
}

/// A program on the first of the processors that this one may use.
fn on_one(program: impl AsRef<OsStr>) -> Result<Command> {
    let status = fs::read_to_string("/proc/self/status")?;
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let first = allowed.and_then(|list| list.trim().split([',', '-']).next());
    let mut command = Command::new("taskset");
    command.arg("-c").arg(first.context("no processors")?).arg(program);
    Ok(command)
}

/// Imports these files in one command, into a folder of SQLite or into a database of PostgreSQL whose keys
/// and spool are in that folder.
pub(crate) fn import(planillas: &Planillas, data: &Path, database: Option<&str>) -> Result<Ran> {
    let mut import = Command::new(program()?);
    import.args(["pila", "import", "--environment", "production", "--data-dir"]).arg(data);
    if let Some(url) = database {
        import.args(["--database-url", url]);
    }
    run(&mut import, planillas)
}

fn run(command: &mut Command, planillas: &Planillas) -> Result<Ran> {
    let start = now();
    let mut child = command.args(&planillas.paths).stdout(Stdio::null()).spawn()?;
    let (status, seen) = watch(&mut child)?;
    let took = start.elapsed();
    ensure!(status.success(), "the program ended with {status}");
    Ok(Ran { took, processor: seen.processor, peak_kib: seen.peak_kib })
}

/// How often the process is looked at: what it does after the last look is missed.
const LOOK: Duration = Duration::from_millis(5);

/// What the system said of a process when it was last seen.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    processor: Duration,
    peak_kib: u64,
}

#[expect(clippy::disallowed_methods, reason = "watches another process, which calls nobody")]
fn watch(child: &mut Child) -> Result<(ExitStatus, Seen)> {
    let mut seen = Seen::default();
    loop {
        if let (Some(processor), Some(peak_kib)) = (processor(child.id()), peak_kib(child.id())) {
            seen = Seen { processor, peak_kib };
        }
        if let Some(status) = child.try_wait()? {
            return Ok((status, seen));
        }
        std::thread::sleep(LOOK);
    }
}

/// The highest resident memory so far; `None` when the process is over.
fn peak_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// User and system time of all threads so far, which Linux tells in hundredths of a second.
fn processor(process: u32) -> Option<Duration> {
    let statistics = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program, in parentheses, may hold spaces; the times are fields 14 and 15.
    let (_, fields) = statistics.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).take(2);
    let mut next = || times.next()?.parse::<u64>().ok();
    Some(Duration::from_millis((next()? + next()?) * 10))
}

fn program() -> Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("vinculo");
    ensure!(beside.exists(), "build it first: cargo build --release");
    beside.canonicalize().context("vinculo")
}
