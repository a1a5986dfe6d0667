//! `vinculo webhooks create`

use std::process::ExitCode;

use anstream::println;
use vinculo_server::add_endpoint;
use vinculo_server::config::Config;

use crate::args::CreateWebhook;
use crate::installation::{Installation, NO_OPERATOR};
use crate::print::HEAD;

/// Adds an endpoint.
pub(crate) fn create(options: CreateWebhook) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(&options.database)?;
    let config = Config {
        webhook_allow_private: options.webhook_allow_private.unwrap_or(false),
        ..installation.config(NO_OPERATOR)
    };
    let environment = options.environment.into();
    let authorization = options.authorization.map(|secret| secret.0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let id = runtime.block_on(async {
        let app = installation.app(config)?;
        anyhow::Ok(add_endpoint(&app, environment, options.url, authorization).await?)
    })?;
    if options.json {
        println!("{}", serde_json::json!({ "id": id, "environment": environment.as_str() }));
    } else {
        println!("{HEAD}Webhook{HEAD:#} {id} receives every event of {environment}");
    }
    Ok(ExitCode::SUCCESS)
}
