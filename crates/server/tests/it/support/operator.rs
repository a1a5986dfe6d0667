//! The simulated operator on a loopback port, counting what it is asked.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use vinculo_operator::Operator;
use vinculo_server::clock::{Clock as _, ManualClock};

/// A running operator.
pub(super) struct TestOperator {
    pub(super) url: String,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl TestOperator {
    /// Starts one in the time of `clock`.
    pub(super) async fn start(clock: ManualClock) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let operator = Operator::new(Arc::new(move || clock.now()));
        let router =
            vinculo_operator::router(operator).layer(from_fn_with_state(Arc::clone(&asked), count));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, asked, task }
    }

    /// Questions so far.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for TestOperator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn count(State(asked): State<Arc<AtomicUsize>>, request: Request, next: Next) -> Response {
    asked.fetch_add(1, Ordering::SeqCst);
    next.run(request).await
}
