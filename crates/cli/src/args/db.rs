//! Commands about the database as a whole.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use crate::settings::complete;

/// `vinculo db …`
#[derive(Debug, Subcommand)]
pub(crate) enum Db {
    /// Copy everything, keys included, into another empty database, and compare; goes on where a
    /// copy was interrupted
    Copy(CopyDatabase),
}

complete!(Db, Copy);

/// `vinculo db copy`
#[derive(Debug, Args)]
pub(crate) struct CopyDatabase {
    #[command(flatten)]
    pub(crate) ends: CopyEnds,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

complete!(CopyDatabase { ends });

/// From where to where.
#[derive(Clone, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CopyEnds {
    /// Database to copy, `postgres://…` or `sqlite://FOLDER`; every server on it must be stopped
    #[arg(
        long = "from",
        id = "copy_from",
        env = "VINCULO_COPY_FROM",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) copy_from: Option<String>,
    /// Database to copy into, empty or the unfinished copy of the same one
    #[arg(
        long = "to",
        id = "copy_to",
        env = "VINCULO_COPY_TO",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) copy_to: Option<String>,
}

/// Addresses may hold passwords.
impl std::fmt::Debug for CopyEnds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopyEnds").finish_non_exhaustive()
    }
}
