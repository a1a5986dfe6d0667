//! `vinculo pila take-over`

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vinculo_server::jobs::Runner;
use vinculo_server::{App, spool_id};

use super::import::{finished, print};
use crate::args::TakeOver;
use crate::installation::Installation;
use crate::print::tell;

/// Works off what waits for a spool that is gone as if it were this one's.
pub(crate) fn run(options: &TakeOver) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(&options.database)?;
    if spool_id(&installation.spool_dir)? == Some(options.spool) {
        bail!(
            "{} is the spool of this data folder: a worker with it takes its files",
            options.spool
        );
    }
    tokio::runtime::Runtime::new()?.block_on(async {
        let app = installation.quiet_app()?;
        let ended = take_over(&app, options.spool, options.json).await;
        app.store().clone().close().await;
        ended.map(|()| ExitCode::SUCCESS)
    })
}

async fn take_over(app: &App, spool: Uuid, json: bool) -> anyhow::Result<()> {
    let mut waiting = app.store().read(|tx| tx.open_imports()).await?;
    waiting.retain(|import| import.spool == Some(spool));
    if waiting.is_empty() {
        tell(format_args!("nothing waits for the spool {spool}"));
        return Ok(());
    }
    let runner = Runner::claim(app.clone()).await?;
    let runner = runner.context("a server works off jobs here, of every spool")?;
    let stop = CancellationToken::new();
    let runner = tokio::spawn(runner.files_only().in_place_of(spool).run(stop.clone()));
    let mut ended = Ok(());
    for import in waiting {
        ended = match finished(app, import.id, None).await {
            Ok(status) => print(&import.uuid.to_string(), &status, json),
            Err(error) => Err(error),
        };
        if ended.is_err() {
            break;
        }
    }
    stop.cancel();
    runner.await?;
    ended
}
