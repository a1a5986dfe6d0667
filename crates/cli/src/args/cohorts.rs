//! Cohorts.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vinculo_server::config::{CohortConfig, Config};

use super::{Database, Environment};
use crate::settings::complete;

/// How much of cohorts is taken and worked on.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CohortLimits {
    /// Most rows of one cohort [default: 100000]
    #[arg(long, env = "VINCULO_COHORT_ROWS", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) cohort_rows: Option<u32>,
    /// Rows of the cohorts of a workspace that sources are asked about at once [default: 6]
    #[arg(long, env = "VINCULO_COHORT_AT_ONCE", value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) cohort_at_once: Option<u16>,
    /// People of cohorts in one job of a source that takes jobs about many; 0 asks about each alone
    /// [default: 0]
    #[arg(long, env = "VINCULO_COHORT_BULK", value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(0..=1500))]
    pub(crate) cohort_bulk: Option<u16>,
    /// Ask about people alone whose job is refused, or who are missing from its result [default: true]
    #[arg(long, env = "VINCULO_COHORT_BULK_ELSE_ALONE", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) cohort_bulk_else_alone: Option<bool>,
}

impl CohortLimits {
    /// The configuration with these.
    pub(crate) fn apply(&self, config: Config) -> Config {
        let shipped = CohortConfig::default();
        let cohorts = CohortConfig {
            rows: self.cohort_rows.unwrap_or(shipped.rows),
            at_once: self.cohort_at_once.map_or(shipped.at_once, usize::from),
            bulk: self.cohort_bulk.map_or(shipped.bulk, usize::from),
            bulk_else_alone: self.cohort_bulk_else_alone.unwrap_or(shipped.bulk_else_alone),
        };
        Config { cohorts, ..config }
    }
}

/// `vinculo cohorts`
#[derive(Debug, Subcommand)]
pub(crate) enum Cohorts {
    /// Hand in people, of whom the server makes links
    Create(CreateCohort),
    /// Show how far a cohort has come
    Show(OneCohort),
    /// Print what became of each row, as CSV
    Results(OneCohort),
}

complete!(Cohorts, Create | Show | Results);

/// `vinculo cohorts create`
#[derive(Debug, Args)]
pub(crate) struct CreateCohort {
    #[command(flatten)]
    pub(crate) database: Database,
    #[command(flatten)]
    pub(crate) limits: CohortLimits,
    /// Environment of the links
    #[arg(long, value_enum)]
    pub(crate) environment: Environment,
    /// CSV with a header: document, and any of document_type, external_id, access_mode,
    /// fetch_resources, credentials_storage, stale_in
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// What holds for rows that say nothing else, such as access_mode=single; and webhooks=end
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) set: Vec<(String, String)>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

complete!(CreateCohort { database, limits });

/// `vinculo cohorts show` and `results`
#[derive(Debug, Args)]
pub(crate) struct OneCohort {
    #[command(flatten)]
    pub(crate) database: Database,
    /// Environment of the links
    #[arg(long, value_enum)]
    pub(crate) environment: Environment,
    /// The cohort
    #[arg(value_name = "ID")]
    pub(crate) id: Uuid,
}

complete!(OneCohort { database });

fn pair(text: &str) -> Result<(String, String), String> {
    const NAMES: [&str; 6] = [
        "webhooks",
        "document_type",
        "access_mode",
        "fetch_resources",
        "credentials_storage",
        "stale_in",
    ];
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    if !NAMES.contains(&name) {
        return Err(format!("expected one of {}", NAMES.join(", ")));
    }
    Ok((name.to_owned(), value.to_owned()))
}
