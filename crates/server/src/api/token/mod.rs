//! Widget tokens.

mod create;
mod request;
mod widget;

pub(crate) use create::{__path_create, create};
