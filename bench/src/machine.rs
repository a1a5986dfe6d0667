//! What the rest of the machine does during a measurement.

use std::fmt::Display;
use std::time::Duration;

use anyhow::Context as _;

/// Time of all processors up to some moment.
#[derive(Clone, Copy)]
pub struct Processors {
    busy: Duration,
    all: Duration,
    own: Duration,
}

impl Processors {
    /// Now; `own` is what the measured processes have taken.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn now(own: Duration) -> anyhow::Result<Self> {
        let stat = std::fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().context("an empty /proc/stat")?;
        let ticks: Vec<u64> =
            line.split_whitespace().skip(1).take(8).map(str::parse).collect::<Result<_, _>>()?;
        let all: u64 = ticks.iter().sum();
        // The fourth is idle, the fifth waits for a disk.
        let idle: u64 = ticks.iter().skip(3).take(2).sum();
        let time = |ticks| Duration::from_millis(ticks * 10);
        Ok(Self { busy: time(all - idle), all: time(all), own: own + taken_by("self", 2)? })
    }

    /// Percent of all processors that others took since `before`.
    #[must_use]
    pub fn others_since(self, before: Self) -> f64 {
        let others = (self.busy - before.busy).saturating_sub(self.own - before.own);
        100.0 * others.as_secs_f64() / (self.all - before.all).as_secs_f64().max(0.01)
    }
}

/// Time of the processor that a process (a number, or `self`) has taken so far, in steps of 10 ms: the
/// sum of the first so many of user, system, and both again of its children that have ended.
///
/// # Errors
/// When there is no such process.
pub fn taken_by(process: impl Display, times: usize) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold anything; the times come 11 fields on.
    let (_, fields) = stat.rsplit_once(')').context("no name")?;
    let ticks = fields.split_whitespace().skip(11).take(times).map(str::parse::<u64>);
    Ok(Duration::from_millis(ticks.sum::<Result<u64, _>>()? * 10))
}
