//! The runner: takes due rows by lease, works on a bounded number of them at once, prolongs its
//! leases while it works, and sleeps until something is due.
//!
//! Guarantees: a row is worked on by at most one holder of its newest lease; a row whose worker
//! died is taken again when the lease ends (at once, when the process is the only one of its
//! database); work that was taken and not finished at shutdown is given back by lease. Received files,
//! all other jobs, and deliveries have a loop each, so that none waits for another.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use uuid::Uuid;
use vinculo_store::{ClaimedJob, DueDelivery, Job, Micros, Queue, RunnerLock};

use super::claim::{DeliveryClaim, JobClaim};
use super::failure::{JobFailure, backoff, wait_for_database};
use super::in_flight::Leases;
use super::permits::Permits;
use super::schedule::Done;
use super::search::{Ended, Search};
use super::set_clock::{self, LastLook};
use super::{clean_up, deliver, import_file, schedule, sync_link, work_cohorts};
use crate::clock::{after, micros};
use crate::health::Worker;
use crate::metrics::{RunResult, since};
use crate::spool_id::identify_spool;
use crate::{App, audit, traces};

/// Works off the jobs and deliveries of one database.
#[derive(Debug)]
pub struct Runner {
    app: App,
    leases: Leases,
    /// A permit for each job that has ended since it was last waited for.
    room: Semaphore,
    /// Whether links and deliveries are left to others.
    files_only: bool,
    /// Where received files are that are seen from here; without one, all are.
    spool: Option<Uuid>,
    /// Proof that no other process runs the jobs of an embedded database.
    _lock: RunnerLock,
}

impl Runner {
    /// Becomes the runner of the application's database, voiding what an earlier process of an
    /// embedded database held. `None` when another process runs it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim(app: App) -> Result<Option<Self>, vinculo_store::Error> {
        let Some(lock) = app.store().runner_lock()? else { return Ok(None) };
        if lock.is_exclusive() {
            let now = app.now_micros();
            app.store().write(move |tx| tx.void_leases(now)).await?;
        }
        set_clock::end_endless_waits(&app).await?;
        let leases = Leases::new(app.clone(), lock.is_exclusive());
        let (room, files_only) = (Semaphore::new(0), false);
        let spool = if lock.is_exclusive() { None } else { Some(own_spool(&app).await) };
        Ok(Some(Self { app, leases, room, files_only, spool, _lock: lock }))
    }

    /// Takes the files of another spool for this one's: what is not here then ends as lost.
    #[must_use]
    pub fn in_place_of(self, spool: Uuid) -> Self {
        Self { spool: self.spool.and(Some(spool)), ..self }
    }

    /// Leaves links and deliveries to a server: for a command, which knows neither the sources nor
    /// the webhook settings that the servers of this database run with.
    #[must_use]
    pub fn files_only(self) -> Self {
        Self { files_only: true, ..self }
    }

    /// Runs until `stop` is cancelled, then lets running work end within the configured grace.
    pub async fn run(self, stop: CancellationToken) {
        let runner = Arc::new(self);
        let _at_work = Worker::begin(&runner.app);
        let stopped = CancellationToken::new();
        let heartbeat = tokio::spawn(Arc::clone(&runner).beat(stopped.clone()));
        let clean_up = tokio::spawn(clean_up::run(runner.app.clone(), stopped.clone()));
        let chainer = audit::chain_leftovers(runner.app.clone(), stopped.clone());
        let chainer = tokio::spawn(chainer);
        if runner.files_only {
            runner.run_jobs(Queue::Files, &stop).await;
        } else {
            tokio::join!(
                runner.run_jobs(Queue::Files, &stop),
                runner.run_jobs(Queue::Jobs, &stop),
                runner.run_deliveries(&stop),
                runner.run_schedule(&stop)
            );
        }
        stopped.cancel();
        // A heartbeat that panicked has nothing left to prolong, and the next process removes and
        // chains what this one leaves.
        let _ = tokio::join!(heartbeat, clean_up, chainer);
    }

    /// Works off one of the two queues that jobs wait in.
    async fn run_jobs(self: &Arc<Self>, queue: Queue, stop: &CancellationToken) {
        let (config, files) = (self.app.config().runner, queue == Queue::Files);
        let slots = if files { import_file::LOADED_AT_ONCE } else { config.jobs };
        // More of them than slots: those whose people are projected again have left theirs.
        let most = if files { import_file::AT_WORK } else { usize::MAX };
        let slots = Arc::new(Semaphore::new(slots));
        let mut running = JoinSet::new();
        let mut search = Search::new(&self.leases, queue);
        while let Some(permits) = ready(stop, (&slots, most), &mut running, &mut search).await {
            let (free, taken) = (slots.available_permits(), permits.available());
            let claim = if files {
                JobClaim::of_files(self.spool_now().await, taken.min(most - running.len()))
            } else {
                JobClaim::new(config, free, taken)
            };
            let claimed = search.next(claim, stop, &mut running).await;
            for (job, slot) in claimed.into_iter().zip(permits.split()) {
                let (runner, held) = (Arc::clone(self), self.leases.jobs.hold(job));
                running.spawn(async move {
                    let ended = Arc::clone(&runner).work_on(job, slot).await;
                    drop(held);
                    runner.room.add_permits(1);
                    ended
                });
            }
        }
        self.wind_down(&mut running).await;
    }

    /// The spool whose files are taken: one that could not be used is looked for again.
    async fn spool_now(&self) -> Option<Uuid> {
        match self.spool {
            Some(id) if id.is_nil() => identify_spool(&self.app).await.ok().or(Some(id)),
            known => known,
        }
    }

    async fn run_deliveries(self: &Arc<Self>, stop: &CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.app.config().runner.deliveries));
        let mut running = JoinSet::new();
        let mut search = Search::new(&self.leases, Queue::Deliveries);
        while let Some(permits) = ready(stop, (&slots, usize::MAX), &mut running, &mut search).await
        {
            let (free, taken) = (slots.available_permits(), permits.available());
            let claim = DeliveryClaim::new(self.app.config().runner, free, taken);
            let claimed = search.next(claim, stop, &mut running).await;
            for (due, permit) in claimed.into_iter().zip(permits.split()) {
                let (runner, held) = (Arc::clone(self), self.leases.deliveries.hold(due.claim));
                running.spawn(async move {
                    let ended = runner.deliver(due).await;
                    drop((held, permit));
                    ended
                });
            }
        }
        self.wind_down(&mut running).await;
        self.give_back_deliveries().await;
    }

    /// Looks after what links come due for. Nobody is woken for it: the soonest a link can come due
    /// is hours after it was changed, and it is looked for as often as work that nobody announced.
    async fn run_schedule(self: &Arc<Self>, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            self.learn_organizations().await;
            let done = schedule::run_due(&self.app, stop).await;
            if matches!(done, Done::AsThereWasRoom) {
                schedule::wait_for_room(&self.app, &self.room, stop).await;
                continue;
            }
            let all_done = matches!(done, Done::All);
            let next = self.app.store().read(|tx| tx.next_due_link()).await.ok().flatten();
            let poll = after(self.app.now(), self.app.config().runner.poll);
            let next =
                next.filter(|_| all_done).and_then(|at| Timestamp::from_microsecond(at).ok());
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.app.clock().sleep_until(next.map_or(poll, |next| next.min(poll))) => {}
            }
        }
    }

    /// Opens the keys of organizations that were made since the last look: work for them that came
    /// before comes again.
    async fn learn_organizations(&self) {
        let learnt = match self.app.store().read(|tx| tx.workspaces()).await {
            Ok(all) => self.app.all_secrets().learn(all).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = learnt {
            tracing::error!(error, "cannot see new organizations");
        }
    }

    /// Works on a job in a task of its own: a panic ends the job alone.
    async fn work_on(self: Arc<Self>, job: ClaimedJob, slot: OwnedSemaphorePermit) -> Ended {
        let (app, kind, traced) = (self.app.clone(), job.job.kind(), traces::job(&job));
        let span = traced.in_scope(|| span(&job));
        let (start, running) = (app.elapsed(), app.metrics().job(kind));
        let worker = Arc::clone(&self);
        let work = async move { worker.work(job, slot).await };
        let work = work.instrument(span.clone()).instrument(traced.clone());
        let result = match tokio::spawn(work).await {
            Ok(result) => result,
            Err(_) => {
                let why = "the job panicked".to_owned();
                self.give_back(job, None, why).instrument(span.clone()).await;
                RunResult::Panicked
            }
        };
        let took = since(&app, start);
        app.metrics().job_ended(kind, result, took);
        traces::job_ended(&traced, result);
        span.in_scope(|| tracing::debug!(result = result.as_str(), ?took, "job ended"));
        drop(running);
        if result == RunResult::Done { Ended::ForGood } else { Ended::ForNow }
    }

    /// Works on a job, which leaves its slot when it ends, or when others can have it.
    async fn work(&self, claimed: ClaimedJob, slot: OwnedSemaphorePermit) -> RunResult {
        let app = self.app.in_turn_of(claimed.workspace);
        let result = match claimed.job {
            Job::SyncLink(load) => sync_link::run(&app, load, claimed).await,
            Job::ImportFile(import) => import_file::run(&app, import, claimed, slot).await,
            Job::WorkCohorts(of) => work_cohorts::run(&app, of, claimed).await,
        };
        let (at, why) = match result {
            Ok(()) => return RunResult::Done,
            Err(JobFailure::Retry { at, why }) => (at, why),
            Err(JobFailure::Away { why }) => {
                let again = after(self.app.now(), wait_for_database(claimed.attempt));
                (Some(micros(again)), why)
            }
        };
        self.give_back(claimed, at, why).await;
        RunResult::Postponed
    }

    /// Postpones a job to the moment it named, or by the schedule.
    async fn give_back(&self, claimed: ClaimedJob, at: Option<Micros>, why: String) {
        let at = at.unwrap_or_else(|| micros(after(self.app.now(), backoff(claimed.attempt))));
        tracing::warn!(why, "job postponed");
        let given_back =
            self.app.store().write(move |tx| tx.reschedule_job(&claimed, at, &why)).await;
        if let Err(error) = given_back {
            tracing::error!(%error, "job left to its lease");
        }
    }

    async fn deliver(&self, due: DueDelivery) -> Ended {
        let running = self.app.metrics().delivery();
        let (id, attempt) = (due.claim.id, due.tried + 1);
        let traced = traces::delivery(&due);
        let span =
            traced.in_scope(|| tracing::info_span!("delivery", %id, attempt, request_id = Empty));
        let app = self.app.in_turn_of(due.workspace);
        let run = deliver::run(&app, due).instrument(span.clone()).instrument(traced);
        let outcome = run.await;
        drop(running);
        outcome.unwrap_or_else(|error| {
            let cause = error.cause().unwrap_or("refused").to_owned();
            span.in_scope(|| tracing::error!(cause, "delivery left to its lease"));
            Ended::ForNow
        })
    }

    async fn wind_down(&self, running: &mut JoinSet<Ended>) {
        let grace = self.app.config().runner.grace;
        let all = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all).await.is_err() {
            tracing::warn!("work still running at shutdown is given up");
        }
    }

    /// Gives back what the shutdown did not wait for, so that others need not wait for its lease.
    async fn give_back_deliveries(&self) {
        let (held, now) = (self.leases.deliveries.rows(), self.app.now_micros());
        if held.is_empty() {
            return;
        }
        let released = self.app.store().write(move |tx| tx.release_deliveries(&held, now));
        if let Err(error) = released.await {
            tracing::error!(%error, "deliveries left to their lease");
        }
    }

    async fn beat(self: Arc<Self>, stopped: CancellationToken) {
        let clock = self.app.clock();
        let (mut last, mut began) = (LastLook::of(clock), clock.elapsed());
        loop {
            let every: Duration = self.app.config().runner.heartbeat;
            // A beat that took long puts the next one off by nothing.
            let wait = every.saturating_sub(clock.elapsed().saturating_sub(began));
            let next = after(self.app.now(), wait);
            tokio::select! {
                () = stopped.cancelled() => return,
                () = clock.sleep_until(next) => {}
            }
            began = clock.elapsed();
            set_clock::compare(&self.app, &mut last).await;
            if let Err(error) = self.leases.prolong().await {
                tracing::error!(%error, "cannot prolong leases");
            }
        }
    }
}

/// The spool of this process, whose files it takes. Where it cannot be used, none of any is taken.
async fn own_spool(app: &App) -> Uuid {
    match identify_spool(app).await {
        Ok(id) => id,
        Err(error) => {
            tracing::warn!(%error, "the spool cannot be used: received files are left to others");
            Uuid::nil()
        }
    }
}

/// What the log says of everything that a job does; `request_id` is known once its row was read.
fn span(job: &ClaimedJob) -> Span {
    let (kind, attempt) = (job.job.kind(), job.attempt);
    tracing::info_span!("job", id = %job.id, kind, attempt, request_id = Empty)
}

/// Waits until fewer than `most` are running and for at least one free slot, and takes all that are free; `None` at
/// shutdown.
async fn ready(
    stop: &CancellationToken,
    (slots, most): (&Arc<Semaphore>, usize),
    running: &mut JoinSet<Ended>,
    search: &mut Search,
) -> Option<Permits> {
    while running.try_join_next().is_some() {
        search.note_end();
    }
    while running.len() >= most {
        tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            _ = running.join_next() => search.note_end(),
        }
    }
    let first = tokio::select! {
        biased;
        () = stop.cancelled() => return None,
        permit = Arc::clone(slots).acquire_owned() => permit.ok()?,
    };
    Some(Permits::beside(first, slots))
}
