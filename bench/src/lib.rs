//! What several benchmarks share.

pub mod server;
