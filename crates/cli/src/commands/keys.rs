//! `vinculo keys create`

use std::process::ExitCode;

use anstream::println;
use anyhow::anyhow;
use vinculo_server::issue_key;

use crate::args::CreateKey;
use crate::installation::Installation;
use crate::print::{DIM, HEAD};

/// Makes a key and prints it, the only time it is seen.
pub(crate) fn create(options: &CreateKey) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(&options.database)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let key = runtime.block_on(async {
        let app = installation.quiet_app()?;
        let made = issue_key(&app, options.environment.into(), options.name.clone()).await;
        made.map_err(|error| anyhow!("cannot make a key: {}", error.cause().unwrap_or("refused")))
    })?;
    if options.json {
        println!("{}", serde_json::to_string(&key)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{HEAD}Secret ID      {HEAD:#} {}", key.secret_id);
    println!("{HEAD}Secret Password{HEAD:#} {}", key.secret_password);
    println!("{DIM}Opens {}. The password is not shown again.{DIM:#}", key.environment);
    Ok(ExitCode::SUCCESS)
}
