//! Planilla files through the public surface.

mod contributions;
mod display;
mod helpers;
mod layout;
mod properties;
mod samples;
