//! Places where a test can have the process end, as if it were killed there. Compiled only with the
//! feature `failpoints`.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A name, a colon, and how often the place of that name is passed before the process ends there.
const AT: &str = "VINCULO_TEST_FAILPOINT_AT";
/// A file that is made when the process ends there, and not for another reason.
const PROOF: &str = "VINCULO_TEST_FAILPOINT_PROOF";

#[expect(clippy::disallowed_methods, reason = "no part of the configuration")]
static AT_PLACE: LazyLock<Option<(String, AtomicU64)>> = LazyLock::new(|| {
    let at = std::env::var(AT).ok()?;
    let (name, number) = at.rsplit_once(':')?;
    Some((name.to_owned(), AtomicU64::new(number.parse().ok()?)))
});

/// Passes a place, or ends the process there: at once, with nothing flushed or told.
pub fn pass(name: &str) {
    let Some((place, left)) = &*AT_PLACE else { return };
    if place == name && left.fetch_sub(1, Ordering::Relaxed) == 0 {
        if let Some(proof) = std::env::var_os(PROOF) {
            // A test that finds no proof fails.
            let _ = std::fs::write(proof, name);
        }
        std::process::abort();
    }
}
