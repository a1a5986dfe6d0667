//! One customer has a long queue of work, another a little.

use std::time::Duration;

use anyhow::ensure;
use rusqlite::Connection;
use tokio::time::{Instant, sleep};

use super::book::report;
use super::customer::Customer;
use super::{Plan, SILENT, Verdict};
use crate::server::{Installation, Process, Setup};

/// Links of the customer who has little.
const FEW: usize = 10;
/// Links of the other; the server lets nobody have more than some hundreds of jobs waiting.
const LINKS: usize = 100;
/// So many loads of these links more, and their jobs.
const MANY: &str = "
    insert into loads (workspace_id, subject_id, link_id, trigger, resources, request_id, state,
        created_at) with recursive n(n) as (select 1 union all select n + 1 from n where n < $MANY)
        select workspace_id, subject_id, link_id, trigger, resources, request_id, state, created_at
        from n, (select * from loads where state = 'waiting' order by id) waiting
        where waiting.id % 100 = n % 100;
    insert or ignore into jobs (kind, target_id, due_at, created_at, workspace_id)
        select 'sync_link', id, created_at, created_at, workspace_id from loads
        where state = 'waiting'";
/// What was left of them when the last event of the other customer, who alone has an endpoint, was first tried. What
/// is answered too late comes a minute later, and says nothing about who was first.
const LEFT: &str = "
    select count(*) from loads where finished_at is null or finished_at >
        (select max(started_at) from attempts where number = 1)";
/// Longest time for them.
const PATIENCE: Duration = Duration::from_secs(120);

/// B5: one workspace has many jobs waiting, another ten, as often as there are rounds after a first one that
/// warms the server up.
///
/// # Errors
/// When the server fails in a way that is not counted.
pub async fn long_queue_beside(plan: &Plan<'_>, many: usize) -> anyhow::Result<Vec<Verdict>> {
    let place = Setup { binary: plan.binary, ..Setup::default() };
    let operator = Installation::new(&place)?.operator()?;
    let hook = format!("{}/ok", plan.receiver);
    let variables = [
        SILENT[0],
        ("VINCULO_RATE_LIMIT_PER_MINUTE", "0"),
        ("VINCULO_SOURCE_PRODUCTION", "ach"),
        ("VINCULO_SOURCE_ALLOW_HTTP", "true"),
        ("VINCULO_ACH_BASE_URL", &operator.url),
    ];
    let setup = Setup { receiver: Some(&hook), variables: &variables, production: true, ..place };
    let installation = Installation::new(&setup)?;
    let server = installation.serve()?;
    let undisturbed = slowest(plan, &installation, &server).await?;
    drop(server);
    // Nobody works on what the first customer asks for until all of it waits.
    let idle = installation.serve_only()?;
    let mut first = Customer::of(installation.key("sandbox")?)?;
    first.create(&idle.url, LINKS).await?;
    drop(idle);
    let data = Connection::open(installation.folder().join("vinculo.db"))?;
    data.execute_batch(&MANY.replace("$MANY", &many.to_string()))?;
    let server = installation.serve()?;
    let beside = slowest(plan, &installation, &server).await?;
    let left = left(&data).await?;
    let times = beside.as_secs_f64() / undisturbed.as_secs_f64();
    let told = format!(
        "{many} jobs of the one wait, {left} were left when the last event of the other was tried; \
         {undisturbed:.1?} undisturbed, {beside:.1?} beside them, each the slowest of {}: {times:.2} x",
        plan.rounds
    );
    let verdict = Verdict::counted(
        "B5 a workspace with a long queue beside one with ten links",
        "the ten are filled and told of before those of the other are done, and within twice their \
         undisturbed time",
        left > 0,
        told,
    );
    Ok(vec![verdict.and_timed(times <= 2.0)])
}

/// How many jobs were left at that moment; asked for once every delivery is recorded.
async fn left(data: &Connection) -> anyhow::Result<i64> {
    let started = Instant::now();
    let number = |sql| data.query_row(sql, [], |row| row.get::<_, i64>(0));
    while number("select count(*) from deliveries where state <> 'delivered'")? > 0 {
        ensure!(started.elapsed() < PATIENCE, "what came is not recorded");
        sleep(Duration::from_millis(50)).await;
    }
    Ok(number(LEFT)?)
}

async fn slowest(
    plan: &Plan<'_>,
    installation: &Installation,
    server: &Process,
) -> anyhow::Result<Duration> {
    few(plan, Customer::new(installation)?, server).await?;
    let mut slowest = Duration::ZERO;
    for _ in 0..plan.rounds {
        slowest = slowest.max(few(plan, Customer::new(installation)?, server).await?);
    }
    Ok(slowest)
}

/// Makes a few links, one right after the other: how long until both events of each have come.
async fn few(
    plan: &Plan<'_>,
    mut customer: Customer,
    server: &Process,
) -> anyhow::Result<Duration> {
    let started = Instant::now();
    customer.create(&server.url, FEW).await?;
    ensure!(customer.answered.len() == FEW, "refused: {}", customer.last_refusal);
    let links: Vec<_> = customer.answered.values().map(|promise| promise.link.as_str()).collect();
    loop {
        let events = report(plan.receiver).await?.events;
        let came = events.values().filter(|event| links.contains(&event.link.as_str())).count();
        if came >= 2 * FEW {
            return Ok(started.elapsed());
        }
        ensure!(started.elapsed() < PATIENCE, "{came} of {} events came", 2 * FEW);
        sleep(Duration::from_millis(5)).await;
    }
}
