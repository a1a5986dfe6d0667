//! `vinculo retention …`

use std::process::ExitCode;

use anstream::println;
use serde::Serialize;
use vinculo_server::jobs::{self, RuleStatus};
use vinculo_server::list_organizations;

use super::audit::plain;
use crate::args::{Retention, RetentionOptions};
use crate::installation::{Installation, NO_OPERATOR};
use crate::print::{DIM, GOOD, HEAD};

/// The rules of one place.
#[derive(Serialize)]
struct Place {
    /// What the organization is called; null for what is the installation's.
    organization: Option<String>,
    /// Half of the organization.
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
    for removed in &removed {
        if options.json {
            println!("{}", serde_json::to_string(removed)?);
        } else {
            println!("{GOOD}{:>10}{GOOD:#} {}", removed.rows, removed.rule);
        }
    }
    Ok(())
}

async fn report(app: &vinculo_server::App, options: &RetentionOptions) -> anyhow::Result<()> {
    let organizations = list_organizations(app).await.map_err(|error| plain(&error))?;
    let name = |id| organizations.iter().find(|one| one.id == id).map(|one| one.name.clone());
    for workspace in jobs::places(app) {
        let rules = jobs::retention_report(app, workspace.as_ref().map(|it| it.id)).await;
        let place = Place {
            organization: workspace.as_ref().and_then(|workspace| name(workspace.organization)),
            environment: workspace.map(|workspace| workspace.environment.as_str()),
            rules: rules.map_err(|error| plain(&error))?,
        };
        if options.json {
            println!("{}", serde_json::to_string(&place)?);
            continue;
        }
        let named = place.organization.as_deref().zip(place.environment);
        let named =
            named.map(|(organization, environment)| format!("{organization} {environment}"));
        println!("{HEAD}{}{HEAD:#}", named.as_deref().unwrap_or("installation"));
        place.rules.iter().for_each(print);
    }
    Ok(())
}

fn print(rule: &RuleStatus) {
    let kept = match (
        rule.days.map(|it| (it, "days")).or(rule.months.map(|it| (it, "months"))),
        &rule.before,
    ) {
        (Some((number, unit)), _) => format!("{number} {unit}"),
        (None, Some(_)) => "hours".to_owned(),
        (None, None) => "for ever".to_owned(),
    };
    println!("  {:<18} kept {kept:<9} {:>8} to go, {:>8} gone", rule.rule, rule.rows, rule.removed);
    if let (Some(oldest), Some(newest)) = (&rule.oldest, &rule.newest) {
        println!("    {DIM}{oldest} to {newest}{DIM:#}");
    }
}
