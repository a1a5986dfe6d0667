//! Nothing that says who somebody is, and no secret, can be read in what a killed server leaves
//! behind: files, write-ahead log, spooled uploads, dump, log. What looks for it is shown to find
//! the same texts in a copy that was not sealed.

use std::path::{Path, PathBuf};

use regex::bytes::Regex;
use reqwest::Method;

use crate::support::{Client, Gate, Hook, Installation, Link, Process, Receiver, TOKEN, sample};

/// A file with these people, employer and amounts.
const PLANILLA: &str = "01-nandu-E-2025-10.txt";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_can_be_read_in_the_files_of_sqlite() {
    let installation = Installation::sqlite();
    let run = end_to_end(&installation).await;
    let log = installation.data_dir().join("vinculo.db-wal");
    assert!(std::fs::metadata(log).expect("a write-ahead log").len() > 0, "it was killed");
    run.assert_hidden(&files(installation.folder()));

    let copy = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in files(&installation.data_dir()) {
        let place = copy.path().join(name.file_name().expect("a name"));
        std::fs::write(place, bytes).expect("a copy");
    }
    let database = rusqlite::Connection::open(copy.path().join("vinculo.db")).expect("a database");
    for clear in &run.clear {
        let unsealed = "update events set sealed = cast(sealed || ?1 as blob) where id = 1";
        assert_eq!(database.execute(unsealed, [clear]).expect("an event"), 1);
    }
    database.execute_batch("pragma wal_checkpoint(truncate)").expect("a checkpoint");
    drop(database);
    run.assert_shown(&files(copy.path()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_can_be_read_in_a_dump_of_postgres() {
    let installation = Installation::postgres();
    let log = installation.write_ahead_log();
    let run = end_to_end(&installation).await;
    run.assert_hidden(&files(installation.folder()));
    run.assert_hidden(&[("dump".into(), installation.dump())]);
    run.assert_hidden(&log.files());

    // What is not logged does not reach the log that other tests look through.
    installation.sql("alter table events set unlogged");
    for clear in &run.clear {
        let hex: String = clear.iter().map(|byte| format!("{byte:02x}")).collect();
        installation.sql(&format!("update events set sealed = sealed || decode('{hex}', 'hex')"));
    }
    run.assert_shown(&[("dump".into(), installation.dump())]);
}

/// What a run used, and what it said in clear.
struct Run {
    needles: Vec<String>,
    clear: Vec<Vec<u8>>,
}

/// The guide and an import, with webhooks, refusals, and an upload that nobody works off.
async fn end_to_end(installation: &Installation) -> Run {
    let receiver = Receiver::start().await;
    let url = format!("{}?needle-in-the-address", receiver.url);
    for environment in ["sandbox", "production"] {
        installation.webhook(environment, &url);
    }
    let mut command = installation.serve_command();
    let (mut server, base) = Process::start_listening(command.env("VINCULO_LOG", "trace")).await;
    let sandbox = installation.client("sandbox", &base);
    let production = installation.client("production", &base);
    let planilla = std::fs::read(sample(PLANILLA)).expect("a planilla");
    let mut clear = vec![planilla.clone(), url.clone().into(), TOKEN.into()];

    let import = sample(PLANILLA);
    let import = import.to_str().expect("a path");
    installation.run(&["pila", "import", import, "--environment", "production"]).accepted();
    let link = sandbox.link("1999000002").await;
    receiver.until_told(std::slice::from_ref(&link)).await;
    receiver.set(Gate::Hold);
    let referenced = serde_json::json!({
        "institution": "pila_co_employment", "username": "1999000003", "access_mode": "single",
        "external_id": "COHORT_32_User_6790023X5", "fetch_resources": ["EMPLOYMENTS", "OWNERS"],
    });
    let made = sandbox.ask(Method::POST, "/api/links/").json(&referenced).send().await;
    let made = made.expect("an answer");
    assert_eq!(made.status(), 201);
    let made: serde_json::Value = made.json().await.expect("a link");
    let theirs = [Link(made["id"].as_str().expect("an id").to_owned())];
    let theirs = [theirs, [production.link("1900000101").await]].concat();
    assert_eq!(sandbox.post_link("1999000404").await.expect("an answer").status(), 400);
    // What a webhook tells of can be read: without it, nobody's data is among what is looked for.
    receiver.until("held webhooks of everybody", |hooks| held(hooks, &theirs)).await;
    for client in [&sandbox, &production] {
        clear.extend(everything(client).await);
        clear.extend(client.secrets().map(String::into_bytes));
    }
    clear.extend(["1999000404", "unfinished-business.txt"].map(|text| text.as_bytes().to_vec()));
    server.kill();
    let mut serve = installation.command(&["serve", "--listen", "127.0.0.1:0", "--no-worker"]);
    let (mut idle, base) = Process::start_listening(serve.env("VINCULO_LOG", "trace")).await;
    upload(&production.at(&base), &planilla).await;
    idle.kill();
    assert_eq!(
        files(&installation.data_dir().join("spool")).len(),
        2,
        "one file waits, beside what names the spool"
    );

    let secrets = [sandbox.secrets(), production.secrets()].concat();
    let needles = NEEDLES.map(str::to_owned).into_iter().chain(secrets).collect();
    let run = Run { needles, clear };
    let said = server.everything_said() + &idle.everything_said();
    run.assert_hidden(&[("log".into(), said.into_bytes())]);
    run
}

/// Whether both webhooks of every link wait for an answer.
fn held(hooks: &[Hook], links: &[Link]) -> bool {
    let waits = |link: &Link, kind: &str| {
        hooks.iter().any(|h| !h.answered && h.link == *link && h.kind == kind)
    };
    links.iter().all(|link| waits(link, "EMPLOYMENTS") && waits(link, "OWNERS"))
}

/// Documents, names, employers, amounts, references, addresses. Numbers that ciphertext may hold by
/// chance stand with what surrounds them.
const NEEDLES: [&str; 15] = [
    "1999000002",
    "1999000003",
    "1999000404",
    "1900000101",
    "PERSONA",
    "EJEMPLO",
    "ARANDA",
    "INDUSTRIAS",
    "990100217",
    "Sanitas",
    ":1423500",
    "COHORT_32",
    "unfinished-business.txt",
    "needle-in-the-address",
    TOKEN,
];

/// Every object that a client can read, as the wire shows it.
async fn everything(client: &Client) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut paths = vec!["/api/links/".to_owned(), "/manage/v1/imports/".to_owned()];
    for link in client.links().await {
        paths.extend(["co/employments", "owners"].map(|it| format!("/api/{it}/?link={}", link.0)));
    }
    for path in paths {
        let (status, body) = client.get(&path).await;
        assert_eq!(status, 200, "{body}");
        all.push(body.to_string().into_bytes());
    }
    all
}

async fn upload(client: &Client, planilla: &[u8]) {
    // Another file than the one that was imported.
    let changed = [planilla, b"\r\n"].concat();
    let path = "/manage/v1/imports/?name=unfinished-business.txt";
    let sent = client.ask(Method::POST, path).body(changed).send().await;
    assert_eq!(sent.expect("an answer").status(), 202);
}

impl Run {
    fn assert_hidden(&self, places: &[(PathBuf, Vec<u8>)]) {
        assert!(places.iter().any(|(_, bytes)| !bytes.is_empty()), "nothing was looked through");
        let any = shown(&self.needles);
        for (name, bytes) in places {
            let found = any.find(bytes).map(|found| String::from_utf8_lossy(found.as_bytes()));
            assert!(found.is_none(), "{found:?} can be read in {}", name.display());
        }
    }

    fn assert_shown(&self, places: &[(PathBuf, Vec<u8>)]) {
        for needle in &self.needles {
            let text = shown(std::slice::from_ref(needle));
            let found = places.iter().any(|(_, bytes)| text.is_match(bytes));
            assert!(found, "{needle:?} is not found where it stands in clear");
        }
    }
}

/// What finds any of these texts as it is or, as in a dump, in hexadecimal digits.
fn shown(texts: &[String]) -> Regex {
    let hex = |text: &String| text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let both = texts.iter().flat_map(|text| [regex::escape(text), hex(text)]);
    Regex::new(&both.collect::<Vec<_>>().join("|")).expect("a pattern")
}

/// Every file under a folder and what is in it.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            let bytes = std::fs::read(&path).expect("a file");
            all.push((path, bytes));
        }
    }
    all
}
