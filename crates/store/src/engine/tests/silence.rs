//! A server that is reached and says nothing, or no more.

use crate::engine::address::Address;
use crate::support::TestDatabase;
use crate::{Error, Options, Result, Store, Target, Tx, migrate};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// Stands before the tests' server, and lets through what it is told to let through.
struct Door {
    folder: tempfile::TempDir,
    open: watch::Sender<bool>,
}

impl Door {
    fn before(target: &Target) -> Self {
        let folder = tempfile::tempdir().expect("no temporary folder");
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).expect("no socket");
        let (server, (open, opened)) = (Arc::new(socket_of(target)), watch::channel(true));
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.expect("nobody comes");
                let (server, opened) = (Arc::clone(&server), opened.clone());
                tokio::spawn(async move {
                    let far = UnixStream::connect(&*server).await.expect("no server");
                    let (said, heard) = (near.into_split(), far.into_split());
                    let questions = pass_on(said.0, heard.1, opened.clone());
                    let answers = pass_on(heard.0, said.1, opened);
                    let _ = tokio::try_join!(questions, answers);
                });
            }
        });
        Self { folder, open }
    }

    fn shut(&self) {
        self.open.send_replace(false);
    }

    fn open(&self) {
        self.open.send_replace(true);
    }

    /// The database behind it, for whoever waits so many seconds to be let in.
    fn target(&self, target: &Target, seconds: u32) -> Target {
        let Target::Postgres { url } = target else { unreachable!("asked for PostgreSQL") };
        let address = Address::read(url).expect("an address");
        let (user, name) = (address.config().get_user(), address.config().get_dbname());
        let (user, name) = (user.expect("a user"), name.expect("a name"));
        let place = self.folder.path().display();
        Target::Postgres {
            url: format!(
                "host={place} port=5432 user={user} dbname={name} connect_timeout={seconds}"
            ),
        }
    }
}

/// Looks at the door for each piece, so that nothing that is said after it was shut gets through:
/// whoever stands before it hears neither an answer nor an end.
async fn pass_on(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut opened: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let mut piece = [0; 8192];
    loop {
        let length = from.read(&mut piece).await?;
        let _ = opened.wait_for(|open| *open).await;
        match length {
            0 => return to.shutdown().await,
            _ => to.write_all(&piece[..length]).await?,
        }
    }
}

fn socket_of(target: &Target) -> PathBuf {
    let Target::Postgres { url } = target else { unreachable!("asked for PostgreSQL") };
    let address = Address::read(url).expect("an address");
    let port = address.config().get_ports().first().copied().unwrap_or(5432);
    let folder = address.config().get_hosts().iter().find_map(|host| match host {
        tokio_postgres::config::Host::Unix(folder) => Some(folder.clone()),
        tokio_postgres::config::Host::Tcp(_) => None,
    });
    folder.expect("the tests' server has a socket").join(format!(".s.PGSQL.{port}"))
}

fn one(tx: &mut Tx<'_>) -> Result<i64> {
    tx.query_one("select 1", &[], |row| row.int(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let db = TestDatabase::postgres();
    let door = Door::before(&db.target);
    door.shut();
    let target = door.target(&db.target, 1);
    let tries = tokio::task::spawn_blocking(move || {
        [migrate(&target).err(), Store::open(&target, &Options::default()).err()]
    });
    for outcome in tries.await.expect("no panic") {
        let why = outcome.expect("it did not answer").to_string();
        assert!(why.contains("the server says nothing at "), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_outlive_a_server_that_says_no_more() {
    let db = TestDatabase::postgres();
    let door = Door::before(&db.target);
    let target = door.target(&db.target, 30);
    let (patience, postgres_lanes) = (Duration::from_secs(5), 1);
    let impatient = Options { patience, postgres_lanes, ..Options::default() };
    let store = tokio::task::spawn_blocking(move || Store::open(&target, &impatient));
    let store = store.await.expect("no panic").expect("the store does not open");
    assert_eq!(store.lease(one).await.expect("no lease"), 1);
    door.shut();
    let outcome: Result<i64> = store.lease(one).await;
    let Err(Error::Unavailable(why)) = &outcome else { panic!("{outcome:?}") };
    assert!(why.to_string().contains("no answer within 5s"), "{why}");
    door.open();
    assert_eq!(store.lease(one).await.expect("no lease"), 1);
    store.close().await;
}

#[test]
fn a_server_that_ended_without_a_word_is_missed() {
    let read = |address: &str| Address::read(address).expect("an address").config().clone();
    let config = read("postgres://db.example/vinculo");
    assert_eq!(config.get_keepalives_idle(), Duration::from_secs(10));
    assert_eq!(config.get_keepalives_interval(), Some(Duration::from_secs(5)));
    assert_eq!(config.get_keepalives_retries(), Some(3));
    let config = read(
        "postgres://db.example/vinculo?keepalives_idle=60&keepalives_interval=9&keepalives_retries=2",
    );
    assert_eq!(config.get_keepalives_idle(), Duration::from_secs(60));
    assert_eq!(config.get_keepalives_interval(), Some(Duration::from_secs(9)));
    assert_eq!(config.get_keepalives_retries(), Some(2));
}
