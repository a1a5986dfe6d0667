//! The job of a load: ask or recall, then end job and load in the transaction that fills the link
//! and emits one event per resource.

use jiff::Timestamp;
use vinculo_sources::{Answer, Outcome};
use vinculo_store::{ClaimedJob, LoadId, LoadState};

use super::failure::{JobFailure, LAST_ATTEMPT};
use super::retrieval::Retrieval;
use crate::App;
use crate::error::ApiError;
use crate::sandbox::Wish;

/// Why a load ended whose link was refused, deleted or deprived of its document meanwhile.
const LINK_CHANGED: &str = "link_changed";

/// Why a load ended whose person does not allow it any more.
const NOT_PERMITTED: &str = "not_permitted";

/// Runs the job of a load.
pub(super) async fn run(app: &App, load: LoadId, job: ClaimedJob) -> Result<(), JobFailure> {
    let Some(mut retrieval) = Retrieval::read(app, load).await? else {
        return drop_load(app, load, job).await;
    };
    if !retrieval.is_permitted() {
        return close(app, retrieval, job).await;
    }
    let learned = retrieval.learn(&Wish::default()).await?;
    let source = learned.source();
    let answer = match learned.outcome {
        Outcome::Resolved(answer) => answer,
        Outcome::NoData(_) | Outcome::Withheld(_) => Answer::default(),
        outcome => return fail(app, retrieval, outcome, job).await,
    };
    app.store()
        .write(move |tx| {
            let open = retrieval.lock(tx)?;
            let state = if open { LoadState::Done } else { LoadState::Failed };
            let why = (!open).then_some(LINK_CHANGED);
            if !tx.finish_job(&job)? || !retrieval.end(tx, state, why)? || !open {
                return Ok(());
            }
            let filled = retrieval.fill(tx, &answer, source)?;
            retrieval.announce(tx, &filled)
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
/// the job waits, until it has waited for about a day.
async fn fail(
    app: &App,
    mut retrieval: Retrieval,
    outcome: Outcome,
    job: ClaimedJob,
) -> Result<(), JobFailure> {
    let refused = matches!(outcome, Outcome::InvalidInput(_));
    // Our own refused credentials say nothing about the person: the job waits for the repair, unless
    // the document may not be kept so long.
    let waits = matches!(outcome, Outcome::NotAuthorized) && retrieval.is_stored();
    if !refused && (waits || job.attempt < LAST_ATTEMPT) {
        return Err(postponed(app, &outcome));
    }
    let why = outcome.code();
    if !refused {
        tracing::error!(load = %retrieval.load(), why, "load given up");
    }
    app.store()
        .write(move |tx| {
            let open = retrieval.lock(tx)?;
            if !tx.finish_job(&job)? || !retrieval.end(tx, LoadState::Failed, Some(why))? || !open {
                return Ok(());
            }
            if refused { retrieval.refuse(tx) } else { retrieval.fail(tx) }
        })
        .await?;
    Ok(())
}

fn postponed(app: &App, outcome: &Outcome) -> JobFailure {
    let not_before = match outcome {
        Outcome::RetryLater { not_before, .. } => *not_before,
        _ => None,
    };
    let at = not_before.and_then(|wait| app.now().checked_add(wait).ok());
    let why = format!("{} {}", outcome.code(), outcome.reason().unwrap_or_default());
    JobFailure::Retry { at: at.map(Timestamp::as_microsecond), why: why.trim_end().to_owned() }
}
