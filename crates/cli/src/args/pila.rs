//! Commands about planilla files, and about what they say of a person.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{Database, DocumentArgument, Environment};
use crate::settings::{Complete, File, complete};

/// `vinculo pila …`
#[derive(Debug, Subcommand)]
pub(crate) enum Pila {
    /// Check planillas and payer records; exit 1 when one is refused
    Check(CheckFiles),
    /// Import planillas and payer records; exit 1 when one is refused
    Import(ImportFiles),
    /// End imports whose files are in a spool that is gone
    TakeOver(TakeOver),
    /// Show what the imported planillas and answers say about a person
    Show(ShowPerson),
}

complete!(Pila, Check | Import | TakeOver | Show);

/// `vinculo pila import`
#[derive(Debug, Args)]
pub(crate) struct ImportFiles {
    /// Files to import, in this order; of a folder or a zip archive, every file in it
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Refusing rules about totals that may pass: header_payroll_total, header_total_contributors
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    pub(crate) allow: Vec<String>,
    /// Which half of the organization may use them
    #[arg(long)]
    pub(crate) environment: Environment,
    /// Print JSON, one object a file; on standard error, how far each has come
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(ImportFiles { database });

/// `vinculo pila show`
#[derive(Debug, Args)]
pub(crate) struct ShowPerson {
    /// Kind and number, such as CC:1999000001
    #[arg(long, value_name = "KIND:NUMBER")]
    pub(crate) document: DocumentArgument,
    /// Which half of the organization to look in
    #[arg(long)]
    pub(crate) environment: Environment,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(ShowPerson { database });

/// `vinculo pila check`
#[derive(Debug, Args)]
pub(crate) struct CheckFiles {
    /// Files to check; of a folder or a zip archive, every file in it
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Refusing rules about totals that may pass: header_payroll_total, header_total_contributors
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    pub(crate) allow: Vec<String>,
    /// Print JSON, one object a file
    #[arg(long)]
    pub(crate) json: bool,
}

/// Files are checked without an installation.
impl Complete for CheckFiles {
    fn complete(&mut self, _: &File) -> anyhow::Result<()> {
        Ok(())
    }
}

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

complete!(TakeOver { database });
