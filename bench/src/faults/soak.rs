//! A long time under load, with faults at random moments.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::ensure;
use reqwest::StatusCode;
use tokio::task::AbortHandle;
use tokio::time::{Instant, interval, sleep, sleep_until};
use vinculo_store::{Options, Store, Target};

use super::book::{Book, report};
use super::customer::{Customer, Outcome};
use super::kill::all_run;
use super::{Dice, Plan, Verdict};
use crate::postgres::Postgres;
use crate::server::{Installation, Process, Setup, resident_kib_of};

const FAULTS: [Fault; 3] = [Fault::Database, Fault::Receiver, Fault::Source];
/// After a fault is over, refusals are still part of it for so long.
const RECOVERY: Duration = Duration::from_secs(8);
/// Of how many misses is kept what is known of them.
const KEPT_MISSES: usize = 100;
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
    let variables = [("VINCULO_SANDBOX_OPERATOR_URL", operator.url.as_str())];
    let installation = Installation::new(&Setup { variables: &variables, ..place })?;
    let (mut customer, mut dice) = (Customer::new(&installation)?, Dice(plan.seed));
    let log = installation.folder().join("errors.log");
    let mut servers = [logging(&installation, &log)?];
    let url = servers[0].url.clone();
    let height = Height::of(servers[0].pid());
    let mut victims = Victims { postgres, receiver, operator: &operator, log: &log };
    let (started, mut memory, mut done) = (Instant::now(), Vec::new(), [0; 3]);
    let (mut toll, mut known) = (Toll::default(), 0);
    while started.elapsed() < length {
        let fault = FAULTS[usize::try_from(dice.below(3))?];
        let (moment, span) = (dice.moment(), dice.moment() * 3);
        let quiet = Duration::from_secs(4 + dice.below(8));
        let fails = victims.fail(fault, moment, span, quiet);
        let (span, during) = customer.create_during(&[&url], plan.rate, fails).await?;
        let heard = errors(&log)?;
        for (place, line) in heard.iter().enumerate().skip(known) {
            toll.log(line, fault.excuses() && during.contains(&place));
        }
        known = heard.len();
        customer.outcomes.drain(..).for_each(|outcome| toll.note(&outcome, fault, &span));
        customer.repeat(&url).await?;
        done[fault as usize] += 1;
        memory.push(servers[0].resident_kib()?);
    }
    let loaded = started.elapsed();
    let drained = drain(&database).await?;
    let book = Book::close(&customer, &url, plan.receiver, &[]).await?;
    all_run(&mut servers)?;
    let came = report(plan.receiver).await?.events.len();
    let (most, took) = (height.kib(), started.elapsed());
    let ended =
        Ended { rate: plan.rate, took, loaded, drained, done, toll, came, memory, most, book };
    Ok(vec![ended.verdict()])
}

/// What may fail, and the log of the server that has to live with it.
struct Victims<'a> {
    postgres: &'a mut Postgres,
    receiver: &'a Process,
    operator: &'a Process,
    log: &'a Path,
}

impl Victims<'_> {
    /// After `moment` one of them is away for `span`, and then nothing is for as long as it takes to recover
    /// and `quiet`: the time of the fault, and the lines of the log that fall into it.
    async fn fail(
        &mut self,
        fault: Fault,
        moment: Duration,
        span: Duration,
        quiet: Duration,
    ) -> anyhow::Result<(Range<Instant>, Range<usize>)> {
        sleep(moment).await;
        let (begun, before) = (Instant::now(), errors(self.log)?.len());
        match fault {
            Fault::Database => self.postgres.restart_immediately(span).await?,
            Fault::Receiver => pause(self.receiver, span).await?,
            Fault::Source => pause(self.operator, span).await?,
        }
        let over = Instant::now() + RECOVERY;
        sleep_until(over).await;
        let during = before..errors(self.log)?.len();
        sleep(quiet).await;
        Ok((begun..over, during))
    }
}

/// What a soak came to.
struct Ended {
    /// Links asked for a second.
    rate: u32,
    /// The whole of it, the load alone, and what was left to do after that.
    took: Duration,
    loaded: Duration,
    drained: Duration,
    /// How often what failed, in the order of [`FAULTS`].
    done: [u32; 3],
    toll: Toll,
    /// Events that came.
    came: usize,
    /// Memory after each fault, and at most, KiB.
    memory: Vec<u64>,
    most: u64,
    book: Book,
}

impl Ended {
    fn verdict(self) -> Verdict {
        let Self { rate, took, loaded, drained, done, toll, came, memory, most, book } = self;
        let (early, end) = quarters(&memory);
        let flat = end <= early * GROWTH.0 / GROWTH.1 + GROWTH.2;
        let told = format!(
            "{:.0} min, {:.1} links/s acknowledged of {rate} asked for while there is load; {} restarts of \
             the database, {} and {} pauses of receiver and source; {toll}; {came} events, drained after \
             {drained:.1?}; memory between the faults at most {early} KiB in the second quarter, {end} in \
             the last, at most {most} KiB at any second; {}",
            took.as_secs_f64() / 60.0,
            book.acknowledged as f64 / loaded.as_secs_f64(),
            done[0],
            done[1],
            done[2],
            book.told()
        );
        let verdict = Verdict::counted(
            "soak: source, receiver and database fail at random under load, PostgreSQL",
            "nothing lost; nothing but 503 refused, and that, requests without an answer and errors in the \
             log only until 8 s after a fault of source or database; jobs and deliveries drained, memory \
             flat, the server is not started again",
            book.sound(),
            told,
        );
        let met = flat && toll.excused();
        Verdict { misses: toll.misses, ..verdict.and_timed(met) }
    }
}

/// The most memory of a process, looked at every second until this is dropped.
struct Height {
    kib: Arc<AtomicU64>,
    looks: AbortHandle,
}

impl Height {
    fn of(pid: u32) -> Self {
        let kib = Arc::new(AtomicU64::new(0));
        let most = Arc::clone(&kib);
        let look = async move {
            let mut ticks = interval(Duration::from_secs(1));
            while let Ok(now) = resident_kib_of(pid) {
                most.fetch_max(now, Ordering::Relaxed);
                ticks.tick().await;
            }
        };
        Self { kib, looks: tokio::spawn(look).abort_handle() }
    }

    fn kib(&self) -> u64 {
        self.kib.load(Ordering::Relaxed)
    }
}

impl Drop for Height {
    fn drop(&mut self) {
        self.looks.abort();
    }
}

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Database,
    Receiver,
    Source,
}

impl Fault {
    /// Whether a link may be refused because of it: a receiver is nobody's who asks for one.
    fn excuses(self) -> bool {
        self != Self::Receiver
    }
}

/// What did not go well, and how much of it faults excuse.
#[derive(Default)]
struct Toll {
    /// Refusals with 503 and requests without an answer in the time of a fault that excuses them.
    excused: [usize; 2],
    /// All others: by status, `None` for no answer.
    unexcused: BTreeMap<Option<u16>, usize>,
    /// Lines of the server's log, where nothing but errors is written.
    errors: usize,
    excused_errors: usize,
    /// What is known of those that nothing excuses, and their lines of the log.
    misses: Vec<String>,
}

impl Toll {
    fn note(&mut self, outcome: &Outcome, fault: Fault, span: &Range<Instant>) {
        let excused = fault.excuses() && span.contains(&outcome.ended);
        match outcome.status {
            _ if outcome.acknowledged() => {}
            Some(StatusCode::SERVICE_UNAVAILABLE) if excused => self.excused[0] += 1,
            None if excused => self.excused[1] += 1,
            status => {
                // In the end is told how many; this is where to look for the reason.
                let after = |moment: Instant| {
                    let ago = outcome.ended.saturating_duration_since(moment).as_secs_f64();
                    ago - moment.saturating_duration_since(outcome.ended).as_secs_f64()
                };
                let status = status.map(|status| status.as_u16());
                self.miss(format!(
                    "{}: {}, {:.1} s after it was asked, {:.1} s after {fault:?} failed, {:.1} s after the time of \
                     that: {}",
                    of_day(outcome.ended),
                    status.map_or("no answer".to_owned(), |status| status.to_string()),
                    after(outcome.sent),
                    after(span.start),
                    after(span.end),
                    outcome.said,
                ));
                *self.unexcused.entry(status).or_default() += 1;
            }
        }
    }

    fn log(&mut self, line: &str, excused: bool) {
        self.errors += 1;
        if excused {
            self.excused_errors += 1;
        } else {
            self.miss(line.to_owned());
        }
    }

    /// Tells of one at once, and keeps it.
    #[expect(clippy::print_stderr, reason = "whoever waits for an hour wants to know")]
    fn miss(&mut self, what: String) {
        eprintln!("{what}");
        if self.misses.len() < KEPT_MISSES {
            self.misses.push(what);
        }
    }

    fn excused(&self) -> bool {
        self.unexcused.is_empty() && self.errors == self.excused_errors
    }
}

impl fmt::Display for Toll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} answers 503 and {} requests without an answer in the time of a fault of source or \
             database, others {:?}; {} errors in the log, {} of them at another time",
            self.excused[0],
            self.excused[1],
            self.unexcused,
            self.errors,
            self.errors - self.excused_errors
        )
    }
}

/// The time of day of a moment, UTC, as the lines of the log have it.
#[expect(clippy::disallowed_methods, reason = "what is told of a real server has the real time")]
fn of_day(moment: Instant) -> String {
    let time = SystemTime::now() - moment.elapsed();
    let millis = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() % 86_400_000;
    let [hours, minutes, seconds] =
        [(3_600_000, 24), (60_000, 60), (1_000, 60)].map(|(of, most)| millis / of % most);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", millis % 1_000)
}

/// A server that writes its errors, and nothing else, into a file.
fn logging(installation: &Installation, log: &Path) -> anyhow::Result<Process> {
    let mut command = installation.serve_command();
    command.stderr(File::create(log)?);
    Process::start(command)
}

/// The errors of a log.
fn errors(log: &Path) -> anyhow::Result<Vec<String>> {
    Ok(std::fs::read_to_string(log)?.lines().map(str::to_owned).collect())
}

/// Stops a process for a while.
async fn pause(process: &Process, span: Duration) -> anyhow::Result<()> {
    process.signal("STOP")?;
    sleep(span).await;
    process.signal("CONT")
}

/// Waits until no job and no delivery is left to be done: how long it took.
async fn drain(database: &str) -> anyhow::Result<Duration> {
    let target = Target::Postgres { url: database.to_owned() };
    let store = Store::open(&target, &Options::default())?;
    let started = Instant::now();
    loop {
        let left = store.read(|tx| tx.pending_work()).await?;
        if left == 0 {
            store.close().await;
            return Ok(started.elapsed());
        }
        ensure!(started.elapsed() < DRAIN, "{left} jobs and deliveries still wait after {DRAIN:?}");
        sleep(Duration::from_secs(1)).await;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_503_and_silence_are_excused_and_only_in_the_time_of_a_fault_that_may_cause_them() {
        let begun = Instant::now();
        let span = begun..begun + RECOVERY;
        let (during, after) = (begun + RECOVERY / 2, begun + RECOVERY);
        let excused = |fault, status: Option<u16>, ended| {
            let status = status.map(|status| StatusCode::from_u16(status).unwrap());
            let (mut toll, sent) = (Toll::default(), begun);
            toll.note(&Outcome { sent, ended, status, said: "busy".to_owned() }, fault, &span);
            // Of what is not excused is kept what there is to know.
            let told = toll.misses.iter().all(|it| it.ends_with(": busy"));
            assert!(told && toll.misses.is_empty() == toll.excused());
            toll.excused()
        };
        for fault in FAULTS {
            assert!(excused(fault, Some(201), during) && excused(fault, Some(201), after));
            assert!(!excused(fault, Some(500), during) && !excused(fault, Some(400), during));
            assert!(!excused(fault, Some(503), after) && !excused(fault, None, after));
        }
        for status in [Some(503), None] {
            assert!(excused(Fault::Database, status, during));
            assert!(excused(Fault::Source, status, during));
            assert!(!excused(Fault::Receiver, status, during));
        }
        assert!(!Toll { errors: 2, excused_errors: 1, ..Toll::default() }.excused());
    }
}
