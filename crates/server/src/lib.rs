//! The vinculo application: router, API, jobs.
