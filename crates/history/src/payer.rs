//! Identity of payers across sources.

use vinculo_pila::planilla::nit_check_digit;
use vinculo_pila::{Document, DocumentKind};

/// The document a payer is grouped under: in its normal form, and a company's NIT written with its
/// check digit is the nine-digit number.
///
/// Companies' numbers begin with 8 or 9. The ten-digit NIT of a natural person is the citizenship
/// card, begins with 1, and its last digit is no check digit even when it happens to fit.
pub(crate) fn canonical(document: &Document) -> Document {
    let document = document.clone().normal();
    let bare = without_check_digit(&document).map(str::to_owned);
    Document { number: bare.unwrap_or(document.number), ..document }
}

fn without_check_digit(document: &Document) -> Option<&str> {
    let number = document.number.as_str();
    let company = document.kind == DocumentKind::Nit
        && number.len() == 10
        && number.starts_with(['8', '9'])
        && number.bytes().all(|b| b.is_ascii_digit());
    let (body, last) = number.split_at_checked(9).filter(|_| company)?;
    (nit_check_digit(body) == last.bytes().next().map(|b| b - b'0')).then_some(body)
}
