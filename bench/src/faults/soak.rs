//! A long time under load, with faults at random moments.

use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::{Instant, sleep};

use super::book::{Book, report};
use super::customer::Customer;
use super::kill::all_run;
use super::{Dice, Plan, Verdict};
use crate::postgres::Postgres;
use crate::server::{Installation, Process, Setup};

/// After a fault is over, refusals are still part of it for so long.
const RECOVERY: Duration = Duration::from_secs(8);
/// How long what failed may take to be tried again: two waits of the schedule.
const DRAIN: Duration = Duration::from_secs(600);
/// Memory may be so much more in the last quarter than in the second, as a quotient and a rest in KiB.
const GROWTH: (u64, u64, u64) = (115, 100, 4096);

/// A soak: source, receiver and database each fail at random, minute after minute.
///
/// # Errors
/// When a process does not start, or a request gets no answer in the end.
pub async fn soak(
    plan: &Plan<'_>,
    receiver: &Process,
    postgres: &mut Postgres,
    length: Duration,
) -> anyhow::Result<Vec<Verdict>> {
    let hook = format!("{}/ok", plan.receiver);
    let database = postgres.database()?;
    let place = Setup {
        receiver: Some(&hook),
        postgres: Some(&database),
        binary: plan.binary,
        ..Setup::default()
    };
    let operator =
        Installation::new(&Setup { binary: plan.binary, ..Setup::default() })?.operator()?;
    let variables = [("VINCULO_LOG", "off"), ("VINCULO_SANDBOX_OPERATOR_URL", &operator.url)];
    let installation = Installation::new(&Setup { variables: &variables, ..place })?;
    let (mut customer, mut dice) = (Customer::new(&installation)?, Dice(plan.seed));
    let mut servers = [installation.serve()?];
    let url = servers[0].url.clone();
    let (started, mut memory, mut late, mut done) = (Instant::now(), Vec::new(), 0, [0; 3]);
    while started.elapsed() < length {
        let fault = usize::try_from(dice.below(3))?;
        let (moment, span) = (dice.moment(), dice.moment() * 3);
        let strike = async {
            sleep(moment).await;
            match fault {
                0 => tokio::task::block_in_place(|| postgres.restart_immediately(span)),
                1 => pause(receiver, span).await,
                _ => pause(&operator, span).await,
            }
        };
        customer.create_during(&[&url], plan.rate, strike).await?;
        customer.create_during(&[&url], plan.rate, sleep(RECOVERY)).await;
        // What is refused from here on nobody injected.
        let refused: usize = customer.refusals.values().sum();
        let quiet = Duration::from_secs(4 + dice.below(8));
        customer.create_during(&[&url], plan.rate, sleep(quiet)).await;
        late += customer.refusals.values().sum::<usize>() - refused;
        customer.repeat(&url).await?;
        done[fault] += 1;
        memory.push(servers[0].resident_kib()?);
    }
    let drained = drain(&customer, &url).await?;
    let book = Book::close(&customer, &url, plan.receiver, &[]).await?;
    all_run(&mut servers)?;
    let (early, end) = quarters(&memory);
    let flat = end <= early * GROWTH.0 / GROWTH.1 + GROWTH.2;
    let came = report(plan.receiver).await?.events.len();
    Ok(vec![Verdict {
        row: "soak: source, receiver and database fail at random under load, PostgreSQL",
        goal: "nothing lost, no refusals from 8 s after a fault, the queue drained, memory flat, the \
               server is not started again",
        met: book.sound() && late == 0 && flat,
        told: format!(
            "{:.0} min, {} restarts of the database, {} and {} pauses of receiver and source; {late} \
             refusals nobody injected, refusals {:?}, the last {:?}; {came} events, drained after \
             {drained:.1?}; memory {early} KiB in the second quarter, {end} in the last; {}",
            started.elapsed().as_secs_f64() / 60.0,
            done[0],
            done[1],
            done[2],
            customer.refusals,
            customer.last_refusal,
            book.told()
        ),
    }])
}

/// Stops a process for a while.
async fn pause(process: &Process, span: Duration) -> anyhow::Result<()> {
    process.signal("STOP")?;
    sleep(span).await;
    process.signal("CONT")
}

/// Waits until nothing is left to be delivered: how long it took.
async fn drain(customer: &Customer, server: &str) -> anyhow::Result<Duration> {
    let started = Instant::now();
    while started.elapsed() < DRAIN {
        let pending = "/manage/v1/deliveries/?status=pending&page_size=1";
        let pending = customer.get(server, pending).await?;
        if pending["count"].as_u64().context("no count")? == 0 {
            return Ok(started.elapsed());
        }
        sleep(Duration::from_secs(1)).await;
    }
    bail!("deliveries still wait after {DRAIN:?}")
}

/// The most of the second quarter, after everything has warmed up, and of the last.
fn quarters(memory: &[u64]) -> (u64, u64) {
    let most = |part: &[u64]| part.iter().copied().max().unwrap_or_default();
    let quarter = memory.len() / 4;
    (
        most(&memory[quarter..(2 * quarter).max(quarter + 1).min(memory.len())]),
        most(&memory[3 * quarter..]),
    )
}
