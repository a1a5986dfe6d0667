//! From contributions to employments and owner, through the public surface.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of a test may fail the test")]

mod ach;
mod golden;
mod operators;
mod planillas;
mod properties;
mod support;
mod traces;
