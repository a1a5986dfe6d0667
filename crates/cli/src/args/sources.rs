//! Where contributions come from.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::Secret;

/// What links are asked from.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Sources {
    /// Sources of production links, in order: planillas, ach [default: planillas]
    #[arg(long, env = "VINCULO_SOURCE_PRODUCTION", value_delimiter = ',', value_name = "SOURCE")]
    pub(crate) source_production: Option<Vec<SourceName>>,
    /// Base URL of the ACH operator
    #[arg(long, env = "VINCULO_ACH_BASE_URL", value_name = "URL")]
    pub(crate) ach_base_url: Option<String>,
    /// How the ACH operator knows us [default: none]
    #[arg(long, env = "VINCULO_ACH_AUTH", value_name = "KIND")]
    pub(crate) ach_auth: Option<AchAuth>,
    /// User name for basic authentication at the ACH operator
    #[arg(long, env = "VINCULO_ACH_USERNAME", value_name = "NAME")]
    pub(crate) ach_username: Option<String>,
    /// Password for basic authentication at the ACH operator; for the environment only
    #[arg(long, env = "VINCULO_ACH_PASSWORD", hide = true, hide_env_values = true)]
    pub(crate) ach_password: Option<Secret>,
    /// Bearer token for the ACH operator; for the environment only
    #[arg(long, env = "VINCULO_ACH_TOKEN", hide = true, hide_env_values = true)]
    pub(crate) ach_token: Option<Secret>,
    /// Simulated operator behind the sandbox [default: one inside this process]
    #[arg(long, env = "VINCULO_SANDBOX_OPERATOR_URL", value_name = "URL")]
    pub(crate) sandbox_operator_url: Option<String>,
}

/// A source of production links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SourceName {
    /// Planillas imported with `vinculo pila import`.
    Planillas,
    /// ACH Colombia's Consultas PILA.
    Ach,
}

/// How an operator knows us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AchAuth {
    /// It does not ask.
    None,
    /// User name and password.
    Basic,
    /// A fixed token.
    Bearer,
}
