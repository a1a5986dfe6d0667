//! What operators watch.

use std::net::SocketAddr;

use clap::Args;
use serde::{Deserialize, Serialize};
use vinculo_server::config::Config;

/// Where and what operators watch.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Watching {
    /// Address of a listener for operators: /metrics, /livez and /readyz, without a key [default: none]
    #[arg(long, env = "VINCULO_METRICS_LISTEN", value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// MiB free where the data folder is, below which /readyz says no [default: 100]
    #[arg(long, env = "VINCULO_LEAST_FREE_MIB", value_name = "MIB")]
    pub(crate) least_free_mib: Option<u32>,
}

impl Watching {
    /// The configuration with what is given here.
    pub(crate) fn apply(&self, mut config: Config) -> Config {
        if let Some(mib) = self.least_free_mib {
            config.least_free_bytes = u64::from(mib) * 1024 * 1024;
        }
        config
    }
}
