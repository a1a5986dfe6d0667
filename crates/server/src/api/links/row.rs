//! Making a link while nobody waits, of one person among many: the same fields, checks, terms and
//! transaction as those of a request.

use std::sync::Arc;

use tracing::Instrument as _;
use uuid::Uuid;
use vinculo_pila::Document;
use vinculo_sources::Outcome;
use vinculo_store::{LoadId, Micros, Purpose, Tx};

use super::check::{Checked, Reuse};
use super::registration::{Admission, Registration};
use super::wanted::Wanted;
use crate::api::body::JsonObject;
use crate::api::refusal::{self, Asking};
use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem};
use crate::jobs::{Question, record_calls};
use crate::sandbox::Wish;
use crate::secrets::WorkspaceSecrets;
use crate::sources::{Asked, Deadlines, HeldBack, SourcePolicy};
use crate::{App, traces};

/// Of what a link is to be made.
pub(crate) struct Row {
    /// The fields of a registration.
    pub(crate) fields: JsonObject,
    /// Whether the customer is not told when the link is filled.
    pub(crate) quiet: bool,
    /// Since when a source that has answered about the person is not asked again.
    pub(crate) asked_since: Micros,
    /// What a job of a source has told about the person.
    pub(crate) told: Option<Asked>,
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

/// Whom the fields of a registration are about, under which consent, and by which rule they are asked
/// about; `None` when no link may be made of them.
///
/// # Errors
/// When the database fails.
pub(crate) fn prospect(
    tx: &mut Tx<'_>,
    app: &App,
    secrets: &WorkspaceSecrets,
    fields: &JsonObject,
) -> Result<Option<Prospect>, ApiError> {
    let read = Wanted::parse(fields)
        .and_then(|wanted| Admission::read(tx, secrets, &wanted, None, app.now_micros()));
    match read {
        Ok(Admission { terms, person, consent }) => {
            Ok(Some(Prospect { person, consent, policy: terms.source_policy }))
        }
        Err(error) if error.is_refusal() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who would be asked about.
pub(crate) struct Prospect {
    pub(crate) person: Document,
    pub(crate) consent: Option<Uuid>,
    pub(crate) policy: SourcePolicy,
}

/// Records what a job has told about a person when nothing is made of it.
///
/// # Errors
/// When the database fails.
pub(crate) fn record(
    tx: &mut Tx<'_>,
    (app, secrets): (&App, &WorkspaceSecrets),
    (person, consent): (&Document, Option<Uuid>),
    told: Asked,
) -> Result<(), ApiError> {
    told.tell(app);
    let (asked, purpose, erased) = (&[told], Purpose::Check, false);
    record_calls(tx, app, secrets, Question { person, asked, purpose, consent, erased }, None)?;
    Ok(())
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
        let request_id = app.uuid().map_err(ApiError::unexpected)?;
        let work = self.try_register(app, caller, request_id, then);
        match work.instrument(traces::beginning(request_id, "row of a cohort")).await {
            Err(error) if error.is_refusal() => refused(error, false),
            done => done,
        }
    }

    async fn try_register(
        self,
        app: &App,
        caller: Caller,
        request_id: Uuid,
        then: impl FnOnce(&mut Tx<'_>, MadeLink) -> Result<(), ApiError> + Send + 'static,
    ) -> Result<Answered, ApiError> {
        let Self { fields, quiet, asked_since, told } = self;
        let wanted = Wanted::parse(&fields)?;
        let (secrets, now) = (app.secrets(caller.workspace.id)?, app.now_micros());
        let of = Arc::clone(&secrets);
        let admission = app.store().read(move |tx| {
            Ok::<_, ApiError>((Admission::read(tx, &of, &wanted, None, now), wanted))
        });
        let (admission, wanted) = admission.await?;
        let Admission { terms, person, consent } = match (admission, told.as_ref()) {
            // It may have been paid for.
            (Err(error), Some(told)) if error.is_refusal() => {
                let (app, told, person) = (app.clone(), told.clone(), wanted.person()?);
                let write = app.store().clone();
                write.write(move |tx| record(tx, (&app, &secrets), (&person, None), told)).await?;
                return Err(error);
            }
            (admission, _) => admission?,
        };
        let external_id = wanted.reference(&person);
        let asking = (terms.source_policy, Reuse::Since(asked_since), told);
        let deadlines = Deadlines::background(app.config());
        let (who, wish) = ((app.clone(), caller), Wish::default());
        let checked = Checked::ask(who, (person, consent), asking, deadlines, &wish).await?;
        if let Some(refusal) = checked.refusal(terms.accept_unknown) {
            Arc::clone(&checked).record_refusal(None).await?;
            return unmade(&checked, refusal);
        }
        let (_, offered) = app.all_secrets().vault().new_data_key()?;
        let found = checked.best().is_some_and(|best| matches!(best.outcome, Outcome::Resolved(_)));
        let registration = Registration {
            checked: Arc::clone(&checked),
            given: None,
            terms,
            external_id,
            uuid: app.uuid().map_err(ApiError::unexpected)?,
            request_id,
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

/// What the caller of a request would have read of sources that do not say.
///
/// # Errors
/// When they do.
pub(crate) fn unanswered(outcome: &Outcome) -> Result<ErrorItem, ApiError> {
    let refusal = refusal::of(outcome, None, Asking::Login);
    first(refusal.ok_or_else(|| ApiError::unexpected("an answer is no refusal"))?)
}

fn first(error: ApiError) -> Result<ErrorItem, ApiError> {
    let first = error.into_items().into_iter().next();
    first.ok_or_else(|| ApiError::unexpected("a refusal without an error"))
}
