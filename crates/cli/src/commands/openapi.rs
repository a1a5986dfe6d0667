//! `vinculo openapi`

use std::process::ExitCode;

use vinculo_server::{DEFAULT_BASE, openapi_document, postman_collection};

use crate::args::Openapi;

/// Prints the description of the API.
#[expect(clippy::print_stdout, reason = "the document is the command's answer")]
pub(crate) fn run(options: Openapi) -> anyhow::Result<ExitCode> {
    let document = if options.postman {
        postman_collection(DEFAULT_BASE)?
    } else {
        serde_json::to_value(openapi_document())?
    };
    println!("{document:#}");
    Ok(ExitCode::SUCCESS)
}
