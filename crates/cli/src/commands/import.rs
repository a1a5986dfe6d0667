//! `vinculo pila import`

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anstream::{eprintln, println};
use anyhow::{Context as _, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;
use vinculo_pila::planilla::{CheckOptions, Report};
use vinculo_server::jobs::Runner;
use vinculo_server::{App, ImportStatus, ReceiveError, ReceivedFile, import_status, receive_file};
use vinculo_store::{ImportId, WorkspaceId};

use super::files::{Files, InputFile};
use super::pila::{print_findings, report};
use crate::args::{Environment, ImportFiles, Pool};
use crate::installation::Installation;
use crate::print::{BAD, DIM, GOOD, failure};

/// How long an import is left alone before it is asked how far it has come; doubled every time, so
/// that a small file is over at once and a large one is seldom asked.
const FIRST_LOOK: Duration = Duration::from_millis(2);
const LONGEST_LOOK: Duration = Duration::from_millis(20);
/// Files that wait for their import to be told of, beside the one that is told of and the one that is received.
const AHEAD: usize = 8;

const SANDBOX_HINT: &str = "links of the sandbox ask the simulated operator and never find imported \
                            planillas: import with --environment production for links";

/// Imports files, and tells of them in their order. The jobs are worked off here, or by the server
/// that runs beside this command on the same database.
pub(crate) fn run(options: &ImportFiles) -> anyhow::Result<ExitCode> {
    let allowed: Vec<&str> = options.allow.iter().map(String::as_str).collect();
    CheckOptions::allowing(&allowed)?;
    let installation = Installation::open_or_make(&options.database, &Pool::default())?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let app = installation.quiet_app()?;
        let workspace = app.secrets_of(options.environment.into())?.workspace().id;
        let stop = CancellationToken::new();
        let runner = Runner::claim(app.clone()).await?;
        let runner = runner.map(|runner| tokio::spawn(runner.files_only().run(stop.clone())));
        let imported = Importing { app: &app, options, workspace, allowed }.all().await;
        stop.cancel();
        if let Some(runner) = runner {
            runner.await?;
        }
        app.store().clone().close().await;
        Ok(if imported? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

struct Importing<'a> {
    app: &'a App,
    options: &'a ImportFiles,
    workspace: WorkspaceId,
    allowed: Vec<&'a str>,
}

/// A file whose import is under way.
struct Received {
    file: Arc<InputFile>,
    /// What its checks say, unless nobody asked.
    report: Option<Report>,
    id: ImportId,
    new: bool,
}

impl Importing<'_> {
    /// Receives files and tells of their imports at the same time, until all are told of; whether none was
    /// refused or could not be read.
    async fn all(&self) -> anyhow::Result<bool> {
        let (received, coming) = mpsc::channel(AHEAD);
        let (all_read, accepted) = tokio::join!(self.receive_all(received), self.end_all(coming));
        // What ended the telling ended the receiving.
        let accepted = accepted?;
        Ok(all_read? && accepted)
    }

    /// Receives one file after the other, because the order decides which draft is the newer one; whether
    /// all could be read.
    async fn receive_all(&self, received: Sender<Received>) -> anyhow::Result<bool> {
        let mut all_read = true;
        for met in Files::of(&self.options.files) {
            all_read &= !met.is_unreadable();
            let Some(file) = met.or_tell() else { continue };
            let place = file.place();
            match self.receive(file).await {
                Ok(file) => {
                    if received.send(file).await.is_err() {
                        break;
                    }
                }
                Err(error) if is_of_store(&error) => return Err(error.context(place)),
                Err(error) => {
                    all_read = false;
                    failure(&error.context(place));
                }
            }
        }
        Ok(all_read)
    }

    /// Tells of imports in their order; whether all were taken.
    async fn end_all(&self, mut coming: Receiver<Received>) -> anyhow::Result<bool> {
        let (mut accepted, mut taken) = (true, false);
        while let Some(received) = coming.recv().await {
            let good = self.end(received).await?;
            accepted &= good;
            taken |= good;
        }
        if taken && self.options.environment == Environment::Sandbox {
            eprintln!("{DIM}hint:{DIM:#} {SANDBOX_HINT}");
        }
        Ok(accepted)
    }

    async fn receive(&self, file: InputFile) -> anyhow::Result<Received> {
        let file = Arc::new(file);
        let report = if self.options.json { None } else { Some(self.check(&file).await?) };
        let received = ReceivedFile::new(file.name(), &self.allowed)?;
        let (id, new) = receive_file(self.app, self.workspace, received, file.open()?).await?;
        Ok(Received { file, report, id, new })
    }

    async fn check(&self, file: &Arc<InputFile>) -> anyhow::Result<Report> {
        let checks = CheckOptions::allowing(&self.allowed)?;
        let file = Arc::clone(file);
        tokio::task::spawn_blocking(move || report(&file, checks)).await?
    }

    /// Waits for the end of an import and tells of it; whether the file was taken.
    async fn end(&self, received: Received) -> anyhow::Result<bool> {
        let place = received.file.place();
        if let Some(report) = &received.report {
            print_findings(&place, report);
        }
        let progress_of = self.options.json.then_some(place.as_str());
        let status = finished(self.app, received.id, progress_of).await;
        let mut status = status.with_context(|| place.clone())?;
        if !received.new && status.state == "accepted" {
            status.state = "repeated";
        }
        print(&place, &status, self.options.json)?;
        Ok(status.state != "refused")
    }
}

/// Whether an error is that of the database, which the next file would meet as well.
fn is_of_store(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ReceiveError::Store(_)))
}

/// Waits for the end of an import, with a bar on a terminal; with a place, also with an object on standard
/// error for every look that finds it further.
pub(super) async fn finished(
    app: &App,
    id: ImportId,
    progress_of: Option<&str>,
) -> anyhow::Result<ImportStatus> {
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {pos} of {len} lines")?;
    let bar = ProgressBar::no_length().with_style(style);
    let mut look = FIRST_LOOK;
    let mut told = 0;
    loop {
        let status = import_status(app, id).await;
        let status = status.map_err(|e| anyhow!(e.cause().unwrap_or("refused").to_owned()))?;
        bar.set_length(u64::try_from(status.lines).unwrap_or(0));
        bar.set_position(u64::try_from(status.loaded).unwrap_or(0));
        let further = status.loaded > 0 && status.percent > told;
        if let Some(place) = progress_of.filter(|_| further) {
            told = status.percent;
            eprintln!("{}", progress(place, &status));
        }
        if status.is_final() {
            bar.finish_and_clear();
            return Ok(status);
        }
        tokio::time::sleep(look).await;
        look = LONGEST_LOOK.min(look * 2);
    }
}

fn progress(place: &str, status: &ImportStatus) -> serde_json::Value {
    let ImportStatus { state, loaded, lines, percent, .. } = status;
    json!({ "file": place, "state": state, "loaded": loaded, "lines": lines, "percent": percent })
}

/// Tells how an import ended, of the file at `place`.
pub(super) fn print(place: &str, status: &ImportStatus, json: bool) -> anyhow::Result<()> {
    if json {
        let mut document = serde_json::to_value(status)?;
        document["file"] = place.into();
        println!("{document}");
        return Ok(());
    }
    let colour = if status.state == "refused" { BAD } else { GOOD };
    println!(
        "{place}: {colour}{}{colour:#} {DIM}{} lines, {} errors, {} warnings{DIM:#}",
        status.state, status.lines, status.errors, status.warnings
    );
    Ok(())
}
