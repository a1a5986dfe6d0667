//! Two roles of PostgreSQL: one makes the schema, the other has the rights that docs/CONFIGURATION.md gives it.

use std::process::Command;

use crate::support::{Installation, Process, Receiver, finished, sample, vinculo};

const DOCUMENT: &str = include_str!("../../../../docs/CONFIGURATION.md");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_can_make_nothing_serves() {
    let (home, receiver) = (Installation::postgres(), Receiver::start().await);
    home.webhook("sandbox", &receiver.url);
    let role = format!("{}_serves", home.sql("select current_database()"));
    let (_, rights) = DOCUMENT.split_once("```sql\n").expect("statements");
    let (rights, _) = rights.split_once("```").expect("their end");
    home.sql(&format!("drop role if exists {role}"));
    home.sql(&rights.replace("vinculo_serves", &role));
    // Of a parameter that is given twice the last one counts.
    let url = format!("{}&user={role}", home.url());
    let command = |arguments: &[&str]| -> Command {
        let mut command = vinculo(home.folder(), arguments.iter().copied());
        command.arg("--data-dir").arg(home.data_dir()).args(["--database-url", &url]);
        command.env("VINCULO_WEBHOOK_ALLOW_PRIVATE", "true");
        command
    };
    let mut serve = command(&["serve", "--listen", "127.0.0.1:0"]);
    let (mut server, base) = Process::start_listening(&mut serve).await;
    let link = home.client("sandbox", &base).link("1999000001").await;
    receiver.until_told(&[link]).await;
    let file = sample("01-nandu-E-2025-10.txt");
    let mut import = command(&["pila", "import", "--environment", "production"]);
    finished(import.arg(file)).accepted();
    finished(&mut command(&["doctor"])).accepted();
    finished(&mut command(&["migrate"])).accepted();
    assert_eq!(
        home.sql(&format!("select count(*) from pg_tables where tableowner = '{role}'")),
        "0"
    );
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));
    home.sql(&format!("drop owned by {role}; drop role {role}"));
}
