//! Commands that look after an installation: its keys, its backups, its health.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::Database;

/// `vinculo vault …`
#[derive(Debug, Subcommand)]
pub(crate) enum Vault {
    /// Say how many keys each version of the master key wraps
    Status(VaultOptions),
    /// Wrap every key by the newest master key, while servers serve
    Rotate(VaultOptions),
    /// Settle data that was restored from a dump: people erased since then, lost imports
    Settle(VaultOptions),
}

/// `vinculo vault status`, `vinculo vault rotate` and `vinculo vault settle`
#[derive(Debug, Args)]
pub(crate) struct VaultOptions {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

/// `vinculo backup`
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// File to write; it must not be there yet
    #[arg(value_name = "TO")]
    pub(crate) to: PathBuf,
    /// Copy the keys too, into a file of their own; keep it apart from the data
    #[arg(long, value_name = "FILE")]
    pub(crate) with_keys: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) database: Database,
}

/// `vinculo restore`
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Backup of the data
    #[arg(value_name = "FROM")]
    pub(crate) from: PathBuf,
    /// Copy of the keys [default: vault.db, which is in the data folder already]
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) database: Database,
}

/// `vinculo doctor`
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Print JSON, one object a check
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
    #[command(flatten)]
    pub(crate) webhooks: WebhookAddresses,
}

/// Where webhooks may go.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WebhookAddresses {
    /// Allow webhooks to loopback and private addresses, and over plain HTTP
    #[arg(long, env = "VINCULO_WEBHOOK_ALLOW_PRIVATE", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) webhook_allow_private: Option<bool>,
}
