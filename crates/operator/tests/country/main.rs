//! The made-up country: its files are sound, and say what is true of its people.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of a test may fail the test")]

mod files;
mod people;
mod support;
