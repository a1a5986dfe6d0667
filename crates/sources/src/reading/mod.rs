//! What the connectors read with.

pub(crate) mod charset;
pub(crate) mod coded;
pub(crate) mod documents;
pub(crate) mod fields;
pub(crate) mod notes;
pub(crate) mod value;
