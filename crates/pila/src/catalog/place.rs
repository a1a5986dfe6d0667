//! Municipalities of DIVIPOLA, by their codes alone: the names are under a share-alike licence.

use std::sync::LazyLock;

use super::table::{Record, Row, Sorted};

/// Digits of the department in the code of a municipality.
const DEPARTMENT: usize = 2;

/// A municipality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Municipality {
    /// Two digits of the department, three of the municipality in it.
    pub code: &'static str,
}

impl Record for Municipality {
    fn read(row: &Row) -> Option<Self> {
        Some(Self { code: row.text("code")? })
    }

    fn code(&self) -> &'static str {
        self.code
    }
}

static MUNICIPALITIES: LazyLock<Sorted<Municipality>> =
    LazyLock::new(|| Sorted::read(include_str!("../../data/catalogs/municipalities.tsv")));

static DEPARTMENTS: LazyLock<Box<[&'static str]>> = LazyLock::new(|| {
    let mut codes: Vec<_> = municipalities().filter_map(|it| it.code.get(..DEPARTMENT)).collect();
    codes.dedup();
    codes.into_boxed_slice()
});

/// The municipality with this five-digit code, if the list has it.
#[must_use]
pub fn municipality(code: &str) -> Option<&'static Municipality> {
    MUNICIPALITIES.get(code)
}

/// Every municipality, by code.
pub fn municipalities() -> impl Iterator<Item = &'static Municipality> {
    MUNICIPALITIES.iter()
}

/// Whether a department with municipalities has this two-digit code.
#[must_use]
pub fn is_department(code: &str) -> bool {
    DEPARTMENTS.binary_search(&code).is_ok()
}
