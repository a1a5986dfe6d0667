//! The public contract under `/api/`: one folder per resource, one file per operation.

pub(crate) mod body;
pub(crate) mod consents;
pub(crate) mod employments;
pub(crate) mod institutions;
pub(crate) mod links;
pub(crate) mod mode;
pub(crate) mod objects;
pub(crate) mod owners;
pub(crate) mod page;
pub(crate) mod query;
pub(crate) mod refusal;
mod resume;
pub(crate) mod retrieve;
pub(crate) mod root;
mod shape;
pub(crate) mod slices;
pub(crate) mod span;
pub(crate) mod token;
