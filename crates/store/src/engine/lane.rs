//! A closure on its way to a connection and its answer on the way back.

use super::waiting::{Waiting, Work};
use crate::error::{Error, Result};
use crate::stats::Busy;
use crate::tx::{Mode, Tx};
use crate::wake::Queues;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

/// A closure with the place where its answer goes, its types forgotten.
pub(crate) trait Job: Send {
    /// Runs the closure once and keeps its result.
    fn run(&mut self, tx: Tx<'_>) -> Outcome;

    /// Sends the result, or the error of the commit when the closure succeeded and that did not.
    fn answer(self: Box<Self>, fate: Result<()>);
}

/// What the closure's changes deserve.
pub(crate) enum Outcome {
    /// Commit them, then wake these.
    Keep(Queues),
    /// Undo them; the error is there when a statement failed.
    Undo(Option<Error>),
}

/// The caller's end of a [`Job`].
pub(crate) type Answer<T, E> = oneshot::Receiver<Result<T, E>>;

struct Call<F, T, E> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Job for Call<F, T, E>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, mut tx: Tx<'_>) -> Outcome {
        let Some(work) = self.work.take() else {
            return Outcome::Undo(None);
        };
        let result = catch_unwind(AssertUnwindSafe(|| work(&mut tx)));
        let (result, outcome) = match (result, tx.finish()) {
            (Err(_), _) => (Err(Error::Panicked.into()), Outcome::Undo(None)),
            (Ok(Ok(value)), Ok(wakes)) => (Ok(value), Outcome::Keep(wakes)),
            (Ok(Ok(_)), Err(error)) => (Err(error.clone().into()), Outcome::Undo(Some(error))),
            (Ok(Err(refusal)), finish) => (Err(refusal), Outcome::Undo(finish.err())),
        };
        self.result = Some(result);
        outcome
    }

    fn answer(self: Box<Self>, fate: Result<()>) {
        let result = match (self.result, fate) {
            (Some(Ok(_)) | None, Err(error)) => Err(error.into()),
            (None, Ok(())) => Err(Error::closed().into()),
            (Some(result), _) => result,
        };
        // A caller that went away does not want its answer; its changes stand.
        let _ = self.reply.send(result);
    }
}

/// A closure with the place where its answer will be.
pub(crate) fn call<F, T, E>(work: F) -> (Box<dyn Job>, Answer<T, E>)
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Call { work: Some(work), result: None, reply }), answer)
}

/// Starts a named thread of the store.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| Error::unavailable(format!("no thread {name}: {error}")))
}

/// Runs `body` on a thread of its own and waits: PostgreSQL's driver refuses to block a thread
/// that belongs to an async runtime.
pub(crate) fn apart<T: Send>(body: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let outcome = thread::scope(|scope| scope.spawn(body).join());
    outcome.unwrap_or(Err(Error::Panicked))
}

/// Runs closures one at a time until no more can come.
pub(crate) fn serve(waiting: &Waiting, busy: &Busy, mut run: impl FnMut(Mode, Box<dyn Job>)) {
    while let Some(Work { mode, job, .. }) = waiting.take() {
        let _working = busy.begin();
        run(mode, job);
    }
}
