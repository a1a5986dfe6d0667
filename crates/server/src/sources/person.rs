//! The document a client names by `username` and `username_type`.

use vinculo_pila::catalog::{Letters, document_type};
use vinculo_pila::{Document, DocumentKind};

/// A text that is no document of the kind it is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a document of kind {0}")]
pub struct InvalidDocument(DocumentKind);

/// The kinds a link can be made with, and the codes the withdrawn service had for them. The first is
/// meant when none is named.
pub const KINDS: [(&str, DocumentKind); 6] = [
    ("001", DocumentKind::Cc),
    ("002", DocumentKind::Ce),
    ("003", DocumentKind::Pa),
    ("004", DocumentKind::Ti),
    ("PT", DocumentKind::Pt),
    ("PE", DocumentKind::Pe),
];

/// The kind behind a `username_type`: one of the codes of [`KINDS`], also without its zeros, PILA's two
/// letters, or the kind's name.
#[must_use]
pub fn document_kind(username_type: &str) -> Option<DocumentKind> {
    let number = username_type.parse::<u16>().ok();
    let name = username_type.to_lowercase();
    let named = |(code, kind): &(&str, DocumentKind)| {
        kind.code().eq_ignore_ascii_case(username_type)
            || number.is_some() && number == code.parse().ok()
            || document_type(kind.code()).is_some_and(|kind| kind.name_es.to_lowercase() == name)
    };
    KINDS.iter().find(|known| named(known)).map(|(_, kind)| *kind)
}

/// Reads a document number: dots, spaces and dashes are dropped, letters become capitals; what is
/// left must fit the kind (lengths of Resolución 1529 de 2026, a cédula has 3 to 10 digits). Zeros in front
/// of a cédula are no part of it ([`Document::normal`]).
///
/// # Errors
/// When it does not.
pub fn person(kind: DocumentKind, text: &str) -> Result<Document, InvalidDocument> {
    let rules = document_type(kind.code()).ok_or(InvalidDocument(kind))?;
    let kept = text.chars().filter(|c| !matches!(c, '.' | '-') && !c.is_whitespace());
    let number: String = kept.map(|c| c.to_ascii_uppercase()).collect();
    let letters = rules.letters != Letters::No;
    let length = u8::try_from(number.len()).unwrap_or(u8::MAX);
    let (shortest, longest) = (rules.min_length.unwrap_or(1), rules.max_length.unwrap_or(16));
    let fits = (shortest..=longest).contains(&length)
        && number.bytes().all(|b| b.is_ascii_digit() || (letters && b.is_ascii_uppercase()));
    if fits { Ok(Document::new(kind, number).normal()) } else { Err(InvalidDocument(kind)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_dropped_and_lengths_checked() {
        use DocumentKind::{Cc, Ce, Pa, Pt, Ti};
        for (kind, text, number) in [
            (Cc, "1999000001", Some("1999000001")),
            (Cc, " 1.999.000.001 ", Some("1999000001")),
            (Cc, "19-990", Some("19990")),
            (Cc, "123", Some("123")),
            (Cc, "0019990000", Some("19990000")),
            (Cc, "12", None),
            (Cc, "12345678901", None),
            (Cc, "ABC123", None),
            (Cc, "", None),
            (Cc, "१२३४", None),
            (Ce, "199900", Some("199900")),
            (Ce, "19990000", None),
            (Ti, "1999000001", Some("1999000001")),
            (Ti, "199900", None),
            (Pa, "ab-199900", Some("AB199900")),
            (Pa, "ÁB199900", None),
            (Pt, "1999001", Some("1999001")),
        ] {
            let read = person(kind, text).ok().map(|document| document.number);
            assert_eq!(read, number.map(str::to_owned), "{kind} {text:?}");
        }
    }

    #[test]
    fn kinds_are_named_by_code_or_letters() {
        for (name, kind) in [
            ("001", Some(DocumentKind::Cc)),
            ("CC", Some(DocumentKind::Cc)),
            ("pa", Some(DocumentKind::Pa)),
            ("PT", Some(DocumentKind::Pt)),
            ("1", Some(DocumentKind::Cc)),
            ("02", Some(DocumentKind::Ce)),
            ("Cédula de ciudadanía", Some(DocumentKind::Cc)),
            ("CÉDULA DE EXTRANJERÍA", Some(DocumentKind::Ce)),
            ("Pasaporte", Some(DocumentKind::Pa)),
            ("NI", None),
            ("005", None),
            ("", None),
        ] {
            assert_eq!(document_kind(name), kind, "{name}");
        }
    }
}
