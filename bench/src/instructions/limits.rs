//! The limits that are checked in.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::callgrind::Counted;

/// What an operation of a path may cost.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) path: String,
    counted: Counted,
    /// Percent by which a count may exceed the limit.
    tolerance: u64,
}

/// What is to be said of a count.
#[derive(Debug, PartialEq)]
pub(crate) struct Complaint {
    /// That it is too high; otherwise the limit is.
    pub(crate) exceeded: bool,
    pub(crate) text: String,
}

/// Reads the limits of all paths.
pub(crate) fn read(file: &Path) -> anyhow::Result<Vec<Limit>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let limits = text.lines().enumerate().skip(1).map(|(number, line)| {
        parse(line).with_context(|| format!("{}:{}: {line:?}", file.display(), number + 1))
    });
    limits.collect()
}

/// `path`, instructions, allocations and tolerance in percent, with tabs between.
fn parse(line: &str) -> anyhow::Result<Limit> {
    let fields: Vec<_> = line.split('\t').collect();
    let [path, instructions, allocations, tolerance] = fields[..] else {
        anyhow::bail!("{} fields instead of 4", fields.len())
    };
    let number = |name: &str, text: &str| text.parse::<u64>().with_context(|| name.to_owned());
    let counted = Counted {
        instructions: number("instructions", instructions)?,
        allocations: number("allocations", allocations)?,
    };
    let tolerance = number("tolerance", tolerance)?;
    ensure!(tolerance < 100, "tolerance of {tolerance} %");
    Ok(Limit { path: path.to_owned(), counted, tolerance })
}

impl Limit {
    /// What is to be said of this count: nothing while it is within the tolerance of the limit.
    pub(crate) fn complaints(&self, counted: Counted) -> Vec<Complaint> {
        let pairs = [
            ("instructions", counted.instructions, self.counted.instructions),
            ("allocations", counted.allocations, self.counted.allocations),
        ];
        let judged = pairs.map(|(what, count, limit)| self.judge(what, count, limit));
        judged.into_iter().flatten().collect()
    }

    fn judge(&self, what: &str, count: u64, limit: u64) -> Option<Complaint> {
        let tolerance = self.tolerance;
        // One allocation more is within every tolerance: where there are few, they are not parts.
        let (most, least) = (
            (limit * (100 + tolerance)).div_ceil(100).max(limit + 1),
            (limit * (100 - tolerance) / 100).min(limit.saturating_sub(1)),
        );
        let change = 100.0 * (count as f64 - limit as f64) / (limit as f64).max(1.0);
        let mut text =
            format!("  {}: {count} {what}, {change:+.1} % of its limit {limit}", self.path);
        if count > most {
            let _ = write!(
                text,
                ": EXCEEDED, more than {tolerance} % above it. Make the path cheaper, or say in the \
                 commit why it is dearer and raise the limit"
            );
        } else if count < least {
            let _ = write!(text, ": the limit can be lowered to {count}");
        } else {
            return None;
        }
        Some(Complaint { exceeded: count > most, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dearer_path_is_refused_and_a_cheaper_one_told() {
        let limit = parse("read\t1000\t40\t3").unwrap();
        let told = |instructions, allocations| {
            let complaints = limit.complaints(Counted { instructions, allocations });
            complaints.into_iter().map(|one| (one.exceeded, one.text)).collect::<Vec<_>>()
        };
        assert_eq!(told(1030, 42), []);
        assert_eq!(told(970, 39), []);
        let [(true, text)] = &told(1031, 40)[..] else { panic!("not exceeded") };
        assert!(text.starts_with("  read: 1031 instructions, +3.1 % of its limit 1000: EXCEEDED"));
        let [(true, text)] = &told(1000, 43)[..] else { panic!("not exceeded") };
        assert!(text.contains("43 allocations"), "{text}");
        let [(false, text)] = &told(969, 40)[..] else { panic!("exceeded") };
        assert!(text.ends_with("the limit can be lowered to 969"), "{text}");
    }

    #[test]
    fn a_wrong_limit_is_told_by_its_field() {
        for (line, told) in [
            ("read\t1000\t40", "3 fields instead of 4"),
            ("read\tmany\t40\t3", "instructions"),
            ("read\t1000\t-1\t3", "allocations"),
            ("read\t1000\t40\t100", "tolerance of 100 %"),
        ] {
            assert_eq!(parse(line).unwrap_err().to_string(), told);
        }
    }

    #[test]
    fn the_limits_that_are_checked_in_can_be_read() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.tsv");
        let paths: Vec<_> = read(&file).unwrap().into_iter().map(|limit| limit.path).collect();
        assert_eq!(paths, ["read", "link", "delivery", "planilla"]);
    }
}
