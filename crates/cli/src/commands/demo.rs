//! `vinculo demo`: the guide, step by step, with real requests on an installation that is gone
//! afterwards.

mod conversation;
mod receiver;
mod table;

use std::net::Ipv4Addr;
use std::process::ExitCode;

use anstream::println;
use anyhow::{Context as _, bail};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use vinculo_server::config::Config;
use vinculo_server::{App, IssuedKey, WantedEndpoint, add_endpoint, issue_key};
use vinculo_store::Environment;

use crate::args::{Database, Pool};
use crate::installation::Installation;
use crate::print::{DIM, GOOD, HEAD};
use crate::serving::{InnerOperator, Serving};
use conversation::Conversation;
use receiver::Receiver;

/// The persona with two employers at once.
const CEDULA: &str = "1999000002";
const TOKEN: &str = "demo-token";

/// Plays the guide.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let database = Database { data_dir: Some(folder.path().to_owned()), ..Database::default() };
    let installation = Installation::open_or_make(&database, &Pool::default())?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let operator = InnerOperator::start().await?;
        let config =
            Config { webhook_allow_private: true, ..installation.config(operator.url.clone()) };
        let app = installation.app(config)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let serving =
            Serving::start(app.clone(), (listener, None, None), true, Some(operator)).await?;
        let played = play(&app, &format!("http://{}", serving.address)).await;
        serving.stop().await;
        played
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn play(app: &App, base: &str) -> anyhow::Result<()> {
    println!("{DIM}vinculo at {base}, its sandbox operator beside it, one empty database{DIM:#}");

    headline(1, "Generate API keys", "vinculo keys create --environment sandbox");
    let key = issue_key(app, Environment::Sandbox, "demo".to_owned())
        .await
        .map_err(|error| anyhow::anyhow!("no key: {}", error.cause().unwrap_or("refused")))?;
    println!("   Secret ID       {}", key.secret_id);
    println!("   Secret Password {}", key.secret_password);

    let mut receiver = Receiver::start().await?;
    let command = format!("vinculo webhooks create --environment sandbox --url {}", receiver.url);
    headline(2, "Add a webhook URL", &command);
    let authorization = Some(TOKEN.to_owned());
    let url = receiver.url.clone();
    let wanted = WantedEndpoint { url, authorization, types: None, enabled: true };
    let added = add_endpoint(app, Environment::Sandbox, wanted).await;
    added.map_err(|error| anyhow::anyhow!("no webhook: {}", error.told()))?;

    let link = create_link(base, &key).await?;
    wait_and_read(base, &key, &link, &mut receiver).await?;
    println!("\n{GOOD}Done.{GOOD:#} {DIM}Next: vinculo serve{DIM:#}");
    Ok(())
}

async fn create_link(base: &str, key: &IssuedKey) -> anyhow::Result<Value> {
    headline(3, "Create a link", "");
    let body = json!({
        "institution": "pila_co_employment",
        "username": CEDULA,
        "fetch_resources": ["EMPLOYMENTS", "OWNERS"],
        "access_mode": "single",
        "external_id": "COHORT_32_User_6790023X5",
    });
    let conversation = Conversation::new(base, key)?;
    let (status, link) = conversation.say(Method::POST, "/api/links/", Some(&body)).await?;
    if status != 201 {
        bail!("the link was refused with status {status}");
    }
    Ok(link)
}

async fn wait_and_read(
    base: &str,
    key: &IssuedKey,
    link: &Value,
    receiver: &mut Receiver,
) -> anyhow::Result<()> {
    let conversation = Conversation::new(base, key)?;
    let id = link["id"].as_str().context("the link has no id")?;
    headline(4, "Wait for the webhooks", "");
    for _ in 0..2 {
        let hook = receiver.next().await?;
        println!("{GOOD}<- {} {}{GOOD:#}", hook.method, hook.path);
        println!("   {DIM}Authorization: {}{DIM:#}", hook.authorization);
        conversation::print_json(&hook.body)?;
    }
    headline(5, "Get employments and owners", "");
    let employments = format!("/api/co/employments/?link={id}");
    let (_, page) = conversation.say_short(Method::GET, &employments).await?;
    let (_, owners) =
        conversation.say_short(Method::GET, &format!("/api/owners/?link={id}")).await?;
    table::print(&owners, &page)
}

fn headline(step: u8, title: &str, command: &str) {
    println!("\n{HEAD}{step}. {title}{HEAD:#}");
    if !command.is_empty() {
        println!("   {DIM}$ {command}{DIM:#}");
    }
}
