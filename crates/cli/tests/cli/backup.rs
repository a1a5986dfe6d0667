//! Backups that are taken under load, and installations made from them.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Installation, Link, Multiplied, Process, finished, in_the_end};

/// A database in one of the two files that SQLite has.
fn sound(file: &Path) -> String {
    let database = rusqlite::Connection::open(file).expect("a database");
    database.query_row("pragma integrity_check", [], |row| row.get(0)).expect("a verdict")
}

/// The master key of one installation is that of the other.
pub(crate) fn hand_over_key(from: &Installation, to: &Installation) {
    let private = &mut std::fs::DirBuilder::new();
    private.recursive(true).mode(0o700).create(to.data_dir()).expect("a folder");
    let key = |of: &Installation| of.data_dir().join("master.key");
    std::fs::copy(key(from), key(to)).expect("a key");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_under_load_serves() {
    let installation = Installation::sqlite();
    let (_server, base) = installation.serve().await;
    let client = installation.client("sandbox", &base);
    let stop = Arc::new(AtomicBool::new(false));
    let (busy, stopped) = (client.clone(), Arc::clone(&stop));
    let links = tokio::spawn(async move {
        let mut made: Vec<Link> = Vec::new();
        while !stopped.load(Ordering::SeqCst) {
            made.push(busy.link("1999000002").await);
        }
        made
    });
    let planilla = Multiplied::new(20);
    let file = installation.folder().join("planilla.txt");
    std::fs::write(&file, &planilla.bytes).expect("a file");
    let import = ["pila", "import", text(&file), "--environment", "production", "--json"];
    let mut import = Process::start(&mut installation.command(&import));
    let store = installation.store();
    in_the_end("an import under way", async {
        let id = vinculo_store::ImportId(1);
        let loaded = async || store.read(move |tx| tx.import(id)).await.expect("an answer");
        while loaded().await.is_none_or(|import| import.loaded == 0) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let before = client.links().await;

    let copies: [PathBuf; 2] = ["data.db", "keys.db"].map(|it| installation.folder().join(it));
    let [data, keys] = &copies;
    let told = installation.run(&["backup", text(data), "--with-keys", text(keys)]).accepted();
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(in_the_end("the import", import.ended()).await.success());
    stop.store(true, Ordering::SeqCst);
    let made = links.await.expect("no panic");
    for file in &copies {
        assert_eq!(sound(file), "ok", "{}", file.display());
    }
    let again = installation.run(&["backup", text(data)]).refused();
    assert_eq!(again, format!("{} exists already", data.display()));

    let restored = Installation::sqlite();
    hand_over_key(&installation, &restored);
    restored.run(&["restore", text(data), "--keys", text(keys)]).accepted();
    for name in ["vinculo.db", "vault.db"] {
        assert_eq!(sound(&restored.data_dir().join(name)), "ok", "{name}");
    }
    assert_eq!(restored.run(&["doctor"]).code, Some(0));
    let (_other, base) = restored.serve().await;
    let client = client.at(&base);
    let found = client.links().await;
    let all = |of: &[Link], among: &[Link]| of.iter().all(|link| among.contains(link));
    assert!(all(&before, &found) && all(&found, &made), "a moment between before and after");
    in_the_end("the loads of the restored links", async {
        for link in &found {
            while client.counts(link).await != (2, 1) {
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    // What was being imported can be handed in again.
    let import = ["pila", "import", text(&file), "--environment", "production", "--json"];
    let imported = restored.run(&import).json();
    assert!(["accepted", "repeated"].contains(&imported["state"].as_str().expect("a state")));
    let shown = format!("CC:{}", planilla.documents[7]);
    let show = ["pila", "show", "--document", &shown, "--environment", "production"];
    assert!(restored.run(&show).accepted().contains("SERVICIOS TEMPORALES DEL ORIENTE"));
}

#[test]
fn nothing_is_restored_over_an_installation_or_without_keys() {
    let installation = Installation::sqlite();
    installation.key("sandbox");
    let data = installation.folder().join("data.db");
    installation.run(&["backup", text(&data)]).accepted();
    let there = installation.data_dir();
    let refused = installation.run(&["restore", text(&data)]).refused();
    assert_eq!(refused, format!("{} exists already", there.join("vinculo.db").display()));

    let other = Installation::sqlite();
    let refused = other.run(&["restore", text(&data)]).refused();
    let vault = other.data_dir().join("vault.db");
    assert_eq!(
        refused,
        format!("no keys: put them at {}, or name a copy of them", vault.display())
    );
    hand_over_key(&installation, &other);
    // Not the file itself: part of the keys may still be in its log.
    let keys = installation.folder().join("keys.db");
    let again = installation.folder().join("again.db");
    installation.run(&["backup", text(&again), "--with-keys", text(&keys)]).accepted();
    std::fs::copy(keys, vault).expect("the keys of today");
    let told = other.run(&["restore", text(&data)]).accepted();
    assert!(told.starts_with("restored "), "{told}");
    other.run(&["doctor"]).accepted();
}

/// As docs/BACKUP.md has it: the data without the keys, and the keys apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_of_postgres_without_its_keys_is_of_use_with_them_alone() {
    let installation = Installation::postgres();
    let (_server, base) = installation.serve().await;
    let client = installation.client("sandbox", &base);
    let link = client.link("1999000002").await;
    in_the_end("the load", async {
        while client.counts(&link).await != (2, 1) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let data = installation.dump_of(&["--exclude-schema", "vault"]);
    let keys = installation.dump_of(&["--schema", "vault"]);
    let restored = Installation::postgres();
    hand_over_key(&installation, &restored);
    restored.psql(&data);
    let refused = restored.run(&["doctor"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stdout.contains("schema vault has no tables yet"), "{}", refused.stdout);
    restored.psql(&keys);
    assert_eq!(restored.run(&["vault", "settle"]).code, Some(0));
    let (_other, base) = restored.serve().await;
    let client = client.at(&base);
    assert_eq!((client.links().await, client.counts(&link).await), (vec![link.clone()], (2, 1)));
    let refused = finished(&mut restored.command(&["backup", "x.db"])).refused();
    assert_eq!(refused, "this is for SQLite; PostgreSQL has pg_dump and pg_restore");
}
