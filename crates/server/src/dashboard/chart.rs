//! The chart of what somebody was paid, as an SVG drawn here: no script, and colours by class, so
//! that the stylesheet decides and the page's policy needs no exception.
//!
//! A month has one pay, so lines are steps. Employers of the same month are stacked: the height is
//! what the person earned. A month without contributions stays a gap, marked at the base line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use vinculo_pila::Month;

use crate::Pesos;

/// Size of the drawing, in units of its view box.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 300.0;
/// Room around the plot for labels.
const LEFT: f64 = 88.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 32.0;
/// Labels that fit beneath the plot.
const MOST_LABELS: i32 = 11;
/// Colours that the stylesheet has.
const COLOURS: usize = 6;

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

/// A month in the table beside the drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The month.
    pub(crate) month: Month,
    /// Pesos by employer, in the order of [`Chart::employers`].
    pub(crate) pesos: Vec<Option<i64>>,
    /// What happened.
    pub(crate) marks: Vec<String>,
}

/// Draws what employers paid; `None` when there is no month at all. The order of employers and months
/// makes no difference. `id` begins the ids inside the drawing, of which a page may have several.
#[must_use]
pub(crate) fn draw(employers: &[Employer<'_>], words: Words<'_>, id: &str) -> Option<Chart> {
    let plot = Plot::new(employers)?;
    let mut svg = String::with_capacity(8 * 1024);
    // Writing to a string cannot fail.
    let _ = plot.write(&mut svg, words, id);
    let employers = plot.employers.iter().map(|(name, _)| (*name).to_owned()).collect();
    Some(Chart { svg, employers, rows: plot.rows() })
}

/// Pay by month.
type Pays = BTreeMap<Month, i64>;

struct Plot<'a> {
    first: Month,
    last: Month,
    /// In the order of their first month, then of their names.
    employers: Vec<(&'a str, Pays)>,
    marks: BTreeMap<Month, BTreeSet<&'a str>>,
    /// Pesos at the top of the plot, and between two lines of the grid.
    top: i64,
    step: i64,
}

impl<'a> Plot<'a> {
    fn new(given: &[Employer<'a>]) -> Option<Self> {
        let months = || given.iter().flat_map(|employer| &employer.months);
        let first = months().map(|paid| paid.month).min()?;
        let last = months().map(|paid| paid.month).max()?;
        let mut marks: BTreeMap<Month, BTreeSet<&str>> = BTreeMap::new();
        for paid in months().filter(|paid| !paid.marks.is_empty()) {
            marks.entry(paid.month).or_default().extend(&paid.marks);
        }
        let pays = |employer: &Employer<'_>| {
            employer.months.iter().fold(Pays::new(), |mut pays, paid| {
                let pesos = pays.entry(paid.month).or_default();
                *pesos = pesos.saturating_add(paid.pesos.max(0));
                pays
            })
        };
        let mut employers: Vec<_> = given.iter().map(|e| (e.name, pays(e))).collect();
        employers.retain(|(_, pays)| !pays.is_empty());
        employers.sort_by(|(a, x), (b, y)| {
            x.keys().next().cmp(&y.keys().next()).then(a.cmp(b)).then(x.cmp(y))
        });
        let mut plot = Self { first, last, employers, marks, top: 0, step: 1 };
        let highest = plot.months().map(|month| plot.under(plot.employers.len(), month)).max()?;
        plot.step = round_step(highest / 4);
        plot.top = (highest / plot.step).saturating_add(1).saturating_mul(plot.step);
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
        let pays = self.employers.iter().take(count).filter_map(|(_, pays)| pays.get(&month));
        pays.fold(0, |sum, pesos| sum.saturating_add(*pesos))
    }

    fn is_paid(&self, month: Month) -> bool {
        self.employers.iter().any(|(_, pays)| pays.contains_key(&month))
    }

    /// Where a month begins.
    fn x(&self, month: Month) -> f64 {
        let column = f64::from(month.months_since(self.first));
        LEFT + column * (WIDTH - LEFT - RIGHT) / f64::from(self.columns())
    }

    fn middle(&self, month: Month) -> f64 {
        f64::midpoint(self.x(month), self.x(month.plus(1)))
    }

    /// The height of an amount.
    #[expect(clippy::cast_precision_loss, reason = "a pixel is worth thousands of pesos")]
    fn y(&self, pesos: i64) -> f64 {
        let share = pesos as f64 / self.top as f64;
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }

    fn write(&self, svg: &mut String, words: Words<'_>, id: &str) -> std::fmt::Result {
        let (id, title) = (Escaped(id), Escaped(words.title));
        writeln!(
            svg,
            r#"<svg class="chart" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" aria-labelledby="{id}-title {id}-description">"#
        )?;
        writeln!(svg, r#"<title id="{id}-title">{title}</title>"#)?;
        let (first, last) = (self.first, self.last);
        writeln!(svg, r#"<desc id="{id}-description">{first} – {last}</desc>"#)?;
        self.write_grid(svg)?;
        for (number, (name, pays)) in self.employers.iter().enumerate() {
            for run in runs(pays) {
                self.write_run(svg, number, name, &run)?;
            }
        }
        self.write_gaps(svg, words.gap)?;
        self.write_marks(svg)?;
        svg.write_str("</svg>")
    }

    fn write_grid(&self, svg: &mut String) -> std::fmt::Result {
        let right = WIDTH - RIGHT;
        let mut pesos = 0;
        while pesos < self.top {
            let (y, label) = (self.y(pesos), LEFT - 8.0);
            writeln!(svg, r#"<path class="grid" d="M{LEFT} {y:.1}H{right}"/>"#)?;
            let text = y + 4.0;
            writeln!(
                svg,
                r#"<text class="amount" x="{label}" y="{text:.1}">${}</text>"#,
                Pesos(pesos)
            )?;
            pesos = pesos.saturating_add(self.step);
        }
        let each = label_step(self.columns());
        for month in self.months().filter(|m| m.months_since(self.first) % each == 0) {
            let (x, y) = (self.middle(month), HEIGHT - BOTTOM + 18.0);
            writeln!(svg, r#"<text class="month" x="{x:.1}" y="{y}">{month}</text>"#)?;
        }
        Ok(())
    }

    /// A stretch without a gap: along the tops of its months, and back along what lies beneath.
    fn write_run(
        &self,
        svg: &mut String,
        number: usize,
        name: &str,
        run: &[Month],
    ) -> std::fmt::Result {
        let Some((&from, &to)) = run.first().zip(run.last()) else { return Ok(()) };
        write!(svg, r#"<path class="pay pay-{}" d="M{:.1}"#, number % COLOURS, self.x(from))?;
        write!(svg, " {:.1}", self.y(self.under(number, from)))?;
        for &month in run {
            let (y, x) = (self.y(self.under(number + 1, month)), self.x(month.plus(1)));
            write!(svg, "V{y:.1}H{x:.1}")?;
        }
        for &month in run.iter().rev() {
            let (y, x) = (self.y(self.under(number, month)), self.x(month));
            write!(svg, "V{y:.1}H{x:.1}")?;
        }
        writeln!(svg, r#"Z"><title>{}: {from} – {to}</title></path>"#, Escaped(name))
    }

    fn write_gaps(&self, svg: &mut String, gap: &str) -> std::fmt::Result {
        for month in self.months().filter(|month| !self.is_paid(*month)) {
            let (x, y, right) = (self.x(month), self.y(0), self.x(month.plus(1)));
            let gap = Escaped(gap);
            writeln!(
                svg,
                r#"<path class="gap" d="M{x:.1} {y:.1}H{right:.1}"><title>{month}: {gap}</title></path>"#
            )?;
        }
        Ok(())
    }

    fn write_marks(&self, svg: &mut String) -> std::fmt::Result {
        for (&month, marks) in &self.marks {
            let (x, y) =
                (self.middle(month), self.y(self.under(self.employers.len(), month)) - 4.0);
            let marks: Vec<_> = marks.iter().copied().collect();
            let marks = marks.join(", ");
            writeln!(
                svg,
                r#"<path class="mark" d="M{x:.1} {y:.1}l-4 -7h8Z"><title>{month}: {}</title></path>"#,
                Escaped(&marks)
            )?;
        }
        Ok(())
    }

    fn rows(&self) -> Vec<Row> {
        let row = |month| Row {
            month,
            pesos: self.employers.iter().map(|(_, pays)| pays.get(&month).copied()).collect(),
            marks: self.marks.get(&month).into_iter().flatten().map(|&m| m.to_owned()).collect(),
        };
        self.months().rev().map(row).collect()
    }
}

/// Stretches of months without a gap.
fn runs(pays: &Pays) -> Vec<Vec<Month>> {
    let mut runs: Vec<Vec<Month>> = Vec::new();
    for &month in pays.keys() {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|last| last.plus(1) == month) => run.push(month),
            _ => runs.push(vec![month]),
        }
    }
    runs
}

/// Months between two labels, so that they fit: whole parts of a year, or whole years.
fn label_step(columns: i32) -> i32 {
    let needed = (columns + MOST_LABELS - 1) / MOST_LABELS;
    [1, 2, 3, 6].into_iter().find(|step| *step >= needed).unwrap_or((needed + 11) / 12 * 12)
}

/// The next 1, 2 or 5 with zeros behind it, not below 1,000.
fn round_step(pesos: i64) -> i64 {
    let mut power: i64 = 1_000;
    loop {
        for step in [1, 2, 5].map(|times| power.saturating_mul(times)) {
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
