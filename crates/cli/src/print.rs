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

/// Has the program end without a word when it prints into a pipe whose reader has gone, as `head` does:
/// what prints panics then, and that is no fault to be reported.
pub(crate) fn end_quietly_when_nobody_reads() {
    /// What a shell says of a program that SIGPIPE has ended.
    const ENDED_BY_PIPE: i32 = 128 + 13;
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let said = panic.payload_as_str().unwrap_or_default();
        if said.starts_with("failed ") && said.contains("Broken pipe") {
            std::process::exit(ENDED_BY_PIPE);
        }
        report(panic);
    }));
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
