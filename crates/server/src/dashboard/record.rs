//! A record of a planilla, drawn around the field that something is wrong with. What is drawn is what
//! the report of the import has kept; the rest of the line is dots.

/// Positions drawn before and after the field, at most, and of the field itself.
const AROUND: u32 = 16;
const WIDEST: usize = 64;

/// Stands for a position that is not told.
const DOT: &str = "·";

/// A part of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Drawn {
    /// First and last position of the field.
    pub(super) first: u32,
    pub(super) last: u32,
    /// What is drawn before it, in it, and after it.
    pub(super) before: String,
    pub(super) field: String,
    pub(super) after: String,
}

/// Draws what was found at these positions, the first of a line being 1. `found` is as the report
/// tells it: a text in quotes, or words about it.
pub(super) fn draw((first, last): (u32, u32), found: &str) -> Drawn {
    let width = usize::try_from(last.saturating_sub(first)).unwrap_or(WIDEST).min(WIDEST - 1) + 1;
    let told = serde_json::from_str::<String>(found).ok();
    let told = told.filter(|text| text.chars().count() <= width);
    let field = match (told, found) {
        (Some(text), _) => format!("{text:<width$}").replace(' ', "␣"),
        (None, "blank") => "␣".repeat(width),
        (None, _) => "?".repeat(width),
    };
    let before = first.saturating_sub(1);
    let cut = if before > AROUND { "…" } else { "" };
    Drawn {
        first,
        last,
        before: format!("{cut}{}", DOT.repeat(before.min(AROUND) as usize)),
        field,
        after: format!("{}…", DOT.repeat(AROUND as usize)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_drawn_at_its_place() {
        let drawn = draw((3, 7), "\"O12\"");
        assert_eq!((drawn.before.as_str(), drawn.field.as_str()), ("··", "O12␣␣"));
        assert_eq!((drawn.first, drawn.last), (3, 7));
        assert!(draw((202, 210), "blank").before.starts_with('…'));
        assert_eq!(draw((202, 210), "blank").field, "␣".repeat(9));
    }

    #[test]
    fn what_is_not_told_is_not_made_up() {
        assert_eq!(draw((1, 4), "5 of 4 digits").field, "????");
        assert_eq!(draw((1, 2), "\"longer\"").field, "??");
        assert_eq!(draw((7, 3), "blank").field, "␣");
        assert_eq!(draw((1, u32::MAX), "blank").field.chars().count(), WIDEST);
    }
}
