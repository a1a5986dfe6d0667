//! Asking the sources of a workspace about a person, one after the other: until one resolves in full,
//! or all of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::Instrument as _;
use vinculo_pila::Document;
use vinculo_sources::{Answer, NoDataReason, Outcome, Question};

use super::{Asked, Source};
use crate::App;
use crate::config::Config;
use crate::sandbox::{self, Wish};
use crate::secrets::WorkspaceSecrets;
use crate::traces;

/// Months a question looks back.
pub(super) const MONTHS: u32 = 24;

/// Header that tells the simulated operator by how many months the workspace's calendar is ahead.
pub(super) const MONTH_OFFSET_HEADER: &str = "x-vinculo-month-offset";

/// Header that tells the simulated operator how often this workspace has asked about a person.
const TRY_HEADER: &str = "x-vinculo-try";

/// Which of several sources are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SourcePolicy {
    /// One after the other, until one has everything.
    #[default]
    First,
    /// All of them; what they say is merged.
    All,
}

impl SourcePolicy {
    /// The policy of this name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "first" => Some(Self::First),
            "all" => Some(Self::All),
            _ => None,
        }
    }

    /// Its name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::All => "all",
        }
    }
}

/// How long may be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    /// One question.
    pub(crate) each: Duration,
    /// All of them.
    all: Duration,
    /// Whether somebody waits for the answer.
    attended: bool,
}

impl Deadlines {
    /// For the caller of a registration.
    pub(crate) const fn registration(config: &Config) -> Self {
        Self { each: config.check_timeout, all: config.check_budget, attended: true }
    }

    /// For the caller of a retrieval.
    pub(crate) const fn retrieval(config: &Config) -> Self {
        Self { each: config.check_timeout, all: config.load_timeout, attended: true }
    }

    /// In the background.
    pub(crate) const fn background(config: &Config) -> Self {
        Self { each: config.load_timeout, all: Duration::MAX, attended: false }
    }
}

/// What is to be asked.
pub(crate) struct Inquiry<'a> {
    pub(crate) person: &'a Document,
    pub(crate) policy: SourcePolicy,
    pub(crate) deadlines: Deadlines,
    /// Answers that stand for a question to their source: of earlier questions, or of a job.
    pub(crate) kept: Vec<Asked>,
    /// How the question is to end; it reaches the simulated operator alone.
    pub(crate) wish: &'a Wish,
}

/// Asks the workspace's sources about a person. A source that is slow or away takes only its own share
/// of the time. Answers in the order asked; empty only when no source is configured.
///
/// # Errors
/// When the database fails.
pub(crate) async fn ask(
    app: &App,
    secrets: &WorkspaceSecrets,
    inquiry: Inquiry<'_>,
) -> Result<Vec<Asked>, vinculo_store::Error> {
    let Inquiry { person, policy, deadlines, mut kept, wish } = inquiry;
    let mut all = Vec::new();
    let started = app.elapsed();
    for source in app.sources().of(secrets.workspace().environment) {
        let asked = match kept.iter().position(|kept| kept.source == source.name()) {
            Some(place) => {
                let kept = kept.swap_remove(place);
                // What a job said is told here, like an answer of its own.
                if kept.kept.is_none() {
                    kept.tell(app);
                }
                kept
            }
            None => {
                let spent = app.elapsed().saturating_sub(started);
                let left = deadlines.all.saturating_sub(spent);
                if left.is_zero() && !all.is_empty() {
                    break;
                }
                let each = deadlines.each.min(left);
                let mut told =
                    ask_and_tell(app, secrets, source, (person, wish), (each, deadlines)).await?;
                let Some(last) = told.pop() else { break };
                all.append(&mut told);
                last
            }
        };
        let has_all = matches!(&asked.outcome, Outcome::Resolved(answer) if answer.complete);
        all.push(asked);
        if has_all && policy == SourcePolicy::First {
            break;
        }
    }
    Ok(all)
}

/// Asks a source, and once more at once when somebody waits and it turned the question away: how each
/// question ended. The failures of the sandbox are played.
async fn ask_and_tell(
    app: &App,
    secrets: &WorkspaceSecrets,
    source: &Source,
    about: (&Document, &Wish),
    (timeout, deadlines): (Duration, Deadlines),
) -> Result<Vec<Asked>, vinculo_store::Error> {
    let (started, attended) = (app.elapsed(), deadlines.attended);
    let first = ask_one(app, secrets, source, about, (timeout, attended)).await?;
    first.tell(app);
    let asks_again = attended && first.was_turned_away() && !matches!(source, Source::Sandbox(_));
    if !asks_again {
        return Ok(vec![first]);
    }
    let spent = app.elapsed().saturating_sub(started);
    let left = timeout.saturating_sub(spent);
    let second = ask_one(app, secrets, source, about, (left, attended)).await?;
    second.tell(app);
    Ok(if second.held.is_some() { vec![first] } else { vec![first, second] })
}

async fn ask_one(
    app: &App,
    secrets: &WorkspaceSecrets,
    source: &Source,
    about: (&Document, &Wish),
    time: (Duration, bool),
) -> Result<Asked, vinculo_store::Error> {
    let traced = traces::question(source.name());
    let asked = ask_behind_gate(app, secrets, source, about, time);
    let asked = asked.instrument(traced.clone()).await?;
    traces::question_ended(&traced, &asked);
    Ok(asked)
}

async fn ask_behind_gate(
    app: &App,
    secrets: &WorkspaceSecrets,
    source: &Source,
    (person, wish): (&Document, &Wish),
    (timeout, attended): (Duration, bool),
) -> Result<Asked, vinculo_store::Error> {
    let Some(gate) = app.sources().gate(source) else {
        return ask_planillas(app, secrets, person).await;
    };
    let started = app.elapsed();
    // Half of the time for a place leaves the other half for the question.
    let pass = match gate.admit(app, attended.then_some(timeout / 2)).await? {
        Ok(pass) => pass,
        Err(held) => return Ok(Asked::held(source.name(), held, app.now())),
    };
    let (question, months_ahead) = question(app, secrets, source, person, wish).await?;
    let waited = app.elapsed().saturating_sub(started);
    let Some(call) = source.ask(&question, timeout.saturating_sub(waited)).await else {
        return ask_planillas(app, secrets, person).await;
    };
    let asked = Asked::from_call(source.name(), call, gate.terms());
    let asked = Asked { months_ahead, ..asked };
    // A kind of document that the operator does not take is refused without asking: that says nothing
    // about the operator.
    if asked.http_status.is_some() || !matches!(asked.outcome, Outcome::InvalidInput(_)) {
        let answer = (&asked.outcome, asked.http_status, asked.broken.as_deref());
        pass.end(app.now(), answer, asked.cost);
    }
    Ok(asked)
}

async fn ask_planillas(
    app: &App,
    secrets: &WorkspaceSecrets,
    person: &Document,
) -> Result<Asked, vinculo_store::Error> {
    let started = app.elapsed();
    let workspace = secrets.workspace().id;
    let index = secrets.indexes().lookup_document(person.kind.code(), &person.number);
    let known = app.store().read(move |tx| tx.has_planilla_lines(workspace, &index)).await?;
    let outcome = if known {
        Outcome::Resolved(Answer { complete: true, ..Answer::default() })
    } else {
        Outcome::NoData(NoDataReason::NotFound)
    };
    let duration = app.elapsed().saturating_sub(started);
    Ok(Asked { duration, ..Asked::of(Source::Planillas.name(), outcome) })
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
