//! Closures that stand by a queue: run by the lane that wakes it, before anybody else could be woken.

use super::Store;
use crate::engine::lane::{Answer, call};
use crate::error::{Error, Result};
use crate::tx::{Mode, Tx};
use crate::wake::{Hub, Queue};
use std::fmt;

/// A closure that stands by a queue, on the side of whoever left it there. Dropped, it is taken back; what
/// it has taken by then is held until its lease ends.
pub struct Standing<T, E> {
    hub: Hub,
    queue: Queue,
    number: u64,
    answer: Answer<T, E>,
}

impl Store {
    /// Leaves `work` at `queue`, to be run once, as by [`lease`](Self::lease), when something next wakes the
    /// queue: on SQLite by the commit that wakes it, on PostgreSQL right after. It runs in place of waking
    /// [`Wakes`](crate::Wakes) and other processes, so it wakes the queue when it leaves something there;
    /// when it fails, others find that at their next look. Other processes are woken all the same when it is
    /// `narrow`: when it may leave what they would take. `None` while another closure stands there.
    ///
    /// A wake that came before is not seen by it. So: look at `Wakes` first and go on looking at them.
    pub fn lease_when_woken<T, E>(
        &self,
        queue: Queue,
        narrow: bool,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Option<Standing<T, E>>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.stand(queue, (Mode::Lease, narrow), work)
    }

    /// As [`lease_when_woken`](Self::lease_when_woken) for [`lease_once`](Self::lease_once).
    pub fn lease_once_when_woken<T, E>(
        &self,
        queue: Queue,
        narrow: bool,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Option<Standing<T, E>>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.stand(queue, (Mode::LeaseOnce, narrow), work)
    }

    fn stand<T, E>(
        &self,
        queue: Queue,
        mode: (Mode, bool),
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Option<Standing<T, E>>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = call(work);
        let hub = self.inner.hub.clone();
        let number = hub.stand(queue, mode, job)?;
        Some(Standing { hub, queue, number, answer })
    }
}

impl<T, E: From<Error>> Standing<T, E> {
    /// Waits until it was run: its answer, once. Dropping the future loses nothing.
    ///
    /// # Errors
    /// What the closure gives, or why it could not be committed.
    pub async fn answer(&mut self) -> Result<T, E> {
        (&mut self.answer).await.unwrap_or_else(|_| Err(Error::closed().into()))
    }

    /// Takes it back: `None` when it was not run, else its answer.
    pub async fn withdraw(mut self) -> Option<Result<T, E>> {
        if self.hub.withdraw(self.queue, self.number) { None } else { Some(self.answer().await) }
    }
}

impl<T, E> Drop for Standing<T, E> {
    fn drop(&mut self) {
        self.hub.withdraw(self.queue, self.number);
    }
}

impl<T, E> fmt::Debug for Standing<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing").field("queue", &self.queue).finish_non_exhaustive()
    }
}
