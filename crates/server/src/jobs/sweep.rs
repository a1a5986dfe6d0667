//! What is swept away from time to time: things that nobody needs any more and that no job is about.

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::App;
use crate::error::ApiError;
use crate::{erasure, imports, once, webhooks};

/// How often.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Sweeps until stopped. What failed is tried again the next time.
pub(super) async fn run(app: App, stopped: CancellationToken) {
    loop {
        report("spool", imports::sweep_spool(&app).await);
        report("kept answers", once::sweep(&app).await);
        report("destroyed keys", erasure::scrub(&app).await);
        report("stranded deliveries", webhooks::sweep(&app).await);
        let next = app.now().checked_add(EVERY).unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = stopped.cancelled() => return,
            () = app.clock().sleep_until(next) => {}
        }
    }
}

fn report(what: &str, swept: Result<(), ApiError>) {
    if let Err(error) = swept {
        tracing::warn!(what, cause = error.cause(), "not swept");
    }
}
