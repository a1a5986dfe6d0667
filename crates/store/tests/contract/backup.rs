//! Copies of the files of SQLite, and databases made from them.

use crate::fixture::{NOW, index, person, read, uuid, workspaces, write};
use crate::raw;
use crate::support::TestDatabase;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use vinculo_store::{Error, Options, Part, Store, Target, back_up};

fn target(dir: &Path) -> Target {
    Target::Sqlite { dir: dir.to_owned() }
}

/// Restores, and takes whatever comes of it for good.
fn restore(target: &Target, data: &Path, keys: Option<&Path>) -> Result<(), Error> {
    vinculo_store::restore(target, data, keys, |_| Ok(()))
}

fn why(outcome: Result<impl Sized, Error>) -> String {
    match outcome {
        Err(Error::Backup(why)) => why,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("done, although it must be refused"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_taken_while_others_write_is_whole() {
    let db = TestDatabase::sqlite();
    let (here, _) = workspaces(&db).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (store, stopped) = (db.store.clone(), Arc::clone(&stop));
    let writer = tokio::spawn(async move {
        let mut n = 0;
        while !stopped.load(Ordering::SeqCst) {
            store.write(move |tx| person(tx, here, n)).await.expect("not written");
            n += 1;
        }
        n
    });
    while read(&db, move |tx| tx.subject(here, &index(20))).await.is_none() {
        tokio::task::yield_now().await;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (data, keys) = (folder.path().join("data.db"), folder.path().join("keys.db"));
    for (part, file) in [(Part::Data, &data), (Part::Keys, &keys)] {
        let (from, to) = (db.target.clone(), file.clone());
        let copied = tokio::task::spawn_blocking(move || back_up(&from, part, &to));
        let bytes = copied.await.expect("no panic").expect("no copy");
        let metadata = fs::metadata(file).expect("a copy");
        assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (bytes, 0o600));
    }
    stop.store(true, Ordering::SeqCst);
    let written = writer.await.expect("the writer panicked");
    let names = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(names, 2, "nothing else is left beside the copies");

    let made = folder.path().join("made");
    restore(&target(&made), &data, Some(&keys)).expect("not restored");
    let store = Store::open(&target(&made), &Options::default()).expect("it opens");
    let mut found = 0;
    for n in 0..written {
        let known = store.read(move |tx| tx.subject(here, &index(n))).await.expect("not read");
        found += u64::from(known.is_some());
    }
    assert!((21..=written).contains(&found), "{found} of {written}");
    // Every row has its key, for the keys were copied last.
    let subjects = raw::sqlite(&made)
        .query_row("select count(*) from subjects", [], |row| row.get::<_, i64>(0))
        .expect("a number");
    assert_eq!(subjects.unsigned_abs(), found);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_overwritten_and_nothing_else_is_taken_for_a_copy() {
    let db = TestDatabase::sqlite();
    write(&db, |tx| tx.insert_organization(uuid(1), "default", NOW)).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (data, keys) = (at("data.db"), at("keys.db"));
    back_up(&db.target, Part::Data, &data).expect("no copy");
    back_up(&db.target, Part::Keys, &keys).expect("no copy");
    let before = fs::read(&data).expect("a copy");
    assert!(why(back_up(&db.target, Part::Data, &data)).ends_with("data.db exists already"));
    assert_eq!(fs::read(&data).expect("a copy"), before);

    let empty = target(&at("empty"));
    assert!(why(restore(&empty, &data, None)).starts_with("no keys: put them at "));
    assert!(
        why(restore(&empty, &keys, Some(&data))).ends_with("is no copy of the keys of vinculo")
    );
    assert!(
        why(restore(&empty, &keys, Some(&keys))).ends_with("is no copy of the data of vinculo")
    );
    fs::write(at("text"), "no database, but long enough to be looked at by SQLite")
        .expect("a file");
    assert!(why(restore(&empty, &at("text"), Some(&keys))).ends_with("text is not a database"));
    assert!(why(restore(&empty, &at("nowhere"), Some(&keys))).ends_with("nowhere is not a file"));
    assert_eq!(fs::read_dir(at("empty")).expect("a folder").count(), 0, "nothing was made");

    restore(&empty, &data, Some(&keys)).expect("not restored");
    assert!(why(restore(&empty, &data, None)).ends_with("vinculo.db exists already"));
    fs::remove_file(at("empty").join("vinculo.db")).expect("removed");
    assert!(why(restore(&empty, &data, Some(&keys))).ends_with("vault.db exists already"));
    restore(&empty, &data, None).expect("the keys that are there are good");

    let postgres = Target::Postgres { url: "postgres://nobody@nowhere/nothing".to_owned() };
    assert!(why(back_up(&postgres, Part::Data, &at("x"))).contains("pg_dump"));
    assert!(why(restore(&postgres, &data, None)).contains("pg_dump"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_copy_is_refused() {
    let db = TestDatabase::sqlite();
    let (here, _) = workspaces(&db).await;
    write(&db, move |tx| (0..2000).try_for_each(|n| person(tx, here, n).map(|_| ()))).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (data, keys) = (folder.path().join("data.db"), folder.path().join("keys.db"));
    back_up(&db.target, Part::Data, &data).expect("no copy");
    back_up(&db.target, Part::Keys, &keys).expect("no copy");
    let mut bytes = fs::read(&keys).expect("a copy");
    // The last pages hold keys; the first say what the tables are.
    let end = bytes.len();
    bytes[end - 3 * 4096..end - 2 * 4096].fill(0xff);
    fs::write(&keys, bytes).expect("a damaged copy");
    let made = target(&folder.path().join("made"));
    assert!(why(restore(&made, &data, Some(&keys))).ends_with("is damaged"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_settled_leaves_nothing() {
    let db = TestDatabase::sqlite();
    let (here, _) = workspaces(&db).await;
    write(&db, move |tx| person(tx, here, 1).map(|_| ())).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (data, keys) = (at("data.db"), at("keys.db"));
    back_up(&db.target, Part::Data, &data).expect("no copy");
    back_up(&db.target, Part::Keys, &keys).expect("no copy");
    let names = |folder: &str| {
        let entries = fs::read_dir(at(folder)).expect("a folder");
        let names = entries.map(|it| it.expect("an entry").file_name().into_string());
        let mut names: Vec<_> = names.map(|name| name.expect("a text")).collect();
        names.retain(|name| name.contains(".db"));
        names
    };
    let refuse = |_: &Store| -> Result<(), Error> { Err(Error::Backup("not settled".to_owned())) };
    let made = target(&at("made"));
    let outcome = vinculo_store::restore(&made, &data, Some(&keys), refuse);
    assert_eq!((why(outcome), names("made").len()), ("not settled".to_owned(), 0));
    fs::copy(&keys, at("made").join("vault.db")).expect("the keys are there first");
    assert_eq!(why(vinculo_store::restore(&made, &data, None, refuse)), "not settled");
    let left = names("made");
    assert!(left.iter().all(|name| name.starts_with("vault.db")), "{left:?}");

    let newer = "insert into refinery_schema_history (version, name) values (900, 'later')";
    let copy = rusqlite::Connection::open(&data).expect("the copy");
    copy.execute_batch(newer).expect("a newer program's");
    let refused = restore(&made, &data, None).expect_err("made by a newer program").to_string();
    assert!(
        refused.ends_with("has version 900, made by a newer program; use that one"),
        "{refused}"
    );
    copy.execute_batch("delete from refinery_schema_history where version = 900").expect("not");
    restore(&made, &data, None).expect("nothing is in the way");
}

/// A destroyed key is in no file any more: neither in the free space of its own nor in the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destroyed_key_leaves_the_files() {
    let db = TestDatabase::sqlite();
    let Target::Sqlite { dir } = db.target.clone() else { panic!("asked for SQLite") };
    let (here, _) = workspaces(&db).await;
    write(&db, move |tx| (0..300).try_for_each(|n| person(tx, here, n).map(|_| ()))).await;
    let key = read(&db, move |tx| tx.subject(here, &index(150))).await.expect("known").key;
    let shows = || {
        let files = fs::read_dir(&dir).expect("a folder");
        files
            .map(|file| fs::read(file.expect("an entry").path()).expect("a file"))
            .any(|bytes| bytes.windows(65).any(|window| window == key.to_bytes()))
    };
    assert!(shows(), "it is found as long as it is there");
    write(&db, move |tx| tx.erase_person(here, &index(150))).await;
    assert!(shows(), "the log holds it until it is emptied");
    assert!(db.store.scrub_keys().await.expect("not scrubbed"));
    assert!(!shows());
    assert!(read(&db, move |tx| tx.subject(here, &index(151))).await.is_some());

    let postgres = TestDatabase::postgres();
    assert!(postgres.store.scrub_keys().await.expect("nothing to do"));
}
