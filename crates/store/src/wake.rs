//! Waking those who wait for work, without losing a wake between a look and a wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::sync::watch;

/// A table somebody waits on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// A job became due or was added.
    Jobs,
    /// A delivery became due or was added.
    Deliveries,
}

impl Queue {
    pub(crate) const ALL: [Self; 2] = [Self::Jobs, Self::Deliveries];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Deliveries => "deliveries",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.name() == name)
    }

    fn index(self) -> usize {
        match self {
            Self::Jobs => 0,
            Self::Deliveries => 1,
        }
    }
}

/// A set of queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queues(u8);

impl Queues {
    pub(crate) fn of(queue: Queue) -> Self {
        Self(1 << queue.index())
    }

    pub(crate) fn all() -> Self {
        Queue::ALL.into_iter().fold(Self::default(), |mut all, queue| {
            all.add(queue);
            all
        })
    }

    pub(crate) fn add(&mut self, queue: Queue) {
        self.join(Self::of(queue));
    }

    pub(crate) fn join(&mut self, others: Self) {
        self.0 |= others.0;
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Queue> {
        Queue::ALL.into_iter().filter(move |queue| self.0 & Self::of(*queue).0 != 0)
    }
}

/// Queues that wait to be told to other processes; adding never blocks.
#[derive(Debug, Default)]
pub(crate) struct PendingQueues(AtomicU8);

impl PendingQueues {
    pub(crate) fn add(&self, queues: Queues) {
        self.0.fetch_or(queues.0, Ordering::AcqRel);
    }

    pub(crate) fn take(&self) -> Queues {
        Queues(self.0.swap(0, Ordering::AcqRel))
    }
}

/// The waking end: one counter a queue.
#[derive(Clone, Debug)]
pub(crate) struct Hub(Arc<[watch::Sender<u64>; 2]>);

impl Hub {
    pub(crate) fn new() -> Self {
        Self(Arc::new([watch::Sender::new(0), watch::Sender::new(0)]))
    }

    pub(crate) fn wake(&self, queues: Queues) {
        for queue in queues.iter() {
            self.0[queue.index()].send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    pub(crate) fn wakes(&self) -> Wakes {
        let seen = [self.0[0].subscribe(), self.0[1].subscribe()];
        Wakes { seen, _hub: self.clone() }
    }
}

/// One waiter's view of the queues.
///
/// Every wake after [`Store::wakes`](crate::Store::wakes) made this value, or after the last
/// [`changed`](Self::changed) for that queue, ends the next wait at once. So: take `Wakes`, look
/// for work, wait, look again. Wakes that nobody waited for fall together into one.
#[derive(Clone, Debug)]
pub struct Wakes {
    seen: [watch::Receiver<u64>; 2],
    /// Keeps the senders, so that a closed store is a long wait instead of a busy loop.
    _hub: Hub,
}

impl Wakes {
    /// Waits until `queue` was woken since the last wait for it. Never ends on its own once the
    /// store is closed. Dropping the future loses nothing.
    pub async fn changed(&mut self, queue: Queue) {
        if self.seen[queue.index()].changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
