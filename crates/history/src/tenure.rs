//! Continuous months with a payer.

use vinculo_pila::{Month, NoveltiesKnown};

use crate::merge::Account;
use crate::status::{ends, starts};

/// Continuous time up to the newest month.
pub(crate) struct Tenure {
    /// First month.
    pub(crate) since: Month,
    /// Calendar months, both ends included.
    pub(crate) months: u32,
    /// It begins at a start mark; otherwise it is a lower bound.
    pub(crate) from_start_mark: bool,
}

/// Walks back from the newest month to the first one with a start mark, with the month before it
/// missing, or with the month before it ended. `accounts` are ascending; `None` without any.
pub(crate) fn of(accounts: &[Account<'_>]) -> Option<Tenure> {
    let (newest, _) = accounts.split_last()?;
    let runs = accounts.chunk_by(|earlier, later| continues(earlier, later));
    let first = runs.last().and_then(<[_]>::first).unwrap_or(newest);
    let span = newest.month.months_since(first.month);
    Some(Tenure {
        since: first.month,
        months: u32::try_from(span).unwrap_or_default().saturating_add(1),
        from_start_mark: first.marks().lines.iter().any(|line| starts(line)),
    })
}

fn continues(earlier: &Account<'_>, later: &Account<'_>) -> bool {
    let next = later.month.months_since(earlier.month) == 1;
    next && !later.marks().lines.iter().any(|line| starts(line)) && !ended(earlier)
}

/// Whether the bond was over at the end of the month: an end mark, and no start mark after it. The
/// days of both tell, else the order of the lines. A source of rows without order says nothing about
/// which came first; there any start mark counts as later.
fn ended(account: &Account<'_>) -> bool {
    let lines = &account.marks().lines;
    let last_end = lines.iter().rposition(|line| ends(line));
    let last_start = lines.iter().rposition(|line| starts(line));
    let ended_on = lines.iter().filter(|line| ends(line)).filter_map(|line| line.ended_on).max();
    let started_on =
        lines.iter().filter(|line| starts(line)).filter_map(|line| line.started_on).max();
    let ordered = lines.iter().all(|line| line.novelties_known == NoveltiesKnown::All);
    match (last_end, last_start) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(end), Some(start)) => match (ended_on, started_on) {
            (Some(end), Some(start)) => end >= start,
            _ => ordered && end >= start,
        },
    }
}
