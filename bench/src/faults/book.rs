//! What was promised, what is stored and what came, compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use anyhow::Context as _;
use rusqlite::Connection;
use serde_json::Value;
use tokio::time::Instant;

use super::customer::Customer;
use crate::receiver::{Event, Report};
use crate::server::Installation;

/// Longest time until every event has come and is recorded: longer than the wait of a load that lost
/// its database twice, 5 min.
const PATIENCE: Duration = Duration::from_secs(400);

/// The comparison, after the last fault is over.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) acknowledged: usize,
    pub(super) repeated: usize,
    /// Acknowledged links that are not stored.
    pub(super) lost: usize,
    /// Stored links whose two events did not both come.
    pub(super) untold: usize,
    /// Requests that made more than one link.
    pub(super) twice: usize,
    /// Events that came under more than one id.
    pub(super) renamed: usize,
    /// Copies whose bytes are not those of the first.
    pub(super) differing: u32,
    /// Copies beyond the first of each event.
    pub(super) duplicates: usize,
    /// Deliveries that nobody will send any more, or that failed.
    pub(super) unsettled: usize,
    /// Deliveries that took more than one recorded try.
    pub(super) retried: usize,
    /// From the first fault after an acknowledgement to the first copy of what had not come by then.
    pub(super) recoveries: Vec<Duration>,
}

impl Book {
    /// Waits until everything has come, then compares.
    pub(super) async fn close(
        customer: &Customer,
        server: &str,
        receiver: &str,
        faults: &[Instant],
    ) -> anyhow::Result<Self> {
        let mut stored = BTreeMap::<_, Vec<String>>::new();
        for link in customer.all(server, "/api/links/?").await? {
            let text = |name: &str| link[name].as_str().unwrap_or_default().to_owned();
            stored.entry(text("external_id")).or_default().push(text("id"));
        }
        let links: BTreeSet<_> = stored.values().flatten().cloned().collect();
        let started = Instant::now();
        let (mut book, report) = loop {
            let report = report(receiver).await?;
            let pending = "/manage/v1/deliveries/?status__in=pending,failed,cancelled&page_size=1";
            let pending = customer.get(server, pending).await?;
            let unsettled = pending["count"].as_u64().context("no count")?;
            let untold = untold(&links, &report);
            if (unsettled, untold) == (0, 0) || started.elapsed() > PATIENCE {
                let unsettled = usize::try_from(unsettled)?;
                break (Self { untold, unsettled, ..Self::default() }, report);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        book.acknowledged = customer.answered.len();
        book.repeated = customer.repeated;
        let promised = customer.answered.values();
        book.lost = promised.filter(|promise| !links.contains(&promise.link)).count();
        book.twice = stored.values().filter(|links| links.len() > 1).count();
        book.read(&report, &links);
        let deliveries = customer.all(server, "/manage/v1/deliveries/?").await?;
        let retried = |row: &&Value| row["tries"].as_i64().is_some_and(|tries| tries > 1);
        book.retried = deliveries.iter().filter(retried).count();
        book.recoveries = recoveries(customer, &report, clock_of(receiver).await?, faults);
        Ok(book)
    }

    fn read(&mut self, report: &Report, links: &BTreeSet<String>) {
        let mut ids = HashMap::<_, usize>::new();
        for event in of(links, report) {
            *ids.entry((&event.link, &event.kind)).or_default() += 1;
            self.differing += event.differing;
            self.duplicates += event.arrivals_us.len() - 1;
        }
        self.renamed = ids.values().filter(|ids| **ids > 1).count();
    }

    /// Whether nothing was lost, and every copy is the same event with the same bytes.
    pub(super) fn sound(&self) -> bool {
        self.acknowledged > 0
            && (self.lost, self.untold, self.twice) == (0, 0, 0)
            && (self.renamed, self.differing, self.unsettled) == (0, 0, 0)
    }

    pub(super) fn told(&self) -> String {
        format!(
            "{} links acknowledged ({} asked again under their key): {} lost, {} untold, {} made \
             twice; {} duplicates, {} under another id, {} with other bytes; {} deliveries took \
             several tries, {} are unsettled",
            self.acknowledged,
            self.repeated,
            self.lost,
            self.untold,
            self.twice,
            self.duplicates,
            self.renamed,
            self.differing,
            self.retried,
            self.unsettled,
        )
    }

    /// The recovery time that 99 of 100 do not exceed; zero when no event waited for a recovery.
    pub(super) fn recovery_p99(&mut self) -> Duration {
        self.recoveries.sort();
        let last = self.recoveries.len().saturating_sub(1);
        self.recoveries.get(last * 99 / 100).copied().unwrap_or_default()
    }

    /// How long recoveries took.
    pub(super) fn recovered(&mut self) -> String {
        let p99 = self.recovery_p99();
        let most = self.recoveries.last().copied().unwrap_or_default();
        format!("{} events, p99 {p99:.2?}, at most {most:.2?}", self.recoveries.len())
    }
}

/// Whether a link that was acknowledged has events that have not come.
pub(super) async fn is_awaited(customer: &Customer, receiver: &str) -> anyhow::Result<bool> {
    let links = customer.answered.values().map(|promise| promise.link.clone()).collect();
    Ok(untold(&links, &report(receiver).await?) > 0)
}

/// How many tries at an endpoint an installation on SQLite has recorded whose answer did not come in time; at all of
/// them with `None`. The receiver may have taken the event, and is sent it again.
pub(super) fn answered_late(
    installation: &Installation,
    endpoint: Option<&str>,
) -> anyhow::Result<usize> {
    const LATE: &str = "
        select count(*) from attempts
            join deliveries on deliveries.id = attempts.delivery_id
            join webhook_endpoints on webhook_endpoints.id = deliveries.endpoint_id
        where failure = 'timeout' and (?1 is null or lower(hex(webhook_endpoints.uuid)) = ?1)";
    let data = Connection::open(installation.folder().join("vinculo.db"))?;
    let endpoint = endpoint.map(|id| id.replace('-', ""));
    Ok(usize::try_from(data.query_row(LATE, [endpoint], |row| row.get::<_, i64>(0))?)?)
}

/// What the receiver tells.
pub(super) async fn report(receiver: &str) -> anyhow::Result<Report> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    Ok(client.get(format!("{receiver}/report")).send().await?.json().await?)
}

/// When the receiver started, by the clock of this process: of some questions the one that took least time says it
/// best, to half of that.
pub(super) async fn clock_of(receiver: &str) -> anyhow::Result<Instant> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut best: Option<(Duration, Instant)> = None;
    for _ in 0..10 {
        let asked = Instant::now();
        let us: u64 = client.get(format!("{receiver}/now")).send().await?.json().await?;
        let took = asked.elapsed();
        let started = (asked + took / 2).checked_sub(Duration::from_micros(us));
        let started = started.context("a receiver that runs for longer than this machine")?;
        if best.is_none_or(|(least, _)| took < least) {
            best = Some((took, started));
        }
    }
    Ok(best.context("no answer")?.1)
}

fn of<'a>(links: &'a BTreeSet<String>, report: &'a Report) -> impl Iterator<Item = &'a Event> {
    report.events.values().filter(|event| links.contains(&event.link))
}

fn untold(links: &BTreeSet<String>, report: &Report) -> usize {
    let told: BTreeSet<_> =
        of(links, report).map(|event| (event.link.as_str(), event.kind.as_str())).collect();
    let both = |link: &String| {
        ["EMPLOYMENTS", "OWNERS"].iter().all(|kind| told.contains(&(link.as_str(), *kind)))
    };
    links.iter().filter(|link| !both(link)).count()
}

fn recoveries(
    customer: &Customer,
    report: &Report,
    clock: Instant,
    faults: &[Instant],
) -> Vec<Duration> {
    let answered: HashMap<_, _> =
        customer.answered.values().map(|one| (one.link.as_str(), one.answered)).collect();
    let mut recoveries = Vec::new();
    for event in report.events.values() {
        let Some(answered) = answered.get(event.link.as_str()) else { continue };
        let arrived = clock + Duration::from_micros(event.arrivals_us[0]);
        recoveries.extend(recovery(*answered, arrived, faults));
    }
    recoveries
}

/// From the first fault after the acknowledgement to the arrival, however many more came between;
/// `None` when none did. Faults are in the order of time.
fn recovery(answered: Instant, arrived: Instant, faults: &[Instant]) -> Option<Duration> {
    let first = faults.iter().find(|fault| answered < **fault)?;
    (*first < arrived).then(|| arrived - *first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_begins_with_the_first_fault_after_the_acknowledgement() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let faults = [at(100), at(1000), at(1700)];
        let took = |answered, arrived| recovery(at(answered), at(arrived), &faults);
        assert_eq!(
            took(50, 2500),
            Some(Duration::from_millis(2400)),
            "two more faults do not help"
        );
        assert_eq!(took(900, 1800), Some(Duration::from_millis(800)));
        assert_eq!(took(50, 90), None, "it came before any fault");
        assert_eq!(took(200, 900), None, "no fault came between");
        assert_eq!(took(1800, 9000), None, "no fault came after");
        assert_eq!(recovery(at(0), at(9000), &[]), None);
    }
}
