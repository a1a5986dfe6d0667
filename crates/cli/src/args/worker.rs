//! How an installation on PostgreSQL is spread over processes.

use clap::Args;
use serde::{Deserialize, Serialize};
use vinculo_server::config::Config;
use vinculo_store::Options;

use super::{
    CohortLimits, Database, Egress, Keeping, Logging, Outgoing, Room, Sources, Terms, Traces,
    Watching,
};
use crate::settings::complete;

/// `vinculo worker`, and what `vinculo serve` takes for the same work
#[derive(Debug, Args)]
pub(crate) struct Worker {
    #[command(flatten)]
    pub(crate) database: Database,
    #[command(flatten)]
    pub(crate) pool: Pool,
    #[command(flatten)]
    pub(crate) outgoing: Outgoing,
    #[command(flatten)]
    pub(crate) egress: Egress,
    #[command(flatten)]
    pub(crate) cohorts: CohortLimits,
    #[command(flatten)]
    pub(crate) keeping: Keeping,
    #[command(flatten)]
    pub(crate) watching: Watching,
    #[command(flatten)]
    pub(crate) room: Room,
    #[command(flatten)]
    pub(crate) logging: Logging,
    #[command(flatten)]
    pub(crate) traces: Traces,
    // Last: their headings in the help would be those of whatever follows.
    #[command(flatten)]
    pub(crate) sources: Sources,
    #[command(flatten)]
    pub(crate) terms: Terms,
}

complete!(Worker {
    database,
    pool,
    outgoing,
    egress,
    cohorts,
    keeping,
    watching,
    room,
    logging,
    traces,
    sources,
    terms
});

impl Worker {
    /// The configuration with what is given here, production excepted.
    pub(crate) fn apply(&self, config: Config) -> Config {
        let config = self.egress.apply(self.outgoing.apply(self.terms.apply(config)));
        self.room.apply(self.cohorts.apply(self.keeping.apply(config)))
    }
}

/// How many connections a process may have.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Pool {
    /// Connections of this process to PostgreSQL that read and write; three more take leases, tell and
    /// hear of work [default: 16]
    #[arg(long, env = "VINCULO_DATABASE_CONNECTIONS", value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) database_connections: Option<u16>,
}

impl Pool {
    /// The options of the store with what is given here.
    pub(crate) fn apply(&self, options: Options) -> Options {
        let lanes = self.database_connections.map_or(options.postgres_lanes, usize::from);
        Options { postgres_lanes: lanes, ..options }
    }
}
