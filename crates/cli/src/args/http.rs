//! Whom to believe and how much to take over HTTP.

use std::num::NonZeroU16;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use vinculo_server::config::Config;
use vinculo_server::parse_network;

/// Proxies, and limits; 0 turns a limit off.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Http {
    /// Proxies that are believed about scheme, host and address of their clients: addresses or
    /// networks, separated by commas [default: none]
    #[arg(long, env = "VINCULO_TRUSTED_PROXIES", value_delimiter = ',', value_name = "NETWORK")]
    pub(crate) trusted_proxies: Option<Vec<Network>>,
    /// Requests a minute, and at once, of one API key; 0 is no limit [default: 30000]
    #[arg(long, env = "VINCULO_RATE_LIMIT_PER_MINUTE", value_name = "NUMBER")]
    pub(crate) rate_limit_per_minute: Option<u32>,
    /// Deletions a minute of one workspace and kind of object, without
    /// `X-Belvo-Request-Mode: async`; 0 is no limit [default: 5]
    #[arg(long, env = "VINCULO_DELETE_LIMIT_PER_MINUTE", value_name = "NUMBER")]
    pub(crate) delete_limit_per_minute: Option<u32>,
    /// Failed logins a minute from one address (IPv6: one /64), tries to sign in to the dashboard, and
    /// bad tokens brought to the consent page; with 0 neither they nor what one user or one token may
    /// do are limited [default: 60]
    #[arg(long, env = "VINCULO_LOGIN_FAILURES_PER_MINUTE", value_name = "NUMBER")]
    pub(crate) login_failures_per_minute: Option<u32>,
    /// Seconds after which a single link that was made recurrent is loaded [default: 86400, a day]
    #[arg(long, env = "VINCULO_RECURRENT_DELAY_SECONDS", value_name = "SECONDS")]
    pub(crate) recurrent_delay_seconds: Option<u32>,
    /// How long the refresh token of a widget lasts, hours; the access token always lasts ten minutes
    /// [default: 24]
    #[arg(long, env = "VINCULO_REFRESH_TOKEN_HOURS", value_name = "HOURS")]
    pub(crate) refresh_token_hours: Option<NonZeroU16>,
}

impl Http {
    /// The configuration with what is given here.
    pub(crate) fn apply(&self, mut config: Config) -> Config {
        if let Some(proxies) = &self.trusted_proxies {
            config.trusted_proxies = proxies.iter().map(|network| network.0).collect();
        }
        for (given, limit) in [
            (self.rate_limit_per_minute, &mut config.rate_limit_per_minute),
            (self.delete_limit_per_minute, &mut config.delete_limit_per_minute),
            (self.login_failures_per_minute, &mut config.login_failures_per_minute),
        ] {
            *limit = given.unwrap_or(*limit);
        }
        if let Some(seconds) = self.recurrent_delay_seconds {
            config.recurrent_delay = Duration::from_secs(seconds.into());
        }
        if let Some(hours) = self.refresh_token_hours {
            config.refresh_token_lifetime = Duration::from_secs(3600 * u64::from(hours.get()));
        }
        config
    }
}

/// A network: an address, or an address and the length of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Network(pub(crate) IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_network(text).map(Self).map_err(|error| format!("{:?}: {error}", text.trim()))
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.0.to_string()
    }
}
