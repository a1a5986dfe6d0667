//! Where contributions come from.

mod operators;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

pub(crate) use operators::Reach;
use operators::{Ach, AgilData, Mareigua};

/// What links are asked from.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Sources {
    /// Sources of production links, in the order in which they are asked [default: planillas]
    #[arg(long, env = "VINCULO_SOURCE_PRODUCTION", value_delimiter = ',', value_name = "SOURCE")]
    pub(crate) source_production: Option<Vec<SourceName>>,
    /// Lets questions cross a network in clear: operators over plain HTTP, beyond this machine
    /// [default: false]
    #[arg(long, env = "VINCULO_SOURCE_ALLOW_HTTP", value_name = "BOOL", num_args = 0..=1)]
    #[arg(default_missing_value = "true")]
    pub(crate) source_allow_http: Option<bool>,
    /// Simulated operator behind the sandbox [default: one inside this process]
    #[arg(long, env = "VINCULO_SANDBOX_OPERATOR_URL", value_name = "URL")]
    pub(crate) sandbox_operator_url: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) ach: Ach,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) mareigua: Mareigua,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) agil_data: AgilData,
}

impl Sources {
    /// Variables of operators that production does not ask.
    pub(crate) fn given_and_not_asked(&self) -> impl Iterator<Item = String> + '_ {
        let named = self.source_production.as_deref().unwrap_or_default();
        let reaches = [
            (SourceName::Ach, self.ach.reach()),
            (SourceName::Mareigua, self.mareigua.reach()),
            (SourceName::AgilData, self.agil_data.reach()),
        ];
        let idle = reaches.into_iter().filter(|(name, _)| !named.contains(name));
        let given = idle.filter(|(_, reach)| reach.base_url.is_some());
        given.map(|(_, reach)| format!("VINCULO_{}_BASE_URL", reach.prefix))
    }
}

/// A source of production links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum SourceName {
    /// Planillas imported with `vinculo pila import`.
    Planillas,
    /// ACH Colombia's Consultas PILA.
    Ach,
    /// Mareigua's query.
    Mareigua,
    /// Ágil Data of Asofondos.
    AgilData,
}

/// How an operator knows us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub(crate) enum AuthKind {
    /// It does not ask.
    None,
    /// User name and password.
    Basic,
    /// A fixed token.
    Bearer,
    /// A token that is fetched.
    Oauth2,
    /// A client certificate alone.
    Mtls,
}
