//! What happens after the answer: jobs and deliveries, worked off by the [`runner`].
//!
//! A job row holds its kind and the id of one row. The worker reads fresh state, does the slow
//! part outside any transaction, and writes everything it learned in one. Running a job twice
//! changes nothing: the second run finds the load finished, or the import accepted.

mod announce;
mod bulk;
mod bulk_result;
mod calls;
mod changes;
mod claim;
mod clean_up;
mod deliver;
mod failure;
mod import_file;
mod import_lines;
mod in_flight;
mod learned;
mod opening;
mod permits;
mod planilla_place;
mod project_again;
mod retrieval;
pub mod runner;
mod schedule;
mod search;
mod set_clock;
mod sync_link;
mod unneeded_lines;
mod work_cohorts;

pub(crate) use announce::{Announcement, Webhook, body_context, emit_own};
pub(crate) use calls::{Known, Question, answered_from, record_calls};
pub use clean_up::{Removed, RuleStatus, places, remove_old, retention_report};
pub(crate) use deliver::excerpt_row;
pub(crate) use learned::Learned;
pub(crate) use retrieval::{Attempt, Retrieval};
pub use runner::Runner;
pub(crate) use unneeded_lines::LINES;
