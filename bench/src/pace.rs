//! Moments at a constant rate, on time.

use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

/// Tells each moment when it has come. A thread of its own waits: the runtime's timer counts whole
/// milliseconds, and up to one and a half of them would be taken for the time of what is measured.
pub struct Pace(mpsc::UnboundedReceiver<Instant>);

impl Pace {
    /// `count` moments, `rate` a second, from now on.
    ///
    /// # Errors
    /// When no thread can be had.
    #[expect(clippy::disallowed_methods, reason = "a benchmark keeps its own time")]
    pub fn start(rate: u32, count: u32) -> std::io::Result<Self> {
        let (told, moments) = mpsc::unbounded_channel();
        let (begin, period) = (Instant::now(), Duration::from_secs(1) / rate);
        thread::Builder::new().name("pace".to_owned()).spawn(move || {
            for number in 0..count {
                let due = begin + period * number;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if told.send(due).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self(moments))
    }

    /// The next moment, when it has come; `None` after the last. Those that nobody asked for in time are told at once.
    pub async fn next(&mut self) -> Option<Instant> {
        self.0.recv().await
    }
}
