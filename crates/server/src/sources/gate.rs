//! What a question passes on its way to a source: the breaker, a place among those asked at once, the
//! pace, the budget. And what this process has seen of the source.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex as Turn, Semaphore, SemaphorePermit};
use vinculo_pila::Month;
use vinculo_sources::{Outcome, RetryReason};

use super::SourceTerms;
use super::breaker::{Admission, Breaker, Cause, Shut};
use super::budget::Budget;
use super::silence::{Ended, Silence, Unanswered};
use super::spent::Spent;
use crate::App;
use crate::clock::{bogota_month, micros, month_start};
use crate::limits::{Limit, Steady};

/// Why a question was not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeldBack {
    /// As many as may be are being asked.
    Busy,
    /// So many were asked that there is room for another only after this time.
    TooFast(Duration),
    /// The source is given a pause.
    Shut(Shut),
    /// The month's budget is used up; the next begins then.
    OverBudget(Timestamp),
    /// The source has said that it is to be left alone until then.
    Away(Timestamp),
}

impl HeldBack {
    /// What stands for the answer.
    pub(crate) fn outcome(self, now: Timestamp) -> Outcome {
        let wait = |until: Timestamp| Duration::try_from(until.duration_since(now)).ok();
        let (reason, not_before) = match self {
            Self::Shut(Shut { cause: Cause::Refused, .. }) => return Outcome::NotAuthorized,
            Self::Shut(Shut { until, .. }) => (RetryReason::UpstreamDown, wait(until)),
            Self::Busy => (RetryReason::Saturated, None),
            Self::TooFast(wait) => (RetryReason::RateLimited, Some(wait)),
            Self::OverBudget(until) | Self::Away(until) => (RetryReason::RateLimited, wait(until)),
        };
        Outcome::RetryLater { reason, not_before }
    }

    /// The word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::TooFast(_) => "too_fast",
            Self::Shut(_) => "shut",
            Self::OverBudget(_) => "over_budget",
            Self::Away(_) => "away",
        }
    }

    /// Whether it says nothing about the source: a rule of this installation.
    pub(crate) const fn is_own_rule(self) -> bool {
        !matches!(self, Self::Shut(_))
    }
}

/// The gate of one source.
pub(crate) struct Gate {
    source: &'static str,
    terms: SourceTerms,
    places: Semaphore,
    pace: Option<Limit<()>>,
    watched: Mutex<Watched>,
    spent: Spent,
    /// Held by whoever brings the budget up to date.
    reading: Turn<()>,
}

/// What changes with every question.
struct Watched {
    breaker: Breaker,
    budget: Option<Budget>,
    last: BTreeMap<&'static str, Timestamp>,
    refused_since: Option<Timestamp>,
    silence: Silence,
}

/// How a gate stands.
pub(crate) struct Standing {
    pub(crate) terms: SourceTerms,
    /// `closed`, `open` or `half_open`.
    pub(crate) breaker: &'static str,
    pub(crate) shut: Option<Shut>,
    /// Since when the source has refused our credentials, and answered nothing else.
    pub(crate) refused_since: Option<Timestamp>,
    /// Since when and why it answers nothing.
    pub(crate) unanswered: Option<Unanswered>,
    /// Until when it has asked to be left alone.
    pub(crate) away_until: Option<Timestamp>,
    /// When each outcome was last seen.
    pub(crate) last: BTreeMap<&'static str, Timestamp>,
    pub(crate) in_flight: usize,
    /// Limit, spent, and whether that is most of it.
    pub(crate) budget: Option<(i64, i64, bool)>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Leave to ask one question. Whoever drops it without telling the end gave the question up.
pub(crate) struct Pass<'a> {
    gate: &'a Gate,
    was_probe: bool,
    reserved: i64,
    outcome: Option<(Verdict, i64)>,
    now: Timestamp,
    _place: SemaphorePermit<'a>,
}

/// What an outcome says about the source.
#[derive(Clone, Copy)]
enum Verdict {
    Worked,
    Failed(Cause),
}

impl Verdict {
    fn of(outcome: &Outcome) -> Self {
        use RetryReason::{DailyCap, JobRunning, RateLimited, Saturated, Timeout, UpstreamDown};
        match outcome {
            Outcome::NotAuthorized => Self::Failed(Cause::Refused),
            Outcome::Fault(_) => Self::Failed(Cause::Down),
            Outcome::RetryLater { reason: Saturated | Timeout | UpstreamDown, .. } => {
                Self::Failed(Cause::Down)
            }
            Outcome::RetryLater { reason: DailyCap | JobRunning | RateLimited, .. }
            | Outcome::Resolved(_)
            | Outcome::NoData(_)
            | Outcome::Withheld(_)
            | Outcome::InvalidInput(_) => Self::Worked,
        }
    }
}

impl Gate {
    pub(super) fn new(source: &'static str, terms: SourceTerms, clock: &Steady) -> Self {
        Self {
            source,
            terms,
            places: Semaphore::new(terms.at_once.min(Semaphore::MAX_PERMITS)),
            pace: Limit::new(terms.per_minute, clock),
            watched: Mutex::new(Watched {
                breaker: Breaker::new(terms.breaker),
                budget: terms.monthly_budget.map(Budget::new),
                last: BTreeMap::new(),
                refused_since: None,
                silence: Silence::default(),
            }),
            spent: Spent::new(source),
            reading: Turn::new(()),
        }
    }

    /// What the source may be used for.
    pub(crate) const fn terms(&self) -> &SourceTerms {
        &self.terms
    }

    fn watch(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a question about one person through, or says why not. A caller who waits for the answer waits up to
    /// `patience` for a place; work in the background comes again.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn admit(
        &self,
        app: &App,
        patience: Option<Duration>,
    ) -> Result<Result<Pass<'_>, HeldBack>, vinculo_store::Error> {
        self.admit_costing(app, self.terms.price, patience).await
    }

    /// As [`Self::admit`], for a call that may cost this much.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn admit_costing(
        &self,
        app: &App,
        price: i64,
        patience: Option<Duration>,
    ) -> Result<Result<Pass<'_>, HeldBack>, vinculo_store::Error> {
        let (shut, away) = {
            let watched = self.watch();
            (watched.breaker.shut(app.now()), watched.silence.away(app.now(), self.terms.breaker))
        };
        if let Some(held) = shut.map(HeldBack::Shut).or(away.map(HeldBack::Away)) {
            return Ok(Err(held));
        }
        self.read_budget(app).await?;
        let place = match patience {
            Some(patience) => {
                let place = tokio::time::timeout(patience, self.places.acquire()).await;
                place.ok().and_then(Result::ok)
            }
            None => self.places.try_acquire().ok(),
        };
        let Some(place) = place else { return Ok(Err(HeldBack::Busy)) };
        if let Some(wait) = self.pace.as_ref().and_then(|pace| pace.count(&()).refused) {
            return Ok(Err(HeldBack::TooFast(wait)));
        }
        Ok(self.enter(app.now(), price, place))
    }

    fn enter<'a>(
        &'a self,
        now: Timestamp,
        price: i64,
        place: SemaphorePermit<'a>,
    ) -> Result<Pass<'a>, HeldBack> {
        let mut watched = self.watch();
        if let Some(budget) = &mut watched.budget
            && !budget.reserve(price)
        {
            let next = bogota_month(now).map(|month| month_start(month.plus(1)));
            return Err(HeldBack::OverBudget(next.unwrap_or(Timestamp::MAX)));
        }
        let admission = watched.breaker.admit(now);
        if let Admission::Refused(shut) = admission {
            if let Some(budget) = &mut watched.budget {
                budget.settle(price, 0);
            }
            return Err(HeldBack::Shut(shut));
        }
        let was_probe = admission == Admission::Probes;
        Ok(Pass { gate: self, was_probe, reserved: price, outcome: None, now, _place: place })
    }

    /// For how many people at this price the month's budget is enough; `None` without a limit.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn affords(
        &self,
        app: &App,
        price: i64,
    ) -> Result<Option<usize>, vinculo_store::Error> {
        self.read_budget(app).await?;
        let left = self.watch().budget.as_ref().map(Budget::left);
        let people = left.filter(|_| price > 0).map(|left| left.max(0) / price);
        Ok(people.map(|people| usize::try_from(people).unwrap_or(usize::MAX)))
    }

    /// A job was begun or ended: what it may cost is in the database.
    pub(super) fn job_changed(&self) {
        if let Some(budget) = &mut self.watch().budget {
            budget.read_again();
        }
    }

    /// Brings what was spent this month up to date, where that matters. Whoever comes while somebody reads takes what
    /// that one finds.
    async fn read_budget(&self, app: &App) -> Result<(), vinculo_store::Error> {
        if self.stale_month(app.now()).is_none() {
            return Ok(());
        }
        let _turn = self.reading.lock().await;
        let now = app.now();
        let Some(month) = self.stale_month(now) else { return Ok(()) };
        let spent = self.spent.since(app, micros(month_start(month))).await?;
        if let Some(budget) = &mut self.watch().budget {
            budget.read(month, spent, now);
        }
        Ok(())
    }

    /// The month whose budget is to be read; `None` where there is none, or it was read a moment ago.
    fn stale_month(&self, now: Timestamp) -> Option<Month> {
        let month = bogota_month(now)?;
        let watched = self.watch();
        watched.budget.as_ref().filter(|budget| !budget.is_fresh(month, now)).map(|_| month)
    }

    /// What the source has cost all workspaces in this month, whole pesos.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn spent(&self, app: &App) -> Result<i64, vinculo_store::Error> {
        let Some(month) = bogota_month(app.now()) else { return Ok(0) };
        Ok(self.spent.since(app, micros(month_start(month))).await?.0)
    }

    /// Whether the source is given a pause.
    pub(super) fn is_shut(&self, now: Timestamp) -> bool {
        self.watch().breaker.shut(now).is_some()
    }

    /// How it stands.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn standing(&self, app: &App) -> Result<Standing, vinculo_store::Error> {
        self.read_budget(app).await?;
        Ok(self.seen(app.now()))
    }

    /// How it stands, as far as this process has seen.
    pub(crate) fn seen(&self, now: Timestamp) -> Standing {
        let watched = self.watch();
        let free = self.places.available_permits();
        Standing {
            terms: self.terms,
            breaker: watched.breaker.word(now),
            shut: watched.breaker.shut(now),
            refused_since: watched.refused_since,
            unanswered: watched.silence.unanswered().cloned(),
            away_until: watched.silence.away(now, self.terms.breaker),
            last: watched.last.clone(),
            in_flight: self.terms.at_once.saturating_sub(free),
            budget: watched.budget.as_ref().map(Budget::figures),
        }
    }
}

impl Pass<'_> {
    /// The question ended.
    pub(crate) fn end(mut self, now: Timestamp, ended: Ended<'_>, cost: i64) {
        let (outcome, ..) = ended;
        let verdict = Verdict::of(outcome);
        (self.outcome, self.now) = (Some((verdict, cost)), now);
        let mut watched = self.gate.watch();
        watched.last.insert(outcome.code(), now);
        watched.refused_since = match verdict {
            Verdict::Failed(Cause::Refused) => watched.refused_since.or(Some(now)),
            Verdict::Failed(Cause::Down) => watched.refused_since,
            Verdict::Worked => None,
        };
        let longest_pause = self.gate.terms.breaker.longest_pause;
        watched.silence.ended((self.gate.source, now, longest_pause), ended);
    }

    /// The source did what it was asked for, and nothing was said about anybody.
    pub(super) fn worked(mut self, now: Timestamp) {
        (self.outcome, self.now) = (Some((Verdict::Worked, 0)), now);
        let mut watched = self.gate.watch();
        watched.refused_since = None;
        watched.silence.answered();
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let source = self.gate.source;
        let mut watched = self.gate.watch();
        let cost = self.outcome.map_or(0, |(_, cost)| cost);
        if watched.budget.as_mut().is_some_and(|budget| budget.settle(self.reserved, cost)) {
            tracing::warn!(source, "most of the month's budget is spent");
        }
        let breaker = &mut watched.breaker;
        let was_closed = breaker.word(self.now) == "closed";
        match self.outcome {
            Some((Verdict::Worked, _)) => breaker.worked(),
            Some((Verdict::Failed(cause), _)) => breaker.failed(self.now, cause, self.was_probe),
            None if self.was_probe => breaker.abandoned(self.now),
            None => {}
        }
        match (was_closed, breaker.word(self.now) == "closed") {
            (true, false) => tracing::error!(source, "the source fails, and is given a pause"),
            (false, true) => tracing::info!(source, "the source answers again"),
            _ => {}
        }
    }
}
