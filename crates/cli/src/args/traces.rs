//! Where traces go.

use clap::Args;
use serde::{Deserialize, Serialize};
use url::Url;

use super::Secret;

/// What is told to a tracing system.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Traces {
    /// Base URL of a collector that takes traces by OTLP, as protobuf over HTTP, such as
    /// http://127.0.0.1:4318; they go to its /v1/traces [default: none, and there are no traces]
    #[arg(long, env = "VINCULO_OTLP_ENDPOINT", value_name = "URL")]
    pub(crate) otlp_endpoint: Option<Url>,
    /// Headers for the collector, one `Name: value` a line
    #[arg(long, env = "VINCULO_OTLP_HEADERS", hide = true, hide_env_values = true)]
    pub(crate) otlp_headers: Option<Secret>,
    /// Share of traces that is sent, from 0 to 1; a trace is sent as a whole or not at all [default: 1]
    #[arg(long, env = "VINCULO_OTLP_SAMPLE", value_name = "SHARE")]
    pub(crate) otlp_sample: Option<Share>,
}

/// A number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Share(pub(crate) f64);

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(share: f64) -> Result<Self, Self::Error> {
        match (0.0..=1.0).contains(&share) {
            true => Ok(Self(share)),
            false => Err(format!("{share} is not between 0 and 1")),
        }
    }
}

impl std::str::FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let share: f64 = text.parse().map_err(|_| "expected a number from 0 to 1".to_owned())?;
        Self::try_from(share)
    }
}
