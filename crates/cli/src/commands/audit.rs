//! `vinculo audit …` and `vinculo subjects …`

use std::io::{BufWriter, Write as _, stdout};
use std::process::ExitCode;

use anstream::println;
use anyhow::anyhow;
use vinculo_server::{ApiError, audit, subject_report};

use crate::args::{ExportAudit, ReportSubject, VerifyAudit};
use crate::installation::Installation;
use crate::print::{BAD, DIM, GOOD};

/// Computes the log again; exit 1 when something is wrong.
pub(crate) fn verify(options: &VerifyAudit) -> anyhow::Result<ExitCode> {
    let Installation { store, secrets, .. } = Installation::open(&options.database)?;
    let verified = audit::verify(&store, secrets.vault(), &options.heads);
    store.close_blocking();
    let verified = verified?;
    if options.json {
        println!("{}", serde_json::to_string(&verified)?);
    } else {
        print(&verified);
    }
    Ok(if verified.fault.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(verified: &audit::Verified) {
    for chain in &verified.chains {
        let dropped = if chain.first > 0 {
            format!(", {} older blocks dropped", chain.first)
        } else {
            String::new()
        };
        println!("{} {DIM}{} entries{dropped}{DIM:#}", chain.head, chain.entries);
    }
    if let Some(since) = &verified.waiting_since {
        println!("{DIM}{} entries wait to be chained, since {since}{DIM:#}", verified.waiting);
    }
    match &verified.fault {
        Some(fault) => println!("{BAD}{fault}{BAD:#}"),
        None => println!("{GOOD}every chain is sound{GOOD:#}"),
    }
}

/// Prints the log as JSON Lines.
pub(crate) fn export(options: &ExportAudit) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(&options.database)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut out = BufWriter::new(stdout().lock());
    runtime.block_on(async {
        let app = installation.quiet_app()?;
        let environment = options.environment.map(Into::into);
        let exported = audit::export(&app, environment, &mut out).await;
        app.store().clone().close().await;
        exported.map_err(|error| plain(&error))
    })?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Prints everything about a person as JSON.
pub(crate) fn report(options: &ReportSubject) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(&options.database)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let person = options.document.0.clone();
    let report = runtime.block_on(async {
        let app = installation.quiet_app()?;
        let report = subject_report(&app, options.environment.into(), person).await;
        app.store().clone().close().await;
        report.map_err(|error| plain(&error))
    })?;
    let mut out = stdout().lock();
    out.write_all(&report)?;
    out.write_all(b"\n")?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn plain(error: &ApiError) -> anyhow::Error {
    anyhow!(error.cause().unwrap_or("refused").to_owned())
}
