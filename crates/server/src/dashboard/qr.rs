//! A QR code as a drawing inside the page.

use std::fmt::Write as _;

use qrcode::types::QrError;
use qrcode::{Color, QrCode};

use super::chart::Escaped;

/// Light modules around the code, as the standard asks for.
const QUIET: usize = 4;

/// Draws a text. The title is for who cannot see it.
///
/// # Errors
/// When the text is too long.
pub(super) fn draw(text: &str, title: &str) -> Result<String, QrError> {
    let code = QrCode::new(text)?;
    let (width, side) = (code.width(), code.width() + 2 * QUIET);
    let mut path = String::new();
    for (place, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (place % width + QUIET, place / width + QUIET);
            // Writing to a string does not fail.
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    Ok(format!(
        r#"<svg class="qr" viewBox="0 0 {side} {side}" role="img"><title>{}</title><path d="{path}"/></svg>"#,
        Escaped(title)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_marks_in_three_corners() {
        let drawn = draw("otpauth://totp/x", "<QR>").unwrap();
        assert!(drawn.contains("<title>&lt;QR&gt;</title>"), "{drawn}");
        let side: usize = drawn.split(' ').nth(4).unwrap().parse().unwrap();
        assert_eq!((side - 2 * QUIET - 21) % 4, 0, "{drawn}");
        let last = side - QUIET - 1;
        let dark = |x, y| drawn.contains(&format!("M{x} {y}h"));
        assert!(dark(QUIET, QUIET) && dark(last, QUIET) && dark(QUIET, last), "{drawn}");
        assert!(!dark(QUIET + 1, QUIET + 1) && !dark(QUIET - 1, QUIET), "{drawn}");
    }
}
