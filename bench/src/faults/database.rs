//! PostgreSQL goes away under load and comes back.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::book::Book;
use super::customer::Customer;
use super::kill::all_run;
use super::{Plan, Verdict};
use crate::postgres::Postgres;

/// Sessions of others.
const IDLE: usize = 300;

/// How long it stays down.
const DOWN: Duration = Duration::from_millis(500);
/// How soon everything is as before, from the moment when it answers again.
const RECOVERY: Duration = Duration::from_secs(3);
const SECOND: Duration = Duration::from_secs(1);

/// A6: PostgreSQL is stopped at once, without a checkpoint, and started again.
///
/// # Errors
/// When it does not come back, or a request gets no answer in the end.
pub async fn restarts(plan: &Plan<'_>, postgres: &mut Postgres) -> anyhow::Result<Vec<Verdict>> {
    let installation = plan.installation("/ok", Some(&postgres.database()?), None)?;
    let mut customer = Customer::new(&installation)?;
    let mut servers = [installation.serve()?];
    let url = servers[0].url.clone();
    let (mut faults, mut late, mut before, mut after) = (Vec::new(), 0, 0, 0);
    // The second before the first is one like the others.
    customer.create_during(&[&url], plan.rate, sleep(SECOND)).await;
    for _ in 0..plan.rounds {
        let fault = async {
            sleep(SECOND).await;
            let stopped = Instant::now();
            postgres.restart_immediately(DOWN).await?;
            let allowed = Instant::now() + RECOVERY;
            sleep_until(allowed + SECOND).await;
            anyhow::Ok((stopped, allowed))
        };
        let (stopped, allowed) = customer.create_during(&[&url], plan.rate, fault).await?;
        faults.push(stopped);
        let ended = |from| customer.ended_within(from, from + SECOND);
        before += ended(stopped - SECOND).filter(|outcome| outcome.acknowledged()).count();
        after += ended(allowed).filter(|outcome| outcome.acknowledged()).count();
        // Refused, or given up without an answer, although the database is back.
        let late_ones = customer.ended_within(allowed, Instant::now());
        late += late_ones.filter(|outcome| !outcome.acknowledged()).count();
        customer.repeat(&url).await?;
    }
    let book = Book::close(&customer, &url, plan.receiver, &faults).await?;
    all_run(&mut servers)?;
    let unanswered = customer.outcomes.iter().filter(|outcome| outcome.status.is_none()).count();
    let share = 100.0 * after as f64 / before as f64;
    Ok(vec![
        Verdict {
            row: "A6 PostgreSQL stopped at once and started again under load",
            goal: "nothing lost; from 3 s after it is back no request is refused or ends without an \
                   answer; the server is not started again",
            met: book.sound() && late == 0,
            told: format!(
                "{} restarts; {late} requests refused or without an answer later than 3 s after; \
                 refusals {:?}, the last {:?}, {unanswered} without an answer; {}",
                plan.rounds,
                customer.refusals,
                customer.last_refusal,
                book.told()
            ),
        },
        Verdict {
            row: "A6 links a second from 3 s after PostgreSQL is back",
            goal: "at least 95 % of those in the second before it was stopped",
            met: before > 0 && share >= 95.0,
            told: format!(
                "{after} acknowledged in the seconds after, {before} in the seconds before: \
                 {share:.0} %"
            ),
        },
    ])
}

/// A6: sessions are ended five times a second.
///
/// # Errors
/// When PostgreSQL refuses, or a request gets no answer in the end.
pub async fn terminated_sessions(
    plan: &Plan<'_>,
    postgres: &mut Postgres,
    seconds: u32,
) -> anyhow::Result<Vec<Verdict>> {
    let installation = plan.installation("/ok", Some(&postgres.database()?), None)?;
    let mut customer = Customer::new(&installation)?;
    let mut servers = [installation.serve()?];
    let url = servers[0].url.clone();
    let mut ended = 0;
    for _ in 0..seconds * 5 {
        let ending = async {
            sleep(Duration::from_millis(200)).await;
            let all = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                       where datname like 'vinculo%'";
            tokio::task::block_in_place(|| postgres.run(all))
        };
        let found = customer.create_during(&[&url], plan.rate, ending).await?;
        ended += found.unwrap_or_default().parse::<u64>()?;
    }
    customer.repeat(&url).await?;
    let book = Book::close(&customer, &url, plan.receiver, &[]).await?;
    all_run(&mut servers)?;
    Ok(vec![Verdict {
        row: "A6 every session of PostgreSQL ended five times a second under load",
        goal: "nothing lost, the server is not started again",
        met: book.sound() && ended > 0,
        told: format!(
            "{ended} sessions ended; refusals {:?}, the last {:?}; {}",
            customer.refusals,
            customer.last_refusal,
            book.told()
        ),
    }])
}

/// A6: three hundred sessions of others do nothing beside ours.
///
/// # Errors
/// When PostgreSQL refuses, or a request gets no answer in the end.
pub async fn idle_sessions(
    plan: &Plan<'_>,
    postgres: &mut Postgres,
    seconds: u64,
) -> anyhow::Result<Vec<Verdict>> {
    let installation = plan.installation("/ok", Some(&postgres.database()?), None)?;
    let mut customer = Customer::new(&installation)?;
    let mut servers = [installation.serve()?];
    let url = servers[0].url.clone();
    let idle = tokio::task::block_in_place(|| postgres.idle_sessions(IDLE))?;
    let span = Duration::from_secs(seconds);
    customer.create_during(&[&url], plan.rate, sleep(span)).await;
    let refused: usize = customer.refusals.values().sum();
    customer.repeat(&url).await?;
    let book = Book::close(&customer, &url, plan.receiver, &[]).await?;
    all_run(&mut servers)?;
    Ok(vec![Verdict {
        row: "A6 300 idle sessions of others beside ours",
        goal: "nothing lost, no refusals",
        met: book.sound() && refused == 0,
        told: format!("{} idle sessions, {refused} refusals; {}", idle.count(), book.told()),
    }])
}
