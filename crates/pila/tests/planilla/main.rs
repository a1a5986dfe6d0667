//! Planilla files through the public surface.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod borders;
mod changes;
mod contributions;
mod display;
mod document;
mod helpers;
mod layout;
mod mutations;
mod options;
mod properties;
mod rules;
mod samples;
mod stream;
mod traps;
mod whole_files;
mod writer;
