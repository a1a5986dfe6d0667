//! `vinculo keys …`

use clap::{Args, Subcommand};
use ipnet::IpNet;
use jiff::Timestamp;
use uuid::Uuid;
use vinculo_server::{Scope, parse_network};

use super::{Database, Environment};
use crate::settings::complete;

/// `vinculo keys …`
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make an API key; its password is shown once
    Create(CreateKey),
    /// List API keys: what they open, from where, until when, and when they were last used
    List(ListKeys),
    /// Give a key another password, shown once; the old one opens it too until it is retired
    Rotate(RotateKey),
    /// End a rotation: the old password opens the key no more
    Retire(ChangeKey),
    /// Make a key open nothing any more
    Revoke(ChangeKey),
}

complete!(Keys, Create | List | Rotate | Retire | Revoke);

/// `vinculo keys create`
#[derive(Debug, Args)]
pub(crate) struct CreateKey {
    /// Which half of the organization it opens
    #[arg(long)]
    pub(crate) environment: Environment,
    /// What you call it
    #[arg(long, default_value = "")]
    pub(crate) name: String,
    /// What it opens, such as read or links:write; may be repeated [default: everything]
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', value_parser = scope)]
    pub(crate) scopes: Vec<Scope>,
    /// Address or network it may be used from; may be repeated [default: everywhere]
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    pub(crate) allow: Vec<IpNet>,
    /// When it ends, such as 2027-01-31T00:00:00Z [default: never]
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<Timestamp>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(CreateKey { database });

/// `vinculo keys list`
#[derive(Debug, Args)]
pub(crate) struct ListKeys {
    /// Which half of the organization they open
    #[arg(long)]
    pub(crate) environment: Environment,
    /// Print JSON, one object a key
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(ListKeys { database });

/// `vinculo keys rotate`
#[derive(Debug, Args)]
pub(crate) struct RotateKey {
    /// Secret ID of the key
    #[arg(value_name = "SECRET_ID")]
    pub(crate) id: Uuid,
    /// When the old password stops opening it [default: when it is retired]
    #[arg(long, value_name = "TIME")]
    pub(crate) old_until: Option<Timestamp>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(RotateKey { database });

/// `vinculo keys retire` and `vinculo keys revoke`
#[derive(Debug, Args)]
pub(crate) struct ChangeKey {
    /// Secret ID of the key
    #[arg(value_name = "SECRET_ID")]
    pub(crate) id: Uuid,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(ChangeKey { database });

fn scope(word: &str) -> Result<Scope, String> {
    Scope::parse(word).ok_or_else(|| {
        let known = Scope::ALL.map(Scope::as_str).join(", ");
        format!("expected one of {known}")
    })
}

fn network(text: &str) -> Result<IpNet, String> {
    parse_network(text).map_err(|error| error.to_string())
}
