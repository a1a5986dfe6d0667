//! The faults of `bench/faults` in short: the same code, a few rounds each. How long something took is
//! a figure and not looked at here (`Verdict::kept`).

use std::path::Path;
use std::time::Duration;

use vinculo_bench::faults::{self, Plan, SlowClients, Verdict};
use vinculo_bench::postgres::Postgres;
use vinculo_bench::receiver::Receiver;

use crate::support::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_at_random_moments_loses_nothing() {
    let receiver = receiver().await;
    assert_kept(faults::killed_server(&plan(&receiver, 3)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_workers_one_is_killed_or_paused() {
    let (receiver, database) = (receiver().await, Database::create());
    let plan = plan(&receiver, 2);
    assert_kept(faults::killed_and_paused_workers(&plan, &database.url()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_worker_records_nothing_over_who_took_over() {
    let (receiver, database) = (receiver().await, Database::create());
    assert_kept(faults::stale_worker(&plan(&receiver, 1), &database.url()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_stopped_at_once_and_comes_back_loses_nothing() {
    let (receiver, mut postgres) = (receiver().await, Postgres::start().expect("PostgreSQL"));
    assert_kept(faults::restarts(&plan(&receiver, 1), &mut postgres).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_ends_every_session_loses_nothing() {
    // Twice within a second: what is lost twice within minutes waits for minutes.
    let (receiver, mut postgres) = (receiver().await, Postgres::start().expect("PostgreSQL"));
    assert_kept(faults::terminated_sessions(&plan(&receiver, 2), &mut postgres).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_sessions_of_others_take_nothing_away() {
    let (receiver, mut postgres) = (receiver().await, Postgres::start().expect("PostgreSQL"));
    let plan = Plan { rate: 10, ..plan(&receiver, 1) };
    assert_kept(faults::idle_sessions(&plan, &mut postgres, 2).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_may_not_grow_refuse_and_recover() {
    let receiver = receiver().await;
    assert_kept(faults::full_quota(&plan(&receiver, 1)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starts_on_what_is_taken_or_no_folder_change_nothing() {
    let receiver = receiver().await;
    assert_kept(faults::refused_starts(&plan(&receiver, 1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_asked_to_stop_under_load_loses_and_repeats_nothing() {
    let receiver = receiver().await;
    assert_kept(faults::stopped_server(&plan(&receiver, 2)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_failure_loses_nothing_that_was_acknowledged() {
    let receiver = receiver().await;
    assert_kept(faults::power_failures(&plan(&receiver, 4)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_beside_bad_ones_get_everything_and_wait_for_none_of_them() {
    let receiver = receiver().await;
    assert_kept(faults::bad_endpoints(&plan(&receiver, 1), 2).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_are_slow_or_say_too_much_are_hung_up_on() {
    let receiver = receiver().await;
    let verdicts = assert_kept(faults::slow_receivers(&plan(&receiver, 1)).await);
    assert_eq!(verdicts.iter().filter(|it| it.row.contains(" receivers ")).count(), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn little_work_is_done_before_much_work_of_others() {
    let receiver = receiver().await;
    assert_kept(faults::long_queue_beside(&plan(&receiver, 1), 3_000).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_links_than_can_be_made_are_refused_politely_and_the_others_told_of() {
    let receiver = receiver().await;
    assert_kept(faults::overloaded(&plan(&receiver, 1), 60, Duration::from_secs(3)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_links_than_may_wait_are_refused_politely_and_the_others_told_of() {
    let receiver = receiver().await;
    assert_kept(faults::nobody_at_work(&plan(&receiver, 1), 560).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_due_at_once_comes_a_few_at_a_time() {
    let receiver = receiver().await;
    assert_kept(faults::returning_receiver(&plan(&receiver, 1), 150, 400).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_send_in_drops_are_hung_up_on_and_others_answered() {
    let receiver = receiver().await;
    let span = Duration::from_secs(1);
    let slow = SlowClients { of_each: 20, deaf: 0, span, to_the_end: false };
    assert_kept(faults::slow_clients(&plan(&receiver, 1), slow).await);
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

/// All that was promised was kept, in every verdict there is.
fn assert_kept(verdicts: anyhow::Result<Vec<Verdict>>) -> Vec<Verdict> {
    let verdicts = verdicts.expect("the row is played");
    assert!(!verdicts.is_empty() && verdicts.iter().all(|verdict| verdict.kept), "{verdicts:#?}");
    verdicts
}
