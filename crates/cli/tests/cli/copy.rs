//! An installation that moves to another database, and back.

use rusqlite::params;
use serde_json::Value;

use crate::backup::hand_over_key;
use crate::support::{
    Client, Finished, Installation, Link, Process, finished, in_the_end, look_again, vinculo,
};
use crate::support::{Multiplied, Receiver};

/// Lines that make a copy last until it can be killed.
const LINES: i64 = 150_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_moves_to_postgres_and_back() {
    let receiver = Receiver::start().await;
    let home = Installation::sqlite();
    home.webhook("sandbox", &receiver.url);
    let (mut server, base) = home.serve().await;
    let client = home.client("sandbox", &base);
    let mut links = Vec::new();
    for person in ["1999000001", "1999000002", "1999000003"] {
        links.push(client.link(person).await);
    }
    receiver.until_told(&links).await;
    let planilla = Multiplied::new(2);
    std::fs::write(home.folder().join("planilla.txt"), &planilla.bytes).expect("a file");
    home.run(&["pila", "import", "planilla.txt", "--environment", "production"]).accepted();
    let before = answers(&client, &links).await;
    let shown = show(&home, &planilla);
    let refused = copy(&home.url(), &home.url().replace("/data", "/other")).refused();
    assert!(refused.contains("stop every server"), "{refused}");
    stop(&mut server).await;

    let away = Installation::postgres();
    hand_over_key(&home, &away);
    let there = copy(&home.url(), &away.url()).json();
    assert!(there["rows"].as_i64().is_some_and(|rows| rows > 100), "{there}");
    let (mut server, base) = served(&away).await;
    assert_eq!(answers(&client.at(&base), &links).await, before);
    assert_eq!(show(&away, &planilla), shown);
    away.run(&["audit", "verify"]).accepted();
    // What is made after the move has ids that nobody had.
    let more = client.at(&base).link("1999000004").await;
    receiver.until_told(std::slice::from_ref(&more)).await;
    links.push(more);
    let before = answers(&client.at(&base), &links).await;
    stop(&mut server).await;

    let back = Installation::sqlite();
    hand_over_key(&home, &back);
    let returned = copied_when_free(&away.url(), &back.url()).await.json();
    assert!(returned["rows"].as_i64() > there["rows"].as_i64());
    let (mut server, base) = back.serve().await;
    assert_eq!(answers(&client.at(&base), &links).await, before);
    assert_eq!(show(&back, &planilla), shown);
    stop(&mut server).await;
    back.run(&["doctor"]).accepted();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_copy_goes_on() {
    let (home, away) = (Installation::sqlite(), Installation::postgres());
    home.key("sandbox");
    let database = rusqlite::Connection::open(home.data_dir().join("vinculo.db")).expect("open");
    let fill = "with recursive lines (n) as (select 1 union all select n + 1 from lines \
         where n < ?1) insert into contributions (workspace_id, subject_id, origin, batch_id, \
         line, payer_index, period, planilla_type, sealed) \
         select 1, n % 9000, 'planilla', n / 1000, n, randomblob(32), 202601, 'E', randomblob(200) \
         from lines";
    database.execute(fill, params![LINES]).expect("filled");
    drop(database);
    a_copy_is_killed_and_goes_on(&home, &away).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_copy_into_files_goes_on() {
    let (away, home) = (Installation::postgres(), Installation::sqlite());
    away.key("sandbox");
    away.sql(&format!(
        "insert into contributions (workspace_id, subject_id, origin, batch_id, line, payer_index, \
         period, planilla_type, sealed) select 1, n % 9000, 'planilla', n / 1000, n, \
         sha256(n::text::bytea), 202601, 'E', decode(repeat(md5(n::text), 12), 'hex') \
         from generate_series(1, {LINES}) n"
    ));
    a_copy_is_killed_and_goes_on(&away, &home).await;
}

/// Lines that are in half a copy; `None` before it has begun.
fn lines_of_half(target: &Installation) -> Option<i64> {
    const MARK: &str = "unfinished_copy";
    let lines = "select count(*) from contributions";
    if target.is_postgres() {
        let marks = "select count(*) from information_schema.tables where table_name = ";
        let begun = target.sql(&format!("{marks}'{MARK}'")) == "1";
        return begun.then(|| target.sql(lines).parse().expect("a number"));
    }
    let file = target.data_dir().join("vinculo.db");
    // From then on whoever reads is in nobody's way.
    std::fs::metadata(file.with_extension("db-wal")).ok().filter(|log| log.len() > 0)?;
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = rusqlite::Connection::open_with_flags(file, flags).ok()?;
    let marked = format!("select 1 from sqlite_schema where name = '{MARK}'");
    database.query_row(&marked, [], |_| Ok(())).ok()?;
    database.query_row(lines, [], |row| row.get(0)).ok()
}

async fn a_copy_is_killed_and_goes_on(from: &Installation, to: &Installation) {
    hand_over_key(from, to);
    let arguments = ["db", "copy", "--json", "--from", &from.url(), "--to", &to.url()];
    let mut process = Process::start(&mut vinculo(from.folder(), arguments));
    in_the_end("a beginning", async {
        while lines_of_half(to).is_none_or(|lines| lines == 0) {
            look_again().await;
        }
    })
    .await;
    process.kill();
    let left = lines_of_half(to).expect("half a copy");
    println!("killed after {left} of {LINES} lines");
    assert!(left < LINES, "the copy was too fast to be killed");
    let refused = in_the_end("the end of the killed copy's sessions", async {
        loop {
            let refused = to.run(&["keys", "list", "--environment", "sandbox"]).refused();
            if !refused.contains("another process") {
                break refused;
            }
            look_again().await;
        }
    });
    let refused = refused.await;
    assert!(refused.contains("half a copy"), "{refused}");

    let finished = copied_when_free(&from.url(), &to.url()).await.json();
    let found = finished["found"].as_i64().expect("a number");
    assert!((left..LINES).contains(&found), "{found} rows were there, of which {left} lines");
    let lines = finished["tables"].as_array().expect("tables").iter();
    let lines = lines.filter(|table| table["table"] == "contributions");
    assert_eq!(lines.map(|table| table["rows"].as_i64()).collect::<Vec<_>>(), [Some(LINES)]);
    opens(to).await;
}

fn copy(from: &str, to: &str) -> Finished {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let arguments = ["db", "copy", "--json", "--from", from, "--to", to];
    finished(&mut vinculo(folder.path(), arguments))
}

/// PostgreSQL notices a little later that a process has ended.
async fn copied_when_free(from: &str, to: &str) -> Finished {
    in_the_end("a free database", async {
        loop {
            let finished = copy(from, to);
            if !finished.stderr.contains("another process") {
                return finished;
            }
            look_again().await;
        }
    })
    .await
}

/// Serves a database that a copy has just let go.
async fn served(installation: &Installation) -> (Process, String) {
    opens(installation).await;
    installation.serve().await
}

async fn opens(installation: &Installation) {
    in_the_end("a free database", async {
        while installation.run(&["keys", "list", "--environment", "sandbox"]).code != Some(0) {
            look_again().await;
        }
    })
    .await;
}

async fn stop(server: &mut Process) {
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));
}

/// What a customer is told about these links.
async fn answers(client: &Client, links: &[Link]) -> Vec<Value> {
    let mut answers = Vec::new();
    for link in links {
        let id = &link.0;
        for path in [
            format!("/api/links/{id}/"),
            format!("/api/co/employments/?link={id}"),
            format!("/api/owners/?link={id}"),
        ] {
            let (status, mut body) = client.get(&path).await;
            assert_eq!(status, 200, "{body}");
            assert_ne!(body["count"], 0, "{path} is empty");
            // Reading a link notes that it was read.
            if let Some(link) = body.as_object_mut() {
                link.remove("last_accessed_at");
            }
            answers.push(body);
        }
    }
    answers
}

fn show(installation: &Installation, planilla: &Multiplied) -> String {
    let of = format!("CC:{}", planilla.documents[1]);
    installation.run(&["pila", "show", "--document", &of, "--environment", "production"]).accepted()
}
