//! What a link can be asked from, and asking: the `waterfall` over the sources of a workspace, each
//! behind its `gate`.

mod answer;
mod breaker;
mod budget;
mod bulk;
mod gate;
mod kept;
mod person;
mod silence;
mod spent;
mod terms;
mod waterfall;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use vinculo_pila::Document;
use vinculo_sources::ach::{Ach, AchConfig};
use vinculo_sources::agil_data::AgilData;
use vinculo_sources::mareigua::Mareigua;
use vinculo_sources::{
    Call, ConfigError, Connector as _, Outcome, Question, Received, RetryClass, RetryReason,
};
use vinculo_store::{CallKind, Environment, SourceCallId};

use crate::App;
use crate::clock::Clock;
use crate::config::{Config, SourceConfig};
use crate::limits::Steady;

pub use answer::{KeptAnswer, PackedAnswer};
pub use breaker::BreakerConfig;
pub(crate) use breaker::Cause;
pub(crate) use bulk::{BulkSource, Seen, pause};
pub(crate) use gate::{Gate, HeldBack, Standing};
pub(crate) use kept::{answers_that_stand, kept_answers, payload_context};
pub use person::{InvalidDocument, KINDS, document_kind, person};
pub use terms::{BilledOn, SourceTerms};
pub(crate) use waterfall::{Deadlines, Inquiry, SourcePolicy, ask};

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
    /// Of every source that is asked over a network, by its name.
    gates: BTreeMap<&'static str, Gate>,
}

/// A source that cannot be used as configured.
#[derive(Debug, thiserror::Error)]
#[error("source {name}: {error}")]
pub struct UnusableSource {
    name: &'static str,
    error: ConfigError,
}

/// One question to one source: answered, held back, or answered before.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Name of the source.
    pub(crate) source: &'static str,
    /// Whether it was about one person, or one of many.
    pub(crate) kind: CallKind,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// HTTP status of the answer.
    pub(crate) http_status: Option<u16>,
    /// The source's own code.
    pub(crate) raw_code: Option<String>,
    /// When asking again makes sense; `None` after data.
    pub(crate) retry: Option<RetryClass>,
    /// What broke the way to an answer.
    pub(crate) broken: Option<String>,
    /// Time the source took.
    pub(crate) duration: Duration,
    /// The answer as received, to be kept sealed and read again.
    pub(crate) answer: Option<PackedAnswer>,
    /// `yes`, `no` or `unknown`.
    pub(crate) billed: &'static str,
    /// What it cost, whole pesos.
    pub(crate) cost: i64,
    /// Why it was not asked.
    pub(crate) held: Option<HeldBack>,
    /// The earlier call whose answer stands here, and when it was made.
    pub(crate) kept: Option<(SourceCallId, Timestamp)>,
    /// By how many months the calendar of the workspace was ahead.
    pub(crate) months_ahead: i64,
}

impl Source {
    const MAREIGUA: &str = "mareigua";
    const AGIL_DATA: &str = "agil_data";

    /// The name calls are recorded under.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Planillas => "planillas",
            Self::Ach(_) => "ach",
            Self::Mareigua(_) => Self::MAREIGUA,
            Self::AgilData(_) => Self::AGIL_DATA,
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
        let steady = Steady::new(Arc::clone(clock));
        let (now, elapsed) = (Arc::clone(clock), Arc::clone(clock));
        let clock = vinculo_sources::Clock::new(move || now.now(), move || elapsed.elapsed());
        let ach = |config: &AchConfig| Ach::new(config.clone(), http.clone(), clock.clone());
        let production = config.production.iter().map(|source| {
            let (http, clock) = (http.clone(), clock.clone());
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
        let production = production.collect::<Result<Vec<_>, _>>()?;
        let sandbox = ach(&config.sandbox).map(Source::Sandbox);
        let sandbox = vec![sandbox.map_err(|error| UnusableSource { name: "sandbox", error })?];
        let over_network =
            production.iter().chain(&sandbox).filter(|source| !matches!(source, Source::Planillas));
        let gates = over_network.map(|source| {
            let name = source.name();
            (name, Gate::new(name, config.terms_of(name), &steady))
        });
        Ok(Self { gates: gates.collect(), production, sandbox })
    }

    /// Every source that is asked over a network, by its name.
    pub(crate) fn gates(&self) -> impl Iterator<Item = (&'static str, &Gate)> {
        self.gates.iter().map(|(name, gate)| (*name, gate))
    }

    /// The gate before a source; `None` where nothing is asked over a network.
    pub(crate) fn gate(&self, source: &Source) -> Option<&Gate> {
        self.gates.get(source.name())
    }

    /// Whether an environment has operators to ask and each of them is given a pause.
    pub(crate) fn are_down(&self, environment: Environment, now: Timestamp) -> bool {
        let gates: Vec<_> = self.of(environment).iter().filter_map(|s| self.gate(s)).collect();
        !gates.is_empty() && gates.iter().all(|gate| gate.is_shut(now))
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

impl Asked {
    /// An outcome of which nothing more is known.
    fn of(source: &'static str, outcome: Outcome) -> Self {
        Self {
            source,
            kind: CallKind::Individual,
            retry: outcome.retry_class(),
            outcome,
            http_status: None,
            raw_code: None,
            broken: None,
            duration: Duration::ZERO,
            answer: None,
            billed: "no",
            cost: 0,
            held: None,
            kept: None,
            months_ahead: 0,
        }
    }

    /// A question that was not asked.
    fn held(source: &'static str, held: HeldBack, now: Timestamp) -> Self {
        Self { held: Some(held), ..Self::of(source, held.outcome(now)) }
    }

    /// Whether the source said something about the person: data, or that there is none.
    pub(crate) const fn is_answer(&self) -> bool {
        matches!(self.outcome, Outcome::Resolved(_) | Outcome::NoData(_))
    }

    /// Whether the source was asked and nothing can be made of that.
    pub(crate) const fn has_failed(&self) -> bool {
        use Outcome::{Fault, NotAuthorized, RetryLater};
        self.held.is_none() && matches!(self.outcome, Fault(_) | NotAuthorized | RetryLater { .. })
    }

    /// Whether the source would not take the question now, and did not say for how long: nothing was
    /// looked up.
    const fn was_turned_away(&self) -> bool {
        matches!(self.http_status, Some(503))
            && matches!(self.outcome, Outcome::RetryLater { not_before: None, .. })
    }

    /// Tells whoever runs the installation how it went, and what only they can mend.
    pub(crate) fn tell(&self, app: &App) {
        let (source, outcome) = (self.source, self.outcome.code());
        app.metrics().asked(self);
        let held_back = self.held.map(HeldBack::word);
        tracing::debug!(source, outcome, held_back, took = ?self.duration, "asked");
        match &self.outcome {
            _ if self.held.is_some() => {}
            Outcome::NotAuthorized => {
                tracing::error!(source = self.source, "the source refused our own credentials");
            }
            Outcome::Fault(detail) => {
                tracing::error!(source = self.source, detail, "the answer cannot be used");
            }
            Outcome::InvalidInput(_) if self.is_malformed() => {
                tracing::error!(
                    source,
                    code = self.raw_code,
                    "the source calls the question malformed"
                );
            }
            _ => {}
        }
    }

    /// Whether the source says that the question is not one, whoever it is about.
    fn is_malformed(&self) -> bool {
        let codes = [(Source::MAREIGUA, "3"), (Source::AGIL_DATA, "12")];
        codes.contains(&(self.source, self.raw_code.as_deref().unwrap_or_default()))
    }

    fn from_call(source: &'static str, call: Call, terms: &SourceTerms) -> Self {
        let answer = KeptAnswer::of(&call).map(|answer| answer.pack());
        let (billed, cost) = terms.bill(&call.outcome, call.http_status);
        Self {
            http_status: call.http_status,
            raw_code: call.raw_code,
            retry: call.retry,
            broken: call.broken,
            duration: call.duration,
            answer,
            billed,
            cost,
            ..Self::of(source, call.outcome)
        }
    }
}

/// The outcome that stands for several: of each source the last. Whatever kept a source from answering
/// comes before another source's "nothing": the person may be known where we could not ask.
#[must_use]
pub(crate) fn best(asked: &[Asked]) -> Option<&Asked> {
    let is_last =
        |place: usize, source: &str| asked[place + 1..].iter().all(|it| it.source != source);
    let of_sources = asked.iter().enumerate().filter(|(place, it)| is_last(*place, it.source));
    of_sources.map(|(_, asked)| asked).min_by_key(|asked| match &asked.outcome {
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

/// Whether a retrieval that ended so counts among those that make a link invalid, six in a row: no source
/// answered, or none intelligibly. That a source refuses us or has much to do, and our
/// own rules, do not speak against the person.
pub(crate) fn counts_as_failed(outcome: &Outcome, held: Option<HeldBack>) -> bool {
    match outcome {
        _ if held.is_some_and(HeldBack::is_own_rule) => false,
        Outcome::Fault(_) => true,
        Outcome::RetryLater { reason, .. } => is_down(*reason),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use vinculo_sources::{Answer, InvalidField, NoDataReason, WithheldReason};

    use super::*;

    fn asked(source: &'static str, outcome: Outcome) -> Asked {
        Asked::of(source, outcome)
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
            let both = [asked("one", pair[1].clone()), asked("other", pair[0].clone())];
            assert_eq!(best(&both).map(|asked| &asked.outcome), Some(&pair[0]));
            let again = [asked("one", pair[0].clone()), asked("one", pair[1].clone())];
            assert_eq!(best(&again).map(|asked| &asked.outcome), Some(&pair[1]));
        }
        assert!(best(&[]).is_none());
    }
}
