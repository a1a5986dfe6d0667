//! What a check has to say about one place of a file.

use std::fmt;

use serde::Serialize;

use super::layout::Field;
use super::options::CheckOptions;
use super::report::Report;
use super::rule::{Rule, Section};
use super::text;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file is refused: its bytes are ambiguous, or it was cut or altered.
    Error,
    /// The file is accepted and its reader should know.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One finding. `Display` is one line without the name of the file:
/// `3:202-210: error[numeric] field 42 ibc_pension (IBC pensión): found "O01423500", expected 9 digits (…)`.
///
/// Names, addresses and document numbers are shown by their shape only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Code of the rule.
    pub rule: &'static str,
    /// Whether it refuses the file.
    pub severity: Severity,
    /// Line of the file from 1; 0 for the file as a whole.
    pub line: u64,
    /// First and last position inside the line, from 1 and inclusive.
    pub columns: Option<(u32, u32)>,
    /// Number of the field.
    pub field: Option<u16>,
    /// Official name of the field.
    pub field_es: Option<&'static str>,
    /// Short English name of the field.
    pub field_en: Option<&'static str>,
    /// What the place holds.
    pub found: String,
    /// What should be there.
    pub expected: String,
    /// Where the regulation says so.
    pub article: &'static str,
    /// The rule refuses, and the options of the check let it pass.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allowed: bool,
}

impl Finding {
    fn of_field(
        rule: Rule,
        (line, field): (u64, &'static Field),
        found: String,
        expected: &str,
        article: &'static str,
    ) -> Self {
        Self {
            rule: rule.code(),
            severity: Severity::Warning,
            line,
            columns: Some(field.columns()),
            field: Some(field.number),
            field_es: Some(field.name_es),
            field_en: Some(field.name_en),
            found,
            expected: expected.to_owned(),
            article,
            allowed: false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.line)?;
        match self.columns {
            Some((start, end)) if start == end => write!(f, "{start}:")?,
            Some((start, end)) => write!(f, "{start}-{end}:")?,
            None => {}
        }
        let allowed = if self.allowed { ", allowed" } else { "" };
        write!(f, " {}[{}{allowed}]", self.severity, self.rule)?;
        if let (Some(number), Some(name), Some(official)) =
            (self.field, self.field_en, self.field_es)
        {
            write!(f, " field {number} {name} ({official})")?;
        }
        write!(f, ": found {}, expected {} ({})", self.found, self.expected, self.article)
    }
}

/// A field of a line, as a check looks at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell<'a> {
    pub(super) line: u64,
    pub(super) section: Section,
    pub(super) field: &'static Field,
    pub(super) raw: &'a [u8],
}

impl Cell<'_> {
    /// The positions of the cell, as far as its line has them.
    fn columns(&self) -> Option<(u32, u32)> {
        let (start, _) = self.field.columns();
        let length = u32::try_from(self.raw.len()).ok()?;
        (length > 0).then(|| (start, start + length - 1))
    }

    /// The text of the cell as a report may show it.
    fn shown(&self) -> String {
        if text::is_blank(self.raw) {
            return "blank".to_owned();
        }
        let text = text::decode(text::trim_end(self.raw));
        if self.section.is_personal(self.field.number) {
            format!("{:?}", text::mask(&text))
        } else {
            format!("{text:?}")
        }
    }
}

/// A place that is no field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) columns: Option<(u32, u32)>,
}

impl Place {
    /// A line.
    pub(super) const fn line(line: u64) -> Self {
        Self { line, columns: None }
    }

    /// One position of a line, from 0.
    pub(super) fn at(line: u64, index: usize) -> Self {
        let column = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
        Self { line, columns: Some((column, column)) }
    }
}

/// The findings of one check.
#[derive(Debug)]
pub(super) struct Findings {
    kept: Vec<Finding>,
    per_rule: [[u32; 2]; Rule::COUNT],
    options: CheckOptions,
    /// Errors, kept or not.
    pub(super) errors: u64,
    warnings: u64,
}

impl Findings {
    pub(super) const fn new(options: CheckOptions) -> Self {
        let per_rule = [[0; 2]; Rule::COUNT];
        Self { kept: Vec::new(), per_rule, options, errors: 0, warnings: 0 }
    }

    /// Refuses the file for what a field holds.
    pub(super) fn error(&mut self, rule: Rule, cell: &Cell<'_>, expected: &str) {
        self.cell(Severity::Error, rule, cell, expected);
    }

    /// Warns about what a field holds.
    pub(super) fn warn(&mut self, rule: Rule, cell: &Cell<'_>, expected: &str) {
        self.cell(Severity::Warning, rule, cell, expected);
    }

    /// Reports what a field holds.
    pub(super) fn cell(&mut self, severity: Severity, rule: Rule, cell: &Cell<'_>, expected: &str) {
        let place = (cell.line, cell.field);
        self.add(severity, rule, || {
            let article = rule.law().unwrap_or(cell.section.article());
            let finding = Finding::of_field(rule, place, cell.shown(), expected, article);
            Finding { columns: cell.columns(), ..finding }
        });
    }

    /// Warns about a field whose lines together say something that no single one does.
    pub(super) fn warn_sum(
        &mut self,
        rule: Rule,
        line: u64,
        field: &'static Field,
        found: impl FnOnce() -> String,
        expected: &str,
    ) {
        self.add(Severity::Warning, rule, || {
            let article = rule.law().unwrap_or(Section::Detail.article());
            Finding::of_field(rule, (line, field), found(), expected, article)
        });
    }

    /// Reports a place that is no field.
    pub(super) fn place(
        &mut self,
        severity: Severity,
        rule: Rule,
        place: Place,
        found: impl Into<String>,
        expected: &str,
    ) {
        self.add(severity, rule, || Finding {
            rule: rule.code(),
            severity,
            line: place.line,
            columns: place.columns,
            field: None,
            field_es: None,
            field_en: None,
            found: found.into(),
            expected: expected.to_owned(),
            article: rule.info().article(),
            allowed: false,
        });
    }

    fn add(&mut self, severity: Severity, rule: Rule, finding: impl FnOnce() -> Finding) {
        let allowed = severity == Severity::Error && self.options.allows(rule);
        let severity = if allowed { Severity::Warning } else { severity };
        match severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        let count = &mut self.per_rule[rule as usize][severity as usize];
        if *count < Report::LISTED_PER_RULE {
            *count += 1;
            self.kept.push(Finding { severity, allowed, ..finding() });
        }
    }

    /// Puts the findings into the report, in the order of the file.
    pub(super) fn finish(mut self, report: &mut Report) {
        self.kept.sort_by_key(|finding| (finding.line, finding.columns));
        report.errors = self.errors;
        report.warnings = self.warnings;
        report.findings = self.kept;
    }
}
