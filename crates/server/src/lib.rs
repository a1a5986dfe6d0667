//! The vinculo application: one table of routes, one file per operation, jobs that do the slow
//! part later.
//!
//! A request crosses three rooms: router → a handler (`api`, `manage`, `dashboard`, `connect`) → the store. Everything a
//! handler or a job may touch hangs off one [`App`]: database, keys, clock, randomness, HTTP
//! clients, configuration.

mod api;
mod app;
mod around;
pub mod audit;
mod auth;
mod client;
pub mod clock;
mod cohorts;
mod complaints;
pub mod config;
mod connect;
pub mod consents;
mod dashboard;
mod deadline;
mod docs;
pub mod erasure;
mod error;
mod filling;
mod health;
mod hex;
mod imports;
pub mod index_rotation;
pub mod installation;
pub mod jobs;
mod keys;
mod limits;
mod manage;
mod masked;
mod metrics;
mod once;
mod openapi;
mod people;
mod permit;
mod pesos;
mod postman;
mod projection;
mod request_id;
mod rest;
pub mod rotation;
mod router;
mod sandbox;
mod scopes;
pub mod secrets;
mod serve;
mod settings;
pub mod sources;
mod spool;
mod spool_id;
mod template;
mod terms;
mod tokens;
pub mod traces;
mod webhooks;

pub use api::span::moment;
pub use app::{App, BuildError, Parts};
pub use cohorts::{CohortStatus, CohortTerms, cohort_results, cohort_status, receive_cohort};
pub use error::ApiError;
pub use hex::hex;
pub use imports::{
    ImportStatus, LARGEST_FILE, ReceiveError, ReceivedFile, import_status, receive_file,
};
pub use keys::{
    IssuedKey, KeyStatus, NetworkError, Networks, Terms, issue_key, issue_key_on, list_keys,
    parse_network, retire_key, revoke_key, rotate_key,
};
pub use manage::subjects::subject_report;
pub use metrics::serve_metrics;
pub use openapi::document as openapi_document;
pub use people::{
    InvitedUser, OrganizationStatus, UserStatus, create_organization, create_user, disable_user,
    list_organizations, list_users, reset_user, set_up_link,
};
pub use pesos::Pesos;
pub use postman::{DEFAULT_BASE, collection as postman_collection};
pub use projection::person_history;
pub use scopes::{Scope, Scopes};
pub use serve::{Tls, TlsError, serve, serve_tls};
pub use spool_id::{SPOOL_ID, spool_id};
pub use webhooks::{
    DeliveryStatus, EndpointChange, EndpointStatus, EventStatus, WantedEndpoint, add_endpoint,
    change_endpoint, delete_endpoint, list_deliveries, list_endpoints, list_events,
    replay_deliveries, replay_delivery, rotate_secret, send_test, show_delivery, show_event,
    unsigned_endpoints,
};
