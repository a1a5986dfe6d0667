//! A connection to PostgreSQL, carried by the thread that asks: no other thread, and no waiting for one.

use super::address::Server;
use crate::error::{Error, Result};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Error as Refusal, Notification, Row};

/// How long taking leave may take of a server that takes nothing in any more.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection that answers where it is asked. To be used by threads that belong to no async runtime.
pub(crate) struct Session {
    /// Gone before the wire is.
    client: Client,
    wire: Wire,
}

/// What requests travel on.
struct Wire {
    runtime: Runtime,
    /// Until the server has closed it.
    link: Option<Box<dyn Messages>>,
    heard: VecDeque<Notification>,
    /// How long an answer is waited for; as long as the connection stands without one.
    patience: Option<Duration>,
}

/// A connection of the driver, whatever its stream is.
pub(crate) trait Messages: Send {
    /// Sends what is to be sent, and answers what the server says of its own accord.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<AsyncMessage, Refusal>>>;
}

impl<S, T> Messages for tokio_postgres::Connection<S, T>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    T: AsyncRead + AsyncWrite + Unpin + Send,
{
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<AsyncMessage, Refusal>>> {
        self.poll_message(cx)
    }
}

impl Session {
    /// Connects; the tables of both schemas are found by their plain names.
    ///
    /// # Errors
    /// See [`Server::connect`].
    pub(crate) fn open(server: &Server) -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::unavailable(format!("no connection: {}", error.kind())))?;
        let (client, link) = runtime.block_on(server.connect())?;
        let wire = Wire { runtime, link: Some(link), heard: VecDeque::new(), patience: None };
        let mut session = Self { client, wire };
        session.batch("set search_path = public, vault")?;
        Ok(session)
    }

    /// From here on, waits no longer than this for an answer: the connection is of no use after that.
    pub(crate) fn give_up_after(&mut self, patience: Duration) {
        self.wire.patience = Some(patience);
    }

    /// Has the driver do something, and waits for its answer.
    ///
    /// # Errors
    /// Those of `work`, and [`Error::Unavailable`] when the connection ends before.
    pub(crate) fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Client) -> Result<T, Refusal>,
    ) -> Result<T> {
        let Self { client, wire } = self;
        let work = work(client);
        let Some(patience) = wire.patience else { return Ok(wire.carry(work)?) };
        // Its timer is the runtime's, where it is polled first.
        let answer = wire.carry(async { Ok(timeout(patience, work).await) })?;
        match answer {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Error::unavailable(format!("no answer within {patience:?}"))),
        }
    }

    /// Runs statements without parameters.
    ///
    /// # Errors
    /// When the server refuses one, or is not there.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<()> {
        self.run(async |client| client.batch_execute(sql).await)
    }

    /// The one row that a statement answers.
    ///
    /// # Errors
    /// When the server refuses it or is not there, or it answers another number of rows.
    pub(crate) fn row(&mut self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Row> {
        self.run(async |client| client.query_one(sql, params).await)
    }

    /// Whether the connection has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The next notification, or nothing after so long.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the connection has ended.
    pub(crate) fn hear(&mut self, wait: Duration) -> Result<Option<Notification>> {
        if self.wire.heard.is_empty() && !self.is_closed() {
            self.wire.listen(wait)?;
        }
        match self.wire.heard.pop_front() {
            None if self.is_closed() => Err(Error::unavailable("the connection has ended")),
            heard => Ok(heard),
        }
    }
}

impl Wire {
    /// Carries requests until they are answered.
    fn carry<T>(&mut self, work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
        let Self { runtime, link, heard, .. } = self;
        let mut work = pin!(work);
        runtime.block_on(poll_fn(|cx| {
            // What it wants to say goes out by the very next look at the link.
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(done);
            }
            if let Err(broken) = look(link, heard, cx) {
                return Poll::Ready(Err(broken));
            }
            work.as_mut().poll(cx)
        }))
    }

    /// Listens until something was heard or the link has ended, no longer than this.
    fn listen(&mut self, wait: Duration) -> Result<(), Refusal> {
        let Self { runtime, link, heard, .. } = self;
        let told = poll_fn(|cx| match look(link, heard, cx) {
            Ok(()) if link.is_some() && heard.is_empty() => Poll::Pending,
            told => Poll::Ready(told),
        });
        runtime.block_on(async { timeout(wait, told).await }).unwrap_or(Ok(()))
    }
}

impl Drop for Wire {
    /// With the client gone, the driver tells the server that this is the end: it has nothing to complain of.
    fn drop(&mut self) {
        let Self { runtime, link, heard, .. } = self;
        let gone = poll_fn(|cx| match look(link, heard, cx) {
            Ok(()) if link.is_some() => Poll::Pending,
            _ => Poll::Ready(()),
        });
        // Of a server that is not there nobody takes leave.
        let _ = runtime.block_on(async { timeout(FAREWELL, gone).await });
    }
}

/// Moves everything that can be moved now.
fn look(
    link: &mut Option<Box<dyn Messages>>,
    heard: &mut VecDeque<Notification>,
    cx: &mut Context<'_>,
) -> Result<(), Refusal> {
    while let Some(open) = link {
        match open.poll(cx) {
            Poll::Ready(Some(Ok(AsyncMessage::Notification(said)))) => heard.push_back(said),
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(Some(Err(broken))) => {
                *link = None;
                return Err(broken);
            }
            Poll::Ready(None) => *link = None,
            Poll::Pending => break,
        }
    }
    Ok(())
}
