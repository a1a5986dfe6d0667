//! The simulated operator on its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use crate::settings::complete;

/// `vinculo operator`
#[derive(Debug, Args)]
pub(crate) struct Operator {
    #[command(flatten)]
    pub(crate) listen: OperatorListen,
    #[command(subcommand)]
    pub(crate) command: Option<OperatorCommand>,
}

complete!(Operator { listen });

/// Where the simulated operator serves.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct OperatorListen {
    /// Address to listen on [default: 127.0.0.1:8090]
    #[arg(
        long = "listen",
        id = "operator_listen",
        env = "VINCULO_OPERATOR_LISTEN",
        value_name = "ADDRESS"
    )]
    pub(crate) operator_listen: Option<SocketAddr>,
}

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
