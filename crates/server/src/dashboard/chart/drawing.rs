//! From a plot to its SVG.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use vinculo_pila::Month;

use super::{Escaped, Pay, Plot, Words};
use crate::Pesos;

/// Size of the drawing, in units of its view box.
pub(super) const WIDTH: f64 = 760.0;
pub(super) const HEIGHT: f64 = 300.0;
/// Room around the plot for labels.
const LEFT: f64 = 88.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 32.0;
/// Labels that fit beneath the plot.
pub(super) const MOST_LABELS: i32 = 11;
/// Colours that the stylesheet has.
const COLOURS: usize = 6;
/// Between the marks of two employers in one month.
const MARK: f64 = 9.0;

impl Plot<'_> {
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

    /// Writes the drawing.
    pub(super) fn write(&self, svg: &mut String, words: Words<'_>, id: &str) -> std::fmt::Result {
        let (id, title) = (Escaped(id), Escaped(words.title));
        writeln!(
            svg,
            r#"<svg class="chart" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" aria-labelledby="{id}-title {id}-description">"#
        )?;
        writeln!(svg, r#"<title id="{id}-title">{title}</title>"#)?;
        let told = self.describe(words);
        writeln!(svg, r#"<desc id="{id}-description">{}</desc>"#, Escaped(&told))?;
        writeln!(
            svg,
            r#"<defs><pattern id="{id}-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch" d="M0 0V7"/></pattern></defs>"#
        )?;
        self.write_grid(svg)?;
        for (number, line) in self.employers.iter().enumerate() {
            for run in runs(&line.pays) {
                self.write_run(svg, number, line.name, &run)?;
            }
            self.write_unpaid(svg, number, words.unpaid, &id)?;
        }
        self.write_gaps(svg, words.gap)?;
        self.write_marks(svg)?;
        svg.write_str("</svg>")
    }

    /// The drawing in a few sentences: each employer's months and pay, the gaps, what nobody has paid.
    fn describe(&self, words: Words<'_>) -> String {
        let mut told = vec![format!("{} – {}", self.first, self.last)];
        told.extend(self.employers.iter().map(|line| {
            let pesos = || line.pays.values().map(|pay| pay.pesos);
            let (least, most) = (pesos().min().unwrap_or(0), pesos().max().unwrap_or(0));
            let span = match least == most {
                true => format!("${}", Pesos(most)),
                false => format!("${} – ${}", Pesos(least), Pesos(most)),
            };
            format!("{}: {} {}, {span}", line.name, line.pays.len(), words.months)
        }));
        let unpaid = |month: &Month| {
            let pays = self.employers.iter().filter_map(|line| line.pays.get(month));
            pays.into_iter().any(|pay| pay.unpaid)
        };
        let gap = |month: &Month| !self.is_paid(*month);
        for (word, months) in [
            (words.gap, self.months().filter(gap).collect::<Vec<_>>()),
            (words.unpaid, self.months().filter(unpaid).collect()),
        ] {
            let months: Vec<_> = months.iter().map(ToString::to_string).collect();
            if !months.is_empty() {
                told.push(format!("{word}: {}", months.join(", ")));
            }
        }
        told.join(". ")
    }

    fn write_grid(&self, svg: &mut String) -> std::fmt::Result {
        let right = WIDTH - RIGHT;
        let mut pesos = 0;
        loop {
            let (y, label) = (self.y(pesos), LEFT - 8.0);
            writeln!(svg, r#"<path class="grid" d="M{LEFT} {y:.1}H{right}"/>"#)?;
            let text = y + 4.0;
            writeln!(
                svg,
                r#"<text class="amount" x="{label}" y="{text:.1}">${}</text>"#,
                Pesos(pesos)
            )?;
            if pesos >= self.top {
                break;
            }
            pesos = pesos.saturating_add(self.step).min(self.top);
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

    /// What nobody has paid yet, over what is drawn.
    fn write_unpaid(
        &self,
        svg: &mut String,
        number: usize,
        unpaid: &str,
        id: &Escaped<'_>,
    ) -> std::fmt::Result {
        let Some(line) = self.employers.get(number) else { return Ok(()) };
        for (&month, _) in line.pays.iter().filter(|(_, pay)| pay.unpaid) {
            let (from, to) = (self.x(month), self.x(month.plus(1)));
            let (foot, head) =
                (self.y(self.under(number, month)), self.y(self.under(number + 1, month)));
            writeln!(
                svg,
                r#"<path class="unpaid" fill="url(#{id}-hatch)" d="M{from:.1} {foot:.1}V{head:.1}H{to:.1}V{foot:.1}Z"><title>{month}, {}: {}</title></path>"#,
                Escaped(line.name),
                Escaped(unpaid)
            )?;
        }
        Ok(())
    }

    /// What happened, above the pay of the month: in the colour of the employer, side by side.
    fn write_marks(&self, svg: &mut String) -> std::fmt::Result {
        for month in self.months() {
            let lines = self.employers.iter().enumerate();
            let marked: Vec<_> = lines
                .filter_map(|(number, line)| Some((number, line.name, line.marks.get(&month)?)))
                .collect();
            let y = self.y(self.under(self.employers.len(), month)) - 4.0;
            let mut x = marked.iter().skip(1).fold(self.middle(month), |x, _| x - MARK / 2.0);
            for (number, name, marks) in marked {
                let at = x.clamp(LEFT, WIDTH - RIGHT);
                let marks = marks.iter().copied().collect::<Vec<_>>().join(", ");
                writeln!(
                    svg,
                    r#"<path class="mark pay-{}" d="M{at:.1} {y:.1}l-4 -7h8Z"><title>{month}, {}: {}</title></path>"#,
                    number % COLOURS,
                    Escaped(name),
                    Escaped(&marks)
                )?;
                x += MARK;
            }
        }
        Ok(())
    }
}

/// Stretches of months without a gap.
fn runs(pays: &BTreeMap<Month, Pay>) -> Vec<Vec<Month>> {
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
pub(super) fn label_step(columns: i32) -> i32 {
    let needed = (columns + MOST_LABELS - 1) / MOST_LABELS;
    [1, 2, 3, 6].into_iter().find(|step| *step >= needed).unwrap_or((needed + 11) / 12 * 12)
}
