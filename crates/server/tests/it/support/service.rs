//! An operator of production on a loopback port, whose answers a test decides.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{look_again, soon};

/// What it does with a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Says {
    /// This status, and this body.
    Answer(u16, String),
    /// This status, and to come again after so many seconds.
    Later(u16, u32),
    /// Nothing, until it says something else.
    Nothing,
}

/// A running service.
pub(crate) struct Service {
    pub(crate) url: String,
    desk: Desk,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Desk {
    says: watch::Sender<Says>,
    once: Arc<Mutex<Option<Says>>>,
    asked: Arc<AtomicUsize>,
    waiting: Arc<AtomicUsize>,
}

impl Service {
    /// Starts one.
    pub(crate) async fn start(says: Says) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let desk = Desk {
            says: watch::Sender::new(says),
            once: Arc::default(),
            asked: Arc::default(),
            waiting: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(desk.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, desk, task }
    }

    /// What it does with questions from now on, those that wait included.
    pub(crate) fn says(&self, says: Says) {
        self.desk.says.send_replace(says);
    }

    /// What it does with the next question alone.
    pub(crate) fn says_once(&self, says: Says) {
        *self.desk.once.lock().unwrap() = Some(says);
    }

    /// Questions so far.
    pub(crate) fn asked(&self) -> usize {
        self.desk.asked.load(Ordering::SeqCst)
    }

    /// Waits until so many questions wait for an answer.
    pub(crate) async fn until_waiting(&self, questions: usize) {
        soon("questions that wait", async {
            while self.waiting() < questions {
                look_again().await;
            }
        })
        .await;
    }

    /// How many questions wait for an answer.
    pub(crate) fn waiting(&self) -> usize {
        self.desk.waiting.load(Ordering::SeqCst)
    }
}

impl Says {
    /// A JSON document.
    pub(crate) fn json(document: &Value) -> Self {
        Self::Answer(200, document.to_string())
    }

    /// A status without a body.
    pub(crate) fn status(status: u16) -> Self {
        Self::Answer(status, String::new())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(desk): State<Desk>) -> Response {
    desk.asked.fetch_add(1, Ordering::SeqCst);
    desk.waiting.fetch_add(1, Ordering::SeqCst);
    let mut says = desk.says.subscribe();
    let once = desk.once.lock().unwrap().take();
    let said = match once {
        Some(once) => Ok(once),
        None => says.wait_for(|says| *says != Says::Nothing).await.map(|says| says.clone()),
    };
    desk.waiting.fetch_sub(1, Ordering::SeqCst);
    match said {
        Ok(Says::Answer(status, body)) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, [(CONTENT_TYPE, "application/json")], body).into_response()
        }
        Ok(Says::Later(status, seconds)) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, [(RETRY_AFTER, seconds.to_string())]).into_response()
        }
        _ => StatusCode::GONE.into_response(),
    }
}
