//! What sources said about the person of a load.

use jiff::Timestamp;
use vinculo_pila::{Contribution, Document};
use vinculo_sources::{Answer, Outcome, RetryClass};
use vinculo_store::{SourceCallId, Tx};

use crate::clock::bogota_month;
use crate::error::ApiError;
use crate::projection::{Person, contributions};
use crate::sources::{Asked, HeldBack, best};

/// What the sources said.
pub(crate) struct Learned {
    /// The outcome that stands for all of them.
    pub(crate) outcome: Outcome,
    /// Why the source behind it was not asked.
    pub(crate) held: Option<HeldBack>,
    /// When asking again makes sense.
    pub(super) retry: Option<RetryClass>,
    pub(super) answers: Vec<Answered>,
    pub(super) collected_at: Timestamp,
    /// By how many months the calendar of the workspace was ahead.
    pub(super) months_ahead: i64,
}

/// What one source said, and which call it said it in.
pub(super) struct Answered {
    pub(super) source: &'static str,
    pub(super) call: SourceCallId,
    pub(super) lines: Vec<Contribution>,
}

impl Answered {
    /// Whether an answer without a paid month is about somebody of whom its source has told before: it
    /// takes nothing back.
    pub(super) fn is_known(&self, tx: &mut Tx<'_>, person: &Person<'_>) -> Result<bool, ApiError> {
        if self.lines.iter().any(|line| line.paid) {
            return Ok(false);
        }
        let told = contributions(tx, person)?;
        Ok(told.iter().any(|told| self.lines.iter().any(|line| line.origin == told.line.origin)))
    }
}

impl Learned {
    /// `None` when no source is configured.
    pub(super) fn of(
        person: &Document,
        asked: Vec<Asked>,
        calls: &[Option<SourceCallId>],
        now: Timestamp,
    ) -> Option<Self> {
        let stands = best(&asked)?;
        let (outcome, held, retry) = (stands.outcome.clone(), stands.held, stands.retry);
        let months_ahead = stands.months_ahead;
        let read = |asked: &Asked| asked.kept.map_or(now, |(_, at)| at);
        let answers = asked.iter().filter(|asked| asked.is_answer());
        let collected_at = answers.map(read).max().unwrap_or(now);
        let answered = asked.into_iter().zip(calls).filter_map(|(asked, call)| {
            let at = read(&asked);
            let Outcome::Resolved(answer) = asked.outcome else { return None };
            let lines = lines(answer, person, at);
            Some(Answered { source: asked.source, call: (*call)?, lines })
        });
        Some(Self { outcome, held, retry, answers: answered.collect(), collected_at, months_ahead })
    }

    /// Whether a source had anything about the person.
    pub(super) const fn has_data(&self) -> bool {
        matches!(self.outcome, Outcome::Resolved(_))
    }

    /// Whether there is something to fill a link with, or nothing to be had.
    pub(crate) const fn is_settled(&self) -> bool {
        matches!(self.outcome, Outcome::Resolved(_) | Outcome::NoData(_) | Outcome::Withheld(_))
    }
}

/// The lines of an answer given at a moment, or the one that tells who the person is.
fn lines(answer: Answer, person: &Document, at: Timestamp) -> Vec<Contribution> {
    let named = answer.named.zip(bogota_month(at));
    let named = named.map(|(named, month)| named.into_line(person, month));
    answer.contributions.into_iter().chain(named).collect()
}
