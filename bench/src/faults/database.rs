//! PostgreSQL goes away under load and comes back.

use std::time::Duration;

use tokio::time::{Instant, sleep};

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
    let (mut faults, mut seen) = (Vec::new(), Seen::default());
    // The second before the first is one like the others.
    customer.create_during(&[&url], plan.rate, sleep(SECOND)).await;
    for _ in 0..plan.rounds {
        let fault = async {
            sleep(SECOND).await;
            let stopped = Instant::now();
            postgres.restart_immediately(DOWN).await?;
            let back = Instant::now();
            sleep(RECOVERY + SECOND).await;
            anyhow::Ok((stopped, back))
        };
        let (stopped, back) = customer.create_during(&[&url], plan.rate, fault).await?;
        faults.push(stopped);
        seen.count(&customer, (stopped, back), Instant::now());
        customer.repeat(&url).await?;
    }
    let book = Book::close(&customer, &url, plan.receiver, &faults).await?;
    all_run(&mut servers)?;
    let unanswered = customer.outcomes.iter().filter(|outcome| outcome.status.is_none()).count();
    let Seen { down, first, late, before, after } = seen;
    let share = 100.0 * after as f64 / before as f64;
    Ok(vec![
        Verdict::counted(
            "A6 PostgreSQL stopped at once and started again under load",
            "nothing lost, the server is not started again",
            book.sound(),
            format!(
                "{} restarts, away for at most {down:.1?}; refusals {:?}, the last {:?}, \
                 {unanswered} without an answer; {}",
                plan.rounds,
                customer.refusals,
                customer.last_refusal,
                book.told()
            ),
        ),
        Verdict::timed(
            "A6 from 3 s after PostgreSQL is back",
            "no request is refused or ends without an answer; at least 95 % of the links a second before \
             it was stopped",
            late == 0 && before > 0 && share >= 95.0,
            format!(
                "{late} refused or without an answer; a link again at most {first:.1?} after it was \
                 back; {after} acknowledged in the seconds after, {before} in the seconds before: \
                 {share:.0} %"
            ),
        ),
    ])
}

/// What was seen of restarts.
#[derive(Default)]
struct Seen {
    /// The longest that it was away.
    down: Duration,
    /// The longest from its return to the next link.
    first: Duration,
    /// Requests refused or given up without an answer although it has long been back.
    late: usize,
    /// Links in the second before each stop, and in that after what is allowed to recover.
    before: usize,
    after: usize,
}

impl Seen {
    /// Counts what ended before `end`.
    fn count(&mut self, customer: &Customer, (stopped, back): (Instant, Instant), end: Instant) {
        let allowed = back + RECOVERY;
        let links = |from, until| {
            customer.ended_within(from, until).filter(|outcome| outcome.acknowledged())
        };
        self.down = self.down.max(back - stopped);
        let first = links(back, end).map(|outcome| outcome.ended - back).min();
        self.first = self.first.max(first.unwrap_or(end - back));
        self.before += links(stopped - SECOND, stopped).count();
        self.after += links(allowed, allowed + SECOND).count();
        let all = customer.ended_within(allowed, end).count();
        self.late += all - links(allowed, end).count();
    }
}

/// A6: all sessions are ended, as often as there are rounds, five times a second.
///
/// # Errors
/// When PostgreSQL refuses, or a request gets no answer in the end.
pub async fn terminated_sessions(
    plan: &Plan<'_>,
    postgres: &mut Postgres,
) -> anyhow::Result<Vec<Verdict>> {
    let installation = plan.installation("/ok", Some(&postgres.database()?), None)?;
    let mut customer = Customer::new(&installation)?;
    let mut servers = [installation.serve()?];
    let url = servers[0].url.clone();
    let ending = async {
        let mut ended = 0;
        for _ in 0..plan.rounds {
            sleep(Duration::from_millis(200)).await;
            let all = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                       where datname like 'vinculo%'";
            let found = tokio::task::block_in_place(|| postgres.run(all))?;
            ended += found.unwrap_or_default().parse::<u64>()?;
        }
        anyhow::Ok(ended)
    };
    let ended = customer.create_during(&[&url], plan.rate, ending).await?;
    customer.repeat(&url).await?;
    let book = Book::close(&customer, &url, plan.receiver, &[]).await?;
    all_run(&mut servers)?;
    let told = format!(
        "{ended} sessions ended; refusals {:?}, the last {:?}; {}",
        customer.refusals,
        customer.last_refusal,
        book.told()
    );
    Ok(vec![Verdict::counted(
        "A6 every session of PostgreSQL ended five times a second under load",
        "nothing lost, the server is not started again",
        book.sound() && ended > 0,
        told,
    )])
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
    Ok(vec![Verdict::counted(
        "A6 300 idle sessions of others beside ours",
        "nothing lost, no refusals",
        book.sound() && refused == 0 && idle.count() == IDLE,
        format!("{} idle sessions, {refused} refusals; {}", idle.count(), book.told()),
    )])
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;
    use crate::faults::customer::Outcome;

    #[test]
    fn what_is_late_is_refused_or_has_no_answer_after_the_time_to_recover() {
        let mut customer = Customer::of((String::new(), String::new())).unwrap();
        let back = Instant::now();
        let outcome = |ended, status: Option<u16>| Outcome {
            sent: ended,
            ended,
            status: status.map(|status| StatusCode::from_u16(status).unwrap()),
            said: String::new(),
        };
        let ms = Duration::from_millis;
        let stopped = back - ms(500);
        customer.outcomes = vec![
            outcome(stopped - ms(1500), Some(201)),
            outcome(stopped - ms(10), Some(201)),
            outcome(stopped - ms(5), Some(201)),
            outcome(back + ms(100), Some(503)),
            outcome(back + ms(700), Some(201)),
        ];
        let mut seen = Seen::default();
        seen.count(&customer, (stopped, back), back + ms(4000));
        let found = (seen.first, seen.down, seen.late, seen.before, seen.after);
        assert_eq!(found, (ms(700), ms(500), 0, 2, 0));
        let late = [Some(503), None, Some(201)];
        customer.outcomes.extend(late.map(|status| outcome(back + ms(3100), status)));
        let mut seen = Seen::default();
        seen.count(&customer, (stopped, back), back + ms(4000));
        assert_eq!((seen.late, seen.after), (2, 1));
    }
}
