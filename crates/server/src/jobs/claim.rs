//! Which due rows are taken for the slots that are free, so that nobody takes all of them.

use uuid::Uuid;
use vinculo_store::{ClaimedJob, DueDelivery, Error, Micros, Queue, Standing, Tx};

use super::in_flight::Leases;
use crate::App;
use crate::clock::{after, micros};
use crate::config::RunnerConfig;

/// An endpoint fails again and again when it has for so long, microseconds: two tries that hang.
const FAILING: Micros = 10_000_000;

/// And when its last failure is no longer ago, microseconds: it may have been mended since.
const JUST: Micros = 60_000_000;

/// How due rows of one queue are taken for free slots.
pub(super) trait Claim: Clone + Send + 'static {
    /// A row that was taken, with its lease.
    type Row: Send + 'static;

    /// Takes rows that are due.
    fn take(
        &self,
        tx: &mut Tx<'_>,
        app: &App,
        lease: (Micros, Micros),
    ) -> Result<Vec<Self::Row>, Error>;

    /// Whether there may be work that it leaves and others would take: it takes less than it could with one slot
    /// more.
    fn is_narrow(&self) -> bool;

    /// Whether it took everything that was due, unless somebody else has what kept it from some: when at most so
    /// many were being worked on.
    fn leaves_nothing(&self, at_work: usize) -> bool;

    /// When the next row becomes due that it could take, past or future.
    fn next_due(&self, tx: &mut Tx<'_>) -> Result<Option<Micros>, Error>;

    /// Has them taken at once.
    fn now(self, of: &Leases) -> impl Future<Output = Result<Taken<Self::Row>, Error>> + Send;

    /// Has them taken by the transaction that announces work, or right after it.
    fn when_woken(self, of: &Leases) -> Option<Standing<Taken<Self::Row>, Error>>;

    /// Takes them and notes when.
    fn lease(&self, tx: &mut Tx<'_>, of: &Leases) -> Result<Taken<Self::Row>, Error> {
        let lease = lease(&of.app);
        of.keep(tx, lease)?;
        Ok(Taken { at: lease.0, rows: self.take(tx, &of.app, lease)? })
    }
}

/// What a look found.
pub(super) struct Taken<T> {
    pub(super) at: Micros,
    pub(super) rows: Vec<T>,
}

/// Takes jobs.
#[derive(Clone, Copy)]
pub(super) struct JobClaim {
    which: Which,
    limit: i64,
}

/// Which jobs are taken.
#[derive(Clone, Copy)]
enum Which {
    /// Those of every workspace in turns.
    All,
    /// The first of a workspace alone.
    First,
    /// Received files, which no other one takes: of this spool; without one, all of them.
    Files(Option<Uuid>),
}

/// Takes deliveries.
#[derive(Clone, Copy)]
pub(super) struct DeliveryClaim {
    share: Share,
    limit: i64,
}

/// Of whom how many deliveries are taken.
#[derive(Clone, Copy)]
enum Share {
    /// Of each endpoint up to so many at once.
    Endpoint(i64),
    /// The first of an endpoint alone, of those that do not fail again and again.
    Steady,
    /// The first of an endpoint alone, of workspaces that hold fewer than so many.
    Workspace(i64),
}

/// Now, and when a lease ends that is taken now.
pub(super) fn lease(app: &App) -> (Micros, Micros) {
    let now = app.now();
    let until = after(now, app.config().runner.lease);
    (micros(now), micros(until))
}

impl JobClaim {
    /// For so many slots that were taken, free before. The last quarter of all slots is for the first job of a
    /// workspace alone: however long the jobs of one take, those of the others are begun.
    pub(super) fn new(config: RunnerConfig, free: usize, taken: usize) -> Self {
        let beyond = (free + taken).saturating_sub(config.jobs / 4);
        let (which, most) = if beyond == 0 { (Which::First, taken) } else { (Which::All, beyond) };
        Self::of(which, taken.min(most))
    }

    /// For so many slots of received files.
    pub(super) fn of_files(spool: Option<Uuid>, taken: usize) -> Self {
        Self::of(Which::Files(spool), taken)
    }

    fn of(which: Which, limit: usize) -> Self {
        Self { which, limit: i64::try_from(limit).unwrap_or(1) }
    }

    fn queue(&self) -> Queue {
        match self.which {
            Which::All | Which::First => Queue::Jobs,
            Which::Files(_) => Queue::Files,
        }
    }
}

impl Claim for JobClaim {
    type Row = ClaimedJob;

    fn take(
        &self,
        tx: &mut Tx<'_>,
        _: &App,
        (now, until): (Micros, Micros),
    ) -> Result<Vec<ClaimedJob>, Error> {
        match self.which {
            Which::All => tx.claim_jobs(now, until, self.limit),
            Which::First => tx.claim_first_jobs(now, until, self.limit),
            Which::Files(spool) => tx.claim_files(now, until, self.limit, spool),
        }
    }

    fn is_narrow(&self) -> bool {
        matches!(self.which, Which::First)
    }

    fn leaves_nothing(&self, _: usize) -> bool {
        false
    }

    fn next_due(&self, tx: &mut Tx<'_>) -> Result<Option<Micros>, Error> {
        match self.which {
            Which::All | Which::First => tx.next_due(Queue::Jobs),
            Which::Files(spool) => tx.next_file_in_reach(spool),
        }
    }

    async fn now(self, of: &Leases) -> Result<Taken<ClaimedJob>, Error> {
        let leases = of.clone();
        let take = move |tx: &mut Tx<'_>| self.lease(tx, &leases);
        match of.alone {
            // Other statements may come before the one that takes them.
            true => of.app.store().lease(take).await,
            false => of.app.store().lease_once(take).await,
        }
    }

    fn when_woken(self, of: &Leases) -> Option<Standing<Taken<ClaimedJob>, Error>> {
        let (leases, queue, narrow) = (of.clone(), self.queue(), self.is_narrow());
        let take = move |tx: &mut Tx<'_>| self.lease(tx, &leases);
        match of.alone {
            true => of.app.store().lease_when_woken(queue, narrow, take),
            false => of.app.store().lease_once_when_woken(queue, narrow, take),
        }
    }
}

impl DeliveryClaim {
    /// For so many slots that were taken. The last half of all slots is for the first delivery of an
    /// endpoint alone, and but for its last quarter not of one that fails again and again: endpoints that
    /// begin to hang hold no slot of it more than once, those that go on none, and however much
    /// waits for them, the others are served. The last quarter is for workspaces that hold few slots:
    /// however many endpoints of one hang, those of the others are served. Of it no more are taken in
    /// one go than a workspace may hold, so that many of one do not come at once.
    pub(super) fn new(config: RunnerConfig, free: usize, taken: usize) -> Self {
        let free = free + taken;
        let [beyond_half, beyond] =
            [2, 4].map(|part| free.saturating_sub(config.deliveries / part));
        let few = (config.deliveries / 32).max(1);
        let number = |number: usize| i64::try_from(number).unwrap_or(1);
        let (limit, share) = match (beyond_half, beyond) {
            (0, 0) => (few, Share::Workspace(number(few))),
            (0, spare) => (spare, Share::Steady),
            (spare, _) => (spare, Share::Endpoint(number(config.deliveries_per_endpoint))),
        };
        Self { share, limit: number(limit.min(taken)) }
    }
}

impl Claim for DeliveryClaim {
    type Row = DueDelivery;

    fn take(
        &self,
        tx: &mut Tx<'_>,
        app: &App,
        (now, until): (Micros, Micros),
    ) -> Result<Vec<DueDelivery>, Error> {
        let stride = 1 + i64::from(app.random_u64() as u32);
        match self.share {
            Share::Endpoint(each) => tx.claim_deliveries(now, until, self.limit, each, stride),
            Share::Steady => {
                let since = [FAILING, JUST].map(|time| now.saturating_sub(time));
                tx.claim_steady_deliveries(now, until, self.limit, since, stride)
            }
            Share::Workspace(few) => tx.claim_first_deliveries(now, until, self.limit, few, stride),
        }
    }

    fn is_narrow(&self) -> bool {
        matches!(self.share, Share::Endpoint(1) | Share::Steady | Share::Workspace(_))
    }

    /// An endpoint that fails has room for one: the others that wait for it are looked for a little later.
    fn leaves_nothing(&self, at_work: usize) -> bool {
        matches!(self.share, Share::Endpoint(each) if (at_work as i64) < each)
    }

    fn next_due(&self, tx: &mut Tx<'_>) -> Result<Option<Micros>, Error> {
        tx.next_due(Queue::Deliveries)
    }

    async fn now(self, of: &Leases) -> Result<Taken<DueDelivery>, Error> {
        let leases = of.clone();
        of.app.store().lease(move |tx| self.lease(tx, &leases)).await
    }

    fn when_woken(self, of: &Leases) -> Option<Standing<Taken<DueDelivery>, Error>> {
        let (leases, narrow) = (of.clone(), self.is_narrow());
        let store = of.app.store();
        store.lease_when_woken(Queue::Deliveries, narrow, move |tx| self.lease(tx, &leases))
    }
}

#[cfg(test)]
mod tests {
    use super::{Claim as _, DeliveryClaim, JobClaim};
    use crate::config::RunnerConfig;

    #[test]
    fn what_may_wait_for_room_is_looked_for_at_once() {
        let config = RunnerConfig { deliveries_per_endpoint: 8, ..RunnerConfig::default() };
        let claim = DeliveryClaim::new(config, config.deliveries - 9, 9);
        assert!(claim.leaves_nothing(7));
        assert!(!claim.leaves_nothing(8), "they may all be of one endpoint");
        let narrow = DeliveryClaim::new(config, 0, 1);
        assert!(narrow.is_narrow() && !narrow.leaves_nothing(0));
        assert!(!JobClaim::new(config, config.jobs, 0).leaves_nothing(0));
    }
}
