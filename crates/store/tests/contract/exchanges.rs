//! How often the server of PostgreSQL is asked and waited for: each time costs two changes of process. What is asked
//! in one breath is one exchange, but each of its messages is answered by itself.

use crate::audit::entry;
use crate::fixture::{
    NOW, SECOND, add_endpoint, add_link, new_event, person, sealed, uuid, workspaces, write,
};
use crate::support::TestDatabase;
use postgres::config::Host;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use vinculo_store::{
    AttemptRecord, DeliveryState, DueDelivery, EndpointId, Micros, NewEvent, Options, Recipients,
    Store, SubjectId, Target, Tx, WorkspaceId,
};

const LEASE: Micros = 6 * SECOND;

/// What went over one connection.
#[derive(Default)]
struct Talk {
    /// Everything that the client said.
    said: Vec<u8>,
    /// Requests that were not answered yet.
    open: usize,
    counts: Counts,
}

/// How often a server was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// While nothing was open: what is said in one breath is one exchange.
    exchanges: usize,
    /// At all.
    messages: usize,
}

/// Stands between a store and its server, and counts.
struct Counter {
    folder: tempfile::TempDir,
    talks: Arc<Mutex<Vec<Arc<Mutex<Talk>>>>>,
}

/// Messages of the protocol, cut out of what comes in pieces.
#[derive(Default)]
struct Messages {
    rest: Vec<u8>,
    /// Whether the next one has no type before its length, as the first of a client.
    untyped: bool,
}

impl Messages {
    /// The types of those that are complete now; that of an untyped one is 0.
    fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.rest.extend_from_slice(bytes);
        let mut types = Vec::new();
        loop {
            let typed = usize::from(!self.untyped);
            let Some(length) = self.rest.get(typed..typed + 4) else { return types };
            let length = u32::from_be_bytes(length.try_into().expect("four bytes"));
            let end = typed + usize::try_from(length).expect("a length");
            if self.rest.len() < end {
                return types;
            }
            types.push(if self.untyped { 0 } else { self.rest[0] });
            self.untyped = false;
            self.rest.drain(..end);
        }
    }
}

impl Talk {
    /// A simple query and the end of a series of messages are answered by a word that the server is ready, as
    /// is the beginning of all.
    fn say(&mut self, bytes: &[u8], types: &[u8]) {
        self.said.extend_from_slice(bytes);
        let asked = types.iter().filter(|kind| [b'Q', b'S', 0].contains(kind)).count();
        self.counts.exchanges += usize::from(asked > 0 && self.open == 0);
        self.counts.messages += asked;
        self.open += asked;
    }

    fn hear(&mut self, types: &[u8]) {
        self.open -= types.iter().filter(|kind| **kind == b'Z').count();
    }
}

impl Counter {
    fn before(target: &Target) -> Self {
        let folder = tempfile::tempdir().expect("no temporary folder");
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).expect("no socket");
        let (socket, talks) = (socket_of(target), Arc::<Mutex<Vec<_>>>::default());
        let all = Arc::clone(&talks);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = UnixStream::connect(&socket).await.expect("no server");
                let talk = Arc::<Mutex<Talk>>::default();
                held(&all).push(Arc::clone(&talk));
                tokio::spawn(carry(near, far, talk));
            }
        });
        Self { folder, talks }
    }

    /// The database behind it.
    fn target(&self, target: &Target) -> Target {
        let config = config_of(target);
        let (user, name) = (config.get_user(), config.get_dbname());
        let (user, name) = (user.expect("a user"), name.expect("a name"));
        let place = self.folder.path().display();
        Target::Postgres { url: format!("host={place} port=5432 user={user} dbname={name}") }
    }

    /// What was counted so far on the connection on which a statement that begins so was prepared.
    fn of(&self, statement: &str) -> Counts {
        let talks = held(&self.talks).clone();
        let prepared = |talk: &Talk| {
            talk.said.windows(statement.len()).any(|bytes| bytes == statement.as_bytes())
        };
        let found: Vec<_> = talks
            .iter()
            .map(|talk| held(talk))
            .filter(|talk| prepared(talk))
            .map(|talk| talk.counts)
            .collect();
        let [counts] = found[..] else { panic!("{statement:?} was prepared by {found:?}") };
        counts
    }
}

impl Counts {
    /// Exchanges and messages since.
    fn since(self, before: Self) -> (usize, usize) {
        (self.exchanges - before.exchanges, self.messages - before.messages)
    }
}

fn held<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries what both say. All that the client has said is counted before any answer to it is heard.
async fn carry(mut near: UnixStream, mut far: UnixStream, talk: Arc<Mutex<Talk>>) {
    let (mut asked, mut answered) =
        (Messages { untyped: true, ..Messages::default() }, Messages::default());
    let (mut request, mut answer) = ([0; 65_536], [0; 65_536]);
    loop {
        tokio::select! {
            biased;
            read = near.read(&mut request) => {
                let Some(bytes) = read.ok().and_then(|read| request.get(..read)) else { return };
                held(&talk).say(bytes, &asked.take(bytes));
                if bytes.is_empty() || far.write_all(bytes).await.is_err() {
                    return;
                }
            }
            read = far.read(&mut answer) => {
                let Some(bytes) = read.ok().and_then(|read| answer.get(..read)) else { return };
                held(&talk).hear(&answered.take(bytes));
                if bytes.is_empty() || near.write_all(bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn config_of(target: &Target) -> postgres::Config {
    let Target::Postgres { url } = target else { unreachable!("asked for PostgreSQL") };
    url.parse().expect("an address")
}

fn socket_of(target: &Target) -> PathBuf {
    let config = config_of(target);
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let folder = config.get_hosts().iter().find_map(|host| match host {
        Host::Unix(folder) => Some(folder.clone()),
        Host::Tcp(_) => None,
    });
    folder.expect("the tests' server has a socket").join(format!(".s.PGSQL.{port}"))
}

/// A store that is counted, with one lane for everything but leases.
async fn counted(db: &TestDatabase) -> (Counter, Store) {
    let counter = Counter::before(&db.target);
    let target = counter.target(&db.target);
    let options = Options { postgres_lanes: 1, ..Options::default() };
    let store = tokio::task::spawn_blocking(move || Store::open(&target, &options)).await;
    (counter, store.expect("no panic").expect("the store does not open"))
}

/// Looks at the endpoint, notes who asked, and emits event `n` for it, as a test event is taken in.
fn take_in(
    tx: &mut Tx<'_>,
    here: WorkspaceId,
    (subject, endpoint): (SubjectId, EndpointId),
    n: u64,
) -> vinculo_store::Result<()> {
    tx.endpoint(here, uuid(90))?.expect("no endpoint");
    tx.audit(&[entry(Some(here), n)])?;
    let body = sealed(n);
    let event = new_event(here, Some(subject), n, &body);
    tx.emit(&NewEvent { to: Recipients::Only(endpoint), ..event })
}

/// A try that delivered.
fn tried(due: &DueDelivery) -> AttemptRecord<'static> {
    AttemptRecord {
        claim: due.claim,
        started_at: NOW + 5,
        duration_us: 1234,
        status: Some(204),
        failure: None,
        excerpt: None,
        state: DeliveryState::Delivered,
        due_at: NOW,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_and_its_entry_travel_with_the_commit_and_a_try_takes_two_exchanges() {
    let db = TestDatabase::postgres();
    let (here, _) = workspaces(&db).await;
    let whose = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        add_link(tx, here, subject, 60)?;
        Ok((subject, add_endpoint(tx, here, 90)?))
    });
    let whose = whose.await;
    let (counter, store) = counted(&db).await;
    // The lane that writes, and that of leases.
    let so_far = || ["insert into events", "from deliveries"].map(|of| counter.of(of));
    let mut before = None;
    for n in 100..103 {
        store.write(move |tx| take_in(tx, here, whose, n)).await.expect("not written");
        let taken_in = counter.of("insert into events");
        let claim = move |tx: &mut Tx<'_>| tx.claim_deliveries(NOW, NOW + LEASE, 5, 8, 1);
        let due = store.lease(claim).await.expect("no lease").remove(0);
        let record = move |tx: &mut Tx<'_>| {
            tx.record_delivered(&tried(&due), due.endpoint, &due.address, NOW)
        };
        assert!(store.write_once(record).await.expect("not recorded"));
        let [written, claimed] = so_far();
        // The first time, statements are prepared.
        if let Some([write, lease]) = before.replace([written, claimed]) {
            // The endpoint is looked at; then entry, event and delivery are one statement, which commits itself.
            assert_eq!(taken_in.since(write), (2, 2), "to take an event in");
            assert_eq!(claimed.since(lease), (1, 1), "to claim a delivery");
            assert_eq!(written.since(taken_in), (1, 1), "to record a try");
        }
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_one_statement_behind_a_look_needs_no_transaction() {
    let db = TestDatabase::postgres();
    let (here, _) = workspaces(&db).await;
    let endpoint = write(&db, move |tx| add_endpoint(tx, here, 90)).await;
    let (counter, store) = counted(&db).await;
    let emit = move |tx: &mut Tx<'_>, n: u64| {
        let body = sealed(n);
        let event = new_event(here, None, n, &body);
        tx.emit(&NewEvent { to: Recipients::Only(endpoint), ..event })
    };
    let mut before = None;
    for n in 100..103 {
        let look = move |tx: &mut Tx<'_>| {
            tx.endpoint(here, uuid(90))?.expect("no endpoint");
            emit(tx, n)
        };
        store.write(look).await.expect("not written");
        let looked = counter.of("insert into events");
        // A connection that rested may have died: what commits itself is not sent by it.
        store.write(move |tx| emit(tx, 100 + n)).await.expect("not written");
        let written = counter.of("insert into events");
        if let Some(before) = before.replace(written) {
            assert_eq!(looked.since(before), (2, 2), "behind a look");
            assert_eq!(written.since(looked), (2, 3), "without one");
        }
    }
    store.close().await;
}
