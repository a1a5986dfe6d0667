//! Making a link while nobody waits, of one person among many: the same fields, checks, terms and
//! transaction as those of a request.

use std::sync::Arc;

use uuid::Uuid;
use vinculo_pila::Document;
use vinculo_sources::Outcome;
use vinculo_store::{LoadId, Micros, Tx};

use super::check::{Checked, Reuse};
use super::registration::{Admission, Registration};
use super::wanted::Wanted;
use crate::App;
use crate::api::body::JsonObject;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem};
use crate::sandbox::Wish;
use crate::sources::{Deadlines, HeldBack};

/// Of what a link is to be made.
pub(crate) struct Row {
    /// The fields of a registration.
    pub(crate) fields: JsonObject,
    /// Whether the customer is not told when the link is filled.
    pub(crate) quiet: bool,
    /// Since when a source that has answered about the person is not asked again.
    pub(crate) asked_since: Micros,
}

/// A link that was made, inside its transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MadeLink {
    /// Public id.
    pub(crate) link: Uuid,
    /// What fills it; `None` when nothing does.
    pub(crate) load: Option<LoadId>,
    /// Whether a source has data about the person.
    pub(crate) found: bool,
}

/// What came of it.
pub(crate) enum Answered {
    /// A link.
    Made,
    /// No link, and asking again would not help.
    Refused {
        /// What the caller of a request would have read.
        error: ErrorItem,
        /// Whether it is that no source knows the person.
        no_data: bool,
    },
    /// The sources did not say.
    Unanswered {
        /// What the caller of a request would have read.
        error: ErrorItem,
        /// What stands for the answer.
        outcome: Outcome,
        /// Why nobody was asked.
        held: Option<HeldBack>,
    },
}

/// The fields of a registration, without those that say whom it is about.
///
/// # Errors
/// 400 with every field that is wrong.
pub(crate) fn check_terms(fields: &JsonObject) -> Result<(), ApiError> {
    Wanted::parse(fields).map(|_| ())
}

/// Whom the fields of a registration are about; `None` when they are wrong.
pub(crate) fn person_of(fields: &JsonObject) -> Option<Document> {
    Wanted::parse(fields).and_then(|wanted| wanted.person()).ok()
}

impl Row {
    /// Asks the sources and makes the link; `then` is told of it in its transaction, and undoes it
    /// with an error.
    ///
    /// # Errors
    /// When the database fails, or what `then` gives that is no refusal.
    pub(crate) async fn register(
        self,
        app: &App,
        caller: Caller,
        then: impl FnOnce(&mut Tx<'_>, MadeLink) -> Result<(), ApiError> + Send + 'static,
    ) -> Result<Answered, ApiError> {
        match self.try_register(app, caller, then).await {
            Err(error) if error.is_refusal() => refused(error, false),
            done => done,
        }
    }

    async fn try_register(
        self,
        app: &App,
        caller: Caller,
        then: impl FnOnce(&mut Tx<'_>, MadeLink) -> Result<(), ApiError> + Send + 'static,
    ) -> Result<Answered, ApiError> {
        let Self { fields, quiet, asked_since } = self;
        let wanted = Wanted::parse(&fields)?;
        let secrets = app.secrets(caller.workspace.id)?;
        let now = app.now_micros();
        let admission = app.store().read(move |tx| {
            Admission::read(tx, &secrets, &wanted, None, now).map(|admission| (admission, wanted))
        });
        let (Admission { terms, person, consent }, wanted) = admission.await?;
        let external_id = wanted.reference(&person);
        let asking = (terms.source_policy, Reuse::Since(asked_since));
        let deadlines = Deadlines::background(app.config());
        let (who, wish) = ((app.clone(), caller), Wish::default());
        let checked = Checked::ask(who, (person, consent), asking, deadlines, &wish).await?;
        if let Some(refusal) = checked.refusal(terms.accept_unknown) {
            Arc::clone(&checked).record_refusal().await?;
            return unmade(&checked, refusal);
        }
        let (_, offered) = app.all_secrets().vault().new_data_key()?;
        let found = checked.best().is_some_and(|best| matches!(best.outcome, Outcome::Resolved(_)));
        let new_id = || app.uuid().map_err(ApiError::unexpected);
        let registration = Registration {
            checked: Arc::clone(&checked),
            given: None,
            terms,
            external_id,
            uuid: new_id()?,
            request_id: new_id()?,
            quiet,
            offered,
        };
        let made = checked.commit(move |tx| {
            let made = registration.write(tx)?;
            then(tx, MadeLink { link: registration.uuid, load: made.load, found })
        });
        made.await?;
        Ok(Answered::Made)
    }
}

/// What the sources said, when that makes no link.
fn unmade(checked: &Checked, refusal: ApiError) -> Result<Answered, ApiError> {
    let Some(best) = checked.best() else { return Err(refusal) };
    match &best.outcome {
        Outcome::NoData(_) => refused(refusal, true),
        Outcome::InvalidInput(_) => refused(refusal, false),
        outcome => Ok(Answered::Unanswered {
            error: first(refusal)?,
            outcome: outcome.clone(),
            held: best.held,
        }),
    }
}

fn refused(error: ApiError, no_data: bool) -> Result<Answered, ApiError> {
    Ok(Answered::Refused { error: first(error)?, no_data })
}

fn first(error: ApiError) -> Result<ErrorItem, ApiError> {
    let first = error.into_items().into_iter().next();
    first.ok_or_else(|| ApiError::unexpected("a refusal without an error"))
}
