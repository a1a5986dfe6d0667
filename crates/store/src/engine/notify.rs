//! Wakes between processes on PostgreSQL.
//!
//! Notifications are sent by a thread of their own after the commit they tell of. A `notify`
//! inside the transaction would make all such commits queue for one lock across the server, and
//! undo PostgreSQL's group commit. A crash in between loses a wake, not work: workers also poll.

use super::address::Server;
use super::lane::spawn;
use super::postgres::{UNSYNCED, hold};
use super::session::Session;
use crate::error::Result;
use crate::wake::{Hub, PendingQueues, Queue, Queues};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, after, bounded};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const LISTEN: &str = "listen vinculo";
/// How often the listener looks whether the store was closed.
const LOOK_UP: Duration = Duration::from_millis(250);
/// Between two times that others are told something: each wakes a process of the server for every other process of
/// the installation, and a busy one would say the same after every commit.
const BREATH: Duration = Duration::from_millis(5);
/// Between two tries to reach the server.
const AGAIN: Duration = Duration::from_secs(1);

/// The sending end that every lane holds; the threads end when the last one is gone.
#[derive(Clone)]
pub(crate) struct Notifier {
    pending: Arc<PendingQueues>,
    signal: Sender<()>,
}

impl Notifier {
    /// Has the other processes told; never blocks, and what is already pending is told once.
    pub(crate) fn tell(&self, queues: Queues) {
        if !queues.is_empty() {
            self.pending.add(queues);
            // A full channel means that the thread will look anyway.
            let _ = self.signal.try_send(());
        }
    }
}

/// Starts the thread that tells other processes and the one that listens to them on `ear`; from
/// here on nothing they say is missed. The ear also holds the lock of those who use the database.
pub(crate) fn start(
    mut ear: Session,
    server: &Server,
    hub: &Hub,
    exclusive: bool,
) -> Result<(Notifier, Vec<JoinHandle<()>>)> {
    ear.batch(LISTEN)?;
    let (signal, signals) = bounded(1);
    let (alive, ended) = bounded(0);
    let pending = Arc::new(PendingQueues::default());
    let own = Arc::new(AtomicI32::new(0));
    let speaker = Speaker {
        server: server.clone(),
        pending: pending.clone(),
        own: own.clone(),
        _alive: alive,
    };
    let listener = Listener { server: server.clone(), hub: hub.clone(), own, ended, exclusive };
    let threads = vec![
        spawn("store-notify", move || speaker.run(&signals))?,
        spawn("store-listen", move || listener.run(ear))?,
    ];
    Ok((Notifier { pending, signal }, threads))
}

struct Speaker {
    server: Server,
    pending: Arc<PendingQueues>,
    /// The server's number for this thread's connection, by which the listener knows our own voice.
    own: Arc<AtomicI32>,
    _alive: Sender<Infallible>,
}

impl Speaker {
    fn run(&self, signals: &Receiver<()>) {
        let mut client = None;
        while signals.recv().is_ok() {
            let queues = self.pending.take();
            if let Err(error) = self.tell(&mut client, queues) {
                tracing::warn!(%error, "other processes were not woken");
                client = None;
            }
            // What comes meanwhile is told once.
            let _ = after(BREATH).recv();
        }
    }

    fn tell(&self, slot: &mut Option<Session>, queues: Queues) -> Result<()> {
        let mut client = match slot.take() {
            Some(client) if !client.is_closed() => client,
            _ => {
                let mut client = Session::open(&self.server)?;
                // A notification is a commit: one that is lost with its server is a wake, not work.
                client.batch(UNSYNCED)?;
                let own = client.row("select pg_backend_pid()", &[])?.get(0);
                self.own.store(own, Ordering::Release);
                client
            }
        };
        for queue in queues.iter() {
            client.batch(&format!("notify vinculo, '{}'", queue.name()))?;
        }
        *slot = Some(client);
        Ok(())
    }
}

struct Listener {
    server: Server,
    hub: Hub,
    own: Arc<AtomicI32>,
    ended: Receiver<Infallible>,
    exclusive: bool,
}

impl Listener {
    fn run(&self, ear: Session) {
        let mut ear = Some(ear);
        while !self.is_over(Duration::ZERO) {
            let outcome = match ear.take() {
                Some(ear) => self.listen(ear),
                None => self.listen_again(),
            };
            if let Err(error) = outcome {
                tracing::warn!(%error, "not listening to other processes; connecting again");
                if self.is_over(AGAIN) {
                    return;
                }
            }
        }
    }

    fn listen_again(&self) -> Result<()> {
        let mut ear = Session::open(&self.server)?;
        hold(&mut ear, self.exclusive)?;
        ear.batch(LISTEN)?;
        // Whatever was said while nobody listened.
        self.hub.wake(Queues::all());
        self.listen(ear)
    }

    /// Passes on what other processes say until the connection or the store ends.
    fn listen(&self, mut ear: Session) -> Result<()> {
        while !self.is_over(Duration::ZERO) {
            while let Some(notification) = ear.hear(LOOK_UP)? {
                let own = notification.process_id() == self.own.load(Ordering::Acquire);
                if let Some(queue) = Queue::named(notification.payload())
                    && !own
                {
                    self.hub.wake(Queues::of(queue));
                }
            }
        }
        Ok(())
    }

    fn is_over(&self, wait: Duration) -> bool {
        matches!(self.ended.recv_timeout(wait), Err(RecvTimeoutError::Disconnected))
    }
}
