//! What a link can be asked from, and asking: the sources of a workspace in order, until one
//! resolves.

mod answer;
mod person;

use std::sync::Arc;
use std::time::Duration;

use vinculo_pila::Document;
use vinculo_sources::ach::{Ach, AchConfig};
use vinculo_sources::agil_data::AgilData;
use vinculo_sources::mareigua::Mareigua;
use vinculo_sources::{
    Call, ConfigError, Connector as _, NoDataReason, Outcome, Question, Received, RetryReason,
};
use vinculo_store::Environment;

use crate::App;
use crate::clock::Clock;
use crate::config::{Config, SourceConfig};
use crate::sandbox::{self, Wish};
use crate::secrets::WorkspaceSecrets;

pub use answer::KeptAnswer;
pub use person::{InvalidDocument, KINDS, document_kind, person};

/// Months a question looks back.
const MONTHS: u32 = 24;

/// Header that tells the simulated operator by how many months the workspace's calendar is ahead.
const MONTH_OFFSET_HEADER: &str = "x-vinculo-month-offset";

/// Header that tells the simulated operator how often this workspace has asked about a person.
const TRY_HEADER: &str = "x-vinculo-try";

/// One place contributions come from.
#[derive(Debug)]
pub enum Source {
    /// The planillas imported into the workspace: they are in the store already.
    Planillas,
    /// An operator that speaks ACH's *Consultas PILA*.
    Ach(Ach),
    /// Mareigua's query.
    Mareigua(Mareigua),
    /// *Ágil Data* of Asofondos.
    AgilData(AgilData),
    /// The simulated operator: the same connector, told on top which try this is, by how many months
    /// the calendar is ahead, and how the question is to end.
    Sandbox(Ach),
}

/// The sources behind each environment, in the order they are asked.
#[derive(Debug)]
pub struct Sources {
    sandbox: Vec<Source>,
    production: Vec<Source>,
}

/// A source that cannot be used as configured.
#[derive(Debug, thiserror::Error)]
#[error("source {name}: {error}")]
pub struct UnusableSource {
    name: &'static str,
    error: ConfigError,
}

/// One answered question.
#[derive(Debug)]
pub struct Asked {
    /// Name of the source.
    pub source: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status of the answer.
    pub http_status: Option<u16>,
    /// The source's own code.
    pub raw_code: Option<String>,
    /// Time the source took.
    pub duration: Duration,
    /// The answer as received, to be kept sealed and read again.
    pub answer: Option<KeptAnswer>,
    /// By how many months the calendar of the workspace was ahead.
    pub months_ahead: i64,
}

impl Source {
    /// The name calls are recorded under.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Planillas => "planillas",
            Self::Ach(_) => "ach",
            Self::Mareigua(_) => "mareigua",
            Self::AgilData(_) => "agil_data",
            Self::Sandbox(_) => "sandbox",
        }
    }

    /// Asks an operator; `None` where there is none to ask.
    async fn ask(&self, question: &Question, timeout: Duration) -> Option<Call> {
        Some(match self {
            Self::Planillas => return None,
            Self::Ach(ach) | Self::Sandbox(ach) => ach.ask(question, timeout).await,
            Self::Mareigua(mareigua) => mareigua.ask(question, timeout).await,
            Self::AgilData(agil_data) => agil_data.ask(question, timeout).await,
        })
    }

    /// What an operator's answer says about a person.
    fn read(&self, answer: Received<'_>, person: &Document) -> Option<Outcome> {
        let reading = match self {
            Self::Planillas => return None,
            Self::Ach(ach) | Self::Sandbox(ach) => ach.read(answer, person),
            Self::Mareigua(mareigua) => mareigua.read(answer, person),
            Self::AgilData(agil_data) => agil_data.read(answer, person),
        };
        Some(reading.outcome)
    }
}

impl Sources {
    /// Connects the configured sources to an HTTP client.
    ///
    /// # Errors
    /// When an operator's configuration cannot work.
    pub fn new(
        config: &Config,
        http: &reqwest::Client,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, UnusableSource> {
        let looked_at = Arc::clone(clock);
        let clock: vinculo_sources::Clock = Arc::new(move || looked_at.now());
        let ach = |config: &AchConfig| Ach::new(config.clone(), http.clone(), Arc::clone(&clock));
        let production = config.production.iter().map(|source| {
            let (http, clock) = (http.clone(), Arc::clone(&clock));
            let (name, connected) = match source {
                SourceConfig::Planillas => return Ok(Source::Planillas),
                SourceConfig::Ach(config) => ("ach", ach(config).map(Source::Ach)),
                SourceConfig::Mareigua(config) => {
                    let mareigua = Mareigua::new(config.as_ref().clone(), http, clock);
                    ("mareigua", mareigua.map(Source::Mareigua))
                }
                SourceConfig::AgilData(config) => {
                    let agil_data = AgilData::new(config.as_ref().clone(), http, clock);
                    ("agil_data", agil_data.map(Source::AgilData))
                }
            };
            connected.map_err(|error| UnusableSource { name, error })
        });
        let sandbox = ach(&config.sandbox).map(Source::Sandbox);
        Ok(Self {
            production: production.collect::<Result<_, _>>()?,
            sandbox: vec![sandbox.map_err(|error| UnusableSource { name: "sandbox", error })?],
        })
    }

    /// The sources of an environment, in order.
    #[must_use]
    pub fn of(&self, environment: Environment) -> &[Source] {
        match environment {
            Environment::Sandbox => &self.sandbox,
            Environment::Production => &self.production,
        }
    }

    /// Reads a kept answer again, with the source that gave it. `None` when that source is no
    /// longer configured.
    #[must_use]
    pub fn reread(
        &self,
        environment: Environment,
        source: &str,
        answer: &KeptAnswer,
        person: &Document,
    ) -> Option<Outcome> {
        let received = Received {
            status: answer.status,
            content_type: answer.content_type.as_deref(),
            body: &answer.body,
        };
        self.of(environment).iter().find(|s| s.name() == source)?.read(received, person)
    }
}

/// Asks the workspace's sources about a person, one after the other, until one resolves or
/// `budget` is spent. Answers in the order asked; empty only when no source is configured. A wish
/// reaches the simulated operator alone.
///
/// # Errors
/// When the database fails.
pub(crate) async fn ask(
    app: &App,
    secrets: &WorkspaceSecrets,
    person: &Document,
    budget: Duration,
    wish: &Wish,
) -> Result<Vec<Asked>, vinculo_store::Error> {
    let mut all = Vec::new();
    let started = app.now();
    for source in app.sources().of(secrets.workspace().environment) {
        let spent = Duration::try_from(app.now().duration_since(started)).unwrap_or_default();
        let left = budget.saturating_sub(spent);
        if left.is_zero() && !all.is_empty() {
            break;
        }
        let (question, months_ahead) = question(app, secrets, source, person, wish).await?;
        let asked = match source.ask(&question, left).await {
            None => ask_planillas(app, secrets, person).await?,
            Some(call) => Asked { months_ahead, ..Asked::from_call(source.name(), call) },
        };
        asked.raise_alarm();
        let resolved = matches!(asked.outcome, Outcome::Resolved(_));
        all.push(asked);
        if resolved {
            break;
        }
    }
    Ok(all)
}

async fn ask_planillas(
    app: &App,
    secrets: &WorkspaceSecrets,
    person: &Document,
) -> Result<Asked, vinculo_store::Error> {
    let started = app.now();
    let workspace = secrets.workspace().id;
    let index = secrets.indexes().lookup_document(person.kind.code(), &person.number);
    let known = app.store().read(move |tx| tx.has_planilla_lines(workspace, &index)).await?;
    let outcome = if known {
        Outcome::Resolved(vinculo_sources::Answer::default())
    } else {
        Outcome::NoData(NoDataReason::NotFound)
    };
    Ok(Asked {
        source: Source::Planillas.name(),
        outcome,
        http_status: None,
        raw_code: None,
        duration: Duration::try_from(app.now().duration_since(started)).unwrap_or_default(),
        answer: None,
        months_ahead: 0,
    })
}

/// The question, and by how many months it is ahead of the calendar.
async fn question(
    app: &App,
    secrets: &WorkspaceSecrets,
    source: &Source,
    person: &Document,
    wish: &Wish,
) -> Result<(Question, i64), vinculo_store::Error> {
    let workspace = secrets.workspace();
    let (mut extra_headers, mut months_ahead) = (Vec::new(), 0);
    if matches!(source, Source::Sandbox(_)) {
        let index = secrets.indexes().lookup_document(person.kind.code(), &person.number);
        let own = workspace.clone();
        let read = app.store().read(move |tx| {
            let earlier = tx.count_source_calls(own.id, &index)?;
            Ok::<_, vinculo_store::Error>((earlier, sandbox::months_ahead(tx, &own)?))
        });
        let (earlier, ahead) = read.await?;
        months_ahead = ahead;
        extra_headers.push((TRY_HEADER.to_owned(), (earlier + 1).to_string()));
        extra_headers.push((MONTH_OFFSET_HEADER.to_owned(), ahead.to_string()));
        extra_headers.extend(wish.header());
    }
    let question = Question {
        document: person.clone(),
        months: MONTHS,
        user: Some(workspace.uuid.simple().to_string()),
        extra_headers,
    };
    Ok((question, months_ahead))
}

impl Asked {
    /// Tells whoever runs the installation what only they can mend.
    fn raise_alarm(&self) {
        match &self.outcome {
            Outcome::NotAuthorized => {
                tracing::error!(source = self.source, "the source refused our own credentials");
            }
            Outcome::Fault(detail) => {
                tracing::error!(source = self.source, detail, "the answer cannot be used");
            }
            _ => {}
        }
    }

    fn from_call(source: &'static str, call: vinculo_sources::Call) -> Self {
        let answer = KeptAnswer::of(&call);
        Self {
            source,
            outcome: call.outcome,
            http_status: call.http_status,
            raw_code: call.raw_code,
            duration: call.duration,
            answer,
            months_ahead: 0,
        }
    }
}

/// The outcome that stands for several. Whatever kept a source from answering comes before another
/// source's "nothing": the person may be known where we could not ask.
#[must_use]
pub fn best(asked: &[Asked]) -> Option<&Asked> {
    asked.iter().min_by_key(|asked| match &asked.outcome {
        Outcome::Resolved(_) => 0,
        Outcome::RetryLater { .. } => 1,
        Outcome::NotAuthorized => 2,
        Outcome::Fault(_) => 3,
        Outcome::Withheld(_) => 4,
        Outcome::NoData(_) => 5,
        Outcome::InvalidInput(_) => 6,
    })
}

/// Whether a source that says "later" is down, or up and unwilling.
#[must_use]
pub const fn is_down(reason: RetryReason) -> bool {
    matches!(reason, RetryReason::Timeout | RetryReason::UpstreamDown)
}

#[cfg(test)]
mod tests {
    use vinculo_sources::{Answer, InvalidField, WithheldReason};

    use super::*;

    fn asked(outcome: Outcome) -> Asked {
        let (source, duration) = ("test", Duration::ZERO);
        let (http_status, raw_code, answer, months_ahead) = (None, None, None, 0);
        Asked { source, outcome, http_status, raw_code, duration, answer, months_ahead }
    }

    #[test]
    fn what_kept_a_source_from_answering_comes_before_nothing() {
        let ranked = [
            Outcome::Resolved(Answer::default()),
            Outcome::RetryLater { reason: RetryReason::Timeout, not_before: None },
            Outcome::NotAuthorized,
            Outcome::Fault("garbage".to_owned()),
            Outcome::Withheld(WithheldReason::NotBillable),
            Outcome::NoData(NoDataReason::NotFound),
            Outcome::InvalidInput(InvalidField::DocumentNumber),
        ];
        for pair in ranked.windows(2) {
            let both = [asked(pair[1].clone()), asked(pair[0].clone())];
            assert_eq!(best(&both).map(|asked| &asked.outcome), Some(&pair[0]));
        }
        assert!(best(&[]).is_none());
    }
}
