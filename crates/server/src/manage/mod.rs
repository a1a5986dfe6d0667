//! The management API under `/manage/v1/`: what the dashboard of the withdrawn service did, and what
//! only vinculo has. The same keys open it; it is no part of the public contract.

pub(crate) mod audit;
pub(crate) mod cohorts;
pub(crate) mod consents;
pub(crate) mod deliveries;
pub(crate) mod egress;
pub(crate) mod events;
pub(crate) mod imports;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod provenance;
pub(crate) mod retention;
pub(crate) mod sandbox;
pub(crate) mod settings;
pub(crate) mod source_calls;
pub(crate) mod sources;
pub(crate) mod subjects;
pub(crate) mod usage;
pub(crate) mod webhook_endpoints;
