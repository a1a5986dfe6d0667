//! Asking about the rows of a cohort in jobs of a source. A job is noted before it is handed in and
//! remembered until every row of it has been made something of: whoever goes on after a crash looks at
//! it, and hands nobody in twice. Its result is not kept: it can be fetched again until it expires.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use vinculo_pila::Document;
use vinculo_sources::ach::Job;
use vinculo_sources::{Outcome, RetryReason};
use vinculo_store::{
    CohortRow, LeftRow, Micros, NewSourceJob, SourceJob, SourceJobId, SourceJobSight,
};

use super::failure::backoff;
use super::sync_link::wait_for;
use super::work_cohorts::{LONGEST_LOOK, Making};
use crate::api::body::JsonObject;
use crate::api::links::{Prospect, prospect, unanswered};
use crate::clock::micros;
use crate::cohorts::open_row;
use crate::error::ApiError;
use crate::sandbox;
use crate::sources::BulkSource;
use crate::terms::after;

/// Jobs of a workspace that are on their way at once.
const MOST_JOBS: usize = 4;

/// How often a row is handed in whose answer is lost.
pub(super) const MOST_SUBMISSIONS: i64 = 2;

/// How long a source may take to say what it calls a job. It is longer than any question, and after it
/// nobody waits for the answer any more.
const NAMING: Duration = Duration::from_secs(120);

/// How long a row waits for another one about the same person.
const A_MINUTE: Duration = Duration::from_secs(60);

/// The jobs about the rows of a cohort.
pub(super) struct Bulk<'a> {
    pub(super) making: &'a Making<'a>,
    pub(super) source: Option<BulkSource<'a>>,
}

/// What was handed in, and what was not.
pub(super) struct HandedIn {
    /// To be asked about alone.
    pub(super) alone: Vec<CohortRow>,
    /// When to go on, if that is not at once.
    pub(super) again: Option<Micros>,
}

/// Rows that are due, by how they are asked about.
#[derive(Default)]
struct Sorted {
    alone: Vec<CohortRow>,
    together: Vec<(CohortRow, Document)>,
    /// About somebody who is being asked about.
    later: Vec<i64>,
    months_ahead: i64,
}

impl<'a> Bulk<'a> {
    pub(super) fn of(making: &'a Making<'a>) -> Self {
        let environment = making.secrets.workspace().environment;
        Self { making, source: making.app.sources().bulk(environment) }
    }

    pub(super) fn now(&self) -> Micros {
        self.making.app.now_micros()
    }

    /// Hands rows in that may be asked about together, as long as there are not too many `jobs`.
    pub(super) async fn hand_in(
        &self,
        rows: Vec<CohortRow>,
        jobs: &[SourceJob],
    ) -> Result<HandedIn, ApiError> {
        let most = self.making.app.config().cohorts.bulk;
        let Some(source) = self.source.filter(|_| most > 1) else {
            return Ok(HandedIn { alone: rows, again: None });
        };
        let Sorted { mut alone, mut together, later, months_ahead } = self.sort(rows).await?;
        for line in later {
            self.making.postpone(line, after(self.now(), A_MINUTE), 0).await?;
        }
        if together.len() == 1 {
            alone.extend(together.drain(..).map(|(row, _)| row));
        }
        let mut again = None;
        if jobs.len() >= MOST_JOBS {
            // Those that wait for a job are due all the time.
            again = jobs.first().map(|job| job.due_at).filter(|_| alone.is_empty());
        } else if !together.is_empty() {
            let affords = source.affords(self.making.app).await?;
            together.truncate(most.min(affords.unwrap_or(most)).max(1));
            again = self.submit(source, together, months_ahead).await?;
        }
        Ok(HandedIn { alone, again })
    }

    /// Sorts out who is asked about in a job: whom the waterfall would ask the source about now.
    async fn sort(&self, rows: Vec<CohortRow>) -> Result<Sorted, ApiError> {
        let Making { app, secrets, cohort, .. } = self.making;
        let (app, secrets, cohort) = ((*app).clone(), Arc::clone(secrets), cohort.clone());
        let store = app.store().clone();
        let sorted = store.read(move |tx| {
            let environment = secrets.workspace().environment;
            let else_alone = app.config().cohorts.bulk_else_alone;
            let mut sorted = Sorted::default();
            let mut seen = HashSet::new();
            let Some(source) = app.sources().bulk(environment) else { return Ok(sorted) };
            sorted.months_ahead = sandbox::months_ahead(tx, secrets.workspace())?;
            for row in rows {
                if row.alone || (else_alone && row.submissions >= MOST_SUBMISSIONS) {
                    sorted.alone.push(row);
                    continue;
                }
                let Some(fields) = opened(&secrets, &cohort, &row) else {
                    sorted.alone.push(row);
                    continue;
                };
                let Some(Prospect { person, policy, .. }) = prospect(tx, &app, &secrets, &fields)?
                else {
                    sorted.alone.push(row);
                    continue;
                };
                let index = secrets.indexes().erased_person(person.kind.code(), &person.number);
                let asked = (&person, policy);
                if tx.is_in_source_job(secrets.workspace().id, &index)? {
                    sorted.later.push(row.line);
                } else if !source.would_ask(tx, (&app, &secrets), asked, cohort.created_at)? {
                    sorted.alone.push(row);
                } else if seen.insert(person.clone()) {
                    sorted.together.push((row, person));
                } else {
                    sorted.later.push(row.line);
                }
            }
            Ok::<_, ApiError>(sorted)
        });
        sorted.await
    }

    /// Hands in a job. Answers when to go on, if that is not at once.
    async fn submit(
        &self,
        source: BulkSource<'a>,
        people: Vec<(CohortRow, Document)>,
        months_ahead: i64,
    ) -> Result<Option<Micros>, ApiError> {
        let app = self.making.app;
        let (rows, people): (Vec<_>, Vec<_>) = people.into_iter().unzip();
        let entries = i64::try_from(people.len()).unwrap_or(i64::MAX);
        let reserved = source.entry_price().saturating_mul(entries);
        let pass = match source.admit(app, reserved).await? {
            Ok(pass) => pass,
            // Whoever stands behind them in the file does not wait for them.
            Err(held) => {
                let at = self.making.held_until(held, &held.outcome(app.now()));
                for row in &rows {
                    self.making.postpone(row.line, at, 0).await?;
                }
                return Ok(None);
            }
        };
        let begun = self.begin(source, &rows, (reserved, months_ahead)).await?;
        source.job_changed();
        let Some((id, lines)) = begun else { return Ok(None) };
        // Who was cancelled or erased since is not asked about.
        let people = rows.into_iter().zip(people).filter(|(row, _)| lines.contains(&row.line));
        let (rows, people): (Vec<_>, Vec<_>) = people.unzip();
        let asking = (&*self.making.secrets, months_ahead);
        let submitted = source.submit(app, asking, &people, pass).await;
        let again = match submitted {
            Ok(job) => self.submitted(id, &job).await.map(|()| None),
            // It may have been taken: nobody is handed in again before that would be known.
            Err(Outcome::RetryLater { reason: RetryReason::Timeout, .. }) => Ok(None),
            Err(outcome) => self.refused(id, rows, &outcome).await,
        };
        source.job_changed();
        again
    }

    /// Notes a job, and the lines that are in it; `None` when no row waits any more.
    async fn begin(
        &self,
        source: BulkSource<'a>,
        rows: &[CohortRow],
        (reserved, months_ahead): (i64, i64),
    ) -> Result<Option<(SourceJobId, HashSet<i64>)>, ApiError> {
        let Making { app, secrets, cohort, .. } = self.making;
        let (workspace, cohort, submitted_at) = (secrets.workspace().id, cohort.id, self.now());
        let due_at = after(submitted_at, NAMING);
        let lines: Vec<_> = rows.iter().map(|row| row.line).collect();
        let (source, price) = (source.name(), source.entry_price());
        let begun = app.store().write(move |tx| {
            let job = NewSourceJob {
                workspace,
                cohort,
                source,
                reserved,
                months_ahead,
                submitted_at,
                due_at,
            };
            let (id, taken) = tx.begin_source_job(&job, &lines)?;
            if taken.len() < lines.len() {
                let entries = i64::try_from(taken.len()).unwrap_or(i64::MAX);
                tx.settle_source_job(id, price.saturating_mul(entries), submitted_at)?;
            }
            let taken = Some(taken).filter(|taken| !taken.is_empty());
            Ok::<_, ApiError>(taken.map(|taken| (id, HashSet::from_iter(taken))))
        });
        begun.await
    }

    async fn submitted(&self, id: SourceJobId, job: &Job) -> Result<(), ApiError> {
        let (reference, pause) =
            (job.id.clone(), crate::sources::pause(job, self.making.app.now()));
        let sight = SourceJobSight {
            looks: 0,
            finished: job.state.finished,
            expires_at: job.state.expires_at.map(micros),
            due_at: after(self.now(), pause),
        };
        let store = self.making.app.store();
        if !store.write(move |tx| tx.name_source_job(id, &reference, sight)).await? {
            tracing::error!(job = %id, "a job was taken after nobody waited for it any more");
        }
        Ok(())
    }

    /// Nobody was asked about: each row is tried again later, or all of them are asked about alone when
    /// the source has said more than "later".
    async fn refused(
        &self,
        id: SourceJobId,
        rows: Vec<CohortRow>,
        outcome: &Outcome,
    ) -> Result<Option<Micros>, ApiError> {
        let app = self.making.app;
        let is_final = !matches!(outcome, Outcome::RetryLater { .. });
        if is_final && app.config().cohorts.bulk_else_alone {
            self.leave((id, 0), &rows, LeftRow::Alone).await?;
            let cohort = self.making.cohort.id;
            app.store().write(move |tx| tx.ask_alone(cohort)).await?;
            tracing::warn!("a cohort is asked about one by one: its job was refused");
            return Ok(None);
        }
        self.leave((id, 0), &rows, LeftRow::Unasked).await?;
        let error = unanswered(outcome)?;
        for row in &rows {
            self.making.try_again(row, &error).await?;
        }
        let wait = wait_for(app, outcome, None, 1).map_or(backoff(1), |wait| wait.max(backoff(1)));
        Ok(Some(after(self.now(), wait.min(LONGEST_LOOK))))
    }

    pub(super) async fn settle(&self, id: SourceJobId, reserved: i64) -> Result<(), ApiError> {
        let now = self.now();
        let store = self.making.app.store();
        Ok(store.write(move |tx| tx.settle_source_job(id, reserved, now)).await?)
    }

    /// Lets rows wait without a job, which may have cost `reserved`.
    pub(super) async fn leave(
        &self,
        (id, reserved): (SourceJobId, i64),
        rows: &[CohortRow],
        left: LeftRow,
    ) -> Result<(), ApiError> {
        let (cohort, now) = (self.making.cohort.id, self.now());
        let lines: Vec<_> = rows.iter().map(|row| row.line).collect();
        let leaving = self.making.app.store().write(move |tx| {
            for line in lines {
                tx.leave_source_job((cohort, line), left, now)?;
            }
            tx.settle_source_job(id, reserved, now)
        });
        Ok(leaving.await?)
    }
}

/// What a row says; `None` when it cannot be read: whoever makes a link of it finds that out.
pub(super) fn opened(
    secrets: &crate::secrets::WorkspaceSecrets,
    cohort: &vinculo_store::Cohort,
    row: &CohortRow,
) -> Option<JsonObject> {
    open_row(secrets, cohort, (row.line, &row.sealed)).ok()
}
