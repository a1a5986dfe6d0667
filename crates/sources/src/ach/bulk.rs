//! One job about many people: submitted, watched, and fetched before it expires.
//!
//! A call tries once, as with one person. [`Job::next`] says what comes when; the caller waits, and
//! keeps the job meanwhile.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::Client;
use serde_json::{Map, Value, json};
use vinculo_pila::{Document, DocumentKind};

use super::{Ach, rows};
use crate::reading::coded::not_json;
use crate::reading::fields::{Fields, plain_number};
use crate::reading::notes::Notes;
use crate::reading::value;
use crate::service::{Answered, status};
use crate::{InvalidField, NoDataReason, Outcome, RetryReason};

const PATH: [&str; 4] = ["consultas", "masivas", "personas", "naturales"];

/// Pauses between looks at a job, the last one for good.
const PAUSES: [u64; 5] = [2, 5, 10, 30, 60];

/// A job that runs longer is given up.
const LONGEST: SignedDuration = SignedDuration::from_hours(6);

/// The state that has a result. Every other one is "running".
const FINISHED: &str = "FINALIZADA";

/// A job that the operator works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// `numeroSolicitud`.
    pub id: String,
    /// When it was submitted, by the connector's clock.
    pub submitted_at: Timestamp,
    /// How often it was looked at since.
    pub looks: u32,
    /// What was seen last.
    pub state: JobState,
}

/// What the operator says about a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobState {
    /// Whether there is a result.
    pub finished: bool,
    /// When the result will be gone; only known once there is one.
    pub expires_at: Option<Timestamp>,
    /// People asked about.
    pub total: Option<u64>,
    /// People with data.
    pub found: Option<u64>,
    /// People without.
    pub not_found: Option<u64>,
    /// Documents that the operator does not take.
    pub invalid: Option<u64>,
}

/// What to do about a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// Look again once this much time has passed.
    Look(Duration),
    /// Fetch the result now.
    Fetch,
    /// It never came to a result: the people are to be asked about again.
    GiveUp,
}

/// The result of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobResult {
    /// An answer about everybody asked about, in the order asked.
    pub people: Vec<JobAnswer>,
    /// Whether the lists are as long as the totals say.
    pub totals_agree: bool,
}

/// What a result says about one person.
#[derive(Clone, PartialEq, Eq)]
pub struct JobAnswer {
    /// Who was asked about.
    pub person: Document,
    /// How the question ended.
    pub outcome: Outcome,
    /// The person's rows as JSON: what a single question is answered with, and read again by
    /// [`Connector::read`](crate::Connector::read). `None` for whoever has none.
    pub rows: Option<Vec<u8>>,
}

impl fmt::Debug for JobAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobAnswer").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

/// Why there is nothing to be had of a job now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobError {
    /// The operator does not know it: it never did, or the result has expired. To be submitted again
    /// once, and a fault if that happens a second time.
    Unknown,
    /// The call failed.
    Failed(Outcome),
}

impl From<Outcome> for JobError {
    fn from(outcome: Outcome) -> Self {
        Self::Failed(outcome)
    }
}

/// Kind and number without leading zeros.
type Key = (DocumentKind, String);

/// What a result says about somebody.
#[derive(Clone, Copy)]
enum Told<'a> {
    Found(Fields<'a>),
    Missing,
    Invalid,
}

impl Job {
    /// What comes next at `now`: looks after 2, 5, 10, 30 and then every 60 seconds, for six hours. A
    /// result is fetched whenever it is said to expire: two clocks may differ, and asking costs nothing.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> NextStep {
        if self.state.finished {
            return NextStep::Fetch;
        }
        if now.duration_since(self.submitted_at) >= LONGEST {
            return NextStep::GiveUp;
        }
        let pause = usize::try_from(self.looks).ok().and_then(|looks| PAUSES.get(looks));
        let last = PAUSES[PAUSES.len() - 1];
        NextStep::Look(Duration::from_secs(pause.copied().unwrap_or(last)))
    }
}

impl Ach {
    /// Whether the operator takes documents like this one.
    #[must_use]
    pub fn takes(&self, person: &Document) -> bool {
        self.paper(person).is_ok()
    }

    /// Submits a job about these people; `months` are taken as 1 to 24, `user` is the pseudonym of
    /// whoever asks, `headers` go with this call alone.
    ///
    /// # Errors
    ///
    /// The outcome that stands for everybody. A document that the operator cannot take is
    /// [`Outcome::InvalidInput`] without a call: leave it out ([`Ach::takes`]).
    pub async fn submit(
        &self,
        people: &[Document],
        (months, user): (u32, Option<&str>),
        headers: &[(String, String)],
        timeout: Duration,
    ) -> Result<Job, JobError> {
        let list = people.iter().map(|person| {
            let (kind, number) = self.paper(person)?;
            Ok(json!({ "tipoDocumento": kind, "numDocumento": number }))
        });
        let list = list.collect::<Result<Vec<_>, Outcome>>()?;
        if list.is_empty() {
            return Err(Outcome::InvalidInput(InvalidField::Other).into());
        }
        let body = json!({ "historico": self.months(months), "contenido": list });
        // The path ends with a slash.
        let url = self.service.url(PATH.into_iter().chain([""]));
        let ask = |client: &Client, _: Option<&str>| {
            Ok(self.named(client.post(url.clone()).body(body.to_string()), user))
        };
        let fields = self.object(&self.service.ask(headers, timeout, &ask).await)?;
        let id = Fields(&fields).text("numeroSolicitud");
        let id = id.ok_or_else(|| fault("the new job has no numeroSolicitud"))?;
        let state = state(Fields(&fields));
        Ok(Job { id, submitted_at: self.service.now(), looks: 0, state })
    }

    /// Looks at a job.
    ///
    /// # Errors
    ///
    /// [`JobError::Unknown`] when the operator does not know the job (any more), else the outcome of
    /// the look.
    pub async fn look(&self, job: &Job, timeout: Duration) -> Result<Job, JobError> {
        let fields = self.get(&[&job.id, "estado"], timeout).await?;
        let state = state(Fields(&fields));
        Ok(Job { state, looks: job.looks.saturating_add(1), ..job.clone() })
    }

    /// Fetches the result of a finished job about these people.
    ///
    /// # Errors
    ///
    /// As [`Ach::look`]; [`RetryReason::JobRunning`] when the operator says that it is not finished.
    pub async fn fetch(
        &self,
        job: &Job,
        people: &[Document],
        timeout: Duration,
    ) -> Result<JobResult, JobError> {
        let fields = self.get(&[&job.id], timeout).await?;
        self.result(Fields(&fields), people)
    }

    async fn get(&self, tail: &[&str], timeout: Duration) -> Result<Map<String, Value>, JobError> {
        let url = self.service.url(PATH.iter().chain(tail).copied());
        let ask = |client: &Client, _: Option<&str>| Ok(client.get(url.clone()));
        self.object(&self.service.ask(&[], timeout, &ask).await)
    }

    /// The object of an answer about a job.
    fn object(&self, answered: &Answered) -> Result<Map<String, Value>, JobError> {
        let later = |outcome| self.service.when_to_come_again(answered, outcome);
        let code = answered.ended.clone().map_err(later)?;
        let received = answered.received(code);
        match code {
            404 => return Err(JobError::Unknown),
            409 => return Err(later(running()).into()),
            _ => {}
        }
        if let Some(outcome) = status::by_status(code, &[]) {
            return Err(later(outcome).into());
        }
        let text = self.service.decode(received.body, received.content_type).text;
        match serde_json::from_str(&text) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err(fault("the answer about a job is no object").into()),
            Err(error) => Err(not_json(&error, text.len()).into()),
        }
    }

    fn result(&self, fields: Fields<'_>, people: &[Document]) -> Result<JobResult, JobError> {
        let lists = ["listaExitosos", "listaNoEncontrados", "listaNoValidos"];
        let [found, missing, invalid] = lists.map(|key| fields.list(key));
        let (Some(found), Some(missing), Some(invalid)) = (found, missing, invalid) else {
            return Err(fault("a list of the result is no list").into());
        };
        let state = state(fields);
        if !state.finished && [found, missing, invalid].iter().all(|list| list.is_empty()) {
            return Err(running().into());
        }
        let mut told = HashMap::new();
        for entry in invalid.iter().filter_map(Fields::of) {
            told.extend(self.about(entry).zip(Some(Told::Invalid)));
        }
        for entry in missing.iter().filter_map(Fields::of) {
            told.extend(self.about(entry).zip(Some(Told::Missing)));
        }
        for entry in found.iter().filter_map(Fields::of) {
            told.extend(self.about(entry).zip(Some(Told::Found(entry))));
        }
        let answer = |person: &Document| {
            let (outcome, rows) = match told.get(&key(person.kind, &person.number)) {
                Some(Told::Found(entry)) => (self.found(*entry, person), rows_of(*entry)),
                Some(Told::Missing) => (Outcome::NoData(NoDataReason::NotFound), None),
                Some(Told::Invalid) => (Outcome::InvalidInput(InvalidField::Other), None),
                None => (running(), None),
            };
            JobAnswer { person: person.clone(), outcome, rows }
        };
        let agree = |told: Option<u64>, list: &[Value]| {
            told.is_none_or(|told| u64::try_from(list.len()).is_ok_and(|length| length == told))
        };
        Ok(JobResult {
            people: people.iter().map(answer).collect(),
            totals_agree: agree(state.found, found)
                && agree(state.not_found, missing)
                && agree(state.invalid, invalid),
        })
    }

    /// Whom an entry of a list is about.
    fn about(&self, entry: Fields<'_>) -> Option<Key> {
        let kind = self.config.documents.kind_or_letters(&entry.text("tipoDocumento")?)?;
        // The same thing has another name in the path of the single question.
        Some(key(kind, &entry.text_of(&["numDocumento", "numeroDocumento"])?))
    }

    fn found(&self, entry: Fields<'_>, person: &Document) -> Outcome {
        match entry.list("resultado") {
            None => fault("the rows of a person are no list"),
            Some([]) => Outcome::NoData(NoDataReason::NotFound),
            Some(list) => rows::read(list, &self.config.documents, person, Notes::default()),
        }
    }
}

/// The rows of an entry as a body of their own.
fn rows_of(entry: Fields<'_>) -> Option<Vec<u8>> {
    serde_json::to_vec(entry.0.get("resultado")?).ok()
}

fn state(fields: Fields<'_>) -> JobState {
    let count = |key| {
        let text = fields.text(key)?;
        text.parse().ok()
    };
    let words = fields.text("estado").unwrap_or_default();
    let words: Vec<_> = words.split_whitespace().collect();
    JobState {
        finished: words.join(" ").eq_ignore_ascii_case(FINISHED),
        expires_at: fields.text("fechaExpiracion").and_then(|text| value::moment(&text)),
        total: count("totalRegistros"),
        found: count("totalExitosos"),
        not_found: count("totalNoEncontrados"),
        invalid: count("totalNoValidos"),
    }
}

fn key(kind: DocumentKind, number: &str) -> Key {
    (kind, plain_number(number))
}

fn running() -> Outcome {
    Outcome::RetryLater { reason: RetryReason::JobRunning, not_before: None }
}

fn fault(text: &str) -> Outcome {
    Outcome::Fault(text.to_owned())
}
