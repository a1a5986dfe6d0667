//! What the database says about how an installation does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::anyhow;
use jiff::Timestamp;
use uuid::Uuid;
use vinculo_server::clock::{Clock as _, SystemClock, micros};
use vinculo_server::secrets::Secrets;
use vinculo_server::{audit, consents, spool_id, unsigned_endpoints};
use vinculo_store::{
    Dialect, EndpointCounts, FailingJobs, Micros, OpenImport, OverdueJobs, Store, Target, Unopened,
};
use vinculo_vault::Vault;

use super::{Finding, State, finding};

const SECOND: Micros = 1_000_000;
/// How far another machine of the installation may be ahead.
const AHEAD: Micros = 60 * SECOND;
/// How far the database's clock may be from this one before somebody should look.
const SKEW: Micros = 5 * SECOND;
/// For how long work may be due before nobody seems to be there for it.
const OVERDUE: Micros = 10 * 60 * SECOND;
/// Tries of a job after which somebody should look at it.
const TRIES: i64 = 6;
/// How far back sources are judged.
const LATELY: Micros = 60 * 60 * SECOND;

type Check = fn(&Store) -> vinculo_store::Result<Finding>;

/// Every check that needs the database alone.
pub(super) fn checks(store: &Store) -> Vec<Finding> {
    let checks: [(&str, Check); 5] = [
        ("clock", clock),
        ("jobs", jobs),
        ("links", links),
        ("webhook endpoints", endpoints),
        ("sources", sources),
    ];
    let failed = |name, error: vinculo_store::Error| {
        finding(name, State::Wrong, error.to_string()).mend("see to the database")
    };
    checks
        .into_iter()
        .map(|(name, check)| check(store).unwrap_or_else(|error| failed(name, error)))
        .collect()
}

/// The clock, beside the database's and what was written.
fn clock(store: &Store) -> vinculo_store::Result<Finding> {
    let (latest, theirs) = store.read_blocking(|tx| {
        Ok::<_, vinculo_store::Error>((tx.latest_moment()?, tx.database_time()?))
    })?;
    let now = SystemClock.now();
    let behind = latest.filter(|latest| *latest > micros(now).saturating_add(AHEAD));
    let skew = theirs.map_or(0, |theirs| theirs.abs_diff(micros(now))) / SECOND.unsigned_abs();
    let mend = "set the clocks of all machines by NTP";
    Ok(match behind.and_then(|latest| Timestamp::from_microsecond(latest).ok()) {
        Some(latest) => {
            let message = format!("it is {now:.0}, and {latest:.0} was written already");
            finding("clock", State::Wrong, message).mend(mend)
        }
        None if skew > SKEW.unsigned_abs() / SECOND.unsigned_abs() => {
            let message = format!("the database's clock is {skew} s away from this machine's");
            let wrong = skew > AHEAD.unsigned_abs() / SECOND.unsigned_abs();
            let state = if wrong { State::Wrong } else { State::Doubtful };
            finding("clock", state, message).mend(mend)
        }
        None => finding("clock", State::Good, format!("{now:.0}, after all that was written")),
    })
}

/// Work that nobody begins, deliveries too, jobs that fail again and again, and files that wait for those before
/// them.
fn jobs(store: &Store) -> vinculo_store::Result<Finding> {
    let now = micros(SystemClock.now());
    let (dialect, overdue, late, failing) = store.read_blocking(move |tx| {
        let before = now.saturating_sub(OVERDUE);
        let overdue = (tx.overdue_jobs(now, before)?, tx.overdue_deliveries(now, before)?);
        let failing = tx.failing_jobs(TRIES)?;
        Ok::<_, vinculo_store::Error>((tx.dialect(), overdue.0, overdue.1, failing))
    })?;
    let unattended = overdue.iter().map(|late| (late.unattended, late.kind.as_str()));
    let unattended = counted(unattended.chain([(late, "delivery")]));
    Ok(if !unattended.is_empty() {
        let message = format!("due for ten minutes and not begun: {unattended}");
        finding("jobs", State::Wrong, message).mend(
            "run a `vinculo worker`, or a `vinculo serve` without --no-worker, and see its log",
        )
    } else if let Some(worst) = failing.iter().max_by_key(|failing| failing.tried) {
        let why = worst.failure.as_deref().unwrap_or("it was not said why");
        let all = failing.iter().map(|FailingJobs { kind, jobs, .. }| (*jobs, kind.as_str()));
        let (tried, all) = (worst.tried, counted(all));
        let message = format!("fail again and again: {all}; one was tried {tried} times: {why}");
        finding("jobs", State::Doubtful, message)
            .mend("what is tried again goes on by itself once its cause is gone: see the log")
    } else if let Some(OverdueJobs { kind, behind, held, .. }) = overdue.first() {
        let message = format!("due for ten minutes: {behind} {kind}, behind {held} at work");
        // One process alone works on an embedded database.
        finding("jobs", State::Doubtful, message).mend(match dialect {
            Dialect::Sqlite => "their turn comes, two at a time",
            Dialect::Postgres => {
                "their turn comes; one more `vinculo worker` with their data folder loads two more at a time"
            }
        })
    } else {
        finding("jobs", State::Good, "none is stuck")
    })
}

/// What links are due for by themselves, and nobody acts on.
fn links(store: &Store) -> vinculo_store::Result<Finding> {
    let now = micros(SystemClock.now());
    let mut late = store.read_blocking(move |tx| tx.overdue_links(now))?;
    late.retain(|links| links.oldest_due.is_some_and(|at| at < now.saturating_sub(OVERDUE)));
    let Some(first) = late.iter().filter_map(|links| links.oldest_due).min() else {
        return Ok(finding("links", State::Good, "nothing is overdue"));
    };
    let (all, minutes) =
        (counted(late.iter().map(|it| (it.due, it.kind))), (now - first) / (60 * SECOND));
    let message = format!("due and not acted on, the first for {minutes} min: {all}");
    Ok(finding("links", State::Wrong, message).mend(
        "run a `vinculo worker`, or a `vinculo serve` without --no-worker; its log names the links that it \
         cannot act on (`link left due`) and why",
    ))
}

/// How many there are of each kind of which there are any.
fn counted<'a>(rows: impl Iterator<Item = (i64, &'a str)>) -> String {
    let some = rows.filter(|(rows, _)| *rows > 0).map(|(rows, kind)| format!("{rows} {kind}"));
    some.collect::<Vec<_>>().join(", ")
}

/// Files that wait in other spools than this one, in which nobody seems to look for them. An embedded database
/// has one spool.
pub(super) fn received_files(store: &Store, target: &Target, spool: &Path) -> Finding {
    const NAME: &str = "received files";
    let (own, open) = match (spool_id(spool), store.read_blocking(|tx| tx.open_imports())) {
        (Err(error), _) => {
            let mend = "restore the file, or remove it and have what waited sent again";
            let message = format!("{}: {error}", spool.display());
            return finding(NAME, State::Wrong, message).mend(mend);
        }
        (_, Err(error)) => {
            return finding(NAME, State::Wrong, error.to_string()).mend("see to the database");
        }
        (Ok(own), Ok(open)) => (own, open),
    };
    let now = micros(SystemClock.now());
    let is_held = |import: &OpenImport| import.is_taken && import.due_at > Some(now);
    let attended: BTreeSet<_> = open.iter().filter(|it| is_held(it)).map(|it| it.spool).collect();
    let mut left = BTreeMap::<Uuid, u64>::new();
    for import in &open {
        let overdue = import.due_at.is_none_or(|due| due < now.saturating_sub(OVERDUE));
        // Where somebody is at a file, the others wait for it.
        let waits = overdue && !attended.contains(&import.spool);
        let elsewhere = import.spool.filter(|_| matches!(target, Target::Postgres { .. }));
        if let Some(spool) = elsewhere.filter(|spool| waits && Some(*spool) != own) {
            *left.entry(spool).or_default() += 1;
        }
    }
    if left.is_empty() {
        return finding(NAME, State::Good, format!("{} on their way", open.len()));
    }
    let each = left.iter().map(|(spool, files)| format!("{files} in the spool {spool}"));
    let message = format!(
        "due for ten minutes and not begun, in other data folders than this one: {}",
        each.collect::<Vec<_>>().join(", ")
    );
    finding(NAME, State::Wrong, message).mend(
        "run a `vinculo worker` with the data folder that has it; when it is gone for good, \
         `vinculo pila take-over --spool ID` refuses them, so that they can be sent again",
    )
}

fn endpoints(store: &Store) -> vinculo_store::Result<Finding> {
    let counts = store.read_blocking(|tx| tx.endpoint_counts())?;
    let EndpointCounts { working, failing, disabled } = counts;
    let message = format!("{working} work, {failing} fail, {disabled} are disabled");
    Ok(match failing + disabled {
        0 => finding("webhook endpoints", State::Good, message),
        _ => finding("webhook endpoints", State::Doubtful, message).mend(
            "`vinculo webhooks list` says which, `vinculo deliveries list --endpoint ID` why; both want \
             --environment. One that fails goes on once its receiver answers; a disabled one wants \
             `webhooks enable`, then `webhooks replay`",
        ),
    })
}

/// How sources have answered lately. Those of the sandbox fail when they are asked to.
fn sources(store: &Store) -> vinculo_store::Result<Finding> {
    let now = micros(SystemClock.now());
    let used = store.read_blocking(move |tx| {
        let mut used = Vec::new();
        for (workspace, _) in tx.workspaces()? {
            used.extend(tx.source_usage(workspace.id, now.saturating_sub(LATELY), now)?);
        }
        Ok::<_, vinculo_store::Error>(used)
    })?;
    let mut all: BTreeMap<String, Lately> = BTreeMap::new();
    for usage in used.into_iter().filter(|usage| usage.source != "sandbox") {
        let lately = all.entry(usage.source).or_default();
        let last = Some(usage.last_at);
        lately.asked += usage.calls;
        match usage.outcome.as_str() {
            "not_authorized" => lately.refused_at = lately.refused_at.max(last),
            "fault" | "retry_later" => {}
            _ => {
                lately.answered += usage.calls;
                lately.answered_at = lately.answered_at.max(last);
            }
        }
    }
    let named = |pick: fn(&Lately) -> bool| {
        let picked = all.iter().filter(|(_, lately)| pick(lately)).map(|(name, _)| name.as_str());
        picked.collect::<Vec<_>>().join(", ")
    };
    let refused = named(|it| it.refused_at.is_some() && it.refused_at >= it.answered_at);
    let failing = named(|it| it.asked > 0 && it.answered * 2 <= it.asked);
    let were_refused = named(|it| it.refused_at.is_some());
    let doubtful = |message: String| finding("sources", State::Doubtful, message);
    Ok(if !refused.is_empty() {
        let message = format!("refused our credentials last, within the hour: {refused}");
        finding("sources", State::Wrong, message)
            .mend("renew the credentials of the source, and start the servers anew")
    } else if !failing.is_empty() {
        doubtful(format!("half of the questions of the last hour or more failed: {failing}")).mend(
            "ask the operator; loads are tried again by themselves (docs/OPERATING-SOURCES.md)",
        )
    } else if !were_refused.is_empty() {
        doubtful(format!("refused our credentials within the hour, and answered since: {were_refused}"))
            .mend("nothing, if the credentials were renewed; else a server may have old ones: start it anew")
    } else {
        let asked: i64 = all.values().map(|lately| lately.asked).sum();
        finding("sources", State::Good, format!("{asked} questions in the last hour"))
    })
}

/// How a source did lately.
#[derive(Default)]
struct Lately {
    /// Questions.
    asked: i64,
    /// Of those, how many it answered.
    answered: i64,
    /// When one was asked last that it answered.
    answered_at: Option<Micros>,
    /// When one was asked last for which it refused our credentials.
    refused_at: Option<Micros>,
}

/// Whether everybody whom the keys do not open was erased.
fn people(store: &Store) -> Finding {
    match store.read_blocking(|tx| tx.unopened()) {
        Err(error) => {
            finding("people", State::Wrong, error.to_string()).mend("see to the database")
        }
        Ok(Unopened { people: 0, workspaces: 0 }) => {
            finding("people", State::Good, "everybody has a key, or was erased")
        }
        Ok(Unopened { people, workspaces }) => {
            let message = format!(
                "{people} have neither a key nor the receipt of an erasure, {workspaces} \
                 workspaces have no key"
            );
            finding("people", State::Wrong, message)
                .mend("the keys are older than the data: bring newer ones back (docs/BACKUP.md)")
        }
    }
}

/// Whether receivers can know that requests are from here.
pub(super) fn signatures(store: &Store, vault: &Vault) -> Finding {
    let unsigned = opened(store, vault).and_then(|secrets| {
        unsigned_endpoints(store, &secrets).map_err(|error| anyhow!("{}", error.told()))
    });
    match unsigned {
        Err(error) => {
            finding("signatures", State::Wrong, format!("{error:#}")).mend("see to the database")
        }
        Ok(unsigned) if unsigned.is_empty() => {
            finding("signatures", State::Good, "requests to every endpoint are signed")
        }
        Ok(unsigned) => {
            let ids = unsigned.iter().map(Uuid::to_string).collect::<Vec<_>>().join(", ");
            let message = format!("requests are not signed to {ids}");
            finding("signatures", State::Doubtful, message).mend(
                "`vinculo webhooks rotate ID` makes a secret: tell it to the receiver (docs/WEBHOOKS.md)",
            )
        }
    }
}

fn opened(store: &Store, vault: &Vault) -> anyhow::Result<Secrets> {
    let (workspaces, version) = store.read_blocking(|tx| {
        Ok::<_, vinculo_store::Error>((tx.workspaces()?, tx.index_version()?.version))
    })?;
    Ok(Secrets::open(vault.clone(), workspaces, version)?)
}

/// Who has no key, and the chains of the audit log and of consents, computed again.
pub(super) fn chains(store: &Store, vault: &Vault) -> Vec<Finding> {
    let mend = "somebody has changed the database, or it is damaged: restore it (docs/BACKUP.md)";
    let wrong = |check, message: String| finding(check, State::Wrong, message).mend(mend);
    let audit = match audit::verify(store, vault, &[]) {
        Err(error) => wrong("audit log", error.to_string()),
        Ok(verified) => match verified.fault {
            Some(fault) => wrong("audit log", fault),
            None => {
                let chains = verified.chains.len();
                finding("audit log", State::Good, format!("{chains} chains, all sound"))
            }
        },
    };
    let verified =
        opened(store, vault).and_then(|secrets| Ok(consents::verify(store, &secrets, &[])?));
    let consents = match verified {
        Err(error) => wrong("consents", format!("{error:#}")),
        Ok(verified) if verified.ok => {
            let receipts: i64 = verified.chains.iter().map(|chain| chain.receipts).sum();
            finding("consents", State::Good, format!("{receipts} receipts, all whole"))
        }
        Ok(verified) => {
            let broken = verified.chains.iter().filter_map(|chain| chain.broken.as_ref()).next();
            let why = broken.map_or("a chain does not hold", |broken| broken.why);
            wrong("consents", format!("{why}: `vinculo consents verify` says where"))
        }
    };
    vec![people(store), audit, consents]
}
