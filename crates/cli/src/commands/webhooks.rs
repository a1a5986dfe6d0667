//! `vinculo webhooks …`

use std::process::ExitCode;

use anstream::println;
use anyhow::{anyhow, bail};
use uuid::Uuid;
use vinculo_server::{
    ApiError, App, EndpointChange, EndpointStatus, WantedEndpoint, add_endpoint, change_endpoint,
    delete_endpoint, list_endpoints, replay_deliveries, rotate_secret, send_test,
};
use vinculo_store::{Environment, TimeSpan};

use super::events;
use crate::args::{
    CreateWebhook, Database, Egress, Enable, ListWebhooks, ReplayWebhooks, RotateWebhook,
    UpdateWebhook, WebhookOptions,
};
use crate::installation::{Installation, NO_OPERATOR};
use crate::print::{DIM, HEAD};

/// Adds an endpoint.
pub(crate) fn create(options: CreateWebhook) -> anyhow::Result<ExitCode> {
    let installation = Installation::open_or_tell(&options.database)?;
    let config = options.outgoing.apply(installation.config(NO_OPERATOR));
    let wanted = WantedEndpoint {
        url: options.url,
        authorization: options.authorization.map(|secret| secret.0),
        types: options.types,
        enabled: !options.disabled,
    };
    let environment = options.environment.into();
    let added = block_on(async {
        let app = installation.app(config)?;
        add_endpoint(&app, environment, wanted).await.map_err(told)
    })?;
    if options.json {
        return json(&added);
    }
    let verb = if added.enabled { "receives" } else { "will receive" };
    println!("{HEAD}Webhook{HEAD:#} {} {verb} events of {environment}", added.id);
    secret(&added);
    Ok(ExitCode::SUCCESS)
}

/// Lists endpoints.
pub(crate) fn list(options: &ListWebhooks) -> anyhow::Result<ExitCode> {
    let environment = options.environment.into();
    let all = with(&options.database, async |app| list_endpoints(app, environment).await)?;
    if options.json {
        return json_lines(&all);
    }
    all.iter().for_each(line);
    Ok(ExitCode::SUCCESS)
}

/// Enables an endpoint.
pub(crate) fn enable(options: &Enable) -> anyhow::Result<ExitCode> {
    switch(&options.endpoint, true, options.replay_missed)
}

/// Disables an endpoint.
pub(crate) fn disable(options: &WebhookOptions) -> anyhow::Result<ExitCode> {
    switch(options, false, false)
}

/// Changes an endpoint.
pub(crate) fn update(options: UpdateWebhook) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(&options.endpoint.database)?;
    let config = options.outgoing.apply(installation.config(NO_OPERATOR));
    let wanted = options.change;
    let authorization = wanted.authorization.map(|secret| Some(secret.0));
    let change = EndpointChange {
        url: wanted.url,
        authorization: if wanted.no_authorization { Some(None) } else { authorization },
        types: if wanted.all_types { Some(None) } else { wanted.types.map(Some) },
        enabled: None,
    };
    let (environment, id) = (options.endpoint.environment.into(), options.endpoint.id);
    let changed = block_on(async {
        let app = installation.app(config)?;
        let changed = change_endpoint(&app, environment, id, change, false).await;
        changed.map_err(|error| missing(error, Some(id), environment))
    })?;
    show(&options.endpoint, &changed)
}

/// Removes an endpoint.
pub(crate) fn delete(options: &WebhookOptions) -> anyhow::Result<ExitCode> {
    let (environment, id) = (options.environment.into(), options.id);
    of(options, async |app| delete_endpoint(app, environment, id).await)?;
    if options.json {
        return json(&serde_json::json!({ "deleted": id }));
    }
    println!("{HEAD}Webhook{HEAD:#} {id} is removed");
    Ok(ExitCode::SUCCESS)
}

fn switch(options: &WebhookOptions, enabled: bool, and_replay: bool) -> anyhow::Result<ExitCode> {
    let (environment, id) = (options.environment.into(), options.id);
    let change = EndpointChange { enabled: Some(enabled), ..EndpointChange::default() };
    let changed =
        of(options, async |app| change_endpoint(app, environment, id, change, and_replay).await)?;
    show(options, &changed)
}

fn show(options: &WebhookOptions, changed: &EndpointStatus) -> anyhow::Result<ExitCode> {
    if options.json {
        return json(changed);
    }
    line(changed);
    Ok(ExitCode::SUCCESS)
}

/// Makes a new secret.
pub(crate) fn rotate(options: &RotateWebhook) -> anyhow::Result<ExitCode> {
    let endpoint = &options.endpoint;
    let (environment, hours) = (endpoint.environment.into(), options.keep_old_hours);
    let rotated =
        of(endpoint, async |app| rotate_secret(app, environment, endpoint.id, hours).await)?;
    if endpoint.json {
        return json(&rotated);
    }
    secret(&rotated);
    Ok(ExitCode::SUCCESS)
}

/// Sends a test event.
pub(crate) fn test(options: &WebhookOptions) -> anyhow::Result<ExitCode> {
    let (environment, id) = (options.environment.into(), options.id);
    let event = of(options, async |app| send_test(app, environment, id).await)?;
    let event = event.simple().to_string();
    if options.json {
        return json(&serde_json::json!({ "event": event }));
    }
    println!("{HEAD}Event{HEAD:#} {event} is on its way");
    Ok(ExitCode::SUCCESS)
}

/// Sends again.
pub(crate) fn replay(options: &ReplayWebhooks) -> anyhow::Result<ExitCode> {
    let filter = events::filter(&options.wanted);
    let named = filter.endpoints.is_some() || filter.states.is_some();
    let of = &filter.events;
    if !named && of.links.is_none() && of.types.is_none() && of.created == TimeSpan::default() {
        bail!("name at least one of --endpoint, --link, --type, --status, --from, --before");
    }
    let (environment, named) = (options.wanted.environment.into(), options.wanted.endpoint);
    let replayed = with_app(&options.database, async |app| {
        replay_deliveries(app, environment, filter)
            .await
            .map_err(|it| missing(it, named, environment))
    })?;
    if options.json {
        return json(&serde_json::json!({ "replayed": replayed }));
    }
    println!("{replayed} on their way");
    Ok(ExitCode::SUCCESS)
}

/// Shows where webhooks come from.
pub(crate) fn addresses(options: &Egress) -> anyhow::Result<ExitCode> {
    for network in options.egress_addresses.iter().flatten() {
        println!("{}", network.0);
    }
    Ok(ExitCode::SUCCESS)
}

fn line(endpoint: &EndpointStatus) {
    let since =
        |at: &Option<String>| at.as_ref().map_or_else(String::new, |at| format!(" since {at}"));
    let state = match (endpoint.disabled_reason, &endpoint.failing_since) {
        (Some(reason), _) => format!("disabled ({reason}){}", since(&endpoint.disabled_at)),
        (None, Some(_)) => format!("enabled, failing{}", since(&endpoint.failing_since)),
        (None, None) => "enabled".to_owned(),
    };
    println!("{} {} {state}", endpoint.id, endpoint.url);
}

fn secret(endpoint: &EndpointStatus) {
    let shown = endpoint.secret.as_deref().unwrap_or_default();
    println!("{HEAD}Secret{HEAD:#}  {shown}");
    println!("{DIM}Requests are signed with it. It is not shown again.{DIM:#}");
    if let Some(until) = &endpoint.old_secret_until {
        println!("{DIM}What signed before goes on until {until}.{DIM:#}");
    }
}

pub(super) fn json(value: &impl serde::Serialize) -> anyhow::Result<ExitCode> {
    println!("{}", serde_json::to_string(value)?);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn json_lines(all: &[impl serde::Serialize]) -> anyhow::Result<ExitCode> {
    all.iter().try_for_each(|one| json(one).map(|_| ()))?;
    Ok(ExitCode::SUCCESS)
}

/// Does something with an endpoint.
fn of<T>(
    options: &WebhookOptions,
    work: impl AsyncFnOnce(&App) -> Result<T, ApiError>,
) -> anyhow::Result<T> {
    let environment = options.environment.into();
    let missing = |error| missing(error, Some(options.id), environment);
    with_app(&options.database, async |app| work(app).await.map_err(missing))
}

pub(super) fn with<T>(
    database: &Database,
    work: impl AsyncFnOnce(&App) -> Result<T, ApiError>,
) -> anyhow::Result<T> {
    with_app(database, async |app| work(app).await.map_err(told))
}

pub(super) fn with_app<T>(
    database: &Database,
    work: impl AsyncFnOnce(&App) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let installation = Installation::open(database)?;
    block_on(async {
        let app = installation.quiet_app()?;
        let done = work(&app).await;
        // What was read is noted before the process ends.
        app.finish_work().await;
        app.store().clone().close().await;
        done
    })
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// What is wrong with what was asked of an endpoint; where there is none, which.
fn missing(error: ApiError, endpoint: Option<Uuid>, environment: Environment) -> anyhow::Error {
    match endpoint.filter(|_| error.is_not_found()) {
        Some(id) => anyhow!("there is no webhook {id} in {environment}: `webhooks list` has them"),
        None => told(error),
    }
}

pub(super) fn told(error: ApiError) -> anyhow::Error {
    anyhow!("{}", error.told())
}
