//! The simulated operator behind a door that takes its time, and writes down how long each question
//! stood there.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use vinculo_operator::Operator;
use vinculo_server::clock::{Clock as _, SystemClock};

/// The first of the people of the made-up country.
const FIRST: u64 = 1_995_000_000;
/// And how many there are.
const ALL: u64 = 10_320;

/// A door that every question goes through.
#[derive(Clone)]
pub(crate) struct Door {
    latency: Duration,
    /// By the last part of the address, which names the person.
    stood: Arc<Mutex<HashMap<String, Duration>>>,
}

/// A listening operator.
pub(crate) struct SlowOperator {
    pub(crate) url: String,
    door: Door,
}

impl SlowOperator {
    pub(crate) async fn start(latency: Duration) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let door = Door { latency, stood: Arc::default() };
        let router = operator().layer(from_fn_with_state(door.clone(), pass));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, door })
    }

    /// How long questions about a person stood at the door and behind it.
    pub(crate) fn stood(&self, number: &str) -> Duration {
        let stood = self.door.stood.lock().unwrap_or_else(PoisonError::into_inner);
        stood.get(number).copied().unwrap_or_default()
    }
}

fn operator() -> Router {
    vinculo_operator::router(Operator::new(Arc::new(|| SystemClock.now())))
}

async fn pass(State(door): State<Door>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let person = request.uri().path().rsplit('/').next().unwrap_or_default();
    let digits = person.trim_start_matches(|c: char| !c.is_ascii_digit()).to_owned();
    if !door.latency.is_zero() {
        sleep(door.latency).await;
    }
    let answer = next.run(request).await;
    let mut stood = door.stood.lock().unwrap_or_else(PoisonError::into_inner);
    *stood.entry(digits).or_default() += begun.elapsed();
    answer
}

/// So many people whom the operator knows, each once.
///
/// # Errors
/// When there are not so many.
pub(crate) async fn people(wanted: usize) -> anyhow::Result<Vec<String>> {
    let operator = SlowOperator::start(Duration::ZERO).await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut people = Vec::with_capacity(wanted);
    for number in FIRST..FIRST + ALL {
        if people.len() == wanted {
            break;
        }
        let question =
            format!("{}/consultas/individuales/personas/naturales/CC{number}", operator.url);
        let answer = client.get(question).header("content-type", "application/json").send().await?;
        if answer.status() == StatusCode::OK {
            people.push(number.to_string());
        }
    }
    ensure!(people.len() == wanted, "the operator knows {} people only", people.len());
    Ok(people)
}
