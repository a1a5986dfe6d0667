//! Many endpoints at once: some of them misbehave, or all that waits for one comes due together.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout};

use super::book::{answered_late, clock_of, report};
use super::customer::Customer;
use super::slow::delivered;
use super::{Plan, SILENT, Verdict};
use crate::receiver::{Receiver, Report};
use crate::server::{Installation, Process, Setup};

/// Endpoints of each bad kind, and those that answer.
const OF_EACH: usize = 10;
const HEALTHY: usize = 60;
/// The most that one endpoint has in flight.
const CAP: usize = 8;
/// The most that a server has in flight.
const PLACES: usize = 256;
/// Events at once for each that hangs.
const BACKLOG: usize = 4 * CAP;
/// Rounds of an event for each that answers, of which one has to come while all that hangs does.
const ROUNDS: usize = 10;
/// How long a try may hang.
const HANGS: Duration = Duration::from_secs(5);
/// Requests at once.
const AT_ONCE: usize = 16;
/// Longest time until everything has come.
const PATIENCE: Duration = Duration::from_secs(120);
const SECOND: Duration = Duration::from_secs(1);

/// B2: of a hundred endpoints ten hang, ten refuse connections, ten answer 500, and ten break off
/// their answers.
///
/// # Errors
/// When the server fails in a way that is not counted.
pub async fn bad_endpoints(plan: &Plan<'_>, seconds: u32) -> anyhow::Result<Vec<Verdict>> {
    let (customer, server, installation) = stand(plan)?;
    let healthy = format!("{}/ok", plan.receiver);
    let mut all = endpoints(&customer, &server, &healthy, HEALTHY).await?;
    let rate = 3 * plan.rate;
    let (_, mut events) = p99(plan, &customer, &server, &all, (rate, 2)).await?;
    let (calm, more) = p99(plan, &customer, &server, &all, (rate, seconds)).await?;
    events.extend(more);
    let [hangs, fails, breaks] =
        ["/hang", "/fail", "/break"].map(|path| format!("{}{path}", plan.receiver));
    let nobody = kept_port()?;
    let refuses = format!("http://{}/", nobody.local_addr()?);
    for bad in [&hangs, &refuses, &fails, &breaks] {
        all.extend(endpoints(&customer, &server, bad, OF_EACH).await?);
    }
    let (beside, more) = p99(plan, &customer, &server, &all, (rate, seconds)).await?;
    events.extend(more);
    let times = beside.as_secs_f64() / calm.as_secs_f64();
    let held = beside_held(plan, &customer, (server, &installation), &all[..HEALTHY]).await?;
    let (rounds, more, server) = held;
    events.extend(more);
    let tries = tries(&customer, &server, &events).await?;
    let report = report(plan.receiver).await?;
    let copies = |id: &String| report.events.get(id).map_or(0, |it| it.arrivals_us.len());
    let untrue = |id: &&String| !(1..=tries.get(*id).copied().unwrap_or(0)).contains(&copies(id));
    let [untrue, again] = [
        events.iter().filter(untrue).count(),
        events.iter().filter(|id| tries.get(*id).is_some_and(|tries| *tries > 1)).count(),
    ];
    let told = format!(
        "{rate} events/s; p99 {calm:.1?} undisturbed, {beside:.1?} beside them: {times:.2} x; of {} \
         events {untrue} did not come, or more often than tried, and {again} were tried again; {} \
         until no try that hangs ended meanwhile",
        events.len(),
        rounds
            .map_or("more rounds than were played".to_owned(), |rounds| format!("{rounds} rounds"))
    );
    let verdict = Verdict::counted(
        "B2 of 100 endpoints ten each hang, refuse, answer 500, break off",
        "every event of the other 60 comes, no more often than it is tried, and none waits for one that \
         hangs; p99 at most 1.2 x of undisturbed, and 25 ms",
        untrue == 0 && rounds.is_some(),
        told,
    );
    Ok(vec![verdict.and_timed(times <= 1.2 && beside <= Duration::from_millis(25))])
}

/// How often each of these events was tried, once all of them are delivered: an answer that a machine under
/// load gives too late is none.
async fn tries(
    customer: &Customer,
    server: &Process,
    events: &[String],
) -> anyhow::Result<HashMap<String, usize>> {
    let started = Instant::now();
    loop {
        let rows = customer.all(&server.url, "/manage/v1/deliveries/?status=delivered").await?;
        let tries = rows.iter().filter_map(|row| {
            Some((row["event"].as_str()?.to_owned(), usize::try_from(row["tries"].as_u64()?).ok()?))
        });
        let tries: HashMap<_, _> = tries.collect();
        if events.iter().all(|event| tries.contains_key(event)) {
            return Ok(tries);
        }
        ensure!(started.elapsed() < PATIENCE, "what came is not recorded");
        sleep(SECOND / 10).await;
    }
}

/// Plays rounds. In each, so many events wait for some more that hang that they would fill all places, those hold
/// all that they may, and then each that answers has an event; until all of these come before a try that hangs
/// ends. The rounds that took, `None` when every one had to wait, the events, and the server that runs now.
async fn beside_held(
    plan: &Plan<'_>,
    customer: &Arc<Customer>,
    (mut server, installation): (Process, &Installation),
    healthy: &[String],
) -> anyhow::Result<(Option<usize>, Vec<String>, Process)> {
    let (held, hangs) = (CAP * OF_EACH, format!("{}/hang", plan.receiver));
    let fills = |report: &Report, hung: &[String]| {
        hung.iter().filter(|id| !report.events.contains_key(*id)).count() + held >= PLACES
    };
    let mut events = Vec::new();
    for round in 1..=ROUNDS {
        ensure!(server.stop()?.success(), "the server does not stop well");
        // Nothing of the last round hangs, and nothing of this one before all of it waits.
        until(plan, |report| report.hanging == 0).await?;
        let idle = installation.serve_only()?;
        // Who has failed has one place. These have not, until a try of theirs ends.
        let fresh = endpoints(customer, &idle, &hangs, OF_EACH).await?;
        let backlog = fresh.iter().cycle().take(BACKLOG * OF_EACH);
        let hung = tests(customer, &idle, backlog).await?;
        drop(idle);
        server = installation.serve()?;
        let before = timeout(HANGS, until(plan, |report| report.hanging >= held)).await;
        let before = before.ok().transpose()?.map(|report| report.given_up);
        let asked = tests(customer, &server, healthy.iter()).await?;
        let all_came = |report: &Report| asked.iter().all(|id| report.events.contains_key(id));
        let after = until(plan, all_came).await?;
        events.extend(asked);
        if before == Some(after.given_up) && fills(&after, &hung) {
            return Ok((Some(round), events, server));
        }
        // The next round begins with all places free.
        for id in fresh {
            let path = format!("/manage/v1/webhook-endpoints/{id}/");
            customer
                .change(Method::PATCH, &server.url, &path, &json!({ "enabled": false }))
                .await?;
        }
    }
    Ok((None, events, server))
}

/// Waits until what has come is enough.
async fn until(plan: &Plan<'_>, enough: impl Fn(&Report) -> bool) -> anyhow::Result<Report> {
    let started = Instant::now();
    loop {
        let report = report(plan.receiver).await?;
        if enough(&report) {
            return Ok(report);
        }
        ensure!(started.elapsed() < PATIENCE, "what was waited for does not come");
        sleep(SECOND / 100).await;
    }
}

/// Has each of these endpoints sent a test: the events.
async fn tests(
    customer: &Arc<Customer>,
    server: &Process,
    endpoints: impl Iterator<Item = &String>,
) -> anyhow::Result<Vec<String>> {
    let asked = endpoints.cloned().map(|to| {
        let (customer, url) = (Arc::clone(customer), server.url.clone());
        async move { customer.test(&url, &to).await }
    });
    stream::iter(asked).buffer_unordered(AT_ONCE).try_collect().await
}

/// B7: everything that waits for a receiver that was down comes due within seconds of its return. It takes some
/// milliseconds for each.
///
/// # Errors
/// When the server fails in a way that is not counted.
pub async fn returning_receiver(
    plan: &Plan<'_>,
    events: usize,
    each_ms: u32,
) -> anyhow::Result<Vec<Verdict>> {
    let (customer, server, installation) = stand(plan)?;
    let waits = json!({ "webhook_retry_seconds": [8, 8, 8, 8, 8, 8, 8, 8, 8, 8] });
    customer.change(Method::PATCH, &server.url, "/manage/v1/settings/", &waits).await?;
    let port = kept_port()?;
    let busy = format!("http://{}/busy/{each_ms}", port.local_addr()?);
    let busy = customer.endpoint(&server.url, &busy).await?;
    let healthy = customer.endpoint(&server.url, &format!("{}/ok", plan.receiver)).await?;
    let mut asked = JoinSet::new();
    for client in 0..16 {
        let (customer, url, busy) = (Arc::clone(&customer), server.url.clone(), busy.clone());
        asked.spawn(async move {
            for _ in (client..events).step_by(16) {
                customer.test(&url, &busy).await?;
            }
            anyhow::Ok(())
        });
    }
    asked.join_all().await.into_iter().collect::<anyhow::Result<()>>()?;
    let receiver = Receiver::start_on(port.listen(1024)?)?;
    let (returned, mut slowest) = (Instant::now(), 0);
    while receiver.count() < events && returned.elapsed() < PATIENCE {
        slowest = slowest.max(delivered(&customer, &server, plan, &healthy).await?);
        sleep(SECOND / 10).await;
    }
    let took = returned.elapsed();
    let [came, copies, most] = [receiver.count(), receiver.copies(), receiver.most_at_once()];
    // What was answered too late comes again by right, maybe before the receiver knows that it was given up.
    let late = answered_late(&installation, Some(&busy))?;
    let told = format!(
        "{events} events, {came} came in {took:.1?}, in {copies} copies, {late} tries answered too late, \
         at most {most} at once; at most {slowest} ms to a healthy endpoint"
    );
    let verdict = Verdict::counted(
        "B7 a receiver returns for which everything is due",
        "all of it comes, once each and never more than 8 at a time but for what was answered too late, and \
         a healthy endpoint is delivered to within 1 s meanwhile",
        came == events && copies <= events + late && (1..=CAP + late).contains(&most),
        told,
    );
    Ok(vec![verdict.and_timed(slowest < 1000)])
}

/// A server with nothing on it, and what keeps its files.
fn stand(plan: &Plan<'_>) -> anyhow::Result<(Arc<Customer>, Process, Installation)> {
    let setup = Setup { binary: plan.binary, variables: &SILENT, ..Setup::default() };
    let installation = Installation::new(&setup)?;
    Ok((Arc::new(Customer::new(&installation)?), installation.serve()?, installation))
}

async fn endpoints(
    customer: &Customer,
    server: &Process,
    url: &str,
    count: usize,
) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        ids.push(customer.endpoint(&server.url, url).await?);
    }
    Ok(ids)
}

/// A port that nobody else gets and where nobody listens: connections are refused.
fn kept_port() -> anyhow::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    Ok(socket)
}

/// Sends tests at a constant rate, endpoints taking turns: from the moment when an event of the
/// healthy ones, which are the first, was due to its arrival; and those events.
async fn p99(
    plan: &Plan<'_>,
    customer: &Arc<Customer>,
    server: &Process,
    endpoints: &[String],
    (rate, seconds): (u32, u32),
) -> anyhow::Result<(Duration, Vec<String>)> {
    let mut ticks = interval(SECOND / rate);
    let mut asked = JoinSet::new();
    for number in 0..(rate * seconds) as usize {
        let due = ticks.tick().await;
        let turn = number % endpoints.len();
        let (customer, url, to) =
            (Arc::clone(customer), server.url.clone(), endpoints[turn].clone());
        asked.spawn(async move {
            let event = customer.test(&url, &to).await?;
            anyhow::Ok((turn < HEALTHY).then_some((event, due)))
        });
    }
    let asked = asked.join_all().await.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let healthy: Vec<_> = asked.into_iter().flatten().collect();
    let (started, clock) = (Instant::now(), clock_of(plan.receiver).await?);
    loop {
        let report = report(plan.receiver).await?;
        let arrival = |event: &String| {
            let us = *report.events.get(event)?.arrivals_us.first()?;
            Some(clock + Duration::from_micros(us))
        };
        let all: Option<Vec<_>> = healthy
            .iter()
            .map(|(event, due)| Some(arrival(event)?.saturating_duration_since(*due)))
            .collect();
        if let Some(mut all) = all {
            all.sort();
            let p99 = all.get(all.len() * 99 / 100).copied().unwrap_or_default();
            return Ok((p99, healthy.into_iter().map(|(event, _)| event).collect()));
        }
        ensure!(started.elapsed() < PATIENCE, "healthy endpoints are not delivered to");
        sleep(SECOND / 10).await;
    }
}
