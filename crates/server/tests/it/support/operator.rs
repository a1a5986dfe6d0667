//! The simulated operator on a loopback port, counting what it is asked.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use vinculo_operator::Operator;
use vinculo_server::clock::{Clock as _, ManualClock};

/// What the operator does with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Answers.
    Helpful,
    /// Gives this status and no body.
    Status(u16),
    /// Says nothing as long as the caller waits.
    Silent,
}

#[derive(Clone)]
struct Desk {
    asked: Arc<AtomicUsize>,
    mood: Arc<AtomicU16>,
}

/// A running operator.
pub(super) struct TestOperator {
    pub(super) url: String,
    desk: Desk,
    task: JoinHandle<()>,
}

impl TestOperator {
    /// Starts one in the time of `clock`.
    pub(super) async fn start(clock: ManualClock) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, mood) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU16::new(0)));
        let desk = Desk { asked, mood };
        let operator = Operator::new(Arc::new(move || clock.now()));
        let router =
            vinculo_operator::router(operator).layer(from_fn_with_state(desk.clone(), count));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, desk, task }
    }

    /// Questions so far.
    pub(super) fn asked(&self) -> usize {
        self.desk.asked.load(Ordering::SeqCst)
    }

    /// What it does with questions from now on.
    pub(super) fn be(&self, mood: Mood) {
        let code = match mood {
            Mood::Helpful => 0,
            Mood::Silent => u16::MAX,
            Mood::Status(status) => status,
        };
        self.desk.mood.store(code, Ordering::SeqCst);
    }
}

impl Drop for TestOperator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn count(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    desk.asked.fetch_add(1, Ordering::SeqCst);
    match desk.mood.load(Ordering::SeqCst) {
        0 => next.run(request).await,
        u16::MAX => std::future::pending().await,
        status => StatusCode::from_u16(status).unwrap().into_response(),
    }
}
