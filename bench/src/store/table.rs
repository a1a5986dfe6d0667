//! Latencies in, one line of text out.

use std::time::{Duration, Instant};

/// What a run came to.
pub(crate) struct Figure {
    per_second: f64,
    p50: Duration,
    p99: Duration,
    max: Duration,
}

impl Figure {
    /// From the time the whole run took and the latency of every transaction in it.
    pub(crate) fn new(took: Duration, mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let at = |share: f64| {
            let index = (latencies.len() as f64 * share) as usize;
            latencies.get(index.min(latencies.len().saturating_sub(1))).copied().unwrap_or_default()
        };
        Self {
            per_second: latencies.len() as f64 / took.as_secs_f64(),
            p50: at(0.50),
            p99: at(0.99),
            max: at(1.0),
        }
    }
}

/// The benchmark's clock.
#[expect(clippy::disallowed_methods, reason = "benchmarks time themselves")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The figures of one database, ceilings first.
pub(crate) struct Table {
    title: &'static str,
    ceilings: Vec<f64>,
    lines: Vec<String>,
    last: Option<(f64, f64)>,
}

impl Table {
    pub(crate) fn new(title: &'static str) -> Self {
        println!("measuring {title}");
        Self { title, ceilings: Vec::new(), lines: Vec::new(), last: None }
    }

    /// What the bare driver does.
    pub(crate) fn ceiling(&mut self, label: String, figure: Figure) {
        self.ceilings.push(figure.per_second);
        self.line(&label, &figure, None);
    }

    /// What the store does, and which of the ceilings, by order, it is held against.
    pub(crate) fn ours(&mut self, label: String, figure: Figure, ceiling: usize) {
        self.last = self.ceilings.get(ceiling).map(|bare| (figure.per_second, *bare));
        let ratio = self.last.map(|(ours, bare)| ours / bare);
        self.line(&label, &figure, ratio);
    }

    fn line(&mut self, label: &str, figure: &Figure, ratio: Option<f64>) {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        let ratio = ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        self.lines.push(format!(
            "{label:<44} {:>9.0} {:>9.3} {:>9.3} {:>9.3} {ratio:>7}",
            figure.per_second,
            milliseconds(figure.p50),
            milliseconds(figure.p99),
            milliseconds(figure.max),
        ));
    }

    /// What the store did in the last line, and what it is held against.
    pub(crate) fn last(&self) -> Option<(f64, f64)> {
        self.last
    }

    pub(crate) fn print(&self) {
        println!("\n{}: transactions of three inserts", self.title);
        let heads = ["", "tx/s", "p50 ms", "p99 ms", "max ms", "ratio"];
        let [label, rest @ ..] = heads;
        let [rate, p50, p99, max, ratio] = rest;
        println!("{label:<44} {rate:>9} {p50:>9} {p99:>9} {max:>9} {ratio:>7}");
        self.lines.iter().for_each(|line| println!("{line}"));
    }
}
