//! The header record.

use jiff::civil::Date;

use super::field::{self, Holder};
use crate::Month;
use crate::catalog::{self, PlanillaType, RateKind};
use crate::planilla::finding::{Cell, Findings, Severity};
use crate::planilla::rule::{Rule, Section};
use crate::planilla::scalar;
use crate::planilla::text::{is_blank, trim};
use crate::planilla::view::Header;
use crate::planilla::write::HeaderBuf;

/// Lengths of document numbers bind payments from this day (Resolución 1529/2026).
const DOCUMENT_LENGTHS_SINCE: Date = Date::constant(2026, 10, 1);

/// The self-employed pay the month of work for health as well since October 2018 (Resolución
/// 3559/2018).
const ARREARS_SINCE: Month = match Month::new(2018, 10) {
    Some(month) => month,
    None => panic!("October is a month"),
};

/// What the header tells the rest of the check.
#[derive(Debug)]
pub(super) struct HeaderFacts {
    line: u64,
    record: HeaderBuf,
    /// The planilla type, when it is known.
    pub(super) planilla: Option<&'static PlanillaType>,
    /// Whether the lengths of document numbers apply.
    pub(super) document_lengths: bool,
    /// What the law says of the period.
    pub(super) figures: Figures,
}

/// Dated figures of the month of work; `None` when they are not known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Figures {
    pub(super) month: Option<Month>,
    /// Monthly minimum wage, whole pesos.
    pub(super) minimum_wage: Option<u64>,
    /// Legal working hours of 30 days; the longer ones when they change inside the month.
    pub(super) hours: Option<u64>,
    /// Rate of pensions.
    pub(super) pension: Option<u64>,
    /// Rate of health of the workers of an exonerated payer.
    pub(super) health_exonerated: Option<u64>,
    /// Employer's share of health on a line of unpaid leave.
    pub(super) health_on_leave: Option<u64>,
}

impl Figures {
    fn of(month: Option<Month>) -> Self {
        let Some(month) = month else { return Self::default() };
        let rate = |kind| catalog::rate(kind, month).map(|rate| rate.ten_millionths().into());
        let wage = catalog::minimum_wage(month);
        let days = [first_day(month), first_day(month).map(Date::last_of_month)];
        let hours = days.into_iter().flatten().filter_map(catalog::monthly_hours).max();
        Self {
            month: Some(month),
            minimum_wage: wage.and_then(|wage| u64::try_from(wage).ok()),
            hours: hours.map(u64::from),
            pension: rate(RateKind::PensionTotal),
            health_exonerated: rate(RateKind::HealthExonerated),
            health_on_leave: rate(RateKind::HealthUnpaidLeave),
        }
    }
}

fn first_day(month: Month) -> Option<Date> {
    let (year, month) = (i16::try_from(month.year()).ok()?, i8::try_from(month.month()).ok()?);
    Date::new(year, month, 1).ok()
}

impl HeaderFacts {
    /// The record.
    pub(super) fn view(&self) -> Header<'_> {
        self.record.view()
    }

    /// Whether the planilla corrects another one (type N).
    pub(super) fn corrects(&self) -> bool {
        self.planilla.is_some_and(|planilla| planilla.code == "N")
    }

    /// Whether the planilla reports whole months of people. Late and enforced ones may hold a
    /// part, corrections hold differences.
    pub(super) fn has_whole_months(&self) -> bool {
        let letter = self.planilla.map_or("", |planilla| planilla.code);
        matches!(letter, "E" | "S" | "I" | "Y" | "A")
    }

    /// Field `N` as a cell.
    pub(super) fn cell<const N: usize>(&self) -> Cell<'_> {
        cell::<N>(self.line, &self.view())
    }
}

/// Checks a header by itself.
pub(super) fn check(line: u64, header: Header<'_>, findings: &mut Findings) -> HeaderFacts {
    let facts = HeaderFacts {
        line,
        record: HeaderBuf::from(header),
        planilla: planilla_type(&cell::<8>(line, &header), findings),
        document_lengths: document_lengths_apply(&header),
        figures: Figures::of(header.period()),
    };
    check_form(&facts, findings);
    check_codes_in_force(&facts, findings);
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
    let after = |month: Month| first_day(month.plus(1));
    let paid_on = header.paid_on().or_else(|| header.period().and_then(after));
    paid_on.is_some_and(|day| day >= DOCUMENT_LENGTHS_SINCE)
}

fn check_form(facts: &HeaderFacts, findings: &mut Findings) {
    if field::require_digits(&facts.cell::<2>(), findings).is_some() {
        field::expect_letter(&facts.cell::<2>(), b"12", findings);
    }
    if field::require_digits(&facts.cell::<3>(), findings) == Some(0) {
        findings.warn(Rule::HeaderSequence, &facts.cell::<3>(), "0001");
    }
    for cell in [facts.cell::<4>(), facts.cell::<12>(), facts.cell::<13>()] {
        field::expect_left_aligned(&cell, findings);
    }
    field::expect_letter(&facts.cell::<11>(), b"US", findings);
    if facts.view().raw::<11>() == b"S" && facts.view().is_blank::<12>() {
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

/// A planilla type is as old as its payment: back pay and debts name months before it. Of what is not paid yet,
/// nobody knows.
fn check_codes_in_force(facts: &HeaderFacts, findings: &mut Findings) {
    let header = facts.view();
    let month = header.period();
    let paid_in = header.paid_on().and_then(Month::of);
    if let Some(planilla) = facts.planilla {
        field::expect_in_force(&facts.cell::<8>(), planilla.validity, paid_in, findings);
    }
    if let Some(insurer) = catalog::risk_insurer(field::code(header.raw::<14>())) {
        field::expect_in_force(&facts.cell::<14>(), insurer.validity, month, findings);
    }
    if let Some(kind) = catalog::contributor_type(field::code(header.raw::<21>())) {
        field::expect_in_force(&facts.cell::<21>(), kind.validity, paid_in, findings);
    }
}

fn check_payer(facts: &HeaderFacts, findings: &mut Findings) {
    if facts.view().is_blank::<4>() {
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
fn check_purpose(facts: &HeaderFacts, findings: &mut Findings) {
    let letter = facts.planilla.map_or("", |planilla| planilla.code);
    if letter == "E" && facts.view().raw::<21>() == b"02" {
        let expected = "another type than E: the kind of payer is 02, self-employed";
        findings.error(Rule::PlanillaPayerMismatch, &facts.cell::<8>(), expected);
    }
    payer_of_the_self_employed(facts, findings);
    let related = facts.cell::<9>();
    // Planilla U carries the title of a deposit there.
    if letter != "U" {
        field::require_digits_or_blank(&related, findings);
    }
    field::require_date_or_blank(&facts.cell::<10>(), findings);
    match facts.planilla.and_then(|planilla| planilla.needs_related_planilla) {
        Some(true) => require_related(facts, findings),
        Some(false) => {
            field::expect_no_zeros(&related, findings);
            forbid_related(facts, findings);
        }
        None => field::expect_no_zeros(&related, findings),
    }
}

/// Planilla Y is of who pays for contractors, not of who pays alone, a payer whose only class is I.
fn payer_of_the_self_employed(facts: &HeaderFacts, findings: &mut Findings) {
    let letter = facts.planilla.map_or("", |planilla| planilla.code);
    let kind = catalog::contributor_type(field::code(facts.view().raw::<21>()));
    let Some(kind) = kind.filter(|kind| !kind.allowed_classes.is_empty()) else { return };
    if letter == "Y" && *kind.allowed_classes == ["I"] {
        let expected = "another type than Y: the kind of payer pays alone";
        findings.warn(Rule::PlanillaPayerMismatch, &facts.cell::<8>(), expected);
    }
}

/// Without its number a correction (N) or a completion (F) says nothing. What courts and the
/// enforcement agency order stands without it.
fn require_related(facts: &HeaderFacts, findings: &mut Findings) {
    let letter = facts.planilla.map_or("", |planilla| planilla.code);
    if !names_planilla(facts) {
        let severity =
            if matches!(letter, "N" | "F") { Severity::Error } else { Severity::Warning };
        let expected = match letter {
            "U" => "the title of the deposit",
            _ => "the number of the related planilla",
        };
        findings.cell(severity, Rule::Required, &facts.cell::<9>(), expected);
    }
    if facts.view().is_blank::<10>() {
        let expected = "the day of payment of the related planilla";
        findings.warn(Rule::Required, &facts.cell::<10>(), expected);
    }
}

fn forbid_related(facts: &HeaderFacts, findings: &mut Findings) {
    let expected = "spaces: a planilla of this type relates to no other";
    if names_planilla(facts) {
        findings.warn(Rule::RelatedPlanilla, &facts.cell::<9>(), expected);
    }
    if !facts.view().is_blank::<10>() {
        findings.warn(Rule::RelatedPlanilla, &facts.cell::<10>(), expected);
    }
}

/// Whether field 9 holds more than spaces and zeros.
fn names_planilla(facts: &HeaderFacts) -> bool {
    trim(facts.view().raw::<9>()).iter().any(|&byte| byte != b'0')
}

fn check_periods(facts: &HeaderFacts, findings: &mut Findings) {
    for cell in [facts.cell::<15>(), facts.cell::<16>()] {
        if scalar::month(cell.raw).is_none() {
            findings.error(Rule::Period, &cell, "YYYY-MM");
        }
    }
    let (Some(work), Some(health)) = (facts.view().month::<15>(), facts.view().month::<16>())
    else {
        return;
    };
    if let Some(paid_in) = facts.view().paid_on().and_then(Month::of)
        && work > paid_in
    {
        let expected = format!("{paid_in} or before, because that is when it was paid");
        findings.warn(Rule::Period, &facts.cell::<15>(), &expected);
    }
    let letter = facts.planilla.map_or("", |planilla| planilla.code);
    let (later, expected) = match letter {
        "E" | "S" => (1..=1, work.plus(1).to_string()),
        "I" | "Y" if work >= ARREARS_SINCE => (0..=0, work.to_string()),
        _ => (0..=1, format!("{work} or {}", work.plus(1))),
    };
    if !later.contains(&health.months_since(work)) {
        findings.warn(Rule::HealthPeriod, &facts.cell::<16>(), &expected);
    }
}

fn check_payment(facts: &HeaderFacts, findings: &mut Findings) {
    field::require_digits_or_blank(&facts.cell::<17>(), findings);
    field::expect_no_zeros(&facts.cell::<17>(), findings);
    let paid_on = facts.cell::<18>();
    field::require_date_or_blank(&paid_on, findings);
    let numbered = facts.view().planilla_number().is_some();
    match (numbered, is_blank(paid_on.raw)) {
        (true, true) => findings.warn(Rule::Required, &paid_on, "the day of payment"),
        (false, false) => {
            findings.warn(Rule::Required, &facts.cell::<17>(), "the number of the planilla");
        }
        _ => {}
    }
}
