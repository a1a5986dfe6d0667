//! A program under callgrind, and what callgrind writes down.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// The functions that hand out memory, of the C library (for SQLite and cryptography) and of the binary's own
/// allocator.
const ALLOCATING: [&str; 8] = [
    "malloc",
    "calloc",
    "realloc",
    "posix_memalign",
    "aligned_alloc",
    "mi_malloc_aligned",
    "mi_zalloc_aligned",
    "mi_realloc_aligned",
];

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) instructions: u64,
    /// Calls of the allocator that hand out memory.
    pub(crate) allocations: u64,
}

impl Counted {
    /// What another run did not need.
    pub(crate) fn less(self, other: Self) -> Self {
        Self {
            instructions: self.instructions.saturating_sub(other.instructions),
            allocations: self.allocations.saturating_sub(other.allocations),
        }
    }

    /// The part of each of so many operations, rounded.
    pub(crate) fn each(self, operations: u64) -> anyhow::Result<Self> {
        let part = |all: u64| (all + operations / 2).checked_div(operations);
        let instructions = part(self.instructions).context("no operations")?;
        ensure!(instructions > 0, "more operations took no more instructions");
        Ok(Self { instructions, allocations: part(self.allocations).unwrap_or_default() })
    }
}

/// The same command, counted into a file.
pub(crate) fn counted(command: &Command, into: &Path) -> Command {
    let mut valgrind = Command::new("/usr/bin/valgrind");
    valgrind.args(["--quiet", "--tool=callgrind"]);
    valgrind.arg(format!("--callgrind-out-file={}", into.display()));
    valgrind.arg(command.get_program()).args(command.get_args());
    valgrind.env_clear();
    valgrind.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // Set already, the program need not start itself again, where callgrind would not follow it.
    valgrind.env("MIMALLOC_PURGE_DELAY", "0");
    valgrind
}

/// What the ended program cost.
pub(crate) fn read(file: &Path) -> anyhow::Result<Counted> {
    let text = std::fs::read_to_string(file).context("callgrind wrote nothing")?;
    parse(&text)
}

/// Names are written once, as `fn=(7) name`, and are `fn=(7)` from there on. The `calls=` line after
/// a `cfn=` line says how often that function was called from one place.
fn parse(text: &str) -> anyhow::Result<Counted> {
    let (mut instructions, mut allocations) = (None, 0);
    let (mut allocating, mut called) = (HashSet::new(), None);
    for line in text.lines() {
        if let Some(total) = line.strip_prefix("totals: ") {
            instructions = Some(total.trim().parse()?);
        } else if let Some(calls) = line.strip_prefix("calls=") {
            let calls = calls.split_whitespace().next().context("calls of nobody")?;
            if called.is_some_and(|id| allocating.contains(id)) {
                allocations += calls.parse::<u64>()?;
            }
        } else if let Some(id) = line.strip_prefix("cfn=").or_else(|| line.strip_prefix("fn=")) {
            let (id, name) = id.split_once(' ').unwrap_or((id, ""));
            if !name.is_empty() {
                // Recursion is told apart by a mark.
                let name = name.split('\'').next().unwrap_or(name);
                if ALLOCATING.contains(&name) {
                    allocating.insert(id);
                }
            }
            called = line.starts_with("cfn=").then_some(id);
        }
    }
    ensure!(!allocating.is_empty(), "callgrind names no allocator");
    Ok(Counted { instructions: instructions.context("callgrind tells no total")?, allocations })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: &str = "events: Ir\nfn=(1) main\n0 5\ncfn=(2) malloc\ncalls=3 0\n0 90\ncfi=(9) other.c\n\
                       cfn=(3) puts\ncalls=8 0\n0 40\nfn=(3)\n0 40\ncfn=(2)\ncalls=4 0\n0 120\n\
                       cfn=(4) malloc'2\ncalls=1 0\n0 3\n\ntotals: 298\n";

    #[test]
    fn a_file_of_callgrind_is_read() {
        let counted = parse(OUT).unwrap();
        assert_eq!(counted, Counted { instructions: 298, allocations: 8 });
        assert!(parse("totals: 298\n").is_err());
        assert!(parse(&OUT.replace("totals", "total")).is_err());
    }

    #[test]
    fn operations_cost_what_a_shorter_run_did_not() {
        let run = |instructions, allocations| Counted { instructions, allocations };
        assert_eq!(run(1500, 31).less(run(500, 1)).each(10).unwrap(), run(100, 3));
        assert!(run(500, 1).less(run(1500, 31)).each(10).is_err());
        assert!(run(500, 1).each(0).is_err());
    }
}
