//! The connectors through their public surface.
#![expect(clippy::expect_used, reason = "a helper that fails is a test that fails")]

mod classification;
mod http;
mod operator;
mod projection;
mod reading;
mod roads;
mod support;
