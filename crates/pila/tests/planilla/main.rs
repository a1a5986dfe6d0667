//! Planilla files through the public surface.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod contributions;
mod display;
mod helpers;
mod layout;
mod properties;
mod rules;
mod samples;
mod writer;
