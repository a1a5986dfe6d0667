//! The simulated operator on a loopback port, counting what it is asked.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vinculo_operator::Operator;
use vinculo_server::clock::{Clock as _, ManualClock};

/// A running operator.
pub(super) struct TestOperator {
    pub(super) url: String,
    asked: Arc<AtomicUsize>,
    /// Whether questions are answered.
    answers: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl TestOperator {
    /// Starts one in the time of `clock`.
    pub(super) async fn start(clock: ManualClock) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let operator = Operator::new(Arc::new(move || clock.now()));
        let answers = watch::Sender::new(true);
        let desk = (Arc::clone(&asked), answers.subscribe());
        let router = vinculo_operator::router(operator).layer(from_fn_with_state(desk, count));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, asked, answers, task }
    }

    /// Questions so far.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Lets whoever asks wait for an answer, or lets them all have it.
    pub(super) fn answers(&self, answers: bool) {
        self.answers.send_replace(answers);
    }
}

impl Drop for TestOperator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Desk = (Arc<AtomicUsize>, watch::Receiver<bool>);

async fn count(State((asked, answers)): State<Desk>, request: Request, next: Next) -> Response {
    asked.fetch_add(1, Ordering::SeqCst);
    // A test that has ended asks for nothing more.
    let _ = answers.clone().wait_for(|answers| *answers).await;
    next.run(request).await
}
