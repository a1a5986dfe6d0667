//! Lines of planillas that do not count, or no longer: removed when nobody needs them any more.

use tokio_util::sync::CancellationToken;
use vinculo_store::{ClaimedJob, ImportId, Tx};

use super::failure::JobFailure;
use super::import_lines::BATCH;
use crate::App;
use crate::error::ApiError;

/// Lines removed in one transaction: as many as an import stores in one.
pub(crate) const LINES: i64 = BATCH as i64;

/// Imports looked up in one go.
const IMPORTS: i64 = 100;

/// Ends the job of an import. The people of the lines that it replaced have been projected again: those are no
/// longer needed, nor are its own if it does not count. They go first, some at a time, for others want to write
/// meanwhile: a job that is cut off comes again.
pub(super) async fn finish(app: &App, id: ImportId, job: ClaimedJob) -> Result<(), JobFailure> {
    loop {
        let gone = app.store().write(move |tx| {
            let gone = tx.drop_replaced_lines(id, LINES)?;
            let gone = if gone > 0 { gone } else { tx.drop_uncounted_lines(id, LINES)? };
            if gone == 0 {
                tx.finish_job(&job)?;
            }
            Ok::<_, ApiError>(gone)
        });
        if gone.await? == 0 {
            return Ok(());
        }
    }
}

/// Removes what is left: of files that ended while what counts in their place was worked on, of those that an
/// earlier version left, and of files that were lost with a backup.
pub(super) async fn sweep(app: &App, stop: &CancellationToken) -> Result<(), ApiError> {
    let mut after = ImportId(0);
    loop {
        let page = app.store().read(move |tx| tx.uncounted_imports(after, IMPORTS)).await?;
        for &id in &page {
            let remove = move |tx: &mut Tx<'_>| tx.drop_uncounted_lines(id, LINES);
            while !stop.is_cancelled() && app.store().write(remove).await? > 0 {}
        }
        match page.last() {
            Some(&last) if !stop.is_cancelled() => after = last,
            _ => return Ok(()),
        }
    }
}
