//! `vinculo organizations …`, `vinculo users …`

use std::process::ExitCode;

use anstream::{eprintln, println};
use anyhow::anyhow;
use serde::Serialize;
use vinculo_server::{
    ApiError, App, InvitedUser, OrganizationStatus, UserStatus, create_organization, create_user,
    disable_user, list_organizations, list_users, reset_user,
};

use super::serve::refuse_no_base;
use crate::args::{Organizations, Reached, Users};
use crate::installation::Installation;
use crate::print::{DIM, HEAD};

/// Makes and lists organizations.
pub(crate) fn run_organizations(command: &Organizations) -> anyhow::Result<ExitCode> {
    match command {
        Organizations::Create(options) => {
            let made = with_app(Installation::open_or_tell(&options.database)?, async |app| {
                create_organization(app, &options.name).await
            })?;
            show(std::slice::from_ref(&made), options.json, organization)
        }
        Organizations::List(options) => {
            let all = with_app(Installation::open(&options.database)?, async |app| {
                list_organizations(app).await
            })?;
            show(&all, options.json, organization)
        }
    }
}

/// Makes, lists and changes users.
pub(crate) fn run(command: &Users) -> anyhow::Result<ExitCode> {
    match command {
        Users::Create(options) => {
            options.reach.public_url.as_ref().map_or(Ok(()), refuse_no_base)?;
            let invited = with_app(Installation::open_or_tell(&options.database)?, async |app| {
                create_user(app, &options.organization, &options.email, options.role).await
            })?;
            show(&[at(&options.reach, invited)], options.json, invitation)
        }
        Users::List(options) => {
            let all = with_app(Installation::open(&options.database)?, async |app| {
                list_users(app).await
            })?;
            show(&all, options.json, user)
        }
        Users::Reset(options) => {
            options.reach.public_url.as_ref().map_or(Ok(()), refuse_no_base)?;
            let invited = with_app(Installation::open(&options.database)?, async |app| {
                reset_user(app, &options.email).await
            })?;
            show(&[at(&options.reach, invited)], options.json, invitation)
        }
        Users::Disable(options) => {
            with_app(Installation::open(&options.database)?, async |app| {
                disable_user(app, &options.email).await
            })?;
            println!("{HEAD}User{HEAD:#} {} signs in no more", options.email);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn with_app<T>(
    installation: Installation,
    work: impl AsyncFnOnce(&App) -> Result<T, ApiError>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let app = installation.quiet_app()?;
        let done = work(&app).await;
        app.store().clone().close().await;
        done.map_err(|error| anyhow!(error.told()))
    })
}

fn show<T: Serialize>(
    all: &[T],
    json: bool,
    line: impl Fn(&T) -> String,
) -> anyhow::Result<ExitCode> {
    for one in all {
        println!("{}", if json { serde_json::to_string(one)? } else { line(one) });
    }
    Ok(ExitCode::SUCCESS)
}

fn organization(it: &OrganizationStatus) -> String {
    format!("{}  {}", it.id, it.name)
}

fn user(it: &UserStatus) -> String {
    format!("{}  {}  {}  {}", it.email, it.role, it.state, it.organization)
}

/// The link with the address of the server before it, and word of an address that nobody gave.
fn at(reach: &Reached, invited: InvitedUser) -> InvitedUser {
    const SHIPPED: &str = "http://127.0.0.1:8080";
    if reach.public_url.is_none() {
        eprintln!(
            "the link begins with {SHIPPED}: VINCULO_PUBLIC_URL says where else the server is"
        );
    }
    let base = reach.public_url.as_ref().map_or(SHIPPED, |url| url.as_str());
    let link = format!("{}{}", base.trim_end_matches('/'), invited.link);
    InvitedUser { link, ..invited }
}

fn invitation(it: &InvitedUser) -> String {
    format!(
        "{}\n{HEAD}Link{HEAD:#} {}\n{DIM}It works once, until {}, and is not shown again.{DIM:#}",
        user(&it.user),
        it.link,
        it.link_expires_at
    )
}
