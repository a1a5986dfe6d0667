//! The tables, one file each. Every method is one named operation on a [`Tx`](crate::Tx).

mod about;
mod acceptance;
mod api_keys;
mod attempts;
mod audit_actions;
mod audit_chains;
mod audit_entries;
mod backlog;
mod cancelling;
mod cohort_rows;
mod cohorts;
mod connect_sessions;
mod consent_receipts;
mod consents;
mod contributions;
mod data_keys;
mod deliveries;
mod delivery_log;
mod endpoints;
mod erasures;
mod events;
mod few_objects;
mod ids;
mod imports;
mod index_keys;
mod installation;
mod job_turns;
mod jobs;
mod kept_answers;
mod lifecycle;
mod links;
mod loads;
mod lost_imports;
mod missed;
mod narrowed;
mod objects;
mod oldest;
mod overdue_links;
mod page;
mod payers;
mod replays;
mod retention;
#[cfg(test)]
mod retention_walks;
mod revocations;
mod sandboxes;
mod second_factors;
mod sessions;
mod settings;
mod source_calls;
mod source_jobs;
mod spent_loads;
mod statistics;
mod subjects;
mod unneeded_lines;
mod users;
mod widget_tokens;

pub use about::{DeliveryAbout, EventAbout, LoadAbout};
pub use acceptance::UnplacedLine;
pub use api_keys::{ApiKey, KeyTerms, ListedKey, NewApiKey};
pub use attempts::AttemptRecord;
pub use audit_actions::AuditAction;
pub use audit_chains::{AuditBlock, AuditHead, Digest, OpenEntries};
pub use audit_entries::{ActorKind, AuditEntry, AuditFilter, NewAuditEntry};
pub use backlog::{Backlog, DatabaseServer, EndpointCounts, FailingJobs, OverdueJobs, ReadOnly};
pub use cohort_rows::{CohortResult, CohortRow, CohortRowState, NewCohortRow, RowEnd};
pub use cohorts::{Cohort, CohortCounts, CohortState, CohortWork, NewCohort};
pub use connect_sessions::{ConnectSession, ConnectState, NewConnectSession};
pub use consent_receipts::ConsentReceipt;
pub use consents::{
    Allowed, Consent, ConsentFilter, ConsentMethod, ConsentStatus, ConsentTerms, NewConsent,
};
pub use contributions::{Batch, NewContribution, Origin, StoredContribution};
pub use data_keys::{KeyCount, KeyOwner, StoredKey};
pub use deliveries::{ClaimedDelivery, DeliveryState, DueDelivery};
pub use delivery_log::{Delivery, DeliveryFilter, StoredAttempt};
pub use endpoints::{DisabledReason, Endpoint, Failing, NewEndpoint};
pub use erasures::{Erased, Erasure, NOBODY, NewErasure, Unopened};
pub use events::{Event, EventFilter, NewEvent, Recipients};
pub use ids::{
    ApiKeyId, CohortId, DeliveryId, EndpointId, EventId, ImportId, JobId, LinkId, LoadId,
    OrganizationId, SourceCallId, SourceJobId, SubjectId, UserId, WorkspaceId,
};
pub use imports::{Import, ImportKind, ImportState, NewImport, PlanillaIdentity, Verdict};
pub use index_keys::{IndexColumn, IndexVersion};
pub use installation::{Environment, Organization, Workspace};
pub use jobs::{ClaimedJob, Job};
pub use kept_answers::{KeptAnswer, NewKeptAnswer, Seal};
pub use lifecycle::{Due, DueFor, DueLink, LinkSettings};
pub use links::{AccessMode, Link, LinkFilter, LinkStatus, NewLink};
pub use loads::{Load, LoadCourse, LoadState, NewLoad, Trigger};
pub use lost_imports::OpenImport;
pub use missed::MissedReplay;
pub use objects::{
    KeptObject, NewObject, ObjectFilter, ObjectPosition, Resource, SealedObject, TracedObject,
};
pub use overdue_links::OverdueLinks;
pub use page::{Page, PageRequest, TimeSpan};
pub use payers::NewPayer;
pub use replays::{ReplayPage, ReplayPlace};
pub use retention::{Old, RetentionRule, RetentionTotal};
pub use revocations::{ClosedKeys, LostRevocation};
pub use sandboxes::Sandbox;
pub use second_factors::SecondFactor;
pub use sessions::Session;
pub use source_calls::{CallKind, NewSourceCall, Purpose, SourceCall, StoredPayload, Usage};
pub use source_jobs::{LeftRow, NewSourceJob, SourceJob, SourceJobSight};
pub use subjects::Subject;
pub use users::{NewUser, User, UserRole};
pub use widget_tokens::UsedToken;

/// Microseconds since 1970-01-01T00:00:00Z.
pub type Micros = i64;
