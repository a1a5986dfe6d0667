//! Making links of the rows of a workspace's cohorts, a few at a time: so many questions at once that
//! others find places, so few rows a run that a shutdown need not wait, and so few links on their way
//! that other loads come through. A row that was begun when the process died is begun again, and
//! what was committed is not: its row does not wait any more.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::iter;
use vinculo_sources::Outcome;
use vinculo_store::{
    ClaimedJob, Cohort, CohortId, CohortRow, CohortRowState, CohortState, Micros, RowEnd,
    SourceJob, Tx, WorkspaceId,
};

use super::bulk::{Bulk, HandedIn};
use super::failure::{JobFailure, backoff};
use super::sync_link::wait_for;
use crate::App;
use crate::api::links::{Answered, MadeLink, Row};
use crate::audit::Trail;
use crate::auth::Caller;
use crate::cohorts::{open_row, tell_end};
use crate::error::{ApiError, ErrorItem};
use crate::secrets::WorkspaceSecrets;
use crate::sources::{Asked, HeldBack};
use crate::terms::after;

/// Rows of one run.
const SLICE: usize = 64;

/// Links of cohorts that are being filled, beyond which no more are made.
const MOST_LOADING: i64 = 256;

/// Questions about one row until it has failed.
pub(super) const MOST_TRIES: i64 = 4;

/// How often loads are looked at that are waited for.
const LOOK: Duration = Duration::from_secs(2);

/// How long nothing is looked at at most: somebody may have cancelled what waits.
pub(super) const LONGEST_LOOK: Duration = Duration::from_secs(60);

/// Code of a row whose work failed for a reason that is not the customer's.
const UNEXPECTED: &str = "unexpected_error";

/// What there is to do.
enum Next {
    /// Nothing, and the job has gone.
    Over,
    /// Nothing until then.
    At(Micros),
    /// Make links of these, while so many jobs of sources are on their way.
    Rows(Cohort, Vec<CohortRow>, Vec<SourceJob>),
    /// Go on with a job of a source.
    Job(Cohort, SourceJob),
}

/// Runs the job of a workspace's cohorts.
pub(super) async fn run(
    app: &App,
    workspace: WorkspaceId,
    job: ClaimedJob,
) -> Result<(), JobFailure> {
    let secrets = app.secrets(workspace).map_err(ApiError::from)?;
    let (writer, of) = (app.clone(), Arc::clone(&secrets));
    let looked = app.store().write(move |tx| {
        let next = look(tx, &writer, &of, job)?;
        Ok::<_, ApiError>((next, states(tx, workspace)?))
    });
    let (next, seen) = looked.await?;
    let again = match next {
        Next::Over => return Ok(()),
        Next::At(at) => at,
        Next::Rows(cohort, rows, jobs) => {
            let making = Making::new(app, secrets, cohort);
            let HandedIn { mut alone, again } = Bulk::of(&making).hand_in(rows, &jobs).await?;
            alone.truncate(SLICE);
            let pause = making.rows(alone.into_iter().map(|row| (row, None)).collect()).await?;
            pause.max(again).unwrap_or(app.now_micros())
        }
        Next::Job(cohort, job) => {
            let making = Making::new(app, secrets, cohort);
            Bulk::of(&making).go_on(job).await?;
            app.now_micros()
        }
    };
    go_on(app, (workspace, job), seen, again).await
}

/// Which cohorts are worked on, and which of them are being cancelled.
type States = Vec<(CohortId, CohortState)>;

fn states(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<States, vinculo_store::Error> {
    let open = tx.open_cohorts(workspace)?;
    Ok(open.iter().map(|cohort| (cohort.id, cohort.state)).collect())
}

/// Lets the job come again at a moment, behind whatever is due then: at once when a cohort has come or
/// was cancelled since others were `seen`, and no later than a job of a source is due. A new row wakes
/// the runner; one that was only put off would not.
async fn go_on(
    app: &App,
    (workspace, job): (WorkspaceId, ClaimedJob),
    seen: States,
    at: Micros,
) -> Result<(), JobFailure> {
    let now = app.now_micros();
    let again = app.store().write(move |tx| {
        // Whoever begins a cohort meanwhile finds this job being worked on, and leaves it as it is.
        tx.lock_workspace(workspace)?;
        if !tx.finish_job(&job)? {
            return Ok(());
        }
        let open = states(tx, workspace)?;
        let is_new = open.iter().any(|state| !seen.contains(state));
        let jobs = tx.open_source_jobs(workspace, now)?.into_iter();
        let looks = jobs.filter(|job| open.iter().any(|(cohort, _)| *cohort == job.cohort));
        let at =
            if is_new { now } else { looks.map(|job| job.due_at.max(now)).fold(at, Micros::min) };
        tx.enqueue(job.job, at, now)
    });
    Ok(again.await?)
}

/// Ends what has ended, and finds what comes next.
fn look(
    tx: &mut Tx<'_>,
    app: &App,
    secrets: &WorkspaceSecrets,
    job: ClaimedJob,
) -> Result<Next, ApiError> {
    let (workspace, now) = (secrets.workspace().id, app.now_micros());
    // Whoever begins a cohort does the same, and finds the job there or makes one.
    tx.lock_workspace(workspace)?;
    let (mut loading, mut open, mut soonest) = (0, Vec::new(), None);
    for cohort in tx.open_cohorts(workspace)? {
        let work = tx.settle_cohort(cohort.id, now)?;
        if let Some(ended) = tx.finish_cohort(cohort.id, now)? {
            tell_end(tx, app, secrets, &ended)?;
            continue;
        }
        loading += work.loading;
        soonest = [soonest, work.due_at].into_iter().flatten().min();
        open.push(cohort);
    }
    let jobs = tx.open_source_jobs(workspace, now)?;
    if open.is_empty() {
        tx.finish_job(&job)?;
        return Ok(Next::Over);
    }
    soonest = soonest.into_iter().chain(jobs.first().map(|job| job.due_at)).min();
    if let Some(due) = jobs.first().filter(|job| job.due_at <= now)
        && let Some(place) = open.iter().position(|cohort| cohort.id == due.cohort)
    {
        return Ok(Next::Job(open.swap_remove(place), due.clone()));
    }
    if loading < MOST_LOADING {
        let slice = app.config().cohorts.bulk.max(SLICE);
        let slice = i64::try_from(slice).unwrap_or(i64::MAX);
        for cohort in open {
            let rows = tx.due_cohort_rows(cohort.id, now, slice)?;
            if !rows.is_empty() {
                return Ok(Next::Rows(cohort, rows, jobs));
            }
        }
    }
    let look_again = after(now, if loading > 0 { LOOK } else { LONGEST_LOOK });
    let due = soonest.filter(|due| *due > now);
    Ok(Next::At(due.map_or(look_again, |due| due.min(look_again))))
}

/// Some rows of one cohort.
pub(super) struct Making<'a> {
    pub(super) app: &'a App,
    pub(super) secrets: Arc<WorkspaceSecrets>,
    pub(super) cohort: Cohort,
    /// When to go on, once a source takes no more questions.
    pause: Mutex<Option<Micros>>,
}

impl<'a> Making<'a> {
    fn new(app: &'a App, secrets: Arc<WorkspaceSecrets>, cohort: Cohort) -> Self {
        Self { app, secrets, cohort, pause: Mutex::new(None) }
    }

    /// Makes links of rows, of some of which a job has told. Answers when to go on, if that is not at
    /// once.
    pub(super) async fn rows(
        &self,
        rows: Vec<(CohortRow, Option<Asked>)>,
    ) -> Result<Option<Micros>, ApiError> {
        let at_once = self.app.config().cohorts.at_once.max(1);
        let mut done = iter(rows).map(|(row, told)| self.row(row, told)).buffer_unordered(at_once);
        let mut all = Ok(());
        // What is being asked is recorded, whatever became of the others.
        while let Some(done) = done.next().await {
            if done.is_err() {
                self.pause(self.app.now_micros());
            }
            all = all.and(done);
        }
        all.map(|()| self.paused())
    }

    fn paused(&self) -> Option<Micros> {
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn row(&self, row: CohortRow, told: Option<Asked>) -> Result<(), ApiError> {
        if self.paused().is_some() {
            return Ok(());
        }
        let line = row.line;
        let answered = match self.register(&row, told).await {
            Ok(answered) => answered,
            Err(error) if error.is_unavailable() => return Err(error),
            // One row that cannot be worked on must not stop the others.
            Err(error) => {
                let cause = error.cause().unwrap_or("refused");
                tracing::error!(cohort = %self.cohort.uuid, line, cause, "a row of a cohort failed");
                return self.try_again(&row, &ErrorItem::whole(UNEXPECTED, "")).await;
            }
        };
        match answered {
            Answered::Made => Ok(()),
            Answered::Refused { error, no_data: true } => {
                self.end(line, CohortRowState::NoData, &error).await
            }
            Answered::Refused { error, no_data: false } => {
                self.end(line, CohortRowState::Invalid, &error).await
            }
            Answered::Unanswered { outcome, held: Some(held), .. } => {
                let at = self.hold(held, &outcome);
                self.postpone(line, at, 0).await
            }
            Answered::Unanswered { error, held: None, .. } => self.try_again(&row, &error).await,
        }
    }

    async fn register(&self, row: &CohortRow, told: Option<Asked>) -> Result<Answered, ApiError> {
        let fields = open_row(&self.secrets, &self.cohort, (row.line, &row.sealed))?;
        let workspace = self.secrets.workspace().clone();
        let trail = Trail::system(workspace.id);
        let caller = Caller::without_key(workspace, trail);
        let (place, now) = ((self.cohort.id, row.line), self.app.now_micros());
        let made = move |tx: &mut Tx<'_>, made: MadeLink| {
            let waited = match made.load {
                Some(load) => tx.load_cohort_row(place, made.link, load, made.found)?,
                None => {
                    let state =
                        if made.found { CohortRowState::Ok } else { CohortRowState::NoData };
                    let link = Some(made.link);
                    tx.end_cohort_row(place, &RowEnd { state, link, code: None, field: None }, now)?
                }
            };
            // It was cancelled meanwhile, or its person erased: no link is made.
            match waited {
                true => Ok(()),
                false => Err(ApiError::refused("cancelled", "The row does not wait any more.")),
            }
        };
        let Cohort { quiet, created_at: asked_since, .. } = self.cohort;
        Row { fields, quiet, asked_since, told }.register(self.app, caller, made).await
    }

    async fn end(
        &self,
        line: i64,
        state: CohortRowState,
        error: &ErrorItem,
    ) -> Result<(), ApiError> {
        let (place, now) = ((self.cohort.id, line), self.app.now_micros());
        let (code, field) = (error.code, error.field.clone());
        let ended = self.app.store().write(move |tx| {
            let end = RowEnd { state, link: None, code: Some(code), field: field.as_deref() };
            tx.end_cohort_row(place, &end, now)
        });
        ended.await?;
        Ok(())
    }

    /// The sources were asked and did not say: later, a few times.
    pub(super) async fn try_again(
        &self,
        row: &CohortRow,
        error: &ErrorItem,
    ) -> Result<(), ApiError> {
        let tries = row.tries + 1;
        if tries >= MOST_TRIES {
            return self.end(row.line, CohortRowState::Failed, error).await;
        }
        self.postpone(row.line, after(self.app.now_micros(), backoff(tries)), 1).await
    }

    pub(super) async fn postpone(
        &self,
        line: i64,
        due: Micros,
        tries: i64,
    ) -> Result<(), ApiError> {
        let place = (self.cohort.id, line);
        Ok(self.app.store().write(move |tx| tx.postpone_cohort_row(place, due, tries)).await?)
    }

    /// A source takes no more questions now: nothing more is begun until the moment that is answered.
    /// Rows that have not been tried go first then.
    fn hold(&self, held: HeldBack, outcome: &Outcome) -> Micros {
        let at = self.held_until(held, outcome);
        self.pause(at);
        at
    }

    /// When a source that takes no more questions now is looked at again.
    pub(super) fn held_until(&self, held: HeldBack, outcome: &Outcome) -> Micros {
        let wait = wait_for(self.app, outcome, Some(held), 1).unwrap_or(LONGEST_LOOK);
        let wait = wait.min(LONGEST_LOOK);
        after(self.app.now_micros(), wait)
    }

    fn pause(&self, at: Micros) {
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        *pause = Some(pause.map_or(at, |before| before.max(at)));
    }
}
