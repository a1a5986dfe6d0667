//! The type-1 record: general data of a payer.

use super::field::{self, Holder};
use crate::catalog;
use crate::planilla::finding::{Cell, Findings, Place, Severity};
use crate::planilla::layout::{PAYER, PAYER_LENGTH, PAYER_OLD_LENGTH};
use crate::planilla::lines::Line;
use crate::planilla::rule::{Rule, Section};
use crate::planilla::scalar;
use crate::planilla::text::is_blank;
use crate::planilla::view::PayerRecord;

/// Whether a line is meant as a payer record: by its length, or because field 2 holds a kind of
/// document. It has no tag; a name may start with the digits of one.
pub(super) fn is_payer_record(line: &Line<'_>) -> bool {
    let bytes = line.bytes;
    if matches!(bytes.len(), PAYER_LENGTH | PAYER_OLD_LENGTH) {
        return true;
    }
    let kind = bytes.get(PAYER[1].range()).unwrap_or_default();
    let tagged = bytes.starts_with(b"01") || bytes.starts_with(b"02");
    !tagged && catalog::document_type(field::code(kind)).is_some()
}

/// The check of a type-1 file.
#[derive(Debug, Default)]
pub(super) struct PayerCheck {
    records: u64,
}

impl PayerCheck {
    /// Takes the next record.
    pub(super) fn record(&mut self, line: &Line<'_>, findings: &mut Findings) {
        self.records += 1;
        if self.records > 1 {
            let place = Place::line(line.number);
            let (found, expected) = ("another record", "one record per file");
            findings.place(Severity::Error, Rule::ExtraRecord, place, found, expected);
        } else {
            check_line(line, findings);
        }
    }
}

fn check_line(line: &Line<'_>, findings: &mut Findings) {
    let Some(record) = PayerRecord::new(line.bytes) else {
        let found = format!("{} characters", line.length);
        let place = Place::line(line.number);
        let expected = "567 characters, or 552 in the older form";
        findings.place(Severity::Error, Rule::RecordLength, place, found, expected);
        return;
    };
    let check = RecordCheck { line: line.number, record };
    check.payer(findings);
    check.classes(findings);
    check.contacts(findings);
    check.dates(findings);
    check.additions(findings);
}

#[derive(Debug, Clone, Copy)]
struct RecordCheck<'a> {
    line: u64,
    record: PayerRecord<'a>,
}

impl<'a> RecordCheck<'a> {
    fn cell<const N: usize>(&self) -> Cell<'a> {
        field::cell::<N, _>(self.line, Section::Payer, &self.record)
    }

    fn payer(&self, findings: &mut Findings) {
        if self.record.is_blank::<1>() {
            findings.error(Rule::Required, &self.cell::<1>(), "the name of the payer");
        }
        field::expect_capitals(&self.cell::<1>(), findings);
        if let Some(kind) = field::document_kind(&self.cell::<2>(), Holder::Payer, findings) {
            let number = self.cell::<3>();
            field::document_number(&number, kind, false, findings);
            field::check_digit(&self.cell::<4>(), kind, &number, findings);
        }
    }

    fn classes(&self, findings: &mut Findings) {
        let is_class = |code: &str| catalog::contributor_class(code).is_some();
        field::expect_listed(&self.cell::<7>(), "classes of payer", is_class, findings);
        self.class_of_kind(findings);
        field::expect_letter(&self.cell::<8>(), b"12345", findings);
        field::expect_letter(&self.cell::<9>(), b"NJ", findings);
        field::expect_letter(&self.cell::<10>(), b"US", findings);
        field::require_digits_or_blank(&self.cell::<14>(), findings);
        let is_activity = |code: &str| catalog::activity(code).is_some();
        field::expect_listed(&self.cell::<14>(), "CIIU classes", is_activity, findings);
        field::require_digits_or_blank(&self.cell::<28>(), findings);
        let is_operator = |code: &str| catalog::operator(code).is_some();
        field::expect_listed(&self.cell::<28>(), "operators", is_operator, findings);
        if scalar::month(self.cell::<29>().raw).is_none() {
            findings.error(Rule::Period, &self.cell::<29>(), "YYYY-MM");
        }
        self.contributor_type(findings);
    }

    /// The class (field 7) against the kind of payer (field 30), when both are listed.
    fn class_of_kind(&self, findings: &mut Findings) {
        let cell = self.cell::<7>();
        let Some(class) = catalog::contributor_class(field::code(cell.raw)) else { return };
        let code = self.record.contributor_type().unwrap_or_default();
        let Some(kind) = catalog::contributor_type(&code) else { return };
        if !kind.allowed_classes.is_empty() && !kind.allowed_classes.contains(&class.code) {
            let classes = kind.allowed_classes.join(" ");
            let expected = format!("one of {classes} for kind of payer {}", kind.code);
            findings.warn(Rule::PayerClass, &cell, &expected);
        }
    }

    fn contributor_type(&self, findings: &mut Findings) {
        let known = self.record.contributor_type();
        let cell = self.cell::<30>();
        match known {
            Some(code) if catalog::contributor_type(&code).is_some() => {}
            Some(code) if code.bytes().all(|byte| byte.is_ascii_digit()) => {
                findings.warn(Rule::Catalog, &cell, "a code of the list of kinds of payer");
            }
            _ => findings.error(Rule::Numeric, &cell, "digits"),
        }
    }

    fn contacts(&self, findings: &mut Findings) {
        field::expect_place(&self.cell::<13>(), &self.cell::<12>(), findings);
        let mail = self.cell::<17>();
        if !is_blank(mail.raw) && !mail.raw.contains(&b'@') {
            findings.warn(Rule::MailAddress, &mail, "an address with @, or blank");
        }
        for cell in [self.cell::<15>(), self.cell::<16>()] {
            if !is_blank(cell.raw) && scalar::digits(cell.raw).is_none() {
                findings.warn(Rule::Numeric, &cell, "digits or blank");
            }
        }
        let legal_entity = self.record.raw::<9>() == b"J";
        if legal_entity && self.record.is_blank::<18>() {
            let expected = "the document of the legal representative";
            findings.warn(Rule::Required, &self.cell::<18>(), expected);
        }
    }

    fn dates(&self, findings: &mut Findings) {
        for cell in [self.cell::<25>(), self.cell::<27>(), self.cell::<31>()] {
            field::require_date_or_blank(&cell, findings);
        }
    }

    /// The last fields, which the older form does not have.
    fn additions(&self, findings: &mut Findings) {
        if self.record.bytes().len() == PAYER_OLD_LENGTH {
            return;
        }
        let is_department = catalog::is_department;
        field::expect_listed(&self.cell::<32>(), "DIVIPOLA departments", is_department, findings);
        field::expect_letter(&self.cell::<33>(), b" SN", findings);
        field::expect_letter(&self.cell::<34>(), b" SN", findings);
    }
}
