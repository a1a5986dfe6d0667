//! What is not counted but looked at: how much waits, how sources and the store stand, what the
//! process uses. Looked at when metrics are read, at most once in a few seconds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;
use vinculo_store::{Backlog, EndpointCounts, Error, Micros, OverdueLinks, RetentionRule};

use super::{Labels, Metrics, add, one};
use crate::App;
use crate::health;

/// For how long a look is good.
const FRESH: Duration = Duration::from_secs(5);

type Kinds<const N: usize> = Family<Labels<N>, Gauge>;

/// Everything that is looked at.
pub(crate) struct Gauges {
    looked_at: Mutex<Option<Timestamp>>,
    ready: Kinds<1>,
    disk_free: Gauge,
    due: Kinds<1>,
    later: Kinds<1>,
    oldest: Family<Labels<1>, Gauge<f64, AtomicU64>>,
    endpoints: Kinds<1>,
    breaker: Kinds<2>,
    refused: Kinds<1>,
    asking: Kinds<1>,
    spent: Kinds<1>,
    budget: Kinds<1>,
    lanes: Kinds<1>,
    lanes_busy: Kinds<1>,
    lanes_waiting: Kinds<1>,
    audit_waiting: Gauge,
    removed: Family<Labels<1>, Counter>,
    removed_at: Kinds<1>,
    resident: Gauge,
    open_fds: Gauge,
    seen: Gauge,
}

/// What one look at the database says.
struct Stored {
    backlog: Vec<Backlog>,
    overdue: Vec<OverdueLinks>,
    endpoints: EndpointCounts,
    removed: Vec<(RetentionRule, i64, Micros)>,
}

impl Gauges {
    pub(super) fn new(own: &mut Registry) -> Self {
        let kinds = Family::default;
        Self {
            looked_at: Mutex::new(None),
            ready: add(own, "vinculo_ready", READY, kinds()),
            disk_free: add(own, "vinculo_disk_free_bytes", DISK, one()),
            due: add(own, "vinculo_backlog_due", DUE, kinds()),
            later: add(own, "vinculo_backlog_later", LATER, kinds()),
            oldest: add(own, "vinculo_backlog_oldest_due_seconds", OLDEST, Family::default()),
            endpoints: add(own, "vinculo_webhook_endpoints", ENDPOINTS, kinds()),
            breaker: add(own, "vinculo_source_breaker", BREAKER, Family::default()),
            refused: add(own, "vinculo_source_refused", REFUSED, kinds()),
            asking: add(own, "vinculo_source_in_flight", ASKING, kinds()),
            spent: add(own, "vinculo_source_month_pesos", SPENT, kinds()),
            budget: add(own, "vinculo_source_budget_pesos", BUDGET, kinds()),
            lanes: add(own, "vinculo_store_lanes", LANES, kinds()),
            lanes_busy: add(own, "vinculo_store_lanes_busy", LANES_BUSY, kinds()),
            lanes_waiting: add(own, "vinculo_store_waiting", LANES_WAITING, kinds()),
            audit_waiting: add(own, "vinculo_audit_waiting", AUDIT_WAITING, one()),
            removed: add(own, "vinculo_retention_removed_rows", REMOVED, Family::default()),
            removed_at: add(own, "vinculo_retention_removed_timestamp_seconds", WHEN, kinds()),
            resident: add(own, "process_resident_memory_bytes", RESIDENT, one()),
            open_fds: add(own, "process_open_fds", OPEN_FDS, one()),
            seen: add(own, "vinculo_metrics_timestamp_seconds", SEEN, one()),
        }
    }
}

impl Metrics {
    /// Everything as text, as OpenMetrics has it; what is looked at is a few seconds old at most.
    ///
    /// # Errors
    /// Never: there is room in a text.
    pub(super) async fn read(&self, app: &App) -> Result<String, std::fmt::Error> {
        let mut looked_at = self.gauges.looked_at.lock().await;
        let now = app.now();
        let age = looked_at.map(|at| Duration::try_from(now.duration_since(at)));
        if !matches!(age, Some(Ok(age)) if age < FRESH) {
            self.gauges.look(app).await;
            *looked_at = Some(now);
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Gauges {
    /// Looks at everything. Where the database does not answer, what it said before stays: of what waits, or of what
    /// sources cost, each by itself.
    async fn look(&self, app: &App) {
        self.disk_free.set(whole(health::disk_free(app).unwrap_or(0)));
        for lane in app.store().lanes() {
            let label = [("lane", lane.name)];
            self.lanes.get_or_create(&label).set(whole(lane.lanes));
            self.lanes_busy.get_or_create(&label).set(whole(lane.busy));
            self.lanes_waiting.get_or_create(&label).set(whole(lane.waiting));
        }
        self.audit_waiting.set(whole(app.audit().waiting()));
        self.look_at_sources(app);
        self.look_at_process();
        let (checks, stored, spent) = tokio::join!(
            health::checks(app),
            in_time(app, stored(app)),
            in_time(app, self.show_spent(app))
        );
        for check in checks {
            self.ready.get_or_create(&[("check", check.name)]).set(i64::from(check.ready));
        }
        if let Some(stored) = &stored {
            self.show(app, stored);
        }
        if stored.is_some() && spent.is_some() {
            self.seen.set(app.now().as_second());
        }
    }

    /// What each source has cost this month, one after the other.
    async fn show_spent(&self, app: &App) -> Result<(), Error> {
        for (source, gate) in app.sources().gates() {
            let spent = gate.spent(app).await?;
            self.spent.get_or_create(&[("source", source)]).set(spent);
        }
        Ok(())
    }

    fn look_at_sources(&self, app: &App) {
        for (source, gate) in app.sources().gates() {
            let seen = gate.seen(app.now());
            for state in ["closed", "open", "half_open"] {
                let is = i64::from(seen.breaker == state);
                self.breaker.get_or_create(&[("source", source), ("state", state)]).set(is);
            }
            let label = [("source", source)];
            self.refused.get_or_create(&label).set(i64::from(seen.refused_since.is_some()));
            self.asking.get_or_create(&label).set(whole(seen.in_flight));
            if let Some(budget) = gate.terms().monthly_budget {
                self.budget.get_or_create(&label).set(budget);
            }
        }
    }

    fn look_at_process(&self) {
        // Where there is no such folder, nothing is known.
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
        self.resident.set(whole(pages.unwrap_or(0) * rustix::param::page_size()));
        self.open_fds.set(std::fs::read_dir("/proc/self/fd").map_or(0, |all| whole(all.count())));
    }

    fn show(&self, app: &App, stored: &Stored) {
        for backlog in &stored.backlog {
            self.later.get_or_create(&[("kind", backlog.kind)]).set(backlog.later);
        }
        let rows = stored.backlog.iter().map(|it| (it.kind, it.due, it.oldest_due));
        let links = stored.overdue.iter().map(|it| (it.kind, it.due, it.oldest_due));
        for (kind, due, oldest) in rows.chain(links) {
            self.due.get_or_create(&[("kind", kind)]).set(due);
            let age = oldest.map_or(0, |at| app.now_micros().saturating_sub(at));
            self.oldest.get_or_create(&[("kind", kind)]).set(age.max(0) as f64 / 1e6);
        }
        let EndpointCounts { working, failing, disabled } = stored.endpoints;
        for (state, count) in [("working", working), ("failing", failing), ("disabled", disabled)] {
            self.endpoints.get_or_create(&[("state", state)]).set(count);
        }
        for rule in RetentionRule::ALL {
            let label = [("rule", rule.as_str())];
            let known = stored.removed.iter().find(|(known, ..)| known == rule);
            let (rows, at) = known.map_or((0, 0), |(_, rows, at)| (*rows, at / 1_000_000));
            let rows = u64::try_from(rows).unwrap_or(0);
            self.removed.get_or_create(&label).inner().store(rows, Ordering::Relaxed);
            self.removed_at.get_or_create(&label).set(at);
        }
    }
}

/// What the database says, unless it fails or takes too long.
async fn in_time<T>(app: &App, look: impl Future<Output = Result<T, Error>>) -> Option<T> {
    match tokio::time::timeout(app.config().look_timeout, look).await {
        Ok(Ok(seen)) => return Some(seen),
        Ok(Err(error)) => tracing::warn!(cause = %error, "metrics are not up to date"),
        Err(_) => tracing::warn!("metrics are not up to date: the database is slow"),
    }
    None
}

async fn stored(app: &App) -> Result<Stored, Error> {
    let now = app.now_micros();
    let stored = app.store().read(move |tx| {
        Ok::<_, Error>(Stored {
            backlog: tx.backlog(now)?,
            overdue: tx.overdue_links(now)?,
            endpoints: tx.endpoint_counts()?,
            removed: tx.retention_sums()?,
        })
    });
    stored.await
}

fn whole<T: TryInto<i64>>(number: T) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

const READY: &str = "Whether a check of /readyz passes";
const DISK: &str = "Bytes free where the data folder is";
const DUE: &str = "Work that is due and not begun, by kind; the first 100000 are counted";
const LATER: &str = "Work that is held by a worker or waits for a later moment, by kind";
const OLDEST: &str =
    "For how long the oldest work has been due that waits for nobody else, by kind";
const ENDPOINTS: &str = "Webhook endpoints, by how they do";
const BREAKER: &str = "1 for the state that the breaker of a source is in";
const REFUSED: &str = "Whether a source refuses our credentials";
const ASKING: &str = "Questions that are on their way to a source";
const SPENT: &str = "What a source has cost all workspaces this month of Bogota, whole pesos";
const BUDGET: &str = "What a source may cost in a month, whole pesos";
const LANES: &str = "Connections of the store";
const LANES_BUSY: &str = "Connections of the store that are at work";
const LANES_WAITING: &str = "Closures that wait for a connection of the store";
const AUDIT_WAITING: &str = "Entries about what was read that wait to be written";
const REMOVED: &str = "Rows that have grown old and were removed, by rule, in the installation";
const WHEN: &str = "When rows of a rule were removed last; 0 is never";
const RESIDENT: &str = "Memory of the process, bytes";
const OPEN_FDS: &str = "Open file descriptors of the process";
const SEEN: &str = "When the database last told all that is looked at there; 0 is never";
