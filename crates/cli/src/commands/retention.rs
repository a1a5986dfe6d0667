//! `vinculo retention …`

use std::process::ExitCode;

use anstream::println;
use serde::Serialize;
use uuid::Uuid;
use vinculo_server::jobs::{self, RuleStatus};

use super::audit::plain;
use crate::args::{Retention, RetentionOptions};
use crate::installation::{Installation, NO_OPERATOR};
use crate::print::{DIM, GOOD, HEAD};

/// The rules of one place.
#[derive(Serialize)]
struct Place {
    /// The workspace; null for what is the installation's.
    workspace: Option<Uuid>,
    /// Half of the organization; null for what is the installation's.
    environment: Option<&'static str>,
    rules: Vec<RuleStatus>,
}

/// Runs the command.
pub(crate) fn run(command: Retention) -> anyhow::Result<ExitCode> {
    let (options, removes) = match &command {
        Retention::Report(options) => (options, false),
        Retention::Run(options) => (options, true),
    };
    let installation = Installation::open(&options.database)?;
    let config = options.keeping.apply(installation.config(NO_OPERATOR));
    let app = installation.app(config)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let done = runtime.block_on(async {
        let done = if removes { remove(&app, options).await } else { report(&app, options).await };
        app.finish_work().await;
        done
    });
    app.store().clone().close_blocking();
    done?;
    Ok(ExitCode::SUCCESS)
}

async fn remove(app: &vinculo_server::App, options: &RetentionOptions) -> anyhow::Result<()> {
    let removed = jobs::remove_old(app).await.map_err(|error| plain(&error))?;
    if options.json {
        println!("{}", serde_json::to_string(&removed)?);
        return Ok(());
    }
    for removed in &removed {
        println!("{GOOD}{:>10}{GOOD:#} {}", removed.rows, removed.rule);
    }
    Ok(())
}

async fn report(app: &vinculo_server::App, options: &RetentionOptions) -> anyhow::Result<()> {
    let mut all = Vec::new();
    for (workspace, environment) in jobs::places(app) {
        let rules = jobs::retention_report(app, workspace).await;
        let rules = rules.map_err(|error| plain(&error))?;
        let of = |id| Ok::<_, anyhow::Error>(app.secrets(id)?.workspace().uuid);
        all.push(Place { workspace: workspace.map(of).transpose()?, environment, rules });
    }
    if options.json {
        println!("{}", serde_json::to_string(&all)?);
        return Ok(());
    }
    for place in &all {
        let workspace = place.workspace.map(|id| format!("workspace {id}")).unwrap_or_default();
        let environment = place.environment.unwrap_or("installation");
        println!("{HEAD}{environment}{HEAD:#} {DIM}{workspace}{DIM:#}");
        place.rules.iter().for_each(print);
    }
    Ok(())
}

fn print(rule: &RuleStatus) {
    let kept = match (rule.days, &rule.before) {
        (Some(days), _) => format!("{days} days"),
        (None, Some(_)) => "hours".to_owned(),
        (None, None) => "for ever".to_owned(),
    };
    println!("  {:<18} kept {kept:<9} {:>8} to go, {:>8} gone", rule.rule, rule.rows, rule.removed);
    if let (Some(oldest), Some(newest)) = (&rule.oldest, &rule.newest) {
        println!("    {DIM}{oldest} to {newest}{DIM:#}");
    }
}
