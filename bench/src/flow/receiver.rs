//! The receiver: answers 200 and remembers when what arrived.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout};

/// Longest silence before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);

type Hook = (String, Instant);

/// A listening receiver.
pub(crate) struct Receiver {
    pub(crate) url: String,
    hooks: UnboundedReceiver<Hook>,
}

/// When the webhooks of each link arrived.
pub(crate) struct Arrivals(HashMap<String, Vec<Instant>>);

impl Arrivals {
    /// The arrivals of one link.
    pub(crate) fn of(&self, link: &str) -> &[Instant] {
        self.0.get(link).map_or(&[], Vec::as_slice)
    }
}

impl Receiver {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let (sender, hooks) = unbounded_channel();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let router = Router::new().route("/", post(receive)).with_state(sender);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, hooks })
    }

    /// Waits for so many webhooks.
    pub(crate) async fn expect(&mut self, count: usize) -> anyhow::Result<Arrivals> {
        let mut arrivals: HashMap<_, Vec<_>> = HashMap::new();
        for received in 0..count {
            let hook = timeout(PATIENCE, self.hooks.recv()).await;
            let hook = hook.with_context(|| format!("{received} of {count} webhooks arrived"))?;
            let (link, arrived) = hook.context("the receiver ended")?;
            arrivals.entry(link).or_default().push(arrived);
        }
        ensure!(self.hooks.is_empty(), "more webhooks than expected");
        Ok(Arrivals(arrivals))
    }
}

async fn receive(State(sender): State<UnboundedSender<Hook>>, Json(body): Json<Value>) {
    let link = body["link_id"].as_str().unwrap_or_default().to_owned();
    // The measurement may be over already.
    let _ = sender.send((link, Instant::now()));
}
