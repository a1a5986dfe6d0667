//! Two times of one piece of work.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// What a piece of work took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    /// On the wall.
    pub(crate) clock: Duration,
    /// On a processor: what the wall would show on a machine with nothing else to do.
    pub(crate) processor: Duration,
}

/// Does the work on this thread.
pub(crate) fn time<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Took)> {
    let (clock, processor) = (now(), on_processor()?);
    let result = work()?;
    let processor = on_processor()?.saturating_sub(processor);
    Ok((result, Took { clock: clock.elapsed(), processor }))
}

/// The benchmark's clock.
#[expect(clippy::disallowed_methods, reason = "benchmarks time themselves")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Time this thread has been running.
fn on_processor() -> Result<Duration> {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = statistics.split_whitespace().next().context("no time on processor")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}
