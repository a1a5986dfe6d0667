//! What the lines of one person say together.

use super::header::{Figures, HeaderFacts};
use crate::catalog;
use crate::planilla::finding::Findings;
use crate::planilla::layout::DETAIL;
use crate::planilla::rule::Rule;
use crate::planilla::view::Detail;

/// Days of a whole month, whatever the calendar says.
const MONTH: u64 = 30;

/// The exoneration ends at this many minimum wages (tax code, article 114-1).
pub(super) const EXONERATION_LIMIT: u64 = 10;

/// Bases end at this many minimum wages (Ley 797/2003, article 5).
const CAP: u64 = 25;

/// Rate of the first account of the solidarity fund, in ten-millionths: 0.5 %.
const SOLIDARITY: u64 = 50_000;

/// Rates are held in ten-millionths.
const UNIT: u128 = 10_000_000;

/// Sums over the lines of a person; the lines of a correction as they were paid are left out.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct PersonMonth {
    first_line: u64,
    lines: u64,
    days: u64,
    /// Field of the days on the first line.
    days_field: usize,
    /// A line has a mark of ING or RET, whatever its letter: writers put it on one line or on all.
    starts_or_ends: bool,
    /// Worker kind 18, whose bases have no cap.
    uncapped: bool,
    /// Bases of pension, health and work risk.
    bases: [u64; 3],
    /// Ten times the pay that the bases of health stand for.
    tenfold_pay: u64,
    /// Base of pension on the lines where the worker pays: not on unpaid leave.
    paying_base: u64,
    /// What the two accounts of the solidarity fund get.
    solidarity: [u64; 2],
    exonerated_line: Option<u64>,
    /// A line has the document in its normal form.
    pub(super) written_normally: bool,
}

impl PersonMonth {
    /// Takes the next line of the person.
    pub(super) fn add(&mut self, line: u64, detail: &Detail<'_>) {
        let days = [
            (value::<36>(detail), 36),
            (value::<37>(detail), 37),
            (value::<38>(detail), 38),
            (value::<39>(detail), 39),
        ];
        let (most, field) = days.into_iter().rev().max_by_key(|&(days, _)| days).unwrap_or((0, 36));
        if self.lines == 0 {
            self.first_line = line;
            self.days_field = field;
        }
        self.lines += 1;
        self.days += most;
        self.starts_or_ends |= detail.raw::<15>() != b" " || detail.raw::<16>() != b" ";
        self.uncapped |= detail.raw::<5>() == b"18";
        let bases = [value::<42>(detail), value::<43>(detail), value::<44>(detail)];
        add(&mut self.bases, bases);
        self.tenfold_pay += tenfold_pay(detail, bases[1]);
        if value::<47>(detail) > 0 && detail.raw::<24>() != b"X" {
            self.paying_base += bases[0];
        }
        add(&mut self.solidarity, [value::<51>(detail), value::<52>(detail)]);
        if detail.raw::<76>() == b"S" {
            self.exonerated_line.get_or_insert(line);
        }
    }

    /// Checks the month, once all lines were taken.
    pub(super) fn check(&self, header: &HeaderFacts, findings: &mut Findings) {
        if self.lines == 0 {
            return;
        }
        if header.has_whole_months() {
            self.days(findings);
            self.solidarity_fund(&header.figures, findings);
        }
        if let Some(wage) = header.figures.minimum_wage {
            self.cap(wage, findings);
            self.exoneration(wage, findings);
        }
    }

    fn days(&self, findings: &mut Findings) {
        let expected = match self.days {
            0 | MONTH => return,
            1..MONTH if self.starts_or_ends => return,
            1..MONTH => "30 days, or a mark in field 15 or 16",
            _ => "30 days at most",
        };
        let field = &DETAIL[self.days_field.max(1) - 1];
        let found = || format!("{} days on {}", self.days, count(self.lines));
        findings.warn_sum(Rule::MonthDays, self.first_line, field, found, expected);
    }

    /// Each line is rounded up to a peso.
    fn cap(&self, wage: u64, findings: &mut Findings) {
        if self.uncapped {
            return;
        }
        for (base, field) in self.bases.into_iter().zip(DETAIL.iter().skip(41)) {
            if base > wage * CAP + self.lines {
                let expected = format!("{} at most, 25 minimum wages", wage * CAP);
                let found = || format!("{base} on {}", count(self.lines));
                findings.warn_sum(Rule::BaseCap, self.first_line, field, found, &expected);
            }
        }
    }

    fn exoneration(&self, wage: u64, findings: &mut Findings) {
        if let Some(line) = self.exonerated_line
            && self.tenfold_pay >= wage * EXONERATION_LIMIT * 10
        {
            let expected = "N: the pay is 10 minimum wages or more";
            let found = || format!("{:?}", "S");
            findings.warn_sum(Rule::Exoneration, line, &DETAIL[75], found, expected);
        }
    }

    /// The band goes by the base of the whole month; the lines of unpaid leave count for it and
    /// pay nothing. Each line is rounded up to 100 pesos.
    fn solidarity_fund(&self, figures: &Figures, findings: &mut Findings) {
        let [base, ..] = self.bases;
        let due = i64::try_from(base).ok().zip(figures.month);
        let rate = due.and_then(|(base, month)| catalog::solidarity_fund_rate(base, month));
        let Some(rate) = rate else { return };
        let rate = u64::from(rate.ten_millionths());
        let first = rate.min(SOLIDARITY);
        for ((rate, paid), field) in
            [first, rate - first].into_iter().zip(self.solidarity).zip(DETAIL.iter().skip(50))
        {
            // A file that is refused for its length may hold more pesos than 64 bits can multiply.
            let due = u128::from(self.paying_base) * u128::from(rate) / UNIT;
            let due = u64::try_from(due).unwrap_or(u64::MAX);
            let tolerance = if due == 0 { 0 } else { 100 * self.lines };
            if paid.abs_diff(due) > tolerance {
                let due = due.div_ceil(100).saturating_mul(100);
                let expected = format!("{due}, by the pension base of the month");
                let found = || format!("{paid} on {}", count(self.lines));
                findings.warn_sum(Rule::SolidarityFund, self.first_line, field, found, &expected);
            }
        }
    }
}

/// Ten times the pay behind a base of health: the base of a comprehensive salary is 70 % of it.
pub(super) fn tenfold_pay(detail: &Detail<'_>, base: u64) -> u64 {
    if detail.raw::<41>() == b"X" { (base * 100).div_ceil(7) } else { base * 10 }
}

/// The number in field `N`, 0 when it is blank or unreadable.
fn value<const N: usize>(detail: &Detail<'_>) -> u64 {
    detail.digits::<N>().unwrap_or_default()
}

fn add<const N: usize>(sums: &mut [u64; N], more: [u64; N]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum += more;
    }
}

/// A number of lines in words.
pub(super) fn count(lines: u64) -> String {
    if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") }
}
