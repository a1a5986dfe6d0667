//! Asking the sources about a person before the answer to a request.

use std::sync::Arc;

use uuid::Uuid;
use vinculo_pila::Document;
use vinculo_sources::Outcome;
use vinculo_store::{AuditAction, Purpose, SourceCallId, SubjectId, Tx};
use vinculo_vault::DataKey;

use crate::App;
use crate::api::refusal::{self, Asking};
use crate::audit::Entry;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::jobs::{Known, Question, record_calls};
use crate::sandbox::{self, Wish};
use crate::sources::{self, Asked, best};

/// A person about whom the sources have been asked.
pub(super) struct Checked {
    pub(super) app: App,
    pub(super) caller: Caller,
    pub(super) person: Document,
    /// The consent that the sources were asked under; `None` when the customer attests by contract.
    pub(super) consent: Option<Uuid>,
    asked: Vec<Asked>,
}

impl Checked {
    /// Asks, under a consent or what the customer attests.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn ask(
        app: App,
        caller: Caller,
        person: Document,
        consent: Option<Uuid>,
        wish: &Wish,
    ) -> Result<Arc<Self>, ApiError> {
        let secrets = app.secrets(caller.workspace.id)?;
        let budget = app.config().check_timeout;
        let asked = sources::ask(&app, &secrets, &person, budget, wish).await?;
        Ok(Arc::new(Self { app, caller, person, consent, asked }))
    }

    /// The error that stands for the outcome; `None` when the person is accepted.
    pub(super) fn refusal(&self, accept_unknown: bool) -> Option<ApiError> {
        match best(&self.asked) {
            None => Some(ApiError::unexpected("no source is configured")),
            Some(Asked { outcome: Outcome::NoData(_), .. }) if accept_unknown => None,
            Some(Asked { outcome, .. }) => refusal::of(outcome, Asking::Login),
        }
    }

    /// A refused person leaves no trace but the record that a question was asked.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn record_refusal(self: Arc<Self>) -> Result<(), ApiError> {
        let app = self.app.clone();
        app.store()
            .write(move |tx| {
                self.write(tx, None)?;
                self.caller.trail.note(tx, &self.app, Entry::of(AuditAction::LinkRefused))
            })
            .await
    }

    /// Records the questions about a person the workspace knows. With `keep` the answer is kept for
    /// the load that follows.
    pub(super) fn record(
        &self,
        tx: &mut Tx<'_>,
        subject: SubjectId,
        key: &DataKey,
        keep: bool,
    ) -> Result<Option<SourceCallId>, ApiError> {
        // An answer from before the calendar was moved is of no use to the load.
        let ahead = sandbox::months_ahead(tx, &self.caller.workspace)?;
        let keep = keep && self.asked.iter().all(|asked| asked.months_ahead == ahead);
        self.write(tx, Some(Known { subject, key, keep }))
    }

    fn write(
        &self,
        tx: &mut Tx<'_>,
        known: Option<Known<'_>>,
    ) -> Result<Option<SourceCallId>, ApiError> {
        let Self { app, caller, person, consent, asked } = self;
        let secrets = app.secrets(caller.workspace.id)?;
        let (purpose, consent) = (Purpose::Check, *consent);
        let question = Question { person, asked, purpose, consent };
        record_calls(tx, app, &secrets, question, known)
    }

    /// Runs the transaction that follows a question. The question is recorded also when it fails:
    /// it may have been paid for.
    ///
    /// # Errors
    /// What `work` gives.
    pub(super) async fn commit<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let done = self.app.store().write(work).await;
        if done.is_err() {
            self.record_refusal().await?;
        }
        done
    }
}
