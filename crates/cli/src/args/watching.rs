//! What operators watch.

use std::net::SocketAddr;

use clap::Args;
use serde::{Deserialize, Serialize};
use vinculo_server::config::{Config, LEAST_FREE_BYTES};

/// Where and what operators watch.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Watching {
    /// Address of a listener for operators: /metrics, /livez and /readyz, without a key [default: none]
    #[arg(long, env = "VINCULO_METRICS_LISTEN", value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<SocketAddr>,
}

/// How much room there must be.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Room {
    /// MiB free where the data folder is, below which /readyz says no [default: 100]
    #[arg(long, env = "VINCULO_LEAST_FREE_MIB", value_name = "MIB")]
    pub(crate) least_free_mib: Option<u32>,
}

impl Room {
    /// Bytes that must be free where the data folder is.
    pub(crate) fn least_free_bytes(&self) -> u64 {
        self.least_free_mib.map_or(LEAST_FREE_BYTES, |mib| u64::from(mib) * 1024 * 1024)
    }

    /// The configuration with what is given here.
    pub(crate) fn apply(&self, config: Config) -> Config {
        Config { least_free_bytes: self.least_free_bytes(), ..config }
    }
}
