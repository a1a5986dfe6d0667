//! The faults of `bench/faults` in short: the same code, a few rounds each. How long something took is
//! a figure and not looked at here.

use std::path::Path;

use vinculo_bench::faults::{self, Plan, Verdict};
use vinculo_bench::postgres::Postgres;
use vinculo_bench::receiver::Receiver;

use crate::support::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_at_random_moments_loses_nothing() {
    let receiver = receiver().await;
    let verdicts = faults::killed_server(&plan(&receiver, 3)).await;
    assert_met(verdicts, "A1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_workers_one_is_killed_or_paused() {
    let (receiver, database) = (receiver().await, Database::create());
    let plan = plan(&receiver, 2);
    let verdicts = faults::killed_and_paused_workers(&plan, &database.url()).await;
    assert_met(verdicts, "A2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_worker_records_nothing_over_who_took_over() {
    let (receiver, database) = (receiver().await, Database::create());
    let verdicts = faults::stale_worker(&plan(&receiver, 1), &database.url()).await;
    assert_met(verdicts, "A2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_stopped_at_once_and_comes_back_loses_nothing() {
    let (receiver, mut postgres) = (receiver().await, Postgres::start().expect("PostgreSQL"));
    let verdicts = faults::restarts(&plan(&receiver, 1), &mut postgres).await;
    assert_met(verdicts, "A6 PostgreSQL stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_may_not_grow_refuse_and_recover() {
    let receiver = receiver().await;
    assert_met(faults::full_quota(&plan(&receiver, 1)).await, "A7");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_asked_to_stop_under_load_loses_and_repeats_nothing() {
    let receiver = receiver().await;
    assert_met(faults::stopped_server(&plan(&receiver, 2)).await, "A10");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_failure_loses_nothing_that_was_acknowledged() {
    let receiver = receiver().await;
    assert_met(faults::power_failures(&plan(&receiver, 4)).await, "A9");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_beside_bad_ones_get_everything() {
    let receiver = receiver().await;
    let verdicts = faults::bad_endpoints(&plan(&receiver, 1), 2).await;
    assert_eq!(verdicts.expect("every event comes to those that answer").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_are_slow_or_say_too_much_are_hung_up_on() {
    let receiver = receiver().await;
    let verdicts = faults::slow_receivers(&plan(&receiver, 1)).await.expect("the rows are played");
    let kinds: Vec<_> = verdicts.iter().filter(|it| it.row.contains(" receivers ")).collect();
    assert_eq!(kinds.len(), 7);
    assert!(kinds.iter().all(|verdict| verdict.met), "{kinds:#?}");
}

/// What `crates/cli/tests/failpoints.rs` looks for and finds.
#[test]
#[cfg(not(feature = "failpoints"))]
fn the_binary_has_no_failpoints() {
    let binary = std::fs::read(env!("CARGO_BIN_EXE_vinculo")).expect("the binary");
    let name = b"VINCULO_TEST_FAILPOINT_AT";
    assert!(!binary.windows(name.len()).any(|window| window == name));
}

async fn receiver() -> String {
    Receiver::start().await.expect("a port").url
}

fn plan(receiver: &str, rounds: usize) -> Plan<'_> {
    let binary = Some(Path::new(env!("CARGO_BIN_EXE_vinculo")));
    Plan { binary, receiver, rounds, rate: 40, seed: 7 }
}

/// What belongs to a row was reached.
fn assert_met(verdicts: anyhow::Result<Vec<Verdict>>, row: &str) {
    let verdicts = verdicts.expect("the row is played");
    let of_row: Vec<_> = verdicts.iter().filter(|verdict| verdict.row.starts_with(row)).collect();
    assert!(!of_row.is_empty() && of_row.iter().all(|verdict| verdict.met), "{of_row:#?}");
}
