//! How long a connection may take for the head of a request.
//!
//! hyper has one timer for the rest between two requests and for the head that ends it. Here the rest
//! is long, as proxies keep connections, and the head that has begun is not.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    /// One for all heads: to put off what has not come is less than to take it back and begin again.
    alarm: Alarm,
}

type Alarm = Arc<Mutex<Pin<Box<tokio::time::Sleep>>>>;

impl HeadTimer {
    pub(super) fn new(heard: Heard, longest: Duration) -> Self {
        let alarm = Arc::new(Mutex::new(Box::pin(tokio::time::sleep(longest))));
        Self { heard, longest, rested: AtomicBool::new(false), alarm }
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
        locked(&self.alarm).as_mut().reset(deadline.into());
        Box::pin(Wait {
            alarm: Arc::clone(&self.alarm),
            heard: self.heard.clone(),
            longest: self.longest,
            begun,
        })
    }

    fn now(&self) -> Instant {
        TokioTimer::new().now()
    }
}

/// Only one of a connection's tasks ever waits for it.
fn locked(alarm: &Alarm) -> MutexGuard<'_, Pin<Box<tokio::time::Sleep>>> {
    alarm.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends with the rest, or so long after the first byte of a head.
struct Wait {
    alarm: Alarm,
    heard: Heard,
    longest: Duration,
    begun: bool,
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut alarm = locked(&this.alarm);
        if !this.begun && this.heard.0.load(Relaxed) {
            this.begun = true;
            alarm.as_mut().reset(tokio::time::Instant::now() + this.longest);
        }
        alarm.as_mut().poll(context)
    }
}

impl Sleep for Wait {}
