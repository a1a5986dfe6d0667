//! What several benchmarks share.

pub mod faults;
pub mod limits;
pub mod machine;
pub mod pace;
pub mod postgres;
pub mod reading;
pub mod receiver;
pub mod server;
