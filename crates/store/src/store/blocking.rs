//! The same for threads that may block.

use super::Store;
use crate::error::{Error, Result};
use crate::tx::{Mode, Tx};

impl Store {
    /// [`write`](Self::write) for a thread that may block; panics inside an async runtime.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn write_blocking<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.run_blocking(Mode::Write, work)
    }

    /// [`write_blocking`](Self::write_blocking) for a part of something larger that counts only when a later
    /// [`write`](Self::write) says so: answers when the commit can be seen, which may be before it is on
    /// disk. Both databases keep their commits in order, so that later write brings the parts along; a
    /// database that fails before it may come back without the newest of them.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn write_part_blocking<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.run_blocking(Mode::WritePart, work)
    }

    /// [`read`](Self::read) for a thread that may block, which waits however long the answer takes; panics inside
    /// an async runtime.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_blocking<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.run_blocking(Mode::Read, work)
    }

    fn run_blocking<T, E>(
        &self,
        mode: Mode,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let since = self.inner.timer.now();
        let answer = self.submit(mode, work).blocking_recv();
        self.inner.arrived(mode, since, answer)
    }
}
