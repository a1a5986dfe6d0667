//! `vinculo pila import`

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anstream::println;
use anyhow::{Context as _, anyhow, bail};
use tokio_util::sync::CancellationToken;
use vinculo_pila::planilla;
use vinculo_server::jobs::Runner;
use vinculo_server::{App, ImportStatus, LARGEST_FILE, import_status, receive_file};
use vinculo_store::{Environment, ImportId};

use super::pila::print_findings;
use crate::args::ImportFiles;
use crate::installation::Installation;
use crate::print::{BAD, DIM, GOOD};

/// How often the import is asked how far it has come.
const POLL: Duration = Duration::from_millis(20);

/// Imports files one after the other. The jobs are worked off here, or by the server that runs
/// beside this command on the same database.
pub(crate) fn run(options: &ImportFiles) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(&options.database)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let app = installation.quiet_app()?;
        let stop = CancellationToken::new();
        let runner = Runner::claim(app.clone()).await?;
        let runner = runner.map(|runner| tokio::spawn(runner.files_only().run(stop.clone())));
        let imported = import_all(&app, options).await;
        stop.cancel();
        if let Some(runner) = runner {
            runner.await?;
        }
        app.store().clone().close().await;
        Ok(if imported? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

async fn import_all(app: &App, options: &ImportFiles) -> anyhow::Result<bool> {
    let mut accepted = true;
    for path in &options.files {
        let named = || path.display().to_string();
        let bytes = read(path).with_context(named)?;
        if !options.json {
            print_findings(path, &planilla::check(&bytes));
        }
        let status = import(app, options.environment.into(), path, bytes);
        let status = status.await.with_context(named)?;
        accepted &= status.state != "refused";
        print(path, &status, options.json)?;
    }
    Ok(accepted)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let size = std::fs::metadata(path)?.len();
    if size > LARGEST_FILE {
        bail!("{size} bytes: at most {LARGEST_FILE} are taken");
    }
    Ok(std::fs::read(path)?)
}

async fn import(
    app: &App,
    environment: Environment,
    path: &Path,
    bytes: Vec<u8>,
) -> anyhow::Result<ImportStatus> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (id, new) = receive_file(app, environment, &name, std::io::Cursor::new(bytes)).await?;
    let mut status = finished(app, id).await?;
    if !new && status.state == "accepted" {
        status.state = "repeated";
    }
    Ok(status)
}

async fn finished(app: &App, id: ImportId) -> anyhow::Result<ImportStatus> {
    loop {
        let status = import_status(app, id).await;
        let status = status.map_err(|e| anyhow!(e.cause().unwrap_or("refused").to_owned()))?;
        if status.is_final() {
            return Ok(status);
        }
        tokio::time::sleep(POLL).await;
    }
}

fn print(path: &Path, status: &ImportStatus, json: bool) -> anyhow::Result<()> {
    let file = path.display();
    if json {
        let mut document = serde_json::to_value(status)?;
        document["file"] = file.to_string().into();
        println!("{document}");
        return Ok(());
    }
    let colour = if status.state == "refused" { BAD } else { GOOD };
    println!(
        "{file}: {colour}{}{colour:#} {DIM}{} lines, {} warnings{DIM:#}",
        status.state, status.lines, status.warnings
    );
    Ok(())
}
