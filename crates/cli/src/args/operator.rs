//! What `vinculo operator` can do beside serving.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `vinculo operator …`
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum OperatorCommand {
    /// Write the people of the made-up country as planilla files
    Export(Export),
}

/// `vinculo operator export`
#[derive(Clone, Debug, Args)]
pub(crate) struct Export {
    /// Months up to the newest that is paid
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=24))]
    pub(crate) months: u16,
    /// Folder to write into; made when it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Payers, from the first; all when not given
    #[arg(long)]
    pub(crate) payers: Option<u32>,
}
