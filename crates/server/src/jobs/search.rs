//! Looking for due rows: at once, when somebody announces work, and when the time comes.

use std::pin::pin;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vinculo_store::{Error, Micros, Queue, Standing, Wakes};

use super::claim::{Claim, Taken};
use super::in_flight::Leases;
use crate::App;
use crate::clock::after;

/// How long the look for the next delivery waits when nothing can have been left for want of room: it is not to
/// take the processor from what is being sent. Of the machine's time: whoever sets the clock waits no longer.
const SOON: Duration = Duration::from_millis(5);

/// How work on a row has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// There is nothing left to do.
    ForGood,
    /// The row comes due again.
    ForNow,
}

/// The search for due rows of one queue.
pub(super) struct Search {
    app: App,
    leases: Leases,
    queue: Queue,
    wakes: Wakes,
    /// When due rows were last looked for; `None` when they have to be looked for at once.
    looked_at: Option<Micros>,
    /// How much work has ended since, of which nobody waits for the end any more.
    ended: usize,
}

impl Search {
    /// One that begins by looking.
    pub(super) fn new(leases: &Leases, queue: Queue) -> Self {
        let (app, leases) = (leases.app.clone(), leases.clone());
        let wakes = app.store().wakes();
        Self { app, leases, queue, wakes, looked_at: None, ended: 0 }
    }

    /// Work has ended that the next call will not see end: there may be room that it made.
    pub(super) fn note_end(&mut self) {
        self.ended += 1;
    }

    /// Takes rows that are due: at once when there is a reason to look, else when somebody announces work.
    /// There may be none, at shutdown or when a reason to look has come meanwhile: a row becomes due, there
    /// may be room for what could not be taken, or the poll interval is over. The next call looks then, by
    /// a claim for the slots that are free by that time.
    pub(super) async fn next<C: Claim>(
        &mut self,
        claim: C,
        stop: &CancellationToken,
        running: &mut JoinSet<Ended>,
    ) -> Vec<C::Row> {
        let ended = std::mem::take(&mut self.ended);
        let Some(looked_at) = self.looked_at.take() else {
            self.looked_at = Some(self.app.now_micros());
            let taken = claim.now(&self.leases).await;
            return self.found(taken);
        };
        let mut standing = claim.clone().when_woken(&self.leases);
        let taken = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            () = self.wakes.changed(self.queue) => None,
            taken = announced(&mut standing) => Some(taken),
            () = rest(&self.app, &claim, (looked_at, ended), running) => None,
        };
        if let Some(taken) = taken {
            self.looked_at = Some(looked_at);
            return self.found(taken);
        }
        let Some(standing) = standing else { return Vec::new() };
        // It may have been run just before there was another reason to look.
        let Some(taken) = standing.withdraw().await else { return Vec::new() };
        let rows = self.found(taken);
        self.looked_at = None;
        rows
    }

    fn found<T>(&mut self, taken: Result<Taken<T>, Error>) -> Vec<T> {
        match taken {
            Ok(Taken { at, rows }) => {
                self.looked_at = Some(at);
                rows
            }
            Err(error) => {
                tracing::error!(%error, queue = ?self.queue, "cannot take work");
                Vec::new()
            }
        }
    }
}

/// What was taken when somebody announced work. Never ends when another search stands by the queue.
async fn announced<T>(standing: &mut Option<Standing<T, Error>>) -> Result<T, Error> {
    match standing {
        Some(standing) => standing.answer().await,
        None => std::future::pending().await,
    }
}

/// Sleeps until a row becomes due or the poll interval is over. What was due when the queue was last
/// looked at and was not taken waits for room, which any work that ends may make; so does a narrow claim.
/// So many `ended` since, unseen.
async fn rest<C: Claim>(
    app: &App,
    claim: &C,
    (looked_at, ended): (Micros, usize),
    running: &mut JoinSet<Ended>,
) {
    if !claim.is_narrow() && claim.leaves_nothing(running.len() + ended) {
        tokio::time::sleep(SOON).await;
    }
    loop {
        let of = claim.clone();
        let next = app.store().read_briefly(move |tx| of.next_due(tx)).await.ok().flatten();
        let wants_room = next.is_some_and(|at| at <= looked_at);
        if ended > 0 && (wants_room || claim.is_narrow()) {
            return;
        }
        let due = next.filter(|_| !wants_room).and_then(|at| Timestamp::from_microsecond(at).ok());
        let poll = after(app.now(), app.config().runner.poll);
        let end = app.clock().sleep_until(due.map_or(poll, |due| due.min(poll)));
        let mut end = pin!(end);
        loop {
            let ended = tokio::select! {
                () = &mut end => return,
                Some(ended) = running.join_next(), if !running.is_empty() => ended,
            };
            match ended {
                _ if wants_room || claim.is_narrow() => return,
                Ok(Ended::ForGood) => {}
                // It comes due again, maybe before everything else.
                Ok(Ended::ForNow) | Err(_) => break,
            }
        }
    }
}
