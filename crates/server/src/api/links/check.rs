//! Asking the sources about a person before the answer to a request.

use vinculo_pila::Document;
use vinculo_sources::Outcome;
use vinculo_store::{Purpose, SourceCallId, SubjectId, Tx};
use vinculo_vault::DataKey;

use crate::App;
use crate::api::refusal::{self, Asking};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::jobs::record_calls;
use crate::sources::{self, Asked, best};

/// A person about whom the sources have been asked.
pub(super) struct Checked {
    pub(super) app: App,
    pub(super) caller: Caller,
    pub(super) person: Document,
    asked: Vec<Asked>,
}

impl Checked {
    /// Asks.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn ask(app: App, caller: Caller, person: Document) -> Result<Self, ApiError> {
        let secrets = app.secrets(caller.workspace.id)?;
        let asked = sources::ask(&app, &secrets, &person, app.config().check_timeout).await?;
        Ok(Self { app, caller, person, asked })
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
    pub(super) async fn record_refusal(self) -> Result<(), ApiError> {
        let Self { app, caller, person, asked } = self;
        let secrets = app.secrets(caller.workspace.id)?;
        let writer = app.clone();
        app.store()
            .write(move |tx| {
                record_calls(tx, &writer, &secrets, &person, &asked, Purpose::Check, None)
                    .map(|_| ())
            })
            .await
    }

    /// Records the questions about a person the workspace knows. The answer is kept for the load
    /// that follows.
    pub(super) fn record(
        &self,
        tx: &mut Tx<'_>,
        subject: SubjectId,
        key: &DataKey,
    ) -> Result<Option<SourceCallId>, ApiError> {
        let Self { app, caller, person, asked } = self;
        let secrets = app.secrets(caller.workspace.id)?;
        let owner = Some((subject, key));
        record_calls(tx, app, &secrets, person, asked, Purpose::Check, owner)
    }
}
