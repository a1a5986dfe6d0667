//! How long a connection may take for the head of a request.
//!
//! hyper has one timer for the rest between two requests and for the head that ends it. Here the rest
//! is long, as proxies keep connections, and the head that has begun is not.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use hyper_util::rt::TokioTimer;

/// Whether bytes have come on a connection since hyper last began to wait for a head.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<AtomicBool>);

impl Heard {
    pub(super) fn note(&self) {
        self.0.store(true, Relaxed);
    }
}

/// The timer of one connection, which hyper uses for nothing but heads.
pub(super) struct HeadTimer {
    heard: Heard,
    longest: Duration,
    /// Whether a head was waited for before: the first is due from the connection on.
    rested: AtomicBool,
}

impl HeadTimer {
    pub(super) fn new(heard: Heard, longest: Duration) -> Self {
        Self { heard, longest, rested: AtomicBool::new(false) }
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let begun = !self.rested.swap(true, Relaxed);
        let deadline = if begun { self.now() + self.longest } else { deadline };
        self.heard.0.store(false, Relaxed);
        Box::pin(Wait {
            sleep: Box::pin(tokio::time::sleep_until(deadline.into())),
            heard: self.heard.clone(),
            longest: self.longest,
            begun,
        })
    }

    fn now(&self) -> Instant {
        TokioTimer::new().now()
    }
}

/// Ends with the rest, or so long after the first byte of a head.
struct Wait {
    sleep: Pin<Box<tokio::time::Sleep>>,
    heard: Heard,
    longest: Duration,
    begun: bool,
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.begun && self.heard.0.load(Relaxed) {
            self.begun = true;
            let deadline = tokio::time::Instant::now() + self.longest;
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(context)
    }
}

impl Sleep for Wait {}
