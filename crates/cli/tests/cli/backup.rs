//! Backups that are taken under load, and installations made from them.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;

use crate::support::{
    Client, Installation, Link, Multiplied, Process, finished, in_the_end, look_again, sample,
};

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
            look_again().await;
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
                look_again().await;
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
            look_again().await;
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

/// Imports a planilla, whose people are then known.
fn import(installation: &Installation, planilla: &str) {
    let file = sample(planilla);
    let import = ["pila", "import", text(&file), "--environment", "production"];
    installation.run(&import).accepted();
}

/// How many people are known.
fn people(installation: &Installation) -> i64 {
    let store = installation.store();
    let pages = store.read_blocking(|tx| {
        let keys = tx.count_keys()?;
        Ok::<i64, vinculo_store::Error>(keys.iter().map(|count| count.subjects).sum())
    });
    store.close_blocking();
    pages.expect("counted")
}

const EARLIER: &str = "27-temporal-E-2025-12-ascii.txt";
const LATER: &str = "09-penon-E-2025-10.txt";

#[test]
fn keys_that_are_older_than_the_data_are_refused() {
    let installation = Installation::sqlite();
    import(&installation, EARLIER);
    let at = |name: &str| installation.folder().join(name);
    let (monday, keys, friday) = (at("monday.db"), at("keys.db"), at("friday.db"));
    installation.run(&["backup", text(&monday), "--with-keys", text(&keys)]).accepted();
    let then = people(&installation);
    import(&installation, LATER);
    installation.run(&["backup", text(&friday)]).accepted();
    let came = people(&installation) - then;
    assert!(came > 0);

    let restored = Installation::sqlite();
    hand_over_key(&installation, &restored);
    let restore = ["restore", text(&friday), "--keys", text(&keys)];
    let refused = restored.run(&restore).refused();
    let why = format!("the keys are older than the data: {came} people have neither a key nor");
    assert!(refused.starts_with(&why), "{refused}");
    for name in ["vinculo.db", "vault.db"] {
        assert!(!restored.data_dir().join(name).exists(), "{name}: nothing is in the way");
    }
    let told = restored.run(&[&restore[..], &["--without-receipts"]].concat()).accepted();
    assert!(told.contains("\n0 people were erased since the backup and are gone\n"), "{told}");
    let lost = format!("\n{came} people without a receipt of an erasure are gone too\n");
    assert!(told.contains(&lost), "{told}");
    assert_eq!(people(&restored), then);
    assert_eq!(restored.run(&["doctor"]).code, Some(0));

    // Somebody puts them there by hand.
    for name in ["vault.db-wal", "vault.db-shm"] {
        std::fs::remove_file(installation.data_dir().join(name)).ok();
    }
    std::fs::copy(&keys, installation.data_dir().join("vault.db")).expect("copied");
    assert_older(&finished(&mut installation.serve_command()).refused());
}

fn assert_older(refused: &str) {
    let why =
        "the keys are older than the data: there is no key of the person who became known last";
    assert!(refused.starts_with(why), "{refused}");
}

#[test]
fn a_dump_with_older_keys_is_not_settled() {
    let installation = Installation::postgres();
    import(&installation, EARLIER);
    let keys = installation.dump_of(&["--schema", "vault"]);
    let then = people(&installation);
    import(&installation, LATER);
    let data = installation.dump_of(&["--exclude-schema", "vault"]);
    let came = people(&installation) - then;

    let restored = Installation::postgres();
    hand_over_key(&installation, &restored);
    restored.psql(&data);
    // Somebody starts too early: nothing is made that the keys would meet.
    let early = finished(&mut restored.serve_command()).refused();
    let missing =
        "the keys of this installation are missing: restore vault.db, or the schema `vault`";
    assert_eq!(early, missing);
    restored.psql(&keys);
    assert_older(&restored.run(&["keys", "list", "--environment", "sandbox"]).refused());
    let refused = restored.run(&["vault", "settle"]).refused();
    let why = format!("the keys are older than the data: {came} people have neither a key nor");
    assert!(refused.starts_with(&why), "{refused}");
    let settled = restored.run(&["vault", "settle", "--without-receipts", "--json"]).json();
    assert_eq!(
        settled,
        serde_json::json!(
            {"erased_people": 0, "lost_people": came, "refused_imports": 0,
             "revoked_consents": 0, "revoked_keys": 0, "ended_keys": 0}
        )
    );
    let again = restored.run(&["vault", "settle", "--json"]).json();
    assert_eq!(again["lost_people"], 0);
}

#[test]
fn keys_of_another_installation_are_recognised() {
    let [installation, other] = [(); 2].map(|()| Installation::sqlite());
    import(&installation, EARLIER);
    import(&other, EARLIER);
    let at = |name: &str| installation.folder().join(name);
    let (data, keys, strange) = (at("data.db"), at("keys.db"), at("strange.db"));
    installation.run(&["backup", text(&data), "--with-keys", text(&keys)]).accepted();
    other.run(&["backup", text(&at("x.db")), "--with-keys", text(&strange)]).accepted();
    let why = "the keys that are there belong to another installation: restore this one's \
               vault.db, or schema `vault`";

    let restored = Installation::sqlite();
    hand_over_key(&other, &restored);
    let restore = |keys| restored.run(&["restore", text(&data), "--keys", text(keys)]);
    assert_eq!(restore(&strange).refused(), why);
    restore(&keys).accepted();
    // Somebody puts them there by hand, and gives their master key.
    for name in ["vault.db-wal", "vault.db-shm"] {
        std::fs::remove_file(restored.data_dir().join(name)).ok();
    }
    std::fs::copy(&strange, restored.data_dir().join("vault.db")).expect("copied");
    assert_eq!(finished(&mut restored.serve_command()).refused(), why);
    let examined = restored.run(&["doctor"]);
    assert_eq!(examined.code, Some(1));
    assert!(examined.stdout.contains(why), "{}", examined.stdout);
}

#[test]
fn keys_in_which_nothing_was_ever_stored_are_refused() {
    let installation = Installation::sqlite();
    import(&installation, EARLIER);
    let data = installation.folder().join("data.db");
    installation.run(&["backup", text(&data)]).accepted();
    let empty = Installation::sqlite();
    empty.make();
    std::fs::remove_file(empty.data_dir().join("vinculo.db")).expect("removed");
    let refused = empty.run(&["restore", text(&data)]).refused();
    assert_eq!(
        refused,
        "the keys of this installation are missing: restore vault.db, or the schema `vault`"
    );
    assert!(!empty.data_dir().join("vinculo.db").exists());
}

#[test]
fn a_refused_start_makes_no_keys() {
    let installation = Installation::sqlite();
    installation.key("sandbox");
    let vault = installation.data_dir().join("vault.db");
    std::fs::remove_file(&vault).expect("removed");
    let list = ["keys", "list", "--environment", "sandbox"];
    for mut command in [installation.serve_command(), installation.command(&list)] {
        let refused = finished(&mut command).refused();
        assert!(refused.starts_with("the keys of this installation are missing"), "{refused}");
        assert!(!vault.exists());
    }
}

/// They lie there for `restore`, and somebody is too early.
#[test]
fn nothing_new_is_made_beside_keys_of_people() {
    let installation = Installation::sqlite();
    import(&installation, EARLIER);
    let [data, keys] = ["data.db", "keys.db"].map(|name| installation.folder().join(name));
    installation.run(&["backup", text(&data), "--with-keys", text(&keys)]).accepted();
    let restored = Installation::sqlite();
    hand_over_key(&installation, &restored);
    std::fs::copy(&keys, restored.data_dir().join("vault.db")).expect("the keys");
    let list = ["keys", "list", "--environment", "sandbox"];
    let commands =
        [restored.serve_command(), restored.command(&list), restored.command(&["migrate"])];
    for mut command in commands {
        assert_eq!(
            finished(&mut command).refused(),
            "there are keys of people, and the data they belong to is missing: restore vinculo.db, \
             or the schema `public`"
        );
        assert!(!restored.data_dir().join("vinculo.db").exists());
    }
    restored.run(&["restore", text(&data)]).accepted();
    assert_eq!(people(&restored), people(&installation));
}

/// What is told of one of two keys and of two consents, of which one of each was taken back.
async fn what_holds(client: &Client, revoked: &Client) -> (u16, u16, Vec<String>) {
    let (_, consents) = client.get("/manage/v1/consents/").await;
    let status =
        |consent: &serde_json::Value| consent["status"].as_str().expect("a word").to_owned();
    let all = consents["results"].as_array().expect("results").iter().map(status).collect();
    (client.get("/api/links/").await.0, revoked.get("/api/links/").await.0, all)
}

async fn post(client: &Client, path: &str, body: serde_json::Value) -> serde_json::Value {
    let sent = client.ask(Method::POST, path).json(&body).send().await.expect("an answer");
    assert!(sent.status().is_success(), "{path}: {}", sent.status());
    sent.json().await.expect("a body")
}

/// A key and a consent are taken back, and a password is replaced, between a backup and its restore.
async fn taken_back_since<T>(
    installation: &Installation,
    back_up: impl FnOnce() -> T,
) -> (T, [Client; 3]) {
    let (_server, base) = installation.serve().await;
    let clients = [(); 3].map(|()| installation.client("sandbox", &base));
    let [client, leaked, replaced] = &clients;
    let mut consents = Vec::new();
    for number in ["1999000001", "1999000002"] {
        let consent = serde_json::json!({
            "document_type": "CC", "document_number": number, "resources": ["EMPLOYMENTS"],
            "purpose": "Estudio", "method": "upload", "text_version": "1", "language": "es",
        });
        consents.push(post(client, "/manage/v1/consents/", consent).await);
    }
    let copies = back_up();
    let revoked =
        format!("/manage/v1/consents/{}/revoke/", consents[0]["id"].as_str().expect("an id"));
    post(client, &revoked, serde_json::json!({ "reason": "Por correo" })).await;
    let key = |of: &Client| format!("/manage/v1/keys/{}/", of.key().id);
    let deleted = client.ask(Method::DELETE, &key(leaked)).send().await.expect("an answer");
    assert_eq!(deleted.status(), 204);
    post(client, &format!("{}rotate/", key(replaced)), serde_json::json!({})).await;
    post(client, &format!("{}retire/", key(replaced)), serde_json::json!({})).await;
    assert_eq!(
        what_holds(client, leaked).await,
        (200, 401, vec!["valid".into(), "revoked".into()])
    );
    (copies, clients)
}

/// What `restored` serves is what was served before the restore.
async fn still_taken_back(restored: &Installation, clients: &[Client; 3]) {
    let again = restored.run(&["vault", "settle", "--json"]).json();
    assert_eq!((&again["revoked_consents"], &again["revoked_keys"]), (&0.into(), &0.into()));
    let verified = restored.run(&["consents", "verify"]).accepted();
    assert!(verified.contains("3 receipts, whole"), "{verified}");
    let (_server, base) = restored.serve().await;
    let [client, leaked, replaced] = clients.each_ref().map(|client| client.at(&base));
    let (served, refused, consents) = what_holds(&client, &leaked).await;
    assert_eq!((served, refused), (200, 401));
    assert_eq!(consents, ["valid", "revoked"]);
    assert_eq!(replaced.get("/api/links/").await.0, 401, "its password was replaced");
    let (_, revoked) = client.get("/manage/v1/consents/?status=revoked").await;
    assert_eq!(revoked["results"][0]["revocation"]["reason"], "Por correo");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_back_since_a_backup_stays_so() {
    let installation = Installation::sqlite();
    let at = |name: &str| installation.folder().join(name);
    let (data, keys) = (at("data.db"), at("keys.db"));
    let back_up = || installation.run(&["backup", text(&data)]).accepted();
    let (_, clients) = taken_back_since(&installation, back_up).await;
    installation.run(&["backup", text(&at("newest.db")), "--with-keys", text(&keys)]).accepted();
    let restored = Installation::sqlite();
    let restore = ["restore", text(&data), "--keys", text(&keys)];
    let refused = restored.run(&restore).refused();
    assert!(
        refused.starts_with("consents were revoked since the backup: master key file"),
        "{refused}"
    );
    hand_over_key(&installation, &restored);
    let told = restored.run(&restore).accepted();
    assert!(told.contains("\n1 consents were revoked since the backup and are again\n"), "{told}");
    assert!(told.contains("\n1 API keys were revoked since the backup and are again\n"), "{told}");
    assert!(
        told.contains("\n1 passwords of API keys were replaced since, and end as they did\n"),
        "{told}"
    );
    still_taken_back(&restored, &clients).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_back_since_a_dump_stays_so() {
    let installation = Installation::postgres();
    let back_up = || installation.dump_of(&["--exclude-schema", "vault"]);
    let (data, clients) = taken_back_since(&installation, back_up).await;
    let restored = Installation::postgres();
    hand_over_key(&installation, &restored);
    restored.psql(&data);
    restored.psql(&installation.dump_of(&["--schema", "vault"]));
    let settled = restored.run(&["vault", "settle", "--json"]).json();
    assert_eq!(
        settled,
        serde_json::json!({
            "erased_people": 0, "lost_people": 0, "refused_imports": 0,
            "revoked_consents": 1, "revoked_keys": 1, "ended_keys": 1
        })
    );
    still_taken_back(&restored, &clients).await;
}
