//! The header record.

use jiff::civil::Date;

use super::field::{self, Holder};
use crate::catalog::{self, PlanillaType};
use crate::planilla::finding::{Cell, Findings};
use crate::planilla::rule::{Rule, Section};
use crate::planilla::scalar;
use crate::planilla::text::{is_blank, trim};
use crate::planilla::view::Header;

/// Lengths of document numbers bind payments from this day (Resolución 1529/2026).
const DOCUMENT_LENGTHS_SINCE: Date = Date::constant(2026, 10, 1);

/// What the header tells the rest of the check.
#[derive(Debug)]
pub(super) struct HeaderFacts<'a> {
    pub(super) line: u64,
    pub(super) view: Header<'a>,
    /// The planilla type, when it is known.
    pub(super) planilla: Option<&'static PlanillaType>,
    /// Whether the lengths of document numbers apply.
    pub(super) document_lengths: bool,
    /// Monthly minimum wage of the period, whole pesos, when it is known.
    pub(super) minimum_wage: Option<i64>,
}

impl HeaderFacts<'_> {
    /// Whether the planilla corrects another one (type N).
    pub(super) fn corrects(&self) -> bool {
        self.planilla.is_some_and(|planilla| planilla.code == "N")
    }

    /// Field `N` as a cell.
    pub(super) fn cell<const N: usize>(&self) -> Cell<'_> {
        cell::<N>(self.line, &self.view)
    }
}

/// Checks a header by itself.
pub(super) fn check<'a>(line: u64, header: Header<'a>, findings: &mut Findings) -> HeaderFacts<'a> {
    let facts = HeaderFacts {
        line,
        view: header,
        planilla: planilla_type(&cell::<8>(line, &header), findings),
        document_lengths: document_lengths_apply(&header),
        minimum_wage: header.period().and_then(catalog::minimum_wage),
    };
    check_form(&facts, findings);
    check_payer(&facts, findings);
    check_purpose(&facts, findings);
    check_periods(&facts, findings);
    check_payment(&facts, findings);
    facts
}

fn cell<'a, const N: usize>(line: u64, header: &Header<'a>) -> Cell<'a> {
    field::cell::<N, _>(line, Section::Header, header)
}

fn planilla_type(cell: &Cell<'_>, findings: &mut Findings) -> Option<&'static PlanillaType> {
    let known = catalog::planilla_type(field::code(cell.raw));
    if known.is_none() {
        let expected = match cell.raw {
            b"P" => "a planilla of active workers; planilla P has another layout",
            _ => "a letter of the list of planilla types",
        };
        findings.error(Rule::Catalog, cell, expected);
    }
    known
}

/// A draft has no day of payment; it is paid in the month after its period at the earliest.
fn document_lengths_apply(header: &Header<'_>) -> bool {
    let first_day_after = |month: crate::Month| {
        let next = month.plus(1);
        let (year, month) = (i16::try_from(next.year()), i8::try_from(next.month()));
        Date::new(year.ok()?, month.ok()?, 1).ok()
    };
    let paid_on = header.paid_on().or_else(|| header.period().and_then(first_day_after));
    paid_on.is_some_and(|day| day >= DOCUMENT_LENGTHS_SINCE)
}

fn check_form(facts: &HeaderFacts<'_>, findings: &mut Findings) {
    if field::require_digits(&facts.cell::<2>(), findings).is_some() {
        field::expect_letter(&facts.cell::<2>(), b"012", findings);
    }
    field::require_digits(&facts.cell::<3>(), findings);
    field::expect_letter(&facts.cell::<11>(), b"US", findings);
    if facts.view.raw::<11>() == b"S" && facts.view.is_blank::<12>() {
        findings.warn(Rule::Required, &facts.cell::<12>(), "the branch");
    }
    let insurers = "work-risk insurers";
    let is_insurer = |code: &str| catalog::risk_insurer(code).is_some();
    field::expect_listed(&facts.cell::<14>(), insurers, is_insurer, findings);
    field::require_digits(&facts.cell::<19>(), findings);
    field::require_digits(&facts.cell::<20>(), findings);
    if field::require_digits(&facts.cell::<22>(), findings).is_some() {
        let is_operator = |code: &str| catalog::operator(code).is_some();
        field::expect_listed(&facts.cell::<22>(), "operators", is_operator, findings);
    }
}

fn check_payer(facts: &HeaderFacts<'_>, findings: &mut Findings) {
    if facts.view.is_blank::<4>() {
        findings.error(Rule::Required, &facts.cell::<4>(), "the name of the payer");
    }
    field::expect_capitals(&facts.cell::<4>(), findings);
    if let Some(kind) = field::document_kind(&facts.cell::<5>(), Holder::Payer, findings) {
        let number = facts.cell::<6>();
        field::document_number(&number, kind, facts.document_lengths, findings);
        field::check_digit(&facts.cell::<7>(), kind, &number, findings);
    }
    if field::require_digits(&facts.cell::<21>(), findings).is_some() {
        let is_kind = |code: &str| catalog::contributor_type(code).is_some();
        field::expect_listed(&facts.cell::<21>(), "kinds of payer", is_kind, findings);
    }
}

/// The planilla type against the payer and the planilla it refers to.
fn check_purpose(facts: &HeaderFacts<'_>, findings: &mut Findings) {
    let letter = facts.planilla.map_or("", |planilla| planilla.code);
    if letter == "E" && facts.view.raw::<21>() == b"02" {
        let expected = "another type than E: the kind of payer is 02, self-employed";
        findings.error(Rule::PlanillaPayerMismatch, &facts.cell::<8>(), expected);
    }
    let related = facts.cell::<9>();
    // Planilla U carries the title of a deposit there.
    if letter != "U" {
        field::require_digits_or_blank(&related, findings);
    }
    field::require_date_or_blank(&facts.cell::<10>(), findings);
    if matches!(letter, "N" | "F") {
        let unset = trim(related.raw).iter().all(|&byte| byte == b'0');
        if unset {
            findings.error(Rule::Required, &related, "the number of the related planilla");
        }
        if facts.view.is_blank::<10>() {
            let expected = "the day of payment of the related planilla";
            findings.warn(Rule::Required, &facts.cell::<10>(), expected);
        }
    }
}

fn check_periods(facts: &HeaderFacts<'_>, findings: &mut Findings) {
    for cell in [facts.cell::<15>(), facts.cell::<16>()] {
        if scalar::month(cell.raw).is_none() {
            findings.error(Rule::Period, &cell, "YYYY-MM");
        }
    }
    if let (Some(work), Some(health)) = (facts.view.month::<15>(), facts.view.month::<16>())
        && !(0..=1).contains(&health.months_since(work))
    {
        let expected = format!("{work} or {}", work.plus(1));
        findings.warn(Rule::Period, &facts.cell::<16>(), &expected);
    }
}

fn check_payment(facts: &HeaderFacts<'_>, findings: &mut Findings) {
    field::require_digits_or_blank(&facts.cell::<17>(), findings);
    let paid_on = facts.cell::<18>();
    field::require_date_or_blank(&paid_on, findings);
    let numbered = facts.view.planilla_number().is_some();
    match (numbered, is_blank(paid_on.raw)) {
        (true, true) => findings.warn(Rule::Required, &paid_on, "the day of payment"),
        (false, false) => {
            findings.warn(Rule::Required, &facts.cell::<17>(), "the number of the planilla");
        }
        _ => {}
    }
}
