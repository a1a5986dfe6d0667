//! When keys were last used: collected in memory, written once a minute and at shutdown. No request
//! waits for it or writes for it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use vinculo_store::{ApiKeyId, Micros};

use crate::App;
use crate::clock::after;

/// How often.
const EVERY: Duration = Duration::from_secs(60);

/// The last use of each key that was used since they were last written.
#[derive(Default)]
pub(crate) struct KeyUses(Mutex<HashMap<ApiKeyId, Micros>>);

impl KeyUses {
    /// Notes that a key is being used.
    pub(crate) fn note(&self, key: ApiKeyId, now: Micros) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = uses.entry(key).or_insert(now);
        *last = now.max(*last);
    }

    fn take(&self) -> HashMap<ApiKeyId, Micros> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes what was collected; what cannot be written is kept for the next time.
pub(crate) async fn write(app: &App) {
    let uses = app.key_uses().take();
    if uses.is_empty() {
        return;
    }
    let mut noted: Vec<_> = uses.iter().map(|(key, at)| (*key, *at)).collect();
    // Two processes that write at once lock the rows in one order.
    noted.sort_unstable();
    let written = app
        .store()
        .write(move |tx| noted.into_iter().try_for_each(|(key, at)| tx.note_api_key_use(key, at)));
    if let Err(error) = written.await {
        tracing::warn!(%error, "the last use of keys is not written yet");
        uses.into_iter().for_each(|(key, at)| app.key_uses().note(key, at));
    }
}

/// Writes what is collected, again and again.
pub(crate) async fn keep_writing(app: &App) -> Infallible {
    loop {
        app.clock().sleep_until(after(app.now(), EVERY)).await;
        write(app).await;
    }
}
