//! The simulated operator on a loopback port, counting what it is asked.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::watch;
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
    /// Says nothing until its mood changes.
    Silent,
}

/// A running operator.
pub(super) struct TestOperator {
    pub(super) url: String,
    asked: Arc<AtomicUsize>,
    mood: watch::Sender<Mood>,
    task: JoinHandle<()>,
}

impl TestOperator {
    /// Starts one in the time of `clock`.
    pub(super) async fn start(clock: ManualClock) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let operator = Operator::new(Arc::new(move || clock.now()));
        let mood = watch::Sender::new(Mood::Helpful);
        let desk = (Arc::clone(&asked), mood.subscribe());
        let router = vinculo_operator::router(operator).merge(others());
        let router = router.layer(from_fn_with_state(desk, count));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, asked, mood, task }
    }

    /// Questions so far.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// What it does with questions from now on.
    pub(super) fn be(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }
}

/// Two operators that speak otherwise, about one person: the answers their connectors are tested with.
fn others() -> Router {
    const AGIL_DATA: &str =
        include_str!("../../../../sources/tests/fixtures/agil_data/complete.json");
    const MAREIGUA: &str =
        include_str!("../../../../sources/tests/fixtures/mareigua/complete.json");
    let history = "/agildata-services/rest/afiliado/historicoDetalladoEmpleo/1/1900500001";
    Router::new()
        .route(history, get(|| async { AGIL_DATA }))
        .route("/consultas", post(|| async { MAREIGUA }))
}

impl Drop for TestOperator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Desk = (Arc<AtomicUsize>, watch::Receiver<Mood>);

async fn count(State((asked, mood)): State<Desk>, request: Request, next: Next) -> Response {
    asked.fetch_add(1, Ordering::SeqCst);
    // A test that has ended asks for nothing more.
    let mood = mood.clone().wait_for(|mood| *mood != Mood::Silent).await.map(|mood| *mood);
    match mood {
        Ok(Mood::Status(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        _ => next.run(request).await,
    }
}
