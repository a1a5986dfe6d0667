//! Commands about who read or changed what, and about what is known of one person.

use clap::{Args, Subcommand};
use vinculo_server::audit::NotedHead;

use super::{Database, DocumentArgument, Environment};
use crate::settings::complete;

/// `vinculo audit …`
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Compute the whole audit log again; exit 1 and name the first thing that is wrong
    Verify(VerifyAudit),
    /// Print the audit log, one JSON object a line
    Export(ExportAudit),
}

complete!(Audit, Verify | Export);

/// `vinculo audit verify`
#[derive(Debug, Args)]
pub(crate) struct VerifyAudit {
    /// End of a chain that was written down earlier, and must still be there; may be given repeatedly
    #[arg(long = "head", value_name = "CHAIN:SEQUENCE:HASH")]
    pub(crate) heads: Vec<NotedHead>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(VerifyAudit { database });

/// `vinculo audit export`
#[derive(Debug, Args)]
pub(crate) struct ExportAudit {
    /// Only of this half of the organization [default: both, and the installation]
    #[arg(long)]
    pub(crate) environment: Option<Environment>,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(ExportAudit { database });

/// `vinculo subjects …`
#[derive(Debug, Subcommand)]
pub(crate) enum Subjects {
    /// Print everything that is known about a person, and who has seen it, as JSON
    Report(ReportSubject),
}

complete!(Subjects, Report);

/// `vinculo subjects report`
#[derive(Debug, Args)]
pub(crate) struct ReportSubject {
    /// Kind and number, such as CC:1999000001
    #[arg(long, value_name = "KIND:NUMBER")]
    pub(crate) document: DocumentArgument,
    /// Which half of the organization to look in
    #[arg(long)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(ReportSubject { database });
