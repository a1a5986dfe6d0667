//! Migrating a PostgreSQL that others use meanwhile.

use super::{Applied, HISTORY, VAULT_HISTORY, check_before, embedded, run_in_schema};
use crate::engine::address::Server;
use crate::engine::session::Session;
use crate::error::{Error, Result};
use crate::found;
use refinery::{Migration, Runner};
use std::collections::BTreeSet;

/// Any number, as long as it is always the same: two migrations wait for each other on it.
const ADVISORY_LOCK: i64 = 0x76_69_6e_63_75_6c_6f;

/// How a migration of PostgreSQL waits for the locks of tables that others use: while it waits, everybody waits
/// behind it.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// What PostgreSQL takes as `lock_timeout`.
    lock: &'static str,
    /// How long others have their turn before the next try, seconds.
    pause: f64,
    tries: u32,
}

impl Patience {
    const SHIPPED: Self = Self { lock: "2s", pause: 1.0, tries: 10 };
}

/// As [`super::migrate`], of the database at `url`.
pub(super) fn migrate(url: &str) -> Result<Applied> {
    let mut session = Session::open(&Server::at(url)?)?;
    session.row("select pg_advisory_lock($1)", &[&ADVISORY_LOCK])?;
    let applied = migrate_schemas(&mut session, Patience::SHIPPED);
    // The lock also goes with the connection.
    let _ = session.row("select pg_advisory_unlock($1)", &[&ADVISORY_LOCK]);
    applied
}

fn migrate_schemas(session: &mut Session, patience: Patience) -> Result<Applied> {
    let runners = [
        embedded::data_postgres::migrations::runner(),
        embedded::vault_postgres::migrations::runner(),
    ];
    let places = ["schema public", "schema vault"].map(str::to_owned);
    check_before(found::in_schemas(session)?, &runners, places)?;
    let [data, vault] = runners;
    // Who has nothing to make needs no right to: to make what is there already takes it as well.
    let there = applied_exactly(session, "public", HISTORY, &data)?;
    if there && applied_exactly(session, "vault", VAULT_HISTORY, &vault)? {
        return Ok(Applied::default());
    }
    session.batch("create schema if not exists vault; set search_path = vault")?;
    // Not before: this waits for whoever migrates, however long that takes.
    session.batch(&format!("set lock_timeout = '{}'", patience.lock))?;
    let vault = run_patiently(&vault, VAULT_HISTORY, session, patience)?;
    session.batch("set search_path = public")?;
    let data = run_patiently(&data, HISTORY, session, patience)?;
    Ok(Applied { data, vault })
}

/// As [`run_in_schema`], again and again while somebody holds a table; what was applied before stays.
fn run_patiently(
    runner: &Runner,
    history: &str,
    session: &mut Session,
    patience: Patience,
) -> Result<Vec<String>> {
    let before = applied_versions(session, history)?;
    let mut tries = 1;
    while let Err(error) = run_in_schema(Runner::new(runner.get_migrations()), history, session) {
        if !matches!(error, Error::Busy(_)) {
            return Err(error);
        }
        if tries == patience.tries {
            let why = format!(
                "{error}; somebody holds a table for a long time, a backup or a statement by hand: try again when \
                 it has ended (`select * from pg_stat_activity` shows who)"
            );
            return Err(Error::Migration(why));
        }
        tries += 1;
        session.row("select pg_sleep($1)", &[&patience.pause])?;
    }
    let mut new: Vec<&Migration> = runner.get_migrations().iter().collect();
    new.retain(|migration| !before.contains(&migration.version()));
    new.sort_by_key(|migration| migration.version());
    Ok(new.into_iter().map(ToString::to_string).collect())
}

/// Whether a schema has all of these migrations as they are here, and no other.
fn applied_exactly(
    session: &mut Session,
    schema: &str,
    history: &str,
    runner: &Runner,
) -> Result<bool> {
    let table = format!("{schema}.{history}");
    let found = session.row("select to_regclass($1) is not null", &[&table])?;
    if !found.get::<_, bool>(0) {
        return Ok(false);
    }
    let sql = format!("select version, checksum from {table}");
    let rows = session.run(async |client| client.query(&sql, &[]).await)?;
    let there: BTreeSet<(i32, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let own = runner.get_migrations().iter();
    Ok(there == own.map(|it| (it.version(), it.checksum().to_string())).collect())
}

fn applied_versions(session: &mut Session, history: &str) -> Result<Vec<i32>> {
    let found = session.row("select to_regclass($1) is not null", &[&history])?;
    if !found.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let sql = format!("select version from {history}");
    let rows = session.run(async |client| client.query(&sql, &[]).await)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::TestDatabase;
    use crate::target::Target;
    use postgres::Client;

    #[test]
    fn a_migration_gives_up_with_word_of_who_is_in_the_way() {
        let db = TestDatabase::postgres();
        let Target::Postgres { url } = &db.target else { unreachable!("asked for PostgreSQL") };
        let server = Server::at(url).expect("an address");
        let mut session = Session::open(&server).expect("not connected");
        let mut reader = Client::connect(url, postgres::NoTls).expect("not connected");
        session.batch("drop schema public cascade; create schema public").expect("not emptied");
        session.batch("set search_path = public").expect("not chosen");
        // The next one adds a column to a table that is always in use.
        let before = embedded::data_postgres::migrations::runner();
        let before = before.set_target(refinery::Target::Version(33));
        run_in_schema(before, HISTORY, &mut session).expect("not made");
        let mut reading = reader.transaction().expect("not begun");
        reading.batch_execute("lock table jobs in access share mode").expect("not locked");
        let patience = Patience { lock: "1ms", pause: 0.0, tries: 3 };
        let Err(Error::Migration(why)) = migrate_schemas(&mut session, patience) else {
            panic!("migrated beside a lock")
        };
        assert!(why.contains("lock timeout"), "{why}");
        assert!(why.contains("somebody holds a table for a long time"), "{why}");
        drop(reading);
        session.batch("set search_path = public").expect("not chosen");
        assert!(applied_versions(&mut session, HISTORY).unwrap().iter().all(|it| *it < 34));
        let applied = migrate_schemas(&mut session, patience).expect("not migrated").data;
        assert!(applied.iter().any(|name| name.starts_with("V34__spools")), "{applied:?}");
    }

    /// Somebody who writes two tables that a migration takes one after the other: each has what the other wants.
    #[test]
    fn a_migration_that_meets_a_deadlock_is_tried_again() {
        let db = TestDatabase::postgres();
        let Target::Postgres { url } = &db.target else { unreachable!("asked for PostgreSQL") };
        let connect = || Client::connect(url, postgres::NoTls).expect("not connected");
        let mut session = Session::open(&Server::at(url).expect("an address")).expect("no session");
        session.batch("drop schema public cascade; create schema public").expect("not emptied");
        session.batch("set search_path = public").expect("not chosen");
        // The next one makes an index on deliveries, and then changes the table of endpoints.
        let before = embedded::data_postgres::migrations::runner();
        let before = before.set_target(refinery::Target::Version(34));
        run_in_schema(before, HISTORY, &mut session).expect("not made");
        session.batch("set deadlock_timeout = '20ms'").expect("not set");
        let (mut first, mut second, mut looking) = (connect(), connect(), connect());
        first.batch_execute("begin; update deliveries set due_at = due_at").expect("not held");
        let holds = "begin; set local deadlock_timeout = '60s'; \
                     update webhook_endpoints set created_at = created_at";
        second.batch_execute(holds).expect("not held");
        let mut until_waiting = move |count: i64| {
            let waiting = "select count(*) from pg_stat_activity \
                           where datname = current_database() and wait_event_type = 'Lock'";
            let mut seen = || looking.query_one(waiting, &[]).expect("not seen").get::<_, i64>(0);
            while seen() < count {
                std::thread::yield_now();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(move || {
                until_waiting(1);
                let sends = "update deliveries set due_at = due_at; commit";
                scope.spawn(move || second.batch_execute(sends).expect("not written"));
                until_waiting(2);
                first.batch_execute("commit").expect("not ended");
            });
            let patience = Patience { lock: "30s", pause: 0.01, tries: 2 };
            let applied = migrate_schemas(&mut session, patience).expect("not migrated").data;
            assert!(applied.iter().any(|name| name.starts_with("V35__replays")), "{applied:?}");
        });
    }
}
