//! A receiver of webhooks, as a customer would run one.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Request, State};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Longest wait for a webhook before the demonstration gives up: one that was answered too late comes again after
/// 72 s at most.
const PATIENCE: Duration = Duration::from_secs(100);
const PATH: &str = "/webhooks";
const BODY_LIMIT: usize = 64 * 1024;

/// A webhook as it arrived.
pub(super) struct Hook {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) authorization: String,
    pub(super) body: Value,
}

/// A listening receiver.
pub(super) struct Receiver {
    pub(super) url: String,
    hooks: mpsc::UnboundedReceiver<Hook>,
}

impl Receiver {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let (sender, hooks) = mpsc::unbounded_channel();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}{PATH}", listener.local_addr()?);
        let router = Router::new().route(PATH, post(receive)).with_state(sender);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, hooks })
    }

    /// The next webhook.
    pub(super) async fn next(&mut self) -> anyhow::Result<Hook> {
        let next = tokio::time::timeout(PATIENCE, self.hooks.recv()).await;
        next.context("no webhook arrived")?.context("the receiver ended")
    }
}

async fn receive(State(sender): State<mpsc::UnboundedSender<Hook>>, request: Request) {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    let authorization = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
    let hook = Hook {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        authorization: authorization.unwrap_or_default().to_owned(),
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    };
    // The demonstration may be over already.
    let _ = sender.send(hook);
}
