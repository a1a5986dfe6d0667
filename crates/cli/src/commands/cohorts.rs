//! `vinculo cohorts …`

use std::fs::File;
use std::process::ExitCode;

use anstream::{print, println};
use anyhow::{Context as _, anyhow, bail};
use vinculo_server::{App, CohortTerms, cohort_results, cohort_status, receive_cohort};
use vinculo_store::WorkspaceId;

use crate::args::{Cohorts, CreateCohort, OneCohort};
use crate::installation::{Installation, NO_OPERATOR};
use crate::print::{DIM, GOOD};

/// Runs the command. The rows are worked off by the server of this database.
pub(crate) fn run(command: &Cohorts) -> anyhow::Result<ExitCode> {
    let (database, environment) = match command {
        Cohorts::Create(options) => (&options.database, options.environment),
        Cohorts::Show(options) | Cohorts::Results(options) => {
            (&options.database, options.environment)
        }
    };
    let installation = Installation::open(database)?;
    let config = installation.config(NO_OPERATOR);
    let config = match command {
        Cohorts::Create(options) => options.limits.apply(config),
        _ => config,
    };
    let app = installation.app(config)?;
    let workspace = app.secrets_of(environment.into())?.workspace().id;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let done = runtime.block_on(async {
        let done = match command {
            Cohorts::Create(options) => create(&app, workspace, options).await,
            Cohorts::Show(options) => show(&app, workspace, options).await,
            Cohorts::Results(options) => results(&app, workspace, options).await,
        };
        app.finish_work().await;
        done
    });
    app.store().clone().close_blocking();
    done?;
    Ok(ExitCode::SUCCESS)
}

async fn create(app: &App, workspace: WorkspaceId, options: &CreateCohort) -> anyhow::Result<()> {
    let place = options.file.display();
    let set = options.set.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let terms = CohortTerms::read(set).map_err(|error| anyhow!(error.told()))?;
    let file = File::open(&options.file).with_context(|| place.to_string())?;
    let received = receive_cohort(app, workspace, terms, file).await;
    let received = received.map_err(|error| anyhow!("{place}: {}", error.told()))?;
    if options.json {
        println!("{}", serde_json::to_string(&received)?);
    } else {
        println!("{GOOD}{}{GOOD:#} {DIM}{} rows{DIM:#}", received.id, received.total);
    }
    Ok(())
}

async fn show(app: &App, workspace: WorkspaceId, options: &OneCohort) -> anyhow::Result<()> {
    let found = cohort_status(app, workspace, options.id).await;
    let found = found.map_err(|error| anyhow!(error.told()))?;
    let Some(found) = found else { bail!("no cohort {} in this environment", options.id) };
    println!("{}", serde_json::to_string(&found)?);
    Ok(())
}

async fn results(app: &App, workspace: WorkspaceId, options: &OneCohort) -> anyhow::Result<()> {
    let found = cohort_results(app, workspace, options.id, |lines| print!("{lines}")).await;
    if !found.map_err(|error| anyhow!(error.told()))? {
        bail!("no cohort {} in this environment", options.id);
    }
    Ok(())
}
