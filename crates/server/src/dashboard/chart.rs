//! The chart of what somebody was paid, as an SVG drawn here: no script, and colours by class, so
//! that the stylesheet decides and the page's policy needs no exception.
//!
//! A month has one pay, so lines are steps. Employers of the same month are stacked: the height is
//! what the person earned. A month without contributions stays a gap, marked at the base line; what
//! stands in a planilla that nobody has paid yet is hatched.

mod drawing;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use vinculo_pila::Month;

use crate::Pesos;

/// Lines of the grid above the base, at most.
const MOST_STEPS: i64 = 5;

/// What one employer paid.
#[derive(Debug, Clone)]
pub(crate) struct Employer<'a> {
    /// Name, as the page shows it.
    pub(crate) name: &'a str,
    /// The months, in any order.
    pub(crate) months: Vec<Paid<'a>>,
}

/// What was paid for a month.
#[derive(Debug, Clone)]
pub(crate) struct Paid<'a> {
    /// Month of work.
    pub(crate) month: Month,
    /// Pesos. Nothing is drawn below zero.
    pub(crate) pesos: i64,
    /// Nobody has paid the contributions yet.
    pub(crate) unpaid: bool,
    /// What happened, in words: a beginning, an end, a leave.
    pub(crate) marks: Vec<&'a str>,
}

/// Texts of the chart, in the language of the page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words<'a> {
    /// Title, for people who do not see the drawing.
    pub(crate) title: &'a str,
    /// What is said of a month without contributions.
    pub(crate) gap: &'a str,
    /// What is said of a month that nobody has paid yet.
    pub(crate) unpaid: &'a str,
    /// Months, after their number.
    pub(crate) months: &'a str,
}

/// A drawn chart and the same figures to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chart {
    /// The drawing; text in it is escaped.
    pub(crate) svg: String,
    /// Names by colour: the first has class `pay-0`, and so on, beginning anew after `pay-5`.
    pub(crate) employers: Vec<String>,
    /// Every month from the first to the last, newest first.
    pub(crate) rows: Vec<Row>,
}

impl Chart {
    /// The name of an employer.
    pub(crate) fn name(&self, employer: usize) -> &str {
        self.employers.get(employer).map_or("", String::as_str)
    }

    /// Whether a month has no contributions.
    pub(crate) fn has_gaps(&self) -> bool {
        self.rows.iter().any(|row| row.pesos.iter().all(Option::is_none))
    }

    /// Whether something happened in a month.
    pub(crate) fn has_marks(&self) -> bool {
        self.rows.iter().any(|row| !row.marks.is_empty())
    }

    /// Whether a month is one that nobody has paid yet.
    pub(crate) fn has_unpaid(&self) -> bool {
        self.rows.iter().flat_map(|row| &row.pesos).flatten().any(|pay| pay.unpaid)
    }
}

/// A month in the table beside the drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The month.
    pub(crate) month: Month,
    /// Pay by employer, in the order of [`Chart::employers`].
    pub(crate) pesos: Vec<Option<Pay>>,
    /// What happened, and with which of the employers.
    pub(crate) marks: Vec<(usize, String)>,
}

/// What an employer paid for a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pay {
    /// Pesos.
    pub(crate) pesos: i64,
    /// Nobody has paid the contributions yet.
    pub(crate) unpaid: bool,
}

impl Pay {
    /// The pesos as they are shown.
    pub(crate) fn shown(self) -> Pesos {
        Pesos(self.pesos)
    }
}

/// Draws what employers paid; `None` when there is no month at all. The order of employers and months
/// makes no difference. `id` begins the ids inside the drawing, of which a page may have several.
#[must_use]
pub(crate) fn draw(employers: &[Employer<'_>], words: Words<'_>, id: &str) -> Option<Chart> {
    let plot = Plot::new(employers)?;
    let mut svg = String::with_capacity(8 * 1024);
    // Writing to a string cannot fail.
    let _ = plot.write(&mut svg, words, id);
    let employers = plot.employers.iter().map(|line| line.name.to_owned()).collect();
    Some(Chart { svg, employers, rows: plot.rows() })
}

/// An employer as it is drawn.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Line<'a> {
    name: &'a str,
    pays: BTreeMap<Month, Pay>,
    marks: BTreeMap<Month, BTreeSet<&'a str>>,
}

impl<'a> Line<'a> {
    fn of(employer: &Employer<'a>) -> Self {
        let (mut pays, mut marks) = (BTreeMap::new(), BTreeMap::new());
        for paid in &employer.months {
            let pay: &mut Pay = pays.entry(paid.month).or_default();
            pay.pesos = pay.pesos.saturating_add(paid.pesos.max(0));
            pay.unpaid |= paid.unpaid;
            if !paid.marks.is_empty() {
                let known: &mut BTreeSet<&str> = marks.entry(paid.month).or_default();
                known.extend(&paid.marks);
            }
        }
        Self { name: employer.name, pays, marks }
    }

    fn first(&self) -> Option<Month> {
        self.pays.keys().next().copied()
    }
}

struct Plot<'a> {
    first: Month,
    last: Month,
    /// In the order of their first month, then of their names.
    employers: Vec<Line<'a>>,
    /// Pesos at the top of the plot, and between two lines of the grid.
    top: i64,
    step: i64,
}

impl<'a> Plot<'a> {
    fn new(given: &[Employer<'a>]) -> Option<Self> {
        let mut employers: Vec<_> = given.iter().map(Line::of).collect();
        employers.retain(|line| !line.pays.is_empty());
        employers.sort_by(|a, b| a.first().cmp(&b.first()).then_with(|| a.cmp(b)));
        let months = || employers.iter().flat_map(|line| line.pays.keys().copied());
        let (first, last) = (months().min()?, months().max()?);
        let mut plot = Self { first, last, employers, top: 0, step: 1 };
        let highest = plot.months().map(|month| plot.under(plot.employers.len(), month)).max()?;
        plot.step = round_step(highest / MOST_STEPS);
        let steps = highest / plot.step + i64::from(highest % plot.step > 0);
        plot.top = steps.max(1).saturating_mul(plot.step);
        Some(plot)
    }

    fn months(&self) -> impl DoubleEndedIterator<Item = Month> + use<> {
        let first = self.first;
        (0..self.columns()).map(move |column| first.plus(column))
    }

    fn columns(&self) -> i32 {
        self.last.months_since(self.first) + 1
    }

    /// What the first `count` employers paid together.
    fn under(&self, count: usize, month: Month) -> i64 {
        let pays = self.employers.iter().take(count).filter_map(|line| line.pays.get(&month));
        pays.fold(0, |sum, pay| sum.saturating_add(pay.pesos))
    }

    fn is_paid(&self, month: Month) -> bool {
        self.employers.iter().any(|line| line.pays.contains_key(&month))
    }

    fn rows(&self) -> Vec<Row> {
        let row = |month| Row {
            month,
            pesos: self.employers.iter().map(|line| line.pays.get(&month).copied()).collect(),
            marks: self.marks(month),
        };
        self.months().rev().map(row).collect()
    }

    fn marks(&self, month: Month) -> Vec<(usize, String)> {
        let lines = self.employers.iter().enumerate();
        let of = |(number, line): (usize, &Line<'_>)| {
            let marks = line.marks.get(&month).into_iter().flatten();
            marks.map(|mark| (number, (*mark).to_owned())).collect::<Vec<_>>()
        };
        lines.flat_map(of).collect()
    }
}

/// The next 1, 2, 2.5 or 5 with zeros behind it, not below 1,000.
fn round_step(pesos: i64) -> i64 {
    let mut power: i64 = 1_000;
    loop {
        for tenths in [10, 20, 25, 50] {
            let step = (power / 10).saturating_mul(tenths);
            if step >= pesos {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Text inside the drawing, or inside a quoted attribute.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // XML has no way to write these.
                c if c.is_control() => f.write_char(' ')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
