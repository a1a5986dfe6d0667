//! The job of a load: ask or recall, then end job and load in the transaction that fills the link
//! and emits one event per resource.

use std::time::Duration;

use vinculo_sources::{Outcome, RetryClass, RetryReason};
use vinculo_store::{ClaimedJob, LoadId, LoadState};

use super::failure::{JobFailure, backoff};
use super::learned::Learned;
use super::retrieval::{Attempt, Retrieval};
use crate::clock::next_day;
use crate::error::ApiError;
use crate::sandbox::Wish;
use crate::sources::{Deadlines, HeldBack, counts_as_failed};
use crate::terms::after;
use crate::{App, request_id, traces};

/// How long a load is tried before it is given up.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a load waits at least that found as many questions on their way as may be; at most twice
/// as long.
const BUSY: Duration = Duration::from_secs(30);

/// How long a load waits for a budget, which may be raised: less than a month.
const RECHECK_BUDGET: Duration = Duration::from_secs(6 * 60 * 60);

const A_MINUTE: Duration = Duration::from_secs(60);
const AN_HOUR: Duration = Duration::from_secs(60 * 60);

/// Why a load ended whose link was refused, deleted or deprived of its document meanwhile.
const LINK_CHANGED: &str = "link_changed";

/// Why a load ended whose person does not allow it any more.
const NOT_PERMITTED: &str = "not_permitted";

/// Runs the job of a load.
pub(super) async fn run(app: &App, load: LoadId, job: ClaimedJob) -> Result<(), JobFailure> {
    let attempt = if job.attempt > 1 { Attempt::Again } else { Attempt::First };
    let Some(mut retrieval) = Retrieval::read(app, load, attempt).await? else {
        return drop_load(app, load, job).await;
    };
    request_id::is_behind(retrieval.load.request_id);
    traces::waited(&job, app.now_micros() - retrieval.load.created_at);
    if !retrieval.is_permitted() {
        return close(app, retrieval, job).await;
    }
    let deadlines = Deadlines::background(app.config());
    let learned = retrieval.learn(deadlines, &Wish::default()).await?;
    if !learned.is_settled() {
        return fail(app, retrieval, learned, job).await;
    }
    app.store()
        .write(move |tx| {
            let open = retrieval.lock(tx)?;
            let state = if open { LoadState::Done } else { LoadState::Failed };
            let why = (!open).then_some(LINK_CHANGED);
            if !tx.finish_job(&job)? || !retrieval.end(tx, state, why)? || !open {
                return Ok(());
            }
            let filled = retrieval.fill(tx, &learned)?;
            retrieval.announce(tx, (&filled, learned.has_data()))
        })
        .await?;
    Ok(())
}

/// The load has ended, or nothing is left to fill or to ask with.
async fn drop_load(app: &App, load: LoadId, job: ClaimedJob) -> Result<(), JobFailure> {
    let now = app.now_micros();
    app.store()
        .write(move |tx| {
            if tx.finish_job(&job)? {
                tx.finish_load(load, LoadState::Failed, Some(LINK_CHANGED), now)?;
            }
            Ok::<_, vinculo_store::Error>(())
        })
        .await?;
    Ok(())
}

/// The person took the consent back, or it ended: no source is asked.
async fn close(app: &App, mut retrieval: Retrieval, job: ClaimedJob) -> Result<(), JobFailure> {
    app.store()
        .write(move |tx| {
            retrieval.lock(tx)?;
            if tx.finish_job(&job)? {
                retrieval.end(tx, LoadState::Failed, Some(NOT_PERMITTED))?;
            }
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok(())
}

/// A refused person makes the link invalid at once. Anything else says nothing about the person:
/// the job waits for the time that the outcome asks for, until it has waited for about a day.
async fn fail(
    app: &App,
    mut retrieval: Retrieval,
    learned: Learned,
    job: ClaimedJob,
) -> Result<(), JobFailure> {
    let refused = matches!(learned.outcome, Outcome::InvalidInput(_));
    // Our own refused credentials and our own rules say nothing about the person either, and no time
    // mends them: the job waits for the repair, unless the document may not be kept so long.
    let ours = matches!(learned.outcome, Outcome::NotAuthorized)
        || learned.held.is_some_and(HeldBack::is_own_rule);
    let waits = ours && retrieval.is_stored();
    let given_up = match learned.retry {
        Some(RetryClass::Twice) => job.attempt > 2,
        _ => app.now_micros() >= after(retrieval.load.created_at, A_DAY),
    };
    if !refused && (waits || !given_up) {
        return Err(postponed(app, &learned, job.attempt));
    }
    let why = learned.outcome.code();
    if !refused {
        tracing::error!(load = %retrieval.load(), why, "load given up");
    }
    app.store()
        .write(move |tx| {
            let open = retrieval.lock(tx)?;
            if !tx.finish_job(&job)? || !retrieval.end(tx, LoadState::Failed, Some(why))? || !open {
                return Ok(());
            }
            match learned.outcome {
                Outcome::InvalidInput(_) => retrieval.refuse(tx),
                outcome if counts_as_failed(&outcome, learned.held) => retrieval.fail(tx),
                _ => retrieval.forget_unless_stored(tx),
            }
        })
        .await?;
    Ok(())
}

fn postponed(app: &App, learned: &Learned, attempt: i64) -> JobFailure {
    let outcome = &learned.outcome;
    let why = format!("{} {}", outcome.code(), outcome.reason().unwrap_or_default());
    let wait = wait_for(app, outcome, learned.held, attempt);
    let at = wait.map(|wait| after(app.now_micros(), wait));
    JobFailure::Retry { at, why: why.trim_end().to_owned() }
}

/// How long to wait after an outcome that is no answer; `None` follows the schedule.
pub(super) fn wait_for(
    app: &App,
    outcome: &Outcome,
    held: Option<HeldBack>,
    attempt: i64,
) -> Option<Duration> {
    match (held, outcome) {
        // The table is the queue: whoever finds no place comes again soon, not all at once.
        (Some(HeldBack::Busy), _) => Some(BUSY + spread(app, BUSY)),
        (Some(HeldBack::OverBudget(_)), Outcome::RetryLater { not_before, .. }) => {
            let recheck = RECHECK_BUDGET + spread(app, AN_HOUR);
            Some(not_before.map_or(recheck, |until| until.min(recheck)))
        }
        // A source that is given a pause is not worth a queue of probes.
        (Some(HeldBack::Shut(_)), Outcome::RetryLater { not_before, .. }) => {
            (*not_before).max(Some(backoff(attempt)))
        }
        (_, Outcome::RetryLater { reason: RetryReason::DailyCap, .. }) => {
            let midnight = next_day(app.now()).duration_since(app.now());
            let midnight = Duration::try_from(midnight).unwrap_or_default();
            Some(midnight + A_MINUTE + spread(app, AN_HOUR))
        }
        (_, Outcome::RetryLater { not_before, .. }) => *not_before,
        _ => None,
    }
}

/// Any time up to the longest.
fn spread(app: &App, longest: Duration) -> Duration {
    let seconds = longest.as_secs().max(1);
    Duration::from_secs(1 + app.random_u64() % seconds)
}
