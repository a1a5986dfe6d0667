//! `vinculo organizations …`, `vinculo users …`

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use url::Url;
use vinculo_store::UserRole;

use super::Database;
use crate::settings::complete;

/// `vinculo organizations …`
#[derive(Debug, Subcommand)]
pub(crate) enum Organizations {
    /// Make an organization
    Create(CreateOrganization),
    /// List organizations, the oldest first
    List(ListUsers),
}

complete!(Organizations, Create | List);

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

complete!(CreateOrganization { database });

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

complete!(Users, Create | List | Reset | Disable);

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

complete!(CreateUser { reach, database });

/// `vinculo organizations list` and `vinculo users list`
#[derive(Debug, Args)]
pub(crate) struct ListUsers {
    /// Print JSON, one object each
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(ListUsers { database });

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

complete!(ResetUser { reach, database });

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

complete!(ChangeUser { database });

fn role(word: &str) -> Result<UserRole, String> {
    UserRole::parse(word).ok_or_else(|| {
        let known: Vec<_> = UserRole::ALL.iter().map(|role| role.as_str()).collect();
        format!("expected one of {}", known.join(", "))
    })
}
