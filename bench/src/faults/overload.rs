//! More is asked for than can be done.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::ensure;
use futures_util::{StreamExt as _, stream};
use reqwest::StatusCode;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::book::{clock_of, report};
use super::customer::{Customer, Tried};
use super::{Plan, SILENT, Verdict};
use crate::server::{Installation, Process, Setup};

/// How much more than that is asked for.
const TIMES: f64 = 3.0;
/// Longest time until everything that was taken is told of.
const PATIENCE: Duration = Duration::from_secs(300);
/// What is normal: a link is told of within a second.
const NORMAL: Duration = Duration::from_secs(1);
/// How long it may take until that is so again; after it, that links are made and told of at all is enough.
const SLOW: Duration = Duration::from_secs(30);

/// Requests at once, where it is not asked at a rate.
const AT_ONCE: usize = 16;

/// What the goals are.
const SLOWEST: Duration = Duration::from_secs(5);
const MOST_KIB: u64 = 120 * 1024;
/// Beyond this memory is not bounded, whatever the machine and the build.
const UNBOUNDED_KIB: u64 = 1024 * 1024;
const RECOVERY: Duration = Duration::from_secs(10);

/// B6: three times as many links a second as can be filled and told of, which is found by a `sample` of them.
///
/// # Errors
/// When the server fails in a way that is not counted.
pub async fn overloaded(
    plan: &Plan<'_>,
    sample: usize,
    length: Duration,
) -> anyhow::Result<Vec<Verdict>> {
    let hook = format!("{}/ok", plan.receiver);
    let variables = [SILENT[0], ("VINCULO_RATE_LIMIT_PER_MINUTE", "0")];
    let installation = Installation::new(&Setup {
        receiver: Some(&hook),
        binary: plan.binary,
        variables: &variables,
        ..Setup::default()
    })?;
    let (mut customer, server) = (Customer::new(&installation)?, installation.serve()?);
    customer.create(&server.url, 50).await?;
    let started = Instant::now();
    customer.create(&server.url, sample).await?;
    let links: Vec<_> = customer.answered.values().map(|it| it.link.clone()).collect();
    told(plan, &links).await?;
    let sustainable = sample as f64 / started.elapsed().as_secs_f64();
    let rate = sustainable * TIMES;
    let (tries, memory) = ask(&customer, &server, rate, length).await?;
    let ended = Instant::now();
    let recovered = recover(plan, &mut customer, &server, ended).await?;
    let taken: HashMap<_, _> =
        tries.iter().filter_map(|it| Some((it.link.clone()?, it.sent))).collect();
    let links: Vec<_> = taken.keys().cloned().collect();
    let late = lateness(&taken, told(plan, &links).await?);
    let answered = percentile(tries.iter().filter(|it| it.link.is_some()).map(|it| it.took));
    let mut refusals = BTreeMap::<_, usize>::new();
    tries.iter().filter(|it| it.link.is_none()).for_each(|it| {
        *refusals.entry(it.status.map(|it| it.as_u16())).or_default() += 1;
    });
    let (slow, refused): (Vec<_>, Vec<_>) =
        tries.iter().filter(|it| it.link.is_none()).partition(|it| is_slow(it));
    let told = format!(
        "{sustainable:.0} links/s can be done, {rate:.0}/s asked for {length:?}: {} asked, {} taken, \
         refusals {refusals:?} (none is no answer), {} got none or waited too long for the source, p99 \
         {answered:.1?} to the answer, {late:.1?} to both events; at most {} MiB; normal after {recovered:.1?}",
        tries.len(),
        taken.len(),
        slow.len(),
        memory / 1024
    );
    let verdict = Verdict::counted(
        "B6 three times as many links a second as can be filled and told of",
        "beyond what can be done 429 or 503 with Retry-After; what is taken is answered and told of with a \
         p99 of at most 5 s; memory at most 120 MiB; normal within 10 s of the end",
        // That all of them were told of has been waited for. A slow machine, too, makes more links than wait in vain.
        refused.into_iter().all(is_polite) && slow.len() < taken.len() && memory <= UNBOUNDED_KIB,
        told,
    );
    let in_time =
        slow.is_empty() && answered <= SLOWEST && late <= SLOWEST && recovered <= RECOVERY;
    Ok(vec![verdict.and_timed(in_time && memory <= MOST_KIB)])
}

/// B6: nobody works off the jobs of links, until so many were asked for; as many are refused as may not wait.
///
/// # Errors
/// When a server does not start, or what was taken is not told of.
pub async fn nobody_at_work(plan: &Plan<'_>, links: usize) -> anyhow::Result<Vec<Verdict>> {
    let installation = plan.installation("/ok", None, None)?;
    let (customer, idle) = (Customer::new(&installation)?, installation.serve_only()?);
    let requests: Vec<_> = (0..links).map(|n| customer.attempt(900_000 + n, &idle.url)).collect();
    let tries: Vec<_> = stream::iter(requests).buffer_unordered(AT_ONCE).collect().await;
    drop(idle);
    let taken: Vec<_> = tries.iter().filter_map(|it| it.link.clone()).collect();
    let _server = installation.serve()?;
    told(plan, &taken).await?;
    let refused = links - taken.len();
    let polite = tries.iter().filter(|it| it.link.is_none()).all(is_polite);
    Ok(vec![Verdict::counted(
        "B6 links while nobody works off their jobs",
        "what may not wait is refused with 429 or 503 and Retry-After; what was taken is told of when \
         somebody works",
        polite && refused > 0 && !taken.is_empty(),
        format!("{links} asked for, {} taken and told of, {refused} refused", taken.len()),
    )])
}

/// Whether a refusal says that it is one for now.
fn is_polite(refused: &Tried) -> bool {
    let busy = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
    refused.asked_to_wait && refused.status.is_some_and(|status| busy.contains(&status))
}

/// Whether it has no link because somebody waited for too long: its customer for an answer, or the server for one of
/// the places of the sandbox's source, which no setting makes more. That is told as a source that is not available,
/// or is down when the place came too late for its answer.
fn is_slow(refused: &Tried) -> bool {
    let away = ["institution_down", "institution_unavailable"];
    refused.given_up || refused.code.as_deref().is_some_and(|code| away.contains(&code))
}

/// Asks at a rate, however the earlier requests fare: what became of each, and the most memory taken.
async fn ask(
    customer: &Customer,
    server: &Process,
    rate: f64,
    length: Duration,
) -> anyhow::Result<(Vec<Tried>, u64)> {
    let mut ticks = interval(Duration::from_secs_f64(1.0 / rate));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (started, mut asked, mut memory) = (Instant::now(), JoinSet::new(), 0);
    let mut number = 500_000;
    while started.elapsed() < length {
        ticks.tick().await;
        asked.spawn(customer.attempt(number, &server.url));
        number += 1;
        if number % 16 == 0 {
            memory = memory.max(server.resident_kib()?);
        }
    }
    let mut tries = Vec::with_capacity(asked.len());
    while let Some(one) = asked.join_next().await {
        tries.push(one?);
        if tries.len() % 16 == 0 {
            memory = memory.max(server.resident_kib()?);
        }
    }
    Ok((tries, memory))
}

/// How long after the end a link is made and told of as ever.
async fn recover(
    plan: &Plan<'_>,
    customer: &mut Customer,
    server: &Process,
    ended: Instant,
) -> anyhow::Result<Duration> {
    loop {
        let (asked, before) = (Instant::now(), customer.answered.len());
        customer.create(&server.url, 1).await?;
        if customer.answered.len() > before
            && let Some(promise) = customer.answered.values().next_back()
        {
            told(plan, std::slice::from_ref(&promise.link)).await?;
            if asked.elapsed() <= NORMAL || ended.elapsed() > SLOW {
                return Ok(ended.elapsed());
            }
        }
        ensure!(ended.elapsed() < PATIENCE, "it does not recover");
        sleep(NORMAL / 10).await;
    }
}

/// Waits until both events of each of these links have come: when the later of them did.
async fn told(plan: &Plan<'_>, links: &[String]) -> anyhow::Result<HashMap<String, Instant>> {
    let (started, clock) = (Instant::now(), clock_of(plan.receiver).await?);
    loop {
        let report = report(plan.receiver).await?;
        let mut came = HashMap::<_, Vec<u64>>::new();
        for event in report.events.values() {
            came.entry(&event.link).or_default().extend(event.arrivals_us.first());
        }
        let both = |link: &String| {
            let us = came.get(link).filter(|us| us.len() >= 2)?.iter().max()?;
            Some((link.clone(), clock + Duration::from_micros(*us)))
        };
        let all: HashMap<_, _> = links.iter().filter_map(both).collect();
        if all.len() == links.len() {
            return Ok(all);
        }
        ensure!(started.elapsed() < PATIENCE, "{} of {} links told of", all.len(), links.len());
        sleep(NORMAL / 20).await;
    }
}

/// From the request to both events.
fn lateness(asked: &HashMap<String, Instant>, came: HashMap<String, Instant>) -> Duration {
    let late =
        |(link, at): (String, Instant)| Some(at.saturating_duration_since(*asked.get(&link)?));
    percentile(came.into_iter().filter_map(late))
}

/// What 99 of 100 do not exceed.
fn percentile(all: impl Iterator<Item = Duration>) -> Duration {
    let mut all: Vec<_> = all.collect();
    all.sort();
    all.get(all.len() * 99 / 100).copied().unwrap_or_default()
}
