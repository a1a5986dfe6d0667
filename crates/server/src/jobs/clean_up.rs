//! What is removed from time to time: what has grown old, by the rules of [`rules`], and things that
//! nobody needs any more and that no job is about.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use vinculo_pila::Month;
use vinculo_store::{AuditAction, Micros, Old, RetentionRule, Tx, Workspace, WorkspaceId};

use super::unneeded_lines::LINES;
use super::{planilla_place, unneeded_lines};
use crate::App;
use crate::audit::{Entry, Trail};
use crate::clock::{self, bogota_month, micros, month_start, wire_time};
use crate::config::RetentionConfig;
use crate::error::ApiError;
use crate::settings::Settings;
use crate::terms::{DAY, after};
use crate::{cohorts, connect, erasure, imports, once, tokens, webhooks};

/// How often.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Rows removed in one transaction: a few milliseconds of the one writer of an embedded database.
const BATCH: i64 = 500;

/// How long something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// So many days, as somebody has decided.
    Days(u32),
    /// So many whole months of work before the present one in Bogotá, as somebody has decided.
    Months(u32),
    /// So many microseconds, which is a promise of the API.
    Promised(Micros),
    Forever,
}

/// What a rule keeps, and what it has removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "rule": "events", "days": 90, "months": null, "before": "2026-08-26T12:00:00.000000Z", "rows": 2,
    "oldest": "2026-08-20T09:30:00.000000Z", "newest": "2026-08-21T09:30:00.000000Z",
    "bytes": 734, "removed": 18, "last_removed": 3,
    "last_removed_at": "2026-11-24T11:00:00.000000Z"
}))]
pub struct RuleStatus {
    /// What it is about.
    #[schema(value_type = String, examples("events"))]
    pub rule: &'static str,
    /// Days that it keeps; null for what is kept for hours, for months, or for ever.
    #[schema(maximum = 36_500)]
    pub days: Option<u32>,
    /// Months of work that it keeps before the present one; null for all rules but `lines`.
    #[schema(maximum = 1200)]
    pub months: Option<u32>,
    /// What is older than this goes; null when nothing does.
    #[schema(format = DateTime)]
    pub before: Option<String>,
    /// Rows that would go now.
    pub rows: i64,
    /// When the oldest of them is from.
    #[schema(format = DateTime)]
    pub oldest: Option<String>,
    /// When the newest of them is from.
    #[schema(format = DateTime)]
    pub newest: Option<String>,
    /// Bytes of what is sealed in them; null where nothing is.
    pub bytes: Option<i64>,
    /// Rows that went so far.
    pub removed: i64,
    /// Rows that the last run removed which found any.
    pub last_removed: i64,
    /// When that was.
    #[schema(format = DateTime)]
    pub last_removed_at: Option<String>,
}

/// What a rule has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// The rule.
    pub rule: &'static str,
    /// Rows.
    pub rows: u64,
}

impl Keep {
    /// Before what something is old: a moment, of months the month itself, yyyymm.
    fn before(self, now: Timestamp) -> Option<i64> {
        let at = micros(now);
        match self {
            Self::Days(days) => Some(at.saturating_sub(after(0, DAY.saturating_mul(days)))),
            Self::Months(months) => {
                let first = bogota_month(now)?.plus(-i32::try_from(months).ok()?);
                Some(first.to_yyyymm())
            }
            // What is exactly so old is not promised any more.
            Self::Promised(time) => Some(at.saturating_sub(time) + 1),
            Self::Forever => None,
        }
    }

    /// What [`Self::before`] says, and how old things are, for people: of a month its beginning.
    fn told(self, at: i64) -> Option<String> {
        match self {
            Self::Months(_) => {
                Month::from_yyyymm(at).map(|month| wire_time(micros(month_start(month))))
            }
            _ => Some(wire_time(at)),
        }
    }
}

/// The rules of a workspace, or of the installation without one.
fn rules(
    tx: &mut Tx<'_>,
    workspace: Option<WorkspaceId>,
    config: RetentionConfig,
) -> Result<Vec<(RetentionRule, Keep)>, ApiError> {
    let Some(workspace) = workspace else {
        let keep = config.audit_days.map_or(Keep::Forever, Keep::Days);
        return Ok(vec![(RetentionRule::AuditEntries, keep)]);
    };
    let settings = Settings::read(tx, workspace)?;
    let days = |days: u32| Keep::Days(days.min(config.longest_days.unwrap_or(days)));
    let keep = |rule| match rule {
        RetentionRule::SourceAnswers => Some(days(settings.keep_source_answers_days)),
        RetentionRule::DeliveryAnswers => Some(days(settings.keep_delivery_answers_days)),
        RetentionRule::Events => Some(days(settings.keep_events_days)),
        RetentionRule::ImportReports => Some(days(settings.keep_import_reports_days)),
        RetentionRule::Loads => Some(days(settings.keep_loads_days)),
        RetentionRule::CohortRows => Some(days(settings.keep_cohort_rows_days)),
        RetentionRule::Lines => Some(match settings.keep_lines_months {
            0 => Keep::Forever,
            months => Keep::Months(months),
        }),
        RetentionRule::KeptAnswers => Some(Keep::Promised(once::KEPT)),
        RetentionRule::UsedTokens => Some(Keep::Promised(tokens::REMEMBERED)),
        RetentionRule::ConnectSessions => Some(Keep::Promised(connect::REMEMBERED)),
        RetentionRule::AuditEntries => None,
    };
    let all = RetentionRule::ALL.iter();
    Ok(all.filter_map(|&rule| Some((rule, keep(rule)?))).collect())
}

/// What every rule of a workspace, or of the installation without one, would remove now, and what it
/// has removed. Removes nothing.
///
/// # Errors
/// When the database fails.
pub async fn retention_report(
    app: &App,
    workspace: Option<WorkspaceId>,
) -> Result<Vec<RuleStatus>, ApiError> {
    let (now, config) = (app.now(), app.config().retention);
    let report = app.store().read(move |tx| {
        let totals = tx.retention_totals(workspace)?;
        let all = rules(tx, workspace, config)?.into_iter();
        let status = |(rule, keep): (RetentionRule, Keep)| {
            let before = keep.before(now);
            let old = match before {
                Some(before) => tx.old(rule, workspace, before)?,
                None => Old::default(),
            };
            let total = totals.iter().find(|total| total.rule == rule);
            Ok::<_, ApiError>(RuleStatus {
                rule: rule.as_str(),
                days: match keep {
                    Keep::Days(days) => Some(days),
                    Keep::Months(_) | Keep::Promised(_) | Keep::Forever => None,
                },
                months: match keep {
                    Keep::Months(months) => Some(months),
                    Keep::Days(_) | Keep::Promised(_) | Keep::Forever => None,
                },
                before: before.and_then(|at| keep.told(at)),
                rows: old.rows,
                oldest: old.oldest.and_then(|at| keep.told(at)),
                newest: old.newest.and_then(|at| keep.told(at)),
                bytes: old.bytes,
                removed: total.map_or(0, |total| total.removed),
                last_removed: total.map_or(0, |total| total.last_removed),
                last_removed_at: total.map(|total| wire_time(total.last_removed_at)),
            })
        };
        all.map(status).collect()
    });
    report.await
}

/// Removes what is old now, in the whole installation, as servers do every hour.
///
/// # Errors
/// What the last rule that failed says; the others have done their part.
pub async fn remove_old(app: &App) -> Result<Vec<Removed>, ApiError> {
    let stop = CancellationToken::new();
    let (mut all, mut failed): (Vec<Removed>, _) = (Vec::new(), None);
    for workspace in place_ids(app) {
        let applied = apply(app, workspace, &Trail::console(workspace), &stop).await;
        let applied = applied.unwrap_or_else(|error| {
            failed = Some(error);
            Vec::new()
        });
        for removed in applied {
            match all.iter_mut().find(|known| known.rule == removed.rule) {
                Some(known) => known.rows += removed.rows,
                None => all.push(removed),
            }
        }
    }
    failed.map_or(Ok(all), Err)
}

/// Every workspace, then `None` for the installation.
pub fn places(app: &App) -> Vec<Option<Workspace>> {
    let all = app.all_secrets().all().into_iter();
    all.map(|secrets| Some(secrets.workspace().clone())).chain([None]).collect()
}

/// The ids of [`places`].
fn place_ids(app: &App) -> impl Iterator<Item = Option<WorkspaceId>> {
    places(app).into_iter().map(|workspace| workspace.map(|workspace| workspace.id))
}

/// Applies the rules of one workspace, or of the installation, until nothing is old.
async fn apply(
    app: &App,
    workspace: Option<WorkspaceId>,
    trail: &Trail,
    stop: &CancellationToken,
) -> Result<Vec<Removed>, ApiError> {
    let (now, run, config) = (app.now(), app.now_micros(), app.config().retention);
    let rules = app.store().read(move |tx| rules(tx, workspace, config)).await?;
    let (mut all, mut failed) = (Vec::with_capacity(rules.len()), None);
    for (rule, keep) in rules {
        let Some(before) = keep.before(now) else { continue };
        let mut rows = 0;
        let mut ready = Ok(());
        if rule == RetentionRule::Loads {
            ready = mark_loads(app, workspace, stop).await;
        }
        while ready.is_ok() && !stop.is_cancelled() {
            // Mostly there is nothing, and nothing is written then.
            match remove_batch(app, trail, (rule, keep), workspace, (before, run)).await {
                Ok(0) => break,
                Ok(removed) => rows += removed,
                Err(error) => ready = Err(error),
            }
        }
        if let Err(error) = ready {
            tracing::warn!(rule = rule.as_str(), cause = error.cause(), "old rows stay");
            failed = Some(error);
        }
        all.push(Removed { rule: rule.as_str(), rows });
    }
    failed.map_or(Ok(all), Err)
}

/// Has what an earlier version left of the loads of a workspace marked, so that their rule finds it.
async fn mark_loads(
    app: &App,
    workspace: Option<WorkspaceId>,
    stop: &CancellationToken,
) -> Result<(), ApiError> {
    let Some(workspace) = workspace else { return Ok(()) };
    while !stop.is_cancelled() {
        let mark = move |tx: &mut Tx<'_>| Ok::<_, ApiError>(tx.mark_loads(workspace, BATCH)?);
        if app.store().write(mark).await? == 0 {
            break;
        }
    }
    Ok(())
}

async fn remove_batch(
    app: &App,
    trail: &Trail,
    (rule, keep): (RetentionRule, Keep),
    workspace: Option<WorkspaceId>,
    (before, run): (i64, Micros),
) -> Result<u64, ApiError> {
    if !app.store().read(move |tx| tx.has_old(rule, workspace, before)).await? {
        return Ok(0);
    }
    let (writer, trail) = (app.clone(), trail.clone());
    let removed = app.store().write(move |tx| {
        let batch = if rule == RetentionRule::Lines { LINES } else { BATCH };
        let removed = tx.remove_old(rule, workspace, before, batch, run)?;
        if removed > 0 && matches!(keep, Keep::Days(_) | Keep::Months(_)) {
            let objects = i64::try_from(removed).unwrap_or(i64::MAX);
            trail.note(tx, &writer, Entry::of(AuditAction::OldRemoved).objects(objects))?;
        }
        Ok::<_, ApiError>(removed)
    });
    removed.await
}

/// Cleans up until stopped. What failed is tried again the next time.
pub(super) async fn run(app: App, stopped: CancellationToken) {
    // Counted from here on: who has just begun is not late.
    app.metrics().cleaned_up.set(app.now().as_second());
    loop {
        if round(&app, &stopped).await {
            app.metrics().cleaned_up.set(app.now().as_second());
        }
        let next = clock::after(app.now(), EVERY);
        tokio::select! {
            () = stopped.cancelled() => return,
            () = app.clock().sleep_until(next) => {}
        }
    }
}

/// Cleans up once; whether nothing failed, and nothing was left out because somebody stopped it.
async fn round(app: &App, stopped: &CancellationToken) -> bool {
    let mut all = true;
    for workspace in place_ids(app) {
        let applied = apply(app, workspace, &Trail::system(workspace), stopped).await;
        all &= succeeded("old rows", applied.map(|_| ()));
    }
    all &= succeeded("spool", imports::sweep_spool(app).await);
    let day_ago = app.now_micros().saturating_sub(after(0, DAY));
    all &= succeeded("cohorts sent by halves", cohorts::sweep(app, day_ago).await);
    all &= succeeded("destroyed keys", erasure::scrub(app).await);
    let stranded = stopped.run_until_cancelled(webhooks::sweep(app)).await;
    all &= succeeded("stranded deliveries", stranded.unwrap_or(Ok(())));
    let missed = stopped.run_until_cancelled(webhooks::send_all_missed(app)).await;
    all &= succeeded("what endpoints missed", missed.unwrap_or(Ok(())));
    all &= succeeded("planillas of an earlier version", planilla_place::place_older(app).await);
    let unneeded = unneeded_lines::sweep(app, stopped).await;
    all &= succeeded("lines of files that do not count", unneeded);
    all && !stopped.is_cancelled()
}

fn succeeded(what: &str, swept: Result<(), ApiError>) -> bool {
    if let Err(error) = &swept {
        tracing::warn!(what, cause = error.cause(), "not cleaned up");
    }
    swept.is_ok()
}
