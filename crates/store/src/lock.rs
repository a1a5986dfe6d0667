//! Who runs the jobs of an installation on SQLite.

use crate::error::Result;
use crate::migrate::io_error;
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
        let open = File::options().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(|error| io_error(&path, &error))?;
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
