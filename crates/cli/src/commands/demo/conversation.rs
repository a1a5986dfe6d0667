//! Requests and answers, made for real and shown.

use anstream::println;
use reqwest::{Client, Method};
use serde_json::Value;
use vinculo_server::IssuedKey;

use crate::print::{BAD, DIM, GOOD};

/// Lines of an answer shown when it is long.
const SHORT: usize = 14;

/// A client with a key.
pub(super) struct Conversation<'a> {
    base: &'a str,
    key: &'a IssuedKey,
    client: Client,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(base: &'a str, key: &'a IssuedKey) -> anyhow::Result<Self> {
        Ok(Self { base, key, client: Client::builder().no_proxy().build()? })
    }

    /// Makes a request, shows it and its answer in full.
    pub(super) async fn say(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(u16, Value)> {
        let (status, answer) = self.exchange(method, path, body).await?;
        print_json(&answer)?;
        Ok((status, answer))
    }

    /// Makes a request, shows it and the beginning of its answer.
    pub(super) async fn say_short(
        &self,
        method: Method,
        path: &str,
    ) -> anyhow::Result<(u16, Value)> {
        let (status, answer) = self.exchange(method, path, None).await?;
        let text = serde_json::to_string_pretty(&answer)?;
        for line in text.lines().take(SHORT) {
            println!("   {line}");
        }
        let more = text.lines().count().saturating_sub(SHORT);
        if more > 0 {
            println!("   {DIM}… {more} more lines{DIM:#}");
        }
        Ok((status, answer))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(u16, Value)> {
        println!("-> {method} {path}");
        let secret = Some(&self.key.secret_password);
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .basic_auth(self.key.secret_id, secret);
        if let Some(body) = body {
            print_json(body)?;
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let colour = if status.is_success() { GOOD } else { BAD };
        println!("{colour}<- {status}{colour:#}");
        Ok((status.as_u16(), answer.json().await?))
    }
}

/// Prints a JSON document, indented.
pub(super) fn print_json(value: &Value) -> anyhow::Result<()> {
    for line in serde_json::to_string_pretty(value)?.lines() {
        println!("   {line}");
    }
    Ok(())
}
