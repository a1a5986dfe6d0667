//! Received files of a spool that is gone.

use clap::Args;
use uuid::Uuid;

use super::Database;

/// `vinculo pila take-over`
#[derive(Debug, Args)]
pub(crate) struct TakeOver {
    /// The spool that is gone, as `vinculo doctor` names it. What of its files is in the spool of this data
    /// folder is imported; the others are refused as lost, and can be sent again
    #[arg(long, value_name = "ID")]
    pub(crate) spool: Uuid,
    /// Print JSON, one object an import
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}
