//! `vinculo openapi`

use std::process::ExitCode;

use vinculo_server::{DEFAULT_BASE, openapi_document, postman_collection};

/// Prints the description of the API, as OpenAPI or as a Postman collection.
#[expect(clippy::print_stdout, reason = "the document is the command's answer")]
pub(crate) fn run(postman: bool) -> anyhow::Result<ExitCode> {
    if postman {
        println!("{:#}", postman_collection(DEFAULT_BASE));
    } else {
        println!("{:#}", openapi_document());
    }
    Ok(ExitCode::SUCCESS)
}
