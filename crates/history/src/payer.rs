//! Identity of payers across sources.

use vinculo_pila::{Document, DocumentKind};

/// The document a payer is grouped under: a company's NIT written with its check digit is the
/// nine-digit number.
///
/// Companies' numbers begin with 8 or 9. The ten-digit NIT of a natural person is the citizenship
/// card, begins with 1, and its last digit is no check digit even when it happens to fit.
pub(crate) fn canonical(document: &Document) -> Document {
    let number = without_check_digit(document).unwrap_or(&document.number);
    Document::new(document.kind, number)
}

fn without_check_digit(document: &Document) -> Option<&str> {
    let number = document.number.as_str();
    let company = document.kind == DocumentKind::Nit
        && number.len() == 10
        && number.starts_with(['8', '9'])
        && number.bytes().all(|b| b.is_ascii_digit());
    let (body, last) = number.split_at_checked(9).filter(|_| company)?;
    (check_digit(body) == last.bytes().next().map(|b| b - b'0')).then_some(body)
}

/// Weights 3, 7, 13, … from the right, sum modulo 11; results of 2 and more are taken from 11.
fn check_digit(digits: &str) -> Option<u8> {
    const WEIGHTS: [u32; 9] = [3, 7, 13, 17, 19, 23, 29, 37, 41];
    let reversed = digits.bytes().rev().map(|b| u32::from(b - b'0'));
    let sum: u32 = reversed.zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    let rest = sum % 11;
    u8::try_from(if rest < 2 { rest } else { 11 - rest }).ok()
}
