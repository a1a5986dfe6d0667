//! Tries that delivered are written down together: whatever is answered while one commit is on its
//! way to the disk shares the next. A try that failed is recorded alone, because it may disable its
//! endpoint.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use vinculo_store::{ClaimedDelivery, DeliveryState, EndpointId, Error, Micros, Tx};

use super::deliver::Tried;
use crate::App;
use crate::webhooks::health;

/// Tries in one transaction.
const MOST: usize = 64;

/// Takes what was delivered. Its task ends with the last of these.
#[derive(Debug, Clone)]
pub(super) struct Recorder(mpsc::Sender<Delivered>);

/// A delivery that was answered with a 2xx, and who waits for it to be on disk.
#[derive(Debug)]
struct Delivered {
    done: Done,
    reply: oneshot::Sender<Result<(), Error>>,
}

#[derive(Debug)]
struct Done {
    claim: ClaimedDelivery,
    endpoint: EndpointId,
    tried: Tried,
}

impl Recorder {
    /// Starts the task that writes.
    pub(super) fn start(app: App) -> Self {
        let (sender, delivered) = mpsc::channel(MOST);
        tokio::spawn(write_all(app, delivered));
        Self(sender)
    }

    /// Records a try that delivered, and the end of its delivery: returns when both are on disk, or
    /// another worker has taken the delivery over and its record stands.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn record(
        &self,
        claim: ClaimedDelivery,
        endpoint: EndpointId,
        tried: Tried,
    ) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        let done = Done { claim, endpoint, tried };
        if self.0.send(Delivered { done, reply }).await.is_err() {
            return Err(Error::Panicked);
        }
        answer.await.unwrap_or(Err(Error::Panicked))
    }
}

async fn write_all(app: App, mut delivered: mpsc::Receiver<Delivered>) {
    let mut batch = Vec::with_capacity(MOST);
    while delivered.recv_many(&mut batch, MOST).await > 0 {
        let (done, replies): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|one| (one.done, one.reply)).unzip();
        let done = Arc::new(done);
        let fate = write(&app, &done, 0..done.len()).await;
        let apart = matches!(&fate, Err(error) if !is_down(error)) && done.len() > 1;
        for (n, reply) in replies.into_iter().enumerate() {
            // One that cannot be written keeps no other from it.
            let fate = if apart { write(&app, &done, n..n + 1).await } else { fate.clone() };
            // Who does not wait any more needs no answer; the record stands.
            let _ = reply.send(fate);
        }
    }
}

/// Whether nothing can be written at all.
fn is_down(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_) | Error::Full(_))
}

async fn write(
    app: &App,
    done: &Arc<Vec<Done>>,
    range: std::ops::Range<usize>,
) -> Result<(), Error> {
    let (done, now) = (Arc::clone(done), app.now_micros());
    app.store().write(move |tx| record(tx, done.get(range).unwrap_or_default(), now)).await
}

fn record(tx: &mut Tx<'_>, done: &[Done], now: Micros) -> Result<(), Error> {
    health::note_works(tx, done.iter().map(|one| one.endpoint))?;
    let records = done
        .iter()
        .map(|Done { claim, tried, .. }| tried.as_record(*claim, DeliveryState::Delivered, now));
    tx.record_attempts(&records.collect::<Vec<_>>(), now)?;
    Ok(())
}
