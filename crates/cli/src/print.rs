//! What people see in a terminal; colours disappear by themselves where there is none.

use std::fmt::Display;
use std::io::Write as _;

use anstream::eprintln;
use anstyle::{AnsiColor, Style};

/// Something good.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Something bad.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// A headline.
pub(crate) const HEAD: Style = AnsiColor::Cyan.on_default().bold();
/// What may be overlooked.
pub(crate) const DIM: Style = Style::new().dimmed();

/// Tells whoever still listens: a server goes on when its terminal has gone.
pub(crate) fn tell(line: impl Display) {
    let _ = writeln!(anstream::stdout(), "{line}");
}

/// Prints why the program ends, with every cause.
pub(crate) fn failure(error: &anyhow::Error) {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        // Some errors say themselves what caused them.
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    eprintln!("{BAD}error:{BAD:#} {text}");
}
