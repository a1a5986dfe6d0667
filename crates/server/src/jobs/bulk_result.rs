//! Going on with a job of a source about the rows of a cohort: looking at it, and making something of what
//! its result says, or of its loss.

use std::sync::Arc;
use std::time::Duration;

use vinculo_pila::Document;
use vinculo_sources::{Outcome, RetryReason};
use vinculo_store::{
    CohortRow, CohortRowState, LeftRow, Micros, RowEnd, SourceJob, SourceJobId, SourceJobSight,
};

use super::bulk::{Bulk, MOST_SUBMISSIONS, opened};
use super::failure::backoff;
use super::sync_link::wait_for;
use super::work_cohorts::{LONGEST_LOOK, Making};
use crate::api::links::{person_of, prospect, record, unanswered};
use crate::clock::micros;
use crate::error::ApiError;
use crate::sources::{Asked, BulkSource, HeldBack, Seen};
use crate::terms::after;

/// How often a result is fetched that cannot be understood: in the first hour and a half.
const MOST_READINGS: i64 = 5;

/// Code of a row whose answer was lost at the source as often as it was asked for.
const LOST: &str = "answer_lost";

impl<'a> Bulk<'a> {
    /// Goes on with a job that is due.
    pub(super) async fn go_on(&self, job: SourceJob) -> Result<(), ApiError> {
        let app = self.making.app;
        let id = job.id;
        let rows = app.store().read(move |tx| tx.source_job_rows(id)).await?;
        let Some(source) = self.source.filter(|source| source.name() == job.source) else {
            tracing::error!(source = job.source, "a job's source is not configured any more");
            return self.leave((id, job.reserved), &rows, LeftRow::Unasked).await;
        };
        let Making { secrets, cohort, .. } = self.making;
        let (mut asked, mut people, mut unread) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            match opened(secrets, cohort, &row).as_ref().and_then(person_of) {
                Some(person) => {
                    asked.push(row);
                    people.push(person);
                }
                None => unread.push(row),
            }
        }
        if !unread.is_empty() {
            self.leave((id, job.reserved), &unread, LeftRow::Alone).await?;
        }
        match source.go_on(app, &job, &people).await? {
            Seen::Goes(state, pause) => {
                let expires_at = state.expires_at.map(micros);
                self.saw(&job, (state.finished, expires_at), pause).await
            }
            Seen::Failed(pause) => self.saw(&job, (job.finished, job.expires_at), pause).await,
            Seen::Held(held, outcome) => self.wait(&job, held, &outcome).await,
            Seen::Unreadable if readings(&job) + 1 < MOST_READINGS => {
                let looks = readings(&job) + 1;
                let due_at = after(self.now(), backoff(looks));
                let (finished, expires_at) = (job.finished, job.expires_at);
                self.see(job.id, SourceJobSight { looks, finished, expires_at, due_at }).await
            }
            lost @ (Seen::Gone | Seen::Unreadable) => {
                let is_there = matches!(lost, Seen::Unreadable);
                self.lose(source, (&job, is_there), asked.into_iter().zip(people).collect()).await
            }
            Seen::Told(told) => {
                let answers = asked.into_iter().zip(people).zip(told);
                self.make(source, &job, answers.collect()).await
            }
        }
    }

    async fn saw(
        &self,
        job: &SourceJob,
        (finished, expires_at): (bool, Option<Micros>),
        pause: Duration,
    ) -> Result<(), ApiError> {
        // Once there is a result, only what cannot be understood is counted: see `readings`.
        let looks = match (job.finished, finished) {
            (true, _) => readings(job),
            (false, true) => 0,
            (false, false) => job.looks.saturating_add(1),
        };
        let due_at = after(self.now(), pause);
        self.see(job.id, SourceJobSight { looks, finished, expires_at, due_at }).await
    }

    /// Looks at a job once its source takes calls again.
    async fn wait(
        &self,
        job: &SourceJob,
        held: HeldBack,
        outcome: &Outcome,
    ) -> Result<(), ApiError> {
        let wait = wait_for(self.making.app, outcome, Some(held), 1).unwrap_or(LONGEST_LOOK);
        let due_at = after(self.now(), wait.min(LONGEST_LOOK));
        let (looks, finished, expires_at) = (job.looks, job.finished, job.expires_at);
        self.see(job.id, SourceJobSight { looks, finished, expires_at, due_at }).await
    }

    async fn see(&self, id: SourceJobId, sight: SourceJobSight) -> Result<(), ApiError> {
        Ok(self.making.app.store().write(move |tx| tx.see_source_job(id, sight)).await?)
    }

    /// Makes something of what a job has told. The job ends with the last of its rows.
    async fn make(
        &self,
        source: BulkSource<'a>,
        job: &SourceJob,
        told: Vec<((CohortRow, Document), Asked)>,
    ) -> Result<(), ApiError> {
        let app = self.making.app;
        let asked = told.len();
        let (left, told): (Vec<_>, Vec<_>) =
            told.into_iter().partition(|(_, asked)| is_left(asked));
        let (left, mut answers) = match app.config().cohorts.bulk_else_alone {
            true => (left, Vec::new()),
            false => (Vec::new(), left),
        };
        answers.extend(told);
        let left = left.into_iter().map(|((row, person), asked)| (row, person, asked)).collect();
        self.end_rows(left, |_| None, LeftRow::Alone).await?;
        let answers = answers.into_iter().map(|((row, _), asked)| (row, Some(asked)));
        let pause = self.making.rows(answers.collect()).await?;
        let id = job.id;
        let waiting = app.store().read(move |tx| tx.source_job_rows(id)).await?.len();
        let done = i64::try_from(asked.saturating_sub(waiting)).unwrap_or(i64::MAX);
        let reserved =
            job.reserved.saturating_sub(source.entry_price().saturating_mul(done)).max(0);
        self.settle(id, reserved).await?;
        source.job_changed();
        let pause = pause.unwrap_or(self.now()).saturating_sub(self.now()).max(0);
        let due_at = after(self.now(), Duration::from_micros(pause.unsigned_abs()));
        let SourceJob { looks, finished, expires_at, .. } = *job;
        self.see(job.id, SourceJobSight { looks, finished, expires_at, due_at }).await
    }

    /// The result of a job is not to be had: its rows are handed in once more, and have failed when that
    /// was the second time. A result that `is_there` and cannot be understood would be no other: its rows
    /// are asked about alone at once, or, where nobody is, go the way of the others. A job of which nobody
    /// heard says nothing about its rows: the second time they are asked about alone, or, where nobody is,
    /// tried again as after a question without an answer.
    async fn lose(
        &self,
        source: BulkSource<'a>,
        (job, is_there): (&SourceJob, bool),
        rows: Vec<(CohortRow, Document)>,
    ) -> Result<(), ApiError> {
        tracing::error!(job = %job.id, source = job.source, "the result of a job is lost");
        let lost = source.lost(self.making.app, job);
        let else_alone = self.making.app.config().cohorts.bulk_else_alone;
        let unheard = job.reference.is_none();
        let rows = rows.into_iter().map(|(row, person)| (row, person, lost.clone()));
        let (last, again): (Vec<_>, Vec<_>) = rows
            .partition(|(row, ..)| row.submissions >= MOST_SUBMISSIONS || (is_there && else_alone));
        self.end_rows(again, |_| None, LeftRow::Again).await?;
        match (unheard, else_alone) {
            (true, false) => {
                let rows: Vec<_> = last.iter().map(|(row, ..)| row.clone()).collect();
                self.end_rows(last, |_| None, LeftRow::Again).await?;
                let reason = RetryReason::Timeout;
                let error = unanswered(&Outcome::RetryLater { reason, not_before: None })?;
                for row in rows {
                    self.making.try_again(&row, &error).await?;
                }
            }
            _ if else_alone && (unheard || is_there) => {
                self.end_rows(last, |_| None, LeftRow::Alone).await?;
            }
            _ => self.end_rows(last, |_| Some(LOST), LeftRow::Again).await?,
        }
        // It may have been paid for, and no call tells.
        self.settle(job.id, job.reserved).await?;
        source.job_changed();
        Ok(())
    }

    /// Records what a job said about people of whom nothing is made, and lets their rows go: some have
    /// failed with a code, the others wait without the job.
    async fn end_rows(
        &self,
        rows: Vec<(CohortRow, Document, Asked)>,
        code: impl Fn(&CohortRow) -> Option<&'static str> + Send + 'static,
        left: LeftRow,
    ) -> Result<(), ApiError> {
        let Making { app, secrets, cohort, .. } = self.making;
        let (app, secrets, cohort) = ((*app).clone(), Arc::clone(secrets), cohort.clone());
        let (store, now) = (app.store().clone(), self.now());
        let ending = store.write(move |tx| {
            for (row, person, told) in rows {
                let consent = match opened(&secrets, &cohort, &row) {
                    Some(fields) => prospect(tx, &app, &secrets, &fields)?,
                    None => None,
                };
                let consent = consent.and_then(|prospect| prospect.consent);
                record(tx, (&app, &secrets), (&person, consent), told)?;
                let place = (cohort.id, row.line);
                match code(&row) {
                    Some(code) => {
                        let state = CohortRowState::Failed;
                        let end = RowEnd { state, link: None, code: Some(code), field: None };
                        tx.end_cohort_row(place, &end, now)?;
                    }
                    None => tx.leave_source_job(place, left, now)?,
                }
            }
            Ok::<_, ApiError>(())
        });
        ending.await
    }
}

/// How often the result of a job could not be understood.
const fn readings(job: &SourceJob) -> i64 {
    // The version before counted fetches that failed, too, however many.
    if job.looks < MOST_READINGS { job.looks } else { 0 }
}

/// Whether a job has said nothing about a person.
const fn is_left(asked: &Asked) -> bool {
    matches!(asked.outcome, Outcome::RetryLater { reason: RetryReason::JobRunning, .. })
}
