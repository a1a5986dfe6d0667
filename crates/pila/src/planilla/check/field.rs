//! Checks that several records share.

use crate::catalog::{self, DocumentType, Letters, Validity};
use crate::planilla::finding::{Cell, Findings, Severity};
use crate::planilla::rule::{Rule, Section};
use crate::planilla::scalar;
use crate::planilla::text::{is_blank, is_lower_case, trim, trim_end};
use crate::planilla::view::{Layout, Record};
use crate::{DocumentKind, Month};

/// Field `N` of a record as a cell.
pub(super) fn cell<'a, const N: usize, L: Layout>(
    line: u64,
    section: Section,
    record: &Record<'a, L>,
) -> Cell<'a> {
    Cell { line, section, field: const { &L::FIELDS[N - 1] }, raw: record.raw::<N>() }
}

/// The ASCII text of a code field without padding, empty when it holds anything else.
pub(super) fn code(raw: &[u8]) -> &str {
    std::str::from_utf8(trim_end(raw)).unwrap_or_default()
}

/// Reports a cell that holds other characters than digits.
pub(super) fn require_digits(cell: &Cell<'_>, findings: &mut Findings) -> Option<u64> {
    let value = scalar::digits(cell.raw);
    if value.is_none() {
        findings.error(Rule::Numeric, cell, &format!("{} digits", cell.raw.len()));
    }
    value
}

/// Reports a cell that holds neither digits nor blanks, and warns about spaces around digits.
pub(super) fn require_digits_or_blank(cell: &Cell<'_>, findings: &mut Findings) {
    if scalar::digits(cell.raw).is_some() || is_blank(cell.raw) {
        return;
    }
    match scalar::digits(trim(cell.raw)) {
        Some(_) => findings.warn(Rule::Numeric, cell, "digits with zeros on the left, or blank"),
        None => findings.error(Rule::Numeric, cell, "digits or blank"),
    }
}

/// Reports a cell that holds neither a day nor blanks.
pub(super) fn require_date_or_blank(cell: &Cell<'_>, findings: &mut Findings) {
    if !is_blank(cell.raw) && scalar::date(cell.raw).is_none() {
        findings.error(Rule::Date, cell, "YYYY-MM-DD or blank");
    }
}

/// Warns about a code that its list does not have; a blank is none.
pub(super) fn expect_listed(
    cell: &Cell<'_>,
    list: &str,
    is_listed: impl FnOnce(&str) -> bool,
    findings: &mut Findings,
) {
    if !is_blank(cell.raw) && !is_listed(code(cell.raw)) {
        findings.warn(Rule::Catalog, cell, &format!("a code of the list of {list}"));
    }
}

/// Warns about a code that its list does not have for the month.
pub(super) fn expect_in_force(
    cell: &Cell<'_>,
    validity: Validity,
    month: Option<Month>,
    findings: &mut Findings,
) {
    if let Some(month) = month
        && !validity.holds_in(month)
    {
        findings.warn(Rule::Catalog, cell, &format!("a code in force in {month}"));
    }
}

/// Warns about a letter that is none of those allowed.
pub(super) fn expect_letter(cell: &Cell<'_>, allowed: &[u8], findings: &mut Findings) {
    if !matches!(cell.raw, [letter] if allowed.contains(letter)) {
        findings.warn(Rule::Catalog, cell, &one_of(allowed));
    }
}

/// Warns about small letters in a name.
pub(super) fn expect_capitals(cell: &Cell<'_>, findings: &mut Findings) {
    if cell.raw.iter().any(|&byte| is_lower_case(byte)) {
        findings.warn(Rule::LowerCase, cell, "capital letters");
    }
}

/// Warns about text padded on the left.
pub(super) fn expect_left_aligned(cell: &Cell<'_>, findings: &mut Findings) {
    if cell.raw.first() == Some(&b' ') && !is_blank(cell.raw) {
        findings.warn(Rule::Alignment, cell, "text from the first position on");
    }
}

/// Warns about zeros where spaces say that there is nothing.
pub(super) fn expect_no_zeros(cell: &Cell<'_>, findings: &mut Findings) {
    if cell.raw.iter().all(|&byte| byte == b'0') {
        findings.warn(Rule::ZeroFilled, cell, "spaces");
    }
}

/// The allowed letters in words.
pub(super) fn one_of(allowed: &[u8]) -> String {
    let mut words = String::from("one of");
    for &letter in allowed {
        words.push(' ');
        match letter {
            b' ' => words.push_str("blank"),
            _ => words.push(char::from(letter)),
        }
    }
    words
}

/// Whose document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    Payer,
    Worker,
    /// Worker kind 40, who may have a birth record only.
    Beneficiary,
}

/// Checks the kind of a document; what the list says of it. A kind that the list has and the holder
/// should not have is a warning: it leaves no doubt about whom it means.
pub(super) fn document_kind(
    cell: &Cell<'_>,
    holder: Holder,
    findings: &mut Findings,
) -> Option<&'static DocumentType> {
    let listed = catalog::document_type(code(cell.raw));
    let Some((kind, meaning)) = listed.and_then(|kind| Some((kind, kind.kind?))) else {
        findings.error(Rule::Catalog, cell, KIND);
        return None;
    };
    let expected = match (meaning, holder) {
        (DocumentKind::Pc, _) => KIND,
        (DocumentKind::Rc, Holder::Worker) => "another kind: a birth record is for beneficiaries",
        (_, Holder::Payer) if kind.payer == Some(false) => "a kind of document that payers have",
        (_, Holder::Worker | Holder::Beneficiary) if kind.worker == Some(false) => {
            "a kind of document that workers have"
        }
        _ => return Some(kind),
    };
    findings.warn(Rule::Catalog, cell, expected);
    Some(kind)
}

const KIND: &str = "a kind of document of the regulation";

/// Warns about codes of a department and a municipality that DIVIPOLA does not have; blanks are none.
pub(super) fn expect_place(
    department: &Cell<'_>,
    municipality: &Cell<'_>,
    findings: &mut Findings,
) {
    let (outer, inner) = (code(department.raw), code(municipality.raw));
    if is_blank(department.raw) {
        return;
    }
    if !catalog::is_department(outer) {
        findings.warn(Rule::Catalog, department, "a DIVIPOLA department");
    } else if !is_blank(municipality.raw)
        && catalog::municipality(&format!("{outer}{inner}")).is_none()
    {
        let expected = format!("a DIVIPOLA municipality of department {outer}");
        findings.warn(Rule::Catalog, municipality, &expected);
    }
}

/// Checks the number of a document against its kind, and its length when `lengths` apply.
pub(super) fn document_number(
    cell: &Cell<'_>,
    kind: &DocumentType,
    lengths: bool,
    findings: &mut Findings,
) {
    let number = trim_end(cell.raw);
    if number.is_empty() {
        findings.error(Rule::Required, cell, "a document number");
        return;
    }
    if !number.iter().all(u8::is_ascii_digit) {
        letters_in_number(cell, number, kind, findings);
    }
    if number.starts_with(b"0") && matches!(kind.kind, Some(DocumentKind::Cc | DocumentKind::Nit)) {
        findings.warn(Rule::DocumentNumber, cell, "no zeros on the left");
    }
    let length = u8::try_from(number.len()).unwrap_or(u8::MAX);
    let (min, max) = (kind.min_length.unwrap_or(1), kind.max_length.unwrap_or(u8::MAX));
    if lengths && !(min..=max).contains(&length) {
        let expected = format!("{min} to {max} characters for {}", kind.code);
        findings.warn(Rule::DocumentNumber, cell, &expected);
    }
}

fn letters_in_number(cell: &Cell<'_>, number: &[u8], kind: &DocumentType, findings: &mut Findings) {
    if !number.iter().all(u8::is_ascii_alphanumeric) {
        let expected = "letters and digits, left aligned";
        findings.error(Rule::DocumentNumber, cell, expected);
        return;
    }
    let severity = match kind.letters {
        Letters::Yes | Letters::Unknown => None,
        // One payroll product writes passports under this kind.
        Letters::No if kind.kind == Some(DocumentKind::Pt) => Some(Severity::Warning),
        Letters::OlderData => Some(Severity::Warning),
        Letters::No => Some(Severity::Error),
    };
    if let Some(severity) = severity {
        let expected = format!("digits only for {}", kind.code);
        findings.cell(severity, Rule::DocumentNumber, cell, &expected);
    }
    expect_capitals(cell, findings);
}

/// Checks the digit of a NIT. Other documents have none, and writers put a zero or a space there.
pub(super) fn check_digit(
    cell: &Cell<'_>,
    kind: &DocumentType,
    number: &Cell<'_>,
    findings: &mut Findings,
) {
    if kind.kind != Some(DocumentKind::Nit) {
        if !matches!(cell.raw, [b'0'..=b'9' | b' ']) {
            findings.error(Rule::Numeric, cell, "a digit");
        }
        return;
    }
    let digits = code(number.raw);
    let Some(due) = scalar::nit_check_digit(digits) else {
        // Other characters than digits have their own finding.
        if digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty() {
            findings.error(Rule::DocumentNumber, number, "15 digits at most");
        }
        return;
    };
    if cell.raw != [b'0' + due] {
        findings.error(Rule::CheckDigit, cell, &due.to_string());
    }
}
