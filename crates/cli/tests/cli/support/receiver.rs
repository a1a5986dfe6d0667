//! A customer's receiver of webhooks.

use std::net::Ipv4Addr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{Link, in_the_end};

/// Whether the receiver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// At once, with 200.
    Answer,
    /// Never; what came meanwhile stays without an answer unless it is released.
    Hold,
    /// At once, and what was held is answered too.
    Release,
}

/// A webhook as it came.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) id: String,
    pub(crate) link: Link,
    pub(crate) kind: String,
    /// How many objects it announces.
    pub(crate) total: Option<i64>,
    pub(crate) body: Bytes,
    pub(crate) authorization: Option<String>,
    /// Whether the sender was told 200.
    pub(crate) answered: bool,
}

/// A listening receiver that remembers every webhook in the order of arrival.
pub(crate) struct Receiver {
    pub(crate) url: String,
    gate: watch::Sender<Gate>,
    log: watch::Receiver<Vec<Hook>>,
}

type Ears = (watch::Sender<Vec<Hook>>, watch::Receiver<Gate>);

impl Receiver {
    pub(crate) async fn start() -> Self {
        let (log_sender, log) = watch::channel(Vec::new());
        let (gate, gates) = watch::channel(Gate::Answer);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let url = format!("http://{}/webhooks", listener.local_addr().expect("an address"));
        let router = Router::new().route("/webhooks", post(receive));
        let router = router.with_state((log_sender, gates));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, gate, log }
    }

    pub(crate) fn set(&self, gate: Gate) {
        self.gate.send_replace(gate);
    }

    /// Every webhook so far.
    pub(crate) fn hooks(&self) -> Vec<Hook> {
        self.log.borrow().clone()
    }

    /// Waits until the webhooks so far satisfy `wanted`.
    pub(crate) async fn until(&self, what: &str, mut wanted: impl FnMut(&[Hook]) -> bool) {
        let mut log = self.log.clone();
        let come = log.wait_for(|hooks| wanted(hooks));
        in_the_end(what, come).await.expect("the receiver lives");
    }

    /// Waits until both webhooks of every link were answered.
    pub(crate) async fn until_told(&self, links: &[Link]) {
        let told = |hooks: &[Hook]| links.iter().all(|link| answered(hooks, link) == 2);
        self.until("the delivery of every webhook", told).await;
    }
}

/// How many of a link's two webhooks were answered.
pub(crate) fn answered(hooks: &[Hook], link: &Link) -> usize {
    let of = |kind: &str| hooks.iter().any(|h| h.answered && h.link == *link && h.kind == kind);
    ["EMPLOYMENTS", "OWNERS"].into_iter().filter(|kind| of(kind)).count()
}

async fn receive(
    State((log, mut gates)): State<Ears>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let open = *gates.borrow_and_update() != Gate::Hold;
    let mut place = 0;
    log.send_modify(|hooks| {
        place = hooks.len();
        hooks.push(hook(&headers, body, open));
    });
    if !open {
        // The gate lives as long as the test.
        let _ = gates.wait_for(|gate| *gate == Gate::Release).await;
        log.send_modify(|hooks| hooks[place].answered = true);
    }
    StatusCode::OK
}

fn hook(headers: &HeaderMap, body: Bytes, answered: bool) -> Hook {
    let wire: Value = serde_json::from_slice(&body).expect("a webhook is JSON");
    let text = |name: &str| wire[name].as_str().expect("a text").to_owned();
    let data = &wire["data"];
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    Hook {
        id: text("webhook_id"),
        // None when it is about no link.
        link: Link(wire["link_id"].as_str().unwrap_or_default().to_owned()),
        kind: text("webhook_type"),
        total: data["total_employments"].as_i64().or_else(|| data["total_owners"].as_i64()),
        body,
        authorization: authorization.map(str::to_owned),
        answered,
    }
}
