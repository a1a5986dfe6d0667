//! `vinculo openapi`

use std::process::ExitCode;

/// Prints the description of the API.
#[expect(clippy::print_stdout, reason = "the document is the command's answer")]
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    println!("{}", serde_json::to_string_pretty(&vinculo_server::openapi_document())?);
    Ok(ExitCode::SUCCESS)
}
