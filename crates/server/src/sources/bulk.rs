//! Asking about many people at once, where a source takes such jobs: each call of a job passes the gate,
//! and what its result says about a person is `Asked` like the answer to a question of its own.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use vinculo_pila::Document;
use vinculo_sources::ach::{Ach, Job, JobAnswer, JobError, JobState, NextStep};
use vinculo_sources::{Outcome, RetryReason};
use vinculo_store::{CallKind, Environment, Micros, SourceJob, Tx};

use super::gate::Pass;
use super::waterfall::{MONTH_OFFSET_HEADER, MONTHS};
use super::{Asked, Gate, HeldBack, KeptAnswer, Source, SourcePolicy, Sources, answers_that_stand};
use crate::App;
use crate::secrets::WorkspaceSecrets;

/// How long a result is tried to be fetched.
const LONGEST: SignedDuration = SignedDuration::from_hours(48);

/// A source that takes jobs about many people.
#[derive(Clone, Copy)]
pub(crate) struct BulkSource<'a> {
    name: &'static str,
    ach: &'a Ach,
    gate: &'a Gate,
    /// Whether it is the simulated one, which is told by how many months the calendar is ahead.
    is_sandbox: bool,
    /// Those that are asked before it.
    before: &'a [Source],
}

/// What was seen of a job.
pub(crate) enum Seen {
    /// It goes on, or has ended and is to be fetched; looked at next after this time.
    Goes(JobState, Duration),
    /// It could not be looked at or fetched; again after this time.
    Failed(Duration),
    /// The gate lets nothing through.
    Held(HeldBack, Outcome),
    /// What it says about people, in the order they were asked about.
    Told(Vec<Asked>),
    /// Its result is not to be had any more.
    Gone,
    /// There is a result, and what came in its place cannot be understood.
    Unreadable,
}

impl Sources {
    /// The first source of an environment that takes jobs about many people.
    pub(crate) fn bulk(&self, environment: Environment) -> Option<BulkSource<'_>> {
        let all = self.of(environment);
        all.iter().enumerate().find_map(|(place, source)| {
            let (ach, is_sandbox) = match source {
                Source::Ach(ach) => (ach, false),
                Source::Sandbox(ach) => (ach, true),
                Source::Planillas | Source::Mareigua(_) | Source::AgilData(_) => return None,
            };
            let (gate, before) = (self.gate(source)?, all.get(..place)?);
            Some(BulkSource { name: source.name(), ach, gate, is_sandbox, before })
        })
    }
}

impl<'a> BulkSource<'a> {
    /// The name its calls are recorded under.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// What an entry costs, whole pesos.
    pub(crate) const fn entry_price(&self) -> i64 {
        self.gate.terms().bulk_price
    }

    /// Whether a person would be asked about now: nobody who is asked before has to be heard first or
    /// has everything, and no answer stands, since `since` or by the terms of the source.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn would_ask(
        &self,
        tx: &mut Tx<'_>,
        (app, secrets): (&App, &WorkspaceSecrets),
        (person, policy): (&Document, SourcePolicy),
        since: Micros,
    ) -> Result<bool, vinculo_store::Error> {
        if !self.ach.takes(person) {
            return Ok(false);
        }
        let index = secrets.indexes().lookup_document(person.kind.code(), &person.number);
        for source in self.before.iter().filter(|_| policy == SourcePolicy::First) {
            let is_first = matches!(source, Source::Planillas);
            if !is_first || tx.has_planilla_lines(secrets.workspace().id, &index)? {
                return Ok(false);
            }
        }
        let standing = answers_that_stand(tx, app, secrets, person, (Some(since), true))?;
        Ok(standing.iter().all(|answer| answer.source != self.name))
    }

    /// For how many people the month's budget is enough; `None` without a limit.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn affords(&self, app: &App) -> Result<Option<usize>, vinculo_store::Error> {
        self.gate.affords(app, self.entry_price()).await
    }

    /// What jobs may cost has changed in the database.
    pub(crate) fn job_changed(&self) {
        self.gate.job_changed();
    }

    /// Leave to hand in a job that may cost this much.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn admit(
        &self,
        app: &App,
        cost: i64,
    ) -> Result<Result<Pass<'a>, HeldBack>, vinculo_store::Error> {
        self.gate.admit_costing(app, cost, None).await
    }

    /// Hands a job in.
    ///
    /// # Errors
    /// The outcome that stands for everybody.
    pub(crate) async fn submit(
        &self,
        app: &App,
        (secrets, months_ahead): (&WorkspaceSecrets, i64),
        people: &[Document],
        pass: Pass<'_>,
    ) -> Result<Job, Outcome> {
        let ahead = (MONTH_OFFSET_HEADER.to_owned(), months_ahead.to_string());
        let headers = Vec::from_iter(Some(ahead).filter(|_| self.is_sandbox));
        let user = secrets.workspace().uuid.simple().to_string();
        let timeout = app.config().load_timeout;
        let asked = self.ach.submit(people, (MONTHS, Some(&user)), &headers, timeout).await;
        let unknown = || Outcome::Fault("the source knows no jobs about many people".to_owned());
        let done = asked.map_err(|error| match error {
            JobError::Unknown => unknown(),
            JobError::Failed(outcome) => outcome,
        });
        self.ended(app, pass, done.as_ref().err());
        done
    }

    /// Does what comes next with a job about these people: looks at it, or fetches its result.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn go_on(
        &self,
        app: &App,
        stored: &SourceJob,
        people: &[Document],
    ) -> Result<Seen, vinculo_store::Error> {
        let Some(job) = job(stored) else { return Ok(Seen::Gone) };
        let overdue = app.now().duration_since(job.submitted_at) >= LONGEST;
        let step = if overdue { NextStep::GiveUp } else { job.next(app.now()) };
        if step == NextStep::GiveUp {
            let is_gone = job.state.finished;
            let left = || people.iter().map(|_| self.left(app, stored)).collect();
            return Ok(if is_gone { Seen::Gone } else { Seen::Told(left()) });
        }
        let pass = match self.gate.admit_costing(app, 0, None).await? {
            Ok(pass) => pass,
            Err(held) => return Ok(Seen::Held(held, held.outcome(app.now()))),
        };
        let timeout = app.config().load_timeout;
        let seen = match step {
            NextStep::Fetch => {
                let fetched = self.ach.fetch(&job, people, timeout).await;
                fetched.map(|result| {
                    if !result.totals_agree {
                        tracing::warn!(source = self.name, "a job's lists differ from its totals");
                    }
                    let told = result.people.into_iter();
                    let told = told.map(|JobAnswer { outcome, rows, .. }| {
                        self.entry(app, stored, (outcome, rows))
                    });
                    Seen::Told(told.collect())
                })
            }
            NextStep::Look(_) | NextStep::GiveUp => {
                let looked = self.ach.look(&job, timeout).await;
                looked.map(|job| Seen::Goes(job.state.clone(), pause(&job, app.now())))
            }
        };
        let failed = match &seen {
            Err(JobError::Failed(outcome)) => Some(outcome),
            Ok(_) | Err(JobError::Unknown) => None,
        };
        self.ended(app, pass, failed);
        Ok(seen.unwrap_or_else(|error| match error {
            JobError::Unknown => Seen::Gone,
            JobError::Failed(Outcome::Fault(_)) if stored.finished => Seen::Unreadable,
            JobError::Failed(outcome) => Seen::Failed(patience(&job, &outcome)),
        }))
    }

    /// A call of a job ended; what people cost is settled with their answers.
    fn ended(&self, app: &App, pass: Pass<'_>, failed: Option<&Outcome>) {
        let source = self.name;
        match failed {
            Some(outcome @ Outcome::Fault(detail)) => {
                tracing::error!(source, detail, "a job cannot be worked on");
                pass.end(app.now(), (outcome, None, None), 0);
            }
            Some(outcome) => {
                tracing::warn!(source, outcome = outcome.code(), "a job cannot be worked on");
                pass.end(app.now(), (outcome, None, None), 0);
            }
            None => pass.worked(app.now()),
        }
    }

    fn entry(
        &self,
        app: &App,
        job: &SourceJob,
        (outcome, rows): (Outcome, Option<Vec<u8>>),
    ) -> Asked {
        let (billed, cost) = self.gate.terms().bill_entry(&outcome);
        let rows = rows.filter(|_| matches!(outcome, Outcome::Resolved(_)));
        let submitted = Timestamp::from_microsecond(job.submitted_at).unwrap_or_default();
        let duration = Duration::try_from(app.now().duration_since(submitted)).unwrap_or_default();
        Asked {
            kind: CallKind::Bulk,
            http_status: Some(200),
            duration,
            answer: rows.map(|rows| KeptAnswer::of_rows(rows).pack()),
            billed,
            cost,
            months_ahead: job.months_ahead,
            ..Asked::of(self.name, outcome)
        }
    }

    /// What stands for an answer that never came.
    fn left(&self, app: &App, job: &SourceJob) -> Asked {
        let outcome = Outcome::RetryLater { reason: RetryReason::JobRunning, not_before: None };
        self.entry(app, job, (outcome, None))
    }

    /// What stands for an answer that was lost.
    pub(crate) fn lost(&self, app: &App, job: &SourceJob) -> Asked {
        let outcome = Outcome::Fault("the result of a job is not to be had any more".to_owned());
        Asked { http_status: None, ..self.entry(app, job, (outcome, None)) }
    }
}

/// A stored job as its source knows it; `None` while it has no name.
fn job(stored: &SourceJob) -> Option<Job> {
    let moment = |at: Micros| Timestamp::from_microsecond(at).ok();
    Some(Job {
        id: stored.reference.clone()?,
        submitted_at: moment(stored.submitted_at)?,
        looks: u32::try_from(stored.looks).unwrap_or(u32::MAX),
        state: JobState {
            finished: stored.finished,
            expires_at: stored.expires_at.and_then(moment),
            total: None,
            found: None,
            not_found: None,
            invalid: None,
        },
    })
}

/// How long until a job is looked at next; nothing when it is to be fetched or given up.
pub(crate) fn pause(job: &Job, now: Timestamp) -> Duration {
    match job.next(now) {
        NextStep::Look(pause) => pause,
        NextStep::Fetch | NextStep::GiveUp => Duration::ZERO,
    }
}

/// How long nothing is asked after a call that failed: as between looks, of a result as between the
/// last of them, and as long as was asked for.
fn patience(job: &Job, outcome: &Outcome) -> Duration {
    let state = JobState { finished: false, ..job.state.clone() };
    let looks = if job.state.finished { u32::MAX } else { job.looks.saturating_add(1) };
    let failed = Job { looks, state, ..job.clone() };
    let pause = pause(&failed, job.submitted_at);
    match outcome {
        Outcome::RetryLater { not_before: Some(asked), .. } => pause.max(*asked),
        _ => pause,
    }
}
