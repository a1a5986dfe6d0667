//! Who runs the jobs of an installation on SQLite, and who uses it at all.

use crate::error::{Error, Result};
use crate::migrate::{io_error, private_file};
use std::fs::{File, TryLockError};
use std::path::Path;

/// The right to run jobs; given back when dropped or when the process ends, however it ends.
#[derive(Debug)]
pub struct RunnerLock {
    /// `None` on PostgreSQL, where any number of processes may run jobs.
    file: Option<File>,
}

impl RunnerLock {
    /// The exclusive lock on `runner.lock` in a data folder; `None` while another holds it.
    pub(crate) fn take(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join("runner.lock");
        let file = private_file(&path).map_err(|error| io_error(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(io_error(&path, &error)),
        }
    }

    /// A lock where none is needed.
    pub(crate) fn shared() -> Self {
        Self { file: None }
    }

    /// Whether nobody else can run jobs on the same database while this is held.
    #[must_use]
    pub const fn is_exclusive(&self) -> bool {
        self.file.is_some()
    }
}

/// What somebody gets who may not open a database now.
pub(crate) fn in_use(exclusive: bool) -> Error {
    Error::unavailable(match exclusive {
        true => "another process uses it; stop every server and command first",
        false => "another process has it for itself until it is done",
    })
}

/// The lock on `use.lock` in a data folder: shared by all who have the database open, or of one who
/// has it alone. Given back when dropped or when the process ends, however it ends.
pub(crate) fn use_files(dir: &Path, exclusive: bool) -> Result<File> {
    let path = dir.join("use.lock");
    let file = private_file(&path).map_err(|error| io_error(&path, &error))?;
    let taken = if exclusive { file.try_lock() } else { file.try_lock_shared() };
    match taken {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(in_use(exclusive)),
        Err(TryLockError::Error(error)) => Err(io_error(&path, &error)),
    }
}
