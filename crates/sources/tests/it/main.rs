//! The connectors through their public surface.

mod classification;
mod http;
mod operator;
mod reading;
mod support;
