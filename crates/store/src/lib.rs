//! The only crate that knows SQL: one text for SQLite and PostgreSQL.
