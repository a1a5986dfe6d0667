//! Two loads: as fast as the server answers, and at a constant rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use vinculo_bench::server::Process;

use crate::connection::Target;

/// Requests answered in some time.
pub(crate) struct Counted {
    requests: u64,
    wall: Duration,
    /// Time of the processor that the server took.
    cpu: Duration,
}

impl Counted {
    /// Requests a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / self.wall.as_secs_f64()
    }

    /// Microseconds of the processor a request.
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.requests as f64
    }
}

/// Asks a process on every connection at once, the next as soon as one is answered.
pub(crate) async fn flood(
    process: &Process,
    target: &Target,
    connections: usize,
    span: Duration,
) -> anyhow::Result<Counted> {
    let mut tasks = JoinSet::new();
    let (started, before) = (Instant::now(), process.cpu()?);
    for _ in 0..connections {
        let mut connection = target.connect().await?;
        tasks.spawn(async move {
            let mut requests = 0_u64;
            while started.elapsed() < span {
                connection.ask().await?;
                requests += 1;
            }
            anyhow::Ok(requests)
        });
    }
    let requests = tasks.join_all().await.into_iter().sum::<anyhow::Result<u64>>()?;
    Ok(Counted { requests, wall: started.elapsed(), cpu: process.cpu()? - before })
}

/// Asks `rate` times a second, on whichever connection is free. Answers the microseconds from the
/// moment a request was due, the millisecond included by which a timer may be late.
pub(crate) async fn steady(
    target: &Target,
    connections: usize,
    rate: f64,
    span: Duration,
) -> anyhow::Result<Histogram<u64>> {
    let mut tasks = JoinSet::new();
    let number = Arc::new(AtomicU64::new(0));
    let all = (rate * span.as_secs_f64()) as u64;
    let started = Instant::now() + Duration::from_millis(100);
    for _ in 0..connections {
        let (mut connection, number) = (target.connect().await?, Arc::clone(&number));
        tasks.spawn(async move {
            let mut latencies = Histogram::<u64>::new(3)?;
            loop {
                let next = number.fetch_add(1, Ordering::Relaxed);
                if next >= all {
                    return anyhow::Ok(latencies);
                }
                let due = started + Duration::from_secs_f64(next as f64 / rate);
                sleep_until(due).await;
                connection.ask().await?;
                latencies.record(u64::try_from(due.elapsed().as_micros())?)?;
            }
        });
    }
    let mut latencies = Histogram::<u64>::new(3)?;
    for of_one in tasks.join_all().await {
        latencies.add(of_one?)?;
    }
    Ok(latencies)
}
