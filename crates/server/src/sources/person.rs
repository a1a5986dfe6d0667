//! The cédula a client sends as `username`.

use vinculo_pila::{Document, DocumentKind};

/// A text that is no cédula de ciudadanía.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cédula de ciudadanía: 3 to 10 digits expected")]
pub struct InvalidCedula;

/// Reads a cédula de ciudadanía: dots, spaces and dashes are dropped, 3 to 10 digits must be left
/// (Resolución 1529 de 2026 gives the lengths).
///
/// # Errors
/// When anything else is left.
pub fn cedula(text: &str) -> Result<Document, InvalidCedula> {
    let number: String =
        text.chars().filter(|c| !matches!(c, '.' | '-') && !c.is_whitespace()).collect();
    let valid =
        (3..=10).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    if valid { Ok(Document::new(DocumentKind::Cc, number)) } else { Err(InvalidCedula) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_dropped_and_lengths_checked() {
        for (text, number) in [
            ("1999000001", Some("1999000001")),
            (" 1.999.000.001 ", Some("1999000001")),
            ("19-990", Some("19990")),
            ("123", Some("123")),
            ("12", None),
            ("12345678901", None),
            ("ABC123", None),
            ("", None),
            ("१२३४", None),
        ] {
            assert_eq!(cedula(text).ok().map(|d| d.number), number.map(str::to_owned), "{text:?}");
        }
    }
}
