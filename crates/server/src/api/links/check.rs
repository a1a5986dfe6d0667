//! Asking the sources about a person before the answer to a request.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;
use vinculo_pila::Document;
use vinculo_sources::Outcome;
use vinculo_store::{AuditAction, Environment, Link, Micros, Purpose, SourceCallId, SubjectId, Tx};
use vinculo_vault::DataKey;

use crate::App;
use crate::api::refusal::{self, Asking};
use crate::audit::Entry;
use crate::auth::Caller;
use crate::clock::after;
use crate::error::ApiError;
use crate::jobs::{Known, Question, answered_from, record_calls};
use crate::once::Turn;
use crate::sandbox::{self, Wish};
use crate::secrets::WorkspaceSecrets;
use crate::sources::{
    self, Asked, Deadlines, Inquiry, SourcePolicy, answers_that_stand, best, kept_answers,
};

/// Which answers about a person stand for new ones.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reuse {
    /// None.
    Nothing,
    /// Those that the terms of their sources let stand.
    ByTerms,
    /// These, and what was answered since a moment: who asks again because one source has not
    /// answered asks the others once.
    Since(Micros),
}

impl Reuse {
    /// Since which moment answers stand, and whether those do that the terms of their sources let stand.
    const fn span(self) -> (Option<Micros>, bool) {
        match self {
            Self::Nothing => (None, false),
            Self::ByTerms => (None, true),
            Self::Since(begun) => (Some(begun), true),
        }
    }
}

/// A person about whom the sources have been asked.
pub(super) struct Checked {
    pub(super) app: App,
    pub(super) caller: Caller,
    pub(super) person: Document,
    /// The consent that the sources were asked under; `None` when the customer attests by contract.
    pub(super) consent: Option<Uuid>,
    asked: Vec<Asked>,
    /// When it began.
    begun: Micros,
    /// Who asks about the person meanwhile waits until what was said is recorded.
    _turn: Option<Turn>,
}

impl Checked {
    /// Asks, by the workspace's `policy`, under a consent or what the customer attests. What is known
    /// is not asked again, as far as `reuse` goes, nor what another request has been told about the person
    /// meanwhile, nor a source that has `told` about the person in a job.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn ask(
        (app, caller): (App, Caller),
        (person, consent): (Document, Option<Uuid>),
        (policy, reuse, told): (SourcePolicy, Reuse, Option<Asked>),
        deadlines: Deadlines,
        wish: &Wish,
    ) -> Result<Arc<Self>, ApiError> {
        let (secrets, begun) = (app.secrets(caller.workspace.id)?, app.now_micros());
        let (turn, span) = turn(&app, &secrets, &person, reuse.span(), deadlines.each).await;
        let mut kept = kept(&app, &secrets, &person, span).await?;
        if let Some(told) = told {
            kept.retain(|kept| kept.source != told.source);
            kept.push(told);
        }
        let inquiry = Inquiry { person: &person, policy, deadlines, kept, wish };
        let asked = sources::ask(&app, &secrets, inquiry).await?;
        Ok(Arc::new(Self { app, caller, person, consent, asked, begun, _turn: turn }))
    }

    /// The error that stands for the outcome; `None` when the person is accepted.
    pub(super) fn refusal(&self, accept_unknown: bool) -> Option<ApiError> {
        match best(&self.asked) {
            None => Some(ApiError::unexpected("no source is configured")),
            Some(Asked { outcome: Outcome::NoData(_), .. }) if accept_unknown => None,
            Some(Asked { outcome, held, .. }) => refusal::of(outcome, *held, Asking::Login),
        }
    }

    /// The answer that stands for all; `None` when no source is configured.
    pub(super) fn best(&self) -> Option<&Asked> {
        best(&self.asked)
    }

    /// A refused person leaves no trace but the record that a question was asked. It is about the person
    /// of the `link` that it was asked for, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn record_refusal(
        self: Arc<Self>,
        link: Option<Link>,
    ) -> Result<(), ApiError> {
        let app = self.app.clone();
        if self.asked.iter().all(|asked| asked.held.is_some() || asked.kept.is_some()) {
            return Ok(());
        }
        app.store()
            .write(move |tx| {
                // The person may have been erased meanwhile, and is known no more.
                let link = match &link {
                    Some(link) if tx.lock_subject(link.subject)? => Some(link),
                    _ => None,
                };
                let key = link.map(|link| self.app.all_secrets().vault().unwrap_key(&link.key));
                let key = key.transpose()?;
                let known = link.zip(key.as_ref());
                let known =
                    known.map(|(link, key)| Known { subject: link.subject, key, keep: false });
                self.write(tx, known)?;
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
        let Self { app, caller, person, consent, asked, .. } = self;
        let secrets = app.secrets(caller.workspace.id)?;
        let (purpose, consent) = (Purpose::Check, *consent);
        let erased = known.is_none() && self.is_erased(tx, &secrets)?;
        let question = Question { person, asked, purpose, consent, erased };
        let calls = record_calls(tx, app, &secrets, question, known)?;
        Ok(answered_from(asked, &calls))
    }

    /// Whether the person was erased since the sources began to be asked.
    fn is_erased(&self, tx: &mut Tx<'_>, secrets: &WorkspaceSecrets) -> Result<bool, ApiError> {
        let Document { kind, number } = &self.person;
        let person = secrets.indexes().erased_person(kind.code(), number);
        let last = tx.erasure(self.caller.workspace.id, &person)?;
        Ok(last.is_some_and(|receipt| receipt.erased_at > self.begun))
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
            self.record_refusal(None).await?;
        }
        done
    }
}

/// The turn of who asks about a person, and which answers stand then. Another request that asks is waited
/// for once, and what it was told stands; when it was told nothing, or for as long as a source may take, all who
/// waited ask at the same time.
/// In the sandbox questions cost nothing, and each may want to end otherwise.
async fn turn(
    app: &App,
    secrets: &WorkspaceSecrets,
    person: &Document,
    (since, by_terms): (Option<Micros>, bool),
    longest: Duration,
) -> (Option<Turn>, (Option<Micros>, bool)) {
    let workspace = secrets.workspace();
    if workspace.environment == Environment::Sandbox {
        return (None, (since, by_terms));
    }
    let index = secrets.indexes().lookup_document(person.kind.code(), &person.number);
    let (begun, end) = (app.now_micros(), after(app.now(), longest));
    if let Some(turn) = app.asking().take(workspace.id, index) {
        return (Some(turn), (since, by_terms));
    }
    tokio::select! {
        turn = app.asking().wait(workspace.id, index) => drop(turn),
        () = app.clock().sleep_until(end) => {}
    }
    (None, (Some(since.map_or(begun, |since| since.min(begun))), by_terms))
}

/// The answers about a person that stand for new ones.
async fn kept(
    app: &App,
    secrets: &Arc<WorkspaceSecrets>,
    person: &Document,
    which: (Option<Micros>, bool),
) -> Result<Vec<Asked>, ApiError> {
    if which == (None, false) {
        return Ok(Vec::new());
    }
    let (reader, of, about) = (app.clone(), Arc::clone(secrets), person.clone());
    let found = app.store().read(move |tx| {
        let index = of.indexes().lookup_document(about.kind.code(), &about.number);
        let stored = answers_that_stand(tx, &reader, &of, &about, which)?;
        // Most of the time there is none, and nobody's key is needed.
        let subject = match stored.is_empty() {
            true => None,
            false => tx.subject(of.workspace().id, &index)?,
        };
        Ok::<_, ApiError>((subject, stored))
    });
    let (subject, stored) = found.await?;
    let vault = app.all_secrets().vault();
    let key = subject.map(|subject| vault.unwrap_key(&subject.key)).transpose()?;
    kept_answers(app, secrets, person, key.as_ref(), stored)
}
