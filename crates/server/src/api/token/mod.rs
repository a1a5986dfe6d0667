//! Widget tokens.

mod create;
mod request;

pub(crate) use create::{__path_create, create};
