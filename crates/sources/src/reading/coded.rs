//! Answers that carry a code of the source's own: an object, whatever the HTTP status.

use serde_json::Value;
use vinculo_pila::Contribution;

use super::charset::Text;
use super::fields::Fields;
use super::notes::{Note, Notes};
use super::value;
use crate::service::status;
use crate::{Answer, Named, NoDataReason, Outcome, Reading, RetryClass};

/// Bytes of the longest text that is taken for a code.
const LONGEST_CODE: usize = 12;

/// What a code says.
pub(crate) enum Meaning {
    /// There is data to be read.
    Data,
    /// There is none.
    Ended(Outcome),
    /// Nothing that says anything about the person.
    Fault(&'static str, RetryClass),
}

/// An answer, and where its code is.
pub(crate) struct Coded<'a> {
    pub(crate) status: u16,
    pub(crate) text: &'a Text<'a>,
    /// Key of the code.
    pub(crate) name: &'static str,
    /// Digits of a code: leading zeros may be lost where it comes as a number.
    pub(crate) width: usize,
    pub(crate) meaning: fn(&str) -> Meaning,
}

/// Reads an answer: refused credentials come first, then the code, then `data`; without a code the
/// status decides.
pub(crate) fn read(
    answer: &Coded<'_>,
    data: impl FnOnce(Fields<'_>, &str, &mut Notes) -> Outcome,
) -> Reading {
    let by_status = status::by_status(answer.status, &[]);
    if by_status == Some(Outcome::NotAuthorized) {
        return Reading::of(Outcome::NotAuthorized);
    }
    let body = match serde_json::from_str(answer.text.text.trim()) {
        Ok(body) => body,
        Err(error) => {
            let fault = not_json(&error, answer.text.text.len());
            return Reading::of(by_status.unwrap_or(fault));
        }
    };
    let code = code(&body, answer);
    let (fields, code) = match code {
        Ok(found) => found,
        Err(fault) => return Reading::of(by_status.unwrap_or(Outcome::Fault(fault))),
    };
    let mut notes = Notes::default();
    if answer.text.contradicts_charset {
        notes.add(Note::CharsetContradicted);
    }
    let mut retry = None;
    let outcome = match ((answer.meaning)(&code), by_status) {
        (Meaning::Ended(outcome), _) => outcome,
        (Meaning::Data, None) => data(fields, &code, &mut notes),
        // A success that the status contradicts, or a fault that the status explains.
        (Meaning::Data, Some(outcome))
        | (Meaning::Fault(..), Some(outcome @ Outcome::RetryLater { .. })) => outcome,
        (Meaning::Fault(text, class), _) => {
            retry = Some(class);
            Outcome::Fault(format!("code {code}: {text}"))
        }
    };
    let retry = retry.or(outcome.retry_class());
    Reading { outcome, raw_code: Some(code), retry }
}

/// The object of an answer and its code. A longer text is no code, and may name the person.
fn code<'a>(body: &'a Value, answer: &Coded<'_>) -> Result<(Fields<'a>, String), String> {
    let fields = Fields::of(body).ok_or("the answer is no object")?;
    let code = fields.text(answer.name).filter(|code| {
        code.len() <= LONGEST_CODE && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    });
    let code = code.ok_or_else(|| format!("the answer has no {}", answer.name))?;
    Ok((fields, value::padded(code, answer.width)))
}

/// Where the text stops being JSON; nothing of it is repeated.
pub(crate) fn not_json(error: &serde_json::Error, length: usize) -> Outcome {
    Outcome::Fault(format!(
        "the answer is not JSON: line {} column {} of {length} bytes",
        error.line(),
        error.column(),
    ))
}

/// The outcome of a history that was read: `told` is whether the source names any payer.
pub(crate) fn history(
    lines: Vec<Contribution>,
    named: Named,
    told: bool,
    notes: &mut Notes,
) -> Outcome {
    if lines.is_empty() {
        if notes.dropped() {
            let codes = notes.codes().join(", ");
            return Outcome::Fault(format!("nothing of the history can be read: {codes}"));
        }
        if !told {
            return Outcome::NoData(NoDataReason::NoHistory);
        }
        notes.add(Note::NoPaidMonth);
    }
    Outcome::Resolved(Answer {
        named: lines.is_empty().then(|| Box::new(named)),
        contributions: sorted(lines),
        complete: !notes.incomplete(),
        notes: notes.codes(),
    })
}

/// Lines by period, payer, planilla kind, and their place in the answer.
pub(crate) fn sorted(mut lines: Vec<Contribution>) -> Vec<Contribution> {
    fn key(line: &Contribution) -> impl Ord + '_ {
        (line.period, &line.payer.document, &line.planilla.kind, line.line)
    }
    lines.sort_by(|a, b| key(a).cmp(&key(b)));
    lines
}
