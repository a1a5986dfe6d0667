//! Rows that are not played here: tests of their own prove them.

use std::fmt;
use std::path::Path;
use std::process::Command;

use super::Verdict;

/// A row, and the test that proves it. Rows `F` are figures that no benchmark reads.
pub struct Elsewhere {
    row: &'static str,
    /// Whose test it is; `None` for one that cargo does not run.
    package: Option<&'static str>,
    /// Where it is, from the root of the repository.
    file: &'static str,
    test: &'static str,
}

/// Cases of those that are random.
const LIVES: &str = "10000";

const CLI: Option<&str> = Some("vinculo-cli");
const SERVER: Option<&str> = Some("vinculo-server");
const STORE: Option<&str> = Some("vinculo-store");
const WEBHOOK: Option<&str> = Some("vinculo-webhook");

const INSTALLATION: &str = "crates/cli/tests/cli/installation.rs";
const CONTROL: &str = "crates/server/tests/it/webhook_control.rs";
const IDEMPOTENCY: &str = "crates/server/tests/it/idempotency.rs";
const MODEL: &str = "crates/store/tests/contract/delivery_model.rs";
const SENDING: &str = "crates/webhook/tests/sending.rs";
const SCHEDULE: &str = "crates/webhook/tests/schedule.rs";
const REGISTRATION: &str = "crates/webhook/tests/registration.rs";
const RESTARTS: &str = "crates/server/tests/it/restarts.rs";
const HARDENING: &str = "crates/server/tests/it/hardening.rs";

/// Rows that nothing plays as they are meant, and no test stands for.
pub const NOT_PLAYED: [&str; 4] = [
    "A11 an older program beside a newer schema: NOT RUN here; by hand, docs/UPGRADING.md",
    "C11 a checked model of leases: NOT RUN",
    "D3 fuzzing: NOT RUN here; fuzz/",
    "D5 wrong keys in parallel: NOT RUN",
];

/// All of them.
pub const ELSEWHERE: &[Elsewhere] = &[
    row(
        "A8 a folder that cannot be written",
        CLI,
        INSTALLATION,
        "a_data_folder_that_cannot_be_written_is_named",
    ),
    row(
        "A8 a folder that is missing",
        CLI,
        INSTALLATION,
        "a_data_folder_that_is_missing_is_made_with_what_it_is_in",
    ),
    row(
        "A8 a file system that is read only",
        CLI,
        INSTALLATION,
        "a_data_folder_on_a_read_only_file_system_is_named_and_left_alone",
    ),
    row(
        "A8 a folder of another owner",
        CLI,
        INSTALLATION,
        "a_data_folder_of_another_owner_is_named_and_left_alone",
    ),
    row(
        "B1 more work for endpoints that hang than there are places; in figures: --bin deliver",
        SERVER,
        "crates/server/tests/it/webhook_load.rs",
        "endpoints_that_hang_keep_no_other_waiting",
    ),
    row(
        "B3 silence before, within and after headers, TLS handshakes that stall",
        WEBHOOK,
        SENDING,
        "silence_at_any_stage_ends_at_the_deadline",
    ),
    row(
        "B3 names whose look-up hangs",
        WEBHOOK,
        SENDING,
        "names_whose_look_up_hangs_take_no_more_than_their_share",
    ),
    row(
        "C1 the published example",
        WEBHOOK,
        "crates/webhook/tests/signature.rs",
        "the_published_example_is_signed_as_published",
    ),
    row(
        "C1 the official libraries",
        None,
        "e2e/test_webhooks.py",
        "test_both_secrets_verify_and_nothing_else_does",
    ),
    row(
        "C2 the schedule, each wait with its jitter",
        WEBHOOK,
        SCHEDULE,
        "every_wait_is_within_a_fifth_of_its_step",
    ),
    row("C2 Retry-After in every form", WEBHOOK, SCHEDULE, "retry_after_is_read_in_every_form"),
    row("C3 every status", WEBHOOK, SENDING, "any_2xx_is_a_delivery_and_nothing_else_is"),
    row("C3 redirects", WEBHOOK, SENDING, "redirects_are_never_followed"),
    row(
        "C3 old, interim and invalid HTTP",
        WEBHOOK,
        SENDING,
        "answers_that_are_not_complete_http_are_failures",
    ),
    row("C3 410", SERVER, CONTROL, "an_endpoint_that_is_gone_is_disabled"),
    row(
        "C4 five days of failures",
        SERVER,
        CONTROL,
        "an_endpoint_that_fails_for_five_days_is_disabled",
    ),
    row("C4 one success", SERVER, CONTROL, "one_success_ends_a_failure"),
    row("C5 replays", SERVER, CONTROL, "replays_keep_id_and_bytes"),
    row(
        "C5 what was missed without a try",
        SERVER,
        CONTROL,
        "what_was_missed_is_sent_whenever_it_is_asked_for",
    ),
    row(
        "C6 an endpoint changed between event and try",
        SERVER,
        CONTROL,
        "an_endpoint_gets_what_it_wants_where_it_is",
    ),
    row("C7 fifty requests with one key", SERVER, IDEMPOTENCY, "fifty_twins_have_one_effect"),
    row("C7 the key after a restart", SERVER, IDEMPOTENCY, "an_answer_survives_a_restart"),
    row(
        "C8 a load whose process died",
        SERVER,
        RESTARTS,
        "a_job_whose_process_died_is_taken_again",
    ),
    row(
        "C9 clock jumps",
        SERVER,
        "crates/server/tests/it/set_clock.rs",
        "what_is_postponed_comes_once_however_the_clock_is_set",
    ),
    row(
        "C10 random commands against a model, SQLite",
        STORE,
        MODEL,
        "deliveries_live_as_in_the_model_on_sqlite",
    ),
    row(
        "C10 random commands against a model, PostgreSQL",
        STORE,
        MODEL,
        "deliveries_live_as_in_the_model_on_postgres",
    ),
    row(
        "D1 refused addresses and odd spellings at creation",
        WEBHOOK,
        REGISTRATION,
        "every_spelling_of_a_refused_address_is_refused_at_registration",
    ),
    row(
        "D1 refused addresses at connect",
        WEBHOOK,
        SENDING,
        "a_name_that_resolves_to_a_private_address_is_refused_whatever_it_said_before",
    ),
    row(
        "D1 proxies of the environment",
        CLI,
        "crates/cli/tests/cli/configuration.rs",
        "webhooks_pass_by_the_proxies_of_the_environment",
    ),
    row("D2 deep bodies", SERVER, HARDENING, "a_deep_body_is_refused_everywhere"),
    row("D2 large bodies", SERVER, HARDENING, "a_large_body_is_refused_everywhere"),
    row(
        "D4 requests made of the document of the API",
        None,
        "e2e/test_schemathesis.py",
        "test_every_answer_is_described",
    ),
    row(
        "D6 ids of another workspace",
        SERVER,
        "crates/server/tests/it/isolation.rs",
        "a_workspace_is_closed_to_the_keys_of_another",
    ),
    row(
        "F 64 KiB of an answer are read",
        WEBHOOK,
        SENDING,
        "once_64_kib_have_come_no_more_is_waited_for",
    ),
    row(
        "F 4 KiB of an answer are kept",
        WEBHOOK,
        SENDING,
        "an_endless_body_is_read_to_the_limit_and_hung_up_on",
    ),
    row(
        "F the end of a delivery's lease",
        SERVER,
        RESTARTS,
        "a_delivery_whose_process_died_is_sent_again_unchanged",
    ),
    row("F the end of a job's lease", SERVER, RESTARTS, "a_job_whose_process_died_is_taken_again"),
    row(
        "F the heartbeat of a delivery",
        SERVER,
        RESTARTS,
        "a_try_that_outlasts_its_lease_is_made_by_nobody_else",
    ),
    row(
        "F the heartbeat of a job",
        SERVER,
        RESTARTS,
        "a_job_that_outlasts_its_lease_is_done_by_nobody_else",
    ),
    row(
        "F leases are fenced by the number of the try",
        STORE,
        "crates/store/tests/contract/deliveries.rs",
        "a_lease_that_ended_is_taken_over_and_its_holder_refused",
    ),
    row("F the ladder of tries", WEBHOOK, SCHEDULE, "the_schedule_is_the_documented_one_and_ends"),
    row("F the jitter of each", WEBHOOK, SCHEDULE, "every_wait_is_within_a_fifth_of_its_step"),
];

const fn row(
    row: &'static str,
    package: Option<&'static str>,
    file: &'static str,
    test: &'static str,
) -> Elsewhere {
    Elsewhere { row, package, file, test }
}

impl Elsewhere {
    /// Whether it belongs to a row such as `C4`.
    #[must_use]
    pub fn is_of(&self, row: &str) -> bool {
        self.row.split(' ').next() == Some(row)
    }

    /// Runs the test, on a private PostgreSQL where it wants one; `None` when cargo does not.
    ///
    /// # Errors
    /// When the repository is not there any more.
    pub fn run(&self) -> anyhow::Result<Option<Verdict>> {
        let Some(package) = self.package else { return Ok(None) };
        let mut command = Command::new(root().join("test"));
        // Which stops no test that takes long, as nextest does.
        command.args(["cargo", "test", "--locked", "-p", package, "--tests", self.test]);
        let output = command.env("PROPTEST_CASES", LIVES).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let summary = said
            .lines()
            .rfind(|line| line.starts_with("test result") && !line.contains(" 0 passed"));
        let told = format!("{}: {}", self.test, summary.unwrap_or("was not run").trim());
        let passed = output.status.success() && summary.is_some();
        Ok(Some(Verdict::counted(self.row, "its test passes", passed, told)))
    }
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: NOT RUN here; {} of {}", self.row, self.test, self.file)
    }
}

/// Where the repository is.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_named_test_is_where_it_is_said_to_be() {
        for one in ELSEWHERE {
            let text = std::fs::read_to_string(root().join(one.file));
            let text = text.unwrap_or_else(|error| panic!("{}: {error}", one.file));
            let word = if one.package.is_some() { "fn" } else { "def" };
            assert!(text.contains(&format!("{word} {}(", one.test)), "{one}");
        }
    }

    #[test]
    fn the_page_of_figures_names_the_tests_that_stand_for_figures() {
        let page = std::fs::read_to_string(root().join("docs/PERFORMANCE.md")).unwrap();
        let (_, part) = page.split_once("## Figures that are tests").unwrap();
        let table = part.lines().skip_while(|line| !line.starts_with('|'));
        let table: Vec<_> = table.take_while(|line| line.starts_with('|')).collect();
        let named: BTreeSet<_> =
            table.iter().flat_map(|row| row.split('`').skip(1).step_by(2)).collect();
        let known: BTreeSet<_> =
            ELSEWHERE.iter().filter(|it| it.is_of("F")).map(|it| it.test).collect();
        assert_eq!(named, known);
    }

    #[test]
    fn the_page_of_figures_names_what_nothing_plays() {
        let page = std::fs::read_to_string(root().join("docs/PERFORMANCE.md")).unwrap();
        let (_, said) = page.split_once("**Faults that nothing plays**").unwrap();
        let said = said.split("\n- **").next().unwrap();
        for row in NOT_PLAYED.iter().filter_map(|row| row.split(' ').next()) {
            assert!(said.contains(&format!("`{row}`")), "{row} is on no page");
        }
    }

    #[test]
    fn every_named_test_is_one_of_its_package() {
        for one in ELSEWHERE {
            let Some(package) = one.package else { continue };
            let folder = package.replacen("vinculo-", "crates/", 1);
            assert!(one.file.starts_with(&format!("{folder}/tests/")), "{one}");
        }
    }
}
