//! Commands that look after an installation: its keys, its backups, its health.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use vinculo_server::config::{Config, RetentionConfig};
use vinculo_server::erasure::WithoutReceipt;

use super::{Database, Room, TlsFiles, Traces};
use crate::settings::complete;

/// `vinculo vault …`
#[derive(Debug, Subcommand)]
pub(crate) enum Vault {
    /// Say how many keys each version of the master key wraps
    Status(VaultOptions),
    /// Wrap every key by the newest master key, while servers serve
    Rotate(VaultOptions),
    /// Put every look-up value under the next key; every server must be stopped
    RotateIndex(VaultOptions),
    /// Settle data that was restored from a dump: people erased since then, lost imports
    Settle(Settle),
}

complete!(Vault, Status | Rotate | RotateIndex | Settle);

/// `vinculo vault settle`
#[derive(Debug, Args)]
pub(crate) struct Settle {
    #[command(flatten)]
    pub(crate) lost: Lost,
    #[command(flatten)]
    pub(crate) options: VaultOptions,
}

complete!(Settle { options });

/// What to do about people whom the keys do not open although nobody erased them.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Lost {
    /// Go on with keys that are older than the data: remove people who have neither a key nor the
    /// receipt of an erasure. Nothing brings them back but newer keys
    #[arg(long)]
    pub(crate) without_receipts: bool,
}

impl From<Lost> for WithoutReceipt {
    fn from(lost: Lost) -> Self {
        if lost.without_receipts { Self::Remove } else { Self::Refuse }
    }
}

/// `vinculo vault status`, `rotate`, `rotate-index` and `settle`
#[derive(Debug, Args)]
pub(crate) struct VaultOptions {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(VaultOptions { database });

/// `vinculo retention …`
#[derive(Debug, Subcommand)]
pub(crate) enum Retention {
    /// Say what is old and would go now, and what has gone; removes nothing
    Report(RetentionOptions),
    /// Remove what is old now, as servers do every hour
    Run(RetentionOptions),
}

complete!(Retention, Report | Run);

/// `vinculo retention report` and `vinculo retention run`
#[derive(Debug, Args)]
pub(crate) struct RetentionOptions {
    /// Print JSON, one object a workspace, or a rule
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) keeping: Keeping,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(RetentionOptions { keeping, database });

/// How long things are kept in the whole installation.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Keeping {
    /// Days that the audit log is kept [default: for ever]
    #[arg(long, env = "VINCULO_AUDIT_DAYS", value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36500))]
    pub(crate) audit_days: Option<u32>,
    /// Most days that a workspace may keep what its settings decide about [default: no limit]
    #[arg(long, env = "VINCULO_RETENTION_MAX_DAYS", value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36500))]
    pub(crate) retention_max_days: Option<u32>,
}

impl Keeping {
    /// The configuration with these.
    pub(crate) fn apply(&self, config: Config) -> Config {
        let retention =
            RetentionConfig { audit_days: self.audit_days, longest_days: self.retention_max_days };
        Config { retention, ..config }
    }
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

complete!(Backup { database });

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
    pub(crate) lost: Lost,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(Restore { database });

/// `vinculo doctor`
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Print JSON, one object a check
    #[arg(long)]
    pub(crate) json: bool,
    /// Compute the chains of the audit log and of consents again, and look for people without a key;
    /// takes minutes when there are many
    #[arg(long)]
    pub(crate) deep: bool,
    #[command(flatten)]
    pub(crate) database: Database,
    #[command(flatten)]
    pub(crate) tls: TlsFiles,
    #[command(flatten)]
    pub(crate) webhooks: WebhookAddresses,
    #[command(flatten)]
    pub(crate) room: Room,
    #[command(flatten)]
    pub(crate) traces: Traces,
}

complete!(Doctor { database, tls, webhooks, room, traces });

/// Where webhooks may go.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WebhookAddresses {
    /// Allow webhooks to loopback and private addresses, and over plain HTTP [default: false]
    #[arg(long, env = "VINCULO_WEBHOOK_ALLOW_PRIVATE", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) webhook_allow_private: Option<bool>,
}
