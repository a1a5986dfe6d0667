//! An endpoint for webhooks that records what it gets and answers what it is told to.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::soon;

/// One request that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What a request is answered with.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Status(u16),
    /// A status and a text.
    Says(u16, &'static str),
    Redirect(String),
    /// 503, and how many seconds to wait.
    Later(u32),
    /// No answer as long as the caller waits.
    Never,
    /// 200, but not before it is told.
    When(Arc<Notify>),
    /// This status, but not before it is told.
    Late(Arc<Notify>, u16),
}

/// A running receiver.
pub(crate) struct Receiver {
    pub(crate) url: String,
    hooks: mpsc::UnboundedReceiver<Hook>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Desk {
    hooks: mpsc::UnboundedSender<Hook>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

impl Hook {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a webhook with a JSON body")
    }

    /// A text member of the body.
    pub(crate) fn text(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no text {name}")).to_owned()
    }
}

impl Receiver {
    /// Starts one that answers 200 to everything.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let (sender, hooks) = mpsc::unbounded_channel();
        let replies = Arc::new(Mutex::new(VecDeque::new()));
        let desk = Desk { hooks: sender, replies: Arc::clone(&replies) };
        let router = Router::new().fallback(receive).with_state(desk);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, hooks, replies, task }
    }

    /// Answers the next requests with these, in the order they arrive, and then 200 again.
    pub(crate) fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.replies.lock().unwrap().extend(replies);
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Hook {
        soon("a webhook", self.hooks.recv()).await.expect("the receiver is gone")
    }

    /// The next requests, by type: the order they arrive in is not promised.
    pub(crate) async fn take<const N: usize>(&mut self) -> [Hook; N] {
        let mut hooks = Vec::with_capacity(N);
        for _ in 0..N {
            hooks.push(self.next().await);
        }
        hooks.sort_by_key(|hook| hook.text("webhook_type"));
        hooks.try_into().expect("as many as asked for")
    }

    /// A request that has arrived, if there is one. Meaningful once the work is done.
    pub(crate) fn arrived(&mut self) -> Option<Hook> {
        self.hooks.try_recv().ok()
    }

    /// Fails when anything more has arrived. Meaningful once the work is done.
    pub(crate) fn assert_quiet(&mut self) {
        if let Ok(hook) = self.hooks.try_recv() {
            panic!("one webhook too many: {hook:?}");
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(State(desk): State<Desk>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let reply = desk.replies.lock().unwrap().pop_front();
    let hook = Hook { path: uri.path().to_owned(), headers, body };
    // A test that has ended asks for nothing more.
    let _ = desk.hooks.send(hook);
    match reply {
        None => StatusCode::OK.into_response(),
        Some(Reply::Status(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        Some(Reply::Says(status, text)) => {
            (StatusCode::from_u16(status).unwrap(), text).into_response()
        }
        Some(Reply::Redirect(to)) => Redirect::temporary(&to).into_response(),
        Some(Reply::Later(seconds)) => {
            (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, seconds.to_string())]).into_response()
        }
        Some(Reply::Never) => std::future::pending().await,
        Some(Reply::When(told)) => {
            told.notified().await;
            StatusCode::OK.into_response()
        }
        Some(Reply::Late(told, status)) => {
            told.notified().await;
            StatusCode::from_u16(status).unwrap().into_response()
        }
    }
}
