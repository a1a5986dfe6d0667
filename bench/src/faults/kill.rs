//! Processes that are killed, paused and stopped under load.

use std::time::Duration;

use anyhow::ensure;
use tokio::time::{Instant, sleep, sleep_until};

use super::book::Book;
use super::customer::Customer;
use super::{Dice, Plan, Verdict};
use crate::server::Process;

/// Longer than what is held by somebody who is paused may take to arrive: who wakes up to deliver it
/// would miss the goal.
const PAUSE: Duration = Duration::from_secs(12);
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
    let mut kills = Vec::new();
    for _ in 0..plan.rounds {
        let mut server = installation.serve()?;
        let url = server.url.clone();
        customer.repeat(&url).await?;
        let moment = dice.moment();
        let kill = async {
            sleep(moment).await;
            server.kill().map(|()| Instant::now())
        };
        kills.push(customer.create_during(&[&url], plan.rate, kill).await?);
    }
    let server = installation.serve()?;
    customer.repeat(&server.url).await?;
    let mut book = Book::close(&customer, &server.url, plan.receiver, &kills).await?;
    let each = book.duplicates as f64 / plan.rounds as f64;
    let recovery = book.recovery_p99();
    Ok(vec![
        Verdict {
            row: "A1 kill -9 at random moments under load, SQLite",
            goal: "nothing acknowledged is lost, no link without its events, duplicates at most 8 a \
                   kill, each with its first id and bytes",
            met: book.sound() && each <= 8.0,
            told: format!("{} kills, {each:.1} duplicates each; {}", plan.rounds, book.told()),
        },
        Verdict {
            row: "A3 from the first kill after its acknowledgement to an event that had not come, SQLite",
            goal: "p99 at most 2 s, the start of the server included",
            met: recovery <= Duration::from_secs(2) && !book.recoveries.is_empty(),
            told: book.recovered(),
        },
        Verdict {
            row: "A4 what got no answer is asked again under its Idempotency-Key",
            goal: "each becomes one link with its events",
            met: book.repeated > 0 && (book.twice, book.untold) == (0, 0),
            told: format!("{} asked again, {} made twice", book.repeated, book.twice),
        },
    ])
}

/// A2 on PostgreSQL: of two servers with workers, one is killed, or paused until others have taken
/// what it held.
///
/// # Errors
/// When a server does not start, or a request gets no answer in the end.
pub async fn killed_and_paused_workers(
    plan: &Plan<'_>,
    database: &str,
) -> anyhow::Result<Vec<Verdict>> {
    let installation = plan.installation("/ok", Some(database), None)?;
    let (mut customer, mut dice) = (Customer::new(&installation)?, Dice(plan.seed));
    let mut servers = [installation.serve()?, installation.serve()?];
    let (mut faults, mut pauses) = (Vec::new(), 0);
    for round in 0..plan.rounds {
        let urls = servers.each_ref().map(|server| server.url.clone());
        let both = [urls[0].as_str(), urls[1].as_str()];
        let moment = dice.moment();
        let victim = usize::from(dice.below(2) == 1);
        // The first is a pause, so that the shortest run has both.
        let pause = round % 4 == 0;
        pauses += usize::from(pause);
        let strike = async {
            sleep(moment).await;
            let struck =
                if pause { servers[victim].signal("STOP") } else { servers[victim].kill() };
            struck.map(|()| Instant::now())
        };
        let fault = customer.create_during(&both, plan.rate, strike).await?;
        faults.push(fault);
        let other = both[1 - victim];
        customer.create_during(&[other], plan.rate, sleep(Duration::from_secs(1))).await;
        if pause {
            sleep_until(fault + PAUSE).await;
            servers[victim].signal("CONT")?;
        } else {
            servers[victim] = installation.serve()?;
            sleep_until(fault + APART).await;
        }
        customer.repeat(other).await?;
    }
    let mut book = Book::close(&customer, &servers[0].url, plan.receiver, &faults).await?;
    all_run(&mut servers)?;
    let recovery = book.recovery_p99();
    Ok(vec![
        Verdict {
            row: "A2 one of two workers killed or paused past its lease under load, PostgreSQL",
            goal: "as A1; nobody has to be started again but who was killed",
            met: book.sound() && book.duplicates <= 8 * plan.rounds,
            told: format!("{} kills, {pauses} pauses; {}", plan.rounds - pauses, book.told()),
        },
        Verdict {
            row: "A3 from the first kill or pause after its acknowledgement to an event that had not come, \
                  PostgreSQL",
            goal: "p99 at most 10 s",
            met: recovery <= Duration::from_secs(10) && !book.recoveries.is_empty(),
            told: format!("{}; faults at least 8 s apart", book.recovered()),
        },
    ])
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
    Ok(vec![Verdict {
        row: "A10 SIGTERM under load, SQLite",
        goal: "exits with 0 within 10 s, nothing lost, no duplicates",
        met: book.sound()
            && (book.duplicates, failed) == (0, 0)
            && slowest <= Duration::from_secs(10),
        told: format!(
            "{} stops, the slowest {slowest:.2?}, {failed} with a failure; {}",
            plan.rounds,
            book.told()
        ),
    }])
}

pub(super) fn all_run(servers: &mut [Process]) -> anyhow::Result<()> {
    for server in servers {
        ensure!(server.runs()?, "a server ended by itself");
    }
    Ok(())
}
