//! Waking those who wait for work, without losing a wake between a look and a wait.

use crate::engine::lane::Job;
use crate::tx::Mode;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// A table somebody waits on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// A job that is about no received file became due or was added.
    Jobs,
    /// The job of a received file did.
    Files,
    /// A delivery became due or was added.
    Deliveries,
}

impl Queue {
    pub(crate) const ALL: [Self; 3] = [Self::Jobs, Self::Files, Self::Deliveries];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Files => "files",
            Self::Deliveries => "deliveries",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.name() == name)
    }

    fn index(self) -> usize {
        match self {
            Self::Jobs => 0,
            Self::Files => 1,
            Self::Deliveries => 2,
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

/// A closure that stands by a queue until that is woken. It is woken in place of all others, in this
/// process and, unless it is narrow, elsewhere.
pub(crate) struct Standing {
    pub(crate) mode: Mode,
    pub(crate) job: Box<dyn Job>,
    /// Whether it may leave something that other processes would take: they are woken too.
    pub(crate) narrow: bool,
    /// Which one it is.
    number: u64,
}

/// One queue as those see it who wake it.
#[derive(Default)]
struct Ringing {
    /// Counts the wakes that no closure stood by for.
    wakes: watch::Sender<u64>,
    standing: Mutex<Stand>,
}

#[derive(Default)]
struct Stand {
    closure: Option<Standing>,
    /// How many stood there so far.
    count: u64,
}

/// The waking end.
#[derive(Clone, Default)]
pub(crate) struct Hub(Arc<[Ringing; 3]>);

impl Hub {
    pub(crate) fn wake(&self, queues: Queues) {
        for queue in queues.iter() {
            self.0[queue.index()].wakes.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    pub(crate) fn wakes(&self) -> Wakes {
        let seen = Queue::ALL.map(|queue| self.0[queue.index()].wakes.subscribe());
        Wakes { seen, _hub: self.clone() }
    }

    /// Lets a closure stand by a queue: its number, or nothing when another one stands there.
    pub(crate) fn stand(
        &self,
        queue: Queue,
        (mode, narrow): (Mode, bool),
        job: Box<dyn Job>,
    ) -> Option<u64> {
        let mut stand = self.standing(queue);
        if stand.closure.is_some() {
            return None;
        }
        stand.count += 1;
        let number = stand.count;
        stand.closure = Some(Standing { mode, job, narrow, number });
        Some(number)
    }

    /// Takes the closure that stands by a queue, to run it in place of waking anybody.
    pub(crate) fn take(&self, queue: Queue) -> Option<Standing> {
        self.standing(queue).closure.take()
    }

    /// Takes a closure back; `false` when somebody has taken it to run it.
    pub(crate) fn withdraw(&self, queue: Queue, number: u64) -> bool {
        let own = |standing: &mut Standing| standing.number == number;
        self.standing(queue).closure.take_if(own).is_some()
    }

    fn standing(&self, queue: Queue) -> MutexGuard<'_, Stand> {
        self.0[queue.index()].standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hub")
    }
}

/// One waiter's view of the queues.
///
/// Every wake after [`Store::wakes`](crate::Store::wakes) made this value, or after the last
/// [`changed`](Self::changed) for that queue, ends the next wait at once. So: take `Wakes`, look
/// for work, wait, look again. Wakes that nobody waited for fall together into one. A wake that a
/// [`Standing`](crate::Standing) closure was run for is seen by nobody else.
#[derive(Clone, Debug)]
pub struct Wakes {
    seen: [watch::Receiver<u64>; 3],
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
