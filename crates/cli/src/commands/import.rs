//! `vinculo pila import`

use std::io::BufReader;
use std::process::ExitCode;
use std::time::Duration;

use anstream::println;
use anyhow::{Context as _, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;
use vinculo_pila::planilla::{self, CheckOptions};
use vinculo_server::jobs::Runner;
use vinculo_server::{App, ImportStatus, ReceivedFile, import_status, receive_file};
use vinculo_store::ImportId;

use super::files::{InputFile, expand};
use super::pila::print_findings;
use crate::args::ImportFiles;
use crate::installation::Installation;
use crate::print::{BAD, DIM, GOOD};

/// How often the import is asked how far it has come.
const POLL: Duration = Duration::from_millis(20);

/// Imports files one after the other. The jobs are worked off here, or by the server that runs
/// beside this command on the same database.
pub(crate) fn run(options: &ImportFiles) -> anyhow::Result<ExitCode> {
    let files = expand(&options.files)?;
    let allowed: Vec<&str> = options.allow.iter().map(String::as_str).collect();
    CheckOptions::allowing(&allowed)?;
    let installation = Installation::open(&options.database)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let app = installation.quiet_app()?;
        let stop = CancellationToken::new();
        let runner = Runner::claim(app.clone()).await?;
        let runner = runner.map(|runner| tokio::spawn(runner.files_only().run(stop.clone())));
        let imported = import_all(&app, options, &allowed, &files).await;
        stop.cancel();
        if let Some(runner) = runner {
            runner.await?;
        }
        app.store().clone().close().await;
        Ok(if imported? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

async fn import_all(
    app: &App,
    options: &ImportFiles,
    allowed: &[&str],
    files: &[InputFile],
) -> anyhow::Result<bool> {
    let mut accepted = true;
    for file in files {
        if !options.json {
            let mut contents = BufReader::new(file.open().with_context(|| file.place())?);
            let checks = CheckOptions::allowing(allowed)?;
            let report = planilla::check_reader_with(&mut contents, checks);
            print_findings(&file.place(), &report.with_context(|| file.place())?);
        }
        let status = import(app, options, allowed, file).await;
        let status = status.with_context(|| file.place())?;
        accepted &= status.state != "refused";
        print(file, &status, options.json)?;
    }
    Ok(accepted)
}

async fn import(
    app: &App,
    options: &ImportFiles,
    allowed: &[&str],
    file: &InputFile,
) -> anyhow::Result<ImportStatus> {
    let workspace = app.secrets_of(options.environment.into())?.workspace().id;
    let received = ReceivedFile::new(file.name(), allowed)?;
    let (id, new) = receive_file(app, workspace, received, file.open()?).await?;
    let mut status = finished(app, id).await?;
    if !new && status.state == "accepted" {
        status.state = "repeated";
    }
    Ok(status)
}

/// Waits for the end of an import, with a bar on a terminal.
async fn finished(app: &App, id: ImportId) -> anyhow::Result<ImportStatus> {
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {pos} of {len} lines")?;
    let bar = ProgressBar::no_length().with_style(style);
    loop {
        let status = import_status(app, id).await;
        let status = status.map_err(|e| anyhow!(e.cause().unwrap_or("refused").to_owned()))?;
        bar.set_length(u64::try_from(status.lines).unwrap_or(0));
        bar.set_position(u64::try_from(status.loaded).unwrap_or(0));
        if status.is_final() {
            bar.finish_and_clear();
            return Ok(status);
        }
        tokio::time::sleep(POLL).await;
    }
}

fn print(file: &InputFile, status: &ImportStatus, json: bool) -> anyhow::Result<()> {
    let place = file.place();
    if json {
        let mut document = serde_json::to_value(status)?;
        document["file"] = place.into();
        println!("{document}");
        return Ok(());
    }
    let colour = if status.state == "refused" { BAD } else { GOOD };
    println!(
        "{place}: {colour}{}{colour:#} {DIM}{} lines, {} warnings{DIM:#}",
        status.state, status.lines, status.warnings
    );
    Ok(())
}
