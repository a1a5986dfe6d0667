//! `vinculo organizations …`, `vinculo users …`

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use url::Url;
use vinculo_store::UserRole;

use super::Database;
use crate::settings::File;

/// `vinculo organizations …`
#[derive(Debug, Subcommand)]
pub(crate) enum Organizations {
    /// Make an organization
    Create(CreateOrganization),
    /// List organizations, the oldest first
    List(ListUsers),
}

/// `vinculo organizations create`
#[derive(Debug, Args)]
pub(crate) struct CreateOrganization {
    /// What it is called
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

/// `vinculo users …`
#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// Make a user; prints a link, to be used once, where the user sets a password
    Create(CreateUser),
    /// List users, the oldest first
    List(ListUsers),
    /// End a user's sessions, password and second factor; prints a new link
    Reset(ResetUser),
    /// End a user's sessions, and let the user sign in no more; `users reset` lets them in again
    Disable(ChangeUser),
}

/// `vinculo users create`
#[derive(Debug, Args)]
pub(crate) struct CreateUser {
    /// Address by which the user signs in; nothing is sent to it
    #[arg(value_name = "EMAIL")]
    pub(crate) email: String,
    /// What the user may do: owner, developer, analyst or auditor
    #[arg(long, value_parser = role)]
    pub(crate) role: UserRole,
    /// Name or id of the user's organization
    #[arg(long, value_name = "NAME", default_value = vinculo_server::installation::ORGANIZATION)]
    pub(crate) organization: String,
    #[command(flatten)]
    pub(crate) reach: Reached,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

/// `vinculo organizations list` and `vinculo users list`
#[derive(Debug, Args)]
pub(crate) struct ListUsers {
    /// Print JSON, one object each
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

/// `vinculo users reset`
#[derive(Debug, Args)]
pub(crate) struct ResetUser {
    /// Address by which the user signs in
    #[arg(value_name = "EMAIL")]
    pub(crate) email: String,
    #[command(flatten)]
    pub(crate) reach: Reached,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

/// Where browsers find the server.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Reached {
    /// Base URL of the server, for the link [default: http://127.0.0.1:8080]
    #[arg(long, env = "VINCULO_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<Url>,
}

/// `vinculo users disable`
#[derive(Debug, Args)]
pub(crate) struct ChangeUser {
    /// Address by which the user signs in
    #[arg(value_name = "EMAIL")]
    pub(crate) email: String,
    #[command(flatten)]
    pub(crate) database: Database,
}

impl Organizations {
    /// The options with what the file adds.
    pub(crate) fn completed(self, file: &File) -> anyhow::Result<Self> {
        Ok(match self {
            Self::Create(it) => {
                Self::Create(CreateOrganization { database: file.complete(it.database)?, ..it })
            }
            Self::List(it) => Self::List(ListUsers { database: file.complete(it.database)?, ..it }),
        })
    }
}

impl Users {
    /// The options with what the file adds.
    pub(crate) fn completed(self, file: &File) -> anyhow::Result<Self> {
        Ok(match self {
            Self::Create(it) => {
                let (database, reach) = (file.complete(it.database)?, file.complete(it.reach)?);
                Self::Create(CreateUser { database, reach, ..it })
            }
            Self::List(it) => Self::List(ListUsers { database: file.complete(it.database)?, ..it }),
            Self::Reset(it) => {
                let (database, reach) = (file.complete(it.database)?, file.complete(it.reach)?);
                Self::Reset(ResetUser { database, reach, ..it })
            }
            Self::Disable(it) => {
                Self::Disable(ChangeUser { database: file.complete(it.database)?, ..it })
            }
        })
    }
}

fn role(word: &str) -> Result<UserRole, String> {
    UserRole::parse(word).ok_or_else(|| {
        let known: Vec<_> = UserRole::ALL.iter().map(|role| role.as_str()).collect();
        format!("expected one of {}", known.join(", "))
    })
}
