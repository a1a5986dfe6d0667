//! Requests with one key, or about one person, take turns inside this process, so that twins arriving
//! together ask a paid source once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use vinculo_store::WorkspaceId;
use vinculo_vault::BlindIndex;

type Key = (WorkspaceId, BlindIndex);
type Queues = Mutex<HashMap<Key, Arc<AsyncMutex<()>>>>;

/// A queue per key that is in use; a key nobody waits for takes no memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Queues>);

/// The turn of one request: the next with its key waits until this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _held: OwnedMutexGuard<()>,
    // Leaves after the turn has ended.
    _place: Place,
}

/// A place in the queue of a key, given up also by who stops waiting.
#[derive(Debug)]
struct Place {
    queues: Arc<Queues>,
    key: Key,
    queue: Option<Arc<AsyncMutex<()>>>,
}

impl Turns {
    /// The turn, where no other request with this key of this workspace is being served or waits.
    pub(crate) fn take(&self, workspace: WorkspaceId, key: BlindIndex) -> Option<Turn> {
        let (place, queue) = self.place(workspace, key);
        Some(Turn { _held: queue.try_lock_owned().ok()?, _place: place })
    }

    /// Waits until no other request with this key of this workspace is being served.
    pub(crate) async fn wait(&self, workspace: WorkspaceId, key: BlindIndex) -> Turn {
        let (place, queue) = self.place(workspace, key);
        Turn { _held: queue.lock_owned().await, _place: place }
    }

    fn place(&self, workspace: WorkspaceId, key: BlindIndex) -> (Place, Arc<AsyncMutex<()>>) {
        let key = (workspace, key);
        let queue = Arc::clone(locked(&self.0).entry(key).or_default());
        let place = Place { queues: Arc::clone(&self.0), key, queue: Some(Arc::clone(&queue)) };
        (place, queue)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queues = locked(&self.queues);
        self.queue = None;
        if queues.get(&self.key).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.key);
        }
    }
}

fn locked(queues: &Queues) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<AsyncMutex<()>>>> {
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> BlindIndex {
        BlindIndex::from_bytes(&[n; 32]).unwrap()
    }

    /// Lets a future go as far as it can.
    async fn is_ready(future: &mut (impl Future<Output = Turn> + Unpin)) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_ready())
        })
        .await
    }

    #[tokio::test]
    async fn one_key_is_served_at_a_time_and_leaves_nothing() {
        let turns = Turns::default();
        let here = WorkspaceId(1);
        let first = turns.wait(here, key(1)).await;
        let mut second = Box::pin(turns.wait(here, key(1)));
        assert!(!is_ready(&mut second).await);
        assert!(turns.take(here, key(1)).is_none());
        let other_key = turns.take(here, key(2)).expect("nobody has it");
        let other_workspace = turns.wait(WorkspaceId(2), key(1)).await;
        drop((first, other_key, other_workspace));
        drop(second.await);
        assert!(locked(&turns.0).is_empty());
    }

    #[tokio::test]
    async fn who_stops_waiting_is_forgotten() {
        let turns = Turns::default();
        let here = WorkspaceId(1);
        let first = turns.wait(here, key(1)).await;
        let mut given_up = Box::pin(turns.wait(here, key(1)));
        assert!(!is_ready(&mut given_up).await);
        drop(first);
        drop(given_up);
        assert!(locked(&turns.0).is_empty());
    }
}
