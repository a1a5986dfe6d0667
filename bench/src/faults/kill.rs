//! Processes that are killed, paused and stopped under load.

use std::time::Duration;

use anyhow::ensure;
use tokio::time::{Instant, sleep, sleep_until};

use super::book::{Book, answered_late, is_awaited};
use super::customer::Customer;
use super::{Dice, Plan, Verdict};
use crate::server::Process;

/// Longer than what is held by somebody who is paused may take to arrive: who wakes up to deliver it
/// would miss the goal.
const PAUSE: Duration = Duration::from_secs(12);
/// Processes that serve and that work, beside one another.
const SERVING: usize = 2;
const WORKING: usize = 2;
/// How many times as many kills as are asked for there are at most, until one has found an event that had not come:
/// whether one does is luck.
const AT_MOST: usize = 4;
/// Longer than a lease and the poll of who takes over: what one kill left behind has come before the
/// next, so that a recovery is that of one fault.
const APART: Duration = Duration::from_secs(8);

/// A1, A3 and A4 on SQLite: the only server is killed with signal 9 at random moments and started
/// again at once; requests without an answer are asked again under their key.
///
/// # Errors
/// When a server does not start, or a request gets no answer in the end.
pub async fn killed_server(plan: &Plan<'_>) -> anyhow::Result<Vec<Verdict>> {
    let installation = plan.installation("/ok", None, None)?;
    let (mut customer, mut dice) = (Customer::new(&installation)?, Dice(plan.seed));
    let (mut kills, mut found) = (Vec::new(), false);
    while kills.len() < plan.rounds || (!found && kills.len() < AT_MOST * plan.rounds) {
        let mut server = installation.serve()?;
        let url = server.url.clone();
        customer.repeat(&url).await?;
        let moment = dice.moment();
        let kill = async {
            sleep(moment).await;
            server.kill().map(|()| Instant::now())
        };
        kills.push(customer.create_during(&[&url], plan.rate, kill).await?);
        found |= is_awaited(&customer, plan.receiver).await?;
    }
    let server = installation.serve()?;
    customer.repeat(&server.url).await?;
    let mut book = Book::close(&customer, &server.url, plan.receiver, &kills).await?;
    let each = book.duplicates as f64 / kills.len() as f64;
    let recovery = book.recovery_p99();
    let asked_again = Verdict::counted(
        "A4 what got no answer is asked again under its Idempotency-Key",
        "each becomes one link with its events",
        (book.twice, book.untold) == (0, 0),
        format!("{} asked again, {} made twice", book.repeated, book.twice),
    );
    Ok(vec![
        Verdict::counted(
            "A1 kill -9 at random moments under load, SQLite",
            "nothing acknowledged is lost, no link without its events, duplicates at most 8 a kill, each \
             with its first id and bytes",
            book.sound() && each <= 8.0,
            format!("{} kills, {each:.1} duplicates each; {}", kills.len(), book.told()),
        ),
        Verdict::timed(
            "A3 from the first kill after its acknowledgement to an event that had not come, SQLite",
            "p99 at most 2 s, the start of the server included",
            recovery <= Duration::from_secs(2) && !book.recoveries.is_empty(),
            book.recovered(),
        ),
        // Whether a kill finds an open request is luck; A5 has some for certain.
        asked_again.and_timed(book.repeated > 0),
    ])
}

/// A2 on PostgreSQL: of two processes that serve and two that work, one is killed, or a worker is
/// paused until the other has taken what it held.
///
/// # Errors
/// When a process does not start, or a request gets no answer in the end.
pub async fn killed_and_paused_workers(
    plan: &Plan<'_>,
    database: &str,
) -> anyhow::Result<Vec<Verdict>> {
    let installation = plan.installation("/ok", Some(database), None)?;
    let (mut customer, mut dice) = (Customer::new(&installation)?, Dice(plan.seed));
    let start =
        |number| if number < SERVING { installation.serve_only() } else { installation.work() };
    let mut processes = (0..SERVING + WORKING).map(start).collect::<anyhow::Result<Vec<_>>>()?;
    let (mut faults, mut pauses, mut servers) = (Vec::new(), 0, 0);
    for round in 0..plan.rounds {
        let urls = [0, 1].map(|number: usize| processes[number].url.clone());
        let both = [urls[0].as_str(), urls[1].as_str()];
        let moment = dice.moment();
        // The first is a pause, so that the shortest run has both.
        let pause = round % 4 == 0;
        let first = if pause { SERVING } else { 0 };
        let victim = first + usize::try_from(dice.below((SERVING + WORKING - first) as u64))?;
        pauses += usize::from(pause);
        servers += usize::from(victim < SERVING);
        let strike = async {
            sleep(moment).await;
            let victim = &mut processes[victim];
            let struck = if pause { victim.signal("STOP") } else { victim.kill() };
            struck.map(|()| Instant::now())
        };
        let fault = customer.create_during(&both, plan.rate, strike).await?;
        faults.push(fault);
        let left = if victim == 0 { both[1] } else { both[0] };
        customer.create_during(&[left], plan.rate, sleep(Duration::from_secs(1))).await;
        if pause {
            sleep_until(fault + PAUSE).await;
            processes[victim].signal("CONT")?;
        } else {
            processes[victim] = start(victim)?;
            sleep_until(fault + APART).await;
        }
        customer.repeat(left).await?;
    }
    let book = Book::close(&customer, &processes[0].url, plan.receiver, &faults).await?;
    all_run(&mut processes)?;
    let kills = plan.rounds - pauses;
    let done = format!("{kills} kills, {servers} of them of servers, {pauses} pauses");
    Ok(taken_over(book, plan.rounds, &done))
}

/// A2 and A3 of PostgreSQL.
fn taken_over(mut book: Book, rounds: usize, done: &str) -> Vec<Verdict> {
    let recovery = book.recovery_p99();
    vec![
        Verdict::counted(
            "A2 one of two servers and two workers killed, or a worker paused past its lease, under load, \
             PostgreSQL",
            "as A1; nobody has to be started again but who was killed",
            book.sound() && book.duplicates <= 8 * rounds,
            format!("{done}; {}", book.told()),
        ),
        Verdict::timed(
            "A3 from the first kill or pause after its acknowledgement to an event that had not come, \
             PostgreSQL",
            "p99 at most 10 s",
            recovery <= Duration::from_secs(10) && !book.recoveries.is_empty(),
            format!("{}; faults at least 8 s apart", book.recovered()),
        ),
    ]
}

/// A10: the server is asked to stop under load, again and again.
///
/// # Errors
/// When a server does not start, or a request gets no answer in the end.
pub async fn stopped_server(plan: &Plan<'_>) -> anyhow::Result<Vec<Verdict>> {
    let installation = plan.installation("/ok", None, None)?;
    let (mut customer, mut dice) = (Customer::new(&installation)?, Dice(plan.seed));
    let (mut slowest, mut failed) = (Duration::ZERO, 0);
    for _ in 0..plan.rounds {
        let mut server = installation.serve()?;
        let url = server.url.clone();
        let moment = dice.moment();
        let stop = async {
            sleep(moment).await;
            let asked = Instant::now();
            server.signal("TERM")?;
            while server.runs()? {
                sleep(Duration::from_millis(5)).await;
            }
            slowest = slowest.max(asked.elapsed());
            anyhow::Ok(server.stopped_well()?)
        };
        failed += usize::from(!customer.create_during(&[&url], plan.rate, stop).await?);
    }
    let server = installation.serve()?;
    customer.repeat(&server.url).await?;
    let book = Book::close(&customer, &server.url, plan.receiver, &[]).await?;
    let late = answered_late(&installation, None)?;
    let told = format!(
        "{} stops, the slowest {slowest:.2?}, {failed} with a failure; {late} tries answered too late; {}",
        plan.rounds,
        book.told()
    );
    let verdict = Verdict::counted(
        "A10 SIGTERM under load, SQLite",
        "exits with 0 within 10 s, nothing lost, no duplicates but of what was answered too late",
        book.sound() && book.duplicates <= late && failed == 0,
        told,
    );
    Ok(vec![verdict.and_timed(slowest <= Duration::from_secs(10))])
}

pub(super) fn all_run(servers: &mut [Process]) -> anyhow::Result<()> {
    for server in servers {
        ensure!(server.runs()?, "a server ended by itself");
    }
    Ok(())
}
