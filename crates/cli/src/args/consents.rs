//! Commands about the consents of people.

use clap::{Args, Subcommand};

use super::Database;
use crate::settings::complete;

/// `vinculo consents …`
#[derive(Debug, Subcommand)]
pub(crate) enum Consents {
    /// Recompute the chains of receipts; exit 1 when one does not hold
    Verify(VerifyConsents),
    /// List consents without what is sealed about them
    List(ListConsents),
}

complete!(Consents, Verify | List);

/// `vinculo consents verify`
#[derive(Debug, Args)]
pub(crate) struct VerifyConsents {
    /// Hash of a head that was noted earlier and must be in a chain still; may be repeated
    #[arg(long, value_name = "HASH", value_parser = head)]
    pub(crate) head: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(VerifyConsents { database });

/// `vinculo consents list`
#[derive(Debug, Args)]
pub(crate) struct ListConsents {
    /// Print JSON, one object a consent
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(ListConsents { database });

fn head(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err("expected 64 hexadecimal digits".to_owned())
}
