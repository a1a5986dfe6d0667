//! Random lives of a queue, against a model of a few lines: the same answers on both databases.

use crate::fixture::NOW;
use crate::raw;
use crate::support::TestDatabase;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use vinculo_store::{ClaimedJob, Job, LoadId, Micros, Queue, Result, Store, Tx};

#[test]
fn jobs_live_as_in_the_model_on_sqlite() {
    live(&TestDatabase::sqlite(), 250);
}

#[test]
fn jobs_live_as_in_the_model_on_postgres() {
    live(&TestDatabase::postgres(), 100);
}

#[derive(Clone, Debug)]
enum Command {
    Enqueue { target: i64, delay: Micros },
    Claim { lease: Micros, limit: i64 },
    Advance(Micros),
    Finish(prop::sample::Index),
    Reschedule(prop::sample::Index, Micros),
    Extend(prop::sample::Index, Micros),
    VoidLeases,
}

fn command() -> impl Strategy<Value = Command> {
    let some = any::<prop::sample::Index>;
    prop_oneof![
        4 => (0..5_i64, -5..15_i64).prop_map(|(target, delay)| Command::Enqueue { target, delay }),
        4 => (1..12_i64, 0..4_i64).prop_map(|(lease, limit)| Command::Claim { lease, limit }),
        3 => (0..10_i64).prop_map(Command::Advance),
        2 => some().prop_map(Command::Finish),
        2 => (some(), -5..10_i64).prop_map(|(claim, delay)| Command::Reschedule(claim, delay)),
        1 => (some(), 0..20_i64).prop_map(|(claim, lease)| Command::Extend(claim, lease)),
        1 => Just(Command::VoidLeases),
    ]
}

fn live(db: &TestDatabase, cases: u32) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let lives = prop::collection::vec(command(), 1..30);
    let outcome = TestRunner::new(config).run(&lives, |commands| {
        raw::run(db, "delete from jobs");
        let mut world = World::default();
        commands.into_iter().try_for_each(|command| world.step(&db.store, command))
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// What a job should be; its age is its place in the order of arrival.
#[derive(Clone, Copy, Debug)]
struct Row {
    age: usize,
    due: Micros,
    leased: bool,
    attempt: i64,
}

/// A claim that was given out, and which row of the model it was.
#[derive(Clone, Copy, Debug)]
struct Given {
    claim: ClaimedJob,
    target: i64,
    age: usize,
}

#[derive(Debug, Default)]
struct World {
    now: Micros,
    born: usize,
    rows: BTreeMap<i64, Row>,
    given: Vec<Given>,
}

impl World {
    fn step(&mut self, store: &Store, command: Command) -> Result<(), TestCaseError> {
        let shown = format!("{command:?} in {self:?}");
        let now = NOW + self.now;
        match command {
            Command::Enqueue { target, delay } => {
                let job = Job::SyncLink(LoadId(target));
                write(store, move |tx| tx.enqueue(job, now + delay, now));
                self.enqueue(target, delay);
            }
            Command::Claim { lease, limit } => {
                let claimed = write(store, move |tx| tx.claim_jobs(now, now + lease, limit));
                let found: BTreeMap<_, _> =
                    claimed.iter().map(|it| (target(it), it.attempt)).collect();
                prop_assert_eq!(found.len(), claimed.len(), "one job twice: {}", &shown);
                prop_assert_eq!(found, self.claim(lease, limit), "{}", &shown);
                for claim in claimed {
                    let age = self.rows[&target(&claim)].age;
                    self.given.push(Given { claim, target: target(&claim), age });
                }
            }
            Command::Advance(time) => self.now += time,
            Command::VoidLeases => {
                write(store, move |tx| tx.void_leases(now));
                for row in self.rows.values_mut().filter(|row| row.leased) {
                    (row.leased, row.due) = (false, self.now);
                }
            }
            Command::Finish(_) | Command::Reschedule(..) | Command::Extend(..) => {
                self.step_of_a_holder(store, &command, &shown)?;
            }
        }
        let (next, work) = store
            .read_blocking(|tx| {
                Ok::<_, vinculo_store::Error>((tx.next_due(Queue::Jobs)?, tx.pending_work()?))
            })
            .expect("not read");
        prop_assert_eq!(next, self.rows.values().map(|row| NOW + row.due).min(), "{}", &shown);
        prop_assert_eq!(work, self.rows.len() as i64, "{}", &shown);
        Ok(())
    }

    /// What whoever was given a claim, in time or too late, may do with it.
    fn step_of_a_holder(
        &mut self,
        store: &Store,
        command: &Command,
        shown: &str,
    ) -> Result<(), TestCaseError> {
        let (Command::Finish(which) | Command::Reschedule(which, _) | Command::Extend(which, _)) =
            command
        else {
            return Ok(());
        };
        if self.given.is_empty() {
            return Ok(());
        }
        let given = *which.get(&self.given);
        let row = self.rows.get_mut(&given.target);
        let row = row.filter(|row| row.age == given.age && row.attempt == given.claim.attempt);
        let (claim, now) = (given.claim, self.now);
        match *command {
            Command::Reschedule(_, delay) => {
                let at = NOW + now + delay;
                let kept = write(store, move |tx| tx.reschedule_job(&claim, at, "again"));
                prop_assert_eq!(kept, row.is_some(), "{}", shown);
                if let Some(row) = row {
                    (row.leased, row.due) = (false, now + delay);
                }
            }
            Command::Extend(_, lease) => {
                write(store, move |tx| tx.extend_jobs(&[claim], NOW + now + lease));
                if let Some(row) = row.filter(|row| row.leased) {
                    row.due = now + lease;
                }
            }
            _ => {
                let kept = write(store, move |tx| tx.finish_job(&claim));
                prop_assert_eq!(kept, row.is_some(), "{}", shown);
                if kept {
                    self.rows.remove(&given.target);
                }
            }
        }
        Ok(())
    }

    fn enqueue(&mut self, target: i64, delay: Micros) {
        self.born += 1;
        let fresh = Row { age: self.born, due: self.now + delay, leased: false, attempt: 0 };
        let row = self.rows.entry(target).or_insert(fresh);
        if !row.leased {
            row.due = row.due.min(self.now + delay);
        }
    }

    fn claim(&mut self, lease: Micros, limit: i64) -> BTreeMap<i64, i64> {
        let now = self.now;
        let mut due: Vec<_> = self.rows.iter_mut().filter(|(_, row)| row.due <= now).collect();
        due.sort_by_key(|(_, row)| (row.due, row.age));
        let taken = due.into_iter().take(usize::try_from(limit).unwrap_or(0));
        taken
            .map(|(target, row)| {
                (row.leased, row.due, row.attempt) = (true, now + lease, row.attempt + 1);
                (*target, row.attempt)
            })
            .collect()
    }
}

fn write<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
) -> T {
    store.write_blocking(work).expect("not written")
}

fn target(claim: &ClaimedJob) -> i64 {
    match claim.job {
        Job::SyncLink(LoadId(target)) => target,
        Job::ImportFile(_) | Job::WorkCohorts(_) => panic!("another kind of job"),
    }
}
