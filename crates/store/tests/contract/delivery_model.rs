//! Random lives of deliveries, against a model of a few lines: the same outcome on both databases.
//! `PROPTEST_CASES=10000` makes them as many; `cargo nextest` stops what takes two minutes, so by
//! `PROPTEST_CASES=10000 ./test cargo test -p vinculo-store --test contract deliveries_live`.

use crate::fixture::{ALL, NOW, add_endpoint, new_event, sealed, uuid, wrapped};
use crate::raw;
use crate::support::TestDatabase;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use vinculo_store::{
    AttemptRecord, ClaimedDelivery, DeliveryFilter, DeliveryId, DeliveryState, DisabledReason,
    EndpointId, Environment, Micros, Queue, ReplayPlace, Result, Store, Tx, WorkspaceId,
};
use vinculo_vault::Sealed;

#[test]
fn deliveries_live_as_in_the_model_on_sqlite() {
    live(&TestDatabase::sqlite(), 3000);
}

#[test]
fn deliveries_live_as_in_the_model_on_postgres() {
    live(&TestDatabase::postgres(), 400);
}

const ENDPOINTS: u64 = 3;

/// Everything that is stored of deliveries.
const ROWS: &str = "select id, endpoint_id, state, due_at, leased, attempt, finished_at, \
     earlier_tries, (select count(*) from attempts a where a.delivery_id = deliveries.id) \
     from deliveries order by id";

const FRESH: &str = "delete from attempts; delete from deliveries; delete from events; \
     update webhook_endpoints set disabled_at = null, disabled_reason = null, failing_since = null";

#[derive(Clone, Debug)]
enum Command {
    Emit,
    Claim {
        lease: Micros,
        limit: i64,
        each: i64,
    },
    Advance(Micros),
    /// Some of the claims that were given out end with 2xx, in one transaction.
    Succeed(Vec<Index>),
    /// One ends otherwise, and is tried again after so long or never.
    Fail(Index, Option<Micros>),
    Extend(Index, Micros),
    Release(Index),
    /// The only process dies, and another starts.
    Kill,
    /// The database loses the claims that it has not written to disk yet; their holders live.
    Forget,
    Disable(usize),
    Enable(usize),
    Replay,
}

fn command() -> impl Strategy<Value = Command> {
    let some = any::<Index>;
    let endpoint = 0..ENDPOINTS as usize;
    let some_of_them = prop::collection::vec(some(), 1..5);
    let again = prop::option::weighted(0.8, 0..9_i64);
    prop_oneof![
        4 => Just(Command::Emit),
        5 => (1..9_i64, 0..5_i64, 1..4_i64)
            .prop_map(|(lease, limit, each)| Command::Claim { lease, limit, each }),
        3 => (0..8_i64).prop_map(Command::Advance),
        3 => some_of_them.prop_map(Command::Succeed),
        3 => (some(), again).prop_map(|(which, again)| Command::Fail(which, again)),
        1 => (some(), 0..20_i64).prop_map(|(which, lease)| Command::Extend(which, lease)),
        1 => some().prop_map(Command::Release),
        1 => Just(Command::Kill),
        1 => Just(Command::Forget),
        1 => endpoint.clone().prop_map(Command::Disable),
        1 => endpoint.prop_map(Command::Enable),
        1 => Just(Command::Replay),
    ]
}

/// As many lives, or as proptest is told.
fn live(db: &TestDatabase, lives: u32) {
    let (here, endpoints) = write(&db.store, |tx| {
        let organization = tx.insert_organization(uuid(1), "default", NOW)?;
        let sandbox = Environment::Sandbox;
        let here = tx.insert_workspace(uuid(2), organization, sandbox, &wrapped(2), NOW)?;
        let endpoints: Result<Vec<_>> =
            (0..ENDPOINTS).map(|n| add_endpoint(tx, here, 90 + n)).collect();
        Ok((here, endpoints?))
    });
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let told = std::env::var_os("PROPTEST_CASES").is_some();
    let config = ProptestConfig { cases: if told { config.cases } else { lives }, ..config };
    let lives = prop::collection::vec(command(), 1..40);
    let outcome = TestRunner::new(config).run(&lives, |commands| {
        raw::run(db, FRESH);
        let ends = endpoints.iter().map(|id| (*id, Endpoint::default())).collect();
        let mut world = World {
            here,
            now: 0,
            events: 0,
            claims: 0,
            rows: BTreeMap::new(),
            given: vec![],
            lost: BTreeMap::new(),
            ends,
        };
        commands.iter().try_for_each(|command| world.step(db, command))?;
        let expected: Vec<_> = world.rows.iter().map(|(id, row)| line(*id, row)).collect();
        prop_assert_eq!(raw::rows(db, ROWS), expected, "after {:?}", commands);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// What a delivery should be.
#[derive(Clone, Copy, Debug)]
struct Row {
    endpoint: EndpointId,
    state: DeliveryState,
    due: Micros,
    leased: bool,
    attempt: i64,
    finished: Option<Micros>,
    earlier: i64,
    tries: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Endpoint {
    disabled: bool,
    failing_since: Option<Micros>,
}

#[derive(Debug)]
struct World {
    here: WorkspaceId,
    now: Micros,
    events: u64,
    claims: u32,
    rows: BTreeMap<i64, Row>,
    given: Vec<ClaimedDelivery>,
    /// What rows were before claims that are not on disk yet: nothing has been written since.
    lost: BTreeMap<i64, Row>,
    ends: BTreeMap<EndpointId, Endpoint>,
}

type Checked = Result<(), TestCaseError>;

impl Row {
    fn ends(&mut self, state: DeliveryState, now: Micros) {
        (self.state, self.leased, self.finished) = (state, false, Some(now));
    }

    fn is_pending(&self) -> bool {
        self.state == DeliveryState::Pending
    }

    fn is_held(&self, now: Micros) -> bool {
        self.is_pending() && self.leased && self.due > now
    }
}

impl World {
    fn step(&mut self, db: &TestDatabase, command: &Command) -> Checked {
        let shown = format!("{command:?} in {self:?}");
        if !matches!(command, Command::Claim { .. } | Command::Advance(_) | Command::Forget) {
            self.lost.clear();
        }
        self.play(db, command, &shown)?;
        let next = db.store.read_blocking(|tx| tx.next_due(Queue::Deliveries)).expect("not read");
        let enabled = |row: &&Row| row.is_pending() && !self.ends[&row.endpoint].disabled;
        let soonest = self.rows.values().filter(enabled).map(|row| NOW + row.due).min();
        prop_assert_eq!(next, soonest, "{}", &shown);
        Ok(())
    }

    fn play(&mut self, db: &TestDatabase, command: &Command, shown: &str) -> Checked {
        let (store, now) = (&db.store, NOW + self.now);
        match command {
            Command::Emit => self.emit(store, shown)?,
            Command::Claim { lease, limit, each } => {
                let (until, limit, each) = (now + lease, *limit, *each);
                // Sums of different ones are different, and of any with a few replays.
                let stride = 64 << self.claims;
                self.claims += 1;
                let due =
                    write(store, move |tx| tx.claim_deliveries(now, until, limit, each, stride));
                let found: Vec<_> =
                    due.iter().map(|due| (due.claim.id.0, due.claim.attempt, due.tried)).collect();
                prop_assert_eq!(found, self.claim(*lease, limit, each, stride), "{}", shown);
                self.given.extend(due.iter().map(|due| due.claim));
            }
            Command::Advance(time) => self.now += time,
            Command::Forget => self.forget(db),
            Command::Kill => {
                write(store, move |tx| tx.void_leases(now));
                self.given.clear();
                for row in self.rows.values_mut().filter(|row| row.is_pending() && row.leased) {
                    (row.leased, row.due) = (false, self.now);
                }
            }
            Command::Disable(which) => self.disable(store, *which, shown)?,
            Command::Enable(which) => {
                let (id, endpoint) = self.ends.iter_mut().nth(*which).expect("no such endpoint");
                let id = *id;
                write(store, move |tx| tx.enable_endpoint(id, NOW + now));
                if endpoint.disabled {
                    *endpoint = Endpoint::default();
                }
            }
            Command::Replay => self.replay(store, shown)?,
            Command::Succeed(which) => self.succeed(store, which, shown)?,
            Command::Fail(which, again) => self.fail(store, which, *again, shown)?,
            Command::Extend(which, lease) => {
                let Some(claim) = self.one_given(which) else { return Ok(()) };
                let until = self.now + lease;
                write(store, move |tx| tx.extend_deliveries(&[claim], NOW + until));
                self.holder_of(claim)
                    .filter(|row| row.leased)
                    .into_iter()
                    .for_each(|row| row.due = until);
            }
            Command::Release(which) => {
                let Some(claim) = self.one_given(which) else { return Ok(()) };
                write(store, move |tx| tx.release_deliveries(&[claim], now));
                let now = self.now;
                let row = self.holder_of(claim).filter(|row| row.leased);
                row.into_iter().for_each(|row| (row.leased, row.due) = (false, now));
            }
        }
        Ok(())
    }

    fn forget(&mut self, db: &TestDatabase) {
        for (id, row) in std::mem::take(&mut self.lost) {
            let (due, leased) = (NOW + row.due, i64::from(row.leased));
            let back = format!("due_at = {due}, leased = {leased}, attempt = {}", row.attempt);
            raw::run(db, &format!("update deliveries set {back} where id = {id}"));
            self.rows.insert(id, row);
        }
    }

    fn emit(&mut self, store: &Store, shown: &str) -> Checked {
        self.events += 1;
        let (here, now, n) = (self.here, NOW + self.now, 1000 + self.events);
        write(store, move |tx| {
            let body = sealed(n);
            let event = new_event(here, None, n, &body);
            tx.emit(&vinculo_store::NewEvent { created_at: now, ..event })
        });
        let page =
            store.read_blocking(move |tx| tx.deliveries(here, &DeliveryFilter::default(), ALL));
        let last = self.rows.last_key_value().map_or(0, |(id, _)| *id);
        let mut told = Vec::new();
        for fresh in page.expect("not read").rows.iter().filter(|row| row.id.0 > last) {
            let known =
                (90..).zip(self.ends.keys()).find(|(n, _)| Some(uuid(*n)) == fresh.endpoint);
            let endpoint = *known.expect("no such endpoint").1;
            told.push(endpoint);
            let row = Row {
                endpoint,
                state: DeliveryState::Pending,
                due: self.now,
                leased: false,
                attempt: 0,
                finished: None,
                earlier: 0,
                tries: 0,
            };
            self.rows.insert(fresh.id.0, row);
        }
        told.sort();
        let enabled = self.ends.iter().filter(|(_, endpoint)| !endpoint.disabled);
        prop_assert_eq!(told, enabled.map(|(id, _)| *id).collect::<Vec<_>>(), "{}", shown);
        Ok(())
    }

    /// Endpoints take turns, and none has more than `each` in flight, nor one that fails more than one.
    fn claim(&mut self, lease: Micros, limit: i64, each: i64, stride: i64) -> Vec<(i64, i64, i64)> {
        let now = self.now;
        let mut turns = Vec::new();
        for (endpoint, end) in self.ends.iter().filter(|(_, endpoint)| !endpoint.disabled) {
            let each = if end.failing_since.is_some() { each.min(1) } else { each };
            let own = || self.rows.iter().filter(|(_, row)| row.endpoint == *endpoint);
            let held = own().filter(|(_, row)| row.is_held(now)).count();
            let mut due: Vec<_> = own()
                .filter(|(_, row)| row.is_pending() && row.due <= now)
                .map(|(id, row)| (row.due, *id))
                .collect();
            due.sort_unstable();
            let room = usize::try_from(each).unwrap_or(0).saturating_sub(held);
            let places = due.into_iter().enumerate().take(room);
            turns.extend(places.map(|(place, (due, id))| (place + held, due, id)));
        }
        turns.sort_unstable();
        turns.truncate(usize::try_from(limit).unwrap_or(0));
        turns.sort_by_key(|turn| turn.2);
        let taken = turns.into_iter().map(|(_, _, id)| {
            let row = self.rows.get_mut(&id).expect("no such row");
            self.lost.entry(id).or_insert(*row);
            (row.leased, row.due, row.attempt) = (true, now + lease, row.attempt + stride);
            (id, row.attempt, row.tries - row.earlier)
        });
        taken.collect()
    }

    fn succeed(&mut self, store: &Store, which: &[Index], shown: &str) -> Checked {
        let mut claims = Vec::new();
        for which in which {
            if !self.given.is_empty() {
                claims.push(self.given.swap_remove(which.index(self.given.len())));
            }
        }
        let ends = claims.iter().map(|claim| self.rows[&claim.id.0].endpoint);
        let ends: Vec<_> = ends.map(|endpoint| (endpoint, self.address(endpoint))).collect();
        let (done, now) = (claims.clone(), NOW + self.now);
        let kept = write(store, move |tx| {
            let mut kept = Vec::new();
            for (claim, (endpoint, address)) in done.into_iter().zip(ends) {
                let tried = record(claim, DeliveryState::Delivered, now);
                let held = tx.record_delivered(&tried, endpoint, &address, now)?;
                if held || tx.record_attempt(&tried, now)? {
                    kept.push(claim.id);
                }
            }
            Ok(kept)
        });
        let (now, mut expected) = (self.now, Vec::new());
        for claim in claims {
            let endpoint = self.rows[&claim.id.0].endpoint;
            let end = self.ends.entry(endpoint).or_default();
            end.failing_since = end.failing_since.filter(|_| end.disabled);
            if let Some(row) = self.holder_of(claim) {
                row.ends(DeliveryState::Delivered, now);
                (row.due, row.tries) = (now, row.tries + 1);
                expected.push(claim.id);
            } else if self.late(claim, true) {
                expected.push(claim.id);
            }
        }
        prop_assert_eq!(kept, expected, "{}", shown);
        Ok(())
    }

    fn fail(
        &mut self,
        store: &Store,
        which: &Index,
        again: Option<Micros>,
        shown: &str,
    ) -> Checked {
        let Some(claim) = self.one_given(which) else { return Ok(()) };
        self.given.retain(|given| *given != claim);
        let (endpoint, now) = (self.rows[&claim.id.0].endpoint, self.now);
        let (state, due) = match again {
            Some(after) => (DeliveryState::Pending, now + after),
            None => (DeliveryState::Failed, now),
        };
        let address = self.address(endpoint);
        let (since, kept) = write(store, move |tx| {
            let since = tx.endpoint_failed(endpoint, &address, NOW + now, 1, None)?;
            Ok((since, tx.record_attempt(&record(claim, state, NOW + due), NOW + now)?))
        });
        let since = since.map(|failing| failing.since - NOW);
        let end = self.ends.entry(endpoint).or_default();
        let known = (!end.disabled).then(|| *end.failing_since.get_or_insert(now));
        prop_assert_eq!(since, known, "{}", shown);
        let row = self.holder_of(claim);
        prop_assert_eq!(kept, row.is_some(), "{}", shown);
        if let Some(row) = row {
            row.ends(state, now);
            row.finished = row.finished.filter(|_| again.is_none());
            (row.due, row.tries) = (due, row.tries + 1);
        } else {
            self.late(claim, false);
        }
        Ok(())
    }

    /// A try ends of which its delivery waits for nothing any more, unless another holds that. Whether it decides
    /// all the same.
    fn late(&mut self, claim: ClaimedDelivery, arrived: bool) -> bool {
        let now = self.now;
        let row = self.rows.get_mut(&claim.id.0).expect("no such row");
        if row.attempt != claim.attempt {
            return false;
        }
        let decides = arrived && row.state == DeliveryState::Cancelled;
        if decides {
            row.ends(DeliveryState::Delivered, now);
        } else {
            row.earlier += 1;
        }
        row.tries += 1;
        decides
    }

    fn address(&self, endpoint: EndpointId) -> Sealed {
        let place = self.ends.keys().position(|known| *known == endpoint);
        sealed(90 + place.expect("no such endpoint") as u64)
    }

    fn disable(&mut self, store: &Store, which: usize, shown: &str) -> Checked {
        let (id, endpoint) = self.ends.iter_mut().nth(which).expect("no such endpoint");
        let (id, now) = (*id, self.now);
        let manual = DisabledReason::Manual;
        let changed = write(store, move |tx| tx.disable_endpoint(id, manual, NOW + now));
        prop_assert_eq!(changed, !endpoint.disabled, "{}", shown);
        endpoint.disabled = true;
        let own = self.rows.values_mut().filter(|row| row.endpoint == id && row.is_pending());
        own.for_each(|row| row.ends(DeliveryState::Cancelled, now));
        Ok(())
    }

    /// All that failed or was cancelled, to endpoints that are enabled.
    fn replay(&mut self, store: &Store, shown: &str) -> Checked {
        let (here, now) = (self.here, self.now);
        let lost = [DeliveryState::Failed, DeliveryState::Cancelled];
        let replayed = write(store, move |tx| {
            let filter = DeliveryFilter { states: Some(lost.into()), ..DeliveryFilter::default() };
            let (first, now) = (ReplayPlace::default(), NOW + now);
            let mut found = tx.deliveries_to_replay(here, &filter, first, 100, now)?.found;
            tx.replay_deliveries(here, &filter, &found, now)?;
            found.sort_unstable();
            Ok(found)
        });
        let mut expected = Vec::new();
        for (id, row) in &mut self.rows {
            if lost.contains(&row.state) && !self.ends[&row.endpoint].disabled {
                (row.state, row.due, row.finished) = (DeliveryState::Pending, now, None);
                row.earlier = row.tries;
                // A try that was under way when it was cancelled has lost it.
                row.attempt += 1;
                expected.push(DeliveryId(*id));
            }
        }
        prop_assert_eq!(replayed, expected, "{}", shown);
        Ok(())
    }

    fn one_given(&self, which: &Index) -> Option<ClaimedDelivery> {
        (!self.given.is_empty()).then(|| *which.get(&self.given))
    }

    /// The row of a claim that still holds.
    fn holder_of(&mut self, claim: ClaimedDelivery) -> Option<&mut Row> {
        let row = self.rows.get_mut(&claim.id.0);
        row.filter(|row| row.is_pending() && row.attempt == claim.attempt)
    }
}

fn line(id: i64, row: &Row) -> String {
    let Row { endpoint, state, due, leased, attempt, finished, earlier, tries } = row;
    let finished = finished.map(|at| (NOW + at).to_string()).unwrap_or_default();
    let (due, leased) = (NOW + due, i64::from(*leased));
    format!("{id}|{endpoint}|{state}|{due}|{leased}|{attempt}|{finished}|{earlier}|{tries}")
}

fn record(claim: ClaimedDelivery, state: DeliveryState, due_at: Micros) -> AttemptRecord<'static> {
    AttemptRecord {
        claim,
        started_at: NOW,
        duration_us: 1,
        status: Some(200),
        failure: None,
        excerpt: None,
        state,
        due_at,
    }
}

fn write<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
) -> T {
    store.write_blocking(work).expect("not written")
}
