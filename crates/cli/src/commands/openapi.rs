//! `vinculo openapi`

use std::process::ExitCode;

use vinculo_server::{DEFAULT_BASE, openapi_document, postman_collection};

use crate::args::Openapi;

/// Prints the description of the API.
#[expect(clippy::print_stdout, reason = "the document is the command's answer")]
pub(crate) fn run(options: Openapi) -> anyhow::Result<ExitCode> {
    if options.postman {
        println!("{:#}", postman_collection(DEFAULT_BASE));
    } else {
        println!("{:#}", openapi_document());
    }
    Ok(ExitCode::SUCCESS)
}
