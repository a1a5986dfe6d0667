//! The connectors through their public surface.
#![expect(clippy::expect_used, reason = "a helper that fails is a test that fails")]

mod bulk;
mod certificates;
mod classification;
mod conformance;
mod documents;
mod http;
mod operator;
mod projection;
mod reading;
mod report;
mod support;
mod token;
