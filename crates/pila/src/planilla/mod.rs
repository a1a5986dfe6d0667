//! The planilla file: layouts, reading, checks.
