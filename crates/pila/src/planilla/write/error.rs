//! Why a record cannot be written. No message shows what was to be written.

use std::io;

use crate::planilla::layout::Field;

/// A value that its field cannot hold. The value itself, which may be a name or a document, is not
/// part of the error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{record} field {number} {name}: {problem}")]
pub struct FieldError {
    /// Name of the record: `header`, `detail` or `payer`.
    pub record: &'static str,
    /// Number of the field in the regulation's table.
    pub number: u16,
    /// Short English name of the field.
    pub name: &'static str,
    /// What is wrong.
    pub problem: FieldProblem,
}

impl FieldError {
    pub(super) const fn new(record: &'static str, field: &Field, problem: FieldProblem) -> Self {
        Self { record, number: field.number, name: field.name_en, problem }
    }
}

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// More characters or digits than the field has.
    #[error("{length} characters do not fit in {width}")]
    Length {
        /// Characters of the value.
        length: usize,
        /// Characters of the field.
        width: usize,
    },
    /// A character that cp1252 does not have, or a control character.
    #[error("character {position} cannot stand in a planilla")]
    Character {
        /// Position of the character in the value, from 1.
        position: usize,
    },
    /// Text with other characters than digits for a numeric field.
    #[error("a numeric field takes digits only")]
    Digits,
    /// A number below zero.
    #[error("a negative number has no form in a planilla")]
    Negative,
    /// A rate that is not below 1, or has more decimals than the field.
    #[error("a rate below 1 with at most {decimals} decimals is expected")]
    Rate {
        /// Decimals of the field.
        decimals: usize,
    },
    /// A field that the shorter form of the record does not have.
    #[error("a record of {length} characters does not have it")]
    Absent {
        /// Characters of the record.
        length: usize,
    },
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A computed value does not fit: more than 99,999 lines or workers, or a payroll of more than
    /// twelve digits.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The destination failed.
    #[error("writing a planilla: {0}")]
    Io(#[from] io::Error),
}
