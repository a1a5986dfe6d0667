//! A cohort whose server is killed with signal 9 goes on where it was: every row becomes one link.

use vinculo_store::{CohortId, Store};

use crate::support::{Installation, Receiver, in_the_end, look_again};

/// Rows of the file, each about another person of the sandbox's country.
const ROWS: usize = 400;
/// Rows that have a link before each kill. Of the last one more than half are left: it has to come before they are made.
const KILLS: [usize; 3] = [1, 60, 150];
/// The only cohort of the installation.
const COHORT: CohortId = CohortId(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    goes_on(&Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    goes_on(&Installation::postgres()).await;
}

async fn goes_on(installation: &Installation) {
    let receiver = Receiver::start().await;
    installation.webhook("sandbox", &receiver.url);
    let people: String = (0..ROWS).map(|n| format!("{}\n", 1_995_000_000 + n)).collect();
    let file = installation.folder().join("people.csv");
    std::fs::write(file, format!("document\n{people}")).expect("a file");
    let sandbox = ["--environment", "sandbox"];
    let create = ["cohorts", "create", "people.csv", "--json", "--set", "webhooks=end"];
    let made = installation.run(&[&create[..], &sandbox].concat()).json();
    assert_eq!(made["total"], ROWS);
    let id = made["id"].as_str().expect("an id").to_owned();

    let store = installation.store();
    for links in KILLS {
        let (mut server, _) = installation.serve().await;
        in_the_end("links", async {
            while made_of(&store).await < links {
                look_again().await;
            }
        })
        .await;
        server.kill();
        let left = installation.run(&[&["cohorts", "show", &id][..], &sandbox].concat()).json();
        assert_eq!(left["state"], "running", "it went on too fast to be killed: {left}");
    }

    let (mut server, base) = installation.serve().await;
    let client = installation.client("sandbox", &base);
    receiver.until("the end of the cohort", |hooks| !hooks.is_empty()).await;
    let (_, cohort) = client.get(&format!("/manage/v1/cohorts/{id}/")).await;
    let of = |name: &str| cohort[name].as_i64().expect("a number");
    assert_eq!(of("ok") + of("no_data"), ROWS as i64, "{cohort}");
    let (_, links) = client.get("/api/links/?page_size=1").await;
    assert_eq!(links["count"], cohort["ok"], "every row made one link at most");

    let results = installation.run(&[&["cohorts", "results", &id][..], &sandbox].concat());
    let results = results.accepted();
    let lines: Vec<_> = results.lines().skip(1).map(|line| line.split(',').next()).collect();
    let expected: Vec<_> = (2..ROWS + 2).map(|line| line.to_string()).collect();
    assert_eq!(lines, expected.iter().map(|line| Some(line.as_str())).collect::<Vec<_>>());
    server.terminate();
    assert!(server.ended().await.success());
    let told: Vec<_> = receiver.hooks().into_iter().map(|hook| hook.kind).collect();
    assert_eq!(told, ["COHORT"], "told once, and nothing else");
}

/// Rows that have a link.
async fn made_of(store: &Store) -> usize {
    let results = store.read(|tx| tx.cohort_results(COHORT, 0, ROWS as i64)).await;
    let results = results.expect("the database answers");
    results.iter().filter(|result| result.link.is_some()).count()
}
