//! The server ends wherever something becomes durable or is told: row A5 of `bench/faults`. Needs a
//! binary with the feature `failpoints`, so it is not among the other tests of the binary.

use std::path::Path;

use vinculo_bench::faults::{self, Plan};
use vinculo_bench::receiver::Receiver;

#[test]
fn the_binary_has_failpoints() {
    let binary = std::fs::read(env!("CARGO_BIN_EXE_vinculo")).expect("the binary");
    let name = b"VINCULO_TEST_FAILPOINT_AT";
    assert!(binary.windows(name.len()).any(|window| window == name));
}

/// On SQLite, where the next server goes on at once. On PostgreSQL each end is followed by the rest of a lease,
/// minutes in all: `bench/faults` plays that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_at_any_point_loses_nothing() {
    let receiver = Receiver::start().await.expect("a port").url;
    let binary = Some(Path::new(env!("CARGO_BIN_EXE_vinculo")));
    let plan = Plan { binary, receiver: &receiver, rounds: 0, rate: 1, seed: 0 };
    let verdicts = faults::every_point(&plan, None).await.expect("the row is played");
    assert!(verdicts.iter().all(|verdict| verdict.kept), "{verdicts:#?}");
}
