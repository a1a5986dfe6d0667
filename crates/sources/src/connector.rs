//! What a caller sees of every operator.

use std::time::Duration;

use vinculo_pila::Document;

use crate::{Call, Outcome, RetryClass};

/// One question. `Debug` hides the number of the document.
#[derive(Debug, Clone)]
pub struct Question {
    /// Who is asked about.
    pub document: Document,
    /// Months to look back, taken as 1 to 24. Sources that have no such parameter give what they
    /// have, and ACH does not say whether it counts calendar months or months with data: the answer
    /// may hold other months than asked.
    pub months: u32,
    /// Pseudonym of the user behind the question, for services that keep it; never personal data.
    pub user: Option<String>,
    /// Further headers of this question alone.
    pub extra_headers: Vec<(String, String)>,
}

/// An answer as it came over the wire.
#[derive(Clone, Copy)]
pub struct Received<'a> {
    /// Status of the HTTP answer.
    pub status: u16,
    /// Media type as sent.
    pub content_type: Option<&'a str>,
    /// Bytes as received.
    pub body: &'a [u8],
}

/// What an answer is read as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// How the question ended.
    pub outcome: Outcome,
    /// Answer code in the source's own scale, for the sources that have one.
    pub raw_code: Option<String>,
    /// When asking again makes sense; `None` where it does not matter.
    pub retry: Option<RetryClass>,
}

impl Reading {
    /// A reading of a source without codes, or of an answer without one.
    #[must_use]
    pub fn of(outcome: Outcome) -> Self {
        Self { retry: outcome.retry_class(), outcome, raw_code: None }
    }
}

/// A source that is asked about one person at a time.
pub trait Connector: Send + Sync {
    /// The name it is configured and its calls are recorded under.
    fn name(&self) -> &'static str;

    /// Asks once. `timeout` covers the token, connecting, headers and body together; the
    /// configuration may allow less.
    ///
    /// A document that the source cannot take is refused here, without a call.
    fn ask(&self, question: &Question, timeout: Duration) -> impl Future<Output = Call> + Send;

    /// Reads an answer: pure, so that a stored payload can be read again. Never panics.
    ///
    /// `person` is the document that was asked for. Without headers and clock a
    /// [`Outcome::RetryLater`] has no `not_before`.
    fn read(&self, answer: Received<'_>, person: &Document) -> Reading;
}
